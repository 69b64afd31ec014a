"""The lab's networks obey the EC2 API: what reaches what, and what ends when something is taken away."""

from __future__ import annotations

import subprocess
from typing import Any

import pytest

from lab.behaviours.vpc import host, router
from lab.world import faults
from lab.world.net import Host
from tests.unit import test_lab_faults as fault_cases
from tests.unit import test_lab_vpc as cases
from tests.world.platform import HOME, OTHER, Platform, Until, named
from tests.world.sockets import answers, connect

pytestmark = [pytest.mark.world, pytest.mark.xdist_group("world")]


def test_a_tier_is_reached_from_where_its_group_says_and_from_nowhere_else(platform: Platform) -> None:
    public, private, data = (platform.at(tier) for tier in ("public", "private", "data"))
    assert platform.reaches("kc-user", public, 443)
    assert platform.reaches(public, private, 8080)
    assert platform.reaches(private, data, 3306)
    for source, target, port in (
        ("kc-user", public, 8080),  # no group lets it
        ("kc-user", private, 8080),  # no way in
        ("kc-user", data, 3306),
        ("", data, 3306),
        (public, data, 3306),
        (private, data, 22),
        (data, private, 8080),
    ):
        assert not platform.reaches(source, target, port), (source, target, port)


def test_peered_regions_reach_each_other_on_the_ports_that_say_so(platform: Platform, until: Until) -> None:
    data, far = platform.at("data"), platform.at("data", OTHER)
    assert platform.reaches(data, far, 3306)
    assert not platform.reaches(data, far, 22)
    assert not platform.reaches(platform.at("private"), far, 3306)  # its group reaches its own region's data tier only


def test_a_route_that_is_taken_away_ends_what_is_connected(platform: Platform, until: Until) -> None:
    data, far = platform.at("data"), platform.at("data", OTHER)
    ec2 = platform.world.client("ec2", OTHER)
    table = named(ec2.describe_route_tables()["RouteTables"])["kc-lab-data"]
    route = next(one for one in table["Routes"] if one.get("DestinationCidrBlock") == platform.world.net.cidr(HOME))
    with connect(data.namespace, far.address, 3306) as connection:
        assert answers(connection)
        ec2.delete_route(RouteTableId=table["RouteTableId"], DestinationCidrBlock=route["DestinationCidrBlock"])
        until(lambda: not answers(connection))
        assert not platform.reaches(data, far, 3306)
    ec2.create_route(
        RouteTableId=table["RouteTableId"],
        DestinationCidrBlock=route["DestinationCidrBlock"],
        VpcPeeringConnectionId=route["VpcPeeringConnectionId"],
    )
    until(lambda: platform.reaches(data, far, 3306))


def test_an_acl_cuts_what_is_connected_and_a_group_does_not(platform: Platform, until: Until) -> None:
    private, data = platform.at("private"), platform.at("data")
    ec2 = platform.world.client("ec2", HOME)
    held = ec2.describe_security_groups(GroupIds=data.groups)["SecurityGroups"][0]["IpPermissions"]
    permission = next(one for one in held if one["FromPort"] == 3306)
    pairs = [one for one in permission["UserIdGroupPairs"] if one["GroupId"] == private.groups[0]]
    mysql = {"IpProtocol": "tcp", "FromPort": 3306, "ToPort": 3306, "UserIdGroupPairs": pairs}
    rule = {"GroupId": data.groups[0], "IpPermissions": [mysql]}
    acl = named(ec2.describe_network_acls()["NetworkAcls"])["kc-lab-data"]["NetworkAclId"]
    fence = {"NetworkAclId": acl, "RuleNumber": 1, "Egress": False}
    with connect(private.namespace, data.address, 3306) as connection:
        ec2.revoke_security_group_ingress(**rule)
        until(lambda: not platform.reaches(private, data, 3306))
        assert answers(connection)
        ec2.create_network_acl_entry(**fence, Protocol="6", RuleAction="deny", CidrBlock="0.0.0.0/0", PortRange={"From": 3306, "To": 3306})
        until(lambda: not answers(connection))
        ec2.authorize_security_group_ingress(**rule)
        ec2.delete_network_acl_entry(**fence)
        until(lambda: platform.reaches(private, data, 3306))


def test_a_new_member_of_a_group_becomes_a_peer(platform: Platform, until: Until) -> None:
    private, data = platform.at("private"), platform.at("data")
    subnet = platform.world.client("ec2", HOME).describe_subnets(SubnetIds=[private.subnet])["Subnets"][0]
    second = Host("test-second", HOME, platform.world.net.free(HOME, subnet["CidrBlock"]), private.subnet, private.groups)
    platform.world.net.attach(second)
    try:
        until(lambda: platform.reaches(second, data, 3306))
    finally:
        platform.world.net.detach(second.name)


def test_nftables_takes_all_that_the_unit_tests_ask_for(world: Any) -> None:
    group = cases.Group(*[tuple(permission for permission, _ in cases.PERMISSIONS)] * 2)
    subnet = cases.Subnet("10.10.64.0/20", entries=tuple(entry for entry, _ in cases.ENTRIES))
    lists = {"pl-1": ("198.18.1.2/32",), "pl-2": ("203.0.113.0/24",)}
    network = cases.network(group, subnet, lists=lists, peerings=(cases.PEERING,))
    scripts = [host.rules(network, cases.ME, cases.EVERYBODY), router.rules([network], world.net.links, world.net.uplink)]
    scripts += [faults.rules([cut], world.net.links) for cut, _ in fault_cases.CUTS]
    for script in scripts:
        done = subprocess.run(["ip", "netns", "exec", "kc-user", "nft", "-c", "-f", "-"], input=script, text=True, capture_output=True)
        assert done.returncode == 0, done.stderr + script
