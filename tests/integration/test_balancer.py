"""A region's load balancer and its web ACL on an AWS API: made, kept, put back, taken away."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from kc.unit import run
from kc.units.balancer import UNIT

from tests.integration.platform import APPLICATIONS, DOMAIN, before, options

BALANCER, API, ACL = "kc-lab-public", "kc-lab-api", "kc-lab-balancer"
ZONES = {"network": {"zones": ["a", "b"]}}
"""A load balancer stands in two zones at least."""
FIXED = {"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "200"}}
Expected = list[tuple[str, str, str, list[str]]]


@dataclass
class Region:
    """A region's load balancing, as somebody at a console sees it."""

    client: Callable[..., Any]

    @property
    def elb(self) -> Any:
        return self.client("elbv2")

    @property
    def waf(self) -> Any:
        return self.client("wafv2")

    @property
    def balancer(self) -> str:
        return str(self.elb.describe_load_balancers(Names=[BALANCER])["LoadBalancers"][0]["LoadBalancerArn"])

    def group(self, name: str = API) -> dict[str, Any]:
        found: dict[str, Any] = self.elb.describe_target_groups(Names=[name])["TargetGroups"][0]
        return found

    def listener(self, port: int = 443) -> dict[str, Any]:
        found = self.elb.describe_listeners(LoadBalancerArn=self.balancer)["Listeners"]
        return next(dict(each) for each in found if each["Port"] == port)

    def rules(self) -> dict[str, dict[str, Any]]:
        found = self.elb.describe_rules(ListenerArn=self.listener()["ListenerArn"])["Rules"]
        return {rule["Priority"]: rule for rule in found}

    def rule(self, priority: int = 10) -> str:
        return str(self.rules()[str(priority)]["RuleArn"])

    @property
    def acl(self) -> dict[str, Any]:
        (found,) = [each for each in self.waf.list_web_acls(Scope="REGIONAL")["WebACLs"] if each["Name"] == ACL]
        answer = self.waf.get_web_acl(Name=ACL, Id=found["Id"], Scope="REGIONAL")
        return {**answer["WebACL"], "LockToken": answer["LockToken"]}

    def set_balancer(self, key: str, value: str) -> None:
        self.elb.modify_load_balancer_attributes(LoadBalancerArn=self.balancer, Attributes=[{"Key": key, "Value": value}])

    def set_group(self, key: str, value: str) -> None:
        arn = self.group()["TargetGroupArn"]
        self.elb.modify_target_group_attributes(TargetGroupArn=arn, Attributes=[{"Key": key, "Value": value}])

    def set_listener(self, key: str, value: str, port: int = 443) -> None:
        arn = self.listener(port)["ListenerArn"]
        self.elb.modify_listener_attributes(ListenerArn=arn, Attributes=[{"Key": key, "Value": value}])

    def add_rule(self, priority: int) -> str:
        condition = {"Field": "path-pattern", "PathPatternConfig": {"Values": ["/admin/*"]}}
        arn = self.listener()["ListenerArn"]
        made = self.elb.create_rule(ListenerArn=arn, Priority=priority, Conditions=[condition], Actions=[FIXED])
        return str(made["Rules"][0]["RuleArn"])

    def set_acl(self, **changed: Any) -> None:
        acl = self.acl
        given = {key: acl[key] for key in ("Name", "Id", "DefaultAction", "Rules", "VisibilityConfig", "LockToken")}
        self.waf.update_web_acl(Scope="REGIONAL", **{**given, **changed})

    def other_acl(self) -> str:
        visible = {"SampledRequestsEnabled": False, "CloudWatchMetricsEnabled": False, "MetricName": "other"}
        made = self.waf.create_web_acl(Name="other", Scope="REGIONAL", DefaultAction={"Allow": {}}, VisibilityConfig=visible)
        return str(made["Summary"]["ARN"])

    def other_balancer(self) -> str:
        """A load balancer, listener, rule and target group that somebody else made beside ours."""
        ours = self.elb.describe_load_balancers(Names=[BALANCER])["LoadBalancers"][0]
        subnets = [zone["SubnetId"] for zone in ours["AvailabilityZones"]]
        arn = self.elb.create_load_balancer(Name="other", Subnets=subnets, Scheme="internal")["LoadBalancers"][0]["LoadBalancerArn"]
        self.elb.create_target_group(Name="other", Protocol="HTTP", Port=80, VpcId=ours["VpcId"], TargetType="ip")
        self.elb.create_listener(LoadBalancerArn=arn, Protocol="HTTP", Port=80, DefaultActions=[FIXED])
        return str(arn)


@pytest.fixture
def region(client: Callable[..., Any]) -> Region:
    return Region(client)


@pytest.fixture
def params(converge: Any, scope_option: Any) -> dict[str, Any]:
    for needed, region in before("balancer"):
        converge(needed, {**options(needed, region), **ZONES.get(needed, {}), "scope": scope_option(region)})
    return {**options("balancer"), "scope": scope_option(tags={"Owner": "operations"})}


def changes(result: dict[str, Any]) -> Expected:
    return [(one["action"], one["kind"], one["name"], sorted(one["after"] or {})) for one in result["plan"]]


def test_an_empty_account_can_be_planned(converge: Any, scope_option: Any) -> None:
    planned = converge("balancer", {**options("balancer"), "scope": scope_option()}, check=True)
    (rule,) = [one for one in planned["plan"] if one["name"] == f"{BALANCER}:443:10"]
    assert rule["after"]["actions"] == [{"Type": "forward", "TargetGroupArn": "(known after apply)"}]


def test_made_once(converge: Any, params: dict[str, Any], region: Region, client: Any) -> None:
    planned = converge("balancer", params, check=True)
    assert region.elb.describe_load_balancers()["LoadBalancers"] == []
    made = converge("balancer", params)
    assert made["plan"] == planned["plan"]
    assert {one["action"] for one in made["plan"]} == {"create"}
    assert converge("balancer", params)["plan"] == []

    (balancer,) = region.elb.describe_load_balancers()["LoadBalancers"]
    assert {zone["ZoneName"] for zone in balancer["AvailabilityZones"]} == {"me-west-1a", "me-west-1b"}
    told = made["outputs"]["load_balancer"][BALANCER]
    assert (told["dns"], told["zone"]) == (balancer["DNSName"], balancer["CanonicalHostedZoneId"])
    assert f":loadbalancer/{told['suffix']}" in balancer["LoadBalancerArn"]
    assert region.group()["TargetGroupArn"].endswith(f":{made['outputs']['target_group'][API]['suffix']}")

    (certificate,) = client("acm").list_certificates()["CertificateSummaryList"]
    assert region.listener()["Certificates"] == [{"CertificateArn": certificate["CertificateArn"]}]
    rules = region.rules()
    assert sorted(rules) == ["1", "10", "default"]
    for priority, hosts in (("1", ["origin-me-west-1", "origin"]), ("10", ["api"])):
        condition = next(each for each in rules[priority]["Conditions"] if each["Field"] == "host-header")
        assert condition["HostHeaderConfig"]["Values"] == [f"{host}.{DOMAIN}" for host in hosts]
        assert rules[priority]["Actions"][0]["TargetGroupArn"] == region.group()["TargetGroupArn"]

    answer = region.waf.list_resources_for_web_acl(WebACLArn=region.acl["ARN"], ResourceType="APPLICATION_LOAD_BALANCER")
    assert answer["ResourceArns"] == [balancer["LoadBalancerArn"]]
    logging = region.waf.get_logging_configuration(ResourceArn=region.acl["ARN"])["LoggingConfiguration"]
    assert logging["LogDestinationConfigs"][0].endswith(":log-group:aws-waf-logs-kc-lab-balancer")


def update(kind: str, name: str, *attrs: str) -> Expected:
    return [("update", kind, name, list(attrs))]


RULE = f"{BALANCER}:443:10"
DRIFT: dict[str, tuple[Callable[[Region], Any], Expected]] = {
    "no security group": (
        lambda it: it.elb.set_security_groups(LoadBalancerArn=it.balancer, SecurityGroups=[]),
        update("load_balancer", BALANCER, "groups"),
    ),
    "no protection": (
        lambda it: it.set_balancer("deletion_protection.enabled", "false"),
        update("load_balancer", BALANCER, "attributes"),
    ),
    "no access logs": (lambda it: it.set_balancer("access_logs.s3.enabled", "false"), update("load_balancer", BALANCER, "attributes")),
    "a balancer's tag": (
        lambda it: it.elb.add_tags(ResourceArns=[it.balancer], Tags=[{"Key": "Owner", "Value": "x"}]),
        update("load_balancer", BALANCER, "tags"),
    ),
    "another health check": (
        lambda it: it.elb.modify_target_group(TargetGroupArn=it.group()["TargetGroupArn"], HealthCheckPath="/", UnhealthyThresholdCount=9),
        update("target_group", API, "health"),
    ),
    "sticky": (lambda it: it.set_group("stickiness.enabled", "true"), update("target_group", API, "attributes")),
    "slow to let go": (
        lambda it: it.set_group("deregistration_delay.timeout_seconds", "300"),
        update("target_group", API, "attributes"),
    ),
    "a target group's tag": (
        lambda it: it.elb.add_tags(ResourceArns=[it.group()["TargetGroupArn"]], Tags=[{"Key": "Owner", "Value": "x"}]),
        update("target_group", API, "tags"),
    ),
    "old TLS": (
        lambda it: it.elb.modify_listener(ListenerArn=it.listener()["ListenerArn"], SslPolicy="ELBSecurityPolicy-2016-08"),
        update("listener", f"{BALANCER}:443", "tls_policy"),
    ),
    "another default": (
        lambda it: it.elb.modify_listener(ListenerArn=it.listener()["ListenerArn"], DefaultActions=[FIXED]),
        update("listener", f"{BALANCER}:443", "actions"),
    ),
    "plain HTTP serves": (
        lambda it: it.elb.modify_listener(
            ListenerArn=it.listener(80)["ListenerArn"],
            DefaultActions=[{"Type": "forward", "TargetGroupArn": it.group()["TargetGroupArn"]}],
        ),
        update("listener", f"{BALANCER}:80", "actions"),
    ),
    "no HSTS": (
        lambda it: it.set_listener("routing.http.response.strict_transport_security.header_value", ""),
        update("listener", f"{BALANCER}:443", "attributes"),
    ),
    "a header that nobody wants": (
        lambda it: it.set_listener("routing.http.response.strict_transport_security.header_value", "max-age=1", 80),
        update("listener", f"{BALANCER}:80", "attributes"),
    ),
    "a listener's tag": (
        lambda it: it.elb.remove_tags(ResourceArns=[it.listener()["ListenerArn"]], TagKeys=["Platform"]),
        update("listener", f"{BALANCER}:443", "tags"),
    ),
    "a rule leads elsewhere": (
        lambda it: it.elb.modify_rule(RuleArn=it.rule(), Actions=[FIXED]),
        update("listener_rule", RULE, "actions"),
    ),
    "a rule for another host": (
        lambda it: it.elb.modify_rule(
            RuleArn=it.rule(), Conditions=[{"Field": "host-header", "HostHeaderConfig": {"Values": ["x.example.com"]}}]
        ),
        update("listener_rule", RULE, "conditions"),
    ),
    "a rule with one more condition": (
        lambda it: it.elb.modify_rule(
            RuleArn=it.rule(),
            Conditions=[
                {"Field": "host-header", "HostHeaderConfig": {"Values": [f"api.{DOMAIN}"]}},
                {"Field": "source-ip", "SourceIpConfig": {"Values": ["192.0.2.0/24"]}},
            ],
        ),
        update("listener_rule", RULE, "conditions"),
    ),
    "a rule's tag": (
        lambda it: it.elb.add_tags(ResourceArns=[it.rule()], Tags=[{"Key": "Owner", "Value": "x"}]),
        update("listener_rule", RULE, "tags"),
    ),
    "a rule deleted": (
        lambda it: it.elb.delete_rule(RuleArn=it.rule()),
        [("create", "listener_rule", RULE, ["actions", "conditions", "listener", "priority", "tags"])],
    ),
    "a rule added": (lambda it: it.add_rule(77), [("delete", "listener_rule", f"{BALANCER}:443:77", [])]),
    "a listener added": (
        lambda it: it.elb.create_listener(LoadBalancerArn=it.balancer, Protocol="HTTP", Port=8080, DefaultActions=[FIXED]),
        [("delete", "listener", f"{BALANCER}:8080", [])],
    ),
    "everything is refused": (lambda it: it.set_acl(DefaultAction={"Block": {}}), update("web_acl", ACL, "DefaultAction")),
    "a rule of WAF less": (lambda it: it.set_acl(Rules=it.acl["Rules"][:1]), update("web_acl", ACL, "Rules")),
    "no metrics": (
        lambda it: it.set_acl(VisibilityConfig={**it.acl["VisibilityConfig"], "CloudWatchMetricsEnabled": False}),
        update("web_acl", ACL, "VisibilityConfig"),
    ),
    "no logs": (lambda it: it.waf.delete_logging_configuration(ResourceArn=it.acl["ARN"]), update("web_acl", ACL, "logging")),
    "credentials in the logs": (
        lambda it: it.waf.put_logging_configuration(
            LoggingConfiguration={
                **{key: value for key, value in logging_of(it).items() if key in ("ResourceArn", "LogDestinationConfigs", "LoggingFilter")},
            }
        ),
        update("web_acl", ACL, "logging"),
    ),
    "no web ACL in front": (lambda it: it.waf.disassociate_web_acl(ResourceArn=it.balancer), update("web_acl", ACL, "balancers")),
    "another web ACL in front": (
        lambda it: it.waf.associate_web_acl(WebACLArn=it.other_acl(), ResourceArn=it.balancer),
        update("web_acl", ACL, "balancers"),
    ),
    "a web ACL's tag": (
        lambda it: it.waf.tag_resource(ResourceARN=it.acl["ARN"], Tags=[{"Key": "Owner", "Value": "x"}]),
        update("web_acl", ACL, "tags"),
    ),
    "logs for ever": (
        lambda it: it.client("logs").delete_retention_policy(logGroupName="aws-waf-logs-kc-lab-balancer"),
        update("waf_log_group", "aws-waf-logs-kc-lab-balancer", "days"),
    ),
}


def logging_of(region: Region) -> dict[str, Any]:
    found: dict[str, Any] = region.waf.get_logging_configuration(ResourceArn=region.acl["ARN"])["LoggingConfiguration"]
    return found


def rounds() -> list[dict[str, tuple[Callable[[Region], Any], Expected]]]:
    """Drift that can stand at once: in a round no two are about one resource."""
    found: list[dict[str, tuple[Callable[[Region], Any], Expected]]] = []
    for what, (by_hand, expected) in DRIFT.items():
        touched = {name for _, _, name, _ in expected}
        fits = (each for each in found if not touched & {name for _, others in each.values() for _, _, name, _ in others})
        this = next(fits, None)
        if this is None:
            found.append(this := {})
        this[what] = by_hand, expected
    return found


def test_drift_is_seen_and_put_back(converge: Any, params: dict[str, Any], region: Region) -> None:
    converge("balancer", params)
    for drift in rounds():
        for by_hand, _ in drift.values():
            by_hand(region)
        expected = sorted(change for _, changes in drift.values() for change in changes)
        assert sorted(changes(converge("balancer", params, check=True))) == expected, list(drift)
        assert sorted(changes(converge("balancer", params))) == expected, list(drift)
        assert converge("balancer", params)["plan"] == [], list(drift)


def test_what_it_stands_on_changes(converge: Any, params: dict[str, Any], region: Region, scope_option: Any, client: Any) -> None:
    converge("balancer", params)
    converge("network", {**options("network"), "zones": ["a", "b", "c"], "scope": scope_option()})
    assert changes(converge("balancer", params)) == update("load_balancer", BALANCER, "subnets")
    assert len(region.elb.describe_load_balancers()["LoadBalancers"][0]["AvailabilityZones"]) == 3

    # the next certificate is issued, the listener takes it, and then its predecessor may go
    old = region.listener()["Certificates"][0]["CertificateArn"]
    more = {**options("certificates"), "names": [f"*.{DOMAIN}", f"*.eu.{DOMAIN}"], "scope": scope_option()}
    converge("certificates", more)
    assert changes(converge("balancer", params)) == update("listener", f"{BALANCER}:443", "certificate")
    assert region.listener()["Certificates"][0]["CertificateArn"] != old
    converge("certificates", more)
    assert old not in [each["CertificateArn"] for each in client("acm").list_certificates()["CertificateSummaryList"]]

    # a listener that is gone comes back with its rules
    region.elb.delete_listener(ListenerArn=region.listener()["ListenerArn"])
    made = [(action, kind, name) for action, kind, name, _ in changes(converge("balancer", params))]
    assert made == [
        ("create", "listener", f"{BALANCER}:443"),
        ("create", "listener_rule", f"{BALANCER}:443:1"),
        ("create", "listener_rule", RULE),
    ]
    assert converge("balancer", params)["plan"] == []


def with_api(params: dict[str, Any], **changed: Any) -> dict[str, Any]:
    return {**params, "applications": {**APPLICATIONS, "api": {**APPLICATIONS["api"], **changed}}}


def test_another_port_is_another_target_group(converge: Any, params: dict[str, Any], region: Region) -> None:
    """The rules that lead to the old one are changed, not taken away: whoever asks meanwhile gets 503, not 404."""
    converge("balancer", params)
    rules, old = region.rules(), region.group()["TargetGroupArn"]
    moved = with_api(params, port=9090)
    expected = [
        ("replace", "target_group", API),
        ("update", "listener_rule", f"{BALANCER}:443:1"),
        ("update", "listener_rule", RULE),
    ]
    assert [(action, kind, name) for action, kind, name, _ in changes(converge("balancer", moved))] == expected
    assert region.group()["Port"] == 9090
    new = region.group()["TargetGroupArn"]
    assert new != old
    for priority in ("1", "10"):
        assert region.rules()[priority]["RuleArn"] == rules[priority]["RuleArn"]
        assert region.rules()[priority]["Actions"][0]["TargetGroupArn"] == new
    assert converge("balancer", moved)["plan"] == []


def test_applications_come_move_and_go(converge: Any, params: dict[str, Any], region: Region) -> None:
    converge("balancer", params)
    web = {**APPLICATIONS["api"], "hosts": ["web"], "priority": 20}
    both = {**params, "applications": {**APPLICATIONS, "web": web}}
    assert [(action, name) for action, _, name, _ in changes(converge("balancer", both))] == [
        ("create", "kc-lab-web"),
        ("create", f"{BALANCER}:443:20"),
    ]
    swapped = {**params, "applications": {"api": {**APPLICATIONS["api"], "priority": 20}, "web": {**web, "priority": 10}}}
    assert {(action, name) for action, _, name, _ in changes(converge("balancer", swapped))} == {
        ("update", RULE),
        ("update", f"{BALANCER}:443:20"),
    }
    assert region.rules()["10"]["Actions"][0]["TargetGroupArn"] == region.group("kc-lab-web")["TargetGroupArn"]
    assert converge("balancer", swapped)["plan"] == []

    moved = with_api(params, priority=25, paths=["/v1/*"])
    assert {(action, name) for action, _, name, _ in changes(converge("balancer", moved))} == {
        ("create", f"{BALANCER}:443:25"),
        ("delete", RULE),
        ("delete", f"{BALANCER}:443:20"),
        ("delete", "kc-lab-web"),
    }
    none = {**params, "applications": {"worker": APPLICATIONS["worker"]}, "health_application": ""}
    assert {(action, name) for action, _, name, _ in changes(converge("balancer", none))} == {
        ("delete", f"{BALANCER}:443:1"),
        ("delete", f"{BALANCER}:443:25"),
        ("delete", API),
    }
    assert sorted(region.rules()) == ["default"]


def test_taken_away_twice_and_others_left_alone(converge: Any, params: dict[str, Any], region: Region) -> None:
    made = converge("balancer", params)
    region.other_balancer()
    region.other_acl()
    runbooks = region.add_rule(2)
    assert converge("balancer", params)["plan"] == []
    assert region.rule(2) == runbooks

    kept = converge("balancer", {**params, "state": "absent"})
    assert len(kept["plan"]) == len(made["plan"]) - 1
    assert kept["kept"] == ["waf_log_group aws-waf-logs-kc-lab-balancer (me-west-1)"]
    assert [each["LoadBalancerName"] for each in region.elb.describe_load_balancers()["LoadBalancers"]] == ["other"]
    assert [each["TargetGroupName"] for each in region.elb.describe_target_groups()["TargetGroups"]] == ["other"]
    assert [each["Name"] for each in region.waf.list_web_acls(Scope="REGIONAL")["WebACLs"]] == ["other"]

    absent = {**params, "state": "absent", "data": "delete"}
    assert [one["kind"] for one in converge("balancer", absent)["plan"]] == ["waf_log_group"]
    assert converge("balancer", absent)["plan"] == []


def test_another_scheme_is_refused(converge: Any, params: dict[str, Any], region: Region, client: Any) -> None:
    """It would be another address, and what DNS names would be gone."""
    subnets = client("ec2").describe_subnets(Filters=[{"Name": "tag:Tier", "Values": ["public"]}])["Subnets"]
    tags = [{"Key": key, "Value": value} for key, value in (("Platform", "kc"), ("Environment", "lab"), ("Component", "balancer"))]
    ids = [subnet["SubnetId"] for subnet in subnets]
    region.elb.create_load_balancer(Name=BALANCER, Subnets=ids, Scheme="internal", Tags=tags)
    refused = run(UNIT, params, check=False)
    assert refused["failed"]
    assert f"load_balancer {BALANCER} (me-west-1): `scheme` is 'internal'" in refused["msg"]
