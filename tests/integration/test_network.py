"""The network and the peering against a local AWS: created once, idempotent, repaired, taken away."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests import reference

Result = dict[str, Any]


@pytest.fixture
def params(scope_option: Callable[..., Any]) -> dict[str, Any]:
    return {**reference.network(), "scope": scope_option(), "state": "present", "data": "keep"}


def lines(result: Result) -> list[tuple[str, str, str]]:
    return [(one["action"], one["kind"], one["name"]) for one in result["plan"]]


def test_plan_then_create_then_nothing(converge: Callable[..., Result], params: dict[str, Any]) -> None:
    planned = converge("network", params, check=True)
    created = converge("network", params)
    assert lines(planned) == lines(created)
    assert {one["action"] for one in created["plan"]} == {"create"}
    assert set(planned) == set(created), "the same shape with and without check mode"
    assert converge("network", params)["plan"] == []


def test_absent_leaves_nothing(converge: Callable[..., Result], params: dict[str, Any], client: Callable[..., Any]) -> None:
    converge("network", params)
    converge("network", {**params, "state": "absent"})
    ec2 = client("ec2")
    assert [vpc["IsDefault"] for vpc in ec2.describe_vpcs()["Vpcs"]] == [True]
    assert ec2.describe_addresses()["Addresses"] == []
    assert converge("network", {**params, "state": "absent"})["plan"] == []


def by_name(items: list[dict[str, Any]], name: str) -> dict[str, Any]:
    return next(one for one in items if {"Key": "Name", "Value": name} in one["Tags"])


def delete_route(ec2: Any) -> None:
    table = by_name(ec2.describe_route_tables()["RouteTables"], "kc-lab-private-b")
    ec2.delete_route(RouteTableId=table["RouteTableId"], DestinationCidrBlock="0.0.0.0/0")


def add_route(ec2: Any) -> None:
    table = by_name(ec2.describe_route_tables()["RouteTables"], "kc-lab-data")
    gateway = by_name(ec2.describe_internet_gateways()["InternetGateways"], "kc-lab")
    ec2.create_route(RouteTableId=table["RouteTableId"], DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway["InternetGatewayId"])


def add_ingress(ec2: Any) -> None:
    group = by_name(
        ec2.describe_security_groups(Filters=[{"Name": "group-name", "Values": ["kc-lab-data"]}])["SecurityGroups"], "kc-lab-data"
    )
    everyone = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
    ec2.authorize_security_group_ingress(GroupId=group["GroupId"], IpPermissions=[everyone])


def remove_egress(ec2: Any) -> None:
    group = by_name(
        ec2.describe_security_groups(Filters=[{"Name": "group-name", "Values": ["kc-lab-app"]}])["SecurityGroups"], "kc-lab-app"
    )
    ec2.revoke_security_group_egress(GroupId=group["GroupId"], IpPermissions=group["IpPermissionsEgress"][:1])


def open_default_group(ec2: Any) -> None:
    vpc = by_name([one for one in ec2.describe_vpcs()["Vpcs"] if one.get("Tags")], "kc-lab")["VpcId"]
    filters = [{"Name": "vpc-id", "Values": [vpc]}, {"Name": "group-name", "Values": ["default"]}]
    group = ec2.describe_security_groups(Filters=filters)["SecurityGroups"][0]["GroupId"]
    everyone = {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[everyone])


def change_tag(ec2: Any) -> None:
    subnet = by_name(ec2.describe_subnets(Filters=[{"Name": "tag:Tier", "Values": ["data"]}])["Subnets"], "kc-lab-data-a")
    ec2.create_tags(Resources=[subnet["SubnetId"]], Tags=[{"Key": "Tier", "Value": "public"}, {"Key": "CostCentre", "Value": "42"}])


def change_acl(ec2: Any) -> None:
    acl = by_name([one for one in ec2.describe_network_acls()["NetworkAcls"] if one["Tags"]], "kc-lab-data")["NetworkAclId"]
    ec2.replace_network_acl_entry(
        NetworkAclId=acl, RuleNumber=100, Egress=False, Protocol="-1", RuleAction="deny", CidrBlock="10.10.0.0/16"
    )


def turn_off_hostnames(ec2: Any) -> None:
    vpc = by_name([one for one in ec2.describe_vpcs()["Vpcs"] if one.get("Tags")], "kc-lab")["VpcId"]
    ec2.modify_vpc_attribute(VpcId=vpc, EnableDnsHostnames={"Value": False})


def public_addresses(ec2: Any) -> None:
    subnet = by_name([one for one in ec2.describe_subnets()["Subnets"] if one.get("Tags")], "kc-lab-data-a")["SubnetId"]
    ec2.modify_subnet_attribute(SubnetId=subnet, MapPublicIpOnLaunch={"Value": True})


def delete_endpoint(ec2: Any) -> None:
    endpoint = by_name(ec2.describe_vpc_endpoints()["VpcEndpoints"], "kc-lab-kms")["VpcEndpointId"]
    ec2.delete_vpc_endpoints(VpcEndpointIds=[endpoint])


def move_subnet(ec2: Any) -> None:
    """A data subnet gets the public route table: its association moves."""
    tables = ec2.describe_route_tables()["RouteTables"]
    data, public = (
        by_name([one for one in tables if one["Tags"]], "kc-lab-data"),
        by_name([one for one in tables if one["Tags"]], "kc-lab-public"),
    )
    association = next(one["RouteTableAssociationId"] for one in data["Associations"] if one.get("SubnetId"))
    ec2.replace_route_table_association(AssociationId=association, RouteTableId=public["RouteTableId"])


@pytest.mark.parametrize(
    ("act", "expected"),
    [
        (delete_route, [("update", "route_table", "kc-lab-private-b")]),
        (add_route, [("update", "route_table", "kc-lab-data")]),
        (add_ingress, [("update", "security_group_rules", "kc-lab-data")]),
        (remove_egress, [("update", "security_group_rules", "kc-lab-app")]),
        (open_default_group, [("update", "vpc", "kc-lab")]),
        (change_tag, [("update", "subnet", "kc-lab-data-a")]),
        (change_acl, [("update", "network_acl", "kc-lab-data")]),
        (turn_off_hostnames, [("update", "vpc", "kc-lab")]),
        (public_addresses, [("update", "subnet", "kc-lab-data-a")]),
        (delete_endpoint, [("create", "endpoint", "kc-lab-kms")]),
        (move_subnet, [("update", "route_table", "kc-lab-data"), ("update", "route_table", "kc-lab-public")]),
    ],
)
def test_drift_is_planned_and_repaired_and_nothing_else(
    act: Callable[[Any], None],
    expected: list[tuple[str, str, str]],
    converge: Callable[..., Result],
    params: dict[str, Any],
    client: Callable[..., Any],
) -> None:
    converge("network", params)
    act(client("ec2"))
    seen = converge("network", params, check=True)
    assert sorted(lines(seen)) == sorted(expected)
    assert seen["diff"][0]["before"] != seen["diff"][0]["after"]
    assert sorted(lines(converge("network", params))) == sorted(expected)
    assert converge("network", params)["plan"] == []


def test_a_tag_of_somebody_else_is_left_alone(converge: Callable[..., Result], params: dict[str, Any], client: Callable[..., Any]) -> None:
    converge("network", params)
    change_tag(client("ec2"))
    converge("network", params)
    subnet = by_name(client("ec2").describe_subnets(Filters=[{"Name": "tag:Tier", "Values": ["data"]}])["Subnets"], "kc-lab-data-a")
    assert {"Key": "CostCentre", "Value": "42"} in subnet["Tags"]


def test_a_runbooks_fence_is_left_alone(converge: Callable[..., Result], params: dict[str, Any], client: Callable[..., Any]) -> None:
    converge("network", params)
    ec2 = client("ec2")
    acl = by_name([one for one in ec2.describe_network_acls()["NetworkAcls"] if one["Tags"]], "kc-lab-data")["NetworkAclId"]
    ec2.create_network_acl_entry(NetworkAclId=acl, RuleNumber=1, Egress=False, Protocol="-1", RuleAction="deny", CidrBlock="0.0.0.0/0")
    assert converge("network", params)["plan"] == []


def test_fewer_nat_gateways_and_zones(converge: Callable[..., Result], params: dict[str, Any], client: Callable[..., Any]) -> None:
    converge("network", params)
    converge("network", {**params, "nat": "one"})
    assert converge("network", {**params, "nat": "one"})["plan"] == []
    ec2 = client("ec2")
    alive = ec2.describe_nat_gateways(Filter=[{"Name": "state", "Values": ["available", "pending"]}])["NatGateways"]
    assert len(alive) == len(ec2.describe_addresses()["Addresses"]) == 1
    for kind in ("elastic-ip", "natgateway"):
        tags = ec2.describe_tags(Filters=[{"Name": "resource-type", "Values": [kind]}])["Tags"]
        assert {one["ResourceType"] for one in tags if one["Key"] == "Name"} == {kind}


def test_what_cannot_change_in_place_is_refused(converge: Callable[..., Result], params: dict[str, Any]) -> None:
    from kc.unit import run
    from kc.units.network import UNIT

    converge("network", params)
    result = run(UNIT, {**params, "cidr": "10.99.0.0/16"}, check=False)
    assert result["failed"]
    assert "vpc kc-lab (me-west-1): `cidr` is '10.10.0.0/16', the inventory wants '10.99.0.0/16'" in result["msg"]
    assert result["applied"] == []


@pytest.fixture
def peered(converge: Callable[..., Result], scope_option: Callable[..., Any]) -> dict[str, Any]:
    """Two networks, and the options of the peering between them."""
    for region, cidr in (("me-west-1", "10.10.0.0/16"), ("eu-central-1", "10.11.0.0/16")):
        converge("network", {**reference.network(cidr), "scope": scope_option(region)})
    return {"scope": scope_option(), "peers": ["eu-central-1"], "state": "present"}


def test_peering_is_active_resolves_and_is_routed_both_ways(
    converge: Callable[..., Result], peered: dict[str, Any], client: Callable[..., Any]
) -> None:
    planned = converge("peering", peered, check=True)
    assert lines(planned) == lines(converge("peering", peered))
    assert converge("peering", peered)["plan"] == []
    for region, to in (("me-west-1", "10.11.0.0/16"), ("eu-central-1", "10.10.0.0/16")):
        tables = client("ec2", region).describe_route_tables(Filters=[{"Name": "tag:Platform", "Values": ["kc"]}])["RouteTables"]
        routed = {
            next(tag["Value"] for tag in table["Tags"] if tag["Key"] == "Name")
            for table in tables
            for route in table["Routes"]
            if route.get("DestinationCidrBlock") == to
        }
        assert routed == {"kc-lab-data", "kc-lab-private-a", "kc-lab-private-b", "kc-lab-private-c"}
    assert converge("network", {**reference.network(), "scope": peered["scope"]})["plan"] == [], (
        "routes over a peering are not the network's"
    )


def test_peering_drift(converge: Callable[..., Result], peered: dict[str, Any], client: Callable[..., Any]) -> None:
    converge("peering", peered)
    far = client("ec2", "eu-central-1")
    table = by_name([one for one in far.describe_route_tables()["RouteTables"] if one["Tags"]], "kc-lab-private-b")
    far.delete_route(RouteTableId=table["RouteTableId"], DestinationCidrBlock="10.10.0.0/16")
    seen = converge("peering", peered)
    (change,) = seen["plan"]
    assert (change["kind"], change["region"], change["before"]) == ("peering_routes", "eu-central-1", {"missing_in": ["kc-lab-private-b"]})
    assert converge("peering", peered)["plan"] == []


def test_three_regions_leave_each_others_peerings_alone(converge: Callable[..., Result], scope_option: Callable[..., Any]) -> None:
    for region, cidr in (("me-west-1", "10.10.0.0/16"), ("eu-central-1", "10.11.0.0/16"), ("eu-west-1", "10.12.0.0/16")):
        converge("network", {**reference.network(cidr, witness=region == "eu-west-1"), "scope": scope_option(region)})
    pairs = {"me-west-1": ["eu-central-1", "eu-west-1"], "eu-central-1": ["eu-west-1"], "eu-west-1": []}
    made = {region: converge("peering", {"scope": scope_option(region), "peers": peers}) for region, peers in pairs.items()}
    assert {region: len(result["plan"]) for region, result in made.items()} == {"me-west-1": 6, "eu-central-1": 3, "eu-west-1": 0}
    for region, peers in pairs.items():
        assert converge("peering", {"scope": scope_option(region), "peers": peers})["plan"] == []


def test_peering_taken_away(converge: Callable[..., Result], peered: dict[str, Any]) -> None:
    converge("peering", peered)
    gone = converge("peering", {**peered, "state": "absent"})
    assert lines(gone)[-1] == ("delete", "peering", "kc-lab-me-west-1-eu-central-1")
    assert converge("peering", {**peered, "state": "absent"})["plan"] == []


def test_peering_without_a_network_touches_nothing(converge: Callable[..., Result], scope_option: Callable[..., Any]) -> None:
    from kc.unit import run
    from kc.units.peering import UNIT

    result = run(UNIT, {"scope": scope_option(), "peers": ["eu-central-1"], "state": "present"}, check=False)
    assert result["failed"]
    assert "Converge the unit `network` of me-west-1 first" in result["msg"]
    assert result["applied"] == []
