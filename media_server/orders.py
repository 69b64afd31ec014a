"""Orders in a queue: taken, given back, or put aside for a person with the reason."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from typing import Any, Generic, Protocol, TypeVar

from .aws import LONG_POLL_SECONDS


class Order(Protocol):
    """What is to be done.

    Attributes:
        receipt: The queue's, for as long as it is ours.
        attempt: Counted from 1.
        body: As it lies in the queue.
    """

    @property
    def receipt(self) -> str: ...
    @property
    def attempt(self) -> int: ...
    @property
    def body(self) -> str: ...


T = TypeVar("T", bound=Order)


class Orders(ABC, Generic[T]):
    """A queue and its dead-letter queue.

    Args:
        sqs: A region's client.
        queue, dead: Their URLs.
        attempts: After which an order is put aside; the queue's own limit is no lower.
    """

    unfit = ""
    """Why something is put aside that is no order."""

    def __init__(self, sqs: Any, queue: str, dead: str, attempts: int) -> None:
        self._sqs = sqs
        self._queue = queue
        self._dead = dead
        self.attempts = attempts

    def next(self, seconds: int = LONG_POLL_SECONDS, most: int = 1) -> list[T]:
        """Return the next orders, or none if none comes in so many seconds. What is no order is put aside."""
        answer = self._sqs.receive_message(
            QueueUrl=self._queue, WaitTimeSeconds=seconds, MaxNumberOfMessages=most, MessageSystemAttributeNames=["ApproximateReceiveCount"]
        )
        found = []
        for message in answer.get("Messages", ()):
            receipt, body = message["ReceiptHandle"], message["Body"]
            try:
                found.append(self._read(json.loads(body), receipt, int(message["Attributes"]["ApproximateReceiveCount"])))
            except (ValueError, KeyError, TypeError):
                self._aside(body, receipt, self.unfit)
        return found

    def done(self, order: T) -> None:
        """Take an order off the queue."""
        self._sqs.delete_message(QueueUrl=self._queue, ReceiptHandle=order.receipt)

    def later(self, order: T, seconds: int) -> None:
        """Keep an order from others for so many seconds, 12 hours at most; 0: it is for whoever comes next."""
        self._sqs.change_message_visibility(QueueUrl=self._queue, ReceiptHandle=order.receipt, VisibilityTimeout=seconds)

    def aside(self, order: T, reason: str) -> None:
        """Put an order into the dead-letter queue, with the reason."""
        self._aside(order.body, order.receipt, reason)

    @abstractmethod
    def _read(self, said: Any, receipt: str, attempt: int) -> T:
        """Return an order by its body; what is none is a `KeyError`, `TypeError` or `ValueError`."""

    def _aside(self, body: str, receipt: str, reason: str) -> None:
        said = {"reason": {"DataType": "String", "StringValue": reason[:1024]}}
        self._sqs.send_message(QueueUrl=self._dead, MessageBody=body, MessageAttributes=said)
        self._sqs.delete_message(QueueUrl=self._queue, ReceiptHandle=receipt)
