"""SNS: who is asked has to say yes; a topic tells all that it was given."""

from __future__ import annotations

from typing import Any

ASKED = frozenset({"email", "email-json", "http", "https"})
"""Protocols whose receiver has to confirm (SNS API, Subscribe)."""


def confirmation() -> None:
    """A receiver of mail or over the web is told nothing, and has no ARN to see, until it confirms; moto 5.2.5 takes each for confirmed.

    The token that SNS would send is the last part of the subscription's ARN here, which `ReturnSubscriptionArn` tells.
    """
    from moto.core.responses import ActionResult
    from moto.sns.exceptions import InvalidParameterValue
    from moto.sns.models import SNSBackend, Subscription
    from moto.sns.responses import SNSResponse as Response

    subscribe, publish, unsubscribe = SNSBackend.subscribe, Subscription.publish, SNSBackend.unsubscribe

    def pending(subscription: Any) -> bool:
        return subscription.protocol in ASKED and not subscription.confirmed

    def told(subscription: Any) -> dict[str, str]:
        arn = "PendingConfirmation" if pending(subscription) else subscription.arn
        about = {"Owner": subscription.owner, "Protocol": subscription.protocol, "Endpoint": subscription.endpoint}
        return {"SubscriptionArn": arn, "TopicArn": subscription.topic_arn, **about}

    def subscribed(self: Any, topic_arn: str, endpoint: str, protocol: str) -> Any:
        made = subscribe(self, topic_arn, endpoint, protocol)
        made.attributes["PendingConfirmation"] = pending(made)
        return made

    def published(self: Any, *args: Any, **more: Any) -> None:
        if not pending(self):
            publish(self, *args, **more)

    def unsubscribed(self: Any, subscription_arn: str) -> None:
        if not subscription_arn.startswith("arn:"):
            raise InvalidParameterValue("Invalid parameter: SubscriptionArn")
        unsubscribe(self, subscription_arn)

    asked = Response.subscribe

    def answer(self: Any) -> Any:
        result = asked(self)
        found = self.backend.subscriptions.get(result.result["SubscriptionArn"])
        whole = str(self._get_param("ReturnSubscriptionArn")).lower() == "true"
        return result if whole or not pending(found) else ActionResult({"SubscriptionArn": "pending confirmation"})

    def listed(self: Any) -> Any:
        found, token = self.backend.list_subscriptions(next_token=self._get_param("NextToken"))
        return ActionResult({"Subscriptions": [told(each) for each in found], "NextToken": token})

    def listed_by_topic(self: Any) -> Any:
        topic, token = self._get_param("TopicArn"), self._get_param("NextToken")
        found, token = self.backend.list_subscriptions_by_topic(topic, next_token=token)
        return ActionResult({"Subscriptions": [told(each) for each in found], "NextToken": token})

    def confirmed(self: Any) -> Any:
        arn = f"{self._get_param('TopicArn')}:{self._get_param('Token')}"
        if arn not in self.backend.subscriptions:
            raise InvalidParameterValue("Invalid parameter: Token")
        self.backend.subscriptions[arn].confirmed = True
        self.backend.subscriptions[arn].attributes["PendingConfirmation"] = False
        return ActionResult({"SubscriptionArn": arn})

    SNSBackend.subscribe, SNSBackend.unsubscribe, Subscription.publish = subscribed, unsubscribed, published
    Response.subscribe, Response.confirm_subscription = answer, confirmed
    Response.list_subscriptions, Response.list_subscriptions_by_topic = listed, listed_by_topic


def signature_version() -> None:
    """GetTopicAttributes tells the SignatureVersion that was set; moto 5.2.5 keeps it to itself."""
    from moto.sns.responses import SNSResponse as Response

    get = Response.get_topic_attributes

    def get_topic_attributes(self: Any) -> Any:
        result = get(self)
        topic = self.backend.get_topic(self._get_param("TopicArn"))
        if getattr(topic, "signature_version", None):
            result.result["Attributes"]["SignatureVersion"] = topic.signature_version
        return result

    Response.get_topic_attributes = get_topic_attributes


def same_topic() -> None:
    """A topic that stands is answered to whoever asks for the very same, and refused to others; moto 5.2.5 answers it to all."""
    from moto.sns.exceptions import InvalidParameterValue
    from moto.sns.models import SNSBackend

    create = SNSBackend.create_topic

    def create_topic(self: Any, name: str, attributes: Any = None, tags: Any = None) -> Any:
        before = next((topic for topic in self.topics.values() if topic.name == name), None)
        if before is not None and tags and before._tags != tags:
            raise InvalidParameterValue("Invalid parameter: Tags Reason: Topic already exists with different tags")
        return create(self, name, attributes, tags)

    SNSBackend.create_topic = create_topic


ALL = (confirmation, signature_version, same_topic)
