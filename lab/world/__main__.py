"""`python -m lab.world --home .lab`: runs the behaviours until it gets SIGTERM. `python -m lab up` starts it so."""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from ..files import write
from ..settings import Settings
from .all import ALL
from .behaviour import Behaviour, Runner, World, logger

STATUS = "status.json"


def write_status(home: Path, runners: Sequence[Runner]) -> None:
    """Write what each behaviour's state is, for `lab status`."""
    write(home / STATUS, json.dumps({"pid": os.getpid(), "behaviours": [runner.state for runner in runners]}))


def main(kinds: Sequence[type[Behaviour]] = ALL) -> int:
    """Run the behaviours. Returns an exit code."""
    parser = argparse.ArgumentParser(prog="python -m lab.world", description="What the lab's AWS only records, made true.")
    parser.add_argument("--home", type=Path, required=True, help="the lab's directory")
    args = parser.parse_args()
    world = World.of(dataclasses.replace(Settings.load(), home=args.home.absolute()))
    runners = [Runner(kind(world, logger(world.home, kind.name))) for kind in kinds]
    done = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: done.set())
    for runner in runners:
        threading.Thread(target=runner.run, name=runner.behaviour.name, daemon=True).start()
    print(f"{len(runners)} behaviours: {', '.join(runner.behaviour.name for runner in runners)}", flush=True)
    threading.Thread(target=_wake, args=(world, runners), daemon=True).start()
    while not done.wait(1):
        write_status(world.home, runners)
    for runner in runners:
        runner.end()
    return 0


def _wake(world: World, runners: Sequence[Runner]) -> None:
    """Wake those whose services changed, for ever."""
    version = -1
    while True:
        try:
            version, services = world.changes(version, 20)
        except (OSError, ValueError):
            time.sleep(0.5)  # the AWS is down: what serves goes on as it is
            continue
        for runner in runners:
            if runner.behaviour.moved(services):
                runner.woken.set()


if __name__ == "__main__":
    sys.exit(main())
