"""CloudWatch: metric alarms."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..model import Kind, Live, canonical
from ..scope import Scope
from .session import Aws
from .tags import tag_dict, tag_list

PARAMETERS = {
    "description": "AlarmDescription",
    "actions_enabled": "ActionsEnabled",
    "alarm_actions": "AlarmActions",
    "ok_actions": "OKActions",
    "namespace": "Namespace",
    "metric": "MetricName",
    "statistic": "Statistic",
    "percentile": "ExtendedStatistic",
    "dimensions": "Dimensions",
    "metrics": "Metrics",
    "period": "Period",
    "periods": "EvaluationPeriods",
    "datapoints": "DatapointsToAlarm",
    "threshold": "Threshold",
    "comparison": "ComparisonOperator",
    "missing": "TreatMissingData",
}
"""An alarm's attributes, as CloudWatch's API calls them. `metrics` (metric math) stands instead of `metric`."""


class Alarm(Kind):
    """A metric alarm. An alarm is put as a whole: an attribute that is not given is CloudWatch's default.

    Attributes of the desired state: those of `PARAMETERS` that are wanted, `dimensions` as a mapping, and `tags`.
    """

    name = "alarm"
    outputs_of = ("id", "arn")

    def read(self, aws: Aws, scope: Scope) -> dict[str, Live]:
        found = aws.pages("cloudwatch", "describe_alarms", "MetricAlarms", AlarmNamePrefix=scope.prefix, AlarmTypes=["MetricAlarm"])

        def one(alarm: Mapping[str, Any]) -> Live:
            answer = aws.find("cloudwatch", "list_tags_for_resource", ResourceARN=alarm["AlarmArn"]) or {}
            attrs = {attr: alarm[name] for attr, name in PARAMETERS.items() if name in alarm}
            attrs["dimensions"] = {each["Name"]: each["Value"] for each in alarm.get("Dimensions") or []}
            for actions in ("alarm_actions", "ok_actions"):
                attrs[actions] = canonical(alarm.get(PARAMETERS[actions]) or [])
            return Live({**attrs, "tags": tag_dict(answer.get("Tags"))}, {"id": alarm["AlarmName"], "arn": alarm["AlarmArn"]})

        lives = {live.id: live for live in aws.map(one, found)}
        return {name: live for name, live in lives.items() if scope.owns(live.attrs["tags"])}

    def create(self, aws: Aws, scope: Scope, name: str, want: Mapping[str, Any]) -> Live:
        self._put(aws, name, want, Tags=tag_list(want["tags"]))
        return Live(dict(want), {"id": name, "arn": scope.arn("cloudwatch", f"alarm:{name}")})

    def update(self, aws: Aws, scope: Scope, name: str, live: Live, want: Mapping[str, Any], changed: frozenset[str]) -> None:
        if changed - {"tags"}:
            self._put(aws, name, want)
        if "tags" in changed:  # tags given when an alarm is put again are ignored (CloudWatch API, PutMetricAlarm)
            aws.call("cloudwatch", "tag_resource", ResourceARN=live.outputs["arn"], Tags=tag_list(want["tags"]))

    def delete(self, aws: Aws, scope: Scope, name: str, live: Live) -> None:
        aws.find("cloudwatch", "delete_alarms", AlarmNames=[name])

    def _put(self, aws: Aws, name: str, want: Mapping[str, Any], **more: Any) -> None:
        given = {PARAMETERS[attr]: value for attr, value in want.items() if attr in PARAMETERS and attr != "dimensions"}
        if want.get("dimensions"):
            given["Dimensions"] = [{"Name": key, "Value": value} for key, value in sorted(want["dimensions"].items())]
        aws.call("cloudwatch", "put_metric_alarm", AlarmName=name, **given, **more)
