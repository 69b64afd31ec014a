"""What the platform's alarms are: what each waits for, what it means at three in the morning, and what to do first.

The page docs/operations/alarms.md and the alarms' own descriptions are made from this.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .aws.cloudwatch import DEFAULTS, Alarm
from .model import Ref, Resource, canonical
from .scope import Scope

ALARM = Alarm()

PAGES, ALERTS = "pages", "alerts"
"""Topics: somebody is woken, or looks at it in working hours."""

TOPICS = (ALERTS, PAGES)

ABOVE, BELOW = "GreaterThanThreshold", "LessThanThreshold"

OK, ALARMING, KEEP, UNSURE = "notBreaching", "breaching", "ignore", "missing"
"""What an alarm makes of no data (CloudWatch API, PutMetricAlarm: TreatMissingData).

`OK` for what is told only when there is something to tell, such as a count of errors; `ALARMING` where silence is
the fault; `KEEP` for what is told once a day; `UNSURE` where nobody can say, which the dashboard shows as such.
"""


@dataclass(frozen=True)
class Watch:
    """What one alarm is, whatever it is about.

    Attributes:
        about: What its name begins with: `<application>`, …
        topic: Where it goes.
        means: What it means at three in the morning; one sentence.
        first: The first thing to do; one sentence.
        waits: Name of its threshold, or the number where there is nothing to choose.
        period: Seconds of one data point.
        of: How many data points are looked at.
        points: How many of them are over the threshold before it rings.
        comparison: `ABOVE` or `BELOW`.
        missing: What no data means.
    """

    about: str
    topic: str
    means: str
    first: str
    waits: str | float
    period: int = 60
    of: int = 5
    points: int = 5
    comparison: str = ABOVE
    missing: str = OK

    @property
    def description(self) -> str:
        """What the alarm itself says, within CloudWatch's 1024 characters."""
        return f"{self.means} First: {self.first}"


APPLICATION, BALANCER, QUEUE, DATABASE = "<application>", "balancer", "<queue>", "mysql-<database>"
NODE, NAT, BUCKET, CERTIFICATE = "<node>", "nat-<zone>", "<bucket>", "certificate"
EDGE, HOME = "edge-<distribution>", "home"

WATCHES: dict[str, Watch] = {
    "errors": Watch(
        APPLICATION,
        PAGES,
        "Users see errors: too many of the application's requests fail with a 5xx.",
        "Was it deployed in the last hour? Put the previous digest back (`kc_images`). If not, read its log and MySQL's alarms.",
        "errors",
        points=3,
    ),
    "latency": Watch(
        APPLICATION,
        ALERTS,
        "Users wait: 5 in 100 of the application's requests take too long.",
        "Look at its CPU and at MySQL's on the dashboard; where tasks are at `count.max`, raise that.",
        "latency",
    ),
    "no-hosts": Watch(
        APPLICATION,
        PAGES,
        "The application is down in this region: the load balancer has no task of it that is healthy.",
        "See why tasks stop (`aws ecs describe-services`, its events). If the region itself is ill, go to the failover runbook.",
        1,
        of=3,
        points=3,
        comparison=BELOW,
        missing=ALARMING,
    ),
    "unhealthy-hosts": Watch(
        APPLICATION,
        ALERTS,
        "Some tasks fail their health check for ten minutes; the others carry the load.",
        "Read the log of a task that fails; `stoppedReason` says what the health check saw.",
        0,
        of=10,
        points=10,
    ),
    "tasks-missing": Watch(
        APPLICATION,
        ALERTS,
        "Fewer tasks run than the service wants, for fifteen minutes: ECS can't start them, or they keep ending.",
        "Read the service's events: no capacity (Spot), an image that can't be pulled, a secret that can't be read.",
        0,
        of=15,
        points=15,
        missing=UNSURE,
    ),
    "cpu": Watch(
        APPLICATION,
        ALERTS,
        "The application's tasks are at the end of their CPU, and scaling out has not helped for ten minutes.",
        "Is it at `count.max`? Raise that, or the task's `cpu`; else see whether one request is the reason.",
        "cpu",
        of=10,
        points=10,
    ),
    "memory": Watch(
        APPLICATION,
        ALERTS,
        "The application's tasks are near the memory at which the kernel ends them.",
        "Force a new deployment to win time; then raise the task's `memory`, or find the leak.",
        "memory",
    ),
    "age": Watch(
        QUEUE,
        ALERTS,
        "Jobs wait: the oldest has been in the queue for too long.",
        "See whether the worker's tasks run and what their log says; a job that nobody can do is received again and again.",
        "queue_age",
    ),
    "dead-letters": Watch(
        QUEUE,
        ALERTS,
        "A job failed each time it was tried, and lies in the dead-letter queue; what it was to do is not done.",
        "Read the message and the worker's log of that time; mend it, then redrive the queue (`aws sqs start-message-move-task`).",
        0,
        of=1,
        points=1,
    ),
    "own-5xx": Watch(
        BALANCER,
        PAGES,
        "The load balancer itself answers 5xx: it has no target to send to, or targets drop their connections.",
        "Look which application's alarms ring with it; if none does, see AWS Health for the region.",
        "balancer_errors",
        points=3,
    ),
    "rejected": Watch(
        BALANCER,
        ALERTS,
        "The load balancer refused connections, because it had too many.",
        "Look at the web ACL's blocked requests and at new connections: an attack, or success.",
        0,
        of=1,
        points=1,
    ),
    "storage": Watch(
        DATABASE,
        PAGES,
        "MySQL is about to fill its disk (it then stops writing), or tells nothing about itself any more.",
        "Raise the storage in the inventory and run `databases.yml`; RDS grows it without a pause. Is a table or the binlog the reason?",
        "database_storage",
        period=300,
        of=2,
        points=2,
        comparison=BELOW,
        missing=ALARMING,
    ),
    "load": Watch(
        DATABASE,
        ALERTS,
        "MySQL is at the end of its CPU for a quarter of an hour; everything that asks it is slow.",
        "Performance Insights, top SQL: kill the statement that is new there; else the next instance class.",
        "database_cpu",
        of=15,
        points=15,
        missing=UNSURE,
    ),
    "free-memory": Watch(
        DATABASE,
        ALERTS,
        "MySQL has next to no free memory: swapping comes next, then a restart.",
        "Look at its connections, each of which takes memory; else the next instance class.",
        "database_memory",
        missing=UNSURE,
        comparison=BELOW,
    ),
    "connections": Watch(
        DATABASE,
        ALERTS,
        "MySQL has more open connections than the applications should need; at `max_connections` it refuses more.",
        "Which application has scaled out, or leaks connections (`SHOW PROCESSLIST`)? Restart that one.",
        "database_connections",
        missing=UNSURE,
    ),
    "replica-lag": Watch(
        DATABASE,
        PAGES,
        "The replica is behind, or its replication has stopped: a failover now would lose what it has not got.",
        "Start nothing that fails over. `SHOW REPLICA STATUS` on the replica says why; a long transaction passes, an error does not.",
        "replica_lag",
    ),
    "heartbeat": Watch(
        DATABASE,
        ALERTS,
        "The heartbeat that the primary writes is old on the replica, though RDS may call it up to date.",
        "Compare with the replica lag: if only this rings, see whether the writer of the heartbeat runs.",
        "heartbeat_lag",
        missing=UNSURE,
    ),
    "status": Watch(
        NODE,
        PAGES,
        "The node fails EC2's status checks, or does not run: a replica or a Keeper is gone, the others carry on.",
        "Stop and start it, so that it moves to other hardware; its data volume and address stay. Never two Keepers at once.",
        0,
        of=3,
        points=3,
        missing=ALARMING,
    ),
    "disk": Watch(
        NODE,
        PAGES,
        "The node's data volume fills up; ClickHouse turns read-only when it is full.",
        "Raise the volume in the inventory and run `databases.yml`, then grow the file system; it needs no pause.",
        "disk",
        period=300,
        of=2,
        points=2,
        missing=UNSURE,
    ),
    "ports": Watch(
        NAT,
        ALERTS,
        "The NAT gateway had no port left for a connection: calls from this zone to the internet fail now and then.",
        "Who opens so many connections to one address (flow logs)? Keep them open, or give the gateway a second address.",
        0,
        points=3,
    ),
    "expiry": Watch(
        CERTIFICATE,
        ALERTS,
        "The certificate runs out within weeks, and ACM has not renewed it: on that day nobody reaches the platform.",
        "See that its validation record stands in the zone (`site.yml --tags certificates` puts it back).",
        "certificate_days",
        period=86_400,
        of=1,
        points=1,
        comparison=BELOW,
        missing=KEEP,
    ),
    "replica-late": Watch(
        BUCKET,
        ALERTS,
        "Objects from the other region arrive more than S3's promised quarter of an hour late: a failover now would miss them.",
        "See AWS Health for both regions; `replica-failed` of the other region tells whether it is our permissions.",
        "replication_latency",
        period=300,
        of=3,
        points=3,
    ),
    "replica-pending": Watch(
        BUCKET,
        ALERTS,
        "Many objects from the other region are still on their way here.",
        "A bulk upload explains it, and it passes; else as for `replica-late`.",
        "replication_pending",
        period=300,
        of=6,
        points=6,
    ),
    "replica-failed": Watch(
        BUCKET,
        ALERTS,
        "Objects of this bucket could not be copied to the other region, and S3 does not try again by itself.",
        "Was the role, a bucket's policy or the other region's key changed? Run `site.yml`, then replicate the failed ones (S3 Batch).",
        0,
        period=300,
        of=1,
        points=1,
    ),
    "unreachable": Watch(
        HOME,
        PAGES,
        "Route 53's checkers around the world can't reach the region that is primary at home; DNS is turning to the other one.",
        "Do the region's own alarms ring? If it is lost, run the failover; if only the checkers can't reach it, see AWS Health.",
        1,
        of=2,
        points=2,
        comparison=BELOW,
        missing=UNSURE,
    ),
    "viewer-errors": Watch(
        EDGE,
        PAGES,
        "CloudFront answers 5xx to users, worldwide.",
        "If the region's alarms ring too, work on these; if not, ask `origin.<domain>` yourself, then see AWS Health for CloudFront.",
        "edge_errors",
        points=3,
    ),
}
"""Every alarm, by what its name ends in."""

REPLICATION_BROKEN = 86_400
"""Seconds of lag that count where RDS says -1: replication does not run (RDS user guide, Monitoring read replication)."""


@dataclass(frozen=True)
class Metric:
    """One metric of CloudWatch."""

    namespace: str
    name: str
    dimensions: Mapping[str, str | Ref] = field(default_factory=dict)
    statistic: str = "Average"


@dataclass(frozen=True)
class Math:
    """A result of several metrics: `expression` names them."""

    expression: str
    metrics: Mapping[str, Metric]


def alarm(
    scope: Scope, subject: str, watch: str, metric: Metric | Math, thresholds: Mapping[str, float], *, missing: str = "", factor: float = 1
) -> Resource:
    """Return an alarm.

    Args:
        subject: What it is about; the beginning of its name.
        watch: Which one of `WATCHES` it is.
        metric: What it looks at.
        thresholds: Numbers by the names that watches wait for.
        missing: What no data means, where it is not what the watch says.
        factor: The metric's units in one of the threshold's.
    """
    about = WATCHES[watch]
    topic = topic_arn(scope, about.topic)
    limit = thresholds[about.waits] if isinstance(about.waits, str) else about.waits
    desired = {
        **DEFAULTS,
        "description": about.description,
        "alarm_actions": [topic],
        "ok_actions": [topic],
        **(_math(metric, about.period) if isinstance(metric, Math) else _single(metric, about.period)),
        "periods": about.of,
        "datapoints": about.points,
        "threshold": float(limit * factor),
        "comparison": about.comparison,
        "missing": missing or about.missing,
        "tags": scope.tags(),
    }
    return Resource(ALARM, alarm_name(scope, subject, watch), desired, scope.region)


def topic_arn(scope: Scope, short: str) -> str:
    """Return the ARN of the topic (one of `TOPICS`) that is told: the platform's, also of a client's, in the scope's region."""
    return scope.arn("sns", scope.shared.name("topic", short))


def alarm_name(scope: Scope, subject: str, watch: str) -> str:
    """Return what an alarm is called: the platform, what it is about, and which one it is."""
    return scope.name("alarm", subject, watch)


def _single(metric: Metric, period: int) -> dict[str, Any]:
    about = {"namespace": metric.namespace, "metric": metric.name, "dimensions": dict(metric.dimensions), "period": period}
    if metric.statistic.startswith("p"):
        # of a few requests, one slow one is not 5 in 100
        return {**about, "percentile": metric.statistic, "few_samples": "ignore"}
    return {**about, "statistic": metric.statistic}


def _math(math: Math, period: int) -> dict[str, Any]:
    queries: list[dict[str, Any]] = [{"Id": "result", "Expression": math.expression, "ReturnData": True}]
    for id, metric in math.metrics.items():
        dimensions: Sequence[dict[str, Any]] = canonical({"Name": name, "Value": value} for name, value in metric.dimensions.items())
        about = {"Namespace": metric.namespace, "MetricName": metric.name, "Dimensions": dimensions}
        queries.append({"Id": id, "MetricStat": {"Metric": about, "Period": period, "Stat": metric.statistic}, "ReturnData": False})
    return {"metrics": canonical(queries)}
