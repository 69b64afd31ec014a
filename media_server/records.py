"""How an upload lies in its bucket: in records that are encrypted one by one, so that any range can be read by itself.

A part of the upload is `salt (16) | record | record | …`; a record is 64 KiB of the file, encrypted by AES-256-GCM, and its tag (16).
All parts but the last hold as much. A part's key is derived from the upload's with the salt, which is new each time a part is sent: what
is sent again, with whatever bytes, meets no nonce that was used before. A record knows its part and its place in it, so
one that was moved, cut or changed does not open. The length of the whole is not known here: the asset's record has it.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

RECORD = 64 << 10
"""Bytes of the file in a record."""

TAG = 16
SALT = 16
RECORDS = 128
"""Records of a part."""

PART = RECORD * RECORDS
"""Bytes of the file in a part: 8 MiB. S3 takes parts from 5 MiB, and 10,000 of them: files of 83 GB."""

RUN = 16
"""Records that are fetched at once."""

LENGTH_MAX = PART * 10_000


class Damaged(Exception):
    """Something does not hold what was written: it was cut, moved or changed."""


@dataclass(frozen=True)
class Range:
    """Bytes of an upload's object, from `begin` to before `end`."""

    begin: int
    end: int


def sealed_length(length: int) -> int:
    """Return how many bytes a file of `length` bytes takes up as an upload."""
    whole, rest = divmod(length, PART)
    return whole * _sealed(PART) + (_sealed(rest) if rest else 0)


def part_of(number: int, length: int) -> Range:
    """Return where a part lies in the upload of a file of `length` bytes; parts count from 0."""
    return Range(number * _sealed(PART), min((number + 1) * _sealed(PART), sealed_length(length)))


def parts(length: int) -> int:
    """Return how many parts a file of `length` bytes is."""
    return -(-length // PART)


class Sealer:
    """Encrypts one part as its bytes come.

    Args:
        key: The upload's (32 bytes; keys.py).
        number: The part's, from 0.
    """

    def __init__(self, key: bytes, number: int) -> None:
        self._salt = os.urandom(SALT)
        self._cipher = AESGCM(_part_key(key, self._salt))
        self._number = number
        self._record = 0
        self._pending = bytearray()
        self._begun = False

    def feed(self, clear: bytes) -> bytes:
        """Return what can be sent after these bytes of the file."""
        self._pending += clear
        out = bytearray()
        while len(self._pending) >= RECORD:
            out += self._seal(self._pending[:RECORD])
            del self._pending[:RECORD]
        return bytes(out)

    def end(self) -> bytes:
        """Return what is left to send: the last record is as long as it is."""
        return self._seal(self._pending) if self._pending else b""

    def _seal(self, clear: bytes | bytearray) -> bytes:
        begin = b"" if self._begun else self._salt
        self._begun = True
        sealed = self._cipher.encrypt(_nonce(self._record), bytes(clear), _place(self._number, self._record))
        self._record += 1
        return begin + sealed


class Opener:
    """Decrypts records of one part.

    Args:
        key: The upload's (32 bytes).
        number: The part's, from 0.
        salt: Its first bytes.
    """

    def __init__(self, key: bytes, number: int, salt: bytes) -> None:
        self._cipher = AESGCM(_part_key(key, salt))
        self._number = number

    def open(self, record: int, sealed: bytes | memoryview) -> bytes:
        """Return a record in the clear; records of a part count from 0.

        Raises:
            Damaged: It is not what was sealed there.
        """
        try:
            return self._cipher.decrypt(_nonce(record), sealed, _place(self._number, record))
        except (InvalidTag, ValueError):
            raise Damaged(f"record {record} of part {self._number} of the upload does not hold what was written") from None


class Reader:
    """An upload as a file that can be read anywhere, in the clear.

    Args:
        key: The upload's (32 bytes).
        length: Bytes of the file.
        fetch: Returns a range of the upload's object.

    Raises:
        Damaged: When it is read, and does not hold what was written.
    """

    def __init__(self, key: bytes, length: int, fetch: Callable[[Range], bytes]) -> None:
        self._key = key
        self._length = length
        self._fetch = fetch
        self._at = 0
        self._part: tuple[int, Opener] | None = None
        self._run: tuple[int, list[bytes]] = (0, [])

    def read(self, size: int) -> bytes:
        """Return at most `size` bytes from where it is; none at its end. As many as are at hand are enough."""
        size = min(size, self._length - self._at)
        if size <= 0:
            return b""
        number, within = divmod(self._at, RECORD)
        found = self._record(number)[within : within + size]
        self._at += len(found)
        return found

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go to a place, and return it."""
        self._at = max(0, offset + {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._length}[whence])
        return self._at

    def tell(self) -> int:
        """Return the place."""
        return self._at

    def _record(self, number: int) -> bytes:
        """Return a record by its number in the file. Those that follow are fetched with it, as far as they are in its part."""
        first, run = self._run
        if not first <= number < first + len(run):
            part, within = divmod(number, RECORDS)
            last = min(within + RUN, RECORDS, -(-(self._length - part * PART) // RECORD))
            begin = part_of(part, self._length).begin
            if self._part is None or self._part[0] != part:
                self._part = part, Opener(self._key, part, self._exactly(Range(begin, begin + SALT)))
            ends = min(begin + SALT + last * (RECORD + TAG), part_of(part, self._length).end)
            sealed = memoryview(self._exactly(Range(begin + SALT + within * (RECORD + TAG), ends)))
            pieces = [sealed[at : at + RECORD + TAG] for at in range(0, len(sealed), RECORD + TAG)]
            first, run = self._run = number, [self._part[1].open(within + place, piece) for place, piece in enumerate(pieces)]
        return run[number - first]

    def _exactly(self, where: Range) -> bytes:
        found = self._fetch(where)
        if len(found) != where.end - where.begin:
            raise Damaged(f"the upload ends at byte {where.begin + len(found)} of {sealed_length(self._length)}")
        return found


def _sealed(length: int) -> int:
    return SALT + length + TAG * -(-length // RECORD)


def _part_key(key: bytes, salt: bytes) -> bytes:
    return HKDF(hashes.SHA256(), 32, salt, b"kc-media/1 part").derive(key)


def _nonce(record: int) -> bytes:
    return record.to_bytes(12)


def _place(number: int, record: int) -> bytes:
    return number.to_bytes(4) + record.to_bytes(4)
