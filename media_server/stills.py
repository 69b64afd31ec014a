"""Makes the pictures that are shown before and beside a video: a poster and a storyboard. What is there already is not made again."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

from .cell.client import Cell
from .keys import Keys
from .package import Stopped, Store, Stored
from .video import storyboard
from .video.plan import Facts
from .where import PICTURES


def make(cell: Cell, facts: Facts, keys: Keys, store: Store, stopped: Callable[[], bool] = lambda: False) -> dict[str, str]:
    """Make what is not there; return the SHA-256 (hex) of every object by its path, which begins with `pictures/`.

    The storyboard's track is put first: it tells how the rest was planned. If it is another one, a worker of another release has begun, and
    all is made anew.

    Args:
        cell: Has the source, and has nothing else open: what pictures and segments take at once might be too much for it.
        facts: What was found in the source.
        keys: The asset's.
        store: Where it goes.
        stopped: Whether to stop before the next picture.

    Raises:
        Refused: The source turned out to be damaged.
        Failed: The cell failed.
        Stopped: It was to stop.
    """
    track = storyboard.track(facts).encode()
    path, sha256 = f"{PICTURES}{storyboard.TRACK}", hashlib.sha256(track).hexdigest()
    there = store.find(path)
    goes_on = there is not None and there.sha256 == sha256
    if not goes_on:
        store.put(path, track, sha256)
    found = {path: sha256}
    for still in storyboard.stills(facts):
        if stopped():
            raise Stopped
        path = f"{PICTURES}{still.name}"
        stored = (store.find(path) if goes_on else None) or _made(cell, still, keys, store, path)
        found[path] = stored.sha256
    return found


def _made(cell: Cell, still: storyboard.Still, keys: Keys, store: Store, path: str) -> Stored:
    made = cell.still(still, keys.picture(still.name))
    store.put(path, made.data, made.sha256.hex())
    return Stored(len(made.data), made.sha256.hex())
