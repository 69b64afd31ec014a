"""Two regions as the rig has them: a real MySQL server each, two holders of the lease that are processes, and links to the ensemble."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from kc.keeper.tls import Way
from kc.lease.ensemble import Ensemble
from kc.lease.guard import Guard, clock
from kc.lease.holder import Limits
from kc.mysql.connection import Access, Node, Server
from kc.mysql.errors import NodeError

from tests.lease.holder import Directory
from tests.lease.world import ACCOUNT
from tests.mysql.world import PASSWORD, USER

LIMITS = Limits(ttl=6, margin=2.5, beat=0.5)
APP = ("app", "the application's")
HOLDERS = multiprocessing.get_context("forkserver")
HOLDERS.set_forkserver_preload(["tests.faults.regions"])


class Place(Directory):
    """A region's own affairs: what it remembers is in a directory, and its MySQL server is what it fences off."""

    def __init__(self, home: Path, port: int, ca: str) -> None:
        super().__init__(home)
        self._port, self._ca = port, ca

    def note(self, text: str) -> None:
        self._log(f"{os.getpid()}: {text}")

    def admin(self) -> Server:
        return Server(Node("localhost", self._port), Access(USER, PASSWORD, self._ca, 3))

    def fence(self) -> None:
        with self.admin() as server:
            freeze(server)
        self._log("fences")

    def open(self) -> None:
        with self.admin() as server:
            if not server.dicts("SHOW REPLICA STATUS"):
                thaw(server)
        self._log("opens")


def freeze(server: Server) -> None:
    """Have a server take no writes, and end what others have open."""
    server.run("SET PERSIST super_read_only = ON")
    for number, user in server.rows("SELECT id, user FROM performance_schema.processlist WHERE command NOT LIKE 'Binlog Dump%'"):
        if user == APP[0]:
            with suppress(NodeError):
                server.run(f"KILL {number}")


def thaw(server: Server) -> None:
    for each in ("super_read_only", "read_only"):
        server.run(f"SET PERSIST {each} = OFF")


def hold(region: str, name: str, home: str, port: int, ca: str, way: Way, members: list[str]) -> None:
    """Be a holder, until killed."""
    place = Place(Path(home), port, ca)
    ensemble = Ensemble(way, members, ACCOUNT, LIMITS.ttl, timeout=1)
    guard = Guard(region, name, place, ensemble, LIMITS, tell=place.note)
    while True:
        guard.step()
        time.sleep(guard.pause)


class Holder:
    """A holder's process; `return_` starts another one in its place."""

    def __init__(self, *about: Any) -> None:
        self._about, self._count = about, 0
        self.return_()

    def return_(self) -> None:
        region, name, *more = self._about
        self._count += 1
        self.process = HOLDERS.Process(target=hold, args=(region, f"{name}.{self._count}", *more), daemon=True)
        self.process.start()

    def stop(self) -> None:
        os.kill(self.process.pid or 0, signal.SIGSTOP)

    def go_on(self) -> None:
        os.kill(self.process.pid or 0, signal.SIGCONT)

    def kill(self) -> None:
        self.process.kill()
        self.process.join()


class Prober(threading.Thread):
    """A user of a region: writes ten times a second, and notes what was acknowledged, and when that had begun and ended."""

    def __init__(self, region: str, port: int, ca: str) -> None:
        super().__init__(daemon=True)
        self.region, self._node, self._access = region, Node("localhost", port), Access(*APP, ca, 2)
        self._ended = threading.Event()
        self.acknowledged: list[tuple[str, float, float]] = []

    def run(self) -> None:
        count = 0
        server = Server(self._node, self._access)
        while not self._ended.wait(0.1):
            count += 1
            began = clock()
            try:
                server.run(f"INSERT INTO app.writes VALUES ('{self.region}-{count}')")
            except NodeError:
                server.close()
                continue
            self.acknowledged.append((f"{self.region}-{count}", began, clock()))
        server.close()

    def end(self) -> None:
        self._ended.set()
        self.join()
