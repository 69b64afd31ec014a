"""The behaviour `nodes`: the instances of databases are machines that boot, with an address and a data volume of their own."""

from __future__ import annotations

import logging
import shutil
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError

from ...podman import podman, remove
from ...world.behaviour import Behaviour, World
from ...world.enact import kill
from ...world.faults import Faults, changing
from ...world.net import resolver
from .api import Node, read
from .machine import Machine, Systems, unmount
from .record import Record, Records

AT_ONCE = 4
"""Nodes that boot or end at the same time."""

ANYWAY = 30.0
"""Seconds after which the API is read again though nothing has changed in it."""


class Nodes(Behaviour):
    """Boots the instances of the unit `nodes`, and keeps volumes for as long as the API has them."""

    name = "nodes"
    services = frozenset({"ec2"})
    every = 1.0

    def __init__(self, world: World, log: logging.Logger) -> None:
        super().__init__(world, log)
        self.records = Records(world.home)
        self.systems = Systems(self.records.directory / "systems")
        self._wanted: dict[str, tuple[list[Node], set[str]]] = {}
        self._version, self._read = -1, 0.0

    # --- looking

    def look(self) -> None:
        version, services = self.world.changes(self._version, 0)
        trouble: Exception | None = None
        if self.moved(services) or time.monotonic() - self._read > ANYWAY:
            self._read = time.monotonic()
            for region in self.world.regions:
                try:
                    self._wanted[region] = read(self.world.client("ec2", region), region)
                except (BotoCoreError, ClientError) as error:  # one region's API does not answer: the others go on
                    trouble, self._read = error, 0.0
        self._version = version
        nodes = {node.name: node for known, _ in self._wanted.values() for node in known}
        gone = [record for record in self.records.all() if record.node.region in self._wanted and record.node.name not in nodes]
        self._all(partial(self._end, record) for record in gone)
        self._boot(list(nodes.values()))
        if len(self._wanted) == len(self.world.regions):
            self._forget_volumes()
        if trouble:
            raise trouble

    def _boot(self, nodes: list[Node]) -> None:
        """Have each node as the API, and what was broken on purpose, say."""
        killed = Faults.read(self.world.settings.home).killed
        jobs: list[Callable[[], None]] = []
        for node in nodes:
            record, machine = self.records.find(node.name), self._machine(node.name)
            if record and record.node.instance != node.instance:
                jobs.append(partial(self._end, record))  # the next look makes the new one
            elif node.name in killed:
                if record and record.process:  # it was booting when it was killed
                    kill(node.host)
            elif not (node.running and node.volume):
                if record and (record.pid or record.node.running != node.running):
                    jobs.append(partial(self._off, node, record))
            elif not machine.serves(record, node):
                jobs.append(partial(self._start, node, record))
            elif record and record.node != node:  # other security groups
                self.world.net.attach(node.host)
                self.records.save(Record(node, record.system, record.pid, record.began))
        self._all(jobs)

    def _all(self, jobs: Iterable[Callable[[], None]]) -> None:
        """Do all jobs, some side by side.

        Raises:
            Exception: That of the first one that failed; the others were done.
        """
        with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="nodes") as pool:
            done = [pool.submit(job) for job in jobs]
        for one in done:
            one.result()

    def _machine(self, name: str) -> Machine:
        return Machine(self.records, self.world.home, name)

    # --- what a node goes through

    def _start(self, node: Node, record: Record | None) -> None:
        cidr = self.world.net.cidr(node.region)
        if not cidr:  # the behaviour `vpc` has not looked yet
            return
        began, machine = time.monotonic(), self._machine(node.name)
        if not record or not Path(record.system).exists():
            machine.destroy()  # what is left of a first boot that was broken off, or lies on nothing
        elif record.process:
            machine.off()
        self.world.net.attach(node.host)
        machine.boot(node, self._system(record), resolver(cidr))
        self.log.info("%s (%s) boots at %s, %.1f s", node.name, node.instance, node.address, time.monotonic() - began)

    def _off(self, node: Node, record: Record) -> None:
        self._machine(node.name).off()
        self.world.net.detach(node.name)
        self.records.save(Record(node, record.system))
        self.log.info("%s (%s) is off%s", node.name, node.instance, "" if node.volume else ": it has no data volume")

    def _end(self, record: Record) -> None:
        self._machine(record.node.name).destroy()
        self.world.net.detach(record.node.name)
        self.log.info("%s (%s) is gone", record.node.name, record.node.instance)
        with changing(self.world.settings.home) as faults:  # the next machine of its name is another one
            faults.killed.pop(record.node.name, None)

    def _system(self, record: Record | None) -> Path:
        """Return what a node's root filesystem lies on: what it did before, and today's image for a new one."""
        if record and Path(record.system).exists():
            return Path(record.system)
        return self.systems.newest()

    def _forget_volumes(self) -> None:
        """Remove what the API does not have any more: volumes, and systems that nobody uses."""
        records = self.records.all()
        known = {volume for _, volumes in self._wanted.values() for volume in volumes} | {record.node.volume for record in records}
        for volume in self.records.volumes.glob("*"):
            if volume.name not in known:
                shutil.rmtree(volume)
                self.log.info("%s is gone, with what was on it", volume.name)
        self.systems.keep({record.system for record in records})

    # --- ending

    def down(self) -> None:
        """Shut all nodes down; their root filesystems and volumes stay."""

        def off(record: Record) -> None:
            self._machine(record.node.name).off()
            self.records.save(Record(record.node, record.system))

        self._all(partial(off, record) for record in self.records.all())
        labels = ("--filter", f"label=kc.lab={self.world.home}", "--filter", "label=kc.node")
        remove(*podman("ps", "--all", *labels, "--format", "{{.Names}}", check=False).split())
        for root in self.records.directory.glob("*/root"):  # of a node whose file was not written yet
            unmount(root)
