"""Application Auto Scaling: how many tasks a service has."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..model import Kind, Live, canonical
from ..scope import Scope
from .ecs import Service, cluster_name
from .session import Aws

DIMENSION = "ecs:service:DesiredCount"
SPACE = "ecs"


def resource_of(scope: Scope, service: str) -> str:
    """Return what Application Auto Scaling calls a service of the scope's cluster."""
    return f"service/{cluster_name(scope)}/{service}"


def own_prefix(scope: Scope) -> str:
    """Return how the names of the scope's policies and scheduled actions begin; it says whose they are."""
    return f"{scope.prefix}{scope.component}-"


def _ours(scope: Scope, items: list[dict[str, Any]], key: str) -> dict[str, dict[str, Any]]:
    """Return the items on the scope's services that are named as ours, each by `<service>/<short name>`."""
    found = {}
    for item in items:
        head, _, service = item["ResourceId"].rpartition("/")
        if head == f"service/{cluster_name(scope)}" and item[key].startswith(own_prefix(scope)):
            found[f"{service}/{item[key].removeprefix(own_prefix(scope))}"] = item
    return found


class ScalableTarget(Kind):
    """The range that a service's number of tasks stays in. It belongs to whom the service belongs to.

    AWS takes it away with its service. A schedule moves `min`: any of `scheduled` is as good as the usual one.
    """

    name = "scalable_target"
    write_once = frozenset({"scheduled"})
    # its service, or the role that acts for it, was made a moment ago
    settles = frozenset({"ConcurrentUpdateException", "FailedResourceAccessException"})

    def same(self, attr: str, have: Any, want: Mapping[str, Any]) -> bool:
        return (attr == "min" and have in want["scheduled"]) or super().same(attr, have, want)

    def read(self, aws: Aws, scope: Scope) -> dict[str, Live]:
        found = aws.pages("application-autoscaling", "describe_scalable_targets", "ScalableTargets", ServiceNamespace=SPACE)
        services = Service().read(aws, scope) if found else {}
        named = {resource_of(scope, service): service for service in services}
        return {named[each["ResourceId"]]: _target(each) for each in found if each["ResourceId"] in named}

    def create(self, aws: Aws, scope: Scope, name: str, want: Mapping[str, Any]) -> Live:
        self._register(aws, want)
        return Live(dict(want), {"id": want["service"]})

    def update(self, aws: Aws, scope: Scope, name: str, live: Live, want: Mapping[str, Any], changed: frozenset[str]) -> None:
        self._register(aws, want)

    def delete(self, aws: Aws, scope: Scope, name: str, live: Live) -> None:
        aws.find(
            "application-autoscaling", "deregister_scalable_target", ServiceNamespace=SPACE, ScalableDimension=DIMENSION, ResourceId=live.id
        )

    def _register(self, aws: Aws, want: Mapping[str, Any]) -> None:
        suspended = {f"{what}Suspended": what in want["suspended"] for what in _SUSPENDED}
        aws.call(
            "application-autoscaling",
            "register_scalable_target",
            ServiceNamespace=SPACE,
            ScalableDimension=DIMENSION,
            ResourceId=want["service"],
            MinCapacity=want["min"],
            MaxCapacity=want["max"],
            SuspendedState=suspended,
        )


_SUSPENDED = ("DynamicScalingIn", "DynamicScalingOut", "ScheduledScaling")


def _target(about: Mapping[str, Any]) -> Live:
    state = about.get("SuspendedState") or {}
    attrs = {
        "service": about["ResourceId"],
        "min": about["MinCapacity"],
        "max": about["MaxCapacity"],
        "suspended": [what for what in _SUSPENDED if state.get(f"{what}Suspended")],
    }
    return Live(attrs, {"id": about["ResourceId"]})


class ScalingPolicy(Kind):
    """What a service's number of tasks follows (target tracking). It is called `<service>/<short name>`.

    Attributes of the desired state: `service` (its resource), `target` (what to keep), `metric`, `out` and `in` (seconds to
    wait after adding tasks and after taking some away), `only_out`. A `metric` is `{type}`, with `balancer` and `group` (the
    suffixes of their ARNs) for requests, or `{queries}` (metric math).
    """

    name = "scaling_policy"
    outputs_of = ("id", "arn")
    settles = frozenset({"ConcurrentUpdateException", "FailedResourceAccessException", "ObjectNotFoundException"})

    def read(self, aws: Aws, scope: Scope) -> dict[str, Live]:
        found = aws.pages("application-autoscaling", "describe_scaling_policies", "ScalingPolicies", ServiceNamespace=SPACE)
        return {name: _policy(each) for name, each in _ours(scope, found, "PolicyName").items()}

    def create(self, aws: Aws, scope: Scope, name: str, want: Mapping[str, Any]) -> Live:
        policy = own_prefix(scope) + name.partition("/")[2]
        made = aws.call(
            "application-autoscaling",
            "put_scaling_policy",
            PolicyName=policy,
            PolicyType="TargetTrackingScaling",
            ServiceNamespace=SPACE,
            ScalableDimension=DIMENSION,
            ResourceId=want["service"],
            TargetTrackingScalingPolicyConfiguration={
                "TargetValue": want["target"],
                "ScaleOutCooldown": want["out"],
                "ScaleInCooldown": want["in"],
                "DisableScaleIn": want["only_out"],
                **_specification(want["metric"]),
            },
        )
        return Live(dict(want), {"id": policy, "arn": made["PolicyARN"]})

    def update(self, aws: Aws, scope: Scope, name: str, live: Live, want: Mapping[str, Any], changed: frozenset[str]) -> None:
        self.create(aws, scope, name, want)  # it is put as a whole

    def delete(self, aws: Aws, scope: Scope, name: str, live: Live) -> None:
        aws.find(
            "application-autoscaling",
            "delete_scaling_policy",
            PolicyName=live.id,
            ServiceNamespace=SPACE,
            ScalableDimension=DIMENSION,
            ResourceId=live.attrs["service"],
        )


def _specification(metric: Mapping[str, Any]) -> dict[str, Any]:
    """Return a metric as PutScalingPolicy takes it."""
    if "queries" in metric:
        return {"CustomizedMetricSpecification": {"Metrics": metric["queries"]}}
    label = {"ResourceLabel": f"{metric['balancer']}/{metric['group']}"} if "group" in metric else {}
    return {"PredefinedMetricSpecification": {"PredefinedMetricType": metric["type"], **label}}


def _metric(about: Mapping[str, Any]) -> dict[str, Any]:
    """Return a policy's metric; one that is made otherwise than ours is returned as it is."""
    predefined, customized = about.get("PredefinedMetricSpecification"), about.get("CustomizedMetricSpecification") or {}
    if not predefined:
        return {"queries": canonical(customized["Metrics"])} if "Metrics" in customized else dict(customized)
    balancer, mark, group = predefined.get("ResourceLabel", "").partition("/targetgroup/")
    label = {"balancer": balancer, "group": f"targetgroup/{group}"} if mark else {}
    return {"type": predefined["PredefinedMetricType"], **label}


def _policy(about: Mapping[str, Any]) -> Live:
    tracking = about.get("TargetTrackingScalingPolicyConfiguration") or {}
    attrs = {
        "service": about["ResourceId"],
        "target": tracking.get("TargetValue"),
        "metric": _metric(tracking),
        "out": tracking.get("ScaleOutCooldown"),
        "in": tracking.get("ScaleInCooldown"),
        "only_out": bool(tracking.get("DisableScaleIn")),
    }
    return Live(attrs, {"id": about["PolicyName"], "arn": about["PolicyARN"]})


_RANGE = {"min": "MinCapacity", "max": "MaxCapacity"}


class ScheduledAction(Kind):
    """From a time on, at least so many tasks (and at most `max`, unless None). It is called `<service>/<short name>`."""

    name = "scheduled_action"
    settles = frozenset({"ConcurrentUpdateException", "ObjectNotFoundException"})

    def read(self, aws: Aws, scope: Scope) -> dict[str, Live]:
        found = aws.pages("application-autoscaling", "describe_scheduled_actions", "ScheduledActions", ServiceNamespace=SPACE)
        return {name: _action(each) for name, each in _ours(scope, found, "ScheduledActionName").items()}

    def create(self, aws: Aws, scope: Scope, name: str, want: Mapping[str, Any]) -> Live:
        action = own_prefix(scope) + name.partition("/")[2]
        aws.call(
            "application-autoscaling",
            "put_scheduled_action",
            ScheduledActionName=action,
            ServiceNamespace=SPACE,
            ScalableDimension=DIMENSION,
            ResourceId=want["service"],
            Schedule=want["at"],
            Timezone=want["timezone"],
            ScalableTargetAction={key: want[attr] for attr, key in _RANGE.items() if want[attr] is not None},
        )
        return Live(dict(want), {"id": action})

    def update(self, aws: Aws, scope: Scope, name: str, live: Live, want: Mapping[str, Any], changed: frozenset[str]) -> None:
        self.create(aws, scope, name, want)  # it is put as a whole

    def delete(self, aws: Aws, scope: Scope, name: str, live: Live) -> None:
        aws.find(
            "application-autoscaling",
            "delete_scheduled_action",
            ScheduledActionName=live.id,
            ServiceNamespace=SPACE,
            ScalableDimension=DIMENSION,
            ResourceId=live.attrs["service"],
        )


def _action(about: Mapping[str, Any]) -> Live:
    action = about.get("ScalableTargetAction") or {}
    attrs = {
        "service": about["ResourceId"],
        "at": about["Schedule"],
        "timezone": about.get("Timezone") or "UTC",
        **{attr: action.get(key) for attr, key in _RANGE.items()},
    }
    return Live(attrs, {"id": about["ScheduledActionName"]})
