"""S3: replication rules are kept as they were put, and bucket policies are understood."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any


def replication_rules_kept() -> None:
    """GetBucketReplication answers every field that was put.

    moto 5.2.5 answers `DeleteMarkerReplication: Disabled` and an empty filter whatever was put, and leaves out
    SourceSelectionCriteria and ExistingObjectReplication.
    """
    import xmltodict
    from moto.s3.exceptions import ReplicationConfigurationNotFoundError
    from moto.s3.responses import S3Response

    def get_bucket_replication(self: Any) -> Any:
        replication = self.backend.get_bucket_replication(self.bucket_name)
        if not replication:
            raise ReplicationConfigurationNotFoundError(bucket_name=self.bucket_name)
        return 200, {"Content-Type": "application/xml"}, xmltodict.unparse({"ReplicationConfiguration": replication})

    S3Response.get_bucket_replication = get_bucket_replication


def replication_needs_versioned_destination() -> None:
    """PutBucketReplication answers InvalidRequest unless each destination is a versioned bucket; moto 5.2.5 takes any."""
    from moto.s3.exceptions import S3ClientError
    from moto.s3.models import S3Backend

    put = S3Backend.put_bucket_replication

    def put_bucket_replication(self: Any, bucket_name: str, replication: dict[str, Any]) -> None:
        rules = replication["Rule"] if isinstance(replication["Rule"], list) else [replication["Rule"]]
        for rule in rules:
            bucket = self.buckets.get(rule["Destination"]["Bucket"].rpartition(":")[2])
            if bucket is None or not bucket.is_versioned:
                raise S3ClientError(
                    "InvalidRequest", "Destination bucket must have versioning enabled." if bucket else "Destination bucket must exist."
                )
        put(self, bucket_name, replication)

    S3Backend.put_bucket_replication = put_bucket_replication


def denials_have_conditions() -> None:
    """A Deny with a condition (connections without TLS) denies only what meets it.

    moto 5.2.5 takes every Deny that names the action for met, so that a bucket with a TLS-only policy answers 403 to
    every call for an object. Here a Deny with conditions denies nothing.
    """
    from moto.iam.access_control import IAMPolicy, PermissionResult
    from moto.s3.models import FakeBucket

    def get_permission(self: Any, action: str, resource: str) -> Any:
        if self.policy is None:
            return PermissionResult.NEUTRAL
        document = json.loads(self.policy)
        document["Statement"] = [each for each in document["Statement"] if each["Effect"] != "Deny" or not each.get("Condition")]
        return IAMPolicy(json.dumps(document)).is_action_permitted(action, resource)

    FakeBucket.get_permission = get_permission


def log_delivery_takes_lists() -> None:
    """A policy's `Principal` and `Resource` may be lists of one; moto 5.2.5 compares them with strings.

    Without this a log bucket's policy is said to lack the right of S3's log delivery (InvalidTargetBucketForLogging).
    """
    from moto.s3.models import FakeBucket

    check = FakeBucket._log_permissions_enabled_policy

    def alone(value: Any) -> Any:
        return value[0] if isinstance(value, list) and len(value) == 1 else value

    def log_permissions(target_bucket: Any, target_prefix: str | None) -> bool:
        if not target_bucket.policy:
            return False
        document = json.loads(target_bucket.policy)
        for statement in document["Statement"]:
            who = statement.get("Principal")
            statement["Principal"] = {kind: alone(names) for kind, names in who.items()} if isinstance(who, dict) else {}
            statement["Resource"] = alone(statement.get("Resource"))
        policy = json.dumps(document).encode()
        return bool(check(SimpleNamespace(policy=policy, partition=target_bucket.partition, name=target_bucket.name), target_prefix))

    FakeBucket._log_permissions_enabled_policy = staticmethod(log_permissions)


ALL = (replication_rules_kept, replication_needs_versioned_destination, denials_have_conditions, log_delivery_takes_lists)
