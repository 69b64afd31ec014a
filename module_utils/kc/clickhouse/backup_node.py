"""The node that a backup is taken from, or restored on: its server and its files, which have to be on this machine."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import backup_sql as sql
from .backup_manifest import Content
from .backup_parts import identity, link
from .connection import Server
from .errors import NodeError
from .quote import name, value


@dataclass(frozen=True)
class Place:
    """Where a table's files are.

    Attributes:
        root: The server's data directory.
        files: The table's own.
    """

    root: Path
    files: Path

    @property
    def frozen(self) -> Path:
        """Where its frozen parts are."""
        return self.root / "shadow" / sql.SHADOW / self.files.relative_to(self.root)


def places(server: Server) -> dict[tuple[str, str], Place]:
    """Return where the files of each table are.

    Raises:
        NodeError: They are not on this machine.
    """
    several = server.one("SELECT count() FROM system.columns WHERE database = 'system' AND table = 'tables' AND name = 'data_paths'")
    paths = "data_paths[1]" if several else "data_path"
    rows = server.rows(f"SELECT database, name, {paths} FROM system.tables WHERE engine LIKE '%MergeTree' AND database != 'system'")
    found = {}
    for database, table, path in rows:
        files = Path(path)
        if not files.is_dir():
            raise NodeError(str(server.node), f"its files are not on this machine: {files}", hint="run this on the node that `host` names")
        found[database, table] = Place(files.parents[2], files)  # data/<database>/<table>, or store/<begin>/<uuid>
    return found


def clear(server: Server) -> None:
    """Take away what a run that was broken off has left: frozen parts, and tables of ours. What is too large to drop is no matter here."""
    standing = places(server)
    ours = [key for key in standing if key[1].endswith((sql.FROZEN, sql.RESTORED))]
    for key in ours:
        empty(server, key, standing[key])
    for root in {place.root for place in standing.values()}:
        shutil.rmtree(root / "shadow" / sql.SHADOW, ignore_errors=True)


def empty(server: Server, key: tuple[str, str], place: Place) -> None:
    """Drop a table of ours; its parts first, since a server refuses to drop large tables."""
    where = f"active AND database = {value(key[0])} AND table = {value(key[1])}"
    for (partition,) in server.rows(f"SELECT DISTINCT partition_id FROM system.parts WHERE {where}"):
        server.run(sql.detach(*key, partition))
    shutil.rmtree(place.files / "detached", ignore_errors=True)
    server.run(sql.drop(*key, server.version))


@contextmanager
def filled(server: Server, table: tuple[str, str], create: str, end: str, parts: Mapping[str, Path]) -> Iterator[tuple[str, str]]:
    """Have a table like another for a while, without replicas, that consists of given parts; nothing is copied.

    Args:
        server: This machine's.
        table: The other one.
        create: Its definition.
        end: What stands behind its name.
        parts: Directories of parts, by name.
    """
    ours = (table[0], table[1] + end)
    server.run(sql.beside(*table, create, end))
    place = places(server)[ours]
    try:
        server.run(f"SYSTEM STOP MERGES {name(*ours)}")
        for part, path in parts.items():
            link(path, place.files / "detached" / part, place.files)
        for partition in sorted({part.split("_", 1)[0] for part in parts}):
            server.run(sql.attach(*ours, partition))
        yield ours
    finally:
        empty(server, ours, place)


def summed(server: Server, table: tuple[str, str], create: str, columns: Sequence[str], parts: Mapping[str, Path]) -> dict[str, Content]:
    """Return what frozen parts hold, by identity, as `parts` is; the server counts."""
    if not parts:
        return {}
    with filled(server, table, create, sql.FROZEN, {path.name: path for path in parts.values()}) as ours:
        place = places(server)[ours]
        # the server gives parts that it takes new names
        return {identity(place.files / part): Content(rows, checksum) for part, rows, checksum in server.rows(sql.contents(*ours, columns))}


def contents(server: Server, table: tuple[str, str], columns: Sequence[str]) -> dict[str, Content]:
    """Return what a table holds now, by partition; all of it is read."""
    rows: list[tuple[Any, ...]] = server.rows(sql.contents(*table, columns, by=sql.PARTITION))
    return {partition: Content(count, checksum) for partition, count, checksum in rows}
