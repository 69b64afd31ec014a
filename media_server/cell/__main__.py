"""A cell: what runs confined. It reads orders from a socket, a source from there or from a file that is open, and makes segments of it.

    python -m media_server.cell <socket> <area> <source or -1> <user or -1>

All arguments are numbers: of open files, and of a user. See client.py for what is said.
"""

from __future__ import annotations

import gc
import importlib
import mmap
import os
import pkgutil
import signal
import socket
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import av
import av.error

from .. import records, sealed
from ..video import boxes, cbcs, cut, encode, h264, mux, plan, sinks, source, stills
from . import coding, held, sandbox, wire

PROBE_SECONDS = 1.5
"""Of the processor, to open a source, and to look at it."""

PROBE_RATE = 100 << 20
"""Bytes for which there is a second more: some sources have to be read from one end to the other."""

WORDS = {
    boxes.Malformed: "what was multiplexed can't be encrypted",
    h264.Unreadable: "its video is no H.264 that can be encrypted",
    sinks.TooLarge: "it has too many bits a second",
    records.Damaged: "the upload is damaged",
    MemoryError: "it takes more memory than a video does",
}
"""What is wrong with a source, by what was raised."""


class Cell:
    """What it keeps between orders.

    Args:
        connection: To the worker.
        area: Memory that the worker sees: ciphertext of a segment.
        file: The source's, if it was handed over open.
    """

    def __init__(self, connection: socket.socket, area: mmap.mmap, file: int | None) -> None:
        self._connection = connection
        self._area = memoryview(area)
        # clear media goes there: said to be nobody else's, since Python's own choice is memory that can be shared
        self._scratch = memoryview(mmap.mmap(-1, len(area), flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS))
        self._file = file
        self._patience = PROBE_SECONDS
        self._upload: tuple[bytes, int] = (b"", 0)
        self._source: source.Source | None = None
        self._plan: plan.Plan | None = None
        self._encoder: encode.Encoder | None = None
        self._cutter: cut.Cutter | None = None
        self._taken: tuple[int, dict[int, list[Any]]] = (-1, {})

    def answer(self, order: dict[str, Any]) -> tuple[dict[str, Any], bytes]:
        """Carry an order out."""
        return getattr(self, f"_{order.pop('do')}")(**order)

    def _open(self, length: int, key: str) -> tuple[dict[str, Any], bytes]:
        self._upload = bytes.fromhex(key), length
        self._patience = PROBE_SECONDS + length / PROBE_RATE
        with hurried(self._patience):
            self._source = self._opened_anew()
        return {}, b""

    def _opened_anew(self) -> source.Source:
        """Open the source, beside those that are open already."""
        return source.opened(held.File(self._file) if self._file is not None else records.Reader(*self._upload, self._fetch))

    def _look(self) -> tuple[dict[str, Any], bytes]:
        with hurried(self._patience):
            return coding.encode(source.facts(self._opened())), b""

    def _follow(self, plan: dict[str, Any]) -> tuple[dict[str, Any], bytes]:
        self._plan = coding.plan(plan)
        self._encoder = encode.Encoder(self._opened_anew, self._plan)
        self._cutter, self._taken = None, (-1, {})
        return {}, b""

    def _head(self, container: str, rendition: str, key_id: str, iv: str) -> tuple[dict[str, Any], bytes]:
        head = mux.initialization(self._streams(self._rendition(container, rendition)))
        if key_id:
            head = cbcs.initialization(head, uuid.UUID(key_id), bytes.fromhex(iv))
        return {}, head

    def _make(self, container: str, rendition: str, number: int, key: str, iv: str, key_id: str) -> tuple[dict[str, Any], bytes]:
        area, follows = sinks.Area(self._area), self._followed()
        with hurried(follows.effort(number)):
            streams = self._streams(self._rendition(container, rendition), number)
        if not streams[0].packets:
            between = f"between {float(follows.bounds[number]):.1f} and {float(follows.bounds[number + 1]):.1f} s"
            raise plan.Refused(f"it has no {streams[0].of.type} {between}: it ends early, or is damaged there")
        secrets = bytes.fromhex(key), bytes.fromhex(iv)
        if key_id:
            content = cbcs.Content(*secrets, uuid.UUID(key_id))
            made = mux.samples(streams[0], follows.shift, number, area, content, self._scratch)
        else:
            made = mux.whole(streams, container, follows.shift, number, area, *secrets)
        return _told(made)

    def _still(self, still: dict[str, Any], key: str) -> tuple[dict[str, Any], bytes]:
        area, wanted = sinks.Area(self._area), coding.still(still)
        with hurried(self._patience + wanted.effort):
            clear = stills.made(self._opened_anew(), wanted)
        gc.collect()  # what was open is part of circles, and has pictures
        area.put(sealed.seal(bytes.fromhex(key), clear))
        return _told(area.made())

    def _streams(self, rendition: plan.Rendition, number: int | None = None) -> list[mux.Stream]:
        """Return a rendition's streams: with a segment's packets, or without any."""
        opened, follows, encoder, streams = self._opened(), self._followed(), self._encoding(), []
        if rendition.level:
            streams.append(encoder.template(rendition) if number is None else encoder.video(rendition, number))
        elif rendition.video:
            streams.append(mux.Stream(opened.video, [] if number is None else self._copied(number, opened.video)))
        if rendition.audio and follows.audio_encoded:
            streams.append(encoder.template(encode.SOUND) if number is None else encoder.audio(number))
        elif rendition.audio and opened.audio is not None:
            streams.append(mux.Stream(opened.audio, [] if number is None else self._copied(number, opened.audio), opened.configuration))
        return streams

    def _copied(self, number: int, stream: Any) -> list[Any]:
        """Return a segment's packets of a stream. They are kept until another segment is asked for: all of one are made in a row."""
        opened, follows = self._opened(), self._followed()
        if self._cutter is None:
            video = [opened.video] if any(one.video and not one.level for one in follows.renditions) else []
            audio = [opened.audio] if opened.audio is not None and not follows.audio_encoded else []
            self._cutter = cut.Cutter(opened, [*video, *audio], follows.bounds, follows.wait)
        if self._taken[0] != number:
            self._taken = -1, {}
            self._taken = number, self._cutter.take(number)
        return self._taken[1][stream.index]

    def _opened(self) -> source.Source:
        if self._source is None:
            raise ValueError("nothing was looked at yet")
        return self._source

    def _followed(self) -> plan.Plan:
        if self._plan is None:
            raise ValueError("there is no plan yet")
        return self._plan

    def _encoding(self) -> encode.Encoder:
        if self._encoder is None:
            raise ValueError("there is no plan yet")
        return self._encoder

    def _rendition(self, container: str, name: str) -> plan.Rendition:
        return next(one for one in self._followed().within(container) if one.name == name)

    def _fetch(self, where: records.Range) -> bytes:
        wire.send(self._connection, {"read": [where.begin, where.end]})
        return wire.receive(self._connection)[1]


def _told(made: sinks.Made) -> tuple[dict[str, Any], bytes]:
    return {"length": made.length, "sha256": made.sha256.hex()}, b""


@contextmanager
def hurried(seconds: float) -> Iterator[None]:
    """End this process if it takes more of the processor: it is looking at something that was made to keep it busy."""
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


def main() -> int:
    """Serve until the worker closes."""
    connection_file, area_file, source_file, user = map(int, sys.argv[1:])
    connection = socket.socket(fileno=connection_file)
    av.logging.set_level(None)
    for module in pkgutil.walk_packages(av.__path__, "av."):
        if module.name not in ("av.__main__", "av.datasets"):
            importlib.import_module(module.name)  # it imports late what it needs, and then it can't
    gc.disable()  # packets are many, and none is part of a circle
    try:
        sandbox.confine(None if user < 0 else user)
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())
        area = mmap.mmap(area_file, os.fstat(area_file).st_size)
        cell = Cell(connection, area, None if source_file < 0 else source_file)
        sandbox.seal()
    except OSError as error:
        wire.send(connection, {"failed": f"a cell could not be confined: {error}"})
        return 1
    wire.send(connection, {"ready": True})
    while True:
        try:
            order, _ = wire.receive(connection)
        except wire.Gone:
            return 0
        wire.send(connection, *answered(cell, order))


def answered(cell: Cell, order: dict[str, Any]) -> tuple[dict[str, Any], bytes]:
    """Return what is answered to an order: `refused` is about the source, `failed` about us."""
    try:
        return cell.answer(order)
    except plan.Refused as error:
        return {"refused": str(error)}, b""
    except av.error.FFmpegError as error:
        return {"refused": f"it is damaged ({source.words(error)})"}, b""
    except tuple(WORDS) as error:
        return {"refused": f"{WORDS[type(error)]}: {error}"}, b""
    except wire.Gone:
        raise
    except Exception as error:
        return {"failed": f"{type(error).__name__}: {error}"}, b""


if __name__ == "__main__":
    sys.exit(main())
