"""What would lose data, and what is no table, is refused: one clear error each, and all stands as before."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from kc.clickhouse.converge import databases, tables
from kc.clickhouse.entry import run

from tests.clickhouse.conftest import clear
from tests.clickhouse.reporting import DAILY, DATABASE, EVENTS, VIEW, changed, state_of, with_column, without
from tests.clickhouse.world import World

Refused = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def state(_world: World) -> Iterator[Callable[[], list[Any]]]:
    """The tables stand, once for all cases, since none changes anything; a function that tells everything that stands."""
    for work, options in ((databases, DATABASE), (tables, EVENTS), (tables, DAILY), (tables, VIEW)):
        assert not run(work, {**_world.options, **options}, check=False).get("failed")
    servers = [each.server() for each in _world.replicas]
    yield lambda: state_of(servers)
    clear(_world)


@pytest.fixture
def refused(_world: World, state: object) -> Refused:
    """A function that returns the result of a table's options that are refused."""

    def go(check: bool, options: dict[str, Any]) -> dict[str, Any]:
        result = run(tables, {**_world.options, **options}, check=check)
        assert result.get("failed")
        assert "\n" not in result["msg"]
        assert (result["changed"], result["applied"]) == (False, [])
        return result

    return go


REFUSED: list[tuple[str, dict[str, Any], str]] = [
    ("a narrower type", changed(EVENTS, "course", type="UInt16"), "`columns.course.type`: UInt32 stands there, UInt16 is wanted"),
    ("a signed type", changed(EVENTS, "seconds", type="Int16"), "`columns.seconds.type`: UInt16 stands there, Int16 is wanted"),
    ("no nulls", changed(EVENTS, "user's name", type="String"), "`columns.user's name.type`"),
    ("an Enum without an element", changed(EVENTS, "kind", type="Enum8('open' = 1)"), "`columns.kind.type`"),
    ("an Enum renumbered", changed(EVENTS, "kind", type="Enum8('open' = 2, 'close' = 1)"), "`columns.kind.type`"),
    ("a wider key", changed(EVENTS, "course", type="UInt64"), "the column belongs to a key"),
    ("a column less", without(EVENTS, "user's name"), '"user\'s name" stands there and is not wanted'),
    ("a key's column less", without(changed(EVENTS, order_by=["day"]), "course", drop=["course"]), "'course' belongs to a key"),
    ("a stored column as an alias", changed(EVENTS, "seconds", default=None, alias="1"), "`columns.seconds.alias`"),
    ("another engine", changed(EVENTS, engine="ReplicatedReplacingMergeTree"), "`engine`: ReplicatedMergeTree stands there"),
    ("another key", changed(EVENTS, order_by=["day"]), "`order_by`: course, toStartOfHour(moment) stands there, day is wanted"),
    ("another partition", changed(EVENTS, partition_by="day"), "`partition_by`: toYYYYMM(day) stands there, day is wanted"),
    ("no partition", changed(EVENTS, partition_by=None), "`partition_by`: toYYYYMM(day) stands there, nothing is wanted"),
    ("another path", changed(EVENTS, path="/elsewhere"), "`path`: /clickhouse/tables/{shard}/reporting/events stands there"),
    (
        "a setting for ever",
        changed(EVENTS, settings={"index_granularity": 1}),
        "`settings.index_granularity`: is 4096, 1 is wanted, and a standing table keeps it",
    ),
    ("a setting that this version can't change", changed(EVENTS, settings={"max_parts_in_total": 5}), "has no MODIFY SETTING"),
    ("another query", changed(VIEW, select="SELECT day, course, toUInt64(1) AS events FROM reporting.events"), "another view stands there"),
    (
        "an unknown engine",
        changed(EVENTS, engine="ReplicatedMergeTre"),
        "`engine`: ClickHouse 18.16.1 has no engine 'ReplicatedMergeTre'. Did you mean ReplicatedMergeTree?",
    ),
    ("an unknown type", changed(EVENTS, "course", type="UInt33"), "`columns[2].type`: 'UInt33': there is no type 'UInt33'"),
    ("a type to come", changed(EVENTS, "moment", type="DateTime64(3)"), "ClickHouse 18.16.1 has no DateTime64. It came with 20.1"),
    ("an unknown column in a key", changed(EVENTS, order_by=["nosuch"]), "`order_by[0]`: "),
    ("an unknown function in a default", changed(EVENTS, "seconds", default="nosuch(1)"), "`columns.seconds.default`: "),
    ("a default of another type", changed(EVENTS, "seconds", default="'text'"), "`columns.seconds.default`: "),
    (
        "more than an expression",
        changed(EVENTS, partition_by="day) ORDER BY (day"),
        "`partition_by`: 'day) ORDER BY (day' closes a bracket",
    ),
    ("a second statement", changed(EVENTS, "seconds", default="1; DROP TABLE x"), "`columns[5].default`: '1; DROP TABLE x' holds ';'"),
    ("a name with a line break", changed(EVENTS, name="it's\n`x`"), "`name`: \"it's\\n`x`\" holds a character that can't be printed"),
    ("a name with a slash", changed(EVENTS, name="a/b"), "can't be a part of a path in the ensemble"),
    ("no name", changed(EVENTS, name=""), "`name` is empty"),
    ("two columns of a name", with_column(EVENTS, 0, name="day", type="Date"), "there are two columns 'day'"),
    ("dropped and wanted", changed(EVENTS, drop=["day"]), "`drop`: 'day' is wanted in `columns`"),
    ("no columns", changed(EVENTS, columns=[]), "`columns` is empty"),
    ("a view with columns", changed(VIEW, columns=EVENTS["columns"]), "`columns`: a view has none"),
    ("a view without a target", changed(VIEW, target=None), "`target`: a view needs it"),
    ("a cluster that nobody knows", changed(EVENTS, name="other", cluster="nosuch"), "`cluster`: it knows no cluster 'nosuch'"),
]


@pytest.mark.parametrize(("wants", "says"), [each[1:] for each in REFUSED], ids=[each[0] for each in REFUSED])
def test_what_is_refused_leaves_all_as_it_was(refused: Refused, state: Callable[[], list[Any]], wants: dict[str, Any], says: str) -> None:
    # a change that could be made comes with it, and is not made either
    if wants.get("columns") and wants["kind"] == "table":
        wants = with_column(wants, len(wants["columns"]), name="also", type="UInt8")
    before = state()
    assert says in refused(False, wants)["msg"]
    if "cluster" not in says:  # the queue is not asked in check mode
        assert says in refused(True, wants)["msg"]
    assert state() == before


def test_everything_that_is_refused_is_in_one_error(refused: Refused) -> None:
    said = refused(False, changed(without(EVENTS, "kind"), partition_by="day", order_by=["day"]))["msg"]
    for each in ("`columns`: 'kind'", "`partition_by`", "`order_by`"):
        assert each in said
