"""How long one region's foundation takes: ours beside two others, interleaved. `make bench-provision`; see README.md."""

from __future__ import annotations

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).absolute().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "module_utils")]

from kc.aws.session import Connection  # noqa: E402

from lab.settings import Settings  # noqa: E402
from tests.benchmarks import peer  # noqa: E402
from tests.benchmarks.census import census  # noqa: E402
from tests.benchmarks.wanted import wanted  # noqa: E402

HERE = Path(__file__).absolute().parent
BIN = Path(sys.executable).parent
PEER = HERE / "peer" / "foundation.yml"

REGION, PAIRED = "me-west-1", "peering,replication"
"""The region, and the units that only exist between two."""
ALONE: dict[str, Any] = {"kc_keys_replica_regions": [], "kc_registry_replicate_to": [], "kc_secrets_replicate_to": []}
"""What a single region replicates."""
ONE, TWO, PEERS, SCRIPT = "ours, one region", "ours, two regions", "amazon.aws", "boto3 script"
INEXPRESSIBLE = ("flow_log", "certificate", "repository: tagged")
"""What the collections have no module or option for: left out for them."""


class Failed(Exception):
    """A contender did not do its work, so that there is nothing to compare."""


class Server:
    """The lab's AWS in a process of its own."""

    def __init__(self, latency: float) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.benchmarks.server", "--port", "0"],
            cwd=ROOT,
            env={**os.environ, "KC_BENCH_LATENCY": str(latency)},
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # moto's tracebacks of what it has not implemented
            text=True,
        )
        assert self.process.stdout
        self.url = self.process.stdout.readline().rpartition(" ")[2].strip()
        if not self.url:
            raise Failed("the lab's AWS did not start")

    def reset(self) -> None:
        urllib.request.urlopen(urllib.request.Request(f"{self.url}/moto-api/reset", method="POST")).close()  # noqa: S310

    @property
    def calls(self) -> int:
        with urllib.request.urlopen(f"{self.url}/benchmark/calls") as answer:  # noqa: S310
            return int(answer.read())

    @property
    def cpu(self) -> float:
        """Seconds of processor time until now."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@dataclass
class Sample:
    seconds: float
    calls: int
    server: float
    output: str
    code: int


@dataclass
class Bench:
    """Runs contenders, and keeps what was measured by (contender, stage)."""

    server: Server
    scratch: Path
    samples: dict[tuple[str, str], list[Sample]] = field(default_factory=dict)
    stands: dict[str, Counter[str]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    @property
    def environment(self) -> dict[str, str]:
        settings = Settings.load()
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "ANSIBLE_", "KC_"))}
        return {
            **clean,
            "PATH": f"{BIN}:{clean['PATH']}",
            "AWS_ENDPOINT_URL": self.server.url,
            "AWS_ACCESS_KEY_ID": settings.access_key,
            "AWS_SECRET_ACCESS_KEY": settings.secret_key,
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
            "KC_LAB_PORT": self.server.url.rpartition(":")[2],
            "ANSIBLE_PIPELINING": "true",
            "ANSIBLE_NOCOLOR": "true",
        }

    def run(self, command: Sequence[str], **environment: str) -> Sample:
        calls, server, began = self.server.calls, self.server.cpu, time.perf_counter()
        done = subprocess.run(
            command, cwd=ROOT, env={**self.environment, **environment}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        seconds = time.perf_counter() - began
        return Sample(seconds, self.server.calls - calls, self.server.cpu - server, done.stdout, done.returncode)

    def measure(self, who: str, stage: str, command: Sequence[str]) -> Sample:
        sample = self.run(command)
        if sample.code:
            raise Failed(f"{who}, {stage}:\n" + "\n".join(line[:400] for line in sample.output.splitlines()[-30:]))
        self.samples.setdefault((who, stage), []).append(sample)
        print(f"  {who:18} {stage:12} {sample.seconds:6.1f} s  {sample.calls:4} calls", flush=True)
        return sample

    def median(self, who: str, stage: str) -> float:
        return statistics.median(one.seconds for one in self.samples[who, stage])


def ours(*hosts: str, **variables: Any) -> list[str]:
    command = ["ansible-playbook", "site.yml", "--limit", ":".join(hosts), "--skip-tags", PAIRED]
    return [*command, "-e", json.dumps(variables)] if variables else command


def changes(output: str) -> int:
    """Return how many tasks a play's recap counts as changed."""
    return sum(map(int, re.findall(r"\bchanged=(\d+)", output)))


def record(bench: Bench) -> tuple[Path, Path]:
    """Write what the others have to make: for the script, and as the peer's variables."""
    options = bench.scratch / "options.jsonl"
    sample = bench.run(
        [*ours(REGION, "global", **ALONE), "--check"],
        ANSIBLE_CALLBACK_PLUGINS=f"{ROOT}/plugins/callback:{HERE}/callback",
        ANSIBLE_CALLBACKS_ENABLED="record_options",
        KC_RECORD_OPTIONS=str(options),
    )
    if sample.code:
        raise Failed("ours, recording:\n" + "\n".join(line[:400] for line in sample.output.splitlines()[-30:]))
    goal = wanted(options.read_text().splitlines())
    for_script, for_peer = bench.scratch / "wanted.json", bench.scratch / "peer.json"
    for_script.write_text(json.dumps(goal))
    for_peer.write_text(json.dumps(peer.variables(goal)))
    print(f"one region's foundation: {sum(map(len, goal.values()))} resources of {len(goal)} kinds")
    return for_script, for_peer


def contest(bench: Bench, who: str, command: Sequence[str], *, check: bool = False) -> None:
    """Measure one contender on an empty account: check, first run, second run."""
    bench.server.reset()
    if check:
        bench.measure(who, "check", [*command, "--check"])
    bench.measure(who, "first run", command)
    stands = census(Connection(endpoint_url=bench.server.url, access_key_id="any", secret_access_key="any"), REGION)
    if bench.stands.setdefault(who, stands) != stands:
        raise Failed(f"{who} made something else than before: {stands - bench.stands[who]} / {bench.stands[who] - stands}")
    again = bench.measure(who, "second run", command)
    if changes(again.output) and who in (ONE, TWO):
        raise Failed(f"{who}: the second run changed something:\n{again.output[-3000:]}")
    if changes(again.output):
        bench.notes.append(f"{who}: its second run reports {changes(again.output)} changed tasks")


def empty_check(bench: Bench, command: Sequence[str]) -> None:
    """Note how far the peer's `--check` comes on an empty account."""
    bench.server.reset()
    sample = bench.run([*command, "--check"])
    reached, tasks = sample.output.count("\nTASK ["), len(yaml.safe_load(PEER.read_text())[0]["tasks"])
    outcome = f"fails at task {reached} of {tasks}" if sample.code else "does not fail"
    bench.notes.append(f"{PEERS}: --check on an empty account {outcome} after {sample.seconds:.0f} s")


def same(bench: Bench) -> None:
    """See that all made the same in the region.

    Raises:
        Failed: They did not, so the times mean nothing.
    """
    for who in bench.stands:
        left_out = INEXPRESSIBLE if who == PEERS else ()
        names = (bench.stands[ONE].keys() | bench.stands[who].keys()) - {*left_out}
        other = {name: (bench.stands[ONE][name], bench.stands[who][name]) for name in names}
        differ = {name: pair for name, pair in sorted(other.items()) if pair[0] != pair[1]}
        if differ:
            raise Failed(f"{who} does not stand for the same as ours: {differ}")
    print(f"\nAll left the same behind: {sum(count for name, count in bench.stands[ONE].items() if ':' not in name)} resources, "
          f"{sum(count for name, count in bench.stands[ONE].items() if ':' in name)} parts (for {PEERS} without {', '.join(INEXPRESSIBLE)}).")  # fmt: skip


def table(bench: Bench) -> None:
    print(f"\n{'seconds: median (min to max)':<28}{'check':>20}{'first run':>22}{'second run':>22}")
    for who in (ONE, TWO, SCRIPT, PEERS):
        cells = []
        for stage, width in (("check", 20), ("first run", 22), ("second run", 22)):
            times = [one.seconds for one in bench.samples.get((who, stage), [])]
            cells.append(f"{f'{statistics.median(times):.2f} ({min(times):.2f} to {max(times):.2f})' if times else '':>{width}}")
        print(f"{who:<28}{''.join(cells)}")
    print(f"\n{'calls / server CPU':<28}{'check':>20}{'first run':>22}{'second run':>22}")
    for who in (ONE, TWO, SCRIPT, PEERS):
        cells = []
        for stage, width in (("check", 20), ("first run", 22), ("second run", 22)):
            some = bench.samples.get((who, stage), [])
            text = (
                f"{statistics.median(one.calls for one in some):.0f} / {statistics.median(one.server for one in some):.2f} s"
                if some
                else ""
            )
            cells.append(f"{text:>{width}}")
        print(f"{who:<28}{''.join(cells)}")


def bars(bench: Bench) -> None:
    def of(stage: str, act: Callable[[Callable[[str], float]], float]) -> float:
        return act(lambda who: bench.median(who, stage))

    print()
    for stage, least in (("first run", 15), ("second run", 10)) if PEERS in bench.stands else ():
        ratio = of(stage, lambda at: at(PEERS) / at(ONE))
        bar(f"{stage}: {ratio:.1f} times as fast as {PEERS}", f"at least {least}", ratio >= least)
    for stage in ("first run", "second run"):
        more = of(stage, lambda at: at(ONE) - at(SCRIPT))
        bar(f"{stage}: {more:+.2f} s against the {SCRIPT}", "at most +3", more <= 3)
    for stage in ("first run", "second run"):
        share = of(stage, lambda at: at(TWO) / at(ONE)) - 1
        bar(f"{stage}: two regions take {share:+.0%} of one's time", "at most +20%", share <= 0.2)


def bar(what: str, goal: str, met: bool) -> None:
    print(f"{'met' if met else 'NOT MET':8} {what} ({goal})")


def main() -> int:
    """Run the benchmark; 1 if something failed to run, whatever the bars say."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.provision", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="rounds of all contenders (3)")
    parser.add_argument("--without-peer", action="store_true", help="leave the collections out: they take most of the time")
    parser.add_argument("--latency", type=float, default=0, help="ms that each call is on its way, as to a region of AWS (0)")
    args = parser.parse_args()
    server = Server(args.latency)
    try:
        with tempfile.TemporaryDirectory(prefix="kc-bench-") as scratch:
            bench = Bench(server, Path(scratch))
            for_script, for_peer = record(bench)
            peers = ["ansible-playbook", "-i", "localhost,", str(PEER), "-e", f"@{for_peer}"]
            for number in range(args.rounds):
                print(f"round {number + 1} of {args.rounds}", flush=True)
                contest(bench, ONE, ours(REGION, "global", **ALONE), check=True)
                contest(bench, SCRIPT, [sys.executable, str(HERE / "script.py"), str(for_script)])
                contest(bench, TWO, ours("regions", "global"))
                if not args.without_peer:
                    contest(bench, PEERS, peers)
            if not args.without_peer:
                empty_check(bench, peers)
            print(f"\n{os.cpu_count()} cores, {args.rounds} rounds, {args.latency:g} ms a call, load {os.getloadavg()[0]:.1f} at the end")
            same(bench)
            table(bench)
            print(*(f"\n{note}" for note in dict.fromkeys(bench.notes)), sep="")
            bars(bench)
    except Failed as error:
        print(f"failed: {error}", file=sys.stderr)
        return 1
    finally:
        server.process.terminate()
        server.process.wait()
    return 0


if __name__ == "__main__":
    sys.exit(main())
