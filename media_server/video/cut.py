"""Cuts a source's packets into segments, in any order: which packets a segment has depends on nothing but the plan. Runs in a cell."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from fractions import Fraction
from math import ceil
from typing import Any

from .plan import Refused
from .source import Source, demultiplexed, is_mp4

HELD_BYTES_MAX = 64 << 20
"""Of packets that come before their turn: how far a source's streams may lie apart."""


LEAD = 10
"""Seconds: what is looked for as much before a source's first picture is its beginning."""


class Cutter:
    """Gives the packets of segments.

    Times are counted in each stream's ticks: comparing seconds as fractions takes longer than all else that is done with a packet.

    Args:
        source: Where they come from; nobody else reads it meanwhile.
        streams: Whose packets.
        bounds: Seconds at which segments begin, and the end (plan.py).
        wait: Seconds between when a key frame is decoded and when it is shown.
    """

    def __init__(self, source: Source, streams: Sequence[Any], bounds: Sequence[Fraction], wait: Fraction) -> None:
        self._source = source
        self._streams = list(streams)
        self._bounds = bounds
        self._ticks = {one.index: [ceil(bound / one.time_base) for bound in bounds] for one in streams}
        self._wait_seconds = wait
        self._wait = ceil(wait / source.video.time_base)
        self._at: int | None = None
        self._packets: Iterator[Any] = iter(())
        self._held: dict[int, deque[Any]] = {}
        self._held_bytes = 0

    def take(self, number: int) -> dict[int, list[Any]]:
        """Return a segment's packets by their streams' indices. Those that follow the one before are not looked for anew.

        Raises:
            Refused: The source is damaged, or its streams lie too far apart.
        """
        if number != self._at:
            self._go(number)
        self._at = number + 1
        return self._until(number + 1)

    def _go(self, number: int) -> None:
        """Go to where a segment begins: from one segment before, where what the demultiplexer works out by itself has settled."""
        before = max(0, number - 1)
        lead = 0 if before else LEAD
        # at its beginning, MP4 goes with all streams to where the one that is named begins, and audio begins before pictures do
        stream = self._source.streams[-1] if is_mp4(self._source.container) and not before else self._source.video
        target = self._bounds[before] - self._wait_seconds - lead
        self._source.container.seek(ceil(target / stream.time_base), stream=stream, backward=True)
        self._packets = demultiplexed(self._source.container, self._streams)
        self._held = {stream.index: deque() for stream in self._streams}
        self._held_bytes = 0
        if number:
            self._until(number)
        else:
            self._first()

    def _first(self) -> None:
        """Leave out what comes before the first key frame: nobody can decode it."""
        if self._source.video not in self._streams:
            return
        for packet in self._packets:
            is_video = packet.stream_index == self._source.video.index
            if not is_video or packet.is_keyframe:
                self._hold(packet)
            if is_video and packet.is_keyframe:
                break

    def _until(self, bound: int) -> dict[int, list[Any]]:
        """Return what comes before a bound; what comes behind it, and was read already, is held."""
        last = bound == len(self._bounds) - 1
        ends = {stream.index: None if last else self._ticks[stream.index][bound] for stream in self._streams}
        taken = {index: [*self._released(queue, ends[index])] for index, queue in self._held.items()}
        wanted = {index for index, queue in self._held.items() if not queue}
        while wanted and (packet := next(self._packets, None)) is not None:
            index = packet.stream_index
            if index in wanted and self._is_before(packet, ends[index]):
                taken[index].append(packet)
            else:
                self._hold(packet)
                wanted.discard(index)
        return taken

    def _is_before(self, packet: Any, end: int | None) -> bool:
        """Return whether a packet belongs before an end. Video goes by the key frame that it follows, not by when it is shown."""
        if end is None:
            return True
        if packet.stream_index == self._source.video.index:
            return not packet.is_keyframe or packet.dts + self._wait < end
        return packet.pts is None or packet.pts < end

    def _hold(self, packet: Any) -> None:
        self._held[packet.stream_index].append(packet)
        self._held_bytes += packet.size
        if self._held_bytes > HELD_BYTES_MAX:
            raise Refused(f"its streams lie more than {HELD_BYTES_MAX >> 20} MiB apart: multiplex it anew, audio beside video")

    def _released(self, queue: deque[Any], end: int | None) -> Iterator[Any]:
        while queue and self._is_before(queue[0], end):
            packet = queue.popleft()
            self._held_bytes -= packet.size
            yield packet
