"""A database with tables and a view, as the modules' options, and ways to change these."""

from __future__ import annotations

from typing import Any

from kc.clickhouse.connection import Server

from tests.clickhouse.world import CLUSTER

DATABASE: dict[str, Any] = {"name": "reporting", "engine": None, "cluster": CLUSTER, "wait": 30, "state": "present", "data": "keep"}

EVENTS: dict[str, Any] = {
    "database": "reporting",
    "name": "events",
    "kind": "table",
    "columns": [
        {"name": "day", "type": "Date"},
        {"name": "moment", "type": "DateTime", "default": "now()"},
        {"name": "course", "type": "UInt32"},
        {"name": "kind", "type": "Enum8('open' = 1, 'close' = 2)"},
        {"name": "user's name", "type": "Nullable(String)"},
        {"name": "seconds", "type": "UInt16", "default": "2 * 3"},
        {"name": "minutes", "type": "UInt32", "alias": "intDiv(seconds,60)"},
    ],
    "engine": "ReplicatedMergeTree",
    "order_by": ["course", "toStartOfHour( moment )"],
    "partition_by": "toYYYYMM( day )",
    "settings": {"index_granularity": 4096},
    "cluster": CLUSTER,
    "wait": 30,
    "state": "present",
    "data": "keep",
}

DAILY: dict[str, Any] = {
    **{key: each for key, each in EVENTS.items() if key != "settings"},
    "name": "daily",
    "columns": [{"name": "day", "type": "Date"}, {"name": "course", "type": "UInt32"}, {"name": "events", "type": "UInt64"}],
    "engine": "ReplicatedSummingMergeTree",
    "order_by": ["course", "day"],
}

VIEW: dict[str, Any] = {
    "database": "reporting",
    "name": "events_to_daily",
    "kind": "view",
    "target": "daily",
    "select": "select day, course, count(*) as events from reporting.events where (seconds > 1 and kind='open') or course=0 group by day, course",
    "cluster": CLUSTER,
    "wait": 30,
    "state": "present",
    "data": "keep",
}


def changed(table: dict[str, Any], column: str | None = None, **more: Any) -> dict[str, Any]:
    """Return a table's options with one column changed, or others."""
    if column is None:
        return {**table, **more}
    return {**table, "columns": [{**each, **more} if each["name"] == column else each for each in table["columns"]]}


def with_column(table: dict[str, Any], at: int, **column: Any) -> dict[str, Any]:
    columns = list(table["columns"])
    columns.insert(at, column)
    return {**table, "columns": columns}


def without(table: dict[str, Any], column: str, **more: Any) -> dict[str, Any]:
    return {**table, "columns": [each for each in table["columns"] if each["name"] != column], **more}


def state_of(servers: list[Server]) -> list[Any]:
    """Everything that stands in the tests' database, on every node."""
    return [
        (
            server.rows("SELECT name, engine, create_table_query FROM system.tables WHERE database = 'reporting' ORDER BY name"),
            server.rows("SELECT table, name, type, default_kind, default_expression FROM system.columns WHERE database = 'reporting'"),
        )
        for server in servers
    ]
