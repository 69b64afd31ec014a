"""Where the header of a slice ends in H.264 (ITU-T H.264, 7.3): `cbcs` leaves it in the clear. Pure.

Only what stands before the slice's data is read, with as much of the sequence's and the picture's parameters as that takes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

SLICE, SLICE_IDR = 1, 5
P, B, I, SP, SI = range(5)  # noqa: E741 - the standard's names
_HIGH = {100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135}
"""Profiles whose sequence parameters say more of chroma."""

HEADER_MAX = 256
"""Bytes of a slice that its header lies in: tables of weights may make it long."""


class Unreadable(Exception):
    """These are no parameters or no slice that this reads."""


class Bits:
    """Reads bits of a NAL unit without its bytes that prevent emulation (7.3.1)."""

    def __init__(self, payload: bytes) -> None:
        self._value = int.from_bytes(payload)
        self._left = len(payload) * 8

    @property
    def left(self) -> int:
        """How many bits are left."""
        return self._left

    def u(self, count: int) -> int:
        """Read an unsigned number of so many bits."""
        self._left -= count
        if self._left < 0:
            raise Unreadable("it ends within its header")
        return self._value >> self._left & (1 << count) - 1

    def ue(self) -> int:
        """Read an unsigned Exp-Golomb number (9.1)."""
        rest = self._value & (1 << self._left) - 1
        zeros = self._left - rest.bit_length()
        if not rest or zeros > 32:
            raise Unreadable("a number in its header has no end")
        self._left -= zeros
        return self.u(zeros + 1) - 1

    def se(self) -> int:
        """Read a signed Exp-Golomb number (9.1.1)."""
        number = self.ue()
        return (number + 1) // 2 if number % 2 else -(number // 2)


@dataclass(frozen=True)
class Sequence:
    """What slices need of a sequence's parameters."""

    separate_planes: bool
    chroma: int
    frame_bits: int
    order_type: int
    order_bits: int
    order_always_zero: bool
    frames_only: bool


@dataclass(frozen=True)
class Picture:
    """What slices need of a picture's parameters, and its sequence's."""

    sequence: Sequence
    cabac: bool
    order_in_frame: bool
    references: tuple[int, int]
    weighted: bool
    weighted_both: int
    deblocking: bool
    redundant: bool


def parameters(configuration: bytes) -> Mapping[int, Picture]:
    """Return the pictures' parameters by id, of an `avcC` (ISO/IEC 14496-15, 5.3.3.1).

    Raises:
        Unreadable: It is none, or has what this does not read (several groups of slices, which no browser plays).
    """
    if len(configuration) < 7 or configuration[0] != 1:
        raise Unreadable("the video has no configuration of H.264")
    at, sequences = 6, {}
    for _ in range(configuration[5] & 31):
        unit, at = _next(configuration, at)
        number, sequence = _sequence(Bits(_plain(unit[1:])))
        sequences[number] = sequence
    if at >= len(configuration):
        raise Unreadable("the video has no parameters of pictures")
    count, at, pictures = configuration[at], at + 1, {}
    for _ in range(count):
        unit, at = _next(configuration, at)
        number, picture = _picture(Bits(_plain(unit[1:])), sequences)
        pictures[number] = picture
    return pictures


def header_length(unit: bytes, pictures: Mapping[int, Picture]) -> int:
    """Return how many bytes of a slice's NAL unit must stay in the clear: up to the byte in which its data begins, that one with it.

    Args:
        unit: It, from its first byte; as much of it as its header takes, or more.
        pictures: Parameters.

    Raises:
        Unreadable: It is no slice of these pictures.
    """
    kind, reference = unit[0] & 31, unit[0] >> 5 & 3
    head = unit[1:HEADER_MAX]
    plain = _plain(head)
    bits = Bits(plain)
    _slice(bits, kind == SLICE_IDR, reference, pictures)
    used = len(plain) - bits.left // 8
    return 1 + _with_prevention(head, used)


def length_size(configuration: bytes) -> int:
    """Return how many bytes tell the length of each NAL unit (ISO/IEC 14496-15, 5.3.3.1.2)."""
    return (configuration[4] & 3) + 1


def _next(configuration: bytes, at: int) -> tuple[bytes, int]:
    length = int.from_bytes(configuration[at : at + 2])
    unit = configuration[at + 2 : at + 2 + length]
    if not length or len(unit) < length:
        raise Unreadable("the video's configuration of H.264 ends early")
    return unit, at + 2 + length


def _plain(coded: bytes) -> bytes:
    return coded.replace(b"\0\0\3", b"\0\0")


def _with_prevention(coded: bytes, plain: int) -> int:
    """Return how many coded bytes hold so many plain ones."""
    count = plain
    while len(_plain(coded[:count])) < plain and count < len(coded):
        count += 1
    return count


def _sequence(bits: Bits) -> tuple[int, Sequence]:
    profile = bits.u(8)
    bits.u(16)
    number, chroma, planes = bits.ue(), 1, False
    if profile in _HIGH:
        chroma = bits.ue()
        planes = chroma == 3 and bool(bits.u(1))
        bits.ue()
        bits.ue()
        bits.u(1)
        if bits.u(1):
            for index in range(8 if chroma != 3 else 12):
                if bits.u(1):
                    _scaling_list(bits, 16 if index < 6 else 64)
    frame_bits = bits.ue() + 4
    order_type, order_bits, always_zero = bits.ue(), 0, False
    if order_type == 0:
        order_bits = bits.ue() + 4
    elif order_type == 1:
        always_zero = bool(bits.u(1))
        bits.se()
        bits.se()
        for _ in range(bits.ue()):
            bits.se()
    bits.ue()
    bits.u(1)
    bits.ue()
    bits.ue()
    return number, Sequence(planes, 0 if planes else chroma, frame_bits, order_type, order_bits, always_zero, bool(bits.u(1)))


def _scaling_list(bits: Bits, size: int) -> None:
    last = following = 8
    for _ in range(size):
        if following:
            following = (last + bits.se()) % 256
        last = following or last


def _picture(bits: Bits, sequences: Mapping[int, Sequence]) -> tuple[int, Picture]:
    number, sequence = bits.ue(), sequences.get(bits.ue())
    if sequence is None:
        raise Unreadable("parameters of a picture name a sequence that is not there")
    cabac, order = bool(bits.u(1)), bool(bits.u(1))
    if bits.ue():
        raise Unreadable("it has several groups of slices")
    references = (bits.ue() + 1, bits.ue() + 1)
    weighted, both = bool(bits.u(1)), bits.u(2)
    for _ in range(3):
        bits.se()
    deblocking, _, redundant = bool(bits.u(1)), bits.u(1), bool(bits.u(1))
    return number, Picture(sequence, cabac, order, references, weighted, both, deblocking, redundant)


def _slice(bits: Bits, idr: bool, reference: int, pictures: Mapping[int, Picture]) -> None:
    """Read a slice's header (7.3.3)."""
    bits.ue()
    kind = bits.ue() % 5
    picture = pictures.get(bits.ue())
    if picture is None:
        raise Unreadable("a slice names parameters that are not there")
    sequence = picture.sequence
    if sequence.separate_planes:
        bits.u(2)
    bits.u(sequence.frame_bits)
    field = not sequence.frames_only and bool(bits.u(1))
    if field:
        bits.u(1)
    if idr:
        bits.ue()
    if sequence.order_type == 0:
        bits.u(sequence.order_bits)
        if picture.order_in_frame and not field:
            bits.se()
    elif sequence.order_type == 1 and not sequence.order_always_zero:
        bits.se()
        if picture.order_in_frame and not field:
            bits.se()
    if picture.redundant:
        bits.ue()
    if kind == B:
        bits.u(1)
    counts = picture.references
    if kind in (P, SP, B) and bits.u(1):
        counts = (bits.ue() + 1, bits.ue() + 1 if kind == B else counts[1])
    for _ in range({P: 1, SP: 1, B: 2}.get(kind, 0)):
        if bits.u(1):
            while bits.ue() != 3:
                bits.ue()
    if (picture.weighted and kind in (P, SP)) or (picture.weighted_both == 1 and kind == B):
        _weights(bits, sequence.chroma, counts[: 2 if kind == B else 1])
    if reference:
        _marking(bits, idr)
    if picture.cabac and kind not in (I, SI):
        bits.ue()
    bits.se()
    if kind in (SP, SI):
        if kind == SP:
            bits.u(1)
        bits.se()
    if picture.deblocking and bits.ue() != 1:
        bits.se()
        bits.se()


def _weights(bits: Bits, chroma: int, counts: tuple[int, ...]) -> None:
    bits.ue()
    if chroma:
        bits.ue()
    for count in counts:
        for _ in range(count):
            if bits.u(1):
                bits.se()
                bits.se()
            if chroma and bits.u(1):
                for _ in range(4):
                    bits.se()


def _marking(bits: Bits, idr: bool) -> None:
    if idr:
        bits.u(2)
    elif bits.u(1):
        while operation := bits.ue():
            bits.ue()
            if operation == 3:
                bits.ue()
