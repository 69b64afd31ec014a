"""Captions: what tenants put beside their assets, and what viewers are given of it. The asset's record tells what there is.

Each text that is put is an object of its own, which the record names. So what is read is always one that was written whole, whoever else
writes, and a server may keep it under its name.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

from starlette.concurrency import run_in_threadpool

from ..assets import Asset, Assets, Missing, captions_of, now
from ..captions.track import LANGUAGES_MAX, Track, new_name, opened, seal
from ..captions.webvtt import cues, written
from ..wrap import Wrapper
from .kept import ENTRY, Lately, Once
from .ring import KEPT_MAX, Opened, Ring, Unavailable
from .uploads import Conflict

LOOK_SECONDS = 2.0
"""What was put or taken away is known everywhere in its region after so long."""

KEPT = 16 << 20
"""Bytes of texts that are kept, sealed: a class that begins together asks for the same one."""


@dataclass(frozen=True)
class Captions:
    """What changes them takes.

    Attributes:
        assets: Records.
        wrapper: Opens roots.
        delete: Deletes all below a prefix of the media bucket.
    """

    assets: Assets
    wrapper: Wrapper
    delete: Callable[[str], None]

    def put(self, asset: Asset, language: str, label: str, kind: str, data: bytes) -> tuple[Track, bool]:
        """Put captions beside an asset, in the place of those that it has in this language.

        Args:
            asset: Which.
            language, label, kind: See `Track`.
            data: WebVTT.

        Returns:
            What is there now, and whether it took the place of another.

        Raises:
            Wrong: It is no WebVTT that is taken.
            Conflict: It has captions in as many languages as there may be.
            Missing: The asset was deleted meanwhile.
        """
        found = cues(data)
        track = Track(language, label, kind, len(found), new_name(), now())
        keys = self.wrapper.open(asset.tenant, uuid.UUID(asset.id), asset.root)
        self.assets.keep_captions(asset, track, seal(keys.captions, track, written(found)))
        try:
            before = self._change(asset, language, track)
        except BaseException:
            self._take(asset, track)
            raise
        return track, before is not None

    def remove(self, asset: Asset, language: str) -> bool:
        """Take captions away; return whether there were any.

        Raises:
            Missing: The asset was deleted meanwhile.
        """
        return self._change(asset, language, None) is not None

    def _change(self, asset: Asset, language: str, track: Track | None) -> Track | None:
        """Have the record name these and no others in a language; take those away that were there, and return them."""
        before: Track | None = None

        def change(found: Asset) -> Asset:
            nonlocal before
            before = next((each for each in found.captions if each.language == language), None)
            others = [each for each in found.captions if each.language != language]
            if track is not None and len(others) == LANGUAGES_MAX:
                raise Conflict(f"the asset has captions in {LANGUAGES_MAX} languages, which are as many as it may have")
            return replace(found, captions=tuple(sorted([*others, *([track] if track else [])], key=lambda each: each.language)))

        self.assets.change(asset.tenant, asset.id, change)
        if before is not None:
            self._take(asset, before)
        return before

    def _take(self, asset: Asset, track: Track) -> None:
        self.delete(f"{captions_of(asset)}{track.path}")


class Shown:
    """What viewers are given. One thread uses it.

    Args:
        ring: Where it is read.
        clock: Seconds, for tests.
    """

    def __init__(self, ring: Ring, clock: Callable[[], float] = time.monotonic) -> None:
        self._ring = ring
        self._clock = clock
        self._tracks: Lately[tuple[float, tuple[Track, ...]]] = Lately(KEPT_MAX * ENTRY)
        self._looked: Once[tuple[Track, ...]] = Once()
        self._texts: Lately[bytes] = Lately(KEPT)
        self._fetched: Once[bytes] = Once()

    async def tracks(self, asset: Opened, anew: bool = False) -> tuple[Track, ...]:
        """Return what captions an asset has, as it was `LOOK_SECONDS` ago at most; an asset that is kept may be older."""
        until, found = self._tracks.get(asset.asset.path) or (0.0, ())
        return found if until > self._clock() and not anew else await self._looked(asset.asset.path, partial(self._look, asset))

    async def text(self, asset: Opened, language: str) -> bytes:
        """Return the captions in a language: WebVTT.

        Raises:
            Missing: There are none.
            Unavailable: No region answers.
        """
        for anew in (False, True):
            track = next((each for each in await self.tracks(asset, anew) if each.language == language), None)
            if track is None:
                break
            try:
                sealed = await self._sealed(asset, track)
            except Missing:
                continue  # others have taken their place
            return opened(asset.keys.captions, track, sealed)
        raise Missing(language)

    async def _look(self, asset: Opened) -> tuple[Track, ...]:
        try:
            found = (await run_in_threadpool(self._ring.record, asset)).captions
        except Missing:
            found = ()
        except Unavailable:
            found = asset.asset.captions
        self._tracks.put(asset.asset.path, (self._clock() + LOOK_SECONDS, found), 0)
        return found

    async def _sealed(self, asset: Opened, track: Track) -> bytes:
        name = f"{asset.asset.path}/{track.path}"
        kept = self._texts.get(name)
        if kept is not None:
            return kept

        async def fetch() -> bytes:
            found = await run_in_threadpool(self._ring.captions, asset, track)
            self._texts.put(name, found, len(found))
            return found

        return await self._fetched(name, fetch)
