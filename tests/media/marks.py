"""Clear media that is recognised wherever it turns up, and where one looks for it: processes, files, buckets."""

from __future__ import annotations

import io
import os
import re
import secrets
import signal
import stat
import subprocess
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av

from tests.killing import children

from .videos import run


@dataclass(frozen=True)
class Marks:
    """Pieces of a source's coded pictures and sound, each of which occurs nowhere else.

    Attributes:
        pieces: They.
    """

    pieces: tuple[bytes, ...]

    def within(self, data: bytes) -> bool:
        return any(data.find(piece) >= 0 for piece in self.pieces)


def marked(top: Path) -> bytes:
    """Make a video whose noise is another one each time, and leave no file of it."""
    path, seed = top / "marked.mp4", secrets.randbelow(1 << 30)
    picture = ["-f", "lavfi", "-i", f"testsrc2=s=320x180:r=25,noise=alls=20:allf=t:all_seed={seed}"]
    sound = ["-f", "lavfi", "-i", f"anoisesrc=r=48000:seed={seed}"]
    coded = ["-c:v", "libx264", "-preset", "veryfast", "-threads", "1", "-g", "25", "-pix_fmt", "yuv420p", "-c:a", "aac", "-ac", "2"]
    run(*picture, *sound, "-t", "13", *coded, path)
    data = path.read_bytes()
    path.unlink()
    return data


def marks_of(data: bytes, video: int, audio: int) -> Marks:
    """Choose pieces from the middles of a video's packets, so many bytes of either stream."""
    found: dict[int, list[bytes]] = {0: [], 1: []}
    with av.open(io.BytesIO(data)) as source:
        for packet in source.demux():
            stream, size = packet.stream_index, packet.size
            middle, length = (packet.pos or 0) + size // 2, (video, audio)[stream]
            if size >= 2 * length + 64:
                found[stream].append(data[middle : middle + length])
    assert min(map(len, found.values())) >= 100, "there is something to look for"
    return Marks(tuple(piece for stream in found for piece in found[stream][::24]))


def family(pid: int) -> Iterator[int]:
    """Yield a process, then its children as they are by then."""
    yield pid
    yield from children(pid)


@contextmanager
def still(pid: int) -> Iterator[list[int]]:
    """Have a process and its children stand still; yield them, itself first.

    A signal that comes at once after this may go to another thread than the main one, and Python does not notice it then.
    """
    there = []
    try:
        for each in family(pid):
            with suppress(ProcessLookupError):
                os.kill(each, signal.SIGSTOP)
                there.append(each)
        yield there
    finally:
        for each in there:
            with suppress(ProcessLookupError):
                os.kill(each, signal.SIGCONT)


def in_process(pid: int, marks: Marks) -> set[str]:
    """Return where clear media is in a process: its open files, mappings that others may share, and its own memory."""
    found: set[str] = set()
    with suppress(FileNotFoundError, ProcessLookupError):  # it was killed
        found.update(_in_files_of(Path(f"/proc/{pid}"), marks))
        found.update(_in_memory_of(Path(f"/proc/{pid}"), marks))
    return found


def _in_files_of(about: Path, marks: Marks) -> Iterator[str]:
    for file in (about / "fd").iterdir():
        with suppress(FileNotFoundError):
            if stat.S_ISREG(file.stat().st_mode) and marks.within(held(file)):
                yield f"open: {file.readlink()}"


def _in_memory_of(about: Path, marks: Marks) -> Iterator[str]:
    with (about / "mem").open("rb", buffering=0) as memory:
        for (begin, end), rights, name in mappings(about):
            if "s" in rights:
                if marks.within(held(about / "map_files" / f"{begin:x}-{end:x}")):
                    yield f"shared: {name}"
            elif "rw" in rights and marks.within(os.pread(memory.fileno(), end - begin, begin)):
                yield "its own memory"


def mappings(about: Path) -> Iterator[tuple[tuple[int, int], str, str]]:
    """Yield what a process has mapped: from where to where, its rights, and the file's name."""
    for line in (about / "maps").read_text().splitlines():
        where, rights, _, _, _, *name = line.split(maxsplit=5)
        begin, end = (int(word, 16) for word in where.split("-"))
        yield (begin, end), rights, name[0] if name else ""


def held(file: Path) -> bytes:
    """Return what a file holds, without its holes."""
    out, at = b"", 0
    descriptor = os.open(file, os.O_RDONLY)
    try:
        with suppress(OSError):  # no more data
            while True:
                at = os.lseek(descriptor, at, os.SEEK_DATA)
                end = os.lseek(descriptor, at, os.SEEK_HOLE)
                out += os.pread(descriptor, end - at, at)
                at = end
    finally:
        os.close(descriptor)
    return out


def in_files(tops: Iterable[Path], since: float, marks: Marks) -> set[str]:
    """Return which files below some directories, changed since then, hold clear media."""
    found = set()
    for top in tops:
        for directory, _, names in os.walk(top):
            for name in names:
                path = Path(directory, name)
                with suppress(FileNotFoundError):
                    about = path.lstat()
                    if stat.S_ISREG(about.st_mode) and about.st_ctime >= since and marks.within(path.read_bytes()):
                        found.add(str(path))
    return found


def in_buckets(s3: Any, marks: Marks) -> set[str]:
    """Return which objects hold clear media: all versions in all buckets. Unfinished uploads are put together, to be read."""
    found = set()
    for bucket in (each["Name"] for each in s3.list_buckets()["Buckets"]):
        for begun in s3.list_multipart_uploads(Bucket=bucket).get("Uploads", []):
            where = {"Bucket": bucket, "Key": begun["Key"], "UploadId": begun["UploadId"]}
            parts = [{"PartNumber": each["PartNumber"], "ETag": each["ETag"]} for each in s3.list_parts(**where).get("Parts", [])]
            if parts:
                s3.complete_multipart_upload(**where, MultipartUpload={"Parts": parts})
        for each in s3.list_object_versions(Bucket=bucket).get("Versions", []):
            version = {} if each["VersionId"] == "null" else {"VersionId": each["VersionId"]}
            if marks.within(s3.get_object(Bucket=bucket, Key=each["Key"], **version)["Body"].read()):
                found.add(f"{bucket}/{each['Key']}")
    return found


TRACED = {
    "opens": ("open", "openat", "openat2", "creat"),
    "makes": ("memfd_create", "memfd_secret", "shmget", "mq_open"),
    "gives": ("write", "pwrite64", "writev", "pwritev", "pwritev2", "sendto", "sendmsg", "sendmmsg", "mq_timedsend", "process_vm_writev"),
    "takes": ("recvfrom", "recvmsg"),
    "unseen": ("sendfile", "splice", "vmsplice", "tee", "copy_file_range", "io_uring_setup", "io_submit", "ptrace"),
}
"""Calls of the system that pass bytes on, or make what they may be passed through. Of those that are `unseen` nobody sees which bytes."""

LONGEST = 16 << 20
"""Bytes of a call that are told; a call has fewer."""

_CALL = re.compile(r"\d+ +(?:<\.\.\. )?(\w+)")


@dataclass(frozen=True)
class Call:
    """A call of the system: which, its other arguments, and the bytes in it."""

    name: str
    words: str
    texts: tuple[bytes, ...]


def calls(log: Path) -> list[Call]:
    """Return what strace wrote. It writes all bytes as numbers, so what is between quotation marks has none in it."""
    found = []
    with log.open() as lines:
        for line in lines:
            if head := _CALL.match(line):
                assert '"...' not in line, "all bytes of a call are told"
                about, *rest = line.split('"')
                texts = tuple(bytes.fromhex(text.replace("\\x", "")) for text in rest[::2])
                found.append(Call(head[1], about + "".join(rest[1::2]), texts))
    return found


@contextmanager
def traced(log: Path, *pids: int) -> Iterator[None]:
    """Have strace write what processes, and those that they start, ask of the system."""
    names = ",".join(name for some in TRACED.values() for name in some)
    who = [word for pid in pids for word in ("-p", str(pid))]
    words = ["strace", "-f", "-q", "-xx", "-s", str(LONGEST), "-e", f"trace={names}", "-e", "signal=none", "-o", str(log), *who]
    with subprocess.Popen(words) as strace:
        deadline = time.monotonic() + 60
        while not all(_is_traced(task) for pid in pids for task in Path(f"/proc/{pid}/task").iterdir()):
            assert strace.poll() is None and time.monotonic() < deadline, "strace does not trace"
            time.sleep(0.01)
        try:
            yield
        finally:
            strace.terminate()


def _is_traced(task: Path) -> bool:
    return "TracerPid:\t0\n" not in (task / "status").read_text()
