"""What is wanted of a table, what stands, and the statements between: without a server."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from kc.clickhouse.options import TABLE
from kc.clickhouse.table import Column, Table, create, drop
from kc.clickhouse.table_difference import difference
from kc.clickhouse.table_standing import table_of, view_of
from kc.clickhouse.table_wanted import wanted
from kc.clickhouse.types import parse
from kc.clickhouse.version import Version
from kc.errors import KcError
from kc.spec import spec_of

OLD, NEW = Version(18, 16, 1), Version(25, 8)

DEFAULTS = {name: about.get("default") for name, about in spec_of(TABLE).items()}
EVENTS: dict[str, Any] = {
    **DEFAULTS,
    "database": "d",
    "name": "events",
    "columns": [
        {"name": "day", "type": "Date", "comment": "its day"},
        {"name": "n", "type": "UInt16", "default": "5"},
        {"name": "s", "type": "String", "codec": "ZSTD(3)"},
        {"name": "twice", "type": "UInt32", "alias": "n * 2"},
    ],
    "engine": "ReplicatedReplacingMergeTree",
    "engine_arguments": ["n"],
    "order_by": ["day", "s"],
    "partition_by": "toYYYYMM(day)",
    "ttl": "day + INTERVAL 1 YEAR",
    "settings": {"index_granularity": 4096},
}


@pytest.mark.parametrize(
    ("version", "statement"),
    [
        (
            OLD,
            "(`day` Date, `n` UInt16 DEFAULT 5, `s` String, `twice` UInt32 ALIAS n * 2)"
            " ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/d/events', '{replica}', n)"
            " PARTITION BY toYYYYMM(day) ORDER BY (day, s) SETTINGS index_granularity = 4096",
        ),
        (
            NEW,
            "(`day` Date COMMENT 'its day', `n` UInt16 DEFAULT 5, `s` String CODEC(ZSTD(3)), `twice` UInt32 ALIAS n * 2)"
            " ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/d/events', '{replica}', n)"
            " PARTITION BY toYYYYMM(day) ORDER BY (day, s) TTL day + INTERVAL 1 YEAR SETTINGS index_granularity = 4096",
        ),
    ],
)
def test_a_table_is_made_with_what_the_version_has(version: Version, statement: str) -> None:
    ignored: list[str] = []
    assert create(wanted(EVENTS, version, ignored)) == ("CREATE TABLE IF NOT EXISTS `d`.`events`", statement)
    assert ignored == (["ttl: needs 19.6"] if version == OLD else []) or "comments: need 20.1" in ignored
    assert bool(ignored) is (version == OLD)


@pytest.mark.parametrize(
    ("options", "statement"),
    [
        ({"engine": "Null", "engine_arguments": [], "order_by": [], "partition_by": None, "ttl": None, "settings": {}}, "ENGINE = Null()"),
        ({"order_by": [], "engine": "MergeTree", "engine_arguments": []}, "ORDER BY tuple()"),
        ({"order_by": ["day"]}, "ORDER BY day"),
        ({"primary_key": ["day"]}, "PRIMARY KEY day ORDER BY (day, s)"),
        ({"sample_by": "n"}, "SAMPLE BY n"),
        ({"path": "/other/{shard}", "replica": "one"}, "('/other/{shard}', 'one', n)"),
        ({"name": "it's"}, r"('/clickhouse/tables/{shard}/d/it\'s', '{replica}', n)"),
        ({"settings": {"storage_policy": "hot", "min_bytes": 5}}, "SETTINGS storage_policy = 'hot', min_bytes = 5"),
    ],
)
def test_parts_of_the_statement(options: dict[str, Any], statement: str) -> None:
    assert statement in create(wanted({**EVENTS, **options}, NEW, []))[1]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"engine": "MergeTree()"}, "`engine`: 'MergeTree()' is no engine"),
        ({"engine": ""}, "`engine`: '' is no engine"),
        ({"engine": "Null"}, "`order_by`: Null has none"),
        ({"engine": "MergeTree", "path": "/x"}, "`path`: MergeTree has none"),
        ({"path": "x"}, "`path`: 'x' is no path"),
        ({"path": "/x/"}, "`path`: '/x/' is no path"),
        ({"path": "/x\n"}, "is no path"),
        ({"database": "a{b}"}, "`database`: 'a{b}' can't be a part of a path"),
        ({"name": ".."}, "`name`: '..' can't be a part of a path"),
        ({"name": "a\tb"}, "can't be printed"),
        ({"settings": {"a b": 1}}, "`settings`: 'a b' is no setting"),
        ({"settings": {"a": [1]}}, "`settings.a`: '[1]' is no value"),
        ({"columns": [{"name": "a", "type": "UInt8", "default": "1", "alias": "2"}]}, "`columns[0]`: it has default and alias"),
        ({"columns": [{"name": "a", "type": "Nope"}]}, "`columns[0].type`: 'Nope'"),
        ({"columns": [{"name": "", "type": "UInt8"}]}, "`columns[0].name` is empty"),
        ({"columns": [{"name": "a", "type": "UInt8", "codec": "ZSTD("}]}, "`columns[0].codec`"),
        ({"ttl": "day; x"}, "`ttl`: 'day; x' holds ';'"),
        ({"kind": "view"}, "`columns`: a view has none"),
    ],
)
def test_what_no_server_needs_to_refuse(options: dict[str, Any], says: str) -> None:
    with pytest.raises(KcError) as found:
        wanted({**EVENTS, **options}, NEW, [])
    assert says in str(found.value)
    assert "\n" not in str(found.value)


ROW = {
    "engine": "ReplicatedReplacingMergeTree",
    "engine_full": "ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/d/events', '{replica}', n) PARTITION BY toYYYYMM(day)"
    " ORDER BY (day, s) TTL day + toIntervalYear(1) SETTINGS index_granularity = 4096",
    "partition_key": "toYYYYMM(day)",
    "sorting_key": "day, s",
    "primary_key": "day, s",
    "sampling_key": "",
    "create_table_query": "",
}
COLUMNS = [
    ("day", "Date", "", "", "its day", ""),
    ("n", "UInt16", "DEFAULT", "5", "", ""),
    ("s", "String", "", "", "", "CODEC(ZSTD(3))"),
    ("twice", "UInt32", "ALIAS", "n * 2", "", ""),
]
STANDS = table_of("d", "events", ROW, COLUMNS)
WANTS = replace(wanted(EVENTS, NEW, []), ttl="day + toIntervalYear(1)")  # as a server writes it


def test_what_stands_is_what_was_wanted() -> None:
    found = difference(STANDS, WANTS, NEW)
    assert (found.alters, found.refused, found.remake) == ([], [], False)
    assert (STANDS.path, STANDS.replica, STANDS.arguments) == ("/clickhouse/tables/{shard}/d/events", "{replica}", ("n",))


def test_a_type_that_our_grammar_has_not_stands_as_it_is() -> None:
    stands = table_of("d", "events", ROW, [*COLUMNS, ("j", "JSON(max_dynamic_paths=5)", "", "", "", "")])
    assert difference(stands, WANTS, NEW, drop=["j"]).alters == ["ALTER TABLE `d`.`events` DROP COLUMN `j`"]


def column(name: str, **changed: Any) -> Table:
    """Return the wanted table with one column changed, or, if there is none of the name, added behind the first."""
    made = [replace(each, **changed) if each.name == name else each for each in WANTS.columns]
    if name not in (each.name for each in made):
        made.insert(1, Column(name, comment="", **changed))
    return replace(WANTS, columns=tuple(made))


@pytest.mark.parametrize(
    ("wants", "version", "alters"),
    [
        (column("x", type=parse("UInt8")), NEW, ["ADD COLUMN `x` UInt8 AFTER `day`"]),
        (column("x", type=parse("UInt8"), kind="MATERIALIZED", expression="n"), NEW, ["ADD COLUMN `x` UInt8 MATERIALIZED n"]),
        (column("n", type=parse("UInt32")), NEW, ["MODIFY COLUMN `n` UInt32 DEFAULT 5"]),
        (column("n", kind="", expression=""), NEW, ["MODIFY COLUMN `n` REMOVE DEFAULT"]),
        (column("n", kind="", expression=""), OLD, ["MODIFY COLUMN `n` UInt16"]),
        (column("n", comment="new", type=parse("UInt32")), NEW, ["MODIFY COLUMN `n` UInt32 DEFAULT 5, COMMENT COLUMN `n` 'new'"]),
        (column("n", comment=None), NEW, []),
        (column("s", codec=None), NEW, []),
        (replace(WANTS, ttl=""), NEW, ["REMOVE TTL"]),
        (replace(WANTS, ttl=None), NEW, []),
        (
            replace(WANTS, ttl="day + 1", settings={"x": "5", "index_granularity": "4096"}),
            NEW,
            ["MODIFY TTL day + 1", "MODIFY SETTING x = 5"],
        ),
    ],
)
def test_changes(wants: Table, version: Version, alters: list[str]) -> None:
    found = difference(STANDS, wants, version)
    assert found.refused == []
    assert found.alters == [f"ALTER TABLE `d`.`events` {each}" for each in alters]
    assert found.after is not None
    assert difference(found.after, wants, version).alters == []  # what is planned is what then stands


def test_the_first_column_has_a_place_where_the_version_has_one() -> None:
    wants = replace(WANTS, columns=(Column("x", parse("UInt8"), comment=""), *WANTS.columns))
    assert difference(STANDS, wants, NEW).alters == ["ALTER TABLE `d`.`events` ADD COLUMN `x` UInt8 FIRST"]
    assert difference(STANDS, wants, OLD).alters == ["ALTER TABLE `d`.`events` ADD COLUMN `x` UInt8"]


@pytest.mark.parametrize(
    ("wants", "says"),
    [
        (replace(WANTS, engine="ReplicatedMergeTree"), "`engine`"),
        (replace(WANTS, arguments=()), "`engine_arguments`: n stands there, nothing is wanted"),
        (replace(WANTS, path="/x"), "`path`"),
        (replace(WANTS, replica="x"), "`replica`"),
        (replace(WANTS, order_by=("s", "day")), "`order_by`"),
        (replace(WANTS, primary_key=("day",)), "`primary_key`"),
        (replace(WANTS, partition_by=""), "`partition_by`"),
        (replace(WANTS, sample_by="n"), "`sample_by`"),
        (replace(WANTS, settings={"index_granularity": "1"}), "`settings.index_granularity`"),
        (column("n", type=parse("UInt8")), "`columns.n.type`"),
        (column("s", type=parse("LowCardinality(String)")), "belongs to a key"),
        (column("s", kind="ALIAS", expression="'x'"), "`columns.s.alias`"),
        (replace(WANTS, columns=WANTS.columns[:-1]), "'twice' stands there and is not wanted"),
    ],
)
def test_what_is_refused(wants: Table, says: str) -> None:
    (line,) = difference(STANDS, wants, NEW).refused
    assert says in line


@pytest.mark.parametrize(
    ("statement", "target", "select"),
    [
        (
            "CREATE MATERIALIZED VIEW d.v TO d.tgt ( day Date,  n UInt64) AS SELECT day, count() AS n FROM d.t",
            ("d", "tgt"),
            "SELECT day, count() AS n FROM d.t",
        ),
        (
            "CREATE MATERIALIZED VIEW d.v TO d.`a b` (`day` Date DEFAULT CAST(1 AS Date)) AS SELECT 1 AS day",
            ("d", "a b"),
            "SELECT 1 AS day",
        ),
        (
            "CREATE MATERIALIZED VIEW d.v TO d.t (`a` UInt8) DEFINER = x SQL SECURITY DEFINER AS WITH 1 AS b SELECT b",
            ("d", "t"),
            "WITH 1 AS b SELECT b",
        ),
        ("CREATE MATERIALIZED VIEW d.v (`a` UInt8) ENGINE = Log AS SELECT 1 AS a", ("", ""), "SELECT 1 AS a"),
    ],
)
def test_views_as_servers_show_them(statement: str, target: tuple[str, str], select: str) -> None:
    assert view_of(statement) == (target, select)


@pytest.mark.parametrize(
    ("changed", "version", "remake", "alters"),
    [
        ({}, OLD, False, 0),
        ({"select": "SELECT   1 AS `a` FROM d.t"}, OLD, False, 0),
        ({"select": "SELECT 2 AS a FROM d.t"}, OLD, True, 0),
        ({"select": "SELECT 2 AS a FROM d.t"}, NEW, False, 1),
        ({"target": ("d", "other")}, NEW, True, 0),
    ],
)
def test_views(changed: dict[str, Any], version: Version, remake: bool, alters: int) -> None:
    stands = Table("d", "v", "MaterializedView", target=("d", "tgt"), select="SELECT 1 AS a FROM d.t")
    found = difference(stands, replace(stands, **changed), version)
    assert (found.remake, len(found.alters)) == (remake, alters)


def test_a_dropped_table_s_place_is_free_at_once_where_the_version_can() -> None:
    assert drop(WANTS, OLD) == ("DROP TABLE IF EXISTS `d`.`events`", "")
    assert drop(WANTS, NEW) == ("DROP TABLE IF EXISTS `d`.`events`", "SYNC")
