"""Where clear media is while a video goes through the media server: in a cell's own memory, and nowhere else.

What is looked for are pieces of the source's coded pictures and sound. In `aes128` a short piece is enough. In `cbcs` one block in ten of a
picture is encrypted, and the nine behind it are as they were, as ISO/IEC 23001-7 has it: a piece is so long there that it can't lie between.
"""

from __future__ import annotations

import mmap
import os
import re
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from lab.settings import ROOT
from media_server.assets import READY
from media_server.records import PART
from media_server.sealed import unseal
from media_server.where import PICTURES, objects_of

from . import marks
from .place import Place
from .server import Server, backend, half_sent, running

OFFERS = {"aes128": ("ts", 64), "cbcs": ("fmp4", 192)}
"""The container of a profile, and how many bytes of a picture are a piece."""
SOUND = 64
PICTURE = 64
TEMPORARY = (Path(tempfile.gettempdir()), Path("/var/tmp"), Path("/dev/shm"))  # noqa: S108 - it is looked at, and nothing is put there


pytestmark = pytest.mark.world


@contextmanager
def working(place: Place, home: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run a worker that writes what it says into its home."""
    with (home / "worker.log").open("wb") as out:
        environment = place.environment | whose(home) | {"MEDIA_SLOTS": "2", "MEDIA_BEAT": str(home / "beat")}
        worker = subprocess.Popen(
            [sys.executable, "-m", "media_server", "worker"], cwd=home, env=environment, stdin=subprocess.DEVNULL, stdout=out, stderr=out
        )
    try:
        yield worker
    finally:
        worker.terminate()
        worker.wait(60)


def whose(home: Path) -> dict[str, str]:
    """What keeps a program's files in a directory, if it writes any."""
    return {"HOME": str(home), "TMPDIR": str(home), "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}


def begun(server: Server, length: int, profile: str) -> tuple[str, str]:
    """Begin an upload; return the asset's id, and the upload's token."""
    offers = [{"profile": profile, "container": OFFERS[profile][0]}]
    made = server.ask("POST", "/assets", backend(), json={"title": "Marked", "length": length, "offers": offers})
    assert made.status_code == 201, made.text
    return made.json()["id"], made.json()["upload_token"]


def send(server: Server, asset: str, token: str, data: bytes) -> None:
    headers = {"Upload-Offset": "0", "Content-Type": "application/offset+octet-stream"}
    assert server.ask("PATCH", f"/uploads/{asset}", token, content=data, headers=headers).status_code == 204


def wait_for_a_part(server: Server, asset: str, token: str) -> None:
    deadline = time.monotonic() + 120
    while server.ask("HEAD", f"/uploads/{asset}", token).headers["upload-offset"] != str(PART):
        assert time.monotonic() < deadline


def pictures_of(place: Place, asset: str) -> marks.Marks:
    """Return pieces of an asset's pictures, as they are when they are not sealed."""
    found = place.assets.get("acme", asset)
    keys, top = place.wrapper.open("acme", uuid.UUID(asset), found.root), f"{objects_of(found)}{PICTURES}"
    lies = {key.removeprefix(top): data for key, data in place.objects().items() if key.startswith(top) and key.endswith(".jpg")}
    clear = [unseal(keys.picture(name), data) for name, data in lies.items()]
    assert len(clear) == 2, "a poster and a sprite"
    return marks.Marks(
        tuple(each[at : at + PICTURE] for each in clear for at in range(len(each) // 4, len(each) - PICTURE, len(each) // 4))
    )


@contextmanager
def decoys(place: Place, directory: Path, piece: bytes) -> Iterator[set[str]]:
    """Leave a piece of clear media wherever one looks for it; yield what is to be found of it."""
    (directory / "decoy").write_bytes(b"before" + piece + b"behind")
    place.clients.s3.put_object(Bucket="media", Key="decoy", Body=piece)
    place.clients.s3.put_object(Bucket="media", Key="decoy", Body=b"another version")
    whole = place.clients.s3.create_multipart_upload(Bucket="uploads", Key="decoy")["UploadId"]
    place.clients.s3.upload_part(Bucket="uploads", Key="decoy", UploadId=whole, PartNumber=1, Body=piece)
    with (
        mmap.mmap(-1, 4096) as shared,
        mmap.mmap(-1, 4096, flags=mmap.MAP_PRIVATE) as own,
        os.fdopen(os.memfd_create("decoy"), "wb") as file,
    ):
        shared[: len(piece)] = own[: len(piece)] = piece
        file.write(piece)
        file.flush()
        process = {f"this: {each}" for each in ("open: /memfd:decoy (deleted)", "shared: /dev/zero (deleted)", "its own memory")}
        yield {str(directory / "decoy"), "media/decoy", "uploads/decoy", *process}


@pytest.mark.parametrize("profile", OFFERS)
def test_clear_media_is_in_a_cells_own_memory_and_nowhere_else(place: Place, tmp_path: Path, profile: str) -> None:
    since = time.time()
    source = marks.marked(tmp_path)
    looked_for = marks.marks_of(source, OFFERS[profile][1], SOUND)
    assert looked_for.within(source) and not looked_for.within(marks.marked(tmp_path))
    for name in ("server", "worker"):
        (tmp_path / name).mkdir()
    found: set[str] = set()
    looks: list[int] = []

    def look(program: str, parent: int, *children: int, of: marks.Marks = looked_for, what: str = "") -> None:
        for who, each in ((program, parent), *((f"{program}'s child", child) for child in children)):
            found.update(f"{what}{who}: {where}" for where in marks.in_process(each, of))

    with (
        decoys(place, tmp_path, looked_for.pieces[0]) as expected,
        running(place.environment, tmp_path / "server.log", **whose(tmp_path / "server")) as server,
    ):
        found |= {f"this: {where}" for where in marks.in_process(os.getpid(), looked_for)}
        long = source * (2 * PART // len(source) + 1)
        unfinished, token = begun(server, len(long), profile)
        with half_sent(server, f"/uploads/{unfinished}", token, 0, len(long), [long[: PART + PART // 2]]):
            wait_for_a_part(server, unfinished, token)
            look("server", *marks.family(server.process.pid))
        with working(place, tmp_path / "worker") as worker:
            asset, token = begun(server, len(source), profile)
            send(server, asset, token, source)
            deadline = time.monotonic() + 300
            while place.assets.get("acme", asset).state != READY:
                assert worker.poll() is None and time.monotonic() < deadline
                with marks.still(worker.pid) as standing:
                    looks.append(len(standing) - 1)
                    look("worker", *standing)
                time.sleep(0.05)  # to look again and again is what this is about
            look("worker", *marks.family(worker.pid))
            shown = pictures_of(place, asset)
            look("worker", *marks.family(worker.pid), of=shown, what="a picture, ")
        look("server", *marks.family(server.process.pid))
        look("server", *marks.family(server.process.pid), of=shown, what="a picture that nobody has asked for, ")
        assert server.ask("GET", f"/assets/{asset}/poster", backend()).status_code == 200
        look("server", *marks.family(server.process.pid), of=shown, what="a picture, ")
    for each in (looked_for, shown):
        found |= marks.in_buckets(place.clients.s3, each)
        found |= marks.in_files([tmp_path, ROOT, *TEMPORARY], since, each)
    print(f"{profile}: {len(looks)} looks, {sum(map(bool, looks))} of them at cells too, for {len(looked_for.pieces)} pieces")
    assert found == expected | {f"{who}'s child: its own memory" for who in ("worker", "server", "a picture, server")}


DECOY = """
import os, socket, sys
piece = sys.stdin.buffer.read()
here, there = socket.socketpair()
os.write(2, piece), os.writev(2, [b"before", piece]), here.sendall(piece), here.sendmsg([piece]), there.recv(1 << 20)
open(sys.argv[1], "w"), os.memfd_create("decoy")
"""


@dataclass(frozen=True)
class Traced:
    """What programs asked of the system.

    Attributes:
        passed: Calls that had clear media in them.
        written: Files that were opened to be written, or made, by their names.
        unseen: Calls that nobody knows of what they had in them.
    """

    passed: set[str]
    written: set[str]
    unseen: set[str]

    @staticmethod
    def of(log: Path, looked_for: marks.Marks) -> Traced:
        calls, to_write = marks.calls(log), re.compile("O_WRONLY|O_RDWR|O_CREAT|O_TRUNC")
        made = [call for call in calls if call.name in marks.TRACED["makes"]]
        opened = [call for call in calls if call.name in marks.TRACED["opens"] and (call.name == "creat" or to_write.search(call.words))]
        return Traced(
            {call.name for call in calls if any(map(looked_for.within, call.texts))},
            {call.texts[0].decode() if call.texts else call.name for call in (*made, *opened) if "resumed" not in call.words},
            {call.name for call in calls} & {*marks.TRACED["unseen"]},
        )


def test_tracing_tells_what_is_passed_and_written(tmp_path: Path) -> None:
    piece, log = os.urandom(64 << 10), tmp_path / "decoy.strace"
    command = [sys.executable, "-c", DECOY, str(tmp_path / "decoy")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL) as decoy, marks.traced(log, decoy.pid):
        decoy.communicate(piece)
    found = Traced.of(log, marks.Marks((piece[-64:],)))
    assert found == Traced({"write", "writev", "sendto", "sendmsg", "recvfrom"}, {str(tmp_path / "decoy"), "decoy"}, set())


@pytest.mark.parametrize("profile", OFFERS)
def test_no_call_of_the_system_passes_clear_media_on(place: Place, tmp_path: Path, profile: str) -> None:
    source = marks.marked(tmp_path)
    looked_for = marks.marks_of(source, OFFERS[profile][1], SOUND)
    home, of_server, of_worker = tmp_path / "home", tmp_path / "server.strace", tmp_path / "worker.strace"
    home.mkdir()
    with (
        running(place.environment, tmp_path / "server.log", **whose(home)) as server,
        working(place, home) as worker,
        marks.traced(of_server, server.process.pid, *server.workers),
        marks.traced(of_worker, worker.pid),
    ):
        asset, token = begun(server, len(source), profile)
        send(server, asset, token, source)
        deadline = time.monotonic() + 300
        while place.assets.get("acme", asset).state != READY:
            assert worker.poll() is None and time.monotonic() < deadline
            time.sleep(0.1)
    uploads = Traced({"recvfrom"}, set(), set())
    assert Traced.of(of_server, looked_for) == uploads, "it is what an upload comes in by, in the clear"
    shown = pictures_of(place, asset)
    assert not Traced.of(of_server, shown).passed | Traced.of(of_worker, shown).passed
    works = Traced(set(), {str(home / "beat"), "/dev/null", "segment"}, set())
    assert Traced.of(of_worker, looked_for) == works, "neither the worker nor a cell passes it on"
