"""What ClickHouse's nodes tell, and what it means; statements as a current engine takes them."""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import chdb
import pytest
from kc.clickhouse.health import LATE, Health, Table, behind, look, notes, reasons, summary
from kc.clickhouse.quote import name
from kc.clickhouse.version import Version

TABLE = Table(
    database="d",
    table="t",
    replica="r1",
    path="/clickhouse/tables/01/d/t",
    readonly=False,
    session_expired=False,
    queue=0,
    inserts=0,
    merges=0,
    oldest=None,
    delay=0,
    log_lag=0,
    total=2,
    active=2,
)
HEALTH = Health(version="25.8.2", uptime=90, sessions=1, certificate_days=300, tables={"d.t": TABLE})


def node(**table: Any) -> Health:
    return replace(HEALTH, tables={"d.t": replace(TABLE, **table)})


LOST = {"delay": None, "log_lag": None, "total": None, "active": None}


@pytest.mark.parametrize(
    ("health", "why"),
    [
        (HEALTH, []),
        (replace(HEALTH, tables={}), []),
        (node(merges=3, queue=3, delay=7), []),
        (node(inserts=12, log_lag=3, delay=LATE), []),
        (node(inserts=1, delay=LATE + 1), ["n: d.t: 1 insert not fetched yet"]),
        (node(inserts=12, delay=None), ["n: d.t: 12 inserts not fetched yet"]),
        (node(log_lag=1, delay=LATE + 1), ["n: d.t: 1 entry of the log not seen yet"]),
        (node(active=1), ["n: d.t: 1 of 2 replicas are active"]),
        (node(**LOST, unknown="it is so"), ["n: d.t: how far it is behind is unknown: it is so"]),
        (node(log_lag=None, unknown="x"), ["n: d.t: how far it is behind is unknown: x"]),
        (
            node(**LOST, readonly=True, session_expired=True, unknown="gone"),
            ["n: d.t: read only", "n: d.t: without a session with the ensemble", "n: d.t: how far it is behind is unknown: gone"],
        ),
        # what the whole node lacks is said once
        (
            replace(node(**LOST, readonly=True, unknown="no way to it"), ensemble="no way to it"),
            ["n: it can't ask the ensemble: no way to it", "n: d.t: read only"],
        ),
        (Health(error="n: it does not listen"), ["n: it does not listen"]),
    ],
)
def test_why_a_node_is_not_ready(health: Health, why: list[str]) -> None:
    assert reasons({"n": health}) == why


def test_many_tables_with_one_reason_are_a_line() -> None:
    tables = {f"d.t{number}": replace(TABLE, table=f"t{number}", active=1) for number in range(9)}
    assert reasons({"n": replace(HEALTH, tables=tables)}) == ["n: all of its 9 tables: 1 of 2 replicas are active"]
    tables["d.x"] = replace(TABLE, table="x")
    assert reasons({"n": replace(HEALTH, tables=tables)}) == ["n: d.t0, d.t1, d.t2, d.t3, d.t4 and 4 more: 1 of 2 replicas are active"]


def test_a_table_that_one_node_lacks() -> None:
    nodes = {"a": HEALTH, "b": replace(HEALTH, tables={}), "c": Health(error="c: it does not listen")}
    assert reasons(nodes) == ["b: it lacks d.t", "c: it does not listen"]


STUCK = {
    "database": "d",
    "table": "t",
    "type": "GET_PART",
    "new_part_name": "all_1_1_0",
    "num_tries": 101,
    "num_postponed": 0,
    "last_exception": "No such part",
    "postpone_reason": "",
}


@pytest.mark.parametrize(
    ("health", "said"),
    [
        (HEALTH, []),
        (Health(error="n: gone"), []),
        (replace(HEALTH, certificate_days=29), ["n: its certificate ends in 29 days"]),
        (replace(HEALTH, certificate_days=1), ["n: its certificate ends in 1 day"]),
        (replace(HEALTH, sessions=2), ["n: it has 2 sessions with the ensemble instead of one"]),
        (replace(HEALTH, disks={"default": {"free": 14, "total": 100}}), ["n: disk default has 14 % left"]),
        (replace(HEALTH, disks={"default": {"free": 15, "total": 100}, "cache": {"free": 0, "total": 0}}), []),
        (replace(HEALTH, detached={"d.t": {"broken": 2, "clone": 1}}), ["n: d.t has 3 detached parts (broken, clone)"]),
        (replace(HEALTH, stuck=[STUCK]), ["n: d.t: GET_PART all_1_1_0 is stuck (101 tries, 0 delays): No such part"]),
        (
            replace(HEALTH, stuck=[{**STUCK, "last_exception": "", "postpone_reason": "Not enough disk", "num_postponed": 2000}]),
            ["n: d.t: GET_PART all_1_1_0 is stuck (101 tries, 2000 delays): Not enough disk"],
        ),
    ],
)
def test_what_is_worth_a_look_keeps_nobody_from_working(health: Health, said: list[str]) -> None:
    assert notes({"n": health}) == said
    assert reasons({"n": health}) == ([health.error] if health.error else [])


def test_what_is_unknown_is_shown_as_unknown_and_never_as_zero() -> None:
    health = node(**LOST, readonly=True, unknown="gone")
    (above, below) = summary({"n": health})
    assert above == "n: 25.8.2, up 1 min, ensemble answers, certificate 300 days, disk free unknown"
    assert below == "  d.t  not ready  log lag unknown, inserts 0, merges 0, delay unknown, replicas unknown of unknown"
    (told,) = json.loads(json.dumps(health.facts))["tables"].values()
    assert [told[key] for key in ("delay", "log_lag", "total", "active", "ready", "unknown")] == [None, None, None, None, False, "gone"]


def test_the_table_for_people() -> None:
    health = replace(HEALTH, uptime=200_000, disks={"default": {"free": 3, "total": 4}})
    assert summary({"a": health, "b": Health(error="b: it does not listen")}) == [
        "a: 25.8.2, up 2 d, ensemble answers, certificate 300 days, disk free default 75 %",
        "  d.t  ready      log lag 0, inserts 0, merges 0, delay 0 s, replicas 2 of 2",
        "b: it does not listen",
    ]


@pytest.mark.parametrize(
    ("table", "waits"),
    [({}, False), ({"inserts": 1}, True), ({"log_lag": 2}, True), ({"log_lag": None}, False), ({"inserts": 1, "readonly": True}, False)],
)
def test_only_what_needs_nothing_but_time_is_waited_for(table: dict[str, Any], waits: bool) -> None:
    assert bool(behind(node(**table))) is waits


class Engine:
    """A current engine in the place of a server."""

    version = Version(26, 9)

    def __init__(self) -> None:
        self.certificate_ends = datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=100, hours=1)
        self.connection = chdb.connect(":memory:")
        self.asked: list[str] = []

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        self.asked.append(statement)
        return [tuple(row) for row in json.loads(str(self.connection.query(statement, "JSONCompact")))["data"]]

    def one(self, statement: str) -> Any:
        rows = self.rows(statement)
        return rows[0][0] if rows else None

    def dicts(self, columns: tuple[str, ...], rest: str) -> list[dict[str, Any]]:
        return [dict(zip(columns, row, strict=True)) for row in self.rows(f"SELECT {', '.join(columns)} {rest}")]


@pytest.fixture
def engine() -> Iterator[Engine]:
    found = Engine()
    yield found
    found.connection.close()


def test_a_current_engine_is_asked_what_it_knows(engine: Engine) -> None:
    health = look(engine, ["d", "it's"])  # type: ignore[arg-type]
    assert (health.tables, health.stuck, health.detached, health.certificate_days) == ({}, [], {}, 100)
    assert health.disks
    assert {*next(iter(health.disks.values()))} == {"free", "total"}
    assert (health.version, health.ensemble) == ("26.9.0", "")
    tables = {
        name
        for statement in engine.asked
        for name in ("disks", "detached_parts", "replication_queue", "replicas")
        if f"system.{name}" in statement
    }
    assert len(tables) == 4


def test_a_current_engine_takes_what_is_asked_of_tables(engine: Engine) -> None:
    """Of those that only stand with an ensemble, it says at least that the statement is one."""
    from kc.clickhouse.health import OWN, SHARED

    assert engine.dicts((*OWN, *SHARED, "zookeeper_exception"), "FROM system.replicas WHERE database = 'd' AND table = 't'") == []
    for statement in (
        f"SYSTEM SYNC REPLICA {name('d', 'it`s')}",
        "SELECT count() FROM system.zookeeper WHERE path = '/'",
        "SELECT value FROM system.metrics WHERE metric = 'ZooKeeperSession'",
    ):
        literal = statement.replace("\\", "\\\\").replace("'", "\\'")
        assert engine.one(f"SELECT formatQuerySingleLine('{literal}')")


class Newer(Engine):
    """A current server that has lost the ensemble: it says 0 beside an exception."""

    exception = "Coordination::Exception: No node, path /clickhouse"
    REPLICA = ("d", "t", "r1", "/clickhouse/tables/01/d/t", 0, 0, 0, 0, 0, datetime.datetime(1970, 1, 1), 0)

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        if "FROM system.columns" in statement:
            return [*super().rows(statement), ("zookeeper", "path")]
        if "FROM system.zookeeper" in statement:
            return [(1,)]
        if "log_max_index" in statement:
            return [("d", "t", 0, 0, 0, 0, self.exception)]
        if "FROM system.replicas" in statement:
            return [self.REPLICA]
        return super().rows(statement)


@pytest.mark.parametrize("exception", ["Coordination::Exception: No node", ""])
def test_a_zero_beside_an_exception_is_not_believed(exception: str) -> None:
    server = Newer()
    server.exception = exception
    try:
        (table,) = look(server).tables.values()  # type: ignore[arg-type]
    finally:
        server.connection.close()
    assert (table.log_lag, table.total, table.active) == (None, None, None)
    assert table.unknown == exception or not exception
    assert table.reasons
