"""Replicas that follow, step aside, are given up, and are brought back, on real servers."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from kc.clickhouse import restore
from kc.clickhouse.connection import Server
from kc.clickhouse.entry import Step
from kc.clickhouse.replica import work
from kc.errors import KcError
from kc.keeper.forget import converge

from tests.clickhouse.world import ROOT, Plain, World
from tests.servers import until

Go = Callable[..., dict[str, Any]]

DEFAULTS = {"tables": [], "replica": "", "node": "", "source": "", "wait": 60}
PATH = "/clickhouse/tables/01/replicas"


@pytest.fixture
def replica(go: Go) -> Callable[..., dict[str, Any]]:
    """Return a function that runs the module."""
    return lambda state, **params: go(work, **{**DEFAULTS, "state": state, **params})


@pytest.fixture
def path(request: pytest.FixtureRequest) -> str:
    """Where the test's tables stand in the ensemble: a place of their own."""
    return f"{PATH}/{abs(hash(request.node.name))}"


def make(servers: list[Server], path: str, *tables: str) -> None:
    for server in servers:
        server.run("CREATE DATABASE IF NOT EXISTS r")
        for table in tables:
            engine = f"ReplicatedMergeTree('{path}/{table}', '{{replica}}')"
            server.run(f"CREATE TABLE r.{table} (x UInt64, s String DEFAULT 'it\\'s (') ENGINE = {engine} PARTITION BY x % 3 ORDER BY x")


def fill(server: Server, table: str, first: int, count: int) -> None:
    server.run(f"INSERT INTO r.{table} (x) SELECT number FROM numbers({first}, {count})")


def rows(server: Server, table: str) -> tuple[int, int]:
    count, total = server.rows(f"SELECT count(), sum(x) FROM r.{table}")[0]
    return count, total


def have(servers: list[Server], table: str, count: int) -> None:
    """Wait until every server has the rows 0 to `count`."""
    until(lambda: all(rows(server, table) == (count, count * (count - 1) // 2) for server in servers), f"{count} rows are everywhere")


def ran(result: dict[str, Any]) -> list[str]:
    return [step["statement"] for step in result["statements"]]


def test_what_is_behind_is_waited_for(replica: Go, servers: list[Server], path: str, world: World) -> None:
    make(servers, path, "t")
    servers[1].run("SYSTEM STOP FETCHES r.t")
    try:
        fill(servers[0], "t", 0, 10)
        (late,) = until(lambda: replica("synced", check=True)["behind"], "the lag is told")
        assert late.startswith(f"{world.nodes[1]}: r.t: ")
        failed = replica("synced", wait=1, fails=True)
        assert f"not in step after 1 s: {world.nodes[1]}: r.t: " in failed["msg"]
        assert not replica("synced", nodes=world.nodes[:1])["changed"], "the other's lag is the other's"
    finally:
        servers[1].run("SYSTEM START FETCHES r.t")
    done = replica("synced")
    assert (done["changed"], done["behind"], done["statements"]) == (False, [], [])
    assert rows(servers[1], "t") == (10, 45)
    assert "it lacks r.none" in replica("synced", tables=["r.none"], wait=0, fails=True)["msg"]


def test_one_that_stands_alone_is_in_step(replica: Go, servers: list[Server], path: str, world: World) -> None:
    make(servers, path, "t")
    fill(servers[0], "t", 0, 10)
    have(servers, "t", 10)  # one that is killed while it fetches the only part of a table does not start again (18.16, code 132)
    world.replicas[1].kill()
    assert replica("synced", nodes=world.nodes[:1])["behind"] == []
    assert f"{world.nodes[1]}: it does not listen" in replica("synced", wait=1, fails=True)["msg"]
    world.replicas[1].start()
    assert replica("synced")["behind"] == [], "one that returns is waited for"


def test_detached_and_attached(replica: Go, servers: list[Server], path: str, world: World) -> None:
    make(servers, path, "t", "u")
    fill(servers[0], "t", 0, 10)
    second = world.nodes[1:]
    planned = replica("detached", nodes=second, tables=["r.t"], check=True)
    assert (planned["changed"], ran(planned), planned["tables"]) == (True, ["DETACH TABLE `r`.`t`"], {second[0]: ["r.t"]})
    assert replica("detached", nodes=second)["tables"] == {second[0]: ["r.t", "r.u"]}
    assert servers[1].rows("SHOW TABLES FROM r") == []
    assert not replica("detached", nodes=second)["changed"]
    assert rows(servers[0], "t")[0] == 10
    assert "`tables` is empty" in replica("attached", nodes=second, fails=True)["msg"]
    back = replica("attached", nodes=second, tables=["r.t", "r.u"])
    assert ran(back) == ["ATTACH TABLE `r`.`t`", "ATTACH TABLE `r`.`u`"]
    assert not replica("attached", nodes=second, tables=["r.t", "r.u"])["changed"]
    replica("synced")
    have(servers, "t", 10)


def test_an_old_server_says_what_is_left_of_a_lost_replica(replica: Go, servers: list[Server], path: str, world: World) -> None:
    make(servers, path, "t")
    assert "replica-2 is active" in replica("dropped", replica="replica-2", fails=True)["msg"]
    assert "is its own replica" in replica("dropped", replica="replica-1", fails=True)["msg"]
    assert replica("dropped", replica="nobody")["left"] == []
    assert "`replica` is missing" in replica("dropped", fails=True)["msg"]
    world.replicas[1].kill()
    until(lambda: replica("dropped", replica="replica-2", fails=True)["left"], "it is no longer active")
    failed = replica("dropped", replica="replica-2", fails=True)
    assert failed["left"] == [f"{path}/t/replicas/replica-2"]
    assert "ClickHouse 18.16.1 has no SYSTEM DROP REPLICA" in failed["msg"]
    assert f"below the cluster's root: {path}/t/replicas/replica-2" in failed["msg"]
    fill(servers[0], "t", 0, 10)

    def gone(*places: str, check: bool = False) -> list[str]:
        return converge(Plain(world.ensemble.port), ["127.0.0.1"], ROOT, ("throwaway", "odd-1"), places, check=check)

    with pytest.raises(KcError, match=f"active: {path}/t/replicas/replica-1"):
        gone(*failed["left"], f"{path}/t/replicas/replica-1")
    for place in (f"{path}/t", f"{path}/t/replicas", f"{path}/t/replicas/", ""):
        with pytest.raises(KcError, match="is no replica's place"):
            gone(place)
    for check in (True, False):
        assert gone(*failed["left"], f"{path}/t/replicas/nobody", check=check) == failed["left"]
    assert gone(*failed["left"]) == []
    assert replica("dropped", replica="replica-2")["left"] == []
    assert replica("synced", nodes=world.nodes[:1])["behind"] == []
    assert servers[0].rows("SELECT total_replicas FROM system.replicas") == [(1,)]
    assert rows(servers[0], "t")[0] == 10
    world.replicas[1].empty()  # with what it had it would not start any more (18.16, No node)


def test_a_replica_of_which_alone_the_ensemble_knows_nothing(replica: Go, servers: list[Server], path: str, world: World) -> None:
    def forget() -> None:
        world.ensemble.forget(f"{path}/t/replicas/replica-2")

    make(servers, path, "t")
    fill(servers[0], "t", 0, 30)
    have(servers, "t", 30)
    forget()
    done = replica("restored")
    assert {step["node"] for step in done["statements"]} == {world.nodes[1]}
    assert (done["restored"], done["kept"]) == (["r.t"], [])
    have(servers, "t", 30)
    # what only the forgotten one has is never dropped
    servers[0].run("SYSTEM STOP FETCHES r.t")
    fill(servers[1], "t", 100, 3)
    forget()
    refused = replica("restored", fails=True)
    assert f"there are rows that {world.nodes[0]} lacks: on {world.nodes[1]} in 0, 1, 2 (partitions)" in refused["msg"]
    assert refused["statements"] == []
    taken = replica("restored", source=world.nodes[0], nodes=world.nodes, wait=90, tables=["r.t"], fails=False)
    assert taken["kept"] == [f"{world.nodes[1]}: r.t_kc_lost"]
    have(servers, "t", 30)
    assert rows(servers[1], "t_kc_lost") == (33, 435 + 303)
    forget()
    assert "r.t_kc_lost is of an earlier restoration" in replica("restored", fails=True)["msg"]


@pytest.mark.parametrize("table", ["t", ".t", "d.", ""])
def test_what_is_no_table(replica: Go, table: str) -> None:
    assert "is no table" in replica("synced", tables=[table], fails=True)["msg"]


@pytest.fixture
def forget(world: World, servers: list[Server]) -> Iterator[Callable[[], None]]:
    """Return a function that has the ensemble lose all that it knew."""

    def lose() -> None:
        world.ensemble.kill()
        shutil.rmtree(world.ensemble.home / "data")
        (world.ensemble.home / "data").mkdir()
        world.ensemble.start()
        world.ensemble.wait()
        world.ensemble.make(ROOT)
        for server in servers:
            until(lambda server=server: server.one("SELECT max(is_session_expired) FROM system.replicas") == 0, "it has a session again")
            until(lambda server=server: server.one("SELECT min(is_readonly) FROM system.replicas") == 1, "it knows what it has lost")

    yield lose
    for each in world.replicas:  # the servers' queue of statements was lost too, and 18.16 makes another only when it starts
        each.kill()
        each.start()
        each.wait()


def test_what_the_ensemble_has_forgotten_is_brought_back(
    replica: Go, servers: list[Server], path: str, world: World, forget: Callable[[], None]
) -> None:
    make(servers, path, "same", "differs", "never")
    fill(servers[0], "same", 0, 50)
    fill(servers[1], "same", 50, 50)
    have(servers, "same", 100)
    # parts of one partition whose content is the same, as aggregates of small inserts often are
    for server in servers:
        engine = f"ReplicatedAggregatingMergeTree('{path}/states', '{{replica}}')"
        server.run(f"CREATE TABLE r.states (day Date, rows AggregateFunction(count)) ENGINE = {engine} PARTITION BY day ORDER BY day")
        server.run("SYSTEM STOP MERGES r.states")
    with servers[0].patient(30) as session:
        session.set(insert_deduplicate=0)
        for _ in range(3):
            session.run("INSERT INTO r.states SELECT toDate('2026-01-01'), countState() FROM numbers(7)")
    states = "SELECT count(), countMerge(rows) FROM r.states"
    until(lambda: [server.rows(states) for server in servers] == [[(3, 21)], [(3, 21)]], "three parts are everywhere")
    assert not replica("restored")["changed"]
    # an insert that one node has and the other has not; and another the other way round
    for server in servers:
        server.run("SYSTEM STOP FETCHES r.differs")
    fill(servers[0], "differs", 0, 9)
    fill(servers[1], "differs", 9, 6)
    forget()

    refused = replica("restored", fails=True)
    assert f"r.differs: there are rows that {world.nodes[0]} lacks: on {world.nodes[1]} in 0, 1, 2 (partitions)" in refused["msg"]
    assert refused["statements"] == [], "nothing is half done"

    before = [server.rows("SHOW TABLES FROM r") for server in servers]
    some = ["r.same", "r.never", "r.states"]
    planned = replica("restored", tables=some, check=True)
    assert planned["changed"]
    assert [server.rows("SHOW TABLES FROM r") for server in servers] == before
    done = replica("restored", tables=some)
    assert (done["restored"], done["kept"], done["behind"]) == (["r.never", "r.same", "r.states"], [], [])
    assert done["statements"] == planned["statements"]
    assert [server.one("SELECT countMerge(rows) FROM r.states") for server in servers] == [21, 21]
    have(servers, "same", 100)
    fill(servers[1], "same", 100, 10)
    have(servers, "same", 110)
    fill(servers[0], "never", 0, 5)
    have(servers, "never", 5)
    assert not replica("restored", tables=some)["changed"]

    assert "is none of the nodes" in replica("restored", source="elsewhere:1", fails=True)["msg"]
    taken = replica("restored", source=world.nodes[0])
    assert (taken["restored"], taken["kept"]) == (["r.differs"], [f"{world.nodes[1]}: r.differs_kc_lost"])
    have(servers, "differs", 9)
    assert rows(servers[1], "differs_kc_lost") == (6, sum(range(9, 15)))
    assert not replica("restored")["changed"]

    for each in world.replicas:
        each.stop()
        each.start()
        each.wait()
    replica("synced")
    have(servers, "same", 110)
    have(servers, "differs", 9)
    assert servers[0].rows("SHOW TABLES FROM r") == [("differs",), ("never",), ("same",), ("states",)]


def test_what_is_broken_off_after_any_statement_is_completed(
    replica: Go, servers: list[Server], path: str, world: World, forget: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    make(servers, path, "t")
    fill(servers[0], "t", 0, 30)
    have(servers, "t", 30)
    forget()
    whole = ran(replica("restored", check=True))
    monkeypatch.setattr(restore, "PAUSE", 0.1)
    run = Step.run
    allowed = {"more": 0}

    def once(self: Step) -> Any:
        if not allowed["more"]:
            raise KcError("broken off")
        allowed["more"] -= 1
        return run(self)

    monkeypatch.setattr(Step, "run", once)
    done: list[str] = []
    for _ in whole:
        allowed["more"] = 1
        result = replica("restored", fails=len(done) < len(whole) - 1)
        done += [step["statement"] for step in result.get("applied", result["statements"])]
        if not result.get("failed"):
            break
    assert sorted(done) == sorted(whole), "each was run once"
    monkeypatch.setattr(Step, "run", run)
    have(servers, "t", 30)
    assert not replica("restored")["changed"]
    assert [server.rows("SHOW TABLES FROM r") for server in servers] == [[("t",)], [("t",)]]
