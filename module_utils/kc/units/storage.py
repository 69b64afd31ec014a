"""The unit `storage`: a region's buckets."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ..aws.s3 import STORAGE, Bucket, BucketByName
from ..errors import KcError
from ..model import Key, Ref, Resource
from ..policy import Document, Statement, allow, deny, document
from ..scope import Scope
from ..settings import settings
from ..unit import Params, Unit
from .keys import key_name, key_of

BUCKET, BUCKET_BY_NAME = Bucket(), BucketByName()

ACCESS_LOGS = "access_logs"
"""What the log bucket receives: S3's own access logs, of all other buckets of the region."""

PUBLIC_ACCESS_BLOCK = dict.fromkeys(("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"), True)


@dataclasses.dataclass(frozen=True)
class BucketSettings:
    """What the inventory says of one bucket; the module's documentation explains each."""

    key: str | None = None
    receives: list[str] = dataclasses.field(default_factory=list)
    serves: list[str] = dataclasses.field(default_factory=list)
    intelligent_tiering_days: int | None = None
    expire_days: int | None = None
    noncurrent_days: int = 90
    abort_upload_days: int = 7


def build(scope: Scope, params: Params) -> Sequence[Resource]:
    """Return the region's buckets, and the keys that they are encrypted with as lookups."""
    buckets = {short: settings(BucketSettings, f"buckets.{short}", given) for short, given in sorted(params["buckets"].items())}
    logs = [short for short, about in buckets.items() if ACCESS_LOGS in about.receives]
    if len(logs) > 1:
        raise KcError(f"both `buckets.{logs[0]}` and `buckets.{logs[1]}` receive {ACCESS_LOGS}", hint="one bucket a region receives them")
    keys = [key_of(scope, short) for short in sorted({about.key for about in buckets.values() if about.key})]
    return [*keys, *_buckets(scope, buckets, *logs)]


def bucket_of(scope: Scope, short: str) -> Resource:
    """Return a bucket of the scope's region as other units look it up: outputs `id` and `arn`."""
    return Resource(BUCKET_BY_NAME, scope.bucket(short), None, scope.region, component=STORAGE, client=scope.client)


def _buckets(scope: Scope, buckets: Mapping[str, BucketSettings], log: str = "") -> Iterator[Resource]:
    log_bucket = scope.bucket(log) if log else ""
    for short, about in buckets.items():
        name = scope.bucket(short)
        logged = bool(log) and short != log
        _check(f"buckets.{short}", about)
        desired = {
            "tags": scope.tags(name),
            "ownership": "BucketOwnerEnforced",
            "public_access_block": PUBLIC_ACCESS_BLOCK,
            "policy": bucket_policy(scope, name, about.receives, about.serves),
            "encryption": _encryption(scope, about.key),
            "versioning": "Enabled",
            "lifecycle": [lifecycle(about)],
            "logging": {"bucket": log_bucket, "prefix": f"s3/{short}/"} if logged else None,
        }
        after = (Key(BUCKET.name, scope.region, log_bucket),) if logged else ()
        yield Resource(BUCKET, name, desired, scope.region, after=after)


def _check(where: str, about: BucketSettings) -> None:
    for what in about.receives:
        if what not in RECEIVES:
            raise KcError(f"`{where}.receives`: `{what}` is nothing that a bucket receives", hint=f"it is one of {', '.join(RECEIVES)}")
    for who in about.serves:
        if who not in SERVES:
            raise KcError(f"`{where}.serves`: `{who}` is nobody that a bucket serves", hint=f"it is one of {', '.join(SERVES)}")
    if about.receives and about.key:
        raise KcError(
            f"`{where}` receives {', '.join(about.receives)} and has a KMS key",
            hint="leave `key` out: AWS delivers access logs only to buckets that S3 encrypts with its own key",
        )
    for name, least in (("intelligent_tiering_days", 0), ("expire_days", 1), ("noncurrent_days", 1), ("abort_upload_days", 1)):
        days = getattr(about, name)
        if days is not None and days < least:
            raise KcError(f"`{where}.{name}` is {days}", hint=f"it takes {least} or more")


def _encryption(scope: Scope, key: str | None) -> dict[str, Any]:
    if not key:
        return {"algorithm": "AES256", "key": None, "bucket_key": False}
    return {"algorithm": "aws:kms", "key": Ref("key", key_name(scope, key), "arn"), "bucket_key": True}


def lifecycle(about: BucketSettings) -> dict[str, Any]:
    """Return a bucket's one lifecycle rule.

    S3 drops a delete marker that is all that is left of an object: by itself where objects expire, else as told
    (the two can't be given together: S3 API, LifecycleExpiration).
    """
    rule: dict[str, Any] = {
        "ID": "lifecycle",
        "Status": "Enabled",
        "Filter": {"Prefix": ""},
        "Expiration": {"Days": about.expire_days} if about.expire_days else {"ExpiredObjectDeleteMarker": True},
        "NoncurrentVersionExpiration": {"NoncurrentDays": about.noncurrent_days},
        "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": about.abort_upload_days},
    }
    if about.intelligent_tiering_days is not None:
        rule["Transitions"] = [{"Days": about.intelligent_tiering_days, "StorageClass": "INTELLIGENT_TIERING"}]
    return rule


def bucket_policy(scope: Scope, name: str, receives: Sequence[str], serves: Sequence[str] = ()) -> Document:
    """Return a bucket's policy: nobody without TLS 1.2; services whose logs it receives may deliver them, and those it serves read."""
    arn = scope.arn("s3", name, region="", account="")
    everything = [arn, f"{arn}/*"]
    return document(
        deny("DenyPlain", "s3:*", everything, principal="*", when={"Bool": {"aws:SecureTransport": "false"}}),
        deny("DenyOldTls", "s3:*", everything, principal="*", when={"NumericLessThan": {"s3:TlsVersion": "1.2"}}),
        *(statement for what in dict.fromkeys(receives) for statement in RECEIVES[what](scope, arn)),
        *(statement for who in dict.fromkeys(serves) for statement in SERVES[who](scope, arn)),
    )


def _access_logs(scope: Scope, arn: str) -> list[Statement]:
    """S3 user guide, Enabling Amazon S3 server access logging: permissions for log delivery."""
    return [allow("AccessLogs", "s3:PutObject", f"{arn}/*", principal={"Service": "logging.s3.amazonaws.com"}, when=_from(scope))]


def _flow_logs(scope: Scope, arn: str) -> list[Statement]:
    """VPC user guide, Amazon S3 bucket permissions for flow logs; with these Sids AWS does not add its own."""
    principal = {"Service": "delivery.logs.amazonaws.com"}
    when = {**_from(scope), "ArnLike": {"aws:SourceArn": scope.arn("logs", "*")}}
    owner = {**when, "StringEquals": {**when["StringEquals"], "s3:x-amz-acl": "bucket-owner-full-control"}}
    return [
        allow("AWSLogDeliveryWrite", "s3:PutObject", f"{arn}/*", principal=principal, when=owner),
        allow("AWSLogDeliveryAclCheck", "s3:GetBucketAcl", arn, principal=principal, when=when),
    ]


def _load_balancer_logs(scope: Scope, arn: str) -> list[Statement]:
    """Application Load Balancer user guide, Enable access logs."""
    logs = f"{arn}/*AWSLogs/{scope.account}/*"
    return [
        allow(
            "BalancerLogs", "s3:PutObject", logs, principal={"Service": "logdelivery.elasticloadbalancing.amazonaws.com"}, when=_from(scope)
        )
    ]


def _edge_logs(scope: Scope, arn: str) -> list[Statement]:
    """CloudWatch Logs user guide, Logging that requires additional permissions (V2): logs sent to Amazon S3.

    CloudFront's logs are sent from us-east-1, wherever the bucket is.
    """
    sources = scope.at("us-east-1").arn("logs", "delivery-source:*")
    when = {**_from(scope), "ArnLike": {"aws:SourceArn": sources}}
    when["StringEquals"] = {**when["StringEquals"], "s3:x-amz-acl": "bucket-owner-full-control"}
    logs = f"{arn}/*AWSLogs/{scope.account}/*"
    return [allow("EdgeLogs", "s3:PutObject", logs, principal={"Service": "delivery.logs.amazonaws.com"}, when=when)]


def _cloudfront(scope: Scope, arn: str) -> list[Statement]:
    """Amazon CloudFront developer guide, Restrict access to an Amazon S3 origin: origin access control.

    Any distribution of the account, which the ARN names, may read: naming one would have buckets wait for distributions,
    which wait for buckets. Without s3:ListBucket, S3 answers 403 to an object that is not there, so nobody learns what is.
    """
    when = {"ArnLike": {"aws:SourceArn": scope.arn("cloudfront", "distribution/*", region="")}}
    return [allow("EdgeReads", "s3:GetObject", f"{arn}/*", principal={"Service": "cloudfront.amazonaws.com"}, when=when)]


def _from(scope: Scope) -> dict[str, dict[str, str]]:
    """The condition that a service acts for this account, not for another that names our bucket."""
    return {"StringEquals": {"aws:SourceAccount": scope.account}}


RECEIVES = {ACCESS_LOGS: _access_logs, "flow_logs": _flow_logs, "load_balancer_logs": _load_balancer_logs, "edge_logs": _edge_logs}
"""What AWS services deliver to a bucket, and the statements that let them."""

SERVES = {"cloudfront": _cloudfront}
"""Who reads a bucket's objects in the name of the public, and the statements that let them."""

UNIT = Unit(name=STORAGE, kinds=(BUCKET,), build=build, services=("s3", "kms"))
