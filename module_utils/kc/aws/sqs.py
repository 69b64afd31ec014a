"""SQS: queues."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ..model import Kind, Live
from ..plan import differing
from ..policy import canonical, encode
from ..scope import Scope
from .session import Aws

NUMBERS = {
    "visibility": "VisibilityTimeout",
    "retention": "MessageRetentionPeriod",
    "delay": "DelaySeconds",
    "size": "MaximumMessageSize",
    "wait": "ReceiveMessageWaitTimeSeconds",
    "key_reuse": "KmsDataKeyReusePeriodSeconds",
}
"""Attributes that are numbers: seconds, and bytes for the size. SQS takes and gives them as text."""

DOCUMENTS = {"policy": "Policy", "redrive": "RedrivePolicy", "redrive_allow": "RedriveAllowPolicy"}
"""Attributes that are JSON; an empty text takes one away (SQS API, SetQueueAttributes)."""

SEEN = 180
"""Seconds within which a change is seen: SQS promises 60 (SQS API, SetQueueAttributes)."""


class Queue(Kind):
    """A standard queue.

    It keeps data: a message is work that was asked for and that nothing else remembers.
    """

    name = "queue"
    keeps_data = True
    outputs_of = ("id", "arn", "url")
    # a name is free again 60 seconds after its queue's deletion (SQS API, DeleteQueue)
    settles = frozenset({"AWS.SimpleQueueService.QueueDeletedRecently", "QueueDeletedRecently"})

    def read(self, aws: Aws, scope: Scope) -> dict[str, Live]:
        # without MaxResults, SQS lists the first 1000 only
        urls = aws.pages("sqs", "list_queues", "QueueUrls", QueueNamePrefix=scope.prefix, MaxResults=1000)
        found = [live for live in aws.map(lambda url: self._look(aws, url), urls) if live]
        return {live.id: live for live in found if scope.owns(live.attrs["tags"])}

    def _look(self, aws: Aws, url: str) -> Live | None:
        answer = aws.find("sqs", "get_queue_attributes", QueueUrl=url, AttributeNames=["All"])
        tags = aws.find("sqs", "list_queue_tags", QueueUrl=url)
        # a list shows a deleted queue for a while
        if answer is None or tags is None:
            return None
        given = answer["Attributes"]
        attrs: dict[str, Any] = {attr: int(given[name]) for attr, name in NUMBERS.items() if name in given}
        attrs["key"] = given.get("KmsMasterKeyId", "")
        attrs["policy"] = canonical(given["Policy"]) if given.get("Policy") else {}
        attrs["redrive"] = _redrive(given.get("RedrivePolicy"))
        attrs["redrive_allow"] = json.loads(given.get("RedriveAllowPolicy") or "{}")
        attrs["tags"] = dict(tags.get("Tags") or {})
        return Live(attrs, _outputs(given["QueueArn"], url))

    def create(self, aws: Aws, scope: Scope, name: str, want: Mapping[str, Any]) -> Live:
        given = _given(want, frozenset(attr for attr in want if want[attr] != {}))
        url = aws.call("sqs", "create_queue", QueueName=name, Attributes=given, tags=dict(want["tags"]))["QueueUrl"]
        return Live(dict(want), _outputs(scope.arn("sqs", name), url))

    def ready(self, aws: Aws, name: str, live: Live) -> None:
        def state() -> str:
            seen = self._look(aws, live.outputs["url"])
            return "seen" if seen and not differing(self, seen.attrs, live.attrs) else "not seen yet"

        aws.wait(f"what was written to queue {name}", state, until=["seen"], timeout=SEEN)

    def update(self, aws: Aws, scope: Scope, name: str, live: Live, want: Mapping[str, Any], changed: frozenset[str]) -> None:
        given = _given(want, changed)
        if given:
            aws.call("sqs", "set_queue_attributes", QueueUrl=live.outputs["url"], Attributes=given)
        if "tags" in changed:
            aws.call("sqs", "tag_queue", QueueUrl=live.outputs["url"], Tags=dict(want["tags"]))

    def delete(self, aws: Aws, scope: Scope, name: str, live: Live) -> None:
        url = live.outputs["url"]
        aws.find("sqs", "delete_queue", QueueUrl=url)
        aws.wait(f"end of queue {name}", lambda: "there" if self._look(aws, url) else "gone", until=["gone"], timeout=SEEN)


def _redrive(text: str | None) -> dict[str, Any]:
    """Return a redrive policy; SQS gives the count back as it got it, as a number or as text."""
    found: dict[str, Any] = json.loads(text or "{}")
    return {**found, "maxReceiveCount": int(found["maxReceiveCount"])} if "maxReceiveCount" in found else found


def _given(want: Mapping[str, Any], changed: frozenset[str]) -> dict[str, str]:
    """Return the attributes `changed` of `want` as SQS takes them."""
    given = {NUMBERS[attr]: str(want[attr]) for attr in NUMBERS if attr in changed}
    given |= {DOCUMENTS[attr]: encode(want[attr]) if want[attr] else "" for attr in DOCUMENTS if attr in changed}
    return {**given, **({"KmsMasterKeyId": want["key"]} if "key" in changed else {})}


def _outputs(arn: str, url: str) -> dict[str, Any]:
    return {"id": arn.rpartition(":")[2], "arn": arn, "url": url}
