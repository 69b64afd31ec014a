"""A region's instances of MySQL take no writes, and none either when they come back, or again: their parameter groups say so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ...aws.rds import Instance
from ...aws.session import Aws
from ...errors import KcError
from ...scope import Scope
from ..act import Act, Call

READ_ONLY = "read_only"


@dataclass(frozen=True)
class Group:
    """An instance's parameter group: what it says of writes, and how far the instance follows it."""

    name: str
    read_only: str
    follows: str


class Hold(Act[Mapping[str, Group]]):
    """Has instances that are nobody's replica take no writes.

    Args:
        scope: The region's.
        held: Whether they take none; else RDS's own value holds, by which they do.
    """

    def __init__(self, scope: Scope, held: bool = True) -> None:
        self._scope = scope.at(scope.region, "mysql")
        self._value = "1" if held else ""
        self.what = f"{'read only' if held else 'open'} databases of {scope.region}"

    def look(self, aws: Aws) -> Mapping[str, Group]:
        """Return each instance's parameter group.

        Raises:
            KcError: It is one of AWS's own, which nobody can change.
        """
        here = aws.at(self._scope.region)
        found = {}
        for name in Instance().read(here, self._scope):
            about = here.call("rds", "describe_db_instances", DBInstanceIdentifier=name)["DBInstances"][0]["DBParameterGroups"][0]
            group = str(about["DBParameterGroupName"])
            if group.startswith("default."):
                raise KcError(f"{name} has the parameter group {group}, which nobody can change", hint="site.yml gives it one of its own")
            own = here.pages("rds", "describe_db_parameters", "Parameters", DBParameterGroupName=group, Source="user")
            value = next((str(each.get("ParameterValue") or "") for each in own if each["ParameterName"] == READ_ONLY), "")
            found[name] = Group(group, value, str(about["ParameterApplyStatus"]))
        return found

    def calls(self, seen: Mapping[str, Group]) -> Sequence[Call]:
        put = {"ParameterName": READ_ONLY, "ParameterValue": "1", "ApplyMethod": "immediate"}
        groups = dict.fromkeys(each.name for each in seen.values() if each.read_only != self._value)
        region = self._scope.region
        if self._value:
            return [
                Call(region, "rds", "modify_db_parameter_group", {"DBParameterGroupName": name, "Parameters": [put]}) for name in groups
            ]
        reset = {"ResetAllParameters": False, "Parameters": [{"ParameterName": READ_ONLY, "ApplyMethod": "immediate"}]}
        return [Call(region, "rds", "reset_db_parameter_group", {"DBParameterGroupName": name, **reset}) for name in groups]

    def lacks(self, seen: Mapping[str, Group]) -> str:
        left = [f"{name} ({each.follows})" for name, each in seen.items() if each.read_only != self._value or each.follows == "applying"]
        return ", ".join(left)
