"""The unit `keys` against an AWS API."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from kc.unit import run
from kc.units.keys import UNIT

Fixture = Callable[..., Any]

HOME, OTHER = "me-west-1", "eu-central-1"
MEDIA, LOGS, SHARED = "kc-lab-media", "kc-lab-logs", "kc-lab-shared"
REPLICA = f"{SHARED}@{OTHER}"
WANTED = {
    "keys": {
        "media": {"description": "Films", "services": ["cloudfront"]},
        "logs": {"description": "Log groups", "services": ["logs"], "rotation": False},
        "shared": {"description": "In both regions", "multi_region": True},
    },
    "home_region": HOME,
    "replica_regions": [HOME, OTHER],
}


@pytest.fixture
def params(scope_option: Fixture) -> Fixture:
    """Return a function that gives a region's options."""
    return lambda region=HOME, **more: {"scope": scope_option(region, tags={"Owner": "operations"}), **WANTED, **more}


def lines(result: dict[str, Any]) -> set[tuple[str, str]]:
    return {(change["action"], change["name"]) for change in result["plan"]}


def metadata(kms: Any, name: str) -> dict[str, Any]:
    return dict(kms.describe_key(KeyId=f"alias/{name}")["KeyMetadata"])


def states(kms: Any) -> list[str]:
    """Return the states of all keys that are not AWS's own."""
    return sorted(kms.describe_key(KeyId=key["KeyId"])["KeyMetadata"]["KeyState"] for key in kms.list_keys()["Keys"])


def tags(kms: Any, name: str) -> dict[str, str]:
    return {tag["TagKey"]: tag["TagValue"] for tag in kms.list_resource_tags(KeyId=metadata(kms, name)["KeyId"])["Tags"]}


def test_first_run_makes_them_and_the_second_plans_nothing(converge: Fixture, params: Fixture, client: Fixture) -> None:
    planned = converge("keys", params(), check=True)
    assert states(client("kms")) == []
    made = converge("keys", params())
    assert lines(made) == lines(planned) == {("create", MEDIA), ("create", LOGS), ("create", SHARED), ("create", REPLICA)}
    kms = client("kms")
    assert states(kms) == ["Enabled"] * 3
    found = metadata(kms, MEDIA)
    assert made["outputs"]["key"][MEDIA] == {"id": found["KeyId"], "arn": found["Arn"], "region": HOME}
    assert (found["Description"], found["MultiRegion"]) == ("Films", False)
    assert kms.get_key_rotation_status(KeyId=found["KeyId"])["KeyRotationEnabled"] is True
    assert kms.get_key_rotation_status(KeyId=metadata(kms, LOGS)["KeyId"])["KeyRotationEnabled"] is False
    assert tags(kms, MEDIA) == {"Platform": "kc", "Environment": "lab", "Component": "keys", "Name": MEDIA, "Owner": "operations"}
    assert not converge("keys", params())["changed"]


def test_the_other_region_has_its_own_keys_and_the_replica(converge: Fixture, params: Fixture, client: Fixture) -> None:
    converge("keys", params())
    there = client("kms", OTHER)
    assert metadata(there, SHARED)["KeyId"] == metadata(client("kms"), SHARED)["KeyId"]
    assert tags(there, SHARED)["Component"] == "keys"
    made = converge("keys", params(OTHER))
    assert lines(made) == {("create", MEDIA), ("create", LOGS)}
    assert metadata(there, MEDIA)["KeyId"] != metadata(client("kms"), MEDIA)["KeyId"]
    # neither region takes the replica for something that is no longer wanted
    for region in (HOME, OTHER):
        result = converge("keys", params(region))
        assert (result["plan"], result["kept"]) == ([], [])
    assert lines(converge("keys", params(OTHER, state="absent", data="delete"))) == {("delete", MEDIA), ("delete", LOGS)}
    assert metadata(there, SHARED)["KeyState"] == "Enabled"


def by_alias(change: Callable[[Any, str], Any], name: str = MEDIA, region: str = HOME) -> Callable[[Fixture], None]:
    """Return a change by hand to the key of a name."""

    def spoil(client: Fixture) -> None:
        kms = client("kms", region)
        change(kms, metadata(kms, name)["KeyId"])

    return spoil


def new_policy(kms: Any, key: str) -> None:
    policy = json.loads(kms.get_key_policy(KeyId=key, PolicyName="default")["Policy"])
    everybody = {"Sid": "Everybody", "Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "kms:Decrypt", "Resource": "*"}
    kms.put_key_policy(KeyId=key, PolicyName="default", Policy=json.dumps({**policy, "Statement": [*policy["Statement"], everybody]}))


def retag(kms: Any, key: str, tag: str, value: str) -> None:
    kms.tag_resource(KeyId=key, Tags=[{"TagKey": tag, "TagValue": value}])


def move_alias(kms: Any, key: str) -> None:
    kms.update_alias(AliasName=f"alias/{MEDIA}", TargetKeyId=kms.create_key()["KeyMetadata"]["KeyId"])


def describe(kms: Any, key: str) -> None:
    kms.update_key_description(KeyId=key, Description="Changed")


DRIFT: dict[str, tuple[Callable[[Fixture], None], str, str]] = {
    "description": (by_alias(describe), MEDIA, "description"),
    "policy": (by_alias(new_policy), MEDIA, "policy"),
    "disabled": (by_alias(lambda kms, key: kms.disable_key(KeyId=key)), MEDIA, "enabled"),
    "rotation off": (by_alias(lambda kms, key: kms.disable_key_rotation(KeyId=key)), MEDIA, "rotation_days"),
    "rotation on": (by_alias(lambda kms, key: kms.enable_key_rotation(KeyId=key), LOGS), LOGS, "rotation_days"),
    "rotation period": (by_alias(lambda kms, key: kms.enable_key_rotation(KeyId=key, RotationPeriodInDays=90)), MEDIA, "rotation_days"),
    "tag": (by_alias(lambda kms, key: retag(kms, key, "Owner", "me")), MEDIA, "tags"),
    "name tag": (by_alias(lambda kms, key: retag(kms, key, "Name", "other")), MEDIA, "tags"),
    "tag taken away": (by_alias(lambda kms, key: kms.untag_resource(KeyId=key, TagKeys=["Owner"])), MEDIA, "tags"),
    "alias deleted": (by_alias(lambda kms, key: kms.delete_alias(AliasName=f"alias/{MEDIA}")), MEDIA, "alias"),
    "alias moved": (by_alias(move_alias), MEDIA, "alias"),
    "replica's description": (by_alias(describe, SHARED, OTHER), REPLICA, "description"),
    "replica's policy": (by_alias(new_policy, SHARED, OTHER), REPLICA, "policy"),
    "replica disabled": (by_alias(lambda kms, key: kms.disable_key(KeyId=key), SHARED, OTHER), REPLICA, "enabled"),
    "replica's tag": (by_alias(lambda kms, key: retag(kms, key, "Owner", "me"), SHARED, OTHER), REPLICA, "tags"),
    "replica's alias": (by_alias(lambda kms, key: kms.delete_alias(AliasName=f"alias/{SHARED}"), SHARED, OTHER), REPLICA, "alias"),
}


@pytest.mark.parametrize(("spoil", "name", "attr"), DRIFT.values(), ids=DRIFT)
def test_drift_is_planned_and_put_back(
    spoil: Callable[[Fixture], None], name: str, attr: str, converge: Fixture, params: Fixture, client: Fixture
) -> None:
    converge("keys", params())
    before = metadata(client("kms"), MEDIA)["KeyId"]
    spoil(client)
    for check in (True, False):
        (change,) = converge("keys", params(), check=check)["plan"]
        assert (change["action"], change["name"], [*change["after"]]) == ("update", name, [attr])
    result = converge("keys", params())
    assert (result["plan"], result["kept"]) == ([], [])
    assert metadata(client("kms"), MEDIA)["KeyId"] == before


def test_tags_that_say_whose_it_is_are_put_back_without_a_second_key(converge: Fixture, params: Fixture, client: Fixture) -> None:
    converge("keys", params())
    kms = client("kms")
    before = metadata(kms, MEDIA)["KeyId"]
    retag(kms, before, "Component", "other")
    converge("keys", params())
    assert (metadata(kms, MEDIA)["KeyId"], tags(kms, MEDIA)["Component"], len(states(kms))) == (before, "keys", 3)
    assert not converge("keys", params())["changed"]


def test_a_key_that_was_left_without_its_alias_is_taken_over(converge: Fixture, params: Fixture, client: Fixture) -> None:
    kms = client("kms")
    own = {"Platform": "kc", "Environment": "lab", "Component": "keys", "Name": MEDIA}
    key = kms.create_key(Tags=[{"TagKey": tag, "TagValue": value} for tag, value in own.items()])["KeyMetadata"]["KeyId"]
    assert lines(converge("keys", params())) >= {("update", MEDIA)}
    assert (metadata(kms, MEDIA)["KeyId"], len(states(kms))) == (key, 3)
    assert not converge("keys", params())["changed"]


def test_one_more_alias_is_no_second_key(converge: Fixture, params: Fixture, client: Fixture) -> None:
    converge("keys", params())
    kms = client("kms")
    kms.create_alias(AliasName="alias/kc-lab-films", TargetKeyId=metadata(kms, MEDIA)["KeyId"])
    result = converge("keys", params())
    assert (result["plan"], result["kept"]) == ([], [])


def test_absent_keeps_keys_unless_told_otherwise(converge: Fixture, params: Fixture, client: Fixture) -> None:
    converge("keys", params())
    kept = converge("keys", params(state="absent"))
    assert kept["plan"] == []
    assert {line.split()[1] for line in kept["kept"]} == {MEDIA, LOGS, SHARED, REPLICA}
    kms = client("kms")
    before = metadata(kms, MEDIA)["KeyId"]
    # destroying needs none of the options that made them
    gone = converge("keys", {"scope": params()["scope"], "keys": {}, "state": "absent", "data": "delete"})
    assert lines(gone) == {("delete", MEDIA), ("delete", LOGS), ("delete", SHARED), ("delete", REPLICA)}
    assert states(kms) == ["PendingDeletion"] * 3
    assert states(client("kms", OTHER)) == ["PendingDeletion"]
    assert [alias for alias in kms.list_aliases()["Aliases"] if not alias["AliasName"].startswith("alias/aws/")] == []
    assert not converge("keys", params(state="absent", data="delete"))["changed"]
    # what was encrypted with them can be read again
    assert lines(converge("keys", params())) == {("create", MEDIA), ("create", LOGS), ("create", SHARED), ("create", REPLICA)}
    assert (metadata(kms, MEDIA)["KeyId"], states(kms)) == (before, ["Enabled"] * 3)
    assert metadata(client("kms", OTHER), SHARED)["KeyState"] == "Enabled"
    assert not converge("keys", params())["changed"]


def test_a_key_that_is_no_longer_named_is_kept(converge: Fixture, params: Fixture) -> None:
    converge("keys", params())
    fewer = {"keys": {name: about for name, about in WANTED["keys"].items() if name != "media"}}  # type: ignore[attr-defined]
    result = converge("keys", params(**fewer))
    assert (result["plan"], result["kept"]) == ([], [f"key {MEDIA} ({HOME})"])
    assert lines(converge("keys", params(**fewer, data="delete"))) == {("delete", MEDIA)}


def test_keys_of_others_are_left_alone(converge: Fixture, params: Fixture, client: Fixture) -> None:
    kms = client("kms")
    kms.create_key()
    of_client = {"Platform": "kc", "Environment": "lab", "Component": "keys", "Client": "acme"}
    other_environment = {"Platform": "kc", "Environment": "lab2", "Component": "keys"}
    for alias, own in (("alias/kc-lab-acme", of_client), ("alias/kc-lab2-media", other_environment)):
        key = kms.create_key(Tags=[{"TagKey": tag, "TagValue": value} for tag, value in own.items()])["KeyMetadata"]["KeyId"]
        kms.create_alias(AliasName=alias, TargetKeyId=key)
    converge("keys", params())
    converge("keys", params(state="absent", data="delete"))
    assert states(kms) == ["Enabled"] * 3 + ["PendingDeletion"] * 3


@pytest.mark.parametrize(
    ("more", "region", "message"),
    [
        ({"keys": {"shared": {"description": "Both", "multi_region": False}}}, HOME, "`multi_region` is True, the inventory wants False"),
        ({"home_region": OTHER}, OTHER, f"a multi-Region key with its primary in {HOME}. Put `multi_region` and `home_region` back"),
        ({"keys": {"shared": {"description": "Both"}}}, OTHER, f"a multi-Region key with its primary in {HOME}"),
    ],
    ids=["no longer multi-Region", "another home", "single-Region beside a replica"],
)
def test_no_second_key_takes_the_place_of_one_that_data_is_encrypted_with(
    more: dict[str, Any], region: str, message: str, converge: Fixture, params: Fixture, client: Fixture
) -> None:
    converge("keys", params())
    before = metadata(client("kms", region), SHARED)["KeyId"]
    result = run(UNIT, params(region, **more), check=False)
    assert result["failed"]
    assert message in result["msg"]
    assert metadata(client("kms", region), SHARED)["KeyId"] == before


def test_a_replica_takes_no_alias_away_from_another_key(params: Fixture, client: Fixture) -> None:
    there = client("kms", OTHER)
    key = there.create_key()["KeyMetadata"]["KeyId"]
    there.create_alias(AliasName=f"alias/{SHARED}", TargetKeyId=key)
    result = run(UNIT, params(), check=False)
    assert result["failed"]
    assert f"which is no replica of {metadata(client('kms'), SHARED)['KeyId']}" in result["msg"]
    assert metadata(there, SHARED)["KeyId"] == key


def test_a_clients_key_is_its_own(converge: Fixture, scope_option: Fixture, client: Fixture) -> None:
    shared, acme = ({"keys": {"data": {"description": "Data"}}, "scope": scope_option(**of)} for of in ({}, {"client": "acme"}))
    converge("keys", shared)
    assert [change["name"] for change in converge("keys", acme)["plan"]] == ["kc-lab-acme-data"]
    for params in (shared, acme):
        assert not converge("keys", params)["changed"]
    buckets = {"buckets": {"backups": {"key": "data"}}, "scope": acme["scope"]}
    converge("storage", buckets)  # finds the client's key, not the platform's
    name = "kc-lab-acme-backups-123456789012-me-west-1"
    (rule,) = client("s3").get_bucket_encryption(Bucket=name)["ServerSideEncryptionConfiguration"]["Rules"]
    used = rule["ApplyServerSideEncryptionByDefault"]["KMSMasterKeyID"].split("/")[-1]
    assert used == client("kms").describe_key(KeyId="alias/kc-lab-acme-data")["KeyMetadata"]["KeyId"]
    converge("keys", {**shared, "state": "absent", "data": "delete"})
    assert not converge("keys", acme)["changed"]
