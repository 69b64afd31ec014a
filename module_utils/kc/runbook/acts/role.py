"""A region is told what it is: primary or secondary."""

from __future__ import annotations

from collections.abc import Sequence

from ...aws.session import Aws
from ...primary import flag_name, read_flag
from ...scope import Scope
from ..act import Act, Call


class Role(Act[str]):
    """Writes a region's role flag.

    Args:
        scope: The region's.
        role: What it is from now on.
    """

    def __init__(self, scope: Scope, role: str) -> None:
        self._scope, self._role = scope, role
        self.what = f"the role flag of {scope.region}"

    def look(self, aws: Aws) -> str:
        """Return what the flag says; empty where none stands."""
        return read_flag(aws, self._scope)

    def calls(self, seen: str) -> Sequence[Call]:
        if seen == self._role:
            return []
        params = {"Name": flag_name(self._scope), "Value": self._role, "Type": "String", "Overwrite": True}
        return [Call(self._scope.region, "ssm", "put_parameter", params)]

    def lacks(self, seen: str) -> str:
        return "" if seen == self._role else f"`{seen}`"
