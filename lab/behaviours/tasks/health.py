"""A container's health check: its command, run in the container at its interval."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .record import Task

UNKNOWN, HEALTHY, UNHEALTHY = "UNKNOWN", "HEALTHY", "UNHEALTHY"

EAGER = 1.0
"""Seconds between two looks at a container that was not healthy yet; ECS waits for the interval."""

DEFAULTS = {"interval": 30, "timeout": 5, "retries": 3, "startPeriod": 0}
"""ECS API, HealthCheck."""


def command(check: Mapping[str, Any]) -> list[str]:
    """Return a health check's command line."""
    kind, *words = check["command"]
    return ["/bin/sh", "-c", *words] if kind == "CMD-SHELL" else words if kind == "CMD" else [kind, *words]


@dataclass
class Streak:
    """What is remembered between two looks at one container; it may be lost.

    Attributes:
        looked: When it was looked at last.
        counted: When a failure was counted last, or it was looked at with success.
        failures: In a row.
    """

    looked: float = 0.0
    counted: float = 0.0
    failures: int = 0

    def due(self, health: str, check: Mapping[str, Any], now: float) -> bool:
        """Whether it is time to look."""
        return now - self.looked >= (EAGER if health == UNKNOWN else check["interval"])

    def take(self, passed: bool, health: str, check: Mapping[str, Any], started: float, now: float) -> str:
        """Take what a look said, and return the container's health after it.

        A failure counts once an interval, and not in the start period as long as there was no success.
        """
        self.looked = now
        if passed:
            self.failures, self.counted = 0, now
            return HEALTHY
        starting = health == UNKNOWN and now - started < check["startPeriod"]
        if not starting and now - max(self.counted, started) >= check["interval"]:
            self.failures, self.counted = self.failures + 1, now
        return UNHEALTHY if self.failures >= check["retries"] else health


class Checker:
    """Looks at containers, each at its time, some at once."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(4, thread_name_prefix="health")
        self._streaks: dict[str, Streak] = {}
        self._under_way: set[str] = set()

    def look(self, task: Task, check: Mapping[str, Any]) -> None:
        """Look at a running task's container if it is time to; what is seen is in `task.health` a moment later."""
        about = {**DEFAULTS, **{key: value for key, value in check.items() if value is not None}}
        streak = self._streaks.setdefault(task.id, Streak(counted=task.started))
        if task.id in self._under_way or not streak.due(task.health, about, time.time()):
            return
        self._under_way.add(task.id)

        def run() -> None:
            try:
                passed = run_inside(task.pid, command(about), float(about["timeout"]))
                task.health = streak.take(passed, task.health, about, task.started, time.time())
            finally:
                self._under_way.discard(task.id)

        self._pool.submit(run)

    def forget(self, task: Task) -> None:
        """Forget a task that has ended."""
        self._streaks.pop(task.id, None)


def run_inside(pid: int, words: Sequence[str], timeout: float) -> bool:
    """Run a command in a container as its user, with its variables; whether it ended with 0 in time.

    It enters the namespaces of the container's first process: `podman exec` takes fifty times as long.
    """
    try:
        status = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines() if ":" in line)
        variables = dict(each.split("=", 1) for each in Path(f"/proc/{pid}/environ").read_text().split("\0") if "=" in each)
    except OSError:
        return False
    user, group = (status[key].split()[0] for key in ("Uid", "Gid"))
    enter = ["/usr/bin/nsenter", "-t", str(pid), "-m", "-u", "-i", "-n", "-p", "--wd=/", "-S", user, "-G", group, "--"]
    null = subprocess.DEVNULL
    with subprocess.Popen([*enter, *words], env=variables, start_new_session=True, stdin=null, stdout=null, stderr=null) as child:
        try:
            return child.wait(timeout) == 0
        except subprocess.TimeoutExpired:
            os.killpg(child.pid, signal.SIGKILL)
            return False
