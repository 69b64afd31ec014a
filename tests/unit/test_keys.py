"""The unit `keys`: what the builder makes of its options."""

from __future__ import annotations

from typing import Any

import pytest
from kc.errors import KcError
from kc.model import Ref
from kc.scope import Scope
from kc.units.keys import build, key_name, key_of, key_policy

HOME = Scope("kc", "lab", "123456789012", "me-west-1", "keys")
OTHER = HOME.at("eu-central-1")
REGIONS = ["me-west-1", "eu-central-1"]
ACCOUNT = {"Sid": "AccountDecidesByIam", "Effect": "Allow", "Principal": {"AWS": ["123456789012"]}, "Action": ["kms:*"], "Resource": ["*"]}


def options(keys: dict[str, Any], home: str = "", replicas: list[str] | None = None) -> dict[str, Any]:
    return {"keys": keys, "home_region": home, "replica_regions": replicas or []}


def test_a_key() -> None:
    (key,) = build(HOME, options({"media": {"description": "Films"}}))
    assert (key.kind.name, key.name, key.region) == ("key", "kc-lab-media", "me-west-1")
    assert key.desired == {
        "alias": "alias/kc-lab-media",
        "description": "Films",
        "enabled": True,
        "multi_region": False,
        "policy": {"Version": "2012-10-17", "Statement": [ACCOUNT]},
        "rotation_days": 365,
        "tags": {"Platform": "kc", "Environment": "lab", "Component": "keys", "Name": "kc-lab-media"},
    }


@pytest.mark.parametrize(
    ("settings", "days"), [({}, 365), ({"rotation_days": 90}, 90), ({"rotation": False}, 0), ({"rotation": False, "rotation_days": 400}, 0)]
)
def test_rotation(settings: dict[str, Any], days: int) -> None:
    (key,) = build(HOME, options({"media": {"description": "Films", **settings}}))
    assert key.desired is not None
    assert key.desired["rotation_days"] == days


@pytest.mark.parametrize(
    ("scope", "home", "replicas", "made"),
    [
        (HOME, "", [], [("key", "kc-lab-one"), ("key", "kc-lab-two")]),
        (HOME, "me-west-1", REGIONS, [("key", "kc-lab-one"), ("key", "kc-lab-two"), ("key_replica", "kc-lab-two@eu-central-1")]),
        (HOME, "", REGIONS, [("key", "kc-lab-one"), ("key", "kc-lab-two"), ("key_replica", "kc-lab-two@eu-central-1")]),
        (OTHER, "me-west-1", REGIONS, [("key", "kc-lab-one")]),
        (OTHER, "me-west-1", [], [("key", "kc-lab-one")]),
    ],
    ids=["alone", "home", "home by default", "not home", "not home, no replicas"],
)
def test_only_home_makes_multi_region_keys(scope: Scope, home: str, replicas: list[str], made: list[tuple[str, str]]) -> None:
    keys = {"one": {"description": "One"}, "two": {"description": "Two", "multi_region": True}}
    assert [(each.kind.name, each.name) for each in build(scope, options(keys, home, replicas))] == made


def test_a_replica_has_its_own_region_in_its_policy_and_no_rotation() -> None:
    _, replica = build(HOME, options({"logs": {"description": "Logs", "services": ["logs"], "multi_region": True}}, "", REGIONS))
    assert replica.desired is not None
    assert replica.region == "me-west-1"  # the primary's, which it is made from
    assert replica.desired["primary"] == Ref("key", "kc-lab-logs")
    assert replica.desired["policy"] == key_policy(OTHER, ["logs"])
    assert replica.desired["alias"] == "alias/kc-lab-logs"
    assert "rotation_days" not in replica.desired


@pytest.mark.parametrize(
    ("service", "principal", "when"),
    [
        ("cloudwatch", "cloudwatch.amazonaws.com", {"StringEquals": {"aws:SourceAccount": ["123456789012"]}}),
        (
            "events",
            "events.amazonaws.com",
            {"ArnLike": {"kms:EncryptionContext:aws:sns:topicArn": ["arn:aws:sns:me-west-1:123456789012:kc-lab-*"]}},
        ),
        ("delivery.logs", "delivery.logs.amazonaws.com", {"StringEquals": {"aws:SourceAccount": ["123456789012"]}}),
        (
            "logs",
            "logs.me-west-1.amazonaws.com",
            {"ArnLike": {"kms:EncryptionContext:aws:logs:arn": ["arn:aws:logs:me-west-1:123456789012:*"]}},
        ),
        ("cloudfront", "cloudfront.amazonaws.com", {"ArnLike": {"aws:SourceArn": ["arn:aws:cloudfront::123456789012:distribution/*"]}}),
    ],
)
def test_a_service_uses_a_key_for_this_account_only(service: str, principal: str, when: dict[str, Any]) -> None:
    statements = key_policy(HOME, [service])["Statement"]
    assert ACCOUNT in statements
    (found,) = [each for each in statements if each != ACCOUNT]
    assert found["Principal"] == {"Service": [principal]}
    assert found["Condition"] == when
    assert "kms:*" not in found["Action"]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({}, "`keys.media` lacks the setting `description`"),
        ({"description": "Films", "multiregion": True}, "`keys.media` has no setting `multiregion`"),
        ({"description": "Films", "rotation_days": 30}, "`keys.media.rotation_days` is 30. KMS takes 90 to 2560"),
        ({"description": "Films", "rotation_days": 2561}, "`keys.media.rotation_days` is 2561"),
        ({"description": "Films", "services": ["logs.amazonaws.com"]}, "`keys.media.services`: `logs.amazonaws.com` is no service"),
        ({"description": "Films", "services": ["*"]}, "`keys.media.services`: `*` is no service"),
        ({"description": "Films", "services": ["logs", "logs"]}, "two statements of one policy are called ServiceLogs"),
    ],
)
def test_bad_input(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(KcError) as caught:
        build(HOME, options({"media": settings}))
    assert message in str(caught.value)


def test_a_name_that_kms_does_not_take() -> None:
    with pytest.raises(KcError, match="is no name for a alias"):
        build(HOME, options({"my key": {"description": "Mine"}}))


def test_other_units_look_a_key_up_by_its_name() -> None:
    here, there = key_of(HOME.at("me-west-1", "storage"), "media"), key_of(HOME, "media", "eu-central-1")
    assert (here.key.kind, here.name, here.region, here.desired, here.component) == ("key", "kc-lab-media", "me-west-1", None, "keys")
    assert (there.name, there.region) == (key_name(OTHER, "media"), "eu-central-1")
