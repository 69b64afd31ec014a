"""The server's own way of writing: what the inventory says of a table, as a node would tell it."""

from __future__ import annotations

import difflib
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace

from ..errors import KcError
from .connection import Server
from .errors import NodeError
from .quote import name, shown, value
from .table import Column, Table


class Scratch:
    """A session in which a server rewrites what the inventory says in its own way, and so says whether it can be taken.

    A temporary table is made with the columns, and with each expression as an alias; it is the session's own, and goes with it.
    """

    def __init__(self, server: Server) -> None:
        self.server = server

    def canonical(self, table: Table) -> Table:
        """Return a wanted table with its expressions as the server writes them.

        Raises:
            KcError: The server does not take one of them; its option is named.
        """
        labels = {f"`columns.{each.name}.{each.kind.lower()}`": each for each in table.columns if each.kind}
        labels |= {f"`columns.{each.name}.codec`": replace(each, kind="", expression="") for each in table.columns if each.codec}
        extras: dict[str, str] = {f"`order_by[{at}]`": each for at, each in enumerate(table.order_by)}
        extras |= {f"`primary_key[{at}]`": each for at, each in enumerate(table.primary_key)}
        extras |= {
            label: text
            for label, text in (("`partition_by`", table.partition_by), ("`sample_by`", table.sample_by), ("`ttl`", table.ttl or ""))
            if text
        }
        try:
            written = self._described(table.columns, list(extras.values()))
        except NodeError as error:
            if not error.server_code:
                raise
            self._blame(table.columns, labels, extras)
            raise KcError(f"`columns`: {error.message}", hint=error.hint) from None
        columns = tuple(
            replace(
                each,
                expression=replace(each, expression=written[each.name][0]).uncast if each.kind else "",
                codec=written[each.name][1] or None if each.codec else each.codec,
            )
            for each in table.columns
        )
        text = dict(zip(extras, (written[f"kc_{at}"][0] for at in range(len(extras))), strict=True))

        def several(option: str, given: tuple[str, ...]) -> tuple[str, ...]:
            return tuple(text[f"`{option}[{at}]`"] for at in range(len(given)))

        return replace(
            table,
            columns=columns,
            order_by=several("order_by", table.order_by),
            primary_key=several("primary_key", table.primary_key),
            partition_by=text.get("`partition_by`", ""),
            sample_by=text.get("`sample_by`", ""),
            ttl=text.get("`ttl`", table.ttl),
        )

    def query(self, select: str) -> str:
        """Return a query as the server writes it."""
        if self.server.version.has("formatQuery"):
            return str(self.server.one(f"SELECT formatQuerySingleLine({value(select)})"))
        with self.server.patient(0) as session:
            table = name(f"kc_{uuid.uuid4().hex}")
            session.run(f"CREATE TEMPORARY TABLE {table} (x UInt8, q ALIAS x IN ({select}))")
            written = str(session.rows(f"DESCRIBE TABLE {table}")[1][3])
        return written.partition("IN (")[2].removesuffix(")").strip()

    def _described(self, columns: Sequence[Column], expressions: Sequence[str]) -> dict[str, tuple[str, str]]:
        """Return the expression and the codec of each column, and the expression of `kc_<number>` for each further one."""
        table = name(f"kc_{uuid.uuid4().hex}")
        parts = [each.sql(comment=False) for each in columns] + [f"kc_{at} ALIAS {each}" for at, each in enumerate(expressions)]
        with self.server.patient(0) as session:
            session.run(f"CREATE TEMPORARY TABLE {table} ({', '.join(parts)})")
            return {str(row[0]): (str(row[3]), str(row[5]) if len(row) > 5 else "") for row in session.rows(f"DESCRIBE TABLE {table}")}

    def _blame(self, columns: Sequence[Column], labels: Mapping[str, Column], extras: Mapping[str, str]) -> None:
        """Raise the error of the one expression that the server does not take, if it is one alone."""
        plain = tuple(replace(each, kind="", expression="", codec=None) for each in columns)

        def attempt(label: str, some: Sequence[Column], expressions: Sequence[str]) -> None:
            try:
                self._described(some, expressions)
            except NodeError as error:
                raise KcError(f"{label}: {error.message}", hint=error.hint if error.server_code != 62 else "") from None

        for label, column in labels.items():
            attempt(label, [column if each.name == column.name else each for each in plain], [])
        for label, text in extras.items():
            attempt(label, plain, [text])


def check_engine(server: Server, engine: str) -> None:
    """Refuse an engine that a server does not have.

    Raises:
        KcError: It has none of this name.
    """
    known = [str(row[0]) for row in server.rows("SELECT name FROM system.table_engines")]
    if engine not in known:
        close = difflib.get_close_matches(engine, known, 1)
        raise KcError(
            f"`engine`: ClickHouse {server.version} has no engine {shown(engine)}",
            hint=f"did you mean {close[0]}?" if close else "look at system.table_engines",
        )
