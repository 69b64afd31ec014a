"""What hosts and the router are given for what the EC2 API says: the text of nftables, and routes."""

from __future__ import annotations

import dataclasses
import re
from typing import Any

import pytest

from lab.behaviours.vpc import api, host, router
from lab.behaviours.vpc.api import Entry, Group, Network, Peering, Permission, Route, Subnet
from lab.world.net import Host

APP, DATA = "sg-app", "sg-data"
ME = Host("task-1", "me-west-1", "10.10.64.9", "subnet-private", (APP,))
TWIN = Host("task-2", "me-west-1", "10.10.80.9", "subnet-private", (APP,))
DB = Host("db-1", "me-west-1", "10.10.128.9", "subnet-data", (DATA,))
FAR = Host("task-3", "eu-central-1", "10.11.64.9", "subnet-far", (APP,))
EVERYBODY = [ME, TWIN, DB, FAR]
OPEN = (Entry(100, False, True, "-1", "0.0.0.0/0"), Entry(100, True, True, "-1", "0.0.0.0/0"))


NOTHING, PRIVATE = Group(), Subnet("10.10.64.0/20", entries=OPEN)


def network(group: Group = NOTHING, subnet: Subnet = PRIVATE, **more: Any) -> Network:
    return Network("me-west-1", "10.10.0.0/16", {"subnet-private": subnet}, {APP: group, DATA: Group()}, **more)


def chain(text: str, name: str) -> list[str]:
    """Return a chain's lines without those that every host has."""
    found = re.search(rf"chain {name} {{\n(.*?)\n  }}", text, re.DOTALL)
    assert found
    head, *lines = [line.strip() for line in found[1].splitlines()]
    assert head.endswith("policy drop;")
    return lines


ALWAYS = 3
"""Rules at the beginning of each chain: what is its own, names, credentials."""


def tcp(first: int, last: int = 0, **peers: Any) -> Permission:
    return Permission("tcp", (first, last or first), **peers)


PERMISSIONS: list[tuple[Permission, list[str]]] = [
    (tcp(443, cidrs=("0.0.0.0/0",)), ["meta nfproto ipv4 tcp dport 443 accept"]),
    (tcp(443, cidrs=("0.0.0.0/0", "10.0.0.0/8")), ["meta nfproto ipv4 tcp dport 443 accept"]),
    (tcp(8000, 8100, cidrs=("10.10.0.0/16",)), ["ip saddr { 10.10.0.0/16 } tcp dport 8000-8100 accept"]),
    (tcp(0, 65535, cidrs=("10.10.0.0/16",)), ["ip saddr { 10.10.0.0/16 } meta l4proto tcp accept"]),
    (tcp(3306, groups=(APP,)), ["ip saddr { 10.10.64.9, 10.10.80.9 } tcp dport 3306 accept"]),
    (tcp(3306, groups=(APP,), cidrs=("10.10.64.0/20",)), ["ip saddr { 10.10.64.0/20, 10.10.80.9 } tcp dport 3306 accept"]),
    (tcp(3306, groups=("sg-gone",)), []),
    (tcp(443, lists=("pl-1", "pl-2")), ["ip saddr { 198.18.1.2, 203.0.113.0/24 } tcp dport 443 accept"]),
    (tcp(443, lists=("pl-unknown",)), []),
    (Permission("-1", (-1, -1), ("10.0.0.0/8",)), ["ip saddr { 10.0.0.0/8 } accept"]),
    (Permission("udp", (53, 53), ("10.0.0.0/8",)), ["ip saddr { 10.0.0.0/8 } udp dport 53 accept"]),
    (Permission("17", (53, 53), ("10.0.0.0/8",)), ["ip saddr { 10.0.0.0/8 } udp dport 53 accept"]),
    (Permission("icmp", (-1, -1), ("10.0.0.0/8",)), ["ip saddr { 10.0.0.0/8 } meta l4proto icmp accept"]),
    (Permission("icmp", (8, -1), ("10.0.0.0/8",)), ["ip saddr { 10.0.0.0/8 } icmp type 8 accept"]),
    (Permission("icmp", (3, 4), ("10.0.0.0/8",)), ["ip saddr { 10.0.0.0/8 } icmp type 3 icmp code 4 accept"]),
    (Permission("50", (-1, -1), ("10.0.0.0/8",)), ["ip saddr { 10.0.0.0/8 } meta l4proto 50 accept"]),
]


@pytest.mark.parametrize(("permission", "lines"), PERMISSIONS)
def test_a_permission_is_a_rule_for_new_connections(permission: Permission, lines: list[str]) -> None:
    lists = {"pl-1": ("198.18.1.2/32",), "pl-2": ("203.0.113.0/24",)}
    text = host.rules(network(Group((permission,), ()), lists=lists), ME, EVERYBODY)
    assert chain(text, "group_in")[ALWAYS:] == ["ct state established,related accept", *lines]
    assert chain(text, "group_out")[ALWAYS:] == ["ct state established,related accept"]
    text = host.rules(network(Group((), (permission,)), lists=lists), ME, EVERYBODY)
    assert chain(text, "group_out")[ALWAYS + 1 :] == [line.replace("saddr", "daddr") for line in lines]
    assert chain(text, "group_in")[ALWAYS + 1 :] == []


ENTRIES: list[tuple[Entry, str]] = [
    (Entry(1, False, False, "6", "0.0.0.0/0", (3306, 3306)), "tcp dport 3306 drop"),
    (Entry(1, False, True, "6", "10.11.0.0/16", (1024, 65535)), "ip saddr 10.11.0.0/16 tcp dport 1024-65535 accept"),
    (Entry(1, False, True, "-1", "0.0.0.0/0"), "meta nfproto ipv4 accept"),
    (Entry(1, False, False, "17", "10.11.0.0/16"), "ip saddr 10.11.0.0/16 meta l4proto udp drop"),
    (Entry(1, False, False, "1", "10.11.0.0/16", icmp=(8, -1)), "ip saddr 10.11.0.0/16 icmp type 8 drop"),
    (Entry(1, False, False, "1", "10.11.0.0/16"), "ip saddr 10.11.0.0/16 meta l4proto icmp drop"),
]


@pytest.mark.parametrize(("entry", "line"), ENTRIES)
def test_an_entry_of_an_acl_is_a_rule_for_every_packet(entry: Entry, line: str) -> None:
    within = "ip saddr 10.10.64.0/20 accept"
    text = host.rules(network(subnet=Subnet("10.10.64.0/20", entries=(entry,))), ME, EVERYBODY)
    assert chain(text, "acl_in")[ALWAYS:] == [within, line]
    assert chain(text, "acl_out")[ALWAYS:] == ["ip daddr 10.10.64.0/20 accept"]
    assert not any("ct state" in one for one in chain(text, "acl_in"))
    out = host.rules(network(subnet=Subnet("10.10.64.0/20", entries=(dataclasses.replace(entry, egress=True),))), ME, EVERYBODY)
    assert chain(out, "acl_out")[ALWAYS + 1 :] == [line.replace("saddr", "daddr")]


def test_a_host_that_the_api_does_not_know_is_on_its_own() -> None:
    text = host.rules(network(), Host("odd", "me-west-1", "10.10.0.9", "subnet-gone", ("sg-gone",)), EVERYBODY)
    for name in ("acl_in", "acl_out", "group_in", "group_out"):
        link, names, tasks, *more = chain(text, name)
        assert link.endswith('"lo" accept')
        assert "10.10.0.2" in names and "169.254.170.2" in tasks
        assert more in ([], ["ct state established,related accept"])


ROUTES: list[tuple[tuple[Route, ...], dict[str, str]]] = [
    ((), {"0.0.0.0/0": ""}),
    ((Route("0.0.0.0/0", "igw-1"),), {"0.0.0.0/0": "10.10.0.1"}),
    ((Route("0.0.0.0/0", "nat-1"), Route("10.11.0.0/16", "pcx-1")), {"0.0.0.0/0": "10.10.0.1", "10.11.0.0/16": "10.10.0.1"}),
    ((Route("10.11.0.0/16", ""),), {"0.0.0.0/0": "", "10.11.0.0/16": ""}),
    ((Route("0.0.0.0/0", "eni-1"),), {"0.0.0.0/0": ""}),
]


@pytest.mark.parametrize(("routes", "wanted"), ROUTES)
def test_a_host_has_the_routes_of_its_subnet(routes: tuple[Route, ...], wanted: dict[str, str]) -> None:
    assert host.routes(network(subnet=Subnet("10.10.64.0/20", routes)), ME) == wanted | {"169.254.170.2/32": "10.10.0.1"}


def links(region: str) -> tuple[str, str]:
    number = ["me-west-1", "eu-central-1", "eu-west-1"].index(region)
    return f"r{number}", f"slow{number}"


def uplink(region: str) -> str:
    return f"198.18.1{links(region)[0][1:]}.2"


PEERING = Peering("pcx-1", (("eu-central-1", "10.11.0.0/16"), ("me-west-1", "10.10.0.0/16")))


def region(code: str, cidr: str, *routes: Route, peerings: tuple[Peering, ...] = ()) -> Network:
    return Network(code, cidr, {"subnet-1": Subnet(cidr, routes)}, peerings=peerings)


BETWEEN = [
    ((PEERING,), "pcx-1", "pcx-1", True),
    ((), "pcx-1", "pcx-1", False),  # not active
    ((PEERING,), "pcx-1", "", False),  # one way only
    ((PEERING,), "", "", False),
    ((PEERING,), "pcx-1", "pcx-2", False),
]


@pytest.mark.parametrize(("peerings", "here", "there", "passes"), BETWEEN)
def test_regions_reach_each_other_where_both_have_a_route_over_an_active_peering(
    peerings: tuple[Peering, ...], here: str, there: str, passes: bool
) -> None:
    one = region("me-west-1", "10.10.0.0/16", Route("10.11.0.0/16", here), peerings=peerings)
    other = region("eu-central-1", "10.11.0.0/16", Route("10.10.0.0/16", there))
    lines = chain(router.rules([one, other], links, uplink), "forward")
    between = [line for line in lines if "ip saddr 10.10.0.0/16 ip daddr 10.11.0.0/16" in line]
    assert between == (
        ['iifname { "r0", "slow0" } oifname { "r1", "slow1" } ip saddr 10.10.0.0/16 ip daddr 10.11.0.0/16 accept'] if passes else []
    )
    assert any("ip saddr 10.11.0.0/16 ip daddr 10.10.0.0/16" in line for line in lines) == passes


GATEWAYS: list[tuple[str, list[str]]] = [
    ("igw-1", ["ip daddr { 10.10.0.0/16 } accept", "ip saddr { 10.10.0.0/16 } accept"]),
    ("nat-1", ["ip daddr { 10.10.0.0/16 } ct state established,related accept", "ip saddr { 10.10.0.0/16 } accept"]),
    ("pcx-1", []),
    ("", []),
]


@pytest.mark.parametrize(("via", "ends"), GATEWAYS)
def test_the_internet_is_reached_and_reaches_as_gateways_say(via: str, ends: list[str]) -> None:
    lines = chain(router.rules([region("me-west-1", "10.10.0.0/16", Route("0.0.0.0/0", via))], links, uplink), "forward")
    outer, inner = '{ "edge", "inet", "user" }', '{ "r0", "slow0" }'
    ways = [f"iifname {outer} oifname {inner}", f"iifname {inner} oifname {outer}"]
    assert [line for line in lines if "10.10.0.0/16" in line] == [f"{way} {end}" for way, end in zip(ways, ends, strict=False)]


@pytest.mark.parametrize(("via", "reaches"), [("igw-1", True), ("nat-1", True), ("", False)])
def test_other_regions_apis_are_reached_by_whoever_reaches_the_internet(via: str, reaches: bool) -> None:
    one, other = region("me-west-1", "10.10.0.0/16", Route("0.0.0.0/0", via)), region("eu-central-1", "10.11.0.0/16")
    lines = [line for line in chain(router.rules([one, other], links, uplink), "forward") if "198.18" in line]
    here, there = '{ "r0", "slow0" }', '{ "r1", "slow1" }'
    assert (
        lines
        == [
            f"iifname {here} oifname {there} ip saddr {{ 10.10.0.0/16 }} ip daddr 198.18.11.2 tcp dport 443 accept",
            f"iifname {there} oifname {here} ip saddr 198.18.11.2 ip daddr {{ 10.10.0.0/16 }} tcp sport 443 accept",
        ]
        * reaches
    )


def test_without_networks_only_the_internet_is_forwarded() -> None:
    outer = '{ "edge", "inet", "user" }'
    assert chain(router.rules([], links, uplink), "forward") == [f"iifname {outer} oifname {outer} accept"]


def vpc(name: str, default: bool = False, platform: bool = False) -> dict[str, Any]:
    return {"VpcId": name, "IsDefault": default, "Tags": [{"Key": "Platform", "Value": "kc"}] if platform else []}


@pytest.mark.parametrize(
    ("vpcs", "chosen"),
    [
        ([], None),
        ([vpc("default", default=True)], None),
        ([vpc("default", default=True), vpc("only")], "only"),
        ([vpc("one"), vpc("two")], None),
        ([vpc("one"), vpc("two", platform=True)], "two"),
    ],
)
def test_the_platforms_vpc_is_told_by_its_tags(vpcs: list[dict[str, Any]], chosen: str | None) -> None:
    assert (api.platforms(vpcs) or {}).get("VpcId") == chosen


def test_a_subnet_has_its_own_table_and_acl_or_the_main_ones() -> None:
    local = {"DestinationCidrBlock": "10.10.0.0/16", "GatewayId": "local"}
    main = {"Associations": [{"Main": True}], "Routes": [local]}
    own = {
        "Associations": [{"SubnetId": "subnet-1"}],
        "Routes": [
            local,
            {"DestinationCidrBlock": "0.0.0.0/0", "NatGatewayId": "nat-1", "State": "active"},
            {"DestinationPrefixListId": "pl-1", "GatewayId": "vpce-1", "State": "active"},
            {"DestinationIpv6CidrBlock": "::/0", "GatewayId": "igw-1", "State": "active"},
            {"DestinationCidrBlock": "10.11.0.0/16", "VpcPeeringConnectionId": "pcx-1", "State": "active"},
            {"DestinationCidrBlock": "10.12.0.0/16", "VpcPeeringConnectionId": "pcx-gone", "State": "active"},
            {"DestinationCidrBlock": "10.13.0.0/16", "VpcPeeringConnectionId": "pcx-1", "State": "blackhole"},
        ],
    }
    deny = {"RuleNumber": 32767, "Egress": False, "RuleAction": "deny", "Protocol": "-1", "CidrBlock": "0.0.0.0/0"}
    allow = {**deny, "RuleNumber": 5, "RuleAction": "allow", "Protocol": "6", "PortRange": {"From": 1, "To": 2}}
    acls = [
        {"IsDefault": True, "Associations": [], "Entries": [deny]},
        {"IsDefault": False, "Associations": [{"SubnetId": "subnet-1"}], "Entries": [deny, allow]},
    ]
    found = api.subnets(
        [{"SubnetId": "subnet-1", "CidrBlock": "10.10.0.0/20"}, {"SubnetId": "subnet-2", "CidrBlock": "10.10.16.0/20"}],
        [main, own],
        acls,
        ["pcx-1"],
    )
    last = Entry(32767, False, False, "-1", "0.0.0.0/0")
    routes = (Route("0.0.0.0/0", "nat-1"), Route("10.11.0.0/16", "pcx-1"), Route("10.12.0.0/16", ""), Route("10.13.0.0/16", ""))
    assert found == {
        "subnet-1": Subnet("10.10.0.0/20", routes, (Entry(5, False, True, "6", "0.0.0.0/0", (1, 2)), last)),
        "subnet-2": Subnet("10.10.16.0/20", (), (last,)),
    }
