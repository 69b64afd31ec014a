"""ECS with the lab's world: tasks, counts and deployments are what the behaviour `ecs` tells."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from .. import observed

EVENTS = 100
"""Events of a service that are kept (ECS API, DescribeServices)."""

REVISION = ("taskDefinition", "networkConfiguration", "platformVersion", "capacityProviderStrategy", "loadBalancers")
"""What a deployment has of its own, and a rollback brings back."""

TIMES = ("createdAt", "startedAt", "stoppingAt", "stoppedAt")


def begin(service: Any, anew: bool) -> None:
    """Note a service's count; with `anew`, begin a deployment beside those that are there."""
    from moto.core.utils import camelcase_to_underscores, utcnow
    from moto.moto_api._internal import mock_random

    if anew:
        for each in service.deployments:
            each["status"] = "ACTIVE"
        own = {key: getattr(service, camelcase_to_underscores(key), None) for key in REVISION}
        number = mock_random.randint(10**18, 10**19 - 1)
        service.deployments.insert(
            0,
            {
                "id": f"ecs-svc/{number}",
                "status": "PRIMARY",
                "createdAt": utcnow(),
                "failedTasks": 0,
                "runningCount": 0,
                "pendingCount": 0,
                "rolloutState": "IN_PROGRESS",
                "rolloutStateReason": f"ECS deployment ecs-svc/{number} in progress.",
                **{key: value for key, value in own.items() if value},
            },
        )
        service.steady = False
    service.deployments[0] |= {"desiredCount": service.desired_count, "updatedAt": utcnow()}


def _backends() -> Iterator[Any]:
    from moto.ecs.models import ecs_backends

    for account in ecs_backends.values():
        yield from account.values()


def _told(backend: Any) -> dict[str, dict[str, Any]]:
    """Return a region's tasks by id, as they were told last."""
    return dict(vars(backend).get("told_tasks", {}))


def hear(what: dict[str, Any]) -> dict[str, Any]:
    """Take what stands; return what StopTask asked for (`stop`: reasons by task), and whether a deployment was put back (`moved`)."""
    moved = False
    stop: dict[str, str] = {}
    for backend in _backends():
        tasks = {each["taskArn"].rpartition("/")[2]: each for each in what["tasks"].get(backend.region_name, [])}
        for each in tasks.values():
            each |= {key: datetime.fromtimestamp(each[key], UTC) for key in TIMES if key in each}
        asked = vars(backend).get("asked_stops", {})
        backend.asked_stops = {name: why for name, why in asked.items() if tasks.get(name, {}).get("desiredStatus") == "RUNNING"}
        backend.told_tasks = tasks
        stop |= backend.asked_stops
        told = {"{1}:{2}".format(*each["key"]): each for each in what["services"] if each["key"][0] == backend.region_name}
        for key, service in backend.services.items():
            if key in told:
                said = what["events"].get("/".join(told[key]["key"]), [])
                moved = _take(service, told[key], said) or moved
            elif service.status == "DRAINING" and not any(_holds(service, each) for each in tasks.values()):
                service.status, service.deployments, service.running_count, service.pending_count = "INACTIVE", [], 0, 0
        for cluster in backend.clusters.values():
            own = [each for each in tasks.values() if each["clusterArn"] == cluster.arn]
            cluster.running_tasks_count = sum(each["lastStatus"] == "RUNNING" for each in own)
            cluster.pending_tasks_count = sum(each["lastStatus"] in ("PROVISIONING", "PENDING", "ACTIVATING") for each in own)
    return {"stop": stop, "moved": moved}


def _holds(service: Any, task: dict[str, Any]) -> bool:
    """Whether a task of a service has not stopped."""
    return bool(
        task["clusterArn"] == service.cluster_arn and task["group"] == f"service:{service.name}" and task["lastStatus"] != "STOPPED"
    )


def _take(service: Any, told: dict[str, Any], said: list[str]) -> bool:
    """Take how a service does; whether its deployment was put back."""
    for text in said:
        _event(service, text)
    primary = service.deployments[0]
    for each in service.deployments:
        counts = dict(told["deployments"].get(each["id"], {"standing": 0, "runningCount": 0, "pendingCount": 0, "failedTasks": 0}))
        each["standing"] = counts.pop("standing")
        each |= counts
        each["desiredCount"] = service.desired_count if each is primary else each["runningCount"] + each["pendingCount"]
    service.deployments = [each for each in service.deployments if each is primary or each["standing"]]
    service.running_count = sum(each["runningCount"] for each in service.deployments)
    service.pending_count = sum(each["pendingCount"] for each in service.deployments)
    if primary["id"] != told["primary"]:
        return False  # it was told of before the deployment began
    if told["failed"] and primary["rolloutState"] == "IN_PROGRESS":
        return _fail(service)
    if told["complete"] and primary["rolloutState"] == "IN_PROGRESS":
        primary |= {"rolloutState": "COMPLETED", "rolloutStateReason": f"ECS deployment {primary['id']} completed."}
        _event(service, f"(service {service.name}) (deployment {primary['id']}) deployment completed.")
    if told["complete"] and primary["rolloutState"] == "COMPLETED" and vars(service).get("completed", {}).get("id") != primary["id"]:
        service.completed = copy.deepcopy(primary)
    if told["steady"] and not vars(service).get("steady"):
        _event(service, f"(service {service.name}) has reached a steady state.")
    service.steady = told["steady"]
    return False


def _fail(service: Any) -> bool:
    """End a deployment that failed, and go back to the last one that was completed, if that is wanted and there is one."""
    from moto.core.utils import camelcase_to_underscores, utcnow

    failed = service.deployments[0]
    failed |= {
        "rolloutState": "FAILED",
        "rolloutStateReason": "ECS deployment circuit breaker: tasks failed to start.",
        "updatedAt": utcnow(),
    }
    _event(service, f"(service {service.name}) (deployment {failed['id']}) deployment failed: tasks failed to start.")
    last = vars(service).get("completed")
    breaker = (getattr(service, "deployment_configuration", None) or {}).get("deploymentCircuitBreaker") or {}
    if not breaker.get("rollback") or not last or last["id"] == failed["id"]:
        return True
    _event(service, f"(service {service.name}) rolling back to deployment {last['id']}.")
    standing = next((each for each in service.deployments if each["id"] == last["id"]), copy.deepcopy(last))
    failed["status"] = "ACTIVE"
    service.deployments = [standing, *(each for each in service.deployments if each is not standing)]
    standing |= {
        "status": "PRIMARY",
        "desiredCount": service.desired_count,
        "updatedAt": utcnow(),
        "rolloutState": "IN_PROGRESS",
        "rolloutStateReason": f"ECS deployment circuit breaker: rolling back to deploymentId {last['id']}.",
    }
    for key in REVISION:
        if key in last:
            setattr(service, camelcase_to_underscores(key), last[key])
    service.steady = False
    return True


def _event(service: Any, text: str) -> None:
    from moto.core.utils import utcnow
    from moto.moto_api._internal import mock_random

    service.events = [{"id": str(mock_random.uuid4()), "createdAt": utcnow(), "message": text}, *service.events][:EVENTS]


def tasks_as_told() -> None:
    """ListTasks, DescribeTasks and StopTask are about what runs, and DeleteService waits for it.

    moto 5.2.5 has only tasks of RunTask, which is not mended: with a world, no task is begun but a service's.
    """
    if not observed.live:
        return
    from moto.core.responses import ActionResult
    from moto.ecs.exceptions import InvalidParameterException
    from moto.ecs.models import EC2ContainerServiceBackend as Backend
    from moto.ecs.responses import EC2ContainerServiceResponse as Response

    delete_service = Backend.delete_service

    def describe_tasks(self: Any) -> Any:
        cluster = self.ecs_backend._get_cluster(self._get_param("cluster", "default"))
        told, found, failures = _told(self.ecs_backend), [], []
        for name in self._get_param("tasks", []):
            task = told.get(name.rpartition("/")[2])
            if task and task["clusterArn"] == cluster.arn:
                found.append(task)
            else:
                arn = name if name.startswith("arn:") else f"{cluster.arn.replace(':cluster/', ':task/')}/{name}"
                failures.append({"arn": arn, "reason": "MISSING"})
        return ActionResult({"tasks": found, "failures": failures})

    def list_tasks(self: Any) -> Any:
        cluster = self.ecs_backend._get_cluster(self._get_param("cluster", "default"))
        status = self._get_param("desiredStatus") or "RUNNING"
        service, family, by = self._get_param("serviceName"), self._get_param("family"), self._get_param("startedBy")
        arns = [
            each["taskArn"]
            for each in _told(self.ecs_backend).values()
            if each["clusterArn"] == cluster.arn
            and each["desiredStatus"] == status
            and (not service or each["group"] == f"service:{service.rpartition('/')[2]}")
            and (not family or each["taskDefinitionArn"].rpartition("/")[2].rpartition(":")[0] == family)
            and (not by or each["startedBy"] == by)
        ]
        return ActionResult({"taskArns": arns})

    def stop_task(self: Any) -> Any:
        name = self._get_param("task").rpartition("/")[2]
        task = _told(self.ecs_backend).get(name)
        if not task:
            raise InvalidParameterException("The referenced task was not found.")
        if task["desiredStatus"] == "RUNNING":
            asked = vars(self.ecs_backend).setdefault("asked_stops", {})
            asked[name] = self._get_param("reason") or "Task stopped by user"
        return ActionResult({"task": {**task, "desiredStatus": "STOPPED"}})

    def draining(self: Any, cluster_name: str, service_name: str, force: bool) -> Any:
        service = delete_service(self, cluster_name, service_name, force)
        service.desired_count = 0
        if any(_holds(service, each) for each in _told(self).values()):
            service.status = "DRAINING"
        return service

    Response.describe_tasks, Response.list_tasks, Response.stop_task = describe_tasks, list_tasks, stop_task
    Backend.delete_service = draining
    observed.on("ecs", hear)


ALL = (tasks_as_told,)
