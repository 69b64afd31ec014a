"""Boxes of ISO base media files (ISO/IEC 14496-12, 4.2), as far as encrypting samples needs them. Pure."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

Bytes = bytes | bytearray | memoryview


class Malformed(Exception):
    """These are no boxes, or not those that must be there."""


@dataclass(frozen=True)
class Box:
    """A box where it lies.

    Attributes:
        kind: Its four characters.
        begin: Where its header begins.
        body: Where what it holds begins.
        end: Behind it.
    """

    kind: bytes
    begin: int
    body: int
    end: int


def boxes(data: Bytes, begin: int = 0, end: int | None = None) -> Iterator[Box]:
    """Yield the boxes between two places, one after the other.

    Raises:
        Malformed: One does not end where it may.
    """
    end = len(data) if end is None else end
    while begin < end:
        if end - begin < 8:
            raise Malformed(f"{end - begin} bytes are left at {begin}, and no box is as short")
        size, kind = struct.unpack_from(">I4s", data, begin)
        body = begin + 8
        if size == 1:
            if end - begin < 16:
                raise Malformed(f"the box {kind!r} at {begin} ends within its header")
            (size,) = struct.unpack_from(">Q", data, body)
            body += 8
        if not body - begin <= size <= end - begin:
            raise Malformed(f"the box {kind!r} at {begin} says that it has {size} bytes, of {end - begin}")
        yield Box(kind, begin, body, begin + size)
        begin += size


def find(data: Bytes, *path: bytes, within: Box | None = None) -> Box:
    """Return the first box at a path, such as `moof`, `traf`, `trun`.

    Raises:
        Malformed: It is not there.
    """
    begin, end = (within.body, within.end) if within else (0, len(data))
    found: Box | None = None
    for kind in path:
        found = next((box for box in boxes(data, begin, end) if box.kind == kind), None)
        if found is None:
            raise Malformed(f"there is no box {b'/'.join(path).decode('latin-1')}")
        begin, end = found.body, found.end
    if found is None:
        raise ValueError("a path has a box at least")
    return found


def box(kind: bytes, *parts: Bytes) -> bytes:
    """Return a box that holds these parts."""
    body = b"".join(parts)
    return struct.pack(">I4s", 8 + len(body), kind) + body


def full(kind: bytes, version: int, flags: int, *parts: Bytes) -> bytes:
    """Return a box with a version and flags."""
    return box(kind, struct.pack(">I", version << 24 | flags), *parts)


def grow(data: bytearray, path: tuple[bytes, ...], by: int) -> None:
    """Tell each box at a path that it holds so many bytes more; it must have a size of 32 bits."""
    for depth in range(len(path)):
        at = find(data, *path[: depth + 1]).begin
        (size,) = struct.unpack_from(">I", data, at)
        struct.pack_into(">I", data, at, size + by)
