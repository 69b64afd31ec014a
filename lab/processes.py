"""Processes that outlive the command which starts them."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from .files import write


@dataclass(frozen=True)
class Process:
    """A running process, told from a later one with the same pid by when it started.

    Attributes:
        pid: Process id.
        started: Clock ticks after boot (field 22 of `/proc/<pid>/stat`).
    """

    pid: int
    started: int

    @classmethod
    def of(cls, pid: int) -> Process | None:
        """Return the process that has `pid` now; None for a zombie too."""
        try:
            stat = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            return None
        return None if stat[0] == "Z" else cls(pid, int(stat[19]))

    @classmethod
    def still(cls, pid: int, started: int) -> Process | None:
        """Return a process that was seen, if it runs; `pid` 0 is none."""
        process = cls(pid, started)
        return process if pid and process.alive else None

    @classmethod
    def kept(cls, file: Path) -> Process | None:
        """Return the process that a pid file names, if it runs."""
        try:
            process = cls(**json.loads(file.read_text()))
        except (OSError, ValueError, TypeError):
            return None
        return process if process.alive else None

    @property
    def alive(self) -> bool:
        return Process.of(self.pid) == self

    @property
    def command(self) -> list[str]:
        try:
            return Path(f"/proc/{self.pid}/cmdline").read_text().rstrip("\0").split("\0")
        except OSError:
            return []

    @property
    def uptime(self) -> float:
        """Seconds since it started."""
        return float(Path("/proc/uptime").read_text().split()[0]) - self.started / os.sysconf("SC_CLK_TCK")

    @property
    def memory(self) -> int:
        """Resident MiB."""
        return int(Path(f"/proc/{self.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") >> 20

    def stop(self, patience: float = 15.0) -> None:
        """Ask it to end, wait up to `patience` seconds, then end it."""
        for number, seconds in ((signal.SIGTERM, patience), (signal.SIGKILL, 5.0)):
            deadline = time.monotonic() + seconds
            with contextlib.suppress(ProcessLookupError):
                if self.alive:
                    os.kill(self.pid, number)
            while self.alive and time.monotonic() < deadline:
                time.sleep(0.02)
            if not self.alive:
                return


class Slot:
    """The place of one process in the lab's directory: its pid file and its log."""

    def __init__(self, home: Path, name: str) -> None:
        self.name = name
        self.pid_file = home / f"{name}.pid"
        self.log = home / f"{name}.log"

    @property
    def last(self) -> str:
        """The last line of the log: where a process ended at once, why."""
        return (self.log.read_text().strip().splitlines() or ["no output"])[-1]

    def find(self, marks: list[str]) -> Process | None:
        """Return the slot's process, if it runs and its command line holds `marks`; a stale pid file is removed."""
        process = Process.kept(self.pid_file)
        if process and all(mark in process.command for mark in marks):
            return process
        self.pid_file.unlink(missing_ok=True)
        return None

    def start(self, command: list[str], directory: Path) -> Process | None:
        """Start `command` in a session of its own, output to the log; None if it ended at once."""
        if self.log.exists():
            self.log.replace(self.log.with_suffix(".log.1"))
        with self.log.open("ab") as log:
            child = subprocess.Popen(
                command, cwd=directory, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, umask=0o077
            )
        process = Process.of(child.pid)
        if process:
            self.keep(process)
        return process

    def keep(self, process: Process) -> None:
        """Write the pid file."""
        write(self.pid_file, json.dumps(asdict(process)))
