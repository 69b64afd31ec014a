"""A source as libav reads it: opened with nothing but what videos are, and looked at. Runs in a cell, since its bytes are hostile."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Protocol

import av
import av.error
from av.container import InputContainer
from av.stream import Discard, Disposition

from . import adts
from .plan import Audio, Facts, Refused, Video

FORMATS = ("mov,mp4,m4a,3gp,3g2,mj2", "matroska,webm", "mpegts")
"""Demultiplexers by libav's names. Those that open further files, such as playlists, are none of these."""

CODECS = (
    *("h264", "hevc", "vp8", "vp9", "libdav1d", "mpeg4", "mpeg2video", "prores"),
    *("aac", "mp3float", "mp2", "opus", "vorbis", "ac3", "eac3", "flac", "alac", "pcm_s16le", "pcm_s16be", "pcm_s24le"),
)
"""Decoders by libav's names. Others see no byte of a source."""

PIXELS_MAX = 3840 * 2160
SECONDS_MAX = 6 * 3600
STREAMS_MAX = 16
RATE_MAX = 120
PROBE_BYTES = 8 << 20

READ = 256 << 10
"""Bytes that libav asks for at once."""

SQUARER_MAX = 4
"""How many times as wide or as high as pixels are stored they may be shown; what says more is not believed."""


class Readable(Protocol):
    """Where a source's bytes come from: a file that can be read anywhere."""

    def read(self, size: int) -> bytes:
        """Return the next bytes."""

    def seek(self, offset: int, whence: int) -> int:
        """Go to a place."""

    def tell(self) -> int:
        """Return the place."""


@dataclass(frozen=True)
class Source:
    """An opened source.

    Attributes:
        container: libav's.
        video: Its stream that is taken.
        audio: The same; None: it has none.
        configuration: The AudioSpecificConfig of its AAC.
    """

    container: InputContainer
    video: Any
    audio: Any | None
    configuration: bytes = b""

    @property
    def streams(self) -> list[Any]:
        """Its streams."""
        return [self.video, *([self.audio] if self.audio is not None else [])]

    def only(self, stream: Any) -> Any:
        """Have nothing read but one of its streams, and return that."""
        for each in self.streams:
            if each is not stream:
                each.discard = Discard.all
        return stream


def opened(file: Readable) -> Source:
    """Open a source.

    Raises:
        Refused: It is no video that this takes.
    """
    options = {
        "format_whitelist": ",".join(FORMATS),
        "codec_whitelist": ",".join(CODECS),
        "protocol_whitelist": "none",
        "probesize": str(PROBE_BYTES),
        "max_streams": str(STREAMS_MAX),
        "analyzeduration": "5000000",
    }
    try:
        container = av.open(file, "r", options=options, buffer_size=READ)
    except (av.error.FFmpegError, ValueError, OverflowError) as error:
        raise Refused(f"it is no video in MP4, QuickTime, Matroska, WebM or MPEG-TS, or it is damaged ({words(error)})") from None
    video = next((one for one in container.streams.video if not one.disposition & Disposition.attached_pic), None)
    if video is None:
        raise Refused("it has no video")
    audio = next(iter(container.streams.audio), None)
    taken = [video, *([audio] if audio is not None else [])]
    for stream in container.streams:
        if stream in taken:
            _check(stream)
        else:
            stream.discard = Discard.all
    return Source(container, video, audio, _configuration(container, audio) if audio is not None else b"")


def _check(stream: Any) -> None:
    """Check whether a stream's codec is one of those that are taken: libav asks its list only for what it decodes by itself, to look at it.

    Raises:
        Refused: It is not.
    """
    name = stream.codec_context.name if stream.codec_context is not None else "unknown"
    if name not in CODECS:
        raise Refused(f"its {stream.type}'s codec is none that this takes ({name})")


def _configuration(container: InputContainer, audio: Any) -> bytes:
    """Return the AudioSpecificConfig of an AAC: where the container does not have it, the first frame does."""
    said = bytes(audio.codec_context.extradata or b"")
    if said or audio.codec_context.name != "aac":
        return said
    first = next(demultiplexed(container, [audio]), None)
    container.seek(0, backward=True)
    return adts.configuration(bytes(first)) if first is not None and adts.is_adts(bytes(first)) else b""


def facts(source: Source) -> Facts:
    """Return what there is in a source.

    Raises:
        Refused: It is larger than what this takes, or damaged.
    """
    video, audio = source.video, source.audio
    context = video.codec_context
    if not context.width or not context.height:
        raise Refused("the size of its pictures is not told")
    if context.width * context.height > PIXELS_MAX:
        raise Refused(f"its pictures have {context.width} by {context.height} pixels, and {PIXELS_MAX} are the most")
    rate = Fraction(video.average_rate or video.guessed_rate or 0)
    if not 0 < rate <= RATE_MAX:
        raise Refused(f"it shows {float(rate):g} pictures a second, and {RATE_MAX} are the most")
    begin, end = _extent(source)
    if end - begin > SECONDS_MAX:
        raise Refused(f"it lasts {float(end - begin):.0f} s, and {SECONDS_MAX} are the most")
    packets = demultiplexed(source.container, source.streams)
    first = next(
        (packet for packet in packets if packet.stream_index == video.index and packet.is_keyframe and packet.pts is not None), None
    )
    if first is None:
        raise Refused("its video has no key frame")
    wait = (first.pts - first.dts) * video.time_base
    ticks, audio_end = _read(source, first.dts, packets)
    keys = tuple(tick * video.time_base + wait for tick in ticks)
    picture = _first_picture(context, first)
    bits = context.bit_rate or _bits(source, begin, end)
    width, height, turned = _shown(video, picture)
    colors = (picture.color_primaries, picture.color_trc, picture.colorspace)
    steady = rate == video.base_rate
    found = Video(
        *(context.name, width, height, context.pix_fmt or "", bits, rate, keys, wait, _video_codecs(context)),
        *(turned, picture.interlaced_frame, steady, colors),
    )
    return Facts(begin, max(end, keys[-1] + 1 / rate), found, _audio(audio, audio_end) if audio is not None else None)


def _shown(video: Any, picture: Any) -> tuple[int, int, int]:
    """Return width and height of what is to be shown, in square pixels, and by how many degrees it has to be turned clockwise for it."""
    shape = Fraction(video.sample_aspect_ratio or 1)
    if not Fraction(1, SQUARER_MAX) <= shape <= SQUARER_MAX:
        shape = Fraction(1)
    width, height = round(video.codec_context.width * max(shape, 1)), round(video.codec_context.height / min(shape, 1))
    turned = -picture.rotation % 360
    return (height, width, turned) if turned in (90, 270) else (width, height, turned)


def _audio(stream: Any, end: int | None) -> Audio:
    """Return what there is of audio, which ends at a tick, if all of it was read."""
    context = stream.codec_context
    if not context.sample_rate or not context.channels:
        raise Refused("the rate of its audio is not told")
    begin, base = stream.start_time or 0, stream.time_base
    end = begin + (stream.duration or 0) if end is None else end
    return Audio(
        context.name, context.profile or "", context.sample_rate, context.channels, context.bit_rate or 0, begin * base, end * base
    )


def _video_codecs(context: Any) -> str:
    """Return what playlists call H.264: profile, constraints and level, as its sequence parameters begin (RFC 6381, 3.3)."""
    said = bytes(context.extradata or b"")
    if context.name != "h264":
        return ""
    # an `avcC` repeats them behind its version; in MPEG-TS they are a NAL unit
    found = re.match(rb"\x01(...)", said, re.DOTALL) or re.search(rb"\x00\x00\x01[\x07\x27\x47\x67](...)", said, re.DOTALL)
    if found is None:
        raise Refused("its video does not say what a decoder needs")
    return f"avc1.{found[1].hex()}"


def _extent(source: Source) -> tuple[Fraction, Fraction]:
    stream = source.video
    if stream.duration and stream.start_time is not None:
        begin = stream.start_time * stream.time_base
        return begin, begin + stream.duration * stream.time_base
    container = source.container
    if container.duration is None:
        raise Refused("how long it lasts is not told")
    begin = Fraction(container.start_time or 0, av.time_base)
    return begin, begin + Fraction(container.duration, av.time_base)


def _read(source: Source, first: int, packets: Iterator[Any]) -> tuple[list[int], int | None]:
    """Return when key frames are decoded, ascending, from the first on, in the video's ticks; and when audio ends, in its own.

    MP4 says the first in an index, and nothing is returned of the second; of other containers the packets behind the first key frame are
    read to their end.
    """
    if _has_index(source):
        ticks = [entry.timestamp for entry in source.video.index_entries if entry.is_keyframe]
        return sorted({first, *(tick for tick in ticks if tick > first)}), None
    found, end = {first}, 0
    for packet in packets:
        if packet.stream_index != source.video.index:
            end = packet.dts + (packet.duration or 0)
        elif packet.is_keyframe and packet.dts > first:
            found.add(packet.dts)
    return sorted(found), end


def is_mp4(container: InputContainer) -> bool:
    """Return whether a container is MP4 or QuickTime."""
    return bool(container.format.name == FORMATS[0])


def _has_index(source: Source) -> bool:
    """Return whether a source has an index of all of its video by when it is decoded: an MP4 that is not in fragments."""
    stream = source.video
    entries = stream.index_entries
    if not is_mp4(source.container) or not len(entries) or not stream.duration:
        return False
    return bool((entries[0].timestamp + stream.duration - entries[-1].timestamp) * stream.time_base < 1)


def _bits(source: Source, begin: Fraction, end: Fraction) -> int:
    size = source.container.size
    return int(size * 8 / (end - begin)) if size > 0 and end > begin else 0


def _first_picture(context: Any, first: Any) -> Any:
    """Return the first key frame as a picture: what containers say beside their video, libav says of it.

    Raises:
        Refused: It is no picture.
    """
    context.thread_count = 1
    try:
        pictures = [*context.decode(first), *context.decode(None)]
    except av.error.FFmpegError as error:
        raise Refused(f"its first picture can't be decoded ({words(error)})") from None
    if not pictures:
        raise Refused("its first picture can't be decoded")
    return pictures[0]


def demultiplexed(container: InputContainer, streams: list[Any]) -> Iterator[Any]:
    """Yield the packets of streams from where a source is. All of them have a DTS.

    Raises:
        Refused: It is damaged.
    """
    undated: dict[int, list[Any]] = {}
    dated: set[int] = set()
    try:
        for packet in container.demux(streams):
            index = packet.stream_index
            if index in dated and packet.dts is not None:
                yield packet
            elif packet.dts is not None:
                dated.add(index)
                yield from _dated(undated.pop(index, []), packet)
                yield packet
            elif packet.size and index not in dated:
                undated.setdefault(index, []).append(packet)
    except (av.error.FFmpegError, ValueError, OverflowError) as error:
        raise Refused(f"it is damaged ({words(error)})") from None


def _dated(packets: list[Any], after: Any) -> list[Any]:
    """Give packets that come before the first with a DTS theirs: Matroska has none, and libav knows it only some pictures later."""
    step = after.duration or 1
    for place, packet in enumerate(packets):
        packet.dts = after.dts - step * (len(packets) - place)
    return packets


def words(error: Exception) -> str:
    """Return what libav says of an error."""
    return str(getattr(error, "strerror", None) or error).strip() or type(error).__name__
