"""The policies that the toolkit needs: made from its calls, never behind them, and such as IAM takes."""

from __future__ import annotations

import json
from pathlib import Path

import parliament
import pytest
import yaml
from kc.grants import statements
from kc.scope import Scope

from tools import permissions
from tools.permissions import ACTIONS, ALSO, LONGEST, MOST, NEWER, POLICIES, PermissionsError, calls, known, main, needs, policies, policy

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
        ('aws.call("cloudwatch", "put_metric_alarm")', {"cloudwatch:PutMetricAlarm", "cloudwatch:TagResource"}),
        ('aws.call("s3", "list_buckets")', {"s3:ListAllMyBuckets"}),
        ('[Call(service, "ssm", "put_parameter", {})]', {"ssm:PutParameter"}),
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
        ('Call("eu-west-1", "ec2", service, {})', r"kc/thing.py:3: service and operation must be literal"),
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
    monkeypatch.setattr(permissions, "TARGET", tmp_path / "docs" / "permissions")
    assert main(["--check"]) == 1
    assert main([]) == 0
    assert main(["--check"]) == 0
    network = permissions.TARGET / "network.json"
    network.write_text(network.read_text().replace("ec2:CreateVpc", "ec2:CreateVolume"))
    (permissions.TARGET / "former.json").write_text("{}")
    capsys.readouterr()
    assert main(["--check"]) == 1
    said = capsys.readouterr().err.splitlines()
    assert said == [f"docs/permissions/{name}.json is stale: run tools/permissions.py" for name in ("former", "network")]
    assert main([]) == 0
    assert main(["--check"]) == 0


def test_no_table_has_an_entry_that_nothing_uses() -> None:
    made = calls(permissions.SOURCE) | calls(permissions.SOURCE, nodes=True)
    assert {*ACTIONS, *ALSO} <= made
    assert not [action for action in NEWER if action.lower() in known()]


def test_the_role_of_nodes_may_do_what_runs_there() -> None:
    needed = {str(action) for action in needs(calls(permissions.SOURCE, nodes=True))}
    inventory = yaml.safe_load((permissions.ROOT / "inventories/common/all/identity.yml").read_text())
    scope = Scope("kc", "lab", "123456789012", "us-east-1", "identity")
    role = statements(scope, ["me-west-1"], inventory["kc_identity_roles"]["clickhouse-node"]["grants"])
    assert {"s3:GetObject", "s3:ListBucket", "s3:PutObject"} <= needed
    # a version is never named, so none is ever deleted
    assert needed - {"s3:DeleteObjectVersion"} <= {action for statement in role for action in statement["Action"]}


def test_each_service_has_one_policy_and_iam_has_it() -> None:
    services = [service for policy in POLICIES.values() for service in policy]
    assert len(services) == len(set(services))
    assert set(services) <= {action.partition(":")[0] for action in known()}


def test_a_service_without_a_policy_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(PermissionsError, match="glacier: no policy is for this service"):
        policies(needs(calls(source(tmp_path, 'aws.call("glacier", "create_vault")'))))


def test_a_policy_that_iam_would_refuse_is_an_error() -> None:
    ec2 = [action for action in known() if action.startswith("ec2:")]
    with pytest.raises(PermissionsError, match=rf"network: \d+ characters, and IAM takes {LONGEST}: move a service"):
        policies(ec2)


def test_the_policies_are_such_as_one_role_may_have() -> None:
    made = permissions.texts()
    assert 0 < len(made) <= MOST
    assert all(len("".join(text.split())) <= LONGEST for text in made.values())


def test_the_policies_are_whole() -> None:
    made = {name: json.loads(text) for name, text in permissions.texts().items()}
    for one in made.values():
        assert one["Version"] == "2012-10-17"
        # any platform and environment name, so the resources are not limited; who makes buckets writes their policies
        found = {finding.issue for finding in parliament.analyze_policy_string(json.dumps(one)).findings}
        assert found <= {"RESOURCE_STAR", "RESOURCE_POLICY_PRIVILEGE_ESCALATION"}
    actions = [action for one in made.values() for statement in one["Statement"] for action in statement["Action"]]
    assert len(actions) == len(set(actions))
    assert {"ec2:CreateVpc", "iam:CreateRole", "iam:PassRole", "kms:CreateKey", "ssm:PutParameter"} <= set(actions)
