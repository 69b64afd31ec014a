"""RDS: what instances are put into (subnet groups), set up by (parameter groups), and log to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeVar

from ..errors import KcError
from ..model import Kind, Live
from ..scope import Scope
from .logs import LogGroup
from .session import Aws
from .tags import tag_dict, tag_list

T = TypeVar("T")

A_CALL = 20
"""Parameters that one call changes at most. RDS API, ModifyDBParameterGroup."""

RUNBOOKS = frozenset({"read_only", "super_read_only"})
"""Parameters with which the runbooks fence an instance off; never put back here."""


def owns(scope: Scope, name: str, tags: Mapping[str, str]) -> bool:
    """Whether what is called `name` belongs to the scope; the name says platform and environment as well as the tags."""
    return name.startswith(scope.prefix) and scope.owns({**tags, "Platform": scope.platform, "Environment": scope.environment})


def retag(aws: Aws, live: Live, want: Mapping[str, Any], changed: frozenset[str]) -> None:
    """Put the tags back where they differ."""
    if "tags" in changed:
        aws.call("rds", "add_tags_to_resource", ResourceName=live.outputs["arn"], Tags=tag_list(want["tags"]))


def tags_of(aws: Aws, arn: str) -> dict[str, str]:
    """Return the tags of what has no tags in its description; none where it is gone."""
    return tag_dict((aws.find("rds", "list_tags_for_resource", ResourceName=arn) or {}).get("TagList"))


class InstanceLogGroup(LogGroup):
    """The log group of one log of an instance: RDS says what it is called, and makes one that lasts for ever if it is not there."""

    def begins(self, scope: Scope) -> str:
        return log_group_name(scope.prefix, "").rstrip("/")


def log_group_name(instance: str, log: str) -> str:
    """Return what RDS calls the log group of an instance's log. RDS user guide, Publishing MySQL logs to CloudWatch Logs."""
    return f"/aws/rds/instance/{instance}/{log}"


class ParameterGroup(Kind):
    """Settings of MySQL, as text by name; all that were set, but for those that belong to the runbooks.

    A static parameter works from an instance's next start on; an instance is never restarted from here.
    """

    name = "db_parameter_group"
    outputs_of = ("id", "arn")
    immutable = frozenset({"family"})
    settles = frozenset({"InvalidDBParameterGroupState"})

    def read(self, aws: Aws, scope: Scope) -> dict[str, Live]:
        groups = aws.pages("rds", "describe_db_parameter_groups", "DBParameterGroups")
        found = [group for group in groups if group["DBParameterGroupName"].startswith(scope.prefix)]

        def look(group: Mapping[str, Any]) -> Live:
            name, arn = group["DBParameterGroupName"], group["DBParameterGroupArn"]
            own = aws.pages("rds", "describe_db_parameters", "Parameters", DBParameterGroupName=name, Source="user")
            values = {each["ParameterName"]: each["ParameterValue"] for each in own if each["ParameterName"] not in RUNBOOKS}
            attrs = {"family": group["DBParameterGroupFamily"], "parameters": dict(sorted(values.items())), "tags": tags_of(aws, arn)}
            return Live(attrs, {"id": name, "arn": arn})

        return {live.id: live for live in aws.map(look, found) if owns(scope, live.id, live.attrs["tags"])}

    def create(self, aws: Aws, scope: Scope, name: str, want: Mapping[str, Any]) -> Live:
        made = aws.call(
            "rds",
            "create_db_parameter_group",
            DBParameterGroupName=name,
            DBParameterGroupFamily=want["family"],
            Description=f"MySQL of {scope.prefix.rstrip('-')}",
            Tags=tag_list(want["tags"]),
        )["DBParameterGroup"]
        live = Live({**want, "parameters": {}}, {"id": name, "arn": made["DBParameterGroupArn"]})
        self.update(aws, scope, name, live, want, frozenset({"parameters"}))
        return Live(dict(want), live.outputs)

    def update(self, aws: Aws, scope: Scope, name: str, live: Live, want: Mapping[str, Any], changed: frozenset[str]) -> None:
        if "parameters" in changed:
            self._set(aws, name, live.attrs["parameters"], want["parameters"])
        retag(aws, live, want, changed)

    def delete(self, aws: Aws, scope: Scope, name: str, live: Live) -> None:
        aws.find("rds", "delete_db_parameter_group", DBParameterGroupName=name)

    def _set(self, aws: Aws, name: str, have: Mapping[str, str], want: Mapping[str, str]) -> None:
        known = {
            each["ParameterName"]: each for each in aws.pages("rds", "describe_db_parameters", "Parameters", DBParameterGroupName=name)
        }
        unknown = sorted(want.keys() - known.keys())
        if unknown:
            raise KcError(f"this version of MySQL on RDS has no parameter `{unknown[0]}`", hint="`parameters` names those of its family")

        def method(parameter: str) -> dict[str, str]:
            static = known[parameter].get("ApplyType") == "static"
            return {"ParameterName": parameter, "ApplyMethod": "pending-reboot" if static else "immediate"}

        put = [{**method(each), "ParameterValue": value} for each, value in sorted(want.items()) if have.get(each) != value]
        for some in chunks(put, A_CALL):
            aws.call("rds", "modify_db_parameter_group", DBParameterGroupName=name, Parameters=some)
        for some in chunks([method(each) for each in sorted(have.keys() - want.keys())], A_CALL):
            aws.call("rds", "reset_db_parameter_group", DBParameterGroupName=name, ResetAllParameters=False, Parameters=some)


def chunks(items: Sequence[T], size: int) -> Iterator[list[T]]:
    """Yield `items` in lists of at most `size`."""
    for start in range(0, len(items), size):
        yield list(items[start : start + size])


class SubnetGroup(Kind):
    """The subnets that an instance may be put into, in zones enough for Multi-AZ."""

    name = "db_subnet_group"
    outputs_of = ("id", "arn")
    settles = frozenset({"InvalidDBSubnetGroupStateFault"})

    def read(self, aws: Aws, scope: Scope) -> dict[str, Live]:
        groups = aws.pages("rds", "describe_db_subnet_groups", "DBSubnetGroups")
        found = [group for group in groups if group["DBSubnetGroupName"].startswith(scope.prefix)]

        def look(group: Mapping[str, Any]) -> Live:
            name, arn = group["DBSubnetGroupName"], group["DBSubnetGroupArn"]
            subnets = sorted(subnet["SubnetIdentifier"] for subnet in group["Subnets"])
            return Live({"subnets": subnets, "tags": tags_of(aws, arn)}, {"id": name, "arn": arn})

        return {live.id: live for live in aws.map(look, found) if owns(scope, live.id, live.attrs["tags"])}

    def create(self, aws: Aws, scope: Scope, name: str, want: Mapping[str, Any]) -> Live:
        made = aws.call(
            "rds",
            "create_db_subnet_group",
            DBSubnetGroupName=name,
            DBSubnetGroupDescription=f"MySQL of {scope.prefix.rstrip('-')}",
            SubnetIds=want["subnets"],
            Tags=tag_list(want["tags"]),
        )["DBSubnetGroup"]
        return Live(dict(want), {"id": name, "arn": made["DBSubnetGroupArn"]})

    def update(self, aws: Aws, scope: Scope, name: str, live: Live, want: Mapping[str, Any], changed: frozenset[str]) -> None:
        if "subnets" in changed:
            aws.call("rds", "modify_db_subnet_group", DBSubnetGroupName=name, SubnetIds=want["subnets"])
        retag(aws, live, want, changed)

    def delete(self, aws: Aws, scope: Scope, name: str, live: Live) -> None:
        aws.find("rds", "delete_db_subnet_group", DBSubnetGroupName=name)
