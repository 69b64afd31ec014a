"""Makes what is offered of a source: segments, then what tells players of them. What is there already is not made again."""

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
    wanted: Sequence[Wanted],
    store: Store,
    told: Callable[[], None] = lambda: None,
    stopped: Callable[[], bool] = lambda: False,
) -> dict[str, str]:
    """Make all that is wanted and not there; return the SHA-256 (hex) of every object by its path, which begins with its profile.

    Args:
        cells: Work side by side, each at some segments in a row; each has the source.
        wanted: What, by the same plan.
        store: Where it goes; several threads use it.
        told: Is called for each segment that is there.
        stopped: Whether to stop before the next segment.

    Raises:
        Refused: The source turned out to be damaged.
        Failed: A cell failed.
        Stopped: It was to stop.
    """
    for cell in cells:
        cell.follow(wanted[0].plan)
    made = _segments(cells, wanted, store, told, stopped)
    for each in wanted:
        paths = {one.name: [each.path(one.name, each.segment(number)) for number in range(each.plan.segments)] for one in each.renditions}
        sizes = {name: [made[path].length for path in of] for name, of in paths.items()}
        for path, text in playlists.all_of(playlists.Made(each, sizes)):
            made[each.path(path)] = _put(store, each.path(path), text.encode())
    return {path: stored.sha256 for path, stored in made.items()}


def _segments(
    cells: Sequence[Cell], wanted: Sequence[Wanted], store: Store, told: Callable[[], None], stopped: Callable[[], bool]
) -> dict[str, Stored]:
    """Make all segments, and what they begin with; return what is there of each, by its path.

    One number is made of all that is wanted before the next: what a cell has read and decoded for one is for all.
    """
    count = wanted[0].plan.segments
    offered = [(each, one) for each in wanted for one in each.renditions]
    runs = iter([range(first, min(first + RUN, count)) for first in range(0, count, RUN)])
    there: dict[str, Stored] = {}
    failed = threading.Event()

    def work(cell: Cell) -> None:
        try:
            while run := next(runs, None):
                for number, (each, one) in product(run, offered):
                    if stopped() or failed.is_set():
                        raise Stopped
                    if each.begins(number):
                        path = each.path(one.name, each.head(number))
                        there[path] = _put(store, path, cell.head(one.name, number, each))
                    path = each.path(one.name, each.segment(number))
                    there[path] = store.find(path) or _make(cell, each, store, one.name, number, path)
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


def _put(store: Store, path: str, data: bytes) -> Stored:
    made = Stored(len(data), hashlib.sha256(data).hexdigest())
    if store.find(path) != made:
        store.put(path, data, made.sha256)
    return made
