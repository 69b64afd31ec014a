#!/usr/bin/env python
"""Writes docs/reference/permissions/: the IAM policies that the toolkit itself needs.

They are made from the calls in the source, so they can't be behind them: every `aws.call("service", "operation", …)`,
`aws.find` and `aws.pages` below module_utils/kc, and every `Call` of a runbook's act. All of them together are one role's:
each is a managed policy of its own, since one would be too long. `--check` changes nothing, and fails where a file is stale.
"""

from __future__ import annotations

import argparse
import ast
import json
import sys
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import botocore.session
import parliament
from botocore import xform_name

ROOT = Path(__file__).resolve().parents[1]
sys.path.append(str(ROOT / "module_utils"))

from kc.policy import Document, allow, document, encode  # noqa: E402

SOURCE = ROOT / "module_utils" / "kc"
TARGET = ROOT / "docs" / "reference" / "permissions"

METHODS = ("call", "find", "pages")
"""Methods of `Aws` that call AWS; their first two arguments are service and operation."""

WRAPPER = "aws/session.py"
"""The file that defines these methods, in terms of each other and of botocore's clients."""

PERFORMER = "runbook/act.py"
"""The file that makes the calls that acts have said as `Call(region, "service", "operation", …)`: these are read instead."""

ON_NODES = ("backup/", "clickhouse/")
"""What runs on nodes: it calls AWS with the role of their instances (`clickhouse-node` in the inventory)."""

ACTIONS: dict[tuple[str, str], tuple[str, ...]] = {
    # Billing user guide, Actions, resources, and condition keys for AWS Budget Service: budgets are viewed or modified
    ("budgets", "create_budget"): ("budgets:ModifyBudget",),
    ("budgets", "create_notification"): ("budgets:ModifyBudget",),
    ("budgets", "delete_budget"): ("budgets:ModifyBudget",),
    ("budgets", "delete_notification"): ("budgets:ModifyBudget",),
    ("budgets", "describe_budgets"): ("budgets:ViewBudget",),
    ("budgets", "describe_notifications_for_budget"): ("budgets:ViewBudget",),
    ("budgets", "describe_subscribers_for_notification"): ("budgets:ViewBudget",),
    ("budgets", "update_budget"): ("budgets:ModifyBudget",),
    # CloudFront API, CreateDistributionWithTags
    ("cloudfront", "create_distribution_with_tags"): ("cloudfront:CreateDistribution", "cloudfront:TagResource"),
    ("s3", "complete_multipart_upload"): ("s3:PutObject",),
    ("s3", "create_multipart_upload"): ("s3:PutObject",),
    ("s3", "delete_bucket_replication"): ("s3:PutReplicationConfiguration",),
    ("s3", "delete_objects"): ("s3:DeleteObject", "s3:DeleteObjectVersion"),
    ("s3", "get_bucket_encryption"): ("s3:GetEncryptionConfiguration",),
    ("s3", "get_bucket_lifecycle_configuration"): ("s3:GetLifecycleConfiguration",),
    ("s3", "get_bucket_replication"): ("s3:GetReplicationConfiguration",),
    ("s3", "get_public_access_block"): ("s3:GetBucketPublicAccessBlock",),
    ("s3", "head_object"): ("s3:GetObject",),
    ("s3", "list_buckets"): ("s3:ListAllMyBuckets",),
    ("s3", "list_multipart_uploads"): ("s3:ListBucketMultipartUploads",),
    ("s3", "list_object_versions"): ("s3:ListBucketVersions",),
    ("s3", "list_objects_v2"): ("s3:ListBucket",),
    ("s3", "put_bucket_encryption"): ("s3:PutEncryptionConfiguration",),
    ("s3", "put_bucket_lifecycle_configuration"): ("s3:PutLifecycleConfiguration",),
    ("s3", "put_bucket_replication"): ("s3:PutReplicationConfiguration",),
    ("s3", "put_public_access_block"): ("s3:PutBucketPublicAccessBlock",),
    ("s3", "upload_part"): ("s3:PutObject",),
}
"""Operations whose action has another name (of S3's: S3 user guide, Required permissions for Amazon S3 API operations)."""


class For(NamedTuple):
    """An action that is needed for certain AWS services only."""

    action: str
    service: str


CONDITION = {"iam:PassRole": "iam:PassedToService", "iam:CreateServiceLinkedRole": "iam:AWSServiceName"}
"""The condition key that names the service, by action."""

ALSO: dict[tuple[str, str], tuple[str | For, ...]] = {
    # Application Auto Scaling user guide, Service-linked roles
    ("application-autoscaling", "register_scalable_target"): (
        For("iam:CreateServiceLinkedRole", "ecs.application-autoscaling.amazonaws.com"),
        "ecs:DescribeServices",
        "ecs:UpdateService",
    ),
    # Application Auto Scaling user guide, Identity-based policy examples: target tracking makes alarms
    ("application-autoscaling", "put_scaling_policy"): ("cloudwatch:DescribeAlarms", "cloudwatch:PutMetricAlarm"),
    ("application-autoscaling", "delete_scaling_policy"): ("cloudwatch:DeleteAlarms",),
    # AWS Backup developer guide, Creating and deleting backup vaults: required permissions
    ("backup", "create_backup_vault"): (
        "backup-storage:MountCapsule",
        "backup:TagResource",
        "kms:CreateGrant",
        "kms:Decrypt",
        "kms:DescribeKey",
        "kms:GenerateDataKey",
        "kms:RetireGrant",
    ),
    ("backup", "create_backup_plan"): ("backup:TagResource",),
    ("backup", "create_backup_selection"): (
        For("iam:PassRole", "backup.amazonaws.com"),
        For("iam:CreateServiceLinkedRole", "backup.amazonaws.com"),
    ),
    ("budgets", "create_budget"): ("budgets:TagResource",),
    ("ec2", "associate_iam_instance_profile"): (For("iam:PassRole", "ec2.amazonaws.com"),),
    # Amazon EBS user guide, Amazon EBS encryption: permissions for users; a volume gets its own data key, and grants to use it
    ("ec2", "attach_volume"): ("kms:CreateGrant", "kms:Decrypt", "kms:DescribeKey"),
    # CloudWatch API, PutMetricAlarm and PutDashboard: permissions for tags
    ("cloudwatch", "put_dashboard"): ("cloudwatch:TagResource",),
    ("cloudwatch", "put_metric_alarm"): ("cloudwatch:TagResource",),
    # CloudWatch Logs user guide, Logging that requires additional permissions (V2); CloudFront's own for its logs
    ("logs", "create_delivery"): ("logs:TagResource", "s3:GetBucketPolicy", "s3:PutBucketPolicy"),
    ("logs", "put_delivery_destination"): ("logs:TagResource",),
    ("logs", "put_delivery_source"): ("logs:TagResource", "cloudfront:AllowVendedLogDeliveryForResource"),
    # VPC user guide, Publish flow logs to Amazon S3: IAM policy for the principal
    ("ec2", "create_flow_logs"): ("ec2:CreateTags", "logs:CreateLogDelivery", "logs:DeleteLogDelivery"),
    ("ec2", "create_launch_template"): ("ec2:CreateTags",),
    ("ec2", "create_network_interface"): ("ec2:CreateTags",),
    ("ec2", "create_nat_gateway"): ("ec2:CreateTags", For("iam:CreateServiceLinkedRole", "natgateway.amazonaws.com")),
    # an interface endpoint with private DNS is a private hosted zone
    ("ec2", "create_vpc_endpoint"): ("ec2:CreateTags", "route53:AssociateVPCWithHostedZone"),
    ("ec2", "create_volume"): ("ec2:CreateTags", "kms:CreateGrant", "kms:DescribeKey", "kms:GenerateDataKeyWithoutPlaintext"),
    ("ec2", "replace_iam_instance_profile_association"): (For("iam:PassRole", "ec2.amazonaws.com"),),
    ("ec2", "run_instances"): (
        "ec2:CreateTags",
        "kms:CreateGrant",
        "kms:DescribeKey",
        "kms:GenerateDataKeyWithoutPlaintext",
        "kms:ReEncryptFrom",
        "kms:ReEncryptTo",
        For("iam:PassRole", "ec2.amazonaws.com"),
    ),
    ("ec2", "start_instances"): ("kms:CreateGrant",),
    # ECR user guide, Encryption at rest: required IAM permissions
    ("ecr", "create_repository"): ("ecr:TagResource", "kms:CreateGrant", "kms:DescribeKey"),
    ("ecr", "delete_repository"): ("kms:RetireGrant",),
    ("ecr", "put_replication_configuration"): (For("iam:CreateServiceLinkedRole", "replication.ecr.amazonaws.com"),),
    # ECS developer guide, Using service-linked roles; Grant permission to tag resources on creation
    ("ecs", "create_cluster"): ("ecs:TagResource", For("iam:CreateServiceLinkedRole", "ecs.amazonaws.com")),
    ("ecs", "create_service"): ("ecs:TagResource", For("iam:PassRole", "ecs-tasks.amazonaws.com")),
    ("ecs", "register_task_definition"): ("ecs:TagResource", For("iam:PassRole", "ecs-tasks.amazonaws.com")),
    ("ecs", "update_service"): (For("iam:PassRole", "ecs-tasks.amazonaws.com"),),
    # EventBridge API, PutRule: permissions for tags
    ("events", "put_rule"): ("events:TagResource",),
    # Elastic Load Balancing user guide, API permissions: tags; EC2's descriptions; the service-linked role
    ("elbv2", "create_listener"): ("elasticloadbalancing:AddTags",),
    ("elbv2", "create_load_balancer"): (
        "elasticloadbalancing:AddTags",
        "ec2:DescribeAccountAttributes",
        "ec2:DescribeInternetGateways",
        "ec2:DescribeSecurityGroups",
        "ec2:DescribeSubnets",
        "ec2:DescribeVpcs",
        For("iam:CreateServiceLinkedRole", "elasticloadbalancing.amazonaws.com"),
    ),
    ("elbv2", "create_rule"): ("elasticloadbalancing:AddTags",),
    ("elbv2", "create_target_group"): ("elasticloadbalancing:AddTags",),
    ("iam", "add_role_to_instance_profile"): (For("iam:PassRole", "ec2.amazonaws.com"),),
    ("iam", "create_instance_profile"): ("iam:TagInstanceProfile",),
    ("iam", "create_role"): ("iam:TagRole",),
    # KMS developer guide, Control access to multi-Region keys
    ("kms", "create_key"): ("kms:PutKeyPolicy", "kms:TagResource", For("iam:CreateServiceLinkedRole", "mrk.kms.amazonaws.com")),
    ("kms", "replicate_key"): ("kms:CreateKey", "kms:PutKeyPolicy", "kms:TagResource"),
    # SQS API, CreateQueue: tags
    ("sqs", "create_queue"): ("sqs:TagQueue",),
    # RDS user guide, Overview of encrypting Amazon RDS resources: required permissions; Using service-linked roles for Amazon RDS
    ("rds", "create_db_instance"): (
        "rds:AddTagsToResource",
        "kms:CreateGrant",
        "kms:DescribeKey",
        For("iam:CreateServiceLinkedRole", "rds.amazonaws.com"),
        For("iam:PassRole", "monitoring.rds.amazonaws.com"),
    ),
    ("rds", "create_db_instance_read_replica"): (
        "rds:AddTagsToResource",
        "kms:CreateGrant",
        "kms:DescribeKey",
        For("iam:PassRole", "monitoring.rds.amazonaws.com"),
    ),
    ("rds", "create_db_parameter_group"): ("rds:AddTagsToResource",),
    ("rds", "create_db_subnet_group"): ("rds:AddTagsToResource",),
    # the last snapshot, with the instance's tags
    ("rds", "delete_db_instance"): ("rds:AddTagsToResource", "rds:CreateDBSnapshot"),
    ("rds", "modify_db_instance"): ("kms:CreateGrant", "kms:DescribeKey", For("iam:PassRole", "monitoring.rds.amazonaws.com")),
    # Route 53 developer guide, Amazon Route 53 API permissions
    ("route53", "associate_vpc_with_hosted_zone"): ("ec2:DescribeVpcs",),
    ("route53", "create_hosted_zone"): ("ec2:DescribeVpcs",),
    ("route53", "disassociate_vpc_from_hosted_zone"): ("ec2:DescribeVpcs",),
    # S3 API, CreateBucket: permissions, for its tags
    ("s3", "create_bucket"): ("s3:TagResource",),
    ("s3", "put_bucket_replication"): (For("iam:PassRole", "s3.amazonaws.com"),),
    # Secrets Manager API, BatchGetSecretValue
    ("secretsmanager", "batch_get_secret_value"): ("kms:Decrypt", "secretsmanager:GetSecretValue"),
    ("secretsmanager", "get_secret_value"): ("kms:Decrypt",),
    # Secrets Manager user guide, Secret encryption and decryption: permissions for the KMS key
    ("secretsmanager", "create_secret"): ("kms:Decrypt", "kms:GenerateDataKey", "secretsmanager:TagResource"),
    ("secretsmanager", "put_secret_value"): ("kms:Decrypt", "kms:GenerateDataKey"),
    ("secretsmanager", "replicate_secret_to_regions"): ("kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey"),
    ("secretsmanager", "update_secret"): ("kms:Decrypt", "kms:GenerateDataKey"),
    ("sns", "create_topic"): ("sns:TagResource",),
    # Application Load Balancer user guide, AWS WAF integration
    ("wafv2", "associate_web_acl"): ("elasticloadbalancing:SetWebAcl",),
    ("wafv2", "create_web_acl"): ("wafv2:TagResource",),
    ("wafv2", "disassociate_web_acl"): ("elasticloadbalancing:SetWebAcl",),
    # AWS WAF developer guide, Sending web ACL traffic logs to CloudWatch Logs: permissions
    ("wafv2", "put_logging_configuration"): (
        "logs:CreateLogDelivery",
        "logs:DeleteLogDelivery",
        "logs:DescribeLogGroups",
        "logs:DescribeResourcePolicies",
        "logs:PutResourcePolicy",
        For("iam:CreateServiceLinkedRole", "wafv2.amazonaws.com"),
    ),
}
"""What AWS wants beside an operation's own action."""

NEWER: dict[str, str] = {}
"""Actions that parliament does not know yet, and where AWS documents them."""

PREFIX = {"monitoring": "cloudwatch", "tagging": "tag"}
"""IAM's name of a service where it is not the one that requests are signed for."""


POLICIES: dict[str, tuple[str, ...]] = {
    "compute": ("application-autoscaling", "autoscaling", "ecr", "ecs", "elasticloadbalancing", "sqs"),
    "data": ("backup", "backup-storage", "kms", "rds", "s3", "secretsmanager", "ssm"),
    "edge": ("acm", "cloudfront", "route53", "wafv2"),
    "identity": ("iam", "sts"),
    "network": ("ec2",),
    "observability": ("budgets", "cloudwatch", "events", "logs", "pricing", "servicequotas", "sns", "tag"),
}
"""IAM's names of the services that each policy is for; no service is in two, so a new call changes one policy."""

LONGEST = 6144
"""Characters of a managed policy, white space not counted (IAM user guide, IAM and AWS STS quotas)."""

MOST = 10
"""Managed policies that a role may have without asking AWS for more (the same page)."""


class PermissionsError(Exception):
    """What is wrong with the source or the tables, one line each."""


def calls(source: Path, *, nodes: bool = False) -> set[tuple[str, str]]:
    """Return every service and operation that the source below a directory calls; what runs on nodes, or the rest of it.

    Raises:
        PermissionsError: A service or an operation is not literal, or a client is used past `Aws`.
    """
    found: set[tuple[str, str]] = set()
    wrong: list[str] = []
    for file in sorted(source.rglob("*.py")):
        if file.relative_to(source).as_posix().startswith(ON_NODES) is not nodes:
            continue
        name = file.relative_to(source).as_posix()
        if name == PERFORMER:
            continue
        for node in ast.walk(ast.parse(file.read_text())):
            if not isinstance(node, ast.Call):
                continue
            where = f"{file.relative_to(source.parent)}:{node.lineno}"
            if isinstance(node.func, ast.Name) and node.func.id == "Call":
                named = node.args[1:3]
            elif not isinstance(node.func, ast.Attribute) or (name == WRAPPER and _is_self(node.func.value)):
                continue
            else:
                if node.func.attr == "client" and node.args:
                    wrong.append(f"{where}: calls of a client are not seen: use aws.call, aws.find or aws.pages")
                # one argument: somebody else's `find`, as str has one
                if node.func.attr not in METHODS or len(node.args) < 2:
                    continue
                named = node.args[:2]
            service, operation = (arg.value if isinstance(arg, ast.Constant) else None for arg in named)
            if isinstance(service, str) and isinstance(operation, str):
                found.add((service, operation))
            else:
                wrong.append(f"{where}: service and operation must be literal: {ast.unparse(node)}")
    if wrong:
        raise PermissionsError("\n".join(wrong))
    return found


def _is_self(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id == "self"


@cache
def _operations(service: str) -> tuple[str, dict[str, str]]:
    """Return IAM's name of a service, and its operations' API names by their names in Python."""
    try:
        model = botocore.session.get_session().get_service_model(service)
    except botocore.exceptions.UnknownServiceError:
        return "", {}
    return PREFIX.get(model.signing_name, model.signing_name), {xform_name(name): name for name in model.operation_names}


@cache
def known() -> frozenset[str]:
    """Return every action that IAM has, in lower case (IAM does not tell case apart)."""
    return frozenset(
        f"{service['prefix']}:{privilege['privilege']}".lower()
        for service in parliament.iam_definition
        for privilege in service["privileges"]
    )


def needs(made: Iterable[tuple[str, str]]) -> set[str | For]:
    """Return the actions that calls need.

    Raises:
        PermissionsError: botocore does not know an operation, or IAM an action.
    """
    found: set[str | For] = set()
    wrong: list[str] = []
    for service, operation in sorted(made):
        prefix, names = _operations(service)
        if operation not in names:
            wrong.append(f"{service} {operation}: botocore has no such operation")
            continue
        found |= {*ACTIONS.get((service, operation), (f"{prefix}:{names[operation]}",)), *ALSO.get((service, operation), ())}
    for need in found:
        action = need.action if isinstance(need, For) else need
        if action.lower() not in known() and action not in NEWER:
            wrong.append(f"{action}: IAM has no such action: add the operation to ACTIONS, or the action to NEWER")
    if wrong:
        raise PermissionsError("\n".join(sorted(wrong)))
    return found


def policies(found: Iterable[str | For]) -> dict[str, Document]:
    """Return the policies that allow actions, by name: in each one statement a service, and one a condition.

    Raises:
        PermissionsError: A service is in no policy, or a policy is too long for IAM.
    """
    home = {service: name for name, services in POLICIES.items() for service in services}
    parts: dict[str, list[str | For]] = {}
    for need in found:
        service = (need.action if isinstance(need, For) else need).partition(":")[0]
        if service not in home:
            raise PermissionsError(f"{service}: no policy is for this service: add it to one of POLICIES")
        parts.setdefault(home[service], []).append(need)
    made = {name: policy(part) for name, part in sorted(parts.items())}
    for name, one in made.items():
        if len(encode(one)) > LONGEST:
            raise PermissionsError(f"{name}: {len(encode(one))} characters, and IAM takes {LONGEST}: move a service to another of POLICIES")
    return made


def policy(found: Iterable[str | For]) -> Document:
    """Return one policy that allows actions."""
    services: dict[str, list[str]] = {}
    limited: dict[str, list[str]] = {}
    for need in found:
        if isinstance(need, For):
            limited.setdefault(need.action, []).append(need.service)
        else:
            services.setdefault(need.partition(":")[0], []).append(need)
    return document(*_statements(services, limited))


def _statements(services: dict[str, list[str]], limited: dict[str, list[str]]) -> Iterator[dict[str, Any]]:
    for prefix, actions in services.items():
        yield allow("".join(part.capitalize() for part in prefix.split("-")), actions, "*")
    for action, names in limited.items():
        yield allow(action.partition(":")[2], action, "*", when={"StringEquals": {CONDITION[action]: names}})


def texts(source: Path = SOURCE) -> dict[str, str]:
    """Return the text of each file, as made from the source."""
    return {f"{name}.json": json.dumps(one, indent=2) + "\n" for name, one in policies(needs(calls(source))).items()}


def main(arguments: list[str] | None = None) -> int:
    """Write the files, or with `--check` compare them."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--check", action="store_true", help="change nothing; exit 1 where a file is stale")
    check = parser.parse_args(arguments).check
    try:
        made = texts()
    except PermissionsError as error:
        print(error, file=sys.stderr)
        return 1
    there = {file.name: file.read_text() for file in TARGET.glob("*.json")}
    stale = sorted(name for name in {*made, *there} if made.get(name) != there.get(name))
    if check:
        for name in stale:
            print(f"{(TARGET / name).relative_to(ROOT)} is stale: run tools/permissions.py", file=sys.stderr)
        return 1 if stale else 0
    TARGET.mkdir(parents=True, exist_ok=True)
    for name in stale:
        if name in made:
            (TARGET / name).write_text(made[name])
        else:
            (TARGET / name).unlink()
    return 0


if __name__ == "__main__":
    sys.exit(main())
