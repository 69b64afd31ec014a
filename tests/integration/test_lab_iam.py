"""The policies that AWS manages, as the lab's IAM has them: each account's own, however often it is emptied."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.conftest import post

POLICY = "arn:aws:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy"
TRUST = '{"Version": "2012-10-17", "Statement": []}'


def attached(iam: Any) -> int:
    return int(iam.get_policy(PolicyArn=POLICY)["Policy"]["AttachmentCount"])


def test_an_account_that_was_emptied_has_them_unattached(aws_api: str, client: Callable[..., Any]) -> None:
    iam = client("iam")
    before = iam.list_policies(Scope="AWS")["Policies"]
    iam.create_role(RoleName="tasks", AssumeRolePolicyDocument=TRUST)
    iam.attach_role_policy(RoleName="tasks", PolicyArn=POLICY)
    iam.tag_policy(PolicyArn=POLICY, Tags=[{"Key": "seen", "Value": "yes"}])
    assert attached(iam) == 1
    post(f"{aws_api}/moto-api/reset")
    assert attached(iam) == 0 and iam.list_policies(Scope="AWS")["Policies"] == before != []
    assert iam.list_policy_tags(PolicyArn=POLICY)["Tags"] == []
    version = iam.get_policy_version(PolicyArn=POLICY, VersionId=iam.get_policy(PolicyArn=POLICY)["Policy"]["DefaultVersionId"])
    assert "ecr:GetAuthorizationToken" in str(version["PolicyVersion"]["Document"])
