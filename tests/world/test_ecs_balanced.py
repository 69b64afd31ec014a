"""Services behind a load balancer: what its health checks say counts, and no request is lost while tasks are replaced."""

from __future__ import annotations

import http.client
import json
import subprocess
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from .ecs import CLUSTER, REGION, Stand, address, containers, named, task_id
from .load import RATE, Load

pytestmark = [pytest.mark.world, pytest.mark.xdist_group("world")]

Until = Callable[..., Any]
NAME = "balanced"


class Balanced:
    """A load balancer in the clear (from this machine), and a service of two tasks behind it."""

    def __init__(self, stand: Stand) -> None:
        self.stand = stand
        self.elb = stand.lab.client("elbv2", REGION)
        ec2 = stand.lab.client("ec2", REGION)
        subnets, groups = named(ec2.describe_subnets()["Subnets"]), named(ec2.describe_security_groups()["SecurityGroups"])
        public = subnets["kc-lab-public-a"]
        self.group = self.elb.create_target_group(
            Name="kc-try",
            Protocol="HTTP",
            Port=8080,
            VpcId=public["VpcId"],
            TargetType="ip",
            HealthCheckPath="/health",
            HealthCheckIntervalSeconds=5,
            HealthCheckTimeoutSeconds=2,
            HealthyThresholdCount=2,
            UnhealthyThresholdCount=2,
        )["TargetGroups"][0]["TargetGroupArn"]
        delay = [{"Key": "deregistration_delay.timeout_seconds", "Value": "3"}]
        self.elb.modify_target_group_attributes(TargetGroupArn=self.group, Attributes=delay)
        self.balancer = self.elb.create_load_balancer(
            Name="kc-try",
            Subnets=[public["SubnetId"], subnets["kc-lab-public-b"]["SubnetId"]],
            SecurityGroups=[groups["kc-lab-balancer"]["GroupId"]],
        )["LoadBalancers"][0]
        self.elb.create_listener(
            LoadBalancerArn=self.balancer["LoadBalancerArn"],
            Protocol="HTTP",
            Port=80,
            DefaultActions=[{"Type": "forward", "TargetGroupArn": self.group}],
        )
        to = [{"targetGroupArn": self.group, "containerName": "app", "containerPort": 8080}]
        stand.create(NAME, stand.define(NAME), 2, loadBalancers=to, healthCheckGracePeriodSeconds=0)

    @property
    def address(self) -> str:
        return str(json.loads((self.stand.lab.home / "world" / "balancers.json").read_text())[self.balancer["DNSName"]][0])

    def states(self) -> dict[str, str]:
        """Return the states of the group's targets."""
        found = self.elb.describe_target_health(TargetGroupArn=self.group)["TargetHealthDescriptions"]
        return {each["Target"]["Id"]: each["TargetHealth"]["State"] for each in found}

    def ask(self) -> int:
        """Return the status of one request."""
        connection = http.client.HTTPConnection(self.address, 80, timeout=5)
        try:
            connection.request("GET", "/")
            return connection.getresponse().status
        finally:
            connection.close()


@pytest.fixture(scope="module")
def balanced(stand: Stand, until: Until) -> Iterator[Balanced]:
    made = Balanced(stand)
    until(lambda: stand.stable(NAME, 2))
    yield made
    stand.delete(NAME)
    until(lambda: stand.describe(NAME)["status"] == "INACTIVE")
    made.elb.delete_load_balancer(LoadBalancerArn=made.balancer["LoadBalancerArn"])
    made.elb.delete_target_group(TargetGroupArn=made.group)


def test_tasks_are_targets(balanced: Balanced, stand: Stand, until: Until) -> None:
    assert balanced.states() == {address(task): "healthy" for task in stand.tasks(NAME)}
    assert until(balanced.ask) == 200
    said = stand.events(NAME)
    assert f"(service {NAME}) registered 1 targets in (target-group {balanced.group})" in said


def test_a_rolling_deployment_loses_no_request(balanced: Balanced, stand: Stand, until: Until) -> None:
    before = {task_id(task) for task in stand.tasks(NAME)}
    with Load(balanced.ask) as load:
        stand.update(NAME, forceNewDeployment=True)
        until(lambda: stand.stable(NAME, 2) and not before & {task_id(task) for task in stand.tasks(NAME)})
    assert {*load.answers} == {200}
    assert len(load.answers) > RATE
    assert any("has begun draining connections on" in event for event in stand.events(NAME))


def test_a_task_that_falls_ill_is_replaced(balanced: Balanced, stand: Stand, until: Until) -> None:
    """Its container says so to nobody but the load balancer."""
    ill = stand.tasks(NAME)[0]
    stand.update(NAME, taskDefinition=stand.define(NAME, healthy=False))
    until(lambda: stand.stable(NAME, 2) and task_id(ill) not in {task_id(task) for task in stand.tasks(NAME)})
    ill = stand.tasks(NAME)[0]
    pid = containers()[f"kc-task-{task_id(ill)[:12]}"]
    subprocess.run(["nsenter", "-t", str(pid), "-m", "/bin/busybox", "rm", "/tmp/www/health"], check=True)  # noqa: S108
    until(lambda: task_id(ill) not in {task_id(task) for task in stand.tasks(NAME)} and stand.stable(NAME, 2))
    ended = next(task for task in stand.tasks(NAME, "STOPPED") if task_id(task) == task_id(ill))
    assert ended["stopCode"] == "ServiceSchedulerInitiated"
    assert ended["stoppedReason"] == f"Task failed ELB health checks in (target-group {balanced.group})"
    unhealthy = f"(service {NAME}) (port 8080) is unhealthy in (target-group {balanced.group}) due to (reason "
    assert any(event.startswith(unhealthy) for event in stand.events(NAME))


def test_a_bad_health_path_is_put_back_and_loses_no_request(balanced: Balanced, stand: Stand, until: Until) -> None:
    standing, first = stand.describe(NAME)["taskDefinition"], stand.primary(NAME)["id"]
    serves = "mkdir -p /tmp/www; echo here > /tmp/www/index.html; exec httpd -f -p 8080 -h /tmp/www"
    with Load(balanced.ask) as load:
        stand.update(NAME, taskDefinition=stand.define(NAME, command=serves, healthy=False))
        until(lambda: any(each["rolloutState"] == "FAILED" for each in stand.describe(NAME)["deployments"]), 90)
        until(lambda: stand.stable(NAME, 2) and stand.primary(NAME)["id"] == first)
    assert stand.describe(NAME)["taskDefinition"] == standing
    assert {*load.answers} == {200}
    assert CLUSTER in stand.describe(NAME)["clusterArn"]
