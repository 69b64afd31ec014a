"""What comes out of a cell is what went in: judged by Debian's ffmpeg (AES-128) and by libav's own decryption (cbcs)."""

from __future__ import annotations

import base64
import hashlib
import re
from fractions import Fraction
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import av
import pytest
from cryptography.hazmat.primitives import padding
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from media_server.cell.client import Cell, Upload
from media_server.keys import Place
from media_server.package import package
from media_server.video import pssh
from media_server.video.offer import CONTAINERS, Offer, Wanted
from media_server.video.plan import Rendition, plan

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


def unsealed(top: Path, what: Wanted, rendition: Rendition, later: int = 0) -> list[str]:
    """Return the hash of every packet of a rendition of `cbcs`, decrypted period by period, each with its key or that of a later one."""
    here, found = top / "cbcs" / rendition.name, []
    for period in range(what.plan.periods):
        numbers = what.plan.segments_of(period)
        pieces = [here / what.head(numbers[0]), *(here / what.segment(number) for number in numbers)]
        whole = here.with_suffix(f".{period}.mp4")
        whole.write_bytes(b"".join(map(Path.read_bytes, pieces)))
        key = KEYS.content(Place("cbcs", rendition.name, period + later))
        found += packets(whole, "video" if rendition.video else "audio", decryption_key=key.hex())
    return found


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
    assert what.plan.periods >= 2
    for one in what.renditions:
        clear = tmp_path / f"{one.name}.clear.mp4"
        clear.write_bytes(decrypted(clear_of, one.name))
        expected = packets(clear, "video" if one.video else "audio")
        assert unsealed(tmp_path, what, one) == expected
        # one packet of sound has fewer bytes than a block, and stays in the clear
        assert len({*unsealed(tmp_path, what, one, later=1)} & {*expected}) <= 1, "another period's key does it too"


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


def test_each_period_of_cbcs_has_a_key_and_an_initialization_segment_of_its_own(video: VideoOf, tmp_path: Path) -> None:
    what, _ = packaged(video("mp4"), tmp_path, SAMPLES)
    top, names = tmp_path / "cbcs", [one.name for one in what.renditions]
    mpd = {"": "urn:mpeg:dash:schema:mpd:2011", "cenc": "urn:mpeg:cenc:2013"}
    manifest = ElementTree.fromstring((top / "manifest.mpd").read_text())  # noqa: S314
    periods = manifest.findall("Period", mpd)
    assert len(periods) == what.plan.periods == 2
    for name in names:
        playlist = (top / name / "index.m3u8").read_text().split("#EXT-X-KEY:")[1:]
        assert len(playlist) == 2
        for number, (period, told) in enumerate(zip(periods, playlist, strict=True)):
            place, segments = Place("cbcs", name, number), what.plan.segments_of(number)
            head, begins = f"init-{number:05}.mp4", what.plan.bounds[segments.start] - what.plan.bounds[0]
            for secret in (KEYS.key_id(place).bytes, KEYS.constant_iv(place)):
                assert secret in (top / name / head).read_bytes()
            assert told.startswith(
                f'METHOD=SAMPLE-AES,URI="{key_uri(place)}",IV=0x{KEYS.constant_iv(place).hex()}\n#EXT-X-MAP:URI="{head}"\n'
            )
            assert re.findall(r"\n(\d+\.m4s)", told) == [what.segment(each) for each in segments]
            (said,) = (each for each in period.iter(f"{{{mpd['']}}}Representation") if each.get("id") == name)
            assert said[0].get("{urn:mpeg:cenc:2013}default_KID") == str(KEYS.key_id(place))
            box = base64.b64decode(said.findtext(".//cenc:pssh", "", mpd))
            assert box == pssh.box([KEYS.key_id(Place("cbcs", each, number)) for each in names])
            (template,) = said.iter(f"{{{mpd['']}}}SegmentTemplate")
            first = template.find(".//S", mpd)
            assert first is not None and first.get("t") == template.get("presentationTimeOffset")
            assert (template.get("startNumber"), template.get("initialization")) == (str(segments.start), f"{name}/{head}")
            assert period.get("start") == f"PT{float(begins):.6f}S"


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
