"""Keys, secrets, queues, and what watches."""

from __future__ import annotations

from collections.abc import Iterator

from ..model import Bounds, Quantity
from ..placement import Placed
from .context import ONE, Context, Meter, take, wanted


def key(context: Context, placed: Placed) -> Iterator[Quantity]:
    """A KMS key; what all keys of a region are used."""
    yield take(placed, "awskms", "KMS-Keys", ONE, "stored")
    if context.first(placed):
        yield take(
            placed, "awskms", "KMS-Requests", context.usage.key_requests * context.users(placed.resource.region), what="uses of keys"
        )


def key_replica(context: Context, placed: Placed) -> Iterator[Quantity]:
    """A replica of a key, in the region that its name ends with."""
    yield take(placed, "awskms", "KMS-Keys", ONE, "stored", region=placed.resource.name.rpartition("@")[2])


def secret(context: Context, placed: Placed) -> Iterator[Quantity]:
    """A secret, and each of its replicas."""
    region = placed.resource.region
    for place in (region, *wanted(placed.resource)["replicas"]):
        yield take(placed, "AWSSecretsManager", "AWSSecretsManager-Secrets", ONE, "stored", region=place)
        if context.first(placed):
            requests = context.usage.secret_requests * context.users(place)
            yield take(placed, "AWSSecretsManager", "AWSSecretsManagerAPIRequest", requests, region=place, what="reads of secrets")


def queue(context: Context, placed: Placed) -> Iterator[Quantity]:
    """What all queues of a region are asked."""
    if context.first(placed):
        requests = context.usage.queue_requests * context.users(placed.resource.region)
        yield take(placed, "AWSQueueService", "Requests", requests, what="requests to queues")


def alarm(context: Context, placed: Placed) -> Iterator[Quantity]:
    """An alarm, which costs what it looks at: one of math counts each of its metrics (CloudWatch pricing, Alarms)."""
    metrics = sum("MetricStat" in query for query in wanted(placed.resource).get("metrics") or [])
    yield take(placed, "AmazonCloudWatch", "CW:AlarmMonitorUsage", Bounds.of(metrics or 1), "standing", what="alarms")


def dashboard(context: Context, placed: Placed) -> Iterator[Quantity]:
    """A dashboard."""
    yield take(placed, "AmazonCloudWatch", "DashboardsUsage", ONE, "standing")


def topic(context: Context, placed: Placed) -> Iterator[Quantity]:
    """The mails of all topics of a region."""
    if context.first(placed):
        mails = context.usage.notices * context.users(placed.resource.region)
        yield take(placed, "AmazonSNS", "DeliveryAttempts-SMTP", mails, what="mails")


METERS: dict[str, Meter] = {
    "key": key,
    "key_replica": key_replica,
    "secret": secret,
    "queue": queue,
    "alarm": alarm,
    "dashboard": dashboard,
    "topic": topic,
}
