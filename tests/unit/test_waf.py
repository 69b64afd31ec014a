"""Web ACLs: what the inventory says, as WAF takes it."""

from __future__ import annotations

from typing import Any

import pytest
from kc import limits
from kc.aws.wafv2 import PAGE, WebAcl
from kc.errors import KcError
from kc.model import Ref
from kc.scope import Scope
from kc.waf import rules, web_acl

SCOPE = Scope("kc", "lab", "123456789012", "us-east-1", "edge")
COMMON, SQL = "AWSManagedRulesCommonRuleSet", "AWSManagedRulesSQLiRuleSet"


def visible(metric: str) -> dict[str, Any]:
    return {"SampledRequestsEnabled": True, "CloudWatchMetricsEnabled": True, "MetricName": metric}


def test_rules_stand_in_their_order() -> None:
    found = rules("kc-lab-x", {SQL: {"priority": 30}, COMMON: {"priority": 20}}, {"viewer": {"priority": 25, "limit": 100}})
    assert [(rule["Name"], rule["Priority"]) for rule in found] == [(COMMON, 20), ("viewer", 25), (SQL, 30)]
    assert [rule["VisibilityConfig"] for rule in found] == [visible(f"kc-lab-x-{name}") for name in (COMMON, "viewer", SQL)]


@pytest.mark.parametrize(
    ("given", "override", "overrides"),
    [
        ({}, {"None": {}}, None),
        ({"count": True}, {"Count": {}}, None),
        ({"count_rules": ["A", "B"]}, {"None": {}}, [{"Name": name, "ActionToUse": {"Count": {}}} for name in "AB"]),
    ],
)
def test_a_managed_group(given: dict[str, Any], override: dict[str, Any], overrides: Any) -> None:
    (rule,) = rules("x", {COMMON: {"priority": 1, **given}}, {})
    assert rule["OverrideAction"] == override
    statement = rule["Statement"]["ManagedRuleGroupStatement"]
    assert (statement["VendorName"], statement["Name"], statement.get("RuleActionOverrides")) == ("AWS", COMMON, overrides)


FORWARDED = {"HeaderName": "X-Forwarded-For", "FallbackBehavior": "NO_MATCH"}


@pytest.mark.parametrize(
    ("given", "statement", "action"),
    [
        ({}, {"EvaluationWindowSec": 300, "AggregateKeyType": "IP"}, {"Block": {"CustomResponse": {"ResponseCode": 429}}}),
        ({"window": 60, "count": True}, {"EvaluationWindowSec": 60, "AggregateKeyType": "IP"}, {"Count": {}}),
        (
            {"by": "forwarded"},
            {"EvaluationWindowSec": 300, "AggregateKeyType": "FORWARDED_IP", "ForwardedIPConfig": FORWARDED},
            {"Block": {"CustomResponse": {"ResponseCode": 429}}},
        ),
    ],
)
def test_a_rate(given: dict[str, Any], statement: dict[str, Any], action: dict[str, Any]) -> None:
    (rule,) = rules("x", {}, {"viewer": {"priority": 1, "limit": 2000, **given}})
    assert rule["Statement"] == {"RateBasedStatement": {"Limit": 2000, **statement}}
    assert rule["Action"] == action


@pytest.mark.parametrize(
    ("groups", "rates", "says"),
    [
        ({"CommonRuleSet": {"priority": 1}}, {}, "`waf_groups`: CommonRuleSet is no rule group"),
        ({COMMON: {}}, {}, "`waf_groups.AWSManagedRulesCommonRuleSet` lacks the setting `priority`"),
        ({name: {"priority": at} for at, name in enumerate(limits.WAF_GROUPS)}, {}, "`waf_groups`: they take 1975 capacity units"),
        ({COMMON: {"priority": 5}}, {"viewer": {"priority": 5, "limit": 10}}, f"`waf_groups.{COMMON}.priority` is 5, and so is that of"),
        ({}, {"viewer": {"priority": 1, "limit": 9}}, "`waf_rates.viewer`: AWS takes 10 to"),
        ({}, {"viewer": {"priority": 1, "limit": 10, "window": 30}}, "`waf_rates.viewer`: WAF counts no requests over 30 s"),
        ({}, {"viewer": {"priority": 1, "limit": 10, "by": "ip"}}, "`waf_rates.viewer.by` is `ip`"),
    ],
)
def test_what_waf_would_refuse(groups: dict[str, Any], rates: dict[str, Any], says: str) -> None:
    with pytest.raises(KcError) as caught:
        rules("x", groups, rates)
    assert says in caught.value.message


def test_cloudfronts() -> None:
    """It stands in us-east-1, where the platform has no key for logs, and names no load balancers."""
    logs, acl = web_acl(SCOPE, "edge", WebAcl(cloudfront=True), {COMMON: {"priority": 1}}, {}, days=30, key="")
    assert (logs.name, logs.desired) == ("aws-waf-logs-kc-lab-edge", {"days": 30, "key": "", "tags": SCOPE.tags()})
    assert acl.desired is not None
    assert "balancers" not in acl.desired
    assert acl.desired["logging"]["LogDestinationConfigs"] == [Ref("waf_log_group", logs.name, "arn")]


def test_credentials_are_not_logged() -> None:
    _, acl = web_acl(SCOPE, "edge", WebAcl(), {}, {}, days=30)
    assert acl.desired is not None
    headers = [field["SingleHeader"]["Name"] for field in acl.desired["logging"]["RedactedFields"]]
    assert headers == ["authorization", "cookie"]


class Waf:
    """A WAF with more web ACLs than one page of its list holds."""

    def __init__(self, total: int) -> None:
        self.names = [f"acl-{number}" for number in range(total)]
        self.asked: list[dict[str, Any]] = []

    def call(self, service: str, operation: str, /, **params: Any) -> dict[str, Any]:
        self.asked.append(params)
        start = int(params.get("NextMarker", 0))
        page = self.names[start : start + params["Limit"]]
        return {"WebACLs": [{"Name": name} for name in page], **({"NextMarker": str(start + len(page))} if page else {})}

    def map(self, act: Any, items: list[Any]) -> list[Any]:
        return [act(item) for item in items]


@pytest.mark.parametrize(("total", "calls"), [(0, 1), (3, 2), (2 * PAGE + 1, 4)])
def test_every_page_is_read(total: int, calls: int) -> None:
    aws: Any = Waf(total)
    assert [item["Name"] for item in WebAcl()._list(aws)] == aws.names
    assert len(aws.asked) == calls
