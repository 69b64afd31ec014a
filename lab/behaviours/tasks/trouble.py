"""What is wrong with services: whose tasks don't come up, why, and what to do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from .state import primary_of

GROUP = 10
"""Services that one call describes. ECS API, DescribeServices."""

HINTS = {
    "CannotPullContainerError": "`python -m lab images` builds images, `ansible-playbook site.yml` then names them",
    "ResourceInitializationError": "`ansible-playbook site.yml` makes what is missing",
}


def described(ecs: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """Return a region's active services, each with its cluster's name.

    Args:
        ecs: boto3 client.
    """
    for cluster in (arn.rpartition("/")[2] for page in ecs.get_paginator("list_clusters").paginate() for arn in page["clusterArns"]):
        arns = [arn for page in ecs.get_paginator("list_services").paginate(cluster=cluster) for arn in page["serviceArns"]]
        for at in range(0, len(arns), GROUP):
            for each in ecs.describe_services(cluster=cluster, services=arns[at : at + GROUP])["services"]:
                if each["status"] == "ACTIVE":
                    yield cluster, each


def troubles(ecs: Any, region: str) -> Iterator[str]:
    """Return what is wrong with a region's services, a line each; one that is about to start its tasks is not.

    Args:
        ecs: boto3 client.
        region: Region code.
    """
    for cluster, service in described(ecs):
        primary = primary_of(service)
        failed = primary.get("rolloutState") == "FAILED"
        if failed or (primary.get("failedTasks") and service["runningCount"] < service["desiredCount"]):
            reason = _reason(ecs, cluster, primary["id"])
            hint = HINTS.get(reason.partition(":")[0], "look at `<lab>/world/tasks/" + service["serviceName"] + "/`")
            runs = f"runs {service['runningCount']} of {service['desiredCount']} tasks"
            yield f"the service {service['serviceName']} in {region} {runs}{', and its deployment has failed' * failed}: {reason}: {hint}"


def _reason(ecs: Any, cluster: str, deployment: str) -> str:
    """Return why the last task of a deployment ended."""
    arns = ecs.list_tasks(cluster=cluster, startedBy=deployment, desiredStatus="STOPPED")["taskArns"]
    tasks: list[Mapping[str, Any]] = ecs.describe_tasks(cluster=cluster, tasks=arns[-100:])["tasks"] if arns else []
    last = max(tasks, key=lambda task: task["createdAt"], default={})
    return str(last.get("stoppedReason") or "its tasks were stopped more than an hour ago")
