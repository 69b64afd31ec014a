"""Which tables a task means."""

from __future__ import annotations

from collections.abc import Collection

from ..errors import KcError
from .health import Health, Table

Name = tuple[str, str]
"""A database and its table."""

OWN = ("system", "information_schema", "INFORMATION_SCHEMA", "_temporary_and_external_tables")
"""Databases that each server makes by itself."""


def parse(text: str) -> Name:
    """Return the table that `database.table` names.

    Raises:
        KcError: It names none.
    """
    database, dot, table = text.partition(".")
    if not dot or not database or not table:
        raise KcError(f"`tables`: {text!r} is no table", hint="write `database.table`")
    return database, table


def chosen(health: Health, wanted: Collection[Name]) -> list[Table]:
    """Return the tables of a node that count: those that are named, or all."""
    return [table for table in health.tables.values() if not wanted or (table.database, table.table) in wanted]
