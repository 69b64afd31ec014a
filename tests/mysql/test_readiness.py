"""What the standby's readiness and the platform's status make of real servers: nothing of a good pair, and of each fault its name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from kc.mysql import info
from kc.mysql.connection import Server
from kc.readiness.told import judge_replicas
from kc.status.judge import Told, troubles

from tests.mysql.world import World
from tests.servers import until

Go = Callable[..., dict[str, Any]]
HOME, STANDBY = "me-west-1", "eu-central-1"
INFO = {"source": "", "expected_source": "", "heartbeat": "kc", "max_lag": 2, "wait": 0}
SOURCE, REPLICA = ({"id": "kc-lab-main", "role": role, "state": "available"} for role in ("source", "replica"))

Ask = Callable[..., tuple[tuple[str, str], list[str]]]


@pytest.fixture
def ask(go: Go, world: World) -> Ask:
    """Return a function that tells the verdict of the replica's readiness and what it says, and what the status finds degraded."""
    first, second = world.servers

    def told(**params: Any) -> tuple[tuple[str, str], list[str]]:
        replica = {**go(info.work, **{**INFO, "host": second.host, "source": first.host, **params}), "database": REPLICA}
        [finding] = judge_replicas([replica])
        alone = [
            {**go(info.work, **{**INFO, "host": each.host}), "database": about} for each, about in ((first, SOURCE), (second, REPLICA))
        ]
        there = Told({HOME: [SOURCE], STANDBY: [REPLICA]}, {}, {HOME: alone[:1], STANDBY: alone[1:]}, {})
        return (finding.verdict, finding.says), [each.line for each in troubles({}, there, HOME, "")]

    return told


def test_a_pair_that_is_well_is_ready_and_not_degraded(pair: list[Server], ask: Ask) -> None:
    until(lambda: ask(wait=10)[0][0] == "ok", "the replica is ready", 20)
    (verdict, says), degraded = ask()
    assert (verdict, "s behind" in says, degraded) == ("ok", True, [])


def stopped(pair: list[Server]) -> None:
    pair[1].run("STOP REPLICA SQL_THREAD")


def cut(pair: list[Server]) -> None:
    pair[1].run("STOP REPLICA IO_THREAD")


def late(pair: list[Server]) -> None:
    pair[0].run("ALTER EVENT kc.heartbeat DISABLE")


def writable(pair: list[Server]) -> None:
    pair[1].run("SET GLOBAL super_read_only = OFF")
    pair[1].run("SET GLOBAL read_only = OFF")


@pytest.mark.parametrize(
    ("plant", "says"),
    [
        (stopped, "what came is not applied"),
        (cut, "no transactions come from its source"),
        (late, "s behind by the"),
        (writable, "it takes writes"),
    ],
)
def test_a_fault_is_named_by_both(plant: Callable[[list[Server]], None], says: str, pair: list[Server], ask: Ask) -> None:
    until(lambda: ask(wait=10)[0][0] == "ok", "the replica is ready", 20)
    plant(pair)

    def named() -> bool:
        (verdict, found), degraded = ask()
        return verdict == "fail" and says in found and any(line.startswith(STANDBY) and says in line for line in degraded)

    until(named, "the fault is told", 20)


def test_a_source_that_takes_no_writes_is_degraded(pair: list[Server], ask: Ask) -> None:
    pair[0].run("SET GLOBAL read_only = ON")
    assert any("it is read only, and follows nobody" in line for line in ask()[1])
