"""Elastic Load Balancing: what AWS answers, in the shape in which it is asked for."""

from __future__ import annotations

from typing import Any

import pytest
from kc.aws.elbv2 import RUNBOOK_PRIORITIES, TAGS_A_CALL, ListenerRule, LoadBalancer, TargetGroup, _action, _condition
from kc.model import Live
from kc.scope import Scope

SCOPE = Scope("kc", "lab", "123456789012", "me-west-1", "balancer")
GROUP = "arn:aws:elasticloadbalancing:me-west-1:123456789012:targetgroup/kc-lab-api/1"
ONE = {"TargetGroups": [{"TargetGroupArn": GROUP, "Weight": 1}], "TargetGroupStickinessConfig": {"Enabled": False}}
TWO = {"TargetGroups": [{"TargetGroupArn": GROUP, "Weight": 1}, {"TargetGroupArn": "other", "Weight": 9}]}
STICKY = {**ONE, "TargetGroupStickinessConfig": {"Enabled": True, "DurationSeconds": 60}}
FORWARD = {"Type": "forward", "TargetGroupArn": GROUP}
FIXED = {"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404"}}


@pytest.mark.parametrize(
    ("answered", "action"),
    [
        (FORWARD, FORWARD),
        ({**FORWARD, "Order": 1, "ForwardConfig": ONE}, FORWARD),
        ({"Type": "forward", "ForwardConfig": ONE}, FORWARD),
        ({"Type": "forward", "ForwardConfig": TWO}, {"Type": "forward", "ForwardConfig": TWO}),
        ({**FORWARD, "ForwardConfig": STICKY}, {**FORWARD, "ForwardConfig": STICKY}),
        ({**FIXED, "Order": 1}, FIXED),
    ],
    ids=["as given", "told twice", "told with weights only", "two groups", "sticky", "a response"],
)
def test_an_action(answered: dict[str, Any], action: dict[str, Any]) -> None:
    assert _action(answered) == action


@pytest.mark.parametrize(
    ("answered", "condition"),
    [
        ({"Field": "host-header", "Values": ["b", "a"], "HostHeaderConfig": {"Values": ["b", "a"]}}, ("host-header", ["a", "b"])),
        ({"Field": "path-pattern", "PathPatternConfig": {"Values": ["/*"]}}, ("path-pattern", ["/*"])),
        ({"Field": "path-pattern", "Values": ["/*"]}, ("path-pattern", ["/*"])),
        (
            {"Field": "host-header", "HostHeaderConfig": {"RegexValues": ["a.*"]}},
            ("host-header", {"HostHeaderConfig": {"RegexValues": ["a.*"]}}),
        ),
        (
            {"Field": "source-ip", "SourceIpConfig": {"Values": ["10.0.0.0/8"]}},
            ("source-ip", {"SourceIpConfig": {"Values": ["10.0.0.0/8"]}}),
        ),
    ],
    ids=["told twice", "told once", "told the old way", "a pattern that we never give", "another field"],
)
def test_a_condition(answered: dict[str, Any], condition: tuple[str, Any]) -> None:
    assert _condition(answered) == condition


class Elb:
    """A region with load balancers of ours and of others; one may be gone by the time that its tags are asked for."""

    def __init__(self, ours: int = 0, others: int = 0, gone: str = "", rules: list[dict[str, Any]] | None = None) -> None:
        self.tags = {f"arn:x:loadbalancer/app/lb{number}/{number}": SCOPE.tags() for number in range(ours)}
        self.tags |= {f"arn:x:loadbalancer/app/other{number}/{number}": {} for number in range(others)}
        self.gone = gone
        self.rules = rules or []
        self.asked: list[int] = []

    def map(self, act: Any, items: Any) -> list[Any]:
        return [act(item) for item in items]

    def pages(self, service: str, operation: str, key: str, /, **params: Any) -> list[dict[str, Any]]:
        balancers = [
            {
                "LoadBalancerArn": arn,
                "LoadBalancerName": arn.split("/")[2],
                "Scheme": "internal",
                "AvailabilityZones": [],
                "DNSName": "d",
                "CanonicalHostedZoneId": "z",
            }
            for arn in self.tags
        ]
        listeners = [{"ListenerArn": "l", "Port": 443}]
        return {"LoadBalancers": balancers, "Listeners": listeners, "Rules": self.rules}[key]

    def find(self, service: str, operation: str, /, **params: Any) -> dict[str, Any] | None:
        if operation != "describe_tags":
            return {"Attributes": []}
        self.asked.append(len(params["ResourceArns"]))
        if self.gone in params["ResourceArns"]:
            return None
        tags = {arn: self.tags.get(arn, {}) for arn in params["ResourceArns"]}
        return {
            "TagDescriptions": [
                {"ResourceArn": arn, "Tags": [{"Key": key, "Value": value} for key, value in its.items()]} for arn, its in tags.items()
            ]
        }


def test_tags_are_asked_for_in_batches() -> None:
    aws: Any = Elb(ours=2, others=2 * TAGS_A_CALL)
    assert sorted(LoadBalancer().read(aws, SCOPE)) == ["lb0", "lb1"]
    assert aws.asked == [TAGS_A_CALL, TAGS_A_CALL, 2]


def test_one_that_is_gone_hides_no_other() -> None:
    aws: Any = Elb(ours=2, others=1, gone="arn:x:loadbalancer/app/other0/0")
    assert sorted(LoadBalancer().read(aws, SCOPE)) == ["lb0", "lb1"]
    assert aws.asked == [3, 1, 1, 1]


def test_runbooks_rules_are_not_read() -> None:
    rules = [
        {"RuleArn": f"r{place}", "Priority": place, "IsDefault": place == "default", "Conditions": [], "Actions": [FIXED]}
        for place in ["1", *map(str, RUNBOOK_PRIORITIES), "10", "default"]
    ]
    aws: Any = Elb(ours=1, rules=rules)
    found = ListenerRule().read(aws, SCOPE)
    assert {name: live.id for name, live in found.items()} == {"lb0:443:1": "r1", "lb0:443:10": "r10"}


class InUse:
    """A target group that rules of two listeners lead to."""

    def __init__(self) -> None:
        self.done: list[tuple[str, Any]] = []

    def pages(self, service: str, operation: str, key: str, /, **params: Any) -> list[dict[str, Any]]:
        of = params["ListenerArn"]
        actions = {"ours": FORWARD, "other": {"Type": "forward", "TargetGroupArn": "another"}, "fixed": FIXED}
        return [{"RuleArn": f"{of}/{name}", "Actions": [action]} for name, action in actions.items()]

    def find(self, service: str, operation: str, /, **params: Any) -> dict[str, Any] | None:
        self.done.append((operation, params.get("RuleArn") or params.get("TargetGroupArn")))
        return {
            "describe_target_groups": {"TargetGroups": [{"LoadBalancerArns": ["lb"]}]},
            "describe_listeners": {"Listeners": [{"ListenerArn": "l1"}, {"ListenerArn": "l2"}]},
        }.get(operation, {})


def test_what_leads_to_a_target_group_is_let_go_first() -> None:
    aws: Any = InUse()
    TargetGroup().delete(aws, SCOPE, "kc-lab-api", Live({}, {"id": GROUP}))
    changes = [each for each in aws.done if not each[0].startswith("describe")]
    assert changes == [("modify_rule", "l1/ours"), ("modify_rule", "l2/ours"), ("delete_target_group", GROUP)]
