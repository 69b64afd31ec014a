"""S3: buckets, and the replication between two of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..errors import KcError
from ..model import Kind, Live
from ..model import canonical as in_order
from ..names import DIGEST, RULES
from ..scope import Scope
from .s3_attributes import ATTRIBUTES
from .session import Aws
from .tags import tag_list

BATCH = 1000
"""Object versions that one call lists, and that one call deletes (S3 API, DeleteObjects)."""

STORAGE = "storage"
"""The tag `Component` of buckets."""

_WHOLE = RULES["bucket"].longest - DIGEST - 2
"""Characters of a bucket's name that are never cut."""


def _named(aws: Aws, scope: Scope) -> list[str]:
    """Return the buckets of the region that may be the scope's; their tags decide."""
    listed = aws.pages("s3", "list_buckets", "Buckets", Prefix=scope.prefix[:_WHOLE], BucketRegion=aws.region)
    return [bucket["Name"] for bucket in listed]


def _outputs(scope: Scope, bucket: str) -> dict[str, str]:
    return {"id": bucket, "arn": scope.arn("s3", bucket, region="", account="")}


class Bucket(Kind):
    """A bucket with everything that guards it. What of it replicates belongs to `Replication`."""

    name = "bucket"
    keeps_data = True
    outputs_of = ("id", "arn")
    # one change a bucket at a time; a new bucket is not seen everywhere at once; logs arrive while it is emptied
    settles = frozenset({"OperationAborted", "NoSuchBucket", "BucketNotEmpty"})

    def read(self, aws: Aws, scope: Scope) -> dict[str, Live]:
        named = _named(aws, scope)
        tags = dict(zip(named, aws.map(lambda bucket: ATTRIBUTES["tags"].read(aws, bucket), named), strict=True))
        own = {bucket: Live({"tags": tags[bucket]}, _outputs(scope, bucket)) for bucket in named if scope.owns(tags[bucket])}
        asked = [(bucket, name) for bucket in own for name in ATTRIBUTES if name != "tags"]
        answers = aws.map(lambda ask: ATTRIBUTES[ask[1]].read(aws, ask[0]), asked)
        for (bucket, name), value in zip(asked, answers, strict=True):
            own[bucket].attrs[name] = value
        return own

    def create(self, aws: Aws, scope: Scope, name: str, want: Mapping[str, Any]) -> Live:
        configuration: dict[str, Any] = {"Tags": tag_list(want["tags"])}
        if aws.region != "us-east-1":  # the one region that is not to be named (S3 API, CreateBucket)
            configuration["LocationConstraint"] = aws.region
        missing = frozenset(want)
        try:
            aws.call("s3", "create_bucket", Bucket=name, CreateBucketConfiguration=configuration, ObjectOwnership=want["ownership"])
            missing -= {"ownership"}
        except KcError as error:
            # the account's own, left by a creation that was cut off, or with its tags taken away
            if error.code != "BucketAlreadyOwnedByYou":
                raise
        live = Live(dict(want), _outputs(scope, name))
        self.update(aws, scope, name, live, want, missing)
        return live

    def update(self, aws: Aws, scope: Scope, name: str, live: Live, want: Mapping[str, Any], changed: frozenset[str]) -> None:
        for attribute, how in ATTRIBUTES.items():
            if attribute in changed:
                how.write(aws, name, want[attribute])

    def delete(self, aws: Aws, scope: Scope, name: str, live: Live) -> None:
        _empty(aws, name)
        aws.find("s3", "delete_bucket", Bucket=name)


class BucketByName(Bucket):
    """A bucket as other units look it up: all of a region's in one call."""

    def read(self, aws: Aws, scope: Scope) -> dict[str, Live]:
        return {bucket: Live({}, _outputs(scope, bucket)) for bucket in _named(aws, scope)}


def _empty(aws: Aws, bucket: str) -> None:
    """Delete every version, delete marker and unfinished upload.

    Raises:
        KcError: S3 refuses to delete something (a lock, a policy).
    """
    emptied = 0
    while page := aws.find("s3", "list_object_versions", Bucket=bucket, MaxKeys=BATCH):
        found = [*page.get("Versions", ()), *page.get("DeleteMarkers", ())]
        if not found:
            break
        objects = [{"Key": item["Key"], "VersionId": item["VersionId"]} for item in found]
        for error in aws.call("s3", "delete_objects", Bucket=bucket, Delete={"Objects": objects, "Quiet": True}).get("Errors", ()):
            raise KcError(f"{bucket} keeps {error['Key']}: {error['Code']}: {error.get('Message', '')}", code=error["Code"])
        emptied += len(found)
        aws.progress(f"emptying {bucket}: {emptied} versions deleted")
    if page is not None:
        uploads = aws.pages("s3", "list_multipart_uploads", "Uploads", Bucket=bucket)
        aws.map(
            lambda upload: aws.find("s3", "abort_multipart_upload", Bucket=bucket, Key=upload["Key"], UploadId=upload["UploadId"]), uploads
        )


class Replication(Kind):
    """What a bucket replicates, and where to; called by the bucket's name. It is the scope's if the bucket is."""

    name = "replication"
    # versioning that was switched on a moment ago, on either side, is not seen everywhere at once: InvalidRequest
    # (S3 user guide, Enabling versioning on buckets: up to 15 minutes). The role is only looked at when S3 assumes it.
    settles = frozenset({"OperationAborted", "NoSuchBucket", "InvalidRequest"})

    def read(self, aws: Aws, scope: Scope) -> dict[str, Live]:
        storage = scope.at(scope.region, STORAGE)

        def one(bucket: str) -> Live | None:
            found = aws.find("s3", "get_bucket_replication", Bucket=bucket)
            if not found or not storage.owns(ATTRIBUTES["tags"].read(aws, bucket)):
                return None
            configuration = found["ReplicationConfiguration"]
            return Live({"role": configuration["Role"], "rules": in_order(map(_rule, configuration["Rules"]))}, {"id": bucket})

        named = _named(aws, scope)
        return {bucket: live for bucket, live in zip(named, aws.map(one, named), strict=True) if live}

    def create(self, aws: Aws, scope: Scope, name: str, want: Mapping[str, Any]) -> Live:
        configuration = {"Role": want["role"], "Rules": want["rules"]}
        aws.call("s3", "put_bucket_replication", Bucket=name, ReplicationConfiguration=configuration)
        return Live(dict(want), {"id": name})

    def update(self, aws: Aws, scope: Scope, name: str, live: Live, want: Mapping[str, Any], changed: frozenset[str]) -> None:
        self.create(aws, scope, name, want)

    def delete(self, aws: Aws, scope: Scope, name: str, live: Live) -> None:
        aws.find("s3", "delete_bucket_replication", Bucket=name)


def _rule(rule: Mapping[str, Any]) -> dict[str, Any]:
    """Return a rule as it is compared: "all objects" comes back as an empty filter or as an empty prefix."""
    return {**rule, "Filter": rule.get("Filter") or {"Prefix": ""}}
