"""Services follow their load: what their containers really use, the messages that wait, their schedules."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from lab.behaviours.scaling.tracking import IN, PERIOD

from .ecs import CLUSTER, REGION, SERVE, Stand

pytestmark = [pytest.mark.world, pytest.mark.xdist_group("world")]

Until = Callable[..., Any]


class Scaled:
    """Services with a scalable target each."""

    def __init__(self, stand: Stand) -> None:
        self.stand = stand
        self.client = stand.lab.client("application-autoscaling", REGION)
        self.names: list[str] = []

    def of(self, name: str) -> dict[str, str]:
        return {"ServiceNamespace": "ecs", "ResourceId": f"service/{CLUSTER}/{name}", "ScalableDimension": "ecs:service:DesiredCount"}

    def create(self, name: str, count: int, low: int, high: int, command: str = SERVE) -> None:
        self.stand.create(name, self.stand.define(name, command=command), count)
        self.names.append(name)
        self.client.register_scalable_target(**self.of(name), MinCapacity=low, MaxCapacity=high)

    def track(self, name: str, target: float, **metric: Any) -> None:
        about = {"TargetValue": target, "ScaleOutCooldown": 0, "ScaleInCooldown": 0, **metric}
        self.client.put_scaling_policy(
            PolicyName="p", PolicyType="TargetTrackingScaling", TargetTrackingScalingPolicyConfiguration=about, **self.of(name)
        )


@pytest.fixture
def scaled(stand: Stand) -> Iterator[Scaled]:
    made = Scaled(stand)
    yield made
    for name in made.names:
        stand.delete(name)


def test_a_busy_service_gets_more_tasks(scaled: Scaled, stand: Stand, until: Until) -> None:
    """Its container uses all of the CPU that it has; the range's most is the end of it."""
    scaled.create("busy", 1, 1, 2, command=f"({SERVE}) & while :; do :; done")
    scaled.track("busy", 30, PredefinedMetricSpecification={"PredefinedMetricType": "ECSServiceAverageCPUUtilization"})
    until(lambda: stand.describe("busy")["desiredCount"] == 2, 90)
    until(lambda: stand.stable("busy", 2))


def test_messages_that_wait_bring_tasks(scaled: Scaled, stand: Stand, until: Until) -> None:
    """Metric math as the platform's worker has it, from no task on: three messages a task."""
    sqs = stand.lab.client("sqs", REGION)
    url = sqs.create_queue(QueueName="try-jobs")["QueueUrl"]
    for number in range(7):
        sqs.send_message(QueueUrl=url, MessageBody=str(number))

    def query(id_: str, stat: str, namespace: str, name: str, **by: str) -> dict[str, Any]:
        metric = {"Namespace": namespace, "MetricName": name, "Dimensions": [{"Name": key, "Value": value} for key, value in by.items()]}
        return {"Id": id_, "MetricStat": {"Metric": metric, "Stat": stat}, "ReturnData": False}

    visible = query("visible", "Sum", "AWS/SQS", "ApproximateNumberOfMessagesVisible", QueueName="try-jobs")
    running = query("running", "Average", "ECS/ContainerInsights", "RunningTaskCount", ClusterName=CLUSTER, ServiceName="worker")
    ratio = {"Id": "backlog", "Expression": "visible / IF(FILL(running, 0) < 1, 1, FILL(running, 0))", "ReturnData": True}
    scaled.create("worker", 0, 0, 5)
    scaled.track("worker", 3, CustomizedMetricSpecification={"Metrics": [visible, running, ratio]})
    until(lambda: stand.describe("worker")["desiredCount"] == 3, 90)
    until(lambda: stand.stable("worker", 3))
    sqs.delete_queue(QueueUrl=url)


def test_an_idle_service_loses_tasks_down_to_the_least(scaled: Scaled, stand: Stand, until: Until) -> None:
    scaled.create("idle", 3, 2, 5)
    until(lambda: stand.stable("idle", 3))
    by = [{"Name": "Of", "Value": "idle"}]
    now = datetime.now(UTC)
    points = [
        {"MetricName": "Load", "Dimensions": by, "Value": 1, "Timestamp": now + timedelta(seconds=PERIOD * number)}
        for number in range(-IN - 2, 12)
    ]
    stand.lab.client("cloudwatch", REGION).put_metric_data(Namespace="Try", MetricData=points)
    scaled.track(
        "idle", 100, CustomizedMetricSpecification={"Namespace": "Try", "MetricName": "Load", "Dimensions": by, "Statistic": "Average"}
    )
    until(lambda: stand.describe("idle")["desiredCount"] == 2)
    until(lambda: stand.stable("idle", 2))


def test_a_schedule_moves_the_range(scaled: Scaled, stand: Stand, until: Until) -> None:
    scaled.create("planned", 1, 1, 5)
    soon = datetime.now(UTC) + timedelta(seconds=3)
    scaled.client.put_scheduled_action(
        ScheduledActionName="soon",
        Schedule=f"at({soon:%Y-%m-%dT%H:%M:%S})",
        ScalableTargetAction={"MinCapacity": 2},
        **scaled.of("planned"),
    )
    until(lambda: stand.stable("planned", 2))
