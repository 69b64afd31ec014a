"""Health, lag and readiness on real servers: what each thing that goes wrong does to the verdict."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from kc.clickhouse.connection import Server
from kc.clickhouse.info import work

from tests import ports
from tests.clickhouse.world import PASSWORD, ROOT, World
from tests.servers import until

Go = Callable[..., dict[str, Any]]

QUICK = {"databases": [], "rows": False, "wait": 0}


@pytest.fixture
def info(go: Go) -> Callable[..., dict[str, Any]]:
    """Return a function that asks all nodes, or those named."""
    return lambda **params: go(work, **{**QUICK, **params})


@pytest.fixture
def tables(world: World, servers: list[Server]) -> list[Server]:
    """Two tables on both nodes, one with ten rows and one that never had any."""
    for number, server in enumerate(servers, 1):
        server.run("CREATE DATABASE health")
        for table in ("full", "never"):
            path = f"/clickhouse/tables/01/health/{world.ensemble.port}-{id(servers)}-{table}"
            engine = f"ReplicatedMergeTree('{path}', 'replica-{number}')"
            server.run(f"CREATE TABLE health.{table} (x UInt64) ENGINE = {engine} ORDER BY x")
    servers[0].run("INSERT INTO health.full SELECT number FROM numbers(10)")
    until(lambda: servers[1].one("SELECT count() FROM health.full") == 10, "the rows are on both")
    return servers


def test_all_is_well(info: Go, tables: list[Server], world: World) -> None:
    found = info(wait=30)
    assert (found["ready"], found["reasons"], found["changed"]) == (True, [], False)
    assert [*found["nodes"]] == world.nodes
    for node in found["nodes"].values():
        assert (node["state"], node["version"], node["ensemble"], node["sessions"]) == ("answers", "18.16.1", "", 1)
        assert node["uptime"] >= 0
        assert 0 <= node["certificate_days"] <= 7  # of the throw-away authority
        assert (node["disks"], node["detached"], node["stuck"]) == (None, None, [])  # 18.16 does not tell the first two
        assert [*node["tables"]] == ["health.full", "health.never"]
        for table in node["tables"].values():
            assert (table["ready"], table["log_lag"], table["inserts"], table["total"], table["active"]) == (True, 0, 0, 2, 2)
            assert (table["delay"], table["unknown"]) == (0, "")
    assert all("its certificate ends in" in note for note in found["notes"])
    assert sum("ready" in line for line in found["summary"]) == 4
    json.dumps(found)


def test_what_was_not_fetched_is_a_lag_and_waiting_ends_with_it(info: Go, tables: list[Server], world: World) -> None:
    first, second = tables
    second.run("SYSTEM STOP FETCHES health.full")
    try:
        first.run("INSERT INTO health.full SELECT number FROM numbers(10, 10)")
        until(lambda: info()["reasons"] == [f"{world.nodes[1]}: health.full: 1 insert not fetched yet"], "the lag is told")
        late = info(wait=1)
        table = late["nodes"][world.nodes[1]]["tables"]["health.full"]
        assert (late["ready"], table["ready"], table["inserts"], table["queue"]) == (False, False, 1, 1)
        assert table["oldest"]
        assert late["waited"] >= 1
        assert info(wait=30, check=True)["waited"] == 0
    finally:
        second.run("SYSTEM START FETCHES health.full")
    assert info(wait=60)["ready"]
    assert second.one("SELECT count() FROM health.full") == 20


def test_rows_are_counted_where_they_are_asked_for(info: Go, tables: list[Server], world: World) -> None:
    engine = f"ReplicatedSummingMergeTree('/clickhouse/tables/01/health/{world.ensemble.port}-{id(tables)}-sums', 'only')"
    tables[0].run(f"CREATE TABLE health.sums (day Date, rows UInt64) ENGINE = {engine} ORDER BY day")
    for _ in range(2):
        tables[0].run("INSERT INTO health.sums SELECT toDate('2026-01-01') + number, rand() FROM numbers(3)")
    first, second = info(rows=True)["nodes"].values()
    assert {name: table["rows"] for name, table in first["tables"].items()} == {"health.full": 10, "health.never": 0, "health.sums": 3}
    assert {name: table["rows"] for name, table in second["tables"].items()} == {"health.full": 10, "health.never": 0}
    assert {table["rows"] for node in info()["nodes"].values() for table in node["tables"].values()} == {None}


def test_only_some_databases(info: Go, tables: list[Server]) -> None:
    tables[1].run("SYSTEM STOP FETCHES health.full")
    try:
        tables[0].run("INSERT INTO health.full SELECT 99")
        until(lambda: not info()["ready"], "the lag is told")
        elsewhere = info(databases=["default", "it's another"])
        assert (elsewhere["ready"], {len(node["tables"]) for node in elsewhere["nodes"].values()}) == (True, {0})
        assert not info(databases=["health"])["ready"]
    finally:
        tables[1].run("SYSTEM START FETCHES health.full")


def test_a_node_that_is_down_is_named_and_missed(info: Go, tables: list[Server], world: World) -> None:
    world.replicas[1].kill()
    until(lambda: any("1 of 2 replicas are active" in reason for reason in info()["reasons"]), "the ensemble misses it")
    found = info()
    assert found["reasons"] == [
        f"{world.nodes[0]}: all of its 2 tables: 1 of 2 replicas are active",
        f"{world.nodes[1]}: it does not listen",
    ]
    assert (found["nodes"][world.nodes[1]]["state"], found["nodes"][world.nodes[1]]["tables"]) == ("no answer", {})
    assert f"{world.nodes[1]}: it does not listen" in found["summary"]
    world.replicas[1].start()
    assert info(wait=60)["ready"], "it is waited for"


@pytest.fixture
def deaf(world: World, tables: list[Server]) -> Iterator[list[Server]]:
    """The tables, and no ensemble any more."""
    world.ensemble.kill()
    yield tables
    world.ensemble.start()
    world.ensemble.wait()
    for server in tables:
        until(lambda server=server: server.one("SELECT max(is_readonly + is_session_expired) FROM system.replicas") == 0, "it writes again")


def test_without_the_ensemble_nothing_is_known_to_be_well(info: Go, deaf: list[Server], world: World) -> None:
    until(lambda: sum("read only" in reason for reason in info()["reasons"]) == 2, "both know that it is gone")
    found = info()
    assert not found["ready"]
    for node, told in found["nodes"].items():
        assert f"{node}: it can't ask the ensemble: {told['ensemble']}" in found["reasons"]
        assert told["sessions"] == 0
        for table in told["tables"].values():
            assert [table[key] for key in ("delay", "log_lag", "total", "active")] == [None] * 4, "unknown, and not zero"
            assert (table["ready"], table["readonly"], table["unknown"]) == (False, True, told["ensemble"])
    assert sum("log lag unknown" in line and "delay unknown" in line for line in found["summary"]) == 4


def test_a_table_that_the_ensemble_has_forgotten_hides_no_other(info: Go, tables: list[Server], world: World) -> None:
    path = tables[0].one("SELECT zookeeper_path FROM system.replicas WHERE table = 'full'")
    # what is behind jute's getChildren and delete in one command: the tools that come with the server
    tool = ["java", "-Xmx64m", "-cp", "/usr/share/java/zookeeper.jar", "org.apache.zookeeper.ZooKeeperMain"]
    subprocess.run([*tool, "-server", f"127.0.0.1:{world.ensemble.port}", "deleteall", f"{ROOT}{path}"], check=True, capture_output=True)
    found = info()
    (first, _) = found["nodes"].values()
    forgotten, other = first["tables"]["health.full"], first["tables"]["health.never"]
    assert (forgotten["log_lag"], forgotten["total"], forgotten["ready"]) == (None, None, False)
    assert forgotten["unknown"]
    assert (other["log_lag"], other["total"], other["ready"]) == (0, 2, True)


def test_a_table_that_one_node_lacks(info: Go, tables: list[Server], world: World) -> None:
    tables[1].run("DROP TABLE health.never")
    assert f"{world.nodes[1]}: it lacks health.never" in info()["reasons"]


def test_one_node_that_refuses_is_told_and_all_of_them_are_an_error(info: Go, go: Go, tables: list[Server], world: World) -> None:
    failed = go(work, fails=True, **QUICK, password="wrong-password-of-nobody")
    assert all(node in failed["msg"] for node in world.nodes)
    assert PASSWORD not in json.dumps(failed)
    nowhere = f"localhost:{ports.free(1)}"
    alone = info(nodes=[nowhere])
    assert (alone["ready"], alone["reasons"]) == (False, [f"{nowhere}: it does not listen"])
