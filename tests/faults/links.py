"""TCP links that are cut, both ways or one: what is on its way is held until they are whole again, as retransmission has it."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from typing import Literal

Cut = Literal["whole", "both", "there", "back"]
"""Which way nothing passes: `there` is from who connects."""


class Link:
    """A port of loopback that leads to another one.

    Args:
        links: Whose loop it is served by.
        upstream: The port that it leads to.
    """

    def __init__(self, links: Links, upstream: int) -> None:
        self._upstream = upstream
        self._open = {"there": asyncio.Event(), "back": asyncio.Event()}
        self._loop = links.loop
        self.port = asyncio.run_coroutine_threadsafe(self._serve(), self._loop).result(10)

    def cut(self, how: Cut) -> None:
        """Have it pass in the ways that are not cut."""
        for way, event in self._open.items():
            self._loop.call_soon_threadsafe(event.clear if how in ("both", way) else event.set)

    async def _serve(self) -> int:
        for event in self._open.values():
            event.set()
        server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        return int(server.sockets[0].getsockname()[1])

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            await self._open["there"].wait()
            there, back = await asyncio.open_connection("127.0.0.1", self._upstream)
            await asyncio.gather(self._pipe(reader, back, "there"), self._pipe(there, writer, "back"))
        writer.close()

    async def _pipe(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, way: str) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65536):
                await self._open[way].wait()
                writer.write(data)
                await writer.drain()
        await self._open[way].wait()  # nor does one learn that the other has closed
        writer.close()


class Links:
    """Serves links, in a thread of its own."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        threading.Thread(target=self.loop.run_forever, daemon=True).start()

    def close(self) -> None:
        self.loop.call_soon_threadsafe(self.loop.stop)
