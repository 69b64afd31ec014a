"""The unit `nodes`: the EC2 instances that ClickHouse and Keeper run on, and what of them outlives an instance."""

from __future__ import annotations

import dataclasses
import ipaddress
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from .. import limits
from ..aws.instances import Instance, LaunchTemplate
from ..aws.interfaces import Interface
from ..aws.volumes import Volume, VolumeAttachment
from ..errors import KcError
from ..model import Ref, Resource
from ..scope import Scope
from ..settings import settings
from ..unit import Params, Unit
from .keys import key_name, key_of
from .network import group_of, subnet_cidr, subnet_of
from .private_zone import RECORD, private_record, private_zone_of

INTERFACE, VOLUME, TEMPLATE, INSTANCE, ATTACHMENT = Interface(), Volume(), LaunchTemplate(), Instance(), VolumeAttachment()

NODE = r"[a-z]([a-z0-9-]*[a-z0-9])?"
"""What a node may be called: a label of its name in the private zone."""

LABEL = 63
"""Characters of a label of a DNS name. RFC 1035, section 2.3.4."""

PURCHASES = ("on_demand", "reserved")
"""How a node is meant to be paid for: what the tag `Purchase` says. Nothing is bought here."""

SSH_KEY = r"(ssh-ed25519|sk-ssh-ed25519@openssh\.com|ecdsa-sha2-nistp(256|384|521)|ssh-rsa) [A-Za-z0-9+/]+={0,2}( [\w.@+-]+)?"
"""A public key, as it stands in `authorized_keys`; what a shell could read otherwise is not taken. sshd(8)."""

USER = "admin"
"""The user of Debian's images, who may become root. Debian wiki, Cloud/AmazonEC2Image."""

DEBIAN = "136693071363"
"""The AWS account that Debian publishes its images from. Debian wiki, Cloud/AmazonEC2Image."""


@dataclasses.dataclass(frozen=True)
class VolumeSettings:
    """What the inventory says of a data volume."""

    size: int
    iops: int = limits.GP3_IOPS[0]
    throughput: int = limits.GP3_THROUGHPUT[0]
    device: str = "/dev/sdf"


@dataclasses.dataclass(frozen=True)
class ImageSettings:
    """What the inventory says of an image."""

    owner: str = DEBIAN
    name: str = ""
    device: str = "/dev/xvda"


@dataclasses.dataclass(frozen=True)
class ServiceSettings:
    """What the nodes of a service have in common; the module's documentation explains each."""

    type: str
    volume: dict[str, Any]
    purchase: str = "on_demand"
    tier: str = "data"
    security_groups: list[str] = dataclasses.field(default_factory=lambda: ["data"])
    role: str = "clickhouse-node"
    key: str = "data"
    root_size: int = 16
    image: dict[str, Any] = dataclasses.field(default_factory=dict)
    image_id: str = ""
    monitoring: bool = True
    metadata_hops: int = 1


@dataclasses.dataclass(frozen=True)
class NodeSettings:
    """What the inventory says of one node: where it stands, and in what it differs from others of its service."""

    service: str
    zone: str
    address: int
    type: str | None = None
    volume: dict[str, Any] | None = None
    purchase: str | None = None
    image_id: str | None = None


@dataclasses.dataclass(frozen=True)
class Node:
    """A node with everything that its resources are made from."""

    short: str
    about: NodeSettings
    service: ServiceSettings
    volume: VolumeSettings
    image: ImageSettings
    address: str
    ssh_keys: Sequence[str]


def build(scope: Scope, params: Params) -> Sequence[Resource]:
    """Return the nodes, and what they stand on."""
    nodes = list(_nodes(scope, params))
    _spread(nodes, params["zones"])
    for short in params["resize"]:
        if short not in params["nodes"]:
            raise KcError(f"`resize`: `{short}` is no node", hint=f"name one of {', '.join(params['nodes'])}")
    for index, key in enumerate(params.get("ssh_keys") or []):
        if not re.fullmatch(SSH_KEY, key):
            raise KcError(f"`ssh_keys[{index}]`: this is no public key", hint="write a line of a .pub file: type, key, and a plain comment")
    shared = {one.key: one for node in nodes for one in _stands_on(scope, node)}
    return [*shared.values(), *(one for node in nodes for one in _node(scope, node, resize=node.short in params["resize"]))]


def _stands_on(scope: Scope, node: Node) -> Iterator[Resource]:
    """Yield what other units made."""
    yield subnet_of(scope, node.service.tier, node.about.zone)
    yield from (group_of(scope, group) for group in node.service.security_groups)
    yield key_of(scope, node.service.key)
    yield private_zone_of(scope)


def _node(scope: Scope, node: Node, *, resize: bool) -> Iterator[Resource]:
    name = node_name(scope, node.short)
    about, service = node.about, node.service
    tags = {**scope.tags(name), "Service": about.service, "Node": node.short}
    key = Ref("key", key_name(scope, service.key), "arn")
    profile = scope.name("instance_profile", service.role)
    metadata = {"endpoint": "enabled", "tokens": "required", "hops": service.metadata_hops, "tags": "disabled"}
    architecture = limits.architecture(service.type)

    def resource(kind: Any, **desired: Any) -> Resource:
        return Resource(kind, name, desired, scope.region)

    yield resource(
        INTERFACE,
        subnet=Ref("subnet", subnet_of(scope, service.tier, about.zone).name),
        address=node.address,
        groups=[Ref("security_group", group_of(scope, group).name) for group in service.security_groups],
        description=f"{node.short}, whichever instance it is",
        source_dest_check=True,
        tags=tags,
    )
    yield resource(
        VOLUME,
        zone=f"{scope.region}{about.zone}",
        size=node.volume.size,
        type="gp3",
        iops=node.volume.iops,
        throughput=node.volume.throughput,
        encrypted=True,
        key=key,
        tags=tags,
    )
    yield resource(
        TEMPLATE,
        type=service.type,
        profile=profile,
        interfaces=[Ref("interface", name)],
        disks=[
            {
                "device": node.image.device,
                "type": "gp3",
                "size": service.root_size,
                "encrypted": True,
                "key": key,
                "ends_with_instance": True,
            }
        ],
        metadata=metadata,
        monitoring=service.monitoring,
        ebs_optimized=True,
        protected=True,
        shutdown="stop",
        user_data=user_data(scope.region, architecture, node.ssh_keys),
        more=[],
        tags=tags,
    )
    yield resource(
        INSTANCE,
        template=Ref("launch_template", name),
        image={
            "id": service.image_id,
            "owner": node.image.owner,
            "name": node.image.name or f"debian-12-{'arm64' if architecture == 'arm64' else 'amd64'}-*",
            "architecture": architecture,
            "device": node.image.device,
        },
        interface=Ref("interface", name),
        type=service.type,
        resize=resize,
        profile=profile,
        metadata=metadata,
        monitoring=service.monitoring,
        protected=True,
        shutdown="stop",
        state="running",
        tags={**tags, "Purchase": service.purchase},
    )
    yield private_record(scope, f"{node_label(scope, node.short)}.{scope.region}", "A", [node.address])
    yield resource(
        ATTACHMENT, volume=Ref("volume", name), instance=Ref("instance", name), device=node.volume.device, ends_with_instance=False
    )


def node_name(scope: Scope, short: str) -> str:
    """Return what everything of a node is called, `kc-lab-clickhouse-1`; a client's bears the client's name too."""
    return scope.name("launch_template", short)


def node_of(scope: Scope, short: str) -> Resource:
    """Return a node's instance as other units look it up: outputs `id` and `address`."""
    return Resource(INSTANCE, node_name(scope, short), None, scope.region, component="nodes", client=scope.client)


def node_label(scope: Scope, short: str) -> str:
    """Return the first label of a node's name in the private zone: `clickhouse-1`, a client's `acme-clickhouse-1`."""
    return f"{scope.client}-{short}" if scope.client else short


def user_data(region: str, architecture: str, ssh_keys: Sequence[str]) -> str:
    """Return what an instance does first: it becomes manageable, by Session Manager and through it by SSH.

    Debian's images lack the SSM agent, and the data tier has no way to the internet. AWS keeps the agent in a bucket of
    each region, which the VPC's S3 endpoint reaches. (Systems Manager user guide, "Manually installing SSM Agent on
    Debian Server instances"; "SSM Agent communications with AWS managed S3 buckets".)
    """
    package = f"debian_{'arm64' if architecture == 'arm64' else 'amd64'}/amazon-ssm-agent.deb"
    url = f"https://s3.{region}.amazonaws.com/amazon-ssm-{region}/latest/{package}"
    keys = "".join(f"echo '{key}' >> ~{USER}/.ssh/authorized_keys\n" for key in ssh_keys)
    return f"""#!/bin/sh
set -eu
install -d -m 0700 -o {USER} -g {USER} ~{USER}/.ssh
install -m 0600 -o {USER} -g {USER} /dev/null ~{USER}/.ssh/authorized_keys
{keys}command -v amazon-ssm-agent >/dev/null && exit 0
cd "$(mktemp -d)"
python3 -c 'import urllib.request; urllib.request.urlretrieve("{url}", "agent.deb")'
dpkg -i agent.deb
"""


def _nodes(scope: Scope, params: Params) -> Iterator[Node]:
    """Yield the nodes by name.

    Raises:
        KcError: A setting is wrong; the message begins with its path.
    """
    services = {name: settings(ServiceSettings, f"services.{name}", given) for name, given in params["services"].items()}
    taken: dict[str, str] = {}
    for short, given in sorted(params["nodes"].items()):
        where = f"nodes.{short}"
        if not re.fullmatch(NODE, short):
            raise KcError(f"`{where}`: `{short}` can't be a node's name", hint="use lower-case letters, digits and hyphens, a letter first")
        if len(node_label(scope, short)) > LABEL:
            raise KcError(
                f"`{where}`: `{node_label(scope, short)}` is longer than the {LABEL} characters of a DNS label", hint="shorten it"
            )
        about = settings(NodeSettings, where, given)
        if about.service not in services:
            raise KcError(f"`{where}.service`: `{about.service}` is no service", hint=f"it must be one of {', '.join(services)}")
        own = {name: value for name, value in dataclasses.asdict(about).items() if name in _OWN and value is not None}
        node = _node_of(scope, params, short, about, dataclasses.replace(services[about.service], **own))
        if node.address in taken:
            raise KcError(f"`{where}.address`: {node.address} is {taken[node.address]}'s already", hint="give it another number")
        taken[node.address] = short
        yield node


_OWN = {field.name for field in dataclasses.fields(NodeSettings)} & {field.name for field in dataclasses.fields(ServiceSettings)}
"""Settings of a service that a node may have otherwise."""


def _node_of(scope: Scope, params: Params, short: str, about: NodeSettings, service: ServiceSettings) -> Node:
    def wrong(setting: str, message: str, hint: str = "") -> KcError:
        holder = f"nodes.{short}" if getattr(about, setting.partition(".")[0], None) is not None else f"services.{about.service}"
        return KcError(f"`{holder}.{setting}`: {message}", hint=hint)

    if about.zone not in params["zones"]:
        raise wrong("zone", f"the network has no zone `{about.zone}`", f"choose one of {', '.join(params['zones'])}")
    if service.tier not in params["tiers"]:
        raise wrong("tier", f"the network has no tier `{service.tier}`", f"choose one of {', '.join(params['tiers'])}")
    if service.purchase not in PURCHASES:
        raise wrong("purchase", f"`{service.purchase}` is no way to pay for a node", f"choose one of {', '.join(PURCHASES)}")
    unknown = limits.ec2_type(service.type)
    if unknown:
        raise wrong("type", unknown)
    place = f"nodes.{short}" if about.volume is not None else f"services.{about.service}"
    volume = settings(VolumeSettings, f"{place}.volume", service.volume)
    impossible = limits.gp3(volume.size, volume.iops, volume.throughput)
    if impossible:
        raise wrong("volume", impossible)
    image = settings(ImageSettings, f"services.{about.service}.image", service.image)
    cidr = subnet_cidr(params["cidr"], list(params["tiers"]).index(service.tier), params["zones"].index(about.zone))
    subnet = ipaddress.IPv4Network(cidr)
    first, last = limits.RESERVED_HOSTS[0], subnet.num_addresses - 1 - limits.RESERVED_HOSTS[1]
    if not first <= about.address <= last:
        raise wrong(
            "address",
            f"{about.address} is no host of {subnet}",
            f"choose {first} to {last}: AWS keeps the first four and the last for itself",
        )
    return Node(short, about, service, volume, image, str(subnet[about.address]), params.get("ssh_keys") or [])


def _spread(nodes: Sequence[Node], zones: Sequence[str]) -> None:
    """See that a zone takes no more nodes of a service with it than it must.

    Raises:
        KcError: A zone has more of a service's nodes than an even spread over the network's zones gives it.
    """
    total = Counter(node.about.service for node in nodes)
    here: Counter[tuple[str, str]] = Counter()
    for node in nodes:
        service, zone = node.about.service, node.about.zone
        here[(service, zone)] += 1
        if here[(service, zone)] > -(-total[service] // len(zones)):
            others = [one.short for one in nodes if (one.about.service, one.about.zone) == (service, zone) and one is not node]
            raise KcError(
                f"`nodes.{node.short}.zone`: {', '.join(others)} of the same service is in zone {zone} too",
                hint=f"spread them over {', '.join(zones)}",
            )


UNIT = Unit(
    name="nodes",
    # an instance goes before its attachment: it lets go of the volume by itself, a running one may hold on to it
    kinds=(INTERFACE, VOLUME, TEMPLATE, ATTACHMENT, INSTANCE, RECORD),
    build=build,
    services=("ec2", "route53"),
)
