"""Instances of RDS are servers: clients find them, are kept out, and see what becomes of them."""

from __future__ import annotations

import os
import signal
import ssl
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pymysql
import pytest
from kc.mysql import snapshot
from kc.mysql.restore import work
from kc.sql.report import Report, outcome

from lab.behaviours.rds.record import Record, Records
from lab.podman import podman
from tests.world.mysql import PASSWORD, USER, Instance
from tests.world.platform import HOME, OTHER, Platform, Until

pytestmark = [pytest.mark.world, pytest.mark.xdist_group("world")]


def record(instance: Instance) -> Record:
    """Return what the lab knows of an instance's server."""
    records = Records(instance.world.home / "world").all()
    return next(each for each in records if (each.region, each.name) == (instance.region, instance.name))


def rows(instance: Instance) -> list[int]:
    return [each["id"] for each in instance.ask("SELECT id FROM app.t ORDER BY id")]


@pytest.fixture(scope="module")
def instances(platform: Platform, until: Until) -> Iterator[dict[str, Instance]]:
    """A source at home with a table, and its replica in the other region."""
    platform.world.run("images", "mysql")
    source, replica = Instance(platform, until, "main"), Instance(platform, until, "main", OTHER)
    for one in (source, replica):
        one.rds.create_db_parameter_group(DBParameterGroupName="own", DBParameterGroupFamily="mysql8.4", Description="own")
        settings = {"require_secure_transport": "1", "time_zone": "UTC", "long_query_time": "2"}
        parameters = [{"ParameterName": name, "ParameterValue": value, "ApplyMethod": "immediate"} for name, value in settings.items()]
        one.rds.modify_db_parameter_group(DBParameterGroupName="own", Parameters=parameters)
    about = {"DBInstanceClass": "db.t4g.small", "DBParameterGroupName": "own"}
    made = source.rds.create_db_instance(
        **source.placed,
        **about,
        Engine="mysql",
        EngineVersion="8.4.7",
        AllocatedStorage=20,
        MasterUsername=USER,
        MasterUserPassword=PASSWORD,
        BackupRetentionPeriod=7,
        DBName="app",
    )["DBInstance"]
    assert made["DBInstanceStatus"] == "creating" and not made.get("Endpoint")
    source.available()
    source.ask("CREATE TABLE app.t (id INT PRIMARY KEY)")
    replica.rds.create_db_instance_read_replica(**replica.placed, **about, SourceDBInstanceIdentifier=source.about["DBInstanceArn"])
    replica.available()
    yield {HOME: source, OTHER: replica}


@pytest.fixture
def source(instances: dict[str, Instance]) -> Instance:
    instances[HOME].available()
    return instances[HOME]


@pytest.fixture
def replica(instances: dict[str, Instance]) -> Instance:
    instances[OTHER].available()
    return instances[OTHER]


def test_its_name_leads_to_it_and_it_proves_who_it_is(source: Instance, tmp_path: Any) -> None:
    assert source.ask("SHOW STATUS LIKE 'Ssl_version'")[0]["Value"] == "TLSv1.3"
    assert source.ask("SHOW DATABASES LIKE 'app'")
    other = tmp_path / "other.pem"
    other.write_text("".join(Path("/etc/ssl/certs/ca-certificates.crt").read_text().partition("-----END CERTIFICATE-----\n")[:2]))
    with pytest.raises((pymysql.MySQLError, ssl.SSLError)):
        source.connect(ca=str(other))
    assert source.refusal("SELECT 1", plain=True) == 3159
    with pytest.raises(OSError):
        source.connect(namespace="kc-user")


def test_its_master_user_is_no_super_user(source: Instance) -> None:
    for statement in ("SET GLOBAL max_connections = 5", "SET GLOBAL read_only = 0", "STOP REPLICA", "SET sql_log_bin = 0"):
        assert source.refusal(statement) == 1227
    assert source.refusal("CALL mysql.rds_run('SET GLOBAL max_connections = 5')")
    assert source.ask("SELECT @@max_connections AS most")[0]["most"] > 5
    source.ask("CALL mysql.rds_set_configuration('binlog retention hours', 24)")
    assert {each["name"]: each["value"] for each in source.ask("CALL mysql.rds_show_configuration")}["binlog retention hours"] == "24"


def test_a_replica_in_the_other_region_replicates_over_verified_tls(source: Instance, replica: Instance, until: Until) -> None:
    source.ask("INSERT INTO app.t VALUES (1)")
    until(lambda: rows(replica) == [1])
    status = replica.ask("SHOW REPLICA STATUS")[0]
    assert (status["Source_Host"], status["Auto_Position"], status["Replica_SQL_Running"]) == (source.endpoint, 1, "Yes")
    assert (status["Source_SSL_Allowed"], status["Source_SSL_Verify_Server_Cert"]) == ("Yes", "Yes")
    assert replica.refusal("INSERT INTO app.t VALUES (99)") == 1290
    assert replica.refusal("CALL mysql.rds_reset_external_source") == 1644


def test_a_fence_cuts_connections_that_stand(source: Instance, until: Until) -> None:
    ec2: Any = source.world.client("ec2", HOME)
    subnet = record(source).subnet
    acl = ec2.describe_network_acls(Filters=[{"Name": "association.subnet-id", "Values": [subnet]}])["NetworkAcls"][0]["NetworkAclId"]
    entry = {"NetworkAclId": acl, "RuleNumber": 1, "Egress": False}
    with source.connect() as connection, connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        ec2.create_network_acl_entry(**entry, Protocol="-1", RuleAction="deny", CidrBlock="0.0.0.0/0")

        def cut() -> bool:
            try:
                cursor.execute("SELECT 1")
            except pymysql.MySQLError:
                return True
            return False

        try:
            until(cut)
        finally:
            ec2.delete_network_acl_entry(**entry)
    until(lambda: source.ask("SELECT 1"))


def test_parameters_are_taken_at_once_or_at_a_reboot(source: Instance, until: Until) -> None:
    def change(name: str, value: str, method: str) -> None:
        parameter = {"ParameterName": name, "ParameterValue": value, "ApplyMethod": method}
        source.rds.modify_db_parameter_group(DBParameterGroupName="own", Parameters=[parameter])

    def value(name: str) -> Any:
        return source.ask(f"SELECT @@{name} AS value")[0]["value"]

    assert float(value("long_query_time")) == 2
    change("long_query_time", "3", "immediate")
    change("back_log", "77", "pending-reboot")
    until(lambda: float(value("long_query_time")) == 3)
    until(lambda: source.about["DBParameterGroups"][0]["ParameterApplyStatus"] == "pending-reboot")
    assert value("back_log") != 77
    rebooted = source.rds.reboot_db_instance(DBInstanceIdentifier="main")["DBInstance"]
    assert rebooted["DBInstanceStatus"] == "rebooting"
    source.available()
    assert value("back_log") == 77
    assert source.about["DBParameterGroups"][0]["ParameterApplyStatus"] == "in-sync"


def test_a_server_that_is_killed_comes_back(source: Instance, replica: Instance, until: Until) -> None:
    source.ask("INSERT INTO app.t VALUES (2)")
    before = record(source).process
    assert before
    os.kill(before.pid, signal.SIGKILL)
    until(lambda: record(source).process not in (None, before))
    until(lambda: 2 in rows(source) and 2 in rows(replica))
    source.world.run("kill", source.host)
    with pytest.raises((OSError, pymysql.MySQLError)):
        source.connect()
    source.world.run("start", source.host)
    until(lambda: rows(source))


def test_a_snapshot_and_a_point_in_time_are_restored(source: Instance, until: Until) -> None:
    source.ask("DELETE FROM app.t WHERE id > 2")
    source.rds.create_db_snapshot(DBInstanceIdentifier="main", DBSnapshotIdentifier="early")
    assert source.about["DBInstanceStatus"] == "backing-up"
    until(lambda: source.rds.describe_db_snapshots(DBSnapshotIdentifier="early")["DBSnapshots"][0]["Status"] == "available")
    source.ask("INSERT INTO app.t VALUES (3)")
    source.ask("SELECT SLEEP(1.1)")
    mark = source.ask("SELECT UNIX_TIMESTAMP() AS now")[0]["now"]
    source.ask("INSERT INTO app.t VALUES (4)")
    source.available()
    early, later = (Instance(source.platform, until, name) for name in ("early", "later"))
    about = {"DBInstanceClass": "db.t4g.small", "DBParameterGroupName": "own"}
    early.rds.restore_db_instance_from_db_snapshot(**early.placed, **about, DBSnapshotIdentifier="early")
    placed = later.placed
    placed["TargetDBInstanceIdentifier"] = placed.pop("DBInstanceIdentifier")
    later.rds.restore_db_instance_to_point_in_time(
        **placed, **about, SourceDBInstanceIdentifier="main", RestoreTime=datetime.fromtimestamp(mark, UTC)
    )
    early.available()
    later.available()
    assert (rows(early), rows(later)) == ([1, 2], [1, 2, 3])
    early.ask("INSERT INTO app.t VALUES (5)")
    for one in (early, later):
        one.rds.delete_db_instance(DBInstanceIdentifier=one.name, SkipFinalSnapshot=True)
        assert one.about["DBInstanceStatus"] == "deleting"
    until(lambda: len(source.rds.describe_db_instances()["DBInstances"]) == 1)
    assert not [each for each in Records(source.world.home / "world").all() if each.name in ("early", "later")]


def module(work: Callable[..., None], instance: Instance, check: bool = False, **params: Any) -> dict[str, Any]:
    """Do a module's work, through AWS, and return its result."""
    settings, report = instance.world.settings, Report(check=check)
    aws = {"endpoint_url": settings.url, "access_key_id": settings.access_key, "secret_access_key": settings.secret_key}
    rds = {"instance": instance.name, "region": instance.region, "aws": aws}
    return outcome(report, lambda: work({"rds": rds, "wait": 120, **params}, report))


def test_snapshots_are_taken_kept_and_restored_by_the_modules(source: Instance, until: Until) -> None:
    before = rows(source)
    planned = module(snapshot.work, source, check=True, state="made", keep=1)
    assert planned["changed"] and not module(snapshot.work, source, state="listed", keep=1)["snapshots"]
    first = module(snapshot.work, source, state="made", keep=1)
    assert [each["status"] for each in first["snapshots"]] == ["available"]
    source.ask("INSERT INTO app.t VALUES (100)")
    source.available()
    until(lambda: time.time() % 1 < 0.1)  # names have seconds
    second = module(snapshot.work, source, state="made", keep=2)
    assert (second["gone"], len(second["snapshots"])) == ([], 2)
    told = {"at": "", "name": "", "snapshot": first["snapshot"]}
    done = module(work, source, state="present", **told)
    assert done["instance"] == first["snapshot"].replace("main-", "main-of-"), done
    assert rows(Instance(source.platform, until, done["instance"])) == before
    assert module(work, source, state="present", **told)["changed"] is False
    assert module(work, source, state="absent", **told)["changed"]
    source.ask("DELETE FROM app.t WHERE id = 100")
    until(lambda: time.time() % 1 < 0.1)
    last = module(snapshot.work, source, state="made", keep=1)
    assert (last["gone"], [each["name"] for each in last["snapshots"]]) == ([first["snapshot"], second["snapshot"]], [last["snapshot"]])
    assert "early" in {each["DBSnapshotIdentifier"] for each in source.rds.describe_db_snapshots()["DBSnapshots"]}, "others' are left alone"


def test_a_second_in_the_middle_of_a_steady_writer_is_restored_exactly(source: Instance, until: Until) -> None:
    source.ask("CREATE TABLE app.steady (id INT PRIMARY KEY)")
    accounts = [f"user-{number}" for number in range(8)]
    for each in accounts:  # what is kept of a password differs each time, and is any bytes
        source.ask(f"CREATE USER '{each}' IDENTIFIED BY 'its own'")
    record: list[tuple[int, float, float]] = []
    with source.connect() as connection, connection.cursor() as cursor:
        ends = time.time() + 4
        while time.time() < ends:
            before = time.time()
            cursor.execute("INSERT INTO app.steady VALUES (%s)", (len(record),))
            record.append((len(record), before, time.time()))
    at = int(ends) - 1

    def restore(check: bool = False, **more: Any) -> dict[str, Any]:
        told = {"at": datetime.fromtimestamp(at, UTC).isoformat(), "snapshot": "", "name": "", "state": "present"}
        return module(work, source, check, **{**told, **more})

    source.rds.modify_db_instance(DBInstanceIdentifier="main", DeletionProtection=True)  # which a restored one has not
    planned = restore(check=True)
    assert [planned["changed"], len(source.rds.describe_db_instances()["DBInstances"])] == [True, 1]
    done = restore()
    assert done["statements"] == planned["statements"], done
    restored = Instance(source.platform, until, done["instance"])
    assert restored.endpoint == done["address"]
    for each in accounts:
        assert restored.ask("SELECT 1 AS one", user=each, password="its own") == [{"one": 1}]
        source.ask(f"DROP USER '{each}'")
    there = {each["id"] for each in restored.ask("SELECT id FROM app.steady")}
    acknowledged, begun = ({number for number, *moments in record if moments[which] < at} for which in (1, 0))
    assert acknowledged <= there <= begun
    assert 0 < len(begun) < len(record)
    assert len(begun - acknowledged) <= 1, "the one that was on its way when the second began"
    assert restore()["changed"] is False
    assert "is there, and is not main as it was" in restore(name="main")["msg"]
    assert [restore(state="absent")["changed"] for _ in range(2)] == [True, False]
    assert len(source.rds.describe_db_instances()["DBInstances"]) == 1
    source.rds.modify_db_instance(DBInstanceIdentifier="main", DeletionProtection=False)


@pytest.mark.soak
def test_a_stopped_instance_keeps_its_data(source: Instance, replica: Instance, until: Until) -> None:
    before = rows(source)
    source.rds.stop_db_instance(DBInstanceIdentifier="main")
    until(lambda: source.about["DBInstanceStatus"] == "stopped")
    assert not record(source).process
    source.rds.start_db_instance(DBInstanceIdentifier="main")
    source.available()
    assert rows(source) == before


@pytest.mark.soak
def test_a_lab_that_comes_up_again_has_its_instances(source: Instance, replica: Instance, until: Until) -> None:
    before = rows(source)
    source.world.run("down")
    assert not podman("ps", "--all", "--filter", "label=kc.rds", "--format", "{{.Names}}").split()
    source.world.run("up", "--world")
    for host in source.platform.hosts.values():  # the tests' own are nobody's to bring back
        source.world.net.attach(host)
    until(lambda: rows(source) == before and rows(replica) == before)


def test_a_promoted_replica_takes_writes_and_follows_nobody(source: Instance, replica: Instance, until: Until) -> None:
    with replica.connect() as connection, connection.cursor() as cursor:
        replica.rds.promote_read_replica(DBInstanceIdentifier="main", BackupRetentionPeriod=7)
        assert replica.about["DBInstanceStatus"] == "modifying"
        replica.available()
        with pytest.raises(pymysql.MySQLError):  # it has booted
            cursor.execute("SELECT 1")
    assert not replica.ask("SHOW REPLICA STATUS")
    replica.ask("INSERT INTO app.t VALUES (10)")
    source.ask("INSERT INTO app.t VALUES (11)")
    assert (10 in rows(source), 11 in rows(replica)) == (False, False)
    assert replica.ask("SHOW BINARY LOG STATUS")
    assert replica.refusal("SET GLOBAL read_only = 0") == 1227


def test_an_empty_aws_has_neither_servers_nor_data(source: Instance, until: Until) -> None:
    world = source.world.home / "world"
    source.world.run("reset")
    until(lambda: not Records(world).all())
    until(lambda: not [*(world / "rds").glob("db-*"), *(world / "rds" / "snapshots").iterdir()])
