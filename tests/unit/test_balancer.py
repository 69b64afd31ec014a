"""The unit `balancer`: what the inventory says, as load balancers take it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kc import limits, names
from kc.aws.elbv2 import BALANCER_ATTRIBUTES, GROUP_ATTRIBUTES, HEALTH, LISTENER_ATTRIBUTES
from kc.errors import KcError
from kc.model import Key, Ref, Resource
from kc.scope import Scope
from kc.units.balancer import UNIT, balancer_of, build, target_group_of

from tests.integration.platform import APPLICATIONS, defaults

SCOPE = Scope("kc", "lab", "123456789012", "me-west-1", UNIT.name)
API, WORKER = APPLICATIONS["api"], APPLICATIONS["worker"]
OPTIONS: dict[str, Any] = {**defaults("balancer"), "domain": "example.com", "applications": APPLICATIONS}


def made(scope: Scope = SCOPE, **changed: Any) -> dict[Key, Resource]:
    return {one.key: one for one in build(scope, {**OPTIONS, **changed})}


def desired(kind: str, name: str, **changed: Any) -> Mapping[str, Any]:
    found = made(**changed)[Key(kind, "me-west-1", name)].desired
    assert found is not None
    return found


def with_api(**changed: Any) -> dict[str, Any]:
    return {"applications": {**APPLICATIONS, "api": {**API, **changed}}}


def test_everything_by_its_name() -> None:
    own = [(key.kind, key.name) for key, one in made(health_application="api").items() if one.desired is not None]
    assert own == [
        ("load_balancer", "kc-lab-public"),
        ("target_group", "kc-lab-api"),
        ("listener", "kc-lab-public:443"),
        ("listener", "kc-lab-public:80"),
        ("listener_rule", "kc-lab-public:443:1"),
        ("listener_rule", "kc-lab-public:443:10"),
        ("waf_log_group", "aws-waf-logs-kc-lab-balancer"),
        ("web_acl", "kc-lab-balancer"),
    ]
    looked_up = {(one.component, key.kind, key.name) for key, one in made().items() if one.desired is None}
    assert looked_up == {
        ("network", "tier", "public"),
        ("network", "security_group", "kc-lab-balancer"),
        ("network", "vpc", "kc-lab"),
        ("storage", "bucket", "kc-lab-logs-123456789012-me-west-1"),
        ("certificates", "certificate", "example.com"),
        ("keys", "key", "kc-lab-logs"),
    }


@pytest.mark.parametrize(("one", "outputs"), [(balancer_of(SCOPE), "dns zone suffix"), (target_group_of(SCOPE, "api"), "suffix")])
def test_what_others_look_up_is_what_is_made(one: Resource, outputs: str) -> None:
    assert (one.desired, one.component) == (None, "balancer")
    assert made()[one.key].kind is one.kind
    assert {"id", "arn", *outputs.split()} == set(one.kind.outputs_of)


def test_a_region_looks_up_the_other_ones_load_balancer() -> None:
    assert balancer_of(SCOPE, "eu-central-1").key == Key("load_balancer", "eu-central-1", "kc-lab-public")


def test_what_is_made_is_what_is_compared() -> None:
    assert set(desired("load_balancer", "kc-lab-public")["attributes"]) == set(BALANCER_ATTRIBUTES)
    assert set(desired("target_group", "kc-lab-api")["attributes"]) == set(GROUP_ATTRIBUTES)
    assert set(desired("target_group", "kc-lab-api")["health"]) == set(HEALTH)
    assert set(desired("listener", "kc-lab-public:443")["attributes"]) == set(LISTENER_ATTRIBUTES)


def test_the_load_balancer() -> None:
    about = desired("load_balancer", "kc-lab-public", idle_timeout=90, deletion_protection=False)
    assert about["scheme"] == "internet-facing"
    assert about["subnets"] == Ref("tier", "public", "subnets")
    assert about["groups"] == [Ref("security_group", "kc-lab-balancer")]
    attributes = about["attributes"]
    assert attributes["access_logs.s3.bucket"] == "kc-lab-logs-123456789012-me-west-1"
    assert (attributes["idle_timeout.timeout_seconds"], attributes["deletion_protection.enabled"]) == ("90", "false")
    assert desired("load_balancer", "kc-lab-public")["attributes"]["deletion_protection.enabled"] == "true"


def test_only_https_leads_anywhere() -> None:
    https = desired("listener", "kc-lab-public:443")
    assert (https["protocol"], https["certificate"]) == ("HTTPS", Ref("certificate", "example.com", "arn"))
    assert https["tls_policy"] in limits.TLS_POLICIES
    assert https["actions"][0]["FixedResponseConfig"]["StatusCode"] == "404"
    assert https["attributes"]["routing.http.response.strict_transport_security.header_value"] == "max-age=31536000"

    http = desired("listener", "kc-lab-public:80")
    assert (http["protocol"], http["certificate"], http["tls_policy"]) == ("HTTP", None, None)
    (redirect,) = http["actions"]
    assert redirect["RedirectConfig"] == {
        "Protocol": "HTTPS",
        "Port": "443",
        "Host": "#{host}",
        "Path": "/#{path}",
        "Query": "#{query}",
        "StatusCode": "HTTP_301",
    }
    # a browser takes the header over HTTPS only (RFC 6797, section 8.1)
    assert http["attributes"] == {"routing.http.response.server.enabled": "false"}
    assert desired("listener", "kc-lab-public:443", hsts=0)["attributes"] == http["attributes"]


@pytest.mark.parametrize("policy", limits.TLS_POLICIES)
def test_tls_policies(policy: str) -> None:
    assert desired("listener", "kc-lab-public:443", tls_policy=policy)["tls_policy"] == policy


def test_a_target_group() -> None:
    health = {"path": "/up", "interval": 30, "timeout": 10, "unhealthy": 4}
    about = desired("target_group", "kc-lab-api", **with_api(port=9000, health=health), healthy=3, deregistration_delay=5)
    assert (about["target_type"], about["protocol"], about["port"], about["vpc"]) == ("ip", "HTTP", 9000, Ref("vpc", "kc-lab"))
    assert about["health"] == {
        "HealthCheckEnabled": True,
        "HealthCheckProtocol": "HTTP",
        "HealthCheckPort": "traffic-port",
        "HealthCheckPath": "/up",
        "HealthCheckIntervalSeconds": 30,
        "HealthCheckTimeoutSeconds": 10,
        "HealthyThresholdCount": 3,
        "UnhealthyThresholdCount": 4,
        "Matcher": {"HttpCode": "200"},
    }
    assert about["attributes"]["deregistration_delay.timeout_seconds"] == "5"


@pytest.mark.parametrize(("slow_start", "algorithm"), [(0, "least_outstanding_requests"), (60, "round_robin")])
def test_a_slow_start_needs_round_robin(slow_start: int, algorithm: str) -> None:
    """AWS refuses it with any other algorithm (Application Load Balancer user guide, Slow start mode)."""
    attributes = desired("target_group", "kc-lab-api", slow_start=slow_start)["attributes"]
    assert (attributes["slow_start.duration_seconds"], attributes["load_balancing.algorithm.type"]) == (str(slow_start), algorithm)


@pytest.mark.parametrize(
    ("changed", "conditions"),
    [
        ({}, {"host-header": ["api.example.com"]}),
        ({"hosts": ["www", "Api"]}, {"host-header": ["api.example.com", "www.example.com"]}),
        ({"paths": ["/v2/*", "/v1/*"]}, {"host-header": ["api.example.com"], "path-pattern": ["/v1/*", "/v2/*"]}),
    ],
)
def test_a_rule(changed: dict[str, Any], conditions: dict[str, Any]) -> None:
    about = desired("listener_rule", "kc-lab-public:443:10", **with_api(**changed))
    assert about["conditions"] == conditions
    assert about["actions"] == [{"Type": "forward", "TargetGroupArn": Ref("target_group", "kc-lab-api", "arn")}]
    assert (about["listener"], about["priority"]) == (Ref("listener", "kc-lab-public:443", "arn"), 10)


def test_the_regions_health_is_that_of_an_application() -> None:
    about = desired("listener_rule", "kc-lab-public:443:1", health_application="api")
    assert about["conditions"] == {
        "host-header": ["origin-me-west-1.example.com", "origin.example.com"],
        "path-pattern": ["/health"],
    }
    assert about["actions"] == desired("listener_rule", "kc-lab-public:443:10")["actions"]
    assert Key("listener_rule", "me-west-1", "kc-lab-public:443:1") not in made()


def test_applications_without_requests_need_nothing() -> None:
    kinds = {key.kind for key in made(applications={"worker": WORKER})}
    assert not kinds & {"target_group", "listener_rule", "vpc"}


WEB = {**API, "hosts": ["web"], "priority": 20}


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"domain": "*.example.com"}, "is no domain name"),
        ({"tls_policy": "ELBSecurityPolicy-2016-08"}, "`tls_policy`: ELBSecurityPolicy-2016-08 is no policy with TLS 1.2"),
        ({"idle_timeout": 0}, "`idle_timeout`: AWS takes 1 to 4000, not 0"),
        ({"deregistration_delay": 3601}, "`deregistration_delay`: AWS takes 0 to 3600"),
        ({"slow_start": 10}, "`slow_start`: AWS takes 30 to 900"),
        ({"health_application": "apo"}, "`health_application`: there is no application `apo`"),
        ({"health_application": "worker"}, "`health_application`: there is no application `worker`"),
        ({"health_application": "api", **with_api(health={"path": "/up"})}, "answers for its health at /up"),
        (with_api(priority=1), "`applications.api.priority` is 1"),
        (with_api(priority=9), "`applications.api.priority` is 9"),
        (with_api(hosts=["a b"]), "`a b.example.com` is no domain name"),
        (with_api(hosts=list("abc"), paths=["/1", "/2", "/3"]), "`applications.api` has 6 hosts and paths"),
        (with_api(paths=["v1/*"]), "`applications.api.paths`: `v1/*` meets no request"),
        (with_api(paths=["/" + "x" * 128]), "is longer than 128 characters"),
        (with_api(hosts=["origin"]), "`applications.api.hosts`: origin.example.com leads to the health check already"),
        (with_api(hosts=["origin-me-west-1"]), "origin-me-west-1.example.com leads to the health check already"),
        (
            {"applications": {"api": API, "web": {**WEB, "hosts": ["api"]}}},
            "`applications.web.hosts`: api.example.com leads to api already",
        ),
        (with_api(health={"path": "/h", "interval": 4}), "`applications.api.health.interval`: AWS takes 5 to 300"),
        (with_api(health={"path": "/h", "interval": 10, "timeout": 10}), "`applications.api.health.timeout` is 10 s, `interval` 10 s"),
        (with_api(health={"path": "/h", "unhealthy": 1}), "`applications.api.health.unhealthy`: AWS takes 2 to 10"),
        ({"healthy": 11}, "`healthy`: AWS takes 2 to 10"),
        ({"waf_log_days": 100}, "a log group can't keep events for 100 days"),
    ],
)
def test_what_aws_would_refuse(changed: dict[str, Any], says: str) -> None:
    with pytest.raises(KcError) as caught:
        made(**changed)
    assert says in caught.value.message


def test_one_host_may_lead_to_several_by_path() -> None:
    special = {**WEB, "hosts": ["api"], "priority": 10, "paths": ["/reports/*"]}
    assert made(applications={"api": {**API, "priority": 30}, "web": special})


def test_a_load_balancer_leads_to_so_many() -> None:
    many = {f"app{number}": {**API, "hosts": [f"h{number}"], "priority": 10 + number} for number in range(100)}
    with pytest.raises(KcError) as caught:
        made(applications=many)
    assert "has 100 that take requests" in caught.value.message


@given(
    platform=st.from_regex(names.PLATFORM, fullmatch=True),
    applications=st.lists(st.from_regex(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", fullmatch=True), min_size=1, max_size=6, unique=True),
)
def test_names_fit_and_stay_apart(platform: str, applications: list[str]) -> None:
    scope = Scope(platform, "production", "123456789012", "me-west-1", UNIT.name)
    given_ = {name: {**API, "hosts": [f"h{index}"], "priority": 10 + index} for index, name in enumerate(applications)}
    found = made(scope, applications=given_)
    groups = [key.name for key in found if key.kind == "target_group"]
    assert len(set(groups)) == len(applications)
    assert all(len(name) <= 32 for name in groups)
    assert all(len(key.name) <= 32 for key in found if key.kind == "load_balancer")
