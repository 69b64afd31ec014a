"""What tenants' backends order: assets, uploads, captions, sessions. A tenant sees its own."""

from __future__ import annotations

import base64
import json
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from ..assets import READY, WAITING, Asset, Assets, Missing, captions_of, manifest_of
from ..captions import language
from ..captions.track import KINDS, LABEL_MAX, Track
from ..captions.webvtt import BYTES_MAX
from ..captions.wrong import CONTROL, Wrong
from ..records import LENGTH_MAX
from ..video.offer import CONTAINERS, Offer
from ..where import objects_of
from . import tokens as of
from .captions import Captions
from .revoked import Revoked
from .ring import Ring
from .tokens import Refused, Token, Tokens
from .uploads import VERSION, Conflict, Uploads
from .viewers import TooLong, limited

BODY_MAX = 64 << 10
TITLE_MAX = 200
OFFERS = (Offer("aes128", "ts"), Offer("cbcs", "fmp4"))
"""What is made where nothing is said."""

EXTENSIONS = "creation,termination"


class Bad(Exception):
    """A request that makes no sense; the text says what and how it should be."""


@dataclass(frozen=True)
class Tenants:
    """What answering tenants takes: see there.

    Attributes:
        delete: Deletes all below a prefix of the media bucket.
    """

    tokens: Tokens
    assets: Assets
    uploads: Uploads
    captions: Captions
    ring: Ring
    revoked: Revoked
    public: str
    delete: Callable[[str], None]

    async def create(self, request: Request) -> Response:
        """Create an asset, and begin its upload."""
        token = self._tenant(request)
        said = await json_of(request)
        asset = _new(token.tenant, said)
        made = await run_in_threadpool(self.uploads.create, asset)
        upload, _ = self.tokens.make(of.UPLOAD, made.tenant, made.id, of.UPLOAD_SECONDS)
        where = f"{self.public}/uploads/{made.id}"
        return JSONResponse({**told(made), "upload": where, "upload_token": upload}, 201, {"Location": f"{self.public}/assets/{made.id}"})

    async def list(self, request: Request) -> Response:
        """List a tenant's assets."""
        token = self._tenant(request)
        found = await run_in_threadpool(self.assets.all_of, token.tenant)
        return JSONResponse({"assets": [told(each) for each in sorted(found, key=lambda each: each.created)]})

    async def show(self, request: Request) -> Response:
        """Tell of an asset."""
        return JSONResponse(told(await self._asset(request, self._tenant_or_upload(request))))

    async def remove(self, request: Request) -> Response:
        """Delete an asset, and all that was made of it."""
        asset = await self._asset(request, self._tenant(request))

        def removed() -> None:
            self.uploads.end(asset)
            self.delete(objects_of(asset))
            self.delete(manifest_of(asset))
            self.delete(captions_of(asset))
            self.assets.delete(asset.tenant, asset.id)
            self.ring.forget(asset.tenant, asset.id)

        await run_in_threadpool(removed)
        return Response(status_code=204)

    async def captions_put(self, request: Request) -> Response:
        """Put captions beside an asset."""
        asset = await self._asset(request, self._tenant(request))
        tag, label, kind = _of_captions(request)
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "text/vtt":
            return JSONResponse({"title": "the content type is text/vtt", "status": 415}, 415)
        data = await limited(request, BYTES_MAX)
        try:
            track, again = await run_in_threadpool(self.captions.put, asset, tag, label, kind, data)
        except Wrong as error:
            raise Bad(str(error)) from None
        return JSONResponse(_track(track), 200 if again else 201)

    async def captions_remove(self, request: Request) -> Response:
        """Take captions away."""
        asset = await self._asset(request, self._tenant(request))
        if not await run_in_threadpool(self.captions.remove, asset, _language(request)):
            return JSONResponse({"title": "the asset has no captions in this language", "status": 404}, 404)
        return Response(status_code=204)

    async def session(self, request: Request) -> Response:
        """Let a viewer play an asset for a while."""
        token = self._tenant(request)
        said = await json_of(request)
        seconds = said.get("seconds", of.SESSION_SECONDS)
        if not isinstance(seconds, int) or not 1 <= seconds <= of.SESSION_SECONDS_MAX:
            raise Bad(f"`seconds` is a number from 1 to {of.SESSION_SECONDS_MAX}")
        asset = await run_in_threadpool(self.assets.get, token.tenant, str(said.get("asset", "")))
        if asset.state != READY:
            raise Conflict(f"the asset is {asset.state}, and can be played when it is {READY}")
        text, made = self.tokens.make(of.SESSION, asset.tenant, asset.id, seconds)
        return JSONResponse({"token": text, "session": made.id, "expires": made.expires, "play": f"{self.public}/play#{text}"}, 201)

    async def revoke(self, request: Request) -> Response:
        """End a session."""
        token = self._tenant(request)
        said = await json_of(request)
        try:
            session = self.tokens.read(of.SESSION, str(said.get("token", "")))
        except Refused:
            raise Bad("`token` is a session's token that has not expired") from None
        if session.tenant != token.tenant:
            raise Missing(session.asset)
        await run_in_threadpool(self.revoked.add, session.id, session.expires)
        return Response(status_code=204)

    async def upload_options(self, request: Request) -> Response:
        """Tell what this knows of tus."""
        return Response(
            status_code=204, headers={**_TUS, "Tus-Version": VERSION, "Tus-Extension": EXTENSIONS, "Tus-Max-Size": str(LENGTH_MAX)}
        )

    async def upload_create(self, request: Request) -> Response:
        """Create an asset as tus creates an upload."""
        token = self._tenant(request)
        length = request.headers.get("upload-length", "")
        said = {"title": _metadata(request).get("filename", "") or "untitled", "length": int(length) if length.isdecimal() else length}
        made = await run_in_threadpool(self.uploads.create, _new(token.tenant, said))
        return Response(status_code=201, headers={**_TUS, "Location": f"{self.public}/uploads/{made.id}"})

    async def upload_head(self, request: Request) -> Response:
        """Tell how much of an upload is there."""
        asset = await self._asset(request, self._tenant_or_upload(request))
        offset = await run_in_threadpool(self.uploads.offset, asset)
        return Response(headers={**_TUS, "Upload-Offset": str(offset), "Upload-Length": str(asset.length), "Cache-Control": "no-store"})

    async def upload_send(self, request: Request) -> Response:
        """Take bytes of an upload."""
        asset = await self._asset(request, self._tenant_or_upload(request))
        if request.headers.get("content-type") != "application/offset+octet-stream":
            return JSONResponse({"title": "the content type is application/offset+octet-stream", "status": 415}, 415, _TUS)
        offset, length = request.headers.get("upload-offset", ""), request.headers.get("content-length")
        if not offset.isdecimal():
            raise Bad("Upload-Offset is the byte at which the body begins")
        here = await self.uploads.send(asset, int(offset), int(length) if length else None, request.stream())
        return Response(status_code=204, headers={**_TUS, "Upload-Offset": str(here)})

    async def upload_end(self, request: Request) -> Response:
        """Give up an upload that is not complete, and its asset."""
        asset = await self._asset(request, self._tenant_or_upload(request))
        if asset.state != WAITING:
            raise Conflict("the upload is complete: its tenant may delete the asset")

        def ended() -> None:
            self.uploads.end(asset)
            self.delete(captions_of(asset))
            self.assets.delete(asset.tenant, asset.id)

        await run_in_threadpool(ended)
        return Response(status_code=204, headers=_TUS)

    def _tenant(self, request: Request) -> Token:
        return self.tokens.read(of.TENANT, bearer(request))

    def _tenant_or_upload(self, request: Request) -> Token:
        try:
            return self._tenant(request)
        except Refused:
            return self.tokens.read(of.UPLOAD, bearer(request))

    async def _asset(self, request: Request, token: Token) -> Asset:
        name = request.path_params["asset"]
        if token.asset and token.asset != name:
            raise Missing(name)
        return await run_in_threadpool(self.assets.get, token.tenant, name)


_TUS = {"Tus-Resumable": VERSION}


def bearer(request: Request) -> str:
    """Return the token of a request's Authorization header."""
    kind, _, text = request.headers.get("authorization", "").partition(" ")
    return text.strip() if kind.lower() == "bearer" else ""


def told(asset: Asset) -> dict[str, Any]:
    """Return what is told of an asset."""
    names = ("id", "tenant", "title", "length", "state", "reason", "done", "total", "seconds", "created", "changed")
    return {
        **{name: getattr(asset, name) for name in names},
        "offers": [{"profile": each.profile, "container": each.container} for each in asset.offers],
        "captions": [_track(each) for each in asset.captions],
    }


def _track(track: Track) -> dict[str, Any]:
    return {name: getattr(track, name) for name in ("language", "label", "kind", "cues", "put")}


def _language(request: Request) -> str:
    tag = language.tag(request.path_params["language"])
    if tag is None:
        raise Bad("the language is a tag of BCP 47: language, script, region, variants, such as `de` or `pt-BR`")
    return tag


def _of_captions(request: Request) -> tuple[str, str, str]:
    """Return the language, label and kind of captions that are put."""
    label, kind = request.query_params.get("label", "").strip(), request.query_params.get("kind", KINDS[0])
    if len(label) > LABEL_MAX or CONTROL.search(label) or not label.isprintable():
        raise Bad(f"`label` is a text of {LABEL_MAX} characters at most, in one line")
    if kind not in KINDS:
        raise Bad(f"`kind` is one of {', '.join(KINDS)}")
    return _language(request), label, kind


def _new(tenant: str, said: dict[str, Any]) -> Asset:
    title, length = said.get("title"), said.get("length")
    if not isinstance(title, str) or not 0 < len(title.strip()) <= TITLE_MAX:
        raise Bad(f"`title` is a text of 1 to {TITLE_MAX} characters")
    if not isinstance(length, int) or isinstance(length, bool) or not 0 < length <= LENGTH_MAX:
        raise Bad(f"`length` is the file's length in bytes, from 1 to {LENGTH_MAX}")
    return Asset(str(uuid.uuid4()), tenant, title.strip(), length, "", tuple(_offers(said.get("offers"))))


def _offers(said: Any) -> Iterator[Offer]:
    if said is None:
        yield from OFFERS
        return
    if not isinstance(said, list) or not said:
        raise Bad("`offers` is a list of profiles and containers")
    seen = set()
    for each in said:
        profile = each.get("profile") if isinstance(each, dict) else None
        if profile not in CONTAINERS or profile in seen:
            raise Bad(f"each of `offers` has a `profile` of its own: {', '.join(CONTAINERS)}")
        container = each.get("container", CONTAINERS[profile][0])
        if container not in CONTAINERS[profile]:
            raise Bad(f"the `container` of {profile} is one of {', '.join(CONTAINERS[profile])}")
        seen.add(profile)
        yield Offer(profile, container)


async def json_of(request: Request) -> dict[str, Any]:
    """Return a request's body.

    Raises:
        Bad: It is no JSON object, or too long.
    """
    try:
        said = json.loads(await limited(request, BODY_MAX))
    except (ValueError, TooLong):
        raise Bad(f"the body is a JSON object of {BODY_MAX} bytes at most") from None
    if not isinstance(said, dict):
        raise Bad("the body is a JSON object")
    return said


def _metadata(request: Request) -> dict[str, str]:
    found = {}
    for each in request.headers.get("upload-metadata", "").split(","):
        name, _, value = each.strip().partition(" ")
        try:
            found[name] = base64.b64decode(value, validate=True).decode()
        except ValueError:
            raise Bad("Upload-Metadata has names with values in Base64") from None
    return found
