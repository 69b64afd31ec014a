"""What the lab's commands do: start, stop, empty and look at it."""

from __future__ import annotations

import contextlib
import fcntl
import json
import socket
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from . import own
from .behaviours.nodes.record import Records
from .behaviours.rds.record import Records as Servers
from .processes import Process, Slot
from .settings import ROOT, Settings
from .world.all import ALL
from .world.behaviour import World, logger
from .world.faults import Faults, changing, rules
from .world.net import ROUTER, NetError, nft

START = 60.0
"""Seconds that a process gets to answer; a machine busy with other things needs a few."""


class LabError(Exception):
    """Something that the user can act on."""


class Lab:
    """The lab in one directory."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.home = settings.home
        self.aws = Slot(self.home, "aws")
        self.marks = ["lab.aws", str(self.home)]
        self.world = Slot(self.home, "world")
        self.world_marks = ["lab.world", str(self.home)]

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """Hold the lab's lock: one command that starts or stops at a time, the others wait."""
        self.home.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.home.chmod(0o700)
        with (self.home / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    # --- commands ---

    def up(self, world: bool = False) -> str:
        """Start what isn't running and return when it answers; with `world`, also what makes true what it records."""
        with self.alone():
            if world:
                self._net_up()
            said = self._aws_up(world)
            if world:
                self._world_up()
            return said

    def _aws_up(self, world: bool) -> str:
        process = self.running()
        if process:
            port = process.command[process.command.index("--port") + 1]
            if port != str(self.settings.port):
                raise LabError(f"the lab already runs on port {port}: `python -m lab down` first, or leave KC_LAB_PORT out")
            if world and "--world" not in process.command:
                raise LabError("the lab runs without its world: `python -m lab down` first")
            return f"the lab runs already: {self.settings.url} (pid {process.pid})"
        if self.port_taken():
            raise LabError(
                f"port {self.settings.port} is taken by something that is not this lab: end it, or choose another with KC_LAB_PORT"
            )
        command = [sys.executable, "-m", "lab.aws", "--port", str(self.settings.port), "--state", str(self.home)]
        started = self._start(self.aws, "AWS", [*command, *(["--world"] if world else [])], self.health)
        return f"the lab is up: {self.settings.url} (pid {started.pid})"

    def _start(self, slot: Slot, called: str, command: list[str], said: Callable[[], dict[str, Any] | None]) -> Process:
        """Start a process, and wait until it says its pid.

        Raises:
            LabError: It ended, or said nothing in time.
        """
        started = slot.start(command, ROOT)
        deadline = time.monotonic() + START
        while not started or (said() or {}).get("pid") != started.pid:
            if not started or not started.alive:
                slot.pid_file.unlink(missing_ok=True)
                raise LabError(f"the lab's {called} did not start: {slot.last} (all of it: {slot.log})")
            if time.monotonic() > deadline:
                raise LabError(f"the lab's {called} does not answer after {START:.0f} s: look at {slot.log}")
            time.sleep(0.05)
        return started

    def _net_up(self) -> None:
        net = World.of(self.settings).net
        if net.other:
            Lab(replace(self.settings, home=net.other)).make_way()
        try:
            net.up()
            nft(rules(Faults.read(self.home).cuts, net.links), ROUTER)  # before anything passes; the behaviour does the rest
        except NetError as error:
            raise LabError(str(error)) from error

    def _world_up(self) -> None:
        if not self.world.find(self.world_marks):
            self._start(self.world, "world", [sys.executable, "-m", "lab.world", "--home", str(self.home)], self.behaviours)

    def down(self) -> str:
        """Stop what runs; the state stays."""
        with self.alone():
            return self._down()

    def make_way(self) -> None:
        """Take down what is left where every process was ended from outside, as a container's end does, and not by `down`."""
        with self.alone():
            if not (self.running() or self.world.find(self.world_marks) or World.of(self.settings).net.inhabitants()):
                self._down()

    def _down(self) -> str:
        world = self.world.find(self.world_marks)
        if world:
            world.stop()
            self.world.pid_file.unlink(missing_ok=True)
        process = self.running()
        if process:
            process.stop()
            self.aws.pid_file.unlink(missing_ok=True)
        with changing(self.home) as faults:  # a lab that comes up is whole
            faults.heal()
        if (self.home / "world").exists():
            there = World.of(self.settings)
            if there.net.owner in ("", str(there.home)):  # what stands is not another lab's
                for kind in ALL:
                    kind(there, logger(there.home, kind.name)).down()
                there.net.down()
        return "the lab is down; what stood in it comes back with `up`" if process or world else "the lab is not running"

    def reset(self) -> str:
        """Empty the AWS, running or not."""
        with self.alone():
            if self.running():
                self.ask("/moto-api/reset", method="POST")
            else:
                for file in self.home.glob("aws.state*"):
                    file.unlink()
                if not self.world.find(self.world_marks):  # else it takes them away once its AWS is there again
                    Records(self.home / "world").clear()
                    Servers(self.home / "world").clear()
            return "the lab's AWS is empty"

    def status(self) -> dict[str, Any]:
        """Return what runs, and what state is kept."""
        process, world = self.running(), self.world.find(self.world_marks)
        health = self.health() if process else None
        file = self.home / "aws.state"
        saved = (
            {"file": str(file), "bytes": file.stat().st_size, "age": round(time.time() - file.stat().st_mtime)} if file.exists() else None
        )
        return {
            "url": self.settings.url,
            "dns": f"127.0.0.1:{self.settings.dns_port}" if world else "",
            "home": str(self.home),
            "processes": [
                row(self.aws, process, "up" if health else "not answering"),
                *([row(self.world, world, "up")] if self.world.log.exists() else []),
                *self._helpers(),
            ],
            "behaviours": self.behaviour_states(),
            "regions": self._regions(),
            "faults": Faults.read(self.home).data,
            "state": saved,
            "error": (health or {}).get("error", ""),
            "unsaved": (health or {}).get("unsaved", False),
        }

    # --- looking ---

    def _helpers(self) -> list[dict[str, Any]]:
        """Return the processes that behaviours have started and that outlive them: DNS, edge, delays."""
        files = sorted((self.home / "world").glob("*.pid"))
        standing = ((Slot(file.parent, file.stem), Process.kept(file)) for file in files)
        return [row(slot, process, "up") for slot, process in standing if process]

    def behaviour_states(self) -> list[dict[str, Any]]:
        """Return how the behaviours are: when each looked last, and what it failed at."""
        found = (self.behaviours() or {}).get("behaviours", [])
        return [{**one, "log": str(self.home / "world" / f"{one['name']}.log")} for one in found]

    def _regions(self) -> list[dict[str, Any]]:
        """Return the regions with their hosts; none while the lab has no networks."""
        world = World.of(self.settings) if (self.home / "world").exists() else None
        if not world or not world.net.owned:
            return []
        killed = Faults.read(self.home).killed
        hosts = {host.name: (host, "killed" if host.name in killed else "up") for host in world.net.hosts()}
        made = [*(record.node.host for record in Records(world.home).all()), *(record.host for record in Servers(world.home).all())]
        rows = sorted({**{host.name: (host, "off") for host in made}, **hosts}.items())
        return [
            {
                "name": region,
                "hosts": [
                    {"name": name, "address": one.address, "subnet": one.subnet, "state": state}
                    for name, (one, state) in rows
                    if one.region == region
                ],
            }
            for region in world.regions
        ]

    def log(self, component: str) -> Path:
        """Return a component's log.

        Raises:
            LabError: There is none.
        """
        directories = (self.home / "world" / "rds", self.home / "world" / "nodes", self.home / "world", self.home)
        logs = {path.stem: path for directory in directories for path in sorted(directory.glob("*.log"))}
        if component not in logs:
            there = f"there are those of {', '.join(sorted(logs))}" if logs else "`python -m lab up` first"
            raise LabError(f"there is no log of `{component}`: {there}")
        return logs[component]

    def behaviours(self) -> dict[str, Any] | None:
        """Return what the world last said of itself; None where it is down."""
        try:
            found = json.loads((self.home / "world" / "status.json").read_text())
        except (OSError, ValueError):
            return None
        return found if Process.of(found["pid"]) else None

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
        return own.ask(self.settings.url + path, b"" if method == "POST" else None, timeout)

    def port_taken(self) -> bool:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", self.settings.port))
            except OSError:
                return True
            return False


def row(slot: Slot, process: Process | None, state: str) -> dict[str, Any]:
    """Return a process as `status` shows it; `state` is its state if it runs."""
    return {
        "name": slot.name,
        "state": state if process else "down",
        "pid": process.pid if process else None,
        "uptime": round(process.uptime) if process else None,
        "memory": process.memory if process else None,
        "log": str(slot.log),
    }
