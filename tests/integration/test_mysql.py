"""MySQL on an AWS API: made with its replica, put back, told apart from what is not ours, turned by nobody, taken away in order.

The API has no states. Where they matter a proxy in front of it says that an instance is still being created until something
else has happened.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
from kc.unit import run
from kc.units.mysql import UNIT

from tests.faults.proxy import Proxy, proxy_to, whose
from tests.integration.platform import HOME, OTHER, options, prepare

ROOT = Path(__file__).parents[2]
Change = tuple[str, str, str, str, list[str]]
MAIN = "kc-lab-main"
ENDPOINT = "/kc/lab/mysql/main/endpoint"


@pytest.fixture
def params(converge: Any, scope_option: Callable[..., dict[str, Any]]) -> dict[str, Any]:
    prepare("mysql", converge, scope_option)
    scope = {**scope_option(), "tags": {"Owner": "operations"}}
    return {**options("mysql"), "scope": scope, "final_snapshot": True}


@pytest.fixture
def primary(params: dict[str, Any]) -> Callable[..., dict[str, Any]]:
    """Return a function that gives the options while a region is primary."""

    def on(region: str, **main: Any) -> dict[str, Any]:
        instances = {"main": {**params["instances"]["main"], **main}}
        other = OTHER if region == HOME else HOME
        return {**params, "scope": {**params["scope"], "region": region}, "replica_region": other, "instances": instances}

    return on


def changes(result: dict[str, Any]) -> list[Change]:
    return [(one["action"], one["kind"], one["name"], one["region"], sorted(one["after"] or {})) for one in result["plan"]]


def database(client: Any, region: str, name: str = MAIN) -> dict[str, Any]:
    found: dict[str, Any] = client("rds", region).describe_db_instances(DBInstanceIdentifier=name)["DBInstances"][0]
    return found


def test_an_empty_account_can_be_planned(converge: Any, scope_option: Any, client: Any) -> None:
    """Not even the network stands."""
    planned = converge("mysql", {**options("mysql"), "scope": scope_option()}, check=True)["plan"]
    (replica,) = (one for one in planned if one["kind"] == "db_replica")
    assert (replica["after"]["source"], replica["after"]["key"]) == ("(known after apply)", "(known after apply)")
    assert client("rds").describe_db_instances()["DBInstances"] == []


def test_an_instance_and_its_replica(converge: Any, params: dict[str, Any], client: Any) -> None:
    planned = converge("mysql", params, check=True)
    made = converge("mysql", params)
    assert [one[:4] for one in changes(made)] == [one[:4] for one in changes(planned)]
    assert made["standing"] == dict.fromkeys(("db_parameter_group", "db_subnet_group", "log_group", "parameter"), 2) | {
        "db_instance": 1,
        "db_replica": 1,
    }
    assert converge("mysql", params)["plan"] == []

    source, replica = database(client, HOME), database(client, OTHER)
    assert replica["ReadReplicaSourceDBInstanceIdentifier"] == source["DBInstanceArn"]
    for region, about in ((HOME, source), (OTHER, replica)):
        key = client("kms", region).describe_key(KeyId="alias/kc-lab-data")["KeyMetadata"]["Arn"]
        assert (about["StorageEncrypted"], about["KmsKeyId"], about["PerformanceInsightsKMSKeyId"]) == (True, key, key)
        assert (about["PubliclyAccessible"], about["BackupRetentionPeriod"], about["EnabledCloudwatchLogsExports"]) == (
            False,
            14,
            ["error"],
        )
        assert about["DBParameterGroups"][0]["DBParameterGroupName"] == f"{MAIN}-mysql8-4"
        endpoint = client("ssm", region).get_parameter(Name=ENDPOINT)["Parameter"]["Value"]
        assert endpoint == about["Endpoint"]["Address"] and region in endpoint, "applications talk to their own region's"
        logs = client("logs", region).describe_log_groups()["logGroups"]
        assert [(one["logGroupName"], one["retentionInDays"]) for one in logs] == [(f"/aws/rds/instance/{MAIN}/error", 90)]
        own = client("rds", region).describe_db_parameters(DBParameterGroupName=f"{MAIN}-mysql8-4", Source="user")["Parameters"]
        assert {one["ParameterName"]: one["ParameterValue"] for one in own} == {"gtid-mode": "ON", "require_secure_transport": "1"}
    assert (source["MultiAZ"], replica["MultiAZ"]) == (True, False)


def test_no_password_is_shown(params: dict[str, Any], client: Any) -> None:
    told: list[str] = []
    result = run(UNIT, params, check=False, progress=told.append)
    password = json.loads(client("secretsmanager").get_secret_value(SecretId="kc/lab/mysql")["SecretString"])["password"]
    assert password not in json.dumps([result, told])
    assert database(client, HOME)["MasterUsername"] == "app"


def modify(**how: Any) -> Callable[[Any], Any]:
    return lambda rds: rds.modify_db_instance(DBInstanceIdentifier=MAIN, ApplyImmediately=True, **how)


def put(name: str, value: str, method: str = "immediate") -> Callable[[Any], Any]:
    parameter = {"ParameterName": name, "ParameterValue": value, "ApplyMethod": method}
    return lambda rds: rds.modify_db_parameter_group(DBParameterGroupName=f"{MAIN}-mysql8-4", Parameters=[parameter])


def tag(kind: str, name: str) -> Callable[[Any], Any]:
    tags = [{"Key": "Owner", "Value": "somebody"}]
    return lambda rds: rds.add_tags_to_resource(ResourceName=f"arn:aws:rds:{rds.meta.region_name}:123456789012:{kind}:{name}", Tags=tags)


HARMLESS: dict[str, Callable[[Any], Any]] = {
    "backup_days": modify(BackupRetentionPeriod=1),
    "backup_window": modify(PreferredBackupWindow="03:00-03:30"),
    "maintenance_window": modify(PreferredMaintenanceWindow="mon:05:00-mon:05:30"),
    "deletion_protection": modify(DeletionProtection=True),
    "insights": modify(EnablePerformanceInsights=False),
    "monitoring": modify(MonitoringInterval=30),
    "logs": modify(CloudwatchLogsExportConfiguration={"EnableLogTypes": ["general"]}),
    "minor_upgrades": modify(AutoMinorVersionUpgrade=True),
    "public": modify(PubliclyAccessible=True),
    "iam_auth": modify(EnableIAMDatabaseAuthentication=True),
    "copy_tags": modify(CopyTagsToSnapshot=False),
    "max_storage": modify(MaxAllocatedStorage=150),
    "tags": tag("db", MAIN),
}
WAITS: dict[str, Callable[[Any], Any]] = {
    "class": modify(DBInstanceClass="db.m6g.xlarge"),
    "multi_az": modify(MultiAZ=False),
    "ca": modify(CACertificateIdentifier="rds-ca-ecc384-g1"),
}


@pytest.mark.parametrize(("by_hand", "waiting"), [(HARMLESS, set()), (WAITS, {"DBInstanceClass", "MultiAZ", "CACertificateIdentifier"})])
def test_drift_of_an_instance_is_seen_and_put_back(
    converge: Any, params: dict[str, Any], client: Any, by_hand: dict[str, Callable[[Any], Any]], waiting: set[str]
) -> None:
    converge("mysql", params)
    for change in by_hand.values():
        change(client("rds"))
    expected = [("update", "db_instance", MAIN, HOME, sorted(by_hand))]
    assert changes(converge("mysql", params, check=True)) == expected
    assert changes(converge("mysql", params)) == expected
    assert converge("mysql", params)["plan"] == []
    assert set(database(client, HOME)["PendingModifiedValues"]) == waiting, "the rest was done at once"


def test_drift_of_a_replica_and_of_what_they_stand_on(converge: Any, params: dict[str, Any], client: Any) -> None:
    converge("mysql", params)
    groups = f"{MAIN}-mysql8-4"
    here, there = client("rds", HOME), client("rds", OTHER)
    for region, by_hand in (
        (there, modify(BackupRetentionPeriod=0)),
        (there, tag("db", MAIN)),
        (here, put("require_secure_transport", "0")),
        (there, put("max_connections", "10")),
        (there, put("gtid-mode", "OFF", "pending-reboot")),
        (here, tag("pg", groups)),
        (here, tag("subgrp", MAIN)),
    ):
        by_hand(region)
    client("ssm", OTHER).put_parameter(Name=ENDPOINT, Value="elsewhere", Overwrite=True)
    client("logs", OTHER).put_retention_policy(logGroupName=f"/aws/rds/instance/{MAIN}/error", retentionInDays=1)
    assert sorted(changes(converge("mysql", params))) == sorted(
        [
            ("update", "db_replica", MAIN, OTHER, ["backup_days", "tags"]),
            ("update", "db_parameter_group", groups, HOME, ["parameters", "tags"]),
            ("update", "db_parameter_group", groups, OTHER, ["parameters"]),
            ("update", "db_subnet_group", MAIN, HOME, ["tags"]),
            ("update", "log_group", f"/aws/rds/instance/{MAIN}/error", OTHER, ["days"]),
            ("update", "parameter", ENDPOINT, OTHER, ["value"]),
        ]
    )
    assert converge("mysql", params)["plan"] == []
    # the fence of a runbook is no drift
    put("read_only", "1")(client("rds"))
    assert converge("mysql", params)["plan"] == []


def test_what_waits_for_the_window_is_planned_once_and_now_is_now(
    converge: Any, primary: Callable[..., dict[str, Any]], client: Any
) -> None:
    converge("mysql", primary(HOME))
    bigger = primary(HOME, size="db.m6g.xlarge", replica_size="db.m6g.large")
    assert changes(converge("mysql", bigger)) == [("update", "db_instance", MAIN, HOME, ["class"])]
    assert database(client, HOME)["DBInstanceClass"] == "db.m6g.large", "not before the window"
    assert converge("mysql", bigger)["plan"] == []
    # a harmless change meanwhile does not bring it forward
    converge("mysql", primary(HOME, size="db.m6g.xlarge", replica_size="db.m6g.large", backup_days=7))
    about = database(client, HOME)
    assert (about["DBInstanceClass"], about["BackupRetentionPeriod"]) == ("db.m6g.large", 7)
    converge("mysql", primary(HOME, size="db.m6g.2xlarge", replica_size="db.m6g.large", backup_days=7, apply="now"))
    assert database(client, HOME)["DBInstanceClass"] == "db.m6g.2xlarge"


def test_what_a_gp3_volume_does_by_itself_is_no_drift(converge: Any, primary: Callable[..., dict[str, Any]], client: Any) -> None:
    def told(region: str = HOME) -> tuple[int, int]:
        about = database(client, region)
        return about["Iops"], about["StorageThroughput"]

    small = primary(HOME, max_storage=1000)
    converge("mysql", small)
    assert told(HOME) == told(OTHER) == (3000, 125)
    assert converge("mysql", small)["plan"] == []
    modify(AllocatedStorage=450)(client("rds"))  # as RDS does by itself
    assert told() == (12000, 500)
    assert converge("mysql", small)["plan"] == []

    fast = primary(HOME, storage=450, max_storage=1000, iops=16000, throughput=1000, replica=False, apply="now")
    assert ("update", "db_instance", MAIN, HOME, ["iops", "throughput"]) in changes(converge("mysql", fast))
    assert told() == (16000, 1000)
    assert converge("mysql", fast)["plan"] == []


@pytest.mark.parametrize(
    ("stands", "main", "says"),
    [
        ({"AllocatedStorage": 300}, {}, "`storage` is 300 GiB, the inventory allows 200, and RDS can't shrink it"),
        ({}, {"version": "9.0.1"}, "`engine_version` is 8.4.7, the inventory wants 9.0.1: another major version"),
    ],
)
def test_what_can_not_be_done_is_refused_in_check_mode_too(
    converge: Any, primary: Callable[..., dict[str, Any]], client: Any, stands: dict[str, Any], main: dict[str, Any], says: str
) -> None:
    converge("mysql", primary(HOME))
    if stands:
        client("rds").modify_db_instance(DBInstanceIdentifier=MAIN, ApplyImmediately=True, MaxAllocatedStorage=1000, **stands)
    for check in (True, False):
        refused = run(UNIT, primary(HOME, **main), check=check)
        assert refused["failed"] and says in refused["msg"]


def test_a_failover_and_the_way_back(converge: Any, primary: Callable[..., dict[str, Any]], client: Any) -> None:
    """What runbooks do is done by hand here; the unit converges towards whichever region is primary."""
    same = {"multi_az": False}
    converge("mysql", primary(HOME, **same))
    client("rds", OTHER).promote_read_replica(DBInstanceIdentifier=MAIN, BackupRetentionPeriod=14)
    for region in (HOME, OTHER):  # before and after the flag is turned
        result = converge("mysql", primary(region, **same))
        assert result["plan"] == [], "the old source is left alone, whoever is primary"
        assert any(one.startswith("db_instance") for one in result["kept"])

    client("rds", HOME).modify_db_instance(DBInstanceIdentifier=MAIN, NewDBInstanceIdentifier=f"{MAIN}-fenced-1", ApplyImmediately=True)
    result = converge("mysql", primary(OTHER, **same))
    assert [one[:4] for one in changes(result)] == [
        ("create", "db_replica", MAIN, HOME),
        ("update", "parameter", ENDPOINT, HOME),
    ]
    assert result["kept"] == [f"db_instance {MAIN}-fenced-1 ({HOME})"]
    assert database(client, HOME)["ReadReplicaSourceDBInstanceIdentifier"] == database(client, OTHER)["DBInstanceArn"]
    assert converge("mysql", primary(OTHER, **same))["plan"] == []


def test_a_clients_own_instance(converge: Any, params: dict[str, Any], scope_option: Any, client: Any) -> None:
    converge("mysql", params)
    before = database(client, HOME)
    scope = scope_option(client="acme")
    keys = {"data": {"description": "Data"}, "secrets": {"description": "Secrets"}}
    converge("keys", {"scope": scope, "state": "present", "keys": keys, "home_region": None, "replica_regions": []})
    secrets = {"mysql": {"description": "MySQL", "username": "admin"}}
    converge("secrets", {"scope": scope, "state": "present", "secrets": secrets, "replicate_to": [], "rotate": []})
    instances = {"main": {**params["instances"]["main"], "replica": False}}
    theirs = {**params, "scope": scope, "instances": instances, "replica_region": None}

    made = converge("mysql", theirs)
    assert made["standing"] == {"db_instance": 1, "db_parameter_group": 1, "db_subnet_group": 1, "log_group": 1, "parameter": 1}
    about = database(client, HOME, "kc-lab-acme-main")
    assert {"Key": "Client", "Value": "acme"} in about["TagList"]
    assert about["KmsKeyId"] == client("kms").describe_key(KeyId="alias/kc-lab-acme-data")["KeyMetadata"]["Arn"]
    assert about["VpcSecurityGroups"] == before["VpcSecurityGroups"], "the network is everybody's"
    assert (
        client("ssm").get_parameter(Name="/kc/lab/clients/acme/mysql/main/endpoint")["Parameter"]["Value"] == about["Endpoint"]["Address"]
    )
    assert converge("mysql", theirs)["plan"] == []
    assert converge("mysql", params)["plan"] == [], "and the platform's own instance knows nothing of it"

    converge("mysql", {**theirs, "state": "absent", "data": "delete"})
    assert [one["DBInstanceIdentifier"] for one in client("rds").describe_db_instances()["DBInstances"]] == [MAIN]


def test_data_is_kept_unless_told_and_leaves_a_snapshot(converge: Any, params: dict[str, Any], client: Any) -> None:
    rds = client("rds")
    strange = {"DBInstanceClass": "db.m6g.large", "Engine": "mysql", "MasterUsername": "x", "MasterUserPassword": "x" * 8}
    rds.create_db_instance(DBInstanceIdentifier="kc-lab-theirs", AllocatedStorage=20, **strange)
    protected = {**params, "instances": {"main": {**params["instances"]["main"], "deletion_protection": True}}}
    converge("mysql", protected)

    kept = converge("mysql", {**params, "state": "absent"})
    assert {(action, kind) for action, kind, *_ in changes(kept)} == {("delete", "parameter")}
    assert {one.split()[0] for one in kept["kept"]} == {"db_instance", "db_replica", "db_subnet_group", "db_parameter_group", "log_group"}
    assert [one[:2] for one in changes(converge("mysql", protected))] == [("create", "parameter")] * 2

    gone = converge("mysql", {**params, "state": "absent", "data": "delete"})
    order = [(kind, region) for _, kind, _, region, _ in changes(gone)]
    assert order.index(("db_replica", OTHER)) < order.index(("db_instance", HOME))
    assert [one["DBInstanceIdentifier"] for one in rds.describe_db_instances()["DBInstances"]] == ["kc-lab-theirs"]
    (snapshot,) = rds.describe_db_snapshots(SnapshotType="manual")["DBSnapshots"]
    assert snapshot["DBSnapshotIdentifier"].startswith(f"{MAIN}-final-")
    assert converge("mysql", {**params, "state": "absent", "data": "delete"})["plan"] == []


# --- in the background, and slow -------------------------------------------------------------------------------


class Slow(Proxy):
    """An RDS whose instances are `creating` until a parameter of another unit is written, and that waits for one that is."""

    def __init__(self, upstream: str) -> None:
        super().__init__(upstream)
        self.creating, self.written = threading.Event(), threading.Event()
        self.order: list[str] = []

    def forward(self, request: BaseHTTPRequestHandler, body: bytes) -> tuple[int, dict[str, str], bytes]:
        _, operation = whose(request.command, request.path, request.headers, body)
        meanwhile = operation == "PutParameter" and b"/kc/lab/meanwhile" in body
        if meanwhile:
            assert self.creating.wait(60), "no instance is coming up: nothing works in the background"
        status, headers, text = super().forward(request, body)
        if meanwhile:
            self.order.append("written")
            self.written.set()
        elif operation.startswith("CreateDBInstance"):
            self.order.append(operation)
        elif operation == "DescribeDBInstances" and b"DBInstanceIdentifier" in body and b"<DBInstanceStatus>" in text:
            if not self.written.is_set():
                text = text.replace(b"<DBInstanceStatus>available<", b"<DBInstanceStatus>creating<")
                self.creating.set()
            self.order.append("creating" if b">creating<" in text else "available")
        return status, headers, text


@pytest.fixture
def slow(aws_api: str) -> Iterator[Slow]:
    with proxy_to(aws_api, Slow) as found:
        yield found
        found.written.set()


PLAYS = """
- name: Preflight
  import_playbook: {root}/playbooks/preflight.yml
- name: Databases
  import_playbook: {root}/playbooks/databases.yml
- name: Edge | meanwhile
  hosts: primary
  tasks:
    - name: Something else
      kc_parameters:
        scope: "{{{{ kc_scope }}}}"
        values: {{meanwhile: done}}
      tags: [mysql]
- name: Compute
  import_playbook: {root}/playbooks/compute.yml
"""


def test_others_go_on_while_databases_come_up(slow: Slow, converge: Any, scope_option: Any, tmp_path: Path) -> None:
    prepare("mysql", converge, scope_option)
    for region in (HOME, OTHER):
        keys = {purpose: {"description": purpose} for purpose in ("data", "logs", "secrets")}
        converge("keys", {"scope": scope_option(region), "state": "present", "keys": keys, "home_region": None, "replica_regions": []})
    secrets = {"mysql-admin": {"description": "MySQL", "username": "admin"}}
    converge("secrets", {"scope": scope_option(), "state": "present", "secrets": secrets, "replicate_to": [OTHER], "rotate": []})
    plays, plan = tmp_path / "play.yml", tmp_path / "plan.json"
    plays.write_text(PLAYS.format(root=ROOT))
    env = {
        **os.environ,
        "KC_LAB_PORT": slow.url.rsplit(":", 1)[1],
        "KC_PLAN_FILE": str(plan),
        "ANSIBLE_ASYNC_DIR": str(tmp_path / "jobs"),
        "ANSIBLE_NOCOLOR": "1",
    }
    command = [
        Path(sys.executable).with_name("ansible-playbook"),
        *(plays, "--tags", "mysql", "--skip-tags", "accounts"),  # no other units; nothing is inside
    ]
    done = subprocess.run(list(map(str, command)), cwd=ROOT, env=env, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr

    order = slow.order
    assert order.index("CreateDBInstance") < order.index("written") < order.index("available") < order.index("CreateDBInstanceReadReplica")
    assert order.count("CreateDBInstance") == order.count("CreateDBInstanceReadReplica") == 1
    runs = {one["unit"]: one for one in json.loads(plan.read_text())["runs"]}
    assert (runs["mysql"]["background"], runs["mysql"]["phase"], runs["parameters"]["background"]) == (True, "Databases", False)
    assert f"create db_replica {MAIN} ({OTHER})" in runs["mysql"]["applied"]
    assert "skipping: [" not in done.stdout, "no task is left out"
