"""Makes what is offered of a source in one profile: segments, then what tells players of them. What is there already is not made again."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import product
from typing import Protocol

from .cell.client import Cell
from .video import playlists
from .video.offer import Wanted

RUN = 8
"""Segments in a row that a cell makes before it takes others: going elsewhere costs it a segment's reading."""


@dataclass(frozen=True)
class Stored:
    """What a store has at a path: bytes, and their SHA-256 (hex)."""

    length: int
    sha256: str


class Store(Protocol):
    """Where an asset's objects go. An object is there as a whole or not at all."""

    def find(self, path: str) -> Stored | None:
        """Return what is at a path, or None."""

    def put(self, path: str, data: bytes | memoryview, sha256: str) -> None:
        """Put an object; the store has to refuse what has another SHA-256."""


class Stopped(Exception):
    """It was to stop. What is there stays."""


def package(
    cells: Sequence[Cell],
    wanted: Wanted,
    store: Store,
    told: Callable[[], None] = lambda: None,
    stopped: Callable[[], bool] = lambda: False,
) -> dict[str, str]:
    """Make all that is wanted and not there; return the SHA-256 (hex) of every object by its path.

    Args:
        cells: Work side by side, each at some segments in a row; each has the source.
        wanted: What.
        store: Where it goes; several threads use it.
        told: Is called for each segment that is there.
        stopped: Whether to stop before the next segment.

    Raises:
        Refused: The source turned out to be damaged.
        Failed: A cell failed.
        Stopped: It was to stop.
    """
    found: dict[str, str] = {}
    for cell in cells:
        cell.follow(wanted.plan)
    if wanted.offer.container == "fmp4":
        for one in wanted.plan.renditions:
            head = cells[0].head(one.name, wanted)
            found |= _put(store, f"{one.name}/{playlists.HEAD}", head)
    segments = _segments(cells, wanted, store, told, stopped)
    sizes: dict[str, list[int]] = {one.name: [] for one in wanted.plan.renditions}
    for rendition, number in sorted(segments):
        stored = segments[rendition, number]
        found[f"{rendition}/{wanted.segment(number)}"] = stored.sha256
        sizes[rendition].append(stored.length)
    for path, text in playlists.all_of(playlists.Made(wanted, sizes)):
        found |= _put(store, path, text.encode())
    return found


def _segments(
    cells: Sequence[Cell], wanted: Wanted, store: Store, told: Callable[[], None], stopped: Callable[[], bool]
) -> dict[tuple[str, int], Stored]:
    """Make the segments of all renditions; return what is there of each, by rendition and number."""
    count = wanted.plan.segments
    runs = iter([range(first, min(first + RUN, count)) for first in range(0, count, RUN)])
    there: dict[tuple[str, int], Stored] = {}
    failed = threading.Event()

    def work(cell: Cell) -> None:
        try:
            while run := next(runs, None):
                for number, one in product(run, wanted.plan.renditions):
                    if stopped() or failed.is_set():
                        raise Stopped
                    path = f"{one.name}/{wanted.segment(number)}"
                    there[one.name, number] = store.find(path) or _make(cell, wanted, store, one.name, number, path)
                    told()
        except BaseException:
            failed.set()
            raise

    with ThreadPoolExecutor(len(cells), "cell") as pool:
        ended = [each.exception() for each in [pool.submit(work, cell) for cell in cells]]
    errors = [error for error in ended if error is not None]
    if errors:
        raise next((error for error in errors if not isinstance(error, Stopped)), errors[0])
    return there


def _make(cell: Cell, wanted: Wanted, store: Store, rendition: str, number: int, path: str) -> Stored:
    made = cell.make(rendition, number, wanted)
    store.put(path, made.data, made.sha256.hex())
    return Stored(len(made.data), made.sha256.hex())


def _put(store: Store, path: str, data: bytes) -> dict[str, str]:
    sha256 = hashlib.sha256(data).hexdigest()
    stored = store.find(path)
    if stored is None or stored.sha256 != sha256:
        store.put(path, data, sha256)
    return {path: sha256}
