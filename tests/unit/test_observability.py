"""What watches a region, made from what the inventory says."""

from __future__ import annotations

import dataclasses
import json
import re
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from kc.alarms import ABOVE, TOPICS, WATCHES, Math, Metric, alarm
from kc.aws import tagging
from kc.aws.cloudwatch import DEFAULTS, PARAMETERS
from kc.aws.events import EventRule, in_order
from kc.aws.sns import subscription_name
from kc.dashboards import ALARMS, body
from kc.errors import KcError
from kc.model import Hidden, Live, Ref, Resource
from kc.notices import NOTICES, rule
from kc.policy import allow, deny
from kc.scope import Scope
from kc.spec import documentation, spec_of
from kc.units.observability import build, topic_policy

from tests.integration.platform import ROOT
from tests.reference import variables

SCOPE = Scope("kc", "lab", "123456789012", "me-west-1", "observability")
REFERENCE = variables()
THRESHOLDS: dict[str, float] = REFERENCE["kc_observability_thresholds"]
NOTHING: dict[str, Any] = {
    "key": "alerts",
    "subscriptions": {},
    "applications": {},
    "queues": [],
    "databases": [],
    "nodes": [],
    "nat_zones": [],
    "replicated_buckets": [],
    "replica_region": "eu-central-1",
    "domain": "",
    "distributions": [],
    "home": "",
    "thresholds": THRESHOLDS,
}
TOPIC = "arn:aws:sns:me-west-1:123456789012:kc-lab-"


def made(**options: Any) -> dict[tuple[str, str], Resource]:
    return {(one.key.kind, one.name): one for one in build(SCOPE, {**NOTHING, **options})}


def desired(kind: str, name: str, **options: Any) -> dict[str, Any]:
    found = made(**options)[kind, name].desired
    assert found is not None
    return dict(found)


def names(kind: str, **options: Any) -> list[str]:
    return sorted(name for of, name in made(**options) if of == kind)


WORKER = {"cpu": 256, "memory": 512, "role": "worker", "count": {"min": 1, "max": 2, "warm": 0}, "scaling": {"queue": "jobs"}}


def test_without_anything_there_are_topics_and_what_aws_itself_tells() -> None:
    assert sorted(made()) == [
        ("event_rule", "kc-lab-certificate"),
        ("event_rule", "kc-lab-health"),
        ("key", "kc-lab-alerts"),
        ("topic", "kc-lab-alerts"),
        ("topic", "kc-lab-pages"),
    ]


def test_topics() -> None:
    for short in TOPICS:
        about = desired("topic", f"kc-lab-{short}")
        assert about["key"] == Ref("key", "kc-lab-alerts", "arn")
        assert about["signature"] == "2"
        assert about["policy"] == topic_policy(SCOPE, f"kc-lab-{short}")


def test_only_the_platform_publishes_and_nobody_without_tls() -> None:
    def by(service: str, source: str) -> dict[str, Any]:
        when = {"ArnLike": {"aws:SourceArn": [source]}, "StringEquals": {"aws:SourceAccount": ["123456789012"]}}
        return allow(service.capitalize(), "sns:Publish", f"{TOPIC}pages", principal={"Service": [f"{service}.amazonaws.com"]}, when=when)

    plain = {"Bool": {"aws:SecureTransport": ["false"]}}
    statements = topic_policy(SCOPE, "kc-lab-pages")["Statement"]
    assert sorted(statements, key=lambda one: str(one["Sid"])) == [
        by("budgets", "arn:aws:budgets::123456789012:*"),
        by("cloudwatch", "arn:aws:cloudwatch:me-west-1:123456789012:alarm:kc-lab-*"),
        deny("DenyPlain", "sns:Publish", f"{TOPIC}pages", principal={"AWS": ["*"]}, when=plain),
        by("events", "arn:aws:events:me-west-1:123456789012:rule/kc-lab-*"),
    ]


# --- who is told


@pytest.mark.parametrize(
    ("receiver", "name", "protocol"),
    [
        ("on-call@example.com", "kc-lab-pages email:on-call@example.com", "email"),
        ("+966501234567", "kc-lab-pages sms:+966501234567", "sms"),
        ("https://events.example.com/integration/secret-key", "kc-lab-pages https:events.example.com#7e349b75", "https"),
    ],
)
def test_receivers(receiver: str, name: str, protocol: str) -> None:
    about = desired("subscription", name, subscriptions={"pages": [receiver]})
    assert about == {"topic": Ref("topic", "kc-lab-pages", "arn"), "protocol": protocol, "endpoint": Hidden(receiver)}


def test_a_receivers_address_is_not_shown() -> None:
    receiver = "https://events.example.com/integration/secret-key"
    found = made(subscriptions={"pages": [receiver]})
    assert "secret-key" not in str([(one.name, one.desired) for one in found.values()])
    assert "secret-key" not in subscription_name("kc-lab-pages", "https", receiver)


def test_the_same_receiver_twice_is_told_once() -> None:
    assert names("subscription", subscriptions={"pages": ["a@example.com", "a@example.com"]}) == ["kc-lab-pages email:a@example.com"]


@pytest.mark.parametrize("receiver", ["http://example.com/hook", "operations", "", "0501234567", "a b@example.com", "arn:aws:sqs:r:1:q"])
def test_what_is_no_receiver(receiver: str) -> None:
    with pytest.raises(KcError, match=r"`subscriptions\.alerts`: .* can't be told anything"):
        build(SCOPE, {**NOTHING, "subscriptions": {"alerts": [receiver]}})


# --- alarms


def test_what_is_watched() -> None:
    assert names("alarm", applications={"worker": WORKER}) == [f"kc-lab-worker-{what}" for what in ("cpu", "memory", "tasks-missing")]
    assert names("alarm", queues=["jobs"]) == ["kc-lab-jobs-age", "kc-lab-jobs-dead-letters"]
    assert names("alarm", databases=["main"]) == [
        f"kc-lab-mysql-main-{what}" for what in ("connections", "free-memory", "heartbeat", "load", "replica-lag", "storage")
    ]
    assert names("alarm", nodes=["keeper-1"]) == ["kc-lab-keeper-1-disk", "kc-lab-keeper-1-status"]
    assert names("alarm", nat_zones=["a", "b"]) == ["kc-lab-nat-a-ports", "kc-lab-nat-b-ports"]
    assert names("alarm", domain="kc.test") == ["kc-lab-certificate-expiry"]
    assert names("alarm", replicated_buckets=["media"]) == [f"kc-lab-media-replica-{what}" for what in ("failed", "late", "pending")]


API = {
    **WORKER,
    "scaling": {},
    "port": 80,
    "hosts": ["api"],
    "priority": 10,
    "health": {"path": "/"},
    "count": {"min": 2, "max": 4, "warm": 1},
}
TARGETS = {"LoadBalancer": Ref("load_balancer", "kc-lab-public", "suffix"), "TargetGroup": Ref("target_group", "kc-lab-api", "suffix")}


def test_what_users_notice_is_watched_where_there_are_users() -> None:
    assert names("alarm", applications={"api": API}) == [
        *(f"kc-lab-api-{what}" for what in ("cpu", "errors", "latency", "memory", "no-hosts", "tasks-missing", "unhealthy-hosts")),
        "kc-lab-balancer-own-5xx",
        "kc-lab-balancer-rejected",
    ]
    latency = desired("alarm", "kc-lab-api-latency", applications={"api": API})
    assert (latency["dimensions"], latency["percentile"], latency["statistic"], latency["few_samples"]) == (TARGETS, "p95", "", "ignore")
    errors = desired("alarm", "kc-lab-api-errors", applications={"api": {**API, "alarms": {"errors": 0.5}}})
    result = next(each for each in errors["metrics"] if each["ReturnData"])
    assert (result["Expression"], errors["threshold"]) == ("IF(requests >= 50, 100 * FILL(errors, 0) / requests, 0)", 0.5)


@pytest.mark.parametrize(("warm", "missing"), [(1, "breaching"), (0, "notBreaching")])
def test_silence_is_a_fault_where_something_is_to_run(warm: int, missing: str) -> None:
    """In the secondary region, an application without warm tasks has no target that could be healthy."""
    applications = {"api": {**API, "count": {"min": 2, "max": 4, "warm": warm}}}
    assert desired("alarm", "kc-lab-api-no-hosts", applications=applications)["missing"] == missing


def test_the_edge_is_watched_where_it_tells() -> None:
    def at(region: str) -> dict[str, Resource]:
        return {one.name: one for one in build(SCOPE.at(region), {**NOTHING, "distributions": ["web"], "home": "me-west-1"})}

    found = at("us-east-1")
    viewers, reached = (found[name].desired for name in ("kc-lab-edge-web-viewer-errors", "kc-lab-home-unreachable"))
    assert viewers and reached
    assert viewers["dimensions"] == {"DistributionId": Ref("distribution", "kc-lab-edge-web"), "Region": "Global"}
    assert reached["dimensions"] == {"HealthCheckId": Ref("health_check", "kc-lab-origin-me-west-1")}
    with pytest.raises(KcError, match=r"`distributions` is given for me-west-1"):
        at("me-west-1")


def test_an_alarm_is_said_as_a_whole() -> None:
    """Whatever is not said would be left as somebody set it by hand."""
    about = desired("alarm", "kc-lab-worker-cpu", applications={"worker": WORKER})
    assert set(about) == {*PARAMETERS, "tags"}
    said = {name: value for name, value in about.items() if value != DEFAULTS.get(name)}
    assert said == {
        "description": WATCHES["cpu"].description,
        "alarm_actions": [f"{TOPIC}alerts"],
        "ok_actions": [f"{TOPIC}alerts"],
        "namespace": "AWS/ECS",
        "metric": "CPUUtilization",
        "statistic": "Average",
        "dimensions": {"ClusterName": "kc-lab", "ServiceName": "kc-lab-worker"},
        "period": 60,
        "periods": 10,
        "datapoints": 10,
        "threshold": 85.0,
        "comparison": ABOVE,
        "missing": "notBreaching",
        "tags": SCOPE.tags(),
    }


def test_an_application_may_have_its_own_thresholds() -> None:
    own = {**WORKER, "alarms": {"cpu": 95, "queue_age": 60.5}}
    applications = {"worker": own, "other": {**WORKER, "scaling": {}}}
    limits = {
        name: desired("alarm", f"kc-lab-{name}", applications=applications, queues=["jobs"])["threshold"]
        for name in ("worker-cpu", "other-cpu", "jobs-age")
    }
    assert limits == {"worker-cpu": 95.0, "other-cpu": 85.0, "jobs-age": 60.5}


@pytest.mark.parametrize(
    ("alarms", "says"),
    [
        ({"cpus": 1}, "`applications.worker.alarms` has no setting `cpus`"),
        ({"cpu": "high"}, "`applications.worker.alarms.cpu` must be a number, not 'high'"),
        ({"cpu": True}, "`applications.worker.alarms.cpu` must be a number, not True"),
    ],
)
def test_wrong_thresholds_of_an_application(alarms: dict[str, Any], says: str) -> None:
    with pytest.raises(KcError) as error:
        made(applications={"worker": {**WORKER, "alarms": alarms}})
    assert says in error.value.message


def test_mysqls_thresholds_are_in_units_that_people_use() -> None:
    assert desired("alarm", "kc-lab-mysql-main-storage", databases=["main"])["threshold"] == 20 * 1024**3
    assert desired("alarm", "kc-lab-mysql-main-free-memory", databases=["main"])["threshold"] == 256 * 1024**2


def test_replication_that_does_not_run_is_lag() -> None:
    """RDS says -1 then, which is below any threshold."""
    queries = {each["Id"]: each for each in desired("alarm", "kc-lab-mysql-main-replica-lag", databases=["main"])["metrics"]}
    assert queries["result"]["Expression"] == "IF(least < 0, 86400, lag)"
    assert [queries[id]["MetricStat"]["Stat"] for id in ("lag", "least")] == ["Maximum", "Minimum"]
    assert [each["ReturnData"] for each in queries.values()].count(True) == 1


def test_delays_of_copies_are_told_where_they_go() -> None:
    def dimensions(what: str) -> dict[str, str]:
        found: dict[str, str] = desired("alarm", f"kc-lab-media-replica-{what}", replicated_buckets=["media"])["dimensions"]
        return found

    here, there = "kc-lab-media-123456789012-me-west-1", "kc-lab-media-123456789012-eu-central-1"
    incoming = {"SourceBucket": there, "DestinationBucket": here, "RuleId": "to-me-west-1"}
    assert dimensions("late") == dimensions("pending") == incoming
    assert dimensions("failed") == {"SourceBucket": here, "DestinationBucket": there, "RuleId": "to-eu-central-1"}


@pytest.mark.parametrize("region", [None, "", "me-west-1"])
def test_buckets_are_replicated_with_another_region(region: str | None) -> None:
    with pytest.raises(KcError, match="`replica_region` is"):
        made(replicated_buckets=["media"], replica_region=region)


def test_every_threshold_is_one_that_an_alarm_waits_for() -> None:
    waits = {watch.waits for watch in WATCHES.values() if isinstance(watch.waits, str)} | {"least_requests"}
    spec = spec_of(documentation(ROOT / "library/kc_observability.py"))["thresholds"]["options"]
    assert waits == set(spec) == set(THRESHOLDS)


@pytest.mark.parametrize("name", WATCHES)
def test_what_an_alarm_says(name: str) -> None:
    watch = WATCHES[name]
    assert watch.topic in TOPICS
    assert len(watch.description) <= 1024, "CloudWatch API, PutMetricAlarm: AlarmDescription"
    assert watch.means.endswith(".")
    assert watch.first.endswith((".", "?"))
    assert 1 <= watch.points <= watch.of
    assert watch.period * watch.of <= 7 * 86_400, "CloudWatch API, PutMetricAlarm: EvaluationPeriods"


LETTERS = st.text("abcdefghijklmnopqrstuvwxyz0123456789", min_size=1, max_size=50)


@given(st.sampled_from(sorted(WATCHES)), LETTERS, LETTERS, LETTERS, st.booleans())
def test_any_alarm_is_one_that_cloudwatch_takes(name: str, platform: str, environment: str, subject: str, math: bool) -> None:
    scope = Scope(platform, environment, "123456789012", "me-west-1", "observability")
    metric = Metric("AWS/SQS", "m", {"b": "2", "a": "1"})
    about = alarm(scope, subject, name, Math("2 * m", {"m": metric}) if math else metric, THRESHOLDS)
    assert about.desired is not None
    assert len(about.name) <= 255
    assert bool(about.desired["metrics"]) != bool(about.desired["metric"])
    assert isinstance(about.desired["threshold"], float)


# --- events

EVENTS: dict[str, dict[str, Any]] = yaml.safe_load((ROOT / "tests/unit/events.yml").read_text())


def test_every_rule_has_an_event_to_show() -> None:
    assert {name.partition(" ")[0] for name in EVENTS} == set(NOTICES)


def test_rules() -> None:
    assert names("event_rule", applications={"worker": WORKER}, nodes=["keeper-1"]) == sorted(f"kc-lab-{name}" for name in NOTICES)
    assert names("event_rule", nodes=["keeper-1"]) == ["kc-lab-certificate", "kc-lab-health", "kc-lab-node"]
    told = desired("event_rule", "kc-lab-node", nodes=["keeper-1"])["pattern"]["detail"]
    assert told == {"instance-id": [Ref("instance", "kc-lab-keeper-1")], "state": ["stopped", "stopping", "terminated"]}
    about = desired("event_rule", "kc-lab-rds-urgent", applications={"worker": WORKER})
    assert about["targets"]["topic"]["arn"] == f"{TOPIC}pages"
    assert about["pattern"]["detail"]["EventCategories"] == ["failover", "failure", "low storage"]


@pytest.mark.parametrize("name", NOTICES)
def test_every_value_is_found_once_and_used(name: str) -> None:
    notice = NOTICES[name]
    used = set(re.findall(r"<([A-Za-z]+)>", notice.text))
    assert used <= set(notice.values)
    assert '"' not in notice.text, "the text is a JSON string"
    pattern = rule(SCOPE, name).desired["pattern"]  # type: ignore[index]
    assert len(json.dumps(pattern)) <= 2048, "EventBridge quotas, Event pattern size"


@pytest.mark.parametrize(
    ("given", "same"),
    [
        ({"a": ["y", "x"]}, {"a": ["x", "y"]}),
        ({"a": {"b": [{"prefix": "p"}, "x"]}}, {"a": {"b": ["x", {"prefix": "p"}]}}),
        ({"$or": [{"b": ["2", "1"]}, {"a": ["1"]}]}, {"$or": [{"a": ["1"]}, {"b": ["1", "2"]}]}),
    ],
)
def test_the_order_of_a_pattern_means_nothing(given: Any, same: Any) -> None:
    assert in_order(given) == in_order(same)


class Bus:
    """Refuses a target, as EventBridge does: with an answer that is no error."""

    def call(self, service: str, operation: str, /, **params: Any) -> dict[str, Any]:
        failed = {"TargetId": "topic", "ErrorCode": "ConcurrentModificationException", "ErrorMessage": "again"}
        return {"FailedEntries": [failed] if operation == "put_targets" else []}

    def refused(self, items: Any) -> None:
        for each in items:
            raise KcError(each["Error"]["Message"], code=each["Error"]["Code"])


def test_a_target_that_was_refused_is_an_error() -> None:
    want = {"targets": {"topic": {"arn": "a", "values": {}, "text": "t"}}}
    aws: Any = Bus()
    with pytest.raises(KcError) as error:
        EventRule().update(aws, SCOPE, "r", Live({"targets": {}}), want, frozenset({"targets"}))
    assert error.value.code in EventRule.settles


# --- the index of tags


class Index:
    """An index of tags that is behind."""

    def __init__(self, known: dict[str, dict[str, str]]) -> None:
        self.known = known

    def pages(self, service: str, operation: str, key: str, /, **params: Any) -> list[Any]:
        return [{"ResourceARN": arn, "Tags": [{"Key": k, "Value": v} for k, v in tags.items()]} for arn, tags in self.known.items()]

    def map(self, act: Any, items: Any) -> list[Any]:
        return [act(item) for item in items]


OWNED = dataclasses.replace(SCOPE, extra_tags={"Owner": "operations"})
OURS = OWNED.tags()


@pytest.mark.parametrize(
    ("said", "true", "asked", "owned"),
    [
        pytest.param(OURS, {}, False, True, id="as wanted: taken at its word"),
        pytest.param({**OURS, "More": "x"}, {}, False, True, id="somebody's tag beside ours"),
        pytest.param(None, OURS, True, True, id="made a moment ago"),
        pytest.param({**OURS, "Component": "dns"}, {}, False, False, id="another unit's"),
        pytest.param(None, {**OURS, "Component": "dns"}, True, False, id="another unit's, made a moment ago"),
        pytest.param({**OURS, "Owner": "x"}, {**OURS, "Owner": "y"}, True, True, id="one of ours was changed"),
        pytest.param(None, {**OURS, "Platform": "x"}, True, True, id="the name says so too"),
        pytest.param(None, {**OURS, "Client": "acme"}, True, False, id="a client's"),
    ],
)
def test_the_index_is_asked_first(said: dict[str, str] | None, true: dict[str, str], asked: bool, owned: bool) -> None:
    asks: list[str] = []

    def ask(arn: str) -> list[dict[str, str]]:
        asks.append(arn)
        return [{"Key": key, "Value": value} for key, value in true.items()]

    aws: Any = Index({"a": said} if said is not None else {})
    found = tagging.owned(aws, OWNED, "cloudwatch:alarm", [{"Arn": "a"}], "Arn", ask)
    assert (bool(asks), bool(found)) == (asked, owned)


# --- a special client


def test_a_client_has_alarms_and_a_dashboard_that_tell_the_platforms_topics() -> None:
    acme = dataclasses.replace(SCOPE, client="acme")
    found = list(build(acme, {**NOTHING, "databases": ["main"], "nodes": ["clickhouse-1"]}))
    ours = {(one.kind.name, one.name): one.desired for one in found if one.desired is not None}
    assert {kind for kind, _ in ours} == {"alarm", "event_rule", "dashboard"}
    assert all("kc-lab-acme-" in name for _, name in ours)
    assert {topic for (kind, _), about in ours.items() if kind == "alarm" for topic in about["alarm_actions"]} == {
        f"{TOPIC}{short}" for short in TOPICS
    }
    (rule,) = (about for (kind, _), about in ours.items() if kind == "event_rule")
    assert rule["targets"]["topic"]["arn"].startswith(TOPIC)
    assert rule["tags"]["Client"] == "acme"


def test_what_has_nothing_of_a_client_has_nothing_to_tell() -> None:
    assert list(build(dataclasses.replace(SCOPE, client="acme"), NOTHING)) == []


# --- the dashboard


def test_a_dashboard_shows_all_that_is_watched() -> None:
    options: dict[str, Any] = {
        "applications": {"worker": WORKER},
        "queues": ["jobs"],
        "databases": ["main"],
        "replicated_buckets": ["media"],
    }
    widgets = desired("dashboard", "kc-lab-me-west-1", **options)["body"]["widgets"]
    states = [each for each in widgets if each["type"] == "alarm"]
    assert [arn.rpartition(":")[2] for each in states for arn in each["properties"]["alarms"]] == names("alarm", **options)
    titles = [each["properties"]["title"] for each in widgets if each["type"] == "metric"]
    assert [title.partition(":")[0] for title in titles] == ["worker", "worker", "jobs", "jobs", *["mysql-main"] * 3, "media", "media"]
    assert all(each["properties"]["region"] == "me-west-1" for each in widgets if each["type"] == "metric")


@given(st.integers(1, 250), st.lists(st.integers(1, 6), max_size=8))
def test_nothing_lies_on_something_else(alarms: int, rows: list[int]) -> None:
    graph = {"x": Metric("AWS/SQS", "m", {"QueueName": "q"})}
    arns = [f"arn:{number:03}" for number in range(alarms)]
    widgets = body("me-west-1", arns, [[("t", graph)] * width for width in rows])["widgets"]
    taken = [
        (x, y)
        for each in widgets
        for x in range(each["x"], each["x"] + each["width"])
        for y in range(each["y"], each["y"] + each["height"])
    ]
    assert len(taken) == len(set(taken))
    assert max(x for x, _ in taken) < 24
    states = [each["properties"]["alarms"] for each in widgets if each["type"] == "alarm"]
    assert [arn for some in states for arn in some] == arns
    assert max(map(len, states)) <= ALARMS
