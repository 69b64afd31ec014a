"""SNS: topics, and who is told what is published to them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from .. import policy
from ..errors import KcError
from ..model import Hidden, Kind, Live
from ..scope import Scope
from .session import Aws
from .tags import tag_dict, tag_list

ATTRIBUTES = {"policy": "Policy", "key": "KmsMasterKeyId", "display_name": "DisplayName", "signature": "SignatureVersion"}
"""A topic's attributes, as SNS's API calls them."""

PENDING, DELETED = "PendingConfirmation", "Deleted"
"""What stands instead of a subscription's ARN while its receiver has not confirmed it, and for a while after its end
(SNS API, ListSubscriptionsByTopic)."""


SUBJECT, MESSAGE = 100, 60_000
"""Characters that a notification takes; of the message bytes, so that some are left. Amazon SNS API, Publish."""


def publish(aws: Aws, topic: str, subject: str, text: str) -> None:
    """Tell whoever listens to a topic, by its ARN.

    Raises:
        KcError: It was not taken.
    """
    plain = subject.encode("ascii", "replace").decode()[:SUBJECT]
    aws.call("sns", "publish", TopicArn=topic, Subject=plain, Message=text[:MESSAGE])


class Topic(Kind):
    """A topic.

    Attributes of the desired state: `policy`, `key` (the ARN of the KMS key), `display_name`, `signature` (the version
    of the signature of its messages) and `tags`.
    """

    name = "topic"
    outputs_of = ("id", "arn")

    def read(self, aws: Aws, scope: Scope) -> dict[str, Live]:
        prefix = scope.arn("sns", scope.prefix)
        arns = [each["TopicArn"] for each in aws.pages("sns", "list_topics", "Topics") if each["TopicArn"].startswith(prefix)]
        found = [live for live in aws.map(lambda arn: self._one(aws, arn), arns) if live]
        named = {"Platform": scope.platform, "Environment": scope.environment}  # the name says so too
        return {live.id: live for live in found if scope.owns({**live.attrs["tags"], **named})}

    def _one(self, aws: Aws, arn: str) -> Live | None:
        found = aws.find("sns", "get_topic_attributes", TopicArn=arn)
        tags = aws.find("sns", "list_tags_for_resource", ResourceArn=arn)
        if found is None or tags is None:
            return None
        attrs = {attr: found["Attributes"].get(name, "") for attr, name in ATTRIBUTES.items()}
        attrs["policy"] = policy.canonical(attrs["policy"])
        attrs["signature"] = attrs["signature"] or "1"  # not told while it is SNS's default
        return Live({**attrs, "tags": tag_dict(tags["Tags"])}, {"id": arn.rpartition(":")[2], "arn": arn})

    def create(self, aws: Aws, scope: Scope, name: str, want: Mapping[str, Any]) -> Live:
        attributes = {ATTRIBUTES[attr]: _text(value) for attr, value in want.items() if attr in ATTRIBUTES}
        made = aws.call("sns", "create_topic", Name=name, Attributes=attributes, Tags=tag_list(want["tags"]))
        return Live(dict(want), {"id": name, "arn": made["TopicArn"]})

    def update(self, aws: Aws, scope: Scope, name: str, live: Live, want: Mapping[str, Any], changed: frozenset[str]) -> None:
        arn = live.outputs["arn"]
        for attr in sorted(changed - {"tags"}):
            aws.call("sns", "set_topic_attributes", TopicArn=arn, AttributeName=ATTRIBUTES[attr], AttributeValue=_text(want[attr]))
        if "tags" in changed:
            aws.call("sns", "tag_resource", ResourceArn=arn, Tags=tag_list(want["tags"]))

    def delete(self, aws: Aws, scope: Scope, name: str, live: Live) -> None:
        aws.find("sns", "delete_topic", TopicArn=live.outputs["arn"])


def _text(value: Any) -> str:
    return policy.encode(value) if isinstance(value, Mapping) else str(value)


class Subscription(Kind):
    """Somebody whom a topic tells; named by `subscription_name`.

    Whom a topic tells is the topic's: a subscription that the inventory does not name is taken away. One that is not
    confirmed yet stands, so that it is not asked for again on every run; SNS forgets it after three days, and then it is.
    It can't be taken away before (SNS API, Unsubscribe), so one that is not named any more is not listed either:
    it goes by itself, or is there once it was confirmed.

    Attributes of the desired state: `topic` (the topic's ARN), `protocol`, and `endpoint`, which is not shown, because
    an address for a pager's service is a key to it.
    """

    name = "subscription"
    outputs_of = ("id", "arn", "confirmed")
    immutable = frozenset({"topic", "protocol", "endpoint"})
    replaceable = True

    def __init__(self, topics: Sequence[str], named: Sequence[str] = ()) -> None:
        """Take the short names of the topics, and what the inventory calls its subscriptions.

        Args:
            topics: Short names of the topics.
            named: Subscriptions that the inventory names.
        """
        self.topics = topics
        self.named = frozenset(named)

    def read(self, aws: Aws, scope: Scope) -> dict[str, Live]:
        def one(short: str) -> list[Live]:
            topic = scope.name("topic", short)
            try:
                found = aws.pages("sns", "list_subscriptions_by_topic", "Subscriptions", TopicArn=scope.arn("sns", topic))
            except KcError as error:
                if error.missing:
                    return []
                raise
            return [_subscribed(topic, each) for each in found if each["SubscriptionArn"] != DELETED]

        lives = [live for some in aws.map(one, self.topics) for live in some]
        return {live.id: live for live in lives if live.outputs["confirmed"] or live.id in self.named}

    def create(self, aws: Aws, scope: Scope, name: str, want: Mapping[str, Any]) -> Live:
        # asked for again, SNS gives the subscription that stands, and sends its question once more
        made = aws.call("sns", "subscribe", TopicArn=want["topic"], Protocol=want["protocol"], Endpoint=want["endpoint"].value)
        arn = made["SubscriptionArn"]
        confirmed = arn.startswith("arn:")
        if not confirmed:
            aws.progress(f"subscription {name} waits for its receiver to confirm it")
        return Live(dict(want), {"id": name, "confirmed": confirmed, "arn": arn if confirmed else ""})

    def delete(self, aws: Aws, scope: Scope, name: str, live: Live) -> None:
        if live.outputs["confirmed"]:
            aws.find("sns", "unsubscribe", SubscriptionArn=live.outputs["arn"])


def subscription_name(topic: str, protocol: str, endpoint: str) -> str:
    """Return what a subscription is called: its topic and receiver; of a web address only the host, and a digest."""
    if protocol == "https":
        endpoint = f"{urlsplit(endpoint).hostname}#{hashlib.sha256(endpoint.encode()).hexdigest()[:8]}"
    return f"{topic} {protocol}:{endpoint}"


def _subscribed(topic: str, found: Mapping[str, Any]) -> Live:
    arn, protocol, endpoint = found["SubscriptionArn"], found["Protocol"], found["Endpoint"]
    confirmed = arn.startswith("arn:")
    outputs = {"id": subscription_name(topic, protocol, endpoint), "confirmed": confirmed, "arn": arn if confirmed else ""}
    return Live({"topic": found["TopicArn"], "protocol": protocol, "endpoint": Hidden(endpoint)}, outputs)
