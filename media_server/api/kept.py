"""What a server keeps of what it gives out: so many bytes in memory, so many in a directory, whatever is asked for."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import logging
import re
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Coroutine, Hashable, Iterator
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import Any, Generic, TypeVar

log = logging.getLogger(__name__)

V = TypeVar("V")

PIECE = 128 << 10
"""Bytes that are read and sent at once. On its way to a viewer who reads nothing is a MiB (measured), whatever he asked for."""

ENTRY = 4096
"""Bytes that anything takes at least: of a file system, and of what is known of it."""

RESTING_SECONDS = 10.0
"""A file that somebody was sent to so lately is not taken away: the server may not have opened it yet."""


class Full(Exception):
    """So much is being read and sent that there is no room for more."""


class Room:
    """Bounds the bytes of all bodies that are in memory.

    Who sends a body holds it until its last byte has left, which may take a slow viewer minutes, and it may long be kept no more; so each
    counts for as long as anybody has it.

    Args:
        most: Bytes.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._taken = 0
        self._lock = threading.Lock()
        self._left: SimpleQueue[int] = SimpleQueue()  # the one that may be put to where an object ends

    def body(self, length: int, read: Callable[[int], bytes]) -> Body:
        """Read a body that has so many bytes.

        Args:
            length: Bytes.
            read: Returns so many of them, or all that are left.

        Raises:
            Full: There is no room for it; it is not read.
        """
        self._take(length)
        try:
            return Body([read(PIECE) for _ in range(0, length, PIECE)], length, self._left)
        except BaseException:
            self._left.put(length)
            raise

    def _take(self, length: int) -> None:
        with self._lock:
            while not self._left.empty():
                self._taken -= self._left.get()
            if self._taken + length > self._most:
                raise Full
            self._taken += length


class Body:
    """Bytes in pieces, which leave their room when nobody has them any more.

    Args:
        pieces: All of `PIECE` bytes but the last.
        length: Bytes, altogether.
        left: Where it says that it has left.
    """

    def __init__(self, pieces: list[bytes], length: int, left: SimpleQueue[int]) -> None:
        self.length = length
        self._pieces = pieces
        self._left = left

    def __del__(self) -> None:
        """Leave."""
        self._left.put(self.length)

    def pieces(self, where: slice) -> Iterator[bytes]:
        """Yield some of its bytes."""
        for number in range(where.start // PIECE, -(-where.stop // PIECE)):
            begin = number * PIECE
            yield self._pieces[number][max(0, where.start - begin) : where.stop - begin]  # a whole one is not copied

    @property
    def sha256(self) -> str:
        """Their SHA-256 (hex)."""
        hashed = hashlib.sha256()
        for piece in self._pieces:
            hashed.update(piece)
        return hashed.hexdigest()


class Lately(Generic[V]):
    """Values that were asked for lately, as far as they go into so many bytes. One thread uses it.

    Args:
        most: Bytes.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._bytes = 0
        self._kept: OrderedDict[Hashable, tuple[V, int]] = OrderedDict()

    def get(self, name: Hashable) -> V | None:
        """Return a value, or None."""
        found = self._kept.get(name)
        if found is None:
            return None
        self._kept.move_to_end(name)
        return found[0]

    def put(self, name: Hashable, value: V, size: int) -> None:
        """Keep a value of so many bytes, in the place of those that were not asked for for longest."""
        size += ENTRY
        if size > self._most:
            return
        if name in self._kept:
            self._bytes -= self._kept.pop(name)[1]
        while self._bytes + size > self._most:
            self._bytes -= self._kept.popitem(last=False)[1][1]
        self._kept[name] = value, size
        self._bytes += size


class Once(Generic[V]):
    """Does the same thing once for all who ask for it at the same time."""

    def __init__(self) -> None:
        self._doing: dict[Hashable, asyncio.Task[V]] = {}

    async def __call__(self, name: Hashable, do: Callable[[], Coroutine[Any, Any, V]]) -> V:
        """Return what it gives; who goes away leaves it to the others."""
        doing = self._doing.get(name)
        if doing is None:
            doing = self._doing[name] = asyncio.create_task(do())
            doing.add_done_callback(lambda _: self._doing.pop(name))
        return await asyncio.shield(doing)


@dataclass(frozen=True)
class File:
    """A file that is whole."""

    path: Path
    length: int

    def pieces(self, where: slice) -> Iterator[bytes]:
        """Yield some of its bytes."""
        with self.path.open("rb") as file:
            file.seek(where.start)
            for at in range(where.start, where.stop, PIECE):
                yield file.read(min(PIECE, where.stop - at))


class Directory:
    """Objects in files that are called by their SHA-256. Threads share it; none puts what another is putting.

    What an earlier run left is taken away: whether it is whole would take as long to find out as it takes to fetch it.

    Args:
        top: The directory; it is made.
        most: Bytes.
        clock: Seconds, for tests.
    """

    def __init__(self, top: Path, most: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._top, self._most, self._clock = top, most, clock
        self._lock = threading.Lock()
        self._bytes = 0
        self._kept: OrderedDict[str, tuple[File, float]] = OrderedDict()
        top.mkdir(parents=True, exist_ok=True)
        for each in top.iterdir():
            if _OWN.fullmatch(each.name):
                each.unlink(missing_ok=True)

    def find(self, sha256: str) -> File | None:
        """Return an object's file, or None."""
        with self._lock:
            file, _ = self._kept.pop(sha256, (None, 0.0))
            if file is None:
                return None
            with contextlib.suppress(OSError):
                if file.path.stat().st_size == file.length:
                    self._kept[sha256] = file, self._clock()
                    return file
            self._bytes -= _taken(file.length)  # somebody else took it away
            return None

    def put(self, sha256: str, body: Body) -> None:
        """Keep an object, if there is room for it beside those that are just being sent."""
        size = _taken(body.length)
        if not self._make_room(size):
            return
        file = File(self._top / sha256, body.length)
        begun = self._top / f"{_BEGUN}{sha256}"
        try:
            with begun.open("wb") as out:
                out.writelines(body.pieces(slice(0, body.length)))
            begun.replace(file.path)
        except OSError as error:
            log.warning("%s takes no more: %s", self._top, error)
            begun.unlink(missing_ok=True)
            with self._lock:
                self._bytes -= size
            return
        with self._lock:
            self._kept[sha256] = file, self._clock()

    def _make_room(self, size: int) -> bool:
        """Take so many bytes, if they can be had; return whether they could."""
        with self._lock:
            while self._kept and size <= self._most < self._bytes + size:
                name, (file, used) = next(iter(self._kept.items()))
                if used + RESTING_SECONDS > self._clock():
                    break
                del self._kept[name]
                self._bytes -= _taken(file.length)
                file.path.unlink(missing_ok=True)
            if self._bytes + size > self._most:
                return False
            self._bytes += size
            return True


_BEGUN = "begun-"
_OWN = re.compile(rf"[0-9a-f]{{64}}|{_BEGUN}.*")


def _taken(length: int) -> int:
    return -(-length // ENTRY) * ENTRY + ENTRY
