"""What a backup holds, as data: the manifest, which is written last and makes a backup whole."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

from ..backup import manifest
from ..backup.manifest import DIGEST, MOMENT
from ..backup.store import Shelf

PARTS, NATIVE = "parts", "native"
"""Kinds of backups: frozen parts that this toolkit keeps, and what the server's own BACKUP made."""

_WORD = 1 << 64


class Content(NamedTuple):
    """What is in a part, a partition or a table, whatever its order: rows, and the sum of their hashes modulo 2^64."""

    rows: int = 0
    checksum: int = 0

    def plus(self, other: Content) -> Content:
        """Return what both are together."""
        return Content(self.rows + other.rows, (self.checksum + other.checksum) % _WORD)

    def __str__(self) -> str:
        return f"{self.rows} rows, checksum {self.checksum:016x}"


_NAME = re.compile(r"[0-9A-Za-z-]+(_[0-9]+){3,4}")
"""What a part may be called: it becomes the name of a directory."""


@dataclass(frozen=True)
class Part:
    """A part of a table.

    Attributes:
        name: Its name on the server that it comes from.
        identity: Digest of the server's own checksums of its files: the same on every replica that has it.
        object: SHA-256 of its files as one archive, under which they are kept.
        size: Bytes of that archive.
        rows: Rows in it.
        checksum: The sum of the rows' hashes.
    """

    name: str
    identity: str
    object: str
    size: int
    rows: int
    checksum: int

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name) or not DIGEST.fullmatch(self.object):
            raise ValueError(self.name)

    @property
    def partition(self) -> str:
        """The id of the partition that it belongs to."""
        return self.name.split("_", 1)[0]

    @property
    def content(self) -> Content:
        return Content(self.rows, self.checksum)


@dataclass(frozen=True)
class Table:
    """A table or a view.

    Attributes:
        database: Its database.
        name: Its name there.
        engine: Its engine.
        create: The statement that made it, as the server tells it.
        columns: Names of the columns that hold something, in order.
        parts: What it held; nothing for a view, and where the server keeps the backup itself.
    """

    database: str
    name: str
    engine: str
    create: str
    columns: tuple[str, ...] = ()
    parts: tuple[Part, ...] = ()

    @property
    def key(self) -> tuple[str, str]:
        return self.database, self.name

    @property
    def replicated(self) -> bool:
        return self.engine.startswith("Replicated")

    @property
    def label(self) -> str:
        return f"{self.database}.{self.name}"

    @property
    def content(self) -> Content:
        return total(part.content for part in self.parts)

    @property
    def partitions(self) -> dict[str, Content]:
        """What each partition held."""
        found: dict[str, Content] = {}
        for part in self.parts:
            found[part.partition] = found.get(part.partition, Content()).plus(part.content)
        return found


@dataclass(frozen=True)
class Manifest:
    """A whole backup.

    Attributes:
        name: See `manifest.NAME`.
        kind: `PARTS` or `NATIVE`.
        node: Whose data it is.
        version: That server's version.
        ended: The moment it was whole.
        tables: What it holds.
        base: The whole backup that a native one builds on; empty where it stands by itself.
    """

    name: str
    kind: str
    node: str
    version: str
    ended: str
    tables: tuple[Table, ...]
    base: str = ""

    @property
    def objects(self) -> set[str]:
        """The archives of parts that it needs."""
        return {part.object for table in self.tables for part in table.parts}

    @property
    def facts(self) -> dict[str, Any]:
        """What an operator wants to know of it."""
        tables = {
            table.label: {"rows": table.content.rows, "checksum": f"{table.content.checksum:016x}", "parts": len(table.parts)}
            for table in self.tables
            if self.kind == PARTS and table.columns
        }
        size = sum({part.object: part.size for table in self.tables for part in table.parts}.values())
        facts = {"name": self.name, "kind": self.kind, "node": self.node, "ended": self.ended, "base": self.base}
        return {**facts, "tables": tables or [table.label for table in self.tables], "bytes": size or None}

    def text(self) -> str:
        """Return it as JSON."""
        return manifest.text(asdict(self))

    @classmethod
    def parse(cls, text: bytes | str, where: str) -> Manifest:
        """Return the manifest that `text` is.

        Raises:
            KcError: It is none that this version of the toolkit reads; it names `where`.
        """
        return manifest.parse(text, where, cls._of)

    @classmethod
    def _of(cls, given: Mapping[str, Any]) -> Manifest:
        tables = tuple(
            Table(**{**table, "columns": tuple(table["columns"]), "parts": tuple(Part(**part) for part in table["parts"])})
            for table in given["tables"]
        )
        return cls(**{**given, "tables": tables})


def total(contents: Iterable[Content]) -> Content:
    """Return what several are together."""
    found = Content()
    for content in contents:
        found = found.plus(content)
    return found


SHELF = Shelf("backups", MOMENT, Manifest.parse)
"""Where manifests are kept. What a server's own BACKUP wrote is beside them: <prefix>/native/<name>/…"""
