"""Topics, receivers, alarms, rules and dashboard on an AWS API: made, kept, put back, taken away with all that is ours."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import yaml
from kc.notices import EVERYWHERE, NOTICES

from tests.integration.platform import DOMAIN, OTHER, ROOT, options, prepare

CPU, LAG, NAT = "kc-lab-worker-cpu", "kc-lab-mysql-main-replica-lag", "kc-lab-nat-a-ports"
PAGES, ALERTS, RULE = (
    "arn:aws:sns:me-west-1:123456789012:kc-lab-pages",
    "arn:aws:sns:me-west-1:123456789012:kc-lab-alerts",
    "kc-lab-rds-urgent",
)
ALARM, DASHBOARD = "arn:aws:cloudwatch:me-west-1:123456789012:alarm:", "kc-lab-me-west-1"
MAIL, HOOK = f"kc-lab-pages email:on-call@{DOMAIN}", "kc-lab-alerts https:alerts.kc-lab.test#0fa00ea7"
Client = Callable[..., Any]


@pytest.fixture
def params(converge: Any, scope_option: Callable[..., dict[str, Any]]) -> dict[str, Any]:
    converge("keys", {**options("keys"), "scope": scope_option()})
    more: dict[str, Any] = {"databases": ["main"], "replicated_buckets": ["media", "static"], "replica_region": OTHER}
    small = {**options("observability"), **more, "nodes": [], "nat_zones": [], "domain": ""}
    small["applications"] = {"worker": small["applications"]["worker"], "other": small["applications"]["worker"]}
    return {**small, "scope": {**scope_option(), "tags": {"Owner": "operations"}}}


@pytest.fixture
def whole(params: dict[str, Any], converge: Any, scope_option: Callable[..., dict[str, Any]]) -> dict[str, Any]:
    """With what other units have to make first."""
    prepare("observability", converge, scope_option)
    given = options("observability")
    return {**params, **{name: given[name] for name in ("applications", "nodes", "nat_zones", "domain")}}


def changes(result: dict[str, Any]) -> list[tuple[str, str, str, list[str]]]:
    return sorted((one["action"], one["kind"], one["name"], sorted(one["after"] or {})) for one in result["plan"])


def subscriptions(client: Client) -> dict[str, str]:
    """State of every subscription by its receiver."""
    found = client("sns").list_subscriptions()["Subscriptions"]
    return {each["Endpoint"]: each["SubscriptionArn"] for each in found}


def confirm(client: Client, topic: str, protocol: str, receiver: str) -> str:
    """Do what a receiver does; the lab's token is the last part of the ARN."""
    sns = client("sns")
    arn = sns.subscribe(TopicArn=topic, Protocol=protocol, Endpoint=receiver, ReturnSubscriptionArn=True)["SubscriptionArn"]
    return str(sns.confirm_subscription(TopicArn=topic, Token=arn.rpartition(":")[2])["SubscriptionArn"])


def test_an_empty_account_can_be_planned(converge: Any, scope_option: Any) -> None:
    """Neither key nor certificate nor gateway stands."""
    planned = converge("observability", {**options("observability"), "scope": scope_option()}, check=True)["plan"]
    after = {one["name"]: one["after"] for one in planned}
    assert after["kc-lab-pages"]["key"] == "(known after apply)"
    assert after[NAT]["dimensions"] == {"NatGatewayId": "(known after apply)"}
    assert {one["action"] for one in planned} == {"create"}


def test_what_watches_a_region(converge: Any, whole: dict[str, Any], client: Client) -> None:
    planned = converge("observability", whole, check=True)
    assert client("cloudwatch").describe_alarms()["MetricAlarms"] == []
    made = converge("observability", whole)
    assert made["plan"] == planned["plan"]
    assert made["standing"] == {"alarm": 30, "dashboard": 1, "event_rule": len(NOTICES), "subscription": 2, "topic": 2}
    assert converge("observability", whole)["plan"] == []

    key = client("kms").describe_key(KeyId="alias/kc-lab-alerts")["KeyMetadata"]["Arn"]
    assert client("sns").get_topic_attributes(TopicArn=PAGES)["Attributes"]["KmsMasterKeyId"] == key
    (gateway,) = client("ec2").describe_nat_gateways()["NatGateways"]
    (alarm,) = client("cloudwatch").describe_alarms(AlarmNames=[NAT])["MetricAlarms"]
    assert alarm["Dimensions"] == [{"Name": "NatGatewayId", "Value": gateway["NatGatewayId"]}]
    (balancer,) = client("elbv2").describe_load_balancers()["LoadBalancers"]
    (group,) = client("elbv2").describe_target_groups()["TargetGroups"]
    (latency,) = client("cloudwatch").describe_alarms(AlarmNames=["kc-lab-api-latency"])["MetricAlarms"]
    assert {each["Name"]: each["Value"] for each in latency["Dimensions"]} == {
        "LoadBalancer": balancer["LoadBalancerArn"].partition("loadbalancer/")[2],
        "TargetGroup": group["TargetGroupArn"].rpartition(":")[2],
    }
    assert alarm["AlarmActions"] == alarm["OKActions"] == [ALERTS]
    (body,) = [json.loads(each["DashboardBody"]) for each in [client("cloudwatch").get_dashboard(DashboardName=DASHBOARD)]]
    assert {"AWS/ApplicationELB", "AWS/ECS", "AWS/RDS", "AWS/S3"} <= {
        line[0] for each in body["widgets"] for line in each["properties"].get("metrics", [])
    }


def test_no_address_of_a_receiver_is_shown(converge: Any, params: dict[str, Any]) -> None:
    made = converge("observability", params)
    assert "/key" not in json.dumps({name: made[name] for name in ("plan", "diff", "outputs")}).replace("kms", "")
    (after,) = [one["after"] for one in made["plan"] if one["name"] == HOOK]
    assert after["endpoint"] == "(hidden)"


def test_a_receiver_is_asked_once(converge: Any, params: dict[str, Any], client: Client) -> None:
    outputs = converge("observability", params)["outputs"]["subscription"]
    assert {name: each["confirmed"] for name, each in outputs.items()} == {MAIL: False, HOOK: False}
    assert set(subscriptions(client).values()) == {"PendingConfirmation"}
    assert converge("observability", params)["plan"] == []

    arn = confirm(client, PAGES, "email", f"on-call@{DOMAIN}")
    again = converge("observability", params)
    assert (again["plan"], again["outputs"]["subscription"][MAIL]["confirmed"]) == ([], True)

    client("sns").unsubscribe(SubscriptionArn=arn)
    expected = [("create", "subscription", MAIL, ["endpoint", "protocol", "topic"])]
    assert changes(converge("observability", params)) == expected


def test_only_the_inventory_says_who_is_told(converge: Any, params: dict[str, Any], client: Client) -> None:
    converge("observability", params)
    confirm(client, PAGES, "email", "somebody@example.com")
    confirm(client, PAGES, "email", f"on-call@{DOMAIN}")
    client("sns").subscribe(TopicArn=PAGES, Protocol="email", Endpoint="not-yet@example.com")
    other = client("sns").create_topic(Name="other")["TopicArn"]
    confirm(client, other, "email", "somebody@example.com")

    assert changes(converge("observability", params)) == [("delete", "subscription", "kc-lab-pages email:somebody@example.com", [])]
    nobody = {**params, "subscriptions": {"alerts": params["subscriptions"]["alerts"]}}
    assert changes(converge("observability", nobody)) == [("delete", "subscription", MAIL, [])]
    # what was never confirmed goes by itself; what is told elsewhere is no business of ours
    assert set(subscriptions(client)) == {"not-yet@example.com", "https://alerts.kc-lab.test/key", "somebody@example.com"}
    assert client("sns").list_subscriptions_by_topic(TopicArn=other)["Subscriptions"] != []


Drift = tuple[str, str, str, Callable[[], Any]]
"""Kind, name and attribute of what is changed, and how."""


def alarm_drift(cloudwatch: Any) -> Iterator[Drift]:
    """Put one alarm after the other again, each with something else changed, as the console does."""
    taken = set(cloudwatch.meta.service_model.operation_model("PutMetricAlarm").input_shape.members)
    found = {each["AlarmName"]: each for each in cloudwatch.describe_alarms()["MetricAlarms"]}
    single = iter(sorted(name for name, each in found.items() if not each.get("Metrics")))

    def put(name: str, changed: dict[str, Any]) -> Callable[[], Any]:
        given = {**{key: value for key, value in found[name].items() if key in taken}, **changed}
        return lambda: cloudwatch.put_metric_alarm(**{key: value for key, value in given.items() if value is not None})

    changes: list[tuple[str, Any, str]] = [
        ("Threshold", 99.5, "threshold"),
        ("ComparisonOperator", "LessThanOrEqualToThreshold", "comparison"),
        ("EvaluationPeriods", 30, "periods"),
        ("TreatMissingData", "ignore", "missing"),
        ("AlarmDescription", "by hand", "description"),
        ("ActionsEnabled", False, "actions_enabled"),
        ("AlarmActions", [], "alarm_actions"),
        ("OKActions", [], "ok_actions"),
        ("InsufficientDataActions", [PAGES], "no_data_actions"),
        ("Statistic", "SampleCount", "statistic"),
        ("Unit", "Percent", "unit"),
        ("Dimensions", [{"Name": "x", "Value": "y"}], "dimensions"),
        ("Namespace", "Other", "namespace"),
        ("MetricName", "Other", "metric"),
        ("Period", 10, "period"),
    ]
    for parameter, value, attr in changes:
        name = next(single)
        yield "alarm", name, attr, put(name, {parameter: value})
    # others' are one of one already
    yield "alarm", LAG, "datapoints", put(LAG, {"DatapointsToAlarm": 1})
    queries = [{**each, "Expression": "lag"} if each["Id"] == "result" else each for each in found[LAG]["Metrics"]]
    yield "alarm", LAG, "metrics", put(LAG, {"Metrics": queries, "DatapointsToAlarm": 1})


def topic_drift(sns: Any) -> Iterator[Drift]:
    nobody = '{"Version": "2012-10-17", "Statement": []}'
    for attr, name, value in (
        ("policy", "Policy", nobody),
        ("key", "KmsMasterKeyId", ""),
        ("display_name", "DisplayName", "x"),
        ("signature", "SignatureVersion", "1"),
    ):
        given = {"TopicArn": PAGES, "AttributeName": name, "AttributeValue": value}
        yield "topic", "kc-lab-pages", attr, functools.partial(sns.set_topic_attributes, **given)
    yield "topic", "kc-lab-alerts", "tags", lambda: sns.untag_resource(ResourceArn=ALERTS, TagKeys=["Platform", "Owner"])


def rule_drift(events: Any) -> Iterator[Drift]:
    names = iter(sorted(each["Name"] for each in events.list_rules()["Rules"]))

    def put(name: str, **changed: Any) -> Callable[[], Any]:
        about = events.describe_rule(Name=name)
        return lambda: events.put_rule(**{**{key: about[key] for key in ("Name", "EventPattern", "Description", "State")}, **changed})

    def target(name: str, **changed: Any) -> Callable[[], Any]:
        (about,) = events.list_targets_by_rule(Rule=name)["Targets"]
        return lambda: events.put_targets(Rule=name, Targets=[{**about, **changed}])

    def one(attr: str, act: Callable[..., Callable[[], Any]], **changed: Any) -> Drift:
        name = next(names)
        return "event_rule", name, attr, act(name, **changed)

    yield one("pattern", put, EventPattern='{"source": ["aws.rds"]}')
    yield one("description", put, Description="by hand")
    yield one("enabled", put, State="DISABLED")
    yield one("targets", target, InputTransformer={"InputPathsMap": {}, "InputTemplate": '"something"'})
    yield one("targets", target, RoleArn="arn:aws:iam::123456789012:role/x")
    yield one("targets", target, Id="other", Arn="arn:aws:sqs:me-west-1:123456789012:x")
    yield one("targets", lambda name: lambda: events.remove_targets(Rule=name, Ids=["topic"]))
    arn = "arn:aws:events:me-west-1:123456789012:rule/"
    yield one("tags", lambda name: lambda: events.untag_resource(ResourceARN=f"{arn}{name}", TagKeys=["Owner", "Environment"]))


def test_drift_is_seen_and_put_back(converge: Any, params: dict[str, Any], client: Client) -> None:
    """Every managed attribute, changed by hand on one thing or another; what is found is that and nothing else."""
    converge("observability", params)
    cloudwatch = client("cloudwatch")
    drift = [*alarm_drift(cloudwatch), *topic_drift(client("sns")), *rule_drift(client("events"))]
    body = {"DashboardName": DASHBOARD, "DashboardBody": '{"widgets": []}'}
    drift.append(("dashboard", DASHBOARD, "body", lambda: cloudwatch.put_dashboard(**body)))
    tag = {"ResourceARN": f"{ALARM}{CPU}", "Tags": [{"Key": "Environment", "Value": "x"}]}
    drift.append(("alarm", CPU, "tags", lambda: cloudwatch.tag_resource(**tag)))
    expected: dict[tuple[str, str], set[str]] = {}
    for kind, name, attr, by_hand in drift:
        by_hand()
        expected.setdefault((kind, name), set()).add(attr)
    planned = converge("observability", params, check=True)
    assert changes(planned) == sorted(("update", kind, name, sorted(attrs)) for (kind, name), attrs in expected.items())
    assert changes(converge("observability", params)) == changes(planned)
    assert converge("observability", params)["plan"] == []


def test_an_order_of_no_meaning_is_no_drift(converge: Any, params: dict[str, Any], client: Client) -> None:
    converge("observability", params)
    cloudwatch = client("cloudwatch")
    (alarm,) = cloudwatch.describe_alarms(AlarmNames=[LAG])["MetricAlarms"]
    taken = set(cloudwatch.meta.service_model.operation_model("PutMetricAlarm").input_shape.members)
    cloudwatch.put_metric_alarm(**{**{key: value for key, value in alarm.items() if key in taken}, "Metrics": alarm["Metrics"][::-1]})
    assert converge("observability", params)["plan"] == []


def test_what_is_gone_is_made_again(converge: Any, params: dict[str, Any], client: Client) -> None:
    converge("observability", params)
    client("cloudwatch").delete_alarms(AlarmNames=[CPU])
    client("cloudwatch").delete_dashboards(DashboardNames=[DASHBOARD])
    client("sns").delete_topic(TopicArn=ALERTS)
    client("events").remove_targets(Rule=RULE, Ids=["topic"])
    client("events").delete_rule(Name=RULE)
    made = [(one["action"], one["name"]) for one in converge("observability", params)["plan"]]
    assert sorted(made) == sorted(("create", name) for name in (CPU, DASHBOARD, "kc-lab-alerts", RULE, HOOK))
    assert converge("observability", params)["plan"] == []


def test_what_lost_its_owner_is_taken_up_again(converge: Any, params: dict[str, Any], client: Client) -> None:
    """Without the tag that tells the unit, an alarm and a rule are not known as ours until they are put again."""
    converge("observability", params)
    client("cloudwatch").untag_resource(ResourceARN=f"{ALARM}{CPU}", TagKeys=["Component"])
    client("events").untag_resource(ResourceARN=f"arn:aws:events:me-west-1:123456789012:rule/{RULE}", TagKeys=["Component"])
    assert [(one["action"], one["name"]) for one in converge("observability", params)["plan"]] == [("create", RULE), ("create", CPU)]
    assert converge("observability", params)["plan"] == []


def test_what_is_not_watched_any_more_goes(converge: Any, params: dict[str, Any]) -> None:
    converge("observability", params)
    plan = converge("observability", {**params, "databases": []})["plan"]
    gone = {one["name"] for one in plan if one["action"] == "delete"}
    assert gone == {
        *(f"kc-lab-mysql-main-{what}" for what in ("connections", "free-memory", "heartbeat", "load", "replica-lag", "storage")),
    }
    assert [one["name"] for one in plan if one["action"] != "delete"] == ["kc-lab-me-west-1"]
    assert converge("observability", {**params, "databases": []})["plan"] == []


def test_absent_leaves_what_others_made(converge: Any, params: dict[str, Any], client: Client) -> None:
    cloudwatch, events, sns = client("cloudwatch"), client("events"), client("sns")
    usual: dict[str, Any] = {
        "MetricName": "m",
        "Namespace": "N",
        "Statistic": "Sum",
        "Period": 60,
        "EvaluationPeriods": 1,
        "Threshold": 1.0,
        "ComparisonOperator": "LessThanThreshold",
    }
    cloudwatch.put_metric_alarm(AlarmName="kc-lab-failover", **usual, Tags=[{"Key": "Component", "Value": "dns"}])
    cloudwatch.put_metric_alarm(AlarmName="other", **usual)
    cloudwatch.put_dashboard(DashboardName="kc-lab-eu-central-1", DashboardBody="{}")
    events.put_rule(Name="other", EventPattern='{"source": ["x"]}')
    sns.create_topic(Name="other")
    converge("observability", params)
    absent = {**params, "state": "absent"}
    converge("observability", absent)
    assert [each["AlarmName"] for each in cloudwatch.describe_alarms()["MetricAlarms"]] == ["kc-lab-failover", "other"]
    assert [each["DashboardName"] for each in cloudwatch.list_dashboards()["DashboardEntries"]] == ["kc-lab-eu-central-1"]
    assert [each["Name"] for each in events.list_rules()["Rules"]] == ["other"]
    assert [each["TopicArn"].rpartition(":")[2] for each in sns.list_topics()["Topics"]] == ["other"]
    assert converge("observability", absent)["plan"] == []


def test_alarms_are_read_in_pages(converge: Any, params: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """A hundred alarms are not asked about one by one."""
    from kc.aws.session import Aws

    asked: list[str] = []
    find = Aws.find
    monkeypatch.setattr(Aws, "find", lambda self, *names, **more: (asked.append(" ".join(names)), find(self, *names, **more))[1])
    converge("observability", params)
    asked.clear()
    assert converge("observability", params)["plan"] == []
    assert [one for one in asked if one in ("cloudwatch list_tags_for_resource", "events list_tags_for_resource")] == []


def test_events_arrive_as_sentences(converge: Any, whole: dict[str, Any], client: Client) -> None:
    """Each event of the list, put onto the bus: exactly its rule picks it, and its receiver reads the sentence."""
    converge("observability", whole)
    (reservation,) = client("ec2").describe_instances()["Reservations"]
    instance = reservation["Instances"][0]["InstanceId"]
    sqs, sns, events = client("sqs"), client("sns"), client("events")
    queues = {}
    for short in ("pages", "alerts"):
        queues[short] = sqs.create_queue(QueueName=short)["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=queues[short], AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        sns.subscribe(TopicArn=PAGES.replace("pages", short), Protocol="sqs", Endpoint=arn, Attributes={"RawMessageDelivery": "true"})

    def arrived() -> dict[str, list[str]]:
        got = {short: sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", []) for short, url in queues.items()}
        for short, messages in got.items():
            for each in messages:
                sqs.delete_message(QueueUrl=queues[short], ReceiptHandle=each["ReceiptHandle"])
        return {short: [each["Body"] for each in messages] for short, messages in got.items() if messages}

    def put(event: dict[str, Any], detail: dict[str, Any]) -> dict[str, list[str]]:
        entry = {"Source": event["source"], "DetailType": event["detail-type"], "Resources": event.get("resources", []), "Time": 1.0}
        events.put_events(Entries=[{**entry, "Detail": json.dumps(detail)}])
        return arrived()

    told = (ROOT / "tests/unit/events.yml").read_text().replace("INSTANCE", instance)
    for name, event in yaml.safe_load(told).items():
        topic = NOTICES[name.partition(" ")[0]].topic
        (said,) = put(event, event["detail"])[topic]
        assert said == event["says"].replace("TIME", "1"), name
        # another platform of the same account
        elsewhere = json.loads(json.dumps(event["detail"]).replace("kc-lab", "kc-labor").replace(instance, "i-0123456789abcdef0"))
        ours = {**event, "resources": [each.replace("kc-lab", "kc-labor") for each in event.get("resources", [])]}
        if name not in EVERYWHERE:
            assert put(ours, elsewhere) == {}, name
