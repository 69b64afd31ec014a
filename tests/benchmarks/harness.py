"""What the parts of the benchmark share: a server, contenders that run against it, and what was measured."""

from __future__ import annotations

import json
import os
import re
import statistics
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from kc.aws.session import Connection

from lab.settings import Settings

from .wanted import Wanted, wanted

HERE = Path(__file__).absolute().parent
ROOT = HERE.parents[1]
BIN = Path(sys.executable).parent
REGION, GLOBAL = "me-west-1", "us-east-1"
"""The region of the parts that are about one, and the one of AWS's global control planes."""

ALONE: dict[str, Any] = {
    "kc_keys_replica_regions": [],
    "kc_registry_replicate_to": [],
    "kc_secrets_replicate_to": [],
    "kc_observability_distributions": [],
    "kc_observability_home": "",
}
"""What a single region replicates, and watches of what is between regions: nothing."""
PAIRED = ("peering", "replication", "edge", "dns")
"""Units that exist only between two regions, or are made of things of both."""

STAGES = ("check", "first run", "second run")


class Failed(Exception):
    """A contender did not do its work, so that there is nothing to compare."""


class Server:
    """The lab's AWS in a process of its own.

    Args:
        latency: Milliseconds that every call is on its way.
        pace: How long AWS takes, as `KC_LAB_PACE` has it.
    """

    def __init__(self, latency: float = 0, pace: str = "") -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.benchmarks.server", "--port", "0"],
            cwd=ROOT,
            env={**os.environ, "KC_BENCH_LATENCY": str(latency), "KC_LAB_PACE": pace},
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # moto's tracebacks of what it has not implemented
            text=True,
        )
        assert self.process.stdout
        self.url = self.process.stdout.readline().rpartition(" ")[2].strip()
        if not self.url:
            raise Failed("the lab's AWS did not start")

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait()

    def reset(self) -> None:
        urllib.request.urlopen(urllib.request.Request(f"{self.url}/moto-api/reset", method="POST")).close()  # noqa: S310

    def ask(self, path: str) -> Any:
        with urllib.request.urlopen(f"{self.url}/benchmark/{path}") as answer:  # noqa: S310
            return json.load(answer)

    @property
    def calls(self) -> int:
        return int(self.ask("calls"))

    @property
    def cpu(self) -> float:
        """Seconds of processor time until now."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    @property
    def connection(self) -> Connection:
        return Connection(endpoint_url=self.url, access_key_id="any", secret_access_key="any")


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
            "ANSIBLE_SKIP_TAGS": "clickhouse,accounts",  # an AWS without a world has nodes, and no machines
            "ANSIBLE_ASYNC_DIR": str(self.scratch / "jobs"),
        }

    def run(self, command: Sequence[str], **environment: str) -> Sample:
        calls, server, began = self.server.calls, self.server.cpu, time.perf_counter()
        done = subprocess.run(
            command, cwd=ROOT, env={**self.environment, **environment}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        seconds = time.perf_counter() - began
        return Sample(seconds, self.server.calls - calls, self.server.cpu - server, done.stdout, done.returncode)

    def measure(self, who: str, stage: str, command: Sequence[str]) -> Sample:
        """Run a contender and keep what was measured.

        Raises:
            Failed: It failed.
        """
        sample = self.run(command)
        if sample.code:
            raise Failed(f"{who}, {stage}:\n{tail(sample.output)}")
        self.samples.setdefault((who, stage), []).append(sample)
        print(f"  {who:24} {stage:12} {sample.seconds:6.1f} s  {sample.calls:5} calls", flush=True)
        return sample

    def median(self, who: str, stage: str) -> float:
        return statistics.median(one.seconds for one in self.samples[who, stage])

    def contest(
        self, who: str, command: Sequence[str], census: Callable[[], Counter[str]], *, check: bool = False, ours: bool = False
    ) -> None:
        """Measure one contender on an empty account: check, first run, second run.

        Args:
            census: Counts what stands.
            check: Whether a plan of the empty account is measured too.
            ours: Whether the second run must change nothing; of another contender it is only noted, as long as the same stands.

        Raises:
            Failed: A run failed, made something else than before, or changed what it must not.
        """
        if check:
            self.measure(who, "check", [*command, "--check"])
        self.measure(who, "first run", command)
        stands = census()
        if self.stands.setdefault(who, stands) != stands:
            raise Failed(f"{who} made something else than before: {stands - self.stands[who]} / {self.stands[who] - stands}")
        again = self.measure(who, "second run", command)
        if census() != stands:
            raise Failed(f"{who}: the second run left something else: {census() - stands} / {stands - census()}")
        if changes(again.output) and ours:
            raise Failed(f"{who}: the second run changed something:\n{again.output[-3000:]}")
        if changes(again.output):
            self.notes.append(f"{who}: its second run reports {changes(again.output)} changed tasks")

    def same(self, one: str, other: str, left_out: Collection[str] = ()) -> None:
        """See that two contenders left the same behind, but for what one of them can't make.

        Raises:
            Failed: They did not, so the times mean nothing.
        """
        first, second = self.stands[one], self.stands[other]
        differ = {name: (first[name], second[name]) for name in sorted(first.keys() | second.keys()) if first[name] != second[name]}
        unlike = {name: pair for name, pair in differ.items() if name not in left_out}
        if unlike:
            raise Failed(f"{other} does not stand for the same as {one}: {unlike}")
        print(
            f"{one} and {other} left the same behind: {sum(count for name, count in second.items() if ':' not in name)} resources, "
            f"{sum(count for name, count in second.items() if ':' in name)} parts" + (f" (but for {', '.join(differ)})" if differ else "")
        )

    def ratio(self, stage: str, slow: str, fast: str) -> float:
        return self.median(slow, stage) / self.median(fast, stage)

    def record(self, command: Sequence[str]) -> tuple[Wanted, Wanted]:
        """Return what a playbook of ours would make on an empty account: all of it, and the foundation alone."""
        options = self.scratch / "options.jsonl"
        options.unlink(missing_ok=True)
        sample = self.run(
            [*command, "--check"],
            ANSIBLE_CALLBACK_PLUGINS=f"{ROOT}/plugins/callback:{HERE}/callback",
            ANSIBLE_CALLBACKS_ENABLED="record_options",
            KC_RECORD_OPTIONS=str(options),
        )
        if sample.code:
            raise Failed(f"ours, recording:\n{tail(sample.output)}")
        lines = options.read_text().splitlines()
        return wanted(lines), wanted(line for line in lines if "foundation" in json.loads(line)["tags"])


def one_region(*words: str, without: Sequence[str] = ()) -> list[str]:
    """Return the command that converges one region with what is global, and nothing between regions.

    Args:
        without: Units, or other tags, that are left out too.
    """
    databases = yaml.safe_load((ROOT / "inventories/common/all/mysql.yml").read_text())["kc_mysql_instances"]
    alone = {**ALONE, "kc_mysql_instances": {name: {**about, "replica": False} for name, about in databases.items()}}
    skipped = ",".join([*PAIRED, *without])
    return ["ansible-playbook", "site.yml", "--limit", f"{REGION}:global", "--skip-tags", skipped, "-e", json.dumps(alone), *words]


def tail(output: str) -> str:
    return "\n".join(line[:400] for line in output.splitlines()[-40:])


def changes(output: str) -> int:
    """Return how many tasks a play's recap counts as changed."""
    return sum(map(int, re.findall(r"\bchanged=(\d+)", output)))


def table(bench: Bench, contenders: Sequence[str]) -> None:
    """Print the contenders' times, and their calls with the server's processor time."""
    known = [who for who in contenders if any(name == who for name, _ in bench.samples)]

    def rows(title: str, cell: Callable[[list[Sample]], str]) -> None:
        print(f"\n{title:<30}" + "".join(f"{stage:>24}" for stage in STAGES))
        for who in known:
            cells = [bench.samples.get((who, stage), []) for stage in STAGES]
            print(f"{who:<30}" + "".join(f"{cell(some) if some else '':>24}" for some in cells))

    def seconds(some: list[Sample]) -> str:
        times = [one.seconds for one in some]
        return f"{statistics.median(times):.2f} ({min(times):.2f} to {max(times):.2f})"

    def calls(some: list[Sample]) -> str:
        return f"{statistics.median(one.calls for one in some):.0f} / {statistics.median(one.server for one in some):.2f} s"

    rows("seconds: median (min to max)", seconds)
    rows("calls / server CPU", calls)


def bar(what: str, goal: str, met: bool) -> None:
    """Print one bar of the report."""
    print(f"{'met' if met else 'NOT MET':8} {what} ({goal})")
