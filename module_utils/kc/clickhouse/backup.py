"""The module `kc_clickhouse_backup`: a cluster's databases to S3 and back.

A server that has BACKUP makes and restores backups itself. For older ones it is done by what they have: the node's tables are frozen,
one after the other (hard links; inserts and merges go on), and parts that S3 has not yet are put there as archives. A part's archive is
named by what is in it, so that it is there once, whichever replica it comes from. The manifest comes last: what has none is no backup.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from ..backup.manifest import after
from ..backup.store import WORKERS, Sent, Store
from ..backup.work import alone
from ..errors import KcError
from . import backup_sql as sql
from .backup_manifest import NATIVE, PARTS, SHELF, Manifest, Part, Table
from .backup_node import Place, clear, places, summed
from .backup_parts import archived, identity
from .backup_restore import restore
from .cluster import Cluster
from .connection import Server
from .entry import Params, Report, Step
from .errors import NodeError
from .health import look
from .quote import name, value
from .selection import OWN
from .table import DATA as HOLDS


def work(cluster: Cluster, params: Params, report: Report) -> None:
    """Make a backup, restore one, or list them."""
    store = Store.of(params, SHELF)
    STATES[params["state"]](cluster, store, params, report)


def listed(cluster: Cluster, store: Store[Manifest], params: Params, report: Report) -> None:
    """Tell what backups there are."""
    report.outputs["backups"] = [manifest.facts for manifest in store.read(store.names())]


def made(cluster: Cluster, store: Store[Manifest], params: Params, report: Report) -> None:
    """Make a backup.

    Raises:
        KcError: A table can't be trusted to be whole here, S3 says no, or somebody else does the same.
    """
    if params["keep"] < 1:
        raise KcError(f"`keep` is {params['keep']}", hint="one backup at least has to stay")
    server = cluster.here(params["host"], params["port"])
    names = store.names()  # that the bucket is there, and lets us in, is known before anything is done
    began = after(names[-1] if names else "")
    tables = _tables(server, params["databases"])
    native = server.version.has("BACKUP")
    if not any(table.columns or native for table in tables):
        report.outputs.update(backup=None, gone=[], deleted_objects=0)
        report.warnings.append(f"{server.node} has no table to back up: no backup was made")
        return
    _trusted(server, tables, report)
    manifest = (_native if native else _parts)(server, store, began, tables, names, params, report)
    if manifest is None:
        report.outputs["backup"] = None
        return
    store.write([manifest])
    gone, objects = _retain(store, params["keep"])
    report.outputs.update(backup=manifest.facts, gone=gone, deleted_objects=objects)


def _retain(store: Store[Manifest], keep: int) -> tuple[list[str], int]:
    """Delete all but the newest backups, then what no backup needs any more.

    Args:
        store: Where they are.
        keep: Backups that stay; those that one of them builds on stay too.

    Returns:
        The names of the deleted backups, and how many objects went with them.
    """
    names = store.names()
    stay = store.read(names[-keep:])
    needed = {manifest.name for manifest in stay} | {manifest.base for manifest in stay}
    gone = [name for name in names if name not in needed]
    store.drop(gone)
    # a base is older than those that build on it, and stays as long as one of them
    stay += store.read(sorted(needed & set(names[:-keep])))
    native = {key: key.removeprefix(store.key("native", "")).partition("/")[0] for key in store.keys("native")}
    loose = [key for key, name in native.items() if name in gone]
    store.delete(loose)
    return gone, store.sweep(set().union(*(manifest.objects for manifest in stay))) + len(loose)


def _tables(server: Server, databases: Sequence[str]) -> list[Table]:
    """Return the tables and views of the databases, those that others are made from first.

    Raises:
        KcError: A database is not there, or one is read only here.
    """
    known = {str(row[0]) for row in server.rows("SELECT name FROM system.databases")} - set(OWN)
    for each in databases:
        if each not in known:
            raise KcError(f"`databases`: {server.node} has no database {each!r}", hint=f"it has {', '.join(sorted(known))}")
    wanted = sorted(set(databases) or known)
    found = []
    where = f"database IN ({', '.join(value(each) for each in wanted)})"
    for database, table, engine in server.rows(f"SELECT database, name, engine FROM system.tables WHERE {where}"):
        if table.endswith((sql.FROZEN, sql.RESTORED)):
            continue
        columns = [str(row[0]) for row in server.rows(sql.columns(database, table))] if sql.MERGE_TREE.match(engine) else []
        create = str(server.one(f"SHOW CREATE TABLE {name(database, table)}"))
        found.append(Table(database, table, engine, create, tuple(columns)))
    return sorted(found, key=lambda table: (table.engine == sql.VIEW, table.key))


def _trusted(server: Server, tables: Sequence[Table], report: Report) -> None:
    """See that the node's replicas are such as to be backed up.

    Raises:
        KcError: One is not; of one that is behind is warned.
    """
    health = look(server)
    for table in tables:
        replica = health.tables.get(table.label)
        if replica is not None and (replica.readonly or replica.session_expired):
            raise NodeError(
                str(server.node), f"{table.label}: {', '.join(replica.reasons)}", hint="back up on another node, or bring it back first"
            )
        if replica is not None and replica.late:
            late = ", ".join(replica.late)
            report.warnings.append(f"{table.label} was behind on {server.node}: {late}; what it lacked is not in the backup")


# --- frozen parts


def _parts(
    server: Server, store: Store[Manifest], began: str, tables: Sequence[Table], names: Sequence[str], params: Params, report: Report
) -> Manifest | None:
    report.warnings += [
        f"{table.label} is in the backup without its rows: its engine is {table.engine}"
        for table in tables
        if not table.columns and re.match(HOLDS, table.engine)
    ]
    report.plan(Step(server, sql.freeze(*table.key), wait=params["wait"]) for table in tables if table.columns)
    if report.check:
        return None
    where = places(server)
    root = next(iter(where.values())).root
    known = {
        part.identity: part for table in [each for manifest in store.read(names[-1:]) for each in manifest.tables] for part in table.parts
    }
    with alone(root):
        clear(server)
        try:
            report.apply()
            sent = Sent(store)
            whole = []
            for table in tables:
                parts = _kept(server, table, where[table.key], known, sent) if table.columns else ()
                whole.append(Table(**{**vars(table), "parts": tuple(parts)}))
        finally:
            shutil.rmtree(root / "shadow" / sql.SHADOW, ignore_errors=True)
    report.outputs.update(uploaded=len(sent.sizes), uploaded_bytes=sum(sent.sizes.values()))
    return Manifest(began, PARTS, str(server.node), str(server.version), after(""), tuple(whole))


def _kept(server: Server, table: Table, place: Place, known: Mapping[str, Part], sent: Sent) -> list[Part]:
    """Return a table's frozen parts, and have S3 keep those that it has not.

    Raises:
        KcError: The table was made in the way of 2016, in which a part's name does not tell its partition.
    """
    if (place.files / "format_version.txt").read_text().strip() != "1":
        raise NodeError(
            str(server.node), f"{table.label} was made by the engine's old arguments", hint="copy it to a table that has PARTITION BY"
        )
    frozen = sorted(path for path in place.frozen.iterdir() if (path / "checksums.txt").is_file()) if place.frozen.is_dir() else []
    told = {path: identity(path) for path in frozen}
    new = {tag: path for path, tag in told.items() if tag not in known}
    contents = summed(server, table.key, table.create, table.columns, new)

    def part(path: Path) -> Part:
        tag = told[path]
        if tag in known and known[tag].object in sent.there:
            return Part(**{**vars(known[tag]), "name": path.name})
        object_, size = sent.keep(lambda: archived(path))
        content = known[tag].content if tag in known else contents[tag]
        return Part(path.name, tag, object_, size, content.rows, content.checksum)

    with ThreadPoolExecutor(WORKERS) as pool:
        return list(pool.map(part, frozen))


# --- the server's own


def _native(
    server: Server, store: Store[Manifest], began: str, tables: Sequence[Table], names: Sequence[str], params: Params, report: Report
) -> Manifest | None:
    """Have the server do it: the first is whole, those after it add to it, until `increments` of them have."""
    base = _base(store.read(names), params["increments"])
    databases = sorted({table.database for table in tables})
    place = (sql.s3(store.url("native", each)) for each in (began, base) if each)
    report.plan([Step(server, sql.backup(databases, params["cluster"], *place), wait=params["wait"])])
    if report.check:
        return None
    report.apply()
    return Manifest(began, NATIVE, str(server.node), str(server.version), after(""), tuple(tables), base)


def _base(backups: Sequence[Manifest], increments: int) -> str:
    """Return the backup that the next one builds on; empty where it is to stand by itself."""
    native = [each for each in backups if each.kind == NATIVE]
    whole = [each.name for each in native if not each.base]
    if not whole or sum(each.base == whole[-1] for each in native) >= increments:
        return ""
    return whole[-1]


States = Mapping[str, Callable[[Cluster, Store[Manifest], Params, Report], Any]]

STATES: States = {"made": made, "restored": restore, "listed": listed}
