"""The unit `storage`: what the builder makes of its options."""

from __future__ import annotations

from typing import Any

import pytest
from kc.errors import KcError
from kc.model import Ref, Resource
from kc.plan import needs
from kc.scope import Scope
from kc.units.storage import bucket_policy, build

SCOPE = Scope("kc", "lab", "123456789012", "me-west-1", "storage")
LOGS = {"receives": ["access_logs", "flow_logs", "load_balancer_logs"], "expire_days": 400}
ALL = {"media": {"key": "media", "intelligent_tiering_days": 0}, "static": {"key": "media"}, "logs": LOGS}


def name(short: str) -> str:
    return f"kc-lab-{short}-123456789012-me-west-1"


def buckets(**settings: Any) -> dict[str, Resource]:
    return {each.name: each for each in build(SCOPE, {"buckets": settings}) if each.kind.name == "bucket"}


def desired(short: str, **settings: Any) -> dict[str, Any]:
    found = buckets(**settings)[name(short)].desired
    assert found is not None
    return dict(found)


def test_a_bucket() -> None:
    found = desired("media", media=None)
    policy = found.pop("policy")
    assert {statement["Sid"] for statement in policy["Statement"]} == {"DenyOldTls", "DenyPlain"}
    assert found == {
        "tags": {"Platform": "kc", "Environment": "lab", "Component": "storage", "Name": name("media")},
        "ownership": "BucketOwnerEnforced",
        "public_access_block": {
            "BlockPublicAcls": True,
            "IgnorePublicAcls": True,
            "BlockPublicPolicy": True,
            "RestrictPublicBuckets": True,
        },
        "encryption": {"algorithm": "AES256", "key": None, "bucket_key": False},
        "versioning": "Enabled",
        "lifecycle": [
            {
                "ID": "lifecycle",
                "Status": "Enabled",
                "Filter": {"Prefix": ""},
                "Expiration": {"ExpiredObjectDeleteMarker": True},
                "NoncurrentVersionExpiration": {"NoncurrentDays": 90},
                "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7},
            }
        ],
        "logging": None,
    }


@pytest.mark.parametrize(
    ("settings", "rule"),
    [
        ({"intelligent_tiering_days": 0}, {"Transitions": [{"Days": 0, "StorageClass": "INTELLIGENT_TIERING"}]}),
        ({"intelligent_tiering_days": 30}, {"Transitions": [{"Days": 30, "StorageClass": "INTELLIGENT_TIERING"}]}),
        ({"expire_days": 400}, {"Expiration": {"Days": 400}}),
        ({"noncurrent_days": 7}, {"NoncurrentVersionExpiration": {"NoncurrentDays": 7}}),
        ({"abort_upload_days": 1}, {"AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 1}}),
    ],
)
def test_lifecycle(settings: dict[str, Any], rule: dict[str, Any]) -> None:
    (plain,), (found,) = desired("a", a={})["lifecycle"], desired("a", a=settings)["lifecycle"]
    assert found == {**plain, **rule}


def test_keys_are_looked_up_once_each() -> None:
    resources = build(SCOPE, {"buckets": ALL})
    lookups = [each for each in resources if each.desired is None]
    assert [(each.key.kind, each.name, each.component) for each in lookups] == [("key", "kc-lab-media", "keys")]
    assert desired("static", **ALL)["encryption"] == {"algorithm": "aws:kms", "key": Ref("key", "kc-lab-media", "arn"), "bucket_key": True}


def test_all_buckets_log_to_the_one_that_receives_access_logs() -> None:
    found = buckets(**ALL)
    assert desired("logs", **ALL)["logging"] is None
    for short in ("media", "static"):
        assert desired(short, **ALL)["logging"] == {"bucket": name("logs"), "prefix": f"s3/{short}/"}
        assert found[name("logs")].key in needs(found[name(short)])
    assert found[name("logs")].key not in needs(found[name("logs")])


@pytest.mark.parametrize(
    ("receives", "principals"),
    [
        ([], set()),
        (["access_logs"], {"logging.s3.amazonaws.com"}),
        (["flow_logs"], {"delivery.logs.amazonaws.com"}),
        (["load_balancer_logs"], {"logdelivery.elasticloadbalancing.amazonaws.com"}),
        (["flow_logs", "flow_logs"], {"delivery.logs.amazonaws.com"}),
        (["edge_logs"], {"delivery.logs.amazonaws.com"}),
        (["access_logs", "flow_logs"], {"logging.s3.amazonaws.com", "delivery.logs.amazonaws.com"}),
    ],
)
def test_who_may_deliver_logs(receives: list[str], principals: set[str]) -> None:
    allowed = [each for each in bucket_policy(SCOPE, "b", receives)["Statement"] if each["Effect"] == "Allow"]
    assert {service for each in allowed for service in each["Principal"]["Service"]} == principals
    for each in allowed:
        assert each["Condition"]["StringEquals"]["aws:SourceAccount"] == ["123456789012"]
        assert all(resource.startswith("arn:aws:s3:::b") for resource in each["Resource"])


def test_cloudfront_reads_for_this_account_alone() -> None:
    """Any distribution of it: buckets stand before distributions do."""
    (reads,) = (each for each in bucket_policy(SCOPE, "b", [], ["cloudfront"])["Statement"] if each["Effect"] == "Allow")
    assert (reads["Principal"], reads["Action"]) == ({"Service": ["cloudfront.amazonaws.com"]}, ["s3:GetObject"])
    assert reads["Resource"] == ["arn:aws:s3:::b/*"]
    assert reads["Condition"] == {"ArnLike": {"aws:SourceArn": ["arn:aws:cloudfront::123456789012:distribution/*"]}}


def test_nobody_gets_in_without_tls() -> None:
    denied = [each for each in bucket_policy(SCOPE, "b", ["flow_logs"])["Statement"] if each["Effect"] == "Deny"]
    for each in denied:
        assert each["Principal"] == {"AWS": ["*"]}
        assert each["Action"] == ["s3:*"]
        assert each["Resource"] == ["arn:aws:s3:::b", "arn:aws:s3:::b/*"]
    assert {each["Sid"]: each["Condition"] for each in denied} == {
        "DenyOldTls": {"NumericLessThan": {"s3:TlsVersion": ["1.2"]}},
        "DenyPlain": {"Bool": {"aws:SecureTransport": ["false"]}},
    }


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"a": {"kye": "media"}}, "`buckets.a` has no setting `kye`"),
        ({"a": {"receives": ["mail"]}}, "`buckets.a.receives`: `mail` is nothing that a bucket receives"),
        ({"a": {"serves": ["everybody"]}}, "`buckets.a.serves`: `everybody` is nobody that a bucket serves"),
        ({"a": {"receives": ["flow_logs"], "key": "media"}}, "`buckets.a` receives flow_logs and has a KMS key"),
        ({"a": {"receives": ["access_logs"]}, "b": {"receives": ["access_logs"]}}, "both `buckets.a` and `buckets.b` receive access_logs"),
        ({"a": {"expire_days": 0}}, "`buckets.a.expire_days` is 0. It takes 1 or more"),
        ({"a": {"intelligent_tiering_days": -1}}, "`buckets.a.intelligent_tiering_days` is -1. It takes 0 or more"),
        ({"a": {"noncurrent_days": 0}}, "`buckets.a.noncurrent_days` is 0"),
        ({"a": {"abort_upload_days": 0}}, "`buckets.a.abort_upload_days` is 0"),
        ({"My_Bucket": {}}, "is no name for a bucket"),
    ],
)
def test_bad_input(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(KcError) as caught:
        build(SCOPE, {"buckets": settings})
    assert message in str(caught.value)
