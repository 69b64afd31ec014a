"""AAC as MPEG-TS carries it: each frame behind a header of its own (ISO/IEC 13818-7, 6.2). MP4 says the same once, for all. Pure."""

from __future__ import annotations

_SYNC = 0xFFF0
_HEADER, _CHECKED_HEADER = 7, 9


def is_adts(frame: bytes | memoryview) -> bool:
    """Return whether a frame has such a header."""
    return len(frame) > _HEADER and int.from_bytes(frame[:2]) & 0xFFF6 == _SYNC


def stripped(frame: bytes | memoryview) -> memoryview:
    """Return a frame without its header; one that has none as it is."""
    if not is_adts(frame):
        return memoryview(frame)
    return memoryview(frame)[_HEADER if frame[1] & 1 else _CHECKED_HEADER :]


def configuration(frame: bytes | memoryview) -> bytes:
    """Return what a frame's header says, as MP4 has it (AudioSpecificConfig; ISO/IEC 14496-3, 1.6.2.1)."""
    kind, rate = (frame[2] >> 6) + 1, frame[2] >> 2 & 15
    channels = (frame[2] & 1) << 2 | frame[3] >> 6
    return (kind << 11 | rate << 7 | channels << 3).to_bytes(2)
