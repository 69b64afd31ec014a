"""The statements of backups and restorations. Pure; none of them holds a key."""

from __future__ import annotations

import re
from collections.abc import Sequence

from .cluster import clause
from .definition import Definition
from .quote import name, value
from .version import Version

FROZEN, RESTORED = "_kc_frozen", "_kc_restored"
"""Behind a table's name: a table that is there for as long as what was frozen is summed up, or what was fetched is taken over."""

SHADOW = "kc_backup"
"""What frozen parts are called, below the server's directory `shadow`."""

MERGE_TREE = re.compile(r"(Replicated)?\w*MergeTree$")
"""Engines whose tables consist of parts."""

VIEW = "MaterializedView"
INNER = ".inner."
"""What the name of a table begins with that a view keeps for itself: the view makes it."""


def freeze(database: str, table: str) -> str:
    """Return what keeps a table's parts as they are at one moment, as hard links."""
    return f"ALTER TABLE {name(database, table)} FREEZE WITH NAME {value(SHADOW)}"


def columns(database: str, table: str) -> str:
    """Return what asks for the columns that hold something, in order."""
    return f"SELECT name FROM system.columns WHERE database = {value(database)} AND table = {value(table)} AND default_kind != 'ALIAS'"


def contents(database: str, table: str, columns: Sequence[str], by: str = "_part") -> str:
    """Return what asks for rows and the sum of their hashes, by part or (with `PARTITION`) by partition.

    A row is hashed as the text of all of its columns, since 18.16 hashes neither Nullable nor states of aggregates. A sum does not depend
    on the order, and overflows alike everywhere.
    """
    row = f"sipHash64(toString(tuple({', '.join(name(column) for column in columns)})))"
    return f"SELECT {by}, count(), sum({row}) FROM {name(database, table)} GROUP BY {by}"


PARTITION = "splitByChar('_', _part)[1]"
"""The id of a part's partition, by the part's name (src/Storages/MergeTree/MergeTreePartInfo.cpp)."""


def rows_by_partition(database: str, table: str) -> str:
    """Return what asks how many rows a table has by partition, without reading them."""
    where = f"active AND database = {value(database)} AND table = {value(table)}"
    return f"SELECT partition_id, sum(rows) FROM system.parts WHERE {where} GROUP BY partition_id HAVING sum(rows) > 0"


def beside(database: str, table: str, create: str, end: str) -> str:
    """Return what makes an empty table like another, without replicas; `end` stands behind its name."""
    if re.search(r"\bENGINE\s*=\s*Replicated", create):
        return Definition.parse(create).beside(database, table + end)
    return f"CREATE TABLE {name(database, table + end)} AS {name(database, table)}"


def attach(database: str, table: str, partition: str) -> str:
    """Return what takes a partition from a table's directory `detached`."""
    return f"ALTER TABLE {name(database, table)} ATTACH PARTITION ID {value(partition)}"


def detach(database: str, table: str, partition: str) -> str:
    """Return what puts a partition there; whatever its size, unlike DROP."""
    return f"ALTER TABLE {name(database, table)} DETACH PARTITION ID {value(partition)}"


def replace(database: str, table: str, partition: str) -> str:
    """Return what puts a fetched partition in the place of a table's own, at once and on all replicas; twice is the same as once."""
    return f"ALTER TABLE {name(database, table)} REPLACE PARTITION ID {value(partition)} FROM {name(database, table + RESTORED)}"


def remove(database: str, table: str, partition: str) -> str:
    """Return what drops a partition."""
    return f"ALTER TABLE {name(database, table)} DROP PARTITION ID {value(partition)}"


def drop(database: str, table: str, version: Version) -> str:
    """Return what drops a table, its files at once."""
    return f"DROP TABLE IF EXISTS {name(database, table)}{' SYNC' if version.has('DROP SYNC') else ''}"


# --- the server's own


def s3(url: str) -> str:
    """Return S3 as BACKUP and RESTORE name it. Without keys, the server's own configuration or the instance's role lets it in."""
    return f"S3({value(url)})"


def backup(databases: Sequence[str], cluster: str | None, to: str, base: str = "") -> str:
    """Return what backs up databases, on top of what `base` holds already."""
    what = ", ".join(f"DATABASE {name(each)}" for each in databases)
    return clause(f"BACKUP {what}", cluster, f"TO {to}{f' SETTINGS base_backup = {base}' if base else ''}")


def restore(databases: Sequence[str], cluster: str | None, place: str) -> str:
    """Return what restores them. A table that holds rows is refused by the server."""
    what = ", ".join(f"DATABASE {name(each)}" for each in databases)
    return clause(f"RESTORE {what}", cluster, f"FROM {place}")
