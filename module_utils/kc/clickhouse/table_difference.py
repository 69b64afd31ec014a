"""From the table that stands to the one that is wanted: statements, and what would lose data."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace

from .quote import name, shown, value
from .table import Column, Table
from .text import same, split, tokens
from .types import keeps, same_on_disk
from .version import Version

IMMUTABLE = {"index_granularity", "index_granularity_bytes", "enable_mixed_granularity_parts"}
"""Settings that a standing table keeps (src/Storages/MergeTree/MergeTreeSettings.cpp, isReadonlySetting)."""


@dataclass
class Difference:
    """What lies between a standing table and the wanted one.

    Attributes:
        alters: Statements, `ALTER TABLE …` each, in order.
        refused: What would lose data or can't be done, a line each.
        after: The table as it stands afterwards.
        remake: A view's query or target differs: it can only be dropped and made again.
    """

    alters: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    after: Table | None = None
    remake: bool = False


def difference(stands: Table, wants: Table, version: Version, drop: Collection[str] = (), query: Callable[[str], str] = str) -> Difference:
    """Compare a standing table with the wanted one, whose expressions are as the server writes them.

    Args:
        stands: What stands.
        wants: What is wanted.
        version: The server's.
        drop: Columns that may be dropped, with what they hold.
        query: How the server writes a query.
    """
    found = Difference(after=stands)
    if stands.engine != wants.engine:
        found.refused.append(f"`engine`: {stands.engine} stands there, {wants.engine} is wanted")
        return found
    if wants.view:
        other_query = not same(query(stands.select), query(wants.select))
        if stands.target == wants.target and other_query and version.has("MODIFY QUERY"):
            found.alters.append(f"ALTER TABLE {wants.sql_name} MODIFY QUERY {wants.select}")
            found.after = wants
        elif stands.target != wants.target or other_query:
            found.remake, found.after = True, wants
        return found
    _fixed(stands, wants, found)
    commands, columns = _column_commands(stands, wants, version, drop, found)
    if commands:
        found.alters.append(f"ALTER TABLE {wants.sql_name} {', '.join(commands)}")
    ttl = stands.ttl
    if wants.ttl is not None and not same(stands.ttl, wants.ttl):
        found.alters.append(f"ALTER TABLE {wants.sql_name} " + (f"MODIFY TTL {wants.ttl}" if wants.ttl else "REMOVE TTL"))
        ttl = wants.ttl
    changed = {key: setting for key, setting in wants.settings.items() if not _same_setting(stands.settings.get(key), setting)}
    for key, setting in changed.items():
        line = f"`settings.{key}`: is {stands.settings.get(key, 'the default')}, {setting} is wanted"
        if key in IMMUTABLE:
            found.refused.append(f"{line}, and a standing table keeps it")
        elif not version.has("MODIFY SETTING"):
            found.refused.append(f"{line}: ClickHouse {version} has no MODIFY SETTING")
    if changed and not found.refused:
        listed = ", ".join(f"{key} = {setting}" for key, setting in changed.items())
        found.alters.append(f"ALTER TABLE {wants.sql_name} MODIFY SETTING {listed}")
    found.after = replace(stands, columns=columns, ttl=ttl, settings={**stands.settings, **changed})
    return found


def _fixed(stands: Table, wants: Table, found: Difference) -> None:
    """Refuse what a standing table keeps for ever."""
    pairs = [
        ("engine_arguments", ", ".join(stands.arguments), ", ".join(wants.arguments)),
        ("path", stands.path, wants.path),
        ("replica", stands.replica, wants.replica),
    ]
    if wants.engine.endswith("MergeTree"):
        pairs += [
            ("order_by", ", ".join(stands.order_by), ", ".join(wants.order_by)),
            ("primary_key", ", ".join(stands.primary_key), ", ".join(wants.primary_key or stands.order_by)),
            ("partition_by", stands.partition_by, wants.partition_by),
            ("sample_by", stands.sample_by, wants.sample_by),
        ]
    for option, before, after in pairs:
        if not same(_unwrapped(before), _unwrapped(after)):
            found.refused.append(f"`{option}`: {before or 'nothing'} stands there, {after or 'nothing'} is wanted")


def _unwrapped(text: str) -> str:
    """Return a list of expressions without the tuple around it; `tuple()` is an empty one."""
    bare = text.strip().removeprefix("tuple")
    if bare.startswith("(") and bare.endswith(")") and split(bare) == [bare]:
        inner, depth = bare[1:-1], 0
        for _, piece in tokens(inner):
            depth += (piece == "(") - (piece == ")")
            if depth < 0:
                return text
        return inner
    return text


def _column_commands(
    stands: Table, wants: Table, version: Version, drop: Collection[str], found: Difference
) -> tuple[list[str], tuple[Column, ...]]:
    keys = {
        piece.strip("`")
        for text in (*stands.order_by, *stands.primary_key, stands.partition_by, stands.sample_by)
        for kind, piece in tokens(text)
        if kind in ("word", "name")
    }
    there = {each.name: each for each in stands.columns}
    commands: list[str] = []
    after = list(stands.columns)
    named = {each.name for each in wants.columns}
    for column in stands.columns:
        if column.name in named:
            continue
        if column.name not in drop:
            found.refused.append(
                f"`columns`: {shown(column.name)} stands there and is not wanted; name it in `drop` to drop it with what it holds"
            )
        elif column.name in keys:
            found.refused.append(f"`drop`: {shown(column.name)} belongs to a key, and can't be dropped")
        else:
            commands.append(f"DROP COLUMN {name(column.name)}")
            after.remove(column)
    before: Column | None = None
    for column in wants.columns:
        if column.name not in there:
            commands.append(f"ADD COLUMN {column.sql()}{_position(column, before, version)}")
            names = [each.name for each in after]
            at = names.index(before.name) + 1 if before else 0 if version.has("ADD COLUMN FIRST") else len(after)
            after.insert(at if column.ordinary else len(after), column)
        else:
            old = there[column.name]
            made = _changed(old, column, version, keys, found)
            commands += made
            if made:
                after[after.index(old)] = replace(column, comment=column.comment if column.comment is not None else old.comment)
        before = column if column.ordinary else before
    return commands, tuple(after)


def _position(column: Column, before: Column | None, version: Version) -> str:
    if not column.ordinary:
        return ""  # 18.16 keeps these apart, behind the others
    if before:
        return f" AFTER {name(before.name)}"
    return " FIRST" if version.has("ADD COLUMN FIRST") else ""


def _changed(old: Column, new: Column, version: Version, keys: Collection[str], found: Difference) -> list[str]:
    """Return the commands that make a standing column the wanted one."""
    label, commands = f"columns.{new.name}", []
    typed, said = old.type != new.type, old.kind != new.kind or not same(old.uncast, new.uncast)
    if typed and not keeps(old.type, new.type):
        found.refused.append(f"`{label}.type`: {old.type} stands there, {new.type} is wanted, and does not hold all of its values")
        return []
    if typed and new.name in keys and not same_on_disk(old.type, new.type):
        found.refused.append(f"`{label}.type`: {old.type} stands there, {new.type} is wanted, and the column belongs to a key")
        return []
    if new.kind == "ALIAS" and old.kind != "ALIAS":
        found.refused.append(f"`{label}.alias`: the column that stands there holds values, an alias holds none")
        return []
    coded = new.codec is not None and not same(old.codec, new.codec)
    if typed or said or coded:
        removes = said and old.kind and not new.kind
        if removes and version.has("REMOVE of a column's or table's property"):
            commands.append(f"MODIFY COLUMN {name(new.name)} REMOVE {old.kind}")
        if typed or coded or not commands:
            commands.append(f"MODIFY COLUMN {new.sql(comment=False)}")
    if new.comment is not None and (old.comment or "") != new.comment:
        commands.append(f"COMMENT COLUMN {name(new.name)} {value(new.comment)}")
    return commands


def _same_setting(stands: str | None, wants: str) -> bool:
    return stands is not None and stands.strip("'") == wants.strip("'")
