"""The lab's nodes: what the EC2 API says of them, and what their containers are started with."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path
from typing import Any

import pytest

from lab.behaviours.nodes.api import Node, described
from lab.behaviours.nodes.machine import arguments, hosts_file
from lab.behaviours.nodes.record import Record, Records
from lab.breaking import one_of
from lab.control import LabError
from lab.processes import Process

HOME = "me-west-1"
TAGS = {"Platform": "kc", "Environment": "lab", "Component": "nodes", "Name": "kc-lab-clickhouse-1", "Node": "clickhouse-1"}
NODE = Node(
    name="clickhouse-1.me-west-1",
    region=HOME,
    instance="i-1",
    address="10.10.128.11",
    subnet="subnet-data-a",
    groups=("sg-a", "sg-b"),
    volume="vol-1",
    zone="kc-lab.internal",
    running=True,
)


def instance(number: int = 1, state: str = "running", interfaces: int = 1, **tags: str) -> dict[str, Any]:
    groups = [{"GroupId": "sg-b"}, {"GroupId": "sg-a"}]
    interface = {"PrivateIpAddress": "10.10.128.11", "SubnetId": "subnet-data-a", "Groups": groups}
    return {
        "InstanceId": f"i-{number}",
        "State": {"Name": state},
        "NetworkInterfaces": [interface] * interfaces,
        "Tags": [{"Key": key, "Value": value} for key, value in {**TAGS, **tags}.items() if value],
    }


def volume(number: int, device: str, ends: bool = False, of: int = 1) -> dict[str, Any]:
    return {"VolumeId": f"vol-{number}", "Attachments": [{"InstanceId": f"i-{of}", "Device": device, "DeleteOnTermination": ends}]}


ROOT, DATA = volume(9, "/dev/xvda", ends=True), volume(1, "/dev/sdf")


@pytest.mark.parametrize("state", ["pending", "running", "stopping", "stopped"])
def test_a_node_is_what_the_api_says(state: str) -> None:
    found = described(HOME, [instance(state=state)], [ROOT, DATA, volume(3, "/dev/sdf", of=2)])
    assert found == [dataclasses.replace(NODE, running=state in ("pending", "running"))]


@pytest.mark.parametrize(
    "other",
    [
        instance(state="shutting-down"),
        instance(state="terminated"),
        instance(interfaces=0),
        instance(Component="bastion"),
        instance(Component=""),
        instance(Node=""),
    ],
)
def test_what_is_no_node_or_going_is_left_out(other: dict[str, Any]) -> None:
    assert described(HOME, [other], [DATA]) == []


def test_a_clients_node_bears_its_name() -> None:
    assert [node.name for node in described(HOME, [instance(Client="acme"), instance(2)], [])] == [
        "acme-clickhouse-1.me-west-1",
        "clickhouse-1.me-west-1",
    ]


def test_the_data_volume_is_the_one_that_outlives_the_instance() -> None:
    assert described(HOME, [instance()], [ROOT, {"VolumeId": "vol-2", "Attachments": []}])[0].volume == ""
    assert described(HOME, [instance()], [volume(2, "/dev/sdg"), DATA])[0].volume == "vol-1", "the first device's"


def test_a_machine_is_called_by_its_name_in_dns_as_far_as_a_machine_can_be() -> None:
    assert NODE.host_name == "clickhouse-1.me-west-1.kc-lab.internal"
    long = dataclasses.replace(NODE, name=f"{'c' * 40}-clickhouse-1.me-west-1")
    assert long.host_name == long.name
    assert dataclasses.replace(NODE, name=f"{'c' * 63}.me-west-1").host_name == "c" * 63


def test_a_node_is_started_in_its_host_with_its_volume_and_its_own_root() -> None:
    words = arguments(NODE, "kc-x", Path("/lab/world"), "10.10.0.2", Path("/lab/root"), Path("/lab/vol-1"), Path("/lab/x.log"))
    text = " ".join(words)
    for part in (
        "--network ns:/run/netns/kc-clickhouse-1.me-west-1 --dns 10.10.0.2",
        "--hostname clickhouse-1.me-west-1.kc-lab.internal",
        "--systemd always",
        "--memory 1536m",
        "--cap-add=NET_ADMIN",
        "--label kc.lab=/lab/world --label kc.node=clickhouse-1.me-west-1",
        "--volume /lab/vol-1:/var/lib/kc",
        "--rootfs /lab/root /sbin/init",
    ):
        assert part in text
    assert text.endswith("/sbin/init")


def test_a_node_knows_itself_without_dns() -> None:
    assert hosts_file(NODE).splitlines() == [
        "127.0.0.1 localhost",
        "::1 localhost ip6-localhost ip6-loopback",
        "10.10.128.11 clickhouse-1.me-west-1.kc-lab.internal clickhouse-1.me-west-1",
    ]


def test_what_is_known_of_nodes_is_found_again(tmp_path: Path) -> None:
    records = Records(tmp_path)
    assert records.all() == [] and records.find(NODE.name) is None
    me = Process.of(os.getpid())
    assert me
    on, off = Record(NODE, "/lab/system", me.pid, me.started), Record(dataclasses.replace(NODE, name="keeper-1.me-west-1"), "/lab/system")
    records.save(off)
    records.save(on)
    assert Records(tmp_path).all() == [on, off]
    assert (on.process, off.process) == (me, None)
    assert Record(NODE, "", me.pid, me.started + 1).process is None, "another process has its pid"
    records.drop(NODE.name)
    assert records.find(NODE.name) is None and records.find(off.node.name) == off
    records.volume("vol-1").mkdir(parents=True)
    records.clear()
    assert [*tmp_path.iterdir()] == []


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("keeper-1.me-west-1", "keeper-1.me-west-1"),
        ("kc-keeper-1.eu", "keeper-1.eu-west-1"),
        ("keeper-1", ""),
        ("db", ""),
        ("db-1", "db-1"),
    ],
)
def test_one_is_named_by_how_its_name_begins(name: str, found: str) -> None:
    known = {each: each for each in ("keeper-1.me-west-1", "keeper-1.eu-west-1", "db-1", "db-10")}
    if found:
        assert one_of(name, known, "node") == found
    else:
        with pytest.raises(LabError, match="may be"):
            one_of(name, known, "node")
    with pytest.raises(LabError, match="there is no node `x`"):
        one_of("x", known, "node")
