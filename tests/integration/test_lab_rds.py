"""RDS with a world: what is asked of an instance is done when the behaviour has told so, and its state says what goes on."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from lab.settings import ROOT, Settings

LAB = Settings.load()
HOME, OTHER = "me-west-1", "eu-central-1"


class World:
    """A lab's AWS, and what its behaviour tells."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.done: dict[str, int] = {}
        self.pending: list[str] = []
        self.snapshots: list[str] = []

    def client(self, service: str, region: str = HOME) -> Any:
        keys = {"aws_access_key_id": LAB.access_key, "aws_secret_access_key": LAB.secret_key}
        return boto3.client(service, region_name=region, endpoint_url=self.url, **keys)

    def tell(self) -> dict[str, Any]:
        what = json.dumps({"done": self.done, "pending": self.pending, "snapshots": self.snapshots}).encode()
        with urllib.request.urlopen(urllib.request.Request(f"{self.url}/lab/observed/rds", data=what), timeout=10) as answer:  # noqa: S310
            return dict(json.load(answer))

    def do(self) -> dict[str, dict[str, Any]]:
        """Do all that is asked, and return the instances by region."""
        wanted = self.tell()
        self.snapshots = [*wanted["snapshots"]]
        self.done = {each["resource"]: each["asked"] for each in wanted["instances"] if not each["leaving"]}
        return {each["region"]: each for each in self.tell()["instances"]}

    def state(self, region: str = HOME) -> str:
        found = self.client("rds", region).describe_db_instances()["DBInstances"]
        return str(found[0]["DBInstanceStatus"]) if found else "gone"


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    command = [sys.executable, "-m", "lab.aws", "--port", "0", "--world"]
    environment = {**os.environ, "KC_LAB_PACE": "promotion=60"}
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            assert process.stdout is not None
            yield process.stdout.readline().split()[-1]
        finally:
            process.terminate()


@pytest.fixture
def world(server: str) -> World:
    """An AWS with an instance that stands."""
    urllib.request.urlopen(urllib.request.Request(f"{server}/moto-api/reset", data=b""), timeout=30).close()  # noqa: S310
    world = World(server)
    for region in (HOME, OTHER):
        ec2, rds = world.client("ec2", region), world.client("rds", region)
        vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.1.0/24", AvailabilityZone=f"{region}a")["Subnet"]["SubnetId"]
        rds.create_db_subnet_group(DBSubnetGroupName="data", DBSubnetGroupDescription="data", SubnetIds=[subnet])
        rds.create_db_parameter_group(DBParameterGroupName="own", DBParameterGroupFamily="mysql8.4", Description="own")
    made = world.client("rds").create_db_instance(
        DBInstanceIdentifier="main",
        Engine="mysql",
        EngineVersion="8.4.7",
        DBInstanceClass="db.t4g.small",
        AllocatedStorage=20,
        DBSubnetGroupName="data",
        DBParameterGroupName="own",
        MasterUsername="admin",
        MasterUserPassword="secret",
        BackupRetentionPeriod=7,
    )["DBInstance"]
    assert (made["DBInstanceStatus"], made.get("Endpoint")) == ("creating", None)
    assert world.state() == "creating"
    world.do()
    return world


def refused(call: Callable[..., Any], **parameters: Any) -> str:
    with pytest.raises(ClientError) as caught:
        call(**parameters)
    return str(caught.value.response["Error"]["Code"])


def test_an_instance_is_there_once_its_server_is(world: World) -> None:
    about = world.client("rds").describe_db_instances()["DBInstances"][0]
    assert about["DBInstanceStatus"] == "available" and about["Endpoint"]["Port"] == 3306
    told = world.tell()["instances"][0]
    assert (told["user"], told["password"], told["endpoint"], told["cidr"]) == (
        "admin",
        "secret",
        about["Endpoint"]["Address"],
        "10.0.1.0/24",
    )
    assert told["resource"] == about["DbiResourceId"]


def test_boots_stops_and_starts_take_their_time(world: World) -> None:
    rds, name = world.client("rds"), {"DBInstanceIdentifier": "main"}
    for operation, meanwhile, afterwards in (
        ("reboot_db_instance", "rebooting", "available"),
        ("stop_db_instance", "stopping", "stopped"),
        ("start_db_instance", "starting", "available"),
    ):
        assert getattr(rds, operation)(**name)["DBInstance"]["DBInstanceStatus"] == meanwhile
        assert refused(rds.reboot_db_instance, **name) == "InvalidDBInstanceState"
        told = world.do()[HOME]
        assert (world.state(), told["stopped"]) == (afterwards, afterwards == "stopped")
    assert told["boots"] == 2


def test_parameters_that_wait_are_told(world: World) -> None:
    rds = world.client("rds")
    parameters = [
        {"ParameterName": "wait_timeout", "ParameterValue": "60", "ApplyMethod": "immediate"},
        {"ParameterName": "back_log", "ParameterValue": "70", "ApplyMethod": "pending-reboot"},
    ]
    rds.modify_db_parameter_group(DBParameterGroupName="own", Parameters=parameters)
    told = world.tell()["instances"][0]
    assert (told["group"], told["parameters"], told["waiting"]) == ("own", {"wait_timeout": "60", "back_log": "70"}, ["back_log"])

    def status() -> str:
        return str(rds.describe_db_instances()["DBInstances"][0]["DBParameterGroups"][0]["ParameterApplyStatus"])

    assert status() == "in-sync"
    world.pending = [told["resource"]]
    world.tell()
    assert status() == "pending-reboot"


def test_only_what_the_server_must_follow_takes_time(world: World) -> None:
    rds, name = world.client("rds"), {"DBInstanceIdentifier": "main", "ApplyImmediately": True}
    rds.modify_db_instance(**name, CopyTagsToSnapshot=True)
    assert world.state() == "available"
    rds.modify_db_instance(**name, MasterUserPassword="another-secret")
    assert world.state() == "modifying"
    assert world.do()[HOME]["password"] == "another-secret"
    assert world.state() == "available"


def test_a_replica_is_promoted_once(world: World) -> None:
    rds, there = world.client("rds"), world.client("rds", OTHER)
    source = rds.describe_db_instances()["DBInstances"][0]
    there.create_db_instance_read_replica(
        DBInstanceIdentifier="main", SourceDBInstanceIdentifier=source["DBInstanceArn"], DBSubnetGroupName="data"
    )
    assert (world.state(OTHER), world.state()) == ("creating", "available")
    told = world.do()
    assert (told[OTHER]["source"], told[OTHER]["logs"]) == (told[HOME]["resource"], False)
    there.modify_db_instance(DBInstanceIdentifier="main", BackupRetentionPeriod=7, ApplyImmediately=True)
    assert refused(there.promote_read_replica, DBInstanceIdentifier="main") == "InvalidDBInstanceState"
    assert world.do()[OTHER]["logs"] is True
    asked = time.time()
    there.promote_read_replica(DBInstanceIdentifier="main")
    assert world.state(OTHER) == "modifying"
    told = world.do()[OTHER]
    assert told["source"] == "" and told["writable_at"] >= asked + 60, "it takes as long as the lab's pace says"
    assert refused(there.promote_read_replica, DBInstanceIdentifier="main") == "InvalidDBInstanceState"


def test_snapshots_are_taken_copied_and_restored(world: World) -> None:
    rds = world.client("rds")
    rds.create_db_snapshot(DBInstanceIdentifier="main", DBSnapshotIdentifier="one")
    assert world.state() == "backing-up"
    restore = {"DBInstanceIdentifier": "again", "DBSnapshotIdentifier": "one", "DBSubnetGroupName": "data"}
    assert refused(rds.restore_db_instance_from_db_snapshot, **restore) == "InvalidDBSnapshotState"
    world.do()
    rds.copy_db_snapshot(SourceDBSnapshotIdentifier="one", TargetDBSnapshotIdentifier="two")
    found = {each["DBSnapshotIdentifier"]: each["Status"] for each in rds.describe_db_snapshots(SnapshotType="manual")["DBSnapshots"]}
    assert found == {"one": "available", "two": "creating"}
    world.do()
    rds.restore_db_instance_from_db_snapshot(**restore)
    at = rds.describe_db_instances(DBInstanceIdentifier="main")["DBInstances"][0]["LatestRestorableTime"]
    rds.restore_db_instance_to_point_in_time(SourceDBInstanceIdentifier="main", TargetDBInstanceIdentifier="then", RestoreTime=at)
    told = {each["name"]: each for each in world.tell()["instances"]}
    snapshots = world.tell()["snapshots"]
    assert snapshots[told["again"]["origin"]["snapshot"]]["of"] == {"instance": told["main"]["resource"]}
    assert told["then"]["origin"] == {"resource": told["main"]["resource"], "until": pytest.approx(at.timestamp(), abs=1)}
    assert len({each["resource"] for each in told.values()}) == 3


def test_a_deleted_instance_leaves_its_last_snapshot_first(world: World) -> None:
    rds, name = world.client("rds"), {"DBInstanceIdentifier": "main"}
    rds.modify_db_instance(**name, DeletionProtection=True)
    assert refused(rds.delete_db_instance, **name, SkipFinalSnapshot=True) == "InvalidParameterCombination"
    rds.modify_db_instance(**name, DeletionProtection=False)
    assert rds.delete_db_instance(**name, FinalDBSnapshotIdentifier="last")["DBInstance"]["DBInstanceStatus"] == "deleting"
    told = world.tell()
    assert [each["leaving"] for each in told["instances"]] == [True]
    assert {"instance": told["instances"][0]["resource"]} in [each["of"] for each in told["snapshots"].values()]
    world.do()
    assert world.state() == "gone"
    assert [each["DBSnapshotIdentifier"] for each in rds.describe_db_snapshots(SnapshotType="manual")["DBSnapshots"]] == ["last"]
