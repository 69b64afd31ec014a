"""The unit `cluster`: a region's ECS cluster, and the log group of the sessions in its containers."""

from __future__ import annotations

from collections.abc import Sequence

from ..aws.ecs import Cluster, cluster_name, strategy
from ..builders import LOG_GROUP, log_group
from ..model import Ref, Resource
from ..scope import Scope
from ..unit import Params, Unit
from .keys import key_of

CLUSTER = Cluster()

PROVIDERS = ("FARGATE", "FARGATE_SPOT")
"""Capacity providers that every account has; they need no instances."""

SESSIONS = "execute-command"
"""Short name of the log group that sessions in containers are written to."""


def build(scope: Scope, params: Params) -> Sequence[Resource]:
    """Return the cluster, its log group, and the key that the latter is encrypted with."""
    sessions = log_group(scope, SESSIONS, params["session_days"])
    desired = {
        "insights": params["insights"],
        "providers": sorted(PROVIDERS),
        # of what says nothing of its own: on demand, which nothing takes away
        "strategy": strategy([{"capacityProvider": "FARGATE", "weight": 1}]),
        "execute_command": {"logging": "OVERRIDE", "log_group": Ref(LOG_GROUP.name, sessions.name), "encrypted": True},
        "tags": scope.tags(),
    }
    return [key_of(scope, "logs"), sessions, Resource(CLUSTER, cluster_name(scope), desired, scope.region)]


def cluster_of(scope: Scope) -> Resource:
    """Return the region's cluster as other units look it up: outputs `id` (its name) and `arn`."""
    return Resource(CLUSTER, cluster_name(scope), None, scope.region, component=UNIT.name)


UNIT = Unit(name="cluster", kinds=(LOG_GROUP, CLUSTER), build=build, services=("ecs", "logs", "kms"))
