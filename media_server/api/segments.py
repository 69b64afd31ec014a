"""Segments and what tells players of them, where no edge gives them out: what is in the bucket, to whom has a session of the asset.

What there is, and what it has to be, the signed manifest tells (objects.py): a path that is not in it is refused before anybody is asked.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from ..assets import Missing
from ..manifest import Forged
from ..store import content_type, kept_for
from ..where import EDGE
from . import metrics
from .asked import Unsatisfiable, is_known, span
from .kept import Body, File, Full
from .objects import Objects
from .ring import Opened, Unavailable
from .tokens import Refused
from .viewers import NEVER_KEPT, PROBLEM, Headers, Scope, Send, Viewers, answer, refuse, token_in, unavailable

PREFIX = f"/{EDGE}"
_UNSATISFIABLE = b'{"title":"Range not satisfiable","status":416}'
_EXPOSED = (b"access-control-expose-headers", b"accept-ranges, content-length, content-range, etag")
_BODY = "http.response.body"
_PREFLIGHT = [
    (b"access-control-allow-methods", b"GET, HEAD, OPTIONS"),
    (b"access-control-allow-headers", b"authorization, range, if-none-match, if-range"),
    (b"access-control-max-age", b"600"),
]


class Segments:
    """Gives out segments. It is an ASGI program but for what `application` knows of it.

    Args:
        viewers: Tells who may.
        objects: Has them.
    """

    def __init__(self, viewers: Viewers, objects: Objects) -> None:
        self._viewers = viewers
        self._objects = objects

    async def __call__(self, scope: Scope, send: Send) -> None:
        """Answer for what is at a path."""
        headers = dict(scope["headers"])
        cross = [*self._viewers.cross(headers), _EXPOSED]
        if scope["method"] == "OPTIONS":
            await answer(send, 204, b"", [*cross, *_PREFLIGHT])
        elif scope["method"] not in ("GET", "HEAD"):
            await answer(send, 405, b"", [*cross, (b"allow", b"GET, HEAD, OPTIONS")])
        else:
            try:
                await self._give(scope, headers, cross, send)
            except (Refused, Missing, Forged):
                metrics.SEGMENTS.labels("refused").inc()
                await refuse(send, cross)
            except (Unavailable, Full):
                metrics.SEGMENTS.labels("unavailable").inc()
                await unavailable(send, cross)
            except Unsatisfiable as error:
                there = (b"content-range", f"bytes */{error.length}".encode())
                await answer(send, 416, _UNSATISFIABLE, [*cross, NEVER_KEPT, PROBLEM, there])

    async def _give(self, scope: Scope, headers: Mapping[bytes, bytes], cross: Headers, send: Send) -> None:
        opened, path, sha256 = await self._named(scope["path"], token_in(headers))
        tag, is_get = f'"{sha256}"', scope["method"] == "GET"
        said = [*cross, (b"etag", tag.encode()), (b"cache-control", f"private, {kept_for(path)}".encode())]
        if is_known(_text(headers, b"if-none-match"), tag):
            metrics.SEGMENTS.labels("known").inc()
            await send({"type": "http.response.start", "status": 304, "headers": said})
            await send({"type": _BODY, "body": b""})
            return
        found = await self._objects.get(opened, path, sha256)
        ranged = _text(headers, b"range") if is_get else ""  # it means nothing to other methods (RFC 9110, 14.2)
        part = span(ranged, _text(headers, b"if-range"), tag, found.length)
        where = part or slice(0, found.length)
        said += [
            (b"accept-ranges", b"bytes"),
            (b"content-type", content_type(path).encode()),
            (b"content-length", str(where.stop - where.start).encode()),
        ]
        if part:
            said.append((b"content-range", f"bytes {part.start}-{part.stop - 1}/{found.length}".encode()))
        await send({"type": "http.response.start", "status": 206 if part else 200, "headers": said})
        if not is_get:
            await send({"type": _BODY, "body": b""})
        elif isinstance(found, File) and part is None and "http.response.pathsend" in scope.get("extensions", {}):
            await send({"type": "http.response.pathsend", "path": str(found.path)})
        else:
            await self._send(found, where, send)

    async def _send(self, found: Body | File, where: slice, send: Send) -> None:
        """Send some bytes of an object in pieces, each when those before have left: the server has a copy of what is on its way."""
        pieces, left = found.pieces(where), where.stop - where.start
        while True:
            piece = next(pieces, b"") if isinstance(found, Body) else await self._objects.in_thread(partial(next, pieces, b""))
            left -= len(piece)
            await send({"type": _BODY, "body": piece, "more_body": left > 0})
            if not left or not piece:  # a file that ends before it should is an answer that breaks off
                return

    async def _named(self, path: str, given: str) -> tuple[Opened, str, str]:
        """Return the asset that a path names, the path below it, and the SHA-256 (hex) of what is there, if the token is for it."""
        parts = path.removeprefix(PREFIX).split("/", 2)
        if len(parts) != 3:
            raise Refused("it names nothing")
        tenant, asset, below = parts
        opened = await self._viewers.opened(self._viewers.admitted(given, tenant, asset))
        sha256 = (await self._objects.manifest(opened)).objects.get(below)
        if sha256 is None:
            raise Refused("there is no such object")
        return opened, below, sha256


def _text(headers: Mapping[bytes, bytes], name: bytes) -> str:
    return headers.get(name, b"").decode("latin-1")
