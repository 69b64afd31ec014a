"""How the lab's autoscaler decides: metrics, proportions, schedules."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kc.scope import Scope
from kc.units.services import backlog

from lab.behaviours.scaling.expression import evaluate
from lab.behaviours.scaling.metrics import Metric, Tracked
from lab.behaviours.scaling.schedules import due, matches
from lab.behaviours.scaling.tracking import IN, Opinion, decide, tracked


@pytest.mark.parametrize(
    ("count", "values", "wanted"),
    [
        pytest.param(2, [50, 90, 90], 3, id="above for long enough: in proportion"),
        pytest.param(2, [50, 50, 90], 2, id="a moment above is nothing"),
        pytest.param(2, [90, 90, None], None, id="not known"),
        pytest.param(2, [], None, id="nothing is known"),
        pytest.param(0, [90, 90], 2, id="from none, as if one ran"),
        pytest.param(4, [20] * IN, 2, id="clearly below for long"),
        pytest.param(4, [20] * (IN - 1), 4, id="below, not for long"),
        pytest.param(4, [20] * (IN - 1) + [58], 4, id="not clearly below"),
        pytest.param(4, [None] + [20] * (IN - 1), 4, id="below, as far as is known"),
        pytest.param(4, [0] * IN, 0, id="without any load"),
    ],
)
def test_tasks_follow_a_metric(count: int, values: list[float | None], wanted: int | None) -> None:
    assert tracked(count, values, target=60) == wanted


def test_a_policy_may_only_add() -> None:
    assert tracked(4, [0] * IN, target=60, only_out=True) == 4
    assert tracked(4, [90, 90], target=60, only_out=True) == 6


@pytest.mark.parametrize(
    ("count", "counts", "since", "wanted"),
    [
        pytest.param(2, [4, 2], 1e9, 4, id="one that wants more is enough"),
        pytest.param(2, [3, 5], 1e9, 5, id="the most of them"),
        pytest.param(2, [30], 1e9, 8, id="the range's most"),
        pytest.param(2, [4], 30, 2, id="it has added a moment ago"),
        pytest.param(6, [3, 4], 1e9, 4, id="all want fewer: the most of them"),
        pytest.param(6, [3, 6], 1e9, 6, id="one wants them all"),
        pytest.param(6, [3, None], 1e9, 6, id="one does not know"),
        pytest.param(6, [0], 1e9, 2, id="the range's least"),
        pytest.param(6, [3], 200, 6, id="it changed a moment ago"),
        pytest.param(6, [], 1e9, 6, id="no policy"),
        pytest.param(10, [12], 1e9, 10, id="above the range by hand: none is taken away to add some"),
        pytest.param(1, [0], 1e9, 1, id="below the range by hand: none is added to take some away"),
    ],
)
def test_policies_together(count: int, counts: list[int | None], since: float, wanted: int) -> None:
    opinions = [Opinion(each, cooldown_out=60, cooldown_in=300) for each in counts]
    assert decide(count, 2, 8, opinions, since_out=since, since_in=since) == wanted


@given(
    count=st.integers(2, 8),
    counts=st.lists(st.none() | st.integers(0, 50), max_size=4),
    since=st.floats(0, 1000),
)
def test_a_decision_stays_in_the_range_and_in_the_direction_that_was_asked_for(count: int, counts: list[int | None], since: float) -> None:
    wanted = decide(count, 2, 8, [Opinion(each, 60, 300) for each in counts], since, since)
    assert 2 <= wanted <= 8
    assert wanted <= count or any(each is not None and each > count for each in counts)
    assert wanted >= count or all(each is not None and each < count for each in counts)


@pytest.mark.parametrize(
    ("text", "values", "result"),
    [
        ("a / b", {"a": 6.0, "b": 4.0}, 1.5),
        ("a / b", {"a": 6.0, "b": 0.0}, None),
        ("a + b", {"a": 6.0, "b": None}, None),
        ("FILL(a, 0)", {"a": None}, 0.0),
        ("IF(a > 1, a, b)", {"a": 1.0, "b": 7.0}, 7.0),
        ("IF(a > 1, a, b)", {"a": None, "b": 7.0}, None),
    ],
)
def test_metric_math(text: str, values: dict[str, float | None], result: float | None) -> None:
    assert evaluate(text, values) == result


@pytest.mark.parametrize("text", ["SEARCH('x', 'Sum')", "unknown", "'a'", "a.b"])
def test_metric_math_that_is_not_known_is_told(text: str) -> None:
    with pytest.raises(ValueError, match="metric math does not know"):
        evaluate(text, {"a": 1.0})


def policy(about: dict[str, Any]) -> dict[str, Any]:
    return {"PolicyName": "p", "ResourceId": "service/kc-lab/kc-lab-web", "TargetTrackingScalingPolicyConfiguration": about}


def test_predefined_metrics() -> None:
    cpu = Tracked.of(policy({"PredefinedMetricSpecification": {"PredefinedMetricType": "ECSServiceAverageCPUUtilization"}}))
    by = (("ClusterName", "kc-lab"), ("ServiceName", "kc-lab-web"))
    assert cpu.metrics["metric"] == Metric("AWS/ECS", "CPUUtilization", by, "Average")
    label = "app/kc-lab/0123/targetgroup/kc-lab-web/4567"
    about = {"PredefinedMetricSpecification": {"PredefinedMetricType": "ALBRequestCountPerTarget", "ResourceLabel": label}}
    requests = Tracked.of(policy(about)).metrics["metric"]
    assert (requests.name, requests.by) == ("RequestCountPerTarget", [{"Name": "TargetGroup", "Value": "targetgroup/kc-lab-web/4567"}])


def test_requests_are_those_of_a_minute() -> None:
    requests = Metric("AWS/ApplicationELB", "RequestCountPerTarget", (), "Sum")
    assert requests.values([None, 1, 2, None, 3, 4, 5, 6]) == [None, 1, 3, 3, 6, 10, 15, 20]


def test_the_platforms_backlog_is_messages_a_running_task() -> None:
    metrics = backlog(Scope("kc", "lab", "123456789012", "me-west-1", "services"), "kc-lab-media-worker", "media-jobs")
    tracks = Tracked.of(policy({"CustomizedMetricSpecification": {"Metrics": metrics}}))
    assert {metric.name for metric in tracks.metrics.values()} == {"ApproximateNumberOfMessagesVisible", "RunningTaskCount"}
    series: dict[str, list[float | None]] = {"visible": [12, 12, 12, None], "running": [None, 0, 3, 3]}
    assert tracks.values(series) == [12, 12, 4, None]


@pytest.mark.parametrize(
    ("fields", "at", "held"),
    [
        ("30 6 ? * SUN-THU *", "2026-11-22T06:30", True),  # a Sunday
        ("30 6 ? * SUN-THU *", "2026-11-27T06:30", False),  # a Friday
        ("30 6 ? * SUN-THU *", "2026-11-22T06:31", False),
        ("0/15 * * * ? *", "2026-11-22T06:45", True),
        ("0/15 * * * ? *", "2026-11-22T06:50", False),
        ("0 8 1,15 JAN-MAR ? 2027", "2027-02-15T08:00", True),
        ("0 8 1,15 JAN-MAR ? 2027", "2026-02-15T08:00", False),
        ("0 0 ? * FRI-MON *", "2026-11-23T00:00", True),
        ("0 0 ? * FRI-MON *", "2026-11-25T00:00", False),
    ],
)
def test_cron(fields: str, at: str, held: bool) -> None:
    assert matches(fields, datetime.fromisoformat(at)) is held


NOON = datetime(2026, 11, 22, 12, 0, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("schedule", "zone", "held"),
    [
        ("cron(0 15 * * ? *)", "Asia/Riyadh", True),
        ("cron(0 12 * * ? *)", "Asia/Riyadh", False),
        ("at(2026-11-22T12:00:00)", "UTC", True),
        ("at(2026-11-22T12:00:00)", "Europe/Berlin", False),
        ("rate(5 minutes)", "UTC", True),
    ],
)
def test_schedules_come_due_once(schedule: str, zone: str, held: bool) -> None:
    before = NOON - timedelta(seconds=40)
    assert due(schedule, zone, before, NOON) is held
    assert not due(schedule, zone, NOON, NOON + timedelta(seconds=20))
