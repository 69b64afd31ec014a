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
from .orders import Orders

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

    @property
    def body(self) -> str:
        """As it lies in the queue."""
        return _body(self.tenant, self.asset)


def order(sqs: Any, queue: str, tenant: str, asset: str) -> None:
    """Put a job into a queue, by its URL."""
    sqs.send_message(QueueUrl=queue, MessageBody=_body(tenant, asset))


class Jobs(Orders[Job]):
    """The queue of jobs, and its dead-letter queue."""

    unfit = "it is no job: a tenant and an asset are asked for, as JSON"

    def take(self, seconds: int = LONG_POLL_SECONDS) -> Job | None:
        """Return the next job, or None if none comes in so many seconds. What is no job is put aside."""
        found = self.next(seconds)
        return found[0] if found else None

    def again(self, job: Job, seconds: int | None = None) -> None:
        """Give a job back, for later; 0 seconds: for whoever comes next."""
        self.later(job, AGAIN_SECONDS[min(job.attempt, len(AGAIN_SECONDS)) - 1] if seconds is None else seconds)

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

    def _read(self, said: Any, receipt: str, attempt: int) -> Job:
        return Job(str(said["tenant"]), str(said["asset"]), receipt, attempt)


def _body(tenant: str, asset: str) -> str:
    return json.dumps({"tenant": tenant, "asset": asset})
