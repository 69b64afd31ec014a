"""The behaviour `elb`: what of the API becomes of nginx's configuration, of a target's health, of metrics."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from lab.behaviours.elb import metrics
from lab.behaviours.elb.conditions import action_of, choice, condition, forwards, literal, redirect
from lab.behaviours.elb.config import Balancer, Certificate, Group, Listener, configuration, protocols
from lab.behaviours.elb.health import FAILED, MISMATCH, TIMEOUT, Check, Target, after

ARN = "arn:aws:elasticloadbalancing:me-west-1:123456789012"
CHECK = Check("HTTP", "/health", "traffic-port", 5, 2, healthy=3, unhealthy=2, codes="200")
ONE, TWO = "10.10.0.4:8080", "10.10.0.5:8080"
API = Group("targetgroup/kc-lab-api/0a", {"deregistration_delay.timeout_seconds": "45"}, (ONE,))
WEB = Group("targetgroup/kc-lab-web/0b", {"load_balancing.algorithm.type": "least_outstanding_requests"}, ())
FIXED = {"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404", "ContentType": "text/plain", "MessageBody": 'no "$5"'}}
SECURE = {"Protocol": "HTTPS", "Port": "443", "Host": "#{host}", "Path": "/#{path}", "Query": "#{query}", "StatusCode": "HTTP_301"}
DEFAULT = {"Priority": "default", "IsDefault": True, "Conditions": [], "Actions": [FIXED]}
HOSTS = {"Field": "host-header", "HostHeaderConfig": {"Values": ["api.kc-lab.test", "*.api.kc-lab.test"]}}
PATHS = {"Field": "path-pattern", "PathPatternConfig": {"Values": ["/v?/*"]}}
NAMES = ("*.kc-lab.test", "kc-lab.test")
CERTIFICATE = Certificate(NAMES, "/ca/1.pem", "/ca/1.key")


def arn(group: Group) -> str:
    return f"{ARN}:{group.suffix}"


def forward(group: Group) -> dict[str, Any]:
    return {"Type": "forward", "TargetGroupArn": arn(group)}


def rule(priority: int, action: dict[str, Any], *conditions: dict[str, Any]) -> dict[str, Any]:
    return {"Priority": str(priority), "IsDefault": False, "Conditions": list(conditions), "Actions": [action]}


def balancer(
    *rules: dict[str, Any],
    attributes: dict[str, str] | None = None,
    listener: dict[str, str] | None = None,
    port: int = 443,
    groups: Iterable[Group] = (API, WEB),
) -> Balancer:
    https = Listener(port, (CERTIFICATE,), "ELBSecurityPolicy-TLS13-1-2-2021-06", listener or {}, (DEFAULT, *rules))
    return Balancer(attributes or {}, (https,), {arn(group): group for group in groups})


def text(wanted: Balancer) -> list[str]:
    return [line.strip() for line in configuration(wanted).splitlines()]


def block(lines: list[str], head: str) -> list[str]:
    """The lines of a block, without its head and its end."""
    start = lines.index(f"{head} {{") + 1
    return lines[start : lines.index("}", start)]


# --- conditions


@pytest.mark.parametrize(
    ("item", "head", "keys"),
    [
        (HOSTS, "map $host $it", [r'"~*^api\\.kc\\-lab\\.test$"', r'"~*^.*\\.api\\.kc\\-lab\\.test$"']),
        (PATHS, "map $kc_path $it", ['"~^/v./.*$"']),
        ({"Field": "path-pattern", "Values": ['/a"b$']}, "map $kc_path $it", [r'"~^/a\"b\\$$"']),
        ({"Field": "source-ip", "SourceIpConfig": {"Values": ["10.0.0.0/8"]}}, "geo $it", ["10.0.0.0/8"]),
        (
            {"Field": "http-header", "HttpHeaderConfig": {"HttpHeaderName": "X-School", "Values": ["a*"]}},
            "map $http_x_school $it",
            ['"~*^a.*$"'],
        ),
        (
            {"Field": "http-request-method", "HttpRequestMethodConfig": {"Values": ["POST"]}},
            "map $request_method $it",
            ['"~^POST$"'],
        ),
        (
            {"Field": "query-string", "QueryStringConfig": {"Values": [{"Key": "v", "Value": "1?"}, {"Value": "beta"}]}},
            "map $args $it",
            ['"~*(?:^|&)v=1[^&](?:&|$)"', '"~*(?:^|&)(?:[^&=]*=)?beta(?:&|$)"'],
        ),
    ],
    ids=["host", "path", "told the old way", "address", "header", "method", "query"],
)
def test_a_condition(item: dict[str, Any], head: str, keys: list[str]) -> None:
    assert list(condition("$it", item)) == [f"{head} {{", "    default 0;", *(f"    {key} 1;" for key in keys), "}"]


def test_the_first_rule_that_is_met_is_chosen() -> None:
    lines = list(choice("$to", [(["$a", "$b"], "/1"), (["$c"], "/2")], "/none"))
    assert lines == ['map "$a$b$c." $to {', "    default /none;", '    "~^.{0}11" /1;', '    "~^.{2}1" /2;', "}"]


@pytest.mark.parametrize(
    ("given", "arguments"),
    [
        (SECURE, '301 "https://$host:443$kc_path$is_args$args"'),
        ({"StatusCode": "HTTP_302"}, '302 "$scheme://$host:$server_port$kc_path$is_args$args"'),
        (
            {"StatusCode": "HTTP_302", "Host": "new.#{host}", "Path": "/x/#{path}", "Query": "a=$1&#{query}"},
            '302 "$scheme://new.$host:$server_port/x$kc_path?a=${kc_dollar}1&$args"',
        ),
        ({"StatusCode": "HTTP_302", "Path": "/", "Query": ""}, '302 "$scheme://$host:$server_port/"'),
    ],
    ids=["to https", "defaults", "parts", "nothing kept"],
)
def test_a_redirection(given: dict[str, str], arguments: str) -> None:
    assert redirect(given) == arguments


def test_text_says_what_it_says() -> None:
    assert literal('a "b" \\ $c') == r'"a \"b\" \\ ${kc_dollar}c"'


@pytest.mark.parametrize(
    ("action", "weights"),
    [
        (forward(API), {arn(API): 1}),
        ({"Type": "forward", "ForwardConfig": {"TargetGroups": [{"TargetGroupArn": arn(API), "Weight": 3}]}}, {arn(API): 3}),
        (FIXED, {}),
    ],
    ids=["one", "told with weights", "none"],
)
def test_where_an_action_leads(action: dict[str, Any], weights: dict[str, int]) -> None:
    assert forwards(action_of([{"Type": "authenticate-oidc", "Order": 1}, {**action, "Order": 2}])) == weights


# --- the configuration


def test_a_rule_leads_to_its_group() -> None:
    lines = text(balancer(rule(10, forward(API), HOSTS, PATHS)))
    assert block(lines, 'map "$kc_443_0_0$kc_443_0_1." $kc_443') == ["default /rule/default;", '"~^.{0}11" /group/group_kc_lab_api_0a;']
    assert block(lines, "upstream group_kc_lab_api_0a") == ["server 10.10.0.4:8080 max_fails=0;", "keepalive 64;"]
    assert block(lines, "location = /group/group_kc_lab_api_0a") == [
        "set $kc_group targetgroup/kc-lab-api/0a;",
        "proxy_pass http://group_kc_lab_api_0a$request_uri;",
    ]
    assert block(lines, "location = /rule/default") == ["default_type text/plain;", r'return 404 "no \"${kc_dollar}5\"";']


def test_a_group_without_targets_answers_503() -> None:
    lines = text(balancer(rule(10, forward(API), HOSTS), groups=[dataclasses.replace(API, targets=())]))
    assert "return 503;" in block(lines, "location = /group/group_kc_lab_api_0a")
    assert not any(line.startswith("upstream") for line in lines)


def test_a_group_that_is_gone_answers_503() -> None:
    lines = text(balancer(rule(10, forward(API), HOSTS), groups=[]))
    assert block(lines, "location = /rule/10") == ["return 503;"]


def test_weights_split_requests() -> None:
    both = {"TargetGroups": [{"TargetGroupArn": arn(API), "Weight": 1}, {"TargetGroupArn": arn(WEB), "Weight": 3}]}
    groups = [API, dataclasses.replace(WEB, targets=(TWO,))]
    lines = text(balancer(rule(10, {"Type": "forward", "ForwardConfig": both}, HOSTS), groups=groups))
    assert block(lines, "split_clients $request_id $kc_443_10_group") == ["25.00% group_kc_lab_api_0a;", "* group_kc_lab_web_0b;"]
    assert '"~^.{0}1" /group/$kc_443_10_group;' in lines
    assert block(lines, "upstream group_kc_lab_web_0b")[0] == "least_conn;"


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ({}, ["proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;", "set $kc_host $host;", "underscores_in_headers on;"]),
        ({"routing.http.preserve_host_header.enabled": "true"}, ["set $kc_host $http_host;"]),
        ({"routing.http.xff_header_processing.mode": "preserve"}, ["proxy_set_header X-Forwarded-For $http_x_forwarded_for;"]),
        ({"routing.http.xff_header_processing.mode": "remove"}, ['proxy_set_header X-Forwarded-For "";']),
        ({"routing.http.xff_client_port.enabled": "true"}, ['proxy_set_header X-Forwarded-For "$kc_forwarded$remote_addr:$remote_port";']),
        ({"routing.http.drop_invalid_header_fields.enabled": "true"}, ["ignore_invalid_headers on;", "underscores_in_headers off;"]),
        ({"idle_timeout.timeout_seconds": "7"}, ["keepalive_timeout 7s;", "proxy_read_timeout 7s;", "client_header_timeout 7s;"]),
        ({"client_keep_alive.seconds": "99"}, ["keepalive_time 99s;"]),
        ({"routing.http2.enabled": "false"}, ["listen 443 ssl default_server;"]),
        ({"routing.http.x_amzn_tls_version_and_cipher_suite.enabled": "true"}, ["proxy_set_header X-Amzn-Tls-Version $ssl_protocol;"]),
    ],
    ids=lambda value: next(iter(value), "none") if isinstance(value, dict) else "",
)
def test_an_attribute_of_the_load_balancer(attributes: dict[str, str], expected: list[str]) -> None:
    lines = text(balancer(attributes=attributes))
    assert [line for line in expected if line not in lines] == []


def test_the_port_is_told_where_it_is_not_the_usual_one() -> None:
    assert "set $kc_host $host:$server_port;" in text(balancer(port=8443))


def test_headers_that_a_listener_adds() -> None:
    lines = text(balancer(listener={"routing.http.response.strict_transport_security.header_value": "max-age=5"}))
    assert 'add_header Strict-Transport-Security "max-age=5" always;' in lines
    assert "proxy_hide_header Strict-Transport-Security;" in lines


def test_each_certificate_has_its_names() -> None:
    wanted = balancer()
    both = (CERTIFICATE, Certificate(("kc-other.test",), "/ca/2.pem", "/ca/2.key"))
    lines = text(dataclasses.replace(wanted, listeners=(dataclasses.replace(wanted.listeners[0], certificates=both),)))
    assert [line for line in lines if line.startswith(("listen", "server_name", "ssl_certificate "))] == [
        "listen 443 ssl default_server http2;",
        "server_name *.kc-lab.test kc-lab.test;",
        'ssl_certificate "/ca/1.pem";',
        "listen 443 ssl http2;",
        "server_name kc-other.test;",
        'ssl_certificate "/ca/2.pem";',
    ]


def test_rules_are_tried_by_priority() -> None:
    lines = text(balancer(rule(100, forward(WEB), HOSTS), rule(20, forward(API), PATHS)))
    assert block(lines, 'map "$kc_443_0_0$kc_443_1_0." $kc_443')[1:] == [
        '"~^.{0}1" /group/group_kc_lab_api_0a;',
        '"~^.{1}1" /group/group_kc_lab_web_0b;',
    ]


def test_one_without_listeners_logs_nothing() -> None:
    """What its log would say is set by its servers, and nginx refuses variables that nobody sets."""
    lines = text(Balancer({}, ()))
    assert "access_log off;" in lines
    assert "access_log access.log kc;" in text(balancer())


def test_bodies_need_no_files() -> None:
    """Workers may not write in the lab's directory."""
    lines = text(balancer())
    assert "proxy_request_buffering off;" in lines
    assert "proxy_buffering off;" in lines


def test_requests_that_run_go_on_for_the_longest_delay() -> None:
    assert "worker_shutdown_timeout 300s;" in text(balancer())
    assert "worker_shutdown_timeout 45s;" in text(balancer(groups=[API]))


@pytest.mark.parametrize(
    ("policy", "versions"),
    [
        ("ELBSecurityPolicy-TLS13-1-3-2021-06", ["TLSv1.3"]),
        ("ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09", ["TLSv1.2", "TLSv1.3"]),
        ("ELBSecurityPolicy-TLS13-1-0-2021-06", ["TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"]),
        ("ELBSecurityPolicy-TLS-1-2-2017-01", ["TLSv1.2"]),
        ("ELBSecurityPolicy-FS-1-2-Res-2020-10", ["TLSv1.2"]),
        ("ELBSecurityPolicy-2016-08", ["TLSv1", "TLSv1.1", "TLSv1.2"]),
    ],
)
def test_the_versions_of_a_policy(policy: str, versions: list[str]) -> None:
    assert protocols(policy) == versions


# --- health

NEW, WELL = Target(), Target("healthy", "", "")


@pytest.mark.parametrize(
    ("begin", "looks", "states"),
    [
        (NEW, [200], ["healthy"]),
        (NEW, [500, 200], ["initial", "healthy"]),
        (NEW, [500, FAILED], ["initial", "unhealthy"]),
        (WELL, [500, 200, 500, 500], ["healthy", "healthy", "healthy", "unhealthy"]),
        (Target("unhealthy", "x", "y"), [200, 200, 500, 200, 200, 200], ["unhealthy"] * 5 + ["healthy"]),
    ],
    ids=["one look is enough at first", "not at once", "never healthy", "a row of failures", "a row of successes"],
)
def test_health(begin: Target, looks: list[int | str], states: list[str]) -> None:
    target, found = begin, []
    for each in looks:
        target = after(target, CHECK, each)
        found.append(target.state)
    assert found == states


@pytest.mark.parametrize(
    ("last", "reason", "text"),
    [
        (500, MISMATCH, "Health checks failed with these codes: [500]"),
        (TIMEOUT, TIMEOUT, "Request timed out"),
        (FAILED, FAILED, "Health checks failed"),
    ],
)
def test_the_reason_is_the_last_look_s(last: int | str, reason: str, text: str) -> None:
    target = after(after(after(WELL, CHECK, 404), CHECK, 404), CHECK, last)
    assert (target.state, target.reason, target.text) == ("unhealthy", reason, text)


@pytest.mark.parametrize(("codes", "status", "met"), [("200", 200, True), ("200,202-204", 203, True), ("200-299", 301, False)])
def test_codes(codes: str, status: int, met: bool) -> None:
    assert dataclasses.replace(CHECK, codes=codes).takes(status) is met


# --- metrics


def logged(status: int, target: str = "", took: str = "0.010", group: str = API.suffix) -> metrics.Served:
    """A line of the access log: `target` is the status and, after a slash, the time of the head of each target that was asked."""
    asked = [each.split("/") for each in target.split()] if target else []
    line = {
        "status": status,
        "group": group,
        "target_status": ", ".join(each[0] for each in asked),
        "target_header": ", ".join(each[1] for each in asked),
        "target_took": took if asked else "",
    }
    found = metrics.parsed(json.dumps(line))
    assert found
    return found


def told(*served: metrics.Served, states: list[str] | None = None) -> dict[tuple[str, str], Any]:
    found = metrics.points("app/kc-lab-public/0c", {API.suffix: states or []}, served)
    return {
        (each["MetricName"], "+".join(one["Name"] for one in each["Dimensions"])): each.get("Value", each.get("Values")) for each in found
    }


def test_what_is_told_of_requests() -> None:
    found = told(
        logged(200, "200/0.01"),
        logged(200, "502/- 200/0.01"),
        logged(500, "500/0.01"),
        logged(502, "502/-"),
        logged(301, group=""),
        states=["healthy", "unhealthy"],
    )
    both, whole = "TargetGroup+LoadBalancer", "LoadBalancer"
    assert (found["RequestCount", whole], found["RequestCount", both]) == (5, 4)
    assert (found["RequestCountPerTarget", "TargetGroup"], found["RequestCountPerTarget", both]) == (4, 4)
    assert (found["HTTPCode_Target_2XX_Count", both], found["HTTPCode_Target_5XX_Count", both]) == (2, 1)
    assert (found["HTTPCode_ELB_5XX_Count", whole], found["HTTPCode_ELB_502_Count", whole]) == (1, 1)
    assert (found["HTTPCode_ELB_3XX_Count", whole], found["HTTPCode_Target_5XX_Count", whole]) == (1, 1)
    assert found["TargetResponseTime", both] == [0.01] * 3
    assert (found["HealthyHostCount", both], found["UnHealthyHostCount", both]) == (1, 1)


def test_of_many_response_times_a_few_are_told() -> None:
    found = told(*(logged(200, "200/0", took=str(number)) for number in range(1000)))["TargetResponseTime", "LoadBalancer"]
    assert len(found) == metrics.SAMPLES
    assert sum(found) / len(found) == pytest.approx(499.5, abs=1)


def test_the_log_is_read_on_and_begun_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log, begun = tmp_path / "access.log", []
    line = json.dumps({"status": 200, "group": "", "target_status": "", "target_header": "", "target_took": ""}) + "\n"
    log.write_text(line)
    tail = metrics.Tail(log)
    with log.open("a") as file:
        file.write(line + line[:9])
    assert len(tail.take(lambda: begun.append(1))) == 1
    monkeypatch.setattr(metrics.Tail, "MOST", 1)
    with log.open("a") as file:
        file.write(line[9:])
    assert len(tail.take(lambda: begun.append(1))) == 1
    assert (begun, log.exists()) == ([1], False)
