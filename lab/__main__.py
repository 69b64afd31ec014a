"""`python -m lab`: start, stop, empty and look at the lab."""

from __future__ import annotations

import argparse
import json
import os
import shlex
import sys
import urllib.error
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

from . import address
from .behaviours.tasks.record import Store
from .breaking import Breaking
from .control import Lab, LabError
from .doctor import by_order, examine
from .images.command import images
from .load import command as load
from .settings import Settings
from .show import table
from .world.behaviour import World


def exports(settings: Settings) -> str:
    """Return the shell lines that `eval` needs."""
    lines = [f"unset {' '.join(Settings.HIDING)}"]
    return "\n".join([*lines, *(f"export {name}={shlex.quote(value)}" for name, value in settings.environment.items())])


FAULTS: dict[str, Callable[[Breaking, argparse.Namespace], str]] = {
    "cut": lambda lab, args: lab.cut(args.region, not args.outgoing, not args.incoming, args.other),
    "heal": lambda lab, args: lab.heal(args.region),
    "delay": lambda lab, args: lab.delay(args.region, args.milliseconds),
    "api": lambda lab, args: lab.api(args.region, args.what == "stop"),
    "kill": lambda lab, args: lab.kill(args.host),
    "start": lambda lab, args: lab.start(args.host),
    "wipe": lambda lab, args: lab.wipe(args.node),
}
"""Commands that break something, or take it back."""


def add_faults(commands: Any) -> None:
    """Add these commands to the parser."""
    cut = commands.add_parser("cut", help="cut a region off")
    cut.add_argument("region")
    way = cut.add_mutually_exclusive_group()
    way.add_argument("--in", dest="incoming", action="store_true", help="only what comes in")
    way.add_argument("--out", dest="outgoing", action="store_true", help="only what goes out")
    cut.add_argument("--from", dest="other", default="", help="only from (and to) another region, or `internet`")
    heal = commands.add_parser("heal", help="take back what was broken")
    heal.add_argument("region", nargs="?", default="", help="only there")
    delay = commands.add_parser("delay", help="delay all that comes into a region and goes out of it")
    delay.add_argument("region")
    delay.add_argument("milliseconds", type=int, help="each way; 0: no longer")
    api = commands.add_parser("api", help="have a region's API answer nobody, or answer again")
    api.add_argument("region")
    api.add_argument("what", choices=["stop", "start"])
    for name, says in (("kill", "end all processes of a host or a task, at once"), ("start", "switch a killed host on again")):
        commands.add_parser(name, help=says).add_argument("host", help="its name, or how it begins")
    wipe = commands.add_parser("wipe", help="lose the data volume of a database's node; one that is on crashes, and boots again")
    wipe.add_argument("node", help="its name, or how it begins")


class Parser(argparse.ArgumentParser):
    """Says what is wrong with its arguments in one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"lab: {message} (`{self.prog} --help` says more)\n")


def main() -> int:
    """Run one command. Returns an exit code."""
    parser = Parser(prog="python -m lab", description="A two-region AWS on this machine.")
    commands = parser.add_subparsers(dest="command", required=True)
    up = commands.add_parser("up", help="start what isn't running; returns when it answers")
    up.add_argument("--world", action="store_true", help="networks, hosts, tasks, load balancers, DNS and edge too; needs root")
    commands.add_parser("down", help="stop it; what stands in it is kept")
    commands.add_parser("reset", help="empty it")
    make = commands.add_parser("images", help="build what tasks and nodes run, as far as it is missing; needs root")
    make.add_argument("image", nargs="*", help="only these: applications, `node` and `mysql`")
    make.add_argument("--name", action="store_true", help="print what they are called in podman's store, and nothing else")
    status = commands.add_parser("status", help="what runs (exit code 3 if it is down)")
    status.add_argument("--json", action="store_true", help="as data")
    commands.add_parser("doctor", help="what is wrong, and what to do (exit code 1 if something is)")
    commands.add_parser("address", help="where the platform answers, and how to ask it there")
    commands.add_parser("env", help='export lines for any AWS client: eval "$(python -m lab env)"')
    logs = commands.add_parser("logs", help="the last lines of a component's log")
    logs.add_argument("component", nargs="?", default="aws", help="as `status` names it: ecs, elb, dns, … (aws: the requests)")
    logs.add_argument("-n", type=int, default=40, help="lines")
    logs.add_argument("-f", action="store_true", help="go on as they come")
    interrupt = commands.add_parser("interrupt", help="interrupt a Spot task, as AWS does when it needs the capacity")
    interrupt.add_argument("task", help="its id or ARN; the first digits are enough")
    add_faults(commands)
    load.add(commands)
    args = parser.parse_args()
    try:
        lab = Lab(Settings.load())
        if args.command == "up":
            print(lab.up(args.world))
        elif args.command in ("down", "reset"):
            print(getattr(lab, args.command)())
        elif args.command == "interrupt":
            task = Store(lab.home / "world" / "tasks").interrupt(args.task)
            print(f"task {task.id} of {task.service} gets its notice, and {task.patience:.0f} s to end")
        elif args.command == "doctor":
            wrong = examine(lab)
            print("\n".join([*wrong, *(f"on purpose: {fault} (`python -m lab heal`)" for fault in by_order(lab))] or ["nothing is wrong"]))
            return 1 if wrong else 0
        elif args.command in FAULTS:
            print(FAULTS[args.command](Breaking(lab), args))
        elif args.command == "images":
            images(lab, args.image, args.name)
        elif args.command == "load":
            return load.load(lab, args)
        elif args.command == "address":
            print(address.text(World.of(lab.settings)))
        elif args.command == "env":
            print(exports(lab.settings))
        elif args.command == "status":
            found = lab.status()
            print(json.dumps(found, indent=2) if args.json else table(found))
            return 0 if all(one["state"] == "up" for one in found["processes"]) else 3
        else:
            tail = Path("/usr/bin/tail")
            os.execv(tail, ["tail", "-n", str(args.n), *(["-F"] if args.f else []), str(lab.log(args.component))])  # noqa: S606
    except (LabError, ValueError, urllib.error.URLError) as error:
        print(f"lab: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
