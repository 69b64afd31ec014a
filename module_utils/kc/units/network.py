"""The unit `network`: a region's VPC and everything in it that other units are put into."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ..aws.ec2 import Address, InternetGateway, NatGateway, Subnet, Tier, Vpc
from ..aws.endpoints import Endpoint, FlowLog
from ..aws.routing import NetworkAcl, RouteTable
from ..aws.security_groups import SecurityGroup, SecurityGroupRules
from ..errors import KcError
from ..model import Ref, Resource, canonical
from ..scope import Scope
from ..unit import Params, Unit

VPC, GATEWAY, SUBNET, ADDRESS, NAT = Vpc(), InternetGateway(), Subnet(), Address(), NatGateway()
ROUTE_TABLE, ACL, GROUP, RULES = RouteTable(), NetworkAcl(), SecurityGroup(), SecurityGroupRules()
ENDPOINT, FLOW_LOG = Endpoint(), FlowLog()

WORLD = "0.0.0.0/0"
SUBNET_BITS = 4
"""A subnet takes a sixteenth of the VPC; a tier takes four of them, one a zone and one spare."""
ZONES_A_TIER = 4


def build(scope: Scope, params: Params) -> Sequence[Resource]:
    """Return the region's network.

    Names: the VPC is `kc-lab`, a subnet `kc-lab-<tier>-<zone letter>`, a tier's route table `kc-lab-<tier>`, or one
    a zone where each zone has a NAT gateway of its own.
    """
    return [Resource(kind, name, desired, scope.region) for kind, name, desired in _everything(scope, params)]


def vpc_name(scope: Scope) -> str:
    """Return the `Name` tag of the region's VPC."""
    return scope.prefix.rstrip("-")


def nat_of(scope: Scope, zone: str) -> Resource:
    """Return the NAT gateway of a zone (its letter) as other units look it up: output `id`."""
    return Resource(NAT, scope.shared.name("tag", "nat", zone), None, scope.region, component="network")


def vpc_of(scope: Scope, region: str = "") -> Resource:
    """Return a region's VPC (the scope's own where empty) as other units look it up: outputs `id` and `cidr`."""
    return Resource(VPC, vpc_name(scope.shared), None, region or scope.region, component="network")


def tier_of(scope: Scope, tier: str) -> Resource:
    """Return a tier's subnets as other units look them up: outputs `subnets` and `zones`; the name is the tier's."""
    return Resource(Tier(), tier, None, scope.region, component="network")


def subnet_of(scope: Scope, tier: str, zone: str) -> Resource:
    """Return one subnet, of a tier and a zone's letter, as other units look it up: output `id`."""
    return Resource(SUBNET, scope.shared.name("tag", tier, zone), None, scope.region, component="network")


def group_of(scope: Scope, short: str) -> Resource:
    """Return a security group as other units look it up: output `id`."""
    return Resource(GROUP, scope.shared.name("security_group", short), None, scope.region, component="network")


def subnet_cidr(cidr: str, tier: int, zone: int) -> str:
    """Return the CIDR of a subnet by its tier's and zone's position; it never moves when others come or go.

    Raises:
        KcError: More tiers or zones than the layout has room for, or a VPC that is too small.
    """
    network = ipaddress.ip_network(cidr)
    if tier >= 2**SUBNET_BITS // ZONES_A_TIER or zone >= ZONES_A_TIER:
        raise KcError(f"a network has room for {2**SUBNET_BITS // ZONES_A_TIER} tiers of {ZONES_A_TIER} zones")
    if network.prefixlen + SUBNET_BITS > 28:
        raise KcError(f"{cidr} is too small to be split in sixteen subnets", hint="AWS's smallest subnet is a /28: give a /24 or larger")
    return str(list(network.subnets(prefixlen_diff=SUBNET_BITS))[tier * ZONES_A_TIER + zone])


def _everything(scope: Scope, params: Params) -> Iterator[tuple[Any, str, dict[str, Any]]]:
    name = vpc_name(scope)
    vpc = Ref("vpc", name)
    zones: list[str] = params["zones"]
    tiers: Mapping[str, Mapping[str, Any]] = params["tiers"]

    def full(*parts: str) -> str:
        return scope.name("tag", *parts)

    def tags(of: str, **more: str) -> dict[str, str]:
        return {**scope.tags(of), **more}

    yield VPC, name, {"cidr": params["cidr"], "dns_support": True, "dns_hostnames": True, "default_group_rules": 0, "tags": tags(name)}

    for position, tier in enumerate(tiers):
        for index, zone in enumerate(zones):
            subnet = full(tier, zone)
            yield (
                SUBNET,
                subnet,
                {
                    "vpc": vpc,
                    "cidr": subnet_cidr(params["cidr"], position, index),
                    "zone": f"{scope.region}{zone}",
                    "public_addresses": False,
                    "tags": tags(subnet, Tier=tier),
                },
            )

    public = next((tier for tier, about in tiers.items() if about["internet"] == "direct"), None)
    if public:
        yield GATEWAY, name, {"vpc": vpc, "tags": tags(name)}
    nat_zones = _nat_zones(params, public)
    for zone in nat_zones:
        nat = full("nat", zone)
        yield ADDRESS, nat, {"tags": tags(nat)}
        yield NAT, nat, {"subnet": Ref("subnet", full(str(public), zone)), "address": Ref("address", nat), "tags": tags(nat)}

    tables: list[str] = []
    for tier, about in tiers.items():
        for table, served, nat_zone in _tables(tier, about, zones, nat_zones):
            tables.append(full(*table))
            yield (
                ROUTE_TABLE,
                full(*table),
                {
                    "vpc": vpc,
                    "subnets": [Ref("subnet", full(tier, zone)) for zone in served],
                    "routes": _routes(about["internet"], name, full("nat", nat_zone) if nat_zone else ""),
                    "tags": tags(full(*table), Tier=tier),
                },
            )
        yield (
            ACL,
            full(tier),
            {
                "vpc": vpc,
                "subnets": [Ref("subnet", full(tier, zone)) for zone in zones],
                "entries": acl_entries(about["acl"], [params["cidr"], *params["peer_cidrs"]]),
                "tags": tags(full(tier), Tier=tier),
            },
        )

    groups: Mapping[str, Mapping[str, Any]] = params["security_groups"]
    for short, about in groups.items():
        group = scope.name("security_group", short)
        yield GROUP, group, {"vpc": vpc, "description": about["description"], "tags": tags(group)}
        yield (
            RULES,
            group,
            {
                "group": Ref("security_group", group),
                "ingress": group_rules(scope, params, about.get("ingress") or [], f"security_groups.{short}.ingress"),
                "egress": group_rules(scope, params, about.get("egress") or [], f"security_groups.{short}.egress"),
            },
        )

    yield from _endpoints(scope, params, vpc, tables)
    if params["flow_log_bucket"]:
        yield (
            FLOW_LOG,
            name,
            {
                "resource": vpc,
                "destination": f"arn:{scope.partition}:s3:::{scope.bucket(params['flow_log_bucket'])}",
                "traffic": "ALL",
                "interval": 60,
                "tags": tags(name),
            },
        )


def _nat_zones(params: Params, public: str | None) -> list[str]:
    wants = any(about["internet"] == "nat" for about in params["tiers"].values())
    if not wants or params["nat"] == "none":
        return []
    if public is None:
        raise KcError("a tier reaches the internet through NAT, but no tier reaches it directly", hint="give one tier `internet: direct`")
    return list(params["zones"]) if params["nat"] == "zone" else list(params["zones"][:1])


def _tables(
    tier: str, about: Mapping[str, Any], zones: Sequence[str], nat_zones: Sequence[str]
) -> Iterator[tuple[tuple[str, ...], Sequence[str], str]]:
    """Yield a tier's route tables: name, zones served, and the zone of the NAT gateway that they lead through."""
    if about["internet"] == "nat" and len(nat_zones) > 1:
        for zone in zones:
            yield (tier, zone), [zone], zone
    else:
        yield (tier,), zones, nat_zones[0] if about["internet"] == "nat" and nat_zones else ""


def _routes(internet: str, gateway: str, nat: str) -> list[dict[str, Any]]:
    if internet == "direct":
        return [{"to": WORLD, "via": Ref("internet_gateway", gateway)}]
    return [{"to": WORLD, "via": Ref("nat_gateway", nat)}] if nat else []


def acl_entries(acl: str, inside: Sequence[str]) -> list[dict[str, Any]]:
    """Return a network ACL's entries.

    `open` lets everything pass: security groups decide. `internal` takes connections from this VPC and its peers
    only, and lets out to them and to HTTPS; answers to that come back to ephemeral ports (S3's gateway endpoint
    is reached at public addresses). Numbers below 100 are the runbooks'.
    """
    if acl == "open":
        return canonical(_acl(100, egress, "all", 0, 65535, WORLD) for egress in (False, True))
    entries = []
    for index, cidr in enumerate(sorted(set(inside))):
        entries += [_acl(100 + index, egress, "all", 0, 65535, cidr) for egress in (False, True)]
    entries += [_acl(200, True, "tcp", 443, 443, WORLD), _acl(200, False, "tcp", 1024, 65535, WORLD)]
    return canonical(entries)


def _acl(rule: int, egress: bool, protocol: str, first: int, last: int, cidr: str) -> dict[str, Any]:
    return {"rule": rule, "egress": egress, "action": "allow", "protocol": protocol, "from": first, "to": last, "cidr": cidr}


def group_rules(scope: Scope, params: Params, rules: Sequence[Mapping[str, Any]], where: str) -> list[dict[str, Any]]:
    """Return a security group's rules, one a port range and peer.

    A peer is `world`, `vpc`, `peers` (the VPCs that this one is peered with), another group's short name, or a CIDR.

    Raises:
        KcError: A peer that is none of these, or ports that are no range.
    """
    result = []
    for rule in rules:
        first, last = ports(str(rule["port"]), where)
        about = {"protocol": rule.get("protocol") or "tcp", "from": first, "to": last, "why": rule["why"]}
        result += [{**about, "peer": peer} for peer in _peers(scope, params, rule["peer"], where)]
    return canonical(result)


def ports(text: str, where: str) -> tuple[int, int]:
    """Return the first and last port of `443` or `8000-8100`."""
    first, _, last = text.partition("-")
    if not first.isdigit() or (last and not last.isdigit()) or not 0 <= int(first) <= int(last or first) <= 65535:
        raise KcError(f"{where}: `{text}` is no port and no range of ports", hint="write 443 or 8000-8100")
    return int(first), int(last or first)


def _peers(scope: Scope, params: Params, peer: str, where: str) -> list[Any]:
    if peer in params["security_groups"]:
        return [Ref("security_group", scope.name("security_group", peer))]
    named = {"world": [WORLD], "vpc": [params["cidr"]], "peers": list(params["peer_cidrs"])}
    if peer in named:
        return named[peer]
    try:
        return [str(ipaddress.ip_network(peer))]
    except ValueError:
        known = ", ".join([*named, *params["security_groups"]])
        raise KcError(f"{where}: `{peer}` is no peer", hint=f"name one of {known}, or a CIDR") from None


def _endpoints(scope: Scope, params: Params, vpc: Ref, tables: Sequence[str]) -> Iterator[tuple[Any, str, dict[str, Any]]]:
    inner = [tier for tier, about in params["tiers"].items() if about["internet"] != "direct"]
    for service in params["endpoints"]["gateway"]:
        name = scope.name("tag", service)
        yield (
            ENDPOINT,
            name,
            {
                **_endpoint(scope, vpc, service, "Gateway", name),
                "route_tables": [Ref("route_table", table) for table in tables],
            },
        )
    for service in params["endpoints"]["interface"]:
        name = scope.name("tag", service.replace(".", "-"))
        yield (
            ENDPOINT,
            name,
            {
                **_endpoint(scope, vpc, service, "Interface", name),
                # one address a zone; every tier of the VPC reaches it
                "subnets": [Ref("subnet", scope.name("tag", inner[0], zone)) for zone in params["zones"]],
                "groups": [Ref("security_group", scope.name("security_group", params["endpoints"]["security_group"]))],
                "private_dns": True,
            },
        )


def _endpoint(scope: Scope, vpc: Ref, service: str, kind: str, name: str) -> dict[str, Any]:
    return {"vpc": vpc, "service": f"com.amazonaws.{scope.region}.{service}", "type": kind, "tags": scope.tags(name)}


UNIT = Unit(
    name="network",
    kinds=(VPC, GATEWAY, SUBNET, ADDRESS, NAT, ROUTE_TABLE, ACL, GROUP, RULES, ENDPOINT, FLOW_LOG),
    build=build,
    services=("ec2",),
)
