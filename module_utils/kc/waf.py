"""What a web access control list lets through: its rules, as the unit `balancer` and the unit `edge` build them."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from . import limits
from .aws.wafv2 import WafLogGroup, WebAcl
from .builders import log_group
from .errors import KcError
from .model import Ref, Resource, canonical
from .scope import Scope
from .settings import settings

LOG_GROUP = WafLogGroup()

REDACTED = ("authorization", "cookie")
"""Headers whose values are left out of WAF's logs: they are credentials."""

LOGGED = ("BLOCK", "COUNT", "EXCLUDED_AS_COUNT")
"""Actions that are logged. What is let through is in the access logs."""

BY = {"address": "IP", "forwarded": "FORWARDED_IP"}
"""What a rate is counted by: the address that a request comes from, or the one that a proxy says it comes from."""


@dataclasses.dataclass(frozen=True)
class GroupSettings:
    """What the inventory says of one of AWS's managed rule groups.

    Attributes:
        priority: Its place among all rules, lowest first.
        count: Whether it only counts what it would block.
        count_rules: Rules of it that only count.
    """

    priority: int
    count: bool = False
    count_rules: list[str] = dataclasses.field(default_factory=list)


@dataclasses.dataclass(frozen=True)
class RateSettings:
    """What the inventory says of one limit of requests; beyond it the answer is 429.

    Attributes:
        priority: Its place among all rules, lowest first.
        limit: Requests in `window` from one address.
        window: Seconds, one of `limits.WAF_WINDOWS`.
        by: One of `BY`. `forwarded` is the first address of X-Forwarded-For, which CloudFront writes and anybody
            may forge; a request without one is not counted.
        count: Whether it only counts what it would block.
    """

    priority: int
    limit: int
    window: int = 300
    by: str = "address"
    count: bool = False


def web_acl(
    scope: Scope,
    short: str,
    kind: WebAcl,
    groups: Mapping[str, Any],
    rates: Mapping[str, Any],
    *,
    days: int,
    key: str = "logs",
    **more: Any,
) -> list[Resource]:
    """Return a web ACL and the log group that it writes to.

    Args:
        groups: Managed rule groups by AWS's name, as `GroupSettings`.
        rates: Limits by name, as `RateSettings`.
        days: How long its logs are kept.
        key: Purpose of the key that they are encrypted with; the unit looks it up.
        more: Further attributes: `balancers` in a region.

    Raises:
        KcError: A setting is none, or AWS does not allow it; it names the setting as an option of the unit.
    """
    name = scope.name("web_acl", short)
    logs = log_group(scope, short, days, key, kind=LOG_GROUP)
    desired = {
        "DefaultAction": {"Allow": {}},
        "Rules": rules(name, groups, rates),
        "VisibilityConfig": _visible(name),
        "logging": logging(Ref(LOG_GROUP.name, logs.name, "arn")),
        "tags": scope.tags(name),
        **more,
    }
    return [logs, Resource(kind, name, desired, scope.region)]


def rules(name: str, groups: Mapping[str, Any], rates: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return a web ACL's rules as the API takes them, in their order; metrics begin with `name`."""
    managed = {group: settings(GroupSettings, f"waf_groups.{group}", given) for group, given in sorted(groups.items())}
    limited = {rate: settings(RateSettings, f"waf_rates.{rate}", given) for rate, given in sorted(rates.items())}
    wrong = limits.waf_groups(managed)
    if wrong:
        raise KcError(f"`waf_groups`: {wrong}")
    made = [
        *((f"waf_rates.{rate}", _rate(name, f"waf_rates.{rate}", rate, about)) for rate, about in limited.items()),
        *((f"waf_groups.{group}", _group(name, group, about)) for group, about in managed.items()),
    ]
    taken: dict[int, str] = {}
    for where, rule in made:
        if taken.setdefault(rule["Priority"], where) != where:
            raise KcError(
                f"`{where}.priority` is {rule['Priority']}, and so is that of {taken[rule['Priority']]}",
                hint="rules stand in an order: give each another",
            )
    return sorted((rule for _, rule in made), key=lambda rule: int(rule["Priority"]))


def _group(name: str, group: str, about: GroupSettings) -> dict[str, Any]:
    overrides = [{"Name": rule, "ActionToUse": {"Count": {}}} for rule in about.count_rules]
    statement = {"VendorName": "AWS", "Name": group, **({"RuleActionOverrides": overrides} if overrides else {})}
    return {
        "Name": group,
        "Priority": about.priority,
        "Statement": {"ManagedRuleGroupStatement": statement},
        "OverrideAction": {"Count": {}} if about.count else {"None": {}},
        "VisibilityConfig": _visible(f"{name}-{group}"),
    }


def _rate(name: str, where: str, rate: str, about: RateSettings) -> dict[str, Any]:
    if about.by not in BY:
        raise KcError(f"`{where}.by` is `{about.by}`", hint=f"it is one of {', '.join(BY)}")
    wrong = limits.waf_rate(about.limit, about.window)
    if wrong:
        raise KcError(f"`{where}`: {wrong}")
    statement = {"Limit": about.limit, "EvaluationWindowSec": about.window, "AggregateKeyType": BY[about.by]}
    if about.by == "forwarded":
        statement["ForwardedIPConfig"] = {"HeaderName": "X-Forwarded-For", "FallbackBehavior": "NO_MATCH"}
    return {
        "Name": rate,
        "Priority": about.priority,
        "Statement": {"RateBasedStatement": statement},
        "Action": {"Count": {}} if about.count else {"Block": {"CustomResponse": {"ResponseCode": 429}}},
        "VisibilityConfig": _visible(f"{name}-{rate}"),
    }


def _visible(metric: str) -> dict[str, Any]:
    """Metrics are on, and the console shows samples of what met a rule."""
    return {"SampledRequestsEnabled": True, "CloudWatchMetricsEnabled": True, "MetricName": metric}


def logging(destination: Ref | str) -> dict[str, Any]:
    """Return a web ACL's logging: what a rule met, without credentials."""
    conditions = canonical({"ActionCondition": {"Action": action}} for action in LOGGED)
    return {
        "LogDestinationConfigs": [destination],
        "RedactedFields": canonical({"SingleHeader": {"Name": header}} for header in REDACTED),
        "LoggingFilter": {
            "DefaultBehavior": "DROP",
            "Filters": [{"Behavior": "KEEP", "Requirement": "MEETS_ANY", "Conditions": conditions}],
        },
    }
