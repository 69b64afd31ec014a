"""The reporting schema of the inventory, filled, and read by the reporting service's queries."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import yaml
from kc.clickhouse.connection import Server
from kc.clickhouse.converge import databases

from lab.data import BLOCK, main, statements
from lab.settings import ROOT
from tests.clickhouse.reporting import DATABASE
from tests.clickhouse.world import PASSWORD, USER, World
from tests.servers import until

SCHEMA = yaml.safe_load((ROOT / "inventories/common/clickhouse.yml").read_text())
WANTED = {**DATABASE, "name": SCHEMA["clickhouse_database"], "tables": SCHEMA["clickhouse_tables"]}


def queries() -> dict[str, str]:
    """The service's queries: its file's constants, without the web server that its image has."""
    text = (ROOT / "lab/workloads/reporting/reporting.py").read_text()
    return {name: text.partition(f'{name} = """')[2].partition('"""')[0] for name in ("COURSES", "DAYS")}


@pytest.fixture
def fill(world: World, monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """Return a function that runs the command on a node: `fill(0, "--rows", "10")`."""
    monkeypatch.setenv("KC_PASSWORD", PASSWORD)
    return lambda at, *args: main(["--node", world.nodes[at], "--user", USER, "--ca", str(world.authority.ca), *args])


def test_what_is_inserted_in_one_place_is_reported_in_the_other(
    go: Callable[..., Any], servers: list[Server], fill: Callable[..., int]
) -> None:
    assert go(databases, **WANTED)["changed"]
    assert go(databases, **WANTED)["changed"] is False
    assert fill(0, "--rows", "20000", "--days", "20", "--learners", "100") == 0
    assert fill(1, "--rows", "5000", "--days", "20", "--learners", "100", "--seed", "2") == 0
    for server in servers:
        until(lambda server=server: server.one("SELECT count() FROM reporting.events") == 25_000, "all events are there")
        until(lambda server=server: server.one("SELECT countMerge(events) FROM reporting.daily") == 25_000, "and counted")
    here, there = ({name: server.rows(query) for name, query in queries().items()} for server in servers)
    assert here == there
    plain = servers[0].rows(
        """SELECT course, uniqIf(learner, kind = 'enrolled') AS enrolled, uniqIf(learner, kind = 'finished'), count(), sum(seconds), max(day)
           FROM reporting.events GROUP BY course ORDER BY enrolled DESC, course"""
    )
    assert here["COURSES"] == plain
    assert len(here["COURSES"]) > 3
    days = servers[0].rows("SELECT day, uniq(learner), count(), sum(seconds) FROM reporting.events GROUP BY day ORDER BY day")
    assert here["DAYS"] == days


def test_rows_that_are_there_are_not_there_twice(go: Callable[..., Any], servers: list[Server], fill: Callable[..., int]) -> None:
    go(databases, **WANTED)
    for at, more, count in ((0, [], 3000), (1, [], 3000), (0, ["--seed", "2"], 6000)):
        assert fill(at, "--rows", "3000", "--end", "2026-01-02", *more) == 0
        assert servers[at].rows("SELECT count(), max(day) < '2026-01-02' FROM reporting.events") == [(count, 1)]
        assert servers[at].one("SELECT countMerge(events) FROM reporting.daily") == count


@pytest.mark.parametrize(("rows", "inserts"), [(1, 1), (BLOCK, 1), (BLOCK + 1, 2), (3 * BLOCK, 3)])
def test_as_many_as_are_wanted(rows: int, inserts: int) -> None:
    found = list(statements(rows, 1, 1, 1, "2026-01-02 00:00:00"))
    assert len(found) == inserts
    assert sum(int(each.rpartition("numbers(")[2].partition(")")[0]) for each in found) == rows


def test_what_goes_wrong_is_one_line(fill: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> None:
    assert fill(0, "--rows", "1") == 1  # there is no database
    assert capsys.readouterr().err.count("\n") == 1
    with pytest.raises(SystemExit):
        fill(0, "--rows", "0")
