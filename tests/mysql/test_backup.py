"""Backups in S3 and their restoration, on real servers: every moment comes back as it was, whatever happens on the way."""

from __future__ import annotations

import datetime
import json
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from kc.aws.session import Aws
from kc.backup import store
from kc.mysql import freeze, gtid, rebuild, replication
from kc.mysql.backup import work
from kc.mysql.connection import Server
from kc.mysql.data import Owner

from lab.podman import CONF
from lab.settings import Settings
from tests.conftest import BUCKET, REGION
from tests.killing import steps
from tests.mysql.acts import FREEZE, REBUILD, Go, Steady, Supervised
from tests.mysql.world import USER, Instance, World
from tests.servers import until

LAB = Settings.load()
PREFIX = "mysql/main"
CALLS = ((Aws, "call"), (Aws, "pages"), (Server, "rows"), (Server, "run"))


def program(home: Path, called: str, instance: Instance) -> str:
    """Return a program of the lab's image, as this machine has none."""
    path = home / called
    mounts = " ".join(f"--volume {each}:{each}" for each in (instance.home.parent, home))
    path.write_text(
        f"#!/bin/sh\nCONTAINERS_CONF={CONF} exec podman run --rm --network none --user 65534:65534 {mounts} "
        f'--entrypoint {called} {instance.image} "$@"\n'
    )
    path.chmod(0o755)
    return str(path)


@pytest.fixture
def other(world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[Instance]:
    """A third server, which has no data."""
    monkeypatch.setattr(Owner, "identity", {})  # the program is podman's, which has the server run as somebody else
    first = world.servers[0]
    instance = Instance(first.home.with_name(f"mysql-other-{time.monotonic_ns()}"), 3, world.authority, first.image)
    (instance.home / "data").rmdir()
    yield instance
    instance.remove()
    shutil.rmtree(instance.home)


@pytest.fixture
def backup(go: Go, world: World, other: Instance, aws_api: str, s3: Any) -> Go:
    """Return a function that runs the module: on the first server, or, with `restored`, for the third."""
    aws = {"endpoint_url": aws_api, "access_key_id": LAB.access_key, "secret_access_key": LAB.secret_key}
    options = {
        "bucket": BUCKET,
        "prefix": PREFIX,
        "region": REGION,
        "aws": aws,
        "keep": 7,
        "at": "",
        "before": "",
        "backup": "",
        "data": "keep",
        "directory": str(other.home / "data"),
        "config": str(other.home / "my.cnf"),
        "account_host": "%",
        "owner": "nobody",
        "groups": [],
        "program": program(other.home, "mysqld", other),
        "reader": program(other.home, "mysqlbinlog", other),
        "wait": 120,
    }
    return lambda state="made", **params: go(work, **{**options, "state": state, **params})


@pytest.fixture
def filled(servers: list[Server], backup: Go) -> Server:
    """The first server, with a table."""
    servers[0].run("CREATE DATABASE d")
    servers[0].run("CREATE TABLE d.t (x INT PRIMARY KEY)")
    write(servers[0], 0, 5)
    return servers[0]


def write(server: Server, first: int, count: int) -> None:
    for x in range(first, first + count):
        server.run(f"INSERT INTO d.t (x) VALUES ({x})")


def rows(server: Server) -> list[int]:
    return [row[0] for row in server.rows("SELECT x FROM d.t ORDER BY x")]


def begun(instance: Instance) -> Server:
    """Start a server on what was restored."""
    instance.start()
    instance.wait()
    return instance.server()


def end(instance: Instance) -> None:
    """Take away a server's data."""
    instance.remove()
    for path in instance.home.glob("data*"):
        shutil.rmtree(path)


def last(server: Server) -> str:
    """Return the newest transaction of a server's own."""
    uuid, executed = server.rows("SELECT @@server_uuid, @@gtid_executed")[0]
    return f"{uuid}:{executed.rpartition('-')[2].rpartition(':')[2]}"


def ran(result: dict[str, Any]) -> list[str]:
    return [step["statement"] for step in result["statements"]]


class Writer(Steady):
    """Writes a row at a time; `rows` has each with the moments before it was sent and after it was acknowledged."""

    def __init__(self, instance: Instance) -> None:
        super().__init__()
        self.server = instance.server()
        self.rows: list[tuple[int, float, float]] = []

    def run(self) -> None:
        number = 1000
        while not self.ended.is_set():
            before = time.time()
            write(self.server, number, 1)
            self.rows.append((number, before, time.time()))
            number += 1
            time.sleep(0.005)
        self.server.close()


def test_any_second_comes_back_exactly(backup: Go, filled: Server, world: World, other: Instance) -> None:
    """What was acknowledged before the second is there, what was begun in it or later is not."""
    with Writer(world.servers[0]) as writer:
        until(lambda: len(writer.rows) > 20, "it writes")
        planned = backup(check=True)
        done = backup()
        assert done["statements"][: len(planned["statements"])] == planned["statements"]
        filled.run("CREATE TABLE d.later (x INT)")
        filled.run("CREATE USER someone@'%' IDENTIFIED BY 'throw-away'")
        time.sleep(2.5)
        backup("shipped")
        filled.run("DROP TABLE d.later")
        time.sleep(2)
    assert backup("shipped")["changed"]
    again = backup("shipped")
    assert (again["changed"], again["statements"], again["sent"]) == (False, [], [])
    assert not (world.servers[0].home / "kc_backup" / "copy").exists()
    listed = backup("listed")["backups"]
    assert [(each["name"], each["logs"] > 1, each["missing"]) for each in listed] == [(done["backup"]["name"], True, "")]

    first = datetime.datetime.fromisoformat(listed[0]["ended"]).timestamp()
    stops = [second for second in range(int(first) + 1, int(writer.rows[-1][2]) + 1) if second > first]
    assert len(stops) > 3
    for second in stops[:: len(stops) - 1]:
        at = datetime.datetime.fromtimestamp(second, datetime.UTC).isoformat()
        planned = backup("restored", at=at, check=True)
        back = backup("restored", at=at)
        assert (back["changed"], back["statements"]) == (True, planned["statements"])
        again = backup("restored", at=at)
        assert (again["changed"], again["statements"], again["executed"]) == (False, [], back["executed"])
        with begun(other) as server:
            found = set(rows(server))
            assert {number for number, _, after in writer.rows if after < second} | set(range(5)) <= found
            assert not {number for number, before, _ in writer.rows if before >= second} & found
            assert server.one("SELECT @@server_uuid") != world.servers[0].uuid
            assert server.one("SELECT @@gtid_executed").replace("\n", "") == back["executed"]
            assert not server.rows("SHOW REPLICA STATUS")
        assert "a server runs on" in backup("restored", data="aside", fails=True)["msg"]
        end(other)

    # and all of it
    backup("restored")
    with begun(other) as server, world.servers[0].server() as source:
        assert rows(server) == rows(source)
        assert server.one("SELECT 1 FROM mysql.user WHERE user = 'someone'")
        assert server.one("SELECT @@gtid_executed") == source.one("SELECT @@gtid_executed")


def test_up_to_a_transaction_that_should_not_have_been(backup: Go, filled: Server, other: Instance) -> None:
    backup()
    write(filled, 10, 3)
    filled.run("DROP TABLE d.t")
    wrong = last(filled)
    filled.run("CREATE DATABASE after_it")
    backup("shipped")
    assert ran(backup("restored", before=wrong, check=True))[1].endswith(f"up to, and without, {wrong}")
    assert backup("restored", before=wrong)["applied"] == 3
    with begun(other) as server:
        assert rows(server) == [0, 1, 2, 3, 4, 10, 11, 12]


def test_what_is_killed_is_completed_by_the_next_run(backup: Go, filled: Server, other: Instance, world: World) -> None:
    interrupted(backup, filled, other, world, seed=3, most=90)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(6))
def test_what_is_killed_anywhere_is_completed_by_the_next_run(backup: Go, filled: Server, other: Instance, world: World, seed: int) -> None:
    interrupted(backup, filled, other, world, seed, most=25)


def interrupted(backup: Go, server: Server, other: Instance, world: World, seed: int, most: int) -> None:
    """Break off copies, logs and restorations at some of their calls, and see that the next run completes each."""
    count = iter(range(100, 1000))

    def more() -> None:
        write(server, next(count), 1)

    for _ in steps(backup, CALLS, more, seed, most):
        assert all(not each["missing"] for each in backup("listed")["backups"])
    more()
    for _ in steps(lambda: backup("shipped"), CALLS, more, seed, most):
        assert all(not each["missing"] for each in backup("listed")["backups"])
    backup("shipped")
    assert not (world.servers[0].home / "kc_backup" / "copy").exists()
    wanted = rows(server)
    for at in steps(lambda: backup("restored"), CALLS, lambda: end(other), seed, most):
        backup("restored")
        with begun(other) as restored:
            assert rows(restored) == wanted, f"at {at}"
        other.remove()
        assert sorted(path.name for path in other.home.glob("data*")) == ["data"]


def test_files_that_are_there_are_not_sent_again(backup: Go, filled: Server, s3: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def objects() -> dict[str, str]:
        key = s3.list_objects_v2(Bucket=BUCKET, Prefix=f"{PREFIX}/bases/")["Contents"][-1]["Key"]
        return {file["path"]: file["object"] for file in json.loads(s3.get_object(Bucket=BUCKET, Key=key)["Body"].read())["files"]}

    first = backup()
    before = objects()
    write(filled, 10, 3)
    # what was written is in the redo log, and in the table's file when its page is flushed: the copy may come before that
    filled.run("FLUSH TABLES d.t FOR EXPORT")
    filled.run("UNLOCK TABLES")
    backup("shipped")
    second = backup(keep=1)
    assert second["gone"] == [first["backup"]["name"]]
    assert objects()["sys/sys_config.ibd"] == before["sys/sys_config.ibd"]
    assert objects()["d/t.ibd"] != before["d/t.ibd"]
    assert second["uploaded"] == len(set(objects().values()) - set(before.values())) < first["uploaded"]
    logs = [item["Key"] for item in s3.list_objects_v2(Bucket=BUCKET, Prefix=f"{PREFIX}/logs/").get("Contents", [])]
    assert not logs, "what the copy has is needed no longer"
    assert second["deleted_objects"] == 0
    monkeypatch.setattr(store, "GRACE", datetime.timedelta(seconds=-5))
    assert backup(keep=1)["deleted_objects"] > 1
    assert [each["name"] for each in backup("listed")["backups"]] != [second["backup"]["name"]]


def test_a_log_that_is_missing_shows(backup: Go, filled: Server, other: Instance) -> None:
    backup()
    write(filled, 10, 1)
    known = backup("shipped")["backup"]["until"]
    write(filled, 20, 2)
    missing = last(filled)
    filled.run("FLUSH BINARY LOGS")
    write(filled, 30, 1)
    filled.run("PURGE BINARY LOGS TO " + repr(filled.rows("SHOW BINARY LOGS")[-1][0]))
    time.sleep(1.1)
    failed = backup("shipped", fails=True)
    assert "2 transactions after the copy" in failed["msg"]
    assert missing in failed["msg"].replace("-", f",{missing.partition(':')[0]}:")
    assert failed["sent"], "what is there was sent"
    listed = backup("listed")["backups"][-1]
    assert (listed["logs"], listed["until"]) == (1, known)
    assert "can't be brought to the end of all logs" in backup("restored", fails=True)["msg"]
    at = datetime.datetime.now(datetime.UTC).replace(microsecond=0).isoformat()
    assert f"up to {known}" in backup("restored", at=at, fails=True)["msg"]
    assert not (other.home / "data").exists()
    backup()
    write(filled, 40, 1)
    backup("shipped")
    backup("restored")
    with begun(other) as server:
        assert rows(server) == rows(filled)


def test_logs_go_on_after_a_promotion(backup: Go, pair: list[Server], world: World, other: Instance) -> None:
    """A copy is made of the replica, which then takes its source's place: its own logs go on."""
    source, replica = pair
    source.run("INSERT INTO d.t VALUES (1)")
    until(lambda: replica.one("SELECT COUNT(*) FROM d.t") == 1, "it has it")
    made = backup(host=world.servers[1].host)
    assert made["backup"]["server"] == world.servers[1].uuid
    source.run("INSERT INTO d.t VALUES (2)")
    backup("shipped")
    until(lambda: replica.one("SELECT COUNT(*) FROM d.t") == 2, "it has it")
    for statement in (
        "STOP REPLICA",
        "RESET REPLICA ALL",
        "RESET PERSIST",
        "SET GLOBAL super_read_only = OFF",
        "SET GLOBAL read_only = OFF",
    ):
        replica.run(statement)
    replica.run("INSERT INTO d.t VALUES (3)")
    backup("shipped", host=world.servers[1].host)
    backup("restored")
    with begun(other) as server:
        assert rows(server) == [1, 2, 3]
        assert not server.rows("SHOW REPLICA STATUS"), "it does not go on as the replica that it was copied from"


def test_the_administrator_has_the_password_that_is_given(backup: Go, filled: Server, other: Instance) -> None:
    backup()
    backup("restored", password="another 'one'")
    other.start()
    until(lambda: other.running(), "it runs")

    def asked() -> bool:
        with other.server(2, USER, "another 'one'") as server:
            try:
                return bool(server.one("SELECT 1"))
            except Exception as error:
                if not getattr(error, "absent", False):
                    raise
                return False

    until(asked, "it lets in by the new one")


def test_what_was_damaged_takes_no_place(backup: Go, filled: Server, other: Instance, s3: Any) -> None:
    backup()
    key = max(s3.list_objects_v2(Bucket=BUCKET, Prefix=f"{PREFIX}/parts/")["Contents"], key=lambda item: item["Size"])["Key"]
    whole = s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()
    s3.put_object(Bucket=BUCKET, Key=key, Body=whole[:-1] + b"x")
    assert f"s3://{BUCKET}/{key} is damaged" in backup("restored", fails=True)["msg"]
    assert not (other.home / "data").exists()
    s3.delete_object(Bucket=BUCKET, Key=key)
    assert f"s3://{BUCKET}/{key} is not there" in backup("restored", fails=True)["msg"]
    s3.put_object(Bucket=BUCKET, Key=key, Body=whole)
    backup("restored")


def test_data_that_are_there_stay(backup: Go, filled: Server, other: Instance) -> None:
    data = other.home / "data"
    data.mkdir()
    (data / "mine").write_text("mine")
    backup()
    assert f"{data} is not empty" in backup("restored", fails=True)["msg"]
    done = backup("restored", data="aside")
    assert "what is there is renamed" in ran(done)
    assert [(path / "mine").read_text() for path in other.home.glob("data.aside-*")] == ["mine"]
    assert json.loads((data / "kc_restored.json").read_text())["done"]["executed"] == done["executed"]
    assert (data / "ibdata1").stat().st_uid == 65534
    with begun(other):
        other.remove()
    assert f"{data} is not empty" in backup("restored", fails=True)["msg"], "a server has begun on it since"
    assert backup("restored", data="aside")["changed"]
    assert len(list(other.home.glob("data.aside-*"))) == 2


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"keep": 0}, "`keep` is 0"),
        ({"prefix": "/"}, "`prefix` is empty"),
        ({"bucket": "another"}, "there is no bucket another"),
        ({"state": "shipped"}, "There is no copy at s3://backups/mysql/main that a log could go on from"),
        ({"state": "restored"}, "No copy at s3://backups/mysql/main is from before now"),
        ({"state": "restored", "backup": "20260101T000000Z"}, "there is no backup '20260101T000000Z'"),
        ({"state": "restored", "at": "yesterday"}, "`at` is 'yesterday', and no moment"),
        ({"state": "restored", "at": "2026-01-01T00:00:00Z", "before": "x"}, "`at` and `before` are both given"),
        ({"state": "restored", "before": "x"}, "is no set of transactions"),
        ({"state": "restored", "before": "3e11fa47-71ca-11e1-9e33-c80aa9429562:1-2"}, "and not one transaction"),
        ({"state": "restored", "directory": "data"}, "no absolute path"),
    ],
)
def test_what_can_not_be_done_is_refused(backup: Go, options: dict[str, Any], says: str) -> None:
    assert says.lower() in backup(**{"state": "made", **options}, fails=True)["msg"].lower()


def test_what_reaches_no_copy_is_refused(backup: Go, filled: Server, other: Instance) -> None:
    made = backup()["backup"]
    assert "is from before 2026-01-01" in backup("restored", at="2026-01-01T00:00:00Z", fails=True)["msg"]
    assert made["ended"] in backup("restored", at="2026-01-01T00:00:00Z", fails=True)["msg"]
    has = f"{made['server']}:1"
    assert f"is from before {has}" in backup("restored", before=has, fails=True)["msg"]
    unknown = f"{made['server']}:100000"
    assert f"can't be brought to {unknown}" in backup("restored", before=unknown, fails=True)["msg"]
    filled.run("CREATE TABLE d.plain (x INT) ENGINE = MyISAM")
    assert "d.plain (MyISAM)" in backup(fails=True)["msg"]
    assert not (other.home / "data").exists()


def test_a_replica_of_its_source_follows_what_was_restored(
    backup: Go, pair: list[Server], other: Instance, following: dict[str, Any], go: Go
) -> None:
    """The transactions are the old ones: who has no others goes on from there."""
    source, replica = pair
    backup()
    for statement in ("STOP REPLICA", "RESET REPLICA ALL"):
        replica.run(statement)
    write(source, 10, 2)
    backup("shipped")
    backup("restored")
    with begun(other) as server:
        go(replication.work, **{**following, "source": other.host})
        until(lambda: rows(replica) == rows(server) == [10, 11], "it has all")


def test_a_replica_that_went_on_is_made_again_from_what_was_restored(
    backup: Go, ready: list[Server], other: Instance, following: dict[str, Any], go: Go, world: World
) -> None:
    """It has what was not restored: that is refused until it is named, and then thrown away."""
    source, replica = ready
    backup()
    source.run("INSERT INTO app.orders VALUES (1)")
    source.run("DELETE FROM app.orders")
    wrong = last(source)
    until(lambda: not replica.one(f"SELECT GTID_SUBTRACT('{wrong}', @@global.gtid_executed)"), "the replica has done it too")
    replica.run("STOP REPLICA")  # it has heartbeats of its source as well
    backup("shipped")
    backup("restored", before=wrong)
    with begun(other) as server:
        go(freeze.work, **{**FREEZE, "host": other.host, "state": "thawed", "probe": None, "other": world.servers[1].host})
        options = {**following, **REBUILD, "source": other.host}
        del options["state"]
        errant = gtid.subtract(server, gtid.executed(replica), gtid.executed(server))
        assert f"that {other.host} has not: {errant}" in go(rebuild.work, fails=True, **options)["msg"]
        with Supervised(world.servers[1]):
            assert go(rebuild.work, **{**options, "discard": errant})["cloned"]
        replica.close()  # it was restarted
        until(lambda: replica.rows("SELECT id FROM app.orders") == server.rows("SELECT id FROM app.orders") == [(1,)], "it has the row")
