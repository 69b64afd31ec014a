"""The unit `replication`: what a region's buckets replicate to another region's; it stands once both have buckets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..aws.s3 import Replication
from ..errors import KcError
from ..model import Ref, Resource
from ..scope import Scope
from ..unit import Params, Unit
from .keys import key_name, key_of
from .storage import bucket_of

REPLICATION = Replication()

MINUTES = 15
"""What Replication Time Control promises; the only value that S3 takes (S3 API, ReplicationTimeValue)."""


def build(scope: Scope, params: Params) -> Sequence[Resource]:
    """Return one replication a bucket; the buckets of both sides, and the other region's keys, as lookups.

    Raises:
        KcError: No other region is named, or a bucket has no key.
    """
    to = scope.at(params.get("to_region") or "")
    if to.region in ("", scope.region):
        raise KcError(f"`to_region` is `{to.region}`", hint=f"name the region that {scope.region} replicates to")
    buckets: Mapping[str, str] = params["buckets"]
    for short, key in buckets.items():
        if not key or not isinstance(key, str):
            raise KcError(f"`buckets.{short}` is {key!r}", hint="name the purpose of the key that the other region encrypts it with")
    lookups = [key_of(to, key) for key in sorted(set(buckets.values()))]
    lookups += [bucket_of(side, short) for side in (scope, to) for short in sorted(buckets)]
    role = scope.role_arn(params["role"])
    desired = {scope.bucket(short): {"role": role, "rules": [rule(to, short, key)]} for short, key in sorted(buckets.items())}
    return [*lookups, *(Resource(REPLICATION, name, about, scope.region) for name, about in desired.items())]


def rule(to: Scope, short: str, key: str) -> dict[str, Any]:
    """Return the rule that sends everything, deletions and changed metadata too, to the bucket of the same name in `to`.

    S3 never replicates a replica again, so that the rule of the other direction makes no loop of it.
    """
    return {
        "ID": f"to-{to.region}",
        "Priority": 1,
        "Status": "Enabled",
        "Filter": {"Prefix": ""},
        "DeleteMarkerReplication": {"Status": "Enabled"},
        "SourceSelectionCriteria": {"SseKmsEncryptedObjects": {"Status": "Enabled"}, "ReplicaModifications": {"Status": "Enabled"}},
        "Destination": {
            "Bucket": to.arn("s3", to.bucket(short), region="", account=""),
            "EncryptionConfiguration": {"ReplicaKmsKeyID": Ref("key", key_name(to, key), "arn", to.region)},
            "ReplicationTime": {"Status": "Enabled", "Time": {"Minutes": MINUTES}},
            "Metrics": {"Status": "Enabled", "EventThreshold": {"Minutes": MINUTES}},
        },
    }


UNIT = Unit(name="replication", kinds=(REPLICATION,), build=build, services=("s3", "kms"))
