"""IAM: roles and instance profiles below the scope's path."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..errors import KcError
from ..model import Kind, Live
from ..policy import canonical, encode
from ..scope import Scope
from .session import Aws
from .tags import tag_dict, tag_list

SETTLES = frozenset({"ConcurrentModification", "DeleteConflict", "EntityTemporarilyUnmodifiable"})
"""IAM is eventually consistent: a role that was just emptied may still be full to it (IAM user guide, Troubleshoot
IAM: Changes that I make are not always immediately visible)."""


def _read(aws: Aws, scope: Scope, items: Sequence[dict[str, Any]], name: str, look: Callable[[dict[str, Any]], Live]) -> dict[str, Live]:
    """Look at every item of a list at once; leave out what vanished meanwhile and what is not the scope's."""

    def one(item: dict[str, Any]) -> Live | None:
        try:
            return look(item)
        except KcError as error:
            if error.missing:
                return None
            raise

    found = zip(items, aws.map(one, items), strict=True)
    return {item[name]: live for item, live in found if live is not None and scope.owns_below(item["Path"], live.attrs["tags"])}


class Role(Kind):
    """A role with its trust, its policies and nothing else: a policy that somebody added is drift."""

    name = "role"
    outputs_of = ("id", "arn")
    immutable = frozenset({"path"})
    settles = SETTLES

    def read(self, aws: Aws, scope: Scope) -> dict[str, Live]:
        def look(role: dict[str, Any]) -> Live:
            name = role["RoleName"]
            # IAM's lists leave out tags (IAM API, ListRoles)
            tags = aws.pages("iam", "list_role_tags", "Tags", RoleName=name)
            attached = aws.pages("iam", "list_attached_role_policies", "AttachedPolicies", RoleName=name)
            inline = {
                policy: canonical(aws.call("iam", "get_role_policy", RoleName=name, PolicyName=policy)["PolicyDocument"])
                for policy in aws.pages("iam", "list_role_policies", "PolicyNames", RoleName=name)
            }
            attrs = {
                "path": role["Path"],
                "trust": canonical(role["AssumeRolePolicyDocument"]),
                "description": role.get("Description", ""),
                "max_session": role["MaxSessionDuration"],
                "policies": inline,
                "managed": sorted(policy["PolicyArn"] for policy in attached),
                "tags": tag_dict(tags),
            }
            return Live(attrs, {"id": name, "arn": role["Arn"]})

        return _read(aws, scope, aws.pages("iam", "list_roles", "Roles", PathPrefix=f"/{scope.path}"), "RoleName", look)

    def create(self, aws: Aws, scope: Scope, name: str, want: Mapping[str, Any]) -> Live:
        made = aws.call(
            "iam",
            "create_role",
            RoleName=name,
            Path=want["path"],
            AssumeRolePolicyDocument=encode(want["trust"]),
            Description=want["description"],
            MaxSessionDuration=want["max_session"],
            Tags=tag_list(want["tags"]),
        )["Role"]
        # what was just created may be missing for a moment (see SETTLES)
        aws.wait(f"role {name}", lambda: "there" if aws.find("iam", "get_role", RoleName=name) else "missing", until=["there"], timeout=60)
        live = Live({**want, "policies": {}, "managed": []}, {"id": name, "arn": made["Arn"]})
        self.update(aws, scope, name, live, want, frozenset({"policies", "managed"}))
        return Live(dict(want), live.outputs)

    def update(self, aws: Aws, scope: Scope, name: str, live: Live, want: Mapping[str, Any], changed: frozenset[str]) -> None:
        if "trust" in changed:
            aws.call("iam", "update_assume_role_policy", RoleName=name, PolicyDocument=encode(want["trust"]))
        if changed & {"description", "max_session"}:
            aws.call("iam", "update_role", RoleName=name, Description=want["description"], MaxSessionDuration=want["max_session"])
        if "policies" in changed:
            for policy, text in want["policies"].items():
                if live.attrs["policies"].get(policy) != text:
                    aws.call("iam", "put_role_policy", RoleName=name, PolicyName=policy, PolicyDocument=encode(text))
            self._remove_inline(aws, name, live.attrs["policies"].keys() - want["policies"].keys())
        if "managed" in changed:
            for arn in sorted(set(want["managed"]) - set(live.attrs["managed"])):
                aws.call("iam", "attach_role_policy", RoleName=name, PolicyArn=arn)
            self._detach(aws, name, set(live.attrs["managed"]) - set(want["managed"]))
        if "tags" in changed:
            aws.call("iam", "tag_role", RoleName=name, Tags=tag_list(want["tags"]))

    def delete(self, aws: Aws, scope: Scope, name: str, live: Live) -> None:
        # IAM refuses to delete a role that has a policy or is in an instance profile
        self._remove_inline(aws, name, live.attrs["policies"])
        self._detach(aws, name, live.attrs["managed"])
        holding = aws.find("iam", "list_instance_profiles_for_role", RoleName=name)
        for profile in holding["InstanceProfiles"] if holding else []:
            aws.find("iam", "remove_role_from_instance_profile", InstanceProfileName=profile["InstanceProfileName"], RoleName=name)
        aws.find("iam", "delete_role", RoleName=name)

    def _remove_inline(self, aws: Aws, name: str, policies: Any) -> None:
        for policy in sorted(policies):
            aws.find("iam", "delete_role_policy", RoleName=name, PolicyName=policy)

    def _detach(self, aws: Aws, name: str, arns: Any) -> None:
        for arn in sorted(arns):
            aws.find("iam", "detach_role_policy", RoleName=name, PolicyArn=arn)


class InstanceProfile(Kind):
    """What hands a role to EC2 instances; it holds exactly one."""

    name = "instance_profile"
    outputs_of = ("id", "arn")
    immutable = frozenset({"path"})
    settles = SETTLES

    def read(self, aws: Aws, scope: Scope) -> dict[str, Live]:
        def look(item: dict[str, Any]) -> Live:
            profile = aws.call("iam", "get_instance_profile", InstanceProfileName=item["InstanceProfileName"])["InstanceProfile"]
            roles = [role["RoleName"] for role in profile["Roles"]]
            attrs = {"path": profile["Path"], "role": roles[0] if roles else "", "tags": tag_dict(profile.get("Tags"))}
            return Live(attrs, {"id": profile["InstanceProfileName"], "arn": profile["Arn"]})

        listed = aws.pages("iam", "list_instance_profiles", "InstanceProfiles", PathPrefix=f"/{scope.path}")
        return _read(aws, scope, listed, "InstanceProfileName", look)

    def create(self, aws: Aws, scope: Scope, name: str, want: Mapping[str, Any]) -> Live:
        made = aws.call("iam", "create_instance_profile", InstanceProfileName=name, Path=want["path"], Tags=tag_list(want["tags"]))
        aws.wait(
            f"instance profile {name}",
            lambda: "there" if aws.find("iam", "get_instance_profile", InstanceProfileName=name) else "missing",
            until=["there"],
            timeout=60,
        )
        aws.call("iam", "add_role_to_instance_profile", InstanceProfileName=name, RoleName=want["role"])
        return Live(dict(want), {"id": name, "arn": made["InstanceProfile"]["Arn"]})

    def update(self, aws: Aws, scope: Scope, name: str, live: Live, want: Mapping[str, Any], changed: frozenset[str]) -> None:
        if "role" in changed:
            self._empty(aws, name, live)
            aws.call("iam", "add_role_to_instance_profile", InstanceProfileName=name, RoleName=want["role"])
        if "tags" in changed:
            aws.call("iam", "tag_instance_profile", InstanceProfileName=name, Tags=tag_list(want["tags"]))

    def delete(self, aws: Aws, scope: Scope, name: str, live: Live) -> None:
        self._empty(aws, name, live)
        aws.find("iam", "delete_instance_profile", InstanceProfileName=name)

    def _empty(self, aws: Aws, name: str, live: Live) -> None:
        if live.attrs["role"]:
            aws.find("iam", "remove_role_from_instance_profile", InstanceProfileName=name, RoleName=live.attrs["role"])
