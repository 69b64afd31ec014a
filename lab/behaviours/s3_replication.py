"""S3 replication: a rule in moto really copies.

The state is where AWS has it, on the object: a new version that a rule covers is PENDING, then COMPLETED (or
FAILED); its copy is a REPLICA. So there is nothing to remember apart, a restart goes on with what is PENDING, and a
replica is never replicated again. As on AWS, copies keep version id and time, and what stood before the rule did is
not copied.
"""

from __future__ import annotations

import functools
import queue
import threading
from collections.abc import Callable, Iterator
from copy import copy
from typing import Any

from moto.s3.models import FakeBucket, FakeDeleteMarker, FakeKey, S3Backend, s3_backends

PENDING, COMPLETED, FAILED, REPLICA = "PENDING", "COMPLETED", "FAILED", "REPLICA"
Version = Any
"""`FakeKey | FakeDeleteMarker`; mypy sees neither."""
Rule = dict[str, Any]


def status(version: Version) -> str:
    """Return an object version's replication status, "" if no rule covers it."""
    return str(getattr(version, "replication_status", ""))


def many(value: Any) -> list[Any]:
    """Return what XML gives as None, one thing or a list as a list."""
    return value if isinstance(value, list) else [] if value is None else [value]


def is_on(holder: dict[str, Any] | None, *path: str) -> bool:
    """Whether the `Status` at the end of `path` is Enabled."""
    for name in path:
        holder = (holder or {}).get(name)
    return (holder or {}).get("Status") == "Enabled"


def rules_for(replication: dict[str, Any] | None, key: str, tags: dict[str, str] | None) -> list[Rule]:
    """Return the rules that cover an object, one a destination: that of the highest priority.

    Args:
        replication: The bucket's configuration, as its XML.
        key: The object's key.
        tags: The object's tags; None leaves out rules that ask for tags, as a delete marker has none.
    """
    chosen: dict[str, Rule] = {}
    rules = [rule for rule in many((replication or {}).get("Rule")) if rule["Status"] == "Enabled"]
    for rule in sorted(rules, key=lambda rule: int(rule.get("Priority", 0))):
        condition = rule.get("Filter") or {}
        both = condition.get("And") or {}
        prefix = rule.get("Prefix") or condition.get("Prefix") or both.get("Prefix") or ""
        wanted = [*many(condition.get("Tag")), *many(both.get("Tag"))]
        tagged = not wanted if tags is None else all(tags.get(tag["Key"]) == (tag["Value"] or "") for tag in wanted)
        if key.startswith(prefix) and tagged:
            chosen[rule["Destination"]["Bucket"]] = rule
    return list(chosen.values())


class Replication:
    """Watches writes to S3 and carries out the buckets' replication rules.

    Attributes:
        lock: Held by each request; so the copying sees whole writes only.
        changed: Called after a copy.
    """

    def __init__(self, lock: threading.RLock, changed: Callable[[], None]) -> None:
        self.lock = lock
        self.changed = changed
        self.todo: queue.SimpleQueue[tuple[S3Backend, str, Version]] = queue.SimpleQueue()

    # --- noticing ---

    def install(self) -> None:
        """Notice every write, show the status as S3 does, and take up what was PENDING before a restart."""

        def wrap(name: str, noticed: Callable[..., None]) -> None:
            original = getattr(S3Backend, name)

            @functools.wraps(original)
            def wrapper(backend: S3Backend, *args: Any, **kwargs: Any) -> Any:
                result = original(backend, *args, **kwargs)
                noticed(backend, result, *args, **kwargs)
                return result

            setattr(S3Backend, name, wrapper)

        wrap("put_object", lambda backend, key, *_, **__: self.notice(backend, key.bucket_name, key))
        wrap("_set_delete_marker", lambda backend, marker, bucket_name, _: self.notice(backend, bucket_name, marker))
        wrap("put_object_tagging", lambda backend, tagged, *_, **__: self.notice_tags(backend, tagged))
        wrap(
            "delete_object_tagging",
            lambda backend, _, *which, **version: self.notice_tags(backend, backend.get_object(*which, **version)),
        )
        shown = FakeKey.response_dict.fget
        FakeKey.response_dict = property(lambda key: {**shown(key), **({"x-amz-replication-status": status(key)} if status(key) else {})})
        for backend, name, version in self._everything():
            if status(version) == PENDING:
                self.todo.put((backend, name, version))

    @staticmethod
    def _everything() -> Iterator[tuple[S3Backend, str, Version]]:
        for accounts in s3_backends.values():
            for backend in accounts.values():
                for bucket in backend.buckets.values():
                    for _, versions in bucket.keys.lists():
                        yield from ((backend, bucket.name, version) for version in versions)

    def notice(self, backend: S3Backend, bucket_name: str, version: Version) -> None:
        """Take a new version in, if a rule may cover it (its tags are not there yet)."""
        if (getattr(backend.get_bucket(bucket_name), "replication", None) or {}).get("Rule"):
            version.replication_status = PENDING
            self.todo.put((backend, bucket_name, version))

    def notice_tags(self, backend: S3Backend, key: FakeKey | None) -> None:
        """Take a version in whose tags changed after it was replicated or as a replica."""
        if key is not None and status(key) in (COMPLETED, FAILED, REPLICA):
            self.todo.put((backend, key.bucket_name, key))

    # --- copying ---

    def run(self) -> None:
        """Copy, for ever."""
        while True:
            backend, bucket_name, version = self.todo.get()
            with self.lock:
                bucket = backend.buckets.get(bucket_name)
                if bucket and any(version is one for one in bucket.keys.getlist(version.name, [])):  # else deleted since
                    self.replicate(backend, bucket, version)
                    self.changed()

    def replicate(self, backend: S3Backend, bucket: FakeBucket, version: Version) -> None:
        """Make every destination of a version hold it, and say so on the version."""
        marker = isinstance(version, FakeDeleteMarker)
        tags = None if marker else backend.tagger.get_tag_dict_for_resource(version.arn)
        rules = rules_for(getattr(bucket, "replication", None), version.name, tags)
        if marker:
            rules = [rule for rule in rules if is_on(rule, "DeleteMarkerReplication")]
        elif version.encryption in ("aws:kms", "aws:kms:dsse"):
            rules = [rule for rule in rules if is_on(rule, "SourceSelectionCriteria", "SseKmsEncryptedObjects")]
        if status(version) == REPLICA:
            rules = [rule for rule in rules if is_on(rule, "SourceSelectionCriteria", "ReplicaModifications")]
            for rule in rules:
                self.deliver(backend, rule, version, tags, new=False)
            return
        done = [self.deliver(backend, rule, version, tags, new=True) for rule in rules]
        version.replication_status = "" if not done else COMPLETED if all(done) else FAILED

    @staticmethod
    def deliver(backend: S3Backend, rule: Rule, version: Version, tags: dict[str, str] | None, *, new: bool) -> bool:
        """Bring a version (if `new`) and its tags to a rule's destination. Returns False where that can't take it."""
        target = backend.buckets.get(rule["Destination"]["Bucket"].rpartition(":")[2])
        if target is None or not target.is_versioned:
            return False
        standing = target.keys.getlist(version.name, [])
        twin = next((one for one in standing if one.version_id == version.version_id), None)
        if twin is None and new:
            twin = copy_of(version, target, rule)
            # Both sides order a key's versions by the time they were written, so both end with the same latest one.
            target.keys.setlist(version.name, sorted([*standing, twin], key=lambda one: one.last_modified))
        if isinstance(twin, FakeKey):
            backend.tagger.delete_all_tags_for_resource(twin.arn)
            backend.tagger.tag_resource(twin.arn, backend.tagger.convert_dict_to_tags_input(tags))
        return True


def copy_of(version: Version, target: FakeBucket, rule: Rule) -> Version:
    """Return a version as it stands at the rule's destination."""
    if isinstance(version, FakeDeleteMarker):
        replica: Version = copy(version)
    else:
        replica = copy(version)  # by way of its pickled state, so the value is a copy too
        replica.bucket_name = target.name
        destination = rule["Destination"]
        replica.set_storage_class(destination.get("StorageClass") or version.storage_class)
        default = ((target.encryption or {}).get("Rule") or {}).get("ApplyServerSideEncryptionByDefault") or {}
        if version.encryption in ("aws:kms", "aws:kms:dsse"):
            replica.kms_key_id = (destination.get("EncryptionConfiguration") or {}).get("ReplicaKmsKeyID")
        elif default:
            replica.encryption, replica.kms_key_id = default.get("SSEAlgorithm"), default.get("KMSMasterKeyID")
        if replica.encryption == "aws:kms":
            replica.bucket_key_enabled = ((target.encryption or {}).get("Rule") or {}).get("BucketKeyEnabled", False)
        replica.multipart = None
        replica._metadata = copy(version._metadata)
    replica.replication_status = REPLICA
    return replica
