"""Application Auto Scaling: services follow their load, and their schedules.

It measures what ECS and SQS would (`usage.py`), puts that as CloudWatch's metrics, reads the metrics that the policies name, and
changes the desired count as the autoscaler does (`tracking.py`). When it scaled last is in a file.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import ClientError

from ...files import write
from ...world.behaviour import Behaviour, World
from ..tasks.record import Store, Task
from .expression import Value
from .metrics import Metric, Tracked
from .schedules import due
from .tracking import IN, PERIOD, Opinion, decide, tracked
from .usage import cpu_seconds, memory_bytes

DIMENSION = "ecs:service:DesiredCount"


class Scaling(Behaviour):
    """Keeps services at their policies' targets."""

    name = "scaling"
    services = frozenset({"application-autoscaling"})
    every = float(PERIOD)

    def __init__(self, world: World, log: logging.Logger) -> None:
        super().__init__(world, log)
        self._file = world.home / "scaling.json"
        self._version = -1
        self._of: dict[str, dict[str, list[dict[str, Any]]]] = {}
        self._used: dict[str, tuple[float, float]] = {}
        self._measured = 0.0

    def look(self) -> None:
        version, changed = self.world.changes(self._version, 0)
        if self.moved(changed):
            self._of = {region: self._read(region) for region in self.world.regions}
        self._version = version
        now = time.time()
        state = self._state()
        tasks = [task for task in Store(self.world.home / "tasks").all() if task.status == "RUNNING" and task.alive]
        measure = now - self._measured >= PERIOD - 1
        for region, about in self._of.items():
            services = self._services(region, (each["ResourceId"] for each in about["targets"]))
            if measure:
                self._measure(region, [task for task in tasks if task.region == region], about["policies"], now)
            self._act(region, about["actions"], state["seen"] or now, now)
            for target in about["targets"]:
                if target["ResourceId"] in services:
                    policies = [each for each in about["policies"] if each["ResourceId"] == target["ResourceId"]]
                    self._scale(region, target, policies, services[target["ResourceId"]], state, now)
        if measure:
            self._measured = now
            self._used = {task_id: used for task_id, used in self._used.items() if task_id in {task.id for task in tasks}}
        self._keep({**state, "seen": now})
        self.every = PERIOD - time.time() % PERIOD  # once a period, so that none is without a value

    def down(self) -> None:
        self._file.unlink(missing_ok=True)

    # --- reading

    def _read(self, region: str) -> dict[str, list[dict[str, Any]]]:
        client = self.world.client("application-autoscaling", region)

        def pages(call: str, key: str) -> list[dict[str, Any]]:
            return [each for page in client.get_paginator(call).paginate(ServiceNamespace="ecs") for each in page[key]]

        return {
            "targets": pages("describe_scalable_targets", "ScalableTargets"),
            "policies": pages("describe_scaling_policies", "ScalingPolicies"),
            "actions": pages("describe_scheduled_actions", "ScheduledActions"),
        }

    def _services(self, region: str, resources: Iterable[str]) -> dict[str, dict[str, Any]]:
        """Return services by what Application Auto Scaling calls them."""
        found = {}
        ecs = self.world.client("ecs", region)
        clusters: dict[str, list[str]] = {}
        for resource in resources:
            _, cluster, name = resource.split("/")
            clusters.setdefault(cluster, []).append(name)
        for cluster, names in clusters.items():
            for at in range(0, len(names), 10):
                for each in ecs.describe_services(cluster=cluster, services=names[at : at + 10])["services"]:
                    if each["status"] == "ACTIVE":
                        found[f"service/{cluster}/{each['serviceName']}"] = each
        return found

    def _state(self) -> dict[str, Any]:
        """Return when it looked last, and when it changed which service: by resource, `out` and `in`."""
        try:
            return dict(json.loads(self._file.read_text()))
        except (OSError, ValueError):
            return {"seen": 0.0, "changed": {}}

    def _keep(self, state: Mapping[str, Any]) -> None:
        write(self._file, json.dumps(state))

    # --- measuring

    def _measure(self, region: str, tasks: Sequence[Task], policies: Iterable[Mapping[str, Any]], now: float) -> None:
        """Put what ECS and SQS put of a region: use of CPU and memory, running tasks, messages of the queues that policies name."""
        services: dict[tuple[str, str], list[tuple[float | None, float | None]]] = {}
        for task in tasks:
            services.setdefault((task.cluster, task.service), []).append(self._use(task, now))
        for resource in self._resources(region):
            services.setdefault(resource, [])
        data: dict[str, list[dict[str, Any]]] = {"AWS/ECS": [], "ECS/ContainerInsights": [], "AWS/SQS": []}
        for (cluster, service), used in services.items():
            by = [{"Name": "ClusterName", "Value": cluster}, {"Name": "ServiceName", "Value": service}]
            for name, each in (("CPUUtilization", [cpu for cpu, _ in used]), ("MemoryUtilization", [memory for _, memory in used])):
                known = [value for value in each if value is not None]
                if known:
                    data["AWS/ECS"].append(_datum(name, by, sum(known) / len(known), "Percent"))
            data["ECS/ContainerInsights"].append(_datum("RunningTaskCount", by, len(used), "Count"))
        for queue in {value for metric in _metrics(policies) if metric.namespace == "AWS/SQS" for _, value in metric.dimensions}:
            visible = self._visible(region, queue)
            if visible is not None:
                by = [{"Name": "QueueName", "Value": queue}]
                data["AWS/SQS"].append(_datum("ApproximateNumberOfMessagesVisible", by, visible, "Count"))
        for namespace, points in data.items():
            self.world.measure(region, namespace, points)

    def _resources(self, region: str) -> list[tuple[str, str]]:
        resources = (each["ResourceId"].split("/") for each in self._of[region]["targets"])
        return [(cluster, service) for _, cluster, service in resources]

    def _use(self, task: Task, now: float) -> tuple[float | None, float | None]:
        """Return the percent of a task's CPU and memory that it uses."""
        seconds, memory = cpu_seconds(task.pid), memory_bytes(task.pid)
        cpu = None
        if seconds is not None:
            at, before = self._used.get(task.id, (now, seconds))
            cpu = 100 * (seconds - before) / (now - at) / (int(task.about["cpu"]) / 1024) if now > at else None
            self._used[task.id] = (now, seconds)
        return cpu, None if memory is None else 100 * memory / (int(task.about["memory"]) << 20)

    def _visible(self, region: str, queue: str) -> float | None:
        sqs = self.world.client("sqs", region)
        try:
            url = sqs.get_queue_url(QueueName=queue)["QueueUrl"]
            about = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"])
        except ClientError:
            return None
        return float(about["Attributes"]["ApproximateNumberOfMessages"])

    # --- acting

    def _act(self, region: str, actions: Iterable[Mapping[str, Any]], since: float, now: float) -> None:
        """Carry out the scheduled actions that came due."""
        after, at = datetime.fromtimestamp(since, UTC), datetime.fromtimestamp(now, UTC)
        for action in actions:
            if due(action["Schedule"], action.get("Timezone") or "UTC", after, at):
                self.world.client("application-autoscaling", region).register_scalable_target(
                    ServiceNamespace="ecs", ScalableDimension=DIMENSION, ResourceId=action["ResourceId"], **action["ScalableTargetAction"]
                )
                self.log.info("%s: %s is due: %s", action["ResourceId"], action["ScheduledActionName"], action["ScalableTargetAction"])

    def _scale(
        self,
        region: str,
        target: Mapping[str, Any],
        policies: Iterable[Mapping[str, Any]],
        service: Mapping[str, Any],
        state: dict[str, Any],
        now: float,
    ) -> None:
        """Change a service's desired count, if its policies say so."""
        resource, count = target["ResourceId"], service["desiredCount"]
        changed = state["changed"].setdefault(f"{region}/{resource}", {"out": 0.0, "in": 0.0})
        opinions = [self._opinion(region, policy, count, now) for policy in policies if policy["PolicyType"] == "TargetTrackingScaling"]
        wanted = decide(count, target["MinCapacity"], target["MaxCapacity"], opinions, now - changed["out"], now - changed["in"])
        which = "Out" if wanted > count else "In"
        if wanted == count or (target.get("SuspendedState") or {}).get(f"DynamicScaling{which}Suspended"):
            return
        # the range may have moved since it was looked at, and the count with it
        [range_] = self.world.client("application-autoscaling", region).describe_scalable_targets(
            ServiceNamespace="ecs", ResourceIds=[resource]
        )["ScalableTargets"] or [target]
        if not range_["MinCapacity"] <= wanted <= range_["MaxCapacity"]:
            return
        self.world.client("ecs", region).update_service(cluster=service["clusterArn"], service=service["serviceName"], desiredCount=wanted)
        changed[which.lower()] = now
        self.log.info(
            "%s in %s: %s → %s tasks, of policies that say %s", resource, region, count, wanted, [each.count for each in opinions]
        )

    def _opinion(self, region: str, policy: Mapping[str, Any], count: int, now: float) -> Opinion:
        about = policy["TargetTrackingScalingPolicyConfiguration"]
        tracks = Tracked.of(policy)
        values = tracks.values({name: self._series(region, metric, now) for name, metric in tracks.metrics.items()})
        wanted = tracked(count, values, about["TargetValue"], bool(about.get("DisableScaleIn")))
        return Opinion(wanted, about.get("ScaleOutCooldown") or 0, about.get("ScaleInCooldown") or 0)

    def _series(self, region: str, metric: Metric, now: float) -> list[Value]:
        """Return a metric's last values, period by period; the period under way is not among them."""
        end = int(now) // PERIOD * PERIOD
        begins = [end - back * PERIOD for back in range(IN + 60 // PERIOD, 0, -1)]
        points = self.world.client("cloudwatch", region).get_metric_statistics(
            Namespace=metric.namespace,
            MetricName=metric.name,
            Dimensions=metric.by,
            StartTime=datetime.fromtimestamp(begins[0], UTC),
            EndTime=datetime.fromtimestamp(end, UTC),
            Period=PERIOD,
            Statistics=[metric.stat],
        )["Datapoints"]
        found = {int(each["Timestamp"].timestamp()) // PERIOD * PERIOD: float(each[metric.stat]) for each in points}
        return [found.get(begin) for begin in begins]


def _metrics(policies: Iterable[Mapping[str, Any]]) -> list[Metric]:
    return [
        metric for policy in policies if policy["PolicyType"] == "TargetTrackingScaling" for metric in Tracked.of(policy).metrics.values()
    ]


def _datum(name: str, by: list[dict[str, str]], value: float, unit: str) -> dict[str, Any]:
    return {"MetricName": name, "Dimensions": by, "Value": value, "Unit": unit}
