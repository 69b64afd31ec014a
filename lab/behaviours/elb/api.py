"""What the ELB API says of a region's load balancers."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ...world.behaviour import World
from .conditions import action_of, forwards
from .config import Certificate, Group, Listener
from .health import DRAINING, Check, Target


@dataclass
class FoundListener:
    """A listener, and the names that each of its certificates is for, those of the default one first."""

    port: int
    names: tuple[tuple[str, ...], ...]
    policy: str
    attributes: Mapping[str, str]
    rules: Sequence[Mapping[str, Any]]

    def of(self, certificates: tuple[Certificate, ...]) -> Listener:
        return Listener(self.port, certificates, self.policy, self.attributes, self.rules)


@dataclass
class FoundGroup:
    """A target group; `targets` are `address:port`, `told` what their health was told to be last."""

    arn: str
    protocol: str
    attributes: Mapping[str, str]
    check: Check
    targets: tuple[str, ...]
    told: Mapping[str, Target]

    @property
    def suffix(self) -> str:
        return self.arn.rpartition(":")[2]

    def of(self, usable: tuple[str, ...]) -> Group:
        return Group(self.suffix, self.attributes, usable, self.protocol)


@dataclass
class Found:
    """A load balancer; `address` is its host's, once it has one."""

    arn: str
    dns: str
    subnets: tuple[str, ...]
    groups: tuple[str, ...]
    attributes: Mapping[str, str]
    listeners: Sequence[FoundListener]
    address: str = ""

    @property
    def suffix(self) -> str:
        return self.arn.rpartition(":loadbalancer/")[2]

    @property
    def host(self) -> str:
        """The name of its host: the end of its ARN, which no other has."""
        return "alb-" + hashlib.sha256(self.arn.encode()).hexdigest()[:8]

    def led_to(self, groups: Mapping[str, FoundGroup]) -> list[FoundGroup]:
        """Return the groups that its rules lead to."""
        arns = {arn for listener in self.listeners for rule in listener.rules for arn in forwards(action_of(rule["Actions"]))}
        return [groups[arn] for arn in sorted(arns) if arn in groups]


@dataclass
class Region:
    """A region's load balancers and target groups (by ARN), its subnets' addresses, and addresses that others have."""

    balancers: list[Found] = field(default_factory=list)
    groups: dict[str, FoundGroup] = field(default_factory=dict)
    subnets: dict[str, str] = field(default_factory=dict)
    reserved: list[str] = field(default_factory=list)

    def subnet(self, ids: Sequence[str]) -> tuple[str, str]:
        """Return the first of some subnets, and its addresses."""
        return ids[0], self.subnets[ids[0]]


def read(world: World, region: str) -> Region:
    """Read a region's application load balancers, with all that they lead to."""
    elb = world.client("elbv2", region)
    standing = [each for each in elb.describe_load_balancers()["LoadBalancers"] if each["Type"] == "application"]
    found = Region()
    if not standing:
        return found
    ec2 = world.client("ec2", region)
    wanted = sorted({zone["SubnetId"] for each in standing for zone in each["AvailabilityZones"]})
    found.subnets = {each["SubnetId"]: each["CidrBlock"] for each in ec2.describe_subnets(SubnetIds=wanted)["Subnets"]}
    found.reserved = [each["PrivateIpAddress"] for each in ec2.describe_network_interfaces()["NetworkInterfaces"]]
    for each in standing:
        arn = each["LoadBalancerArn"]
        attributes = elb.describe_load_balancer_attributes(LoadBalancerArn=arn)["Attributes"]
        found.balancers.append(
            Found(
                arn,
                each["DNSName"],
                tuple(sorted((zone["SubnetId"] for zone in each["AvailabilityZones"]), key=lambda id: found.subnets[id])),
                tuple(each.get("SecurityGroups") or ()),
                _by_key(attributes),
                [_listener(world, region, listener) for listener in elb.describe_listeners(LoadBalancerArn=arn)["Listeners"]],
            )
        )
    for group in (each for each in elb.describe_target_groups()["TargetGroups"] if each["TargetType"] == "ip"):
        found.groups[group["TargetGroupArn"]] = _group(elb, group)
    return found


def _listener(world: World, region: str, listener: Mapping[str, Any]) -> FoundListener:
    elb = world.client("elbv2", region)
    arn = listener["ListenerArn"]
    certificates = [each["CertificateArn"] for each in listener.get("Certificates") or ()]
    if certificates:
        more = elb.describe_listener_certificates(ListenerArn=arn)["Certificates"]
        certificates = list(dict.fromkeys([*certificates, *(each["CertificateArn"] for each in more)]))
    acm = world.client("acm", region)
    described = [acm.describe_certificate(CertificateArn=each)["Certificate"] for each in certificates]
    return FoundListener(
        listener["Port"],
        tuple(tuple(sorted({each["DomainName"], *(each.get("SubjectAlternativeNames") or ())})) for each in described),
        listener.get("SslPolicy") or "",
        _by_key(elb.describe_listener_attributes(ListenerArn=arn)["Attributes"]),
        elb.describe_rules(ListenerArn=arn)["Rules"],
    )


def _group(elb: Any, group: Mapping[str, Any]) -> FoundGroup:
    arn = group["TargetGroupArn"]
    health = elb.describe_target_health(TargetGroupArn=arn)["TargetHealthDescriptions"]
    told = {
        f"{each['Target']['Id']}:{each['Target']['Port']}": Target(
            each["TargetHealth"]["State"], each["TargetHealth"].get("Reason") or "", each["TargetHealth"].get("Description") or ""
        )
        for each in health
    }
    serving = {target: state for target, state in told.items() if state.state != DRAINING}
    attributes = elb.describe_target_group_attributes(TargetGroupArn=arn)["Attributes"]
    return FoundGroup(arn, group["Protocol"], _by_key(attributes), Check.of(group), tuple(sorted(serving)), serving)


def _by_key(attributes: Sequence[Mapping[str, str]]) -> dict[str, str]:
    return {each["Key"]: each["Value"] for each in attributes}
