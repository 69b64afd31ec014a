"""Which pictures are shown before and beside a video: a poster, and a storyboard to find one's way by. Pure.

All are key frames: these can be decoded by themselves, so that even a long video's cost next to nothing. A tile of the storyboard stands
for what comes from its key frame to the next one that is taken, and is the first picture of that.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

from . import ladder
from .plan import DECODED, EFFORT_SECONDS, SEGMENT_SECONDS, Facts

POSTER, TRACK = "poster.jpg", "storyboard.vtt"
POSTER_PIXELS, TILE_PIXELS = 1280, 160
"""Of the longer side, at most."""

POSTER_PLACES = (Fraction(1, 10), Fraction(1, 4), Fraction(1, 2), Fraction(3, 4), Fraction(0))
"""Where in the video a poster is looked for; the first that is not of one colour is taken."""

TILES_MAX = 200
ACROSS, DOWN = 10, 10
"""Tiles of a sprite, at most."""


@dataclass(frozen=True)
class Still:
    """A picture that is made of key frames.

    Attributes:
        name: Its name.
        keys: Seconds at which its key frames are shown: each a tile, or one of them is chosen.
        width, height: Of a tile.
        across, down: Tiles in a row, and rows; 0: it is one picture, of the first key frame that shows something.
        wait, turned, interlaced: The source's (plan.py).
        effort: Seconds of the processor that it may take.
    """

    name: str
    keys: tuple[Fraction, ...]
    width: int
    height: int
    across: int
    down: int
    wait: Fraction
    turned: int
    interlaced: bool
    effort: float


def stills(facts: Facts) -> Iterator[Still]:
    """Yield the pictures of a source: the poster, then the storyboard's sprites."""
    yield _still(facts, POSTER, _looked_for(facts), POSTER_PIXELS, 0, 0)
    tiles, most = _tiles(facts), ACROSS * DOWN
    for number, first in enumerate(range(0, len(tiles), most)):
        keys = tiles[first : first + most]
        across = min(ACROSS, len(keys))
        yield _still(facts, sprite(number), keys, TILE_PIXELS, across, -(-len(keys) // across))


def sprite(number: int) -> str:
    """Return a sprite's name, by its number from 0."""
    return f"storyboard-{number}.jpg"


def track(facts: Facts) -> str:
    """Return the storyboard as WebVTT (W3C): which part of which sprite is shown for which seconds, counted from the video's beginning.

    The part is told as a fragment of the sprite's URL (W3C, Media Fragments URI, 4.2.2), as players take it.
    """
    keys = _tiles(facts)
    width, height = ladder.within(facts.video.width, facts.video.height, TILE_PIXELS)
    cues = []
    for place, (begin, end) in enumerate(pairwise((*keys, facts.end))):
        number, within = divmod(place, ACROSS * DOWN)
        row, column = divmod(within, ACROSS)
        where = f"{sprite(number)}#xywh={column * width},{row * height},{width},{height}"
        cues.append(f"{_clock(begin - keys[0])} --> {_clock(end - keys[0])}\n{where}\n")
    return "\n".join(["WEBVTT\n", *cues])


def _still(facts: Facts, name: str, keys: tuple[Fraction, ...], longer: int, across: int, down: int) -> Still:
    video = facts.video
    effort = EFFORT_SECONDS + len(keys) * video.width * video.height / DECODED
    size = ladder.within(video.width, video.height, longer)
    return Still(name, keys, *size, across, down, video.wait, video.turned, video.interlaced, effort)


def _tiles(facts: Facts) -> tuple[Fraction, ...]:
    """Return the key frames that are tiles: none sooner after another than segments are, and so many of them at most."""
    first, *others = facts.video.keys
    step = max(Fraction(SEGMENT_SECONDS), (facts.end - first) / TILES_MAX)
    found = [first]
    for key in others:
        if key - found[-1] >= step:
            found.append(key)
    return tuple(found)


def _looked_for(facts: Facts) -> tuple[Fraction, ...]:
    keys = facts.video.keys
    moments = (keys[0] + place * (facts.end - keys[0]) for place in POSTER_PLACES)
    return tuple(dict.fromkeys(max(key for key in keys if key <= moment) for moment in moments))


def _clock(seconds: Fraction) -> str:
    whole, thousandths = divmod(round(seconds * 1000), 1000)
    return f"{whole // 3600:02}:{whole // 60 % 60:02}:{whole % 60:02}.{thousandths:03}"
