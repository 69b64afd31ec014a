"""Names within each service's rules, for any platform and environment name that the inventory allows.

A name that is too long is cut and ends in a short digest of the whole, so that two long names stay two names and
a name never changes between runs.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

from .errors import KcError

ASIDE = "-fenced-"
"""What the identifier of a database has that a runbook has set aside: a former source, which keeps what it holds."""

DIGEST = 6
"""Hex digits of the digest at the end of a name that was cut: 24 bits, over a handful of names a service."""


@dataclass(frozen=True)
class Rule:
    """What a service accepts as a name.

    Attributes:
        longest: Characters at most.
        allowed: The pattern a whole name matches.
        source: Where AWS says so.
    """

    longest: int
    allowed: str
    source: str


RULES: dict[str, Rule] = {
    "tag": Rule(255, r"[\w .:/=+@-]+", "EC2 user guide, Tag restrictions (256 characters)"),
    "security_group": Rule(255, r"(?!sg-)[A-Za-z0-9_ .:/()#,@\[\]+=&;{}!$*-]+", "EC2 API, CreateSecurityGroup"),
    "label": Rule(63, r"[a-z0-9]([a-z0-9-]*[a-z0-9])?", "RFC 1035, section 2.3.4: a label of a DNS name"),
    "launch_template": Rule(128, r"[A-Za-z0-9().\-/_]{3,}", "EC2 API, CreateLaunchTemplate"),
    "load_balancer": Rule(32, r"(?!internal-)[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?", "ELBv2 API, CreateLoadBalancer"),
    "target_group": Rule(32, r"[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?", "ELBv2 API, CreateTargetGroup"),
    "role": Rule(64, r"[A-Za-z0-9_+=,.@-]+", "IAM API, CreateRole"),
    "policy": Rule(128, r"[A-Za-z0-9_+=,.@-]+", "IAM API, CreatePolicy"),
    "instance_profile": Rule(128, r"[A-Za-z0-9_+=,.@-]+", "IAM API, CreateInstanceProfile"),
    "bucket": Rule(
        63, r"(?!xn--|sthree-|amzn-s3-demo-)[a-z0-9][a-z0-9-]+[a-z0-9]", "S3 user guide, General purpose bucket naming rules (no dots: TLS)"
    ),
    "alias": Rule(256, r"alias/(?!aws/)[A-Za-z0-9/_-]+", "KMS API, CreateAlias"),
    "repository": Rule(256, r"[a-z0-9]+([._-][a-z0-9]+)*(/[a-z0-9]+([._-][a-z0-9]+)*)*", "ECR API, CreateRepository"),
    "secret": Rule(505, r"[A-Za-z0-9/_+=.@-]+", "Secrets Manager API, CreateSecret (512, less the suffix AWS adds)"),
    "parameter": Rule(1011, r"/(?!(?i:aws|ssm))[A-Za-z0-9/_.-]+", "SSM API, PutParameter"),
    "cluster": Rule(255, r"[A-Za-z0-9_-]+", "ECS API, CreateCluster"),
    "service": Rule(255, r"[A-Za-z0-9_-]+", "ECS API, CreateService"),
    "db": Rule(63, r"[a-z](-?[a-z0-9])*", "RDS API, CreateDBInstance (MySQL)"),
    "queue": Rule(80, r"[A-Za-z0-9_-]+", "SQS API, CreateQueue"),
    "alarm": Rule(255, r"[\x20-\x7e]+", "CloudWatch API, PutMetricAlarm (no control characters)"),
    "dashboard": Rule(255, r"[A-Za-z0-9_-]+", "CloudWatch API, PutDashboard"),
    "event_rule": Rule(64, r"[A-Za-z0-9_.-]+", "EventBridge API, PutRule"),
    "topic": Rule(256, r"[A-Za-z0-9_-]+", "SNS API, CreateTopic"),
    "backup_vault": Rule(50, r"[A-Za-z0-9_-]{2,}", "AWS Backup API, CreateBackupVault"),
    "backup_plan": Rule(50, r"[A-Za-z0-9_.-]+", "AWS Backup API, BackupPlanInput"),
    "backup_rule": Rule(50, r"[A-Za-z0-9_.-]+", "AWS Backup API, BackupRuleInput"),
    "backup_selection": Rule(50, r"[A-Za-z0-9_.-]+", "AWS Backup API, BackupSelection"),
    "budget": Rule(100, r"(?!.*/action/)[A-Za-z0-9 _./-]+", "Budgets API, Budget: BudgetName (any character but : and \\)"),
    "web_acl": Rule(128, r"[A-Za-z0-9_-]+", "WAFV2 API, CreateWebACL"),
    "edge": Rule(64, r"[A-Za-z0-9_-]+", "CloudFront API, OriginAccessControlConfig (the shortest of its names)"),
    "public_key": Rule(128, r"[A-Za-z0-9_-]+", "CloudFront API, PublicKeyConfig"),
    "delivery": Rule(60, r"[A-Za-z0-9_-]+", "CloudWatch Logs API, PutDeliverySource"),
    "log_group": Rule(512, r"[A-Za-z0-9/_.#-]+", "CloudWatch Logs API, CreateLogGroup"),
}

PLATFORM = r"(?!aws|ssm|sg$|internal$|sthree$)[a-z][a-z0-9]*"
"""What a platform and an environment may be called: valid in every rule above as a beginning.

Without hyphens, or the bucket `x-media` of `kc-lab` would have the name of `media` of `kc-lab-x`.
"""

CLIENT = r"[a-z][a-z0-9]*(-[a-z0-9]+)*"
"""What a special client may be called."""


def fit(service: str, name: str) -> str:
    """Return `name` as `service` accepts it.

    Raises:
        KcError: A character is not allowed (too long is never an error).
    """
    rule = RULES[service]
    if len(name) > rule.longest:
        digest = hashlib.sha256(name.encode()).hexdigest()[:DIGEST]
        name = f"{name[: rule.longest - DIGEST - 1].rstrip('-./_')}-{digest}"
    if not re.fullmatch(rule.allowed, name):
        raise KcError(f"`{name}` is no name for a {service.replace('_', ' ')}", hint=f"it must match {rule.allowed} ({rule.source})")
    return name
