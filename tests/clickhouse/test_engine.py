"""The modules on a current engine: what 18.16 has not is done there, and every statement is one that it takes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import yaml
from kc.clickhouse.cluster import Cluster, clause
from kc.clickhouse.converge import databases, tables
from kc.clickhouse.entry import Report, Work
from kc.clickhouse.errors import NodeError
from kc.clickhouse.quote import value
from kc.clickhouse.table import create, drop
from kc.clickhouse.table_wanted import wanted
from kc.clickhouse.version import Version
from kc.errors import KcError

from lab.settings import ROOT
from tests.clickhouse.engine import Engine
from tests.clickhouse.reporting import DAILY, DATABASE, EVENTS, VIEW, changed, with_column, without

HERE = {"cluster": None, "nodes": ["engine"]}
TABLE: dict[str, Any] = {
    **EVENTS,
    **HERE,
    "engine": "MergeTree",
    "columns": [
        *changed(EVENTS, "day", comment="it's the day")["columns"],
        {"name": "label", "type": "LowCardinality(String)", "codec": "ZSTD(3)"},
        {"name": "counted", "type": "UInt64", "materialized": "seconds*2", "codec": "Delta, ZSTD"},
    ],
    "ttl": "day+INTERVAL 1 YEAR",
    "settings": {"index_granularity": 4096, "max_parts_in_total": 1000},
}
TARGET = {**DAILY, **HERE, "engine": "SummingMergeTree"}

INVENTORY = yaml.safe_load((ROOT / "inventories/common/clickhouse.yml").read_text())
REPORTING = [{"kind": "table", "database": INVENTORY["clickhouse_database"], **each} for each in INVENTORY["clickhouse_tables"]]

Go = Callable[..., list[str]]


@pytest.fixture(scope="module")
def _engine() -> Iterator[Engine]:
    found = Engine()
    yield found
    found.connection.close()


@pytest.fixture
def engine(_engine: Engine) -> Iterator[Engine]:
    yield _engine
    _engine.run("DROP DATABASE IF EXISTS reporting SYNC")


@pytest.fixture
def go(engine: Engine) -> Go:
    """Return a function that does a module's work and returns its statements."""

    def call(work: Work, check: bool = False, **params: Any) -> list[str]:
        report = Report(check=check)
        work(Cluster([engine]), params, report)
        return [step.shown["statement"] for step in report.steps]

    return call


@pytest.fixture
def made(go: Go) -> Go:
    go(databases, **DATABASE | HERE)
    for each in (TABLE, TARGET, VIEW | HERE):
        go(tables, **each)
    return go


def test_first_check_then_run_then_nothing(go: Go, engine: Engine) -> None:
    for work, options in ((databases, DATABASE), (tables, TABLE), (tables, TARGET), (tables, VIEW)):
        options = options | HERE
        planned = go(work, check=True, **options)
        assert planned
        assert go(work, **options) == planned
        assert (go(work, check=True, **options), go(work, **options)) == ([], [])
    assert engine.one("SELECT engine FROM system.databases WHERE name = 'reporting'") == "Atomic"
    assert engine.one("SELECT comment FROM system.columns WHERE table = 'events' AND name = 'day'") == "it's the day"
    engine.run("INSERT INTO reporting.events (day, course, kind) SELECT today(), 3, 'open'")
    assert engine.rows("SELECT course, sum(events) FROM reporting.daily GROUP BY course") == [(3, 1)]


CHANGES: list[tuple[str, dict[str, Any], str]] = [
    ("the first column", with_column(TABLE, 0, name="score", type="DateTime64(3)"), "ADD COLUMN `score` DateTime64(3) FIRST"),
    (
        "a column with a comment",
        with_column(TABLE, 1, name="score", type="UInt8", comment="x"),
        "ADD COLUMN `score` UInt8 COMMENT 'x' AFTER `day`",
    ),
    ("a comment", changed(TABLE, "course", comment="a `course`"), "COMMENT COLUMN `course` 'a `course`'"),
    ("no comment", changed(TABLE, "day", comment=None), "COMMENT COLUMN `day` ''"),
    ("a wider type", changed(TABLE, "seconds", type="UInt64"), "MODIFY COLUMN `seconds` UInt64 DEFAULT 2 * 3"),
    (
        "low cardinality",
        changed(TABLE, "user's name", type="LowCardinality(Nullable(String))"),
        "MODIFY COLUMN `user's name` LowCardinality(",
    ),
    ("another default", changed(TABLE, "seconds", default="7"), "MODIFY COLUMN `seconds` UInt16 DEFAULT 7"),
    ("no default", changed(TABLE, "seconds", default=None), "MODIFY COLUMN `seconds` REMOVE DEFAULT"),
    ("no default, and wider", changed(TABLE, "seconds", default=None, type="UInt32"), "REMOVE DEFAULT, MODIFY COLUMN `seconds` UInt32"),
    ("another codec", changed(TABLE, "label", codec="LZ4"), "MODIFY COLUMN `label` LowCardinality(String) CODEC(LZ4)"),
    ("another TTL", changed(TABLE, ttl="day + INTERVAL 2 YEAR"), "MODIFY TTL day + toIntervalYear(2)"),
    ("no TTL", changed(TABLE, ttl=""), "REMOVE TTL"),
    ("another setting", changed(TABLE, settings={"max_parts_in_total": 2000}), "MODIFY SETTING max_parts_in_total = 2000"),
    ("a new setting", changed(TABLE, settings={"merge_with_ttl_timeout": 3600}), "MODIFY SETTING merge_with_ttl_timeout = 3600"),
    (
        "another query",
        changed(VIEW | HERE, select="SELECT day, course, toUInt64(2) AS events FROM reporting.events"),
        "MODIFY QUERY SELECT day",
    ),
    ("a dropped column", without(TABLE, "label", drop=["label"]), "DROP COLUMN `label`"),
]


@pytest.mark.parametrize(("wants", "statement"), [each[1:] for each in CHANGES], ids=[each[0] for each in CHANGES])
def test_changes(made: Go, wants: dict[str, Any], statement: str) -> None:
    (only,) = made(tables, **wants)
    assert statement in only
    assert made(tables, **wants) == []


@pytest.mark.parametrize(
    ("wants", "says"),
    [
        (changed(TABLE, "course", type="UInt16"), "`columns.course.type`"),
        (changed(TABLE, order_by=["day"]), "`order_by`: course, toStartOfHour(moment) stands there, day is wanted"),
        (changed(TABLE, settings={"index_granularity": 1}), "a standing table keeps it"),
        (changed(TABLE, engine="ReplacingMergeTree"), "`engine`: MergeTree stands there"),
        (changed(TABLE, engine="Mergetree"), "`engine`: ClickHouse 26.9"),
        (changed(TABLE, ttl="nosuch + 1"), "`ttl`: "),
        (changed(TABLE, "label", codec="Zip"), "`columns.label.codec`: "),
        (changed(VIEW | HERE, target="other"), "another view stands there"),
    ],
)
def test_what_is_refused(made: Go, engine: Engine, wants: dict[str, Any], says: str) -> None:
    before = engine.rows("SELECT name, create_table_query FROM system.tables WHERE database = 'reporting' ORDER BY name")
    with pytest.raises(KcError) as found:
        made(tables, **wants)
    assert says in str(found.value)
    assert engine.rows("SELECT name, create_table_query FROM system.tables WHERE database = 'reporting' ORDER BY name") == before


def test_a_block_that_is_sent_again_is_counted_once_by_views_too(engine: Engine, go: Go) -> None:
    window = {"settings": {"non_replicated_deduplication_window": 100}}  # here, without an ensemble; replicated tables have one anyway
    plain = [
        {**each, "engine": each["engine"].removeprefix("Replicated"), **window} if "Replicated" in each.get("engine", "") else each
        for each in INVENTORY["clickhouse_tables"]
    ]
    go(databases, **DATABASE | HERE, tables=plain)
    block = "INSERT INTO reporting.incoming (moment, learner) VALUES " + ", ".join(f"('2026-01-01 00:00:00', '{row}')" for row in range(9))
    count = "SELECT (SELECT count() FROM reporting.events), (SELECT countMerge(events) FROM reporting.daily)"
    engine.set(deduplicate_blocks_in_dependent_materialized_views=1)
    for statement, rows in ((block, 9), (block, 9), (block.replace(":00'", ":01'"), 18)):
        engine.run(statement)
        assert [tuple(map(int, row)) for row in engine.rows(count)] == [(rows, rows)]
    engine.set(deduplicate_blocks_in_dependent_materialized_views=0)
    engine.run(block)
    assert [tuple(map(int, row)) for row in engine.rows(count)] == [(27, 27)], "which the role's profile is there for"


@pytest.mark.parametrize("version", [Version(18, 16, 1), Version(25, 8)])
@pytest.mark.parametrize("cluster", [None, "main"])
@pytest.mark.parametrize("options", [EVENTS, DAILY, VIEW, *REPORTING], ids=lambda options: f"{options['database']}.{options['name']}")
def test_what_is_sent_to_real_clusters_is_what_the_engine_parses(
    engine: Engine, version: Version, cluster: str | None, options: dict[str, Any]
) -> None:
    table = wanted(options, version, [])
    for before, after in (create(table), drop(table, version)):
        text = clause(before, cluster, after)
        parsed = engine.one(f"SELECT formatQuerySingleLine({value(text)})")
        assert ("ON CLUSTER main" in str(parsed)) is bool(cluster)
        assert ("TTL" in str(parsed)) is bool(options.get("ttl") and version.has("TTL") and before.startswith("CREATE"))


@pytest.mark.parametrize(("verb", "code"), [("CREATE", 60), ("ATTACH", 80)])
def test_a_view_can_t_come_before_its_source(engine: Engine, verb: str, code: int) -> None:
    engine.run("CREATE DATABASE reporting")
    engine.run("CREATE TABLE reporting.target (x UInt8) ENGINE = Memory")
    with pytest.raises(NodeError) as no:
        engine.run(f"{verb} MATERIALIZED VIEW reporting.view TO reporting.target (x UInt8) AS SELECT x FROM reporting.incoming")
    assert no.value.server_code == code
