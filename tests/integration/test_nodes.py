"""Nodes on an AWS API: made, kept, put back, and made again around the volume and the address that they must not lose."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from kc.unit import run
from kc.units.nodes import UNIT

from tests.integration.census import inventory_of
from tests.integration.platform import options

NODES = {
    "clickhouse-1": {"service": "clickhouse", "zone": "a", "address": 11},
    "keeper-1": {"service": "keeper", "zone": "a", "address": 21},
}
SERVICES: dict[str, Any] = {
    "clickhouse": {"type": "r7g.xlarge", "role": "node", "purchase": "reserved", "volume": {"size": 100, "iops": 6000, "throughput": 500}},
    "keeper": {"type": "m7g.large", "role": "node", "volume": {"size": 10}},
}
NAME = "kc-lab-clickhouse-1"
DNS = "clickhouse-1.me-west-1.kc-lab.internal A"
KINDS = ["instance", "interface", "launch_template", "record", "volume", "volume_attachment"]


KEYS = {"keys": {"data": {"description": "Data"}}}
SMALL: dict[str, dict[str, Any]] = {
    "identity": {"roles": {"node": {"trust": "ec2.amazonaws.com", "instance_profile": True}}},
    "keys": KEYS,
    "network": {
        "nat": "none",
        "tiers": {**options("network")["tiers"], "data": {"internet": "none", "acl": "internal"}},
        "endpoints": {"gateway": [], "interface": [], "security_group": "data"},
        "flow_log_bucket": None,
    },
    "private_zone": {"regions": ["me-west-1"]},
}
"""Just what nodes stand on."""


@pytest.fixture
def params(converge: Any, scope_option: Callable[..., dict[str, Any]]) -> dict[str, Any]:
    for unit, given in SMALL.items():
        converge(unit, {**options(unit), **given, "scope": scope_option()})
    return {**options("nodes"), "scope": scope_option(), "nodes": NODES, "services": SERVICES}


@pytest.fixture
def ec2(client: Callable[..., Any]) -> Any:
    return client("ec2")


def changes(result: dict[str, Any]) -> list[tuple[str, str, str, list[str]]]:
    return [(one["action"], one["kind"], one["name"], sorted(one["after"] or {})) for one in result["plan"]]


def instance(ec2: Any, name: str = NAME) -> dict[str, Any]:
    """Return the living instance of a name."""
    states = {"Name": "instance-state-name", "Values": ["pending", "running", "stopping", "stopped"]}
    found = ec2.describe_instances(Filters=[{"Name": "tag:Name", "Values": [name]}, states])["Reservations"]
    (one,) = [one for each in found for one in each["Instances"]]
    return dict(one)


def volume(ec2: Any, name: str = NAME) -> dict[str, Any]:
    (one,) = ec2.describe_volumes(Filters=[{"Name": "tag:Name", "Values": [name]}])["Volumes"]
    return dict(one)


def test_nodes(converge: Any, params: dict[str, Any], ec2: Any, client: Any) -> None:
    planned = converge("nodes", params, check=True)
    assert ec2.describe_instances()["Reservations"] == []
    made = converge("nodes", params)
    assert made["plan"] == planned["plan"] or changes(made) == changes(planned)
    assert made["standing"] == dict.fromkeys(KINDS, 2)
    assert converge("nodes", params)["plan"] == []

    key = client("kms").describe_key(KeyId="alias/kc-lab-data")["KeyMetadata"]["Arn"]
    one = instance(ec2)
    assert one["PrivateIpAddress"] == "10.10.64.11"
    assert one["InstanceType"] == "r7g.xlarge"
    assert one["ImageId"] == "ami-0de12a64000000001"
    assert one["IamInstanceProfile"]["Arn"].endswith(":instance-profile/kc/lab/kc-lab-node")
    assert one["MetadataOptions"]["HttpTokens"] == "required"
    assert one["MetadataOptions"]["HttpPutResponseHopLimit"] == 1
    assert one["MetadataOptions"]["InstanceMetadataTags"] == "disabled"
    assert one["Monitoring"]["State"] == "enabled"
    assert one["EbsOptimized"]
    assert not one.get("KeyName") and not one.get("PublicIpAddress")
    tags = {tag["Key"]: tag["Value"] for tag in one["Tags"]}
    assert {"Service": "clickhouse", "Node": "clickhouse-1", "Purchase": "reserved", "Component": "nodes"}.items() <= tags.items()
    disks = {each["DeviceName"]: each["Ebs"] for each in one["BlockDeviceMappings"]}
    assert {device: disk["DeleteOnTermination"] for device, disk in disks.items()} == {"/dev/xvda": True, "/dev/sdf": False}
    for disk in disks.values():
        (described,) = ec2.describe_volumes(VolumeIds=[disk["VolumeId"]])["Volumes"]
        assert (described["Encrypted"], described["KmsKeyId"], described["VolumeType"]) == (True, key, "gp3")
    data = volume(ec2)
    assert (data["Size"], data["Iops"], data["Throughput"], data["AvailabilityZone"]) == (100, 6000, 500, "me-west-1a")


def interface_of(ec2: Any) -> str:
    return str(instance(ec2)["NetworkInterfaces"][0]["NetworkInterfaceId"])


def other_group(ec2: Any) -> str:
    return str(ec2.describe_security_groups(Filters=[{"Name": "group-name", "Values": ["kc-lab-app"]}])["SecurityGroups"][0]["GroupId"])


def new_default_version(ec2: Any, **data: Any) -> None:
    version = ec2.create_launch_template_version(LaunchTemplateName=NAME, LaunchTemplateData=data)["LaunchTemplateVersion"]
    ec2.modify_launch_template(LaunchTemplateName=NAME, DefaultVersion=str(version["VersionNumber"]))


def association(ec2: Any) -> str:
    filters = [{"Name": "instance-id", "Values": [instance(ec2)["InstanceId"]]}]
    (one,) = ec2.describe_iam_instance_profile_associations(Filters=filters)["IamInstanceProfileAssociations"]
    return str(one["AssociationId"])


def attribute(ec2: Any, **what: Any) -> None:
    ec2.modify_instance_attribute(InstanceId=instance(ec2)["InstanceId"], **what)


def retag(ec2: Any, id: str) -> None:
    ec2.create_tags(Resources=[id], Tags=[{"Key": "Service", "Value": "other"}, {"Key": "Theirs", "Value": "x"}])


def readdress(ec2: Any, client: Any) -> None:
    """Point the node's name elsewhere."""
    api = client("route53", "us-east-1")
    (zone,) = api.list_hosted_zones()["HostedZones"]
    record = {"Name": DNS.removesuffix(" A"), "Type": "A", "TTL": 60, "ResourceRecords": [{"Value": "10.10.64.99"}]}
    api.change_resource_record_sets(HostedZoneId=zone["Id"], ChangeBatch={"Changes": [{"Action": "UPSERT", "ResourceRecordSet": record}]})


DRIFT: dict[str, tuple[Callable[[Any], Any], tuple[str, str, str, list[str]]]] = {
    "another group": (
        lambda ec2: ec2.modify_network_interface_attribute(NetworkInterfaceId=interface_of(ec2), Groups=[other_group(ec2)]),
        ("update", "interface", NAME, ["groups"]),
    ),
    "another description": (
        lambda ec2: ec2.modify_network_interface_attribute(NetworkInterfaceId=interface_of(ec2), Description={"Value": "x"}),
        ("update", "interface", NAME, ["description"]),
    ),
    "no source check": (
        lambda ec2: ec2.modify_network_interface_attribute(NetworkInterfaceId=interface_of(ec2), SourceDestCheck={"Value": False}),
        ("update", "interface", NAME, ["source_dest_check"]),
    ),
    "an interface's tag": (lambda ec2: retag(ec2, interface_of(ec2)), ("update", "interface", NAME, ["tags"])),
    "a slower volume": (
        lambda ec2: ec2.modify_volume(VolumeId=volume(ec2)["VolumeId"], Iops=3000, Throughput=125),
        ("update", "volume", NAME, ["iops", "throughput"]),
    ),
    "a volume's tag": (lambda ec2: retag(ec2, volume(ec2)["VolumeId"]), ("update", "volume", NAME, ["tags"])),
    "a volume that would end with the instance": (
        lambda ec2: attribute(ec2, BlockDeviceMappings=[{"DeviceName": "/dev/sdf", "Ebs": {"DeleteOnTermination": True}}]),
        ("update", "volume_attachment", NAME, ["ends_with_instance"]),
    ),
    "a detached volume": (
        lambda ec2: ec2.detach_volume(VolumeId=volume(ec2)["VolumeId"], InstanceId=instance(ec2)["InstanceId"]),
        ("create", "volume_attachment", NAME, ["device", "ends_with_instance", "instance", "volume"]),
    ),
    "another template": (
        lambda ec2: new_default_version(ec2, InstanceType="r7g.xlarge", KeyName="backdoor"),
        (
            "update",
            "launch_template",
            NAME,
            ["disks", "ebs_optimized", "interfaces", "metadata", "monitoring", "more", "profile", "protected", "shutdown", "user_data"],
        ),
    ),
    "a template's older version": (
        lambda ec2: ec2.modify_launch_template(LaunchTemplateName=NAME, DefaultVersion="2"),
        (
            "update",
            "launch_template",
            NAME,
            ["disks", "ebs_optimized", "interfaces", "metadata", "monitoring", "more", "profile", "protected", "shutdown", "user_data"],
        ),
    ),
    "a template's tag": (
        lambda ec2: retag(ec2, ec2.describe_launch_templates(LaunchTemplateNames=[NAME])["LaunchTemplates"][0]["LaunchTemplateId"]),
        ("update", "launch_template", NAME, ["tags"]),
    ),
    "IMDSv1": (
        lambda ec2: ec2.modify_instance_metadata_options(
            InstanceId=instance(ec2)["InstanceId"], HttpTokens="optional", HttpPutResponseHopLimit=2
        ),
        ("update", "instance", NAME, ["metadata"]),
    ),
    "coarse metrics": (
        lambda ec2: ec2.unmonitor_instances(InstanceIds=[instance(ec2)["InstanceId"]]),
        ("update", "instance", NAME, ["monitoring"]),
    ),
    "unprotected": (lambda ec2: attribute(ec2, DisableApiTermination={"Value": False}), ("update", "instance", NAME, ["protected"])),
    "a shutdown that ends it": (
        lambda ec2: attribute(ec2, InstanceInitiatedShutdownBehavior={"Value": "terminate"}),
        ("update", "instance", NAME, ["shutdown"]),
    ),
    "no profile": (
        lambda ec2: ec2.disassociate_iam_instance_profile(AssociationId=association(ec2)),
        ("update", "instance", NAME, ["profile"]),
    ),
    "another profile": (
        lambda ec2: ec2.replace_iam_instance_profile_association(AssociationId=association(ec2), IamInstanceProfile={"Name": "other"}),
        ("update", "instance", NAME, ["profile"]),
    ),
    "an instance's tag": (lambda ec2: retag(ec2, instance(ec2)["InstanceId"]), ("update", "instance", NAME, ["tags"])),
    "stopped": (
        lambda ec2: ec2.stop_instances(InstanceIds=[instance(ec2)["InstanceId"]]),
        ("update", "instance", NAME, ["state"]),
    ),
}


def test_drift_is_seen_and_put_back(converge: Any, params: dict[str, Any], ec2: Any, client: Any) -> None:
    client("iam").create_instance_profile(InstanceProfileName="other")
    params = {**params, "nodes": {"clickhouse-1": NODES["clickhouse-1"]}}
    converge("nodes", params)
    for what, (by_hand, expected) in DRIFT.items():
        by_hand(ec2)
        assert changes(converge("nodes", params)) == [expected], what
        assert converge("nodes", params)["plan"] == [], what
    readdress(ec2, client)
    assert changes(converge("nodes", params)) == [("update", "record", DNS, ["values"])]
    assert converge("nodes", params)["plan"] == []
    versions = ec2.describe_launch_template_versions(LaunchTemplateName=NAME)["LaunchTemplateVersions"]
    assert len(versions) == 3, "a version that is right already is taken again"


def test_a_node_that_was_terminated_comes_back_with_its_volume_and_its_address(converge: Any, params: dict[str, Any], ec2: Any) -> None:
    converge("nodes", params)
    before, data = instance(ec2), volume(ec2)
    attribute(ec2, DisableApiTermination={"Value": False})
    ec2.terminate_instances(InstanceIds=[before["InstanceId"]])
    assert volume(ec2)["State"] == "available"

    plan = changes(converge("nodes", params))
    assert [line[:3] for line in plan] == [("create", "instance", NAME), ("create", "volume_attachment", NAME)]
    after = instance(ec2)
    assert after["InstanceId"] != before["InstanceId"]
    assert after["PrivateIpAddress"] == before["PrivateIpAddress"]
    assert after["NetworkInterfaces"][0]["NetworkInterfaceId"] == before["NetworkInterfaces"][0]["NetworkInterfaceId"]
    (attached,) = volume(ec2)["Attachments"]
    assert (volume(ec2)["VolumeId"], attached["InstanceId"], attached["Device"]) == (data["VolumeId"], after["InstanceId"], "/dev/sdf")
    assert converge("nodes", params)["plan"] == []


def test_an_instance_that_is_held_stays_stopped(converge: Any, params: dict[str, Any], ec2: Any) -> None:
    converge("nodes", params)
    id = instance(ec2)["InstanceId"]
    ec2.create_tags(Resources=[id], Tags=[{"Key": "Hold", "Value": "fenced by failover"}])
    ec2.stop_instances(InstanceIds=[id])
    assert converge("nodes", params)["plan"] == []
    attribute(ec2, DisableApiTermination={"Value": False})
    assert changes(converge("nodes", params)) == [("update", "instance", NAME, ["protected"])]
    assert instance(ec2)["State"]["Name"] == "stopped"
    ec2.delete_tags(Resources=[id], Tags=[{"Key": "Hold"}])
    assert changes(converge("nodes", params)) == [("update", "instance", NAME, ["state"])]
    assert instance(ec2)["State"]["Name"] == "running"


def changed(params: dict[str, Any], node: str = "clickhouse-1", **settings: Any) -> dict[str, Any]:
    return {**params, "nodes": {**params["nodes"], node: {**params["nodes"][node], **settings}}}


def test_a_type_changes_with_leave_only(converge: Any, params: dict[str, Any], ec2: Any) -> None:
    converge("nodes", params)
    before = instance(ec2)
    bigger = changed(params, type="r7g.2xlarge")
    for check in (True, False):
        refused = run(UNIT, bigger, check=check)
        assert "`type` is r7g.xlarge, the inventory wants r7g.2xlarge, and the node stops for that" in refused["msg"]
        assert """-e '{"kc_nodes_resize": ["clickhouse-1"]}'""" in refused["msg"]
    assert run(UNIT, {**bigger, "resize": ["keeper-1"]}, check=False)["failed"], "the leave was another node's"

    leave = {**bigger, "resize": ["clickhouse-1"]}
    assert changes(converge("nodes", leave)) == [("update", "launch_template", NAME, ["type"]), ("update", "instance", NAME, ["type"])]
    after = instance(ec2)
    assert (after["InstanceId"], after["InstanceType"], after["State"]["Name"]) == (before["InstanceId"], "r7g.2xlarge", "running")
    assert converge("nodes", bigger)["plan"] == [], "the leave is for one run"

    other = run(UNIT, {**changed(params, type="m7i.large"), "resize": ["clickhouse-1"]}, check=True)
    assert "of another architecture" in other["msg"]


def test_a_volume_grows_and_never_shrinks(converge: Any, params: dict[str, Any], ec2: Any) -> None:
    converge("nodes", params)
    data = volume(ec2)
    grown = changed(params, volume={"size": 200, "iops": 6000, "throughput": 500})
    assert changes(converge("nodes", grown)) == [("update", "volume", NAME, ["size"])]
    assert (volume(ec2)["VolumeId"], volume(ec2)["Size"], volume(ec2)["State"]) == (data["VolumeId"], 200, "in-use")
    for check in (True, False):
        refused = run(UNIT, params, check=check)
        assert "`size` is 200 GiB, the inventory wants 100, and EBS can't shrink a volume" in refused["msg"]


def test_an_address_and_the_volume_of_somebody_at_work_are_left_alone(converge: Any, params: dict[str, Any], ec2: Any) -> None:
    converge("nodes", params)
    refused = run(UNIT, changed(params, address=12), check=False)
    assert f"interface {NAME} (me-west-1): `address` is '10.10.64.11', the inventory wants '10.10.64.12'" in refused["msg"]

    id, data = instance(ec2)["InstanceId"], volume(ec2)["VolumeId"]
    rescue = ec2.run_instances(ImageId="ami-0de12a64000000001", MinCount=1, MaxCount=1)["Instances"][0]["InstanceId"]
    ec2.detach_volume(VolumeId=data, InstanceId=id)
    ec2.attach_volume(VolumeId=data, InstanceId=rescue, Device="/dev/sdf")
    refused = run(UNIT, params, check=False)
    assert f"volume_attachment {NAME} (me-west-1): `instance` is '{rescue}', the inventory wants '{id}'" in refused["msg"]
    ec2.terminate_instances(InstanceIds=[rescue])
    assert [line[:3] for line in changes(converge("nodes", params))] == [("create", "volume_attachment", NAME)]


def test_an_image_is_chosen_when_an_instance_is_made(converge: Any, params: dict[str, Any], ec2: Any) -> None:
    for image, says in (
        ({"image": {"name": "debian-99-*"}}, "there is no image `debian-99-*` of owner 136693071363 for arm64"),
        ({"image": {"device": "/dev/sda1"}}, "image ami-0de12a64000000001 is with the root device /dev/xvda, not /dev/sda1"),
        ({"image_id": "ami-0de12d64000000001"}, "image ami-0de12d64000000001 is of the architecture x86_64, not arm64"),
        ({"image_id": "ami-0de12d64000000002"}, "there is no image ami-0de12d64000000002 for arm64"),
    ):
        refused = run(UNIT, {**params, "services": {name: {**about, **image} for name, about in SERVICES.items()}}, check=False)
        assert says in refused["msg"]

    converge("nodes", params)
    assert instance(ec2)["ImageId"] == "ami-0de12a64000000001", "the newest"
    pinned = changed(params, image_id="ami-0de12a64000000000")
    assert converge("nodes", pinned)["plan"] == [], "what runs is not made again for an image"
    attribute(ec2, DisableApiTermination={"Value": False})
    ec2.terminate_instances(InstanceIds=[instance(ec2)["InstanceId"]])
    converge("nodes", pinned)
    assert instance(ec2)["ImageId"] == "ami-0de12a64000000000"


def test_a_node_goes_and_its_data_stays(converge: Any, params: dict[str, Any], ec2: Any, client: Any) -> None:
    before = inventory_of(client, ["me-west-1"], ["ec2"])
    ec2.create_volume(AvailabilityZone="me-west-1a", Size=1)
    theirs = inventory_of(client, ["me-west-1"], ["ec2"])
    converge("nodes", params)
    left = {**params, "nodes": {"keeper-1": NODES["keeper-1"]}}
    gone = converge("nodes", left)
    assert [line[:2] for line in changes(gone)] == [
        ("delete", kind) for kind in ("record", "instance", "volume_attachment", "launch_template", "interface")
    ]
    assert gone["kept"] == [f"volume {NAME} (me-west-1)"]
    data = volume(ec2)["VolumeId"]
    converge("nodes", params)
    assert volume(ec2)["VolumeId"] == data, "what was kept is taken up again"

    absent = {**params, "state": "absent"}
    assert converge("nodes", absent)["kept"] == [f"volume {NAME} (me-west-1)", "volume kc-lab-keeper-1 (me-west-1)"]
    converge("nodes", {**absent, "data": "delete"})
    assert converge("nodes", {**absent, "data": "delete"})["plan"] == []
    assert inventory_of(client, ["me-west-1"], ["ec2"]) == theirs != before


def test_a_clients_nodes_are_its_own(converge: Any, params: dict[str, Any], scope_option: Any, ec2: Any, client: Any) -> None:
    converge("nodes", params)
    scope = scope_option(client="acme")
    for unit in ("identity", "keys"):
        converge(unit, {**options(unit), **SMALL[unit], "scope": scope})
    nodes = {"clickhouse-1": {"service": "clickhouse", "zone": "a", "address": 31}}
    acme = {**params, "scope": scope, "nodes": nodes}
    made = converge("nodes", acme)
    record = "acme-clickhouse-1.me-west-1.kc-lab.internal A"
    assert {name for of in made["outputs"].values() for name in of} == {"kc-lab-acme-clickhouse-1", record}
    one = instance(ec2, "kc-lab-acme-clickhouse-1")
    assert one["PrivateIpAddress"] == "10.10.64.31"
    assert {"Key": "Client", "Value": "acme"} in one["Tags"]
    assert one["SubnetId"] == instance(ec2)["SubnetId"], "the network is everybody's"
    key = client("kms").describe_key(KeyId="alias/kc-lab-acme-data")["KeyMetadata"]["Arn"]
    assert volume(ec2, "kc-lab-acme-clickhouse-1")["KmsKeyId"] == key, "the key is not"
    for each in (params, acme):
        assert converge("nodes", each)["plan"] == []
    converge("nodes", {**params, "state": "absent", "data": "delete"})
    assert converge("nodes", acme)["plan"] == []
