"""What kc_mysql_lost does: transactions are read from a server's binary log, and written into a file for people."""

from __future__ import annotations

import base64
import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..errors import KcError
from . import gtid
from .connection import Server
from .entry import Act, Params, Report
from .quote import value

TRANSACTION = "transaction"
"""The kind of a line that begins one."""

NUMBER = 4_294_967_000
"""The number under which the log is read as a replica does: above what anybody gives a server."""


def work(server: Server, params: Params, report: Report) -> None:
    """Write the transactions into the file; one that has these already stays.

    Raises:
        KcError: The server has not all of them, or its log no longer has.
    """
    wanted, path = gtid.normal(params["transactions"]), Path(params["file"])
    lacking = gtid.without(wanted, gtid.executed(server))
    if lacking:
        raise KcError(f"{server.node} has not executed {lacking}", hint="`transactions` names those that this server has")
    gone = gtid.without(wanted, gtid.without(wanted, gtid.normal(str(server.one("SELECT @@global.gtid_purged")))))
    if gone:
        raise KcError(f"{server.node}'s binary log no longer has {gone}", hint="restore a backup of it beside it, and read these there")
    about: dict[str, Any] = {"transactions": wanted, "count": gtid.count(wanted), "others": None}
    if not _is_told(server):
        report.warnings.append(
            f"{server.node}'s binary log does not tell columns' names and types (binlog_row_metadata): names are those of today, and texts "
            "and binary values are without what is not UTF-8"
        )
    if not (path.is_file() and _written(path) == wanted):
        report.differs(str(path), "not there\n", f"{about['count']} transactions\n")
        report.plan([Act(server.node, f"read its binary log, and write {path}", lambda: _write(server, wanted, path))])
    report.apply()
    if path.is_file():
        about["digest"] = hashlib.sha256(path.read_bytes()).hexdigest()
        about["others"] = _others(path, params["database"])
    report.outputs = {"file": str(path), "about": about}


def _written(path: Path) -> str:
    """Return the transactions that a file has; empty where it is another file."""
    try:
        return gtid.normal(",".join({json.loads(line)["gtid"] for line in path.read_text().splitlines()}))
    except (ValueError, KeyError, TypeError, KcError):
        return ""


def _others(path: Path, own: str) -> str:
    """Return the transactions of a file that changed anything else than one database: the toolkit's own, in which it beats."""
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    return gtid.normal(",".join({line["gtid"] for line in lines if line["kind"] != TRANSACTION and line.get("database") != own}))


def _is_told(server: Server) -> bool:
    """Whether the binary log has the columns' names and types."""
    return str(server.one("SELECT @@global.binlog_row_metadata")) == "FULL"


def _write(server: Server, wanted: str, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    found: set[str] = set()
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:  # they are users' data
        for one in changes(server, wanted):
            found.add(one["gtid"])
            file.write(json.dumps(one, default=_plain, ensure_ascii=False) + "\n")
    left = gtid.without(wanted, ",".join(found))
    if left:
        part.unlink()
        raise KcError(f"{server.node}'s binary log did not have {left}", hint="run this again")
    part.replace(path)


def changes(server: Server, wanted: str) -> Iterator[dict[str, Any]]:
    """Yield transactions and what they changed: a row, or a statement that is no row's, at a time, in the order of the log.

    Raises:
        KcError: This Python has no library that reads binary logs.
        NodeError: The server doesn't let its log be read.
    """
    try:
        from pymysqlreplication import BinLogStreamReader, event, row_event
    except ImportError:
        raise KcError("this host's Python can't read binary logs", hint="pip install mysql-replication") from None

    def wrapper(**given: Any) -> Any:
        # where it is, and by whom it is asked, the server knows better
        return server.connected(**{name: each for name, each in given.items() if name in ("cursorclass", "autocommit")})

    rows = {row_event.WriteRowsEvent: "insert", row_event.UpdateRowsEvent: "update", row_event.DeleteRowsEvent: "delete"}
    stream = BinLogStreamReader(
        connection_settings={},
        server_id=NUMBER,
        auto_position=gtid.without(gtid.executed(server), wanted) or f"{server.one('SELECT @@server_uuid')}:0-0",
        only_events=[event.GtidEvent, event.QueryEvent, *rows],
        pymysql_wrapper=wrapper,
        enable_logging=False,
        ignore_decode_errors=not _is_told(server),
    )
    # the log ends where it ends when it is read: what has been written since the server was asked comes along, and is nobody's here
    columns, current, ours = None if _is_told(server) else _Columns(server), "", False
    try:
        while (one := server.guarded(stream.fetchone, ())) is not None:
            if isinstance(one, event.GtidEvent):
                current = str(one.gtid)
                if ours := not gtid.without(current, wanted):
                    yield {"gtid": current, "at": one.timestamp, "kind": TRANSACTION}
                continue
            if not ours:
                continue
            about = {"gtid": current, "at": one.timestamp}
            if isinstance(one, event.QueryEvent):
                if one.query != "BEGIN":
                    yield {**about, "database": _text(one.schema), "kind": "statement", "statement": one.query}
                continue
            names = columns.of(one.schema, one.table) if columns else []
            for row in one.rows:
                parts = {"before": row.get("before_values"), "after": row.get("after_values")} if "before_values" in row else row
                kept = {name: _named(each, names) for name, each in parts.items() if name in ("before", "after", "values")}
                yield {**about, "database": one.schema, "table": one.table, "kind": rows[type(one)], **kept}
    finally:
        stream.close()


class _Columns:
    """Names of columns as they are today, where the log has none."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._known: dict[tuple[str, str], list[str]] = {}

    def of(self, schema: str, table: str) -> list[str]:
        if (schema, table) not in self._known:
            asked = f"table_schema = {value(schema)} AND table_name = {value(table)} ORDER BY ordinal_position"
            found = self._server.rows(f"SELECT column_name FROM information_schema.columns WHERE {asked}")
            self._known[schema, table] = [str(row[0]) for row in found]
        return self._known[schema, table]


def _named(values: Mapping[str, Any], names: Sequence[str]) -> dict[str, Any]:
    """Return a row's values by the table's columns of today, where it has as many."""
    return dict(zip(names, values.values(), strict=True)) if len(names) == len(values) else dict(values)


def _text(one: Any) -> str:
    return one.decode(errors="replace") if isinstance(one, bytes) else str(one)


def _plain(one: Any) -> Any:
    """Return what JSON has no word for."""
    if isinstance(one, bytes):
        return {"base64": base64.b64encode(one).decode()}
    return sorted(one) if isinstance(one, (set, frozenset)) else str(one)
