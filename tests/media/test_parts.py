"""The parts that know nothing of video: keys, records of uploads, the manifest, boxes, slices."""

from __future__ import annotations

import uuid
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from media_server import manifest, records
from media_server.keys import Keys, Place
from media_server.video import adts, boxes, cbcs, h264

from .videos import sealed

ASSET = uuid.UUID("5d3c9a60-6f0a-4b8c-9c57-0b1f6f1f7c11")
KEYS = Keys(ASSET, bytes(range(32)))
KEY = bytes(32)


def reader(lies: bytes, length: int) -> records.Reader:
    return records.Reader(KEY, length, lambda where: lies[where.begin : where.end])


def whole(file: records.Reader) -> bytes:
    out = b""
    while piece := file.read(1 << 20):
        out += piece
    return out


# keys


def test_no_two_purposes_share_a_key() -> None:
    places = [
        Place(profile, rendition, period) for profile in ("aes128", "cbcs") for rendition in ("a", "ab", "a\0") for period in range(3)
    ]
    made = [KEYS.content(place) for place in places] + [KEYS.key_id(place).bytes for place in places]
    made += [KEYS.constant_iv(place) for place in places] + [KEYS.iv(place.profile, place.rendition, place.period) for place in places]
    made += [KEYS.upload, KEYS.manifest, KEYS.captions, KEYS.picture("a"), KEYS.picture("ab")]
    assert len({*made}) == len(made)
    assert {len(each) for each in made} == {16, 32}
    assert {KEYS.content(place) for place in places}.isdisjoint(replace(KEYS, asset=uuid.UUID(int=1)).content(place) for place in places)


def test_what_is_derived_stays_as_it_is() -> None:
    """What was encrypted years ago is still to be decrypted."""
    assert KEYS.content(Place("aes128", "720p", 1)).hex() == "b49c3d641abdf56093b0913a4009467a"
    assert str(KEYS.key_id(Place("cbcs", "audio", 0))) == "91c1691c-5eb6-0dfd-1c98-3d81f3cc7deb"
    assert KEYS.iv("aes128", "720p", 17).hex() == "7ce482639fd4eabea839904c830c64b6"
    assert KEYS.picture("poster.jpg").hex() == "9489e6b8d6f6b530c4dfc67e165211c73e75f99ea22309bed461358e830ca759"


def test_a_root_shows_in_no_text() -> None:
    assert KEYS.root.hex() not in repr(KEYS) and "root" not in repr(KEYS)
    with pytest.raises(ValueError, match="has 31 bytes instead of 32"):
        Keys(ASSET, bytes(31))


# records


@pytest.mark.parametrize(
    "length", [0, 1, records.RECORD - 1, records.RECORD, records.RECORD + 1, records.PART, records.PART + 1, 2 * records.PART + 70_000]
)
def test_what_is_sealed_opens(length: int) -> None:
    data = bytes(range(256)) * (length // 256 + 1)
    data = data[:length]
    lies = sealed(KEY, data)
    assert len(lies) == records.sealed_length(length)
    assert whole(reader(lies, length)) == data
    assert data[4096:8192] not in lies or length < 8192


@settings(deadline=None, max_examples=30)
@given(st.lists(st.tuples(st.integers(0, 3 * records.RECORD), st.integers(1, 3 * records.RECORD)), max_size=8))
def test_any_range_is_read(ranges: list[tuple[int, int]]) -> None:
    data = bytes(index * 7 % 251 for index in range(2 * records.RECORD + 1234))
    file = reader(sealed(KEY, data), len(data))
    for at, size in ranges:
        assert file.seek(at) == at
        found = b""
        while len(found) < size and (piece := file.read(size - len(found))):
            found += piece
        assert found == data[at : at + size]


@settings(deadline=None, max_examples=40)
@given(st.integers(0, records.sealed_length(2 * records.RECORD + 5) - 1), st.integers(1, 255))
def test_what_was_changed_does_not_open(at: int, by: int) -> None:
    data = bytes(2 * records.RECORD + 5)
    lies = bytearray(sealed(KEY, data))
    lies[at] ^= by
    with pytest.raises(records.Damaged):
        whole(reader(bytes(lies), len(data)))


def test_what_was_moved_or_cut_does_not_open() -> None:
    length = 2 * records.PART
    lies = sealed(KEY, bytes(length))
    half = len(lies) // 2
    for changed in (lies[half:] + lies[:half], lies[:half] * 2, lies[:-20], lies[: half - 20]):
        with pytest.raises(records.Damaged):
            whole(reader(changed, length))


def test_a_part_that_is_sent_again_has_another_key() -> None:
    assert sealed(KEY, bytes(100)) != sealed(KEY, bytes(100))


# the manifest


def test_a_manifest_says_what_was_signed() -> None:
    said = manifest.Manifest(str(ASSET), {"720p/00000.ts": "ab" * 32})
    data = manifest.signed(said, KEYS.manifest)
    assert manifest.verified(data, str(ASSET), KEYS.manifest) == said
    assert data == manifest.signed(said, KEYS.manifest)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"ab", b"cd"),
        (b"00000.ts", b"00001.ts"),
        (b'"version": 1', b'"version": "1"'),
        (b"signature", b"signed"),
        (b"{", b"["),
        (str(ASSET).encode(), b"x"),
    ],
)
def test_a_manifest_that_was_changed_is_forged(old: bytes, new: bytes) -> None:
    data = manifest.signed(manifest.Manifest(str(ASSET), {"720p/00000.ts": "ab" * 32}), KEYS.manifest)
    changed = data.replace(old, new, 1)
    assert changed != data
    with pytest.raises(manifest.Forged):
        manifest.verified(changed, str(ASSET), KEYS.manifest)


def test_a_manifest_of_another_asset_or_key_is_forged() -> None:
    data = manifest.signed(manifest.Manifest(str(ASSET), {}), KEYS.manifest)
    with pytest.raises(manifest.Forged, match="not signed as the manifest of"):
        manifest.verified(data, str(uuid.UUID(int=1)), KEYS.manifest)
    with pytest.raises(manifest.Forged):
        manifest.verified(data, str(ASSET), KEYS.upload)


def test_a_manifest_vouches_for_bytes() -> None:
    said = manifest.Manifest("x", {"a": "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"})
    assert said.vouches("a", b"abc")
    assert not said.vouches("a", b"abd") and not said.vouches("b", b"abc")


# boxes, slices, frames of AAC


@pytest.mark.parametrize("data", [b"\0\0\0\x04abcd", b"\0\0\0\x10abcd", b"\0\0\0\x01abcd\0\0", b"\0\0\0"])
def test_boxes_that_lie_are_malformed(data: bytes) -> None:
    with pytest.raises(boxes.Malformed):
        [*boxes.boxes(data)]


@given(st.binary(max_size=64))
def test_any_bytes_are_boxes_or_malformed(data: bytes) -> None:
    try:
        found = [*boxes.boxes(data)]
    except boxes.Malformed:
        return
    assert b"".join(data[box.begin : box.end] for box in found) == data


@given(st.binary(max_size=80))
def test_any_bytes_are_parameters_or_unreadable(data: bytes) -> None:
    try:
        h264.parameters(data)
    except h264.Unreadable:
        return


@given(st.lists(st.integers(0, 40_000), max_size=12))
def test_exponential_numbers(numbers: list[int]) -> None:
    bits = (
        "".join(f"{0:0{(number + 1).bit_length() - 1}b}"[: (number + 1).bit_length() - 1] + f"{number + 1:b}" for number in numbers) + "1"
    )
    data = int(bits.ljust(-(-len(bits) // 8) * 8, "0"), 2).to_bytes(-(-len(bits) // 8))
    read = h264.Bits(data)
    assert [read.ue() for _ in numbers] == numbers


def test_a_frame_of_aac_without_its_header() -> None:
    frame = bytes.fromhex("fff15080043ffc") + b"payload"
    assert adts.is_adts(frame) and bytes(adts.stripped(frame)) == b"payload"
    assert adts.configuration(frame) == bytes.fromhex("1210")  # LC, 44.1 kHz, stereo
    assert bytes(adts.stripped(b"\x21bare")) == b"\x21bare"


@given(st.lists(st.integers(0, 700), min_size=1, max_size=6))
def test_ranges_chain_anew_each(lengths: list[int]) -> None:
    """One cipher for all ranges does what a cipher for each would."""
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

    content = cbcs.Content(bytes(16), bytes(range(16)), ASSET)
    chain = cbcs._Chain(content)
    for length in lengths:
        clear = bytes(index % 256 for index in range(length * 16))
        expected = Cipher(algorithms.AES(content.key), modes.CBC(content.iv)).encryptor().update(clear)
        assert chain.begun_anew(clear) == expected
