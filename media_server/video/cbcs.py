"""Encrypts the samples of CMAF by `cbcs` (ISO/IEC 23001-7, 10.4; HLS and CMAF ask for the same): pure, on whole fragments.

Of a video slice 1 block of 10 is encrypted, its header stays in the clear; what is no slice stays in the clear. Audio is
encrypted whole, but for what is left behind its last block. Each such range begins with the constant IV.
"""

from __future__ import annotations

import struct
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from ..keys import BLOCK
from . import boxes, h264, pssh

SCHEME = b"cbcs"
VERSION = 0x10000
PATTERN = (1, 9)
"""Blocks of a video's pattern: encrypted, and skipped."""

RANGES_MAX = 42
"""Of a sample: what is said of them has 255 bytes at most (`saiz`)."""

_STRIDE = sum(PATTERN) * BLOCK
_ENTRIES = (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stsd")
_VISUAL = 78
"""Bytes of a visual sample entry before its boxes (ISO/IEC 14496-12, 12.1.3)."""

_SAMPLE_ENTRIES = {b"avc1": b"encv", b"mp4a": b"enca"}
"""What a sample entry becomes (ISO/IEC 14496-12, 8.12)."""

_SIZE_GIVEN, _DATA_OFFSET, _FIRST_FLAGS = 0x200, 0x001, 0x004
_DURATION_GIVEN, _FLAGS_GIVEN, _TIME_GIVEN = 0x100, 0x400, 0x800
_DEFAULT_SIZE = 0x10


@dataclass(frozen=True)
class Content:
    """What a period's samples are encrypted with: key and constant IV (16 bytes each), and the key's id."""

    key: bytes
    iv: bytes
    key_id: uuid.UUID


class Encryptor:
    """Encrypts the fragments of one track, in place but for what they say of it.

    Args:
        configuration: Of its H.264 (`avcC`); None: it is audio.
        content: What with.

    Raises:
        h264.Unreadable: The configuration is not readable.
    """

    def __init__(self, configuration: bytes | None, content: Content) -> None:
        self._chain = _Chain(content)
        self._ranges: Callable[[memoryview], list[tuple[int, int]]] | None = None
        if configuration is not None:
            self._pictures = h264.parameters(configuration)
            self._length_size = h264.length_size(configuration)
            self._ranges = self._slices

    def fragments(self, data: memoryview) -> Iterator[bytes | memoryview]:
        """Encrypt a segment of `moof` and `mdat` pairs in place, and yield its pieces: what is said of samples is longer than it was.

        Raises:
            boxes.Malformed: It has other boxes.
            h264.Unreadable: A sample holds what is no H.264.
        """
        moof: boxes.Box | None = None
        for each in boxes.boxes(data):
            if each.kind == b"moof":
                moof = each
            elif each.kind == b"mdat" and moof is not None:
                yield self._encrypted(bytearray(data[moof.begin : moof.end]), data[each.begin : each.end])
                yield data[each.begin : each.end]
                moof = None
            else:
                raise boxes.Malformed(f"a segment has a box {each.kind!r} where none may be")

    def _encrypted(self, moof: bytearray, mdat: memoryview) -> bytes:
        """Encrypt the samples of a fragment; return its `moof` as it must be then."""
        traf = boxes.find(moof, b"moof", b"traf")
        run = boxes.find(moof, b"trun", within=traf)
        sizes = _sample_sizes(moof, boxes.find(moof, b"tfhd", within=traf), run)
        flags = int.from_bytes(moof[run.body + 1 : run.body + 4])
        if not flags & _DATA_OFFSET:
            raise boxes.Malformed("a run of samples does not say where they are")
        (offset,) = struct.unpack_from(">i", moof, run.body + 8)
        at = offset - len(moof)
        if at < 8 or at + sum(sizes) != len(mdat):
            raise boxes.Malformed("a fragment's samples are not all that its data holds")
        subsamples = []
        for size in sizes:
            subsamples.append(self._sample(mdat[at : at + size]))
            at += size
        extra = self._said(moof, traf, subsamples)
        struct.pack_into(">i", moof, run.body + 8, offset + len(extra))
        moof[traf.end : traf.end] = extra
        boxes.grow(moof, (b"moof", b"traf"), len(extra))
        return bytes(moof)

    def _sample(self, sample: memoryview) -> list[tuple[int, int]]:
        """Encrypt a sample in place; return its ranges as (bytes in the clear, bytes protected), of audio none: it is one."""
        if self._ranges is None:
            whole = len(sample) // BLOCK * BLOCK
            if whole:
                sample[:whole] = self._chain.begun_anew(bytes(sample[:whole]))
            return []
        ranges = self._ranges(sample)
        at = 0
        for clear, protected in ranges:
            at += clear
            self._pattern(sample[at : at + protected])
            at += protected
        return ranges

    def _pattern(self, data: memoryview) -> None:
        count = (len(data) + _STRIDE - BLOCK) // _STRIDE
        if not count:
            return
        # a copy that can be sliced with steps quickly; sixteen steps, one a byte of all blocks, instead of one a block
        pattern = bytearray(data[: (count - 1) * _STRIDE + BLOCK])
        blocks = bytearray(count * BLOCK)
        for byte in range(BLOCK):
            blocks[byte::BLOCK] = pattern[byte::_STRIDE]
        sealed = self._chain.begun_anew(bytes(blocks))
        for byte in range(BLOCK):
            pattern[byte::_STRIDE] = sealed[byte::BLOCK]
        data[: len(pattern)] = pattern

    def _slices(self, sample: memoryview) -> list[tuple[int, int]]:
        """Return the ranges of a sample of H.264: what stays clear before each slice's data, and that data."""
        ranges, at, clear, prefix = [], 0, 0, self._length_size
        while at < len(sample):
            length = int.from_bytes(sample[at : at + prefix])
            begin, at = at + prefix, at + prefix + length
            if not length or at > len(sample):
                raise h264.Unreadable("a sample's NAL units do not fill it")
            if sample[begin] & 31 in (h264.SLICE, h264.SLICE_IDR):
                header = min(h264.header_length(bytes(sample[begin : min(at, begin + h264.HEADER_MAX)]), self._pictures), length)
                clear += prefix + header
                ranges += _bounded(clear, length - header)
                clear = 0
            else:
                clear += prefix + length
        ranges += _bounded(clear, 0) if clear else []
        if len(ranges) > RANGES_MAX:
            raise h264.Unreadable(f"a picture has {len(ranges)} slices, and no more than {RANGES_MAX} can be told")
        return ranges

    def _said(self, moof: bytearray, traf: boxes.Box, subsamples: Sequence[list[tuple[int, int]]]) -> bytes:
        """Return the boxes that tell of a fragment's encryption: `senc`, `saiz`, `saio`. Audio needs none with a constant IV."""
        if self._ranges is None:
            return b""
        entries = [struct.pack(">H", len(ranges)) + b"".join(struct.pack(">HI", *each) for each in ranges) for ranges in subsamples]
        senc = boxes.full(b"senc", 0, 2, struct.pack(">I", len(entries)), *entries)
        saiz = boxes.full(b"saiz", 0, 0, struct.pack(">BI", 0, len(entries)), bytes(map(len, entries)))
        where = traf.end - boxes.find(moof, b"moof").begin + 16
        return senc + saiz + boxes.full(b"saio", 0, 0, struct.pack(">II", 1, where))


class _Chain:
    """AES-128-CBC that begins anew with the same IV for each range. One cipher does all: making one takes longer than a sample."""

    def __init__(self, content: Content) -> None:
        self._encryptor = Cipher(algorithms.AES(content.key), modes.CBC(content.iv)).encryptor()
        self._iv = int.from_bytes(content.iv)
        self._last = self._iv

    def begun_anew(self, clear: bytes) -> bytes:
        """Return whole blocks encrypted. The cipher adds the last block that it made to the first one: the IV takes its place."""
        if not clear:
            return b""
        first = int.from_bytes(clear[:BLOCK]) ^ self._iv ^ self._last
        sealed = self._encryptor.update(first.to_bytes(BLOCK) + clear[BLOCK:])
        self._last = int.from_bytes(sealed[-BLOCK:])
        return sealed


def configuration(head: bytes) -> bytes | None:
    """Return the `avcC` of an initialization segment's track, or None if it is audio.

    Raises:
        boxes.Malformed: It has no sample entry of H.264 or AAC.
    """
    entry = _sample_entry(head)
    if entry.kind != b"avc1":
        return None
    found = next((box for box in boxes.boxes(head, entry.body + _VISUAL, entry.end) if box.kind == b"avcC"), None)
    if found is None:
        raise boxes.Malformed("there is no configuration of H.264")
    return head[found.body : found.end]


def initialization(data: bytes, key_id: uuid.UUID, iv: bytes) -> bytes:
    """Return an initialization segment (`ftyp`, `moov`) that says how its track is encrypted: by which key, from which constant IV.

    Raises:
        boxes.Malformed: It has no sample entry of H.264 or AAC.
    """
    out = bytearray(data)
    entry = _sample_entry(data)
    kind = _SAMPLE_ENTRIES[entry.kind]
    crypt, skip = PATTERN if entry.kind == b"avc1" else (0, 0)
    tenc = boxes.full(b"tenc", 1, 0, bytes((0, crypt << 4 | skip, 1, 0)), key_id.bytes, bytes((len(iv),)), iv)
    sinf = boxes.box(
        b"sinf",
        boxes.box(b"frma", entry.kind),
        boxes.full(b"schm", 0, 0, SCHEME, struct.pack(">I", VERSION)),
        boxes.box(b"schi", tenc),
    )
    out[entry.end : entry.end] = sinf
    struct.pack_into(">I4s", out, entry.begin, entry.end - entry.begin + len(sinf), kind)
    boxes.grow(out, _ENTRIES, len(sinf))
    told = pssh.box([key_id])
    moov = boxes.find(out, b"moov")
    out[moov.end : moov.end] = told
    boxes.grow(out, (b"moov",), len(told))
    return bytes(out)


def _sample_entry(head: bytes) -> boxes.Box:
    stsd = boxes.find(head, *_ENTRIES)
    entry = next(boxes.boxes(head, stsd.body + 8, stsd.end), None)
    if entry is None or entry.kind not in _SAMPLE_ENTRIES:
        raise boxes.Malformed("there is no sample entry of H.264 or AAC")
    return entry


def _bounded(clear: int, protected: int) -> list[tuple[int, int]]:
    """Return ranges whose clear part a 16-bit number can tell."""
    whole, rest = divmod(clear, 0xFFFF)
    return [(0xFFFF, 0)] * whole + [(rest, protected)]


def _sample_sizes(moof: bytearray, header: boxes.Box, run: boxes.Box) -> list[int]:
    (flags,) = struct.unpack_from(">I", moof, run.body)
    flags &= 0xFFFFFF
    (count,) = struct.unpack_from(">I", moof, run.body + 4)
    at = run.body + 8 + 4 * bool(flags & _DATA_OFFSET) + 4 * bool(flags & _FIRST_FLAGS)
    fields = [flag for flag in (_DURATION_GIVEN, _SIZE_GIVEN, _FLAGS_GIVEN, _TIME_GIVEN) if flags & flag]
    if run.end - at != count * 4 * len(fields):
        raise boxes.Malformed("a run of samples is not as long as it says")
    if _SIZE_GIVEN not in fields:
        return [_default_size(moof, header)] * count
    place = 4 * fields.index(_SIZE_GIVEN)
    return [size for (size,) in struct.iter_unpack(f">{place}xI{4 * len(fields) - place - 4}x", moof[at : run.end])]


def _default_size(moof: bytearray, header: boxes.Box) -> int:
    (flags,) = struct.unpack_from(">I", moof, header.body)
    if not flags & _DEFAULT_SIZE:
        raise boxes.Malformed("a fragment does not say how large its samples are")
    before = 8 * bool(flags & 1) + 4 * bool(flags & 2) + 4 * bool(flags & 8)
    (size,) = struct.unpack_from(">I", moof, header.body + 8 + before)
    return int(size)
