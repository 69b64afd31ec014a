"""Databases and tables on two real servers: made, changed, put back, refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from kc.clickhouse.connection import Server
from kc.clickhouse.converge import databases, tables
from kc.clickhouse.options import TABLE
from kc.clickhouse.quote import name, value
from kc.spec import spec_of

from tests import ports
from tests.clickhouse.reporting import DAILY, DATABASE, EVENTS, VIEW, changed, state_of, with_column, without
from tests.clickhouse.world import CLUSTER, World
from tests.servers import until

Go = Callable[..., dict[str, Any]]


@pytest.fixture
def made(go: Go) -> Go:
    """The database and its tables."""
    go(databases, **DATABASE)
    for each in (EVENTS, DAILY, VIEW):
        go(tables, **each)
    return go


@pytest.mark.parametrize("cluster", [CLUSTER, None])
def test_first_check_then_run_then_nothing(go: Go, servers: list[Server], cluster: str | None) -> None:
    before = state_of(servers)
    for work, options in ((databases, DATABASE), (tables, EVENTS), (tables, DAILY), (tables, VIEW)):
        options = {**options, "cluster": cluster}
        planned = go(work, check=True, **options)
        assert planned["changed"]
        assert before == state_of(servers)  # check mode changes nothing
        done = go(work, **options)
        assert {key: planned[key] for key in ("statements", "diff")} == {key: done[key] for key in ("statements", "diff")}
        assert len(done["statements"]) == (1 if cluster else 2)
        before = state_of(servers)
        for again in (go(work, check=True, **options), go(work, **options)):
            assert (again["changed"], again["statements"], again["diff"]) == (False, [], [])
    assert before[0] == before[1]
    assert [each[1] for each in before[0][0]] == ["ReplicatedSummingMergeTree", "ReplicatedMergeTree", "MaterializedView"]


def test_check_mode_plans_on_an_empty_server(go: Go, servers: list[Server]) -> None:
    for work, options in ((databases, DATABASE), (tables, EVENTS), (tables, DAILY), (tables, VIEW)):
        assert go(work, check=True, **options)["changed"]
    assert go(tables, fails=True, **EVENTS)["msg"].startswith("`database`: 'reporting' does not stand on localhost:")
    assert state_of(servers) == [([], [])] * 2


def test_what_is_inserted_here_is_read_there_and_counted_by_the_view(made: Go, servers: list[Server]) -> None:
    servers[0].run("INSERT INTO reporting.events (day, course, kind) SELECT '2026-01-02', number % 3, 'open' FROM system.numbers LIMIT 90")
    until(lambda: servers[1].one("SELECT count() FROM reporting.events") == 90, "replicated")
    until(lambda: servers[1].one("SELECT sum(events) FROM reporting.daily") == 90, "and its view's target")
    assert servers[1].one("SELECT zookeeper_path FROM system.replicas WHERE table = 'events'") == "/clickhouse/tables/01/reporting/events"


CHANGES: list[tuple[str, dict[str, Any], str]] = [
    ("a column behind another", with_column(EVENTS, 1, name="score", type="Decimal(9, 2)"), "ADD COLUMN `score` Decimal(9, 2) AFTER `day`"),
    ("the first column", with_column(EVENTS, 0, name="score", type="UInt8"), "ADD COLUMN `score` UInt8"),
    ("an alias", with_column(EVENTS, 1, name="twice", type="UInt32", alias="seconds * 2"), "ADD COLUMN `twice` UInt32 ALIAS seconds * 2"),
    ("a name that is no word", with_column(EVENTS, 7, name="it's `odd`\\", type="UInt8"), r"ADD COLUMN `it's \`odd\`\\` UInt8"),
    ("a wider type", changed(EVENTS, "seconds", type="UInt32"), "MODIFY COLUMN `seconds` UInt32 DEFAULT "),
    ("a nullable type", changed(EVENTS, "seconds", type="Nullable(UInt16)"), "MODIFY COLUMN `seconds` Nullable(UInt16) DEFAULT "),
    ("an element of an Enum", changed(EVENTS, "kind", type="Enum8('open' = 1, 'close' = 2, 'pass' = 3)"), "MODIFY COLUMN `kind` Enum8("),
    ("another default", changed(EVENTS, "seconds", default="7"), "MODIFY COLUMN `seconds` UInt16 DEFAULT "),
    ("no default", changed(EVENTS, "seconds", default=None), "MODIFY COLUMN `seconds` UInt16"),
    ("a default", changed(EVENTS, "course", default="1"), "MODIFY COLUMN `course` UInt32 DEFAULT"),
    ("another alias", changed(EVENTS, "minutes", alias="intDiv(seconds, 61)"), "MODIFY COLUMN `minutes` UInt32 ALIAS intDiv(seconds, 61)"),
    ("a dropped column", without(EVENTS, "user's name", drop=["user's name", "nosuch"]), "DROP COLUMN `user's name`"),
]


@pytest.mark.parametrize(("wants", "statement"), [each[1:] for each in CHANGES], ids=[each[0] for each in CHANGES])
def test_a_change_keeps_what_is_there(made: Go, servers: list[Server], wants: dict[str, Any], statement: str) -> None:
    servers[0].run("INSERT INTO reporting.events (day, course, kind, seconds) SELECT '2026-01-02', 5, 'open', 9")
    planned = made(tables, check=True, **wants)
    done = made(tables, **wants)
    assert [each["statement"] for each in planned["statements"]] == [each["statement"] for each in done["statements"]]
    (only,) = done["statements"]  # one of the replicas, which hand it on
    assert only["statement"].startswith("ALTER TABLE `reporting`.`events` ")
    assert statement in only["statement"]
    assert made(tables, **wants)["statements"] == []
    for server in servers:
        until(lambda server=server: server.one("SELECT count() FROM reporting.events") == 1, "the row is there")
        assert server.rows("SELECT course, seconds FROM reporting.events") == [(5, 9)]


@pytest.mark.parametrize(
    ("by_hand", "statement"),
    [
        ("ALTER TABLE reporting.events MODIFY COLUMN seconds UInt16 DEFAULT 99", "MODIFY COLUMN `seconds` UInt16 DEFAULT"),
        ("ALTER TABLE reporting.events DROP COLUMN kind", "ADD COLUMN `kind` Enum8('open' = 1, 'close' = 2) AFTER `course`"),
        ("ALTER TABLE reporting.events MODIFY COLUMN seconds UInt16", "MODIFY COLUMN `seconds` UInt16 DEFAULT 2 * 3"),
    ],
)
def test_what_was_changed_by_hand_is_put_back(made: Go, servers: list[Server], by_hand: str, statement: str) -> None:
    servers[1].run(by_hand)
    done = made(tables, **EVENTS)
    (only,) = done["statements"]
    assert statement in only["statement"]
    assert made(tables, **EVENTS)["changed"] is False


def test_a_replica_that_is_missing_is_made_like_the_others(made: Go, servers: list[Server]) -> None:
    # a column that was added stands elsewhere than the options would put it, and the replica must follow the others
    servers[0].run("ALTER TABLE reporting.events ADD COLUMN extra UInt8 AFTER day")
    servers[1].run("DROP TABLE reporting.events")
    wants = {**with_column(EVENTS, 7, name="extra", type="UInt8"), "cluster": None}
    (only,) = made(tables, **wants)["statements"]
    assert only["node"] == str(servers[1].node)
    assert made(tables, **wants)["changed"] is False


def test_a_view_is_made_again_only_where_that_is_said(made: Go, servers: list[Server]) -> None:
    wants = changed(VIEW, select="SELECT day, course, count() * 2 AS events FROM reporting.events GROUP BY day, course")
    assert "`replace`" in made(tables, fails=True, **wants)["msg"]
    assert len(made(tables, **wants, replace=True)["statements"]) == 4  # dropped and made, on both
    assert made(tables, **wants)["changed"] is False


@pytest.mark.parametrize("cluster", [CLUSTER, None])
def test_what_holds_data_stays_unless_that_is_said(made: Go, servers: list[Server], cluster: str | None) -> None:
    absent = {"state": "absent", "cluster": cluster}
    kept = made(tables, **changed(EVENTS, **absent))
    assert (kept["changed"], kept["kept"]) == (False, ["reporting.events"])
    kept = made(databases, **changed(DATABASE, **absent))
    assert (kept["changed"], kept["kept"]) == (False, ["reporting.daily", "reporting.events"])
    assert made(tables, **changed(VIEW, **absent))["changed"]
    assert made(tables, **changed(VIEW, **absent))["changed"] is False
    assert made(tables, check=True, **changed(EVENTS, **absent, data="delete"))["changed"]
    for times in (True, False):
        assert made(tables, **changed(EVENTS, **absent, data="delete"))["changed"] is times
    for times in (True, False):
        assert made(databases, **changed(DATABASE, **absent, data="delete"))["changed"] is times
    assert all(server.one("SELECT count() FROM system.databases WHERE name = 'reporting'") == 0 for server in servers)


def test_an_absent_node_is_named_and_follows_on_return(go: Go, world: World, servers: list[Server]) -> None:
    gone = world.nodes[1]
    world.replicas[1].kill()
    wants = {"wait": 3}
    for work, options in ((databases, DATABASE), (tables, EVENTS), (tables, DAILY), (tables, VIEW)):
        assert gone in go(work, fails=True, **{**options, "cluster": None})["msg"]  # nobody would tell it
        done = go(work, **{**options, **wants})
        assert (done["changed"], done["absent"]) == (True, [gone])
        assert gone in done["warnings"][0]
        assert go(work, **{**options, **wants})["changed"] is False
    wider = with_column(EVENTS, 1, name="score", type="UInt8")
    assert f"{gone} is absent and has no replica of it yet" in go(tables, fails=True, **{**wider, **wants})["msg"]
    world.replicas[1].start()
    world.replicas[1].wait()
    until(lambda: len(state_of(servers)[1][0]) == 3, "it has made all of them")
    world.replicas[1].kill()
    assert go(tables, **{**wider, **wants})["absent"] == [gone]
    world.replicas[1].start()
    world.replicas[1].wait()
    until(lambda: not go(tables, check=True, **wider)["changed"], "it has the column too")
    for work, options in ((databases, DATABASE), (tables, wider), (tables, DAILY), (tables, VIEW)):
        again = go(work, **options)
        assert (again["changed"], again["absent"]) == (False, [])


def test_a_node_with_another_password_stops_everything(made: Go, servers: list[Server], access: dict[str, Any]) -> None:
    before = state_of(servers)
    said = made(tables, fails=True, **{**with_column(EVENTS, 1, name="x", type="UInt8"), "password": "another-password-of-somebody"})["msg"]
    assert "another-password-of-somebody" not in said
    said += made(
        tables,
        fails=True,
        **{**with_column(EVENTS, 1, name="x", type="UInt8"), "cluster": None, "nodes": [*access["nodes"], f"localhost:{ports.free(1)}"]},
    )["msg"]
    assert "ook at `user` and `password`" in said
    assert "it does not listen" in said
    assert state_of(servers) == before


def test_what_a_version_has_not_is_left_out_and_said(go: Go, servers: list[Server]) -> None:
    go(databases, **DATABASE)
    wants = {**changed(EVENTS, "day", comment="of the event"), "ttl": "day + INTERVAL 1 YEAR"}
    done = go(tables, **wants)
    assert done["ignored"] == ["events: comments: need 20.1", "events: ttl: needs 19.6"]
    assert "does without comments: need 20.1; ttl" in done["warnings"][0]
    assert go(tables, **wants)["changed"] is False


@pytest.mark.parametrize("odd", ['it\'s `odd` \\ "name"', "имя", "select"])
def test_odd_names_are_names(go: Go, servers: list[Server], odd: str) -> None:
    go(databases, **{**DATABASE, "name": odd})
    wants = {**EVENTS, "database": odd, "name": odd}
    assert go(tables, **wants)["changed"]
    assert go(tables, **wants)["changed"] is False
    assert go(tables, **with_column(wants, 1, name=odd, type="UInt8"))["changed"]
    assert go(tables, **with_column(wants, 1, name=odd, type="UInt8"))["changed"] is False
    assert all(
        server.one(f"SELECT count() FROM system.tables WHERE database = {value(odd)} AND name = {value(odd)}") == 1 for server in servers
    )
    servers[0].run(f"INSERT INTO {name(odd, odd)} ({name(odd)}) SELECT 1")


SCHEMA = {**DATABASE, "tables": [{key: each for key, each in table.items() if key in spec_of(TABLE)} for table in (EVENTS, DAILY, VIEW)]}


@pytest.mark.parametrize("cluster", [CLUSTER, None])
def test_a_database_with_its_tables_is_one_task(go: Go, servers: list[Server], cluster: str | None) -> None:
    wants = {**SCHEMA, "cluster": cluster}
    planned = go(databases, check=True, **wants)
    assert state_of(servers) == [([], [])] * 2
    done = go(databases, **wants)
    assert planned["statements"] == done["statements"]
    assert len(done["statements"]) == (4 if cluster else 8)
    assert go(databases, **wants)["changed"] is False
    servers[1].run("ALTER TABLE reporting.daily ADD COLUMN more UInt8")
    servers[1].run("DROP TABLE reporting.events_to_daily")
    before = state_of(servers)
    assert "'more' stands there" in go(databases, fails=True, **wants)["msg"]
    assert state_of(servers) == before  # the view was not made either
    wants["tables"] = [SCHEMA["tables"][0], {**SCHEMA["tables"][1], "drop": ["more"]}, SCHEMA["tables"][2]]
    assert len(go(databases, **wants)["statements"]) == 2
    assert go(databases, **wants)["changed"] is False


@pytest.mark.parametrize(
    ("table", "says"),
    [
        ({"name": "x", "colums": []}, "`tables[0].colums`: there is no such option"),
        ({"columns": []}, "`tables[0].name` is missing"),
        ({"name": "x", "columns": [{"name": "a"}]}, "`tables[0].columns[0].type` is missing"),
        ({"name": "x", "order_by": "day"}, "`tables[0].order_by`: 'day' is no list"),
        ({"name": "x", "kind": "vew"}, "`tables[0].kind`: 'vew' is none of table, view"),
        ({"name": "x", "columns": [{"name": "a", "type": "Foo"}], "engine": "Null"}, "`columns[0].type`: 'Foo'"),
    ],
)
def test_tables_of_a_database_that_are_none(go: Go, servers: list[Server], table: dict[str, Any], says: str) -> None:
    assert says in go(databases, fails=True, **{**DATABASE, "tables": [table]})["msg"]
    assert state_of(servers) == [([], [])] * 2


@pytest.mark.parametrize(
    ("options", "says"),
    [({"name": "a\nb"}, "can't be printed"), ({"name": "system"}, "the server's own"), ({"engine": "Atomic"}, "has no Atomic databases")],
)
def test_databases_that_are_refused(go: Go, options: dict[str, Any], says: str) -> None:
    assert says in go(databases, fails=True, **{**DATABASE, **options})["msg"]
