"""ECR: repositories below the scope's path, and the registry's replication of them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from ..model import Kind, Live, canonical
from ..scope import Scope
from .session import Aws
from .tags import tag_dict, tag_list


class Repository(Kind):
    """A repository of container images."""

    name = "repository"
    outputs_of = ("id", "arn", "uri")
    immutable = frozenset({"encryption"})
    keeps_data = True

    def read(self, aws: Aws, scope: Scope) -> dict[str, Live]:
        # ECR can't list by prefix
        found = [
            item for item in aws.pages("ecr", "describe_repositories", "repositories") if item["repositoryName"].startswith(scope.path)
        ]

        def look(item: dict[str, Any]) -> Live:
            tags = aws.find("ecr", "list_tags_for_resource", resourceArn=item["repositoryArn"]) or {"tags": []}
            lifecycle = aws.find("ecr", "get_lifecycle_policy", repositoryName=item["repositoryName"])
            encryption = item["encryptionConfiguration"]
            attrs = {
                "mutability": item["imageTagMutability"],
                "scan_on_push": item["imageScanningConfiguration"]["scanOnPush"],
                "encryption": {"type": encryption["encryptionType"], "key": encryption.get("kmsKey", "")},
                "lifecycle": json.loads(lifecycle["lifecyclePolicyText"]) if lifecycle else {},
                "tags": tag_dict(tags["tags"]),
            }
            return Live(attrs, _outputs(item))

        lives = zip((item["repositoryName"] for item in found), aws.map(look, found), strict=True)
        return {name: live for name, live in lives if scope.owns_below(name, live.attrs["tags"])}

    def create(self, aws: Aws, scope: Scope, name: str, want: Mapping[str, Any]) -> Live:
        made = aws.call(
            "ecr",
            "create_repository",
            repositoryName=name,
            imageTagMutability=want["mutability"],
            imageScanningConfiguration={"scanOnPush": want["scan_on_push"]},
            encryptionConfiguration={"encryptionType": want["encryption"]["type"], "kmsKey": want["encryption"]["key"]},
            tags=tag_list(want["tags"]),
        )["repository"]
        self._put_lifecycle(aws, name, want)
        return Live(dict(want), _outputs(made))

    def update(self, aws: Aws, scope: Scope, name: str, live: Live, want: Mapping[str, Any], changed: frozenset[str]) -> None:
        if "mutability" in changed:
            aws.call("ecr", "put_image_tag_mutability", repositoryName=name, imageTagMutability=want["mutability"])
        if "scan_on_push" in changed:
            scanning = {"scanOnPush": want["scan_on_push"]}
            aws.call("ecr", "put_image_scanning_configuration", repositoryName=name, imageScanningConfiguration=scanning)
        if "lifecycle" in changed:
            self._put_lifecycle(aws, name, want)
        if "tags" in changed:
            aws.call("ecr", "tag_resource", resourceArn=live.outputs["arn"], tags=tag_list(want["tags"]))

    def delete(self, aws: Aws, scope: Scope, name: str, live: Live) -> None:
        # planned only where images may be lost (`keeps_data`)
        aws.find("ecr", "delete_repository", repositoryName=name, force=True)

    def _put_lifecycle(self, aws: Aws, name: str, want: Mapping[str, Any]) -> None:
        aws.call("ecr", "put_lifecycle_policy", repositoryName=name, lifecyclePolicyText=json.dumps(want["lifecycle"]))


def _outputs(item: Mapping[str, Any]) -> dict[str, Any]:
    return {"id": item["repositoryName"], "arn": item["repositoryArn"], "uri": item["repositoryUri"]}


class Replication(Kind):
    """The registry's rule that copies the scope's images to other regions.

    A registry has one replication configuration. In it, the rule whose only filter is the scope's path is ours;
    all others are left as they are.
    """

    name = "registry_replication"

    def read(self, aws: Aws, scope: Scope) -> dict[str, Live]:
        ours = [rule["destinations"] for rule in self._rules(aws) if self._is_ours(scope, rule)]
        destinations = canonical(destination for rule in ours for destination in rule)
        return {scope.path: Live({"destinations": destinations}, {"id": scope.path})} if ours else {}

    def create(self, aws: Aws, scope: Scope, name: str, want: Mapping[str, Any]) -> Live:
        self._put(aws, scope, [{"destinations": want["destinations"], "repositoryFilters": self._filters(scope)}])
        return Live(dict(want), {"id": name})

    def update(self, aws: Aws, scope: Scope, name: str, live: Live, want: Mapping[str, Any], changed: frozenset[str]) -> None:
        self.create(aws, scope, name, want)

    def delete(self, aws: Aws, scope: Scope, name: str, live: Live) -> None:
        self._put(aws, scope, [])

    def _rules(self, aws: Aws) -> list[dict[str, Any]]:
        configuration: dict[str, Any] = aws.call("ecr", "describe_registry").get("replicationConfiguration", {})
        return list(configuration.get("rules", []))

    def _filters(self, scope: Scope) -> list[dict[str, str]]:
        return [{"filter": scope.path, "filterType": "PREFIX_MATCH"}]

    def _is_ours(self, scope: Scope, rule: Mapping[str, Any]) -> bool:
        return bool(rule.get("repositoryFilters") == self._filters(scope))

    def _put(self, aws: Aws, scope: Scope, ours: Sequence[dict[str, Any]]) -> None:
        others = [rule for rule in self._rules(aws) if not self._is_ours(scope, rule)]
        aws.call("ecr", "put_replication_configuration", replicationConfiguration={"rules": [*others, *ours]})
