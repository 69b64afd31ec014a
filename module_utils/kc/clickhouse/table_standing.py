"""The table that stands on a node, from what the server tells of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..errors import KcError
from .connection import Server
from .quote import value
from .table import Column, Table
from .text import engine_of, split, tokens
from .types import Type, parse, unquoted


def standing(server: Server, database: str, table: str) -> Table | None:
    """Return a table as it stands on a node; None where it does not."""
    where = f"WHERE database = {value(database)} AND"
    keys = ["engine", "engine_full", "partition_key", "sorting_key", "primary_key", "sampling_key", "create_table_query"]
    rows = server.dicts(keys, f"FROM system.tables {where} name = {value(table)}")
    if not rows:
        return None
    codec = "compression_codec" if server.version.has("codecs") else "''"
    fields = ["name", "type", "default_kind", "default_expression", "comment", codec]
    columns = server.rows(f"SELECT {', '.join(fields)} FROM system.columns {where} table = {value(table)}")
    return table_of(database, table, rows[0], columns)


def table_of(database: str, table: str, row: Mapping[str, str], columns: Sequence[Sequence[str]]) -> Table:
    """Return a table from its rows in `system.tables` and `system.columns`."""
    if row["engine"] == "MaterializedView":
        target, select = view_of(row["create_table_query"])
        return Table(database, table, row["engine"], target=target, select=select)
    engine, arguments, clauses = engine_of(row["engine_full"])
    engine = row["engine"] or engine
    path = replica = ""
    if engine.startswith("Replicated") and len(arguments) >= 2:
        path, replica, *arguments = (_said(arguments[0]), _said(arguments[1]), *arguments[2:])
    settings = dict(part.split("=", 1) for part in split(clauses.get("SETTINGS", "")) if "=" in part)
    return Table(
        database,
        table,
        engine,
        tuple(
            Column(
                label, _known(type_), kind, text if kind else "", comment, codec.removeprefix("CODEC(").removesuffix(")") if codec else None
            )
            for label, type_, kind, text, comment, codec in columns
        ),
        tuple(arguments),
        path,
        replica,
        tuple(split(row["sorting_key"])),
        tuple(split(row["primary_key"])),
        row["partition_key"],
        row["sampling_key"],
        clauses.get("TTL", ""),
        {key.strip(): setting.strip() for key, setting in settings.items()},
    )


def view_of(create: str) -> tuple[tuple[str, str], str]:
    """Return the target and the query of a materialised view from the statement that would create it."""
    target: list[str] = []
    depth, seen, at = 0, "", 0
    for kind, piece in tokens(create):
        at += len(piece)
        word = piece.upper() if kind == "word" else ""
        if depth == 0 and word == "AS":
            return ((target[0], target[-1]) if target else ("", "")), create[at:].strip()
        depth += (piece == "(") - (piece == ")")
        if kind == "space" or depth:
            seen = "" if seen == "to" and depth else seen
            continue
        if word == "TO":
            seen = "to"
        elif seen == "to" and kind in ("word", "name"):
            target.append(_said(piece) if kind == "name" else piece)
        elif seen == "to" and piece != ".":
            seen = ""
    return ("", ""), ""


def _said(piece: str) -> str:
    return unquoted(piece) if piece[:1] in "'`\"" else piece


def _known(text: str) -> Type:
    """Return a standing column's type; one that our grammar has not stays a word of its own."""
    try:
        return parse(text)
    except KcError:
        return Type(text)
