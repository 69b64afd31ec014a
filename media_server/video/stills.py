"""Makes the poster, and the storyboard's sprites: key frames are decoded, scaled, put beside one another, and become JPEGs.

Runs in a cell.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from itertools import islice
from statistics import pstdev
from typing import Any

import av
from av.codec.context import Flags
from av.stream import Discard
from av.video.reformatter import ColorRange, Colorspace, Interpolation, VideoReformatter

from .decode import decoded, filtering, packets, prepared, through
from .plan import Refused
from .source import Source
from .storyboard import Still

BYTES_MAX = 512 << 10
"""Of a picture: what has more is made in the next quality, down to the last."""

QUALITIES = (4, 8, 16, 31)
"""Of libav's encoder, from 1 (the best) to 31."""

FLAT = 12.0
"""Of 255 steps: where lightness differs less (standard deviation) nothing is to be seen, or hardly anything."""

_SEEN = 64
"""Pixels of either side of what is looked at to tell."""

_PIXELS = "yuvj420p"
_UNSPECIFIED = 2
"""Of a matrix (ITU-T H.273, table 4): browsers take it as BT.709 then."""

_SCALING = Interpolation.BICUBIC | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT | Interpolation.BITEXACT


def made(source: Source, still: Still) -> bytes:
    """Return a picture of a source, as a JPEG. A key frame that can't be decoded is left out: the one before stands for it too.

    Args:
        source: It; it is closed.
        still: What is made of it.

    Raises:
        Refused: None of its key frames can be decoded, or it is damaged otherwise.
    """
    scaler = VideoReformatter()
    pictures = (_scaled(scaler, picture, still) if picture is not None else None for picture in _decoded(source, still))
    made = _tiled(pictures, still) if still.across else _chosen(pictures)
    if made is None:
        raise Refused("none of its key frames can be decoded: it is damaged")
    source.container.close()
    return _jpeg(made)


def _decoded(source: Source, still: Still) -> Iterator[Any | None]:
    """Yield each key frame as a picture, or None where it is none."""
    source.video.discard = Discard.nonkey  # where there is an index nothing else is read; when they are shown libav gets wrong then
    for key in still.keys:
        found = decoded(source.video, islice(packets(source, key, still.wait), 1))
        yield next(prepared(found, still.turned, still.interlaced), None)


def _chosen(pictures: Iterator[Any | None]) -> Any | None:
    """Return the first picture that shows something, or else the one that shows most."""
    best, most = None, -1.0
    for picture in pictures:
        if picture is not None and (shows := _differing(picture)) > most:
            best, most = picture, shows
            if shows >= FLAT:
                break
    return best


def _differing(picture: Any) -> float:
    """Return how much lightness differs within a picture: its standard deviation, of 255 steps."""
    small = VideoReformatter().reformat(picture, width=_SEEN, height=_SEEN, format="gray", interpolation=_SCALING, threads=1)
    return pstdev(bytes(small.planes[0]))


def _tiled(pictures: Iterator[Any | None], still: Still) -> Any | None:
    """Return pictures beside one another; where the last row is not full it is black."""
    found = [*pictures]
    last = next((each for each in found if each is not None), None)
    if last is None:
        return None
    graph, whole = filtering(last, [f"tile={still.across}x{still.down}"]), None
    for each in found:
        last = last if each is None else each
        whole = next(through(graph, last), whole)
    return next(through(graph, None), whole)


def _scaled(scaler: VideoReformatter, picture: Any, still: Still) -> Any:
    """Return a picture in a size, in the colours of a JPEG: BT.601, full range (JFIF 1.02)."""
    said = {"src_colorspace": Colorspace.ITU709} if picture.colorspace == _UNSPECIFIED else {}
    scaled = scaler.reformat(
        picture,
        width=still.width,
        height=still.height,
        format=_PIXELS,
        dst_colorspace=Colorspace.ITU601,
        dst_color_range=ColorRange.JPEG,
        interpolation=_SCALING,
        threads=1,
        **said,
    )
    scaled.pict_type = 0
    return scaled


def _jpeg(picture: Any) -> bytes:
    data = b""
    for quality in QUALITIES:
        encoder: Any = av.CodecContext.create("mjpeg", "w")
        encoder.width, encoder.height, encoder.pix_fmt = picture.width, picture.height, _PIXELS
        encoder.time_base, encoder.thread_count = Fraction(1), 1
        encoder.flags |= Flags.bitexact
        encoder.options = {"qmin": str(quality), "qmax": str(quality)}
        picture.pts, picture.time_base = 0, encoder.time_base
        data = b"".join(bytes(packet) for packet in (*encoder.encode(picture), *encoder.encode(None)))
        if len(data) <= BYTES_MAX:
            break
    return data
