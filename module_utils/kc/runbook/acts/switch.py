"""The name that writes go to is turned to a region, by the failover's switch (units/dns.py)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from ...aws.session import Aws
from ...scope import Scope
from ...units.dns import METRIC, standby_of
from ..act import Act, Call

LOOK_BACK = timedelta(hours=3)
"""A switch that nobody touched for so long is put anew: once more costs nothing, and says so in the metric."""

PERIOD = 60
"""Seconds that Route 53 looks at at once; the greatest value of them counts."""


class Switch(Act[float | None]):
    """Puts the switch.

    Args:
        scope: Any region's.
        home: The region that is primary at home.
        regions: Both.
        to: Where writes go.
    """

    def __init__(self, scope: Scope, home: str, regions: Sequence[str], to: str) -> None:
        self._namespace = scope.namespace
        self._region = standby_of(home, regions)
        self._value = 0.0 if to == home else 1.0
        self.what = f"the failover's switch in {self._region}"

    def look(self, aws: Aws) -> float | None:
        """Return what the switch was put to last; None: nothing of late."""
        now = datetime.now(UTC)
        found = aws.at(self._region).call(
            "cloudwatch",
            "get_metric_statistics",
            Namespace=self._namespace,
            MetricName=METRIC,
            StartTime=now - LOOK_BACK,
            EndTime=now + timedelta(seconds=PERIOD),
            Period=PERIOD,
            Statistics=["Maximum"],
        )["Datapoints"]
        return float(max(found, key=lambda each: each["Timestamp"])["Maximum"]) if found else None

    def calls(self, seen: float | None) -> Sequence[Call]:
        if seen == self._value:
            return []
        data = [{"MetricName": METRIC, "Value": self._value, "Unit": "None"}]
        return [Call(self._region, "cloudwatch", "put_metric_data", {"Namespace": self._namespace, "MetricData": data})]

    def lacks(self, seen: float | None) -> str:
        return "" if seen == self._value else f"at {seen}"
