"""Decodes a source: pictures from a key frame on, sound from its beginning. Runs in a cell.

Each goes on as long as it can. If it can't it begins anew, with a source that was opened anew: so what is decoded depends on nothing but
where it begins, and not on what was decoded before.
"""

from __future__ import annotations

import gc
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain, dropwhile
from math import ceil
from typing import Any

import av
import av.error
import av.filter

from .plan import AUDIO_FRAME, AUDIO_RATE, TICKS, Pictures, Plan, Refused
from .source import Source, demultiplexed

LEAD_SECONDS = 4
"""What is read before a key frame, so that what libav works out of timestamps by itself has settled."""

EARLY_SECONDS = 1
"""A source whose pictures end so much before it says is damaged."""

SOUND_HELD = 12
"""Frames of sound that are kept, for those who want them again."""

APART_SECONDS = Fraction(1, 20)
"""Sound that comes more apart from the sound before it than that is a gap, or a leap back; less is how containers round."""

SAMPLE_BYTES = 4
_TURNS = {90: ["transpose=clock"], 180: ["hflip", "vflip"], 270: ["transpose=cclock"]}

Opened = Callable[[], Source]
"""Opens the source anew."""


@dataclass(frozen=True)
class _Shown:
    """A picture, and the seconds at which it begins and ends to be shown, as the source says."""

    begin: Fraction
    end: Fraction
    picture: Any


class PictureDecoder:
    """Gives the pictures that are shown at the moments of a plan.

    Args:
        opened: Opens the source.
        plan: The plan; it has pictures.
    """

    def __init__(self, opened: Opened, plan: Plan) -> None:
        self._opened = opened
        self._plan = plan
        self._how: Pictures = plan.pictures  # type: ignore[assignment]
        self._key: Fraction | None = None
        self._after = 0
        self._told = False
        self._found: Iterator[_Shown] = iter(())
        self._shown: _Shown | None = None
        self._next: _Shown | None = None

    def segment(self, number: int) -> Iterator[Any]:
        """Yield what is shown at each moment of a segment: the last picture that begins before half of its time is over.

        Raises:
            Refused: There is none.
        """
        if self._key != self._how.keys[number] or number < self._after:
            self._begin(number)
        self._after = number + 1
        half = 1 / (2 * self._how.rate)
        for moment in self._plan.moments(number)[:-1]:
            end = Fraction(moment, TICKS) + half
            while self._next is not None and (self._shown is None or self._next.begin < end):
                self._shown, self._next = self._next, next(self._found, None)
            last = self._told and self._next is None
            if self._shown is None or (last and Fraction(moment, TICKS) > self._shown.end + EARLY_SECONDS):
                raise Refused(f"it has no pictures at {moment / TICKS:.1f} s: it ends early, or is damaged there")
            yield self._shown.picture

    def _begin(self, number: int) -> None:
        self._found, self._shown, self._next = iter(()), None, None
        gc.collect()  # what was open is part of circles, and has many pictures
        source, self._key, how = self._opened(), self._how.keys[number], self._how
        self._told = bool(source.video.duration)
        self._found = _timed(prepared(_pictures(source, self._key, self._plan.wait), how.turned, how.interlaced))
        self._next = next(self._found, None)


class SoundDecoder:
    """Gives frames of sound as the encoder of AAC wants them: stereo, 48,000 samples a second, counted from the source's second 0.

    Where the source has no sound they are silent.

    Args:
        opened: Opens the source.
    """

    def __init__(self, opened: Opened) -> None:
        self._opened = opened
        self._at: int | None = None
        self._pieces: Iterator[tuple[int, list[memoryview]]] = iter(())
        self._held: deque[tuple[int, list[memoryview]]] = deque()

    def frames(self, wanted: range) -> Iterator[list[bytes]]:
        """Yield frames in a row, each as the bytes of its two channels. For those long before the last ones it begins anew."""
        if self._at is None or wanted.start < self._at - SOUND_HELD:
            self._pieces, self._held = iter(()), deque()
            gc.collect()
            self._pieces = _placed(_resampled(_sound(self._opened())))
        for number in wanted:
            self._at = number
            yield self._frame(number * AUDIO_FRAME)

    def _frame(self, begin: int) -> list[bytes]:
        end = begin + AUDIO_FRAME
        while not self._held or self._held[-1][0] < end:
            piece = next(self._pieces, None)
            if piece is None:
                break
            self._held.append(piece)
            self._drop(begin)
        channels = [bytearray(AUDIO_FRAME * SAMPLE_BYTES) for _ in range(2)]
        for at, planes in self._held:
            first, last = max(at, begin), min(at + _length(planes), end)
            if first < last:
                for channel, samples in zip(channels, planes, strict=True):
                    taken = samples[(first - at) * SAMPLE_BYTES : (last - at) * SAMPLE_BYTES]
                    channel[(first - begin) * SAMPLE_BYTES : (last - begin) * SAMPLE_BYTES] = taken
        return [bytes(channel) for channel in channels]

    def _drop(self, begin: int) -> None:
        kept = begin - SOUND_HELD * AUDIO_FRAME
        while self._held and self._held[0][0] + _length(self._held[0][1]) <= kept:
            self._held.popleft()


def packets(source: Source, key: Fraction, wait: Fraction) -> Iterator[Any]:
    """Yield a source's packets of video from a key frame on.

    Args:
        source: Nothing else of it is read any more.
        key: Second at which the key frame is shown.
        wait: Seconds between when it is decoded and when it is shown.
    """
    stream = source.only(source.video)
    base = stream.time_base
    source.container.seek(ceil((key - wait - LEAD_SECONDS) / base), stream=stream, backward=True)
    ticks, waited = ceil(key / base), ceil(wait / base)
    found = demultiplexed(source.container, [stream])
    yield from dropwhile(lambda packet: not packet.is_keyframe or packet.dts + waited < ticks, found)


def _pictures(source: Source, key: Fraction, wait: Fraction) -> Iterator[Any]:
    """Yield decoded pictures from a key frame on."""
    yield from decoded(source.video, packets(source, key, wait))
    source.container.close()


def _sound(source: Source) -> Iterator[Any]:
    """Yield decoded sound from its beginning on."""
    stream = source.only(source.audio)
    yield from decoded(stream, demultiplexed(source.container, [stream]))
    source.container.close()


def decoded(stream: Any, packets: Iterator[Any]) -> Iterator[Any]:
    """Yield what packets become: nothing, if they are damaged. What comes before is shown for longer then."""
    context = stream.codec_context
    if not context.is_open:
        context.thread_count = 1
    for packet in chain(packets, [None]):
        try:
            frames = context.decode(packet)
        except MemoryError:
            raise
        except av.error.FFmpegError:
            continue
        for frame in frames:
            frame.time_base = stream.time_base
            yield frame


def _timed(pictures: Iterator[Any]) -> Iterator[_Shown]:
    """Yield pictures with their times. One that has none is left out."""
    for picture in pictures:
        if picture.pts is not None:
            yield _Shown(picture.pts * picture.time_base, (picture.pts + (picture.duration or 0)) * picture.time_base, picture)


def prepared(pictures: Iterator[Any], turned: int, interlaced: bool) -> Iterator[Any]:
    """Yield pictures that are upright, and no fields.

    Args:
        pictures: As they are decoded.
        turned, interlaced: The source's (plan.py).
    """
    filters = [*(["bwdif=mode=send_frame:deint=interlaced"] if interlaced else []), *_TURNS.get(turned, [])]
    if not filters:
        yield from pictures
        return
    graph, kind = None, None
    for picture in pictures:
        if kind != (picture.width, picture.height, picture.format.name):
            yield from through(graph, None)
            kind = (picture.width, picture.height, picture.format.name)
            graph = filtering(picture, filters)
        yield from through(graph, picture)
    yield from through(graph, None)


def filtering(picture: Any, filters: list[str]) -> Any:
    """Return libav's filters, in a row, for pictures like this one."""
    graph = av.filter.Graph()
    graph.threads = 1
    source = graph.add_buffer(width=picture.width, height=picture.height, format=picture.format, time_base=picture.time_base)
    graph.link_nodes(source, *(graph.add(*each.split("=", 1)) for each in filters), graph.add("buffersink")).configure()
    return graph


def through(graph: Any, picture: Any) -> Iterator[Any]:
    """Yield what comes out of filters for a picture; for none, what they still have."""
    if graph is None:
        return
    graph.vpush(picture)
    while True:
        try:
            yield graph.vpull()
        except (av.error.BlockingIOError, av.error.EOFError):
            return


def _resampled(frames: Iterator[Any]) -> Iterator[tuple[Fraction | None, Any]]:
    """Yield sound in stereo at 48,000 a second, with the second at which the source says that it begins, where sound does not just go on.

    Sound goes on where it is as long as its timestamps say, give or take what containers round.
    """
    resampler: Any = None
    kind, clock = None, Fraction(0)
    said: Fraction | None = None
    for frame in frames:
        if frame.pts is None and resampler is None:
            continue
        told = clock if frame.pts is None else frame.pts * frame.time_base
        if resampler is None or kind != (frame.format.name, frame.layout.name, frame.sample_rate) or abs(told - clock) > APART_SECONDS:
            yield from ((None, each) for each in (resampler.resample(None) if resampler else []))
            kind = (frame.format.name, frame.layout.name, frame.sample_rate)
            resampler, clock, said = av.AudioResampler("fltp", "stereo", AUDIO_RATE), told, told
        clock += Fraction(frame.samples, frame.sample_rate)
        frame.pts = None
        for each in resampler.resample(frame):
            yield said, each
            said = None
    yield from ((None, each) for each in (resampler.resample(None) if resampler else []))


def _placed(sounds: Iterator[tuple[Fraction | None, Any]]) -> Iterator[tuple[int, list[memoryview]]]:
    """Yield sound with the number of its first sample, none of them twice."""
    at = end = None
    for said, frame in sounds:
        at = round(said * AUDIO_RATE) if said is not None else at
        if at is None:
            continue
        planes = [memoryview(bytes(plane))[: frame.samples * SAMPLE_BYTES] for plane in frame.planes]
        late = 0 if end is None else min(max(0, end - at), frame.samples)
        if late < frame.samples:
            yield at + late, [plane[late * SAMPLE_BYTES :] for plane in planes]
        at += frame.samples
        end = at if end is None else max(end, at)


def _length(piece: list[memoryview]) -> int:
    return len(piece[0]) // SAMPLE_BYTES
