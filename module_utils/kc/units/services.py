"""The unit `services`: what runs a region's applications, and how many tasks of each.

One entry of the inventory's applications makes a log group, a task definition, a service and its scaling.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from .. import limits
from ..applications import DIGEST, Application, Schedule, applications
from ..aws.ecs import ANEW, RUNNING, Service, cluster_name, strategy
from ..aws.logs import RETENTIONS
from ..aws.scaling import ScalableTarget, ScalingPolicy, ScheduledAction, resource_of
from ..aws.task_definitions import TaskDefinition
from ..builders import LOG_GROUP, log_group, log_group_name
from ..errors import KcError
from ..model import Key, Kind, Ref, Resource, canonical
from ..scope import Scope
from ..unit import Params, Unit
from .balancer import balancer_of, target_group_of
from .cluster import cluster_of
from .keys import key_of
from .network import group_of, tier_of
from .queues import queue_name
from .registry import registry, repository_name
from .secrets import secret_of

TASK_DEFINITION, SERVICE = TaskDefinition(), Service()
TARGET, POLICY, ACTION = ScalableTarget(), ScalingPolicy(), ScheduledAction()

PLATFORM = "1.4.0"
"""Fargate's platform version; the latest since 2020. Named, so that a new one is a change that somebody decided on."""

SESSION_PATHS = ("/managed-agents", "/var/lib/amazon/ssm", "/var/log/amazon/ssm")
"""Where the agent of execute-command writes in a container. AWS does not promise that sessions work where the root can't be
written (ECS developer guide, ECS Exec: considerations); users found that it is enough when these can be
(aws/containers-roadmap issue 1359). A task goes on if its agent does not."""

LOG = {"driver": "awslogs", "mode": "non-blocking", "max-buffer-size": "4m"}
"""An application goes on while CloudWatch Logs does not answer; what no longer fits into the buffer is lost."""

COOLDOWN = {"out": 60, "in": 300}
"""Seconds between two changes: quick to add tasks, slow to take them away."""


def build(scope: Scope, params: Params) -> Sequence[Resource]:
    """Return everything of the region's applications, and what it looks up."""
    found = applications(params["applications"])
    unknown = {*params["redeploy"]} - found.keys()
    if unknown:
        raise KcError(f"`redeploy` names `{min(unknown)}`, which `applications` does not")
    made = [resource for name, about in found.items() for resource in _Builder(scope, params, name, about).everything()]
    return list({resource.key: resource for resource in made}.values())


def service_name(scope: Scope, application: str) -> str:
    """Return what an application's service and family of task definitions are called."""
    return scope.name("service", application)


class _Builder:
    """Builds one application's resources, and notes what they look up."""

    def __init__(self, scope: Scope, params: Params, short: str, about: Application) -> None:
        self.scope = scope
        self.params = params
        self.short = short
        self.about = about
        self.name = service_name(scope, short)
        self.where = f"applications.{short}"
        self.primary = params["role"] == "primary"
        self.looked_up: list[Resource] = []

    def everything(self) -> list[Resource]:
        """Return the resources, those that are looked up included."""
        made = [self._log_group(), self._task_definition(), self._service(), self._target(), *self._policies(), *self._actions()]
        return [*self.looked_up, *made]

    def _look(self, resource: Resource, attr: str = "id") -> Ref:
        self.looked_up.append(resource)
        return Ref(resource.kind.name, resource.name, attr)

    def _make(self, kind: Kind, name: str, desired: Mapping[str, Any], after: tuple[Key, ...] = ()) -> Resource:
        return Resource(kind, name, desired, self.scope.region, after=after)

    # --- what runs

    def _log_group(self) -> Resource:
        if self.about.days not in RETENTIONS:
            raise KcError(f"`{self.where}.days` is {self.about.days}", hint=f"choose one of {', '.join(map(str, RETENTIONS))}")
        self._look(key_of(self.scope, "logs"))
        return log_group(self.scope, self.short, self.about.days)

    def _task_definition(self) -> Resource:
        about, role = self.about, self.scope.role_arn
        log = {"awslogs-group": Ref(LOG_GROUP.name, log_group_name(self.scope, self.short)), "awslogs-region": self.scope.region}
        desired = {
            "cpu": about.cpu,
            "memory": about.memory,
            "architecture": about.architecture.upper(),
            "roles": {"task": role(about.role), "execution": role(about.execution_role)},
            "container": self.short,
            "image": self._image(),
            "port": about.port,
            "user": about.user,
            "read_only": True,
            "init": True,
            "drop": ["ALL"],
            "environment": {name: text(value) for name, value in about.environment.items()},
            "secrets": {**self._secrets(), **self._parameters()},
            "mounts": self._mounts(),
            "health": self._health(),
            "log": {**LOG, **log, "awslogs-stream-prefix": self.short},
            "stop": about.stop,
            "overrides": {},
            "superseded": [],
            "tags": self.scope.tags(),
        }
        return self._make(TASK_DEFINITION, self.name, desired)

    def _image(self) -> str:
        """Return the image's address, by digest: what was tested is what runs."""
        digest = str(self.params["images"].get(self.short) or "")
        if not digest:
            raise KcError(f"`images` has no image for `{self.short}`", hint="give the digest that was pushed, as in sha256:…")
        if not DIGEST.fullmatch(digest):
            raise KcError(f"`images.{self.short}` is `{digest}`", hint="an image is named by its digest, sha256: and 64 hex digits")
        return f"{registry(self.scope)}/{repository_name(self.scope, self.about.repository or self.short)}@{digest}"

    def _secrets(self) -> dict[str, Any]:
        found = {}
        for variable, origin in self.about.secrets.items():
            short, _, key = str(origin).partition(":")
            found[variable] = {"from": self._look(secret_of(self.scope, short), "arn"), "key": key}
        return found

    def _parameters(self) -> dict[str, Any]:
        """Return parameters by their ARNs, which are known before they stand: one may be a database's that is being made."""
        arn = self.scope.arn
        return {
            variable: {"from": arn("ssm", f"parameter/{self.scope.path}{short}"), "key": ""}
            for variable, short in self.about.parameters.items()
        }

    def _mounts(self) -> dict[str, str]:
        paths = {*self.about.scratch, *(SESSION_PATHS if self.params["execute_command"] else ())}
        return {path: f"scratch-{number}" for number, path in enumerate(sorted(paths), start=1)}

    def _health(self) -> dict[str, Any]:
        health = self.about.healthy
        if not health.command and not health.path:
            return {}
        command = ["CMD", *health.command] if health.command else asking(self.about.port, health.path)
        return {"command": command, **{setting: getattr(health, setting) for setting in limits.CONTAINER_HEALTH}}

    # --- where and how

    def _service(self) -> Resource:
        params, scope = self.params, self.scope
        desired = {
            "cluster": self._look(cluster_of(scope), "arn"),
            "task_definition": Ref(TASK_DEFINITION.name, self.name, "arn"),
            "count": self._least(),
            "tasks": ANEW if self.short in params["redeploy"] else RUNNING,
            "capacity": self._capacity(),
            "platform": PLATFORM,
            "deployment": self._deployment(),
            "network": {
                "subnets": self._look(tier_of(scope, params["tier"]), "subnets"),
                "groups": [self._look(group_of(scope, self.about.security_group or params["security_group"]))],
                "public": "DISABLED",
            },
            "load_balancers": self._load_balancers(),
            "grace": self.about.healthy.grace if self.about.port else 0,
            "execute_command": params["execute_command"],
            "propagate_tags": "SERVICE",
            "managed_tags": True,
            "rebalancing": "ENABLED",
            "tags": scope.tags(),
        }
        return self._make(Service(params["timeout"]), self.name, desired)

    def _load_balancers(self) -> list[dict[str, Any]]:
        if not self.about.port:
            return []
        group = self._look(target_group_of(self.scope, self.short), "arn")
        return [{"targetGroupArn": group, "containerName": self.short, "containerPort": self.about.port}]

    def _deployment(self) -> dict[str, Any]:
        """Return how tasks are replaced.

        Raises:
            KcError: The percentages leave no room for it: no task more may be started, and none may end before.
        """
        least, most = self.params["minimum_healthy"], self.params["maximum_healthy"]
        count = max(1, min(self.about.counts.min, self.about.counts.warm))
        # ECS API, DeploymentConfiguration: the least is rounded up, the most down
        if count * most // 100 <= count and -(-count * least // 100) >= count:
            raise KcError(
                f"`maximum_healthy` is {most} and `minimum_healthy` {least}: with {count} task{'s' * (count > 1)} of `{self.short}`"
                " no other may be started and none may end",
                hint="give 200 and 100, or less than 100 for `minimum_healthy`",
            )
        return {"minimum": least, "maximum": most, "breaker": True, "rollback": True}

    def _capacity(self) -> list[dict[str, Any]]:
        placed = self.about.placed
        on_demand = {"capacityProvider": "FARGATE", "base": placed.base, "weight": placed.on_demand}
        spot = {"capacityProvider": "FARGATE_SPOT", "base": 0, "weight": placed.spot}
        return strategy(one for one in (on_demand, spot) if one["base"] or one["weight"])

    # --- how many

    def _least(self) -> int:
        """Return the least number of tasks that the region's role asks for."""
        return self.about.counts.min if self.primary else self.about.counts.warm

    def _target(self) -> Resource:
        desired = {
            "service": resource_of(self.scope, self.name),
            "min": self._least(),
            "max": self.about.counts.max,
            "scheduled": sorted({about.min for about in self._schedules().values()}),
            "suspended": [],
        }
        return self._make(TARGET, self.name, desired, after=(Key(SERVICE.name, self.scope.region, self.name),))

    def _schedules(self) -> dict[str, Schedule]:
        return self.about.scaled.scheduled if self.primary else {}

    def _policies(self) -> Iterator[Resource]:
        scaled = self.about.scaled
        if scaled.cpu is not None:
            yield self._policy("cpu", scaled.cpu, {"type": "ECSServiceAverageCPUUtilization"})
        if scaled.requests is not None:
            balancer = self._look(balancer_of(self.scope), "suffix")
            group = self._look(target_group_of(self.scope, self.short), "suffix")
            yield self._policy("requests", scaled.requests, {"type": "ALBRequestCountPerTarget", "balancer": balancer, "group": group})
        if scaled.queue:
            yield self._policy("backlog", scaled.backlog, {"queries": backlog(self.scope, self.name, scaled.queue)})

    def _policy(self, short: str, target: int, metric: Mapping[str, Any]) -> Resource:
        desired = {"service": Ref(TARGET.name, self.name), "target": target, "metric": metric, **COOLDOWN, "only_out": False}
        return self._make(POLICY, f"{self.name}/{short}", desired)

    def _actions(self) -> Iterator[Resource]:
        for short, about in self._schedules().items():
            desired = {"service": Ref(TARGET.name, self.name), "at": about.at, "timezone": about.timezone, "min": about.min, "max": None}
            yield self._make(ACTION, f"{self.name}/{short}", desired)


def text(value: Any) -> str:
    """Return a variable's value as a container gets it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def asking(port: int, path: str) -> list[str]:
    """Return the command that asks a container for a path, with what its image has."""
    url = f"http://127.0.0.1:{port}{path}"
    return [
        "CMD-SHELL",
        f"if command -v curl > /dev/null; then curl -fsS -o /dev/null {url}; else wget -q -O /dev/null {url}; fi || exit 1",
    ]


def backlog(scope: Scope, service: str, queue: str) -> list[dict[str, Any]]:
    """Return the metric math of messages a running task; where none runs, or nothing is told, as if one did.

    Source: Application Auto Scaling user guide, Create a target tracking scaling policy using metric math.
    """

    def query(id_: str, stat: str, namespace: str, name: str, **dimensions: str) -> dict[str, Any]:
        by = [{"Name": key, "Value": value} for key, value in sorted(dimensions.items())]
        metric = {"Namespace": namespace, "MetricName": name, "Dimensions": by}
        return {"Id": id_, "MetricStat": {"Metric": metric, "Stat": stat}, "ReturnData": False}

    where = {"ClusterName": cluster_name(scope), "ServiceName": service}
    visible = query("visible", "Sum", "AWS/SQS", "ApproximateNumberOfMessagesVisible", QueueName=queue_name(scope, queue))
    running = query("running", "Average", "ECS/ContainerInsights", "RunningTaskCount", **where)
    ratio = {"Id": "backlog", "Expression": "visible / IF(FILL(running, 0) < 1, 1, FILL(running, 0))", "ReturnData": True}
    return canonical([visible, running, ratio])


UNIT = Unit(
    name="services",
    kinds=(LOG_GROUP, TASK_DEFINITION, SERVICE, TARGET, POLICY, ACTION),
    build=build,
    services=("ecs", "application-autoscaling", "logs", "ec2", "elbv2", "kms", "secretsmanager"),
)
