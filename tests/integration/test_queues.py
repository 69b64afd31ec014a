"""Queues on an AWS API: made, used, put back, taken away with leave only."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

QUEUE, DEAD = "kc-lab-media-jobs", "kc-lab-media-jobs-dead"


@pytest.fixture
def params(scope_option: Callable[..., dict[str, Any]], converge: Any) -> dict[str, Any]:
    scope = scope_option()
    keys = {"media": {"description": "Videos"}, "data": {"description": "Databases"}}
    converge("keys", {"scope": scope, "state": "present", "keys": keys, "home_region": None, "replica_regions": []})
    return {"scope": {**scope, "tags": {"Owner": "operations"}}, "state": "present", "queues": {"media-jobs": {}}}


@pytest.fixture
def sqs(client: Callable[..., Any]) -> Any:
    return client("sqs")


def url(sqs: Any, name: str = QUEUE) -> str:
    return str(sqs.get_queue_url(QueueName=name)["QueueUrl"])


def put(sqs: Any, name: str = QUEUE, **attributes: Any) -> None:
    texts = {key: value if isinstance(value, str) else json.dumps(value) for key, value in attributes.items()}
    sqs.set_queue_attributes(QueueUrl=url(sqs, name), Attributes=texts)


def changes(result: dict[str, Any]) -> list[tuple[str, str, list[str]]]:
    return [(one["action"], one["name"], sorted(one["after"] or {})) for one in result["plan"]]


EVERYTHING = ["delay", "key", "key_reuse", "policy", "redrive", "redrive_allow", "retention", "size", "tags", "visibility", "wait"]


def test_an_empty_account_can_be_planned(converge: Any, scope_option: Any) -> None:
    """Not even the key stands."""
    planned = converge("queues", {"scope": scope_option(), "state": "present", "queues": {"media-jobs": {}}}, check=True)
    assert changes(planned) == [("create", DEAD, EVERYTHING), ("create", QUEUE, EVERYTHING)]


def test_queues(converge: Any, params: dict[str, Any], sqs: Any, client: Any) -> None:
    planned = converge("queues", params, check=True)
    assert "QueueUrls" not in sqs.list_queues()
    made = converge("queues", params)
    assert made["plan"] == planned["plan"]
    assert made["standing"] == {"queue": 2}
    assert made["outputs"]["queue"][QUEUE] == {
        "id": QUEUE,
        "arn": f"arn:aws:sqs:me-west-1:123456789012:{QUEUE}",
        "url": url(sqs),
        "region": "me-west-1",
    }
    assert converge("queues", params)["plan"] == []

    key = client("kms").describe_key(KeyId="alias/kc-lab-media")["KeyMetadata"]["Arn"]
    found = sqs.get_queue_attributes(QueueUrl=url(sqs), AttributeNames=["All"])["Attributes"]
    assert (found["KmsMasterKeyId"], found["ReceiveMessageWaitTimeSeconds"], found["VisibilityTimeout"]) == (key, "20", "300")
    assert sqs.list_queue_tags(QueueUrl=url(sqs))["Tags"] == {
        "Platform": "kc",
        "Environment": "lab",
        "Component": "queues",
        "Owner": "operations",
        "Name": QUEUE,
    }


def test_what_fails_too_often_becomes_a_dead_letter(converge: Any, params: dict[str, Any], sqs: Any) -> None:
    converge("queues", {**params, "queues": {"media-jobs": {"visibility_seconds": 0, "max_receives": 1}}})
    sqs.send_message(QueueUrl=url(sqs), MessageBody="upload 1")
    assert [one["Body"] for one in sqs.receive_message(QueueUrl=url(sqs))["Messages"]] == ["upload 1"]
    assert "Messages" not in sqs.receive_message(QueueUrl=url(sqs), WaitTimeSeconds=0)
    assert [one["Body"] for one in sqs.receive_message(QueueUrl=url(sqs, DEAD))["Messages"]] == ["upload 1"]


OPEN = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "sqs:*", "Resource": "*"}]}
DRIFT: dict[str, tuple[Callable[[Any], Any], tuple[str, str, list[str]]]] = {
    "visibility": (lambda sqs: put(sqs, VisibilityTimeout="30"), ("update", QUEUE, ["visibility"])),
    "retention": (lambda sqs: put(sqs, MessageRetentionPeriod="60"), ("update", QUEUE, ["retention"])),
    "delay": (lambda sqs: put(sqs, DelaySeconds="60"), ("update", QUEUE, ["delay"])),
    "size": (lambda sqs: put(sqs, MaximumMessageSize="2048"), ("update", QUEUE, ["size"])),
    "short polling": (lambda sqs: put(sqs, ReceiveMessageWaitTimeSeconds="0"), ("update", QUEUE, ["wait"])),
    "another key": (lambda sqs: put(sqs, KmsMasterKeyId="alias/aws/sqs"), ("update", QUEUE, ["key"])),
    "key reuse": (lambda sqs: put(sqs, KmsDataKeyReusePeriodSeconds="86400"), ("update", QUEUE, ["key_reuse"])),
    "open to all": (lambda sqs: put(sqs, Policy=OPEN), ("update", QUEUE, ["policy"])),
    "no policy": (lambda sqs: put(sqs, Policy=""), ("update", QUEUE, ["policy"])),
    "no dead letters": (lambda sqs: put(sqs, RedrivePolicy=""), ("update", QUEUE, ["redrive"])),
    "receives": (
        lambda sqs: put(sqs, RedrivePolicy={"deadLetterTargetArn": f"arn:aws:sqs:me-west-1:123456789012:{DEAD}", "maxReceiveCount": "9"}),
        ("update", QUEUE, ["redrive"]),
    ),
    "everybody's dead letters": (
        lambda sqs: put(sqs, DEAD, RedriveAllowPolicy={"redrivePermission": "allowAll"}),
        ("update", DEAD, ["redrive_allow"]),
    ),
    "no allow policy": (lambda sqs: put(sqs, DEAD, RedriveAllowPolicy=""), ("update", DEAD, ["redrive_allow"])),
    "tag": (lambda sqs: sqs.tag_queue(QueueUrl=url(sqs), Tags={"Owner": "x"}), ("update", QUEUE, ["tags"])),
    "deleted": (lambda sqs: sqs.delete_queue(QueueUrl=url(sqs)), ("create", QUEUE, EVERYTHING)),
}


def test_drift_is_seen_and_put_back(converge: Any, params: dict[str, Any], sqs: Any) -> None:
    converge("queues", params)
    sqs.tag_queue(QueueUrl=url(sqs), Tags={"CostCenter": "42"})
    for what, (by_hand, expected) in DRIFT.items():
        by_hand(sqs)
        assert changes(converge("queues", params, check=True)) == [expected], what
        assert changes(converge("queues", params)) == [expected], what
        assert converge("queues", params)["plan"] == [], what


def test_a_setting_is_changed_in_place(converge: Any, params: dict[str, Any], sqs: Any) -> None:
    converge("queues", params)
    sqs.send_message(QueueUrl=url(sqs), MessageBody="upload 1")
    changed = {**params, "queues": {"media-jobs": {"key": "data", "visibility_seconds": 60}}}
    assert changes(converge("queues", changed)) == [("update", DEAD, ["key", "visibility"]), ("update", QUEUE, ["key", "visibility"])]
    assert [one["Body"] for one in sqs.receive_message(QueueUrl=url(sqs))["Messages"]] == ["upload 1"]


def test_messages_go_only_with_leave(converge: Any, params: dict[str, Any], sqs: Any) -> None:
    # of somebody else, though it is called like ours
    sqs.create_queue(QueueName="kc-lab-other")
    converge("queues", params)
    kept = converge("queues", {**params, "queues": {}})
    assert (kept["plan"], sorted(kept["kept"])) == ([], [f"queue {QUEUE} (me-west-1)", f"queue {DEAD} (me-west-1)"])
    gone = converge("queues", {**params, "state": "absent", "data": "delete"})
    assert sorted(changes(gone)) == [("delete", QUEUE, []), ("delete", DEAD, [])]
    assert converge("queues", {**params, "state": "absent", "data": "delete"})["plan"] == []
    assert [one.rpartition("/")[2] for one in sqs.list_queues()["QueueUrls"]] == ["kc-lab-other"]
