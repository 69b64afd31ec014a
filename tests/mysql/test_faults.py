"""A promotion that is killed, while somebody writes, or by force: it is completed, and nothing is lost that need not be."""

from __future__ import annotations

import contextlib
import json
import random
import time
from collections.abc import Iterator
from typing import Any

import pytest
from kc.mysql import freeze, gtid, heartbeat, info
from kc.mysql.connection import Server
from kc.mysql.entry import Act, Step
from kc.mysql.errors import NodeError, is_read_only

from tests.mysql.acts import APP, FREEZE, Go, Killed, Steady, Supervised, killing, writable
from tests.mysql.world import HEARTBEAT, PASSWORD, Instance, World
from tests.servers import until

# --- killed


def completes(promote: Go, world: World, servers: list[Server], **params: Any) -> None:
    """Run it again: it is done once, whole, and nobody else writes."""
    done = promote(**params)
    assert (writable(world.servers[0]), writable(world.servers[1])) == (False, True)
    assert servers[1].rows("SHOW REPLICA STATUS") == []
    assert servers[1].rows("SELECT before_uuid, after_uuid FROM kc.promotions") == [(world.servers[0].uuid, done["uuid"])]
    assert done["lost"] == ""
    until(lambda: servers[1].rows("SELECT 1 FROM information_schema.events WHERE status = 'ENABLED'"), "its events run")
    assert promote(**params)["changed"] is False


ACTS = 8
"""Of a planned promotion, the statements of the record among them."""
CASES = [(at, before) for at in range(ACTS) for before in (True, False)]
SAMPLE = random.Random(6).sample(CASES, 4)  # noqa: S311 - the same each time


@pytest.mark.parametrize(
    ("at", "before"), [pytest.param(*case, marks=[] if case in SAMPLE or case[0] == 4 else pytest.mark.soak) for case in CASES]
)
def test_killed_at_any_act_it_completes(
    go: Go, ready: list[Server], world: World, promote: Go, monkeypatch: pytest.MonkeyPatch, at: int, before: bool
) -> None:
    go(freeze.work, **FREEZE)
    with monkeypatch.context() as patch:
        killing(patch, at, before, Step, Act)
        with pytest.raises(Killed):
            promote()
    assert not writable(world.servers[0])
    completes(promote, world, ready)


STATEMENTS = 45
"""Of a promotion, its reads among them; one that has fewer is not killed."""


@pytest.mark.soak
@pytest.mark.parametrize("mode", ["planned", "forced"])
@pytest.mark.parametrize("before", [True, False])
@pytest.mark.parametrize("at", range(STATEMENTS))
def test_killed_at_any_statement_it_completes(
    go: Go, ready: list[Server], world: World, promote: Go, monkeypatch: pytest.MonkeyPatch, mode: str, before: bool, at: int
) -> None:
    go(freeze.work, **FREEZE)
    ask, count = Server._ask, 0

    def dying(self: Server, statement: Any) -> Any:
        nonlocal count
        mine, count = count, count + 1
        if mine == at and before:
            raise Killed
        answer = ask(self, statement)
        if mine == at:
            raise Killed
        return answer

    with monkeypatch.context() as patch, contextlib.suppress(Killed):
        patch.setattr(Server, "_ask", dying)
        promote(mode=mode)
    completes(lambda **params: promote(mode=mode, **params), world, ready)


# --- under load


class Writer(Steady):
    """The application: writes one row after the other to whoever takes it, and keeps what was acknowledged."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self.world = world
        self.acknowledged: list[int] = []
        self.unsure: list[int] = []

    def run(self) -> None:
        number, at = 0, 0
        while not self.ended.is_set():
            number += 1
            with self.world.servers[at].server(timeout=2, user=APP["user"], password=APP["password"]) as app:
                while not self.ended.is_set():
                    try:
                        app.run(f"INSERT INTO app.orders VALUES ({number})")
                    except NodeError as error:
                        if not is_read_only(error) and not (error.absent and "does not listen" in error.message):
                            self.unsure.append(number)  # it may have been written: it is not tried again
                        at = 1 - at
                        time.sleep(0.02)
                        break
                    self.acknowledged.append(number)
                    number += 1


class Probe(Steady):
    """Asks a server ten times a second whether it takes writes, and keeps when it did."""

    def __init__(self, instance: Instance) -> None:
        super().__init__()
        self.instance = instance
        self.taken: list[tuple[float, float]] = []
        self.asked = 0

    def run(self) -> None:
        while not self.ended.wait(0.1):
            begun = time.monotonic()
            self.asked += 1
            try:
                if writable(self.instance):
                    self.taken.append((begun, time.monotonic()))
            except NodeError:
                continue


@pytest.fixture
def probes(ready: list[Server], world: World) -> Iterator[list[Probe]]:
    """One a server; at the end it is seen that never both took writes."""
    first, second = (Probe(each) for each in world.servers)
    with first, second:
        yield [first, second]
    assert first.taken
    assert second.taken
    assert max(begun for begun, _ in first.taken) < min(ended for _, ended in second.taken), "both took writes"


def written(server: Server) -> list[int]:
    return [row[0] for row in server.rows("SELECT id FROM app.orders ORDER BY id")]


def test_under_a_steady_writer_a_planned_promotion_loses_none_and_doubles_none(
    go: Go, ready: list[Server], world: World, promote: Go, remake: Go, probes: list[Probe]
) -> None:
    with Writer(world) as writer:
        until(lambda: len(writer.acknowledged) > 100 and probes[0].taken, "it writes")
        go(freeze.work, **FREEZE)
        assert promote()["lost_count"] == 0
        there = len(writer.acknowledged)
        until(lambda: len(writer.acknowledged) > there + 100, "it writes again")
        remake()
        until(lambda: probes[1].taken, "the new source was asked")
    rows = written(ready[1])
    assert len(rows) == len({*rows})
    assert {*writer.acknowledged} <= {*rows}
    assert {*rows} - {*writer.acknowledged} <= {*writer.unsure}
    until(lambda: written(ready[0]) == rows, "the former source has all")


def test_a_forced_promotion_reports_exactly_what_was_lost(
    go: Go, ready: list[Server], world: World, promote: Go, remake: Go, probes: list[Probe]
) -> None:
    first, second = world.servers
    go(heartbeat.work, **{**HEARTBEAT, "state": "absent"})
    until(lambda: gtid.normal(ready[1].one("SELECT @@gtid_executed")) == gtid.normal(ready[0].one("SELECT @@gtid_executed")), "it has all")
    ready[1].run("STOP REPLICA IO_THREAD")
    for number in range(7):
        ready[0].run(f"INSERT INTO app.orders VALUES ({number})")
    until(lambda: probes[0].taken, "the old source was asked")
    last = go(info.work, source="", expected_source="", heartbeat="kc", max_lag=10, wait=0)["server"]["executed"]
    forced = {"mode": "forced", "accept": [], "executed": last}
    first.kill()
    failed = promote(fails=True, **forced)
    assert (failed["errors"][0]["code"], writable(second)) == ("not_fenced", False)
    done = promote(**forced, fenced=True)
    assert (done["lost_count"], gtid.count(done["lost"]), done["unapplied"]) == (7, 7, "")
    assert done["lost"] == gtid.subtract(ready[1], last, done["executed"])
    assert ready[1].one("SELECT lost FROM kc.promotions") == done["lost"]
    until(lambda: probes[1].taken, "the new source was asked")
    # it returns writable, as whoever was only killed does; what it has of its own is named, and thrown away on demand
    for each in probes:
        each.ended.set()
    first.start()
    first.wait()
    failed = remake(fails=True)
    assert f"has 7 transactions that {second.host} has not: {done['lost']}" in failed["msg"]
    with Supervised(first):
        remade = remake(discard=done["lost"])
    assert (remade["cloned"], remade["discarded"]) == (True, done["lost"])
    assert PASSWORD not in json.dumps(remade)
    assert not writable(first)
    assert remake()["changed"] is False
    ready[0].close()  # it was restarted
    assert written(ready[0]) == written(ready[1]) == []
