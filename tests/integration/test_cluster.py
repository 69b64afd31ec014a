"""A region's ECS cluster on an AWS API: made, put back, kept while something runs in it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from kc.unit import run
from kc.units.cluster import UNIT

from tests.integration.platform import options, prepare

ARN = "arn:aws:ecs:me-west-1:123456789012:cluster/kc-lab"
GROUP = "/kc/lab/execute-command"


@pytest.fixture
def params(scope_option: Callable[..., dict[str, Any]], converge: Any) -> dict[str, Any]:
    prepare("cluster", converge, scope_option)
    return {**options("cluster"), "scope": {**scope_option(), "tags": {"Owner": "operations"}}}


@pytest.fixture
def ecs(client: Callable[..., Any]) -> Any:
    return client("ecs")


def changes(result: dict[str, Any]) -> list[tuple[str, str, str, list[str]]]:
    return [(one["action"], one["kind"], one["name"], sorted(one["after"] or {})) for one in result["plan"]]


def cluster(ecs: Any) -> dict[str, Any]:
    (found,) = ecs.describe_clusters(clusters=["kc-lab"], include=["CONFIGURATIONS", "SETTINGS", "TAGS"])["clusters"]
    return dict(found)


def test_a_cluster(converge: Any, params: dict[str, Any], ecs: Any) -> None:
    planned = converge("cluster", params, check=True)
    assert ecs.list_clusters()["clusterArns"] == []
    made = converge("cluster", params)
    assert changes(made) == changes(planned)
    assert made["outputs"]["cluster"]["kc-lab"]["arn"] == ARN
    assert converge("cluster", params)["plan"] == []

    about = cluster(ecs)
    assert about["settings"] == [{"name": "containerInsights", "value": "enabled"}]
    assert about["capacityProviders"] == ["FARGATE", "FARGATE_SPOT"]
    assert about["configuration"]["executeCommandConfiguration"] == {
        "logging": "OVERRIDE",
        "logConfiguration": {"cloudWatchLogGroupName": GROUP, "cloudWatchEncryptionEnabled": True},
    }
    assert {tag["key"]: tag["value"] for tag in about["tags"]} == {
        "Platform": "kc",
        "Environment": "lab",
        "Component": "cluster",
        "Owner": "operations",
    }


def unlogged(ecs: Any) -> None:
    ecs.update_cluster(cluster="kc-lab", configuration={"executeCommandConfiguration": {"logging": "NONE"}})


DRIFT: dict[str, tuple[Callable[[Any], Any], list[str]]] = {
    "insights": (
        lambda ecs: ecs.update_cluster(cluster="kc-lab", settings=[{"name": "containerInsights", "value": "disabled"}]),
        ["insights"],
    ),
    "sessions are not logged": (unlogged, ["execute_command"]),
    "no Spot, another strategy": (
        lambda ecs: ecs.put_cluster_capacity_providers(
            cluster="kc-lab", capacityProviders=["FARGATE"], defaultCapacityProviderStrategy=[{"capacityProvider": "FARGATE", "weight": 7}]
        ),
        ["providers", "strategy"],
    ),
    "tag": (lambda ecs: ecs.tag_resource(resourceArn=ARN, tags=[{"key": "Owner", "value": "x"}]), ["tags"]),
    "tags that say whose it is": (lambda ecs: ecs.untag_resource(resourceArn=ARN, tagKeys=["Platform", "Component"]), ["tags"]),
}


def test_drift_is_seen_and_put_back(converge: Any, params: dict[str, Any], ecs: Any) -> None:
    converge("cluster", params)
    ecs.tag_resource(resourceArn=ARN, tags=[{"key": "Theirs", "value": "stays"}])
    for what, (by_hand, attrs) in DRIFT.items():
        by_hand(ecs)
        expected = [("update", "cluster", "kc-lab", attrs)]
        assert changes(converge("cluster", params, check=True)) == expected, what
        assert changes(converge("cluster", params)) == expected, what
        assert converge("cluster", params)["plan"] == [], what
    assert {"key": "Theirs", "value": "stays"} in cluster(ecs)["tags"]


def test_absent(converge: Any, params: dict[str, Any], ecs: Any) -> None:
    ecs.create_cluster(clusterName="other")
    converge("cluster", params)
    kept = converge("cluster", {**params, "state": "absent"})
    assert changes(kept) == [("delete", "cluster", "kc-lab", [])]
    assert kept["kept"] == [f"log_group {GROUP} (me-west-1)"]
    assert converge("cluster", {**params, "state": "absent"})["plan"] == []
    gone = converge("cluster", {**params, "state": "absent", "data": "delete"})
    assert changes(gone) == [("delete", "log_group", GROUP, [])]
    assert converge("cluster", params)["plan"] != [], "it can be made again"
    assert ecs.describe_clusters(clusters=["other"])["clusters"][0]["status"] == "ACTIVE"


def test_a_cluster_in_use_is_not_deleted(converge: Any, params: dict[str, Any], ecs: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kc.aws.session.Aws.sleep", lambda self, seconds: None)
    converge("cluster", params)
    ecs.register_task_definition(family="theirs", containerDefinitions=[{"name": "x", "image": "y", "memory": 128}])
    ecs.create_service(cluster="kc-lab", serviceName="theirs", taskDefinition="theirs", desiredCount=1)
    refused = run(UNIT, {**params, "state": "absent"}, check=False)
    assert refused["failed"] and "ClusterContainsServicesException" in refused["msg"]
    assert cluster(ecs)["status"] == "ACTIVE"
