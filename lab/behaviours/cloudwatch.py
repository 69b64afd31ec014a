"""CloudWatch evaluates its alarms: a metric alarm is in the state that its metric's data make."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from typing import Any

from ..world.behaviour import Behaviour, World
from . import alarms

GLOBAL = "us-east-1"
"""Where the metrics of Route 53 and CloudFront are."""

Key = tuple[str, str, frozenset[tuple[str, str]]]


class CloudWatch(Behaviour):
    """Sets an alarm's state as soon as its data make another one; the periods that are evaluated are whole ones.

    Metric math, anomaly detection, percentiles and composite alarms are left as they are, and no action is carried out.
    """

    name = "cloudwatch"
    services = frozenset({"monitoring"})
    every = 10.0
    rest = 2.0

    def __init__(self, world: World, log: logging.Logger) -> None:
        super().__init__(world, log)
        self._version = -1
        self._alarms: dict[str, list[dict[str, Any]]] = {}

    def look(self) -> None:
        version, changed = self.world.changes(self._version, 0)
        if self.moved(changed):
            self._alarms = {region: self._read(region) for region in {*self.world.regions, GLOBAL}}
        self._version = version
        now = time.time()
        for region, told in self._alarms.items():
            have = self._metrics(region)
            for alarm in told:
                if alarm.get("MetricName") and _key(alarm) in have:
                    self._evaluate(region, alarm, now)

    def down(self) -> None:
        """It makes nothing on this machine."""

    def _read(self, region: str) -> list[dict[str, Any]]:
        pages = self.world.client("cloudwatch", region).get_paginator("describe_alarms").paginate(AlarmTypes=["MetricAlarm"])
        return [alarm for page in pages for alarm in page["MetricAlarms"]]

    def _metrics(self, region: str) -> set[Key]:
        """Return what has data: the lab measures few things, and an alarm of anything else would tell of that alone."""
        pages = self.world.client("cloudwatch", region).get_paginator("list_metrics").paginate(RecentlyActive="PT3H")
        return {_key(metric) for page in pages for metric in page["Metrics"]}

    def _evaluate(self, region: str, alarm: dict[str, Any], now: float) -> None:
        rule = alarms.Rule.of(alarm)
        if rule is None:
            return
        client = self.world.client("cloudwatch", region)
        values = alarms.values(client, alarm, rule, now)
        state = rule.state(values)
        if state is None or state == alarm["StateValue"]:
            return
        reason = f"{alarm['Statistic']} of the last periods: {', '.join('-' if each is None else f'{each:g}' for each in values)}"
        client.set_alarm_state(AlarmName=alarm["AlarmName"], StateValue=state, StateReason=reason)
        self.log.info("%s in %s: %s → %s (%s)", alarm["AlarmName"], region, alarm["StateValue"], state, reason)
        alarm["StateValue"] = state


def _key(metric: Mapping[str, Any]) -> Key:
    return metric["Namespace"], metric["MetricName"], frozenset((each["Name"], each["Value"]) for each in metric.get("Dimensions") or ())
