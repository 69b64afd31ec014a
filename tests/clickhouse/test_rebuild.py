"""A node that lost its disk is made again from the others, on real servers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from kc.clickhouse.connection import Server
from kc.clickhouse.errors import NodeError
from kc.clickhouse.replica import work

from tests.clickhouse.world import CLUSTER, World
from tests.servers import until

Go = Callable[..., dict[str, Any]]
TABLES = [
    "CREATE TABLE b.daily (day Date, rows AggregateFunction(count)) ENGINE = ReplicatedAggregatingMergeTree('{path}/daily', '{{replica}}') "
    "PARTITION BY day ORDER BY day",
    "CREATE TABLE b.all (day Date, x UInt64 DEFAULT 1 + 1) ENGINE = ReplicatedMergeTree('{path}/all', '{{replica}}') PARTITION BY day ORDER BY x",
    "CREATE MATERIALIZED VIEW b.all_to_daily TO b.daily AS SELECT day, countState() AS rows FROM b.all GROUP BY day",
    f"CREATE TABLE b.everywhere (day Date, x UInt64) ENGINE = Distributed('{CLUSTER}', 'b', 'all')",
    "CREATE VIEW b.last AS SELECT max(day) AS day FROM b.all",
    "CREATE TABLE b.arriving (day Date, x UInt64) ENGINE = Null",
    "CREATE MATERIALIZED VIEW b.arriving_to_all TO b.all AS SELECT day, x FROM b.arriving",
    "CREATE TABLE b.notes (text String) ENGINE = Log",
]
DATABASE = "SELECT name FROM system.databases WHERE name = 'b'"
COUNTS = "SELECT (SELECT count() FROM b.all), (SELECT countMerge(rows) FROM b.daily)"


@pytest.fixture
def rebuild(go: Go, world: World) -> Go:
    """Return a function that runs the module for the second node."""
    return lambda node=world.nodes[1], wait=60, **params: go(
        work, **{"tables": [], "replica": "", "source": "", "wait": wait, "state": "rebuilt", "node": node, **params}
    )


@pytest.fixture
def path(request: pytest.FixtureRequest) -> str:
    """Where the test's tables stand in the ensemble."""
    return f"/clickhouse/tables/01/rebuild/{abs(hash(request.node.name))}"


def make(servers: list[Server], path: str) -> None:
    for server in servers:
        server.run("CREATE DATABASE b")
        for table in TABLES:
            server.run(table.format(path=path))


def fill(server: Server, first: int, count: int) -> None:
    server.run(f"INSERT INTO b.all (day, x) SELECT toDate('2026-01-01') + number % 3, number FROM numbers({first}, {count})")


def have(servers: list[Server], rows: int) -> None:
    until(lambda: all(server.rows(COUNTS) == [(rows, rows)] for server in servers), f"{rows} rows are everywhere")


def lose_the_disk(world: World) -> Server:
    """End the second server, empty its disk, and start it again."""
    lost = world.replicas[1]
    lost.kill()
    lost.empty()
    lost.start()
    lost.wait()
    return lost.server()


def test_a_node_that_lost_its_disk_has_all_again(rebuild: Go, servers: list[Server], path: str, world: World) -> None:
    make(servers, path)
    fill(servers[0], 0, 900)
    fill(servers[1], 900, 90)
    have(servers, 990)
    assert rebuild()["rebuilt"] == [], "nothing is lost yet"
    definitions = {table: servers[1].one(f"SHOW CREATE TABLE b.{table}") for (table,) in servers[1].rows("SHOW TABLES FROM b")}
    with lose_the_disk(world) as lost:
        parts = "SELECT name, modification_time FROM system.parts WHERE active AND database = 'b' ORDER BY table, name"
        before = servers[0].rows(parts)

        planned = rebuild(check=True)
        assert lost.rows(DATABASE) == []
        # the session of the server that was killed has not ended: its replica would be taken for active, and take inserts
        assert f"replica-2 is active, although {world.nodes[1]} lacks the table" in rebuild(wait=0, fails=True)["msg"]
        done = rebuild()
        assert done["statements"] == planned["statements"]
        assert {step["node"] for step in done["statements"]} == {world.nodes[1]}
        assert done["rebuilt"] == ["b.all", "b.all_to_daily", "b.arriving", "b.arriving_to_all", "b.daily", "b.everywhere", "b.last"]
        assert done["left_out"] == ["b.notes"], "its rows are nowhere else"
        # what is inserted at once is in views' tables too: a view is there before its source, and its target before both
        order = [step["statement"].partition(" b.")[2].split()[0] for step in done["statements"][1:]]
        assert {*order[:3]} == {"all_to_daily", "arriving_to_all", "last"}
        assert order.index("daily") < order.index("all") < order.index("arriving")
        assert servers[0].rows(parts) == before, "the other lost nothing"
        fill(servers[0], 990, 10)
        assert not rebuild()["changed"], "it goes on from there"
        assert lost.rows(COUNTS) == [(1000, 1000)], "it has all rows when the module ends"

        assert {table: lost.one(f"SHOW CREATE TABLE b.{table}") for table in definitions if table != "notes"} == {
            table: create for table, create in definitions.items() if table != "notes"
        }
        fill(lost, 2000, 5)
        have([servers[0], lost], 1005)


def test_a_node_that_never_had_a_replica_gets_one(rebuild: Go, servers: list[Server], path: str) -> None:
    make(servers[:1], path)
    verbs = {step["statement"].partition(" b.")[2].split()[0]: step["statement"].split()[0] for step in rebuild()["statements"][1:]}
    assert verbs.items() >= {"daily": "CREATE", "all": "CREATE", "all_to_daily": "ATTACH", "everywhere": "ATTACH"}.items()
    assert servers[1].rows(COUNTS) == [(0, 0)]


def test_a_view_comes_before_its_source_by_attach_only(servers: list[Server]) -> None:
    servers[0].run("CREATE DATABASE b")
    servers[0].run("CREATE TABLE b.target (x UInt64) ENGINE = Log")
    view = "MATERIALIZED VIEW b.arriving_to_target TO b.target (x UInt64) AS SELECT x FROM b.arriving"
    with pytest.raises(NodeError) as no:
        servers[0].run(f"CREATE {view}")
    assert no.value.server_code == 60
    servers[0].run(f"ATTACH {view}")
    servers[0].run("CREATE TABLE b.arriving (x UInt64) ENGINE = Null")
    servers[0].run("INSERT INTO b.arriving SELECT 7")
    assert servers[0].rows("SELECT x FROM b.target") == [(7,)]


def test_what_would_have_to_be_guessed_is_refused(rebuild: Go, servers: list[Server], path: str, world: World) -> None:
    assert f"no other node has a table that {world.nodes[1]} could be given" in rebuild(fails=True)["msg"]
    assert "'elsewhere' is none of the nodes" in rebuild(node="elsewhere", fails=True)["msg"]
    servers[0].run("CREATE DATABASE b")
    servers[0].run(f"CREATE TABLE b.own (day Date) ENGINE = ReplicatedMergeTree('{path}/own', 'replica-1') ORDER BY day")
    failed = rebuild(fails=True)
    assert f"b.own: its definition names the replica of {world.nodes[0]}, replica-1" in failed["msg"]
    servers[0].run("CREATE VIEW b.own_kc_definition AS SELECT 1 AS definition")
    assert f"{world.nodes[0]}: b.own is being restored" in rebuild(fails=True)["msg"]
    assert servers[1].rows(DATABASE) == [], "nothing is half done"


def test_an_empty_replica_is_never_the_first_one(rebuild: Go, servers: list[Server], path: str, world: World) -> None:
    make(servers, path)
    fill(servers[0], 0, 30)
    with lose_the_disk(world) as lost:
        world.ensemble.forget(f"{path}/all/replicas")
        failed = rebuild(fails=True)
        assert f"b.all: the ensemble has forgotten the replica of {world.nodes[0]}" in failed["msg"]
        assert lost.rows(DATABASE) == []
        assert servers[0].one("SELECT count() FROM b.all") == 30
