"""An nginx in a namespace: it goes on without the world, and is told of a new configuration only when that is another and right."""

from __future__ import annotations

import hashlib
import logging
import os
import signal
import subprocess
import time
from pathlib import Path

from ..processes import Process, Slot
from .net import NETNS

START = 10.0
"""Seconds that nginx gets to start."""


class NginxError(Exception):
    """nginx refuses a configuration, or does not start."""


class Nginx:
    """One nginx; its configuration says `daemon off`.

    Args:
        slot: Where its pid and its log are.
        directory: Its prefix, with `nginx.conf` in it.
        namespace: Where it serves.
        log: Where its starts are told.
        sockets: Pattern of the names of sockets in its directory that it listens on, and that it can't when they are left.
    """

    def __init__(self, slot: Slot, directory: Path, namespace: str, log: logging.Logger, sockets: str = "") -> None:
        self.slot = slot
        self.directory = directory
        self.namespace = namespace
        self.log = log
        self.sockets = sockets
        self.config = directory / "nginx.conf"
        self.command = ["nginx", "-p", str(directory), "-c", str(self.config)]
        self.title = f"nginx: master process {' '.join(self.command)}"
        """What nginx calls itself, instead of its command line."""

    def running(self) -> Process | None:
        """Return the process, if it runs, and in the namespace that has the name now."""
        process = self.slot.find([self.title])
        if process and not lives_in(process, self.namespace):
            process.stop(3)
            process = None
        return process

    def serve(self) -> None:
        """Start it if it does not run; without a configuration, it waits for one."""
        if self.config.exists() and not self.running():
            self._start()

    def apply(self, text: str, files: bytes = b"") -> bool:
        """Put a configuration in the place of the one that runs, if it differs; return whether it did.

        Args:
            text: The configuration.
            files: What is in the files that it names, where that may change.

        Raises:
            NginxError: nginx refuses it; the old one stays.
        """
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        digest = hashlib.sha256(text.encode() + files).hexdigest()
        applied = self.directory / "applied"
        if applied.exists() and applied.read_text() == digest and self.running():
            return False
        new = self.config.with_suffix(".new")
        new.write_text(text)
        command = ["ip", "netns", "exec", self.namespace, "nginx", "-t", "-q", "-p", str(self.directory), "-c", str(new)]
        tested = subprocess.run(command, capture_output=True, text=True)
        if tested.returncode:
            raise NginxError(f"nginx refuses the new configuration, and the old one stays: {tested.stderr.strip()}")
        new.replace(self.config)
        process = self.running()
        if process:
            os.kill(process.pid, signal.SIGHUP)
        else:
            self._start()
        applied.write_text(digest)
        return True

    def reopen(self) -> None:
        """Have it open its log files anew: by a reload, since workers may not open files in here, and the master may."""
        process = self.running()
        if process:
            os.kill(process.pid, signal.SIGHUP)

    def stop(self) -> None:
        """End it; one that does not run is no error."""
        process = self.slot.find([self.title])
        if process:
            process.stop(3)
            self.slot.pid_file.unlink(missing_ok=True)
        self._end_strays()

    def _start(self) -> None:
        self._end_strays()
        process = self.slot.start(["ip", "netns", "exec", self.namespace, *self.command], self.directory)
        deadline = time.monotonic() + START
        while process and process.alive and self.title not in process.command and time.monotonic() < deadline:
            time.sleep(0.02)
        if not process or not process.alive:
            raise NginxError(f"nginx did not start: {self.slot.last}")
        self.log.info("nginx is started in %s", self.namespace)

    def _end_strays(self) -> None:
        """End what it has left though its master is gone: that holds addresses and sockets."""
        if not (NETNS / self.namespace).exists():
            return
        there = subprocess.run(["ip", "netns", "pids", self.namespace], capture_output=True, text=True, check=True).stdout.split()
        for process in map(Process.of, map(int, there)):
            if process and process.command[:1] and process.command[0].startswith("nginx: ") and works_in(process, self.directory):
                process.stop(0)
        for socket in self.directory.glob(self.sockets) if self.sockets else ():
            socket.unlink()


def lives_in(process: Process, namespace: str) -> bool:
    """Whether a process is in the namespace that has this name now."""
    try:
        return Path(f"/proc/{process.pid}/ns/net").stat().st_ino == (NETNS / namespace).stat().st_ino
    except OSError:
        return False


def works_in(process: Process, directory: Path) -> bool:
    """Whether a process has this working directory."""
    try:
        return Path(f"/proc/{process.pid}/cwd").readlink() == directory
    except OSError:
        return False
