"""Servers and clients in the lab's namespaces, for tests of what reaches what."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from lab.world.net import inside

ANY = "0.0.0.0"  # noqa: S104 (of a namespace)
PATIENCE = 1.0
"""Seconds after which something that does not answer is taken for unreachable."""


def within(namespace: str, act: Callable[[], Any]) -> Any:
    """Do something in a namespace (the machine's own where empty)."""
    if not namespace:
        return act()
    with inside(namespace, 1) as threads:
        return threads.submit(act).result()


@contextmanager
def serving(namespace: str, port: int) -> Iterator[None]:
    """An echo server, TCP, in a namespace."""
    listener = within(namespace, lambda: socket.create_server((ANY, port)))

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=echo, args=(connection,), daemon=True).start()

    def echo(connection: socket.socket) -> None:
        with connection, suppress(OSError):
            while data := connection.recv(1000):
                connection.sendall(data)

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


def connect(namespace: str, address: str, port: int, timeout: float = 10.0) -> socket.socket:
    """Connect from a namespace."""
    found: socket.socket = within(namespace, lambda: socket.create_connection((address, port), timeout=timeout))
    return found


def reaches(namespace: str, address: str, port: int) -> bool:
    """Whether a server answers when it is spoken to from a namespace."""
    try:
        with connect(namespace, address, port, PATIENCE) as connection:
            return answers(connection)
    except OSError:
        return False


def answers(connection: socket.socket) -> bool:
    """Whether what is said over a connection comes back."""
    connection.settimeout(PATIENCE)
    try:
        connection.sendall(b"x")
        return connection.recv(1) == b"x"
    except OSError:
        return False


class Hears:
    """A UDP socket in a namespace that tells which datagrams have come."""

    def __init__(self, namespace: str, port: int) -> None:
        self.socket: socket.socket = within(namespace, lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        self.socket.bind((ANY, port))
        self.socket.settimeout(PATIENCE)

    def hears(self, namespace: str, address: str) -> bool:
        """Whether a datagram sent from a namespace arrives."""
        with within(namespace, lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as sender:
            sender.sendto(b"x", (address, self.socket.getsockname()[1]))
        try:
            return bool(self.socket.recv(1))
        except OSError:
            return False

    def close(self) -> None:
        self.socket.close()
