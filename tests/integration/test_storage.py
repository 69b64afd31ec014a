"""The units `storage` and `replication` against an AWS API."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from kc.unit import run
from kc.units import replication, storage

Fixture = Callable[..., Any]

HOME, OTHER = "me-west-1", "eu-central-1"
KEYS = {"keys": {"media": {"description": "Films"}, "data": {"description": "Data"}}, "replica_regions": []}
BUCKETS = {
    "buckets": {
        "media": {"key": "media", "intelligent_tiering_days": 30},
        "backups": {"key": "data", "noncurrent_days": 30},
        "logs": {"receives": ["access_logs", "flow_logs", "load_balancer_logs"], "expire_days": 400},
    }
}


def name(short: str, region: str = HOME) -> str:
    return f"kc-lab-{short}-123456789012-{region}"


MEDIA, BACKUPS, LOGS = name("media"), name("backups"), name("logs")


def lines(result: dict[str, Any]) -> set[tuple[str, str]]:
    return {(change["action"], change["name"]) for change in result["plan"]}


@pytest.fixture
def params(scope_option: Fixture) -> Fixture:
    """Return a function that gives a region's options of `storage`."""
    return lambda region=HOME, **more: {"scope": scope_option(region, tags={"Owner": "operations"}), **BUCKETS, **more}


@pytest.fixture
def standing(converge: Fixture, params: Fixture) -> Fixture:
    """Return a function that makes a region's keys and buckets and returns the options of `storage`."""

    def make(region: str = HOME) -> dict[str, Any]:
        converge("keys", {"scope": params(region)["scope"], **KEYS})
        converge("storage", params(region))
        return dict(params(region))

    return make


def test_first_run_makes_them_and_the_second_plans_nothing(converge: Fixture, params: Fixture, client: Fixture) -> None:
    empty = converge("storage", params(), check=True)
    converge("keys", {"scope": params()["scope"], **KEYS})
    planned = converge("storage", params(), check=True)
    assert client("s3").list_buckets()["Buckets"] == []
    made = converge("storage", params())
    assert lines(empty) == lines(planned) == lines(made) == {("create", MEDIA), ("create", BACKUPS), ("create", LOGS)}
    assert made["plan"] == planned["plan"]
    assert made["outputs"]["bucket"][MEDIA] == {"id": MEDIA, "arn": f"arn:aws:s3:::{MEDIA}", "region": HOME}
    assert not converge("storage", params())["changed"]
    s3 = client("s3")
    key = client("kms").describe_key(KeyId="alias/kc-lab-media")["KeyMetadata"]["Arn"]
    (rule,) = s3.get_bucket_encryption(Bucket=MEDIA)["ServerSideEncryptionConfiguration"]["Rules"]
    assert rule["ApplyServerSideEncryptionByDefault"] == {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}
    assert rule["BucketKeyEnabled"] is True
    assert s3.get_bucket_location(Bucket=MEDIA)["LocationConstraint"] == HOME
    assert s3.get_bucket_logging(Bucket=MEDIA)["LoggingEnabled"] == {"TargetBucket": LOGS, "TargetPrefix": "s3/media/"}
    assert "LoggingEnabled" not in s3.get_bucket_logging(Bucket=LOGS)
    assert s3.get_bucket_versioning(Bucket=MEDIA)["Status"] == "Enabled"


def test_objects_go_in_and_out(standing: Fixture, client: Fixture) -> None:
    standing()
    s3 = client("s3")
    s3.put_object(Bucket=MEDIA, Key="film", Body=b"frames")
    assert s3.get_object(Bucket=MEDIA, Key="film")["Body"].read() == b"frames"


def test_us_east_1_is_not_named_as_a_place(standing: Fixture, converge: Fixture, client: Fixture) -> None:
    params = standing("us-east-1")
    assert client("s3", "us-east-1").get_bucket_location(Bucket=name("media", "us-east-1"))["LocationConstraint"] is None
    assert not converge("storage", params)["changed"]


def test_a_key_that_does_not_stand_is_named(params: Fixture) -> None:
    result = run(storage.UNIT, params(), check=False)
    assert result["failed"]
    assert f"key kc-lab-media ({HOME}): it does not stand. Converge the unit `keys` of {HOME} first." in result["msg"]


def encrypt(algorithm: str, bucket_key: bool, bucket: str = MEDIA) -> Callable[[Any], None]:
    def spoil(s3: Any) -> None:
        (rule,) = s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"]
        default = rule["ApplyServerSideEncryptionByDefault"] if algorithm == "aws:kms" else {"SSEAlgorithm": algorithm}
        rules = [{"ApplyServerSideEncryptionByDefault": default, "BucketKeyEnabled": bucket_key}]
        s3.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration={"Rules": rules})

    return spoil


def retag(s3: Any, **tags: str) -> None:
    old = {tag["Key"]: tag["Value"] for tag in s3.get_bucket_tagging(Bucket=MEDIA)["TagSet"]}
    s3.put_bucket_tagging(Bucket=MEDIA, Tagging={"TagSet": [{"Key": key, "Value": value} for key, value in {**old, **tags}.items()]})


def open_up(s3: Any) -> None:
    policy = json.loads(s3.get_bucket_policy(Bucket=MEDIA)["Policy"])
    everybody = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{MEDIA}/*"}
    s3.put_bucket_policy(Bucket=MEDIA, Policy=json.dumps({**policy, "Statement": [*policy["Statement"], everybody]}))


def one_more_rule(s3: Any) -> None:
    rules = s3.get_bucket_lifecycle_configuration(Bucket=MEDIA)["Rules"]
    more = {"ID": "by-hand", "Status": "Enabled", "Filter": {"Prefix": "tmp/"}, "Expiration": {"Days": 1}}
    s3.put_bucket_lifecycle_configuration(Bucket=MEDIA, LifecycleConfiguration={"Rules": [*rules, more]})


def half_open(s3: Any) -> None:
    block = {"BlockPublicAcls": True, "IgnorePublicAcls": True, "BlockPublicPolicy": False, "RestrictPublicBuckets": True}
    s3.put_public_access_block(Bucket=MEDIA, PublicAccessBlockConfiguration=block)


DRIFT: dict[str, tuple[Callable[[Any], Any], str]] = {
    "public access": (lambda s3: s3.delete_public_access_block(Bucket=MEDIA), "public_access_block"),
    "public policies": (half_open, "public_access_block"),
    "policy": (open_up, "policy"),
    "no policy": (lambda s3: s3.delete_bucket_policy(Bucket=MEDIA), "policy"),
    "versioning": (
        lambda s3: s3.put_bucket_versioning(Bucket=MEDIA, VersioningConfiguration={"Status": "Suspended"}),
        "versioning",
    ),
    "algorithm": (encrypt("AES256", False), "encryption"),
    "bucket key": (encrypt("aws:kms", False), "encryption"),
    "no encryption": (lambda s3: s3.delete_bucket_encryption(Bucket=MEDIA), "encryption"),
    "lifecycle": (one_more_rule, "lifecycle"),
    "no lifecycle": (lambda s3: s3.delete_bucket_lifecycle(Bucket=MEDIA), "lifecycle"),
    "logging": (lambda s3: s3.put_bucket_logging(Bucket=MEDIA, BucketLoggingStatus={}), "logging"),
    "tag": (lambda s3: retag(s3, Owner="me"), "tags"),
    "ownership": (
        lambda s3: s3.put_bucket_ownership_controls(
            Bucket=MEDIA, OwnershipControls={"Rules": [{"ObjectOwnership": "BucketOwnerPreferred"}]}
        ),
        "ownership",
    ),
    "no ownership": (lambda s3: s3.delete_bucket_ownership_controls(Bucket=MEDIA), "ownership"),
}


@pytest.mark.parametrize(("spoil", "attr"), DRIFT.values(), ids=DRIFT)
def test_drift_is_planned_and_put_back(
    spoil: Callable[[Any], Any], attr: str, standing: Fixture, converge: Fixture, client: Fixture
) -> None:
    params = standing()
    spoil(client("s3"))
    for check in (True, False):
        (change,) = converge("storage", params, check=check)["plan"]
        assert (change["action"], change["name"], [*change["after"]]) == ("update", MEDIA, [attr])
    assert not converge("storage", params)["changed"]


def test_logging_that_is_not_wanted_is_switched_off(standing: Fixture, converge: Fixture, client: Fixture) -> None:
    params = standing()
    target = {"LoggingEnabled": {"TargetBucket": LOGS, "TargetPrefix": "itself/"}}
    client("s3").put_bucket_logging(Bucket=LOGS, BucketLoggingStatus=target)
    (change,) = converge("storage", params)["plan"]
    assert (change["name"], change["after"]) == (LOGS, {"logging": None})
    assert not converge("storage", params)["changed"]


def test_a_tag_of_somebody_else_stays(standing: Fixture, converge: Fixture, client: Fixture) -> None:
    params = standing()
    s3 = client("s3")
    retag(s3, CostCentre="42")
    assert not converge("storage", params)["changed"]
    retag(s3, Owner="me")
    converge("storage", params)
    tags = {tag["Key"]: tag["Value"] for tag in s3.get_bucket_tagging(Bucket=MEDIA)["TagSet"]}
    assert (tags["CostCentre"], tags["Owner"]) == ("42", "operations")


@pytest.mark.parametrize("tags", [{}, {"Component": "other"}], ids=["a creation that was cut off", "the owner's tag changed"])
def test_our_own_bucket_of_the_name_is_taken_over(
    tags: dict[str, str], standing: Fixture, converge: Fixture, params: Fixture, client: Fixture
) -> None:
    s3 = client("s3")
    if tags:
        standing()
        retag(s3, **tags)
    else:
        s3.create_bucket(Bucket=MEDIA, CreateBucketConfiguration={"LocationConstraint": HOME})
        converge("keys", {"scope": params()["scope"], **KEYS})
    converge("storage", params())
    assert not converge("storage", params())["changed"]
    assert s3.get_bucket_versioning(Bucket=MEDIA)["Status"] == "Enabled"


def test_absent_keeps_buckets_unless_told_otherwise(standing: Fixture, converge: Fixture, client: Fixture) -> None:
    params = standing()
    s3 = client("s3")
    for body in (b"one", b"two"):
        s3.put_object(Bucket=MEDIA, Key="film", Body=body)
    s3.delete_object(Bucket=MEDIA, Key="film")
    s3.create_multipart_upload(Bucket=MEDIA, Key="unfinished")
    kept = converge("storage", {**params, "state": "absent"})
    assert kept["plan"] == []
    assert len(s3.list_object_versions(Bucket=MEDIA)["Versions"]) == 2
    assert {line.split()[1] for line in kept["kept"]} == {MEDIA, BACKUPS, LOGS}
    gone = converge("storage", {"scope": params["scope"], "buckets": {}, "state": "absent", "data": "delete"})
    assert lines(gone) == {("delete", MEDIA), ("delete", BACKUPS), ("delete", LOGS)}
    assert s3.list_buckets()["Buckets"] == []
    assert not converge("storage", {**params, "state": "absent", "data": "delete"})["changed"]


def test_a_bucket_with_more_versions_than_a_call_deletes(standing: Fixture, converge: Fixture, client: Fixture) -> None:
    params = standing()
    s3 = client("s3")
    s3.put_object(Bucket=MEDIA, Key="0", Body=b"")
    for number in range(1001):  # delete markers are versions that cost one small call each
        s3.delete_object(Bucket=MEDIA, Key=str(number))
    converge("storage", {**params, "state": "absent", "data": "delete"})
    assert s3.list_buckets()["Buckets"] == []


def test_buckets_of_others_are_left_alone(standing: Fixture, converge: Fixture, client: Fixture) -> None:
    s3, place = client("s3"), {"CreateBucketConfiguration": {"LocationConstraint": HOME}}
    strangers = {"kc-lab-by-hand": {}, "kc-lab2-media": {"Platform": "kc", "Environment": "lab2", "Component": "storage"}}
    for bucket, tags in strangers.items():
        s3.create_bucket(Bucket=bucket, **place)
        if tags:
            s3.put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": [{"Key": key, "Value": value} for key, value in tags.items()]})
    params = standing()
    standing(OTHER)
    gone = converge("storage", {**params, "state": "absent", "data": "delete"})
    assert lines(gone) == {("delete", MEDIA), ("delete", BACKUPS), ("delete", LOGS)}
    left = {bucket["Name"] for bucket in s3.list_buckets()["Buckets"]}
    assert left == {*strangers, *(name(short, OTHER) for short in ("media", "backups", "logs"))}


# --- replication ---------------------------------------------------------------------------------------------------


@pytest.fixture
def both(scope_option: Fixture, standing: Fixture) -> Fixture:
    """Make both regions' buckets; return a function that gives a region's options of `replication`."""
    standing(HOME)
    standing(OTHER)

    def params(region: str = HOME, **more: Any) -> dict[str, Any]:
        buckets = {"media": "media", "backups": "data"}
        to = OTHER if region == HOME else HOME
        return {"scope": scope_option(region), "buckets": buckets, "to_region": to, "role": "s3-replication", **more}

    return params


def test_both_ways(both: Fixture, converge: Fixture, client: Fixture) -> None:
    for region in (HOME, OTHER):
        wanted = {("create", name("media", region)), ("create", name("backups", region))}
        assert lines(converge("replication", both(region), check=True)) == wanted
        assert lines(converge("replication", both(region))) == wanted
    for region, other in ((HOME, OTHER), (OTHER, HOME)):
        assert not converge("replication", both(region))["changed"]
        found = client("s3", region).get_bucket_replication(Bucket=name("backups", region))["ReplicationConfiguration"]
        (rule,) = found["Rules"]
        key = client("kms", other).describe_key(KeyId="alias/kc-lab-data")["KeyMetadata"]["Arn"]
        assert found["Role"] == "arn:aws:iam::123456789012:role/kc/lab/kc-lab-s3-replication"
        assert rule["Destination"]["Bucket"] == f"arn:aws:s3:::{name('backups', other)}"
        assert rule["Destination"]["EncryptionConfiguration"] == {"ReplicaKmsKeyID": key}
        assert rule["SourceSelectionCriteria"]["ReplicaModifications"] == {"Status": "Enabled"}
    # the buckets' own unit neither sees nor touches it
    for region in (HOME, OTHER):
        assert not converge("storage", {"scope": both(region)["scope"], **BUCKETS})["changed"]


def test_an_empty_account_is_planned_to_the_end(scope_option: Fixture, converge: Fixture) -> None:
    params = {"scope": scope_option(), "buckets": {"media": "media"}, "to_region": OTHER, "role": "s3-replication"}
    (change,) = converge("replication", params, check=True)["plan"]
    (rule,) = change["after"]["rules"]
    assert rule["Destination"]["EncryptionConfiguration"] == {"ReplicaKmsKeyID": "(known after apply)"}
    result = run(replication.UNIT, params, check=False)
    assert result["failed"]
    for missing in (f"key kc-lab-media ({OTHER})", f"bucket {name('media', OTHER)} ({OTHER})", f"bucket {MEDIA} ({HOME})"):
        assert f"{missing}: it does not stand." in result["msg"]


def spoil_rule(change: Callable[[dict[str, Any], dict[str, Any]], Any]) -> Callable[[Any], None]:
    """Return a change by hand to the media bucket's replication."""

    def spoil(s3: Any) -> None:
        found = s3.get_bucket_replication(Bucket=MEDIA)["ReplicationConfiguration"]
        change(found, found["Rules"][0])
        s3.put_bucket_replication(Bucket=MEDIA, ReplicationConfiguration=found)

    return spoil


REPLICATION_DRIFT: dict[str, Callable[[dict[str, Any], dict[str, Any]], Any]] = {
    "disabled": lambda found, rule: rule.update(Status="Disabled"),
    "prefix": lambda found, rule: rule.update(Filter={"Prefix": "films/"}),
    "delete markers": lambda found, rule: rule.update(DeleteMarkerReplication={"Status": "Disabled"}),
    "no metrics": lambda found, rule: [rule["Destination"].pop(each) for each in ("Metrics", "ReplicationTime")],
    "other bucket": lambda found, rule: rule["Destination"].update(Bucket=f"arn:aws:s3:::{name('backups', OTHER)}"),
    "modifications": lambda found, rule: rule["SourceSelectionCriteria"].update(ReplicaModifications={"Status": "Disabled"}),
    "role": lambda found, rule: found.update(Role="arn:aws:iam::123456789012:role/other"),
    "one more rule": lambda found, rule: found["Rules"].append({**rule, "ID": "more", "Priority": 2, "Filter": {"Prefix": "x/"}}),
}


@pytest.mark.parametrize("change", REPLICATION_DRIFT.values(), ids=REPLICATION_DRIFT)
def test_replication_drift_is_planned_and_put_back(
    change: Callable[[dict[str, Any], dict[str, Any]], Any], both: Fixture, converge: Fixture, client: Fixture
) -> None:
    converge("replication", both())
    spoil_rule(change)(client("s3"))
    for check in (True, False):
        (planned,) = converge("replication", both(), check=check)["plan"]
        assert (planned["action"], planned["name"]) == ("update", MEDIA)
    assert not converge("replication", both())["changed"]


def test_a_removed_rule_is_made_again(both: Fixture, converge: Fixture, client: Fixture) -> None:
    converge("replication", both())
    client("s3").delete_bucket_replication(Bucket=MEDIA)
    assert lines(converge("replication", both())) == {("create", MEDIA)}
    assert not converge("replication", both())["changed"]


def test_replication_goes_with_its_bucket_s_name_and_when_absent(both: Fixture, converge: Fixture, client: Fixture) -> None:
    converge("replication", both())
    assert lines(converge("replication", both(buckets={"media": "media"}))) == {("delete", BACKUPS)}
    gone = converge("replication", {"scope": both()["scope"], "state": "absent"})
    assert lines(gone) == {("delete", MEDIA)}
    assert not converge("replication", {"scope": both()["scope"], "state": "absent"})["changed"]
    assert MEDIA in {bucket["Name"] for bucket in client("s3").list_buckets()["Buckets"]}
