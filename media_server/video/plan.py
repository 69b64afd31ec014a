"""What will be made of a source: pure, from what was found in it. Kept with the asset, so that every worker makes the same."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise
from math import ceil

from . import ladder

SEGMENT_SECONDS = 4
PERIOD_SEGMENTS = 15
"""A minute of video shares a key."""

PERIODS_MAX = 12
"""Of a source; if it is long, more of it shares a key: players of `cbcs` ask for the keys of all periods before they begin."""

ORIGIN = 2
"""Second at which what is made begins, so that what is decoded before it is shown has a time too: timestamps can't be negative."""

SEGMENT_SECONDS_MAX = 20
"""A key frame must come as often for video to be copied: players load a segment before they show it."""

KEY_SECONDS_MAX = 120
"""A key frame must come as often for video to be encoded: a cell that goes elsewhere decodes from the one before."""

SEGMENT_SECONDS_MIN = Fraction(1, 2)
"""Of the last one: a shorter rest belongs to the one before."""

COPIED_LINES = 1080
COPIED_BITS = 10_000_000
COPIED_AUDIO_RATES = (44_100, 48_000)
COPIED_AUDIO_REST = Fraction(1, 4)
"""Seconds of audio that the first and the last segment have at least, if it is copied: none may be without."""

LEADING_SECONDS = 1
"""Pictures that are decoded after a key frame may be shown so much before it, and need the one before."""

AUDIO_RATE, AUDIO_BITS = 48_000, 128_000
AAC_LC = "mp4a.40.2"
"""What playlists call it (RFC 6381)."""

AUDIO_FRAME = 1024
"""Samples of a frame of AAC."""

TICKS = 90_000
"""A second: what encoded pictures are timed in, as MPEG-TS does."""

HDR = {16: "PQ", 18: "HLG"}
"""Transfer characteristics that need a screen of their own (ITU-T H.273, table 3)."""

DECODED, ENCODED, HEARD = 10_000_000, 4_000_000, 50
"""Pixels that are decoded and encoded, and seconds of audio that are decoded, in a second of the processor at least: a tenth of what was
measured."""

EFFORT_SECONDS = 10
"""Of the processor, that each segment may take besides."""


class Refused(Exception):
    """Nothing can be made of this source; the text says why, to whoever uploaded it."""


@dataclass(frozen=True)
class Video:
    """A source's video.

    Attributes:
        codec: libav's name.
        width, height: In square pixels, as it is shown.
        pixels: libav's name of their format.
        bits: A second; 0: unknown.
        rate: Pictures a second.
        keys: Seconds at which its key frames are shown, ascending.
        wait: Seconds between when a key frame is decoded and when it is shown.
        codecs: What playlists call it (RFC 6381).
        turned: Degrees, clockwise, by which pictures have to be turned to be looked at.
        interlaced: Whether pictures are two fields.
        steady: Whether pictures come at the same rate throughout.
        colors: Primaries, transfer and matrix (ITU-T H.273).
    """

    codec: str
    width: int
    height: int
    pixels: str
    bits: int
    rate: Fraction
    keys: tuple[Fraction, ...]
    wait: Fraction
    codecs: str
    turned: int = 0
    interlaced: bool = False
    steady: bool = True
    colors: tuple[int, int, int] = (2, 2, 2)

    @property
    def lines(self) -> int:
        """Pixels of its shorter side."""
        return min(self.width, self.height)


@dataclass(frozen=True)
class Audio:
    """A source's audio.

    Attributes:
        codec, profile: libav's names.
        rate: Samples a second.
        channels: How many.
        bits: A second; 0: unknown.
        begin, end: Seconds at which it begins and ends.
    """

    codec: str
    profile: str
    rate: int
    channels: int
    bits: int
    begin: Fraction
    end: Fraction


@dataclass(frozen=True)
class Facts:
    """What was found in a source.

    Attributes:
        begin: Second at which it begins to be shown.
        end: Second at which it ends.
    """

    begin: Fraction
    end: Fraction
    video: Video
    audio: Audio | None


@dataclass(frozen=True)
class Rendition:
    """One encoding.

    Attributes:
        name: In paths and playlists.
        video: Height in pixels; 0: it has no video.
        audio: Whether it has audio.
        width: In pixels.
        bits: A second, as far as they are known beforehand; encoded video has no more.
        codecs: What playlists call them (RFC 6381).
        rate: Pictures a second; 0: unknown.
        level: Of H.264, times ten, that its video is encoded in; 0: it is copied.
    """

    name: str
    video: int
    audio: bool
    width: int
    bits: int
    codecs: tuple[str, ...]
    rate: Fraction = Fraction(0)
    level: int = 0


@dataclass(frozen=True)
class Pictures:
    """How a source's pictures become those that are encoded.

    Attributes:
        rate: Pictures a second.
        keys: Second of the key frame that each segment is decoded from.
        pixels: That are decoded for a second.
        turned, interlaced, colors: The source's.
    """

    rate: Fraction
    keys: tuple[Fraction, ...]
    pixels: int
    turned: int
    interlaced: bool
    colors: tuple[int, int, int]


@dataclass(frozen=True)
class Plan:
    """What is made of a source, whatever it is offered in.

    Attributes:
        renditions: The best first; if it has audio, that is the last one.
        bounds: Seconds of the source at which segments begin, and its end: one more than there are segments.
        wait: Seconds between when a key frame of the source is decoded and when it is shown.
        period: Segments that share a key.
        pictures: How those come about that are encoded; None: none are.
        audio_encoded: Whether audio is encoded too.
    """

    renditions: tuple[Rendition, ...]
    bounds: tuple[Fraction, ...]
    wait: Fraction
    period: int
    pictures: Pictures | None = None
    audio_encoded: bool = False

    @property
    def segments(self) -> int:
        """How many segments each rendition has."""
        return len(self.bounds) - 1

    @property
    def shift(self) -> int:
        """Whole seconds that are added to the source's timestamps."""
        return ORIGIN - self.bounds[0].__floor__()

    def within(self, container: str) -> tuple[Rendition, ...]:
        """Return the renditions as a container has them: in MPEG-TS video carries the audio."""
        if container != "ts" or not any(one.audio for one in self.renditions):
            return self.renditions
        return tuple(replace(one, audio=True, codecs=(*one.codecs, AAC_LC)) for one in self.renditions if one.video)

    @property
    def durations(self) -> list[Fraction]:
        """Each segment's seconds."""
        return [end - begin for begin, end in pairwise(self.bounds)]

    @property
    def periods(self) -> int:
        """How many periods there are."""
        return self.period_of(self.segments - 1) + 1

    def period_of(self, segment: int) -> int:
        """Return the period of a segment."""
        return segment // self.period

    def segments_of(self, period: int) -> range:
        """Return the segments of a period."""
        return range(period * self.period, min((period + 1) * self.period, self.segments))

    def moments(self, segment: int) -> list[int]:
        """Return when a segment's encoded pictures are shown, and when its last one ends, in ticks of the source's time."""
        if self.pictures is None:
            return []
        (begin, end), rate = self.bounds[segment : segment + 2], self.pictures.rate
        return [round((begin + place / rate) * TICKS) for place in range(_count(begin, end, rate))] + [round(end * TICKS)]

    def frames(self, segment: int) -> range:
        """Return a segment's frames of encoded audio. They are counted from the source's second 0."""
        first, end = (-(-bound * AUDIO_RATE // AUDIO_FRAME) for bound in self.bounds[segment : segment + 2])
        return range(first, end)

    def effort(self, segment: int) -> float:
        """Return how many seconds of the processor a segment may take; 0: what is copied is not counted."""
        seconds = Fraction(0)
        if self.audio_encoded:
            seconds += self.bounds[segment + 1] / HEARD
        if self.pictures is not None:
            (begin, end), how = self.bounds[segment : segment + 2], self.pictures
            encoded = sum(one.width * one.video for one in self.renditions if one.level) * _count(begin, end, how.rate)
            seconds += (end - how.keys[segment]) * how.pixels / DECODED + Fraction(encoded, ENCODED)
        return EFFORT_SECONDS + float(seconds) if seconds else 0.0


def plan(facts: Facts, *, seconds: int = SEGMENT_SECONDS, period: int = PERIOD_SEGMENTS) -> Plan:
    """Return what is made of a source: what browsers play is copied, the rest encoded.

    Args:
        facts: What was found in it.
        seconds: That a segment lasts at least.
        period: Segments that share a key, at least.

    Raises:
        Refused: Nothing can be made of it.
    """
    _check(facts)
    video, audio = facts.video, facts.audio
    copied = _is_copied(facts)
    rate = ladder.rate(video.rate, video.steady)
    bounds = tuple(_at_keys(facts, seconds) if copied else _at_pictures(facts, seconds, rate))
    audio_encoded = audio is not None and not _is_audio_copied(audio, bounds)
    sizes = [*ladder.sizes(video.width, video.height, video.lines if copied else None)]
    renditions = [*([_copied(video)] if copied else []), *(_encoded(size, rate) for size in sizes)]
    if audio is not None:
        renditions.append(Rendition("audio", 0, True, 0, AUDIO_BITS if audio_encoded else audio.bits, (AAC_LC,)))
    pictures = _pictures(video, bounds, rate) if sizes else None
    shared = max(period, ceil((len(bounds) - 1) / PERIODS_MAX))
    return Plan(tuple(renditions), bounds, video.wait, shared, pictures, audio_encoded)


def _count(begin: Fraction, end: Fraction, rate: Fraction) -> int:
    """Return how many pictures are shown between two seconds: the last one for half a picture at least."""
    return max(1, round((end - begin) * rate))


def _is_copied(facts: Facts) -> bool:
    """Return whether browsers play a source's video as it is."""
    video = facts.video
    return (
        video.codec == "h264"
        and video.pixels in ("yuv420p", "yuvj420p")
        and video.lines <= COPIED_LINES
        and video.bits <= COPIED_BITS
        and not video.turned
        and not video.interlaced
        and _apart(facts) <= SEGMENT_SECONDS_MAX
    )


def _is_audio_copied(audio: Audio, bounds: tuple[Fraction, ...]) -> bool:
    """Return whether browsers play a source's audio as it is, and each segment has some. Where there is none, what is encoded is silent."""
    fits = audio.codec == "aac" and audio.profile == "LC" and audio.channels <= 2 and audio.rate in COPIED_AUDIO_RATES
    return fits and audio.begin <= bounds[1] - COPIED_AUDIO_REST and audio.end >= bounds[-2] + COPIED_AUDIO_REST


def _check(facts: Facts) -> None:
    """Check whether something can be offered of a source.

    Raises:
        Refused: Nothing can.
    """
    if kind := HDR.get(facts.video.colors[1]):
        raise Refused(f"its pictures are HDR ({kind}), and what is offered is SDR: export it as SDR")
    if (apart := _apart(facts)) > KEY_SECONDS_MAX:
        raise Refused(f"its key frames are {float(apart):.1f} s apart, and {KEY_SECONDS_MAX} s are the most: export it with more of them")


def _apart(facts: Facts) -> Fraction:
    return max(after - before for before, after in pairwise((*facts.video.keys, facts.end)))


def _at_keys(facts: Facts, seconds: int) -> Iterator[Fraction]:
    """Yield where segments begin: at the first key frame, then at each that comes late enough."""
    last = facts.video.keys[0]
    yield last
    for key in facts.video.keys:
        if key - last >= seconds and facts.end - key > SEGMENT_SECONDS_MIN:
            yield key
            last = key
    yield facts.end


def _at_pictures(facts: Facts, seconds: int, rate: Fraction) -> Iterator[Fraction]:
    """Yield where segments begin: at the first key frame, then as often as is wanted, with a picture."""
    at, step = facts.video.keys[0], max(1, round(seconds * rate)) / rate
    yield at
    while facts.end - (at := at + step) > SEGMENT_SECONDS_MIN:
        yield at
    yield facts.end


def _pictures(video: Video, bounds: tuple[Fraction, ...], rate: Fraction) -> Pictures:
    keys = tuple(video.keys[max(0, bisect_right(video.keys, bound - LEADING_SECONDS) - 1)] for bound in bounds[:-1])
    return Pictures(rate, keys, int(video.width * video.height * video.rate), video.turned, video.interlaced, video.colors)


def _copied(video: Video) -> Rendition:
    return Rendition(f"{video.lines}p", video.height, False, video.width, video.bits, (video.codecs,), video.rate)


def _encoded(size: tuple[int, int], rate: Fraction) -> Rendition:
    (width, height), level = size, ladder.level(*size, rate)
    # High profile without constraints (RFC 6381, 3.3)
    return Rendition(f"{min(size)}p", height, False, width, ladder.bits(*size, rate), (f"avc1.6400{level:02x}",), rate, level)
