"""Notices: what a tenant's backend is to be told, as orders in a queue of their own.

Video jobs are another queue's: a long one holds up no notice, and a slow receiver no video.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any

from .assets import FAILED, READY, now
from .orders import Orders

PING = "ping"
EVENTS = {READY: "asset.ready", FAILED: "asset.failed"}
"""By the state of an asset."""

AGAIN_SECONDS = (5, 30, 300, 1800, 2 * 3600, 5 * 3600, 10 * 3600)
"""After which attempt a notice waits for how long. The last is put aside after some 18 hours.

Four attempts are over in six minutes: SQS takes no message for its oldest that was received more often than three times, so one that
waits for hours is not what `ApproximateAgeOfOldestMessage` tells of.
"""

SETTLED_SECONDS = 2
"""A notice is ordered before the asset's record says what it is about; so long it stays in the queue at least."""


@dataclass(frozen=True)
class About:
    """What is told.

    Attributes:
        tenant: To whom.
        event: One of `EVENTS`, or `PING`.
        subject: The asset; of a ping its own UUID.
        at: When it was ordered (ISO 8601, UTC).
    """

    tenant: str
    event: str
    subject: str
    at: str

    @property
    def id(self) -> str:
        """What receivers know it by: the same whoever orders it, and however often."""
        return f"msg_{self.event.replace('.', '_')}_{self.subject}"


@dataclass(frozen=True)
class Notice:
    """An order to tell.

    Attributes:
        about: What.
        receipt: The queue's, for as long as it is ours.
        attempt: Counted from 1.
    """

    about: About
    receipt: str
    attempt: int

    @property
    def body(self) -> str:
        """As it lies in the queue."""
        return _body(self.about)


def order(sqs: Any, queue: str, tenant: str, event: str, subject: str) -> About:
    """Put a notice into a queue, by its URL; return what is told."""
    made = About(tenant, event, subject, now())
    sqs.send_message(QueueUrl=queue, MessageBody=_body(made), DelaySeconds=0 if event == PING else SETTLED_SECONDS)
    return made


class Notices(Orders[Notice]):
    """The queue of notices, and its dead-letter queue."""

    unfit = "it is no notice: tenant, event, subject and at are asked for, as JSON"

    def _read(self, said: Any, receipt: str, attempt: int) -> Notice:
        return Notice(About(**{name: str(said[name]) for name in About.__dataclass_fields__}), receipt, attempt)


def _body(about: About) -> str:
    return json.dumps(asdict(about))
