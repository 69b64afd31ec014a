"""Backups in S3 and their restoration, on real servers: what comes back is what was there, whatever happens on the way."""

from __future__ import annotations

import json
import tempfile
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
import yaml
from kc.aws.session import Aws
from kc.backup import store as backup_store
from kc.clickhouse.backup import work
from kc.clickhouse.connection import Server
from kc.clickhouse.quote import name
from kc.grants import statements as grants_of
from kc.policy import document
from kc.scope import Scope

from lab.settings import ROOT, Settings
from tests.clickhouse.world import CLUSTER, PASSWORD, USER, Replica, World
from tests.conftest import BUCKET, REGION, post
from tests.killing import steps
from tests.play import play
from tests.servers import until

Go = Callable[..., dict[str, Any]]

LAB = Settings.load()
PREFIX = "clickhouse/main"
TABLE, COLUMN = "it's `a\\table`", "the\ncolumn's `name`"
EVENTS, DAYS, VIEW = ("courses", TABLE), ("courses", "days"), ("courses", "to_days")
DEFAULTS = {
    "state": "made",
    "bucket": BUCKET,
    "prefix": PREFIX,
    "region": REGION,
    "databases": [],
    "keep": 14,
    "increments": 6,
    "backup": "",
    "data": "keep",
    "cluster": None,
    "wait": 60,
}


@pytest.fixture
def backup(go: Go, world: World, aws_api: str) -> Go:
    """Return a function that runs the module on the first node."""
    aws = {"endpoint_url": aws_api, "access_key_id": LAB.access_key, "secret_access_key": LAB.secret_key}
    return lambda state="made", **params: go(work, **{**DEFAULTS, "aws": aws, "host": world.nodes[0], "state": state, **params})


@pytest.fixture
def path(request: pytest.FixtureRequest) -> str:
    """Where the test's tables stand in the ensemble: a place of their own."""
    return f"/clickhouse/tables/{{shard}}/backup/{abs(hash(request.node.name))}"


def make(servers: list[Server], path: str) -> None:
    """Make a table with hostile names, one that sums it up, and the view between them."""
    for server in servers:
        server.run("CREATE DATABASE IF NOT EXISTS courses")
        columns = (
            f"day Date, x UInt64, {name(COLUMN)} Nullable(String), tags Array(Nullable(Int8)), twice UInt64 MATERIALIZED x * 2, y ALIAS x"
        )
        engine = f"ReplicatedMergeTree('{path}/events', '{{replica}}') PARTITION BY toYYYYMM(day) ORDER BY x"
        server.run(f"CREATE TABLE {name(*EVENTS)} ({columns}) ENGINE = {engine}")
        states = "day Date, seen AggregateFunction(uniq, UInt64), events AggregateFunction(count)"
        engine = f"ReplicatedAggregatingMergeTree('{path}/days', '{{replica}}') PARTITION BY toYYYYMM(day) ORDER BY day"
        server.run(f"CREATE TABLE {name(*DAYS)} ({states}) ENGINE = {engine}")
        select = f"SELECT day, uniqState(x) AS seen, countState() AS events FROM {name(*EVENTS)} GROUP BY day"
        server.run(f"CREATE MATERIALIZED VIEW {name(*VIEW)} TO {name(*DAYS)} AS {select}")


def fill(server: Server, first: int, count: int, months: int = 2) -> None:
    text = "number % 5 ? concat('it\\'s `', toString(number), '`\\n') : NULL"
    select = f"SELECT toDate('2026-01-05') + (number % {months}) * 30, number, {text}, [1, NULL] FROM numbers({first}, {count})"
    server.run(f"INSERT INTO {name(*EVENTS)} (day, x, {name(COLUMN)}, tags) {select}")


def reads(server: Server) -> tuple[Any, ...]:
    """What users see of both tables: it does not depend on merges."""
    row = f"toString(tuple(day, x, {name(COLUMN)}, tags, twice))"
    events = server.rows(f"SELECT count(), sum(x), groupBitXor(cityHash64({row})) FROM {name(*EVENTS)}")[0]
    days = server.rows(f"SELECT day, uniqMerge(seen), countMerge(events) FROM {name(*DAYS)} GROUP BY day ORDER BY day")
    return events, tuple(days)


def same(servers: list[Server]) -> tuple[Any, ...]:
    """Wait until all nodes read the same, and return it."""
    found: list[Any] = []

    def together() -> bool:
        found[:] = [reads(server) for server in servers]
        return all(each == found[0] for each in found)

    until(together, "all nodes read the same")
    return found[0]


def forget(servers: list[Server]) -> None:
    for server in servers:
        server.run("DROP DATABASE courses")


@pytest.fixture
def still(servers: list[Server], path: str) -> list[Server]:
    """The nodes, with the tables, in which nothing is merged."""
    make(servers, path)
    for server in servers:
        for table in (EVENTS, DAYS):
            server.run(f"SYSTEM STOP MERGES {name(*table)}")
    return servers


@pytest.fixture
def filled(still: list[Server]) -> tuple[Any, ...]:
    """What is read of the tables, which hold some parts."""
    for first in (0, 200):
        fill(still[0], first, 100 + first // 2)
    return same(still)


def left(world: World) -> list[str]:
    """What a run has left on the nodes' disks, tables but those of the test included."""
    found = []
    for each in world.replicas:
        data = each.home / "data"
        found += [str(path) for path in (*data.glob("shadow/kc_backup"), *data.glob("data/*/*_kc_*"), *data.glob("kc_backup/*/*"))]
    return found


def ran(result: dict[str, Any]) -> list[str]:
    return [step["statement"] for step in result["statements"]]


def test_what_was_dropped_comes_back(backup: Go, servers: list[Server], filled: tuple[Any, ...], s3: Any, world: World) -> None:
    planned = backup(check=True)
    assert (planned["changed"], planned["backup"]) == (True, None)
    assert "Contents" not in s3.list_objects_v2(Bucket=BUCKET)
    done = backup()
    assert done["statements"] == planned["statements"]
    assert ran(done) == [f"ALTER TABLE {name(*table)} FREEZE WITH NAME 'kc_backup'" for table in (DAYS, EVENTS)]
    assert {table: about["rows"] for table, about in done["backup"]["tables"].items()} == {"courses.days": 4, f"courses.{TABLE}": 300}
    assert not left(world)
    forget(servers)

    planned = backup("restored", check=True)
    assert servers[0].rows("SHOW DATABASES") == [("default",), ("system",)]
    back = backup("restored")
    assert back["statements"] == planned["statements"]
    assert [reads(server) for server in servers] == [filled, filled]
    assert back["tables"] == {table: {key: about[key] for key in ("rows", "checksum")} for table, about in done["backup"]["tables"].items()}
    assert not left(world)
    # what comes from now on goes everywhere, through the view too
    fill(servers[1], 300, 10)
    assert until(lambda: same(servers)[0][0] == 310, "both have what came after")


def test_what_keeps_no_rows_comes_back_on_every_node(
    backup: Go, servers: list[Server], filled: tuple[Any, ...], path: str, s3: Any
) -> None:
    for server in servers:
        server.run(f"CREATE TABLE courses.kept (x UInt64) ENGINE = ReplicatedMergeTree('{path}/kept', '{{replica}}') ORDER BY x")
        server.run("CREATE TABLE courses.incoming (x UInt64) ENGINE = Null")
        server.run("CREATE MATERIALIZED VIEW courses.incoming_to_kept TO courses.kept AS SELECT x FROM courses.incoming")
    backup()
    forget(servers)
    backup("restored")
    assert same(servers) == filled
    for number, server in enumerate(servers):
        server.run(f"INSERT INTO courses.incoming SELECT {number}")
    until(lambda: all(server.one("SELECT count() FROM courses.kept") == len(servers) for server in servers), "every node takes rows")


def test_parts_that_are_there_are_not_sent_again(
    backup: Go, still: list[Server], filled: tuple[Any, ...], s3: Any, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = backup()
    assert first["uploaded"] == 8
    again = backup()
    assert (again["changed"], again["uploaded"], again["uploaded_bytes"]) == (True, 0, 0)
    assert again["backup"]["tables"] == first["backup"]["tables"]
    fill(still[0], 300, 10, months=1)
    same(still)
    other = backup(host=world.nodes[1], keep=1)
    assert other["uploaded"] == 2, "the other replica has the same parts"
    assert other["gone"] == [first["backup"]["name"], again["backup"]["name"]]
    # rows that went: their parts go with the last backup that names them, after some time
    still[0].run(f"ALTER TABLE {name(*EVENTS)} DROP PARTITION 202601")
    until(lambda: same(still)[0][0] == 150, "the partition is gone")
    last = backup(keep=1)
    assert (last["gone"], last["deleted_objects"]) == ([other["backup"]["name"]], 0)
    monkeypatch.setattr(backup_store, "GRACE", timedelta(seconds=-5))
    last = backup(keep=1)
    assert last["deleted_objects"] == 3
    assert backup("listed")["backups"] == [last["backup"]]
    forget(still)
    backup("restored")
    assert same(still)[0][0] == 150
    assert "One backup at least has to stay" in backup(keep=0, fails=True)["msg"]


def test_inserts_go_on(backup: Go, servers: list[Server], path: str, s3: Any, world: World) -> None:
    make(servers, path)
    fill(servers[0], 0, 100)
    stop, written = threading.Event(), [100]

    def write() -> None:
        with world.replicas[0].server() as own:
            while not stop.is_set():
                fill(own, written[0], 10, months=1)  # into one partition, where an insert is there as a whole or not at all
                written[0] += 10

    writer = threading.Thread(target=write)
    writer.start()
    try:
        before = until(lambda: written[0] > 150 and written[0], "it writes")
        done = backup()
        after = written[0] + 10
    finally:
        stop.set()
        writer.join()
    rows = done["backup"]["tables"][f"courses.{TABLE}"]["rows"]
    assert before <= rows <= after
    forget(servers)
    backup("restored")
    count, total, _ = same(servers)[0]
    assert (count, total) == (rows, rows * (rows - 1) // 2), "the first rows, without a gap"


CALLS = ((Aws, "call"), (Aws, "pages"), (Server, "rows"))


def interrupted(backup: Go, servers: list[Server], filled: tuple[Any, ...], world: World, seed: int, most: int) -> None:
    """Break off backups, and restorations of one, at some of their calls, and see that the next run completes each."""
    for at in steps(backup, CALLS, lambda: None, seed, most):
        listed = backup("listed")["backups"]
        assert all(each["tables"][f"courses.{TABLE}"]["rows"] == 300 for each in listed), f"at {at}"
    assert not left(world)
    forget(servers)
    for at in steps(lambda: backup("restored"), CALLS, lambda: forget(servers), seed, most):
        backup("restored")
        assert [reads(server) for server in servers] == [filled, filled], f"at {at}"
        assert not left(world)
    assert [reads(server) for server in servers] == [filled, filled]


def test_what_is_killed_is_completed_by_the_next_run(
    backup: Go, still: list[Server], filled: tuple[Any, ...], s3: Any, world: World
) -> None:
    interrupted(backup, still, filled, world, seed=7, most=32)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(12))
def test_what_is_killed_anywhere_is_completed_by_the_next_run(
    backup: Go, still: list[Server], filled: tuple[Any, ...], s3: Any, world: World, seed: int
) -> None:
    interrupted(backup, still, filled, world, seed, most=12)


def test_into_another_cluster(backup: Go, filled: tuple[Any, ...], servers: list[Server], s3: Any, world: World) -> None:
    done = backup()
    home = Path(tempfile.mkdtemp(prefix="kc-other-", dir=world.replicas[0].home.parent))
    home.chmod(0o755)
    other = Replica(home / "other", 7, world.authority)
    world.ensemble.make("/clickhouse/other")
    other.configure(world.ensemble.port, [other], "other")
    other.start()
    try:
        other.wait()
        back = backup("restored", nodes=[other.node], host=other.node)
        assert back["tables"].keys() == done["backup"]["tables"].keys()
        with other.server() as server:
            assert reads(server) == filled
            assert server.rows("SELECT DISTINCT replica_name, total_replicas FROM system.replicas") == [("replica-7", 1)]
    finally:
        other.stop()
    assert same(servers) == filled, "the cluster that it comes from is as it was"


def test_rows_that_are_not_in_the_backup(backup: Go, filled: tuple[Any, ...], still: list[Server], s3: Any, world: World) -> None:
    backup()
    assert not backup("restored")["changed"], "all is as it was backed up"
    fill(still[1], 1000, 10, months=4)
    more = same(still)
    refused = backup("restored", fails=True)
    assert f"courses.days holds other rows than the backup {refused['backup']['name']}, in the partition 2026" in refused["msg"]
    assert refused["statements"] == []
    assert same(still) == more
    back = backup("restored", data="replace", check=True)
    assert f"ALTER TABLE {name(*EVENTS)} DROP PARTITION ID '202604'" in ran(back)
    assert same(still) == more
    backup("restored", data="replace")
    assert [reads(server) for server in still] == [filled, filled]
    still[0].run(f"ALTER TABLE {name(*EVENTS)} ADD COLUMN z UInt8")
    assert f"courses.{TABLE} has not the columns of the backup: z" in backup("restored", data="replace", fails=True)["msg"]


def test_each_error_is_one_sentence(
    backup: Go, filled: tuple[Any, ...], servers: list[Server], s3: Any, world: World, aws_api: str
) -> None:
    assert (
        backup(bucket="nowhere", fails=True)["msg"]
        == "`bucket`: there is no bucket nowhere. The unit `storage` makes buckets (kc_storage_buckets)."
    )
    assert "`prefix` is empty" in backup(prefix="/", fails=True)["msg"]
    assert "has no database 'none'. It has courses" in backup(databases=["none"], fails=True)["msg"]
    assert "is none of `nodes`" in backup(host="elsewhere:1", fails=True)["msg"]
    servers[0].run("CREATE DATABASE nothing")
    assert backup(databases=["nothing"])["warnings"] == [f"{world.nodes[0]} has no table to back up: no backup was made"]
    assert "there is no backup 'latest' at s3://backups/clickhouse/main. None is whole yet." in backup("restored", fails=True)["msg"]
    servers[0].run("CREATE TABLE courses.log (x UInt8) ENGINE = TinyLog")
    done = backup()
    assert "courses.log is in the backup without its rows: its engine is TinyLog" in done["warnings"]
    assert "there is no backup 'x' at" in backup("restored", backup="x", fails=True)["msg"]
    assert "has no database 'none'. It has courses." in backup("restored", databases=["none"], fails=True)["msg"]
    forget(servers)
    # a byte of an archive, then all of it
    (key, *_) = sorted(item["Key"] for item in s3.list_objects_v2(Bucket=BUCKET, Prefix=f"{PREFIX}/parts/")["Contents"])
    body = bytearray(s3.get_object(Bucket=BUCKET, Key=key)["Body"].read())
    body[len(body) // 3] ^= 1
    s3.put_object(Bucket=BUCKET, Key=key, Body=bytes(body))
    assert f"s3://{BUCKET}/{key} is damaged" in backup("restored", fails=True)["msg"]
    s3.delete_object(Bucket=BUCKET, Key=key)
    assert f"s3://{BUCKET}/{key} is not there, and the backup {done['backup']['name']} needs it" in backup("restored", fails=True)["msg"]
    manifest = f"{PREFIX}/backups/{done['backup']['name']}.json"
    s3.put_object(Bucket=BUCKET, Key=manifest, Body=b"{}")
    assert f"s3://{BUCKET}/{manifest} is no manifest of a backup" in backup("restored", fails=True)["msg"]


@pytest.fixture
def guarded(aws_api: str) -> Iterator[Callable[[], None]]:
    """Return a function from which on the AWS looks at keys and policies."""

    switch = f"{aws_api}/moto-api/reset-auth"  # how many calls are let in without
    yield lambda: post(switch, "0")
    post(switch, "inf")


def test_wrong_keys(backup: Go, filled: tuple[Any, ...], s3: Any, aws_api: str, guarded: Callable[[], None]) -> None:
    guarded()
    wrong = {"endpoint_url": aws_api, "access_key_id": "AKIAWRONG", "secret_access_key": "wrong"}
    failed = backup(aws=wrong, fails=True)
    assert "S3 does not let this node use s3://backups/clickhouse/main: InvalidAccessKeyId" in failed["msg"]
    assert failed["statements"] == []


@pytest.mark.parametrize("client", ["", "acme"])
def test_a_role_reads_its_own_cluster_s_backups_only(
    backup: Go, filled: tuple[Any, ...], s3: Any, aws_api: str, guarded: Callable[[], None], client: str
) -> None:
    group = ROOT / "inventories/common" / ("clients.yml" if client else "all/identity.yml")
    role = yaml.safe_load(group.read_text())["kc_identity_roles"]["clickhouse-node"]
    grants = json.loads(json.dumps(role["grants"]).replace("{{ inventory_hostname }}", client))
    scope = Scope("kc", "lab", LAB.account, "us-east-1", "identity", client)
    bucket = scope.at(REGION).shared.bucket("backups")
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
    own, other = [f"clickhouse/{cluster}" for cluster in (("acme", "platform") if client else ("platform", "acme"))]
    theirs = backup(bucket=bucket, prefix=other)["backup"]["name"]
    keys = {"aws_access_key_id": LAB.access_key, "aws_secret_access_key": LAB.secret_key}
    iam = boto3.client("iam", region_name=REGION, endpoint_url=aws_api, **keys)
    iam.create_user(UserName="node")
    statements = grants_of(scope, [REGION], {"backups": grants["backups"]})
    iam.put_user_policy(UserName="node", PolicyName="grants", PolicyDocument=json.dumps(document(*statements)))
    made = iam.create_access_key(UserName="node")["AccessKey"]
    node = {"endpoint_url": aws_api, "access_key_id": made["AccessKeyId"], "secret_access_key": made["SecretAccessKey"]}
    guarded()
    done = backup(aws=node, bucket=bucket, prefix=own, keep=1)
    assert not backup("restored", aws=node, bucket=bucket, prefix=own, backup=done["backup"]["name"])["changed"]
    refused = backup("restored", aws=node, bucket=bucket, prefix=other, backup=theirs, fails=True)
    assert f"S3 does not let this node use s3://{bucket}/{other}: AccessDenied" in refused["msg"]
    assert "AccessDenied" in backup(aws=node, bucket=bucket, prefix=other, fails=True)["msg"]


def test_the_playbooks_task(world: World, filled: tuple[Any, ...], s3: Any, aws_api: str, tmp_path: Path) -> None:
    facts = {
        "clickhouse_replicas": [{"host": world.nodes[1], "replica": "elsewhere"}, {"host": world.nodes[0], "replica": "localhost"}],
        "node_secrets": {"secrets": {"clickhouse-admin": {"username": USER, "password": PASSWORD}}},
        "clickhouse_cluster": CLUSTER,
        "kc_node_fqdn": world.nodes[0],
        "kc_region": REGION,
        "backup_bucket": BUCKET,
        "backup_prefix": PREFIX,
        "backup_keep": 14,
        "backup_aws": {"endpoint_url": aws_api, "access_key_id": LAB.access_key, "secret_access_key": LAB.secret_key},
    }
    task = {
        "ansible.builtin.import_tasks": str(ROOT / "playbooks/tasks/clickhouse_backup.yml"),
        "module_defaults": {"kc_clickhouse_backup": {"ca": world.options["ca"]}},
    }
    tasks = [
        {"ansible.builtin.set_fact": facts, "no_log": True},
        task,
        *({**task, "vars": {"backup_state": state}} for state in ("restored", "listed")),
    ]
    done = play(tmp_path, tasks)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "ok=4    changed=1 " in done.stdout, "what was just backed up needs no restoration"
    assert '"uploaded": 8' in done.stdout
    for secret in (PASSWORD, json.dumps(PASSWORD)[1:-1], LAB.secret_key):
        assert secret not in done.stdout + done.stderr
