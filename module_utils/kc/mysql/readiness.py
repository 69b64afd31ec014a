"""Whether a replica can take its source's place: every objection with its name, its reason, and what to do."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from dataclasses import dataclass

from . import gtid
from .state import State

NAMES = (
    *("not_a_replica", "channels", "wrong_source", "source_silent", "same_server", "io_stopped", "sql_stopped", "position", "delay"),
    *("filters", "settings", "version", "writable", "errant", "errant_unknown", "relay_log", "lag_unknown", "lag"),
)
"""What an objection of `objections` may be called."""

WANTED = {"gtid_mode": "ON", "enforce_gtid_consistency": "ON", "log_bin": "ON", "log_replica_updates": "ON", "binlog_format": "ROW"}
"""What a server has to have that others are to follow. `binlog_format` may be gone: then it is ROW."""


@dataclass(frozen=True)
class Objection:
    """Why a replica is not ready.

    Attributes:
        name: What it is called; the option `accept` knows those in `NAMES`.
        why: What stands against it.
        hint: What to do.
    """

    name: str
    why: str
    hint: str

    def __str__(self) -> str:
        return f"{self.why} ({self.hint})"


@dataclass(frozen=True)
class Sets:
    """How the transactions of two servers differ; None is unknown.

    Attributes:
        errant: The replica has them, its source has not.
        missing: The source has them, the replica has not.
        drained: The replica has applied all that came to it.
    """

    errant: str | None
    missing: str | None
    drained: bool | None


@dataclass(frozen=True)
class Lag:
    """How long ago the source wrote the last heartbeat that the replica has.

    Attributes:
        seconds: None is unknown.
        clock: Whose clock was read: the source's, or the replica's own where the source does not answer.
        why: Why it is unknown.
    """

    seconds: float | None
    clock: str = ""
    why: str = ""


def lag(replica: State, source: State | None) -> Lag:
    """Return the lag of a replica; `source` was asked after it."""
    if replica.beat is None:
        return Lag(None, why=replica.unknown.get("heartbeat", "nobody asked for it"))
    clock = source or replica
    if clock.now is None:
        return Lag(None, why=f"{clock.node} does not tell the time")
    passed = (clock.now - replica.beat) / datetime.timedelta(seconds=1)
    return Lag(round(max(0.0, passed), 3), "source" if source else "replica")


def objections(
    replica: State, source: State | None, sets: Sets, found: Lag, *, expected: str = "", most: float = 10, silent: str = ""
) -> Iterator[Objection]:
    """Yield what stands against a replica's promotion.

    Args:
        replica: Its state.
        source: Its source's; None where that does not answer.
        sets: How their transactions differ.
        found: The replica's lag.
        expected: The `server_uuid` that the source must have; empty for any.
        most: Seconds that it may lag behind.
        silent: Why the source does not answer.
    """
    if not replica.channels:
        yield Objection("not_a_replica", "it follows nobody", "is it the source already? `kc_mysql_replication` has it follow one")
        return
    if len(replica.channels) > 1:
        names = ", ".join(each.name or "''" for each in replica.channels)
        yield Objection("channels", f"it follows {len(replica.channels)} sources ({names})", "leave one channel")
    channel = replica.channels[0]
    wanted = expected or (source.uuid if source else "")
    if wanted and channel.source_uuid != wanted:
        yield Objection(
            "wrong_source",
            f"it follows {channel.source} ({channel.source_uuid or 'never connected'}), not {wanted}",
            "somebody has changed the roles: look at all servers before anything else",
        )
    if source is None:
        yield Objection("source_silent", f"its source can't be asked: {silent}", "bring it back, or promote by force once it is fenced off")
    else:
        yield from _pair(replica, source)
    running = (
        ("io_stopped", channel.io == "Yes", f"no transactions come from its source: {channel.io_error or channel.io}"),
        ("sql_stopped", channel.sql == "Yes", f"what came is not applied: {channel.sql_error or channel.sql}"),
    )
    for title, well, why in running:
        if not well:
            yield Objection(title, why, "put right what the error names, then `kc_mysql_replication`")
    if not channel.auto_position:
        yield Objection("position", "it follows by file and position", "`kc_mysql_replication` has it follow by GTID")
    if channel.delay:
        yield Objection("delay", f"it stays {channel.delay} s behind on purpose", "`kc_mysql_replication` takes the delay away")
    if channel.filters:
        yield Objection("filters", f"it leaves something out: {'; '.join(channel.filters)}", "take the filters away, and rebuild it")
    for setting, value in WANTED.items():
        have = replica.settings.get(setting, value if setting == "binlog_format" else "unknown")
        if have != value:
            yield Objection(
                "settings", f"its {setting} is {have}, not {value}", "set it, and restart the server where it can't be set while it runs"
            )
    if not replica.read_only:
        yield Objection("writable", "it takes writes", "`kc_mysql_freeze` makes it read only; then look for errant transactions")
    if sets.errant is None:
        yield Objection("errant_unknown", "whether it has transactions of its own is unknown", "bring its source back")
    elif sets.errant:
        yield Objection(
            "errant",
            f"it has {gtid.count(sets.errant)} transactions of its own: {sets.errant}",
            "look at them in its binary log; then `kc_mysql_rebuild` makes it anew",
        )
    if sets.drained is False:
        yield Objection("relay_log", "it has not applied all that came to it", "wait; if it stays so, look at `sql_stopped`")
    if found.seconds is None:
        yield Objection("lag_unknown", f"its lag is unknown: {found.why}", "`kc_mysql_heartbeat` makes the heartbeat, on the source")
    elif found.seconds > most and not (source and source.read_only and not sets.missing):  # a frozen source beats no more
        yield Objection("lag", f"it is {found.seconds:.1f} s behind by the {found.clock}'s clock", f"wait until it is {most:g} s at most")


def _pair(replica: State, source: State) -> Iterator[Objection]:
    if replica.uuid == source.uuid:
        yield Objection("same_server", "it and its source are the same server", "name two")
    elif replica.server_id == source.server_id:
        yield Objection("same_server", f"both servers have the server_id {source.server_id}", "give each its own")
    if replica.release != source.release:
        yield Objection(
            "version",
            f"it is MySQL {replica.version}, its source {source.version}",
            "upgrade so that both are of one release: a newer source has no replica to go back to",
        )


def notes(replica: State, source: State | None) -> Iterator[str]:
    """Yield what stands against nothing but is worth a look."""
    for each in replica.channels:
        if not (each.tls and each.verified):
            yield f"it replicates {'over TLS that verifies nobody' if each.tls else 'in plain text'}"
    if source and replica.version != source.version and replica.release == source.release:
        yield f"it is MySQL {replica.version}, its source {source.version}"
    if replica.settings.get("event_scheduler") != "ON":
        yield f"its event_scheduler is {replica.settings.get('event_scheduler', 'unknown')}: events won't run once it is promoted"
    if replica.events_aside:
        yield f"{len(replica.events_aside)} events run once it is promoted: {', '.join(replica.events_aside)}"
    most = int(replica.settings.get("max_connections", 0))
    if replica.connections is not None and most and replica.connections > 0.8 * most:
        yield f"{replica.connections} of {most} connections are open"
    for what, why in replica.unknown.items():
        if what != "heartbeat":
            yield f"{what} unknown: {why}"
