"""CloudWatch: metric alarms and dashboards."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ..model import Kind, Live, canonical
from ..scope import Scope
from . import tagging
from .session import Aws
from .tags import tag_list

PARAMETERS = {
    "description": "AlarmDescription",
    "actions_enabled": "ActionsEnabled",
    "alarm_actions": "AlarmActions",
    "ok_actions": "OKActions",
    "no_data_actions": "InsufficientDataActions",
    "namespace": "Namespace",
    "metric": "MetricName",
    "statistic": "Statistic",
    "percentile": "ExtendedStatistic",
    "few_samples": "EvaluateLowSampleCountPercentile",
    "dimensions": "Dimensions",
    "metrics": "Metrics",
    "unit": "Unit",
    "period": "Period",
    "periods": "EvaluationPeriods",
    "datapoints": "DatapointsToAlarm",
    "threshold": "Threshold",
    "comparison": "ComparisonOperator",
    "missing": "TreatMissingData",
}
"""An alarm's attributes, as CloudWatch's API calls them. `metrics` (metric math) stands instead of `metric`."""

DEFAULTS: dict[str, Any] = {
    "description": "",
    "actions_enabled": True,
    "alarm_actions": [],
    "ok_actions": [],
    "no_data_actions": [],
    "namespace": "",
    "metric": "",
    "statistic": "",
    "percentile": "",
    "few_samples": "",
    "dimensions": {},
    "metrics": [],
    "unit": "",
    "period": 0,
    "datapoints": 0,
    "missing": "missing",
}
"""What an attribute is that was not given. An alarm that names all of them is compared as a whole."""


class Alarm(Kind):
    """A metric alarm. An alarm is put as a whole: an attribute that is not given is CloudWatch's default.

    Attributes of the desired state: those of `PARAMETERS` that are wanted, `dimensions` as a mapping, and `tags`.
    """

    name = "alarm"
    outputs_of = ("id", "arn")

    def read(self, aws: Aws, scope: Scope) -> dict[str, Live]:
        found = aws.pages("cloudwatch", "describe_alarms", "MetricAlarms", AlarmNamePrefix=scope.prefix, AlarmTypes=["MetricAlarm"])

        def ask(arn: str) -> list[dict[str, str]]:
            return list((aws.find("cloudwatch", "list_tags_for_resource", ResourceARN=arn) or {}).get("Tags") or [])

        pairs = tagging.owned(aws, scope, "cloudwatch:alarm", found, "AlarmArn", ask)
        return {
            alarm["AlarmName"]: Live({**_attributes(alarm), "tags": tags}, {"id": alarm["AlarmName"], "arn": alarm["AlarmArn"]})
            for alarm, tags in pairs
        }

    def create(self, aws: Aws, scope: Scope, name: str, want: Mapping[str, Any]) -> Live:
        live = Live(dict(want), {"id": name, "arn": scope.arn("cloudwatch", f"alarm:{name}")})
        self._put(aws, name, want, Tags=tag_list(want["tags"]))
        # one of this name that was not known as ours stands with its old tags: those given then are ignored
        self._tag(aws, live, want)
        return live

    def update(self, aws: Aws, scope: Scope, name: str, live: Live, want: Mapping[str, Any], changed: frozenset[str]) -> None:
        if changed - {"tags"}:
            self._put(aws, name, want)
        if "tags" in changed:  # tags given when an alarm is put again are ignored (CloudWatch API, PutMetricAlarm)
            self._tag(aws, live, want)

    def delete(self, aws: Aws, scope: Scope, name: str, live: Live) -> None:
        aws.find("cloudwatch", "delete_alarms", AlarmNames=[name])

    def _put(self, aws: Aws, name: str, want: Mapping[str, Any], **more: Any) -> None:
        given = {PARAMETERS[attr]: value for attr, value in want.items() if attr in PARAMETERS and value != DEFAULTS.get(attr)}
        if want.get("dimensions"):
            given["Dimensions"] = [{"Name": key, "Value": value} for key, value in sorted(want["dimensions"].items())]
        aws.call("cloudwatch", "put_metric_alarm", AlarmName=name, **given, **more)

    def _tag(self, aws: Aws, live: Live, want: Mapping[str, Any]) -> None:
        aws.call("cloudwatch", "tag_resource", ResourceARN=live.outputs["arn"], Tags=tag_list(want["tags"]))


def _attributes(alarm: Mapping[str, Any]) -> dict[str, Any]:
    attrs = {**DEFAULTS, **{attr: alarm[name] for attr, name in PARAMETERS.items() if alarm.get(name) is not None}}
    attrs["dimensions"] = {each["Name"]: each["Value"] for each in attrs["dimensions"] or []}
    attrs["metrics"] = canonical(_query(each) for each in attrs["metrics"])
    for actions in ("alarm_actions", "ok_actions", "no_data_actions"):
        attrs[actions] = canonical(attrs[actions])
    return attrs


def _query(query: Mapping[str, Any]) -> dict[str, Any]:
    """Return a query of metric math as it was put: without what is empty, and with its dimensions in order."""
    result = {name: value for name, value in query.items() if value not in (None, "")}
    if "MetricStat" in result:
        stat = {name: value for name, value in result["MetricStat"].items() if value not in (None, "")}
        dimensions = canonical({"Name": each["Name"], "Value": each["Value"]} for each in stat["Metric"].get("Dimensions") or [])
        result["MetricStat"] = {**stat, "Metric": {**stat["Metric"], "Dimensions": dimensions}}
    return result


class Dashboard(Kind):
    """A region's dashboard, `<platform>-<environment>-<region>`.

    The dashboards of an account are not in a region (CloudWatch API, PutDashboard), and no call lists their tags with
    them: a region's dashboard is known by its name, which holds the region.

    Attributes of the desired state: `body`, as CloudWatch documents it ("Dashboard body structure and syntax"), and
    `tags`.
    """

    name = "dashboard"
    outputs_of = ("id",)
    write_once = frozenset({"tags"})

    def read(self, aws: Aws, scope: Scope) -> dict[str, Live]:
        name = dashboard_name(scope)
        found = aws.find("cloudwatch", "get_dashboard", DashboardName=name)
        return {name: Live({"body": json.loads(found["DashboardBody"])}, {"id": name})} if found else {}

    def create(self, aws: Aws, scope: Scope, name: str, want: Mapping[str, Any]) -> Live:
        self._put(aws, name, want, Tags=tag_list(want["tags"]))
        return Live(dict(want), {"id": name})

    def update(self, aws: Aws, scope: Scope, name: str, live: Live, want: Mapping[str, Any], changed: frozenset[str]) -> None:
        self._put(aws, name, want)

    def delete(self, aws: Aws, scope: Scope, name: str, live: Live) -> None:
        aws.find("cloudwatch", "delete_dashboards", DashboardNames=[name])

    def _put(self, aws: Aws, name: str, want: Mapping[str, Any], **more: Any) -> None:
        aws.call("cloudwatch", "put_dashboard", DashboardName=name, DashboardBody=json.dumps(want["body"], separators=(",", ":")), **more)


def dashboard_name(scope: Scope) -> str:
    """Return what the dashboard of the scope's region is called."""
    return scope.name("dashboard", scope.region)
