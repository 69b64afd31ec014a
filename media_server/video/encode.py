"""Encodes segments, each by encoders of its own, so that none depends on those before: H.264 by x264, AAC by libav. Runs in a cell.

A segment's pictures are decoded once, and encoded for all renditions.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from typing import Any

import av
from av.codec.context import Flags
from av.video.reformatter import ColorRange, Colorspace, Interpolation, VideoReformatter

from .decode import Opened, PictureDecoder, SoundDecoder
from .mux import Stream
from .plan import AAC_LC, AUDIO_BITS, AUDIO_FRAME, AUDIO_RATE, TICKS, Pictures, Plan, Rendition

BEFORE, AFTER = 8, 2
"""Frames of sound that the encoder of AAC hears beside a segment's own, so that it has settled when that begins, and knows what follows."""

SOUND = Rendition("audio", 0, True, 0, AUDIO_BITS, (AAC_LC,))
"""Encoded audio; where video carries it, it is no rendition of its own."""

_SCALING = Interpolation.BICUBIC | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT | Interpolation.BITEXACT

_X264 = {
    "preset": "veryfast",
    "crf": "23",
    "profile": "high",
    # one key frame, with which it begins; one slice and one thread; and the same on every processor
    "x264-params": "keyint=infinite:open-gop=0:rc-lookahead=5:sliced-threads=0:slices=1:cpu-independent=1:stitchable=1",
}
_RGB, _BT709 = 0, 1
"""Matrices (ITU-T H.273, table 4)."""


class Encoder:
    """Gives encoded streams of segments.

    Args:
        opened: Opens the source.
        plan: What is made of it.
    """

    def __init__(self, opened: Opened, plan: Plan) -> None:
        self._plan = plan
        self._pictures = PictureDecoder(opened, plan)
        self._sound = SoundDecoder(opened)
        self._videos: tuple[int, dict[str, Stream]] = (-1, {})
        self._audio: tuple[int, Stream | None] = (-1, None)
        self._nowhere = av.open("nowhere", "w", format="null")
        self._templates: dict[str, Stream] = {}

    def video(self, rendition: Rendition, number: int) -> Stream:
        """Return a segment's video.

        Raises:
            Refused: The source is damaged there.
        """
        if self._videos[0] != number:
            self._videos = number, {}
            self._videos = number, self._encoded(number)
        return self._videos[1][rendition.name]

    def audio(self, number: int) -> Stream:
        """Return a segment's audio."""
        at, found = self._audio
        if at != number or found is None:
            found = self._heard(self._plan.frames(number))
            self._audio = number, found
        return found

    def template(self, rendition: Rendition) -> Stream:
        """Return a rendition's stream without a packet: its video, or its audio if it has no other."""
        if rendition.name not in self._templates:
            encoder, kind = (_x264(rendition, self._how), "libx264") if rendition.video else (_aac(), "aac")
            size: dict[str, Any] = {"width": rendition.width, "height": rendition.video} if rendition.video else {}
            of: Any = self._nowhere.add_stream(kind, None, **size)
            of.time_base = encoder.time_base
            self._templates[rendition.name] = Stream(of, [], bytes(encoder.extradata))
        return self._templates[rendition.name]

    @property
    def _how(self) -> Pictures:
        if self._plan.pictures is None:
            raise ValueError("nothing is encoded")
        return self._plan.pictures

    def _encoded(self, number: int) -> dict[str, Stream]:
        how, moments = self._how, self._plan.moments(number)
        encoders: list[tuple[Rendition, Any, VideoReformatter, list[Any]]]
        encoders = [(one, _x264(one, how), VideoReformatter(), []) for one in self._plan.renditions if one.level]
        for moment, picture in zip(moments, self._pictures.segment(number), strict=False):
            largest: Any = None
            for one, encoder, scaler, packets in encoders:
                scaled = _scaled(scaler, largest or picture, one, how, moment)
                packets += encoder.encode(scaled)
                largest = largest or scaled
        lasts = {moment: after - moment for moment, after in pairwise(moments)}
        found = {}
        for one, encoder, _, packets in encoders:
            packets += encoder.encode(None)
            for packet in packets:
                packet.duration = lasts[packet.pts]
            found[one.name] = replace(self.template(one), packets=packets)
        return found

    def _heard(self, frames: range) -> Stream:
        encoder, packets = _aac(), []
        around = range(frames.start - BEFORE, frames.stop + AFTER)
        for number, channels in zip(around, self._sound.frames(around), strict=True):
            frame = av.AudioFrame("fltp", "stereo", AUDIO_FRAME)
            for plane, samples in zip(frame.planes, channels, strict=True):
                plane.update(samples)
            frame.sample_rate, frame.time_base, frame.pts = AUDIO_RATE, Fraction(1, AUDIO_RATE), number * AUDIO_FRAME
            packets += encoder.encode(frame)
        packets += encoder.encode(None)
        return replace(self.template(SOUND), packets=[packet for packet in packets if packet.pts // AUDIO_FRAME in frames])


def _x264(rendition: Rendition, how: Pictures) -> Any:
    encoder: Any = av.CodecContext.create("libx264", "w")
    encoder.width, encoder.height, encoder.pix_fmt = rendition.width, rendition.video, "yuv420p"
    encoder.framerate, encoder.time_base = rendition.rate, Fraction(1, TICKS)
    encoder.thread_count = 1
    encoder.flags |= Flags.global_header | Flags.closed_gop | Flags.bitexact
    encoder.color_primaries, encoder.color_trc, encoder.colorspace = how.colors[0], how.colors[1], how.colors[2] or _BT709
    encoder.color_range = ColorRange.MPEG
    rates = {"level": f"{rendition.level / 10}", "maxrate": str(rendition.bits), "bufsize": str(2 * rendition.bits)}
    encoder.options = {**_X264, **rates}
    encoder.open()
    return encoder


def _aac() -> Any:
    encoder: Any = av.CodecContext.create("aac", "w")
    encoder.sample_rate, encoder.layout, encoder.format, encoder.bit_rate = AUDIO_RATE, "stereo", "fltp", AUDIO_BITS
    encoder.time_base = Fraction(1, AUDIO_RATE)
    encoder.flags |= Flags.global_header | Flags.bitexact
    encoder.open()
    return encoder


def _scaled(scaler: VideoReformatter, picture: Any, rendition: Rendition, how: Pictures, moment: int) -> Any:
    """Return a picture as a rendition has it. Colours stay as they are; what has none of video becomes BT.709."""
    size = {"width": rendition.width, "height": rendition.video}
    matrix = {"dst_colorspace": Colorspace.ITU709} if how.colors[2] == _RGB else {}
    scaled = scaler.reformat(
        picture, **size, format="yuv420p", interpolation=_SCALING, dst_color_range=ColorRange.MPEG, threads=1, **matrix
    )
    scaled.pts, scaled.time_base, scaled.pict_type = moment, Fraction(1, TICKS), 0
    return scaled
