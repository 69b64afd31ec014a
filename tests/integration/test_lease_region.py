"""What a region does about itself, on the emulated AWS: fences itself off, opens again, remembers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from kc.aws.session import Aws
from kc.errors import KcError
from kc.lease.lease import FENCED, HELD, Memory
from kc.lease.region import Region
from kc.scope import Scope
from kc.unit import connection_of

HERE = "me-west-1"
Client = Callable[..., Any]


@pytest.fixture
def region(client: Client, scope_option: Callable[..., dict[str, Any]]) -> Region:
    ec2, rds = client("ec2", HERE), client("rds", HERE)
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    named = {"Platform": "kc", "Environment": "lab", "Component": "network", "Name": "kc-lab-data"}
    spec = [{"ResourceType": "network-acl", "Tags": [{"Key": key, "Value": value} for key, value in named.items()]}]
    ec2.create_network_acl(VpcId=vpc, TagSpecifications=spec)
    tags = [{"Key": key, "Value": value} for key, value in {**named, "Component": "mysql"}.items() if key != "Name"]
    rds.create_db_parameter_group(
        DBParameterGroupName="kc-lab-main-mysql8-4", DBParameterGroupFamily="mysql8.4", Description="x", Tags=tags
    )
    rds.create_db_instance(
        DBInstanceIdentifier="kc-lab-main",
        DBInstanceClass="db.r6g.large",
        Engine="mysql",
        EngineVersion="8.4.7",
        AllocatedStorage=20,
        PubliclyAccessible=False,
        MultiAZ=False,
        MasterUsername="admin",
        MasterUserPassword="throw-away",
        DBParameterGroupName="kc-lab-main-mysql8-4",
        Tags=tags,
    )
    aws = Aws(connection_of({"scope": scope_option(HERE)}), HERE)
    return Region(aws, Scope("kc", "lab", "123456789012", HERE, "sentinel"))


def stands(client: Client) -> tuple[set[tuple[bool, int, str]], dict[str, str]]:
    [acl] = client("ec2", HERE).describe_network_acls(Filters=[{"Name": "tag:Name", "Values": ["kc-lab-data"]}])["NetworkAcls"]
    rules = {(each["Egress"], each["RuleNumber"], each["CidrBlock"]) for each in acl["Entries"] if each["RuleNumber"] < 100}
    found = client("rds", HERE).describe_db_parameters(DBParameterGroupName="kc-lab-main-mysql8-4", Source="user")["Parameters"]
    return rules, {each["ParameterName"]: each["ParameterValue"] for each in found}


def test_it_fences_itself_off_and_opens_again(region: Region, client: Client) -> None:
    region.fence()
    assert stands(client) == ({(False, 1, "0.0.0.0/0"), (True, 1, "0.0.0.0/0")}, {"read_only": "1"})
    region.fence()
    region.open()
    region.open()
    assert stands(client) == (set(), {})


def test_what_can_be_fenced_is_fenced_whatever_can_not(region: Region, client: Client) -> None:
    ec2 = client("ec2", HERE)
    [acl] = ec2.describe_network_acls(Filters=[{"Name": "tag:Name", "Values": ["kc-lab-data"]}])["NetworkAcls"]
    ec2.delete_network_acl(NetworkAclId=acl["NetworkAclId"])
    with pytest.raises(KcError, match="the fence of me-west-1: there is no network ACL kc-lab-data"):
        region.fence()
    found = client("rds", HERE).describe_db_parameters(DBParameterGroupName="kc-lab-main-mysql8-4", Source="user")["Parameters"]
    assert [each["ParameterName"] for each in found] == ["read_only"]


def test_it_remembers(region: Region, client: Client) -> None:
    assert region.recall() is None and region.role() == region.counted() == ""
    client("ssm", HERE).put_parameter(Name="/kc/lab/state/lease", Value="none", Type="String")  # as site.yml begins with it
    assert region.recall() is None
    for memory in (Memory(1, HELD), Memory(1, FENCED)):
        region.remember(memory)
        assert region.recall() == memory
    region.count("task-1 7")
    assert region.counted() == "task-1 7"
    client("ssm", HERE).put_parameter(Name="/kc/lab/state/lease", Value="fenced", Type="String", Overwrite=True)
    with pytest.raises(KcError, match="the parameter /kc/lab/state/lease in me-west-1 holds 'fenced', which says nothing"):
        region.recall()
