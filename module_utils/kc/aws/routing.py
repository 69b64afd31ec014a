"""Who reaches what in a VPC: route tables and network ACLs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..model import Live, canonical
from ..scope import Scope
from .ec2 import Ec2Kind, tagged
from .session import Aws

RUNBOOK_RULES = range(1, 100)
"""Network ACL rule numbers that belong to the runbooks (a fence): never read, planned or removed here."""


MOVED = Ec2Kind.settles | {"InvalidAssociationID.NotFound"}
"""What a neighbour that takes a subnet at the same moment answers: look again at who has it."""


class RouteTable(Ec2Kind):
    """A route table with its subnets and routes.

    Routes to a peering belong to the unit `peering`, those to a gateway endpoint to the endpoint; any other route
    that the inventory does not name is drift.
    """

    name = "route_table"
    id_key = "RouteTableId"
    immutable = frozenset({"vpc"})
    settles = MOVED

    def found(self, aws: Aws, filters: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return aws.pages("ec2", "describe_route_tables", "RouteTables", Filters=filters)

    def attrs(self, item: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "vpc": item["VpcId"],
            "subnets": canonical(each["SubnetId"] for each in item["Associations"] if each.get("SubnetId")),
            "routes": canonical(
                {"to": destination(route), "via": target(route)}
                for route in item["Routes"]
                if route.get("Origin", "CreateRoute") == "CreateRoute" and not target(route).startswith(("local", "pcx-", "vpce-"))
            ),
        }

    def create(self, aws: Aws, scope: Scope, name: str, want: Mapping[str, Any]) -> Live:
        answer = aws.call("ec2", "create_route_table", VpcId=want["vpc"], TagSpecifications=tagged("route-table", want["tags"]))
        live = Live({"vpc": want["vpc"], "subnets": [], "routes": [], "tags": want["tags"]}, self.outputs(answer["RouteTable"]))
        self.update(aws, scope, name, live, want, frozenset({"subnets", "routes"}))
        return Live(dict(want), live.outputs)

    def update(self, aws: Aws, scope: Scope, name: str, live: Live, want: Mapping[str, Any], changed: frozenset[str]) -> None:
        if "routes" in changed:
            have = {route["to"]: route["via"] for route in live.attrs["routes"]}
            for route in want["routes"]:
                params = {"RouteTableId": live.id, "DestinationCidrBlock": route["to"], **_target(route["via"])}
                if route["to"] not in have:
                    aws.call("ec2", "create_route", **params)
                elif have[route["to"]] != route["via"]:
                    aws.call("ec2", "replace_route", **params)
            for to in sorted(set(have) - {route["to"] for route in want["routes"]}):
                aws.find("ec2", "delete_route", RouteTableId=live.id, **_destination(to))
        if "subnets" in changed:
            self._associate(aws, live, want["subnets"])
        self.retag(aws, live, want, changed)

    def _associate(self, aws: Aws, live: Live, subnets: list[str]) -> None:
        tables = aws.pages("ec2", "describe_route_tables", "RouteTables", Filters=[{"Name": "vpc-id", "Values": [live.attrs["vpc"]]}])
        now = {each["SubnetId"]: each for table in tables for each in table["Associations"] if each.get("SubnetId")}
        for subnet in subnets:
            if subnet not in now:
                aws.call("ec2", "associate_route_table", RouteTableId=live.id, SubnetId=subnet)
            elif now[subnet]["RouteTableId"] != live.id:
                aws.call(
                    "ec2", "replace_route_table_association", AssociationId=now[subnet]["RouteTableAssociationId"], RouteTableId=live.id
                )
        for subnet in set(live.attrs["subnets"]) - set(subnets):
            if now.get(subnet, {}).get("RouteTableId") == live.id:
                aws.find("ec2", "disassociate_route_table", AssociationId=now[subnet]["RouteTableAssociationId"])

    def delete(self, aws: Aws, scope: Scope, name: str, live: Live) -> None:
        if live.attrs["subnets"]:
            self._associate(aws, live, [])
        aws.find("ec2", "delete_route_table", RouteTableId=live.id)


def destination(route: Mapping[str, Any]) -> str:
    """Return where a described route leads: a CIDR or a prefix list's id."""
    return str(route.get("DestinationCidrBlock") or route.get("DestinationIpv6CidrBlock") or route.get("DestinationPrefixListId"))


_TARGETS = (
    "GatewayId", "NatGatewayId", "VpcPeeringConnectionId", "TransitGatewayId", "EgressOnlyInternetGatewayId",
    "NetworkInterfaceId", "InstanceId", "LocalGatewayId", "CarrierGatewayId", "CoreNetworkArn",
)  # fmt: skip


def target(route: Mapping[str, Any]) -> str:
    """Return the id that a described route leads through."""
    return str(next((route[key] for key in _TARGETS if route.get(key)), "blackhole"))


def _target(via: str) -> dict[str, str]:
    return {"NatGatewayId": via} if via.startswith("nat-") else {"GatewayId": via}


def _destination(to: str) -> dict[str, str]:
    key = "DestinationPrefixListId" if to.startswith("pl-") else "DestinationIpv6CidrBlock" if ":" in to else "DestinationCidrBlock"
    return {key: to}


class NetworkAcl(Ec2Kind):
    """A network ACL with its subnets and entries, but for the rule numbers that belong to the runbooks."""

    name = "network_acl"
    id_key = "NetworkAclId"
    immutable = frozenset({"vpc"})
    settles = MOVED

    def found(self, aws: Aws, filters: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return aws.pages("ec2", "describe_network_acls", "NetworkAcls", Filters=filters)

    def attrs(self, item: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "vpc": item["VpcId"],
            "subnets": canonical(each["SubnetId"] for each in item["Associations"]),
            "entries": canonical(
                _acl_entry(each) for each in item["Entries"] if each["RuleNumber"] < 32767 and each["RuleNumber"] not in RUNBOOK_RULES
            ),
        }

    def create(self, aws: Aws, scope: Scope, name: str, want: Mapping[str, Any]) -> Live:
        answer = aws.call("ec2", "create_network_acl", VpcId=want["vpc"], TagSpecifications=tagged("network-acl", want["tags"]))
        live = Live({"vpc": want["vpc"], "subnets": [], "entries": [], "tags": want["tags"]}, self.outputs(answer["NetworkAcl"]))
        self.update(aws, scope, name, live, want, frozenset({"entries", "subnets"}))
        return Live(dict(want), live.outputs)

    def update(self, aws: Aws, scope: Scope, name: str, live: Live, want: Mapping[str, Any], changed: frozenset[str]) -> None:
        if "entries" in changed:  # before the subnets: a new ACL denies everything
            have = {(each["egress"], each["rule"]): each for each in live.attrs["entries"]}
            for each in want["entries"]:
                old = have.pop((each["egress"], each["rule"]), None)
                if old is None:
                    aws.call("ec2", "create_network_acl_entry", NetworkAclId=live.id, **_acl_params(each))
                elif old != each:
                    aws.call("ec2", "replace_network_acl_entry", NetworkAclId=live.id, **_acl_params(each))
            for egress, rule in sorted(have):
                aws.find("ec2", "delete_network_acl_entry", NetworkAclId=live.id, Egress=egress, RuleNumber=rule)
        if "subnets" in changed:
            self._associate(aws, live, want["vpc"], want["subnets"])
        self.retag(aws, live, want, changed)

    def _associate(self, aws: Aws, live: Live, vpc: str, subnets: list[str]) -> None:
        """Move associations: a subnet always has exactly one ACL, and the VPC's default takes what we give up."""
        acls = aws.pages("ec2", "describe_network_acls", "NetworkAcls", Filters=[{"Name": "vpc-id", "Values": [vpc]}])
        default = next(acl["NetworkAclId"] for acl in acls if acl["IsDefault"])
        for each in (each for acl in acls for each in acl["Associations"]):
            mine = each["NetworkAclId"] == live.id
            goal = live.id if each["SubnetId"] in subnets else default if mine else each["NetworkAclId"]
            if goal != each["NetworkAclId"]:
                aws.call("ec2", "replace_network_acl_association", AssociationId=each["NetworkAclAssociationId"], NetworkAclId=goal)

    def delete(self, aws: Aws, scope: Scope, name: str, live: Live) -> None:
        if live.attrs["subnets"]:
            self._associate(aws, live, live.attrs["vpc"], [])
        aws.find("ec2", "delete_network_acl", NetworkAclId=live.id)


PROTOCOLS = {"all": "-1", "tcp": "6", "udp": "17", "icmp": "1"}
_PROTOCOL_NAMES = {number: name for name, number in PROTOCOLS.items()}


def _acl_entry(entry: Mapping[str, Any]) -> dict[str, Any]:
    ports = entry.get("PortRange") or {}
    return {
        "rule": entry["RuleNumber"],
        "egress": entry["Egress"],
        "action": entry["RuleAction"],
        "protocol": _PROTOCOL_NAMES.get(str(entry["Protocol"]), str(entry["Protocol"])),
        "from": ports.get("From", 0),
        "to": ports.get("To", 65535),
        "cidr": entry.get("CidrBlock") or entry.get("Ipv6CidrBlock"),
    }


def _acl_params(entry: Mapping[str, Any]) -> dict[str, Any]:
    params = {
        "RuleNumber": entry["rule"],
        "Egress": entry["egress"],
        "RuleAction": entry["action"],
        "Protocol": PROTOCOLS[entry["protocol"]],
        "CidrBlock": entry["cidr"],
    }
    if entry["protocol"] in ("tcp", "udp"):
        params["PortRange"] = {"From": entry["from"], "To": entry["to"]}
    return params
