"""Repositories: what the inventory says, as ECR takes it."""

from __future__ import annotations

from typing import Any

import pytest
from kc.aws.ecr import Replication
from kc.model import Key, Live, Ref
from kc.scope import Scope
from kc.units.registry import build, lifecycle

SCOPE = Scope("kc", "lab", "123456789012", "me-west-1", "registry")
OPTIONS: dict[str, Any] = {"repositories": ["php-api", "media-server"], "key": "data", "untagged_days": 7, "keep": 100, "replicate_to": []}


def destination(region: str) -> dict[str, str]:
    return {"region": region, "registryId": "123456789012"}


def test_repositories() -> None:
    key, *repositories = build(SCOPE, OPTIONS)
    assert (key.key, key.desired, key.component) == (Key("key", "me-west-1", "kc-lab-data"), None, "keys")
    assert [one.name for one in repositories] == ["kc/lab/media-server", "kc/lab/php-api"]
    for one in repositories:
        assert one.desired == {
            "mutability": "IMMUTABLE",
            "scan_on_push": True,
            "encryption": {"type": "KMS", "key": Ref("key", "kc-lab-data", "arn")},
            "lifecycle": lifecycle(7, 100),
            "tags": SCOPE.tags(),
        }


@pytest.mark.parametrize(
    ("regions", "destinations"),
    [
        ([], None),
        (["me-west-1"], None),
        (["me-west-1", "eu-central-1"], [destination("eu-central-1")]),
        (["eu-west-1", "eu-central-1", "eu-west-1"], [destination("eu-central-1"), destination("eu-west-1")]),
    ],
)
def test_replication_goes_to_other_regions(regions: list[str], destinations: list[dict[str, str]] | None) -> None:
    rules = [one for one in build(SCOPE, {**OPTIONS, "replicate_to": regions}) if one.key.kind == "registry_replication"]
    assert [(rule.name, rule.desired) for rule in rules] == ([("kc/lab/", {"destinations": destinations})] if destinations else [])


def test_no_repositories_need_no_key() -> None:
    assert build(SCOPE, {**OPTIONS, "repositories": []}) == []


def test_lifecycle() -> None:
    first, last = lifecycle(7, 100)["rules"]
    assert first["selection"] == {"tagStatus": "untagged", "countType": "sinceImagePushed", "countUnit": "days", "countNumber": 7}
    assert last["selection"] == {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 100}
    # ECR takes the rule for any image only as the one with the highest number
    assert (first["rulePriority"], last["rulePriority"]) == (1, 2)
    assert {rule["action"]["type"] for rule in (first, last)} == {"expire"}


OTHERS = {"destinations": [destination("eu-west-1")], "repositoryFilters": [{"filter": "other/", "filterType": "PREFIX_MATCH"}]}
EVERYTHING = {"destinations": [destination("eu-west-1")]}


class Registry:
    """A registry with rules that others made."""

    def __init__(self) -> None:
        self.rules: list[dict[str, Any]] = [OTHERS, EVERYTHING]

    def call(self, service: str, operation: str, /, **params: Any) -> dict[str, Any]:
        if operation == "put_replication_configuration":
            self.rules = params["replicationConfiguration"]["rules"]
        return {"replicationConfiguration": {"rules": self.rules}}


def test_rules_of_others_stay() -> None:
    kind = Replication()
    aws: Any = Registry()
    assert kind.read(aws, SCOPE) == {}
    for region in ("eu-central-1", "eu-west-1"):
        want = {"destinations": [destination(region)]}
        kind.update(aws, SCOPE, "kc/lab/", Live({}), want, frozenset(want))
        ours = {**want, "repositoryFilters": [{"filter": "kc/lab/", "filterType": "PREFIX_MATCH"}]}
        assert aws.rules == [OTHERS, EVERYTHING, ours]
        assert kind.read(aws, SCOPE)["kc/lab/"].attrs == want
    kind.delete(aws, SCOPE, "kc/lab/", Live({}))
    assert aws.rules == [OTHERS, EVERYTHING]
