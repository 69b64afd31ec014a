"""A region's holder as a process of its own: its place is a directory, and each thing that it does there is a line of a log.

python -m tests.lease.holder <region> <name> <directory> <ca> <certificate> <key> <member>,<member>…
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from kc.keeper.tls import Way
from kc.lease.ensemble import Ensemble
from kc.lease.guard import Guard, clock
from kc.lease.holder import Limits
from kc.lease.lease import Memory

from tests.lease.world import ACCOUNT, TTL

LIMITS = Limits(ttl=TTL, margin=TTL / 3, beat=0.3)


class Directory:
    """A region that is a directory; `closed` is there while it is fenced off."""

    def __init__(self, home: Path) -> None:
        self.home = home

    def _log(self, what: str) -> None:
        with (self.home / "log").open("a") as log:
            log.write(f"{clock():.3f} {what}\n")

    def _write(self, name: str, text: str) -> None:
        new = self.home / f".{name}-{os.getpid()}"
        new.write_text(text)
        new.rename(self.home / name)

    def _read(self, name: str) -> str:
        path = self.home / name
        return path.read_text() if path.exists() else ""

    def recall(self) -> Memory | None:
        text = self._read("memory")
        return Memory.parse(text, "memory") if text else None

    def role(self) -> str:
        return self._read("role")

    def remember(self, memory: Memory) -> None:
        self._write("memory", memory.text)
        self._log(f"remembers {memory.state}")

    def counted(self) -> str:
        return self._read("count")

    def count(self, text: str) -> None:
        self._write("count", text)
        self._log("confirmed")

    def fence(self) -> None:
        self._write("closed", "")
        self._log("fences")

    def open(self) -> None:
        (self.home / "closed").unlink(missing_ok=True)
        self._log("opens")


def main(region: str, name: str, home: str, ca: str, certificate: str, key: str, members: str) -> None:
    way = Way(9281, ca, certificate, key, 1)
    ensemble = Ensemble(way, members.split(","), ACCOUNT, LIMITS.ttl, timeout=1)
    guard = Guard(region, name, Directory(Path(home)), ensemble, LIMITS, tell=lambda text: print(text, flush=True))
    while True:
        guard.step()
        time.sleep(guard.pause)


if __name__ == "__main__":
    main(*sys.argv[1:])
