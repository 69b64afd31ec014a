"""A region's services are started anew, so that no connection stays that was made to a database that only reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ...aws.ecs import active_services, cluster_name
from ...aws.session import Aws
from ...scope import Scope
from ...units.services import service_name
from ..act import Act, Call


@dataclass(frozen=True)
class Deployment:
    """A service's newest deployment."""

    made: datetime
    state: str


class Anew(Act[Mapping[str, Deployment]]):
    """Has services start all their tasks again, side by side with the old ones.

    Args:
        scope: The region's.
        applications: Whose.
        since: When this was begun first: what was deployed after it is new enough.
    """

    def __init__(self, scope: Scope, applications: Sequence[str], since: datetime) -> None:
        self._scope, self._since = scope, since
        self._services = [service_name(scope, application) for application in applications]
        self.what = f"the deployments of {scope.region}"

    def look(self, aws: Aws) -> Mapping[str, Deployment]:
        """Return each service's newest deployment."""
        found = active_services(aws.at(self._scope.region), self._scope, self._services)
        return {each["serviceName"]: _newest(each["deployments"]) for each in found}

    def calls(self, seen: Mapping[str, Deployment]) -> Sequence[Call]:
        about = {"cluster": cluster_name(self._scope), "forceNewDeployment": True}
        old = [service for service in self._services if service not in seen or seen[service].made < self._since]
        return [Call(self._scope.region, "ecs", "update_service", {**about, "service": service}) for service in old]

    def lacks(self, seen: Mapping[str, Deployment]) -> str:
        left = [name for name in self._services if name not in seen or seen[name].made < self._since or seen[name].state != "COMPLETED"]
        return ", ".join(left)


def _newest(deployments: Sequence[Mapping[str, Any]]) -> Deployment:
    newest = next(each for each in deployments if each["status"] == "PRIMARY")
    return Deployment(newest["createdAt"], str(newest.get("rolloutState", "IN_PROGRESS")))
