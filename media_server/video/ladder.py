"""The steps of a ladder of renditions: how large, how many pictures a second, how many bits, which level of H.264. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

STEPS = (1080, 720, 480, 360)
"""Pixels of the shorter side."""

APART = Fraction(4, 5)
"""Of the step above it: a step that is larger would hardly differ."""

LONGER_MAX = 3840
"""Pixels of the longer side."""

RATE_MAX = 60
RATES = (*map(Fraction, (1, 2, 5, 10, 12, 15, 20)), Fraction(24_000, 1001), Fraction(24), Fraction(25), Fraction(30_000, 1001))
RATES += (Fraction(30), Fraction(48), Fraction(50), Fraction(60_000, 1001), Fraction(60))
"""Pictures a second that are usual."""

NEAR = Fraction(1, 500)
"""What containers say of a rate is as far from it, where they round."""

_BITS = 5_000_000
"""A second at most, of 1920 by 1080 pixels, 30 times a second."""

BITS_MIN = 100_000

_LEVELS = (
    (30, 1_620, 40_500),
    (31, 3_600, 108_000),
    (32, 5_120, 216_000),
    (40, 8_192, 245_760),
    (42, 8_704, 522_240),
    (50, 22_080, 589_824),
    (51, 36_864, 983_040),
    (52, 36_864, 2_073_600),
)
"""Ten times the level, and macroblocks of a picture and a second at most (ITU-T H.264, table A-1). All allow more bits than are offered."""


def sizes(width: int, height: int, below: int | None = None) -> Iterator[tuple[int, int]]:
    """Yield the sizes of renditions, the largest first: even, of the source's shape, not larger than it.

    Args:
        width, height: The source's, in square pixels.
        below: The shorter side of a rendition that there is already; None: there is none, and there is one size at least.
    """
    shorter, longer = sorted((width, height))
    for step in (shorter, *STEPS):
        side = min(step, shorter, STEPS[0], shorter * LONGER_MAX // longer)
        if below is None or side <= below * APART:
            yield _even(width, side, shorter), _even(height, side, shorter)
            below = side


def rate(average: Fraction, steady: bool) -> Fraction:
    """Return how many pictures a second are encoded of a source.

    Args:
        average: Its own.
        steady: Whether they come at this rate throughout. If not, the next usual one is taken.
    """
    while average > RATE_MAX * (1 + NEAR):
        average /= 2
    nearest = min(RATES, key=lambda usual: abs(usual - average))
    if abs(nearest - average) <= nearest * NEAR:
        return nearest
    return average if steady and average >= RATES[0] else next(usual for usual in RATES if usual >= average)


def bits(width: int, height: int, rate: Fraction) -> int:
    """Return how many bits a second there are at most: pixels that are more, or come more often, differ less."""
    return max(BITS_MIN, int(_BITS * (width * height / (1920 * 1080)) ** 0.75 * float(rate / 30) ** 0.5))


def level(width: int, height: int, rate: Fraction) -> int:
    """Return the level of H.264 that a decoder has to have, times ten."""
    blocks = -(-width // 16) * -(-height // 16)
    return next(level for level, picture, second in _LEVELS if blocks <= picture and blocks * rate <= second)


def within(width: int, height: int, longer: int) -> tuple[int, int]:
    """Return the largest even size of a shape whose longer side has so many pixels at most; it is not larger than that is."""
    most = max(width, height)
    return _even(width, min(longer, most), most), _even(height, min(longer, most), most)


def _even(pixels: int, side: int, of: int) -> int:
    """Return the even number that is nearest to what a side becomes if `of` pixels become `side`, and not above it; 2 at least."""
    return max(2, min(2 * round(Fraction(pixels * side, 2 * of)), pixels // 2 * 2))
