"""What a server says of itself: identity, settings, transactions, replication, heartbeat. What it does not say is unknown, not zero."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from . import gtid
from .connection import Server
from .errors import NO_DATABASE, NO_TABLE, NodeError
from .quote import name

VARIABLES = (
    *("server_uuid", "server_id", "version", "read_only", "super_read_only", "gtid_mode", "enforce_gtid_consistency", "log_bin"),
    *("log_replica_updates", "binlog_format", "gtid_executed", "gtid_purged", "event_scheduler", "max_connections"),
)

FILTERS = (
    *("Replicate_Do_DB", "Replicate_Ignore_DB", "Replicate_Do_Table", "Replicate_Ignore_Table", "Replicate_Wild_Do_Table"),
    *("Replicate_Wild_Ignore_Table", "Replicate_Rewrite_DB", "Replicate_Ignore_Server_Ids"),
)

RDS_OWN = ("mysql.", "innodb_memcache.")
"""Tables that RDS keeps for itself, and leaves out of the replication between its instances (seen in `SHOW REPLICA STATUS`)."""


@dataclass(frozen=True)
class Channel:
    """A server's replication from another.

    Attributes:
        source: `host:port` as it is written there.
        source_uuid: Whom it has last been connected to; empty where never.
        io: `Yes`, `No` or `Connecting`: whether transactions come.
        sql: Whether they are applied.
        retrieved: Transactions that came since the relay log was begun.
        behind: The server's own `Seconds_Behind_Source`; None exactly when it matters.
        filters: What is left out, as the server says it.
    """

    name: str
    source: str
    source_uuid: str
    user: str
    io: str
    sql: str
    auto_position: bool
    tls: bool
    verified: bool
    delay: int
    retrieved: str
    behind: int | None
    io_error: str
    sql_error: str
    io_errno: int = 0
    filters: tuple[str, ...] = ()

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Channel:
        """Return what a row of `SHOW REPLICA STATUS` says."""
        found = [f"{each}={row[each]}" for each in FILTERS if row.get(each) and not _rds_own(each, str(row[each]))]
        return cls(
            name=row["Channel_Name"],
            source=f"{row['Source_Host']}:{row['Source_Port']}",
            source_uuid=row["Source_UUID"] or "",
            user=row["Source_User"] or "",
            io=row["Replica_IO_Running"],
            sql=row["Replica_SQL_Running"],
            auto_position=bool(int(row["Auto_Position"])),
            tls=row["Source_SSL_Allowed"] == "Yes",
            verified=row["Source_SSL_Verify_Server_Cert"] == "Yes",
            delay=int(row["SQL_Delay"] or 0),
            retrieved=gtid.normal(row["Retrieved_Gtid_Set"] or ""),
            behind=row["Seconds_Behind_Source"],
            io_error=_said(row["Last_IO_Errno"], row["Last_IO_Error"]),
            sql_error=_said(row["Last_SQL_Errno"], row["Last_SQL_Error"]),
            io_errno=int(row["Last_IO_Errno"] or 0),
            filters=tuple(found),
        )


@dataclass(frozen=True)
class State:
    """What a server says of itself at one moment.

    Attributes:
        read_only: Nobody but administrators can write.
        super_read_only: Nor can these.
        executed: Transactions that it has.
        purged: Those of them that it can't give to a replica any more.
        events_aside: Events that it has from its source and does not run (`REPLICA_SIDE_DISABLED`).
        beat: When the source last wrote its heartbeat, as far as this server has it; None is unknown.
        unknown: What could not be read, and why.
    """

    node: str
    uuid: str
    server_id: int
    version: str
    read_only: bool
    super_read_only: bool
    executed: str
    purged: str
    settings: dict[str, str]
    channels: tuple[Channel, ...]
    connections: int | None = None
    events_aside: tuple[str, ...] = ()
    beat: datetime.datetime | None = None
    now: datetime.datetime | None = None
    unknown: dict[str, str] = field(default_factory=dict)

    @property
    def role(self) -> str:
        """`replica` where it follows another, or is set up to; `source` otherwise."""
        return "replica" if self.channels else "source"

    @property
    def release(self) -> tuple[int, int]:
        """Its version as far as replication between versions goes."""
        return release(self.version)


def release(version: str) -> tuple[int, int]:
    """Return major and minor number of `9.7.4-2` or `8.4.7`."""
    major, minor, *_ = version.split(".")
    return int(major), int(minor)


def look(server: Server, heartbeat: str = "") -> State:
    """Read a server's state; `heartbeat` is the heartbeat's database.

    Raises:
        NodeError: It can't be asked. What it can't say of some part is in `unknown`.
    """
    unknown: dict[str, str] = {}

    def ask(what: str, question: Any) -> Any:
        try:
            return question()
        except NodeError as error:
            if error.absent:
                raise
            unknown[what] = error.said
            return None

    wanted = ", ".join(f"'{each}'" for each in VARIABLES)
    said = {str(key): str(each) for key, each in server.rows(f"SHOW GLOBAL VARIABLES WHERE Variable_name IN ({wanted})")}
    channels = tuple(Channel.of(row) for row in server.dicts("SHOW REPLICA STATUS"))
    connected = ask("connections", lambda: server.rows("SHOW GLOBAL STATUS LIKE 'Threads_connected'"))
    aside = ask(
        "events", lambda: server.rows("SELECT event_schema, event_name FROM information_schema.events WHERE status LIKE '%SIDE%DISABLED'")
    )
    beat = ask("heartbeat", lambda: _beat(server, heartbeat)) if heartbeat else None
    if heartbeat and beat is None:
        unknown.setdefault("heartbeat", f"there is no beat in `{heartbeat}`.`heartbeat`")
    return State(
        node=str(server.node),
        uuid=said["server_uuid"],
        server_id=int(said["server_id"]),
        version=said["version"],
        read_only=said["read_only"] == "ON",
        super_read_only=said["super_read_only"] == "ON",
        executed=gtid.normal(said.get("gtid_executed", "")),
        purged=gtid.normal(said.get("gtid_purged", "")),
        settings=said,
        channels=channels,
        connections=int(connected[0][1]) if connected else None,
        events_aside=tuple(f"{database}.{event}" for database, event in aside or ()),
        beat=beat,
        now=server.one("SELECT UTC_TIMESTAMP(6)"),
        unknown=unknown,
    )


def _beat(server: Server, database: str) -> datetime.datetime | None:
    try:
        return server.one(f"SELECT at FROM {name(database, 'heartbeat', what='`heartbeat`')} WHERE id = 1")
    except NodeError as error:
        if error.server_code in (NO_DATABASE, NO_TABLE):
            return None
        raise


def _said(code: Any, text: Any) -> str:
    return f"{code}: {' '.join(str(text).split())}" if code else ""


def _rds_own(kind: str, filter_: str) -> bool:
    return kind.endswith("Ignore_Table") and all(table.startswith(RDS_OWN) for table in filter_.split(","))
