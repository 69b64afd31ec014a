"""How long provisioning takes: ours beside others, interleaved. `make bench-provision`; see README.md."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

sys.path[:0] = [str(Path(__file__).absolute().parents[2] / "module_utils")]

from .foundation import Foundation  # noqa: E402
from .harness import Bench, Failed, Server  # noqa: E402
from .path import CriticalPath  # noqa: E402
from .whole import Whole  # noqa: E402

PARTS = ("foundation", "platform", "path")


def main() -> int:
    """Run the benchmark; 1 if something failed to run, whatever the bars say."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.provision", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="rounds of all contenders (3)")
    parser.add_argument("--only", choices=PARTS, action="append", help="this part only; can be repeated (all)")
    parser.add_argument("--without-peer", action="store_true", help="leave the collections out: they take most of the time")
    parser.add_argument("--latency", type=float, default=0, help="ms that each call is on its way, as to a region of AWS (0)")
    args = parser.parse_args()
    only = args.only or PARTS
    server, path = Server(args.latency), None
    try:
        with tempfile.TemporaryDirectory(prefix="kc-bench-") as scratch:
            bench = Bench(server, Path(scratch))
            parts: list[Foundation | Whole | CriticalPath] = []
            if "foundation" in only:
                parts.append(Foundation(bench, with_peer=not args.without_peer))
            if "platform" in only:
                parts.append(Whole(bench, with_peer=not args.without_peer))
            if "path" in only:
                parts.append(path := CriticalPath(bench))
            for number in range(args.rounds):
                print(f"round {number + 1} of {args.rounds}", flush=True)
                for part in parts:
                    began = time.monotonic()
                    part.round()
                    print(f"  {type(part).__name__} took {time.monotonic() - began:.0f} s", flush=True)
            print(f"\n{os.cpu_count()} cores, {args.rounds} rounds, {args.latency:g} ms a call, load {os.getloadavg()[0]:.1f} at the end\n")
            for part in parts:
                part.report()
            print(*(f"\n{note}" for note in dict.fromkeys(bench.notes)), "\n", sep="")
            for part in parts:
                part.bars()
    except Failed as error:
        print(f"failed: {error}", file=sys.stderr)
        return 1
    finally:
        server.stop()
        if path:
            path.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
