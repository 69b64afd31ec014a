"""The unit `registry`: a region's repositories of container images, and their copies in other regions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .. import names
from ..aws.ecr import Replication, Repository
from ..model import Ref, Resource, canonical
from ..scope import Scope
from ..unit import Params, Unit
from .keys import key_of

REPOSITORY, REPLICATION = Repository(), Replication()


def build(scope: Scope, params: Params) -> Sequence[Resource]:
    """Return one resource a repository, and the rule that replicates all of them."""
    key = key_of(scope, params["key"])
    desired = {
        # a tag that moves makes two tasks of one service run different code
        "mutability": "IMMUTABLE",
        "scan_on_push": True,
        "encryption": {"type": "KMS", "key": Ref("key", key.name, "arn")},
        "lifecycle": lifecycle(params["untagged_days"], params["keep"]),
        "tags": scope.tags(),
    }
    repositories = [Resource(REPOSITORY, repository_name(scope, short), desired, scope.region) for short in sorted(params["repositories"])]
    # ECR refuses a registry as its own destination
    regions = set(params.get("replicate_to") or []) - {scope.region}
    destinations = canonical({"region": region, "registryId": scope.account} for region in regions)
    rule = Resource(REPLICATION, scope.path, {"destinations": destinations}, scope.region)
    return [*([key, *repositories] if repositories else []), *([rule] if destinations else [])]


def repository_name(scope: Scope, short: str) -> str:
    """Return a repository's whole name, `kc/lab/<short>`."""
    return names.fit("repository", f"{scope.path}{short}")


def registry(scope: Scope) -> str:
    """Return the address of the region's registry."""
    suffix = "amazonaws.com.cn" if scope.partition == "aws-cn" else "amazonaws.com"
    return f"{scope.account}.dkr.ecr.{scope.region}.{suffix}"


def lifecycle(untagged_days: int, keep: int) -> dict[str, Any]:
    """Return a lifecycle policy: untagged images go after `untagged_days` days, and only `keep` images stay.

    An untagged image that a multi-platform image refers to stays with it. The rule for all images must be the
    last one (ECR user guide, Lifecycle policy properties: tagStatus).
    """
    rules = (
        (
            f"Untagged images go after {untagged_days} days",
            {"tagStatus": "untagged", "countType": "sinceImagePushed", "countUnit": "days", "countNumber": untagged_days},
        ),
        (f"The last {keep} images stay", {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": keep}),
    )
    return {
        "rules": [
            {"rulePriority": priority, "description": description, "selection": selection, "action": {"type": "expire"}}
            for priority, (description, selection) in enumerate(rules, start=1)
        ]
    }


UNIT = Unit(name="registry", kinds=(REPOSITORY, REPLICATION), build=build, services=("ecr", "kms"))
