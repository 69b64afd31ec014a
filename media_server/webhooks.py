"""Webhooks: where tenants want to be told, as objects in the bucket that assets' records are in, and changed as these are.

Secrets are made and wrapped by KMS as roots are (wrap.py): server and worker may both ask it, and need no other right for it.
"""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable, Collection
from dataclasses import asdict, dataclass, replace
from typing import Any

from botocore.exceptions import ClientError

from .assets import TENANT, Changed, now
from .aws import code
from .conditional import ATTEMPTS, put_if
from .wrap import Wrapper

OVERLAP_SECONDS = 24 * 3600
"""A secret signs on for so long beside the one that took its place."""


class NoWebhook(Exception):
    """The tenant has none."""


@dataclass(frozen=True)
class Secret:
    """What notices are signed with.

    Attributes:
        wrapped: It, by KMS; base64.
        until: Seconds since the epoch until which it signs; None: for good.
    """

    wrapped: str
    until: float | None = None


@dataclass(frozen=True)
class Webhook:
    """A tenant's webhook.

    Attributes:
        url: Where notices go. What tenants have in it may be secret too: logs have its host alone.
        events: Which are wanted (notices.py).
        secrets: The newest first.
        off: Why nothing is sent there any more; empty: it is.
        last_success, last_failure: When (ISO 8601, UTC); empty: never.
        failure: What went wrong then.
        created, changed: ISO 8601, UTC.
    """

    url: str
    events: tuple[str, ...]
    secrets: tuple[Secret, ...]
    off: str = ""
    last_success: str = ""
    last_failure: str = ""
    failure: str = ""
    created: str = ""
    changed: str = ""


class Webhooks:
    """The webhooks of a bucket.

    Args:
        s3: A region's client.
        bucket: Its name.
        wrapper: Makes and opens secrets.
    """

    def __init__(self, s3: Any, bucket: str, wrapper: Wrapper) -> None:
        self._s3 = s3
        self._bucket = bucket
        self._wrapper = wrapper

    def get(self, tenant: str) -> Webhook:
        """Return a tenant's webhook.

        Raises:
            NoWebhook: There is none.
        """
        found, _ = self._read(tenant)
        if found is None:
            raise NoWebhook(tenant)
        return found

    def wants(self, tenant: str, event: str) -> bool:
        """Return whether a tenant is to be told of an event."""
        found, _ = self._read(tenant)
        return found is not None and not found.off and event in found.events

    def put(self, tenant: str, url: str, events: Collection[str], rotate: bool) -> tuple[Webhook, bytes | None]:
        """Set a tenant's webhook, which is on then; return it, and its secret if that is a new one.

        Args:
            tenant: Whose.
            url: Where notices go; it was judged (reach.py).
            events: Which are wanted.
            rotate: Whether a new secret is made though there is one; the one before is good for a day more.

        Raises:
            Changed: It is changed by others each time.
        """
        secret, wrapped = b"", ""

        def wanted(found: Webhook | None) -> Webhook:
            nonlocal secret, wrapped
            kept = found.secrets if found else ()
            if rotate or not kept:
                if not secret:
                    secret, made = self._wrapper.data_key(_context(tenant))
                    wrapped = base64.b64encode(made).decode()
                kept = (Secret(wrapped), *(replace(each, until=time.time() + OVERLAP_SECONDS) for each in kept[:1]))
            return Webhook(url, tuple(sorted(set(events))), kept, created=found.created if found else "")

        made = self._change(tenant, wanted)
        return made, secret if wrapped == made.secrets[0].wrapped else None

    def delete(self, tenant: str) -> None:
        """Take a tenant's webhook away, with its secrets and what was noted.

        Raises:
            NoWebhook: There is none.
        """
        self.get(tenant)
        self._s3.delete_object(Bucket=self._bucket, Key=_key(tenant))

    def note(self, tenant: str, url: str, **fields: Any) -> None:
        """Note what came of a delivery, unless the tenant has meanwhile taken away where it went.

        Raises:
            Changed: It is changed by others each time.
        """

        def noted(found: Webhook | None) -> Webhook:
            if found is None or found.url != url:
                raise NoWebhook(tenant)
            return replace(found, **fields)

        self._change(tenant, noted)

    def secrets(self, tenant: str, webhook: Webhook) -> list[bytes]:
        """Return the secrets that sign now, the newest first.

        Raises:
            Locked: KMS does not open one.
        """
        good = [each for each in webhook.secrets if each.until is None or each.until > time.time()]
        return [self._wrapper.opened(base64.b64decode(each.wrapped), _context(tenant), "a webhook's secret") for each in good]

    def _change(self, tenant: str, change: Callable[[Webhook | None], Webhook]) -> Webhook:
        for _ in range(ATTEMPTS):
            found, tag = self._read(tenant)
            wanted, at = change(found), now()
            wanted = replace(wanted, created=wanted.created or at, changed=at)
            if put_if(self._s3, self._bucket, _key(tenant), json.dumps(asdict(wanted), sort_keys=True).encode(), tag):
                return wanted
        raise Changed(f"the webhook was changed by others {ATTEMPTS} times in a row")

    def _read(self, tenant: str) -> tuple[Webhook | None, str | None]:
        try:
            found = self._s3.get_object(Bucket=self._bucket, Key=_key(tenant))
        except ClientError as error:
            if code(error) in ("NoSuchKey", "404"):
                return None, None
            raise
        said = json.loads(found["Body"].read())
        secrets = tuple(Secret(**each) for each in said["secrets"])
        return Webhook(**{**said, "events": tuple(said["events"]), "secrets": secrets}), found["ETag"]


def _key(tenant: str) -> str:
    if not TENANT.fullmatch(tenant):
        raise NoWebhook(tenant)
    return f"webhooks/{tenant}.json"


def _context(tenant: str) -> dict[str, str]:
    # no asset's: a root does not open as a secret, nor the other way round
    return {"tenant": tenant, "webhook": "secret"}
