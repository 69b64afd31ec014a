"""The poster and the storyboard: sealed where they lie, and opened here for whom has a session of the asset, and for its tenant."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from ..assets import Missing
from ..manifest import Forged
from ..sealed import Damaged, unseal
from ..video.storyboard import POSTER, TRACK
from ..where import PICTURES
from .kept import Body, File
from .objects import Objects
from .ring import Opened
from .tenants import bearer
from .tokens import TENANT, Refused
from .viewers import Viewers, token_in

_TYPES = {"jpg": "image/jpeg", "vtt": "text/vtt"}
_HEADERS = {"cache-control": "private, no-store", "x-content-type-options": "nosniff"}
"""They are in the clear: nobody is to keep them."""


@dataclass(frozen=True)
class Pictures:
    """What giving out pictures takes: see there."""

    viewers: Viewers
    objects: Objects

    async def shown(self, request: Request) -> Response:
        """Answer a viewer for the poster, the storyboard's track, or a sprite. All that refuses is one answer."""
        named, given = request.path_params, token_in(dict(request.scope["headers"]))
        try:
            token = self.viewers.admitted(given, named["tenant"], named["asset"])
            return await self._given(await self.viewers.opened(token), named["name"])
        except (Refused, Missing, Forged, Damaged):
            return self.viewers.refused()

    async def poster(self, request: Request) -> Response:
        """Answer a tenant for the poster of an asset of its own."""
        token = self.viewers.tokens.read(TENANT, bearer(request))
        opened = await run_in_threadpool(self.viewers.ring.get, token.tenant, request.path_params["asset"])
        try:
            return await self._given(opened, POSTER)
        except (Forged, Damaged):
            raise Missing(opened.asset.id) from None

    async def _given(self, opened: Opened, name: str) -> Response:
        path = f"{PICTURES}{name}"
        sha256 = (await self.objects.manifest(opened)).objects.get(path)
        if sha256 is None:
            raise Missing(name)
        found = await self.objects.get(opened, path, sha256)
        key = None if name == TRACK else opened.keys.picture(name)
        clear = await self.objects.in_thread(lambda: _clear(found, key))
        return Response(clear, headers=_HEADERS, media_type=_TYPES[name.rpartition(".")[2]])


def _clear(found: Body | File, key: bytes | None) -> bytes:
    """Return what was found; what has a key is sealed.

    Raises:
        Damaged: It is not what was sealed.
    """
    data = b"".join(found.pieces(slice(0, found.length)))
    return data if key is None else unseal(key, data)
