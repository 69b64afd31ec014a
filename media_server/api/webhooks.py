"""What a tenant's backend orders of its webhook: one that is told when an asset is ready, or has failed."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from .. import reach
from ..notices import EVENTS, PING, About
from ..signature import shown
from ..webhooks import Webhook, Webhooks
from . import tokens as of
from .tenants import Bad, bearer, json_of
from .tokens import Tokens
from .uploads import Conflict

PRIVATE = {"Cache-Control": "private, no-store"}


@dataclass(frozen=True)
class Hooks:
    """What answering about webhooks takes.

    Attributes:
        tokens: Reads tokens.
        webhooks: Records.
        order: Orders a notice, by its tenant, event and subject.
        any_port: Whether it may be at another port than that of HTTPS.
    """

    tokens: Tokens
    webhooks: Webhooks
    order: Callable[[str, str, str], About]
    any_port: bool

    async def put(self, request: Request) -> Response:
        """Set a tenant's webhook. Its secret is in the answer if it is new, and in no other."""
        tenant = self._tenant(request)
        said = await json_of(request)
        url, events, rotate = self._url(said.get("url")), _events(said.get("events", [*EVENTS.values()])), said.get("rotate", False)
        if not isinstance(rotate, bool):
            raise Bad("`rotate` is true or false")
        made, secret = await run_in_threadpool(self.webhooks.put, tenant, url, events, rotate)
        first = made.created == made.changed
        return JSONResponse({**_told(made), **({"secret": shown(secret)} if secret else {})}, 201 if first else 200, PRIVATE)

    async def show(self, request: Request) -> Response:
        """Tell of a tenant's webhook."""
        return JSONResponse(_told(await run_in_threadpool(self.webhooks.get, self._tenant(request))), headers=PRIVATE)

    async def remove(self, request: Request) -> Response:
        """Take a tenant's webhook away."""
        await run_in_threadpool(self.webhooks.delete, self._tenant(request))
        return Response(status_code=204)

    async def test(self, request: Request) -> Response:
        """Order a ping."""
        tenant = self._tenant(request)
        if (await run_in_threadpool(self.webhooks.get, tenant)).off:
            raise Conflict("the webhook is switched off: PUT /webhook switches it on")
        made = await run_in_threadpool(self.order, tenant, PING, str(uuid.uuid4()))
        return JSONResponse({"id": made.id}, 202)

    def _tenant(self, request: Request) -> str:
        return self.tokens.read(of.TENANT, bearer(request)).tenant

    def _url(self, said: Any) -> str:
        try:
            return str(reach.target(said if isinstance(said, str) else "", self.any_port))
        except reach.Unfit as error:
            raise Bad(str(error)) from None


def _events(said: Any) -> list[str]:
    known = [*EVENTS.values()]
    if not isinstance(said, list) or not said or not all(each in known for each in said):
        raise Bad(f"`events` is a list of some of {', '.join(known)}")
    return said


def _told(webhook: Webhook) -> dict[str, Any]:
    failed = {"at": webhook.last_failure, "status": webhook.failure} if webhook.last_failure else None
    names = ("url", "events", "off", "created", "changed")
    return {
        **{name: getattr(webhook, name) for name in names},
        "last_success": webhook.last_success or None,
        "last_failure": failed,
    }
