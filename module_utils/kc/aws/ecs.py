"""ECS: clusters and services on Fargate."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from .. import names
from ..errors import KcError
from ..model import Kind, Live, Unknown, canonical
from ..scope import Scope
from .session import Aws

GROUP = 10
"""Services that one call describes. ECS API, DescribeServices."""

DEPLOYMENT = 900
"""Seconds that a deployment may take; the circuit breaker needs some ten minutes to be sure of a failure."""

DRAIN = 900
"""Seconds that tasks may take to end: their load balancer's delay (300 at most), then `stopTimeout` (120 at most)."""

EVENTS = 3
"""Of a service's last events, and of the ways in which its tasks ended, how many an error tells."""

RUNNING, FAILED = "(running)", "(failed)"
"""What stands for a service's tasks, as long as nobody wants them started anew; ECS starts none after a failed deployment."""

ROLE_MISSING = "ServiceLinkedRoleMissing"
"""Our code for ECS's complaint that its service-linked role, which an account's first cluster makes, is not there yet."""


class Anew(Unknown):
    """Tasks that are yet to be started; equal to nothing, and so always a change."""

    def __repr__(self) -> str:
        return "(started anew)"

    __str__ = __repr__


ANEW = Anew()


def cluster_name(scope: Scope) -> str:
    """Return the name of the scope's cluster, `kc-lab`."""
    return names.fit("cluster", scope.prefix.rstrip("-"))


def active_services(aws: Aws, scope: Scope, services: Sequence[str], **more: Any) -> list[dict[str, Any]]:
    """Return what ECS tells of services of the scope's cluster, by names or ARNs; of those that stand.

    One that is draining is on its way out: its name is free when it is gone.
    """
    cluster = cluster_name(scope)
    groups = [services[at : at + GROUP] for at in range(0, len(services), GROUP)]
    answers = aws.map(lambda group: aws.call("ecs", "describe_services", cluster=cluster, services=group, **more), groups)
    return [each for answer in answers for each in answer["services"] if each["status"] == "ACTIVE"]


def ours(scope: Scope, tags: Mapping[str, str]) -> bool:
    """Whether something whose name begins with the scope's prefix is ours.

    The name says platform and environment as well: a tag of these that was changed by hand hides nothing.
    """
    return scope.owns({**tags, "Platform": scope.platform, "Environment": scope.environment})


def ecs_tags(tags: Mapping[str, str]) -> list[dict[str, str]]:
    """Return tags as ECS takes them: in lower case."""
    return [{"key": key, "value": value} for key, value in sorted(tags.items())]


def ecs_tag_dict(tags: Iterable[Mapping[str, str]] | None) -> dict[str, str]:
    """Return ECS's tag list as a dict, without AWS's own (`aws:…`)."""
    return {tag["key"]: tag["value"] for tag in tags or [] if not tag["key"].startswith("aws:")}


def strategy(items: Iterable[Mapping[str, Any]] | None) -> list[dict[str, Any]]:
    """Return a capacity provider strategy in the one form that equal ones share."""
    return canonical(
        {"capacityProvider": one["capacityProvider"], "base": one.get("base", 0), "weight": one.get("weight", 0)} for one in items or []
    )


class Cluster(Kind):
    """The scope's cluster. Its name says whose it is.

    Attributes of the desired state: `insights` (`enhanced`, `enabled` or `disabled`), `providers`, `strategy` (of tasks that
    say none of their own), `execute_command` (`logging`, `log_group`, `encrypted`: where sessions are written to), `tags`.
    """

    name = "cluster"
    outputs_of = ("id", "arn")
    # a deleted service's tasks end for a while; capacity providers are attached in the background
    settles = frozenset(
        {
            ROLE_MISSING,
            "ClusterContainsServicesException",
            "ClusterContainsTasksException",
            "ResourceInUseException",
            "UpdateInProgressException",
        }
    )

    def read(self, aws: Aws, scope: Scope) -> dict[str, Live]:
        include = ["CONFIGURATIONS", "SETTINGS", "TAGS"]
        found = aws.call("ecs", "describe_clusters", clusters=[cluster_name(scope)], include=include)["clusters"]
        lives = {each["clusterName"]: _cluster(each) for each in found if each["status"] != "INACTIVE"}
        return {name: live for name, live in lives.items() if scope.owns({**live.attrs["tags"], **scope.own_tags})}

    def create(self, aws: Aws, scope: Scope, name: str, want: Mapping[str, Any]) -> Live:
        made = _linked(
            lambda: aws.call(
                "ecs",
                "create_cluster",
                clusterName=name,
                settings=[{"name": "containerInsights", "value": want["insights"]}],
                configuration=_configuration(want),
                capacityProviders=want["providers"],
                defaultCapacityProviderStrategy=want["strategy"],
                tags=ecs_tags(want["tags"]),
            )
        )["cluster"]
        return Live(dict(want), {"id": name, "arn": made["clusterArn"]})

    def ready(self, aws: Aws, name: str, live: Live) -> None:
        """Wait until its capacity providers are attached."""

        def state() -> str:
            found = aws.call("ecs", "describe_clusters", clusters=[name], include=["ATTACHMENTS"])["clusters"]
            return str(found[0].get("attachmentsStatus") or found[0]["status"]) if found else "not seen yet"

        aws.wait(f"cluster {name}", state, until={"ACTIVE", "UPDATE_COMPLETE"}, unless={"FAILED", "UPDATE_FAILED"}, timeout=300)

    def update(self, aws: Aws, scope: Scope, name: str, live: Live, want: Mapping[str, Any], changed: frozenset[str]) -> None:
        if changed & {"insights", "execute_command"}:
            settings = [{"name": "containerInsights", "value": want["insights"]}]
            aws.call("ecs", "update_cluster", cluster=name, settings=settings, configuration=_configuration(want))
        if changed & {"providers", "strategy"}:
            aws.call(
                "ecs",
                "put_cluster_capacity_providers",
                cluster=name,
                capacityProviders=want["providers"],
                defaultCapacityProviderStrategy=want["strategy"],
            )
        if "tags" in changed:
            aws.call("ecs", "tag_resource", resourceArn=live.outputs["arn"], tags=ecs_tags(want["tags"]))

    def delete(self, aws: Aws, scope: Scope, name: str, live: Live) -> None:
        aws.find("ecs", "delete_cluster", cluster=name)


def _configuration(want: Mapping[str, Any]) -> dict[str, Any]:
    about = want["execute_command"]
    log = {"cloudWatchLogGroupName": about["log_group"], "cloudWatchEncryptionEnabled": about["encrypted"]}
    return {"executeCommandConfiguration": {"logging": about["logging"], "logConfiguration": log}}


def _cluster(about: Mapping[str, Any]) -> Live:
    settings = {each["name"]: each["value"] for each in about.get("settings") or []}
    execute = (about.get("configuration") or {}).get("executeCommandConfiguration") or {}
    log = execute.get("logConfiguration") or {}
    attrs = {
        "insights": settings.get("containerInsights", "disabled"),
        "providers": sorted(about.get("capacityProviders") or []),
        "strategy": strategy(about.get("defaultCapacityProviderStrategy")),
        "execute_command": {
            "logging": execute.get("logging", "DEFAULT"),
            "log_group": log.get("cloudWatchLogGroupName", ""),
            "encrypted": bool(log.get("cloudWatchEncryptionEnabled")),
        },
        "tags": ecs_tag_dict(about.get("tags")),
    }
    return Live(attrs, {"id": about["clusterName"], "arn": about["clusterArn"]})


class Service(Kind):
    """A service of the scope's cluster.

    Its deployments are ECS's own (rolling), and the circuit breaker puts a failing one back. It is ready when the deployment
    that the creation or change began is complete.

    Attributes of the desired state: `cluster` and `task_definition` (ARNs), `count` (of tasks at first; the autoscaler's from
    then on), `tasks` (`RUNNING`, or `ANEW` to have all started again), `capacity`, `platform`, `deployment` (`minimum` and
    `maximum` percent, `breaker`, `rollback`), `network` (`subnets`, `groups`, `public`), `load_balancers`, `grace` (seconds),
    `execute_command`, `propagate_tags`, `managed_tags`, `rebalancing`, `tags`.
    """

    name = "service"
    outputs_of = ("id", "arn", "deployment")
    write_once = frozenset({"count"})
    settles = frozenset({ROLE_MISSING, "UpdateInProgressException"})

    def __init__(self, timeout: float = DEPLOYMENT) -> None:
        self.timeout = timeout

    def read(self, aws: Aws, scope: Scope) -> dict[str, Live]:
        cluster = cluster_name(scope)
        try:
            arns = aws.pages("ecs", "list_services", "serviceArns", cluster=cluster)
        except KcError as error:
            if error.missing:
                return {}
            raise
        named = [arn for arn in arns if arn.rpartition("/")[2].startswith(scope.prefix)]
        lives = {each["serviceName"]: _service(each) for each in active_services(aws, scope, named, include=["TAGS"])}
        return {name: live for name, live in lives.items() if ours(scope, live.attrs["tags"])}

    def create(self, aws: Aws, scope: Scope, name: str, want: Mapping[str, Any]) -> Live:
        self._gone(aws, want["cluster"], name)
        made = _linked(
            lambda: aws.call(
                "ecs",
                "create_service",
                cluster=want["cluster"],
                serviceName=name,
                clientToken=aws.token("service", name),
                desiredCount=want["count"],
                tags=ecs_tags(want["tags"]),
                **_parameters(want, frozenset(want)),
            )
        )["service"]
        return Live({**want, "tasks": RUNNING}, _outputs(made))

    def ready(self, aws: Aws, name: str, live: Live) -> None:
        """Wait until the deployment is complete.

        Raises:
            KcError: It failed, another took its place (the circuit breaker's rollback), or time is over; with what ECS tells
                of the reason.
        """
        cluster, deployment = live.attrs["cluster"], live.outputs["deployment"]
        seen = False

        def state() -> str:
            nonlocal seen
            service = _describe(aws, cluster, name) or {}
            found = next((each for each in service.get("deployments") or [] if each["id"] == deployment), None)
            seen = seen or found is not None
            # an answer may be a few seconds behind (ECS API, eventual consistency)
            return str(found.get("rolloutState", "IN_PROGRESS")) if found else "replaced by another" if seen else "not seen yet"

        aws.wait(
            f"the deployment of {name}",
            state,
            until={"COMPLETED"},
            unless={"FAILED", "replaced by another"},
            timeout=self.timeout,
            pause=10,
            why=lambda: reasons(aws, cluster, name),
        )

    def update(self, aws: Aws, scope: Scope, name: str, live: Live, want: Mapping[str, Any], changed: frozenset[str]) -> None:
        if changed - {"tags"}:
            parameters = _parameters(want, changed)
            if changed & {"capacity", "tasks"}:  # a strategy counts for tasks that are started after it (ECS API, UpdateService)
                parameters["forceNewDeployment"] = True
            made = aws.call("ecs", "update_service", cluster=live.attrs["cluster"], service=name, **parameters)["service"]
            live.outputs.update(_outputs(made))
        if "tags" in changed:
            aws.call("ecs", "tag_resource", resourceArn=live.outputs["arn"], tags=ecs_tags(want["tags"]))

    def delete(self, aws: Aws, scope: Scope, name: str, live: Live) -> None:
        """Let its tasks end, then delete it."""
        cluster = live.attrs["cluster"]

        def running() -> str:
            service = _describe(aws, cluster, name)
            return str(service["runningCount"] + service["pendingCount"]) if service and service["status"] == "ACTIVE" else "0"

        _unless_gone(lambda: aws.call("ecs", "update_service", cluster=cluster, service=name, desiredCount=0))
        aws.wait(f"the number of tasks of {name}", running, until={"0"}, timeout=DRAIN, pause=5, why=lambda: reasons(aws, cluster, name))
        _unless_gone(lambda: aws.call("ecs", "delete_service", cluster=cluster, service=name))
        self._gone(aws, cluster, name)

    def _gone(self, aws: Aws, cluster: str, name: str) -> None:
        """Wait until a service of this name that was deleted is gone: a new one of the name is refused before."""

        def state() -> str:
            service = _describe(aws, cluster, name)
            return "DRAINING" if service and service["status"] == "DRAINING" else "gone"

        aws.wait(f"the deleted service {name}", state, until={"gone"}, timeout=DRAIN, pause=5)


def _parameters(want: Mapping[str, Any], attrs: frozenset[str]) -> dict[str, Any]:
    """Return attributes as CreateService and UpdateService take them."""
    deployment, network = want["deployment"], want["network"]
    breaker = {"enable": deployment["breaker"], "rollback": deployment["rollback"]}
    percent = {"minimumHealthyPercent": deployment["minimum"], "maximumPercent": deployment["maximum"]}
    vpc = {"subnets": network["subnets"], "securityGroups": network["groups"], "assignPublicIp": network["public"]}
    named = {
        "task_definition": {"taskDefinition": want["task_definition"]},
        "capacity": {"capacityProviderStrategy": want["capacity"]},
        "platform": {"platformVersion": want["platform"]},
        "deployment": {"deploymentConfiguration": {**percent, "deploymentCircuitBreaker": breaker}},
        "network": {"networkConfiguration": {"awsvpcConfiguration": vpc}},
        "load_balancers": {"loadBalancers": want["load_balancers"]},
        # refused for what no load balancer leads to (ECS API, CreateService)
        "grace": {"healthCheckGracePeriodSeconds": want["grace"]} if want["load_balancers"] else {},
        "execute_command": {"enableExecuteCommand": want["execute_command"]},
        "propagate_tags": {"propagateTags": want["propagate_tags"]},
        "managed_tags": {"enableECSManagedTags": want["managed_tags"]},
        "rebalancing": {"availabilityZoneRebalancing": want["rebalancing"]},
    }
    return {key: value for attr, given in named.items() if attr in attrs for key, value in given.items()}


def _service(about: Mapping[str, Any]) -> Live:
    deployment = about.get("deploymentConfiguration") or {}
    breaker = deployment.get("deploymentCircuitBreaker") or {}
    vpc = (about.get("networkConfiguration") or {}).get("awsvpcConfiguration") or {}
    attrs = {
        "cluster": about["clusterArn"],
        "task_definition": about["taskDefinition"],
        "count": about["desiredCount"],
        "tasks": FAILED if _primary(about).get("rolloutState") == "FAILED" else RUNNING,
        "capacity": strategy(about.get("capacityProviderStrategy")),
        "platform": about.get("platformVersion", ""),
        "deployment": {
            "minimum": deployment.get("minimumHealthyPercent"),
            "maximum": deployment.get("maximumPercent"),
            "breaker": bool(breaker.get("enable")),
            "rollback": bool(breaker.get("rollback")),
        },
        "network": {
            "subnets": sorted(vpc.get("subnets") or []),
            "groups": sorted(vpc.get("securityGroups") or []),
            "public": vpc.get("assignPublicIp", "DISABLED"),
        },
        "load_balancers": canonical(
            {key: each[key] for key in ("targetGroupArn", "containerName", "containerPort") if key in each}
            for each in about.get("loadBalancers") or []
        ),
        "grace": about.get("healthCheckGracePeriodSeconds") or 0,
        "execute_command": bool(about.get("enableExecuteCommand")),
        "propagate_tags": about.get("propagateTags", "NONE"),
        "managed_tags": bool(about.get("enableECSManagedTags")),
        "rebalancing": about.get("availabilityZoneRebalancing", "DISABLED"),
        "tags": ecs_tag_dict(about.get("tags")),
    }
    return Live(attrs, _outputs(about))


def _outputs(about: Mapping[str, Any]) -> dict[str, Any]:
    return {"id": about["serviceName"], "arn": about["serviceArn"], "deployment": _primary(about).get("id", "")}


def _primary(about: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the deployment that is under way, or was last."""
    return next((each for each in about.get("deployments") or [] if each["status"] == "PRIMARY"), {})


def _describe(aws: Aws, cluster: str, name: str) -> dict[str, Any] | None:
    answer = aws.find("ecs", "describe_services", cluster=cluster, services=[name]) or {"services": []}
    return next(iter(answer["services"]), None)


def reasons(aws: Aws, cluster: str, name: str) -> str:
    """Return what ECS tells of a service's trouble: its deployments, its last events, and how its tasks ended."""
    service = _describe(aws, cluster, name) or {}
    deployments = [each["rolloutStateReason"] for each in service.get("deployments") or [] if each.get("rolloutState") == "FAILED"]
    events = [each["message"] for each in (service.get("events") or [])[:EVENTS]]
    arns = aws.pages("ecs", "list_tasks", "taskArns", cluster=cluster, serviceName=name, desiredStatus="STOPPED")[:100]
    tasks = aws.call("ecs", "describe_tasks", cluster=cluster, tasks=arns)["tasks"] if arns else []
    ends = Counter(_end(task) for task in tasks).most_common(EVENTS)
    ended = [f"{count} task{'s' if count > 1 else ''} ended: {end}" for end, count in ends]
    return "; ".join(" ".join(text.split()).rstrip(".") for text in [*deployments, *ended, *events])


def _end(task: Mapping[str, Any]) -> str:
    """Return why a task ended, and how its containers did."""
    containers = []
    for one in task.get("containers") or []:
        said = [f"exit code {one['exitCode']}"] if "exitCode" in one else []
        said += [one["reason"]] if one.get("reason") else []
        containers += [f"{one['name']}: {', '.join(said)}"] if said else []
    reason = str(task.get("stoppedReason") or task.get("stopCode") or "no reason given")
    return f"{reason} ({'; '.join(containers)})" if containers else reason


def _linked(call: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Make a call that needs ECS's service-linked role, which is made by an account's first cluster and seen a little later."""
    try:
        return call()
    except KcError as error:
        if error.code == "InvalidParameterException" and "service linked role" in error.message:
            error.code = ROLE_MISSING
        raise


def _unless_gone(call: Callable[[], Any]) -> None:
    """Make a call for a service, if it is still there."""
    try:
        call()
    except KcError as error:
        if not error.missing and error.code != "ServiceNotActiveException":
            raise
