"""What AWS tells by itself, as events, and the sentence that somebody reads of each.

The page docs/operations/alarms.md is made from this too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from .alarms import ALERTS, PAGES, topic_arn
from .aws.events import EventRule, in_order
from .model import Resource
from .scope import Scope

RULE = EventRule()

Pattern = dict[str, Any]

FAILED_TO_RUN = ["EssentialContainerExited", "TaskFailedToStart"]
"""Why a task has stopped although nobody wanted that (ECS API, Task: stopCode). Spot's end is no fault."""


@dataclass(frozen=True)
class Notice:
    """One rule.

    Attributes:
        topic: Where it goes.
        when: What happens, for who reads the list of rules.
        pattern: The events of this scope that it is about.
        text: The sentence; `<name>` is replaced by what `values` finds.
        values: JSONPaths into the event by name.
    """

    topic: str
    when: str
    pattern: Callable[[Scope], Pattern]
    text: str
    values: Mapping[str, str]


def _detail(*names: str, **paths: str) -> dict[str, str]:
    return {"region": "$.region", "time": "$.time", **{name: f"$.detail.{name}" for name in names}, **paths}


def _rds(*categories: str) -> Callable[[Scope], Pattern]:
    """RDS user guide, Amazon RDS event categories and event messages: DB instance events."""

    def pattern(scope: Scope) -> Pattern:
        detail = {"EventCategories": list(categories), "SourceIdentifier": [{"prefix": scope.prefix}]}
        return {"source": ["aws.rds"], "detail-type": ["RDS DB Instance Event"], "detail": detail}

    return pattern


def _ecs(kind: str, **detail: Any) -> Callable[[Scope], Pattern]:
    """Amazon ECS developer guide, Amazon ECS events."""

    def pattern(scope: Scope) -> Pattern:
        return {"source": ["aws.ecs"], "detail-type": [kind], "detail": {**detail, "clusterArn": _named(scope, "ecs", "cluster/")}}

    return pattern


def _named(scope: Scope, service: str, kind: str) -> list[Any]:
    """Return what matches the ARN of everything that is called as the scope is, or begins with that and a hyphen."""
    arn = scope.arn(service, f"{kind}{scope.prefix}")
    return [arn.removesuffix("-"), {"prefix": arn}]


def _deployment(scope: Scope) -> Pattern:
    # the event names no cluster, but its service's ARN holds it
    arn = scope.arn("ecs", f"service/{scope.prefix}").removesuffix("-")
    return {
        "source": ["aws.ecs"],
        "detail-type": ["ECS Deployment State Change"],
        "resources": [{"prefix": f"{arn}/"}, {"prefix": f"{arn}-"}],
        "detail": {"eventName": ["SERVICE_DEPLOYMENT_FAILED"]},
    }


def _backup(scope: Scope) -> Pattern:
    detail = {"state": ["ABORTED", "EXPIRED", "FAILED", "PARTIAL"], "backupVaultName": [{"prefix": scope.prefix}]}
    return {"source": ["aws.backup"], "detail-type": ["Backup Job State Change"], "detail": detail}


def _copy(scope: Scope) -> Pattern:
    vault = {"prefix": scope.arn("backup", f"backup-vault:{scope.prefix}")}
    return {
        "source": ["aws.backup"],
        "detail-type": ["Copy Job State Change"],
        "detail": {"state": ["FAILED"], "sourceBackupVaultArn": [vault]},
    }


def _acm(scope: Scope) -> Pattern:
    kinds = ["ACM Certificate Approaching Expiration", "ACM Certificate Expired", "ACM Certificate Renewal Action Required"]
    return {"source": ["aws.acm"], "detail-type": kinds}


def _health(scope: Scope) -> Pattern:
    return {"source": ["aws.health"], "detail-type": ["AWS Health Event"], "detail": {"eventTypeCategory": ["issue", "scheduledChange"]}}


def _node(scope: Scope) -> Pattern:
    """Return what all instances tell; `rule` is given those that it is about."""
    detail = {"state": ["stopped", "stopping", "terminated"]}
    return {"source": ["aws.ec2"], "detail-type": ["EC2 Instance State-change Notification"], "detail": detail}


NOTICES: dict[str, Notice] = {
    "rds-urgent": Notice(
        PAGES,
        "MySQL fails over, fails, or runs out of storage",
        _rds("failover", "failure", "low storage"),
        "MySQL <SourceIdentifier> in <region> at <time>: <Message>",
        _detail("SourceIdentifier", "Message"),
    ),
    "rds": Notice(
        ALERTS,
        "RDS maintains or recovers MySQL, or its replication changes",
        _rds("maintenance", "read replica", "recovery"),
        "MySQL <SourceIdentifier> in <region> at <time>: <Message>",
        _detail("SourceIdentifier", "Message"),
    ),
    "ecs-task": Notice(
        ALERTS,
        "A task ends although nobody wanted that",
        _ecs("ECS Task State Change", lastStatus=["STOPPED"], stopCode=FAILED_TO_RUN),
        "A task of <group> in <region> stopped at <time>: <stoppedReason> (<stopCode>, exit code <code>). Task: <taskArn>",
        _detail("group", "stoppedReason", "stopCode", "taskArn", code="$.detail.containers[0].exitCode"),
    ),
    "ecs-deployment": Notice(
        ALERTS,
        "A deployment fails, and ECS rolls it back",
        _deployment,
        "The deployment of <service> failed at <time>: <reason>",
        _detail("reason", service="$.resources[0]"),
    ),
    "ecs-service": Notice(
        ALERTS,
        "ECS can't do what a service wants",
        _ecs("ECS Service Action", eventType=["ERROR", "WARN"]),
        "ECS says <eventName> of <service> at <time>. <reason>",
        _detail("eventName", "reason", service="$.resources[0]"),
    ),
    "node": Notice(
        ALERTS,
        "A database node stops",
        _node,
        "The instance <instance> of a database node in <region> is <state> at <time>",
        _detail("state", instance="$.detail.instance-id"),
    ),
    "certificate": Notice(
        ALERTS,
        "ACM has not renewed a certificate",
        _acm,
        "<what> in <region>: <certificate>. Its validation record must stand in the zone.",
        {"region": "$.region", "what": "$.detail-type", "certificate": "$.resources[0]"},
    ),
    "health": Notice(
        ALERTS,
        "AWS has a problem, or plans a change of something that we use",
        _health,
        "AWS Health, <service> in <region> (<category>, <code>): <description>",
        _detail(
            "service",
            category="$.detail.eventTypeCategory",
            code="$.detail.eventTypeCode",
            description="$.detail.eventDescription[0].latestDescription",
        ),
    ),
    "backup": Notice(
        ALERTS,
        "A backup is not made",
        _backup,
        "The backup of <resource> in <region> is <state>: <message>",
        _detail("state", resource="$.detail.resourceArn", message="$.detail.statusMessage"),
    ),
    "backup-copy": Notice(
        ALERTS,
        "A backup is not copied to the other region",
        _copy,
        "The copy of the backup of <resource> to <vault> is <state>: <message>",
        _detail("state", resource="$.detail.resourceArn", vault="$.detail.destinationBackupVaultArn", message="$.detail.statusMessage"),
    ),
}
"""Every rule, by what its name ends in."""

EVERYWHERE = ("certificate", "health")
"""Rules of every region, also where no application runs."""


NODES = ("node",)
"""Rules about the database nodes."""


def rule(scope: Scope, name: str, **detail: Any) -> Resource:
    """Return a rule that publishes one of `NOTICES`; `detail` is what the event's must be too."""
    notice = NOTICES[name]
    pattern = notice.pattern(scope)
    if detail:
        pattern["detail"] = {**pattern["detail"], **detail}
    desired = {
        "description": notice.when,
        "pattern": in_order(pattern),
        "enabled": True,
        # no role: the topic's policy lets EventBridge publish
        "targets": {"topic": {"arn": topic_arn(scope, notice.topic), "values": dict(notice.values), "text": notice.text}},
        "tags": scope.tags(),
    }
    return Resource(RULE, scope.name("event_rule", name), desired, scope.region)
