"""Which state the lab's metric alarms are in."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.behaviours import alarms
from lab.behaviours.alarms import ALARM, INSUFFICIENT, OK, Rule

KEEP = None
TREATMENTS = ("missing", "ignore", "breaching", "notBreaching")


def rule(
    periods: int = 3, datapoints: int = 3, missing: str = "missing", comparison: str = "GreaterThanThreshold", period: int = 60
) -> Rule:
    return Rule(comparison, 1.0, period, periods, datapoints, missing)


def points(text: str) -> list[float | None]:
    """Periods, the oldest first: X breaches, 0 does not, - has no data."""
    return [{"X": 2.0, "0": 0.0, "-": None}[each] for each in text.split()]


# CloudWatch user guide, "How alarm state is evaluated when data is missing": its tables, for 3 out of 3 and 2 out of 3.
@pytest.mark.parametrize(
    ("datapoints", "values", "states"),
    [
        (3, "0 - X - X", (OK, OK, OK, OK)),
        (3, "0 - - - -", (OK, OK, OK, OK)),
        (3, "- - - - -", (INSUFFICIENT, KEEP, ALARM, OK)),
        (3, "0 X X - X", (ALARM, ALARM, ALARM, ALARM)),
        (3, "- - X - -", (ALARM, KEEP, ALARM, OK)),
        (2, "0 - X - X", (ALARM, ALARM, ALARM, ALARM)),
        (2, "0 0 X 0 X", (ALARM, ALARM, ALARM, ALARM)),
        (2, "0 - X - -", (OK, OK, ALARM, OK)),
        (2, "- - - - 0", (OK, OK, ALARM, OK)),
        (2, "- - - X -", (ALARM, KEEP, ALARM, OK)),
    ],
)
def test_data_that_lack(datapoints: int, values: str, states: tuple[str | None, ...]) -> None:
    assert tuple(rule(3, datapoints, each).state(points(values)) for each in TREATMENTS) == states


@pytest.mark.parametrize(
    ("comparison", "below", "at", "above"),
    [
        ("GreaterThanThreshold", OK, OK, ALARM),
        ("GreaterThanOrEqualToThreshold", OK, ALARM, ALARM),
        ("LessThanThreshold", ALARM, OK, OK),
        ("LessThanOrEqualToThreshold", ALARM, ALARM, OK),
    ],
)
def test_comparisons(comparison: str, below: str, at: str, above: str) -> None:
    assert [rule(1, 1, comparison=comparison).state([None, None, value]) for value in (0.9, 1.0, 1.1)] == [below, at, above]


@given(st.lists(st.sampled_from([0.0, 2.0]), min_size=7, max_size=7), st.integers(1, 5), st.data(), st.sampled_from(TREATMENTS))
def test_with_all_data_only_the_last_periods_count(values: list[float], periods: int, data: st.DataObject, missing: str) -> None:
    datapoints = data.draw(st.integers(1, periods))
    expected = ALARM if sum(value > 1 for value in values[-periods:]) >= datapoints else OK
    assert rule(periods, datapoints, missing).state(values) == expected


@given(st.lists(st.sampled_from([0.0, 2.0, None]), min_size=5, max_size=5), st.integers(1, 3))
def test_missing_data_that_breach_never_make_it_better_and_those_that_do_not_never_worse(
    values: list[float | None], datapoints: int
) -> None:
    worst, best = (rule(3, datapoints, missing).state(values) for missing in ("breaching", "notBreaching"))
    assert (worst, best) in ((ALARM, ALARM), (ALARM, OK), (OK, OK))


@pytest.mark.parametrize("now", [600.0, 659.9])
def test_the_window_ends_before_the_period_under_way(now: float) -> None:
    assert rule(2, 2).window(now) == [360, 420, 480, 540]
    assert rule(1, 1, period=300).window(now) == [-300, 0, 300]


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ({}, Rule("GreaterThanThreshold", 5.0, 60, 3, 3, "missing")),
        ({"DatapointsToAlarm": 2, "TreatMissingData": "ignore"}, Rule("GreaterThanThreshold", 5.0, 60, 3, 2, "ignore")),
        ({"MetricName": ""}, None),
        ({"Statistic": None, "ExtendedStatistic": "p99"}, None),
        ({"ComparisonOperator": "GreaterThanUpperThreshold"}, None),
    ],
)
def test_what_is_evaluated(told: dict[str, Any], expected: Rule | None) -> None:
    alarm = {
        "MetricName": "M",
        "Statistic": "Sum",
        "ComparisonOperator": "GreaterThanThreshold",
        "Threshold": 5,
        "Period": 60,
        "EvaluationPeriods": 3,
    }
    assert Rule.of({**alarm, **told}) == expected


def test_values_are_put_to_the_periods_of_the_window() -> None:
    asked: dict[str, Any] = {}

    class Client:
        def get_metric_statistics(self, **given: Any) -> dict[str, Any]:
            asked.update(given)
            return {"Datapoints": [{"Timestamp": datetime.fromtimestamp(each, UTC), "Sum": each / 60} for each in (540, 420)]}

    told = {"Namespace": "N", "MetricName": "M", "Statistic": "Sum"}
    assert alarms.values(Client(), told, rule(2, 2), 601.0) == [None, 7.0, None, 9.0]
    assert (asked["StartTime"].timestamp(), asked["EndTime"].timestamp(), asked["Statistics"]) == (360, 600, ["Sum"])
    assert asked["Dimensions"] == [] and "Unit" not in asked
