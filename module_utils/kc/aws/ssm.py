"""SSM Parameter Store."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from ..errors import KcError
from ..model import Kind, Live
from ..scope import Scope
from .session import Aws
from .tags import tag_dict, tag_list

STATE = "state/"
"""Below this, in the scope's path, stands what the runbooks keep."""


def text_of(aws: Aws, name: str) -> str:
    """Return what a parameter says in a region; empty where none stands."""
    found = aws.find("ssm", "get_parameter", Name=name)
    return str(found["Parameter"]["Value"]) if found else ""


class Parameter(Kind):
    """A plain `String` parameter below `/<platform>/<environment>/`.

    A `SecureString` is never ours: Parameter Store can't turn one type into the other, and secrets stand elsewhere.
    """

    name = "parameter"
    outputs_of: ClassVar[tuple[str, ...]] = ("id", "arn", "value")
    settles = frozenset({"TooManyUpdates"})
    state = False

    def mine(self, scope: Scope, item: Mapping[str, Any]) -> bool:
        """Whether a parameter is of this kind: what runbooks keep stands below `state/`."""
        return item["Type"] == "String" and item["Name"].startswith(f"/{scope.path}{STATE}") is self.state

    def read(self, aws: Aws, scope: Scope) -> dict[str, Live]:
        below = aws.pages("ssm", "get_parameters_by_path", "Parameters", Path=f"/{scope.path}", Recursive=True)
        found = [item for item in below if self.mine(scope, item)]

        def one(item: dict[str, Any]) -> Live | None:
            try:
                tags = aws.call("ssm", "list_tags_for_resource", ResourceType="Parameter", ResourceId=item["Name"])["TagList"]
            except KcError as error:
                if error.code != "InvalidResourceId":
                    raise
                return None  # another region's run takes away what it told here
            return _live(item["Name"], item["ARN"], {"value": item["Value"], "tags": tag_dict(tags)})

        lives = {live.id: live for live in aws.map(one, found) if live}
        return {name: live for name, live in lives.items() if scope.owns_below(name, live.attrs["tags"])}

    def create(self, aws: Aws, scope: Scope, name: str, want: Mapping[str, Any]) -> Live:
        aws.call("ssm", "put_parameter", Name=name, Value=want["value"], Type="String", Tags=tag_list(want["tags"]), Overwrite=False)
        return _live(name, scope.arn("ssm", f"parameter{name}"), want)

    def update(self, aws: Aws, scope: Scope, name: str, live: Live, want: Mapping[str, Any], changed: frozenset[str]) -> None:
        if "tags" in changed:
            aws.call("ssm", "add_tags_to_resource", ResourceType="Parameter", ResourceId=name, Tags=tag_list(want["tags"]))
        if "value" in changed:
            aws.call("ssm", "put_parameter", Name=name, Value=want["value"], Type="String", Overwrite=True)
            live.outputs["value"] = want["value"]

    def delete(self, aws: Aws, scope: Scope, name: str, live: Live) -> None:
        aws.find("ssm", "delete_parameter", Name=name)


class State(Parameter):
    """A parameter whose value belongs to the runbooks: written on creation, never put back."""

    name = "state"
    state = True
    write_once = frozenset({"value"})


def _live(name: str, arn: str, attrs: Mapping[str, Any]) -> Live:
    return Live(dict(attrs), {"id": name, "arn": arn, "value": attrs["value"]})
