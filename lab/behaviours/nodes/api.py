"""The nodes that the EC2 API tells of: instances of the unit `nodes`, with an interface and a data volume of their own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ...world.net import Host

RUNNING, AT_REST = ("pending", "running"), ("stopping", "stopped")
"""States of an instance that is there (EC2 API, InstanceState); in the others it is gone, or going."""

HOST_NAME = 64
"""Characters that the kernel keeps of a machine's name (gethostname(2))."""


@dataclass(frozen=True)
class Node:
    """A node, as the API has it now.

    Attributes:
        name: Its host name in the inventory, `keeper-1.eu-west-1`, a client's `acme-clickhouse-1.me-west-1`.
        region: Region code.
        instance: Id of its instance.
        address: Its interface's address.
        subnet: Id of its interface's subnet.
        groups: Ids of its interface's security groups.
        volume: Id of its data volume, "" while none is attached.
        zone: The private zone that its name is in.
        running: Whether the instance runs, or is to.
    """

    name: str
    region: str
    instance: str
    address: str
    subnet: str
    groups: tuple[str, ...]
    volume: str
    zone: str
    running: bool

    @property
    def host(self) -> Host:
        return Host(self.name, self.region, self.address, self.subnet, self.groups)

    @property
    def host_name(self) -> str:
        """What the machine calls itself: its name in DNS, where that is short enough for a machine's."""
        whole = f"{self.name}.{self.zone}"
        return whole if len(whole) <= HOST_NAME else self.name[:HOST_NAME].rstrip("-.")


def described(region: str, instances: Iterable[Mapping[str, Any]], volumes: Iterable[Mapping[str, Any]]) -> list[Node]:
    """Return a region's nodes, by name.

    Args:
        region: Region code.
        instances: As DescribeInstances answers. Those without the tags of the unit `nodes`, and without an interface, are nobody's here.
        volumes: As DescribeVolumes answers. The data volume is the one that does not end with its instance.
    """
    data = {
        (one["InstanceId"], one["Device"]): volume["VolumeId"]
        for volume in volumes
        for one in volume.get("Attachments") or []
        if not one.get("DeleteOnTermination")
    }
    nodes: dict[str, Node] = {}
    for instance in instances:
        tags = {tag["Key"]: tag["Value"] for tag in instance.get("Tags") or []}
        state, interfaces = instance["State"]["Name"], instance.get("NetworkInterfaces") or []
        if tags.get("Component") != "nodes" or not tags.get("Node") or state not in (*RUNNING, *AT_REST) or not interfaces:
            continue
        client = f"{tags['Client']}-" if tags.get("Client") else ""
        name = f"{client}{tags['Node']}.{region}"
        nodes[name] = Node(
            name=name,
            region=region,
            instance=instance["InstanceId"],
            address=interfaces[0]["PrivateIpAddress"],
            subnet=interfaces[0]["SubnetId"],
            groups=tuple(sorted(group["GroupId"] for group in interfaces[0]["Groups"])),
            volume=next((data[key] for key in sorted(data) if key[0] == instance["InstanceId"]), ""),
            zone=f"{tags['Platform']}-{tags['Environment']}.internal",
            running=state in RUNNING,
        )
    return [nodes[name] for name in sorted(nodes)]


def read(ec2: Any, region: str) -> tuple[list[Node], set[str]]:
    """Return a region's nodes, and the ids of all its volumes."""
    instances = [
        one for page in ec2.get_paginator("describe_instances").paginate() for each in page["Reservations"] for one in each["Instances"]
    ]
    volumes = [one for page in ec2.get_paginator("describe_volumes").paginate() for one in page["Volumes"]]
    return described(region, instances, volumes), {one["VolumeId"] for one in volumes}
