"""What a policy tracks, as CloudWatch's metrics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .expression import Value, evaluate
from .tracking import PERIOD

MINUTE = 60 // PERIOD
"""Values a minute."""


@dataclass(frozen=True)
class Metric:
    """A metric of CloudWatch, and the statistic that is looked at.

    Attributes:
        dimensions: Names and values, in the order of the names.
    """

    namespace: str
    name: str
    dimensions: tuple[tuple[str, str], ...]
    stat: str

    @property
    def by(self) -> list[dict[str, str]]:
        """Its dimensions, as CloudWatch takes them."""
        return [{"Name": name, "Value": value} for name, value in self.dimensions]

    def values(self, series: Sequence[Value]) -> list[Value]:
        """Return the values as a policy means them: of something that is counted, those of the last minute together."""
        if self.stat != "Sum" or self.namespace != "AWS/ApplicationELB":
            return list(series)
        minutes = [[each for each in series[max(0, at - MINUTE + 1) : at + 1] if each is not None] for at in range(len(series))]
        return [sum(minute) if minute else None for minute in minutes]


PREDEFINED = {
    "ECSServiceAverageCPUUtilization": ("AWS/ECS", "CPUUtilization", "Average"),
    "ECSServiceAverageMemoryUtilization": ("AWS/ECS", "MemoryUtilization", "Average"),
    "ALBRequestCountPerTarget": ("AWS/ApplicationELB", "RequestCountPerTarget", "Sum"),
}
"""Application Auto Scaling API, PredefinedMetricSpecification."""


@dataclass(frozen=True)
class Tracked:
    """What a policy tracks: metrics by id, and how one value is made of theirs."""

    metrics: Mapping[str, Metric]
    expression: str

    @classmethod
    def of(cls, policy: Mapping[str, Any]) -> Tracked:
        """Read it from a described policy.

        Raises:
            ValueError: It is of a kind that the lab does not track.
        """
        _, cluster, service = policy["ResourceId"].split("/")
        about = policy["TargetTrackingScalingPolicyConfiguration"]
        predefined = about.get("PredefinedMetricSpecification")
        if predefined:
            kind = predefined["PredefinedMetricType"]
            namespace, name, stat = PREDEFINED[kind]
            label = predefined.get("ResourceLabel", "").partition("/targetgroup/")[2]
            by = {"TargetGroup": f"targetgroup/{label}"} if label else {"ClusterName": cluster, "ServiceName": service}
            return cls({"metric": Metric(namespace, name, tuple(by.items()), stat)}, "metric")
        custom = about["CustomizedMetricSpecification"]
        if "Metrics" not in custom:
            return cls({"metric": Metric(custom["Namespace"], custom["MetricName"], _dimensions(custom), custom["Statistic"])}, "metric")
        metrics, expression = {}, ""
        for each in custom["Metrics"]:
            if "Expression" in each:
                expression = each["Expression"] if each.get("ReturnData", True) else expression
            else:
                about = each["MetricStat"]
                metric = about["Metric"]
                metrics[each["Id"]] = Metric(metric["Namespace"], metric["MetricName"], _dimensions(metric), about["Stat"])
        if not expression:
            raise ValueError(f"{policy['PolicyName']} of {service} returns no expression")
        return cls(metrics, expression)

    def values(self, series: Mapping[str, Sequence[Value]]) -> list[Value]:
        """Return the tracked values, from each metric's, period by period."""
        meant = {name: metric.values(series[name]) for name, metric in self.metrics.items()}
        return [evaluate(self.expression, dict(zip(meant, values, strict=True))) for values in zip(*meant.values(), strict=True)]


def _dimensions(about: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted((each["Name"], each["Value"]) for each in about.get("Dimensions") or []))
