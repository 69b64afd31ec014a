"""What kc_mysql_replication does: a server follows another over verified TLS, by GTID; one interface, by statements or RDS's procedures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..errors import KcError
from . import gtid
from .connection import Node, Server
from .entry import Params, Report, Step, other, wait_for
from .errors import DENIED
from .info import sets_of
from .quote import value
from .state import Channel, State, look
from .statement import Statement

RDS_SOURCE = "rds_set_external_source_with_auto_position"
"""RDS user guide, Configuring, starting, and stopping binary log replication; the name from MySQL 8.4 on."""


@dataclass(frozen=True)
class Wanted:
    """How a server is to follow another.

    Attributes:
        ca: File on the server with the authority of its source's certificate.
        retry: Seconds between attempts to reach it.
        heartbeat: Seconds after which it says that it has nothing to say.
    """

    node: Node
    user: str
    password: str = field(repr=False)
    ca: str
    retry: int
    heartbeat: int

    def differs(self, channel: Channel, kept: Mapping[str, Any]) -> bool:
        """Whether something of a channel is not as wanted; `kept` is its row of `mysql.slave_master_info`, empty where none is read."""
        pairs: list[tuple[object, object]] = [
            (channel.source, f"{self.node.host}:{self.node.port}"),
            (channel.user, self.user),
            (channel.auto_position, True),
            (channel.tls, True),
            (channel.delay, 0),
        ]
        if kept:
            pairs += [(kept["User_password"], self.password)]
            if self.ca:
                pairs += [(channel.verified, True), (kept["Ssl_ca"], self.ca)]
                pairs += [(int(kept["Connect_retry"]), self.retry), (float(kept["Heartbeat"]), float(self.heartbeat))]
        elif channel.io_errno == DENIED:
            return True
        return any(have != want for have, want in pairs)

    @classmethod
    def of(cls, params: Params, node: Node) -> Wanted:
        """Return how a task's options have a server follow `node`.

        Raises:
            KcError: Something is missing.
        """
        needed = ("replication_user", "replication_password", *(() if params["rds"] else ("source_ca",)))
        missing = [f"`{each}`" for each in needed if not params[each]]
        if missing:
            raise KcError(f"{', '.join(missing)} missing", hint="say as whom it follows, and whose certificates it trusts")
        return cls(
            node=node,
            user=params["replication_user"],
            password=params["replication_password"],
            ca="" if params["rds"] else params["source_ca"],
            retry=params["retry"],
            heartbeat=params["heartbeat_period"],
        )

    @property
    def shown(self) -> str:
        """It as a difference shows it."""
        return f"source: {self.node}\nuser: {self.user}\nio: Yes\nsql: Yes\n"

    @property
    def statement(self) -> Statement:
        """What has a server of our own follow."""
        return Statement.with_secrets(
            f"CHANGE REPLICATION SOURCE TO SOURCE_HOST = {value(self.node.host)}, SOURCE_PORT = {self.node.port}, "
            f"SOURCE_USER = {value(self.user)}, SOURCE_PASSWORD = {value(self.password)}, SOURCE_AUTO_POSITION = 1, SOURCE_SSL = 1, "
            f"SOURCE_SSL_CA = {value(self.ca)}, SOURCE_SSL_VERIFY_SERVER_CERT = 1, SOURCE_DELAY = 0, SOURCE_CONNECT_RETRY = {self.retry}, "
            f"SOURCE_RETRY_COUNT = 86400, SOURCE_HEARTBEAT_PERIOD = {self.heartbeat}",
            self.password,
        )

    @property
    def call(self) -> Statement:
        """What has an instance of RDS follow."""
        given = f"{value(self.node.host)}, {self.node.port}, {value(self.user)}, {value(self.password)}, 1, 0"
        return Statement.with_secrets(f"CALL mysql.{RDS_SOURCE}({given})", self.password)


def work(server: Server, params: Params, report: Report) -> None:
    """Have the server follow its source, stop, or forget it."""
    rds = bool(params["rds"])
    state = look(server)
    if params["state"] != "running":
        _stop(server, state, params["state"], rds, report)
        return
    if not params["source"]:
        raise KcError("`source` is missing", hint="say whom it follows")
    want = Wanted.of(params, Node.parse(params["source"], params["port"], "`source`"))
    with other(params, "source") as source:
        steps = list(steps_to_follow(server, source, state, want, rds=rds))
        report.plan(steps)
        if steps:
            report.differs(f"replication of {server.node}", shown(state), want.shown)
        report.apply()
        verify(server, source, params, report)


def steps_to_follow(server: Server, source: Server, state: State, want: Wanted, *, rds: bool) -> Iterator[Step]:
    """Yield the statements that have a server follow another, from what stands.

    Raises:
        KcError: It must not, or can't.
    """
    there = look(source)
    channel = state.channels[0] if state.channels else None
    changed = not channel or want.differs(channel, _kept(server, rds))
    if not state.read_only or (not rds and not state.super_read_only):
        if not channel and not state.read_only:
            _may_follow(server, state, there)
        if rds:
            raise KcError(f"{server.node} takes writes, and a replica must not", hint="`kc_mysql_freeze` makes it read only")
        yield Step(server, "SET PERSIST super_read_only = ON")
    if changed:
        if channel and channel.source_uuid and channel.source_uuid != there.uuid and (channel.io == "Yes" or channel.sql == "Yes"):
            raise KcError(
                f"{server.node} follows {channel.source} ({channel.source_uuid}), not {want.node} ({there.uuid})",
                hint="is somebody else changing the roles? Stop it first (`state: stopped`) if it is to follow another",
            )
        _may_follow(server, state, there)
        if channel:
            yield Step(server, "CALL mysql.rds_stop_replication" if rds else "STOP REPLICA")
        if rds:
            if channel:
                yield Step(server, "CALL mysql.rds_reset_external_source")
            yield Step(server, want.call)
        else:
            yield Step(server, want.statement)
    elif channel and channel.io == "Yes" and channel.sql == "Yes":
        return
    yield Step(server, "CALL mysql.rds_start_replication" if rds else "START REPLICA")


def _may_follow(server: Server, state: State, there: State) -> None:
    """Refuse what would not replicate, or would do harm.

    Raises:
        KcError: The first reason against it.
    """
    why, hint = "", ""
    sets = sets_of(server, state, there)
    if state.uuid == there.uuid:
        why, hint = "it is its own source", "name two servers"
    elif state.server_id == there.server_id:
        why, hint = f"it and {there.node} have the same server_id, {state.server_id}", "give each its own"
    elif there.settings.get("gtid_mode") != "ON" or state.settings.get("gtid_mode") != "ON":
        why, hint = "both need gtid_mode = ON", "set it on both, step by step (MySQL manual, Changing GTID Mode Online)"
    elif state.release < there.release:
        why, hint = f"it is MySQL {state.version}, older than its source ({there.version})", "upgrade it first"
    elif any(each.source_uuid == state.uuid for each in there.channels):
        why, hint = f"{there.node} follows it", "promote the one before it is followed"
    elif sets.errant:
        why = f"it has {gtid.count(sets.errant)} transactions that {there.node} has not: {sets.errant}"
        hint = "`kc_mysql_rebuild` makes it anew, once somebody has looked at them"
    else:
        lost = gtid.subtract(server, there.purged, state.executed)
        if lost:
            why, hint = (
                f"{there.node} no longer has {gtid.count(lost)} transactions that it lacks: {lost}",
                "`kc_mysql_rebuild` makes it anew",
            )
    if why:
        raise KcError(f"{server.node} can't follow {there.node}: {why}", hint=hint)


def _stop(server: Server, state: State, wanted: str, rds: bool, report: Report) -> None:
    channel = state.channels[0] if state.channels else None
    steps = []
    if channel and (channel.io != "No" or channel.sql != "No"):
        steps.append(Step(server, "CALL mysql.rds_stop_replication" if rds else "STOP REPLICA"))
    if channel and wanted == "absent":
        steps.append(Step(server, "CALL mysql.rds_reset_external_source" if rds else "RESET REPLICA ALL"))
    if steps:
        report.differs(f"replication of {server.node}", shown(state), "" if wanted == "absent" else "io: No\nsql: No\n")
    report.plan(steps)
    report.apply()


def _kept(server: Server, rds: bool) -> Mapping[str, Any]:
    """Return what the server keeps of its channel; nothing where it does not show it."""
    if rds:
        return {}
    rows = server.dicts("SELECT User_password, Ssl_ca, Connect_retry, Heartbeat FROM mysql.slave_master_info")
    return rows[0] if rows else {}


def verify(server: Server, source: Server, params: Params, report: Report) -> None:
    """Wait until both threads run and it is connected to the very server that is meant.

    Raises:
        KcError: Not in time; the server's own error is in it.
    """
    if report.check:
        return
    uuid = look(source).uuid

    def runs() -> bool:
        channel = look(server).channels[0]
        return channel.io == "Yes" and channel.sql == "Yes" and channel.source_uuid == uuid

    if not wait_for(runs, params["wait"], 0.2):
        channel = look(server).channels[0]
        why = (
            channel.io_error or channel.sql_error or f"io {channel.io}, sql {channel.sql}, source {channel.source_uuid or 'never reached'}"
        )
        raise KcError(f"{server.node} does not follow {source.node} after {params['wait']} s: {why}", hint="put right what the error names")
    report.outputs |= {"source_uuid": uuid}


def shown(state: State) -> str:
    """Return a server's replication as a difference shows it."""
    return "".join(f"source: {each.source}\nuser: {each.user}\nio: {each.io}\nsql: {each.sql}\n" for each in state.channels)
