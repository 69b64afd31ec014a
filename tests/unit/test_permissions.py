"""The policy that the toolkit needs: made from its calls, and never behind them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tools import permissions
from tools.permissions import ACTIONS, ALSO, NEWER, PermissionsError, calls, known, main, needs, policy

HEAD = "from kc.aws.session import Aws\ndef act(aws: Aws, service: str) -> None:\n    "


def source(tmp_path: Path, line: str, file: str = "kc/thing.py") -> Path:
    path = tmp_path / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(HEAD + line + "\n")
    return tmp_path / "kc"


def test_the_file_is_what_the_source_calls(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--check"]) == 0, capsys.readouterr().err


@pytest.mark.parametrize(
    ("line", "actions"),
    [
        ('aws.call("ec2", "create_vpc", CidrBlock="10.0.0.0/16")', {"ec2:CreateVpc"}),
        ('aws.at(service).find("s3", "get_bucket_policy", Bucket="b")', {"s3:GetBucketPolicy"}),
        ('aws.pages("elbv2", "describe_load_balancers", "LoadBalancers")', {"elasticloadbalancing:DescribeLoadBalancers"}),
        ('aws.call("cloudwatch", "put_metric_alarm")', {"cloudwatch:PutMetricAlarm"}),
        ('aws.call("s3", "list_buckets")', {"s3:ListAllMyBuckets"}),
        ('aws.call("s3", "delete_objects")', {"s3:DeleteObject", "s3:DeleteObjectVersion"}),
        ('aws.call("kms", "replicate_key")', {"kms:ReplicateKey", "kms:CreateKey", "kms:PutKeyPolicy", "kms:TagResource"}),
        ('service.find("x")', set()),
    ],
)
def test_a_call_becomes_actions(tmp_path: Path, line: str, actions: set[str]) -> None:
    assert needs(calls(source(tmp_path, line))) == actions


def test_what_is_needed_for_one_service_is_allowed_for_that_one(tmp_path: Path) -> None:
    made = policy(needs(calls(source(tmp_path, 'aws.call("iam", "add_role_to_instance_profile")'))))
    assert made["Statement"] == [
        {"Sid": "Iam", "Effect": "Allow", "Action": ["iam:AddRoleToInstanceProfile"], "Resource": ["*"]},
        {
            "Sid": "PassRole",
            "Effect": "Allow",
            "Action": ["iam:PassRole"],
            "Resource": ["*"],
            "Condition": {"StringEquals": {"iam:PassedToService": ["ec2.amazonaws.com"]}},
        },
    ]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('aws.call(service, "create_vpc")', r"kc/thing.py:3: service and operation must be literal"),
        ('aws.find("ec2", service)', r"kc/thing.py:3: service and operation must be literal"),
        ('aws.pages("ec2", f"describe_{service}", "Vpcs")', r"kc/thing.py:3: service and operation must be literal"),
        ('self.call(service, "create_vpc")', r"kc/thing.py:3: service and operation must be literal"),
        ('aws.client("ec2").create_vpc()', r"kc/thing.py:3: calls of a client are not seen"),
        ('aws.call("ec2", "make_vpc")', "ec2 make_vpc: botocore has no such operation"),
        ('aws.call("nothing", "create_vpc")', "nothing create_vpc: botocore has no such operation"),
        ('aws.call("s3", "head_bucket")', "s3:HeadBucket: IAM has no such action"),
    ],
)
def test_what_would_be_missed_is_an_error(tmp_path: Path, line: str, message: str) -> None:
    with pytest.raises(PermissionsError, match=message):
        needs(calls(source(tmp_path, line)))


def test_the_wrapper_may_call_itself(tmp_path: Path) -> None:
    assert calls(source(tmp_path, "self.call(service, service)", "kc/aws/session.py")) == set()


def test_a_stale_file_fails_the_check_and_a_run_mends_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(permissions, "ROOT", tmp_path)
    monkeypatch.setattr(permissions, "TARGET", tmp_path / "docs" / "permissions.json")
    assert main(["--check"]) == 1
    assert main([]) == 0
    assert main(["--check"]) == 0
    permissions.TARGET.write_text(permissions.TARGET.read_text().replace("ec2:CreateVpc", "ec2:CreateVolume"))
    assert main(["--check"]) == 1
    assert "docs/permissions.json is stale" in capsys.readouterr().err


def test_no_table_has_an_entry_that_nothing_uses() -> None:
    made = calls(permissions.SOURCE)
    assert {*ACTIONS, *ALSO} <= made
    assert not [action for action in NEWER if action.lower() in known()]


def test_the_policy_is_whole() -> None:
    made = json.loads(permissions.text())
    assert made["Version"] == "2012-10-17"
    actions = [action for statement in made["Statement"] for action in statement["Action"]]
    assert len(actions) == len(set(actions))
    assert {"ec2:CreateVpc", "iam:CreateRole", "iam:PassRole", "kms:CreateKey", "ssm:PutParameter"} <= set(actions)
