"""Jobs from the queue: taken, kept while somebody is at work, given back, or put aside for a person with the reason."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from .aws import LONG_POLL_SECONDS

log = logging.getLogger(__name__)

HEARTBEAT_SECONDS = 60
"""How often a worker says that it is still at work; the queue waits for longer (`visibility_seconds`)."""

AGAIN_SECONDS = (30, 120, 300, 300)
"""After which attempt a job waits for how long."""


@dataclass(frozen=True)
class Job:
    """An asset to be made.

    Attributes:
        tenant, asset: Which.
        receipt: The queue's, for as long as it is ours.
        attempt: Counted from 1.
    """

    tenant: str
    asset: str
    receipt: str
    attempt: int


def order(sqs: Any, queue: str, tenant: str, asset: str) -> None:
    """Put a job into a queue, by its URL."""
    sqs.send_message(QueueUrl=queue, MessageBody=_body(tenant, asset))


class Jobs:
    """A queue and its dead-letter queue.

    Args:
        sqs: A region's client.
        queue, dead: Their URLs.
        attempts: After which a job is put aside; the queue's own limit is no lower.
    """

    def __init__(self, sqs: Any, queue: str, dead: str, attempts: int) -> None:
        self._sqs = sqs
        self._queue = queue
        self._dead = dead
        self.attempts = attempts

    def take(self, seconds: int = LONG_POLL_SECONDS) -> Job | None:
        """Return the next job, or None if none comes in so many seconds. What is no job is put aside."""
        answer = self._sqs.receive_message(
            QueueUrl=self._queue, WaitTimeSeconds=seconds, MaxNumberOfMessages=1, MessageSystemAttributeNames=["ApproximateReceiveCount"]
        )
        for message in answer.get("Messages", ()):
            receipt, body = message["ReceiptHandle"], message["Body"]
            try:
                said = json.loads(body)
                return Job(str(said["tenant"]), str(said["asset"]), receipt, int(message["Attributes"]["ApproximateReceiveCount"]))
            except (ValueError, KeyError, TypeError):
                self._aside(body, receipt, "it is no job: a tenant and an asset are asked for, as JSON")
        return None

    def done(self, job: Job) -> None:
        """Take a job off the queue."""
        self._sqs.delete_message(QueueUrl=self._queue, ReceiptHandle=job.receipt)

    def again(self, job: Job, seconds: int | None = None) -> None:
        """Give a job back, for later; 0 seconds: for whoever comes next."""
        wait = AGAIN_SECONDS[min(job.attempt, len(AGAIN_SECONDS)) - 1] if seconds is None else seconds
        self._sqs.change_message_visibility(QueueUrl=self._queue, ReceiptHandle=job.receipt, VisibilityTimeout=wait)

    def aside(self, job: Job, reason: str) -> None:
        """Put a job into the dead-letter queue, with the reason."""
        self._aside(_body(job.tenant, job.asset), job.receipt, reason)

    @contextmanager
    def kept(self, job: Job, seconds: int) -> Iterator[None]:
        """Keep a job while something is done: each minute the queue is told to wait for `seconds` more."""
        ended = threading.Event()

        def beat() -> None:
            while not ended.wait(HEARTBEAT_SECONDS):
                try:
                    self.again(job, seconds)
                except (BotoCoreError, ClientError) as error:
                    log.warning("the queue was not told of asset %s: %s", job.asset, error)

        beating = threading.Thread(target=beat, name="heartbeat", daemon=True)
        beating.start()
        try:
            yield
        finally:
            ended.set()
            beating.join()

    def _aside(self, body: str, receipt: str, reason: str) -> None:
        said = {"reason": {"DataType": "String", "StringValue": reason[:1024]}}
        self._sqs.send_message(QueueUrl=self._dead, MessageBody=body, MessageAttributes=said)
        self._sqs.delete_message(QueueUrl=self._queue, ReceiptHandle=receipt)


def _body(tenant: str, asset: str) -> str:
    return json.dumps({"tenant": tenant, "asset": asset})
