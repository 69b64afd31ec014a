"""The behaviour `rds`: each MySQL instance is a server, with an address, data and a certificate of its own; replicas replicate."""

from __future__ import annotations

import json
import logging
import secrets
import shutil
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

from ...changes import ANOTHER
from ...files import update, write
from ...podman import podman, remove
from ...world.behaviour import Behaviour, World
from ...world.enact import kill
from ...world.faults import Faults, changing
from ...world.net import resolver
from ..dns.snapshot import DATABASES
from .life import Life, needs
from .record import Record, Records
from .server import Server, copy
from .wanted import Instance, Wanted

AT_ONCE = 4
"""Servers that are shut down at the same time."""

ANYWAY = 30.0
"""Seconds after which the API is asked again though nothing has changed in it."""


AGAIN = 5.0
"""Seconds after which what failed is tried again."""


class Job(threading.Thread):
    """Something that takes long; it ends with the world, and is begun again by the next one."""

    def __init__(self, act: Callable[[], None]) -> None:
        super().__init__(daemon=True)
        self.act = act
        self.error: Exception | None = None
        self.ended = 0.0

    def run(self) -> None:
        try:
            self.act()
        except Exception as error:
            self.error = error
        self.ended = time.monotonic()


class Rds(Behaviour):
    """Has each instance's server be as the API says. What takes long goes on in threads of its own, one an instance."""

    name = "rds"
    services = frozenset({"rds"})
    every = 1.0

    def __init__(self, world: World, log: logging.Logger) -> None:
        super().__init__(world, log)
        self.records = Records(world.home)
        self._wanted: Wanted | None = None
        self._version, self._asked = -1, 0.0
        self._told: Mapping[str, Any] = {}
        self._jobs: dict[str, Job] = {}
        self._making = threading.Lock()

    # --- looking

    def look(self) -> None:
        failed = self._reap()
        try:
            wanted = self._ask()
        except OSError as error:  # the AWS does not answer: servers are kept as it wanted them last
            if not self._wanted:
                raise
            failed, wanted = error, self._wanted
        killed = Faults.read(self.world.settings.home).killed
        records = {record.resource: record for record in self.records.all()}
        for resource in records.keys() - wanted.instances.keys():
            self._begin(resource, partial(self._end, resource))
        for resource, instance in wanted.instances.items():
            record = records.get(resource)
            if instance.host in killed:
                if record and record.process:  # it was booting when it was killed
                    kill(record.host)
            elif instance.leaving:
                self._begin(resource, partial(self._leave, instance, wanted))
            elif needs(instance, record, self._serves(record), self._lacking(instance)):
                self._begin(resource, partial(self._converge, instance, wanted))
        self._keep_snapshots(wanted)
        self._write_names()
        if failed:
            raise failed

    def _ask(self) -> Wanted:
        """Return what is to stand, having told what does, if it is news."""
        records = self.records.all()
        what = {
            "done": {record.resource: record.done for record in records},
            "pending": [record.resource for record in records if record.pending],
            "snapshots": sorted(path.name for path in self.records.snapshots.glob("snapshot-*") if not path.suffix),
        }
        version, services = self.world.changes(self._version, 0)
        if not self._wanted or what != self._told or ANOTHER in services or time.monotonic() - self._asked > ANYWAY:
            self._wanted, self._told, self._asked = Wanted.of(self.world.tell("rds", what)), what, time.monotonic()
        elif self.moved(services):
            self._wanted = Wanted.of(self.world.tell("rds-wanted", {}))
        self._version = version
        return self._wanted

    def _begin(self, resource: str, act: Callable[[], None]) -> None:
        """Do something for an instance, unless something is under way, or has just failed."""
        if resource not in self._jobs:
            self._jobs[resource] = Job(act)
            self._jobs[resource].start()

    def _reap(self) -> Exception | None:
        """Forget the jobs that have ended, those that failed after a while; return what one failed with."""
        ended = {resource: job for resource, job in self._jobs.items() if not job.is_alive()}
        for resource, job in ended.items():
            if not job.error or time.monotonic() - job.ended > AGAIN:
                del self._jobs[resource]
        return next((job.error for job in ended.values() if job.error), None)

    def _serves(self, record: Record | None) -> bool:
        return bool(record and self._server(record).serves)

    def _server(self, record: Record) -> Server:
        return Server(self.records, self.world.home, record)

    def _lacking(self, instance: Instance) -> list[str]:
        """Return the keys of an instance's snapshots that are not taken yet."""
        known = self._wanted.snapshots if self._wanted else {}
        return [
            key for key, about in known.items() if about["of"].get("instance") == instance.resource and not self._snapshot(key).exists()
        ]

    def _snapshot(self, key: str) -> Path:
        return self.records.snapshots / key

    # --- jobs

    def _converge(self, instance: Instance, wanted: Wanted) -> None:
        cidr = self.world.net.cidr(instance.region)
        if not cidr:  # the behaviour `vpc` has not looked yet
            return
        record = self.records.find(instance.resource) or Record(instance.resource, instance.region, instance.name)
        life = Life(self.world, self.records, record, self.log, self._secret(), resolver(cidr))
        life.converge(instance, self._lacking(instance), wanted)

    def _leave(self, instance: Instance, wanted: Wanted) -> None:
        """Take a server away whose instance is being deleted, once its last snapshot is there."""
        record = self.records.find(instance.resource)
        if record and record.whole and self._lacking(instance):
            self._converge(instance, wanted)
        if not (record and record.whole and self._lacking(instance)):
            self._end(instance.resource)

    def _end(self, resource: str) -> None:
        record = self.records.find(resource)
        if not record:
            return
        self._server(record).destroy()
        self.world.net.detach(record.host.name)
        self.log.info("%s (%s) is gone", record.host.name, resource)
        with changing(self.world.settings.home) as faults:  # the next server of its name is another one
            faults.killed.pop(record.host.name, None)

    def _keep_snapshots(self, wanted: Wanted) -> None:
        """Copy snapshots that are copies of others, and remove those that nobody knows."""
        for key, about in wanted.snapshots.items():
            source = about["of"].get("snapshot")
            if source and not self._snapshot(key).exists() and self._snapshot(source).exists():
                copy(self._snapshot(source), self._snapshot(key))
        for path in self.records.snapshots.glob("snapshot-*"):
            if not path.suffix and path.name not in wanted.snapshots:
                shutil.rmtree(path)
                self.log.info("%s is gone", path.name)

    def _write_names(self) -> None:
        """Have the instances' names answered."""
        found = {record.endpoint: record.address for record in self.records.all() if record.endpoint and record.address}
        update(self.world.home / DATABASES, json.dumps(found, sort_keys=True))

    def _secret(self) -> str:
        """Return the password of this lab's replicas."""
        file = self.records.directory / "replication.secret"
        with self._making:
            if not file.exists():
                self.records.directory.mkdir(mode=0o700, exist_ok=True)
                write(file, secrets.token_urlsafe(24))
        return file.read_text()

    # --- ending

    def down(self) -> None:
        """Shut all servers down; their data stays."""

        def off(record: Record) -> None:
            self._server(record).off()
            self.records.save(record)

        with ThreadPoolExecutor(AT_ONCE) as pool:
            list(pool.map(off, self.records.all()))
        labels = ("--filter", f"label=kc.lab={self.world.home}", "--filter", "label=kc.rds")
        remove(*podman("ps", "--all", *labels, "--format", "{{.Names}}", check=False).split())
