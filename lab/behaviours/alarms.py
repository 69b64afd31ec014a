"""When a metric alarm is in which state, from the values of its last periods."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

OK, ALARM, INSUFFICIENT = "OK", "ALARM", "INSUFFICIENT_DATA"

EXTRA = 2
"""Periods that are looked at beyond those that are evaluated, in case that some of these have no data (CloudWatch user
guide, "Configuring how CloudWatch alarms treat missing data": the evaluation range)."""

COMPARISONS: Mapping[str, Callable[[float, float], bool]] = {
    "GreaterThanOrEqualToThreshold": operator.ge,
    "GreaterThanThreshold": operator.gt,
    "LessThanThreshold": operator.lt,
    "LessThanOrEqualToThreshold": operator.le,
}


@dataclass(frozen=True)
class Rule:
    """What makes an alarm.

    Attributes:
        period: Seconds.
        periods: Periods that are evaluated.
        datapoints: How many of them must breach.
        missing: How periods without data count: `missing`, `ignore`, `breaching` or `notBreaching`.
    """

    comparison: str
    threshold: float
    period: int = 60
    periods: int = 1
    datapoints: int = 1
    missing: str = "missing"

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> Rule | None:
        """Read it from an alarm, or from what Route 53 noted down of one; None if it is of a kind that is not evaluated.

        These are metric math, anomaly detection and percentiles.
        """
        if not told.get("MetricName") or not told.get("Statistic") or told["ComparisonOperator"] not in COMPARISONS:
            return None
        periods = int(told["EvaluationPeriods"])
        return cls(
            told["ComparisonOperator"],
            float(told["Threshold"]),
            int(told["Period"]),
            periods,
            int(told.get("DatapointsToAlarm") or periods),
            told.get("TreatMissingData") or "missing",
        )

    def window(self, now: float) -> list[int]:
        """Return when the periods begin that are looked at, the oldest first; the one under way is not among them."""
        end = int(now) // self.period * self.period
        return [end - back * self.period for back in range(self.periods + EXTRA, 0, -1)]

    def state(self, values: Sequence[float | None]) -> str | None:
        """Return the state that the values of a window make, None where it stays as it is.

        Where enough periods have data, the latest of these count, and those without don't. Else the periods that lack
        count as `missing` says; of `missing` and `ignore`, data that all breach are enough for the one to alarm, and
        too little for the other to change anything.
        """
        breaching = [COMPARISONS[self.comparison](value, self.threshold) for value in values if value is not None][-self.periods :]
        lacking = self.periods - len(breaching)
        if lacking and self.missing in ("breaching", "notBreaching"):
            breaching += [self.missing == "breaching"] * lacking
        if not breaching:
            return None if self.missing == "ignore" else INSUFFICIENT
        if sum(breaching) >= self.datapoints:
            return ALARM
        if lacking and self.missing in ("missing", "ignore") and all(breaching):
            return ALARM if self.missing == "missing" else None
        return OK


def values(client: Any, told: Mapping[str, Any], rule: Rule, now: float) -> list[float | None]:
    """Read a metric's values of the rule's window.

    Args:
        client: CloudWatch's, of the metric's region.
        told: The alarm, or what Route 53 noted down of it.
        rule: What it makes.
        now: Seconds since 1970.
    """
    window = rule.window(now)
    found = client.get_metric_statistics(
        Namespace=told["Namespace"],
        MetricName=told["MetricName"],
        Dimensions=told.get("Dimensions") or [],
        StartTime=datetime.fromtimestamp(window[0], UTC),
        EndTime=datetime.fromtimestamp(window[-1] + rule.period, UTC),
        Period=rule.period,
        Statistics=[told["Statistic"]],
        **({"Unit": told["Unit"]} if told.get("Unit") else {}),
    )
    by_start = {int(point["Timestamp"].timestamp()): float(point[told["Statistic"]]) for point in found["Datapoints"]}
    return [by_start.get(start) for start in window]
