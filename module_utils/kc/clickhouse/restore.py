"""Replicas whose part of the ensemble is lost, while their rows are still on the nodes' disks.

Newer servers bring one back by themselves (RESTORE REPLICA). For older ones it is done by what they have, without touching
their files: a node takes its files for those of a plain table, `<table>_kc_lost`; a new replica, `<table>_kc_new`, is made at the same
place of the ensemble; one node, the source, puts its partitions into it (hard links, no copy), and the others fetch them; when
all have all, the new replica gets the table's name. A view, `<table>_kc_definition`, keeps the definition meanwhile, and is
the mark of a restoration under way: a run that is broken off anywhere is completed by the next.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from ..errors import KcError
from .cluster import Cluster, wait_for
from .connection import Server
from .definition import Definition
from .ensemble import children
from .entry import Params, Report, Step
from .errors import NodeError
from .health import look
from .info import PAUSE
from .quote import name, value
from .selection import Name

LOST, NEW, MARK = "_kc_lost", "_kc_new", "_kc_definition"
"""Behind the table's name: its rows as they were, the new replica, and the view that keeps the definition."""

TOO_LARGE = 359
"""The server's code for a table that is larger than `max_table_size_to_drop`."""


@dataclass(frozen=True)
class Partition:
    """What a node has of a partition: rows, and the blocks (inserts) that they came in."""

    rows: int = 0
    blocks: tuple[tuple[int, int], ...] = ()

    def covers(self, other: Partition) -> bool:
        """Whether every block of the other one is here too."""
        return self.rows >= other.rows and all(
            any(first <= low and high <= last for first, last in joined(self.blocks)) for low, high in other.blocks
        )


def joined(ranges: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return ranges of blocks, those that follow on each other as one."""
    found: list[tuple[int, int]] = []
    for first, last in sorted(ranges):
        if found and first <= found[-1][1] + 1:
            found[-1] = (found[-1][0], max(found[-1][1], last))
        else:
            found.append((first, last))
    return found


@dataclass(frozen=True)
class Here:
    """A table on a node, wherever its restoration has come to.

    Attributes:
        engine: The table's engine; empty where no table has its name.
        gone: It is a replica that the ensemble does not know, or whose log it has lost.
        left: Its place in the ensemble, where something of it still stands there; `path` and `replica`.
        has: Which of `LOST`, `NEW` and `MARK` stand.
        create: Its definition as a replicated table; empty where this node does not know it.
        parts: What was on the node's disk, by partition; None where it is not known yet, since nothing has the files.
    """

    engine: str
    gone: bool
    left: tuple[str, str] | None
    has: frozenset[str]
    create: str
    parts: Mapping[str, Partition] | None

    @property
    def done(self) -> bool:
        return self.engine.startswith("Replicated") and not self.gone

    @property
    def rows(self) -> int:
        return sum(part.rows for part in (self.parts or {}).values())


def restore(cluster: Cluster, wanted: Sequence[Name], params: Params, report: Report) -> None:
    """Bring back replicas of which the ensemble has lost what it knew; those of which it has not are left alone.

    Raises:
        KcError: A node is absent or has no ensemble; nodes have different rows and none is named as the source; or the nodes are
            not in step in time.
    """
    end = time.monotonic() + params["wait"]
    found = cluster.all(lambda server: _look(server, wanted))
    report.outputs.update(restored=[], kept=[])
    for table in sorted({table for tables in found.values() for table in tables}):
        here = {server: tables[table] for server, tables in found.items() if table in tables}
        if any(MARK in one.has or one.gone for one in here.values()):
            newer = {server for server in here if server.version.has("RESTORE REPLICA")}
            if newer:
                _by_the_server(table, {server: one for server, one in here.items() if server in newer}, report)
            else:
                _By(table, cluster, params, report, end).all(here)
            report.outputs["restored"].append(".".join(table))


def _look(server: Server, wanted: Sequence[Name]) -> dict[Name, Here]:
    health = look(server)
    if health.ensemble:
        raise NodeError(str(server.node), f"it can't ask the ensemble: {health.ensemble}", hint="bring the ensemble back first")
    engines = {(database, table): engine for database, table, engine in server.rows("SELECT database, name, engine FROM system.tables")}
    replicas = {(table.database, table.table): table for table in health.tables.values()}
    marked = {(database, table.removesuffix(MARK)) for database, table in engines if table.endswith(MARK)}
    plain = {key for key in replicas if not key[1].endswith(NEW)}
    found = {}
    for database, table in sorted(plain | marked):
        if wanted and (database, table) not in wanted:
            continue
        replica = replicas.get((database, table))
        known = bool(replica and children(server, f"{replica.path}/replicas/{replica.replica}") is not None)
        gone = bool(replica and (not known or children(server, f"{replica.path}/log") is None))
        left = (replica.path, replica.replica) if replica and gone and known else None
        has = frozenset(end for end in (LOST, NEW, MARK) if (database, table + end) in engines)
        create = ""
        if MARK in has:
            create = str(server.one(f"SELECT definition FROM {name(database, table + MARK)}"))
        elif replica:
            create = str(server.one(f"SHOW CREATE TABLE {name(database, table)}"))
        engine = engines.get((database, table), "")
        files = table + LOST if LOST in has else table if engine and (gone or replica is None) else ""
        parts = partitions(server, database, files) if files else None
        found[database, table] = Here(engine, gone, left, has, create, parts)
    return found


def partitions(server: Server, database: str, table: str) -> dict[str, Partition]:
    """Return what a node has of a table."""
    where = f"active AND database = {value(database)} AND table = {value(table)}"
    rows = f"SELECT partition_id, rows, min_block_number, max_block_number FROM system.parts WHERE {where}"
    found: dict[str, Partition] = {}
    for partition, count, low, high in server.rows(f"{rows} ORDER BY partition_id, min_block_number"):
        before = found.get(partition, Partition())
        found[partition] = Partition(before.rows + count, (*before.blocks, (low, high)))
    return found


def _by_the_server(table: Name, here: Mapping[Server, Here], report: Report) -> None:
    """Have the servers do it, one after the other; what is left of a replica at its place goes first."""
    this = name(*table)
    for server, one in here.items():
        if not one.gone:
            continue
        statements = [f"SYSTEM RESTART REPLICA {this}"]
        if one.left:
            path, replica = one.left
            statements = [f"DETACH TABLE {this}", f"SYSTEM DROP REPLICA {value(replica)} FROM ZKPATH {value(path)}", f"ATTACH TABLE {this}"]
        report.plan(Step(server, statement) for statement in [*statements, f"SYSTEM RESTORE REPLICA {this}"])
        report.apply()


@dataclass
class _By:
    """Brings one table back on all nodes, with what old servers have."""

    table: Name
    cluster: Cluster
    params: Params
    report: Report
    end: float
    names: dict[str, str] = field(init=False)

    def __post_init__(self) -> None:
        database, table = self.table
        self.names = {end: name(database, table + end) for end in ("", LOST, NEW, MARK)}

    def all(self, here: Mapping[Server, Here]) -> None:
        self._refuse(here)
        source, extra = self._source(here)
        create = next((one.create for one in here.values() if one.create), "")
        definition = Definition.parse(create)
        # the source first: it is the one that makes the place in the ensemble
        for server in sorted(here, key=lambda server: server is not source):
            self._do(server, self._prepared(here[server], create, definition))
        if not self.report.check:
            here = {server: one[self.table] for server, one in self.cluster.all(lambda server: _look(server, [self.table])).items()}
            source, extra = self._source(here)
        if source and not here[source].done:
            self._do(source, self._attached(source, here[source]))
        if not self.report.check:
            self._wait(here, source)
        waiting = {server: one for server, one in here.items() if not one.done}
        for server in waiting:
            self._do(server, [f"RENAME TABLE {self.names[NEW]} TO {self.names['']}"])
        # the marks last: while there is one, what bears it is no living replica that others may be compared with
        for server, one in here.items():
            if LOST in one.has or server in waiting:
                self._clear(server, keeps=server in extra)
        for server, one in here.items():
            if MARK in one.has or server in waiting:
                self._do(server, [f"DROP TABLE {self.names[MARK]}"])

    def _refuse(self, here: Mapping[Server, Here]) -> None:
        """Refuse what would have to be guessed.

        Raises:
            KcError: The ensemble has kept a part, or an earlier restoration has left something.
        """
        table = ".".join(self.table)
        for server, one in here.items():
            if one.left:
                raise KcError(
                    f"{server.node}: of {table} the ensemble has lost one part and kept another",
                    hint=f"delete what is left with the ensemble's own tool, below the cluster's root: {one.left[0]}",
                )
            if one.gone and LOST in one.has:
                raise KcError(
                    f"{server.node}: {table}{LOST} is of an earlier restoration", hint="look at what it holds, and drop it or rename it"
                )

    def _source(self, here: Mapping[Server, Here]) -> tuple[Server | None, set[Server]]:
        """Return whose rows are taken, and who has others besides; no source where a replica lives, which has them already.

        Raises:
            KcError: Nodes have rows that the source lacks, and it was not named.
        """
        told = {str(server.node): server for server in here}
        named = self.params["source"]
        if named and named not in told:
            raise KcError(f"`source`: {named!r} is none of the nodes", hint=f"it is one of {', '.join(told)}")
        living = next((server for server, one in here.items() if one.done and not one.has), None)
        known = {server: one for server, one in here.items() if one.parts is not None}
        if living:
            first, base = living, partitions(living, *self.table)
        elif known:
            first = told[named] if named else max(known, key=lambda server: known[server].rows)
            base = dict(here[first].parts or {})
        else:
            return None, set()
        extra = {
            server: sorted(part for part, has in (one.parts or {}).items() if not base.get(part, Partition()).covers(has))
            for server, one in known.items()
            if server is not first
        }
        extra = {server: parts for server, parts in extra.items() if parts}
        if extra and not named:
            said = "; ".join(f"{server.node} in {', '.join(parts)}" for server, parts in extra.items())
            raise KcError(
                f"{'.'.join(self.table)}: there are rows that {first.node} lacks: on {said} (partitions)",
                hint=f"name the node whose rows count as `source`; what others have besides stays there in {self.table[1]}{LOST}",
            )
        return None if living else first, set(extra)

    def _prepared(self, one: Here, create: str, definition: Definition) -> Iterator[str]:
        """Yield what takes a node to where its old rows and the new replica stand side by side."""
        database, table = self.table
        if one.done:
            return
        if MARK not in one.has:
            yield f"CREATE VIEW {self.names[MARK]} AS SELECT {value(create)} AS definition"
        if LOST not in one.has and NEW not in one.has:
            if one.gone:
                yield f"DETACH TABLE {self.names['']}"
            if one.gone or not one.engine:
                yield definition.plain(database, table)
            yield f"RENAME TABLE {self.names['']} TO {self.names[LOST]}"
        if NEW not in one.has:
            yield definition.replicated(database, table + NEW)

    def _attached(self, source: Server, one: Here) -> Iterator[str]:
        """Yield what gives the new replica the source's rows; a partition that it has already was put there by an earlier run.

        REPLACE and not ATTACH, although there is nothing to replace: ATTACH takes two parts with the same content for one (18.16).
        """
        there = partitions(source, self.table[0], self.table[1] + NEW)
        for partition in sorted((one.parts or {}).keys() - there.keys()):
            yield f"ALTER TABLE {self.names[NEW]} REPLACE PARTITION ID {value(partition)} FROM {self.names[LOST]}"

    def _wait(self, here: Mapping[Server, Here], source: Server | None) -> None:
        """Wait until every new replica has as many rows as the source's, which has all; merges may make fewer of them meanwhile.

        Raises:
            KcError: One has not, in time.
        """
        database, table = self.table
        why: list[str] = []

        def rows(server: Server, name: str = table + NEW) -> int:
            return sum(part.rows for part in partitions(server, database, name).values())

        def state(server: Server, wanted: int) -> str:
            replica = look(server, [database]).tables.get(f"{database}.{table}{NEW}")
            if replica is None:
                return "no new replica"
            has = rows(server)
            return "; ".join(replica.late) or (f"{has} of {wanted} rows" if has < wanted else "")

        def together() -> bool:
            wanted = rows(source, table if here[source].done else table + NEW) if source else 0
            found = self.cluster.all(lambda server: state(server, wanted) if server in here and not here[server].done else "")
            why[:] = [f"{server.node}: {said}" for server, said in found.items() if said]
            return not why

        if not wait_for(together, max(0.0, self.end - time.monotonic()), PAUSE):
            raise KcError(
                f"{database}.{table} is not in step after {self.params['wait']} s: {'; '.join(why)}",
                hint="run again: it goes on from here",
            )

    def _clear(self, server: Server, *, keeps: bool) -> None:
        """Drop the old rows; those that only this node has stay, and so does what is too large to drop."""
        kept = f"{server.node}: {'.'.join(self.table)}{LOST}"
        if keeps:
            self.report.outputs["kept"].append(kept)
            return
        try:
            self._do(server, [f"DROP TABLE {self.names[LOST]}"])
        except NodeError as error:
            if error.server_code != TOO_LARGE:
                raise
            self.report.steps.pop()
            self.report.outputs["kept"].append(kept)

    def _do(self, server: Server, statements: Iterator[str] | list[str]) -> None:
        for statement in statements:
            self.report.plan([Step(server, statement)])
            self.report.apply()
