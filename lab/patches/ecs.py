"""ECS: services are what was asked for, and run as many tasks as they want."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .. import observed
from . import ecs_live

DEPLOYS = {"taskDefinition", "networkConfiguration", "platformVersion", "loadBalancers", "serviceRegistries", "forceNewDeployment"}
"""What makes UpdateService begin a deployment (ECS API, UpdateService)."""


def deploy(service: Any, anew: bool) -> None:
    """Carry a deployment out: at once, or by the lab's world. `anew`: another one than the last."""
    if observed.live:
        ecs_live.begin(service, anew)
        return
    from moto.core.utils import utcnow
    from moto.moto_api._internal import mock_random

    service.running_count, service.pending_count = service.desired_count, 0
    if anew:
        service.deployments = [
            {"id": f"ecs-svc/{mock_random.randint(10**18, 10**19 - 1)}", "status": "PRIMARY", "createdAt": utcnow(), "failedTasks": 0}
        ]
    service.deployments[0] |= {
        "updatedAt": utcnow(),
        "taskDefinition": service.task_definition,
        "desiredCount": service.desired_count,
        "runningCount": service.running_count,
        "pendingCount": 0,
        "rolloutState": "COMPLETED",
        "rolloutStateReason": "ECS deployment completed.",
    }


def services_as_asked() -> None:
    """A service keeps every field, runs its desired count, and no second one of its name is made.

    moto 5.2.5 drops the capacity provider strategy, the deployment configuration, the grace period and the switches of
    CreateService, runs no task until an update, begins no deployment on an update, and replaces a service by another of
    its name.
    """
    from moto.core.utils import camelcase_to_underscores
    from moto.ecs.exceptions import InvalidParameterException
    from moto.ecs.responses import EC2ContainerServiceResponse as Response

    create, update = Response.create_service, Response.update_service

    def find(self: Any, name: str) -> Any:
        cluster = (self._get_param("cluster") or "default").rpartition("/")[2]
        return self.ecs_backend.services.get(f"{cluster}:{name.rpartition('/')[2]}")

    def create_service(self: Any) -> Any:
        found = find(self, self._get_param("serviceName"))
        if found and found.status != "INACTIVE":
            raise InvalidParameterException("Creation of service was not idempotent.")
        answer = create(self)
        service = find(self, self._get_param("serviceName"))
        for key, value in self._get_params().items():
            name = camelcase_to_underscores(key)
            if name not in ("cluster", "task_definition", "client_token"):
                setattr(service, name, value)
        if self._get_param("capacityProviderStrategy"):
            service.launch_type = None
        if observed.live:
            service.deployments, service.running_count, service.pending_count = [], 0, 0
        deploy(service, anew=True)
        return answer

    def update_service(self: Any) -> Any:
        service = find(self, self._get_param("service"))
        counts = (service.running_count, service.pending_count) if service else (0, 0)
        answer = update(self)
        service.running_count, service.pending_count = counts
        if self._get_param("taskDefinition"):  # which may be a family
            service.task_definition = self.ecs_backend.describe_task_definition(self._get_param("taskDefinition")).arn
        deploy(service, anew=bool(DEPLOYS & set(self._get_params())))
        return answer

    Response.create_service, Response.update_service = create_service, update_service


def families_by_status() -> None:
    """ListTaskDefinitionFamilies looks at the status; moto 5.2.5 lists families of which no revision is active."""
    from moto.ecs.models import EC2ContainerServiceBackend as Backend
    from moto.ecs.responses import EC2ContainerServiceResponse as Response

    families = Backend.list_task_definition_families

    def list_task_definition_families(self: Any) -> Any:
        from moto.core.responses import ActionResult

        wanted = self._get_param("status") or "ACTIVE"
        backend = self.ecs_backend

        def listed() -> Iterator[str]:
            for family in families(backend, self._get_param("familyPrefix")):
                active = any(one.status == "ACTIVE" for one in backend.task_definitions[family].values())
                if wanted == "ALL" or active == (wanted == "ACTIVE"):
                    yield family

        return ActionResult({"families": list(listed())})

    Response.list_task_definition_families = list_task_definition_families


def clusters_in_use_stay() -> None:
    """DeleteCluster answers ClusterContainsServicesException while there are services; moto 5.2.5 deletes the cluster."""
    from moto.ecs.exceptions import ECSException
    from moto.ecs.models import EC2ContainerServiceBackend as Backend

    delete = Backend.delete_cluster

    def delete_cluster(self: Any, cluster_str: str) -> Any:
        cluster = self._get_cluster(cluster_str)
        if any(service.cluster_name == cluster.name and service.status != "INACTIVE" for service in self.services.values()):
            raise ECSException("ClusterContainsServicesException", "The Cluster cannot be deleted while Services are active.")
        return delete(self, cluster_str)

    Backend.delete_cluster = delete_cluster


ALL = (services_as_asked, families_by_status, clusters_in_use_stay, *ecs_live.ALL)
