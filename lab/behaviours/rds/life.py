"""What the server of an instance goes through: filled, booted, told, copied, promoted. Each step can be broken off and is done again."""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Sequence

import pymysql

from ...podman import podman
from ...world.behaviour import World
from ...world.net import NetError
from . import sql
from .parameters import CERTIFICATES, configuration, effective, settings
from .record import Record, Records
from .restore import last_before, replay
from .server import SNAPSHOTS, Server, ServerError, copy
from .wanted import Instance, Wanted

HAS_ENDED = {1077, 2006, 2013, 3707}
"""Errors of a copy that has come to its end: the server stops, as nobody is there who would restart it."""


def needs(instance: Instance, record: Record | None, serves: bool, lacking: Sequence[str]) -> bool:
    """Whether anything is to be done for an instance.

    Args:
        instance: As the API has it.
        record: What is known of its server.
        serves: Whether that runs.
        lacking: Its snapshots that are not taken.
    """
    if not record or record.done != instance.asked or lacking:
        return True
    if instance.stopped:
        return serves
    now, waits = _settings(instance, record)
    moved = (record.name, record.groups) != (instance.name, instance.groups)
    return not serves or moved or bool(now) or waits != record.pending or instance.source != record.source


def _settings(instance: Instance, record: Record) -> tuple[dict[str, str | None], bool]:
    """Return the parameters that are to be set at once, and whether others wait; those of another group all do."""
    if record.group != instance.group:
        return {}, True
    return settings(record.parameters, instance.parameters, instance.waiting)


def digest(password: str) -> str:
    """Return what a password is known by."""
    return hashlib.sha256(password.encode()).hexdigest()


class Life:
    """Brings one server to what its instance is to be.

    Args:
        world: The world.
        records: What is known of servers.
        record: What is known of this one.
        log: Where it is told.
        secret: The password of replicas.
        resolver: Whom the server asks for names.
    """

    def __init__(self, world: World, records: Records, record: Record, log: logging.Logger, secret: str, resolver: str) -> None:
        self.world = world
        self.records = records
        self.record = record
        self.log = log
        self.secret = secret
        self.resolver = resolver

    @property
    def server(self) -> Server:
        return Server(self.records, self.world.home, self.record)

    def converge(self, instance: Instance, lacking: Sequence[str], wanted: Wanted) -> None:
        """Do what is lacking.

        Args:
            instance: As the API has it.
            lacking: Keys of its snapshots that are not taken.
            wanted: All that is to stand.

        Raises:
            ServerError: A server does not do what it is to do.
        """
        began, record = time.monotonic(), self.record
        source = self.records.find(instance.source) if instance.source else None
        if not record.whole and instance.source and not (source and source.primed and Server(self.records, self.world.home, source).serves):
            return  # the source comes up first
        self._place(instance)
        if not record.whole or not (record.primed or instance.source or instance.origin):  # nobody can go on with half the accounts
            self._fill(instance, source, wanted)
        if instance.stopped:
            self._stop(instance)
        else:
            promoted = bool(record.source and not instance.source)
            if promoted and self.server.serves:
                self._part()
            if self._boots(instance, promoted):
                self._boot(instance)
            self._tell(instance)
            if not record.primed:
                self._prime(instance, source)
            if promoted:
                self._let_write(instance)
            record.source = instance.source
        for key in lacking:
            self._snapshot(key)
        record.done = instance.asked
        self.records.save(record)
        self.log.info("%s (%s) is as asked, %.1f s", record.host.name, instance.resource, time.monotonic() - began)

    # --- steps

    def _place(self, instance: Instance) -> None:
        """Give it its host: its address stays what it was given first, unless somebody else has taken it."""
        record = self.record
        if record.address and record.name != instance.name:
            self.server.off()
            self.world.net.detach(record.host.name)
        if not record.address:
            ec2 = self.world.client("ec2", instance.region)
            used = ec2.describe_network_interfaces(Filters=[{"Name": "subnet-id", "Values": [instance.subnet]}])["NetworkInterfaces"]
            reserved = [each["PrivateIpAddress"] for each in used if each.get("PrivateIpAddress")]
            off = [each.address for each in self.records.all() if each.region == instance.region]
            record.address = self.world.net.free(instance.region, instance.cidr, [*reserved, *off])
            record.subnet = instance.subnet
        record.name, record.endpoint, record.groups = instance.name, instance.endpoint, instance.groups
        try:
            if not instance.stopped:
                self.world.net.attach(record.host)
        except NetError:
            record.address = ""
            raise
        finally:
            self.records.save(record)

    def _fill(self, instance: Instance, source: Record | None, wanted: Wanted) -> None:
        """Give it its data: a new server's, or a copy of its source, a snapshot, or another one as it was."""
        server, origin = self.server, instance.origin
        server.off()
        if "snapshot" in origin:
            server.fill(self.records.snapshots / origin["snapshot"])
        elif "resource" in origin:
            self._restore(instance, wanted)
        else:
            server.fill()
            if source:
                self._clone(instance, source)
        self.record.whole = True
        self.record.boots = instance.boots
        self.records.save(self.record)

    def _clone(self, instance: Instance, source: Record) -> None:
        server = self.server
        server.start(configuration(instance, {}, begins=True), self.resolver, "root")
        try:
            with sql.session(server.data, "root") as asked:
                asked.do(f"SET GLOBAL clone_valid_donor_list = {sql.text(f'{source.endpoint}:{source.port}')}")
                asked.do(sql.clone(source.endpoint, source.port, self.secret))
        except pymysql.MySQLError as error:
            if error.args[0] not in HAS_ENDED:
                raise ServerError(f"{self.record.host.name} can't copy {source.host.name}: {error.args[-1]}") from error
        server.ended()
        server.off()

    def _restore(self, instance: Instance, wanted: Wanted) -> None:
        """Fill it with the last snapshot before a time, and do again what was done until then."""
        resource, until = instance.origin["resource"], instance.origin["until"]
        held = {key: about for key, about in wanted.snapshots.items() if (self.records.snapshots / key).exists()}
        key = last_before(held, resource, until)
        if not key:
            raise ServerError(f"{self.record.host.name} can't be restored: {resource} has no snapshot from before then")
        server = self.server
        server.fill(self.records.snapshots / key)
        server.start(configuration(instance, {}, begins=True), self.resolver)
        replay(server.data, self.records.home(resource) / "data", until)
        server.off()

    def _boots(self, instance: Instance, promoted: bool) -> bool:
        """Whether it must boot for what it is to be."""
        record = self.record
        told = (record.boots, record.port, record.logs) == (instance.boots, instance.port, instance.logs)
        return promoted or not told or not self.server.serves

    def _boot(self, instance: Instance) -> None:
        record = self.record
        self.server.off()
        if not record.primed or record.boots != instance.boots or not record.group:  # only what is asked for takes what waits
            record.group, record.parameters = instance.group, dict(instance.parameters)
        record.boots, record.port, record.logs = instance.boots, instance.port, instance.logs
        writable = not record.source or bool(instance.source)
        told = effective(instance, record.parameters, writable)
        user = sql.ADMIN if record.primed or instance.source or instance.origin else "root"
        self.server.start(configuration(instance, told, begins=not record.primed), self.resolver, user)
        self.log.info("%s (%s) serves at %s", record.host.name, instance.resource, record.address)

    def _tell(self, instance: Instance) -> None:
        """Set the parameters that can be set at once."""
        now, waits = _settings(instance, self.record)
        if now:
            with sql.session(self.server.data) as asked:
                for name, value in now.items():
                    asked.do(sql.setting(name, effective(instance, {}).get(name) if value is None else value))
            self.log.info("%s has taken %s", self.record.host.name, ", ".join(now))
        kept = {**self.record.parameters, **{name: value for name, value in now.items() if value is not None}}
        self.record.parameters = {name: value for name, value in kept.items() if now.get(name, value) is not None}
        self.record.pending = waits
        if self.record.primed and instance.password and self.record.password != digest(instance.password):
            with sql.session(self.server.data) as asked:
                self._master(asked, instance)

    def _master(self, asked: sql.Session, instance: Instance) -> None:
        for statement in sql.master(instance.user, instance.password):
            asked.do(statement)
        self.record.password = digest(instance.password)

    def _prime(self, instance: Instance, source: Record | None) -> None:
        """Set up its accounts and procedures, or, where its data has them, what it replicates."""
        if not instance.source and not instance.origin:
            self._accounts(instance)
        with sql.session(self.server.data) as asked:
            asked.do("RESET REPLICA ALL")  # what it is a copy of may replicate
            if source:
                asked.do(sql.source(source.endpoint, source.port, self.secret, f"{CERTIFICATES}/ca.pem"))
                asked.do("START REPLICA")
            elif instance.password:
                self._master(asked, instance)
        if source:
            self.record.password = source.password
        self.record.primed = True
        self.records.save(self.record)

    def _accounts(self, instance: Instance) -> None:
        """Make a new server RDS's."""
        with sql.session(self.server.data, "root") as asked:
            for statement in sql.accounts(self.secret):
                asked.do(statement)
            if instance.database:
                asked.do(sql.database(instance.database))

    def _part(self) -> None:
        """Have a replica apply nothing more, and forget its source."""
        with sql.session(self.server.data) as asked:
            asked.do("STOP REPLICA")
            asked.do("RESET REPLICA ALL")

    def _let_write(self, instance: Instance) -> None:
        """Let what was a replica take writes, when it is time."""
        time.sleep(max(0.0, instance.writable_at - time.time()))
        only_read = effective(instance, self.record.parameters).get("read_only", "0")
        self._part()  # it may not have served before it was to boot
        with sql.session(self.server.data) as asked:
            asked.do(sql.setting("read_only", only_read))
        self.log.info("%s is promoted", self.record.host.name)

    def _stop(self, instance: Instance) -> None:
        self.server.off()
        self.world.net.detach(self.record.host.name)

    def _snapshot(self, key: str) -> None:
        """Take a snapshot; a server goes on meanwhile."""
        target = self.records.snapshots / key
        if not self.server.serves:
            copy(self.server.data, target)
            return
        partial = target.with_suffix(".partial")
        podman("exec", self.server.container, "rm", "-rf", f"{SNAPSHOTS}/{partial.name}")
        with sql.session(self.server.data) as asked:
            asked.do(f"CLONE LOCAL DATA DIRECTORY = {sql.text(f'{SNAPSHOTS}/{partial.name}')}")
        partial.rename(target)
        self.log.info("%s has left %s", self.record.host.name, key)
