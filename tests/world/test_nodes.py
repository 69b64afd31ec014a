"""The databases' instances are machines: they boot, keep what they are told to keep, and lose what is lost."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lab.behaviours.nodes.record import Record, Records
from lab.podman import PodmanError, podman
from tests.world.platform import HOME, OTHER, Platform, Until, named
from tests.world.sockets import reaches, serving
from tests.world.workloads import lab_images

pytestmark = [pytest.mark.world, pytest.mark.xdist_group("world")]

ZONE = "kc-lab.internal"
KEPT = "/root/kept /var/lib/kc/kept"
"""A file of the root filesystem, and one of the data volume."""


def containers(world: Any) -> list[str]:
    """Return the lab's containers."""
    return podman("ps", "--all", "--filter", f"label=kc.lab={world.home / 'world'}", "--format", "{{.Names}}").split()


class Machine:
    """An instance as the unit `nodes` makes it: its interface and its volume outlive it."""

    def __init__(self, platform: Platform, until: Until, region: str) -> None:
        self.world, self.until, self.region = platform.world, until, region
        self.name = f"db-1.{region}"
        self.container = f"kc-{self.name}"
        self.ec2: Any = self.world.client("ec2", region)
        subnet = named(self.ec2.describe_subnets()["Subnets"])["kc-lab-data-a"]
        self.groups = {name: one["GroupId"] for name, one in named(self.ec2.describe_security_groups()["SecurityGroups"]).items()}
        made = self.ec2.create_network_interface(SubnetId=subnet["SubnetId"], Groups=[self.groups["kc-lab-data"]])
        self.interface, self.address = made["NetworkInterface"]["NetworkInterfaceId"], made["NetworkInterface"]["PrivateIpAddress"]
        self.volume = self.ec2.create_volume(AvailabilityZone=subnet["AvailabilityZone"], Size=1)["VolumeId"]
        self.image = self.ec2.describe_images(Owners=["136693071363"])["Images"][0]["ImageId"]
        self.instance = ""
        self.launch()

    def launch(self) -> None:
        """Run a new instance, and attach the volume."""
        tags = {"Platform": "kc", "Environment": "lab", "Component": "nodes", "Node": "db-1"}
        self.instance = self.ec2.run_instances(
            ImageId=self.image,
            MinCount=1,
            MaxCount=1,
            NetworkInterfaces=[{"DeviceIndex": 0, "NetworkInterfaceId": self.interface}],
            TagSpecifications=[{"ResourceType": "instance", "Tags": [{"Key": key, "Value": value} for key, value in tags.items()]}],
        )["Instances"][0]["InstanceId"]
        self.ec2.attach_volume(InstanceId=self.instance, VolumeId=self.volume, Device="/dev/sdf")

    @property
    def record(self) -> Record:
        found = Records(self.world.home / "world").find(self.name)
        assert found
        return found

    @property
    def pid(self) -> int:
        process = self.record.process
        return process.pid if process else 0

    @property
    def state(self) -> str:
        """What `status` says of it."""
        return next(one["state"] for region in self.world.status()["regions"] for one in region["hosts"] if one["name"] == self.name)

    def run(self, command: str) -> str:
        return podman("exec", self.container, "sh", "-c", command).strip()

    def booted(self) -> None:
        """Wait until it serves."""
        self.until(lambda: self.record.node.instance == self.instance and self.run("systemctl is-system-running") == "running")


@pytest.fixture(scope="module")
def machines(platform: Platform, until: Until) -> Iterator[dict[str, Machine]]:
    """A node in each of two regions, and the zone that has their names."""
    assert lab_images(platform.world.home, "node").returncode == 0
    found = {region: Machine(platform, until, region) for region in (HOME, OTHER)}
    route53: Any = platform.world.client("route53")
    vpcs = [{"VPCRegion": region, "VPCId": named(one.ec2.describe_vpcs()["Vpcs"])["kc-lab"]["VpcId"]} for region, one in found.items()]
    zone = route53.create_hosted_zone(Name=ZONE, CallerReference="nodes", VPC=vpcs[0], HostedZoneConfig={"PrivateZone": True})
    zone_id = zone["HostedZone"]["Id"]
    route53.associate_vpc_with_hosted_zone(HostedZoneId=zone_id, VPC=vpcs[1])
    records = [
        {"Name": f"{one.name}.{ZONE}", "Type": "A", "TTL": 60, "ResourceRecords": [{"Value": one.address}]} for one in found.values()
    ]
    changes = [{"Action": "CREATE", "ResourceRecordSet": record} for record in records]
    route53.change_resource_record_sets(HostedZoneId=zone_id, ChangeBatch={"Changes": changes})
    for one in found.values():
        one.booted()
    yield found


@pytest.fixture
def node(machines: dict[str, Machine]) -> Machine:
    """The one at home, with a file on each of its filesystems."""
    machine = machines[HOME]
    machine.booted()
    machine.run(f"for file in {KEPT}; do echo kept >$file; done")
    return machine


def test_a_node_has_its_address_its_name_and_the_others_names(machines: dict[str, Machine], until: Until) -> None:
    here, there = machines[HOME], machines[OTHER]
    assert here.run("hostname --fqdn") == f"{here.name}.{ZONE}"
    assert f"{here.address}/" in here.run("ip -brief -4 address show eth0")
    assert here.state == "up"
    until(lambda: here.run(f"getent hosts {there.name}.{ZONE}").split() == [there.address, f"{there.name}.{ZONE}"])
    assert here.run("findmnt --noheadings --output target --target /var/lib/kc") == "/var/lib/kc"
    assert "systemd" in here.world.run("logs", here.name)


def test_it_obeys_its_security_groups_and_goes_on_with_others(platform: Platform, machines: dict[str, Machine], until: Until) -> None:
    node, private = machines[HOME], platform.at("private").namespace
    pid = node.pid
    namespace = node.record.node.host.namespace
    with serving(namespace, 3306), serving(namespace, 22), serving(namespace, 8080):
        until(lambda: reaches(private, node.address, 3306))
        assert not reaches(private, node.address, 22)
        assert not reaches("kc-user", node.address, 3306)
        node.ec2.modify_network_interface_attribute(NetworkInterfaceId=node.interface, Groups=[node.groups["kc-lab-app"]])
        until(lambda: not reaches(private, node.address, 3306))
        node.ec2.modify_network_interface_attribute(NetworkInterfaceId=node.interface, Groups=[node.groups["kc-lab-data"]])
        until(lambda: reaches(private, node.address, 3306))
    assert node.pid == pid


STORED = """
import boto3, botocore.config
config = botocore.config.Config(connect_timeout=2, read_timeout=2, retries={{"total_max_attempts": 1}}, s3={{"addressing_style": "{style}"}})
s3 = boto3.client("s3", "{region}", aws_access_key_id="any", aws_secret_access_key="any", config=config)
s3.put_object(Bucket="kept-at-home", Key="{style}", Body=b"x" * 10_000_000)
print(len(s3.get_object(Bucket="kept-at-home", Key="{style}")["Body"].read()))
"""


def test_a_node_reaches_its_regions_apis_over_tls_and_no_others(machines: dict[str, Machine], until: Until) -> None:
    node = machines[HOME]
    node.world.client("s3", HOME).create_bucket(Bucket="kept-at-home", CreateBucketConfiguration={"LocationConstraint": HOME})
    for style in ("virtual", "path"):
        assert node.run(f"python3 -c '{STORED.format(style=style, region=HOME)}'") == "10000000"
    assert node.run(f"getent hosts s3.{OTHER}.amazonaws.com").split()[0] == node.world.net.uplink(OTHER)
    with pytest.raises(PodmanError, match=r"Connect timeout|Could not connect"):
        node.run(f"python3 -c '{STORED.format(style='path', region=OTHER)}'")
    node.world.run("cut", HOME)
    assert node.run(f"python3 -c '{STORED.format(style='path', region=HOME)}'") == "10000000", "the region has its own"
    node.world.run("heal")
    node.world.run("api", HOME, "stop")
    with pytest.raises(PodmanError, match="Read timeout"):
        node.run(f"python3 -c '{STORED.format(style='path', region=HOME)}'")
    node.world.run("heal")


def test_a_killed_node_is_off_until_it_is_started(node: Machine, until: Until) -> None:
    node.world.run("kill", node.name)
    until(lambda: not node.pid)
    assert node.state == "killed"
    node.world.run("start", node.name)
    node.booted()
    assert node.run(f"cat {KEPT}") == "kept\nkept"


def test_a_machine_that_ends_by_itself_boots_again(node: Machine, until: Until) -> None:
    before = node.pid
    os.kill(before, signal.SIGKILL)
    until(lambda: node.pid not in (0, before))
    node.booted()


def test_a_lost_disk_is_empty_and_the_rest_stays(node: Machine, until: Until) -> None:
    before = node.pid
    assert node.world.run("wipe", node.name) == f"{node.name}: {node.volume} is empty; the node boots again"
    until(lambda: node.pid not in (0, before))
    node.booted()
    assert node.run("ls /var/lib/kc; cat /root/kept") == "kept"


def test_a_stopped_instance_is_off_and_keeps_its_disks(node: Machine, until: Until) -> None:
    node.ec2.stop_instances(InstanceIds=[node.instance])
    until(lambda: node.state == "off")
    assert node.container not in containers(node.world)
    assert node.world.run("wipe", node.name).endswith("is empty; the node is off")
    node.ec2.start_instances(InstanceIds=[node.instance])
    node.booted()
    assert node.run("ls /var/lib/kc; cat /root/kept") == "kept"


def test_a_node_without_its_volume_is_off_and_the_doctor_says_so(node: Machine, until: Until) -> None:
    node.ec2.detach_volume(VolumeId=node.volume, InstanceId=node.instance)
    until(lambda: node.state == "off")
    assert any(line.startswith(f"the node {node.name} is off, as no data volume") for line in node.world.run("doctor", code=1).splitlines())
    node.ec2.attach_volume(InstanceId=node.instance, VolumeId=node.volume, Device="/dev/sdf")
    node.booted()
    assert node.run(f"cat {KEPT}") == "kept\nkept"


def test_another_instance_has_the_address_and_the_volume_and_a_root_of_its_own(node: Machine, until: Until) -> None:
    node.world.run("kill", node.name)
    node.ec2.terminate_instances(InstanceIds=[node.instance])
    node.launch()
    node.booted()
    assert node.run("ls /root; cat /var/lib/kc/kept") == "kept"
    assert f"{node.address}/" in node.run("ip -brief -4 address show eth0")


def test_nodes_go_on_without_the_world(node: Machine, until: Until) -> None:
    before = node.pid
    process = next(one for one in node.world.status()["processes"] if one["name"] == "world")
    os.kill(process["pid"], signal.SIGKILL)
    node.world.run("up", "--world")
    until(lambda: all(one["looked"] for one in node.world.status()["behaviours"]))
    assert node.pid == before


def test_a_lab_that_is_down_has_no_nodes_and_one_that_comes_up_has_them_as_they_were(node: Machine, until: Until) -> None:
    node.world.run("down")
    assert containers(node.world) == []
    assert str(node.world.home) not in Path("/proc/self/mountinfo").read_text()
    node.world.run("up", "--world")
    node.booted()
    assert node.run(f"cat {KEPT}") == "kept\nkept"


def test_an_empty_aws_has_neither_nodes_nor_volumes(node: Machine, until: Until) -> None:
    world = node.world.home / "world"
    assert (world / "volumes" / node.volume / "kept").exists()
    node.world.run("reset")
    until(lambda: containers(node.world) == [])
    until(lambda: not [*(world / "volumes").iterdir()])
    assert Records(world).all() == []
