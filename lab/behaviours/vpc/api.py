"""What the EC2 API says of the platform's networks, as plain data."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

EDGE_LIST = "com.amazonaws.global.cloudfront.origin-facing"
"""AWS's prefix list of CloudFront's addresses: in the lab, those of its edge."""

Answer = Mapping[str, Any]


@dataclass(frozen=True)
class Route:
    """A route that leads somewhere.

    Attributes:
        to: CIDR.
        via: `igw-…`, `nat-…`, `pcx-…`, or "" where it leads nowhere (a blackhole).
    """

    to: str
    via: str


@dataclass(frozen=True)
class Entry:
    """A numbered entry of a network ACL; protocol `-1` is all, ports (0, 65535) are all, ICMP type and code -1 are all."""

    number: int
    egress: bool
    allow: bool
    protocol: str
    cidr: str
    ports: tuple[int, int] = (0, 65535)
    icmp: tuple[int, int] = (-1, -1)


@dataclass(frozen=True)
class Permission:
    """What a security group lets pass, one way.

    Attributes:
        protocol: `-1` (all), `tcp`, `udp`, `icmp`, or a number.
        ports: First and last; for ICMP type and code.
        cidrs: Peers by address.
        groups: Peers by security group.
        lists: Peers by prefix list.
    """

    protocol: str
    ports: tuple[int, int]
    cidrs: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    lists: tuple[str, ...] = ()


@dataclass(frozen=True)
class Group:
    """A security group's permissions."""

    ingress: tuple[Permission, ...] = ()
    egress: tuple[Permission, ...] = ()


@dataclass(frozen=True)
class Subnet:
    """A subnet, with the route table and the network ACL that hold for it."""

    cidr: str
    routes: tuple[Route, ...] = ()
    entries: tuple[Entry, ...] = ()

    def leads(self, *kinds: str) -> bool:
        """Whether a route leads to an Internet gateway (`igw`) or a NAT gateway (`nat`)."""
        return any(route.via.startswith(kinds) for route in self.routes)


@dataclass(frozen=True)
class Peering:
    """An active peering: its two ends, each a region and its VPC's CIDR."""

    id: str
    ends: tuple[tuple[str, str], tuple[str, str]]


@dataclass(frozen=True)
class Network:
    """The platform's VPC in a region."""

    region: str
    cidr: str
    subnets: Mapping[str, Subnet] = field(default_factory=dict)
    groups: Mapping[str, Group] = field(default_factory=dict)
    lists: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    peerings: tuple[Peering, ...] = ()


def read(ec2: Any, region: str, edge: str) -> Network | None:
    """Read a region's network; None while the platform has no VPC there.

    Args:
        ec2: The region's client.
        region: Its code.
        edge: CIDR that CloudFront's prefix list stands for.
    """

    def everything(operation: str, **filters: str) -> Answer:
        named = [{"Name": name.replace("_", "-"), "Values": [value]} for name, value in filters.items()]
        return ec2.get_paginator(operation).paginate(Filters=named).build_full_result()

    vpc = platforms(everything("describe_vpcs")["Vpcs"])
    if not vpc:
        return None
    within = {"vpc_id": vpc["VpcId"]}
    groups = {
        one["GroupId"]: Group(permissions(one["IpPermissions"]), permissions(one["IpPermissionsEgress"]))
        for one in everything("describe_security_groups", **within)["SecurityGroups"]
    }
    used = {name for group in groups.values() for one in (*group.ingress, *group.egress) for name in one.lists}
    lists = {}
    if used:
        for one in everything("describe_managed_prefix_lists")["PrefixLists"]:
            if one["PrefixListId"] in used:
                found = ec2.get_paginator("get_managed_prefix_list_entries").paginate(PrefixListId=one["PrefixListId"]).build_full_result()
                ranges = tuple(entry["Cidr"] for entry in found["Entries"])
                lists[one["PrefixListId"]] = (edge,) if one["PrefixListName"] == EDGE_LIST else ranges
    peers = peerings(everything("describe_vpc_peering_connections", status_code="active")["VpcPeeringConnections"])
    return Network(
        region,
        vpc["CidrBlock"],
        subnets(
            everything("describe_subnets", **within)["Subnets"],
            everything("describe_route_tables", **within)["RouteTables"],
            everything("describe_network_acls", **within)["NetworkAcls"],
            {one.id for one in peers},
        ),
        groups,
        lists,
        peers,
    )


def platforms(vpcs: Iterable[Answer]) -> Answer | None:
    """Return the platform's VPC among a region's: told by its tags; one that alone is not the default VPC does too."""
    found = [one for one in vpcs if not one["IsDefault"]]
    tagged = [one for one in found if any(tag["Key"] == "Platform" for tag in one.get("Tags", []))]
    return tagged[0] if tagged else found[0] if len(found) == 1 else None


def peerings(answers: Iterable[Answer]) -> tuple[Peering, ...]:
    """Return the active peerings of an answer, in an order that stays."""
    found = []
    for one in answers:
        if one["Status"]["Code"] == "active":
            ends = sorted((end["Region"], end["CidrBlock"]) for end in (one["RequesterVpcInfo"], one["AccepterVpcInfo"]))
            found.append(Peering(one["VpcPeeringConnectionId"], (ends[0], ends[1])))
    return tuple(sorted(found, key=lambda one: one.id))


def subnets(found: Iterable[Answer], tables: Iterable[Answer], acls: Iterable[Answer], active: Iterable[str]) -> dict[str, Subnet]:
    """Return subnets by id, each with the route table and the ACL that are associated with it, else the VPC's main ones.

    Args:
        found: DescribeSubnets.
        tables: DescribeRouteTables of the VPC.
        acls: DescribeNetworkAcls of the VPC.
        active: Ids of the active peerings; a route through another one leads nowhere.
    """
    routes: dict[str, tuple[Route, ...]] = {}
    main: tuple[Route, ...] = ()
    for table in tables:
        held = tuple(route for each in table["Routes"] if (route := route_of(each, frozenset(active))))
        for one in table["Associations"]:
            if "SubnetId" in one:
                routes[one["SubnetId"]] = held
            elif one.get("Main"):
                main = held
    entries: dict[str, tuple[Entry, ...]] = {}
    default: tuple[Entry, ...] = ()
    for acl in acls:
        listed = tuple(sorted((entry_of(one) for one in acl["Entries"] if "CidrBlock" in one), key=lambda one: (one.egress, one.number)))
        entries.update({one["SubnetId"]: listed for one in acl["Associations"]})
        default = listed if acl["IsDefault"] else default
    return {
        one["SubnetId"]: Subnet(one["CidrBlock"], routes.get(one["SubnetId"], main), entries.get(one["SubnetId"], default)) for one in found
    }


def route_of(answer: Answer, active: frozenset[str]) -> Route | None:
    """Return a route; None for the VPC's own addresses, IPv6, and prefix lists (AWS's services, which are not in the lab)."""
    to = answer.get("DestinationCidrBlock")
    if not to or answer.get("GatewayId") == "local":
        return None
    via = answer.get("GatewayId") or answer.get("NatGatewayId") or answer.get("VpcPeeringConnectionId") or ""
    dead = answer.get("State") == "blackhole" or (via.startswith("pcx-") and via not in active)
    return Route(to, "" if dead else via)


def entry_of(answer: Answer) -> Entry:
    """Return a network ACL's entry."""
    ports, icmp = answer.get("PortRange") or {}, answer.get("IcmpTypeCode") or {}
    return Entry(
        int(answer["RuleNumber"]),
        bool(answer["Egress"]),
        answer["RuleAction"] == "allow",
        str(answer["Protocol"]),
        answer["CidrBlock"],
        (int(ports.get("From", 0)), int(ports.get("To", 65535))),
        (int(icmp.get("Type", -1)), int(icmp.get("Code", -1))),
    )


def permissions(answers: Iterable[Answer]) -> tuple[Permission, ...]:
    """Return a security group's permissions of one way; those of IPv6 are left out."""
    return tuple(
        Permission(
            str(one["IpProtocol"]),
            (int(one.get("FromPort", -1)), int(one.get("ToPort", -1))),
            tuple(each["CidrIp"] for each in one.get("IpRanges", [])),
            tuple(each["GroupId"] for each in one.get("UserIdGroupPairs", [])),
            tuple(each["PrefixListId"] for each in one.get("PrefixListIds", [])),
        )
        for one in answers
    )
