"""Makes segments of packets, each by a multiplexer of its own (libav's), so that none depends on those before. Runs in a cell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import av

from . import adts, boxes, cbcs
from .sinks import Area, Clear, Headless, Made, Sink, Whole

INITIALIZATION_MAX = 1 << 20
"""Bytes."""

WRITE = 32 << 10
"""Bytes that a multiplexer gives at once: still in the processor's cache when they are encrypted, and then hashed."""

CONTAINERS = {"ts": "mpegts", "fmp4": "mp4"}
"""libav's names."""

_OPTIONS = {
    # timestamps are ours; nothing is written before there is a buffer full of it
    "mpegts": {"mpegts_copyts": "1", "flush_packets": "0"},
    "mp4": {"movflags": "+frag_custom+empty_moov+default_base_moof+frag_discont+skip_trailer", "use_editlist": "0"},
}
_SHARED = {"avoid_negative_ts": "disabled", "fflags": "+bitexact"}


@dataclass(frozen=True)
class Stream:
    """A stream that is multiplexed: libav's, and its AudioSpecificConfig if it is AAC."""

    of: Any
    configuration: bytes = b""


def multiplex(packets: Sequence[Any], streams: Sequence[Stream], container: str, shift: int, number: int, sink: Sink) -> None:
    """Multiplex one segment.

    Args:
        packets: Of these streams, in the order of their DTS. They are changed.
        streams: Whose they are.
        container: `ts` or `fmp4`.
        shift: Whole seconds that are added to timestamps.
        number: The segment's, from 0.
        sink: Where its bytes go; for `fmp4` the initialization segment comes first.
    """
    name = CONTAINERS[container]
    options = {**_SHARED, **_OPTIONS[name], **({"fragment_index": str(number + 1)} if name == "mp4" else {})}
    out = av.open(sink, "w", format=name, options=options, buffer_size=WRITE)
    to = {}
    for stream in streams:
        each = out.add_stream_from_template(stream.of)
        each.time_base = stream.of.time_base
        each.metadata.clear()
        if stream.configuration:
            each.codec_context.extradata = stream.configuration
        bare = name == "mp4" and stream.of.type == "audio"
        to[stream.of.index] = each, int(shift / stream.of.time_base), bare
    out.start_encoding()
    mux = out.mux_one
    for packet in packets:
        each, ticks, bare = to[packet.stream_index]
        if bare:
            packet = _bare(packet)
        if packet.pts is not None:
            packet.pts += ticks
        packet.dts += ticks
        packet.stream = each
        mux(packet)
    out.close()


def _bare(packet: Any) -> Any:
    """Return a packet of AAC as MP4 has it."""
    data = bytes(packet)
    if not adts.is_adts(data):
        return packet
    bare = av.Packet(bytes(adts.stripped(data)))
    bare.pts, bare.dts, bare.time_base, bare.duration = packet.pts, packet.dts, packet.time_base, packet.duration
    bare.is_keyframe = True
    return bare


def initialization(streams: Sequence[Stream]) -> bytes:
    """Return the initialization segment (`ftyp`, `moov`) of a fragmented MP4 of these streams, in the clear."""
    sink = Clear(memoryview(bytearray(INITIALIZATION_MAX)))
    multiplex([], streams, "fmp4", 0, 0, sink)
    return b"".join(bytes(sink.data[box.begin : box.end]) for box in boxes.boxes(sink.data) if box.kind in (b"ftyp", b"moov"))


def whole(
    packets: Sequence[Any], streams: Sequence[Stream], container: str, shift: int, number: int, area: Area, key: bytes, iv: bytes
) -> Made:
    """Make a segment of the profile `aes128`: see `multiplex`, and keys.py for key and IV (16 bytes each)."""
    sink = Whole(area, key, iv)
    multiplex(packets, streams, container, shift, number, Headless(sink) if container == "fmp4" else sink)
    sink.end()
    return area.made()


def samples(packets: Sequence[Any], stream: Stream, shift: int, number: int, area: Area, content: cbcs.Content, memory: memoryview) -> Made:
    """Make a segment of the profile `cbcs`, of one stream, in memory that nobody else sees: see `multiplex`."""
    clear = Clear(memory)
    headless = Headless(clear)
    multiplex(packets, [stream], "fmp4", shift, number, headless)
    for piece in cbcs.Encryptor(cbcs.configuration(headless.head), content).fragments(clear.data):
        area.put(piece)
    return area.made()
