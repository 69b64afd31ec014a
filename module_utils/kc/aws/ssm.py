"""SSM Parameter Store."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..converge import Kind, Live
from ..scope import Scope
from .session import Aws
from .tags import tag_dict, tag_list


class Parameter(Kind):
    """A plain `String` parameter below `/<platform>/<environment>/`. Secrets don't belong here."""

    name = "parameter"
    state = False

    def mine(self, scope: Scope, name: str) -> bool:
        """Whether a parameter's name is of this kind: what runbooks keep stands below `state/`."""
        return name.startswith(f"/{scope.path}state/") is self.state

    def read(self, aws: Aws, scope: Scope) -> dict[str, Live]:
        below = aws.pages("ssm", "get_parameters_by_path", "Parameters", Path=f"/{scope.path}", Recursive=True)
        found = [item for item in below if self.mine(scope, item["Name"])]

        def one(item: dict[str, Any]) -> Live:
            tags = aws.call("ssm", "list_tags_for_resource", ResourceType="Parameter", ResourceId=item["Name"])["TagList"]
            return Live({"value": item["Value"], "tags": tag_dict(tags)}, {"id": item["Name"], "arn": item["ARN"]})

        lives = dict(zip((item["Name"] for item in found), aws.map(one, found), strict=True))
        return {name: live for name, live in lives.items() if scope.owns(live.attrs["tags"])}

    def create(self, aws: Aws, scope: Scope, name: str, want: Mapping[str, Any]) -> Live:
        aws.call("ssm", "put_parameter", Name=name, Value=want["value"], Type="String", Tags=tag_list(want["tags"]), Overwrite=False)
        return Live(dict(want), {"id": name, "arn": scope.arn("ssm", f"parameter{name}")})

    def update(self, aws: Aws, scope: Scope, name: str, live: Live, want: Mapping[str, Any], changed: frozenset[str]) -> None:
        if "value" in changed:
            aws.call("ssm", "put_parameter", Name=name, Value=want["value"], Type="String", Overwrite=True)
        if "tags" in changed:
            aws.call("ssm", "add_tags_to_resource", ResourceType="Parameter", ResourceId=name, Tags=tag_list(want["tags"]))

    def delete(self, aws: Aws, scope: Scope, name: str, live: Live) -> None:
        aws.find("ssm", "delete_parameter", Name=name)


class State(Parameter):
    """A parameter whose value belongs to the runbooks: written on creation, never put back."""

    name = "state"
    state = True
    write_once = frozenset({"value"})
