"""What comes out of a cell is what went in: judged by Debian's ffmpeg (AES-128) and by libav's own decryption (cbcs)."""

from __future__ import annotations

import hashlib
import re
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import pytest
from cryptography.hazmat.primitives import padding
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from media_server.cell.client import Cell, Upload
from media_server.keys import Place
from media_server.package import package
from media_server.video.offer import CONTAINERS, Offer, Wanted
from media_server.video.plan import plan

from .directory import Directory
from .videos import KEYS, KINDS, USER, VideoOf, frames, made, sealed

OFFERED = [Offer(profile, container) for profile, containers in CONTAINERS.items() for container in containers]
TS, FMP4, SAMPLES = OFFERED


def key_uri(place: Place) -> str:
    return f"key-{place.rendition}-{place.period}"


def wanted(cell: Cell, offer: Offer, period: int = 2) -> Wanted:
    return Wanted(offer, plan(cell.probe(), period=period), KEYS, key_uri, "https://media.example/licence")


def packaged(source: Path | Upload, top: Path, offer: Offer) -> tuple[Wanted, dict[str, str]]:
    with Cell(source, USER) as cell:
        what = wanted(cell, offer)
        return what, package([cell], [what], Directory(top))


def decrypted(top: Path, rendition: str) -> bytes:
    """Return a rendition in the clear, as a player of `aes128` has it, by its playlist."""
    here, out, key, iv = top / "aes128" / rendition, b"", b"", b""
    for line in (here / "index.m3u8").read_text().splitlines():
        if said := re.match(r'#EXT-X-MAP:URI="(.*)"', line):
            out += (here / said[1]).read_bytes()
        elif said := re.match(r'#EXT-X-KEY:METHOD=AES-128,URI="key-(.*)-(\d+)",IV=0x(.*)', line):
            key, iv = KEYS.content(Place("aes128", said[1], int(said[2]))), bytes.fromhex(said[3])
        elif line and not line.startswith("#"):
            cipher = Cipher(algorithms.AES(key), modes.CBC(iv)).decryptor()
            unpadder = padding.PKCS7(128).unpadder()
            out += unpadder.update(cipher.update((here / line).read_bytes()) + cipher.finalize()) + unpadder.finalize()
    return out


def packets(path: Path, kind: str, **options: str) -> list[str]:
    """Return the hash of every packet, as libav decrypts them."""
    with av.open(str(path), options=options) as container:
        stream = next(one for one in container.streams if one.type == kind)
        return [hashlib.sha256(bytes(packet)).hexdigest() for packet in container.demux(stream) if packet.size]


@pytest.mark.parametrize("offer", [TS, FMP4], ids=str)
@pytest.mark.parametrize("kind", KINDS)
def test_aes128_is_the_source(video: VideoOf, tmp_path: Path, kind: str, offer: Offer) -> None:
    what, _ = packaged(video(kind), tmp_path, offer)
    assert what.plan.segments >= 3
    clear = tmp_path / f"clear.{offer.container}"
    clear.write_bytes(decrypted(tmp_path, "180p"))
    assert frames(clear, "v") == frames(video(kind), "v")
    if offer == FMP4:
        clear.write_bytes(decrypted(tmp_path, "audio"))
        assert packets(clear, "audio") == packets(video("mp4"), "audio")


@pytest.mark.parametrize("kind", KINDS)
def test_cbcs_is_the_source(video: VideoOf, tmp_path: Path, kind: str) -> None:
    what, _ = packaged(video(kind), tmp_path, SAMPLES)
    clear_of = tmp_path / "clear"
    packaged(video(kind), clear_of, FMP4)
    for one in what.renditions:
        stream = "video" if one.video else "audio"
        whole = tmp_path / f"{one.name}.mp4"
        whole.write_bytes(
            (tmp_path / "cbcs" / one.name / "init.mp4").read_bytes()
            + b"".join(map(Path.read_bytes, sorted((tmp_path / "cbcs" / one.name).glob("*.m4s"))))
        )
        clear = tmp_path / f"{one.name}.clear.mp4"
        clear.write_bytes(decrypted(clear_of, one.name))
        key = KEYS.content(what.place(one.name, 0)).hex()
        assert packets(whole, stream, decryption_key=key) == packets(clear, stream)
        assert packets(whole, stream) != packets(clear, stream), "without the key it is the same"


@pytest.mark.parametrize("kind", KINDS)
def test_segments_last_as_long_as_the_source(video: VideoOf, kind: str) -> None:
    with Cell(video(kind), USER) as cell:
        made = wanted(cell, TS).plan
    assert abs(sum(made.durations) - 13) < Fraction(1, 10)


@pytest.mark.parametrize("offer", OFFERED, ids=str)
def test_nothing_is_left_in_the_clear(video: VideoOf, tmp_path: Path, offer: Offer) -> None:
    source = video("mp4")
    packaged(source, tmp_path, offer)
    whole = source.read_bytes()
    out = b"".join(path.read_bytes() for suffix in ("ts", "m4s") for path in tmp_path.rglob(f"*.{suffix}"))
    with av.open(str(source)) as container_of:
        for packet in container_of.demux(video=0):
            if packet.size > 4096:
                # of cbcs 9 blocks of 10 are as they were: any 160 bytes in a row have one that is not
                assert bytes(packet)[1024 : 1024 + 176] in whole
                assert bytes(packet)[1024 : 1024 + 176] not in out


@pytest.mark.parametrize("offer", OFFERED, ids=str)
@pytest.mark.parametrize("kind", KINDS)
def test_a_segment_does_not_depend_on_those_before(video: VideoOf, tmp_path: Path, kind: str, offer: Offer) -> None:
    what, objects = packaged(video(kind), tmp_path, offer)
    for number in reversed(range(what.plan.segments)):
        with Cell(video(kind), USER) as cell:
            cell.probe()
            cell.follow(what.plan)
            for one in reversed(what.renditions):
                made = cell.make(one.name, number, what)
                assert made.sha256.hex() == objects[what.path(one.name, what.segment(number))], (one.name, number)


@pytest.mark.parametrize("offer", OFFERED, ids=str)
def test_what_is_there_is_not_made_again_and_what_is_missing_is_the_same(video: VideoOf, tmp_path: Path, offer: Offer) -> None:
    _, first = packaged(video("mp4"), tmp_path, offer)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path.is_file()}
    gone = sorted(before)[2::5]
    for path in gone:
        path.unlink()
    _, again = packaged(video("mp4"), tmp_path, offer)
    assert again == first
    after = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path.is_file()}
    assert {path for path in after if after[path] != before[path]} == {*gone}


def test_an_upload_is_packaged_as_its_file_is(video: VideoOf, tmp_path: Path) -> None:
    source = video("mp4")
    data = source.read_bytes()
    lies = sealed(KEYS.upload, data)
    upload = Upload(KEYS.upload, len(data), lambda where: lies[where.begin : where.end])
    _, of_upload = packaged(upload, tmp_path / "upload", TS)
    _, of_file = packaged(source, tmp_path / "file", TS)
    assert of_upload == of_file


def test_playlists_tell_what_there_is(video: VideoOf, tmp_path: Path) -> None:
    what, objects = packaged(video("mp4"), tmp_path, SAMPLES)
    master = (tmp_path / "cbcs" / "master.m3u8").read_text()
    assert 'CODECS="avc1.' in master and "RESOLUTION=320x180" in master and 'URI="audio/index.m3u8"' in master
    assert {*objects} == {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    dash = (tmp_path / "cbcs" / "manifest.mpd").read_text()
    for one in what.renditions:
        assert str(KEYS.key_id(what.place(one.name, 0))) in dash
        assert KEYS.content(what.place(one.name, 0)).hex() not in dash + master
    assert sum(what.plan.durations) == what.plan.bounds[-1] - what.plan.bounds[0] == Fraction(13)


def test_keys_change_by_period_and_ivs_by_segment(video: VideoOf, tmp_path: Path) -> None:
    what, _ = packaged(video("mp4"), tmp_path, TS)
    said: list[Any] = re.findall(r'URI="(.*)",IV=(.*)', (tmp_path / "aes128" / "180p" / "index.m3u8").read_text())
    assert [uri for uri, _ in said] == [f"key-180p-{number // 2}" for number in range(what.plan.segments)]
    assert len({iv for _, iv in said}) == what.plan.segments


@pytest.mark.parametrize("offer", OFFERED, ids=str)
def test_a_segment_that_is_asked_for_again_is_the_same(tmp_path: Path, offer: Offer) -> None:
    """Of a video of one segment too, in one profile after the other: the cell's packets were changed when it was made first."""
    short = made(tmp_path / "short.mp4", "-bf", "2", "-g", "25", seconds=2)
    _, alone = packaged(short, tmp_path / "alone", offer)
    with Cell(short, USER) as cell:
        for number, each in enumerate([*OFFERED, offer, offer]):
            what = wanted(cell, each)
            again = package([cell], [what], Directory(tmp_path / str(number)))
            one = what.renditions[0].name
            assert what.plan.segments == 1
            assert cell.make(one, 0, what).sha256.hex() == again[what.path(one, what.segment(0))]
            assert again == alone or each != offer
