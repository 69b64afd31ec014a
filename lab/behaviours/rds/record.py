"""What is known of the servers that were made on this machine."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ... import records
from ...processes import Process
from ...world.net import Host


@dataclasses.dataclass
class Record:
    """A server that was made.

    Attributes:
        resource: Its instance's resource id.
        region: Region code.
        name: Its instance's identifier when it booted last.
        endpoint: The name that it has a certificate for.
        address: Its host's address, "" before it was given one; `subnet` and `groups` are its host's too.
        port: TCP port.
        group: The parameter group that it has taken.
        parameters: What it has taken of it.
        logs: Whether it writes a binary log.
        source: Resource id of the instance that it replicates, "" for none.
        password: Hash of the master user's password that it has been given.
        boots: How many boots that were asked for it has had.
        done: How much of what was asked of its instance is done.
        pending: Whether parameters wait for a reboot.
        whole: Whether its data is there: no copy of it was broken off.
        primed: Whether its accounts, procedures and, of a replica, its source are set up.
        pid: Its process, and `began`, what tells it from a later one of the same pid; 0 while it is off.
    """

    resource: str
    region: str
    name: str
    endpoint: str = ""
    address: str = ""
    subnet: str = ""
    groups: tuple[str, ...] = ()
    port: int = 3306
    group: str = ""
    parameters: Mapping[str, str] = dataclasses.field(default_factory=dict)
    logs: bool = True
    source: str = ""
    password: str = ""
    boots: int = 0
    done: int = 0
    pending: bool = False
    whole: bool = False
    primed: bool = False
    pid: int = 0
    began: int = 0

    @property
    def host(self) -> Host:
        return Host(f"rds-{self.name}.{self.region}", self.region, self.address, self.subnet, self.groups)

    @property
    def process(self) -> Process | None:
        """Its server's process, while that runs."""
        return Process.still(self.pid, self.began)

    @property
    def key(self) -> str:
        """What its file is called."""
        return self.resource


class Records(records.Records[Record]):
    """The servers of a world: a file each in `<world>/rds`, beside its directory; its log is called as its host."""

    def __init__(self, world: Path) -> None:
        super().__init__(world / "rds", _read)
        self.snapshots = self.directory / "snapshots"

    def drop(self, key: str) -> None:
        """Forget a server, with all that it has written."""
        shutil.rmtree(self.home(key), ignore_errors=True)
        super().drop(key)

    def home(self, resource: str) -> Path:
        """Return the directory of a server: its `data`, and what it is told (`etc`)."""
        return self.directory / resource


def _read(found: dict[str, Any]) -> Record:
    return Record(**{**found, "groups": tuple(found["groups"])})
