"""How kazoo reaches members: by our own way, TLS with both ends' certificates and names verified, from wherever that begins."""

from __future__ import annotations

import contextlib
import socket
import ssl
from collections.abc import Sequence
from typing import Any

from kazoo.handlers.threading import SequentialThreadingHandler

from ..errors import KcError
from ..keeper.tls import Way


class Handler(SequentialThreadingHandler):
    """Gives kazoo its sockets.

    kazoo looks up all members' names before each connection, one after the other, where it runs, and checks no name of a certificate. So
    it is given numbers (`hosts`), and the way knows whose they are.
    """

    def __init__(self, way: Way, members: Sequence[str]) -> None:
        super().__init__()
        self._way, self._members = way, list(members)
        self._latest: ssl.SSLSocket | None = None

    @property
    def hosts(self) -> str:
        """The members as kazoo is told them: a port of loopback is a member's place."""
        return ",".join(f"127.0.0.1:{place}" for place in range(1, len(self._members) + 1))

    def create_connection(self, address: tuple[str, int], **_: Any) -> ssl.SSLSocket:
        """Return a connection to a member."""
        try:
            self._latest = self._way.connect(self._members[address[1] - 1])
        except KcError as error:
            raise OSError(error.message) from error
        return self._latest

    def drop(self) -> None:
        """End the latest connection, so that kazoo looks for another member."""
        if self._latest is not None:
            with contextlib.suppress(OSError):
                self._latest.shutdown(socket.SHUT_RDWR)
