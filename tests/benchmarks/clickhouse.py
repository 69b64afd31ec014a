"""What the ClickHouse roles' second run takes, and inserts beside plain clickhouse-client. `make bench-clickhouse`; see README.md.

The lab is up, and `make site` has been run.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path[:0] = [str(Path(__file__).absolute().parents[2] / "module_utils")]

from lab.settings import Settings  # noqa: E402
from lab.world.behaviour import World  # noqa: E402
from tests.world.nodes import ZONE, seat, secret  # noqa: E402
from tests.world.platform import HOME, OTHER  # noqa: E402

from .harness import BIN, ROOT, Failed, bar, changes, tail  # noqa: E402

SECONDS = 60
"""What the second run of the roles over all nodes may take (issue 5)."""


def second_run(rounds: int) -> float:
    """Return the slowest of so many runs of the playbook over nodes that are as it wants them.

    Raises:
        Failed: One failed, or changed something.
    """
    slowest = 0.0
    for _ in range(rounds):
        began = time.monotonic()
        done = subprocess.run([BIN / "ansible-playbook", "playbooks/clickhouse.yml"], cwd=ROOT, capture_output=True, text=True)
        taken = time.monotonic() - began
        if done.returncode or changes(done.stdout):
            raise Failed(f"the playbook failed, or changed something:\n{tail(done.stdout + done.stderr)}")
        nodes = len(re.findall(r"(?:clickhouse|keeper)-\d\S* +: ok=", done.stdout))
        print(f"  playbooks/clickhouse.yml {taken:6.1f} s  {nodes} nodes", flush=True)
        slowest = max(slowest, taken)
    return slowest


def inserts(world: World, *words: str) -> dict[str, dict[str, float]]:
    """Return inserts a second, and seconds until they are seen in the other region, by contender."""
    account = secret(world, "clickhouse-admin")
    nodes = [f"clickhouse-1.{region}.{ZONE}" for region in (HOME, OTHER)]
    # a node, since an application reaches its own region's only
    with tempfile.TemporaryDirectory() as directory, seat(world, f"clickhouse-2.{HOME}", Path(directory)) as here:
        options = ["--user", account["username"], "--ca", str(here.ca), *words]
        said = here.run("-m", "tests.benchmarks.inserts", *nodes, *options, password=account["password"], timeout=900)
    return dict(json.loads(said))


def main() -> int:
    """Run the benchmark; 1 if something failed to run, whatever the bars say."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.clickhouse", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="second runs of the roles (3), and rounds of inserts")
    args = parser.parse_args()
    try:
        slowest = second_run(args.rounds)
        found = inserts(World.of(Settings.load()), "--rounds", str(args.rounds))
    except Failed as error:
        print(f"failed: {error}", file=sys.stderr)
        return 1
    except subprocess.CalledProcessError as error:
        print(f"failed: {error.stderr}", file=sys.stderr)
        return 1
    plain = {kind: of["plain"] for kind, of in found.items()}
    print(f"\n{'blocks of 1,000 rows':20} {'a second':>10} {'of plain':>10} {'seen in the other region':>26} {'of plain':>10}")
    for name, rate in found["rates"].items():
        delay = found["delays"][name]
        print(f"{name:20} {rate:10.1f} {rate / plain['rates']:10.2f} {delay:24.3f} s {delay / plain['delays']:10.2f}")
    print(f"\n{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} at the end\n")
    bar(f"the roles' second run: {slowest:.0f} s, the slowest of {args.rounds}", f"at most {SECONDS} s", slowest <= SECONDS)
    return 0


if __name__ == "__main__":
    sys.exit(main())
