"""A node's server is started, restarted at its turn, and waited for."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from kc.clickhouse import service as own
from kc.clickhouse.connection import Access
from kc.clickhouse.health import Health, Table
from kc.clickhouse.service import Service
from kc.errors import KcError
from kc.keeper.service import Running
from kc.sql import service as module

RUNS = Running(loaded=True, active=True, failed=False, enabled=True, since=1.0)


class World:
    """What systemd and the servers say, as a test has it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.running = RUNS
        self.stale = self.old_program = False
        self.away: dict[str, str] = {}
        self.behind: list[str] = []
        self.started: list[str] = []
        self.queries: list[set[str]] = []
        monkeypatch.setattr(module.service, "look", lambda unit: self.running)
        monkeypatch.setattr(module.service, "last_words", lambda unit: "it was tired")
        monkeypatch.setattr(Running, "stale", lambda running, files: running.active and self.stale)
        monkeypatch.setattr(module, "_program_is_gone", lambda unit: self.old_program)
        monkeypatch.setattr(module.service, "start", self.start)
        monkeypatch.setattr(module.service, "end", lambda unit: self.started.append("stop"))
        monkeypatch.setattr(Service, "silent", lambda service, host: self.away.get(host, ""))
        monkeypatch.setattr(Service, "behind", lambda service: self.behind.pop(0) if self.behind else "")
        monkeypatch.setattr(Service, "queries", lambda service: self.queries.pop(0) if self.queries else set())
        monkeypatch.setattr(module, "PAUSE", 0)

    def start(self, unit: str, *, again: bool = False) -> None:
        self.started.append("restart" if again else "start")
        self.running, self.stale, self.old_program = RUNS, False, False
        self.away.pop("a", None)


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    return World(monkeypatch)


SERVICE = Service("a", ["a", "b"], "clickhouse-server", ["/etc"], Access("operator", "odd", "ca"), timeout=0.05, port=9440)


@pytest.mark.parametrize(
    ("running", "stale", "away", "done", "due"),
    [
        (RUNS, False, {}, [], False),
        (dataclasses.replace(RUNS, active=False), False, {"a": "down"}, ["start"], False),
        (dataclasses.replace(RUNS, enabled=False), False, {}, ["enable"], False),
        (RUNS, True, {}, [], True),
        # nobody is served by it, so nobody minds; its new files may be what it needs
        (RUNS, True, {"a": "down"}, ["restart"], False),
    ],
    ids=["fine", "down", "not enabled", "old files", "old files and down"],
)
def test_what_is_done_is_what_check_mode_says(
    world: World, running: Running, stale: bool, away: dict[str, str], done: list[str], due: bool
) -> None:
    world.running, world.stale, world.away = running, stale, dict(away)
    check = SERVICE.present(check=True)
    assert (check.done, check.due, check.changed) == (done, due, bool(done))
    assert world.started == []
    assert SERVICE.present() == check
    assert world.started == [{"enable": "start"}.get(each, each) for each in done]
    assert SERVICE.present().done == ([] if done or not due else done)


def test_a_new_program_is_due_like_new_files(world: World) -> None:
    world.old_program = True
    assert SERVICE.present().due


def test_a_server_that_is_still_on_its_way_is_waited_for(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    answers = ["starting", "starting", ""]
    monkeypatch.setattr(Service, "silent", lambda service, host: answers.pop(0))
    assert not SERVICE.present().changed
    assert answers == []


def test_one_that_does_not_come_says_why(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Service, "silent", lambda service, host: "a:9440 refuses.")
    with pytest.raises(
        KcError, match=r"a was expected to serve, but not within 0.05 s: a:9440 refuses\. The journal's last words: it was tired"
    ):
        SERVICE.present()
    world.running = dataclasses.replace(RUNS, active=False, failed=True)
    patient = dataclasses.replace(SERVICE, timeout=3600)
    with pytest.raises(KcError, match="its service failed"):
        patient.wait(lambda: "still nothing", "serve")


def test_it_is_restarted_and_has_caught_up(world: World) -> None:
    world.behind = ["starting", "2 tables behind"]
    assert SERVICE.restart(check=True).done == ["restart"]
    assert (world.started, len(world.behind)) == ([], 2)
    assert SERVICE.restart().done == ["restart"]
    assert (world.started, world.behind) == (["restart"], [])


def test_a_restart_waits_for_what_runs_and_not_for_what_comes(world: World) -> None:
    world.queries = [{"a", "b"}, {"a", "b", "c"}, {"b", "d"}, {"d"}, {"d"}]
    result = SERVICE.restart()
    assert (result.cut, world.queries, world.started) == (0, [{"d"}], ["restart"])


def test_it_is_stopped_once_its_queries_have_ended(world: World) -> None:
    world.queries = [{"a"}, {"a"}, {"b"}, {"b"}]
    assert SERVICE.stop(check=True).done == ["stop"]
    assert world.started == []
    assert (SERVICE.stop().done, world.queries, world.started) == (["stop"], [{"b"}], ["stop"])
    world.running = dataclasses.replace(RUNS, active=False)
    assert SERVICE.stop().done == ["stop"], "it would begin at boot"
    world.running = dataclasses.replace(RUNS, active=False, enabled=False)
    assert not SERVICE.stop().changed


def test_it_does_not_wait_for_ever(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Service, "queries", lambda service: {"a"})
    result = dataclasses.replace(SERVICE, drain=0.02).restart()
    assert (result.cut, world.started) == (1, ["restart"])


def test_never_are_two_away(world: World) -> None:
    world.away = {"b": "b:9440 refuses."}
    for check in (True, False):
        with pytest.raises(KcError, match="a is not restarted while others do not serve: b:9440 refuses"):
            SERVICE.restart(check=check)
        with pytest.raises(KcError, match="a is not stopped while others do not serve: b:9440 refuses"):
            SERVICE.stop(check=check)
    assert world.started == []


def test_one_that_serves_nobody_is_restarted_whoever_is_away(world: World) -> None:
    world.away = {"a": "down", "b": "down"}
    SERVICE.restart()
    assert world.started == ["restart"]


def test_behind_says_which_tables_and_why(monkeypatch: pytest.MonkeyPatch) -> None:
    class Server:
        def __init__(self, node: Any, access: Any) -> None: ...
        def __enter__(self) -> Server:
            return self

        def __exit__(self, *_: object) -> None: ...

    ready = Table("d", "t", "a", "/d/t", False, False, queue=3, inserts=0, merges=3, oldest=None, delay=0, log_lag=0, total=2, active=2)
    late = dataclasses.replace(ready, table="u", inserts=2, delay=60)
    blind = dataclasses.replace(ready, table="v", log_lag=None, unknown="no session")
    monkeypatch.setattr(own, "Server", Server)
    monkeypatch.setattr(own.health, "look", lambda server: Health(tables={table.name: table for table in found}))
    found = [ready]
    assert SERVICE.behind() == ""
    found += [late, blind]
    assert SERVICE.behind() == "d.u: 2 inserts not fetched yet; d.v: how far it is behind is unknown: no session"
