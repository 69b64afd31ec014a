"""Assets and their keys, as the API has them at hand: read and opened once, forgotten after a while. Either region will do."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import cached_property
from typing import TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from .. import manifest
from ..assets import READY, Asset, Assets, Missing
from ..captions.track import Track
from ..captions.track import opened as opened_by
from ..cell import coding
from ..keys import Keys, Place
from ..records import Damaged
from ..video.offer import CBCS
from ..video.plan import Plan
from ..where import objects_of
from ..wrap import Locked, Wrapper
from .kept import Body, Room

T = TypeVar("T")

KEPT_SECONDS = 300
"""An asset that was deleted, or whose key was withdrawn, plays on for as long at most."""

MISSING_SECONDS = 5
KEPT_MAX = 4096
SHUNNED_SECONDS = 15
"""A region that did not answer is asked last for so long."""


class Unavailable(Exception):
    """No region answers."""


@dataclass
class Opened:
    """An asset that can be played.

    Attributes:
        asset: Its record.
        keys: Its keys.
        plan: What was made of it.
        contents: Keys that were asked for, by place.
    """

    asset: Asset
    keys: Keys
    plan: Plan
    contents: dict[Place, bytes] = field(default_factory=dict)

    def content(self, place: Place) -> bytes | None:
        """Return the key of a place, or None if there is no such place."""
        found = self.contents.get(place)
        if found is None and self._has(place):
            found = self.contents[place] = self.keys.content(place)
        return found

    @cached_property
    def key_ids(self) -> dict[uuid.UUID, Place]:
        """The places of `cbcs`, by the ids of their keys."""
        names, periods = self._made(CBCS)
        places = [Place(CBCS, name, period) for name in names for period in periods]
        return {self.keys.key_id(place): place for place in places}

    def _has(self, place: Place) -> bool:
        names, periods = self._made(place.profile)
        return place.rendition in names and place.period in periods

    def _made(self, profile: str) -> tuple[list[str], range]:
        """Return the renditions of a profile, and its periods; none of either, if it is not offered."""
        for offer in self.asset.offers:
            if offer.profile == profile:
                return [one.name for one in offer.renditions(self.plan)], range(self.plan.periods)
        return [], range(0)


@dataclass(frozen=True)
class Region:
    """Where assets are read, and roots opened."""

    name: str
    assets: Assets
    wrapper: Wrapper

    def opened(self, tenant: str, asset: str) -> Opened | None:
        """Return an asset, or None if it can't be played.

        Raises:
            Missing: It is not there.
            Locked: KMS does not open its root.
        """
        found = self.assets.get(tenant, asset)
        if found.state != READY:
            return None
        keys = self.wrapper.open(tenant, uuid.UUID(found.id), found.root)
        return Opened(found, keys, coding.plan(found.plan))


class Ring:
    """What was opened. Threads share it; who asks for what is being opened waits for that.

    Args:
        regions: The own one first.
        clock: Seconds, for tests.
    """

    def __init__(self, regions: Sequence[Region], clock: Callable[[], float] = time.monotonic) -> None:
        self._regions = list(regions)
        self._clock = clock
        self._lock = threading.Lock()
        self._kept: dict[tuple[str, str], tuple[float, Opened | None]] = {}
        self._opening: dict[tuple[str, str], Future[Opened | None]] = {}
        self._shunned: dict[str, float] = {}

    def at_hand(self, tenant: str, asset: str) -> Opened | None:
        """Return an asset that was opened lately, without asking anybody; None: it has to be asked for."""
        kept = self._kept.get((tenant, asset))
        return kept[1] if kept and kept[0] > self._clock() else None

    def get(self, tenant: str, asset: str) -> Opened:
        """Return an asset that can be played.

        Raises:
            Missing: There is none, or it can't be played.
            Unavailable: No region answers.
        """
        name = tenant, asset
        with self._lock:
            until, kept = self._kept.get(name, (0.0, None))
            if until > self._clock():
                if kept is None:
                    raise Missing(asset)
                return kept
            waiting = self._opening.get(name)
            opening = waiting or self._opening.setdefault(name, Future())
        if waiting is None:
            self._open(name, opening)
        found = opening.result()
        if found is None:
            raise Missing(asset)
        return found

    def forget(self, tenant: str, asset: str) -> None:
        """Forget an asset: it was changed here."""
        with self._lock:
            self._kept.pop((tenant, asset), None)

    def manifest(self, opened: Opened) -> manifest.Manifest:
        """Return an asset's manifest, verified.

        Raises:
            Missing: There is none.
            Forged: It is not what was signed.
            Unavailable: No region answers.
        """
        data = self._asked(lambda region: region.assets.manifest(opened.asset))
        return manifest.verified(data, opened.asset.id, opened.keys.manifest)

    def record(self, opened: Opened) -> Asset:
        """Return an asset's record as it is now.

        Raises:
            Missing: There is none any more.
            Unavailable: No region answers.
        """
        return self._asked(lambda region: region.assets.get(opened.asset.tenant, opened.asset.id))

    def captions(self, opened: Opened, track: Track) -> bytes:
        """Return captions as they are kept: sealed, and such as open.

        Raises:
            Missing: They are not there.
            Unavailable: No region answers, or none has what was sealed.
        """

        def ask(region: Region) -> bytes:
            sealed = region.assets.captions(opened.asset, track)
            opened_by(opened.keys.captions, track, sealed)
            return sealed

        return self._asked(ask)

    def object(self, opened: Opened, path: str, sha256: str, room: Room) -> Body:
        """Return what is at a path below an asset's, as its manifest has it.

        Raises:
            Missing: It is not there.
            Unavailable: No region answers, or none has what the manifest tells.
            Full: There is no room for it.
        """
        asset, key = opened.asset, f"{objects_of(opened.asset)}{path}"

        def ask(region: Region) -> Body:
            body = room.body(*region.assets.made(asset, key))
            if body.sha256 != sha256:
                self.forget(asset.tenant, asset.id)  # if it was made anew, its manifest is another
                raise manifest.Forged(f"{key} is not what the manifest tells")
            return body

        return self._asked(ask)

    def _open(self, name: tuple[str, str], opening: Future[Opened | None]) -> None:
        try:
            found = self._found(*name)
        except BaseException as error:
            with self._lock:
                del self._opening[name]
            opening.set_exception(error)
            return
        with self._lock:
            del self._opening[name]
            while len(self._kept) >= KEPT_MAX:
                del self._kept[next(iter(self._kept))]
            self._kept[name] = self._clock() + (KEPT_SECONDS if found else MISSING_SECONDS), found
        opening.set_result(found)

    def _found(self, tenant: str, asset: str) -> Opened | None:
        try:
            return self._asked(lambda region: region.opened(tenant, asset))
        except Missing:
            return None

    def _asked(self, ask: Callable[[Region], T]) -> T:
        """Return what the first region answers that has it. One that does not answer is asked last for a while.

        Raises:
            Missing: All answer, and none has it.
            Unavailable: One does not answer that might have it, or has something else.
        """
        now, missing, reasons = self._clock(), None, []
        for region in sorted(self._regions, key=lambda one: self._shunned.get(one.name, 0.0) > now):
            try:
                return ask(region)
            except Missing as error:
                missing = error
            except (Locked, manifest.Forged, Damaged) as error:
                reasons.append(f"{region.name}: {error}")
            except (BotoCoreError, ClientError) as error:
                self._shunned[region.name] = now + SHUNNED_SECONDS
                reasons.append(f"{region.name}: {type(error).__name__}")
        if missing is not None and not reasons:
            raise missing
        raise Unavailable("; ".join(reasons))
