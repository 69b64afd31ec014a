"""A table or materialised view, wanted or standing, and the statements that make and drop it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from .quote import name, value
from .text import same, split
from .types import Type
from .version import Version

DATA = r"^.*MergeTree$|^(Log|TinyLog|StripeLog|Memory|Set|Join|File|Buffer|Kafka)$"
"""Engines that hold data (or, Kafka, a place in a stream); others only look at what holds it."""


@dataclass(frozen=True)
class Column:
    """A column.

    Attributes:
        kind: `DEFAULT`, `MATERIALIZED`, `ALIAS`, or nothing.
        expression: What belongs to the kind.
        comment: None where it is not looked at.
        codec: None where it is not looked at.
    """

    name: str
    type: Type
    kind: str = ""
    expression: str = ""
    comment: str | None = None
    codec: str | None = None

    @property
    def ordinary(self) -> bool:
        """Whether it is inserted and selected like any other."""
        return self.kind in ("", "DEFAULT")

    @property
    def uncast(self) -> str:
        """Its expression without the CAST to its own type that 18.16 puts around it."""
        text = self.expression.strip()
        if text.upper().startswith("CAST(") and text.endswith(")"):
            parts = split(text[5:-1])
            if len(parts) == 2 and same(parts[1], value(str(self.type))):
                return parts[0]
        return text

    def sql(self, *, comment: bool = True) -> str:
        """Return it as CREATE TABLE and ADD COLUMN have it."""
        parts = [name(self.name), str(self.type), self.kind, self.expression]
        if comment and self.comment:
            parts += ["COMMENT", value(self.comment)]
        if self.codec:
            parts.append(f"CODEC({self.codec})")
        return " ".join(filter(None, parts))


@dataclass(frozen=True)
class Table:
    """A table, as it is wanted or as it stands.

    Attributes:
        arguments: The engine's, without path and replica.
        path: Of a Replicated engine, below the cluster's root in the ensemble.
        ttl: None where it is not looked at.
        settings: Of a wanted table those that are looked at; of a standing one all that are written with it.
        target: Of a view, the table that it fills: database and name.
        select: Of a view, its query.
    """

    database: str
    name: str
    engine: str
    columns: tuple[Column, ...] = ()
    arguments: tuple[str, ...] = ()
    path: str = ""
    replica: str = ""
    order_by: tuple[str, ...] = ()
    primary_key: tuple[str, ...] = ()
    partition_by: str = ""
    sample_by: str = ""
    ttl: str | None = None
    settings: Mapping[str, str] = field(default_factory=dict)
    target: tuple[str, str] = ("", "")
    select: str = ""

    @property
    def replicated(self) -> bool:
        """Whether its replicas keep it alike by themselves."""
        return self.engine.startswith("Replicated")

    @property
    def view(self) -> bool:
        """Whether it is a materialised view."""
        return self.engine == "MaterializedView"

    @property
    def sql_name(self) -> str:
        """Database and name, quoted."""
        return name(self.database, self.name)

    def text(self) -> str:
        """Return it as a diff shows it, a property a line."""
        if self.view:
            return f"TO {'.'.join(self.target)}\nAS {self.select}\n"
        lines = [each.sql() for each in self.columns]
        arguments = [*([value(self.path), value(self.replica)] if self.path else []), *self.arguments]
        lines.append(f"ENGINE {self.engine}({', '.join(arguments)})")
        for label, text in (("PARTITION BY", self.partition_by), ("ORDER BY", ", ".join(self.order_by)), ("TTL", self.ttl or "")):
            lines += [f"{label} {text}"] if text else []
        lines += [f"SETTING {key} = {setting}" for key, setting in sorted(self.settings.items())]
        return "\n".join(lines) + "\n"


def create(table: Table) -> tuple[str, str]:
    """Return the statement that makes a table: what stands before the ON CLUSTER clause, and what behind it."""
    if table.view:
        return f"CREATE MATERIALIZED VIEW IF NOT EXISTS {table.sql_name}", f"TO {name(*table.target)} AS {table.select}"
    arguments = [*([value(table.path), value(table.replica)] if table.path else []), *table.arguments]
    parts = [f"({', '.join(each.sql() for each in table.columns)})", f"ENGINE = {table.engine}({', '.join(arguments)})"]
    if table.engine.endswith("MergeTree"):
        parts += [f"PARTITION BY {table.partition_by}"] if table.partition_by else []
        parts += [f"PRIMARY KEY {_tuple(table.primary_key)}"] if table.primary_key and table.primary_key != table.order_by else []
        parts += [f"ORDER BY {_tuple(table.order_by)}"]
        parts += [f"SAMPLE BY {table.sample_by}"] if table.sample_by else []
        parts += [f"TTL {table.ttl}"] if table.ttl else []
        parts += [f"SETTINGS {', '.join(f'{key} = {setting}' for key, setting in table.settings.items())}"] if table.settings else []
    return f"CREATE TABLE IF NOT EXISTS {table.sql_name}", " ".join(parts)


def drop(table: Table, version: Version) -> tuple[str, str]:
    """Return the statement that drops a table, so that its path in the ensemble is free at once."""
    return f"DROP TABLE IF EXISTS {table.sql_name}", "SYNC" if version.has("DROP SYNC") else ""


def _tuple(expressions: Sequence[str]) -> str:
    return expressions[0] if len(expressions) == 1 else f"({', '.join(expressions)})" if expressions else "tuple()"
