"""The foundation of one region: ours beside amazon.aws and a plain script, and what a second region costs."""

from __future__ import annotations

import json
import sys
from collections import Counter

import yaml

from . import peer
from .census import census
from .harness import HERE, PAIRED, REGION, Bench, bar, one_region, table

ONE, TWO, PEERS, SCRIPT = "ours, one region", "ours, two regions", "amazon.aws", "boto3 script"
INEXPRESSIBLE = ("flow_log", "certificate", "repository: tagged")
"""What the collections have no module or option for: left out for them."""
PLAYBOOK = HERE / "peer" / "foundation.yml"


class Foundation:
    """A part of the benchmark: `round` measures once, `report` tells what came out."""

    def __init__(self, bench: Bench, *, with_peer: bool) -> None:
        self.bench, self.with_peer = bench, with_peer
        self.ours = one_region("--tags", "foundation")
        self.both = ["ansible-playbook", "site.yml", "--limit", "regions:global", "--tags", "foundation", "--skip-tags", ",".join(PAIRED)]
        goal, _ = bench.record(self.ours)
        self.script, variables = bench.scratch / "wanted.json", bench.scratch / "foundation.json"
        self.script.write_text(json.dumps(goal))
        variables.write_text(json.dumps(peer.variables(goal)))
        self.peers = ["ansible-playbook", "-i", "localhost,", str(PLAYBOOK), "-e", f"@{variables}"]
        print(f"one region's foundation: {sum(map(len, goal.values()))} resources of {len(goal)} kinds")

    def stands(self) -> Counter[str]:
        return census(self.bench.server.connection, REGION)

    def round(self) -> None:
        def contest(who: str, command: list[str], *, check: bool = False, ours: bool = False) -> None:
            self.bench.server.reset()
            self.bench.contest(who, command, self.stands, check=check, ours=ours)

        contest(ONE, self.ours, check=True, ours=True)
        contest(SCRIPT, [sys.executable, str(HERE / "script.py"), str(self.script)])
        contest(TWO, self.both, ours=True)
        if self.with_peer:
            contest(PEERS, self.peers)

    def report(self) -> None:
        if self.with_peer:
            self._empty_check()
        self.bench.same(ONE, TWO)
        self.bench.same(ONE, SCRIPT)
        if self.with_peer:
            self.bench.same(ONE, PEERS, INEXPRESSIBLE)
        table(self.bench, (ONE, TWO, SCRIPT, PEERS))

    def bars(self) -> None:
        bench = self.bench
        for stage, least in (("first run", 15), ("second run", 10)) if self.with_peer else ():
            ratio = bench.ratio(stage, PEERS, ONE)
            bar(f"foundation, {stage}: {ratio:.1f} times as fast as {PEERS}", f"at least {least}", ratio >= least)
        for stage in ("first run", "second run"):
            more = bench.median(ONE, stage) - bench.median(SCRIPT, stage)
            bar(f"foundation, {stage}: {more:+.2f} s against the {SCRIPT}", "at most +3", more <= 3)
        for stage in ("first run", "second run"):
            share = bench.ratio(stage, TWO, ONE) - 1
            bar(f"foundation, {stage}: two regions take {share:+.0%} of one's time", "at most +20%", share <= 0.2)

    def _empty_check(self) -> None:
        """Note how far the peer's `--check` comes on an empty account."""
        self.bench.server.reset()
        sample = self.bench.run([*self.peers, "--check"])
        reached, tasks = sample.output.count("\nTASK ["), len(yaml.safe_load(PLAYBOOK.read_text())[0]["tasks"])
        outcome = f"fails at task {reached} of {tasks}" if sample.code else "does not fail"
        self.bench.notes.append(f"{PEERS}: --check on an empty account {outcome} after {sample.seconds:.0f} s")
