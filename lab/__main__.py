"""`python -m lab`: start, stop, empty and look at the lab."""

from __future__ import annotations

import argparse
import json
import os
import shlex
import sys
import urllib.error
from pathlib import Path
from typing import Any

from .behaviours.tasks.record import Store
from .control import Lab, LabError
from .settings import Settings


def table(status: dict[str, Any]) -> str:
    """Return `status` as text."""
    rows = [("PROCESS", "STATE", "PID", "UPTIME", "MEMORY", "LOG")]
    for one in status["processes"]:
        up = one["pid"] is not None
        rows.append(
            (
                one["name"],
                one["state"],
                str(one["pid"]) if up else "-",
                f"{one['uptime']} s" if up else "-",
                f"{one['memory']} MiB" if up else "-",
                one["log"],
            )
        )
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    saved = status["state"]
    lines.append("")
    lines.append(f"endpoint  {status['url']}")
    if status["dns"]:
        lines.append(f"dns       {status['dns']}")
    lines.append(f"state     {saved['bytes'] / 2**20:.1f} MiB, saved {saved['age']} s ago" if saved else "state     none saved")
    if status["error"]:
        lines.append(f"problem   {status['error']}")
    return "\n".join(lines)


def exports(settings: Settings) -> str:
    """Return the shell lines that `eval` needs."""
    lines = [f"unset {' '.join(Settings.HIDING)}"]
    return "\n".join([*lines, *(f"export {name}={shlex.quote(value)}" for name, value in settings.environment.items())])


def main() -> int:
    """Run one command. Returns an exit code."""
    parser = argparse.ArgumentParser(prog="python -m lab", description="A two-region AWS on this machine.")
    commands = parser.add_subparsers(dest="command", required=True)
    up = commands.add_parser("up", help="start what isn't running; returns when it answers")
    up.add_argument("--world", action="store_true", help="networks, hosts, tasks, load balancers, DNS and edge too; needs root")
    commands.add_parser("down", help="stop it; what stands in it is kept")
    commands.add_parser("reset", help="empty it")
    status = commands.add_parser("status", help="what runs (exit code 3 if it is down)")
    status.add_argument("--json", action="store_true", help="as data")
    commands.add_parser("env", help='export lines for any AWS client: eval "$(python -m lab env)"')
    logs = commands.add_parser("logs", help="the last requests")
    logs.add_argument("-n", type=int, default=40, help="lines")
    logs.add_argument("-f", action="store_true", help="go on as they come")
    interrupt = commands.add_parser("interrupt", help="interrupt a Spot task, as AWS does when it needs the capacity")
    interrupt.add_argument("task", help="its id or ARN; the first digits are enough")
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
        elif args.command == "env":
            print(exports(lab.settings))
        elif args.command == "status":
            found = lab.status()
            print(json.dumps(found, indent=2) if args.json else table(found))
            return 0 if all(one["state"] == "up" for one in found["processes"]) else 3
        elif not lab.aws.log.exists():
            raise LabError("there is no log yet: `python -m lab up` first")
        else:
            tail = Path("/usr/bin/tail")
            os.execv(tail, ["tail", "-n", str(args.n), *(["-F"] if args.f else []), str(lab.aws.log)])  # noqa: S606
    except (LabError, ValueError, urllib.error.URLError) as error:
        print(f"lab: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
