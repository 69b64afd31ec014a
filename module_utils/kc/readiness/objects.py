"""How a bucket of one region is copied to another's: its rule, S3's metrics, and where these tell nothing, S3's word on single objects."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from ..aws.session import Aws
from ..scope import Scope
from ..units.replication import MINUTES
from .judge import Copies

LOOK_BACK = timedelta(minutes=30)
"""S3 tells what waits once a minute, some minutes late (S3 user guide, Using S3 Replication metrics)."""

FAILED_WITHIN = timedelta(days=1)

NEWEST = 20
"""Objects that are asked for one by one, of the first thousand of a bucket."""

NEVER = "FAILED"
"""S3's word for a copy that it does not try again."""


def copies(aws: Aws, source: Scope, to: Scope, short: str, now: datetime) -> Copies:
    """Return how a bucket is copied.

    Args:
        aws: The platform's.
        source: In the region that is written to.
        to: In the one that copies go to. S3 tells there what waits, and in the source what failed.
        short: The bucket's short name.
        now: The moment.
    """
    bucket = source.bucket(short)
    found = aws.at(source.region).find("s3", "get_bucket_replication", Bucket=bucket)
    arn = to.arn("s3", to.bucket(short), region="", account="")
    rules = (found or {}).get("ReplicationConfiguration", {}).get("Rules", [])
    rule = next((each for each in rules if each["Status"] == "Enabled" and each["Destination"]["Bucket"] == arn), None)
    if rule is None:
        return Copies(False, None, 0)
    about = {"SourceBucket": bucket, "DestinationBucket": to.bucket(short), "RuleId": rule["ID"]}
    waiting = _data(aws.at(to.region), "OperationsPendingReplication", "Maximum", about, now - LOOK_BACK, now)
    failed = _data(aws.at(source.region), "OperationsFailedReplication", "Sum", about, now - FAILED_WITHIN, now)
    late = () if waiting else _late(aws.at(source.region), bucket, now)
    return Copies(True, waiting[-1] if waiting else None, sum(failed), late)


def _data(aws: Aws, metric: str, statistic: str, about: dict[str, str], since: datetime, now: datetime) -> list[float]:
    """Return a metric's values, the newest one last."""
    found = aws.call(
        "cloudwatch",
        "get_metric_statistics",
        Namespace="AWS/S3",
        MetricName=metric,
        Dimensions=[{"Name": name, "Value": value} for name, value in about.items()],
        StartTime=since,
        EndTime=now + timedelta(minutes=1),
        Period=300,
        Statistics=[statistic],
    )["Datapoints"]
    return [float(each[statistic]) for each in sorted(found, key=lambda each: each["Timestamp"])]


def _late(aws: Aws, bucket: str, now: datetime) -> Sequence[str]:
    """Return those of a bucket's newest objects that were not copied in the time that S3 promises."""
    page: dict[str, Any] = aws.call("s3", "list_objects_v2", Bucket=bucket, MaxKeys=1000)
    newest = sorted(page.get("Contents") or [], key=lambda each: each["LastModified"])[-NEWEST:]
    early = now - timedelta(minutes=MINUTES)

    def is_late(each: dict[str, Any]) -> bool:
        head = aws.find("s3", "head_object", Bucket=bucket, Key=each["Key"])
        status = (head or {}).get("ReplicationStatus", "")
        return status == NEVER or (status == "PENDING" and each["LastModified"] < early)

    return [each["Key"] for each, late in zip(newest, aws.map(is_late, newest), strict=True) if late]
