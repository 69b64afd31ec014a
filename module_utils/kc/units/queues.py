"""The unit `queues`: a region's SQS queues, each with its dead-letter queue."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any

from .. import limits
from ..aws.sqs import Queue
from ..errors import KcError
from ..model import Ref, Resource
from ..policy import Document, deny, document
from ..scope import Scope
from ..settings import settings
from ..unit import Params, Unit
from .keys import key_name, key_of

QUEUE = Queue()

UNIT_NAME = "queues"

WAIT = 20
"""Seconds that an empty queue lets a receiver wait: the longest, for the fewest calls (SQS API, ReceiveMessage)."""

DAY = 86_400
KIB = 1024


@dataclasses.dataclass(frozen=True)
class QueueSettings:
    """What the inventory says of one queue; the module's documentation explains each."""

    key: str = "media"
    visibility_seconds: int = 300
    max_receives: int = 5
    retention_days: int = 4
    dead_days: int = 14
    delay_seconds: int = 0
    max_kib: int = 256
    key_reuse_seconds: int = 300


def build(scope: Scope, params: Params) -> Sequence[Resource]:
    """Return the region's queues, and the keys that they are encrypted with as lookups."""
    queues = {short: settings(QueueSettings, f"queues.{short}", given) for short, given in sorted(params["queues"].items())}
    keys = [key_of(scope, short) for short in sorted({about.key for about in queues.values()})]
    return [*keys, *(resource for short, about in queues.items() for resource in _queue(scope, short, about))]


def queue_of(scope: Scope, short: str) -> Resource:
    """Return a queue of the scope's region as other units look it up: outputs `id` (its name), `arn` and `url`."""
    return Resource(QUEUE, queue_name(scope, short), None, scope.region, component=UNIT_NAME)


def queue_name(scope: Scope, short: str) -> str:
    """Return what a queue is called; the roles' grants (`grants.py`) call it the same."""
    return scope.name("queue", short)


def dead_name(scope: Scope, short: str) -> str:
    """Return what the dead-letter queue of a queue is called."""
    return scope.name("queue", short, "dead")


def _queue(scope: Scope, short: str, about: QueueSettings) -> Iterator[Resource]:
    _check(f"queues.{short}", about)
    name, dead = queue_name(scope, short), dead_name(scope, short)
    both = {
        "visibility": about.visibility_seconds,
        "size": about.max_kib * KIB,
        "wait": WAIT,
        "key": Ref("key", key_name(scope, about.key), "arn"),
        "key_reuse": about.key_reuse_seconds,
    }
    # each names the other by its ARN; the one that is named by a redrive policy has to stand first
    letters = Resource(
        QUEUE,
        dead,
        {
            **both,
            "retention": about.dead_days * DAY,
            "delay": 0,
            "policy": queue_policy(scope, dead),
            "redrive": {},
            "redrive_allow": {"redrivePermission": "byQueue", "sourceQueueArns": [scope.arn("sqs", name)]},
            "tags": scope.tags(dead),
        },
        scope.region,
    )
    yield letters
    yield Resource(
        QUEUE,
        name,
        {
            **both,
            "retention": about.retention_days * DAY,
            "delay": about.delay_seconds,
            "policy": queue_policy(scope, name),
            "redrive": {"deadLetterTargetArn": scope.arn("sqs", dead), "maxReceiveCount": about.max_receives},
            # nobody's dead letters
            "redrive_allow": {"redrivePermission": "denyAll"},
            "tags": scope.tags(name),
        },
        scope.region,
        after=(letters.key,),
    )


def queue_policy(scope: Scope, name: str) -> Document:
    """Return a queue's policy: nobody without TLS, and nobody of another account. Roles' policies allow."""
    arn = scope.arn("sqs", name)
    others: dict[str, Any] = {"StringNotEquals": {"aws:PrincipalAccount": scope.account}}
    return document(
        deny("DenyPlain", "sqs:*", arn, principal="*", when={"Bool": {"aws:SecureTransport": "false"}}),
        deny("DenyOthers", "sqs:*", arn, principal="*", when=others),
    )


def _check(where: str, about: QueueSettings) -> None:
    for setting, (least, most) in limits.QUEUE.items():
        value = getattr(about, setting)
        if not least <= value <= most:
            raise KcError(f"`{where}.{setting}` is {value}", hint=f"SQS takes {least} to {most}")
    if about.dead_days <= about.retention_days:
        raise KcError(
            f"`{where}.dead_days` is {about.dead_days}, and `retention_days` {about.retention_days}",
            hint="a dead letter's age counts from when it was sent: give it more days, or it is gone before somebody has looked at it",
        )


UNIT = Unit(name=UNIT_NAME, kinds=(QUEUE,), build=build, services=("sqs", "kms"))
