"""What moto gets wrong, put right before it serves.

A patch is a small function named after what it mends; its docstring says what AWS does and in which moto version
the difference was seen. Each is listed in `lab/README.md`; one that a newer moto makes needless is deleted.
"""

from __future__ import annotations

from . import (
    account,
    acm,
    applicationautoscaling,
    backup,
    budgets,
    cloudfront,
    cloudwatch,
    ec2,
    ecs,
    elbv2,
    events,
    kms,
    pace,
    rds,
    rds_live,
    route53,
    s3,
    secretsmanager,
    sns,
    speed,
    sqs,
    tagging,
    wafv2,
)

ALL = (
    *speed.ALL,
    *account.ALL,
    *acm.ALL,
    *applicationautoscaling.ALL,
    *backup.ALL,
    *budgets.ALL,
    *cloudfront.ALL,
    *cloudwatch.ALL,
    *ec2.ALL,
    *ecs.ALL,
    *elbv2.ALL,
    *events.ALL,
    *kms.ALL,
    *rds.ALL,
    *rds_live.ALL,
    *route53.ALL,
    *s3.ALL,
    *secretsmanager.ALL,
    *sns.ALL,
    *sqs.ALL,
    *tagging.ALL,
    *wafv2.ALL,
    *pace.ALL,
)


def apply() -> None:
    """Apply every patch; `overlay.prepare` comes first."""
    for patch in ALL:
        patch()
