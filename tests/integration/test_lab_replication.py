"""A replication rule in the lab really copies: both ways, once."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import botocore.exceptions
import pytest

from lab.settings import ROOT

HOME, AWAY = "kc-lab-media-me-west-1", "kc-lab-media-eu-central-1"
REGIONS = {HOME: "me-west-1", AWAY: "eu-central-1"}


def configuration(to: str, **rule: Any) -> dict[str, Any]:
    return {
        "Role": "arn:aws:iam::123456789012:role/kc-lab-replication",
        "Rules": [
            {
                "ID": "all",
                "Priority": 1,
                "Status": "Enabled",
                "Filter": {"Prefix": ""},
                "DeleteMarkerReplication": {"Status": "Enabled"},
                "SourceSelectionCriteria": {
                    "SseKmsEncryptedObjects": {"Status": "Enabled"},
                    "ReplicaModifications": {"Status": "Enabled"},
                },
                "Destination": {
                    "Bucket": f"arn:aws:s3:::{to}",
                    "StorageClass": "STANDARD",
                    "EncryptionConfiguration": {"ReplicaKmsKeyID": f"arn:aws:kms:{REGIONS[to]}:123456789012:alias/media"},
                    "ReplicationTime": {"Status": "Enabled", "Time": {"Minutes": 15}},
                    "Metrics": {"Status": "Enabled", "EventThreshold": {"Minutes": 15}},
                },
                **rule,
            }
        ],
    }


@pytest.fixture
def s3(client: Callable[..., Any]) -> Any:
    """An S3 client, with two versioned buckets that replicate into each other."""
    made = client("s3")
    for bucket, region in REGIONS.items():
        client("s3", region).create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": region})
        made.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    for bucket, other in ((HOME, AWAY), (AWAY, HOME)):
        made.put_bucket_replication(Bucket=bucket, ReplicationConfiguration=configuration(other))
    return made


def until(look: Callable[[], Any], wanted: Any) -> None:
    """Look until it is as wanted; fail with what was seen last."""
    deadline = time.monotonic() + 10
    while (seen := look()) != wanted and time.monotonic() < deadline:
        time.sleep(0.02)
    assert seen == wanted


def state(s3: Any, bucket: str, key: str, **version: str) -> str | None:
    try:
        return str(s3.head_object(Bucket=bucket, Key=key, **version).get("ReplicationStatus"))
    except botocore.exceptions.ClientError as error:
        return str(error.response["Error"]["Code"])


def versions(s3: Any, bucket: str) -> list[tuple[str, str, str, bool]]:
    """Every version and delete marker: (kind, key, version id, is latest)."""
    page = s3.list_object_versions(Bucket=bucket)
    return sorted(
        (kind, one["Key"], one["VersionId"], one["IsLatest"]) for kind in ("Versions", "DeleteMarkers") for one in page.get(kind, [])
    )


def tags(s3: Any, bucket: str, key: str) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in s3.get_object_tagging(Bucket=bucket, Key=key)["TagSet"]}


def test_the_rules_are_read_as_they_were_put(s3: Any) -> None:
    assert s3.get_bucket_replication(Bucket=HOME)["ReplicationConfiguration"] == configuration(AWAY)


@pytest.mark.parametrize(("source", "target"), [(HOME, AWAY), (AWAY, HOME)])
def test_a_new_object_is_copied_whole(s3: Any, source: str, target: str) -> None:
    s3.put_object(
        Bucket=source, Key="clips/1.mp4", Body=b"frames", ContentType="video/mp4", Metadata={"Owner": "acme"}, Tagging="kind=clip"
    )
    until(lambda: (state(s3, source, "clips/1.mp4"), state(s3, target, "clips/1.mp4")), ("COMPLETED", "REPLICA"))
    ours, theirs = (s3.get_object(Bucket=bucket, Key="clips/1.mp4") for bucket in (source, target))
    assert theirs["Body"].read() == b"frames"
    for field in ("VersionId", "ETag", "LastModified", "ContentType", "Metadata"):
        assert theirs[field] == ours[field]
    assert tags(s3, target, "clips/1.mp4") == {"kind": "clip"}
    assert versions(s3, source) == versions(s3, target)


def test_what_is_encrypted_gets_the_destinations_key(s3: Any) -> None:
    s3.put_object(Bucket=HOME, Key="a", Body=b"x", ServerSideEncryption="aws:kms", SSEKMSKeyId="home-key")
    until(lambda: state(s3, AWAY, "a"), "REPLICA")
    assert s3.head_object(Bucket=AWAY, Key="a")["SSEKMSKeyId"] == "arn:aws:kms:eu-central-1:123456789012:alias/media"
    assert s3.head_object(Bucket=HOME, Key="a")["SSEKMSKeyId"] == "home-key"


def test_both_sides_end_alike_and_nothing_goes_round(s3: Any) -> None:
    for number in range(5):
        s3.put_object(Bucket=HOME, Key="same", Body=f"home {number}".encode())
        s3.put_object(Bucket=AWAY, Key="same", Body=f"away {number}".encode())
    s3.delete_object(Bucket=AWAY, Key="same")
    s3.put_object(Bucket=HOME, Key="last", Body=b"")
    until(lambda: state(s3, AWAY, "last"), "REPLICA")  # copies are made in order, so all others are there
    until(lambda: (len(versions(s3, HOME)), len(versions(s3, AWAY))), (12, 12))
    assert versions(s3, HOME) == versions(s3, AWAY)
    assert state(s3, HOME, "same") == "404"
    s3.put_object(Bucket=HOME, Key="later", Body=b"")
    until(lambda: state(s3, AWAY, "later"), "REPLICA")
    assert (len(versions(s3, HOME)), len(versions(s3, AWAY))) == (13, 13)


def test_deleting_a_version_stays_where_it_was_done(s3: Any) -> None:
    version = s3.put_object(Bucket=HOME, Key="a", Body=b"x")["VersionId"]
    until(lambda: state(s3, AWAY, "a"), "REPLICA")
    s3.delete_object(Bucket=HOME, Key="a", VersionId=version)
    s3.put_object(Bucket=HOME, Key="b", Body=b"")
    until(lambda: state(s3, AWAY, "b"), "REPLICA")
    assert (state(s3, HOME, "a"), state(s3, AWAY, "a")) == ("404", "REPLICA")


@pytest.mark.parametrize(("changed", "other"), [(HOME, AWAY), (AWAY, HOME)])
def test_tags_follow_from_source_and_from_replica(s3: Any, changed: str, other: str) -> None:
    s3.put_object(Bucket=HOME, Key="a", Body=b"x", Tagging="one=1")
    until(lambda: state(s3, AWAY, "a"), "REPLICA")
    s3.put_object_tagging(Bucket=changed, Key="a", Tagging={"TagSet": [{"Key": "two", "Value": "2"}]})
    until(lambda: tags(s3, other, "a"), {"two": "2"})
    s3.delete_object_tagging(Bucket=changed, Key="a")
    until(lambda: tags(s3, other, "a"), {})
    assert (state(s3, HOME, "a"), state(s3, AWAY, "a")) == ("COMPLETED", "REPLICA")
    assert (len(versions(s3, HOME)), len(versions(s3, AWAY))) == (1, 1)


def test_an_upload_in_parts_is_copied(s3: Any) -> None:
    upload = s3.create_multipart_upload(Bucket=HOME, Key="film")["UploadId"]
    parts = []
    for number, body in ((1, b"a" * (5 << 20)), (2, b"b")):
        done = s3.upload_part(Bucket=HOME, Key="film", UploadId=upload, PartNumber=number, Body=body)
        parts.append({"PartNumber": number, "ETag": done["ETag"]})
    s3.complete_multipart_upload(Bucket=HOME, Key="film", UploadId=upload, MultipartUpload={"Parts": parts})
    until(lambda: state(s3, AWAY, "film"), "REPLICA")
    assert s3.head_object(Bucket=AWAY, Key="film")["ETag"] == s3.head_object(Bucket=HOME, Key="film")["ETag"]
    assert len(s3.get_object(Bucket=AWAY, Key="film")["Body"].read()) == (5 << 20) + 1


@pytest.mark.parametrize(
    ("rule", "put"),
    [
        ({"Status": "Disabled"}, {}),
        ({"Filter": {"Prefix": "elsewhere/"}}, {}),
        ({"SourceSelectionCriteria": {"SseKmsEncryptedObjects": {"Status": "Disabled"}}}, {"ServerSideEncryption": "aws:kms"}),
    ],
)
def test_what_no_rule_covers_stays(s3: Any, rule: dict[str, Any], put: dict[str, Any]) -> None:
    s3.put_bucket_replication(Bucket=HOME, ReplicationConfiguration=configuration(AWAY, **rule))
    s3.put_object(Bucket=HOME, Key="a", Body=b"x", **put)
    s3.put_object(Bucket=AWAY, Key="mark", Body=b"")
    until(lambda: state(s3, HOME, "mark"), "REPLICA")
    assert (state(s3, HOME, "a"), state(s3, AWAY, "a")) == ("None", "404")


def test_what_stood_before_the_rule_stays(s3: Any) -> None:
    s3.delete_bucket_replication(Bucket=HOME)
    s3.put_object(Bucket=HOME, Key="old", Body=b"x")
    s3.put_bucket_replication(Bucket=HOME, ReplicationConfiguration=configuration(AWAY))
    s3.put_object(Bucket=HOME, Key="new", Body=b"x")
    until(lambda: state(s3, AWAY, "new"), "REPLICA")
    assert (state(s3, HOME, "old"), state(s3, AWAY, "old")) == ("None", "404")


def test_delete_markers_stay_if_the_rule_says_so(s3: Any) -> None:
    s3.put_bucket_replication(Bucket=HOME, ReplicationConfiguration=configuration(AWAY, DeleteMarkerReplication={"Status": "Disabled"}))
    s3.put_object(Bucket=HOME, Key="a", Body=b"x")
    s3.delete_object(Bucket=HOME, Key="a")
    s3.put_object(Bucket=HOME, Key="b", Body=b"x")
    until(lambda: state(s3, AWAY, "b"), "REPLICA")
    assert (state(s3, HOME, "a"), state(s3, AWAY, "a")) == ("404", "REPLICA")


def test_a_destination_that_can_take_nothing_is_a_failure(s3: Any, client: Callable[..., Any]) -> None:
    s3.delete_bucket(Bucket=AWAY)
    s3.put_object(Bucket=HOME, Key="a", Body=b"x")
    until(lambda: state(s3, HOME, "a"), "FAILED")
    with pytest.raises(botocore.exceptions.ClientError, match="Destination bucket must exist"):
        s3.put_bucket_replication(Bucket=HOME, ReplicationConfiguration=configuration(AWAY))


INTERRUPTED = """
import sys, threading
from pathlib import Path
from moto.s3.models import s3_backends
from lab import state
from lab.behaviours.s3_replication import Replication, status

file, first = Path(sys.argv[1]), sys.argv[2] == "first"
if not first:
    state.load(file)
backend = s3_backends["123456789012"]["aws"]
replication = Replication(threading.RLock(), lambda: None)
replication.install()
if first:
    for name in ("home", "away"):
        backend.create_bucket(name, "us-east-1").versioning_status = "Enabled"
    rule = {"Status": "Enabled", "Destination": {"Bucket": "arn:aws:s3:::away"}}
    backend.put_bucket_replication("home", {"Role": "r", "Rule": [rule]})
    backend.put_object("home", "a", b"x")
    state.dump(file)  # nothing copies here: the process ends with the copy still to be made
else:
    waiting = replication.todo.qsize()
    threading.Thread(target=replication.run, daemon=True).start()
    while status(backend.get_object("home", "a")) == "PENDING":
        pass
    again = Replication(threading.RLock(), lambda: None)
    again.install()
    print(waiting, status(backend.get_object("away", "a")), len(backend.get_bucket("away").keys.getlist("a")), again.todo.qsize())
"""


def test_a_restart_goes_on_with_what_is_pending_and_repeats_nothing(tmp_path: Path) -> None:
    def process(turn: str) -> str:
        command = [sys.executable, "-c", INTERRUPTED, str(tmp_path / "state"), turn]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=True).stdout.strip()

    process("first")
    assert process("second") == "1 REPLICA 1 0"
