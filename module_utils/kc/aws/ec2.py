"""EC2's networking: VPC, subnets, gateways, route tables, network ACLs, endpoints, flow logs."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any

from ..model import Kind, Live, canonical
from ..scope import Scope
from .session import Aws
from .tags import tag_dict, tag_list

RUNBOOK_RULES = range(1, 100)
"""Network ACL rule numbers that belong to the runbooks (a fence): never read, planned or removed here."""


def own(scope: Scope) -> list[dict[str, Any]]:
    """Return the filters that find what belongs to the scope."""
    return [{"Name": f"tag:{tag}", "Values": [value]} for tag, value in sorted(scope.own_tags.items())]


def tagged(resource_type: str, tags: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return the `TagSpecifications` that tag a resource in the call that creates it."""
    return [{"ResourceType": resource_type, "Tags": tag_list(tags)}]


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
        return Live(dict(want), self.outputs(answer["NatGateway"]))

    def ready(self, aws: Aws, name: str, live: Live) -> None:
        aws.wait(f"nat_gateway {name}", lambda: self._state(aws, live.id), until=["available"], unless=["failed", "deleting"], pause=5)

    def update(self, aws: Aws, scope: Scope, name: str, live: Live, want: Mapping[str, Any], changed: frozenset[str]) -> None:
        self.retag(aws, live, want, changed)

    def delete(self, aws: Aws, scope: Scope, name: str, live: Live) -> None:
        aws.find("ec2", "delete_nat_gateway", NatGatewayId=live.id)
        aws.wait(f"end of nat_gateway {name}", lambda: self._state(aws, live.id), until=["deleted"], pause=5)


class RouteTable(Ec2Kind):
    """A route table with its subnets and routes.

    Routes to a peering belong to the unit `peering`, those to a gateway endpoint to the endpoint; any other route
    that the inventory does not name is drift.
    """

    name = "route_table"
    id_key = "RouteTableId"
    immutable = frozenset({"vpc"})

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
        ours = [*subnets, *live.attrs["subnets"]]
        tables = aws.pages("ec2", "describe_route_tables", "RouteTables", Filters=[{"Name": "association.subnet-id", "Values": ours}])
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


class Endpoint(Ec2Kind):
    """A gateway or interface endpoint of a VPC: AWS's APIs without the internet."""

    name = "endpoint"
    id_key = "VpcEndpointId"
    immutable = frozenset({"vpc", "service", "type"})
    replaceable = True
    settles = Ec2Kind.settles | {"IncorrectState"}

    def found(self, aws: Aws, filters: list[dict[str, Any]]) -> list[dict[str, Any]]:
        gone = ("deleting", "deleted", "failed", "rejected")
        items = aws.pages("ec2", "describe_vpc_endpoints", "VpcEndpoints", Filters=filters)
        return [item for item in items if item["State"].lower() not in gone]

    def attrs(self, item: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "vpc": item["VpcId"],
            "service": item["ServiceName"],
            "type": item["VpcEndpointType"],
            "route_tables": canonical(item.get("RouteTableIds") or []),
            "subnets": canonical(item.get("SubnetIds") or []),
            "groups": canonical(group["GroupId"] for group in item.get("Groups") or []),
            "private_dns": bool(item.get("PrivateDnsEnabled")),
        }

    def create(self, aws: Aws, scope: Scope, name: str, want: Mapping[str, Any]) -> Live:
        params: dict[str, Any] = {
            "VpcId": want["vpc"],
            "ServiceName": want["service"],
            "VpcEndpointType": want["type"],
            "TagSpecifications": tagged("vpc-endpoint", want["tags"]),
        }
        if want["type"] == "Gateway":
            params["RouteTableIds"] = want["route_tables"]
        else:
            params |= {"SubnetIds": want["subnets"], "SecurityGroupIds": want["groups"], "PrivateDnsEnabled": want["private_dns"]}
        return Live(dict(want), self.outputs(aws.call("ec2", "create_vpc_endpoint", **params)["VpcEndpoint"]))

    def _state(self, aws: Aws, endpoint: str) -> str:
        answer = aws.find("ec2", "describe_vpc_endpoints", VpcEndpointIds=[endpoint])
        found = (answer or {}).get("VpcEndpoints") or []
        return str(found[0]["State"]).lower() if found else "deleted"

    def ready(self, aws: Aws, name: str, live: Live) -> None:
        if live.attrs["type"] == "Interface":  # gateway endpoints are there at once
            aws.wait(f"endpoint {name}", lambda: self._state(aws, live.id), until=["available"], unless=["failed", "rejected"], pause=5)

    def update(self, aws: Aws, scope: Scope, name: str, live: Live, want: Mapping[str, Any], changed: frozenset[str]) -> None:
        params: dict[str, Any] = {}
        for attr, option in (("route_tables", "RouteTableIds"), ("subnets", "SubnetIds"), ("groups", "SecurityGroupIds")):
            if attr in changed:
                have, wanted = set(live.attrs[attr]), set(want[attr])
                params |= {f"Add{option}": sorted(wanted - have), f"Remove{option}": sorted(have - wanted)}
        if "private_dns" in changed:
            params["PrivateDnsEnabled"] = want["private_dns"]
        params = {key: value for key, value in params.items() if value != []}
        if params:
            aws.call("ec2", "modify_vpc_endpoint", VpcEndpointId=live.id, **params)
        self.retag(aws, live, want, changed)

    def delete(self, aws: Aws, scope: Scope, name: str, live: Live) -> None:
        aws.find("ec2", "delete_vpc_endpoints", VpcEndpointIds=[live.id])
        aws.wait(f"end of endpoint {name}", lambda: self._state(aws, live.id), until=["deleted"], pause=5)


class FlowLog(Ec2Kind):
    """The flow log of a VPC, delivered to a bucket. Nothing of it can be changed in place."""

    name = "flow_log"
    id_key = "FlowLogId"
    immutable = frozenset({"resource", "destination", "traffic", "interval"})
    replaceable = True

    def found(self, aws: Aws, filters: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return aws.pages("ec2", "describe_flow_logs", "FlowLogs", Filter=filters)

    def attrs(self, item: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "resource": item["ResourceId"],
            "destination": item["LogDestination"],
            "traffic": item["TrafficType"],
            "interval": int(item["MaxAggregationInterval"]),
        }

    def create(self, aws: Aws, scope: Scope, name: str, want: Mapping[str, Any]) -> Live:
        answer = aws.call(
            "ec2", "create_flow_logs", ResourceIds=[want["resource"]], ResourceType="VPC", TrafficType=want["traffic"],
            LogDestinationType="s3", LogDestination=want["destination"], MaxAggregationInterval=want["interval"],
            TagSpecifications=tagged("vpc-flow-log", want["tags"]),
        )  # fmt: skip
        aws.refused(answer.get("Unsuccessful"))
        return Live(dict(want), {"id": answer["FlowLogIds"][0]})

    def update(self, aws: Aws, scope: Scope, name: str, live: Live, want: Mapping[str, Any], changed: frozenset[str]) -> None:
        self.retag(aws, live, want, changed)

    def delete(self, aws: Aws, scope: Scope, name: str, live: Live) -> None:
        aws.find("ec2", "delete_flow_logs", FlowLogIds=[live.id])
