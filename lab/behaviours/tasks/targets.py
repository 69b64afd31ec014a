"""Tasks as targets of load balancers: what the health checks of these say."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from .record import Task

UNUSED = ("unused", "")


class Targets:
    """The health of all targets, read once a look."""

    def __init__(self) -> None:
        self._found: dict[str, dict[str, tuple[str, str]]] = {}

    def look(self, elb: Any, tasks: Sequence[Task]) -> None:
        """Read the health of a region's targets.

        Args:
            elb: boto3 client of the region.
            tasks: The region's.
        """
        for group in {target["group"] for task in tasks for target in task.targets}:
            try:
                found = elb.describe_target_health(TargetGroupArn=group)["TargetHealthDescriptions"]
            except elb.exceptions.TargetGroupNotFoundException:
                found = []
            health = {f"{each['Target']['Id']}:{each['Target'].get('Port')}": each["TargetHealth"] for each in found}
            self._found[group] = {name: (about["State"], about.get("Reason", "")) for name, about in health.items()}

    def state(self, task: Task, target: Mapping[str, Any]) -> tuple[str, str]:
        """Return a target's state and the reason of it."""
        return self._found.get(target["group"], {}).get(f"{task.address}:{target['port']}", UNUSED)

    def healthy(self, task: Task) -> bool:
        """Whether a task is healthy wherever it is a target."""
        return all(self.state(task, target)[0] == "healthy" for target in task.targets)

    def unhealthy(self, task: Task) -> dict[str, str]:
        """Return the reasons of a task's failed checks, by target group."""
        states = {target["group"]: self.state(task, target) for target in task.targets}
        return {group: reason for group, (state, reason) in states.items() if state == "unhealthy"}


def forget(elb: Any, groups: Iterable[str], tasks: Sequence[Task]) -> None:
    """Take targets away that a lab that was brought down left behind.

    Args:
        elb: boto3 client of a region.
        groups: ARNs of its services' target groups.
        tasks: Its tasks.
    """
    ours = {(target["group"], task.address) for task in tasks for target in task.targets}
    for group in groups:
        found = elb.describe_target_health(TargetGroupArn=group)["TargetHealthDescriptions"]
        left = [each["Target"] for each in found if (group, each["Target"]["Id"]) not in ours]
        if left:
            elb.deregister_targets(TargetGroupArn=group, Targets=[{"Id": each["Id"], "Port": each["Port"]} for each in left])
