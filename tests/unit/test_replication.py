"""The unit `replication`: what the builder makes of its options."""

from __future__ import annotations

from typing import Any

import pytest
from kc.errors import KcError
from kc.model import Ref
from kc.scope import Scope
from kc.units.replication import build

SCOPE = Scope("kc", "lab", "123456789012", "me-west-1", "replication")


def options(buckets: dict[str, Any], to: str | None = "eu-central-1") -> dict[str, Any]:
    return {"buckets": buckets, "to_region": to, "role": "s3-replication"}


def test_a_bucket_goes_to_its_namesake_with_the_other_region_s_key() -> None:
    *_, found = build(SCOPE, options({"media": "media"}))
    assert found.key == ("replication", "me-west-1", "kc-lab-media-123456789012-me-west-1")
    assert found.desired is not None
    assert found.desired["role"] == "arn:aws:iam::123456789012:role/kc/lab/kc-lab-s3-replication"
    (rule,) = found.desired["rules"]
    assert rule == {
        "ID": "to-eu-central-1",
        "Priority": 1,
        "Status": "Enabled",
        "Filter": {"Prefix": ""},
        "DeleteMarkerReplication": {"Status": "Enabled"},
        "SourceSelectionCriteria": {"SseKmsEncryptedObjects": {"Status": "Enabled"}, "ReplicaModifications": {"Status": "Enabled"}},
        "Destination": {
            "Bucket": "arn:aws:s3:::kc-lab-media-123456789012-eu-central-1",
            "EncryptionConfiguration": {"ReplicaKmsKeyID": Ref("key", "kc-lab-media", "arn", "eu-central-1")},
            "ReplicationTime": {"Status": "Enabled", "Time": {"Minutes": 15}},
            "Metrics": {"Status": "Enabled", "EventThreshold": {"Minutes": 15}},
        },
    }


def test_buckets_of_both_sides_and_the_other_side_s_keys_are_looked_up() -> None:
    found = build(SCOPE, options({"media": "media", "static": "media", "backups": "data"}))
    assert [each.name for each in found if each.desired is not None] == [
        f"kc-lab-{short}-123456789012-me-west-1" for short in ("backups", "media", "static")
    ]
    lookups = {(each.key, each.component) for each in found if each.desired is None}
    assert lookups == {
        *((("key", "eu-central-1", f"kc-lab-{purpose}"), "keys") for purpose in ("media", "data")),
        *(
            (("bucket", region, f"kc-lab-{short}-123456789012-{region}"), "storage")
            for region in ("me-west-1", "eu-central-1")
            for short in ("media", "static", "backups")
        ),
    }


def test_nothing_to_replicate() -> None:
    assert build(SCOPE, options({})) == []


@pytest.mark.parametrize(
    ("params", "message"),
    [
        (options({"media": "media"}, "me-west-1"), "`to_region` is `me-west-1`. Name the region that me-west-1 replicates to."),
        (options({"media": "media"}, None), "`to_region` is ``"),
        (options({"media": None}), "`buckets.media` is None. Name the purpose of the key"),
        (options({"media": {}}), "`buckets.media` is {}"),
    ],
)
def test_bad_input(params: dict[str, Any], message: str) -> None:
    with pytest.raises(KcError) as caught:
        build(SCOPE, params)
    assert message in str(caught.value)
