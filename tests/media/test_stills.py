"""The poster and the storyboard: which are made, that they show what the source shows, and that they are sealed. Judged by ffmpeg."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from media_server import sealed, stills
from media_server.cell.client import Cell, Failed
from media_server.package import Stopped
from media_server.video import ladder, storyboard
from media_server.video.plan import Facts, Refused, Video
from media_server.video.storyboard import TRACK, Still

from .directory import Directory
from .videos import FFMPEG, KEYS, SOURCES, USER, VideoOf, encoded, made, run

VIDEO = Video("h264", 1280, 720, "yuv420p", 4_000_000, Fraction(25), (Fraction(0),), Fraction(0), "avc1.64001f")


def facts(seconds: float, *keys: float, **video: Any) -> Facts:
    return Facts(Fraction(0), Fraction(seconds), replace(VIDEO, keys=tuple(map(Fraction, keys)), **video), None)


def every(gap: int, seconds: int) -> range:
    return range(0, seconds, gap)


@pytest.mark.parametrize(
    ("found", "tiles", "sprites"),
    [
        (facts(2, 0), [0], [(1, 1)]),
        (facts(9, *every(1, 9)), [0, 4, 8], [(3, 1)]),
        (facts(60, *every(5, 60)), [*every(5, 60)], [(10, 2)]),
        (facts(60, 0, 3, 7, 50), [0, 7, 50], [(3, 1)]),
        (facts(800, *every(2, 800)), [*every(4, 800)], [(10, 10)] * 2),
        (facts(804, *every(2, 804)), [*every(6, 804)], [(10, 10), (10, 4)]),
        (facts(3600, *every(1, 3600)), [*every(18, 3600)], [(10, 10)] * 2),
        (facts(6 * 3600, *every(2, 6 * 3600)), [*every(108, 6 * 3600)], [(10, 10)] * 2),
    ],
)
def test_tiles_are_key_frames_and_not_too_many(found: Facts, tiles: list[int], sprites: list[tuple[int, int]]) -> None:
    poster, *boards = storyboard.stills(found)
    assert [key for each in boards for key in each.keys] == tiles
    assert [(each.across, each.down) for each in boards] == sprites
    assert (poster.name, poster.across) == (storyboard.POSTER, 0)
    assert len(tiles) <= storyboard.TILES_MAX


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (facts(100, *every(2, 100)), [10, 24, 50, 74, 0]),
        (facts(100, 0, 60), [0, 60]),
        (facts(3, 0), [0]),
        (facts(108, 8, 20, 90), [8, 20]),
    ],
)
def test_a_poster_is_looked_for_where_it_tells_something(found: Facts, expected: list[int]) -> None:
    poster = next(iter(storyboard.stills(found)))
    assert [*poster.keys] == expected


@pytest.mark.parametrize(
    ("size", "tile", "poster"),
    [
        ((1920, 1080), (160, 90), (1280, 720)),
        ((3840, 2160), (160, 90), (1280, 720)),
        ((1080, 1920), (90, 160), (720, 1280)),
        ((640, 480), (160, 120), (640, 480)),
        ((191, 107), (160, 90), (190, 106)),
        ((64, 64), (64, 64), (64, 64)),
        ((3840, 2), (160, 2), (1280, 2)),
    ],
)
def test_sizes_keep_the_shape_and_are_even(size: tuple[int, int], tile: tuple[int, int], poster: tuple[int, int]) -> None:
    assert (ladder.within(*size, storyboard.TILE_PIXELS), ladder.within(*size, storyboard.POSTER_PIXELS)) == (tile, poster)


def test_the_track_tells_where_each_tile_is() -> None:
    found = replace(facts(7200.5, *range(2, 7200, 36)), begin=Fraction(2))
    cues = re.findall(r"(\S+) --> (\S+)\n(\S+)\n", text := storyboard.track(found))
    assert text.startswith("WEBVTT\n\n") and len(cues) == 200
    assert cues[0] == ("00:00:00.000", "00:00:36.000", "storyboard-0.jpg#xywh=0,0,160,90")
    assert cues[111] == ("01:06:36.000", "01:07:12.000", "storyboard-1.jpg#xywh=160,90,160,90")
    assert cues[-1] == ("01:59:24.000", "01:59:58.500", "storyboard-1.jpg#xywh=1440,810,160,90")


def test_what_is_sealed_opens_with_its_key_alone() -> None:
    key, clear = os.urandom(32), os.urandom(1000)
    lies = sealed.seal(key, clear)
    assert lies == sealed.seal(key, clear) and clear[:16] not in lies
    assert sealed.unseal(key, lies) == clear
    for other, data in ((os.urandom(32), lies), (key, lies[:-1]), (key, b""), (key, bytes([lies[0] ^ 1]) + lies[1:])):
        with pytest.raises(sealed.Damaged):
            sealed.unseal(other, data)


def opened(top: Path, name: str) -> Path:
    """Return a picture that was made, in the clear."""
    clear = top / f"clear-{name}"
    clear.write_bytes(sealed.unseal(KEYS.picture(name), (top / "pictures" / name).read_bytes()))
    return clear


def pixels(source: Path, size: tuple[int, int], of: str = "null") -> Any:
    """Return pictures as ffmpeg decodes them, in a size, as red, green and blue."""
    # browsers take what says nothing of its colours as BT.709; a JPEG is BT.601
    matrix = "" if source.suffix == ".jpg" else ":in_color_matrix=bt709"
    scaled = f"{of},scale={size[0]}:{size[1]}:flags=bicubic{matrix},format=rgb24"
    begin = [FFMPEG, "-nostdin", "-v", "error", "-i", str(source), "-map", "0:v"]
    words = [*begin, "-vf", scaled, "-fps_mode", "passthrough", "-f", "rawvideo", "-"]
    data = subprocess.run(words, check=True, capture_output=True).stdout
    return np.frombuffer(data, np.uint8).reshape(-1, size[1], size[0], 3).astype(np.int16)


def likeness(one: Any, other: Any) -> float:
    """Return the PSNR of two pictures, in dB."""
    return float(10 * np.log10(255**2 / max(np.square(one - other, dtype=float).mean(), 1e-9)))


TILE = re.compile(r"00:00:(\S+) --> .*\n(\S+)#xywh=(\d+),(\d+),(\d+),(\d+)")


def tiles(top: Path) -> list[tuple[float, Any]]:
    """Return the tiles of a storyboard that was made, with the seconds that they begin at."""
    found = []
    for second, name, *where in TILE.findall((top / "pictures" / TRACK).read_text()):
        x, y, width, height = map(int, where)
        found.append((float(second), pixels(opened(top, name), (width, height), f"crop={width}:{height}:{x}:{y}")[0]))
    return found


SHOWN = {
    "hevc, 10 bit, opus": "null",
    "vp9 of odd size, opus": "null",
    "av1, flac": "null",
    "mpeg2, interlaced, ac3 5.1": "bwdif=0",
    "h264, interlaced, in mpeg-ts": "bwdif=0",
    "mpeg4 in pixels that are not square, mp3": "null",
    "h264, turned": "null",
    "hevc, portrait": "null",
    "h264, 450 lines": "null",
}
"""Kinds of sources, and what ffmpeg has to do with one to show the same."""


@pytest.mark.parametrize("kind", SHOWN)
def test_pictures_are_the_sources_of_their_second(tmp_path: Path, kind: str) -> None:
    source = encoded(tmp_path / f"source.{SOURCES[kind].suffix}", SOURCES[kind])
    with Cell(source, USER) as cell:
        found = cell.probe()
        first = stills.make(cell, found, KEYS, Directory(tmp_path))
        assert stills.make(cell, found, KEYS, Directory(tmp_path / "again")) == first
    poster, board = storyboard.stills(found)
    (shown,) = pixels(opened(tmp_path, poster.name), (poster.width, poster.height))
    boarded = tiles(tmp_path)
    assert len(boarded) == len(board.keys) > 1
    for second, picture in [(float(poster.keys[0] - found.video.keys[0]), shown), *boarded]:
        height, width, _ = picture.shape
        alike = [likeness(picture, each) for each in pixels(source, (width, height), SHOWN[kind])]
        best = alike.index(max(alike))
        assert max(alike) > 23, "it is no picture of the source"
        assert 0 <= best - round(second * 25) < 6, "it is one of another second"


def test_a_poster_shows_something(tmp_path: Path) -> None:
    """A video that is black where one looks first."""
    picture = "testsrc2=s=320x180:r=25,drawbox=t=fill:c=black:enable='lt(t,6)'"
    run("-f", "lavfi", "-t", "10", "-i", picture, "-c:v", "libx264", "-preset", "veryfast", "-g", "25", tmp_path / "black.mp4")
    run("-f", "lavfi", "-t", "10", "-i", "color=c=blue:s=320x180:r=25", "-c:v", "libx264", "-g", "25", tmp_path / "blue.mp4")
    for name, spread in (("black", 40), ("blue", 0)):
        with Cell(tmp_path / f"{name}.mp4", USER) as cell:
            stills.make(cell, cell.probe(), KEYS, Directory(tmp_path / name))
        (shown,) = pixels(opened(tmp_path / name, storyboard.POSTER), (320, 180))
        assert shown.std() >= spread
        assert shown.mean() > 40


class Counting(Directory):
    """A store that knows what was put."""

    def __init__(self, top: Path) -> None:
        super().__init__(top)
        self.put_there: list[str] = []

    def put(self, path: str, data: bytes | memoryview, sha256: str) -> None:
        self.put_there.append(path)
        super().put(path, data, sha256)


def test_what_is_there_is_not_made_again_and_what_is_missing_is_the_same(video: VideoOf, tmp_path: Path) -> None:
    names = ["pictures/storyboard.vtt", "pictures/poster.jpg", "pictures/storyboard-0.jpg"]
    with Cell(video("mp4"), USER) as cell:
        found = cell.probe()
        first = stills.make(cell, found, KEYS, store := Counting(tmp_path))
        assert [*first] == store.put_there == names
        (tmp_path / names[1]).unlink()
        store = Counting(tmp_path)
        assert stills.make(cell, found, KEYS, store) == first
        assert store.put_there == names[1:2]
        # of a release that planned otherwise nothing is taken
        store.put(names[0], b"WEBVTT", hashlib.sha256(b"WEBVTT").hexdigest())
        store = Counting(tmp_path)
        assert stills.make(cell, found, KEYS, store) == first
        assert store.put_there == names
        with pytest.raises(Stopped):
            stills.make(cell, found, KEYS, Counting(tmp_path), lambda: True)
    with Cell(video("mp4"), USER) as another:
        assert stills.make(another, another.probe(), KEYS, Directory(tmp_path / "again")) == first


def still(**more: Any) -> Still:
    return replace(Still("x.jpg", (Fraction(0),), 160, 90, 1, 1, Fraction(0), 0, False, 5), **more)


def test_where_a_key_frame_is_damaged_the_one_before_is_shown(tmp_path: Path) -> None:
    kind = "vp9 of odd size, opus"
    source = encoded(tmp_path / "source.webm", SOURCES[kind])
    data = bytearray(source.read_bytes())
    with av.open(str(source)) as container:
        damaged = next(each for each in container.demux(video=0) if each.is_keyframe and (each.pts or 0) * each.time_base >= 4)
        at = data.index(bytes(damaged))
        data[at : at + damaged.size] = bytes(damaged.size)
    source.write_bytes(data)
    with Cell(source, USER) as cell:
        stills.make(cell, cell.probe(), KEYS, Directory(tmp_path))
    (_, first), (_, second) = tiles(tmp_path)
    assert likeness(first, second) > 40


def test_making_one_is_bounded(video: VideoOf) -> None:
    with Cell(video("mp4"), USER) as cell:
        found = cell.probe()
        endless = still(keys=found.video.keys * 4000, across=10, down=10, wait=found.video.wait, effort=0.01)
        with pytest.raises(Refused, match="making it took more time than a video does"):
            cell.still(endless, bytes(32))
    with Cell(video("mp4"), USER) as cell:
        cell.probe()
        with pytest.raises((Refused, Failed)):
            cell.still(still(width=1 << 30, height=1 << 30), bytes(32))


def test_one_that_has_too_many_bytes_is_made_in_less_quality(tmp_path: Path) -> None:
    noise = made(tmp_path / "noise.mp4", "-preset", "ultrafast", "-crf", "1", "-vf", "noise=alls=100:allf=t", seconds=1, size="1280x720")
    with Cell(noise, USER) as cell:
        stills.make(cell, cell.probe(), KEYS, Directory(tmp_path))
    assert 100 << 10 < (tmp_path / "pictures" / storyboard.POSTER).stat().st_size <= (512 << 10) + 16
