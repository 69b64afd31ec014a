"""Where a multiplexer's bytes go: they are encrypted as they come, into memory that is given. Ciphertext is all that leaves a cell."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from ..keys import BLOCK
from . import boxes


class TooLarge(Exception):
    """A segment has more bytes than there is room for."""


@dataclass(frozen=True)
class Made:
    """What was made: its length in bytes, and its SHA-256."""

    length: int
    sha256: bytes


class Area:
    """Memory for one segment's bytes, filled from its beginning; what is in it is hashed as it comes.

    Args:
        memory: It; what is behind the segment stays as it is.
    """

    def __init__(self, memory: memoryview) -> None:
        self._memory = memory
        self._length = 0
        self._hash = hashlib.sha256()

    @property
    def free(self) -> memoryview:
        """What is free of it."""
        return self._memory[self._length :]

    def filled(self, count: int) -> None:
        """Take so many bytes of what was free as written."""
        begin, self._length = self._length, self._length + count
        self._hash.update(self._memory[begin : self._length])

    def put(self, data: bytes | bytearray | memoryview) -> None:
        """Write bytes.

        Raises:
            TooLarge: There is no room for them.
        """
        if len(data) > len(self.free):
            raise TooLarge(f"a segment has more than {len(self._memory)} bytes")
        self.free[: len(data)] = data
        self.filled(len(data))

    def made(self) -> Made:
        """Return what is in it."""
        return Made(self._length, self._hash.digest())


class Sink:
    """What a multiplexer writes to, as a file that can't be sought in."""

    def write(self, data: bytes) -> int:
        """Take bytes; return how many."""
        raise NotImplementedError


class Whole(Sink):
    """AES-128-CBC over a whole segment, with PKCS #7's padding (RFC 8216, 4.3.2.4).

    Args:
        area: Where it goes.
        key, iv: 16 bytes each.
    """

    def __init__(self, area: Area, key: bytes, iv: bytes) -> None:
        self._area = area
        self._cipher = Cipher(algorithms.AES(key), modes.CBC(iv)).encryptor()
        self._clear = 0

    def write(self, data: bytes | memoryview) -> int:
        """Encrypt bytes.

        Raises:
            TooLarge: There is no room for them.
        """
        free = self._area.free
        if len(free) < len(data) + 2 * BLOCK:
            raise TooLarge(f"a segment has more than {self._clear + len(free)} bytes")
        self._area.filled(self._cipher.update_into(data, free))
        self._clear += len(data)
        return len(data)

    def end(self) -> None:
        """Add the padding."""
        padding = BLOCK - self._clear % BLOCK
        self.write(bytes((padding,)) * padding)


class Clear(Sink):
    """Keeps bytes as they are, in memory of this process that is used again and again.

    Args:
        memory: It.
    """

    def __init__(self, memory: memoryview) -> None:
        self._memory = memory
        self._length = 0

    @property
    def data(self) -> memoryview:
        """What was written."""
        return self._memory[: self._length]

    def write(self, data: bytes) -> int:
        """Keep bytes.

        Raises:
            TooLarge: There is no room for them.
        """
        end = self._length + len(data)
        if end > len(self._memory):
            raise TooLarge(f"a segment has more than {len(self._memory)} bytes")
        self._memory[self._length : end] = data
        self._length = end
        return len(data)


class Headless(Sink):
    """Takes the initialization segment (`ftyp`, `moov`) off a fragmented MP4, and passes on what follows.

    Args:
        sink: Where that goes.
    """

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._pending = bytearray()
        self._begun = False
        self.head = b""

    def write(self, data: bytes) -> int:
        """Take bytes."""
        if self._begun:
            return self._sink.write(data)
        self._pending += data
        at = 0
        while len(self._pending) - at >= 8:
            size, kind = int.from_bytes(self._pending[at : at + 4]), bytes(self._pending[at + 4 : at + 8])
            if kind not in (b"ftyp", b"moov"):
                self._begun, self.head = True, bytes(self._pending[:at])
                self._sink.write(bytes(self._pending[at:]))
                break
            if size < 8:
                raise boxes.Malformed(f"the box {kind!r} says that it has {size} bytes")
            at += size
        return len(data)
