"""Security groups: the group, and its rules as a resource of their own (groups refer to each other)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ..model import Kind, Live, canonical
from ..scope import Scope
from .ec2 import Ec2Kind, own, tagged
from .session import Aws
from .tags import tag_dict


class SecurityGroup(Ec2Kind):
    """A security group, without its rules."""

    name = "security_group"
    id_key = "GroupId"
    immutable = frozenset({"vpc", "description"})

    def found(self, aws: Aws, filters: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return aws.pages("ec2", "describe_security_groups", "SecurityGroups", Filters=filters)

    def attrs(self, item: Mapping[str, Any]) -> dict[str, Any]:
        return {"vpc": item["VpcId"], "description": item["Description"]}

    def create(self, aws: Aws, scope: Scope, name: str, want: Mapping[str, Any]) -> Live:
        answer = aws.call(
            "ec2", "create_security_group", GroupName=name, Description=want["description"], VpcId=want["vpc"],
            TagSpecifications=tagged("security-group", want["tags"]),
        )  # fmt: skip
        return Live(dict(want), self.outputs(answer))

    def update(self, aws: Aws, scope: Scope, name: str, live: Live, want: Mapping[str, Any], changed: frozenset[str]) -> None:
        self.retag(aws, live, want, changed)

    def delete(self, aws: Aws, scope: Scope, name: str, live: Live) -> None:
        aws.find("ec2", "delete_security_group", GroupId=live.id)


NEW_EGRESS = [{"protocol": "all", "from": 0, "to": 65535, "peer": "0.0.0.0/0", "why": ""}]
"""What AWS gives a new group: everything may leave."""


class SecurityGroupRules(Kind):
    """Every rule of a security group; one that the inventory does not name is drift.

    A rule is `{protocol, from, to, peer, why}`: ports, and a CIDR, a group's id or a prefix list's id.
    """

    name = "security_group_rules"
    immutable = frozenset({"group"})

    def read(self, aws: Aws, scope: Scope) -> dict[str, Live]:
        groups = aws.pages("ec2", "describe_security_groups", "SecurityGroups", Filters=own(scope))
        return {tag_dict(group.get("Tags")).get("Name", group["GroupId"]): _live(group) for group in groups}

    def create(self, aws: Aws, scope: Scope, name: str, want: Mapping[str, Any]) -> Live:
        live = Live({**want, "ingress": [], "egress": NEW_EGRESS}, {"id": want["group"]})
        self.update(aws, scope, name, live, want, frozenset({"ingress", "egress"}))
        return Live(dict(want), live.outputs)

    def update(self, aws: Aws, scope: Scope, name: str, live: Live, want: Mapping[str, Any], changed: frozenset[str]) -> None:
        for direction in sorted(changed & {"ingress", "egress"}):
            have, wanted = live.attrs[direction], want[direction]
            # what goes is taken away first: AWS knows a rule without its description, so a changed one would be a duplicate
            _change(aws, live.id, f"revoke_{direction}", [rule for rule in have if rule not in wanted])
            _change(aws, live.id, f"authorize_{direction}", [rule for rule in wanted if rule not in have])

    def delete(self, aws: Aws, scope: Scope, name: str, live: Live) -> None:
        for direction in ("ingress", "egress"):
            _change(aws, live.id, f"revoke_{direction}", live.attrs[direction])


def _live(group: Mapping[str, Any]) -> Live:
    return Live(
        {
            "group": group["GroupId"],
            "ingress": canonical(_rules(group["IpPermissions"])),
            "egress": canonical(_rules(group["IpPermissionsEgress"])),
        },
        {"id": group["GroupId"]},
    )


def _rules(permissions: Sequence[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    for permission in permissions:
        peers = [
            *((each["CidrIp"], each) for each in permission.get("IpRanges") or []),
            *((each["CidrIpv6"], each) for each in permission.get("Ipv6Ranges") or []),
            *((each["GroupId"], each) for each in permission.get("UserIdGroupPairs") or []),
            *((each["PrefixListId"], each) for each in permission.get("PrefixListIds") or []),
        ]
        for peer, each in peers:
            yield {
                "protocol": {"-1": "all"}.get(permission["IpProtocol"], permission["IpProtocol"]),
                "from": permission.get("FromPort", 0) if permission["IpProtocol"] != "-1" else 0,
                "to": permission.get("ToPort", 65535) if permission["IpProtocol"] != "-1" else 65535,
                "peer": peer,
                "why": each.get("Description", ""),
            }


def _permission(rule: Mapping[str, Any], *, describe: bool) -> dict[str, Any]:
    peer = rule["peer"]
    field, key = (
        ("UserIdGroupPairs", "GroupId")
        if peer.startswith("sg-")
        else ("PrefixListIds", "PrefixListId")
        if peer.startswith("pl-")
        else ("Ipv6Ranges", "CidrIpv6")
        if ":" in peer
        else ("IpRanges", "CidrIp")
    )
    permission: dict[str, Any] = {"IpProtocol": {"all": "-1"}.get(rule["protocol"], rule["protocol"])}
    if rule["protocol"] != "all":
        permission |= {"FromPort": rule["from"], "ToPort": rule["to"]}
    permission[field] = [{key: peer, **({"Description": rule["why"]} if describe and rule["why"] else {})}]
    return permission


def _change(aws: Aws, group: str, act: str, rules: Sequence[Mapping[str, Any]]) -> None:
    if not rules:
        return
    permissions = [_permission(rule, describe=act.startswith("authorize")) for rule in rules]
    if act == "revoke_ingress":
        aws.find("ec2", "revoke_security_group_ingress", GroupId=group, IpPermissions=permissions)
    elif act == "revoke_egress":
        aws.find("ec2", "revoke_security_group_egress", GroupId=group, IpPermissions=permissions)
    elif act == "authorize_ingress":
        aws.call("ec2", "authorize_security_group_ingress", GroupId=group, IpPermissions=permissions)
    else:
        aws.call("ec2", "authorize_security_group_egress", GroupId=group, IpPermissions=permissions)
