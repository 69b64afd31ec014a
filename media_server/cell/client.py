"""The worker's end of a cell."""

from __future__ import annotations

import contextlib
import mmap
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..records import Range
from ..video.offer import CBCS, Wanted
from ..video.plan import Facts, Plan, Refused
from ..video.storyboard import Still
from . import coding, wire

AREA = 64 << 20
"""Bytes of the largest segment; only what is used takes memory."""

START_SECONDS = 30.0
ANSWER_SECONDS = 1800.0
"""A cell ends by itself before, if it is given a processor: its seconds are counted (plan.py)."""

END_SECONDS = 5.0
"""A process that has closed its end of the socket is gone a moment later."""

PACKAGES = Path(__file__).absolute().parents[2]
ENVIRONMENT = {
    "PATH": "/usr/bin:/bin",
    "LANG": "C.UTF-8",
    "PYTHONPATH": os.pathsep.join([str(PACKAGES), *filter(os.path.isabs, sys.path)]),
    "PYTHONDONTWRITEBYTECODE": "1",
}
"""All that a cell has: nothing of the worker's."""


class Failed(Exception):
    """A cell did not do what it should, and not for what its source is."""


@dataclass(frozen=True)
class Upload:
    """A source that lies encrypted somewhere.

    Attributes:
        key: The upload's (32 bytes).
        length: Bytes of the file.
        fetch: Returns a range of the object.
    """

    key: bytes
    length: int
    fetch: Callable[[Range], bytes]


@dataclass(frozen=True)
class Segment:
    """The ciphertext of a segment or a picture, until the cell is asked for another one; its SHA-256."""

    data: memoryview
    sha256: bytes


class Cell:
    """A confined process with one source. Each source has its own, and it ends with it.

    Args:
        source: An upload, or the path of a file that is no secret.
        user: Who it runs as, if this process is root.

    Raises:
        Failed: It can't be confined here.
    """

    def __init__(self, source: Upload | Path, user: int | None = None) -> None:
        self._source = source
        self._area_file = os.memfd_create("segment", os.MFD_CLOEXEC)
        os.ftruncate(self._area_file, AREA)
        self._area = mmap.mmap(self._area_file, AREA)
        self._connection, theirs = socket.socketpair()
        file = os.open(source, os.O_RDONLY | os.O_CLOEXEC) if isinstance(source, Path) else -1
        command = [
            sys.executable,
            "-s",
            "-m",
            "media_server.cell",
            *map(str, (theirs.fileno(), self._area_file, file, -1 if user is None else user)),
        ]
        self._process = subprocess.Popen(
            command,
            pass_fds=[theirs.fileno(), self._area_file, *([file] if file >= 0 else [])],
            env=ENVIRONMENT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,  # until it has seen something: then it says nothing any more
        )
        theirs.close()
        if file >= 0:
            os.close(file)
        try:
            self._begin()
        except BaseException:
            self.close()
            raise

    def _begin(self) -> None:
        try:
            self._answer(START_SECONDS)
        except wire.Gone:
            said = self._process.communicate()[1].decode(errors="replace").strip().splitlines()[-1:]
            raise Failed(f"a cell did not start: {''.join(said) or f'status {self._process.returncode}'}") from None
        if self._process.stderr is not None:
            self._process.stderr.close()

    @property
    def pid(self) -> int:
        """Its process."""
        return self._process.pid

    def open(self) -> None:
        """Open the source.

        Raises:
            Refused: It is none that this takes.
            Failed: It could not be opened.
        """
        upload = self._source if isinstance(self._source, Upload) else None
        length = upload.length if upload else Path(self._source).stat().st_size  # type: ignore[arg-type]
        self._ask_hurried(do="open", length=length, key=upload.key.hex() if upload else "")

    def probe(self) -> Facts:
        """Open the source, and look at it.

        Raises:
            Refused: It is none that this takes.
            Failed: It could not be looked at.
        """
        self.open()
        return coding.facts(self._ask_hurried(do="look")[0])

    def follow(self, plan: Plan) -> None:
        """Make by this plan from now on."""
        self._ask_well(do="follow", plan=coding.encode(plan))

    def head(self, rendition: str, number: int, wanted: Wanted) -> bytes:
        """Return the initialization segment of a segment; of `cbcs` it says how samples are encrypted.

        Args:
            rendition, number, wanted: See `make`.

        Raises:
            Refused: There can't be one of this source.
            Failed: The cell failed.
        """
        place, keys, order = wanted.place(rendition, number), wanted.keys, {"key_id": "", "iv": ""}
        if wanted.offer.profile == CBCS:
            order = {"key_id": str(keys.key_id(place)), "iv": keys.constant_iv(place).hex()}
        return self._ask_well(do="head", container=wanted.offer.container, rendition=rendition, **order)[1]

    def make(self, rendition: str, number: int, wanted: Wanted) -> Segment:
        """Make a segment. The cell is given this segment's key, and no other.

        Args:
            rendition: Its name.
            number: The segment's, from 0.
            wanted: What is made.

        Raises:
            Refused: It can't be made of this source.
            Failed: The cell failed.
        """
        place, keys, key_id = wanted.place(rendition, number), wanted.keys, ""
        if wanted.offer.profile == CBCS:
            key_id, iv = str(keys.key_id(place)), keys.constant_iv(place)
        else:
            iv = keys.iv(place.profile, rendition, number)
        order = {"container": wanted.offer.container, "rendition": rendition, "number": number, "key_id": key_id}
        return self._made(do="make", key=keys.content(place).hex(), iv=iv.hex(), **order)

    def still(self, still: Still, key: bytes) -> Segment:
        """Make a picture, sealed with its key (sealed.py). The cell is given this one, and no other.

        Raises:
            Refused: It can't be made of this source.
            Failed: The cell failed.
        """
        return self._made(do="still", still=coding.encode(still), key=key.hex())

    def close(self) -> None:
        """End it, whatever it does."""
        self._process.kill()
        self._process.wait()
        self._connection.close()
        os.close(self._area_file)

    def __enter__(self) -> Cell:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _made(self, **order: Any) -> Segment:
        made, _ = self._ask_well(**order)
        length = int(made["length"])
        if not 0 < length <= AREA:
            raise Failed(f"a cell says that what it made has {length} bytes")
        return Segment(memoryview(self._area)[:length], bytes.fromhex(made["sha256"]))

    def _ask_hurried(self, **order: Any) -> tuple[dict[str, Any], bytes]:
        try:
            return self._ask(**order)
        except wire.Gone:
            raise Refused("looking at it took more time or memory than a video does") from None

    def _ask_well(self, **order: Any) -> tuple[dict[str, Any], bytes]:
        try:
            return self._ask(**order)
        except wire.Gone as gone:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(END_SECONDS)
            if self._process.poll() == -signal.SIGPROF:
                raise Refused("making it took more time than a video does") from None
            raise Failed(f"a cell ended ({gone}), with status {self._process.poll()}") from None

    def _ask(self, **order: Any) -> tuple[dict[str, Any], bytes]:
        wire.send(self._connection, order)
        return self._answer(ANSWER_SECONDS)

    def _answer(self, seconds: float) -> tuple[dict[str, Any], bytes]:
        self._connection.settimeout(seconds)
        while True:
            try:
                message, data = wire.receive(self._connection)
            except TimeoutError:
                raise Failed(f"a cell did not answer within {seconds:.0f} s") from None
            if "read" in message and isinstance(self._source, Upload):
                begin, end = map(int, message["read"])
                wire.send(self._connection, {}, self._source.fetch(Range(begin, end)))
            elif "refused" in message:
                raise Refused(str(message["refused"]))
            elif "failed" in message:
                raise Failed(str(message["failed"]))
            else:
                return message, data
