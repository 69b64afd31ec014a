"""Route 53: health checks of endpoints and alarms, and those that count others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from ..model import Kind, Live
from ..scope import Scope
from . import route53
from .session import Aws

PARAMETERS = {
    "type": "Type",
    "fqdn": "FullyQualifiedDomainName",
    "port": "Port",
    "path": "ResourcePath",
    "interval": "RequestInterval",
    "threshold": "FailureThreshold",
    "sni": "EnableSNI",
    "checkers": "Regions",
    "alarm": "AlarmIdentifier",
    "insufficient_data": "InsufficientDataHealthStatus",
    "children": "ChildHealthChecks",
    "healthy_children": "HealthThreshold",
    "inverted": "Inverted",
    "disabled": "Disabled",
}
"""A health check's attributes, as Route 53's API calls them."""

WATCHED = {
    "namespace": "Namespace",
    "metric": "MetricName",
    "statistic": "Statistic",
    "period": "Period",
    "periods": "EvaluationPeriods",
    "threshold": "Threshold",
    "comparison": "ComparisonOperator",
}
"""What Route 53 notes down of an alarm, by the names that `cloudwatch.Alarm` gives it."""

DIGITS, NONCE = 20, 8
"""Hex digits at the beginning of a CallerReference, which say whose it is, and at its end: Route 53 never takes one
again, not even after a deletion. It has 64 characters at most, so 34 are left for the name (Route 53 API, CreateHealthCheck)."""


class HealthCheck(Kind):
    """A health check of an endpoint (type HTTPS) or of an alarm (type CLOUDWATCH_METRIC).

    Attributes of the desired state: those of `PARAMETERS` that its type has (lists sorted), and `tags`. `alarm` is a
    mapping of `region` and `name`, and of the alarm's settings (`WATCHED`): Route 53 does not watch the alarm's
    state, it evaluates the metric by the settings that it noted down when the check was made or changed. Where the
    alarm was changed since, the check is changed too, which makes Route 53 look again.

    Its name is the scope's prefix and a short name, and the short name is in the CallerReference, which begins with a
    digest of the scope: a check can't be tagged by the call that creates it, and so none is lost or doubled.
    """

    name = "health_check"
    immutable = frozenset({"type", "interval"})
    calculated: ClassVar[bool] = False

    def read(self, aws: Aws, scope: Scope) -> dict[str, Live]:
        if scope.region != route53.GLOBAL:
            return {}  # of a unit that has resources in several regions, they are in this one
        begins = route53.reference(scope, digits=DIGITS)
        found = aws.pages("route53", "list_health_checks", "HealthChecks")
        own = [each for each in found if each["CallerReference"].startswith(begins) and self.calculated == _calculated(each)]
        tags = route53.tags_of(aws, "healthcheck", [each["Id"] for each in own])
        return {
            scope.prefix + each["CallerReference"][len(begins) : -NONCE - 1]: Live(
                {**attributes(each), "tags": tags[each["Id"]]}, {"id": each["Id"]}
            )
            for each in own
        }

    def create(self, aws: Aws, scope: Scope, name: str, want: Mapping[str, Any]) -> Live:
        short = name.removeprefix(scope.prefix)
        made = aws.call(
            "route53",
            "create_health_check",
            CallerReference=f"{route53.reference(scope, digits=DIGITS)}{short}-{aws.token('health_check', name)[:NONCE]}",
            HealthCheckConfig=config(want),
        )
        id = str(made["HealthCheck"]["Id"])
        route53.tag(aws, "healthcheck", id, want["tags"])
        return Live(dict(want), {"id": id})

    def update(self, aws: Aws, scope: Scope, name: str, live: Live, want: Mapping[str, Any], changed: frozenset[str]) -> None:
        changes = config({attr: want[attr] for attr in changed})
        if changes:
            aws.call("route53", "update_health_check", HealthCheckId=live.id, **changes)
        if "tags" in changed:
            route53.tag(aws, "healthcheck", live.id, want["tags"])

    def delete(self, aws: Aws, scope: Scope, name: str, live: Live) -> None:
        aws.find("route53", "delete_health_check", HealthCheckId=live.id)


class CalculatedCheck(HealthCheck):
    """A health check that counts healthy others. A kind of its own, since it is made after them and goes before them.

    Attributes of the desired state: `type` (CALCULATED), `children` (ids), `healthy_children` (how many must be),
    `inverted`, `disabled` (Route 53 takes a disabled check for a healthy one), `tags`.
    """

    name = "calculated_health_check"
    calculated = True


def config(want: Mapping[str, Any]) -> dict[str, Any]:
    """Return attributes as Route 53's API takes them."""
    result = {PARAMETERS[attr]: value for attr, value in want.items() if attr in PARAMETERS}
    if "alarm" in want:
        result["AlarmIdentifier"] = {"Region": want["alarm"]["region"], "Name": want["alarm"]["name"]}
    return result


def attributes(check: Mapping[str, Any]) -> dict[str, Any]:
    """Return a health check that Route 53 lists in the shape of the desired state, without tags."""
    about = check["HealthCheckConfig"]
    attrs = {"inverted": False, "disabled": False} | {attr: about[name] for attr, name in PARAMETERS.items() if name in about}
    for attr in {"checkers", "children"} & attrs.keys():
        attrs[attr] = sorted(attrs[attr])
    if "alarm" in attrs:
        noted = check.get("CloudWatchAlarmConfiguration") or {}
        attrs["alarm"] = {
            "region": attrs["alarm"]["Region"],
            "name": attrs["alarm"]["Name"],
            **{attr: noted[name] for attr, name in WATCHED.items() if name in noted},
        }
    return attrs


def _calculated(check: Mapping[str, Any]) -> bool:
    return bool(check["HealthCheckConfig"]["Type"] == "CALCULATED")
