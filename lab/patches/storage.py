"""S3 and KMS: bucket policies are understood as AWS does, and a key's rotation period is kept."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any


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


def rotation_period_kept() -> None:
    """GetKeyRotationStatus answers the period that EnableKeyRotation gave, 365 days by default; moto 5.2.5 drops it."""
    from moto.kms.responses import KmsResponse

    enable, status = KmsResponse.enable_key_rotation, KmsResponse.get_key_rotation_status

    def key_of(self: Any) -> Any:
        return self.kms_backend.keys[self.kms_backend.get_key_id(self._get_param("KeyId"))]

    def enable_key_rotation(self: Any) -> str:
        self._validate_cmk_id(self._get_param("KeyId"))
        period = self._get_param("RotationPeriodInDays")
        if period:
            key_of(self).rotation_period = period
        return str(enable(self))

    def get_key_rotation_status(self: Any) -> str:
        answer = json.loads(status(self))
        if answer["KeyRotationEnabled"]:
            answer["RotationPeriodInDays"] = getattr(key_of(self), "rotation_period", 365)
        return json.dumps(answer)

    KmsResponse.enable_key_rotation = enable_key_rotation
    KmsResponse.get_key_rotation_status = get_key_rotation_status


ALL = (denials_have_conditions, log_delivery_takes_lists, rotation_period_kept)
