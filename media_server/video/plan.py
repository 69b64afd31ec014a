"""What will be made of a source: pure, from what was found in it. Kept with the asset, so that every worker makes the same."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

SEGMENT_SECONDS = 4
PERIOD_SEGMENTS = 15
"""A minute of video shares a key."""

ORIGIN = 2
"""Second at which what is made begins, so that what is decoded before it is shown has a time too: timestamps can't be negative."""

SEGMENT_SECONDS_MAX = 20
"""A key frame must come as often: players load a segment before they show it."""

SEGMENT_SECONDS_MIN = Fraction(1, 2)
"""Of the last one: a shorter rest belongs to the one before."""

AUDIO_RATES = (44_100, 48_000)
COPIED_HEIGHT = 1080
COPIED_BITS = 10_000_000
"""A source of at most this is offered as it is, if its codec and its key frames let it."""


class Refused(Exception):
    """Nothing can be made of this source; the text says why, to whoever uploaded it."""


@dataclass(frozen=True)
class Video:
    """A source's video.

    Attributes:
        codec: libav's name.
        width, height: In pixels, as it is shown.
        pixels: libav's name of their format.
        bits: A second; 0: unknown.
        rate: Frames a second.
        keys: Seconds at which its key frames are shown, ascending.
        wait: Seconds between when a key frame is decoded and when it is shown.
        codecs: What playlists call it (RFC 6381).
        turned: Whether players have to turn it.
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
    turned: bool = False


@dataclass(frozen=True)
class Audio:
    """A source's audio: codec and profile by libav's names, samples a second, channels, bits a second (0: unknown), name in playlists."""

    codec: str
    profile: str
    rate: int
    channels: int
    bits: int
    codecs: str


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
        bits: A second, as far as they are known beforehand.
        codecs: What playlists call them (RFC 6381).
    """

    name: str
    video: int
    audio: bool
    width: int
    bits: int
    codecs: tuple[str, ...]


@dataclass(frozen=True)
class Plan:
    """What is made of a source.

    Attributes:
        renditions: The best first.
        bounds: Seconds of the source at which segments begin, and its end: one more than there are segments.
        wait: Seconds between when a key frame of the source is decoded and when it is shown.
        period: Segments that share a key.
    """

    renditions: tuple[Rendition, ...]
    bounds: tuple[Fraction, ...]
    wait: Fraction
    period: int

    @property
    def segments(self) -> int:
        """How many segments each rendition has."""
        return len(self.bounds) - 1

    @property
    def shift(self) -> int:
        """Whole seconds that are added to the source's timestamps."""
        return ORIGIN - self.bounds[0].__floor__()

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


def plan(facts: Facts, *, muxed: bool, seconds: int = SEGMENT_SECONDS, period: int | None = PERIOD_SEGMENTS) -> Plan:
    """Return what is made of a source.

    Args:
        facts: What was found in it.
        muxed: Whether video carries the audio (MPEG-TS), or audio is a rendition of its own.
        seconds: That a segment lasts at least.
        period: Segments that share a key; None: all.

    Raises:
        Refused: Nothing can be made of it.
    """
    _check(facts)
    bounds = tuple(_at_keys(facts, seconds))
    return Plan(tuple(_renditions(facts, muxed)), bounds, facts.video.wait, period or len(bounds) - 1)


def _check(facts: Facts) -> None:
    video, audio = facts.video, facts.audio
    if video.codec != "h264" or video.pixels not in ("yuv420p", "yuvj420p"):
        raise Refused(f"its video is {video.codec} ({video.pixels or 'unknown'}), and browsers play H.264 in yuv420p")
    if video.height > COPIED_HEIGHT or video.bits > COPIED_BITS:
        raise Refused(f"it has {video.height} lines and {video.bits} bits a second, and {COPIED_HEIGHT} and {COPIED_BITS} are the most")
    if video.turned:
        raise Refused("it has to be turned to be looked at")
    apart = max((after - before for before, after in pairwise((*video.keys, facts.end))), default=Fraction(0))
    if apart > SEGMENT_SECONDS_MAX:
        raise Refused(f"its key frames are {float(apart):.1f} s apart, and {SEGMENT_SECONDS_MAX} s are the most")
    if audio is not None and not (audio.codec == "aac" and audio.profile == "LC" and audio.channels <= 2 and audio.rate in AUDIO_RATES):
        said = f"{audio.codec} {audio.profile} with {audio.channels} channels, {audio.rate} a second"
        raise Refused(f"its audio is {said}, and what is offered is AAC LC in stereo at 44,100 or 48,000")


def _at_keys(facts: Facts, seconds: int) -> Iterator[Fraction]:
    """Yield where segments begin: at the first key frame, then at each that comes late enough."""
    last = facts.video.keys[0]
    yield last
    for key in facts.video.keys:
        if key - last >= seconds and facts.end - key > SEGMENT_SECONDS_MIN:
            yield key
            last = key
    yield facts.end


def _renditions(facts: Facts, muxed: bool) -> Iterator[Rendition]:
    video, audio = facts.video, facts.audio
    carried = [audio.codecs] if audio is not None and muxed else []
    yield Rendition(f"{video.height}p", video.height, bool(carried), video.width, video.bits, (video.codecs, *carried))
    if audio is not None and not muxed:
        yield Rendition("audio", 0, True, 0, audio.bits, (audio.codecs,))
