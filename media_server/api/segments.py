"""Segments and what tells players of them, where no edge gives them out: what is in the bucket, to whom has a session of the asset.

It is ciphertext, so it may be kept. What there is, and what it has to be, the signed manifest tells: a path that is not in it is refused
before anybody is asked; by the SHA-256 in it an object is checked, and kept.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeVar

from ..assets import Missing
from ..manifest import Forged, Manifest
from ..store import content_type, kept_for
from ..where import EDGE
from . import metrics
from .asked import Unsatisfiable, is_known, span
from .kept import Body, Directory, File, Full, Lately, Once, Room
from .ring import Opened, Unavailable
from .tokens import Refused
from .viewers import NEVER_KEPT, PROBLEM, Headers, Scope, Send, Viewers, answer, refuse, token_in, unavailable

T = TypeVar("T")

PREFIX = f"/{EDGE}"
ON_THE_WAY = 256 << 20
"""Bytes of what is being read and sent, beside what is kept."""

MANIFESTS = 64 << 20
"""Bytes of manifests that are kept."""

MANIFEST_OBJECT = 400
"""Bytes that a manifest takes for each object in it: two texts, and a place in a table."""

READERS = 8
"""Objects that are read side by side."""

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
        memory: Bytes that are kept in memory; 0: none are.
        directory: Where else they are kept; None: nowhere.
    """

    def __init__(self, viewers: Viewers, memory: int, directory: Directory | None) -> None:
        self._viewers = viewers
        self._directory = directory
        self._room = Room(memory + ON_THE_WAY)
        self._memory: Lately[Body] = Lately(memory)
        self._manifests: Lately[tuple[Opened, Manifest]] = Lately(MANIFESTS)
        self._pool = ThreadPoolExecutor(READERS, "segments")
        self._verified: Once[Manifest] = Once()
        self._fetched: Once[Body] = Once()

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
        found = await self._found(opened, path, sha256)
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
            piece = next(pieces, b"") if isinstance(found, Body) else await self._in_thread(partial(next, pieces, b""))
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
        sha256 = (await self._manifest(opened)).objects.get(below)
        if sha256 is None:
            raise Refused("there is no such object")
        return opened, below, sha256

    async def _manifest(self, opened: Opened) -> Manifest:
        name = opened.asset.path
        kept = self._manifests.get(name)
        if kept is not None and kept[0] is opened:
            return kept[1]

        async def verify() -> Manifest:
            found = await self._in_thread(partial(self._viewers.ring.manifest, opened))
            self._manifests.put(name, (opened, found), len(found.objects) * MANIFEST_OBJECT)
            return found

        return await self._verified(name, verify)

    async def _found(self, opened: Opened, path: str, sha256: str) -> Body | File:
        body = self._memory.get(sha256)
        if body is not None:
            metrics.SEGMENTS.labels("memory").inc()
            return body
        file = self._directory.find(sha256) if self._directory else None
        if file is not None:
            metrics.SEGMENTS.labels("directory").inc()
            return file
        metrics.SEGMENTS.labels("bucket").inc()

        async def fetch() -> Body:
            found = await self._in_thread(partial(self._fetch, opened, path, sha256))
            self._memory.put(sha256, found, found.length)
            return found

        return await self._fetched(sha256, fetch)

    def _fetch(self, opened: Opened, path: str, sha256: str) -> Body:
        body = self._viewers.ring.object(opened, path, sha256, self._room)
        if self._directory is not None:
            self._directory.put(sha256, body)
        return body

    async def _in_thread(self, do: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._pool, do)


def _text(headers: Mapping[bytes, bytes], name: bytes) -> str:
    return headers.get(name, b"").decode("latin-1")
