"""Repositories on an AWS API: made, kept, put back, taken away with leave only."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from kc.unit import run
from kc.units.registry import UNIT

API, MEDIA = "kc/lab/php-api", "kc/lab/media-server"
OURS = {
    "destinations": [{"region": "eu-central-1", "registryId": "123456789012"}],
    "repositoryFilters": [{"filter": "kc/lab/", "filterType": "PREFIX_MATCH"}],
}


@pytest.fixture
def params(scope_option: Callable[..., dict[str, Any]], converge: Any) -> dict[str, Any]:
    scope = scope_option()
    keys = {"data": {"description": "Databases and images"}}
    converge("keys", {"scope": scope, "state": "present", "keys": keys, "home_region": None, "replica_regions": []})
    return {
        "scope": {**scope, "tags": {"Owner": "operations"}},
        "state": "present",
        "repositories": ["php-api", "media-server"],
        "key": "data",
        "untagged_days": 7,
        "keep": 100,
        "replicate_to": ["me-west-1", "eu-central-1"],
    }


@pytest.fixture
def ecr(client: Callable[..., Any]) -> Any:
    return client("ecr")


def changes(result: dict[str, Any]) -> list[tuple[str, str, str, list[str]]]:
    return [(one["action"], one["kind"], one["name"], sorted(one["after"] or {})) for one in result["plan"]]


def rules(ecr: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = ecr.describe_registry()["replicationConfiguration"]["rules"]
    return found


def test_an_empty_account_can_be_planned(converge: Any, scope_option: Any) -> None:
    """Not even the key stands."""
    options = {"repositories": ["php-api"], "key": "data", "untagged_days": 7, "keep": 100, "replicate_to": ["eu-central-1"]}
    (made, rule) = converge("registry", {"scope": scope_option(), "state": "present", **options}, check=True)["plan"]
    assert (made["name"], made["after"]["encryption"]) == (API, {"type": "KMS", "key": "(known after apply)"})
    assert (rule["action"], rule["name"]) == ("create", "kc/lab/")


def test_repositories(converge: Any, params: dict[str, Any], ecr: Any, client: Any) -> None:
    planned = converge("registry", params, check=True)
    assert ecr.describe_repositories()["repositories"] == []
    made = converge("registry", params)
    assert made["plan"] == planned["plan"]
    assert made["standing"] == {"repository": 2, "registry_replication": 1}
    assert made["outputs"]["repository"][API]["uri"] == f"123456789012.dkr.ecr.me-west-1.amazonaws.com/{API}"
    assert converge("registry", params)["plan"] == []

    arn = client("kms").describe_key(KeyId="alias/kc-lab-data")["KeyMetadata"]["Arn"]
    for repository in ecr.describe_repositories()["repositories"]:
        assert repository["imageTagMutability"] == "IMMUTABLE"
        assert repository["imageScanningConfiguration"] == {"scanOnPush": True}
        assert repository["encryptionConfiguration"] == {"encryptionType": "KMS", "kmsKey": arn}
    assert rules(ecr) == [OURS]


DRIFT: dict[str, tuple[Callable[[Any], Any], tuple[str, str, str, list[str]]]] = {
    "tags can be moved": (
        lambda ecr: ecr.put_image_tag_mutability(repositoryName=API, imageTagMutability="MUTABLE"),
        ("update", "repository", API, ["mutability"]),
    ),
    "no scan": (
        lambda ecr: ecr.put_image_scanning_configuration(repositoryName=API, imageScanningConfiguration={"scanOnPush": False}),
        ("update", "repository", API, ["scan_on_push"]),
    ),
    "no lifecycle": (lambda ecr: ecr.delete_lifecycle_policy(repositoryName=API), ("update", "repository", API, ["lifecycle"])),
    "another lifecycle": (
        lambda ecr: ecr.put_lifecycle_policy(
            repositoryName=API,
            lifecyclePolicyText=json.dumps(
                {
                    "rules": [
                        {
                            "rulePriority": 1,
                            "selection": {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 1},
                            "action": {"type": "expire"},
                        }
                    ]
                }
            ),
        ),
        ("update", "repository", API, ["lifecycle"]),
    ),
    "tag": (
        lambda ecr: ecr.tag_resource(
            resourceArn=f"arn:aws:ecr:me-west-1:123456789012:repository/{API}", tags=[{"Key": "Owner", "Value": "x"}]
        ),
        ("update", "repository", API, ["tags"]),
    ),
    "a tag that says whose it is": (
        lambda ecr: ecr.untag_resource(resourceArn=f"arn:aws:ecr:me-west-1:123456789012:repository/{API}", tagKeys=["Platform"]),
        ("update", "repository", API, ["tags"]),
    ),
    "replicated elsewhere": (
        lambda ecr: ecr.put_replication_configuration(
            replicationConfiguration={"rules": [{**OURS, "destinations": [{"region": "eu-west-1", "registryId": "123456789012"}]}]}
        ),
        ("update", "registry_replication", "kc/lab/", ["destinations"]),
    ),
    "not replicated": (
        lambda ecr: ecr.put_replication_configuration(replicationConfiguration={"rules": []}),
        ("create", "registry_replication", "kc/lab/", ["destinations"]),
    ),
    "deleted": (
        lambda ecr: ecr.delete_repository(repositoryName=MEDIA, force=True),
        ("create", "repository", MEDIA, ["encryption", "lifecycle", "mutability", "scan_on_push", "tags"]),
    ),
}


def test_drift_is_seen_and_put_back(converge: Any, params: dict[str, Any], ecr: Any) -> None:
    converge("registry", params)
    for what, (by_hand, expected) in DRIFT.items():
        by_hand(ecr)
        assert changes(converge("registry", params, check=True)) == [expected], what
        assert changes(converge("registry", params)) == [expected], what
        assert converge("registry", params)["plan"] == [], what


def test_replication_is_taken_away(converge: Any, params: dict[str, Any], ecr: Any) -> None:
    converge("registry", params)
    assert changes(converge("registry", {**params, "replicate_to": []})) == [("delete", "registry_replication", "kc/lab/", [])]
    assert rules(ecr) == []


def test_images_go_only_with_leave(converge: Any, params: dict[str, Any], ecr: Any) -> None:
    ecr.create_repository(repositoryName="other/app")
    converge("registry", params)
    manifest = {"schemaVersion": 2, "mediaType": "application/vnd.docker.distribution.manifest.v2+json", "config": {}, "layers": []}
    ecr.put_image(repositoryName=API, imageManifest=json.dumps(manifest), imageTag="1")

    kept = converge("registry", {**params, "state": "absent"})
    assert changes(kept) == [("delete", "registry_replication", "kc/lab/", [])]
    assert kept["kept"] == [f"repository {MEDIA} (me-west-1)", f"repository {API} (me-west-1)"]

    gone = converge("registry", {**params, "state": "absent", "data": "delete"})
    assert sorted(changes(gone)) == [("delete", "repository", MEDIA, []), ("delete", "repository", API, [])]
    assert [one["repositoryName"] for one in ecr.describe_repositories()["repositories"]] == ["other/app"]


def test_another_key_is_refused(converge: Any, params: dict[str, Any], ecr: Any) -> None:
    """ECR can't change a repository's encryption, and images are never thrown away for it."""
    converge("registry", params)
    ecr.delete_repository(repositoryName=API, force=True)
    tags = [{"Key": key, "Value": value} for key, value in (("Component", "registry"), ("Owner", "operations"))]
    ecr.create_repository(repositoryName=API, tags=tags)
    refused = run(UNIT, params, check=False)
    assert refused["failed"]
    assert f"repository {API} (me-west-1): `encryption` is" in refused["msg"]
    assert ecr.describe_repositories(repositoryNames=[API])["repositories"][0]["encryptionConfiguration"] == {"encryptionType": "AES256"}
