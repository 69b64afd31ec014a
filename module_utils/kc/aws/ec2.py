"""EC2's networking: VPC, subnets, gateways; and what all kinds of EC2 share."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any

from ..model import Kind, Live
from ..scope import Scope
from .session import Aws
from .tags import tag_dict, tag_list


def own(scope: Scope) -> list[dict[str, Any]]:
    """Return the filters that find what belongs to the scope."""
    return [{"Name": f"tag:{tag}", "Values": [value]} for tag, value in sorted(scope.own_tags.items())]


def tagged(resource_type: str, tags: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return the `TagSpecifications` that tag a resource in the call that creates it."""
    return [{"ResourceType": resource_type, "Tags": tag_list(tags)}]


def living(aws: Aws, filters: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the instances that match EC2 filters, without those that are ending or, for about an hour, listed as ended."""
    states = {"Name": "instance-state-name", "Values": ["pending", "running", "stopping", "stopped"]}
    reservations = aws.pages("ec2", "describe_instances", "Reservations", Filters=[*filters, states])
    return [instance for reservation in reservations for instance in reservation["Instances"]]


class Ec2Kind(Kind):
    """What EC2's kinds share: found by the scope's tags, called by their `Name` tag, tagged by one call.

    A network interface that AWS still removes (of an endpoint, a NAT gateway, a balancer) blocks its neighbours
    for minutes after its owner is gone.
    """

    id_key: str
    settles = frozenset({"DependencyViolation", "InvalidIPAddress.InUse", "AuthFailure.InUse"})

    @abstractmethod
    def found(self, aws: Aws, filters: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Return the descriptions that match EC2 filters."""

    @abstractmethod
    def attrs(self, item: Mapping[str, Any]) -> dict[str, Any]:
        """Return a description in the shape of the desired state, without tags."""

    def outputs(self, item: Mapping[str, Any]) -> dict[str, Any]:
        """Return what others may refer to."""
        return {"id": item[self.id_key]}

    def read(self, aws: Aws, scope: Scope) -> dict[str, Live]:
        lives = {}
        for item in self.found(aws, own(scope)):
            tags = tag_dict(item.get("Tags"))
            if scope.owns(tags):
                lives[tags.get("Name", item[self.id_key])] = Live({**self.attrs(item), "tags": tags}, self.outputs(item))
        return lives

    def retag(self, aws: Aws, live: Live, want: Mapping[str, Any], changed: frozenset[str]) -> None:
        """Put the tags back where they differ."""
        if "tags" in changed:
            aws.call("ec2", "create_tags", Resources=[live.id], Tags=tag_list(want["tags"]))


class Vpc(Ec2Kind):
    """A VPC, with its default security group kept without rules."""

    name = "vpc"
    id_key = "VpcId"
    immutable = frozenset({"cidr"})
    outputs_of = ("id", "cidr")

    def found(self, aws: Aws, filters: list[dict[str, Any]]) -> list[dict[str, Any]]:
        def complete(vpc: dict[str, Any]) -> dict[str, Any]:
            def attribute(name: str) -> bool:
                answer = aws.call("ec2", "describe_vpc_attribute", VpcId=vpc["VpcId"], Attribute=name)
                return bool(answer[name[0].upper() + name[1:]]["Value"])

            dns, hostnames, default = aws.map(
                lambda ask: ask(),
                [lambda: attribute("enableDnsSupport"), lambda: attribute("enableDnsHostnames"), lambda: _default_group(aws, vpc["VpcId"])],
            )
            return {**vpc, "dns": dns, "hostnames": hostnames, "default": default}

        return aws.map(complete, aws.pages("ec2", "describe_vpcs", "Vpcs", Filters=filters))

    def attrs(self, item: Mapping[str, Any]) -> dict[str, Any]:
        default = item["default"]
        rules = len(default["IpPermissions"]) + len(default["IpPermissionsEgress"])
        return {"cidr": item["CidrBlock"], "dns_support": item["dns"], "dns_hostnames": item["hostnames"], "default_group_rules": rules}

    def outputs(self, item: Mapping[str, Any]) -> dict[str, Any]:
        return {"id": item["VpcId"], "cidr": item["CidrBlock"]}

    def create(self, aws: Aws, scope: Scope, name: str, want: Mapping[str, Any]) -> Live:
        vpc = aws.call("ec2", "create_vpc", CidrBlock=want["cidr"], TagSpecifications=tagged("vpc", want["tags"]))["Vpc"]
        live = Live(dict(want), {"id": vpc["VpcId"], "cidr": want["cidr"]})
        self.update(aws, scope, name, live, want, frozenset({"dns_support", "dns_hostnames", "default_group_rules"}))
        return live

    def update(self, aws: Aws, scope: Scope, name: str, live: Live, want: Mapping[str, Any], changed: frozenset[str]) -> None:
        if "dns_support" in changed:
            aws.call("ec2", "modify_vpc_attribute", VpcId=live.id, EnableDnsSupport={"Value": want["dns_support"]})
        if "dns_hostnames" in changed:  # one attribute a call, and only after dns_support
            aws.call("ec2", "modify_vpc_attribute", VpcId=live.id, EnableDnsHostnames={"Value": want["dns_hostnames"]})
        if "default_group_rules" in changed:
            group = _default_group(aws, live.id)
            _revoke(aws, group["GroupId"], "ingress", group["IpPermissions"])
            _revoke(aws, group["GroupId"], "egress", group["IpPermissionsEgress"])
        self.retag(aws, live, want, changed)

    def delete(self, aws: Aws, scope: Scope, name: str, live: Live) -> None:
        aws.find("ec2", "delete_vpc", VpcId=live.id)


def _default_group(aws: Aws, vpc: str) -> dict[str, Any]:
    filters = [{"Name": "vpc-id", "Values": [vpc]}, {"Name": "group-name", "Values": ["default"]}]
    return dict(aws.pages("ec2", "describe_security_groups", "SecurityGroups", Filters=filters)[0])


def _revoke(aws: Aws, group: str, direction: str, permissions: list[dict[str, Any]]) -> None:
    if permissions and direction == "ingress":
        aws.find("ec2", "revoke_security_group_ingress", GroupId=group, IpPermissions=permissions)
    elif permissions:
        aws.find("ec2", "revoke_security_group_egress", GroupId=group, IpPermissions=permissions)


class InternetGateway(Ec2Kind):
    """An internet gateway, attached to its VPC."""

    name = "internet_gateway"
    id_key = "InternetGatewayId"

    def found(self, aws: Aws, filters: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return aws.pages("ec2", "describe_internet_gateways", "InternetGateways", Filters=filters)

    def attrs(self, item: Mapping[str, Any]) -> dict[str, Any]:
        return {"vpc": next((attached["VpcId"] for attached in item["Attachments"]), None)}

    def create(self, aws: Aws, scope: Scope, name: str, want: Mapping[str, Any]) -> Live:
        answer = aws.call("ec2", "create_internet_gateway", TagSpecifications=tagged("internet-gateway", want["tags"]))
        live = Live({"vpc": None, "tags": want["tags"]}, self.outputs(answer["InternetGateway"]))
        self.update(aws, scope, name, live, want, frozenset({"vpc"}))
        return Live(dict(want), live.outputs)

    def update(self, aws: Aws, scope: Scope, name: str, live: Live, want: Mapping[str, Any], changed: frozenset[str]) -> None:
        if "vpc" in changed:
            if live.attrs.get("vpc"):
                aws.call("ec2", "detach_internet_gateway", InternetGatewayId=live.id, VpcId=live.attrs["vpc"])
            aws.call("ec2", "attach_internet_gateway", InternetGatewayId=live.id, VpcId=want["vpc"])
        self.retag(aws, live, want, changed)

    def delete(self, aws: Aws, scope: Scope, name: str, live: Live) -> None:
        if live.attrs.get("vpc"):
            aws.find("ec2", "detach_internet_gateway", InternetGatewayId=live.id, VpcId=live.attrs["vpc"])
        aws.find("ec2", "delete_internet_gateway", InternetGatewayId=live.id)


class Subnet(Ec2Kind):
    """A subnet of one zone. None gives public addresses by itself: what needs one asks for it."""

    name = "subnet"
    id_key = "SubnetId"
    immutable = frozenset({"vpc", "cidr", "zone"})

    def found(self, aws: Aws, filters: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return aws.pages("ec2", "describe_subnets", "Subnets", Filters=filters)

    def attrs(self, item: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "vpc": item["VpcId"],
            "cidr": item["CidrBlock"],
            "zone": item["AvailabilityZone"],
            "public_addresses": item["MapPublicIpOnLaunch"],
        }

    def create(self, aws: Aws, scope: Scope, name: str, want: Mapping[str, Any]) -> Live:
        answer = aws.call(
            "ec2", "create_subnet", VpcId=want["vpc"], CidrBlock=want["cidr"], AvailabilityZone=want["zone"],
            TagSpecifications=tagged("subnet", want["tags"]),
        )  # fmt: skip
        live = Live(dict(want), self.outputs(answer["Subnet"]))
        if answer["Subnet"].get("MapPublicIpOnLaunch", False) != want["public_addresses"]:
            self.update(aws, scope, name, live, want, frozenset({"public_addresses"}))
        return live

    def update(self, aws: Aws, scope: Scope, name: str, live: Live, want: Mapping[str, Any], changed: frozenset[str]) -> None:
        if "public_addresses" in changed:
            aws.call("ec2", "modify_subnet_attribute", SubnetId=live.id, MapPublicIpOnLaunch={"Value": want["public_addresses"]})
        self.retag(aws, live, want, changed)

    def delete(self, aws: Aws, scope: Scope, name: str, live: Live) -> None:
        aws.find("ec2", "delete_subnet", SubnetId=live.id)


class Tier(Subnet):
    """A tier's subnets in all zones, as other units look them up: outputs `subnets` (sorted ids) and `zones` (id by zone)."""

    name = "tier"
    outputs_of = ("id", "subnets", "zones")

    def read(self, aws: Aws, scope: Scope) -> dict[str, Live]:
        tiers: dict[str, dict[str, str]] = {}
        for subnet in self.found(aws, own(scope)):
            tags = tag_dict(subnet.get("Tags"))
            if scope.owns(tags) and "Tier" in tags:
                tiers.setdefault(tags["Tier"], {})[subnet["AvailabilityZone"]] = subnet["SubnetId"]
        return {
            tier: Live({}, {"id": tier, "subnets": sorted(zones.values()), "zones": dict(sorted(zones.items()))})
            for tier, zones in tiers.items()
        }


class Address(Ec2Kind):
    """An Elastic IP."""

    name = "address"
    id_key = "AllocationId"
    outputs_of = ("id", "public_ip")

    def found(self, aws: Aws, filters: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return aws.pages("ec2", "describe_addresses", "Addresses", Filters=filters)

    def attrs(self, item: Mapping[str, Any]) -> dict[str, Any]:
        return {}

    def outputs(self, item: Mapping[str, Any]) -> dict[str, Any]:
        return {"id": item["AllocationId"], "public_ip": item["PublicIp"]}

    def create(self, aws: Aws, scope: Scope, name: str, want: Mapping[str, Any]) -> Live:
        answer = aws.call("ec2", "allocate_address", Domain="vpc", TagSpecifications=tagged("elastic-ip", want["tags"]))
        return Live(dict(want), self.outputs(answer))

    def update(self, aws: Aws, scope: Scope, name: str, live: Live, want: Mapping[str, Any], changed: frozenset[str]) -> None:
        self.retag(aws, live, want, changed)

    def delete(self, aws: Aws, scope: Scope, name: str, live: Live) -> None:
        aws.find("ec2", "release_address", AllocationId=live.id)


class NatGateway(Ec2Kind):
    """A public NAT gateway. It comes up in about two minutes and goes in about one."""

    name = "nat_gateway"
    id_key = "NatGatewayId"
    immutable = frozenset({"subnet", "address"})
    replaceable = True

    def found(self, aws: Aws, filters: list[dict[str, Any]]) -> list[dict[str, Any]]:
        # deleted ones are listed for an hour
        states = {"Name": "state", "Values": ["pending", "available"]}
        return aws.pages("ec2", "describe_nat_gateways", "NatGateways", Filter=[*filters, states])

    def attrs(self, item: Mapping[str, Any]) -> dict[str, Any]:
        return {"subnet": item["SubnetId"], "address": next((each["AllocationId"] for each in item["NatGatewayAddresses"]), None)}

    def _state(self, aws: Aws, nat: str) -> str:
        answer = aws.find("ec2", "describe_nat_gateways", NatGatewayIds=[nat])
        found = (answer or {}).get("NatGateways") or []
        return str(found[0]["State"]) if found else "deleted"

    def create(self, aws: Aws, scope: Scope, name: str, want: Mapping[str, Any]) -> Live:
        answer = aws.call(
            "ec2",
            "create_nat_gateway",
            SubnetId=want["subnet"],
            AllocationId=want["address"],
            TagSpecifications=tagged("natgateway", want["tags"]),
        )
        return Live({**want, "state": answer["NatGateway"].get("State")}, self.outputs(answer["NatGateway"]))

    def ready(self, aws: Aws, name: str, live: Live) -> None:
        if live.attrs.get("state") != "available":
            aws.wait(f"nat_gateway {name}", lambda: self._state(aws, live.id), until=["available"], unless=["failed", "deleting"], pause=5)

    def update(self, aws: Aws, scope: Scope, name: str, live: Live, want: Mapping[str, Any], changed: frozenset[str]) -> None:
        self.retag(aws, live, want, changed)

    def delete(self, aws: Aws, scope: Scope, name: str, live: Live) -> None:
        aws.find("ec2", "delete_nat_gateway", NatGatewayId=live.id)
        aws.wait(f"end of nat_gateway {name}", lambda: self._state(aws, live.id), until=["deleted"], pause=5)
