"""Restores a backup of parts: into tables that are empty or missing, or in the place of what is in them; on all replicas.

What a partition holds is compared with the manifest, so that a partition that is right already is left alone, and a run that was broken
off anywhere is completed by the next. The parts of the others are fetched, and make up a table of their own without replicas,
`<table>_kc_restored`. Once what is in it is what the manifest says, each partition takes its place in the table (REPLACE PARTITION: at
once, and twice is as once), and the other replicas fetch it. No merge runs on the table meanwhile: after one, a table that sums up rows
holds others. Views see nothing of it.
"""

from __future__ import annotations

import hashlib
import shutil
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

from ..backup.store import WORKERS, Store
from ..backup.work import WORK, alone
from ..errors import KcError
from . import backup_sql as sql
from .backup_manifest import NATIVE, Content, Manifest, Table, total
from .backup_node import clear, contents, filled, places
from .backup_parts import extract
from .cluster import Cluster, raise_all, wait_for
from .connection import Server
from .definition import Definition
from .entry import Params, Report, Step
from .errors import NodeError
from .quote import name

PAUSE = 0.3
"""Seconds between two looks at replicas that follow."""


def restore(cluster: Cluster, store: Store[Manifest], params: Params, report: Report) -> None:
    """Restore a backup, and see on every node that it holds what was backed up.

    Raises:
        KcError: No such backup; a table holds something else; an archive is missing or damaged; or a node has not followed in time.
    """
    manifest = store.find(params["backup"])
    store.whole([manifest])
    tables = _wanted(manifest, params["databases"])
    report.outputs["backup"] = manifest.facts
    if manifest.kind == NATIVE:
        _native(cluster, store, manifest, tables, params, report)
    else:
        _Restoration(cluster, store, manifest, params, report).all(tables)


def _wanted(manifest: Manifest, databases: Sequence[str]) -> list[Table]:
    known = sorted({table.database for table in manifest.tables})
    for each in databases:
        if each not in known:
            raise KcError(f"`databases`: the backup {manifest.name} has no database {each!r}", hint=f"it has {', '.join(known)}")
    return [table for table in manifest.tables if not databases or table.database in databases]


Contents = Mapping[str, Content]
"""What partitions hold."""


class _Restoration:
    """Brings back tables from their parts."""

    def __init__(self, cluster: Cluster, store: Store[Manifest], manifest: Manifest, params: Params, report: Report) -> None:
        self.cluster = cluster
        self.store = store
        self.manifest = manifest
        self.params = params
        self.report = report
        self.source = cluster.here(params["host"], params["port"])
        self.end = time.monotonic() + params["wait"]

    def all(self, tables: Sequence[Table]) -> None:
        self.report.outputs["tables"] = {}
        standing = self.cluster.all(_standing)
        holding = [table for table in tables if table.columns]
        found = {table.key: self._found(table, standing) for table in holding}
        begun = self._begun(holding, standing)
        for table in holding:
            self._refuse(table, found[table.key], begun=table in begun)
        self._define(tables, standing)
        if not holding or (self.report.check and not places(self.source)):
            for table in holding:
                self._plan(table, found[table.key][self.source])
            return
        with alone(next(iter(places(self.source).values())).root) as work:
            self._tidy(work)
            for table in holding:
                self._table(table, found[table.key], work, begun=table in begun)
            if not self.report.check:
                shutil.rmtree(work / self.manifest.name, ignore_errors=True)

    def _servers(self, table: Table) -> list[Server]:
        return _who(self.cluster, self.source, table)

    def _found(self, table: Table, standing: Mapping[Server, set[tuple[str, str]]]) -> dict[Server, Contents]:
        """Return what every node holds of a table. What is not as large as in the backup is not read: its checksum is 0."""

        def question(server: Server) -> Contents:
            if table.key not in standing[server]:
                return {}
            self._same_columns(server, table)
            rows = {partition: Content(count) for partition, count in server.rows(sql.rows_by_partition(*table.key))}
            if any(partition in rows and rows[partition].rows == content.rows for partition, content in table.partitions.items()):
                return {**rows, **contents(server, table.key, table.columns)}
            return rows

        answers, failures = self.cluster.ask(question, self._servers(table))
        raise_all(failures.values())
        return answers

    def _same_columns(self, server: Server, table: Table) -> None:
        has = {row[0] for row in server.rows(sql.columns(*table.key))}
        if has != set(table.columns):
            other = ", ".join(sorted(has ^ set(table.columns)))
            raise NodeError(
                str(server.node),
                f"{table.label} has not the columns of the backup: {other}",
                hint="drop or rename it, and the backup's own is made",
            )

    def _begun(self, tables: Sequence[Table], standing: Mapping[Server, set[tuple[str, str]]]) -> list[Table]:
        """Return the tables that an earlier run from this backup has begun with, and not ended."""
        where = places(self.source) if standing[self.source] else {}
        return [table for table in tables if table.key in where and self._mark(where[table.key].root / WORK, table).exists()]

    def _mark(self, work: Path, table: Table) -> Path:
        return work / self.manifest.name / f"{hashlib.sha256(table.label.encode()).hexdigest()}.begun"

    def _refuse(self, table: Table, found: Mapping[Server, Contents], *, begun: bool) -> None:
        """Refuse to lose what is in a table.

        Raises:
            KcError: It holds what is not in the backup, and may not be replaced.
        """
        if self.params["data"] == "replace":
            return
        for server, here in found.items():
            for partition, content in here.items():
                wanted = table.partitions.get(partition, Content())
                # rows of an earlier run that were summed up since; never more than it brought
                ours = begun and table.engine not in ("MergeTree", "ReplicatedMergeTree")
                if content != wanted and not (ours and content.rows <= wanted.rows):
                    raise NodeError(
                        str(server.node),
                        f"{table.label} holds other rows than the backup {self.manifest.name}, in the partition {partition}",
                        hint="`data: replace` puts the backup in the place of all that the table holds; renaming it keeps both",
                    )

    def _define(self, tables: Sequence[Table], standing: Mapping[Server, set[tuple[str, str]]]) -> None:
        """Make the databases, tables and views that a node lacks."""
        there = self.cluster.all(lambda server: {row[0] for row in server.rows("SELECT name FROM system.databases")})
        for server in self.cluster.servers:
            lacking = [table for table in tables if table.key not in standing[server] and not table.name.startswith(sql.INNER)]
            # of what keeps no rows, as views do and what they read from, each node has its own
            lacking = [table for table in lacking if server in self._servers(table) or not table.columns]
            for database in sorted({table.database for table in lacking} - there[server]):
                self.report.plan([Step(server, f"CREATE DATABASE IF NOT EXISTS {name(database)}", wait=self.params["wait"])])
            for table in lacking:
                create = Definition.parse(table.create).replicated(*table.key) if table.replicated else table.create
                self.report.plan([Step(server, create, wait=self.params["wait"])])
                self.report.differs(f"{table.label} on {server.node}", "", f"{table.engine}\n")
        self.report.apply()

    def _tidy(self, work: Path) -> None:
        """Take away what earlier runs have left, but for what this one goes on with."""
        if self.report.check:
            return
        clear(self.source)
        for path in work.iterdir():
            if path.is_dir() and path.name != self.manifest.name:
                shutil.rmtree(path)

    def _plan(self, table: Table, here: Contents) -> list[str]:
        """Plan what brings a table's partitions to what the backup holds; returns the partitions that come from it."""
        wanted = table.partitions
        todo = [partition for partition, content in sorted(wanted.items()) if here.get(partition, Content()) != content]
        extra = sorted(here.keys() - wanted.keys())
        self.report.plan(Step(self.source, sql.remove(*table.key, partition), wait=self.params["wait"]) for partition in extra)
        self.report.plan(Step(self.source, sql.replace(*table.key, partition), wait=self.params["wait"]) for partition in todo)
        if todo or extra:
            self.report.differs(f"rows of {table.label}", f"{total(here.values()).rows} rows\n", f"{table.content}\n")
        return todo

    def _table(self, table: Table, found: Mapping[Server, Contents], work: Path, *, begun: bool) -> None:
        todo = self._plan(table, found[self.source])
        if self.report.check:
            return
        if all(here == table.partitions for here in found.values()):
            if begun:
                self._merges("START", table)
        else:
            mark = self._mark(work, table)
            mark.parent.mkdir(exist_ok=True)
            mark.touch()
            try:
                self._merges("STOP", table)
                self._replace(table, todo, work)
                self._verify(table)
            finally:
                with suppress(KcError):
                    self._merges("START", table)
            mark.unlink()
        self.report.outputs["tables"][table.label] = {"rows": table.content.rows, "checksum": f"{table.content.checksum:016x}"}

    def _merges(self, verb: str, table: Table) -> None:
        for server in self._servers(table):
            server.run(f"SYSTEM {verb} MERGES {name(*table.key)}")

    def _replace(self, table: Table, todo: Sequence[str], work: Path) -> None:
        parts = [part for part in table.parts if part.partition in todo]
        if not parts:
            self.report.apply()
            return
        fetched = self._fetch({part.object: part.size for part in parts}, work)
        create = str(self.source.one(f"SHOW CREATE TABLE {name(*table.key)}"))
        with filled(self.source, table.key, create, sql.RESTORED, {part.name: fetched[part.object] for part in parts}) as ours:
            held = contents(self.source, ours, table.columns)
            wanted = {partition: table.partitions[partition] for partition in todo}
            if held != wanted:
                raise KcError(
                    f"{table.label}: the backup's parts hold {total(held.values())}, its manifest says {total(wanted.values())}",
                    hint="the manifest or the backup is not what was written: restore another one",
                )
            self.report.apply()

    def _fetch(self, objects: Mapping[str, int], work: Path) -> dict[str, Path]:
        """Have archives extracted on this node's disk; those that are there from an earlier run stay.

        Raises:
            KcError: The disk has no room for them; or see `extract`.
        """
        fetched = {object_: work / self.manifest.name / object_ for object_ in objects}
        todo = [object_ for object_, path in fetched.items() if not path.exists()]
        need, free = sum(objects[object_] for object_ in todo), shutil.disk_usage(work).free
        if need > free:
            raise KcError(
                f"{self.source.node}: the backup's parts need {need} bytes of disk, {free} are free", hint="make room, or a larger volume"
            )
        with ThreadPoolExecutor(WORKERS) as pool:
            list(pool.map(lambda object_: extract(self.store.get(object_), fetched[object_]), todo))
        return fetched

    def _verify(self, table: Table) -> None:
        """Wait until every node holds exactly what the backup does.

        Raises:
            KcError: One does not, in time.
        """
        wanted = table.partitions
        rows = {partition: content.rows for partition, content in wanted.items()}
        held: dict[Server, Contents] = {}

        def question(server: Server) -> Contents | None:
            as_many = dict(server.rows(sql.rows_by_partition(*table.key))) == rows
            return contents(server, table.key, table.columns) if as_many else None

        def same() -> bool:
            found, failures = self.cluster.ask(question, [server for server in self._servers(table) if held.get(server) != wanted])
            raise_all(failures.values())
            held.update({server: content for server, content in found.items() if content is not None})
            return all(held.get(server) == wanted for server in self._servers(table))

        if not wait_for(same, max(0.0, self.end - time.monotonic()), PAUSE):
            said = {server: total(held[server].values()) if server in held else "fewer or more rows" for server in self._servers(table)}
            wrong = "; ".join(f"{server.node}: {what}" for server, what in said.items() if held.get(server) != wanted)
            raise KcError(
                f"{table.label} holds {table.content} in the backup, and after {self.params['wait']} s something else on {wrong}",
                hint="`kc_clickhouse_info` tells what a replica waits for; run again: it goes on from here",
            )


def _who(cluster: Cluster, source: Server, table: Table) -> list[Server]:
    """Return who has a table: all, where it is replicated."""
    return cluster.servers if table.replicated else [source]


def _standing(server: Server) -> set[tuple[str, str]]:
    return {(database, table) for database, table in server.rows("SELECT database, name FROM system.tables WHERE database != 'system'")}


# --- the server's own


def _native(cluster: Cluster, store: Store[Manifest], manifest: Manifest, tables: Sequence[Table], params: Params, report: Report) -> None:
    if params["data"] == "replace":
        raise KcError(
            "RESTORE replaces nothing that a table holds",
            hint="drop the tables first (`kc_clickhouse_database`), or restore without `data`",
        )
    server = cluster.here(params["host"], params["port"])
    server.version.need("BACKUP")
    databases = sorted({table.database for table in tables})
    place = sql.s3(store.url("native", manifest.name))
    report.plan([Step(server, sql.restore(databases, params["cluster"], place), wait=params["wait"])])
    report.apply()
    if report.check:
        return
    report.outputs["tables"] = {table.label: _agreed(cluster, server, table, params["wait"]) for table in tables if table.columns}


def _agreed(cluster: Cluster, source: Server, table: Table, wait: float) -> dict[str, str | int]:
    """Wait until all nodes hold the same of a table; a merge between two looks changes what tables hold that sum up rows.

    Raises:
        KcError: They do not, in time.
    """
    servers = _who(cluster, source, table)
    held: list[Content] = []

    def same() -> bool:
        found, failures = cluster.ask(lambda server: total(contents(server, table.key, table.columns).values()), servers)
        raise_all(failures.values())
        held[:] = found.values()
        return len(set(held)) == 1

    if not wait_for(same, wait, PAUSE):
        said = "; ".join(f"{server.node}: {content}" for server, content in zip(servers, held, strict=True))
        raise KcError(
            f"{table.label} is not the same on all nodes after {wait} s: {said}", hint="`kc_clickhouse_info` tells what a replica waits for"
        )
    return {"rows": held[0].rows, "checksum": f"{held[0].checksum:016x}"}
