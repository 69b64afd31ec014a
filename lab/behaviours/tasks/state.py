"""How a service does: what the scheduler wants to know of it, and what the AWS is told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from . import schedule
from .record import STOPPED, Task

Key = tuple[str, str, str]
"""Region, cluster and name of a service."""


def key_of(task: Task) -> Key:
    """Return the service of a task."""
    return task.region, task.cluster, task.service


def primary_of(service: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the deployment that is under way, or was last."""
    return next(each for each in service["deployments"] if each["status"] == "PRIMARY")


def wanted_of(service: Mapping[str, Any]) -> schedule.Wanted:
    """Return a described service as the scheduler sees it."""
    percent = service.get("deploymentConfiguration") or {}
    primary = primary_of(service)
    return schedule.Wanted(
        count=service["desiredCount"],
        deployment=primary["id"],
        minimum=percent.get("minimumHealthyPercent", 100),
        maximum=percent.get("maximumPercent", 200),
        failed=primary.get("rolloutState") == "FAILED",
    )


def failures_of(tasks: Sequence[Task]) -> tuple[int, float]:
    """Return how many tasks of a deployment failed since one was healthy, and when the last one did."""
    well = max((task.healthy for task in tasks), default=0.0)
    failed = [task.stopping for task in tasks if task.failed and task.stopping > well]
    return len(failed), max(failed, default=0.0)


def state_of(key: Key, service: Mapping[str, Any], tasks: Sequence[Task]) -> dict[str, Any]:
    """Return what `lab/patches/ecs_live.py` is told of a service.

    Args:
        key: Which one.
        service: As DescribeServices answers.
        tasks: Its tasks, also those that have stopped.
    """
    standing = [task for task in tasks if task.status != STOPPED]
    live = [task for task in standing if not task.stopping]
    wanted = wanted_of(service)
    counts = {
        each["id"]: {
            "standing": sum(task.deployment == each["id"] for task in standing),
            "runningCount": sum(task.deployment == each["id"] and task.status == "RUNNING" for task in live),
            "pendingCount": sum(task.deployment == each["id"] and task.status != "RUNNING" for task in live),
            "failedTasks": failures_of([task for task in tasks if task.deployment == each["id"]])[0],
        }
        for each in service["deployments"]
    }
    new = [task for task in live if task.deployment == wanted.deployment]
    complete = len(live) == len(new) == wanted.count and all(task.healthy for task in new) and not wanted.failed
    breaker = (service.get("deploymentConfiguration") or {}).get("deploymentCircuitBreaker") or {}
    failures = counts[wanted.deployment]["failedTasks"]
    return {
        "key": list(key),
        "deployments": counts,
        "primary": wanted.deployment,
        "complete": complete,
        "steady": complete and len(standing) == len(live),
        "failed": bool(breaker.get("enable") and failures >= schedule.threshold(wanted.count)),
    }
