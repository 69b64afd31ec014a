"""A client that asks without a break while something is done to who answers."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Callable
from typing import Any

RATE = 50
"""Requests a second, at most."""


class Load:
    """Asks from several threads, and keeps what it was answered; an error is kept as its text.

    Args:
        ask: One request, over a connection of its own.
    """

    CLIENTS = 10

    def __init__(self, ask: Callable[[], Any]) -> None:
        self.answers: list[Any] = []
        self._ask = ask
        self._done = threading.Event()
        self._threads = [threading.Thread(target=self._run) for _ in range(self.CLIENTS)]

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        for thread in self._threads:
            thread.join()

    def _run(self) -> None:
        while not self._done.wait(self.CLIENTS / RATE):
            try:
                self.answers.append(self._ask())
            except (OSError, http.client.HTTPException) as error:
                self.answers.append(repr(error))
