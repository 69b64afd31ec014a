"""What a cell can't do, and what it says of files that are meant to harm it."""

from __future__ import annotations

import hashlib
import os
import random
import socket
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from media_server.cell.client import ENVIRONMENT, Cell, Failed, Upload
from media_server.keys import Place
from media_server.package import package
from media_server.records import Range
from media_server.video import boxes
from media_server.video.plan import Refused, plan

from .directory import Directory
from .marks import mappings
from .test_package import SAMPLES, TS, wanted
from .videos import CELL_USER, KEYS, USER, VideoOf, made, run

MEMORY_MAX = 256 << 20
ROOT = os.geteuid() == 0

ACTS = {
    "open a file": "open('/etc/passwd')",
    "write a file": "open('/tmp/kc-cell', 'w')",
    "list a directory": "os.listdir('/')",
    "open a socket": "socket.socket()",
    "talk to itself": "socket.socketpair()",
    "start a process": "os.fork()",
    "become another program": "os.execv('/bin/true', ['true'])",
    "send a signal": "os.kill(os.getppid(), 0)",
    "send a signal by a thread's number": "libc(234, os.getppid(), os.getppid(), 0)",  # tgkill
    "change another's limits": "resource.prlimit(os.getppid(), resource.RLIMIT_CORE)",
    "become another user": "os.setuid(0)",
    "look into a process": "open(f'/proc/{os.getppid()}/mem')",
    "get another namespace": "libc(272, 0x10000000)",  # unshare
    "trace": "libc(101, 16, os.getppid())",  # ptrace
    "read another's memory": "libc(310, os.getppid(), None, 0, None, 0, 0)",  # process_vm_readv
    "make memory that is a file": "os.memfd_create('x')",
}
PROBE = """
import ctypes, os, resource, socket, sys
sys.path[:0] = [sys.argv[1]]
from media_server.cell import sandbox
call = ctypes.CDLL(None, use_errno=True).syscall
def libc(*words):
    if call(*words) < 0:
        raise OSError(ctypes.get_errno(), "denied")
sandbox.confine(int(sys.argv[2]) if len(sys.argv) > 3 else None)
sandbox.seal()
try:
    {act}
except PermissionError:
    print("denied", os.getuid(), os.getgid())
else:
    print("done")
"""


@pytest.mark.parametrize("act", ACTS)
def test_what_a_cell_can_not_do(act: str) -> None:
    words = [sys.executable, "-c", PROBE.format(act=ACTS[act]), ENVIRONMENT["PYTHONPATH"], str(CELL_USER), *(["root"] if ROOT else [])]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60)
    who = CELL_USER if ROOT else os.getuid()
    assert done.stdout == f"denied {who} {who if ROOT else os.getgid()}\n", done.stdout + done.stderr


def test_a_cell_of_root_is_never_root() -> None:
    if ROOT:
        with pytest.raises(Failed, match="a cell is never root"):
            Cell(Path("/dev/null"))
    else:
        assert USER is None


AS_ANOTHER = """
import sys
from pathlib import Path
sys.path[:0] = sys.argv[1].split(":")
from media_server import settings
from media_server.cell.client import Cell
from media_server.cell.rights import may_have_another_user
with Cell(Path("/dev/null"), int(sys.argv[2]) if may_have_another_user() else None) as cell:
    told = dict(line.split(":", 1) for line in Path(f"/proc/{cell.pid}/status").read_text().splitlines())
    print(*(" ".join(told[name].split()) for name in ("Uid", "Gid", "Groups", "CapInh", "CapPrm", "CapEff", "CapAmb")), sep=",")
print("ended")
"""


def test_a_worker_that_may_has_cells_of_another_user_that_may_not() -> None:
    """As systemd starts one: no root, with what it takes to become another user and to end his processes."""
    may = "+setuid,+setgid,+kill,+dac_read_search"  # the last one because this Python may lie in root's own directory
    worker, who = CELL_USER - 1, CELL_USER if ROOT else os.getuid()
    given = ["setpriv", f"--reuid={worker}", f"--regid={worker}", "--clear-groups", "--no-new-privs", "--bounding-set=-all," + may]
    words = [*given, f"--inh-caps={may}", f"--ambient-caps={may}"] if ROOT else []
    done = subprocess.run(
        [*words, sys.executable, "-c", AS_ANOTHER, ENVIRONMENT["PYTHONPATH"], str(CELL_USER)], capture_output=True, text=True, timeout=60
    )
    user, group, groups, *rights = done.stdout.splitlines()[0].split(",") if done.stdout else [done.stderr] * 3
    assert user.split() == [str(who)] * 4, done.stderr
    assert group.split() == [str(who if ROOT else os.getgid())] * 4
    assert not ROOT or groups == ""
    assert {int(each, 16) for each in rights} == {0}
    assert done.stdout.endswith("\nended\n"), done.stderr


def test_one_that_does_not_start_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "av.py").write_text("raise ImportError('there is no libav here')")
    monkeypatch.setitem(ENVIRONMENT, "PYTHONPATH", f"{tmp_path}{os.pathsep}{ENVIRONMENT['PYTHONPATH']}")
    with pytest.raises(Failed, match="a cell did not start: ImportError: there is no libav here"):
        Cell(tmp_path / "av.py", USER)


def test_it_knows_nothing_of_the_worker(video: VideoOf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "not for cells")
    with Cell(video("mp4"), USER) as cell:
        what = wanted(cell, TS)
        cell.follow(what.plan)
        cell.make(what.plan.renditions[0].name, 0, what)
        about = Path(f"/proc/{cell.pid}")
        told = (about / "cmdline").read_bytes() + (about / "environ").read_bytes()
        assert b"not for cells" not in told
        for secret in (KEYS.root, KEYS.content(Place("aes128", "180p", 0))):
            assert secret.hex().encode() not in told and secret not in told
        assert (about / "net" / "dev").read_text().count(":") <= 1 or not ROOT, "it has no network but its own loopback"


def test_it_shares_memory_for_ciphertext_and_no_other(video: VideoOf) -> None:
    with Cell(video("mp4"), USER) as cell:
        what = wanted(cell, SAMPLES)
        cell.follow(what.plan)
        cell.make(what.plan.renditions[0].name, 0, what)
        about = Path(f"/proc/{cell.pid}")
        if ROOT:
            assert [name for _, rights, name in mappings(about) if "w" in rights and "s" in rights] == ["/memfd:segment (deleted)"]
        else:
            with pytest.raises(PermissionError):
                [*mappings(about)]


def playlist(top: Path) -> bytes:
    return b"#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:4,\nhttp://127.0.0.1:{port}/x.ts\n#EXT-X-ENDLIST\n"


def concatenation(top: Path) -> bytes:
    return b"ffconcat version 1.0\nfile 'http://127.0.0.1:{port}/x.mp4'\nfile '/etc/passwd'\n"


def dash(top: Path) -> bytes:
    return b'<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011"><Period><BaseURL>http://127.0.0.1:{port}/</BaseURL></Period></MPD>'


def nothing(top: Path) -> bytes:
    return b""


def zeros(top: Path) -> bytes:
    return bytes(100_000)


def noise(top: Path) -> bytes:
    return hashlib.shake_256(b"noise").digest(3 << 20)


def a_picture(top: Path) -> bytes:
    return b"GIF89a" + bytes(1000)


def truncated(top: Path) -> bytes:
    whole = made(top / "whole.mp4", "-movflags", "+faststart", seconds=4).read_bytes()
    return whole[: len(whole) // 2]


def truncated_and_encoded(top: Path) -> bytes:
    x265 = ["-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=error", "-tag:v", "hvc1", "-movflags", "+faststart"]
    whole = made(top / "whole.mp4", *x265, seconds=9).read_bytes()
    return whole[: len(whole) // 2]


def without_an_end(top: Path) -> bytes:
    return made(top / "whole.mp4", seconds=2).read_bytes()[:-4000]


def huge_pictures(top: Path) -> bytes:
    return made(top / "huge.mkv", "-preset", "ultrafast", seconds=0.04, size="8192x4320", audio=False).read_bytes()


def huge_pictures_in_name_only(top: Path) -> bytes:
    data = bytearray(made(top / "small.mp4", seconds=2, audio=False).read_bytes())
    at = data.index(b"avc1", data.index(b"stsd")) + 4 + 24
    data[at : at + 4] = struct.pack(">HH", 65_535, 65_535)
    sps = data.index(b"avcC") + 4
    data[sps : sps + 60] = bytes(60)
    return bytes(data)


def a_million_streams(top: Path) -> bytes:
    head = boxes.box(b"ftyp", b"isom\0\0\2\0isomiso2avc1mp41")
    return head + boxes.box(b"moov", boxes.full(b"mvhd", 0, 0, bytes(96)), boxes.box(b"trak") * 1_000_000)


def a_bomb(top: Path) -> bytes:
    packed = zlib.compress(bytes(200 << 20), 9)
    cmvd = boxes.box(b"cmvd", struct.pack(">I", 0xFFFFFFF0), packed)
    return boxes.box(b"ftyp", b"qt  \0\0\2\0qt  ") + boxes.box(b"moov", boxes.box(b"cmov", boxes.box(b"dcom", b"zlib"), cmvd))


def a_table_without_end(top: Path) -> bytes:
    data = bytearray(made(top / "small.mp4", seconds=2, audio=False).read_bytes())
    at = data.index(b"stsz") + 12
    data[at : at + 4] = struct.pack(">I", 0x0FFFFFFF)
    return bytes(data)


def sound_alone(top: Path) -> bytes:
    run("-f", "lavfi", "-i", "sine", "-t", "1", "-c:a", "aac", top / "sound.mp4")
    return (top / "sound.mp4").read_bytes()


def another_codec(top: Path) -> bytes:
    run("-f", "lavfi", "-i", "testsrc2=s=64x64", "-t", "1", "-c:v", "ffv1", top / "other.mkv")
    return (top / "other.mkv").read_bytes()


def another_codec_of_sound(top: Path) -> bytes:
    run(
        "-f",
        "lavfi",
        "-i",
        "testsrc2=s=64x64",
        "-f",
        "lavfi",
        "-i",
        "sine",
        "-t",
        "1",
        "-c:v",
        "libx264",
        "-c:a",
        "wmav2",
        top / "other.mkv",
    )
    return (top / "other.mkv").read_bytes()


def key_frames_far_apart(top: Path) -> bytes:
    return made(top / "apart.mp4", "-g", "9999", "-x264-params", "keyint=infinite", seconds=125, size="64x64", audio=False).read_bytes()


CORPUS: dict[Callable[[Path], bytes], str] = {
    playlist: "it is no video in MP4",
    concatenation: "it is no video in MP4",
    dash: "it is no video in MP4",
    nothing: "it is no video in MP4, QuickTime",
    zeros: "it is no video in MP4",
    noise: "it is no video in MP4",
    a_picture: "it is no video in MP4",
    truncated: "it ends early|it is damaged",
    truncated_and_encoded: "it has no pictures at 5.. s: it ends early, or is damaged there|it is damaged",
    without_an_end: "it is no video in MP4",
    huge_pictures: "its pictures have 8192 by 4320 pixels",
    huge_pictures_in_name_only: "pixels|codec|damaged|decoder|size of its pictures",
    a_million_streams: "it is no video in MP4|more memory",
    a_bomb: "it is no video in MP4|more time or memory",
    a_table_without_end: "it is no video in MP4|damaged|key frame|codec|ends early",
    sound_alone: "it has no video",
    another_codec: r"its video's codec is none that this takes \(ffv1\)",
    another_codec_of_sound: r"its audio's codec is none that this takes \(wmav2\)",
    key_frames_far_apart: "its key frames are 125.0 s apart",
}


@pytest.mark.parametrize("name", CORPUS.values())
def test_what_is_meant_to_harm_is_refused(tmp_path: Path, name: str) -> None:
    maker = next(each for each, said in CORPUS.items() if said is name)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        data = maker(tmp_path).replace(b"{port}", str(listener.getsockname()[1]).encode())
        source = tmp_path / "video.mp4"
        source.write_bytes(data)
        with Cell(source, USER) as cell:
            with pytest.raises(Refused, match=name):
                what = wanted(cell, TS)
                package([cell], [what], Directory(tmp_path / "out"))
            status = Path(f"/proc/{cell.pid}/status").read_text()
            if "VmHWM" in status:
                assert int(status.split("VmHWM:")[1].split()[0]) << 10 < MEMORY_MAX
        with pytest.raises(BlockingIOError):
            listener.accept()


@pytest.mark.parametrize("seed", range(12))
def test_what_is_damaged_anywhere_is_refused_or_made(video: VideoOf, tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311
    data = bytearray(video(chance.choice(["mp4", "mkv", "ts", "fragmented"])).read_bytes())
    for _ in range(chance.choice([1, 10, 1000])):
        data[chance.randrange(len(data))] = chance.randrange(256)
    if chance.random() < 0.3:
        del data[chance.randrange(len(data)) :]
    source = tmp_path / "video"
    source.write_bytes(data)
    with Cell(source, USER) as cell:
        try:
            what = wanted(cell, SAMPLES)
            objects = package([cell], [what], Directory(tmp_path / "out"))
        except Refused as refused:
            assert str(refused)
        else:
            assert len(objects) > what.plan.segments


def test_an_upload_that_is_not_what_was_sealed_is_refused(video: VideoOf) -> None:
    data = video("mp4").read_bytes()

    def fetch(where: Range) -> bytes:
        return bytes(where.end - where.begin)

    with Cell(Upload(KEYS.upload, len(data), fetch), USER) as cell, pytest.raises(Refused, match="does not hold what was written"):
        cell.probe()


def test_a_cell_that_is_killed_is_told(video: VideoOf) -> None:
    with Cell(video("mp4"), USER) as cell:
        made_of = plan(cell.probe())
        os.kill(cell.pid, 9)
        with pytest.raises(Failed, match="a cell ended"):
            cell.follow(made_of)
