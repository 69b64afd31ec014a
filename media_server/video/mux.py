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
# libav brings packets in order, however long it has to wait until it has some of each stream
_SHARED = {"avoid_negative_ts": "disabled", "fflags": "+bitexact", "max_interleave_delta": "0"}


@dataclass(frozen=True)
class Stream:
    """A stream that is multiplexed.

    Attributes:
        of: libav's.
        packets: In the order of their DTS.
        configuration: What its decoder has to know, if libav's does not tell it: its AudioSpecificConfig, if it is AAC.
    """

    of: Any
    packets: Sequence[Any]
    configuration: bytes = b""


def multiplex(streams: Sequence[Stream], container: str, shift: int, number: int, sink: Sink) -> None:
    """Multiplex one segment.

    Args:
        streams: Whose packets it has. They stay as they are: others are made of them too.
        container: `ts` or `fmp4`.
        shift: Whole seconds that are added to timestamps.
        number: The segment's, from 0.
        sink: Where its bytes go; for `fmp4` the initialization segment comes first.
    """
    name = CONTAINERS[container]
    options = {**_SHARED, **_OPTIONS[name], "output_ts_offset": str(shift)}
    if name == "mp4":
        options["fragment_index"] = str(number + 1)
    out = av.open(sink, "w", format=name, options=options, buffer_size=WRITE)
    to = []
    for stream in streams:
        each = out.add_stream_from_template(stream.of)
        each.time_base = stream.of.time_base
        each.metadata.clear()
        if stream.configuration:
            each.codec_context.extradata = stream.configuration
        to.append(each)
    out.start_encoding()
    mux = out.mux_one
    # video, which comes first, is given last: audio is small, and waits for it
    for stream, each in reversed([*zip(streams, to, strict=True)]):
        bare, base = name == "mp4" and stream.of.type == "audio", stream.of.time_base
        for packet in map(_bare, stream.packets) if bare else stream.packets:
            pts, dts, duration = packet.pts, packet.dts, packet.duration
            packet.stream = each
            mux(packet)
            # it has counted them in the container's ticks
            packet.pts, packet.dts, packet.duration, packet.time_base = pts, dts, duration, base
    out.close()


def _bare(packet: Any) -> Any:
    """Return a packet of AAC as MP4 has it: that packet, or another one at the same time."""
    data = bytes(packet)
    if not adts.is_adts(data):
        return packet
    made = av.Packet(bytes(adts.stripped(data)))
    made.pts, made.dts, made.time_base, made.duration = packet.pts, packet.dts, packet.time_base, packet.duration
    made.is_keyframe = packet.is_keyframe
    return made


def initialization(streams: Sequence[Stream]) -> bytes:
    """Return the initialization segment (`ftyp`, `moov`) of a fragmented MP4 of these streams, in the clear."""
    sink = Clear(memoryview(bytearray(INITIALIZATION_MAX)))
    multiplex(streams, "fmp4", 0, 0, sink)
    return b"".join(bytes(sink.data[box.begin : box.end]) for box in boxes.boxes(sink.data) if box.kind in (b"ftyp", b"moov"))


def whole(streams: Sequence[Stream], container: str, shift: int, number: int, area: Area, key: bytes, iv: bytes) -> Made:
    """Make a segment of the profile `aes128`: see `multiplex`, and keys.py for key and IV (16 bytes each)."""
    sink = Whole(area, key, iv)
    multiplex(streams, container, shift, number, Headless(sink) if container == "fmp4" else sink)
    sink.end()
    return area.made()


def samples(stream: Stream, shift: int, number: int, area: Area, content: cbcs.Content, memory: memoryview) -> Made:
    """Make a segment of the profile `cbcs`, of one stream, in memory that nobody else sees: see `multiplex`."""
    clear = Clear(memory)
    headless = Headless(clear)
    multiplex([stream], "fmp4", shift, number, headless)
    for piece in cbcs.Encryptor(cbcs.configuration(headless.head), content).fragments(clear.data):
        area.put(piece)
    return area.made()
