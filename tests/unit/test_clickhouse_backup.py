"""Backups as data and as files: manifests, and archives of parts."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kc.backup.manifest import after
from kc.backup.store import Reader, _gathered, digest
from kc.clickhouse.backup import _base
from kc.clickhouse.backup_manifest import NATIVE, PARTS, Content, Manifest, Part, Table, total
from kc.clickhouse.backup_parts import archived, extract, identity, link
from kc.errors import KcError

OBJECT = "ab" * 32


def part(name: str = "202601_1_1_0", rows: int = 3, checksum: int = (1 << 64) - 1) -> Part:
    return Part(name, "tag", OBJECT, 1024, rows, checksum)


def manifest(*parts: Part, kind: str = PARTS, name: str = "20260101T000000Z", base: str = "") -> Manifest:
    table = Table("d", "it's `t`\n", "ReplicatedMergeTree", "CREATE TABLE …", ("x",), parts)
    return Manifest(name, kind, "host:9440", "18.16.1", "20260101T000100Z", (table,), base)


@given(st.lists(st.builds(Content, st.integers(0, 9), st.integers(0, (1 << 64) - 1))))
def test_a_sum_does_not_depend_on_the_order_and_stays_a_word(contents: list[Content]) -> None:
    assert total(contents) == total(reversed(contents))
    assert 0 <= total(contents).checksum < 1 << 64


def test_a_manifest_comes_back_as_it_was() -> None:
    made = manifest(part(), part("202601_2_2_0"), part("all_0_5_1_7", rows=1, checksum=5))
    back = Manifest.parse(made.text(), "here")
    assert back == made
    assert back.tables[0].partitions == {"202601": Content(6, (1 << 64) - 2), "all": Content(1, 5)}
    assert back.facts["tables"] == {"d.it's `t`\n": {"rows": 7, "checksum": "0000000000000003", "parts": 3}}
    assert (back.objects, back.facts["bytes"]) == ({OBJECT}, 1024), "what is kept once counts once"


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"format": 2}, "here has format 2, this toolkit reads 1. Use the toolkit that wrote it."),
        ({"tables": [{"database": "d"}]}, "here is no manifest of a backup"),
        ({"more": 1}, "here is no manifest of a backup"),
        ({"tables": None}, "here is no manifest of a backup"),
    ],
)
def test_what_is_no_manifest(change: dict[str, object], says: str) -> None:
    with pytest.raises(KcError) as found:
        Manifest.parse(json.dumps({**json.loads(manifest(part()).text()), **change}), "here")
    assert says in str(found.value)


@pytest.mark.parametrize("name", ["../../etc_1_1_0", "a/b_1_1_0", "all", "", "all_1_1_0\n"])
def test_a_part_s_name_is_no_way_to_another_file(name: str) -> None:
    with pytest.raises(KcError, match="no manifest"):
        Manifest.parse(manifest(part()).text().replace('"202601_1_1_0"', json.dumps(name)), "here")


def test_after_some_increments_a_backup_stands_by_itself() -> None:
    whole, first, second = (manifest(kind=NATIVE, name=name, base=base) for name, base in (("1", ""), ("2", "1"), ("3", "1")))
    assert _base([], 2) == ""
    assert _base([manifest()], 2) == ""
    assert _base([whole, first], 2) == "1"
    assert _base([whole, first, second], 2) == ""
    assert _base([whole, first, second, manifest(kind=NATIVE, name="4")], 2) == "4"


def test_the_newest_backup_has_the_greatest_name() -> None:
    assert after("") > "20260101T000000Z"
    assert after("20991231T235959Z") == "21000101T000000Z", "that node's clock is ahead"


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A part's files."""
    found = tmp_path / "all_1_1_0"
    (found / "p.proj").mkdir(parents=True)
    for name, content in {
        "checksums.txt": b"sums",
        "columns.txt": b"x",
        "x.bin": bytes(3000),
        "it's %.mrk": b"",
        "p.proj/x.bin": b"9",
    }.items():
        (found / name).write_bytes(content)
    return found


def reader(data: bytes, name: str = "") -> Reader:
    return Reader(io.BytesIO(data), "s3://b/k", name or hashlib.sha256(data).hexdigest())


def tree(path: Path) -> dict[str, bytes]:
    return {file.relative_to(path).as_posix(): file.read_bytes() for file in path.rglob("*") if file.is_file()}


def test_an_archive_is_the_same_for_the_same_files_and_any_tar_reads_it(files: Path, tmp_path: Path) -> None:
    data = b"".join(archived(files))
    assert digest(archived(files)) == (hashlib.sha256(data).hexdigest(), len(data))
    copy = tmp_path / "elsewhere" / "all_7_7_0"
    link(files, copy, tmp_path)
    assert b"".join(archived(copy)) == data
    assert copy.joinpath("x.bin").samefile(files / "x.bin")
    assert identity(copy) == identity(files)
    (copy / "columns.txt").unlink()
    (copy / "columns.txt").write_text("x, y")
    assert identity(copy) != identity(files)
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        archive.extractall(tmp_path / "tar", filter="data")
    extract(reader(data), tmp_path / "out")
    assert tree(tmp_path / "out") == tree(tmp_path / "tar") == tree(files)


def evil(name: str, kind: bytes = tarfile.REGTYPE) -> bytes:
    about = tarfile.TarInfo(name)
    about.type, about.linkname = kind, "/etc/passwd"
    return about.tobuf() + bytes(1024)


@pytest.mark.parametrize("data", [evil("../x"), evil("/x"), evil("x", tarfile.SYMTYPE), evil("a/../../x"), b"no archive", evil("x")[:600]])
def test_nothing_of_a_strange_archive_stays(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(KcError, match="s3://b/k is damaged"):
        extract(reader(data, name=OBJECT), tmp_path / "out")
    assert not (tmp_path / "out").exists()
    assert not (tmp_path / "x").exists()


@given(st.data())
def test_a_flipped_bit_or_a_cut_is_found(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    part = tmp_path_factory.mktemp("part")
    for name in ("checksums.txt", "columns.txt", "x.bin"):
        (part / name).write_bytes(b"content")
    archive = bytearray(b"".join(archived(part)))
    name = hashlib.sha256(archive).hexdigest()
    if data.draw(st.booleans()):
        archive[data.draw(st.integers(0, len(archive) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    else:
        del archive[data.draw(st.integers(0, len(archive) - 1)) :]
    with pytest.raises(KcError, match="damaged"):
        extract(reader(bytes(archive), name), part / "out")
    assert not (part / "out").exists()


@given(st.lists(st.binary(max_size=9)), st.integers(1, 7))
def test_pieces_are_gathered(pieces: list[bytes], size: int) -> None:
    found = list(_gathered(pieces, size))
    assert b"".join(found) == b"".join(pieces)
    assert all(len(piece) == size for piece in found[:-1])
    assert b"" not in found
