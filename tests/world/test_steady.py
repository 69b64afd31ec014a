"""What faults cost who writes to ClickHouse: a stream of inserts from both regions, on the platform's nodes and networks. `make bench-faults`.

Each fault ends with the law: on every replica, every acknowledged row is there once, and counted once. A table of what it cost is
printed at the end; docs/clickhouse.md keeps the last one.
"""

from __future__ import annotations

import os
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from lab.podman import podman
from tests.steady import ROWS, Journal, Verdict, longest, settled
from tests.world.conftest import Lab
from tests.world.nodes import ZONE, Seat, application, seat, secret
from tests.world.platform import HOME, OTHER

pytestmark = [pytest.mark.world, pytest.mark.soak, pytest.mark.xdist_group("world")]

REPLICAS = {region: [f"clickhouse-{number}.{region}" for number in (1, 2)] for region in (HOME, OTHER)}
SECONDARY = [*REPLICAS[OTHER], *(f"keeper-{number}.{OTHER}" for number in (1, 2))]
ALL = [*REPLICAS[HOME], *REPLICAS[OTHER]]
CALM, FAULT = 10, 45
"""Seconds of the stream before and after a fault, and of the fault: longer than a session with the ensemble lasts (30)."""

Until = Callable[..., Any]


@dataclass
class Cost:
    """What a fault cost.

    Attributes:
        acknowledged: Rows that were acknowledged meanwhile.
        worst: Of the replicas.
        anywhere: The longest time, in seconds, without an accepting writer; `alone`, by the region that a writer is in.
        refused: What the writers were told, and how often.
    """

    fault: str
    acknowledged: int
    worst: Verdict
    anywhere: float
    alone: dict[str, float]
    refused: Counter[str]

    def __str__(self) -> str:
        waits = " | ".join(f"{seconds:.1f} s" for seconds in (self.anywhere, *self.alone.values()))
        said = ", ".join(f"{code} {times} times" for code, times in self.refused.most_common())
        return f"| {self.fault} | {self.acknowledged:,} | {self.worst.missing} | {self.worst.doubled} | {waits} | {said} |"


TITLE = (
    "| fault | rows acknowledged | missing | doubled | longest without a writer | in the primary | in the secondary | refused |",
    "|---|" + "---|" * 7,
)


class Stream:
    """A writer in each region, on a host of an application there: it reaches its own region's replicas, as any application does.

    Args:
        seats: Where they sit, by region.
        account: By which they are let in.
    """

    def __init__(self, lab: Lab, seats: dict[str, Seat], account: dict[str, str], directory: Path) -> None:
        self.lab, self.seats, self.account, self.directory = lab, seats, account, directory
        self.journals: list[Journal] = []
        self.costs: list[Cost] = []

    def under(self, fault: str, happens: Callable[[], object]) -> Cost:
        """Let a fault happen under the stream; see that the law is kept, and return what it cost."""
        writers = {region: f"{fault}, {region}" for region in self.seats}
        files = {region: self.directory / name for region, name in writers.items()}
        processes = [self._write(region, writers[region], files[region]) for region in self.seats]
        try:
            time.sleep(CALM)
            happens()
            time.sleep(CALM)
        finally:
            for process in processes:
                process.terminate()
            for process in processes:
                process.wait(60)
        assert [process.returncode for process in processes] == [0, 0]
        ours = [Journal.read(writers[region], files[region]) for region in self.seats]
        self.journals += ours
        verdicts = {node: settled(partial(self._ask, node), self.journals) for node in ALL}
        worst = max(verdicts.values(), key=lambda one: (one.missing, one.doubled))
        alone = {region: longest([journal]) for region, journal in zip(self.seats, ours, strict=True)}
        rows = sum(len(journal.acknowledged) for journal in ours) * ROWS
        cost = Cost(fault, rows, worst, longest(ours), alone, sum((journal.refused for journal in ours), Counter()))
        self.costs.append(cost)
        assert all(verdict.kept for verdict in verdicts.values()), verdicts
        return cost

    def _write(self, region: str, name: str, journal: Path) -> subprocess.Popen[bytes]:
        nodes = [f"{node}.{ZONE}" for node in REPLICAS[region]]
        seat = self.seats[region]
        words = ["-m", "tests.steady", *nodes, "--name", name, "--user", self.account["username"], "--ca", str(seat.ca)]
        return seat.start(*words, "--journal", str(journal), password=self.account["password"])

    def _ask(self, node: str, statement: str) -> Any:
        """Ask a replica, which may have to come back first."""
        end = time.monotonic() + 120
        seat = self.seats[node.partition(".")[2]]
        while isinstance(found := seat.ask(node, self.account, statement), str):
            assert time.monotonic() < end, f"{node}: {found}"
            time.sleep(1)
        return found


@pytest.fixture(scope="module")
def stream(world: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stream]:
    """Writers on the platform's networks, with its nodes and nothing else of it."""
    world.run("images", "node")
    layers = ("preflight", "foundation", "databases", "clickhouse")
    world.play(*(f"playbooks/{layer}.yml" for layer in layers), "--skip-tags", "mysql", "--limit", "!clients:!clickhouse_clients")
    with ExitStack() as stack:
        seats = {}
        for region in REPLICAS:
            there = stack.enter_context(application(world, region))
            seats[region] = stack.enter_context(seat(world, there.name, tmp_path_factory.mktemp(region)))
        stream = Stream(world, seats, secret(world, "clickhouse-admin"), tmp_path_factory.mktemp("journals"))
        yield stream
    print(f"\n{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} at the end", *TITLE, *stream.costs, sep="\n")


def test_nothing_happens(stream: Stream) -> None:
    assert stream.under("none", lambda: time.sleep(CALM)).acknowledged


def test_a_replica_is_killed(stream: Stream) -> None:
    stream.under(
        "kill -9 of a replica", lambda: podman("exec", f"kc-{REPLICAS[HOME][0]}", "systemctl", "kill", "--signal=KILL", "clickhouse-server")
    )


def test_the_secondary_stops(stream: Stream) -> None:
    def happens() -> None:
        for node in SECONDARY:
            stream.lab.run("kill", node)
        time.sleep(FAULT)
        for node in SECONDARY:
            stream.lab.run("start", node)

    stream.under("stop of the secondary", happens)


@pytest.mark.parametrize(
    ("fault", "cut"),
    [
        ("cut between the regions", (OTHER, "--from", HOME)),
        ("secondary cut off", (OTHER,)),
        ("nothing comes into the secondary", (OTHER, "--in")),
        ("primary cut off", (HOME,)),
    ],
)
def test_a_region_is_cut_off(fault: str, cut: tuple[str, ...], stream: Stream) -> None:
    def happens() -> None:
        stream.lab.run("cut", *cut)
        time.sleep(FAULT)
        stream.lab.run("heal")

    stream.under(fault, happens)


def test_a_disk_is_lost(stream: Stream, until: Until) -> None:
    node = REPLICAS[HOME][1]

    def happens() -> None:
        stream.lab.run("wipe", node)
        until(lambda: podman("exec", f"kc-{node}", "systemctl", "is-system-running", check=False).strip() in ("running", "degraded"))
        stream.lab.play("playbooks/replica_rebuild.yml", "-e", f"node={node}")

    stream.under("loss of a replica's disk", happens)


def test_a_rolling_restart(stream: Stream) -> None:
    stream.under("rolling restart", lambda: stream.lab.play("playbooks/rolling_restart.yml"))
