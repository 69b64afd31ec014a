"""The recording proxy: what it hears is what was asked, whatever protocol a service speaks, and a silent region is silent."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import botocore.config
import pytest
from botocore.exceptions import ClientError, ConnectionClosedError, ReadTimeoutError
from kc.aws.session import Aws, Connection
from kc.runbook.act import Call

from lab.settings import Settings
from plugins.filter.kc_runbook import kc_call, kc_statements
from tests.faults.foreseen import InstanceCall, listed, on_instances, on_the_wire
from tests.faults.recording import Recorder, asked, recorder

LAB = Settings.load()
HERE, LOST = "eu-central-1", "me-west-1"

CALLS = [
    ("ssm", "put_parameter", {"Name": "/kc/lab/x", "Value": "é", "Type": "String", "Overwrite": True}, "ssm", "PutParameter"),
    ("ssm", "get_parameter", {"Name": "/kc/lab/x"}, "ssm", "GetParameter"),
    ("ecs", "update_service", {"cluster": "kc", "service": "a", "forceNewDeployment": True}, "ecs", "UpdateService"),
    (
        "application-autoscaling",
        "register_scalable_target",
        {
            "ServiceNamespace": "ecs",
            "ScalableDimension": "ecs:service:DesiredCount",
            "ResourceId": "service/kc/a",
            "MinCapacity": 2,
            "MaxCapacity": 4,
        },
        "application-autoscaling",
        "RegisterScalableTarget",
    ),
    (
        "cloudwatch",
        "put_metric_data",
        {"Namespace": "kc/lab", "MetricData": [{"MetricName": "StandbyTakesOver", "Value": 1.0, "Unit": "None"}]},
        "monitoring",
        "PutMetricData",
    ),
    ("rds", "promote_read_replica", {"DBInstanceIdentifier": "kc-lab-main", "BackupRetentionPeriod": 14}, "rds", "PromoteReadReplica"),
    (
        "ec2",
        "create_network_acl_entry",
        {"NetworkAclId": "acl-1", "Egress": True, "RuleNumber": 1, "Protocol": "-1", "RuleAction": "deny", "CidrBlock": "0.0.0.0/0"},
        "ec2",
        "CreateNetworkAclEntry",
    ),
    ("ec2", "describe_network_acls", {"Filters": [{"Name": "tag:Name", "Values": ["kc-lab-data"]}]}, "ec2", "DescribeNetworkAcls"),
    (
        "s3",
        "put_object",
        {"Bucket": "journals", "Key": "runbooks/000001/000001.json", "Body": b"{}"},
        "s3",
        "PUT /journals/runbooks/000001/000001.json",
    ),
    ("s3", "list_objects_v2", {"Bucket": "journals", "Prefix": "runbooks/"}, "s3", "GET /journals"),
    ("route53", "list_hosted_zones", {}, "route53", "GET /2013-04-01/hostedzone"),
    ("iam", "list_roles", {}, "iam", "ListRoles"),
]


@pytest.fixture
def proxy(aws_api: str) -> Iterator[Recorder]:
    with recorder(aws_api) as found:
        yield found


@pytest.fixture
def client(proxy: Recorder) -> Callable[..., Any]:
    def make(service: str, region: str = HERE, patience: float = 30) -> Any:
        config = botocore.config.Config(retries={"total_max_attempts": 1}, read_timeout=patience, s3={"addressing_style": "path"})
        about = {"endpoint_url": proxy.url, "aws_access_key_id": LAB.access_key, "aws_secret_access_key": LAB.secret_key}
        return boto3.client(service, region_name=region, config=config, **about)

    return make


@pytest.mark.parametrize(("service", "operation", "params", "signed", "name"), CALLS, ids=[f"{each[0]}-{each[1]}" for each in CALLS])
def test_what_is_heard_is_what_was_asked_and_what_would_be_foreseen(
    service: str, operation: str, params: dict[str, Any], signed: str, name: str, proxy: Recorder, client: Callable[..., Any]
) -> None:
    answer = 200
    try:
        getattr(client(service), operation)(**params)
    except ClientError as error:
        answer = error.response["ResponseMetadata"]["HTTPStatusCode"]
    (call,) = proxy.taken()
    region = "us-east-1" if service in ("iam", "route53") else HERE
    assert (call.asked.region, call.asked.service, call.asked.operation) == (region, signed, name)
    assert (call.asked.endpoint, call.status) == (proxy.url, answer)
    assert call.seconds is not None and call.seconds > 0
    assert call.asked.changes == (not operation.startswith(("get", "describe", "list")))
    about = {"call": f"{service}:{operation}", "region": HERE, "endpoint": proxy.url, "params": params}
    assert on_the_wire(about) == call.asked
    assert proxy.taken() == []


def test_another_value_is_another_call(proxy: Recorder) -> None:
    for service, operation, params, *_ in CALLS[:8]:
        about = {"call": f"{service}:{operation}", "region": HERE, "endpoint": proxy.url, "params": params}
        found = on_the_wire(about)
        assert found != on_the_wire({**about, "region": LOST})
        assert found != on_the_wire({**about, "endpoint": "http://127.0.0.1:1"})
        assert found.params


def test_what_is_printed_is_read_back() -> None:
    aws = Aws(Connection(endpoint_url="http://127.0.0.1:1"), HERE)
    call = Call(LOST, "ssm", "put_parameter", {"Name": "/kc/lab/x", "Value": 'a "quoted" } one', "Type": "String"}).facts(aws)
    printed = json.dumps({"msg": [kc_call(call), "could not be done: the fence of me-west-1"]}, indent=4)
    assert listed(f"ok: [{HERE}] => {printed}") == [call]


def test_calls_about_instances_are_read_back_and_are_those_that_are_heard(proxy: Recorder, client: Callable[..., Any]) -> None:
    node, said = (
        f"kc-lab-main in {HERE}",
        ("add_tags_to_resource PromotedFrom = u", "promote_read_replica", "describe_db_instances: available"),
    )
    told = [{"node": node, "statement": f"rds {each}"} for each in said] + [{"node": "db:3306", "statement": "SELECT 1"}]
    printed = json.dumps({"msg": kc_statements({"statements": told})}, indent=4)
    arn = f"arn:aws:rds:{HERE}:{LAB.account}:db:kc-lab-main"
    for call in (
        lambda: client("rds").add_tags_to_resource(ResourceName=arn, Tags=[{"Key": "PromotedFrom", "Value": "u"}]),
        lambda: client("rds").promote_read_replica(DBInstanceIdentifier="kc-lab-main"),
        lambda: client("rds").describe_db_instances(DBInstanceIdentifier="kc-lab-main"),
    ):
        with contextlib.suppress(ClientError):
            call()
    heard = {InstanceCall.of(each.asked) for each in proxy.taken() if each.asked.changes}
    assert heard == on_instances(printed) and len(heard) == 2


def test_a_request_that_nobody_signed_is_of_no_region() -> None:
    assert asked("GET", "/", {"Host": "x"}, b"").region == ""


def test_a_link_that_was_signed_is_of_its_region(client: Callable[..., Any]) -> None:
    url = client("s3", LOST).generate_presigned_url("get_object", Params={"Bucket": "media", "Key": "a"})
    found = asked("GET", url.partition(":")[2].partition("/media")[1] + url.partition("/media")[2], {"Host": "x"}, b"")
    assert (found.region, found.service, found.operation) == (LOST, "s3", "GET /media/a")


def test_a_silent_region_answers_nobody_and_the_others_do(proxy: Recorder, client: Callable[..., Any]) -> None:
    with proxy.silence(LOST, "us-east-1"):
        with pytest.raises(ReadTimeoutError):
            client("ssm", LOST, patience=0.3).get_parameter(Name="/x")
        with pytest.raises(ReadTimeoutError):
            client("iam", patience=0.3).list_roles()
        client("ssm").describe_parameters()
    client("ssm", LOST).describe_parameters()
    until_given_up(proxy)
    heard = proxy.taken()
    assert [(each.asked.region, each.asked.operation, each.status) for each in heard] == [
        (LOST, "GetParameter", None),
        ("us-east-1", "ListRoles", None),
        (HERE, "DescribeParameters", 200),
        (LOST, "DescribeParameters", 200),
    ]
    assert "no answer after" in str(heard[0])


def until_given_up(proxy: Recorder) -> None:
    """Wait until nobody waits any more."""
    end = time.monotonic() + 30
    while any(each.seconds is None for each in proxy.heard):
        assert time.monotonic() < end, [*map(str, proxy.heard)]
        time.sleep(0.02)


def test_who_waits_for_a_silent_region_waits_until_it_is_over(proxy: Recorder, client: Callable[..., Any]) -> None:
    failed: list[Exception] = []

    def ask() -> None:
        try:
            client("ssm", LOST).get_parameter(Name="/x")
        except ConnectionClosedError as error:
            failed.append(error)

    thread = threading.Thread(target=ask)
    with proxy.silence(LOST):
        thread.start()
        while not proxy.heard:
            time.sleep(0.02)
        assert thread.is_alive() and proxy.heard[0].seconds is None
    thread.join(30)
    assert len(failed) == 1, "it is hung up on, and not answered after all"
