"""What is encoded is what the source shows and sounds like, judged by Debian's ffmpeg; and each segment is the same, whenever it is made."""

from __future__ import annotations

import math
import os
import re
import signal
import statistics
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import av
import numpy as np
import pytest

from media_server.cell.client import Cell, Upload
from media_server.package import package
from media_server.records import Range
from media_server.video import cbcs, h264
from media_server.video.offer import Offer, Wanted
from media_server.video.plan import AUDIO_FRAME, AUDIO_RATE, Plan, Refused

from .directory import Directory
from .test_package import FMP4, SAMPLES, TS, decrypted, packets, unsealed, wanted
from .videos import KEYS, SOURCES, USER, encoded, frames, run, sealed

TONE, BEGINS = 330, 1.0
"""Of all sources: hertz, and the second at which it begins."""


@dataclass(frozen=True)
class Expected:
    """What is made of a source.

    Attributes:
        sizes: Of its renditions.
        rate: Pictures a second.
        frames: Pictures altogether.
        lasting: How often the last one is shown again, as long as there is sound.
        copied: What is copied: `v`, `a`.
        reference: What ffmpeg has to do with the source to show the same.
        likeness: PSNR of each picture at least.
    """

    sizes: tuple[tuple[int, int], ...] = ((192, 108),)
    rate: Fraction = Fraction(25)
    frames: int = 150
    lasting: int = 0
    copied: str = ""
    reference: str = "null"
    likeness: float = 25


EXPECTED = {
    "hevc, 10 bit, opus": Expected(),
    "hevc with aac": Expected(copied="a"),
    "vp9 of odd size, opus": Expected(sizes=((190, 106),)),
    "vp8 without audio": Expected(),
    "av1, flac": Expected(),
    "prores, pcm": Expected(),
    "mpeg2, interlaced, ac3 5.1": Expected(sizes=((192, 144),), reference="bwdif=0"),
    "h264, interlaced, in mpeg-ts": Expected(sizes=((192, 144),), copied="a", reference="bwdif=0"),
    "mpeg4 in pixels that are not square, mp3": Expected(),
    "h264 in 4:4:4, vorbis": Expected(),
    "h264 with mp3": Expected(copied="v"),
    "h264, turned": Expected(sizes=((108, 192),), copied="a"),
    "hevc, portrait": Expected(sizes=((108, 192),), copied="a"),
    "hevc, variable rate": Expected(reference="fps=25"),
    "hevc, 100 a second": Expected(rate=Fraction(50), frames=300, reference="fps=50", likeness=20),
    "hevc, audio ends early": Expected(),
    "h264, audio ends early": Expected(copied="v"),
    "hevc, audio ends late": Expected(copied="a"),
    "hevc, audio ends late in matroska": Expected(lasting=75),
    "hevc, 450 lines": Expected(sizes=((480, 450), (384, 360)), frames=125),
    "h264, 450 lines": Expected(sizes=((480, 450), (384, 360)), frames=125, copied="va"),
}


@dataclass(frozen=True)
class Outcome:
    """What was made of a source: where, what, and its objects."""

    source: Path
    top: Path
    wanted: Wanted
    objects: dict[str, str]

    @property
    def plan(self) -> Plan:
        return self.wanted.plan


OutcomeOf = Callable[[str, Offer], Outcome]


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> OutcomeOf:
    """What is made of a source, in the clear too but of `cbcs`."""
    top = tmp_path_factory.mktemp("encoded")
    found: dict[tuple[str, Offer], Outcome] = {}

    def of(name: str, offer: Offer) -> Outcome:
        number = [*SOURCES].index(name)
        source = top / f"{number}.{SOURCES[name].suffix}"
        if not source.exists():
            encoded(source, SOURCES[name])
        if (name, offer) not in found:
            out = top / f"{number}-{offer.profile}-{offer.container}"
            with Cell(source, USER) as cell:
                what = wanted(cell, offer)
                found[name, offer] = Outcome(source, out / offer.profile, what, package([cell], [what], Directory(out)))
            for one in what.renditions if offer != SAMPLES else ():
                clear(out / offer.profile, one.name, offer).write_bytes(decrypted(out, one.name))
        return found[name, offer]

    return of


def clear(top: Path, rendition: str, offer: Offer) -> Path:
    return top / f"{rendition}.{'ts' if offer == TS else 'mp4'}"


def likeness(made: Path, source: Path, size: tuple[int, int], reference: str, later: int = 0) -> list[float]:
    """Return the PSNR of each picture, compared with the source's picture of its number, or that of a later one."""
    width, height = size
    shown = f"[1:v]{reference},scale={width}:{height}:flags=bicubic+accurate_rnd+full_chroma_int,setsar=1,format=yuv420p,trim=start_frame={later}"
    graph = f"[0:v]settb=1/25,setpts=N[a];{shown},settb=1/25,setpts=N[b];[a][b]psnr=shortest=1:stats_file=-"
    said = run("-i", made, "-i", source, "-filter_complex", graph, "-f", "null", "-")
    return [float(each) for each in re.findall(r"psnr_avg:(\S+)", said)]


def times(path: Path, kind: str) -> list[tuple[Fraction, int]]:
    """Return when each frame begins, in seconds, and its samples."""
    with av.open(str(path)) as container:
        stream = next(one for one in container.streams if one.type == kind)
        return [(frame.pts * stream.time_base, getattr(frame, "samples", 0)) for frame in container.decode(stream)]


def sound(path: Path) -> Any:
    """Return the first channel's samples."""
    out = path.with_suffix(".f32")
    run("-i", path, "-map", "0:a", "-af", "pan=mono|c0=c0", "-f", "f32le", out)
    return np.fromfile(out, "<f4")


@pytest.mark.parametrize("name", EXPECTED)
def test_pictures_are_the_sources(outcome: OutcomeOf, name: str) -> None:
    expected, of = EXPECTED[name], outcome(name, TS)
    videos = [one for one in of.plan.renditions if one.video]
    assert [(one.width, one.video) for one in videos] == [*expected.sizes]
    assert ("v" in expected.copied) == (not videos[0].level)
    assert ("a" in expected.copied) == (bool(SOURCES[name].audio) and not of.plan.audio_encoded)
    for one in videos:
        made = clear(of.top, one.name, TS)
        found = likeness(made, of.source, (one.width, one.video), expected.reference)
        assert len(found) == expected.frames
        assert min(found) > expected.likeness, "a picture is not the source's"
        beside = likeness(made, of.source, (one.width, one.video), expected.reference, 1)
        assert statistics.median(beside) < 20, "this can't tell pictures from those after them"
        shown = [at for at, _ in times(made, "video")]
        assert len(shown) == expected.frames + expected.lasting
        begin = of.plan.bounds[0] + of.plan.shift
        for place, at in enumerate(shown):
            assert abs(at - begin - place / expected.rate) <= Fraction(1, 900 if one.level else 400), "it is shown at another time"


@pytest.mark.parametrize("name", [name for name, kind in SOURCES.items() if kind.audio])
def test_sound_is_the_sources(outcome: OutcomeOf, name: str) -> None:
    of, kind = outcome(name, TS), SOURCES[name]
    made = clear(of.top, of.plan.renditions[0].name, TS)
    heard = times(made, "audio")
    rate = AUDIO_RATE if of.plan.audio_encoded else 48_000
    for (at, samples), (after, _) in pairwise(heard):
        rounded = Fraction(2, 90_000) if of.plan.audio_encoded else Fraction(1, 1000)
        assert abs(after - at - Fraction(samples, rate)) < rounded, "there is a gap, or sound comes twice"
    if of.plan.audio_encoded:
        frames = sum(len(of.plan.frames(number)) for number in range(of.plan.segments))
        assert sum(samples for _, samples in heard) == frames * AUDIO_FRAME
        assert abs(heard[-1][0] + Fraction(AUDIO_FRAME, rate) - of.plan.bounds[-1] - of.plan.shift) < Fraction(AUDIO_FRAME, rate)
    samples = sound(made)
    loud = np.flatnonzero(np.abs(samples) > 0.02)
    begin = float(heard[0][0] - of.plan.shift) + loud[0] / rate
    assert abs(begin - float(of.plan.bounds[0]) - BEGINS) < 0.02, "sound and pictures lie apart"
    end = min(kind.audio_seconds, float(of.plan.bounds[-1])) - BEGINS
    tone = samples[loud[0] + 2000 : loud[0] + int(rate * end) - 4000]
    assert len(tone) > rate * 0.3
    assert max(np.abs(off_the_tone(tone, rate))) < 0.001, "it clicks"
    if kind.audio_seconds < kind.seconds:
        assert max(np.abs(samples[loud[0] + int(rate * end) + 4000 :])) < 0.001, "there is sound where the source has none"


def off_the_tone(samples: Any, rate: int) -> Any:
    """Return what is left of samples without the tone: three samples of a tone in a row sum up to nothing, if they are weighted."""
    return samples[2:] + samples[:-2] - 2 * math.cos(2 * math.pi * TONE / rate) * samples[1:-1]


@pytest.mark.parametrize("name", ["h264, 450 lines", "h264, audio ends early"])
def test_each_container_has_the_same(outcome: OutcomeOf, name: str) -> None:
    as_ts, as_fmp4, as_samples = (outcome(name, offer) for offer in (TS, FMP4, SAMPLES))
    videos = as_ts.wanted.renditions
    for of in (as_fmp4, as_samples):
        assert of.plan == as_ts.plan
        assert [one.name for one in of.wanted.renditions] == [*(one.name for one in videos), "audio"]
    for one in as_fmp4.wanted.renditions:
        kind = "video" if one.video else "audio"
        made = clear(as_fmp4.top, one.name, FMP4)
        assert frames(made, kind[0]) == frames(clear(as_ts.top, one.name if one.video else videos[0].name, TS), kind[0])
        assert unsealed(as_samples.top.parent, as_samples.wanted, one) == packets(made, kind)


def test_each_encoded_picture_is_one_slice(outcome: OutcomeOf) -> None:
    of = outcome("h264, 450 lines", FMP4)
    with av.open(str(clear(of.top, "360p", FMP4))) as container:
        counts = [sum(unit in (h264.SLICE, h264.SLICE_IDR) for unit in units(bytes(packet))) for packet in container.demux() if packet.size]
    assert counts == [1] * 125


def units(sample: bytes) -> Iterator[int]:
    """Yield the kinds of a sample's NAL units."""
    at = 0
    while at < len(sample):
        length = int.from_bytes(sample[at : at + 4])
        yield sample[at + 4] & 31
        at += 4 + length


@pytest.mark.parametrize("name", SOURCES)
def test_a_segment_does_not_depend_on_those_before(outcome: OutcomeOf, name: str) -> None:
    """From the last to the first: nothing that a cell has decoded helps it."""
    of, made = outcome(name, TS), {}
    with Cell(of.source, USER) as cell:
        cell.open()
        cell.follow(of.plan)
        for number in reversed(range(of.plan.segments)):
            for one in reversed(of.wanted.renditions):
                made[of.wanted.path(one.name, of.wanted.segment(number))] = cell.make(one.name, number, of.wanted).sha256.hex()
    assert len(made) == of.plan.segments * len(of.wanted.renditions) >= 2
    assert made.items() <= of.objects.items()


def test_several_cells_make_the_same_as_one(outcome: OutcomeOf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("media_server.package.RUN", 1)
    of = outcome("hevc, 450 lines", FMP4)
    with Cell(of.source, USER) as one, Cell(of.source, USER) as other:
        for cell in (one, other):
            cell.open()
        assert package([one, other], [of.wanted], Directory(tmp_path)) == of.objects


@pytest.mark.parametrize("name", ["hevc, 450 lines", "h264, 450 lines"])
def test_what_two_profiles_have_in_common_is_read_and_encoded_once(outcome: OutcomeOf, tmp_path: Path, name: str) -> None:
    one, other = (outcome(name, offer) for offer in (TS, SAMPLES))
    data = one.source.read_bytes()
    lies = sealed(KEYS.upload, data)

    def read_for(*wanted: Wanted) -> tuple[list[Range], dict[str, str]]:
        """Return what was read of the source, and what was made."""
        ranges = []

        def fetch(where: Range) -> bytes:
            ranges.append(where)
            return lies[where.begin : where.end]

        with Cell(Upload(KEYS.upload, len(data), fetch), USER) as cell:
            cell.open()
            return ranges, package([cell], wanted, Directory(tmp_path / str(len(wanted))))

    alone, _ = read_for(one.wanted)
    together, objects = read_for(one.wanted, other.wanted)
    assert together == alone
    assert objects == one.objects | other.objects


def test_playlists_tell_of_each_rendition(outcome: OutcomeOf) -> None:
    of = outcome("h264, 450 lines", SAMPLES)
    best, encoded_one, audio = of.plan.renditions
    master = (of.top / "master.m3u8").read_text()
    root = ElementTree.fromstring((of.top / "manifest.mpd").read_text())  # noqa: S314
    told = {each.get("id"): each for each in root.iter("{urn:mpeg:dash:schema:mpd:2011}Representation")}
    assert [*told] == ["450p", "360p", "audio"], "they are called the same in each period"

    def bits(name: str) -> list[float]:
        sizes = [path.stat().st_size * 8 for path in sorted((of.top / name).glob("*.m4s"))]
        return [
            max(size / float(seconds) for size, seconds in zip(sizes, of.plan.durations, strict=True)),
            sum(sizes) / sum(of.plan.durations),
        ]

    for one in (best, encoded_one):
        configuration = cbcs.configuration((of.top / one.name / of.wanted.head(0)).read_bytes().replace(b"encv", b"avc1"))
        assert configuration is not None and one.codecs == (f"avc1.{configuration[1:4].hex()}",), "it is another level than is told"
        line = next(before for before, line in pairwise(master.splitlines()) if line == f"{one.name}/index.m3u8")
        said = dict(re.findall(r'([A-Z-]+)="?([^",]*(?:,mp4a[^"]*)?)"?', line.removeprefix("#EXT-X-STREAM-INF:")))
        peak, average = (video + sound for video, sound in zip(bits(one.name), bits("audio"), strict=True))
        assert 0 <= int(said["BANDWIDTH"]) - peak <= 2 and 0 <= int(said["AVERAGE-BANDWIDTH"]) - average <= 2
        assert (said["RESOLUTION"], said["FRAME-RATE"], said["AUDIO"]) == (f"{one.width}x{one.video}", "25.000", "audio")
        assert said["CODECS"] == f"{one.codecs[0]},{audio.codecs[0]}"
        attributes = {"width": str(one.width), "height": str(one.video), "frameRate": "25", "codecs": one.codecs[0]}
        assert attributes.items() <= told[one.name].attrib.items()
        assert 0 <= int(told[one.name].attrib["bandwidth"]) - bits(one.name)[0] <= 1


def test_a_cell_that_takes_too_long_is_told_of_its_source(outcome: OutcomeOf) -> None:
    of = outcome("hevc with aac", TS)
    with Cell(of.source, USER) as cell:
        cell.open()
        cell.follow(of.plan)
        os.kill(cell.pid, signal.SIGPROF)
        with pytest.raises(Refused, match="more time than a video does"):
            cell.make("108p", 0, of.wanted)
