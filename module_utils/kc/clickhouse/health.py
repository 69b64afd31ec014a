"""How every replicated table on every node is: what a node tells, and what it means.

A node is asked in three steps, since one that has lost the ensemble still answers the first: its tables by what it holds in memory,
then what only the ensemble knows of them, then the work that is stuck. What could not be read is None, with the reason: a server
that has no session says that there are 0 replicas and 0 entries in the log (18.16), and newer ones say so beside an exception.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from .connection import Server
from .errors import NodeError
from .quote import name as quoted
from .quote import value

TABLES = ("replicas", "replication_queue", "detached_parts", "disks", "zookeeper")
"""Tables of `system` that are asked where the server has them; 18.16 has no `disks` and no `detached_parts`."""

FOLDING = re.compile("Replacing|Summing|Aggregating|Collapsing|Graphite")
"""Engines whose merges make one row of several; of all but the last two, one a key."""

OWN = (
    *("database", "table", "replica_name", "zookeeper_path", "is_readonly", "is_session_expired"),
    *("queue_size", "inserts_in_queue", "merges_in_queue", "queue_oldest_time", "absolute_delay"),
)
"""Columns of system.replicas that a server knows by itself."""

SHARED = ("database", "table", "log_max_index", "log_pointer", "total_replicas", "active_replicas")
"""Those that it asks the ensemble for."""

TRIES, POSTPONED = 100, 1000
"""From how many failures, or delays, on an entry of the queue counts as stuck."""

LATE = 10
"""Seconds that a table may be behind and still be ready: under a stream of inserts something is always on its way."""

MOST = 20
"""Stuck entries that are told of a node, at most."""

DAYS, FREE = 30, 15
"""What is left of a certificate (days), and of a disk (percent), below which it is worth a look."""


@dataclass(frozen=True)
class Table:
    """A replicated table on a node.

    Attributes:
        replica: The replica's name.
        path: Where it stands in the ensemble.
        readonly: It takes no inserts.
        session_expired: Its session with the ensemble has ended.
        queue: Entries that it has still to work off; of them inserts, and merges.
        oldest: When the oldest of them was made.
        delay: Seconds that it is behind.
        log_lag: Entries of the shared log that it has not taken into its queue yet.
        total: Replicas that the table has.
        active: Those of them that are there.
        unknown: Why what is None is not known.
        rows: Its rows, or its keys where merges make one row of those with the same; None where they were not counted.
    """

    database: str
    table: str
    replica: str
    path: str
    readonly: bool
    session_expired: bool
    queue: int
    inserts: int
    merges: int
    oldest: str | None
    delay: int | None
    log_lag: int | None = None
    total: int | None = None
    active: int | None = None
    unknown: str = ""
    rows: int | None = None

    @property
    def name(self) -> str:
        return f"{self.database}.{self.table}"

    @property
    def reasons(self) -> list[str]:
        """Why it is not ready; nothing where it is."""
        found = self._missing(self.delay is None or self.delay > LATE)
        if self.total is None or self.active is None or self.log_lag is None or self.active >= self.total:
            return found
        return [*found, f"{self.active} of {self.total} replicas are active"]

    @property
    def late(self) -> list[str]:
        """Why it does not have all that there is, whatever its other replicas are."""
        return self._missing(True)

    def _missing(self, late: bool) -> list[str]:
        found = []
        if self.readonly:
            found.append("read only")
        if self.session_expired:
            found.append("without a session with the ensemble")
        if self.inserts and late:
            found.append(f"{_count(self.inserts, 'insert')} not fetched yet")
        if self.log_lag and late:
            found.append(f"{_count(self.log_lag, 'entry', 'entries')} of the log not seen yet")
        if self.log_lag is None or self.total is None or self.active is None:
            found.append(f"how far it is behind is unknown: {self.unknown}")
        return found


@dataclass(frozen=True)
class Health:
    """A node.

    Attributes:
        error: Why it can't be asked; empty where it can.
        version: Its version.
        uptime: Seconds since it started.
        ensemble: Why it has no ensemble; empty where it has one.
        sessions: Its sessions with the ensemble: one.
        certificate_days: Days that its certificate is still good for.
        disks: Free and total bytes by disk.
        detached: Parts that were put aside, by table and reason.
        stuck: Entries of queues that fail or wait again and again.
        tables: Its replicated tables by name.
    """

    error: str = ""
    version: str = ""
    uptime: int | None = None
    ensemble: str = ""
    sessions: int | None = None
    certificate_days: int | None = None
    disks: Mapping[str, Mapping[str, int]] | None = None
    detached: Mapping[str, Mapping[str, int]] | None = None
    stuck: Sequence[Mapping[str, Any]] = ()
    tables: Mapping[str, Table] = field(default_factory=dict)

    @property
    def facts(self) -> dict[str, Any]:
        """The node as data; what is None is not known."""
        tables = {name: {**asdict(table), "ready": not table.reasons} for name, table in self.tables.items()}
        return {**asdict(self), "state": self.state, "tables": tables}

    @property
    def state(self) -> str:
        return "no answer" if self.error else "answers"


Nodes = Mapping[str, Health]


def look(server: Server, databases: Collection[str] = (), *, rows: bool = False) -> Health:
    """Ask a node.

    Args:
        databases: Whose tables count; all of them where empty.
        rows: Count the tables' rows too.

    Raises:
        NodeError: It gives no answer, or no right one.
    """
    (uptime,) = server.rows("SELECT uptime()")[0]
    asked = f"database = 'system' AND table IN ({', '.join(map(value, TABLES))})"
    known = {(table, name) for table, name in server.rows(f"SELECT table, name FROM system.columns WHERE {asked}")}
    has = {table for table, _ in known}
    ensemble = _ensemble(server) if "zookeeper" in has else "its configuration names none"
    tables = {table.name: table for table in _tables(server, databases, ensemble, ("replicas", "zookeeper_exception") in known)}
    if rows:
        tables = {each: replace(table, rows=_rows(server, table)) for each, table in tables.items()}
    return Health(
        version=str(server.version),
        uptime=int(uptime),
        ensemble=ensemble if tables or "zookeeper" in has else "",
        sessions=server.one("SELECT value FROM system.metrics WHERE metric = 'ZooKeeperSession'"),
        certificate_days=(server.certificate_ends - datetime.datetime.now(datetime.UTC)).days,
        disks=_disks(server) if "disks" in has else None,
        detached=_detached(server) if "detached_parts" in has else None,
        stuck=_stuck(server),
        tables=tables,
    )


def _ensemble(server: Server) -> str:
    """Return why the node can't ask the ensemble; nothing where it can."""
    try:
        server.one("SELECT count() FROM system.zookeeper WHERE path = '/'")
    except NodeError as error:
        if not error.server_code:
            raise
        return error.said
    return ""


def _tables(server: Server, databases: Collection[str], ensemble: str, excuses: bool) -> Iterator[Table]:
    only = f" WHERE database IN ({', '.join(map(value, sorted(databases)))})" if databases else ""
    rows = server.dicts(OWN, f"FROM system.replicas{only} ORDER BY database, table")
    columns = (*SHARED, *(("zookeeper_exception",) if excuses else ()))
    shared = _shared(server, columns, rows, only) if rows and not ensemble else {}
    for row in rows:
        gone = bool(row["is_readonly"] or row["is_session_expired"])
        why = ensemble or ("it has no session with the ensemble" if gone else "")
        told = {} if why else shared.get((row["database"], row["table"]), {})
        yield Table(
            database=row["database"],
            table=row["table"],
            replica=row["replica_name"],
            path=row["zookeeper_path"],
            readonly=bool(row["is_readonly"]),
            session_expired=bool(row["is_session_expired"]),
            queue=row["queue_size"],
            inserts=row["inserts_in_queue"],
            merges=row["merges_in_queue"],
            oldest=row["queue_oldest_time"].isoformat() if row["queue_size"] else None,
            delay=None if why else row["absolute_delay"],
            **{"unknown": why, **told},
        )


def _shared(server: Server, columns: Sequence[str], rows: Sequence[Mapping[str, Any]], only: str) -> dict[tuple[str, str], dict[str, Any]]:
    """Return what the ensemble knows of each table, or why it does not tell.

    One table whose nodes are gone from the ensemble fails the question for all of them, and so they are asked one by one then.
    """
    paths = {(row["database"], row["table"]): row["zookeeper_path"] for row in rows}
    try:
        told = server.dicts(columns, f"FROM system.replicas{only}")
        return {key: _place(server, paths[key], row) for row in told if (key := (row["database"], row["table"])) in paths}
    except NodeError as error:
        if not error.server_code:
            raise
        if len(rows) == 1:
            return {key: {"unknown": error.said} for key in paths}
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for row in rows:
        this = f" WHERE database = {value(row['database'])} AND table = {value(row['table'])}"
        found |= _shared(server, columns, [row], this)
    return found


def _place(server: Server, path: str, row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a table's place in the shared log, or why it is not known."""
    if row.get("zookeeper_exception"):
        return {"unknown": " ".join(str(row["zookeeper_exception"]).split())}
    if not row["total_replicas"]:
        return {"unknown": "the ensemble was not asked"}
    last, pointer = row["log_max_index"], row["log_pointer"]
    # a log that never had an entry looks like one whose first entry was not seen yet
    empty = last == pointer == 0 and not server.one(f"SELECT count() FROM system.zookeeper WHERE path = {value(path + '/log')}")
    lag = 0 if empty else max(0, last + 1 - pointer)
    return {"log_lag": lag, "total": row["total_replicas"], "active": row["active_replicas"]}


def _rows(server: Server, table: Table) -> int | None:
    """Count what no merge changes."""
    where = f"WHERE database = {value(table.database)} AND name = {value(table.table)}"
    engine, key = server.rows(f"SELECT engine, sorting_key FROM system.tables {where}")[0]
    folding = FOLDING.search(engine)
    if folding and (not key or folding[0] in ("Collapsing", "Graphite")):
        return None
    # 18.16 counts no row at all of a Summing table with FINAL
    counted = f"uniqExact({key})" if folding else "count()"
    return int(server.one(f"SELECT {counted} FROM {quoted(table.database, table.table)}"))


def _stuck(server: Server) -> list[dict[str, Any]]:
    columns = ("database", "table", "type", "new_part_name", "num_tries", "num_postponed", "last_exception", "postpone_reason")
    where = f"num_tries > {TRIES} OR num_postponed > {POSTPONED}"
    order = "create_time, database, table, new_part_name"
    rows = server.dicts(columns, f"FROM system.replication_queue WHERE {where} ORDER BY {order} LIMIT {MOST}")
    return [{**row, "last_exception": _line(row["last_exception"])} for row in rows]


def _disks(server: Server) -> dict[str, dict[str, int]]:
    rows = server.rows("SELECT name, free_space, total_space FROM system.disks ORDER BY name")
    return {name: {"free": free, "total": total} for name, free, total in rows}


def _detached(server: Server) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {}
    counted = "SELECT database, table, ifNull(toString(reason), '') AS why, count() FROM system.detached_parts"
    for database, table, why, count in server.rows(f"{counted} GROUP BY database, table, why ORDER BY database, table, why"):
        found.setdefault(f"{database}.{table}", {})[why or "detached"] = count
    return found


def _line(text: str) -> str:
    return " ".join(text.split("Stack trace:")[0].split())


# --- what it means


def reasons(nodes: Nodes) -> list[str]:
    """Return why the nodes are not ready, a line a node and reason; nothing where all are."""
    found = []
    everywhere = {name for health in nodes.values() for name in health.tables}
    for node, health in nodes.items():
        if health.error:
            found.append(health.error)
            continue
        if health.ensemble:
            found.append(f"{node}: it can't ask the ensemble: {health.ensemble}")
        lacking = sorted(everywhere - health.tables.keys())
        if lacking:
            found.append(f"{node}: it lacks {_some(lacking)}")
        by_reason: dict[str, list[str]] = {}
        for name, table in health.tables.items():
            for reason in table.reasons:
                if not (health.ensemble and reason.endswith(health.ensemble)):
                    by_reason.setdefault(reason, []).append(name)
        whole = len(health.tables)
        found += [f"{node}: {_some(names, whole)}: {reason}" for reason, names in by_reason.items()]
    return found


def notes(nodes: Nodes) -> list[str]:
    """Return what keeps nobody from working but is worth a look."""
    found = []
    for node, health in nodes.items():
        if health.certificate_days is not None and health.certificate_days < DAYS:
            found.append(f"{node}: its certificate ends in {_count(health.certificate_days, 'day')}")
        if health.sessions is not None and health.sessions > 1:
            found.append(f"{node}: it has {health.sessions} sessions with the ensemble instead of one")
        for disk, space in (health.disks or {}).items():
            if space["total"] and percent(space) < FREE:
                found.append(f"{node}: disk {disk} has {percent(space)} % left")
        for name, parts in (health.detached or {}).items():
            found.append(f"{node}: {name} has {_count(sum(parts.values()), 'detached part')} ({', '.join(sorted(parts))})")
        for entry in health.stuck:
            often = f"{entry['num_tries']} tries, {entry['num_postponed']} delays"
            what = f"{entry['database']}.{entry['table']}: {entry['type']} {entry['new_part_name']}"
            found.append(f"{node}: {what} is stuck ({often}): {entry['last_exception'] or entry['postpone_reason']}")
    return found


def summary(nodes: Nodes) -> list[str]:
    """Return all of it as a table for people, a line a node and a line a table."""
    lines = []
    for node, health in nodes.items():
        if health.error:
            lines.append(health.error)
            continue
        disks = ", ".join(f"{name} {percent(space)} %" for name, space in (health.disks or {}).items()) or "unknown"
        ensemble = "no ensemble" if health.ensemble else "ensemble answers"
        lines.append(
            f"{node}: {health.version}, up {_span(health.uptime or 0)}, {ensemble}, "
            f"certificate {_count(health.certificate_days or 0, 'day')}, disk free {disks}"
        )
        width = max((len(name) for name in health.tables), default=0)
        for name, table in health.tables.items():
            known = [table.log_lag, table.delay, table.active, table.total]
            lag, delay, active, total = ("unknown" if one is None else str(one) for one in known)
            state = "not ready" if table.reasons else "ready"
            numbers = f"log lag {lag}, inserts {table.inserts}, merges {table.merges}, delay {delay}{'' if table.delay is None else ' s'}"
            lines.append(f"  {name:{width}}  {state:9}  {numbers}, replicas {active} of {total}")
    return lines


def percent(space: Mapping[str, int]) -> int:
    """Return how much of a disk is free."""
    return 100 * space["free"] // space["total"] if space["total"] else 0


def _some(names: Sequence[str], whole: int = 0, most: int = 5) -> str:
    if len(names) == whole > 1:
        return f"all of its {whole} tables"
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def _count(number: int, one: str, many: str = "") -> str:
    return f"{number} {one if number == 1 else many or one + 's'}"


def _span(seconds: int) -> str:
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"


def behind(health: Health) -> list[Table]:
    """Return the tables that only need time."""
    working = [table for table in health.tables.values() if not table.readonly and not table.session_expired]
    return [table for table in working if table.inserts or table.log_lag]
