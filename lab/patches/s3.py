"""S3: replication rules are kept as they were put."""

from __future__ import annotations

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


ALL = (replication_rules_kept, replication_needs_versioned_destination)
