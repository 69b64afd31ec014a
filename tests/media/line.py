"""A line between a browser and a server that has a rate, and that breaks."""

from __future__ import annotations

import contextlib
import socket
import threading
import time

PIECE = 64 << 10
"""Bytes that are passed on at once."""


class Line:
    """Passes on what comes to a port of loopback.

    Args:
        there: The port that it leads to.

    Attributes:
        port: Where it begins.
        rate: Bytes a second on the way there.
    """

    def __init__(self, there: int, rate: float) -> None:
        self.rate = rate
        self._there = there
        self._ends: set[socket.socket] = set()
        self._whole = True
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def cut(self) -> None:
        """Break what is connected; nothing is from now on."""
        self._whole = False
        for end in [*self._ends]:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def mend(self) -> None:
        """Connect again."""
        self._whole = True

    def close(self) -> None:
        """Break it for good."""
        self.cut()
        self._listener.close()

    def _serve(self) -> None:
        while True:
            try:
                here, _ = self._listener.accept()
            except OSError:
                return  # closed
            if not self._whole:
                here.close()
                continue
            there = socket.create_connection(("127.0.0.1", self._there))
            self._ends |= {here, there}
            for source, target in ((here, there), (there, here)):
                threading.Thread(target=self._pass, args=(source, target, source is here), daemon=True).start()

    def _pass(self, source: socket.socket, target: socket.socket, slowly: bool) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(PIECE):
                target.sendall(data)
                if slowly:
                    time.sleep(len(data) / self.rate)
        for end in (source, target):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
