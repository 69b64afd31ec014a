"""Roles: what the inventory says, as IAM takes it."""

from __future__ import annotations

import fnmatch
from pathlib import Path
from typing import Any

import pytest
import yaml
from kc.errors import KcError
from kc.grants import TAKES, statements
from kc.model import Key
from kc.policy import document
from kc.scope import Scope
from kc.units.identity import LONGEST, build, trust

SCOPE = Scope("kc", "lab", "123456789012", "us-east-1", "identity")
REGIONS = ["me-west-1", "eu-central-1"]
KEYS = ["arn:aws:kms:eu-central-1:123456789012:key/*", "arn:aws:kms:me-west-1:123456789012:key/*"]


def both(arn: str) -> list[str]:
    return sorted(arn.format(region) for region in REGIONS)


def bucket(short: str, end: str = "") -> list[str]:
    return both(f"arn:aws:s3:::kc-lab-{short}-123456789012-{{}}{end}")


def aliases(*shorts: str) -> dict[str, Any]:
    return {"ForAnyValue:StringEquals": {"kms:ResourceAliases": [f"alias/kc-lab-{short}" for short in shorts]}}


def via(service: str) -> dict[str, Any]:
    return {"StringEquals": {"kms:ViaService": both(f"{service}.{{}}.amazonaws.com")}}


CONTEXT = {"StringLike": {"kms:EncryptionContext:aws:s3:arn": sorted([*bucket("media"), *bucket("media", "/*")])}}

GRANTS: list[tuple[dict[str, Any], dict[str, tuple[list[str], list[str], dict[str, Any]]]]] = [
    (
        {"buckets_read": ["media"]},
        {"BucketsRead": (["s3:GetObject"], bucket("media", "/*"), {}), "BucketsList": (["s3:ListBucket"], bucket("media"), {})},
    ),
    (
        {"buckets_write": ["uploads", "media"]},
        {
            "BucketsWrite": (
                ["s3:AbortMultipartUpload", "s3:DeleteObject", "s3:ListMultipartUploadParts", "s3:PutObject"],
                sorted([*bucket("media", "/*"), *bucket("uploads", "/*")]),
                {},
            )
        },
    ),
    (
        {"keys_use": ["media"]},
        {"KeysUse": (["kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey"], KEYS, aliases("media"))},
    ),
    (
        {"backups": {"bucket": "backups", "key": "data", "prefix": "clickhouse/acme"}},
        {
            "Backups": (
                ["s3:AbortMultipartUpload", "s3:DeleteObject", "s3:GetObject", "s3:ListMultipartUploadParts", "s3:PutObject"],
                bucket("backups", "/clickhouse/acme/*"),
                {},
            ),
            "BackupsList": (["s3:ListBucket"], bucket("backups"), {"StringLike": {"s3:prefix": ["clickhouse/acme/*"]}}),
            "BackupsKey": (
                ["kms:Decrypt", "kms:GenerateDataKey"],
                KEYS,
                {
                    **aliases("data"),
                    **via("s3"),
                    "StringLike": {
                        "kms:EncryptionContext:aws:s3:arn": sorted([*bucket("backups"), *bucket("backups", "/clickhouse/acme/*")])
                    },
                },
            ),
        },
    ),
    ({"keys_decrypt": ["media", "data"]}, {"KeysDecrypt": (["kms:Decrypt", "kms:DescribeKey"], KEYS, aliases("data", "media"))}),
    (
        {"secrets_read": ["mysql-app"]},
        {
            "SecretsRead": (
                ["secretsmanager:DescribeSecret", "secretsmanager:GetSecretValue"],
                both("arn:aws:secretsmanager:{}:123456789012:secret:kc/lab/mysql-app-??????"),
                {},
            ),
            "SecretsDecrypt": (["kms:Decrypt"], KEYS, {**aliases("secrets"), **via("secretsmanager")}),
        },
    ),
    (
        {"parameters_read": True},
        {
            "ParametersRead": (
                ["ssm:GetParameter", "ssm:GetParameters", "ssm:GetParametersByPath"],
                sorted([*both("arn:aws:ssm:{}:123456789012:parameter/kc/lab"), *both("arn:aws:ssm:{}:123456789012:parameter/kc/lab/*")]),
                {},
            )
        },
    ),
    (
        {"parameters_read": ["log_level"]},
        {
            "ParametersRead": (
                ["ssm:GetParameter", "ssm:GetParameters"],
                both("arn:aws:ssm:{}:123456789012:parameter/kc/lab/log_level"),
                {},
            )
        },
    ),
    (
        {"logs_write": True},
        {"LogsWrite": (["logs:CreateLogStream", "logs:PutLogEvents"], both("arn:aws:logs:{}:123456789012:log-group:/kc/lab/*"), {})},
    ),
    (
        {"repositories_pull": True},
        {
            "RegistryLogin": (["ecr:GetAuthorizationToken"], ["*"], {}),
            "RepositoriesPull": (
                ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
                both("arn:aws:ecr:{}:123456789012:repository/kc/lab/*"),
                {},
            ),
        },
    ),
    (
        {"execute_command": True},
        {
            "Sessions": (
                [
                    "logs:DescribeLogGroups",
                    "ssmmessages:CreateControlChannel",
                    "ssmmessages:CreateDataChannel",
                    "ssmmessages:OpenControlChannel",
                    "ssmmessages:OpenDataChannel",
                ],
                ["*"],
                {},
            ),
            "SessionsLog": (
                ["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"],
                sorted(
                    [
                        *both("arn:aws:logs:{}:123456789012:log-group:/kc/lab/execute-command"),
                        *both("arn:aws:logs:{}:123456789012:log-group:/kc/lab/execute-command:*"),
                    ]
                ),
                {},
            ),
        },
    ),
    (
        {"queues_send": ["jobs"]},
        {
            "QueuesSend": (
                ["sqs:GetQueueAttributes", "sqs:GetQueueUrl", "sqs:SendMessage"],
                both("arn:aws:sqs:{}:123456789012:kc-lab-jobs"),
                {},
            )
        },
    ),
    (
        {"queues_put_aside": ["jobs"]},
        {"QueuesPutAside": (["sqs:SendMessage"], both("arn:aws:sqs:{}:123456789012:kc-lab-jobs-dead"), {})},
    ),
    (
        {"queues_receive": ["jobs"]},
        {
            "QueuesReceive": (
                ["sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:GetQueueUrl", "sqs:ReceiveMessage"],
                both("arn:aws:sqs:{}:123456789012:kc-lab-jobs"),
                {},
            )
        },
    ),
    (
        {"replicate": {"buckets": ["media"], "keys": ["media"]}},
        {
            "ReplicationConfiguration": (["s3:GetReplicationConfiguration", "s3:ListBucket"], bucket("media"), {}),
            "ReplicationSource": (
                ["s3:GetObjectVersionAcl", "s3:GetObjectVersionForReplication", "s3:GetObjectVersionTagging"],
                bucket("media", "/*"),
                {},
            ),
            "ReplicationDestination": (["s3:ReplicateDelete", "s3:ReplicateObject", "s3:ReplicateTags"], bucket("media", "/*"), {}),
            "ReplicationDecrypt": (["kms:Decrypt"], KEYS, {**aliases("media"), **via("s3"), **CONTEXT}),
            "ReplicationEncrypt": (["kms:Encrypt", "kms:GenerateDataKey"], KEYS, {**aliases("media"), **via("s3"), **CONTEXT}),
        },
    ),
    (
        {"failover": True},
        {
            "FailoverLook": (
                ["application-autoscaling:DescribeScalableTargets", "cloudwatch:GetMetricStatistics", "ec2:DescribeNetworkAcls"],
                ["*"],
                {},
            ),
            "FailoverInstances": (["rds:DescribeDBInstances"], both("arn:aws:rds:{}:123456789012:db:*"), {}),
            "FailoverFence": (
                ["ec2:CreateNetworkAclEntry", "ec2:DeleteNetworkAclEntry", "ec2:ReplaceNetworkAclEntry"],
                both("arn:aws:ec2:{}:123456789012:network-acl/*"),
                {"StringEquals": {"aws:ResourceTag/Environment": ["lab"], "aws:ResourceTag/Platform": ["kc"]}},
            ),
            "FailoverDatabases": (["rds:AddTagsToResource", "rds:PromoteReadReplica"], both("arn:aws:rds:{}:123456789012:db:kc-lab-*"), {}),
            "FailoverParameters": (
                ["rds:DescribeDBParameters", "rds:ModifyDBParameterGroup", "rds:ResetDBParameterGroup"],
                both("arn:aws:rds:{}:123456789012:pg:kc-lab-*"),
                {},
            ),
            "FailoverServices": (
                ["ecs:DescribeServices", "ecs:UpdateService"],
                both("arn:aws:ecs:{}:123456789012:service/kc-lab-*/kc-lab-*"),
                {},
            ),
            "FailoverCapacity": (
                ["application-autoscaling:RegisterScalableTarget"],
                both("arn:aws:application-autoscaling:{}:123456789012:scalable-target/*"),
                {},
            ),
            "FailoverSwitch": (["cloudwatch:PutMetricData"], ["*"], {"StringEquals": {"cloudwatch:namespace": ["kc/lab"]}}),
            "FailoverState": (["ssm:PutParameter"], both("arn:aws:ssm:{}:123456789012:parameter/kc/lab/state/*"), {}),
            "FailoverTell": (["sns:Publish"], both("arn:aws:sns:{}:123456789012:kc-lab-pages"), {}),
            "FailoverTellKey": (["kms:Decrypt", "kms:GenerateDataKey"], KEYS, {**aliases("alerts"), **via("sns")}),
        },
    ),
]


@pytest.mark.parametrize(("grants", "expected"), GRANTS, ids=lambda value: "+".join(value))
def test_a_grant_allows_this_and_no_more(grants: dict[str, Any], expected: dict[str, tuple[list[str], list[str], dict[str, Any]]]) -> None:
    found = document(*statements(SCOPE, REGIONS, grants))["Statement"]
    assert {one["Sid"]: (one["Action"], one["Resource"], one.get("Condition", {})) for one in found} == expected
    assert {one["Effect"] for one in found} == {"Allow"}


def test_every_grant_has_a_case() -> None:
    assert {grant for grants, _ in GRANTS for grant in grants} == set(TAKES)


def test_all_grants_go_together() -> None:
    together = {grant: value for grants, _ in GRANTS for grant, value in grants.items()}
    assert len(document(*statements(SCOPE, REGIONS, together))["Statement"]) >= len(together)


@pytest.mark.parametrize("grants", [{}, {"logs_write": False}, {"buckets_read": []}, {"keys_use": None}])
def test_no_grant_is_no_statement(grants: dict[str, Any]) -> None:
    assert statements(SCOPE, REGIONS, grants) == []


@pytest.mark.parametrize(
    ("grants", "message"),
    [
        ({"bucket_read": ["media"]}, "`roles.app.grants` has no grant `bucket_read`"),
        ({"buckets_read": "media"}, "`roles.app.grants.buckets_read` must be a list of short names, not 'media'"),
        ({"buckets_read": [1]}, "buckets_read` must be a list of short names"),
        ({"buckets_read": True}, "buckets_read` must be a list of short names"),
        ({"parameters_read": "all"}, "parameters_read` must be true"),
        ({"logs_write": ["a"]}, "logs_write` must be true or false"),
        ({"replicate": ["media"]}, "replicate` must be {buckets"),
        ({"replicate": {"bucket": ["media"]}}, "replicate` must be {buckets"),
        ({"replicate": {"keys": ["media"]}}, "replicate` must be {buckets"),
        ({"replicate": {"buckets": ["media"], "keys": None}}, "replicate` must be {buckets"),
    ],
)
def test_a_wrong_grant_is_refused_by_role_and_grant(grants: dict[str, Any], message: str) -> None:
    with pytest.raises(KcError, match=message):
        build(SCOPE, {"roles": {"app": {"trust": "ec2.amazonaws.com", "grants": grants}}, "regions": REGIONS})


@pytest.mark.parametrize(
    ("service", "condition"),
    [
        ("ecs-tasks.amazonaws.com", {"StringEquals": {"aws:SourceAccount": ["123456789012"]}}),
        ("monitoring.rds.amazonaws.com", {"StringEquals": {"aws:SourceAccount": ["123456789012"]}}),
        ("ec2.amazonaws.com", None),
        ("s3.amazonaws.com", None),
    ],
)
def test_trust(service: str, condition: dict[str, Any] | None) -> None:
    (statement,) = trust(SCOPE, service)["Statement"]
    assert (statement["Principal"], statement["Action"]) == ({"Service": [service]}, ["sts:AssumeRole"])
    assert statement.get("Condition") == condition


def test_a_role_with_everything() -> None:
    role, profile = build(
        SCOPE,
        {
            "roles": {
                "node": {
                    "trust": "ec2.amazonaws.com",
                    "description": "Hosts",
                    "instance_profile": True,
                    "max_session": 7200,
                    "managed": ["service-role/B", "A"],
                    "grants": {"logs_write": True},
                }
            },
            "regions": REGIONS,
        },
    )
    assert role.key == Key("role", "us-east-1", "kc-lab-node")
    assert role.desired == {
        "path": "/kc/lab/",
        "trust": trust(SCOPE, "ec2.amazonaws.com"),
        "description": "Hosts",
        "max_session": 7200,
        "policies": {"grants": document(*statements(SCOPE, REGIONS, {"logs_write": True}))},
        "managed": ["arn:aws:iam::aws:policy/A", "arn:aws:iam::aws:policy/service-role/B"],
        "tags": SCOPE.tags(),
    }
    assert profile.key == Key("instance_profile", "us-east-1", "kc-lab-node")
    assert profile.desired == {"path": "/kc/lab/", "role": "kc-lab-node", "tags": SCOPE.tags()}
    assert profile.after == (role.key,)


def test_a_role_with_nothing_but_a_trust() -> None:
    (role,) = build(SCOPE, {"roles": {"spa": {"trust": "ecs-tasks.amazonaws.com"}}, "regions": REGIONS})
    assert role.desired is not None
    assert (role.desired["policies"], role.desired["managed"], role.desired["max_session"]) == ({}, [], 3600)


@pytest.mark.parametrize(
    ("about", "message"),
    [
        (None, "`roles.app` lacks the setting `trust`"),
        ({"trust": "ec2.amazonaws.com", "polices": []}, "`roles.app` has no setting `polices`"),
        ({"trust": "ec2.amazonaws.com", "grants": ["logs_write"]}, "`roles.app.grants` must be a mapping"),
        (
            {"trust": "ec2.amazonaws.com", "grants": {"secrets_read": [f"secret-{n}" for n in range(80)]}},
            f"`roles.app.grants` makes a policy longer than the {LONGEST} characters",
        ),
    ],
)
def test_a_wrong_role_is_refused(about: Any, message: str) -> None:
    with pytest.raises(KcError, match=message):
        build(SCOPE, {"roles": {"app": about}, "regions": REGIONS})


def test_names_that_others_compute() -> None:
    assert SCOPE.role_arn("s3-replication") == "arn:aws:iam::123456789012:role/kc/lab/kc-lab-s3-replication"
    assert SCOPE.at("me-west-1").bucket("media") == "kc-lab-media-123456789012-me-west-1"


def test_no_role_of_the_platform_may_read_what_signs_certificates() -> None:
    """Whoever reads the authority can make itself any node; only who runs the playbooks may."""
    common = Path(__file__).parents[2] / "inventories" / "common" / "all"
    roles = yaml.safe_load((common / "identity.yml").read_text())["kc_identity_roles"]
    secrets = yaml.safe_load((common / "data.yml").read_text())["kc_secrets_home"]
    (authority,) = [short for short, about in secrets.items() if about.get("kind") == "authority"]
    arns = {short: SCOPE.at(REGIONS[0]).arn("secretsmanager", f"secret:kc/lab/{short}-AbC123") for short in secrets}
    readers: dict[str, set[str]] = {short: set() for short in secrets}
    for role in build(SCOPE, {"roles": roles, "regions": REGIONS}):
        for statement in [each for policy in (role.desired or {}).get("policies", {}).values() for each in policy["Statement"]]:
            if any(fnmatch.fnmatch("secretsmanager:GetSecretValue", action) for action in statement["Action"]):
                for short, arn in arns.items():
                    readers[short] |= {role.name for pattern in statement["Resource"] if fnmatch.fnmatch(arn, pattern)}
    assert readers["clickhouse-app"] >= {"kc-lab-reporting-start"}
    assert readers[authority] == set()
