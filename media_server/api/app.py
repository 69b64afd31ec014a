"""The API as an ASGI application: routes, what errors become, health, metrics."""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ..assets import Changed, Missing
from ..webhooks import NoWebhook
from ..where import PICTURES
from ..wrap import Locked
from . import metrics
from .kept import Full
from .openapi import DOCUMENT
from .pages import Pages
from .pictures import Pictures
from .revoked import LOOK_SECONDS, Revoked
from .ring import Unavailable
from .segments import PREFIX, Segments
from .tenants import Bad, Tenants
from .tokens import Refused
from .uploads import Broken, Conflict
from .viewers import KEYS, TooLong, Viewers
from .webhooks import Hooks

log = logging.getLogger(__name__)

STALE_SECONDS = 10 * LOOK_SECONDS
"""A server that has not seen for as long who was revoked is not ready."""

ASGI = Callable[[Mapping[str, Any], Any, Any], Awaitable[None]]
Answer = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True)
class Parts:
    """What the application is made of."""

    viewers: Viewers
    tenants: Tenants
    hooks: Hooks
    revoked: Revoked
    pictures: Pictures
    segments: Segments | None
    """None: an edge gives them out."""
    pages: Pages | None
    """None: it has none of its own."""


def application(parts: Parts) -> ASGI:
    """Return the application."""
    rest = _starlette(parts)
    key, segments = parts.viewers.key, parts.segments

    async def answer(scope: Mapping[str, Any], receive: Any, send: Any) -> None:
        path = scope["path"] if scope["type"] == "http" else ""
        if path.startswith(KEYS):
            await key(scope, send)
        elif segments is not None and path.startswith(PREFIX):
            await segments(scope, send)
        else:
            await rest(scope, receive, send)  # type: ignore[arg-type]

    return answer


def _starlette(parts: Parts) -> Starlette:
    viewers, tenants, hooks = parts.viewers, parts.tenants, parts.hooks

    async def healthy(request: Request) -> Response:
        return JSONResponse({"status": "up"})

    async def ready(request: Request) -> Response:
        seen = time.time() - parts.revoked.looked
        up = seen < STALE_SECONDS
        return JSONResponse(
            {"status": "ready" if up else "S3 does not answer", "revocations_seen_seconds": round(seen, 1)}, 200 if up else 503
        )

    async def numbers(request: Request) -> Response:
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    async def document(request: Request) -> Response:
        return JSONResponse(DOCUMENT)

    routes = [
        _route("/healthz", "GET", healthy),
        _route("/readyz", "GET", ready),
        _route("/metrics", "GET", numbers),
        _route("/openapi.json", "GET", document),
        _route("/assets", "POST", tenants.create),
        _route("/assets", "GET", tenants.list),
        _route("/assets/{asset}", "GET", tenants.show),
        _route("/assets/{asset}", "DELETE", tenants.remove),
        _route("/assets/{asset}/poster", "GET", parts.pictures.poster),
        _route("/assets/{asset}/captions/{language}", "PUT", tenants.captions_put),
        _route("/assets/{asset}/captions/{language}", "DELETE", tenants.captions_remove),
        _route("/uploads", "OPTIONS", tenants.upload_options),
        _route("/uploads", "POST", tenants.upload_create),
        _route("/uploads/{asset}", "OPTIONS", tenants.upload_options),
        _route("/uploads/{asset}", "HEAD", tenants.upload_head),
        _route("/uploads/{asset}", "PATCH", tenants.upload_send),
        _route("/uploads/{asset}", "DELETE", tenants.upload_end),
        _route("/sessions", "POST", tenants.session),
        _route("/sessions/revoke", "POST", tenants.revoke),
        _route("/webhook", "PUT", hooks.put),
        _route("/webhook", "GET", hooks.show),
        _route("/webhook", "DELETE", hooks.remove),
        _route("/webhook/test", "POST", hooks.test),
        _route("/play", "POST", viewers.begin),
        _route("/hashes", "GET", viewers.hashes),
        _route("/licences/{tenant}/{asset}", "POST", viewers.licence),
        _route(f"/{PICTURES}{{tenant}}/{{asset}}/{{name}}", "GET", parts.pictures.shown),
        _route("/captions/{tenant}/{asset}/{language}", "GET", viewers.captions),
        *(parts.pages.routes() if parts.pages else ()),
    ]

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        await run_in_threadpool(parts.revoked.try_to_look)  # before the first viewer is answered
        looking = threading.Thread(target=parts.revoked.keep_looking, name="revoked", daemon=True)
        looking.start()
        try:
            yield
        finally:
            parts.revoked.end()

    app = Starlette(routes=routes, lifespan=lifespan)
    app.add_middleware(
        CORSMiddleware,
        allow_origins=sorted(viewers.origins),
        allow_credentials=True,
        allow_methods=["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"],
        allow_headers=["authorization", "content-type", "tus-resumable", "upload-offset", "upload-length", "upload-metadata"],
        expose_headers=["location", "upload-offset", "upload-length", "tus-resumable", "tus-version", "tus-extension", "tus-max-size"],
        max_age=600,
    )
    return app


def _route(path: str, method: str, answer: Answer) -> Route:
    async def told(request: Request) -> Response:
        began = time.perf_counter()
        response = await _answered(request, answer)
        metrics.SECONDS.labels(path).observe(time.perf_counter() - began)
        metrics.REQUESTS.labels(path, response.status_code).inc()
        return response

    return Route(path, told, methods=[method])


async def _answered(request: Request, answer: Answer) -> Response:
    """Return an answer. To a viewer all that is refused is one; a tenant is told what is wrong."""
    try:
        return await answer(request)
    except Bad as error:
        return problem(400, str(error))
    except TooLong as error:
        return problem(413, str(error))
    except Refused:
        return problem(401, "a token of yours is asked for: Authorization: Bearer …")
    except Missing:
        return problem(404, "there is no such asset")
    except NoWebhook:
        return problem(404, "there is no webhook: PUT /webhook sets one")
    except (Conflict, Changed) as error:
        return problem(409, str(error))
    except (Unavailable, Full, Broken, Locked, BotoCoreError, ClientError) as error:
        log.warning("%s %s: %s: %s", request.method, request.url.path, type(error).__name__, error)
        return problem(503, "what is behind does not answer: try again")


def problem(status: int, title: str) -> Response:
    """Return an error as RFC 9457 has it."""
    headers = {"cache-control": "private, no-store", **({"retry-after": "5"} if status == 503 else {})}
    return JSONResponse({"title": title, "status": status}, status, headers, "application/problem+json")
