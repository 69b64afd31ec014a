"""When users do what: so many actions a second, whether those before were answered or not."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

from .actions import KINDS, Users
from .visitor import PATIENCE, Visitor

VISITORS = 20
"""Browsers that are there all the time, and do in turns what does not begin with a new one."""


@dataclass
class Drive:
    """A run.

    Args:
        users: Those who do it.
        rates: Actions a second, by kind.
        seconds: That it lasts; 0: until it is told to end.
        patience: Seconds that what was begun may take once it ends.

    Attributes:
        late: Seconds by which an action was begun after its time, at most: a machine that is too busy does not measure.
    """

    users: Users
    rates: Mapping[str, float]
    seconds: float = 0
    patience: float = PATIENCE + 1
    late: float = 0.0
    _why: str = "its time was over"
    _error: BaseException | None = None
    _under_way: set[asyncio.Task[None]] = field(default_factory=set)

    def end(self, why: str) -> None:
        """Tell it to end."""
        if not self.users.ending.is_set():
            self._why = why
            self.users.ending.set()

    async def run(self) -> None:
        """Go on until it ends; what is under way then is waited for, and all of it is in the record.

        Raises:
            Exception: An action failed in a way that is nobody's answer: that is an error of the load's own.
        """
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.end, number.name)
        async with AsyncExitStack() as stack:
            visitors = [await stack.enter_async_context(self.users.stage.visitor()) for _ in range(VISITORS)]
            if self.seconds:
                loop.call_later(self.seconds, self.end, self._why)
            begun = loop.time()
            async with asyncio.TaskGroup() as group:
                for kind, rate in self.rates.items():
                    if rate:
                        group.create_task(self._each(kind, 1 / rate, begun, visitors))
                if not any(self.rates.values()):
                    await self.users.ending.wait()
            await self._finish()
        self.users.record.ended(self._why, self.late)
        if self._error:
            raise self._error

    async def _each(self, kind: str, pause: float, begun: float, visitors: list[Visitor]) -> None:
        """Begin an action of one kind after the other, each at its time."""
        loop, number = asyncio.get_running_loop(), 0
        while not self.users.ending.is_set():
            task = asyncio.create_task(KINDS[kind](self.users, visitors[number % len(visitors)], number))
            self._under_way.add(task)
            task.add_done_callback(self._done)
            number += 1
            wait = begun + number * pause - loop.time()
            self.late = max(self.late, -wait)
            try:
                await asyncio.wait_for(self.users.ending.wait(), max(wait, 0))
            except TimeoutError:
                continue

    def _done(self, task: asyncio.Task[None]) -> None:
        self._under_way.discard(task)
        if not task.cancelled() and (error := task.exception()):
            self._error = error
            self.end(f"{type(error).__name__}: {error}")

    async def _finish(self) -> None:
        """Wait for what is under way; what takes too long is broken off, and noted as that."""
        if self._under_way:
            _, left = await asyncio.wait(self._under_way, timeout=self.patience)
            for task in left:
                task.cancel()
            await asyncio.gather(*left, return_exceptions=True)
