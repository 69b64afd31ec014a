"""CloudWatch Logs: log groups."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..model import Kind, Live
from ..scope import Scope
from .session import Aws

RETENTIONS = (
    1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653,
)  # fmt: skip
"""Days that a log group can keep its events. CloudWatch Logs API, PutRetentionPolicy."""


class LogGroup(Kind):
    """A log group below `/<platform>/<environment>/`, encrypted, with an end to what it keeps.

    It keeps data: what was logged answers questions after the platform is gone.
    """

    name = "log_group"
    keeps_data = True
    outputs_of = ("id", "arn")
    # a key's policy is seen everywhere only after a moment, and so is a deletion
    settles = frozenset({"OperationAbortedException"})

    def begins(self, scope: Scope) -> str:
        """Return how the names of the scope's groups begin."""
        return f"/{scope.path}"

    def read(self, aws: Aws, scope: Scope) -> dict[str, Live]:
        found = aws.pages("logs", "describe_log_groups", "logGroups", logGroupNamePrefix=self.begins(scope))

        def one(group: Mapping[str, Any]) -> Live:
            arn = group["arn"].removesuffix(":*")
            tags = (aws.find("logs", "list_tags_for_resource", resourceArn=arn) or {}).get("tags") or {}
            attrs = {"days": group.get("retentionInDays", 0), "key": group.get("kmsKeyId", ""), "tags": dict(tags)}
            return Live(attrs, {"id": group["logGroupName"], "arn": arn})

        lives = {live.id: live for live in aws.map(one, found)}
        return {name: live for name, live in lives.items() if scope.owns_below(name, live.attrs["tags"])}

    def create(self, aws: Aws, scope: Scope, name: str, want: Mapping[str, Any]) -> Live:
        aws.call(
            "logs", "create_log_group", logGroupName=name, tags=dict(want["tags"]), **({"kmsKeyId": want["key"]} if want["key"] else {})
        )
        live = Live(dict(want), {"id": name, "arn": scope.arn("logs", f"log-group:{name}")})
        self.update(aws, scope, name, live, want, frozenset({"days"}))
        return live

    def update(self, aws: Aws, scope: Scope, name: str, live: Live, want: Mapping[str, Any], changed: frozenset[str]) -> None:
        if "days" in changed:
            aws.call("logs", "put_retention_policy", logGroupName=name, retentionInDays=want["days"])
        if "key" in changed and want["key"]:
            aws.call("logs", "associate_kms_key", logGroupName=name, kmsKeyId=want["key"])
        elif "key" in changed:
            aws.call("logs", "disassociate_kms_key", logGroupName=name)
        if "tags" in changed:
            aws.call("logs", "tag_resource", resourceArn=live.outputs["arn"], tags=dict(want["tags"]))

    def delete(self, aws: Aws, scope: Scope, name: str, live: Live) -> None:
        aws.find("logs", "delete_log_group", logGroupName=name)
