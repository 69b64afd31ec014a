"""The lab takes its time where `KC_LAB_PACE` says so: what a client sees until a thing is there."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from itertools import groupby
from typing import Any

import boto3
import pytest

from lab.settings import ROOT, Settings

LAB = Settings.load()
DATABASE = "main"
ORIGIN = {"HTTPPort": 80, "HTTPSPort": 443, "OriginProtocolPolicy": "https-only"}
DISABLED = "4135ea2d-6df8-44a3-9df3-4b5a84be39ad"
"""The managed cache policy that caches nothing."""


@pytest.fixture(scope="module")
def client() -> Iterator[Callable[..., Any]]:
    """Return a function that gives a client of a lab of its own, where everything takes a moment."""
    command = [sys.executable, "-m", "lab.aws", "--port", "0"]
    environment = {**os.environ, "KC_LAB_PACE": "db=1 replica=1 distribution=1 nat=1"}
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as server:
        try:
            assert server.stdout is not None
            url = server.stdout.readline().split()[-1]
            keys = {"aws_access_key_id": LAB.access_key, "aws_secret_access_key": LAB.secret_key}
            yield lambda service, region="me-west-1": boto3.client(service, region_name=region, endpoint_url=url, **keys)
        finally:
            server.terminate()


def seen(first: dict[str, Any], look: Callable[[], dict[str, Any]], state: str, end: str) -> list[tuple[str, bool]]:
    """Return each state that a thing shows until its `end`, and whether it has an address then."""
    states, deadline = [], time.monotonic() + 60
    now = first
    while True:
        states.append((now[state], bool(now.get("Endpoint", {}).get("Address"))))
        if now[state] == end:
            return [one for one, _ in groupby(states)]
        assert time.monotonic() < deadline, f"still {now[state]}"
        now = look()


def test_databases_are_created_for_a_while_and_have_no_address_before(client: Callable[..., Any]) -> None:
    home, other = client("rds"), client("rds", "eu-central-1")

    def look(where: Any) -> Callable[[], dict[str, Any]]:
        return lambda: dict(where.describe_db_instances(DBInstanceIdentifier=DATABASE)["DBInstances"][0])

    comes_up = [("creating", False), ("available", True)]
    asked: dict[str, Any] = {"DBInstanceIdentifier": DATABASE, "DBInstanceClass": "db.t4g.micro", "BackupRetentionPeriod": 1}
    made = home.create_db_instance(
        **asked, Engine="mysql", AllocatedStorage=20, MasterUsername="admin", MasterUserPassword="not-a-secret"
    )["DBInstance"]  # fmt: skip
    with pytest.raises(other.exceptions.InvalidDBInstanceStateFault):  # a source that is not there yet
        other.create_db_instance_read_replica(DBInstanceIdentifier=DATABASE, SourceDBInstanceIdentifier=made["DBInstanceArn"])
    assert seen(made, look(home), "DBInstanceStatus", "available") == comes_up
    replica = other.create_db_instance_read_replica(DBInstanceIdentifier=DATABASE, SourceDBInstanceIdentifier=made["DBInstanceArn"])
    assert seen(replica["DBInstance"], look(other), "DBInstanceStatus", "available") == comes_up


def test_a_distribution_is_in_progress_for_a_while_and_after_each_change(client: Callable[..., Any]) -> None:
    cloudfront = client("cloudfront", "us-east-1")
    origin = {"Id": "it", "DomainName": "example.com", "CustomOriginConfig": ORIGIN}
    config: dict[str, Any] = {
        "CallerReference": "once", "Comment": "", "Enabled": True, "Origins": {"Quantity": 1, "Items": [origin]},
        "DefaultCacheBehavior": {"TargetOriginId": "it", "ViewerProtocolPolicy": "https-only", "CachePolicyId": DISABLED},
    }  # fmt: skip
    made = cloudfront.create_distribution(DistributionConfig=config)

    def look() -> dict[str, Any]:
        return dict(cloudfront.get_distribution(Id=made["Distribution"]["Id"])["Distribution"])

    comes_up = [("InProgress", False), ("Deployed", False)]
    assert seen(made["Distribution"], look, "Status", "Deployed") == comes_up
    changed = cloudfront.update_distribution(
        Id=made["Distribution"]["Id"], IfMatch=made["ETag"], DistributionConfig={**config, "Comment": "changed"}
    )
    assert seen(changed["Distribution"], look, "Status", "Deployed") == comes_up


def test_a_nat_gateway_is_pending_for_a_while(client: Callable[..., Any]) -> None:
    ec2 = client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.0.0/24")["Subnet"]["SubnetId"]
    address = ec2.allocate_address(Domain="vpc")["AllocationId"]
    made = ec2.create_nat_gateway(SubnetId=subnet, AllocationId=address)["NatGateway"]

    def look() -> dict[str, Any]:
        return dict(ec2.describe_nat_gateways(NatGatewayIds=[made["NatGatewayId"]])["NatGateways"][0])

    assert seen(made, look, "State", "available") == [("pending", False), ("available", False)]
