"""The unit `observability`: topics, who is told, alarms, rules of events and a dashboard, all from what the inventory says."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from ..alarms import ALARM, OK, REPLICATION_BROKEN, TOPICS, Math, Metric, alarm
from ..applications import Application, applications
from ..aws.cloudwatch import Dashboard, dashboard_name
from ..aws.ecs import cluster_name
from ..aws.route53 import GLOBAL
from ..aws.sns import Subscription, Topic, subscription_name
from ..dashboards import Row, body
from ..errors import KcError
from ..model import Hidden, Ref, Resource
from ..notices import EVERYWHERE, NODES, NOTICES, RULE, rule
from ..policy import Document, allow, deny, document
from ..scope import Scope
from ..unit import Params, Unit
from .balancer import balancer_of, target_group_of
from .certificates import certificate_of
from .dns import check_of
from .edge import distribution_of
from .keys import key_of
from .mysql import instance_name
from .network import nat_of
from .nodes import node_of
from .queues import dead_name, queue_name
from .services import service_name

TOPIC, DASHBOARD = Topic(), Dashboard()

NAME = "observability"

GIB, MIB = 1024**3, 1024**2

PUBLISHERS: dict[str, Callable[[Scope], str]] = {
    "cloudwatch": lambda scope: scope.arn("cloudwatch", f"alarm:{scope.prefix}*"),
    "events": lambda scope: scope.arn("events", f"rule/{scope.prefix}*"),
    # Billing user guide, Creating an Amazon SNS topic for budget notifications: it names no budget
    "budgets": lambda scope: scope.arn("budgets", "*", region=""),
}
"""AWS services that publish to the topics, and the ARN of what they publish for."""


def build(scope: Scope, params: Params) -> Sequence[Resource]:
    """Return what watches the region, or what a client has in it.

    A client's alarms and rules tell the platform's topics: the same people look after it.
    """
    watchers = (_balancer, _applications, _queues, _databases, _nodes, _nat, _buckets, _certificate, _edge, _health)
    params = {**params, "applications": applications(params["applications"])}
    watched = [each for watcher in watchers for each in watcher(scope, params)]
    lookups = {lookup.key: lookup for part in watched for lookup in part.lookups}
    alarms = [each for part in watched for each in part.alarms]
    rows = [part.row for part in watched if part.row]
    return [
        *lookups.values(),
        *(() if scope.client else (*_topics(scope, params), *_subscriptions(scope, params))),
        *_rules(scope, params),
        *alarms,
        *_dashboard(scope, alarms, rows),
    ]


def _rules(scope: Scope, params: Params) -> Iterator[Resource]:
    for name in NOTICES:
        if name in NODES:
            instances = [Ref(node.key.kind, node.name) for node in (node_of(scope, short) for short in params["nodes"])]
            # not those of others in the account
            yield from [rule(scope, name, **{"instance-id": instances})] if instances else []
        elif not scope.client and (params["applications"] or name in EVERYWHERE):
            yield rule(scope, name)


@dataclasses.dataclass(frozen=True)
class Watched:
    """One thing that is watched: its alarms, its row of the dashboard, and what they look up."""

    alarms: Sequence[Resource]
    row: Row = ()
    lookups: Sequence[Resource] = ()


def _topics(scope: Scope, params: Params) -> Iterator[Resource]:
    key = key_of(scope, params["key"])
    yield key
    for short in TOPICS:
        name = scope.name("topic", short)
        desired = {
            "policy": topic_policy(scope, name),
            "key": Ref(key.key.kind, key.name, "arn"),
            "display_name": name,
            # SHA256 instead of SHA1 (SNS developer guide, Verifying the signatures of messages)
            "signature": "2",
            "tags": scope.tags(name),
        }
        yield Resource(TOPIC, name, desired, scope.region)


def topic_policy(scope: Scope, name: str) -> Document:
    """Return a topic's policy: the platform's own alarms, rules and budgets publish, and nobody without TLS.

    Whatever else somebody of the account may do is for IAM to say.
    """
    arn = scope.arn("sns", name)

    def publisher(service: str, source: Callable[[Scope], str]) -> dict[str, Any]:
        when = {"ArnLike": {"aws:SourceArn": source(scope)}, "StringEquals": {"aws:SourceAccount": scope.account}}
        return allow(service.capitalize(), "sns:Publish", arn, principal={"Service": f"{service}.amazonaws.com"}, when=when)

    plain = {"Bool": {"aws:SecureTransport": "false"}}
    return document(deny("DenyPlain", "sns:Publish", arn, principal="*", when=plain), *(publisher(*each) for each in PUBLISHERS.items()))


def _subscriptions(scope: Scope, params: Params) -> list[Resource]:
    receivers = {
        subscription_name(topic, protocol, endpoint): (topic, protocol, endpoint)
        for short in TOPICS
        for topic in [scope.name("topic", short)]
        for protocol, endpoint in [_receiver(f"subscriptions.{short}", each) for each in (params["subscriptions"] or {}).get(short) or []]
    }
    kind = Subscription(TOPICS, tuple(receivers))
    return [
        Resource(kind, name, {"topic": Ref("topic", topic, "arn"), "protocol": protocol, "endpoint": Hidden(endpoint)}, scope.region)
        for name, (topic, protocol, endpoint) in sorted(receivers.items())
    ]


def _receiver(where: str, text: str) -> tuple[str, str]:
    """Return protocol and endpoint of a receiver as the inventory writes it."""
    for protocol, pattern in (("email", r"[^@\s:/]+@[^@\s:/]+"), ("https", r"https://\S+"), ("sms", r"\+[1-9][0-9]{6,14}")):
        if re.fullmatch(pattern, text):
            return protocol, text
    shown = "http://…" if text.startswith("http:") else text
    raise KcError(f"`{where}`: `{shown}` can't be told anything", hint="write name@example.com, https://… or a number as +9665…")


def _thresholds(params: Params, about: Application | None = None) -> dict[str, float]:
    own = {name: value for name, value in dataclasses.asdict(about.limited).items() if value is not None} if about else {}
    return {**params["thresholds"], **own}


def _applications(scope: Scope, params: Params) -> Iterator[Watched]:
    for name, about in params["applications"].items():
        yield _application(scope, params, name, about)


def _balancer(scope: Scope, params: Params) -> Iterator[Watched]:
    """Watch what the load balancer says of itself, where an application takes requests."""
    if any(about.hosts for about in params["applications"].values()):
        limits = _thresholds(params)
        balancer = balancer_of(scope)
        whole = {"LoadBalancer": Ref(balancer.key.kind, balancer.name, "suffix")}
        own = Metric("AWS/ApplicationELB", "HTTPCode_ELB_5XX_Count", whole, "Sum")
        rejected = Metric("AWS/ApplicationELB", "RejectedConnectionCount", whole, "Sum")
        requests = Metric("AWS/ApplicationELB", "RequestCount", whole, "Sum")
        alarms = [alarm(scope, "balancer", "own-5xx", own, limits), alarm(scope, "balancer", "rejected", rejected, limits)]
        row = [("balancer: requests", {"requests": requests}), ("balancer: own 5xx", {"5xx": own, "rejected": rejected})]
        yield Watched(alarms, row, [balancer])


def _requests(scope: Scope, name: str, about: Application, limits: Mapping[str, float]) -> Watched:
    """Watch what users notice of an application."""
    balancer, group = balancer_of(scope), target_group_of(scope, name)
    targets = {
        "LoadBalancer": Ref(balancer.key.kind, balancer.name, "suffix"),
        "TargetGroup": Ref(group.key.kind, group.name, "suffix"),
    }

    def metric(of: str, statistic: str) -> Metric:
        return Metric("AWS/ApplicationELB", of, targets, statistic)

    requests, errors = metric("RequestCount", "Sum"), metric("HTTPCode_Target_5XX_Count", "Sum")
    # no error is told as no data
    failing = Math(
        f"IF(requests >= {limits['least_requests']:g}, 100 * FILL(errors, 0) / requests, 0)", {"requests": requests, "errors": errors}
    )
    latency, healthy, ill = (
        metric("TargetResponseTime", "p95"),
        metric("HealthyHostCount", "Maximum"),
        metric("UnHealthyHostCount", "Maximum"),
    )
    # where none is to run in the secondary, silence is no fault
    silence = "" if min(about.counts.min, about.counts.warm) else OK
    alarms = [
        alarm(scope, name, "errors", failing, limits),
        alarm(scope, name, "latency", latency, limits),
        alarm(scope, name, "no-hosts", healthy, limits, missing=silence),
        alarm(scope, name, "unhealthy-hosts", ill, limits),
    ]
    row = [
        (f"{name}: requests", {"requests": requests, "5xx": errors}),
        (f"{name}: latency", {"p50": metric("TargetResponseTime", "p50"), "p95": latency}),
    ]
    return Watched(alarms, row, [balancer, group])


def _application(scope: Scope, params: Params, name: str, about: Application) -> Watched:
    """Watch an application's tasks, and what its users notice."""
    limits = _thresholds(params, about)
    service = {"ClusterName": cluster_name(scope), "ServiceName": service_name(scope, name)}
    cpu, memory = Metric("AWS/ECS", "CPUUtilization", service), Metric("AWS/ECS", "MemoryUtilization", service)
    wanted = Metric("ECS/ContainerInsights", "DesiredTaskCount", service)
    running = Metric("ECS/ContainerInsights", "RunningTaskCount", service)
    missing = Math("wanted - running", {"wanted": wanted, "running": running})
    alarms = [
        alarm(scope, name, "cpu", cpu, limits),
        alarm(scope, name, "memory", memory, limits),
        alarm(scope, name, "tasks-missing", missing, limits),
    ]
    row = [(f"{name}: tasks", {"wanted": wanted, "running": running}), (f"{name}: saturation", {"CPU %": cpu, "memory %": memory})]
    users = _requests(scope, name, about, limits) if about.hosts else Watched([])
    return Watched([*users.alarms, *alarms], [*users.row, *row], users.lookups)


def _queues(scope: Scope, params: Params) -> Iterator[Watched]:
    workers = {about.scaled.queue: about for about in params["applications"].values()}
    for short in sorted(params["queues"]):
        yield _queue(scope, short, _thresholds(params, workers.get(short)))


def _queue(scope: Scope, short: str, limits: Mapping[str, float]) -> Watched:
    def metric(name: str, queue: str) -> Metric:
        return Metric("AWS/SQS", name, {"QueueName": queue}, "Maximum")

    queue, dead = queue_name(scope, short), dead_name(scope, short)
    age, letters = metric("ApproximateAgeOfOldestMessage", queue), metric("ApproximateNumberOfMessagesVisible", dead)
    backlog = metric("ApproximateNumberOfMessagesVisible", queue)
    alarms = [alarm(scope, short, "age", age, limits), alarm(scope, short, "dead-letters", letters, limits)]
    return Watched(alarms, [(f"{short}: waiting", {"jobs": backlog, "dead letters": letters}), (f"{short}: age", {"seconds": age})])


def _databases(scope: Scope, params: Params) -> Iterator[Watched]:
    limits = _thresholds(params)
    for short in params["databases"]:
        instance = {"DBInstanceIdentifier": instance_name(scope, short)}
        cpu = Metric("AWS/RDS", "CPUUtilization", instance)
        storage = Metric("AWS/RDS", "FreeStorageSpace", instance, "Minimum")
        memory = Metric("AWS/RDS", "FreeableMemory", instance, "Minimum")
        connections = Metric("AWS/RDS", "DatabaseConnections", instance, "Maximum")
        lag = Metric("AWS/RDS", "ReplicaLag", instance, "Maximum")
        least = Metric("AWS/RDS", "ReplicaLag", instance, "Minimum")
        heartbeat = Metric(scope.namespace, HEARTBEAT, {"Database": short}, "Maximum")
        # told by the replica only: the same alarm stands in both regions, and a failover needs no run to move it
        broken = Math(f"IF(least < 0, {REPLICATION_BROKEN}, lag)", {"lag": lag, "least": least})
        subject = f"mysql-{short}"
        alarms = [
            alarm(scope, subject, "storage", storage, limits, factor=GIB),
            alarm(scope, subject, "load", cpu, limits),
            alarm(scope, subject, "free-memory", memory, limits, factor=MIB),
            alarm(scope, subject, "connections", connections, limits),
            alarm(scope, subject, "replica-lag", broken, limits),
            alarm(scope, subject, "heartbeat", heartbeat, limits),
        ]
        row = [
            (f"{subject}: CPU and connections", {"CPU %": cpu, "connections": connections}),
            (f"{subject}: free", {"storage": storage, "memory": memory}),
            (f"{subject}: lag", {"replica": lag, "heartbeat": heartbeat}),
        ]
        yield Watched(alarms, row)


HEARTBEAT = "HeartbeatLag"
"""Seconds since the heartbeat that a replica has got last; dimension `Database`, the short name."""


def _nodes(scope: Scope, params: Params) -> Iterator[Watched]:
    limits = _thresholds(params)
    for short in sorted(params["nodes"]):
        node = node_of(scope, short)
        instance = {"InstanceId": Ref(node.key.kind, node.name)}
        status = Metric("AWS/EC2", "StatusCheckFailed", instance, "Maximum")
        cpu = Metric("AWS/EC2", "CPUUtilization", instance)
        # the fullest of its volumes: CloudWatch's agent adds them up by instance (`aggregation_dimensions`)
        disk = Metric(scope.namespace, "disk_used_percent", instance, "Maximum")
        alarms = [alarm(scope, short, "status", status, limits), alarm(scope, short, "disk", disk, limits)]
        row = [(f"{short}: load", {"CPU %": cpu}), (f"{short}: fullest volume", {"%": disk})]
        yield Watched(alarms, row, [node])


def _nat(scope: Scope, params: Params) -> Iterator[Watched]:
    limits = _thresholds(params)
    for zone in params["nat_zones"]:
        gateway = nat_of(scope, zone)
        ports = Metric("AWS/NATGateway", "ErrorPortAllocation", {"NatGatewayId": Ref(gateway.key.kind, gateway.name)}, "Sum")
        yield Watched([alarm(scope, f"nat-{zone}", "ports", ports, limits)], (), [gateway])


def _buckets(scope: Scope, params: Params) -> Iterator[Watched]:
    """Watch what is copied both ways.

    S3 tells delays where the copies go, and failures where they come from (S3 user guide, Using S3 Replication
    metrics). So the region that survives knows what it has not got.
    """
    limits = _thresholds(params)
    other = scope.at(params.get("replica_region") or "")
    if params["replicated_buckets"] and other.region in ("", scope.region):
        raise KcError(f"`replica_region` is `{other.region}`", hint=f"name the region that {scope.region} replicates buckets with")
    for short in sorted(params["replicated_buckets"]):

        def metric(name: str, source: Scope, to: Scope, short: str = short) -> Metric:
            rule = {"SourceBucket": source.bucket(short), "DestinationBucket": to.bucket(short), "RuleId": f"to-{to.region}"}
            return Metric("AWS/S3", name, rule, "Sum" if name.startswith("OperationsFailed") else "Maximum")

        late, pending = (metric(name, other, scope) for name in ("ReplicationLatency", "OperationsPendingReplication"))
        failed = metric("OperationsFailedReplication", scope, other)
        alarms = [
            alarm(scope, short, "replica-late", late, limits),
            alarm(scope, short, "replica-pending", pending, limits),
            alarm(scope, short, "replica-failed", failed, limits),
        ]
        row = [
            (f"{short}: seconds late from {other.region}", {"seconds": late}),
            (f"{short}: copies", {"pending here": pending, "failed there": failed}),
        ]
        yield Watched(alarms, row)


def _certificate(scope: Scope, params: Params) -> Iterator[Watched]:
    if params["domain"]:
        certificate = certificate_of(scope, params["domain"])
        days = Metric(
            "AWS/CertificateManager", "DaysToExpiry", {"CertificateArn": Ref(certificate.key.kind, certificate.name, "arn")}, "Minimum"
        )
        yield Watched([alarm(scope, "certificate", "expiry", days, _thresholds(params))], (), [certificate])


def _edge(scope: Scope, params: Params) -> Iterator[Watched]:
    limits = _thresholds(params)
    if params["distributions"] and scope.region != GLOBAL:
        raise KcError(f"`distributions` is given for {scope.region}", hint=f"CloudFront tells its metrics in {GLOBAL} only")
    for short in sorted(params["distributions"]):
        distribution = distribution_of(scope, short)
        whole: dict[str, str | Ref] = {"DistributionId": Ref(distribution.key.kind, distribution.name), "Region": "Global"}
        failing = Metric("AWS/CloudFront", "5xxErrorRate", whole)
        requests = Metric("AWS/CloudFront", "Requests", whole, "Sum")
        refused = Metric("AWS/CloudFront", "4xxErrorRate", whole)
        row = [(f"{short}: requests", {"requests": requests}), (f"{short}: errors", {"5xx %": failing, "4xx %": refused})]
        yield Watched([alarm(scope, f"edge-{short}", "viewer-errors", failing, limits)], row, [distribution])


def _health(scope: Scope, params: Params) -> Iterator[Watched]:
    """Watch what Route 53's checkers say of the region that is primary at home; they tell it in us-east-1 only."""
    if params["home"]:
        check = check_of(scope, params["home"])
        status = Metric("AWS/Route53", "HealthCheckStatus", {"HealthCheckId": Ref(check.key.kind, check.name)}, "Minimum")
        row = [(f"{params['home']}: reached by Route 53", {"1 is yes": status})]
        yield Watched([alarm(scope, "home", "unreachable", status, _thresholds(params))], row, [check])


def _dashboard(scope: Scope, alarms: Sequence[Resource], rows: Sequence[Row]) -> Iterator[Resource]:
    if alarms:
        arns = [scope.arn("cloudwatch", f"alarm:{each.name}") for each in alarms]
        name = dashboard_name(scope)
        yield Resource(DASHBOARD, name, {"body": body(scope.region, arns, rows), "tags": scope.tags(name)}, scope.region)


UNIT = Unit(
    name=NAME,
    kinds=(TOPIC, Subscription(TOPICS), RULE, ALARM, DASHBOARD),
    build=build,
    services=("sns", "events", "cloudwatch", "resourcegroupstaggingapi", "kms", "acm", "route53", "ec2", "elbv2", "cloudfront"),
)
