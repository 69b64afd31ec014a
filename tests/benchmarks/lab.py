"""How long the lab takes to stand, cold and warm, and how much memory it takes. `make bench-lab`; see README.md."""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

sys.path[:0] = [str(Path(__file__).absolute().parents[2] / "module_utils")]

from lab.processes import Process  # noqa: E402
from lab.world.net import NETNS, PREFIX  # noqa: E402
from tests import ports  # noqa: E402

from .harness import ROOT, Failed, bar  # noqa: E402

COLD, WARM, MEMORY = 360, 60, 8 << 30
"""Seconds, seconds, bytes: what issue 4 asks for."""


class Clone:
    """A fresh clone of what is committed, with a lab of its own."""

    def __init__(self, directory: Path) -> None:
        port = ports.free()
        self.directory = directory
        self.lab = directory / ".lab"
        hidden = ("AWS_", "ANSIBLE_", "KC_", "VIRTUAL_ENV")
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith(hidden)} | {"KC_LAB_PORT": str(port)}
        subprocess.run(["git", "clone", "--quiet", str(ROOT), str(directory)], check=True)

    def make(self, target: str) -> float:
        """Run a target of the Makefile there; return its seconds.

        Raises:
            Failed: It failed.
        """
        began = time.monotonic()
        done = subprocess.run(
            ["make", target], cwd=self.directory, env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        if done.returncode:
            raise Failed(f"make {target} ended with {done.returncode}:\n{done.stdout}")
        seconds = time.monotonic() - began
        print(f"  make {target:9} {seconds:6.1f} s", flush=True)
        return seconds

    def processes(self) -> Iterator[int]:
        """Yield the ids of all processes of the lab: its own, those in its namespaces, and those that watch containers."""
        for each in Path("/proc").glob("[0-9]*"):
            process = Process.of(int(each.name))
            command = " ".join(process.command) if process else ""
            if str(self.lab) in command and "tests.benchmarks" not in command:
                yield int(each.name)
        for namespace in NETNS.glob(f"{PREFIX}*"):
            done = subprocess.run(["ip", "netns", "pids", namespace.name], capture_output=True, text=True, check=True)
            yield from map(int, done.stdout.split())

    def memory(self) -> tuple[int, int]:
        """Return how many processes the lab is, and their bytes; what several share is counted once (PSS)."""
        found = {*self.processes()}
        return len(found), sum(map(proportional, found))


def proportional(pid: int) -> int:
    """Return a process's share of memory, in bytes; 0 if it has ended."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:")) * 1024


def main() -> int:
    """Run the benchmark; 1 if something failed to run, whatever the bars say."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.lab", description=__doc__)
    parser.add_argument("--rounds", type=int, default=2, help="warm starts (2)")
    args = parser.parse_args()
    directory = Path(tempfile.mkdtemp(prefix="kc-bench-lab-"))
    clone = Clone(directory / "clone")
    try:
        cold = clone.make("site")
        count, used = clone.memory()
        warm = []
        for _ in range(args.rounds):
            down = clone.make("lab-down")
            warm.append(clone.make("site"))
        clone.make("site")
        print(f"\n{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} at the end, down in {down:.1f} s\n")
        bar(f"cold start {cold:.0f} s", f"at most {COLD}", cold <= COLD)
        bar(f"warm start {max(warm):.0f} s, the slowest of {len(warm)}", f"at most {WARM}", max(warm) <= WARM)
        bar(f"memory {used / 2**30:.2f} GiB in {count} processes", f"at most {MEMORY >> 30}", used <= MEMORY)
    except Failed as error:
        print(f"failed: {error}", file=sys.stderr)
        return 1
    finally:
        clone.make("lab-down")
        shutil.rmtree(directory)
    return 0


if __name__ == "__main__":
    sys.exit(main())
