"""What viewers ask for: keys, licences, cookies for segments, captions, the manifest's hashes. All that refuses is one answer.

Keys are asked for in a program of their own, before Starlette: a class that begins together asks for thousands in a second.
"""

from __future__ import annotations

import base64
import json
import time
import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from ..assets import Missing
from ..captions import language
from ..keys import Place
from ..manifest import Forged
from ..video.offer import CBCS
from ..video.storyboard import POSTER, TRACK
from ..where import captions_uri, objects_of, picture_uri
from . import metrics
from .audit import Audit
from .captions import Shown
from .cookies import Signers
from .revoked import Revoked
from .ring import Opened, Ring, Unavailable
from .tokens import SESSION, Refused, Token, Tokens

COOKIE = "media-session"
"""A session's token as a cookie, for players that send no header (Safari's own)."""

KEYS = "/keys/"
NEVER_KEPT = (b"cache-control", b"private, no-store")
_NEVER_KEPT = {"cache-control": "private, no-store"}
PROBLEM = (b"content-type", b"application/problem+json")
LICENCE_BYTES_MAX = 64 << 10

Scope = Mapping[str, Any]
Send = Callable[[Mapping[str, Any]], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]

_REFUSED = b'{"title":"Forbidden","status":403}'
_UNAVAILABLE = b'{"title":"Service unavailable","status":503}'


@dataclass(frozen=True)
class Viewers:
    """What answering viewers takes.

    Attributes:
        tokens, ring, revoked, audit, shown: See there.
        origins: Pages that may ask, as `https://host`.
        public: The server's own URL, as viewers know it.
        signers: Tells whom cookies are signed with; None: no edge stands before the bucket.
    """

    tokens: Tokens
    ring: Ring
    revoked: Revoked
    audit: Audit
    shown: Shown
    origins: frozenset[str]
    public: str
    signers: Signers | None

    async def key(self, scope: Scope, send: Send) -> None:
        """Answer for a key: 16 bytes, to whom has a session of its asset."""
        headers = dict(scope["headers"])
        cross = self.cross(headers)
        if scope["method"] == "GET":
            await self._key(scope["path"], headers, cross, send)
        elif scope["method"] == "OPTIONS":
            await answer(send, 204, b"", [*cross, *_PREFLIGHT])
        else:
            await answer(send, 405, b"", [*cross, (b"allow", b"GET, OPTIONS")])

    async def _key(self, path: str, headers: Mapping[bytes, bytes], cross: Headers, send: Send) -> None:
        try:
            place, token = self._place(path, token_in(headers))
            opened = await self.opened(token)
            content = opened.content(place)
        except (Refused, Missing):
            content = None
        except Unavailable:
            metrics.KEYS.labels("unavailable").inc()
            await unavailable(send, cross)
            return
        if content is None:
            metrics.KEYS.labels("refused").inc()
            await refuse(send, cross)
            return
        self.audit.issued(token.tenant, token.asset, token.id, place.path)
        metrics.KEYS.labels("issued").inc()
        await answer(send, 200, content, [*cross, NEVER_KEPT, (b"content-type", b"application/octet-stream")])

    async def licence(self, request: Request) -> Response:
        """Answer for a licence of ClearKey (W3C, Encrypted Media Extensions, 9.1): the keys of those key ids that are the asset's."""
        opened, token = await self._session(request)
        if opened is None or token is None:
            return self.refused()
        body = await limited(request, LICENCE_BYTES_MAX)
        try:
            asked = {_key_id(each) for each in json.loads(body or b"")["kids"]}
        except (ValueError, KeyError, TypeError, AttributeError):
            return self.refused()
        own = opened.key_ids
        if not asked or not asked <= {*own}:
            return self.refused()
        keys = [{"kty": "oct", "kid": _safe(each.bytes), "k": _safe(opened.content(own[each]) or b"")} for each in sorted(asked)]
        for each in asked:
            self.audit.issued(token.tenant, token.asset, token.id, own[each].path)
        metrics.KEYS.labels("issued").inc(len(keys))
        return JSONResponse({"keys": keys, "type": "temporary"}, headers=_NEVER_KEPT)

    async def begin(self, request: Request) -> Response:
        """Begin to play: cookies for the segments, where to find them, and what captions there are."""
        opened, token = await self._session(request)
        if opened is None or token is None:
            return self.refused()
        base = f"{self.public}/{objects_of(opened.asset)}"
        asset = opened.asset
        said = {"id": asset.id, "title": asset.title, "seconds": asset.seconds, "base": base, "expires": token.expires}
        said |= {name: f"{self.public}{picture_uri(asset, path)}" for name, path in (("poster", POSTER), ("storyboard", TRACK))}
        offers = [{"profile": each.profile, "hls": f"{base}{each.profile}/master.m3u8"} for each in asset.offers]
        for each in offers:
            if each["profile"] == CBCS:
                each |= {"dash": f"{base}cbcs/manifest.mpd", "licence": f"{self.public}/licences/{asset.path}"}
        captions = [
            {
                "language": each.language,
                "label": each.label,
                "kind": each.kind,
                "url": f"{self.public}{captions_uri(asset)}/{each.language}",
            }
            for each in await self.shown.tracks(opened)
        ]
        begun = JSONResponse({**said, "offers": offers, "captions": captions}, headers=_NEVER_KEPT)
        # each asset's for itself: two can be played side by side, and nothing else is sent a token
        paths = [f"{KEYS}{asset.path}/", f"/licences/{asset.path}", picture_uri(asset, ""), captions_uri(asset)]
        if self.signers is not None:
            signer = await run_in_threadpool(self.signers)
            for name, value in signer.cookies(base, token.expires).items():
                _set_cookie(begun, name, value, f"/{objects_of(asset)}", token)
        else:
            paths.append(f"/{objects_of(asset)}")
        for path in paths:
            _set_cookie(begun, COOKIE, _given(request), path, token)
        return begun

    async def hashes(self, request: Request) -> Response:
        """Answer with the manifest: the SHA-256 of all that is loaded. Its signature was verified here."""
        opened, token = await self._session(request)
        if opened is None or token is None:
            return self.refused()
        try:
            said = await run_in_threadpool(self.ring.manifest, opened)
        except (Forged, Missing):
            return self.refused()
        return JSONResponse({"objects": dict(said.objects)}, headers=_NEVER_KEPT)

    async def captions(self, request: Request) -> Response:
        """Answer with captions in a language: WebVTT, in the clear, and so kept by nobody."""
        opened, token = await self._session(request)
        if opened is None or token is None:
            return self.refused()
        try:
            text = await self.shown.text(opened, language.tag(request.path_params["language"]) or "")
        except Missing:
            return self.refused()
        return Response(text, headers={**_NEVER_KEPT, "x-content-type-options": "nosniff"}, media_type="text/vtt")

    def admitted(self, given: str, tenant: str, asset: str) -> Token:
        """Return the session that a token is of, if it is one of this asset.

        Raises:
            Refused: It is not, or not any more.
        """
        token = self.tokens.read(SESSION, given)
        if token.id in self.revoked or (tenant, asset) != (token.tenant, token.asset):
            raise Refused("it is for another asset, or was revoked")
        return token

    async def opened(self, token: Token) -> Opened:
        """Return the asset of a session; see `Ring.get`."""
        found = self.ring.at_hand(token.tenant, token.asset)
        return found if found is not None else await run_in_threadpool(self.ring.get, token.tenant, token.asset)

    def refused(self) -> Response:
        """Return the one answer to all that is refused."""
        metrics.KEYS.labels("refused").inc()
        return Response(_REFUSED, 403, _NEVER_KEPT, "application/problem+json")

    def _place(self, path: str, given: str) -> tuple[Place, Token]:
        """Return the place that a path names, if the token is for its asset."""
        parts = path.removeprefix(KEYS).split("/")
        if len(parts) != 5:
            raise Refused("it names no place")
        token = self.admitted(given, parts[0], parts[1])
        if not (parts[4].isascii() and parts[4].isdecimal() and len(parts[4]) < 7):
            raise Refused("there is no such period")
        return Place(parts[2], parts[3], int(parts[4])), token

    async def _session(self, request: Request) -> tuple[Opened | None, Token | None]:
        """Return the asset of a request, and its session; None if it is not to be had."""
        try:
            token = self.tokens.read(SESSION, _given(request))
            named = request.path_params
            self.admitted(_given(request), named.get("tenant", token.tenant), named.get("asset", token.asset))
            return await self.opened(token), token
        except (Refused, Missing):
            return None, None

    def cross(self, headers: Mapping[bytes, bytes]) -> Headers:
        """Return the headers by which a page of another host may read an answer: one that is known by name, and never all."""
        origin = headers.get(b"origin", b"").decode("latin-1")
        vary = (b"vary", b"origin")
        if origin not in self.origins:
            return [vary]
        return [vary, (b"access-control-allow-origin", origin.encode()), (b"access-control-allow-credentials", b"true")]


_PREFLIGHT = [
    (b"access-control-allow-methods", b"GET, POST, OPTIONS"),
    (b"access-control-allow-headers", b"authorization, content-type"),
    (b"access-control-max-age", b"600"),
]


class TooLong(Exception):
    """A body has more bytes than are taken."""


async def limited(request: Request, most: int) -> bytes:
    """Return a request's body.

    Raises:
        TooLong: It has more bytes.
    """
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > most:
            raise TooLong(f"the body has more than {most} bytes")
    return bytes(body)


async def answer(send: Send, status: int, body: bytes, headers: Headers) -> None:
    """Send an answer."""
    await send({"type": "http.response.start", "status": status, "headers": [*headers, (b"content-length", str(len(body)).encode())]})
    await send({"type": "http.response.body", "body": body})


async def refuse(send: Send, cross: Headers) -> None:
    """Send the one answer to all that is refused."""
    await answer(send, 403, _REFUSED, [*cross, NEVER_KEPT, PROBLEM])


async def unavailable(send: Send, cross: Headers) -> None:
    """Send that what is behind does not answer."""
    await answer(send, 503, _UNAVAILABLE, [*cross, NEVER_KEPT, PROBLEM, (b"retry-after", b"5")])


def token_in(headers: Mapping[bytes, bytes]) -> str:
    """Return the token that comes with a request, in a header or as a cookie; empty: none does."""
    said = headers.get(b"authorization", b"")
    if said[:7].lower() == b"bearer ":
        return said[7:].strip().decode("latin-1")
    for each in headers.get(b"cookie", b"").decode("latin-1").split(";"):
        name, _, value = each.strip().partition("=")
        if name == COOKIE:
            return value
    return ""


def _given(request: Request) -> str:
    return token_in(dict(request.scope["headers"]))


def _set_cookie(response: Response, name: str, value: str, path: str, token: Token) -> None:
    """Set a cookie that lasts as long as a session."""
    seconds = max(0, token.expires - int(time.time()))
    response.set_cookie(name, value, max_age=seconds, path=path, secure=True, httponly=True, samesite="none")


def _key_id(text: str) -> uuid.UUID:
    return uuid.UUID(bytes=base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))


def _safe(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
