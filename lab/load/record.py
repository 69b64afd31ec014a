"""The record: a line of JSON for everything that was done, written the moment its outcome is known.

`kill -9` of who writes loses no line: each is handed to the kernel whole, by one write.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any


class Clock:
    """The time of day, in seconds since 1970, which goes on evenly while the machine's is set."""

    def __init__(self, now: Callable[[], float] = time.time, steady: Callable[[], float] = time.monotonic) -> None:
        self._steady = steady
        self._ahead = now() - steady()

    def __call__(self) -> float:
        return self._ahead + self._steady()


class Record:
    """A record that is written.

    Args:
        path: A file that is not there yet.
        about: What its first line says of the run.

    Raises:
        FileExistsError: It is.
    """

    def __init__(self, path: Path, about: Mapping[str, Any], clock: Clock | None = None) -> None:
        self.path, self.clock = path, clock or Clock()
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        self._add({"began": self.clock(), **about})

    def __enter__(self) -> Record:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None) -> None:
        os.close(self._file)

    def acknowledged(self, kind: str, name: str, sent: float, region: str = "") -> None:
        """Note that something was answered, just now.

        Args:
            kind: Of action.
            name: What it is asked for by later.
            sent: When it was begun.
            region: That answered, where it said so.
        """
        self._add({"kind": kind, "id": name, "sent": sent, "acked": self.clock(), **({"region": region} if region else {})})

    def failed(self, kind: str, name: str, sent: float, reason: str, region: str = "") -> None:
        """Note that something was not answered, or badly: whether it was done is not known."""
        told = {"kind": kind, "id": name, "sent": sent, "failed": self.clock(), "reason": reason}
        self._add({**told, **({"region": region} if region else {})})

    def ended(self, why: str, late: float) -> None:
        """Note the end.

        Args:
            why: It ended.
            late: Seconds by which an action was begun after its time, at most.
        """
        self._add({"ended": self.clock(), "why": why, "late": late})

    def _add(self, line: Mapping[str, Any]) -> None:
        told = {name: round(value, 6) if isinstance(value, float) else value for name, value in line.items()}
        data = json.dumps(told).encode() + b"\n"
        if os.write(self._file, data) != len(data):
            raise OSError(f"{self.path}: the disk is full, and the last line was cut")


def read(path: Path) -> list[dict[str, Any]]:
    """Return a record's lines; what was cut at its end, by a full disk, is none.

    Raises:
        OSError: There is none.
        ValueError: It is no record.
    """
    lines = path.read_text().split("\n")[:-1]
    try:
        found = [json.loads(line) for line in lines]
    except ValueError as error:
        raise ValueError(f"{path}: a line is no JSON ({error}): is it a record of `python -m lab load`?") from None
    if not found or "began" not in found[0]:
        raise ValueError(f"{path} does not begin as a record does: is it one of `python -m lab load`?")
    return found
