"""A bucket's attributes: how each is read, in the shape of the desired state, and how it is written."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ..model import canonical as in_order
from ..policy import canonical, encode
from .session import Aws
from .tags import tag_dict, tag_list


@dataclass(frozen=True)
class Attribute:
    """`read` returns None where nothing is set; `write` sets it."""

    read: Callable[[Aws, str], Any]
    write: Callable[[Aws, str, Any], Any]


def _tags(aws: Aws, bucket: str) -> dict[str, str]:
    found = aws.find("s3", "get_bucket_tagging", Bucket=bucket)
    return tag_dict(found["TagSet"]) if found else {}


def _retag(aws: Aws, bucket: str, want: dict[str, str]) -> None:
    # this call replaces all tags, and those that the inventory does not name are not ours
    tags = {**_tags(aws, bucket), **want}
    aws.call("s3", "put_bucket_tagging", Bucket=bucket, Tagging={"TagSet": tag_list(tags)})


def _ownership(aws: Aws, bucket: str) -> str | None:
    found = aws.find("s3", "get_bucket_ownership_controls", Bucket=bucket)
    return found["OwnershipControls"]["Rules"][0]["ObjectOwnership"] if found else None


def _set_ownership(aws: Aws, bucket: str, want: str) -> None:
    aws.call("s3", "put_bucket_ownership_controls", Bucket=bucket, OwnershipControls={"Rules": [{"ObjectOwnership": want}]})


def _public_access_block(aws: Aws, bucket: str) -> dict[str, bool] | None:
    found = aws.find("s3", "get_public_access_block", Bucket=bucket)
    return dict(found["PublicAccessBlockConfiguration"]) if found else None


def _block_public_access(aws: Aws, bucket: str, want: dict[str, bool]) -> None:
    aws.call("s3", "put_public_access_block", Bucket=bucket, PublicAccessBlockConfiguration=want)


def _encryption(aws: Aws, bucket: str) -> dict[str, Any] | None:
    found = aws.find("s3", "get_bucket_encryption", Bucket=bucket)
    if not found:
        return None
    rule = found["ServerSideEncryptionConfiguration"]["Rules"][0]
    default = rule["ApplyServerSideEncryptionByDefault"]
    kms = default["SSEAlgorithm"] == "aws:kms"
    # a bucket key says nothing where there is no KMS key
    return {"algorithm": default["SSEAlgorithm"], "key": default.get("KMSMasterKeyID"), "bucket_key": kms and rule["BucketKeyEnabled"]}


def _encrypt(aws: Aws, bucket: str, want: dict[str, Any]) -> None:
    default = {"SSEAlgorithm": want["algorithm"], **({"KMSMasterKeyID": want["key"]} if want["key"] else {})}
    rule = {"ApplyServerSideEncryptionByDefault": default, "BucketKeyEnabled": want["bucket_key"]}
    aws.call("s3", "put_bucket_encryption", Bucket=bucket, ServerSideEncryptionConfiguration={"Rules": [rule]})


def _versioning(aws: Aws, bucket: str) -> str | None:
    return aws.call("s3", "get_bucket_versioning", Bucket=bucket).get("Status")


def _set_versioning(aws: Aws, bucket: str, want: str) -> None:
    aws.call("s3", "put_bucket_versioning", Bucket=bucket, VersioningConfiguration={"Status": want})


def _policy(aws: Aws, bucket: str) -> dict[str, Any] | None:
    found = aws.find("s3", "get_bucket_policy", Bucket=bucket)
    return canonical(found["Policy"]) if found else None


def _set_policy(aws: Aws, bucket: str, want: dict[str, Any]) -> None:
    aws.call("s3", "put_bucket_policy", Bucket=bucket, Policy=encode(want))


def _lifecycle(aws: Aws, bucket: str) -> list[dict[str, Any]] | None:
    found = aws.find("s3", "get_bucket_lifecycle_configuration", Bucket=bucket)
    # "all objects" comes back as an empty filter or as an empty prefix
    return in_order({**rule, "Filter": rule.get("Filter") or {"Prefix": ""}} for rule in found["Rules"]) if found else None


def _set_lifecycle(aws: Aws, bucket: str, want: list[dict[str, Any]]) -> None:
    aws.call("s3", "put_bucket_lifecycle_configuration", Bucket=bucket, LifecycleConfiguration={"Rules": want})


def _logging(aws: Aws, bucket: str) -> dict[str, str] | None:
    found = aws.call("s3", "get_bucket_logging", Bucket=bucket).get("LoggingEnabled")
    return {"bucket": found["TargetBucket"], "prefix": found["TargetPrefix"]} if found else None


def _set_logging(aws: Aws, bucket: str, want: dict[str, str] | None) -> None:
    status = {"LoggingEnabled": {"TargetBucket": want["bucket"], "TargetPrefix": want["prefix"]}} if want else {}
    aws.call("s3", "put_bucket_logging", Bucket=bucket, BucketLoggingStatus=status)


ATTRIBUTES: dict[str, Attribute] = {
    "tags": Attribute(_tags, _retag),
    "ownership": Attribute(_ownership, _set_ownership),
    "public_access_block": Attribute(_public_access_block, _block_public_access),
    "policy": Attribute(_policy, _set_policy),
    "encryption": Attribute(_encryption, _encrypt),
    "versioning": Attribute(_versioning, _set_versioning),
    "lifecycle": Attribute(_lifecycle, _set_lifecycle),
    "logging": Attribute(_logging, _set_logging),
}
"""In the order in which they are written: whose it is, then what protects it, then the rest."""
