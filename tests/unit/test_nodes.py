"""Nodes: what the inventory says, as EC2 takes it, and what EC2's kinds make of AWS's answers."""

from __future__ import annotations

import copy
import ipaddress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kc.aws.instances import Instance, LaunchTemplate, image_id
from kc.aws.volumes import Volume, VolumeAttachment
from kc.errors import KcError
from kc.model import Key, Live, Ref, Resource
from kc.plan import make_plan
from kc.scope import Scope
from kc.units.nodes import INSTANCE, VOLUME, build, user_data

SCOPE = Scope("kc", "lab", "123456789012", "me-west-1", "nodes")
OPTIONS: dict[str, Any] = {
    "cidr": "10.10.0.0/16",
    "zones": ["a", "b", "c"],
    "tiers": {"public": {}, "private": {}, "data": {}},
    "services": {
        "clickhouse": {"type": "r7g.2xlarge", "purchase": "reserved", "volume": {"size": 1536, "iops": 6000, "throughput": 500}},
        "keeper": {"type": "m7g.large", "volume": {"size": 20}},
    },
    "nodes": {
        "clickhouse-1": {"service": "clickhouse", "zone": "a", "address": 11},
        "clickhouse-2": {"service": "clickhouse", "zone": "b", "address": 12},
        "keeper-1": {"service": "keeper", "zone": "b", "address": 21},
    },
    "resize": [],
}


def options(*path: Any, value: Any = None) -> dict[str, Any]:
    """The options with one value set, at a path."""
    result = copy.deepcopy(OPTIONS)
    into: Any = result
    for part in path[:-1]:
        into = into[part]
    if path:
        into[path[-1]] = value
    return result


def made(scope: Scope = SCOPE, **changed: Any) -> dict[Key, Resource]:
    return {one.key: one for one in build(scope, {**OPTIONS, **changed})}


def wanted(kind: str, name: str = "kc-lab-clickhouse-1", **changed: Any) -> dict[str, Any]:
    return dict(made(**changed)[Key(kind, "me-west-1", name)].desired or {})


def test_what_a_node_is_made_of() -> None:
    found = made()
    names = ("kc-lab-clickhouse-1", "kc-lab-clickhouse-2", "kc-lab-keeper-1")
    kinds = ("interface", "volume", "launch_template", "instance", "volume_attachment")
    records = [one for key, one in found.items() if key.kind == "record"]
    assert [(one.name, (one.desired or {})["values"]) for one in records] == [
        ("clickhouse-1.me-west-1.kc-lab.internal A", ["10.10.128.11"]),
        ("clickhouse-2.me-west-1.kc-lab.internal A", ["10.10.144.12"]),
        ("keeper-1.me-west-1.kc-lab.internal A", ["10.10.144.21"]),
    ]
    assert {key for key, one in found.items() if one.desired is not None and key.kind != "record"} == {
        Key(kind, "me-west-1", name) for kind in kinds for name in names
    }
    looked_up = {(key.kind, key.name, one.component) for key, one in found.items() if one.desired is None}
    assert looked_up == {
        ("subnet", "kc-lab-data-a", "network"),
        ("subnet", "kc-lab-data-b", "network"),
        ("security_group", "kc-lab-data", "network"),
        ("key", "kc-lab-data", "keys"),
        ("private_zone", "kc-lab.internal", "private_zone"),
    }


def test_an_interface() -> None:
    assert wanted("interface") == {
        "subnet": Ref("subnet", "kc-lab-data-a"),
        "address": "10.10.128.11",
        "groups": [Ref("security_group", "kc-lab-data")],
        "description": "clickhouse-1, whichever instance it is",
        "source_dest_check": True,
        "tags": {**SCOPE.tags("kc-lab-clickhouse-1"), "Service": "clickhouse", "Node": "clickhouse-1"},
    }


def test_a_data_volume() -> None:
    about = wanted("volume")
    assert about.pop("tags")["Service"] == "clickhouse"
    assert about == {
        "zone": "me-west-1a",
        "size": 1536,
        "type": "gp3",
        "iops": 6000,
        "throughput": 500,
        "encrypted": True,
        "key": Ref("key", "kc-lab-data", "arn"),
    }
    keeper = wanted("volume", "kc-lab-keeper-1")
    assert (keeper["zone"], keeper["size"], keeper["iops"], keeper["throughput"]) == ("me-west-1b", 20, 3000, 125)
    attachment = wanted("volume_attachment")
    assert attachment == {
        "volume": Ref("volume", "kc-lab-clickhouse-1"),
        "instance": Ref("instance", "kc-lab-clickhouse-1"),
        "device": "/dev/sdf",
        "ends_with_instance": False,
    }


def test_a_launch_template() -> None:
    about = wanted("launch_template")
    assert about["metadata"] == {"endpoint": "enabled", "tokens": "required", "hops": 1, "tags": "disabled"}
    assert about["disks"] == [
        {
            "device": "/dev/xvda",
            "type": "gp3",
            "size": 16,
            "encrypted": True,
            "key": Ref("key", "kc-lab-data", "arn"),
            "ends_with_instance": True,
        }
    ]
    assert (about["type"], about["profile"], about["more"]) == ("r7g.2xlarge", "kc-lab-clickhouse-node", [])
    assert about["interfaces"] == [Ref("interface", "kc-lab-clickhouse-1")]
    assert about["protected"] and about["ebs_optimized"] and about["monitoring"] and about["shutdown"] == "stop"


def test_an_instance() -> None:
    about = wanted("instance")
    assert about["tags"]["Purchase"] == "reserved"
    assert about["image"] == {
        "id": "",
        "owner": "136693071363",
        "name": "debian-12-arm64-*",
        "architecture": "arm64",
        "device": "/dev/xvda",
    }
    assert (about["state"], about["resize"]) == ("running", False)
    assert wanted("instance", resize=["clickhouse-1"])["resize"]
    assert not wanted("instance", "kc-lab-clickhouse-2", resize=["clickhouse-1"])["resize"]


def test_a_node_may_differ_from_its_service() -> None:
    own = {"type": "m7i.large", "volume": {"size": 50}, "purchase": "on_demand", "image_id": "ami-1"}
    nodes = {**OPTIONS["nodes"], "clickhouse-1": {**OPTIONS["nodes"]["clickhouse-1"], **own}}
    instance, other = wanted("instance", nodes=nodes), wanted("instance", "kc-lab-clickhouse-2", nodes=nodes)
    assert (instance["type"], instance["tags"]["Purchase"], instance["image"]["id"]) == ("m7i.large", "on_demand", "ami-1")
    assert (instance["image"]["architecture"], instance["image"]["name"]) == ("x86_64", "debian-12-amd64-*")
    assert "debian_amd64" in wanted("launch_template", nodes=nodes)["user_data"]
    assert wanted("volume", nodes=nodes)["size"] == 50
    assert other["type"] == "r7g.2xlarge"


def test_a_clients_nodes() -> None:
    scope = Scope("kc", "lab", "123456789012", "me-west-1", "nodes", "acme")
    nodes = {"clickhouse-1": {"service": "clickhouse", "zone": "a", "address": 31}}
    found = made(scope, nodes=nodes)
    about = found[Key("interface", "me-west-1", "kc-lab-acme-clickhouse-1")].desired or {}
    assert about["tags"]["Client"] == "acme"
    assert about["subnet"] == Ref("subnet", "kc-lab-data-a"), "everybody's"
    template = found[Key("launch_template", "me-west-1", "kc-lab-acme-clickhouse-1")].desired or {}
    assert template["profile"] == "kc-lab-acme-clickhouse-node", "its own"
    assert template["disks"][0]["key"] == Ref("key", "kc-lab-acme-data", "arn"), "its own"
    assert Key("record", "me-west-1", "acme-clickhouse-1.me-west-1.kc-lab.internal A") in found


def test_names_at_their_limit() -> None:
    scope = Scope("p" * 40, "e" * 40, "123456789012", "me-west-1", "nodes", "c" * 30)
    names = {key.name for key, one in made(scope, nodes={"n" * 32: OPTIONS["nodes"]["keeper-1"]}).items() if one.desired is not None}
    name, record = sorted(names, key=lambda name: name.startswith("c"))
    assert len(name) == 128
    assert all(len(label) <= 63 for label in record.removesuffix(" A").split("."))
    with pytest.raises(KcError, match="is longer than the 63 characters of a DNS label"):
        made(scope, nodes={"n" * 33: OPTIONS["nodes"]["keeper-1"]})


def test_no_nodes_need_nothing() -> None:
    assert build(SCOPE, {**OPTIONS, "nodes": {}}) == []


@given(st.integers(4, 4094), st.sampled_from("abc"), st.sampled_from(["public", "private", "data"]))
def test_an_address_is_in_its_subnet_and_none_of_awss(number: int, zone: str, tier: str) -> None:
    services = {"keeper": {**OPTIONS["services"]["keeper"], "tier": tier}}
    about = wanted(
        "interface", "kc-lab-keeper-1", nodes={"keeper-1": {"service": "keeper", "zone": zone, "address": number}}, services=services
    )
    position = list(OPTIONS["tiers"]).index(tier) * 4 + "abc".index(zone)
    subnet = list(ipaddress.IPv4Network("10.10.0.0/16").subnets(new_prefix=20))[position]
    address = ipaddress.IPv4Address(about["address"])
    assert address in subnet
    assert address not in [*list(subnet)[:4], subnet.broadcast_address]


ONE, TWO = ("nodes", "clickhouse-1"), ("nodes", "clickhouse-2")
CLICKHOUSE = ("services", "clickhouse")


@pytest.mark.parametrize(
    ("path", "value", "says"),
    [
        ((*ONE, "zone"), "d", "`nodes.clickhouse-1.zone`: the network has no zone `d`. Choose one of a, b, c."),
        ((*ONE, "zone"), "b", "`nodes.clickhouse-2.zone`: clickhouse-1 of the same service is in zone b too. Spread them over a, b, c."),
        ((*ONE, "address"), 3, "`nodes.clickhouse-1.address`: 3 is no host of 10.10.128.0/20. Choose 4 to 4094: AWS keeps the first four"),
        ((*ONE, "address"), 4095, "`nodes.clickhouse-1.address`: 4095 is no host of 10.10.128.0/20"),
        (("nodes", "keeper-1", "address"), 12, "`nodes.keeper-1.address`: 10.10.144.12 is clickhouse-2's already. Give it another number."),
        ((*ONE, "service"), "click", "`nodes.clickhouse-1.service`: `click` is no service. It must be one of clickhouse, keeper."),
        ((*ONE, "sise"), 1, "`nodes.clickhouse-1` has no setting `sise`"),
        (("nodes", "Click"), {}, "`nodes.Click`: `Click` can't be a node's name"),
        (("nodes", "n" * 64), {}, "is longer than the 63 characters of a DNS label"),
        ((*ONE, "type"), "r99.large", "`nodes.clickhouse-1.type`: r99.large is of no family known here: choose one of c6g"),
        ((*CLICKHOUSE, "type"), "r7g.huge", "`services.clickhouse.type`: the family r7g has no size huge: choose one of medium, large"),
        ((*CLICKHOUSE, "type"), "r7g", "`services.clickhouse.type`: r7g is no instance type: write it as in r7g.2xlarge"),
        (
            (*CLICKHOUSE, "purchase"),
            "spot",
            "`services.clickhouse.purchase`: `spot` is no way to pay for a node. Choose one of on_demand, reserved.",
        ),
        ((*CLICKHOUSE, "tier"), "db", "`services.clickhouse.tier`: the network has no tier `db`. Choose one of public, private, data."),
        ((*CLICKHOUSE, "volume"), {}, "`services.clickhouse.volume` lacks the setting `size`"),
        ((*CLICKHOUSE, "volume"), {"size": 0}, "`services.clickhouse.volume`: gp3 has no 0 GiB: choose 1 to 65536"),
        ((*ONE, "volume"), {"size": 10, "iops": 9000}, "`nodes.clickhouse-1.volume`: gp3 gives 10 GiB no more than 5000 IOPS"),
        ((*ONE, "volume"), {"size": 10, "throughput": 800}, "`nodes.clickhouse-1.volume`: gp3 gives 3000 IOPS no more than 750 MiB/s"),
        ((*CLICKHOUSE, "image"), {"owners": "x"}, "`services.clickhouse.image` has no setting `owners`"),
        (("ssh_keys",), ["ssh-ed25519 AAAA'; reboot; '"], "`ssh_keys[0]`: this is no public key. Write a line of a .pub file"),
        (("ssh_keys",), ["-----BEGIN OPENSSH PRIVATE KEY-----"], "`ssh_keys[0]`: this is no public key."),
        (("resize",), ["clickhouse-9"], "`resize`: `clickhouse-9` is no node. Name one of clickhouse-1, clickhouse-2, keeper-1."),
    ],
)
def test_what_is_wrong_is_told_with_its_path(path: tuple[Any, ...], value: Any, says: str) -> None:
    with pytest.raises(KcError) as found:
        build(SCOPE, options(*path, value=value))
    assert says in str(found.value)


@pytest.mark.parametrize(
    ("nodes", "zones", "spread"),
    [
        ("a", "a", True),
        ("aa", "a", True),
        ("ab", "ab", True),
        ("aab", "ab", True),
        ("aaab", "ab", False),
        ("aa", "ab", False),
        ("abca", "abc", True),
    ],
)
def test_spread(nodes: str, zones: str, spread: bool) -> None:
    named = {f"keeper-{index}": {"service": "keeper", "zone": zone, "address": 10 + index} for index, zone in enumerate(nodes)}
    given = {**OPTIONS, "zones": list(zones), "nodes": named}
    if spread:
        build(SCOPE, given)
    else:
        with pytest.raises(KcError, match="of the same service"):
            build(SCOPE, given)


def test_user_data() -> None:
    key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHs9 operator@example.com"
    text = user_data("eu-central-1", "arm64", [key])
    assert f"echo '{key}' >> ~admin/.ssh/authorized_keys\n" in text
    assert text.startswith("#!/bin/sh\n")
    assert "https://s3.eu-central-1.amazonaws.com/amazon-ssm-eu-central-1/latest/debian_arm64/amazon-ssm-agent.deb" in text
    assert len(text) < 16_384, "EC2 user guide, Run commands at launch: 16 KB"


# --- what kinds make of AWS's answers


class Answers:
    """An AWS that gives prepared answers by operation; the last of several stays."""

    region = "me-west-1"

    def __init__(self, **answers: Any) -> None:
        self.answers = {name: answer if isinstance(answer, list) else [answer] for name, answer in answers.items()}
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.waits: list[tuple[str, set[str]]] = []

    def call(self, service: str, operation: str, /, **params: Any) -> Any:
        self.asked.append((operation, params))
        answers = self.answers.get(operation, [{}])
        return answers.pop(0) if len(answers) > 1 else answers[0]

    find = call

    def pages(self, service: str, operation: str, key: str, /, **params: Any) -> Any:
        return self.call(service, operation, **params).get(key, [])

    def map(self, act: Any, items: Any) -> list[Any]:
        return [act(item) for item in items]

    def token(self, *parts: str) -> str:
        return "-".join(parts)

    def wait(self, what: str, state: Any, *, until: Any, unless: Any = (), timeout: float = 0, pause: float = 0) -> str:
        seen = []
        for _ in range(10):
            seen.append(state())
            if seen[-1] in until:
                self.waits.append((what, set(until)))
                return str(seen[-1])
        raise AssertionError(f"{what}: {seen}")


def described(state: str, **more: Any) -> dict[str, Any]:
    return {"Reservations": [{"Instances": [{"InstanceId": "i-1", "State": {"Name": state}, **more}]}]}


CHECKS = {"InstanceStatuses": [{"SystemStatus": {"Status": "ok"}, "InstanceStatus": {"Status": "ok"}}]}
UNCHECKED = {"InstanceStatuses": [{"SystemStatus": {"Status": "ok"}, "InstanceStatus": {"Status": "initializing"}}]}


def test_an_instance_is_waited_for_until_it_passes_its_checks() -> None:
    aws: Any = Answers(
        describe_instances=[{}, described("pending"), described("running")], describe_instance_status=[{}, UNCHECKED, CHECKS]
    )
    Instance().ready(aws, "n", Live({}, {"id": "i-1"}))
    assert aws.waits == [("instance n", {"running", "held"}), ("status checks of instance n", {"ok"})]


def test_an_instance_that_ends_at_once_says_why() -> None:
    reason = {"Code": "Client.InvalidKMSKey.InvalidState", "Message": "Client.InvalidKMSKey.InvalidState: The KMS key is disabled"}
    aws: Any = Answers(describe_instances=[described("pending"), described("terminated", StateReason=reason)])
    with pytest.raises(KcError, match=f"it is terminated: {reason['Message']}"):
        Instance().ready(aws, "n", Live({}, {"id": "i-1"}))


def test_a_held_instance_is_not_waited_for() -> None:
    aws: Any = Answers(describe_instances=described("stopped", Tags=[{"Key": "Hold", "Value": "x"}]))
    Instance().ready(aws, "n", Live({}, {"id": "i-1"}))
    assert aws.waits == [("instance n", {"running", "held"})]


@pytest.mark.parametrize(
    ("state", "hold", "attr"), [("pending", 0, "running"), ("stopping", 0, "stopped"), ("stopped", 0, "stopped"), ("stopped", 1, "running")]
)
def test_states(state: str, hold: int, attr: str) -> None:
    item = {
        "InstanceId": "i-1",
        "InstanceType": "m7g.large",
        "State": {"Name": state},
        "Monitoring": {"State": "pending"},
        "Tags": [{"Key": "Hold", "Value": "x"}] * hold,
        "protected": True,
        "shutdown": "stop",
    }
    attrs = Instance().attrs(item)
    assert (attrs["state"], attrs["monitoring"], attrs["interface"], attrs["profile"]) == (attr, True, None, "")


def test_a_type_is_changed_at_rest() -> None:
    aws: Any = Answers(describe_instances=[described("running"), described("stopping"), described("stopped")])
    Instance().update(aws, SCOPE, "n", Live({}, {"id": "i-1"}), {"type": "m7g.xlarge", "tags": {}}, frozenset({"type"}))
    assert [operation for operation, _ in aws.asked if operation != "describe_instances"] == [
        "stop_instances",
        "modify_instance_attribute",
        "start_instances",
    ]


VOLUMES = {
    "Volumes": [
        {
            "VolumeId": "vol-1",
            "AvailabilityZone": "a",
            "Size": 100,
            "VolumeType": "gp3",
            "Iops": 3000,
            "Throughput": 125,
            "Encrypted": True,
        },
        {"VolumeId": "vol-root", "Tags": [{"Key": "Volume", "Value": "root"}]},
    ]
}


def test_a_volume_is_what_it_is_becoming() -> None:
    """DescribeVolumes shows the old size while EBS changes it: a second run would ask for the change again."""
    changing = {"VolumesModifications": [{"VolumeId": "vol-1", "TargetSize": 200, "TargetIops": 6000}]}
    kind = Volume()
    aws: Any = Answers(describe_volumes=VOLUMES, describe_volumes_modifications=changing)
    (found,) = kind.found(aws, [])
    attrs = kind.attrs(found)
    assert (attrs["size"], attrs["iops"], attrs["throughput"]) == (200, 6000, 125)


def test_a_volume_that_is_being_optimized_is_ready() -> None:
    states = [{"VolumesModifications": [{"ModificationState": state}]} for state in ("modifying", "optimizing")]
    aws: Any = Answers(describe_volumes_modifications=states)
    want = {"size": 200, "type": "gp3", "iops": 3000, "throughput": 125}
    Volume().update(aws, SCOPE, "n", Live({}, {"id": "vol-1"}), want, frozenset({"size"}))
    assert aws.asked[0] == ("modify_volume", {"VolumeId": "vol-1", "Size": 200, "VolumeType": "gp3", "Iops": 3000, "Throughput": 125})
    assert aws.waits == [("change of volume n", {"optimizing", "completed"})]


def test_a_volume_is_attached_once_it_is_let_go() -> None:
    aws: Any = Answers(describe_volumes=[{"Volumes": [{"State": "in-use"}]}, {"Volumes": [{"State": "available"}]}])
    want = {"volume": "vol-1", "instance": "i-1", "device": "/dev/sdf", "ends_with_instance": False}
    VolumeAttachment().create(aws, SCOPE, "n", want)
    assert [operation for operation, _ in aws.asked] == ["describe_volumes", "describe_volumes", "attach_volume"]


def test_an_attachment_to_an_instance_that_is_ending_is_none() -> None:
    attached = {"VolumeId": "vol-1", "InstanceId": "i-old", "Device": "/dev/sdf", "State": "attached"}
    tags = [{"Key": key, "Value": value} for key, value in SCOPE.tags("n").items()]
    volumes = {"Volumes": [{"VolumeId": "vol-1", "Tags": tags, "Attachments": [attached]}]}
    ending: Any = Answers(describe_volumes=volumes, describe_instances={})
    assert VolumeAttachment().read(ending, SCOPE) == {}
    alive: Any = Answers(describe_volumes=volumes, describe_instances={"Reservations": [{"Instances": [{"InstanceId": "i-old"}]}]})
    assert VolumeAttachment().read(alive, SCOPE)["n"].attrs["instance"] == "i-old"
    assert alive.asked[-1][1]["Filters"][0] == {"Name": "instance-id", "Values": ["i-old"]}


def test_a_templates_data_is_read_as_it_was_written() -> None:
    want = {**wanted("launch_template"), "interfaces": ["eni-1"]}
    want["disks"] = [{**want["disks"][0], "key": "arn"}]
    aws: Any = Answers(create_launch_template={"LaunchTemplate": {"LaunchTemplateId": "lt-1"}})
    LaunchTemplate().create(aws, SCOPE, "n", want)
    data = aws.asked[0][1]["LaunchTemplateData"]
    assert "KeyName" not in data and "SecurityGroupIds" not in data and "ImageId" not in data
    assert "AssociatePublicIpAddress" not in str(data)
    assert LaunchTemplate().attrs({"data": data}) == {attr: value for attr, value in want.items() if attr != "tags"}
    assert LaunchTemplate().attrs({"data": {**data, "KeyName": "backdoor"}})["more"] == ["KeyName"]


IMAGE = {"id": "", "owner": "1", "name": "x-*", "architecture": "arm64", "device": "/dev/xvda"}


def image(id: str, date: str) -> dict[str, str]:
    return {"ImageId": id, "CreationDate": date, "Architecture": "arm64", "RootDeviceName": "/dev/xvda"}


def test_the_newest_image_is_taken() -> None:
    found = [
        image("ami-2", "2026-02-01T00:00:00.000Z"),
        image("ami-3", "2026-09-01T00:00:00.000Z"),
        image("ami-1", "2025-12-01T00:00:00.000Z"),
    ]
    aws: Any = Answers(describe_images={"Images": found})
    assert image_id(aws, IMAGE) == "ami-3"
    assert aws.asked[0][1]["Owners"] == ["1"]


def objection(kind: Any, before: dict[str, Any], after: dict[str, Any]) -> str:
    """What the plan says of a change."""
    have = {Key(kind.name, "me-west-1", "n"): Live(before, {"id": "x"})}
    try:
        make_plan([Resource(kind, "n", after, "me-west-1")], have, [kind])
    except KcError as error:
        return str(error)
    return ""


def test_a_change_that_is_objected_to_is_not_planned() -> None:
    assert "EBS can't shrink a volume" in objection(VOLUME, {"size": 20}, {"size": 10})
    assert not objection(VOLUME, {"size": 10}, {"size": 20})
    type = {"tags": {"Node": "keeper-1"}, "resize": False}
    refused = objection(INSTANCE, {"type": "m7g.large", "tags": {"Node": "keeper-1"}}, {"type": "m7g.xlarge", **type})
    assert "the node stops for that. One node at a time" in refused
    assert not objection(INSTANCE, {"type": "m7g.large", "tags": {"Node": "keeper-1"}}, {"type": "m7g.xlarge", **type, "resize": True})
