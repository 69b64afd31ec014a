"""What ECS says: its service's events, and a task as DescribeTasks describes it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .record import STOPPED, Task

FAILED_TO_START, EXITED, SCHEDULER, USER, SPOT = (
    "TaskFailedToStart",
    "EssentialContainerExited",
    "ServiceSchedulerInitiated",
    "UserInitiated",
    "SpotInterruption",
)
"""Stop codes. ECS API, Task: stopCode."""

ESSENTIAL = "Essential container in task exited"
INTERRUPTED = "Your Spot Task was interrupted."
SCALING = "Scaling activity initiated by (deployment {deployment})"
UNHEALTHY_CONTAINER = "Task failed container health checks"
UNHEALTHY_TARGET = "Task failed ELB health checks in (target-group {group})"
OUT_OF_MEMORY = "OutOfMemoryError: container killed due to memory usage"


def started(service: str, tasks: Sequence[Task]) -> str:
    return f"(service {service}) has started {len(tasks)} tasks: {_list(tasks)}."


def stopped(service: str, tasks: Sequence[Task]) -> str:
    return f"(service {service}) has stopped {len(tasks)} running tasks: {_list(tasks)}."


def draining(service: str, tasks: Sequence[Task]) -> str:
    return f"(service {service}) has begun draining connections on {len(tasks)} tasks."


def registered(service: str, group: str) -> str:
    return f"(service {service}) registered 1 targets in (target-group {group})"


def deregistered(service: str, group: str) -> str:
    return f"(service {service}) deregistered 1 targets in (target-group {group})"


def unhealthy(service: str, task: Task, group: str, why: str) -> str:
    port = next((each["port"] for each in task.targets if each["group"] == group), 0)
    return f"(service {service}) (port {port}) is unhealthy in (target-group {group}) due to (reason {why})"


def inconsistent(service: str) -> str:
    return (
        f"(service {service}) is unable to consistently start tasks successfully."
        " For more information, see the Troubleshooting section of the Amazon ECS Developer Guide."
    )


def _list(tasks: Sequence[Task]) -> str:
    return " ".join(f"(task {task.id})" for task in tasks)


def described(task: Task, account: str) -> dict[str, Any]:
    """Return a task as DescribeTasks does; times are seconds of the epoch.

    Args:
        task: The task.
        account: Account id.
    """
    container = task.about["containerDefinitions"][0]
    where = f"arn:aws:ecs:{task.region}:{account}"
    arn = f"{where}:task/{task.cluster}/{task.id}"
    details = {"subnetId": task.subnet} | ({"privateIPv4Address": task.address} if task.address else {})
    state = "DELETED" if task.status == STOPPED else "ATTACHED" if task.started else "PRECREATED"
    running = {
        "containerArn": f"{where}:container/{task.cluster}/{task.id}/{task.id[:8]}",
        "taskArn": arn,
        "name": container["name"],
        "image": container["image"],
        "lastStatus": "STOPPED" if task.status == STOPPED else "RUNNING" if task.started else "PENDING",
        "healthStatus": task.health,
        "networkInterfaces": [{"attachmentId": task.id[:8], "privateIpv4Address": task.address}] if task.address else [],
        **({"exitCode": task.exit} if task.exit is not None else {}),
        **({"reason": task.exit_reason} if task.exit_reason else {}),
    }
    times = {"createdAt": task.created, "startedAt": task.started, "stoppingAt": task.stopping, "stoppedAt": task.stopped}
    return {
        "taskArn": arn,
        "clusterArn": f"{where}:cluster/{task.cluster}",
        "taskDefinitionArn": task.definition,
        "group": f"service:{task.service}",
        "startedBy": task.deployment,
        "lastStatus": task.status,
        "desiredStatus": STOPPED if task.stopping else "RUNNING",
        "launchType": "FARGATE",
        "platformVersion": "1.4.0",
        "platformFamily": "Linux",
        "healthStatus": task.health,
        "connectivity": "CONNECTED",
        "containers": [running],
        "attachments": [
            {
                "id": task.id[:8],
                "type": "ElasticNetworkInterface",
                "status": state,
                "details": [{"name": name, "value": value} for name, value in details.items()],
            }
        ],
        **{name: task.about[name] for name in ("cpu", "memory") if name in task.about},
        **({"capacityProviderName": task.provider} if task.provider else {}),
        **({"stopCode": task.code, "stoppedReason": task.reason} if task.code else {}),
        **{name: at for name, at in times.items() if at},
    }
