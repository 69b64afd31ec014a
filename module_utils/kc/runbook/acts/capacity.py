"""A region's services get the number of tasks that a primary has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ...aws.ecs import cluster_name
from ...aws.scaling import DIMENSION, SPACE, resource_of
from ...aws.session import Aws
from ...scope import Scope
from ...units.services import service_name
from ..act import Act, Call


@dataclass(frozen=True)
class Size:
    """How many tasks a service may have and has."""

    least: int
    most: int
    running: int


class Capacity(Act[Mapping[str, Size]]):
    """Raises the least number of tasks of each service. It is the autoscaler's lower bound, so that nothing undoes it.

    Args:
        scope: The region's.
        least: Tasks by application.
    """

    def __init__(self, scope: Scope, least: Mapping[str, int]) -> None:
        self._scope = scope
        self._least = {service_name(scope, application): count for application, count in least.items()}
        self.what = f"the tasks of {scope.region}"

    def look(self, aws: Aws) -> Mapping[str, Size]:
        """Return each service's size; one that does not stand is left out."""
        here = aws.at(self._scope.region)
        named = {resource_of(self._scope, service): service for service in self._least}
        targets = here.pages(
            "application-autoscaling",
            "describe_scalable_targets",
            "ScalableTargets",
            ServiceNamespace=SPACE,
            ResourceIds=list(named),
            ScalableDimension=DIMENSION,
        )
        services = here.call("ecs", "describe_services", cluster=cluster_name(self._scope), services=list(self._least))["services"]
        running = {each["serviceName"]: int(each["runningCount"]) for each in services if each["status"] == "ACTIVE"}
        found = {named[each["ResourceId"]]: each for each in targets if each["ResourceId"] in named}
        return {name: Size(each["MinCapacity"], each["MaxCapacity"], running.get(name, 0)) for name, each in found.items()}

    def calls(self, seen: Mapping[str, Size]) -> Sequence[Call]:
        return [
            Call(
                self._scope.region,
                "application-autoscaling",
                "register_scalable_target",
                {
                    "ServiceNamespace": SPACE,
                    "ScalableDimension": DIMENSION,
                    "ResourceId": resource_of(self._scope, service),
                    "MinCapacity": least,
                    "MaxCapacity": max(least, seen[service].most),
                },
            )
            for service, least in self._least.items()
            if service in seen and seen[service].least < least
        ]

    def lacks(self, seen: Mapping[str, Size]) -> str:
        """Return which services have too few tasks; one that does not stand is no capacity either."""
        few = [
            f"{service} has {seen[service].running if service in seen else 0} of {least} tasks"
            for service, least in self._least.items()
            if service not in seen or seen[service].running < least
        ]
        return ", ".join(few)
