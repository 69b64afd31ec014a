"""The platform's networks in the lab, with a host of every tier in two regions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

from lab.world.net import Host
from tests.world.sockets import reaches, serving

HOME, OTHER = "me-west-1", "eu-central-1"
PORTS = (22, 443, 3306, 8080)
UDP = 7000
"""A port that the public tier's group is opened for: datagrams show each way alone."""

Until = Callable[..., Any]


@dataclass
class Platform:
    """Hosts by `<region>/<tier>`, with a server at each of `PORTS`."""

    world: Any
    hosts: dict[str, Host]

    def at(self, tier: str, region: str = HOME) -> Host:
        return self.hosts[f"{region}/{tier}"]

    def reaches(self, source: Host | str, target: Host, port: int) -> bool:
        return reaches(source if isinstance(source, str) else source.namespace, target.address, port)


def named(answer: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return resources by their `Name` tag."""
    return {tag["Value"]: one for one in answer for tag in one.get("Tags", []) if tag["Key"] == "Name"}


@contextmanager
def standing(world: Any, until: Until) -> Iterator[Platform]:
    """Converge the networks and attach the hosts."""
    world.play("playbooks/foundation.yml", "--tags", "network,peering", "-e", "kc_network_flow_log_bucket=")
    platform = Platform(world, {})
    with ExitStack() as stack:
        for region in (HOME, OTHER):
            until(lambda region=region: world.net.cidr(region))
            ec2 = world.client("ec2", region)
            subnets, groups = named(ec2.describe_subnets()["Subnets"]), named(ec2.describe_security_groups()["SecurityGroups"])
            for tier, group in (("public", "balancer"), ("private", "app"), ("data", "data")):
                subnet, member = subnets[f"kc-lab-{tier}-a"], groups[f"kc-lab-{group}"]["GroupId"]
                address = world.net.free(region, subnet["CidrBlock"])
                host = Host(f"test-{region}-{tier}", region, address, subnet["SubnetId"], (member,))
                stack.callback(world.net.detach, host.name)
                world.net.attach(host)
                platform.hosts[f"{region}/{tier}"] = host
                for port in PORTS:
                    stack.enter_context(serving(host.namespace, port))
        opened = {"IpProtocol": "udp", "FromPort": UDP, "ToPort": UDP, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
        ec2, group = world.client("ec2", HOME), platform.at("public").groups[0]
        ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[opened])
        ec2.authorize_security_group_egress(GroupId=group, IpPermissions=[opened])
        for region in (HOME, OTHER):
            until(lambda region=region: platform.reaches(platform.at("private", region), platform.at("data", region), 3306))
        yield platform
