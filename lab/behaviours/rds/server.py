"""A server: `mysqld` in a container of the image `mysql`, on data that outlives it."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from contextlib import suppress
from pathlib import Path

import pymysql

from ...files import write
from ...images.build import name_of
from ...images.recipes import USER
from ...images.store import files
from ...podman import PodmanError, inspect, podman, remove
from ...processes import Process
from ...world.ca import CA
from ...world.net import NETNS
from ...world.nginx import lives_in
from .parameters import CERTIFICATES
from .record import Record, Records
from .sql import ADMIN, session

IMAGE = "mysql"
DATA, SNAPSHOTS = "/var/lib/mysql", "/snapshots"
"""Where a container has them."""

PATIENCE = 20
"""Seconds that a server gets to shut down."""
START = 120.0
"""Seconds that one gets to serve; recovery after a crash is part of it."""
LOG_SIZE = "10mb"


class ServerError(Exception):
    """A server does not do what it is to do."""


class Server:
    """The server of one instance.

    Args:
        records: What is known of servers.
        home: The world's directory: it marks whose container it is.
        record: What is known of this one.
    """

    def __init__(self, records: Records, home: Path, record: Record) -> None:
        self.records = records
        self.home = home
        self.record = record
        self.container = f"kc-{record.host.name}"
        self.directory = records.home(record.resource)
        self.data = self.directory / "data"
        self.log = records.log(record.host.name)

    @property
    def serves(self) -> bool:
        """Whether it runs, in the namespace that has its host's name now."""
        process = self.record.process
        return bool(process and lives_in(process, self.record.host.namespace))

    def fill(self, source: Path | None = None) -> None:
        """Make its data a copy of a directory, or that of a new server."""
        shutil.rmtree(self.data, ignore_errors=True)
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        if source:
            copy(source, self.data)
        else:
            with files(image()) as root:
                copy(root / DATA.lstrip("/"), self.data)

    def start(self, configuration: str, resolver: str, user: str = ADMIN) -> None:
        """Start it, and return when it serves.

        Args:
            configuration: The file that it starts with.
            resolver: Whom it asks for names.
            user: Who can ask it for anything.

        Raises:
            ServerError: It ends, or takes too long.
        """
        self._write(configuration)
        self._room()
        podman(*self._arguments(resolver))
        process = Process.of(int(inspect(self.container).get("Pid", 0)))
        if not process:
            raise self._ended()
        self.record.pid, self.record.began = process.pid, process.started
        self.records.save(self.record)
        deadline = time.monotonic() + START
        while True:
            try:
                with session(self.data, user) as asked:
                    asked.do("SELECT 1")
                return
            except (pymysql.MySQLError, OSError) as error:
                if not process.alive:
                    raise self._ended() from error
                if time.monotonic() > deadline:
                    raise ServerError(f"{self.record.host.name} does not serve after {START:.0f} s: look at {self.log}") from error
            time.sleep(0.1)

    def ended(self, patience: float = PATIENCE) -> None:
        """Wait until it has ended by itself.

        Raises:
            ServerError: It has not.
        """
        deadline = time.monotonic() + patience
        while self.record.process:
            if time.monotonic() > deadline:
                raise ServerError(f"{self.record.host.name} does not end")
            time.sleep(0.05)

    def off(self) -> None:
        """Shut it down; its data stays."""
        if self.record.process:
            self._let_go()
        podman("stop", "--ignore", "--time", str(PATIENCE), self.container)
        remove(self.container)
        self.record.pid = self.record.began = 0

    def _let_go(self) -> None:
        """End its replicas' connections, for which it would wait ten seconds, and take no new ones."""
        with suppress(pymysql.MySQLError, OSError), session(self.data) as asked:
            asked.do("SET GLOBAL offline_mode = ON")
            for each in asked.do("SELECT id FROM performance_schema.processlist WHERE command LIKE 'Binlog Dump%'"):
                asked.do(f"KILL {each['id']}")

    def destroy(self) -> None:
        """Take it away, with its data."""
        remove(self.container)
        self.records.drop(self.record.resource)
        self.log.unlink(missing_ok=True)

    def _ended(self) -> ServerError:
        said = [line for line in self.log.read_text(errors="replace").splitlines() if "[ERROR]" in line] if self.log.exists() else []
        return ServerError(f"{self.record.host.name} does not start: {(said or ['it says nothing'])[-1]} (all of it: {self.log})")

    def _write(self, configuration: str) -> None:
        """Write what it is told, for itself only."""
        certificate, key = CA(self.home).certificate([self.record.endpoint])
        etc = self.directory / "etc"
        etc.mkdir(mode=0o700, exist_ok=True)
        told = {"my.cnf": configuration, "ca.pem": CA(self.home).pem.read_text()}
        for name, content in {**told, "server.pem": certificate.read_text(), "server.key": key.read_text()}.items():
            write(etc / name, content)
            os.chown(etc / name, USER, USER)
        os.chown(etc, USER, USER)

    def _room(self) -> None:
        """Make where it leaves snapshots."""
        self.records.snapshots.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.chown(self.records.snapshots, USER, USER)

    def _arguments(self, resolver: str) -> list[str]:
        remove(self.container)
        return [
            *("run", "--detach", "--name", self.container, "--label", f"kc.lab={self.home}", "--label", f"kc.rds={self.record.resource}"),
            *("--network", f"ns:{NETNS / self.record.host.namespace}", "--dns", resolver, "--no-hosts", "--http-proxy=false"),
            *("--cap-drop=all", "--security-opt=no-new-privileges", "--stop-timeout", str(PATIENCE)),
            *("--log-driver", "k8s-file", "--log-opt", f"path={self.log}", "--log-opt", f"max-size={LOG_SIZE}"),
            *("--volume", f"{self.data}:{DATA}", "--volume", f"{self.directory / 'etc'}:{CERTIFICATES}:ro"),
            *("--volume", f"{self.records.snapshots}:{SNAPSHOTS}", image()),
        ]


def image() -> str:
    """Return today's image.

    Raises:
        PodmanError: It is not built.
    """
    name = name_of(IMAGE)
    if not podman("images", "--quiet", name).strip():
        raise PodmanError(f"the image of MySQL is not built: `python -m lab images {IMAGE}` builds it")
    return name


def copy(source: Path, target: Path) -> None:
    """Copy a data directory, without the identity of whose it was; it is there as a whole, or not at all."""
    partial = target.with_name(f"{target.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    subprocess.run(["cp", "--archive", "--sparse=always", str(source), str(partial)], check=True, capture_output=True)
    for name in ("auto.cnf", "mysqld.sock", "mysqld.sock.lock", "mysqld.pid"):
        (partial / name).unlink(missing_ok=True)
    partial.rename(target)
