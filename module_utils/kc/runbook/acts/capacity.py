"""A region's services get the number of tasks that a primary has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ...aws.ecs import active_services, cluster_name
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
    desired: int
    running: int


class Capacity(Act[Mapping[str, Size]]):
    """Raises the least number of tasks of each service. It is the autoscaler's lower bound, so that nothing undoes it.

    Args:
        scope: The region's.
        least: Tasks by application.
        waits: Whether it is proved by tasks that run, or by the bound alone.
    """

    def __init__(self, scope: Scope, least: Mapping[str, int], waits: bool = True) -> None:
        self._scope, self._waits = scope, waits
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
        services = active_services(here, self._scope, [*self._least])
        counts = {each["serviceName"]: (each["desiredCount"], each["runningCount"]) for each in services}
        found = {named[each["ResourceId"]]: each for each in targets if each["ResourceId"] in named}
        return {name: Size(each["MinCapacity"], each["MaxCapacity"], *counts[name]) for name, each in found.items() if name in counts}

    def calls(self, seen: Mapping[str, Size]) -> Sequence[Call]:
        made, region = [], self._scope.region
        for service, least in self._least.items():
            size = seen.get(service)
            if size is None:
                continue
            if size.least < least:
                about = {"ServiceNamespace": SPACE, "ScalableDimension": DIMENSION, "ResourceId": resource_of(self._scope, service)}
                bounds = {"MinCapacity": least, "MaxCapacity": max(least, size.most)}
                made.append(Call(region, "application-autoscaling", "register_scalable_target", {**about, **bounds}))
            elif size.desired < least:
                # who scaled in when the bound was another one: the autoscaler itself does so only as it scales
                count = {"cluster": cluster_name(self._scope), "service": service, "desiredCount": least}
                made.append(Call(region, "ecs", "update_service", count))
        return made

    def lacks(self, seen: Mapping[str, Size]) -> str:
        """Return which services have too few tasks; one that does not stand is no capacity either."""
        have = {service: size.running if self._waits else size.least for service, size in seen.items()}
        few = {service: have.get(service, 0) for service, least in self._least.items() if have.get(service, 0) < least}
        return ", ".join(f"{service} has {count} of {self._least[service]} tasks" for service, count in few.items())
