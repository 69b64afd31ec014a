"""The critical path: what a first run takes when AWS takes its time, beside the same when it does not."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from .harness import Bench, Server, bar, changes

QUICK, SLOW = "at once", "with AWS's times"
PACE = {"nat": 1.2, "db": 6.0, "replica": 9.0, "distribution": 3.0}
"""Seconds: NAT gateways take 2 minutes, an instance 10, a replica 15, a distribution 5, here a hundredth of it."""

CHAINS = (("nat", "db", "replica"), ("nat", "distribution"))
"""What waits for what: databases and the edge begin when the network stands; a replica needs its source."""


def longest(pace: Mapping[str, float], chains: Sequence[Sequence[str]] = CHAINS) -> float:
    """Return the seconds of the longest chain of waits."""
    return max(sum(pace[kind] for kind in chain) for chain in chains)


class CriticalPath:
    """A part of the benchmark: `round` measures once, `report` tells what came out."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.command = ["ansible-playbook", "site.yml"]
        self.slow = Bench(Server(pace=" ".join(f"{kind}={seconds}" for kind, seconds in PACE.items())), bench.scratch)
        self.waits: list[dict[str, Any]] = []

    def stop(self) -> None:
        self.slow.server.stop()

    def round(self) -> None:
        self.bench.server.reset()
        self.bench.measure(QUICK, "first run", self.command)
        self.slow.server.reset()
        began = len(self.slow.server.ask("begun"))
        self.slow.measure(SLOW, "first run", self.command)
        self.waits = self.slow.server.ask("begun")[began:]
        if changes(self.slow.measure(SLOW, "second run", self.command).output):
            raise SystemExit("with AWS's times: the second run changed something")

    def report(self) -> None:
        print("\nwhat takes its time (s)")
        for kind in PACE:
            some = [one for one in self.waits if one["kind"] == kind]
            print(f"  {kind:14} {len(some)} of {PACE[kind]:g} s")
        one_by_one = sum(one["seconds"] for one in self.waits)
        print(f"  one after the other {one_by_one:g}, the longest chain {longest(PACE):g}")
        quick, slow = self._medians()
        print(f"first run {QUICK} {quick:.2f}, {SLOW} {slow:.2f}; one after the other it would be {quick + one_by_one:.2f}")

    def bars(self) -> None:
        quick, slow = self._medians()
        chain = longest(PACE)
        bar(f"critical path: waits add {slow - quick:.2f} s, {(slow - quick) / chain:.0%} of the longest chain", "at most 110%",
            slow - quick <= 1.1 * chain)  # fmt: skip

    def _medians(self) -> tuple[float, float]:
        return statistics.median(one.seconds for one in self.bench.samples[QUICK, "first run"]), self.slow.median(SLOW, "first run")
