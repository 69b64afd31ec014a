"""Replication and what is told of it, on real servers: every thing that goes wrong is an objection with its reason."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from kc.mysql import heartbeat, info, replication
from kc.mysql.connection import Server
from kc.mysql.quote import value

from tests.mysql.world import HEARTBEAT, PASSWORD, REPLICATION, World
from tests.ports import free
from tests.servers import until

Go = Callable[..., dict[str, Any]]

INFO = {"source": "", "expected_source": "", "heartbeat": "kc", "max_lag": 10, "wait": 0}


@pytest.fixture
def ask(world: World, go: Go) -> Callable[..., dict[str, Any]]:
    """Return a function that asks how the replica is."""
    return lambda **params: go(info.work, **{**INFO, "host": world.servers[1].host, "source": world.servers[0].host, **params})


# --- heartbeat


def test_a_heartbeat_is_made_once(go: Go, servers: list[Server]) -> None:
    planned = go(heartbeat.work, check=True, **HEARTBEAT)
    assert (planned["beating"], servers[0].rows("SHOW DATABASES LIKE 'kc'")) == (False, [])
    made = go(heartbeat.work, **HEARTBEAT)
    assert (made["beating"], made["statements"]) == (True, planned["statements"])
    assert go(heartbeat.work, **HEARTBEAT)["changed"] is False
    # whatever was changed by hand
    servers[0].run("ALTER EVENT kc.heartbeat DISABLE")
    servers[0].run("SET GLOBAL event_scheduler = OFF")
    assert len(go(heartbeat.work, **HEARTBEAT)["statements"]) == 2
    servers[0].run("DROP EVENT kc.heartbeat")
    assert len(go(heartbeat.work, **HEARTBEAT)["statements"]) == 1
    assert go(heartbeat.work, **{**HEARTBEAT, "interval": 2})["changed"]
    gone = {**HEARTBEAT, "state": "absent"}
    assert [go(heartbeat.work, **gone)["changed"] for _ in range(2)] == [True, False]


def test_heartbeats_that_are_refused(go: Go, servers: list[Server], pair: list[Server], world: World) -> None:
    assert "`interval` is 0" in go(heartbeat.work, fails=True, **{**HEARTBEAT, "interval": 0})["msg"]
    failed = go(heartbeat.work, fails=True, **{**HEARTBEAT, "host": world.servers[1].host})
    assert "follows another: its heartbeat is its source's to make" in failed["msg"]
    servers[0].run("CREATE DATABASE other")
    servers[0].run("CREATE TABLE other.heartbeat (x INT)")
    assert "is not the toolkit's heartbeat" in go(heartbeat.work, fails=True, **{**HEARTBEAT, "database": "other"})["msg"]
    servers[0].run("SET GLOBAL event_scheduler = OFF")
    assert "parameter group" in go(heartbeat.work, fails=True, **{**HEARTBEAT, "rds": {"instance": "x", "region": "y"}})["msg"]


# --- replication


def test_a_server_follows_over_verified_tls_and_again_changes_nothing(
    go: Go, world: World, servers: list[Server], following: dict[str, Any]
) -> None:
    planned = go(replication.work, check=True, **following)
    assert servers[1].rows("SHOW REPLICA STATUS") == []
    made = go(replication.work, **following)
    assert made["statements"] == planned["statements"]
    assert [step["statement"].split(" SOURCE_HOST")[0] for step in made["statements"]] == [
        "SET PERSIST super_read_only = ON",
        "CHANGE REPLICATION SOURCE TO",
        "START REPLICA",
    ]
    assert REPLICATION[1] not in json.dumps(made)
    assert made["source_uuid"] == world.servers[0].uuid
    again = go(replication.work, **following)
    assert (again["changed"], again["statements"]) == (False, [])
    servers[0].run("CREATE DATABASE d")
    until(lambda: servers[1].rows("SHOW DATABASES LIKE 'd'"), "it has followed")


@pytest.mark.parametrize(
    "by_hand",
    [
        ["STOP REPLICA"],
        ["STOP REPLICA SQL_THREAD"],
        ["STOP REPLICA", "CHANGE REPLICATION SOURCE TO SOURCE_DELAY = 60", "START REPLICA"],
        ["STOP REPLICA", "CHANGE REPLICATION SOURCE TO SOURCE_SSL_VERIFY_SERVER_CERT = 0", "START REPLICA"],
        ["STOP REPLICA", "CHANGE REPLICATION SOURCE TO SOURCE_PASSWORD = 'wrong'", "START REPLICA"],
        ["STOP REPLICA", "CHANGE REPLICATION SOURCE TO SOURCE_CONNECT_RETRY = 60"],
        ["STOP REPLICA", "RESET REPLICA ALL"],
        ["SET GLOBAL super_read_only = OFF"],
        ["SET GLOBAL read_only = OFF"],
    ],
)
def test_what_was_changed_by_hand_is_put_back(go: Go, servers: list[Server], following: dict[str, Any], by_hand: list[str]) -> None:
    go(replication.work, **following)
    for statement in by_hand:
        servers[1].run(statement)
    back = go(replication.work, **following)
    assert (back["changed"], bool(back["diff"])) == (True, True)
    assert go(replication.work, **following)["changed"] is False
    (row,) = servers[1].dicts("SHOW REPLICA STATUS")
    assert (row["SQL_Delay"], row["Source_SSL_Verify_Server_Cert"], row["Connect_Retry"]) == (0, "Yes", 1)


def test_it_stops_and_forgets_and_stays_read_only(go: Go, servers: list[Server], following: dict[str, Any]) -> None:
    go(replication.work, **following)
    for state in ("stopped", "absent"):
        assert [go(replication.work, **{**following, "state": state})["changed"] for _ in range(2)] == [True, False]
    assert servers[1].rows("SHOW REPLICA STATUS") == []
    assert servers[1].one("SELECT @@super_read_only") == 1


def test_what_can_not_follow(go: Go, world: World, servers: list[Server], following: dict[str, Any]) -> None:
    first, second = servers

    def refused(**params: Any) -> str:
        failed = go(replication.work, fails=True, **{**following, **params})
        assert failed["changed"] is False
        return str(failed["msg"])

    assert "it is its own source" in refused(source=world.servers[1].host)
    assert "`source` is missing" in refused(source="")
    assert "`replication_user`, `source_ca` missing" in refused(source_ca="", replication_user="")
    assert "it does not listen" in refused(source=f"localhost:{free(1)}")
    second.run("CREATE DATABASE errant")
    assert f"it has 1 transactions that {world.servers[0].host} has not: {world.servers[1].uuid}:1" in refused()
    second.run("RESET BINARY LOGS AND GTIDS")
    second.run("SET sql_log_bin = 0")
    second.run("DROP DATABASE errant")
    first.run("CREATE DATABASE d")
    first.run("FLUSH BINARY LOGS")
    first.run("PURGE BINARY LOGS BEFORE NOW() + INTERVAL 1 HOUR")
    assert "no longer has 1 transactions that it lacks" in refused()
    first.run("RESET BINARY LOGS AND GTIDS")
    second.run("SET GLOBAL server_id = 1")
    assert "have the same server_id, 1" in refused()
    second.run("SET GLOBAL server_id = 2")
    # whoever is followed follows nobody that follows it
    go(replication.work, **following)
    mine = {**following, "host": world.servers[0].host, "source": world.servers[1].host}
    assert f"{world.servers[1].host} follows it" in refused(**mine)


def test_a_wrong_password_is_told_in_the_server_s_words(go: Go, following: dict[str, Any]) -> None:
    failed = go(replication.work, fails=True, **{**following, "replication_password": "a-wrong-one", "wait": 3})
    assert "1045" in failed["msg"] or "Access denied" in failed["msg"]
    assert "a-wrong-one" not in json.dumps(failed)
    assert go(replication.work, **following)["changed"], "the right one is set"


# --- what is told


def test_all_is_well(ask: Go, pair: list[Server], world: World) -> None:
    found = ask(wait=20, expected_source=world.servers[0].uuid)
    assert (found["ready"], found["reasons"], found["objections"], found["changed"]) == (True, [], [], False)
    assert (found["role"], found["source"]["role"]) == ("replica", "source")
    assert (found["gtid"]["errant"], found["gtid"]["drained"], found["lag"]["clock"]) == ("", True, "source")
    assert 0 <= found["lag"]["seconds"] < 10
    assert abs(datetime.fromisoformat(found["lag"]["beat"]) - datetime.now(UTC)) < timedelta(seconds=30)
    assert "kc.heartbeat" in found["notes"][0], "its events wait for the promotion"
    assert found["server"]["connections"] >= 1
    assert PASSWORD not in json.dumps(found)


def test_a_source_alone(go: Go, servers: list[Server]) -> None:
    assert "no_heartbeat" in go(info.work, **INFO)["objections"]
    go(heartbeat.work, **HEARTBEAT)
    alone = go(info.work, **INFO)
    assert (alone["ready"], alone["role"], alone["gtid"]["errant"], alone["lag"]["seconds"] is not None) == (True, "source", None, True)
    servers[0].run("SET GLOBAL super_read_only = ON")
    assert "frozen" in go(info.work, **INFO)["objections"]


BREAKS: dict[str, tuple[list[str], list[str], str, str]] = {
    # by name: statements on the replica, on the source, the objection, part of its reason
    "errant": (
        ["SET GLOBAL super_read_only = OFF", "CREATE DATABASE own", "SET GLOBAL super_read_only = ON"],
        [],
        "errant",
        "it has 1 transactions of its own",
    ),
    "sql stopped": (["STOP REPLICA SQL_THREAD"], [], "sql_stopped", "what came is not applied: No"),
    "io stopped": (["STOP REPLICA IO_THREAD"], [], "io_stopped", "no transactions come from its source: No"),
    "both stopped, so its own lag is NULL": (["STOP REPLICA"], [], "sql_stopped", "No"),
    "sql error": (
        ["SET GLOBAL super_read_only = OFF", "SET sql_log_bin = 0", "DROP TABLE d.t", "SET GLOBAL super_read_only = ON"],
        ["INSERT INTO d.t VALUES (1)"],
        "sql_stopped",
        "1146: ",
    ),
    "delay": (["STOP REPLICA", "CHANGE REPLICATION SOURCE TO SOURCE_DELAY = 60", "START REPLICA"], [], "delay", "60 s behind on purpose"),
    "filter": (
        ["STOP REPLICA", "CHANGE REPLICATION FILTER REPLICATE_DO_DB = (d)", "START REPLICA"],
        [],
        "filters",
        "it leaves something out: Replicate_Do_DB=d",
    ),
    "position": (
        ["STOP REPLICA", "CHANGE REPLICATION SOURCE TO SOURCE_AUTO_POSITION = 0", "START REPLICA"],
        [],
        "position",
        "it follows by file and position",
    ),
    "writable": (["SET GLOBAL read_only = OFF"], [], "writable", "it takes writes"),
    "not a replica": (["STOP REPLICA", "RESET REPLICA ALL"], [], "not_a_replica", "it follows nobody"),
    "format": (
        ["STOP REPLICA", "SET GLOBAL binlog_format = STATEMENT", "START REPLICA"],
        [],
        "settings",
        "its binlog_format is STATEMENT, not ROW",
    ),
    "no heartbeat": (
        [
            "SET GLOBAL super_read_only = OFF",
            "SET sql_log_bin = 0",
            "DELETE FROM kc.heartbeat",
            "SET GLOBAL super_read_only = ON",
            "STOP REPLICA SQL_THREAD",
        ],
        [],
        "lag_unknown",
        "its lag is unknown: there is no beat",
    ),
}


@pytest.fixture
def mended(servers: list[Server]) -> Iterator[None]:
    """Whatever a test has set for the whole server is as it was."""
    yield
    servers[1].run("STOP REPLICA")
    servers[1].run("SET GLOBAL binlog_format = ROW")
    servers[1].run("CHANGE REPLICATION FILTER REPLICATE_DO_DB = ()")


@pytest.mark.parametrize("broken", BREAKS)
def test_what_stands_against_a_replica(ask: Go, pair: list[Server], mended: None, broken: str) -> None:
    on_replica, on_source, objection, says = BREAKS[broken]
    for server, statements in ((pair[1], on_replica), (pair[0], on_source)):
        for statement in statements:
            server.run(statement)
        server.close()  # and with it what holds for the session
    found = until(lambda: (told := ask()) and objection in told["objections"] and told, f"{objection} is told")
    assert not found["ready"]
    assert any(says in reason and "(" in reason for reason in found["reasons"]), found["reasons"]


def test_a_lag_is_told_in_seconds_by_the_source_s_clock(ask: Go, pair: list[Server]) -> None:
    pair[1].run("STOP REPLICA SQL_THREAD")
    assert pair[1].dicts("SHOW REPLICA STATUS")[0]["Seconds_Behind_Source"] is None
    time.sleep(3)
    found = ask(max_lag=1)
    assert "lag" in found["objections"]
    assert found["lag"]["seconds"] >= 2.5
    assert found["gtid"]["missing_count"] >= 2
    assert found["gtid"]["drained"] is False


def test_another_source_than_expected(ask: Go, pair: list[Server]) -> None:
    found = ask(expected_source="00000000-0000-0000-0000-000000000000")
    assert found["objections"] == ["wrong_source"]
    assert "not 00000000-0000-0000-0000-000000000000" in found["reasons"][0]


def test_a_source_that_is_gone_is_an_answer(ask: Go, pair: list[Server], world: World) -> None:
    world.servers[0].kill()
    found = until(lambda: (told := ask()) and "io_stopped" in told["objections"] and told, "the replica knows")
    assert {"source_silent", "io_stopped", "errant_unknown"} <= {*found["objections"]}
    assert (found["source"], found["gtid"]["errant"], found["gtid"]["missing"], found["gtid"]["missing_count"]) == (None, None, None, None)
    assert (found["lag"]["clock"], found["gtid"]["drained"]) == ("replica", True)
    json.dumps(found)


def test_a_gap_between_versions(pair: list[Server], world: World) -> None:
    """No other release of the server is at hand: the state of the real one, with another version."""
    from dataclasses import replace

    from kc.mysql.readiness import notes, objections

    seen = info.pair(pair[1], pair[0], "kc")
    for version, names in (("8.4.7", ["version"]), ("9.8.0", ["version"]), ("9.7.9", [])):
        replica = replace(seen.replica, version=version)
        assert [each.name for each in objections(replica, seen.source, seen.sets, seen.lag) if each.name == "version"] == names
        assert bool(names) or any("9.7.9" in note for note in notes(replica, seen.source))


@pytest.mark.parametrize("text", ["a:1-5", "", "3e11fa47-71ca-11e1-9e33-c80aa9429562:0", value("x")])
def test_sets_of_transactions_are_the_server_s(servers: list[Server], text: str) -> None:
    from kc.errors import KcError
    from kc.mysql import gtid

    try:
        normal = gtid.normal(text)
    except KcError:
        assert servers[0].one(f"SELECT IS_UUID({value(text)})") == 0
        return
    assert servers[0].one(f"SELECT GTID_SUBTRACT({value(text)}, '')") == normal
