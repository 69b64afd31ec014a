"""`python -m lab`: start, stop, empty and look at the lab."""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import json
import os
import shlex
import socket
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .processes import Process, Slot
from .settings import ROOT, Settings

START = 60.0
"""Seconds that the AWS gets to answer; a machine busy with other things needs a few."""


class LabError(Exception):
    """Something that the user can act on."""


class Lab:
    """The lab in one directory."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.home = settings.home
        self.aws = Slot(self.home, "aws")
        self.marks = ["lab.aws", str(self.home)]

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """Hold the lab's lock: one command that starts or stops at a time, the others wait."""
        self.home.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.home.chmod(0o700)
        with (self.home / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    # --- commands ---

    def up(self) -> str:
        """Start what isn't running and return when it answers."""
        with self.alone():
            process = self.running()
            if process:
                port = process.command[process.command.index("--port") + 1]
                if port != str(self.settings.port):
                    raise LabError(f"the lab already runs on port {port}: `python -m lab down` first, or leave KC_LAB_PORT out")
                return f"the lab runs already: {self.settings.url} (pid {process.pid})"
            if self.port_taken():
                raise LabError(
                    f"port {self.settings.port} is taken by something that is not this lab: end it, or choose another with KC_LAB_PORT"
                )
            command = [sys.executable, "-m", "lab.aws", "--port", str(self.settings.port), "--state", str(self.home)]
            started = self.aws.start(command, ROOT)
            deadline = time.monotonic() + START
            while not started or (self.health() or {}).get("pid") != started.pid:
                if not started or not started.alive:
                    self.aws.pid_file.unlink(missing_ok=True)
                    last = (self.aws.log.read_text().strip().splitlines() or ["no output"])[-1]
                    raise LabError(f"the lab's AWS did not start: {last} (all of it: {self.aws.log})")
                if time.monotonic() > deadline:
                    raise LabError(f"the lab's AWS does not answer after {START:.0f} s: look at {self.aws.log}")
                time.sleep(0.05)
            return f"the lab is up: {self.settings.url} (pid {started.pid})"

    def down(self) -> str:
        """Stop what runs; the state stays."""
        with self.alone():
            process = self.running()
            if not process:
                return "the lab is not running"
            process.stop()
            self.aws.pid_file.unlink(missing_ok=True)
            return "the lab is down; what stood in it comes back with `up`"

    def reset(self) -> str:
        """Empty the AWS, running or not."""
        with self.alone():
            if self.running():
                self.ask("/moto-api/reset", method="POST")
            else:
                for file in self.home.glob("aws.state*"):
                    file.unlink()
            return "the lab's AWS is empty"

    def status(self) -> dict[str, Any]:
        """Return what runs, and what state is kept."""
        process = self.running()
        health = self.health() if process else None
        file = self.home / "aws.state"
        saved = (
            {"file": str(file), "bytes": file.stat().st_size, "age": round(time.time() - file.stat().st_mtime)} if file.exists() else None
        )
        return {
            "url": self.settings.url,
            "home": str(self.home),
            "processes": [
                {
                    "name": self.aws.name,
                    "state": "down" if not process else "up" if health else "not answering",
                    "pid": process.pid if process else None,
                    "uptime": round(process.uptime) if process else None,
                    "memory": process.memory if process else None,
                    "log": str(self.aws.log),
                }
            ],
            "state": saved,
            "error": (health or {}).get("error", ""),
            "unsaved": (health or {}).get("unsaved", False),
        }

    # --- looking ---

    def running(self) -> Process | None:
        """Return the AWS's process; one whose starter was killed before it could write the pid file is taken over."""
        found = self.aws.find(self.marks)
        health = None if found else self.health()
        if health and health.get("home") == str(self.home):
            found = Process.of(int(health["pid"]))
            if found:
                self.aws.keep(found)
        return found

    def health(self) -> dict[str, Any] | None:
        """Return what the lab on our port says of itself; None if nothing, or something else, answers."""
        try:
            answer = json.loads(self.ask("/lab/health", timeout=3))
        except (OSError, ValueError):
            return None
        return answer if isinstance(answer, dict) and "pid" in answer else None

    def ask(self, path: str, method: str = "GET", timeout: float = 30) -> bytes:
        """Send an empty request to the lab."""
        request = urllib.request.Request(self.settings.url + path, data=b"" if method == "POST" else None, method=method)  # noqa: S310
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=timeout) as answer:
            return bytes(answer.read())

    def port_taken(self) -> bool:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", self.settings.port))
            except OSError:
                return True
            return False


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
    commands.add_parser("up", help="start what isn't running; returns when it answers")
    commands.add_parser("down", help="stop it; what stands in it is kept")
    commands.add_parser("reset", help="empty it")
    status = commands.add_parser("status", help="what runs (exit code 3 if it is down)")
    status.add_argument("--json", action="store_true", help="as data")
    commands.add_parser("env", help='export lines for any AWS client: eval "$(python -m lab env)"')
    logs = commands.add_parser("logs", help="the last requests")
    logs.add_argument("-n", type=int, default=40, help="lines")
    logs.add_argument("-f", action="store_true", help="go on as they come")
    args = parser.parse_args()
    try:
        lab = Lab(Settings.load())
        if args.command in ("up", "down", "reset"):
            print(getattr(lab, args.command)())
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
