"""SQS: a queue's policies."""

from __future__ import annotations

from typing import Any


def policies_last() -> None:
    """A change of some attributes leaves the others, and a queue has a redrive allow policy.

    moto 5.2.5 drops the queue's policy with every change that does not name it, and never answers RedriveAllowPolicy.
    """
    from moto.sqs.models import Queue

    change = Queue._set_attributes

    def _set_attributes(self: Any, attributes: dict[str, Any], now: float | None = None) -> None:
        before = None if "Policy" in attributes else self.policy
        change(self, attributes, now)
        if before:
            self.policy = before
        self.redrive_allow_policy = self.redrive_allow_policy or None

    Queue._set_attributes = _set_attributes
    Queue.redrive_allow_policy = None
    Queue.BASE_ATTRIBUTES = [*Queue.BASE_ATTRIBUTES, "RedriveAllowPolicy"]


ALL = (policies_last,)
