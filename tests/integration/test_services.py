"""What runs the applications, on an AWS API: made, followed, put back, drained."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from kc.unit import run
from kc.units.services import UNIT

from tests.integration.platform import HOME, OTHER, options, prepare

DIGESTS = [f"sha256:{digit * 64}" for digit in "01"]
WORKER = "kc-lab-worker"
RESOURCE = f"service/kc-lab/{WORKER}"
SPACE = {"ServiceNamespace": "ecs", "ScalableDimension": "ecs:service:DesiredCount"}

Change = tuple[str, str, str, list[str]]


@pytest.fixture
def params(scope_option: Callable[..., dict[str, Any]], converge: Any) -> dict[str, Any]:
    """Options of the application that takes no requests, with all it needs standing."""
    for unit, region in [("keys", HOME), ("keys", OTHER), *((unit, HOME) for unit in ("storage", "network", "secrets", "cluster"))]:
        converge(unit, {**options(unit, region), "scope": scope_option(region)})
    given = options("services")
    worker = {"worker": given["applications"]["worker"]}
    return {**given, "applications": worker, "scope": {**scope_option(), "tags": {"Owner": "operations"}}}


@pytest.fixture
def ecs(client: Callable[..., Any]) -> Any:
    return client("ecs")


@pytest.fixture
def scaling(client: Callable[..., Any]) -> Any:
    return client("application-autoscaling")


def changes(result: dict[str, Any]) -> list[Change]:
    return [(one["action"], one["kind"], one["name"], sorted(one["after"] or {})) for one in result["plan"]]


def service(ecs: Any, name: str = WORKER) -> dict[str, Any]:
    (found,) = ecs.describe_services(cluster="kc-lab", services=[name], include=["TAGS"])["services"]
    return dict(found)


def task(ecs: Any, definition: str = WORKER) -> dict[str, Any]:
    return dict(ecs.describe_task_definition(taskDefinition=definition)["taskDefinition"])


def test_an_application(converge: Any, params: dict[str, Any], ecs: Any, scaling: Any, client: Any) -> None:
    planned = converge("services", params, check=True)
    assert ecs.list_services(cluster="kc-lab")["serviceArns"] == []
    made = converge("services", params)
    assert changes(made) == changes(planned)
    assert made["standing"] == {
        "log_group": 1,
        "task_definition": 1,
        "service": 1,
        "scalable_target": 1,
        "scaling_policy": 2,
        "scheduled_action": 1,
    }
    assert converge("services", params)["plan"] == []

    definition = task(ecs)
    (container,) = definition["containerDefinitions"]
    secret = client("secretsmanager").describe_secret(SecretId="kc/lab/mysql")["ARN"]
    assert container["secrets"] == [
        {"name": "LOG_LEVEL", "valueFrom": "arn:aws:ssm:me-west-1:123456789012:parameter/kc/lab/log/level"},
        {"name": "MYSQL_PASSWORD", "valueFrom": f"{secret}:password::"},
    ]
    assert container["readonlyRootFilesystem"] is True and container["user"] == "10001:10001"
    assert container["linuxParameters"] == {"capabilities": {"drop": ["ALL"]}, "initProcessEnabled": True}
    assert container["healthCheck"] == {
        "command": ["CMD", "worker", "health"],
        "interval": 10,
        "timeout": 5,
        "retries": 3,
        "startPeriod": 60,
    }
    assert container["logConfiguration"]["options"] == {
        "awslogs-group": "/kc/lab/worker",
        "awslogs-region": "me-west-1",
        "awslogs-stream-prefix": "worker",
        "mode": "non-blocking",
        "max-buffer-size": "4m",
    }
    assert {mount["containerPath"]: mount["sourceVolume"] for mount in container["mountPoints"]}.keys() == {
        "/tmp",  # noqa: S108
        "/managed-agents",
        "/var/lib/amazon/ssm",
        "/var/log/amazon/ssm",
    }
    assert (definition["cpu"], definition["memory"], definition["networkMode"]) == ("256", "512", "awsvpc")
    assert definition["runtimePlatform"] == {"cpuArchitecture": "ARM64", "operatingSystemFamily": "LINUX"}

    runs = service(ecs)
    assert (runs["taskDefinition"], runs["desiredCount"], runs["runningCount"]) == (definition["taskDefinitionArn"], 1, 1)
    assert runs["networkConfiguration"]["awsvpcConfiguration"]["assignPublicIp"] == "DISABLED"
    assert runs["deploymentConfiguration"]["deploymentCircuitBreaker"] == {"enable": True, "rollback": True}
    assert {one["capacityProvider"]: (one["base"], one["weight"]) for one in runs["capacityProviderStrategy"]} == {
        "FARGATE": (1, 1),
        "FARGATE_SPOT": (0, 1),
    }

    (target,) = scaling.describe_scalable_targets(ServiceNamespace="ecs")["ScalableTargets"]
    assert (target["ResourceId"], target["MinCapacity"], target["MaxCapacity"]) == (RESOURCE, 1, 4)
    (action,) = scaling.describe_scheduled_actions(ServiceNamespace="ecs")["ScheduledActions"]
    assert (action["Timezone"], action["ScalableTargetAction"]) == ("Asia/Riyadh", {"MinCapacity": 2})
    named = scaling.describe_scaling_policies(ServiceNamespace="ecs", ResourceId=RESOURCE, PolicyNames=["kc-lab-services-backlog"])
    assert [one["PolicyName"] for one in named["ScalingPolicies"]] == ["kc-lab-services-backlog"]


def test_another_image_is_another_revision_that_the_service_moves_to(converge: Any, params: dict[str, Any], ecs: Any) -> None:
    converge("services", params)
    first = service(ecs)
    new = {**params, "images": {"worker": DIGESTS[1]}}
    expected = [("update", "task_definition", WORKER, ["image"]), ("update", "service", WORKER, ["task_definition"])]
    planned = converge("services", new, check=True)
    assert changes(planned) == expected
    assert planned["plan"][1]["after"] == {"task_definition": "(known after apply)"}
    assert service(ecs)["taskDefinition"] == first["taskDefinition"]

    assert changes(converge("services", new)) == expected
    after = service(ecs)
    assert after["taskDefinition"].endswith(f"{WORKER}:2")
    assert after["deployments"][0]["id"] != first["deployments"][0]["id"]
    assert converge("services", new)["plan"] == []

    converge("services", params)
    active = ecs.list_task_definitions(familyPrefix=WORKER, status="ACTIVE")["taskDefinitionArns"]
    assert [arn.rpartition(":")[2] for arn in active] == ["2", "3"], "the last one stays for a failed deployment to go back to"
    assert service(ecs)["taskDefinition"].endswith(f"{WORKER}:3")

    before = service(ecs)["deployments"][0]["id"]
    again = converge("services", {**params, "redeploy": ["worker"]})
    anew = {"before": {"tasks": "(running)"}, "after": {"tasks": "(started anew)"}}
    assert [{key: one[key] for key in ("name", "before", "after")} for one in again["plan"]] == [{"name": WORKER, **anew}]
    assert service(ecs)["deployments"][0]["id"] != before
    assert converge("services", params)["plan"] == []


def by_hand(ecs: Any) -> None:
    """Somebody's own revision, registered from ours."""
    keys = ("containerDefinitions", "cpu", "memory", "executionRoleArn", "taskRoleArn", "networkMode", "requiresCompatibilities", "volumes")
    ours = {key: value for key, value in task(ecs).items() if key in (*keys, "runtimePlatform")}
    ours["containerDefinitions"][0]["command"] = ["sh", "-c", "sleep 1000"]
    tags = ecs.describe_task_definition(taskDefinition=WORKER, include=["TAGS"])["tags"]
    arn = ecs.register_task_definition(family=WORKER, tags=tags, **ours)["taskDefinition"]["taskDefinitionArn"]
    ecs.update_service(cluster="kc-lab", service=WORKER, taskDefinition=arn)


def set_range(scaling: Any, least: int, most: int) -> None:
    scaling.register_scalable_target(**SPACE, ResourceId=RESOURCE, MinCapacity=least, MaxCapacity=most)


def put_policy(scaling: Any, target: float) -> None:
    scaling.put_scaling_policy(
        **SPACE,
        ResourceId=RESOURCE,
        PolicyName="kc-lab-services-cpu",
        PolicyType="TargetTrackingScaling",
        TargetTrackingScalingPolicyConfiguration={
            "TargetValue": target,
            "PredefinedMetricSpecification": {"PredefinedMetricType": "ECSServiceAverageMemoryUtilization"},
            "DisableScaleIn": True,
        },
    )


def changed_by_hand(ecs: Any, scaling: Any) -> list[Change]:
    """Change one thing of each resource, and of the service all that can be; return the plan that puts it back."""
    vpc = dict(service(ecs)["networkConfiguration"]["awsvpcConfiguration"])
    ecs.update_service(
        cluster="kc-lab",
        service=WORKER,
        networkConfiguration={"awsvpcConfiguration": {**vpc, "assignPublicIp": "ENABLED"}},
        deploymentConfiguration={"maximumPercent": 150, "minimumHealthyPercent": 50},
        capacityProviderStrategy=[{"capacityProvider": "FARGATE_SPOT", "weight": 1}],
        platformVersion="1.3.0",
        enableExecuteCommand=False,
        enableECSManagedTags=False,
        propagateTags="TASK_DEFINITION",
        availabilityZoneRebalancing="DISABLED",
    )
    ecs.untag_resource(resourceArn=service(ecs)["serviceArn"], tagKeys=["Owner", "Platform"])
    ecs.untag_resource(resourceArn=task(ecs)["taskDefinitionArn"], tagKeys=["Owner"])
    set_range(scaling, 3, 3)
    put_policy(scaling, 7)
    scaling.put_scheduled_action(
        **SPACE,
        ResourceId=RESOURCE,
        ScheduledActionName="kc-lab-services-morning",
        Schedule="cron(0 9 * * ? *)",
        ScalableTargetAction={"MinCapacity": 1, "MaxCapacity": 1},
        Timezone="UTC",
    )
    service_attrs = [
        "capacity",
        "deployment",
        "execute_command",
        "managed_tags",
        "network",
        "platform",
        "propagate_tags",
        "rebalancing",
        "tags",
    ]
    return [
        ("update", "task_definition", WORKER, ["tags"]),
        ("update", "service", WORKER, service_attrs),
        ("update", "scalable_target", WORKER, ["max", "min"]),
        ("update", "scaling_policy", f"{WORKER}/cpu", ["in", "metric", "only_out", "out", "target"]),
        ("update", "scheduled_action", f"{WORKER}/morning", ["at", "max", "min", "timezone"]),
    ]


def taken_over_by_hand(ecs: Any, scaling: Any) -> list[Change]:
    """Run somebody's own revision, and switch scaling off."""
    by_hand(ecs)
    suspended = {"DynamicScalingInSuspended": False, "DynamicScalingOutSuspended": True, "ScheduledScalingSuspended": False}
    scaling.register_scalable_target(**SPACE, ResourceId=RESOURCE, SuspendedState=suspended)
    return [
        ("update", "task_definition", WORKER, ["overrides"]),
        ("update", "service", WORKER, ["task_definition"]),
        ("update", "scalable_target", WORKER, ["suspended"]),
    ]


def deleted_by_hand(ecs: Any, scaling: Any) -> list[Change]:
    """Delete the service; its target goes with it, and what belongs to that."""
    ecs.delete_service(cluster="kc-lab", service=WORKER, force=True)
    return [
        ("create", "service", WORKER, CREATED["service"]),
        ("create", "scalable_target", WORKER, CREATED["scalable_target"]),
        ("create", "scaling_policy", f"{WORKER}/cpu", CREATED["scaling_policy"]),
        ("create", "scaling_policy", f"{WORKER}/backlog", CREATED["scaling_policy"]),
        ("create", "scheduled_action", f"{WORKER}/morning", CREATED["scheduled_action"]),
    ]


CREATED: dict[str, list[str]] = {}


def test_drift_is_seen_and_put_back(converge: Any, params: dict[str, Any], ecs: Any, scaling: Any) -> None:
    CREATED.update({kind: attrs for _, kind, _, attrs in changes(converge("services", params))})
    for by_hand_ in (changed_by_hand, taken_over_by_hand, deleted_by_hand):
        expected = by_hand_(ecs, scaling)
        assert changes(converge("services", params, check=True)) == expected
        assert changes(converge("services", params)) == expected
        assert converge("services", params)["plan"] == []
    assert "command" not in task(ecs)["containerDefinitions"][0]


def test_what_others_made_and_what_the_autoscaler_does_is_left_alone(converge: Any, params: dict[str, Any], ecs: Any, scaling: Any) -> None:
    converge("services", params)
    ecs.update_service(cluster="kc-lab", service=WORKER, desiredCount=3)  # the autoscaler
    set_range(scaling, 2, 4)  # the schedule
    ecs.register_task_definition(family="kc-lab-migration", containerDefinitions=[{"name": "x", "image": "y", "memory": 128}])
    subnets = service(ecs)["networkConfiguration"]
    ecs.create_service(cluster="kc-lab", serviceName="kc-lab-theirs", taskDefinition=WORKER, desiredCount=0, networkConfiguration=subnets)
    scaling.register_scalable_target(**SPACE, ResourceId="service/kc-lab/kc-lab-theirs", MinCapacity=0, MaxCapacity=1)
    assert converge("services", params)["plan"] == []
    converge("services", {**params, "state": "absent", "data": "delete"})
    assert [
        arn.rpartition("/")[2] for arn in ecs.list_services(cluster="kc-lab")["serviceArns"] if service(ecs, arn)["status"] == "ACTIVE"
    ] == ["kc-lab-theirs"]
    assert [arn.rpartition("/")[2] for arn in ecs.list_task_definitions()["taskDefinitionArns"]] == ["kc-lab-migration:1"]
    assert len(scaling.describe_scalable_targets(ServiceNamespace="ecs")["ScalableTargets"]) == 1


def test_a_region_changes_its_role(converge: Any, params: dict[str, Any], ecs: Any, scaling: Any) -> None:
    """The secondary runs warm; the new primary has its full number at once, and its schedules."""
    secondary = {**params, "role": "secondary"}
    converge("services", secondary)
    assert (service(ecs)["desiredCount"], scaling.describe_scheduled_actions(ServiceNamespace="ecs")["ScheduledActions"]) == (0, [])
    assert converge("services", secondary)["plan"] == []
    promoted = converge("services", params)
    assert changes(promoted) == [
        ("update", "scalable_target", WORKER, ["min"]),
        ("create", "scheduled_action", f"{WORKER}/morning", ["at", "max", "min", "service", "timezone"]),
    ]
    assert service(ecs)["desiredCount"] == 1
    demoted = converge("services", secondary)
    assert changes(demoted) == [
        ("update", "scalable_target", WORKER, ["min"]),
        ("delete", "scheduled_action", f"{WORKER}/morning", []),
    ]


def test_one_more_entry_one_less_and_none(converge: Any, params: dict[str, Any], ecs: Any, scaling: Any, client: Any) -> None:
    converge("services", params)
    about = {"cpu": 512, "memory": 1024, "role": "app", "count": {"min": 1, "max": 1, "warm": 0}}
    two = {**params, "applications": {**params["applications"], "extra": about}, "images": {**params["images"], "extra": DIGESTS[1]}}
    assert [one[:3] for one in changes(converge("services", two))] == [
        ("create", "log_group", "/kc/lab/extra"),
        ("create", "task_definition", "kc-lab-extra"),
        ("create", "service", "kc-lab-extra"),
        ("create", "scalable_target", "kc-lab-extra"),
    ]
    less = converge("services", params)
    assert [one[:3] for one in changes(less)] == [
        ("delete", "scalable_target", "kc-lab-extra"),
        ("delete", "service", "kc-lab-extra"),
        ("delete", "task_definition", "kc-lab-extra"),
    ]
    assert less["kept"] == ["log_group /kc/lab/extra (me-west-1)"]
    assert (service(ecs, "kc-lab-extra")["status"], service(ecs, "kc-lab-extra")["desiredCount"]) == ("INACTIVE", 0)
    assert service(ecs)["status"] == "ACTIVE"
    assert converge("services", two)["plan"] != [], "its name is free again"

    absent = {**params, "state": "absent", "data": "delete"}
    assert {action for action, *_ in changes(converge("services", absent))} == {"delete"}
    assert converge("services", absent)["plan"] == []
    assert ecs.list_task_definitions()["taskDefinitionArns"] == []
    assert scaling.describe_scaling_policies(ServiceNamespace="ecs")["ScalingPolicies"] == []
    assert client("cloudwatch").describe_alarms()["MetricAlarms"] == [], "target tracking's own alarms go too"


def test_a_service_behind_the_load_balancer(converge: Any, scope_option: Any, ecs: Any, scaling: Any, client: Any) -> None:
    prepare("services", converge, scope_option)
    given = options("services")
    params = {**given, "applications": {"api": given["applications"]["api"]}, "scope": scope_option()}
    converge("services", params)
    assert converge("services", params)["plan"] == []

    elb = client("elbv2")
    (group,) = elb.describe_target_groups()["TargetGroups"]
    (balancer,) = elb.describe_load_balancers()["LoadBalancers"]
    runs = service(ecs, "kc-lab-api")
    leads = [{"targetGroupArn": group["TargetGroupArn"], "containerName": "api", "containerPort": 8080}]
    assert (runs["loadBalancers"], runs["healthCheckGracePeriodSeconds"]) == (leads, 60)
    (policy,) = scaling.describe_scaling_policies(ServiceNamespace="ecs")["ScalingPolicies"]
    tracking = policy["TargetTrackingScalingPolicyConfiguration"]
    label = f"{balancer['LoadBalancerArn'].partition('loadbalancer/')[2]}/{group['TargetGroupArn'].rpartition(':')[2]}"
    assert tracking["PredefinedMetricSpecification"] == {"PredefinedMetricType": "ALBRequestCountPerTarget", "ResourceLabel": label}

    ecs.update_service(cluster="kc-lab", service="kc-lab-api", loadBalancers=[], healthCheckGracePeriodSeconds=5)
    expected = [("update", "service", "kc-lab-api", ["grace", "load_balancers"])]
    assert changes(converge("services", params)) == expected
    assert service(ecs, "kc-lab-api")["loadBalancers"] == leads
    assert converge("services", params)["plan"] == []


def test_a_service_needs_its_cluster(converge: Any, params: dict[str, Any]) -> None:
    converge("cluster", {"scope": params["scope"], "state": "absent", "data": "keep"})
    missing = run(UNIT, params, check=False)
    assert missing["failed"] and "cluster kc-lab (me-west-1)" in missing["msg"]
    assert missing["applied"] == []
    assert len(converge("services", params, check=True)["plan"]) == 7
