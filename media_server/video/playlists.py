"""Playlists of HLS (RFC 8216) and the manifest of DASH (ISO/IEC 23009-1): what players are told. Pure, from the plan and what was made."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import groupby, pairwise
from xml.etree import ElementTree

from . import pssh
from .offer import AES128, CBCS, Wanted
from .plan import Rendition

INDEX, MASTER, DASH = "index.m3u8", "master.m3u8", "manifest.mpd"
TYPES = {
    "m3u8": "application/vnd.apple.mpegurl",
    "mpd": "application/dash+xml",
    "ts": "video/mp2t",
    "m4s": "video/iso.segment",
    "mp4": "video/mp4",
}
"""Content types by suffix."""

SCALE = 90_000
"""A second, in ticks of DASH."""

CLEARKEY_DASH = "urn:uuid:e2719d58-a985-b3c9-781a-b030af78d30e"
_MPD, _CENC, _DASHIF = "urn:mpeg:dash:schema:mpd:2011", "urn:mpeg:cenc:2013", "https://dashif.org/CPS"


@dataclass(frozen=True)
class Made:
    """What players are told of.

    Attributes:
        wanted: What was made; only key ids and IVs are told of its keys.
        sizes: Bytes of each rendition's segments, by its name.
    """

    wanted: Wanted
    sizes: Mapping[str, Sequence[int]]

    def bits(self, rendition: Rendition) -> tuple[int, int]:
        """Return a rendition's bits a second: at most in a segment, and altogether."""
        sizes, durations = self.sizes[rendition.name], self.wanted.plan.durations
        peak = max(Fraction(8 * size) / duration for size, duration in zip(sizes, durations, strict=True))
        return int(peak) + 1, int(8 * sum(sizes) / sum(durations)) + 1


def all_of(made: Made) -> Iterator[tuple[str, str]]:
    """Yield all playlists with their paths; what leads to the others comes last."""
    for one in made.wanted.renditions:
        yield f"{one.name}/{INDEX}", index(made.wanted, one)
    if made.wanted.offer.profile == CBCS:
        yield DASH, dash(made)
    yield MASTER, master(made)


def master(made: Made) -> str:
    """Return the master playlist of HLS."""
    renditions = made.wanted.renditions
    audio = next((one for one in renditions if not one.video), None)
    lines = ["#EXTM3U", "#EXT-X-VERSION:7", "#EXT-X-INDEPENDENT-SEGMENTS"]
    if audio:
        lines.append(f'#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="audio",NAME="audio",DEFAULT=YES,AUTOSELECT=YES,URI="{audio.name}/{INDEX}"')
    for one in renditions:
        if one.video:
            peak, average = (sum(pair) for pair in zip(made.bits(one), made.bits(audio) if audio else (0, 0), strict=True))
            codecs = ",".join((*one.codecs, *(audio.codecs if audio else ())))
            said = f'BANDWIDTH={peak},AVERAGE-BANDWIDTH={average},CODECS="{codecs}",RESOLUTION={one.width}x{one.video}'
            said += f",FRAME-RATE={float(one.rate):.3f}" if one.rate else ""
            lines += [f"#EXT-X-STREAM-INF:{said}" + (',AUDIO="audio"' if audio else ""), f"{one.name}/{INDEX}"]
    return "\n".join(lines) + "\n"


def index(wanted: Wanted, rendition: Rendition) -> str:
    """Return a rendition's playlist of HLS."""
    durations = wanted.plan.durations
    lines = ["#EXTM3U", "#EXT-X-VERSION:7", f"#EXT-X-TARGETDURATION:{max(round(each) for each in durations) or 1}"]
    lines += ["#EXT-X-PLAYLIST-TYPE:VOD", "#EXT-X-MEDIA-SEQUENCE:0", "#EXT-X-INDEPENDENT-SEGMENTS"]
    said: list[str] = []
    for number, duration in enumerate(durations):
        before = _before(wanted, rendition, number)
        lines += [each for each in before if each not in said]
        lines += [f"#EXTINF:{float(duration):.6f},", wanted.segment(number)]
        said = before
    return "\n".join([*lines, "#EXT-X-ENDLIST"]) + "\n"


def dash(made: Made) -> str:
    """Return the manifest of DASH, for the profile `cbcs`: each period of a key is one of its own there."""
    plan = made.wanted.plan
    begins = [int((bound + plan.shift) * SCALE) for bound in plan.bounds]
    root = _element(
        None,
        "MPD",
        {
            "xmlns": _MPD,
            "xmlns:cenc": _CENC,
            "xmlns:dashif": _DASHIF,
            "type": "static",
            "profiles": "urn:mpeg:dash:profile:isoff-live:2011",
        },
        mediaPresentationDuration=_lasting(begins[-1] - begins[0]),
        minBufferTime="PT4S",
    )
    bits = {one.name: str(made.bits(one)[0]) for one in made.wanted.renditions}
    for number in range(plan.periods):
        segments = plan.segments_of(number)
        period = _element(root, "Period", id=str(number), start=_lasting(begins[segments.start] - begins[0]))
        for kind, group in groupby(made.wanted.renditions, key=lambda one: "video" if one.video else "audio"):
            attributes = {"contentType": kind, "mimeType": f"{kind}/mp4", "segmentAlignment": "true", "startWithSAP": "1"}
            adaptation = _element(period, "AdaptationSet", attributes)
            for one in group:
                size = {"width": str(one.width), "height": str(one.video)} if one.video else {}
                size |= {"frameRate": str(one.rate)} if one.rate else {}
                said = _element(adaptation, "Representation", size, id=one.name, bandwidth=bits[one.name], codecs=one.codecs[0])
                _protected(said, made.wanted, one, segments.start)
                _timeline(said, made.wanted, one, segments.start, begins[segments.start : segments.stop + 1])
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"


def _before(wanted: Wanted, rendition: Rendition, number: int) -> list[str]:
    """Return what has to be said before a segment: its key, and its initialization segment. What is said holds until it is said anew."""
    head, key = wanted.head(number), _key(wanted, rendition, number)
    heads = [f'#EXT-X-MAP:URI="{head}"'] if head else []
    # of `aes128` all that comes behind a key is encrypted as a whole, and that is not
    return [*heads, key] if wanted.offer.profile == AES128 else [key, *heads]


def _key(wanted: Wanted, rendition: Rendition, number: int) -> str:
    place, keys = wanted.place(rendition.name, number), wanted.keys
    if wanted.offer.profile == AES128:
        method, iv = "AES-128", keys.iv(place.profile, place.rendition, number)
    else:
        # of the formats of keys that Shaka Player knows, only this one, `identity`, asks for no licence of a vendor's
        method, iv = "SAMPLE-AES", keys.constant_iv(place)
    return f'#EXT-X-KEY:METHOD={method},URI="{wanted.key_uri(place)}",IV=0x{iv.hex()}'


def _protected(parent: ElementTree.Element, wanted: Wanted, rendition: Rendition, number: int) -> None:
    key_id = wanted.keys.key_id(wanted.place(rendition.name, number))
    scheme = {"schemeIdUri": "urn:mpeg:dash:mp4protection:2011", "value": "cbcs", "cenc:default_KID": str(key_id)}
    _element(parent, "ContentProtection", scheme)
    clearkey = _element(parent, "ContentProtection", {"schemeIdUri": CLEARKEY_DASH, "value": "ClearKey1.0"})
    # of all renditions, in the same words: players ask for one licence then
    key_ids = [wanted.keys.key_id(wanted.place(one.name, number)) for one in wanted.renditions]
    _element(clearkey, "cenc:pssh").text = base64.b64encode(pssh.box(key_ids)).decode()
    _element(clearkey, "dashif:Laurl", {"licenseType": "EME-1.0"}).text = wanted.licence_uri


def _timeline(parent: ElementTree.Element, wanted: Wanted, rendition: Rendition, number: int, begins: Sequence[int]) -> None:
    """Tell of a period's segments, from the first one's number on: when each begins, and when the last one ends."""
    template = _element(
        parent,
        "SegmentTemplate",
        timescale=str(SCALE),
        presentationTimeOffset=str(begins[0]),
        startNumber=str(number),
        initialization=f"{rendition.name}/{wanted.head(number)}",
        media=f"{rendition.name}/{wanted.segment('$Number%05d$')}",
    )
    timeline = _element(template, "SegmentTimeline")
    for begin, duration, repeated in _runs(begins):
        _element(timeline, "S", {"t": str(begin), "d": str(duration), **({"r": str(repeated)} if repeated else {})})


def _lasting(ticks: int) -> str:
    """Return how long something lasts as DASH says it (xs:duration)."""
    return f"PT{ticks / SCALE:.6f}S"


def _runs(begins: Sequence[int]) -> Iterator[tuple[int, int, int]]:
    """Yield runs of segments that last as long: when the first begins, how long each lasts, and how many more there are."""
    pairs = [(begin, after - begin) for begin, after in pairwise(begins)]
    for duration, run in groupby(pairs, key=lambda pair: pair[1]):
        found = [*run]
        yield found[0][0], duration, len(found) - 1


def _element(parent: ElementTree.Element | None, name: str, attributes: Mapping[str, str] = {}, **more: str) -> ElementTree.Element:
    every = {**attributes, **more}
    return ElementTree.Element(name, every) if parent is None else ElementTree.SubElement(parent, name, every)
