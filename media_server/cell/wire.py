"""How a cell and its worker talk: messages over a pair of sockets, JSON and bytes behind it. Neither end believes the other's lengths."""

from __future__ import annotations

import json
import socket
import struct
from typing import Any

HEADER = struct.Struct(">II")
MESSAGE_MAX = 4 << 20
"""Bytes of either part."""


class Gone(Exception):
    """The other end has closed, or says what is no message."""


def send(connection: socket.socket, message: dict[str, Any], data: bytes | bytearray | memoryview = b"") -> None:
    """Send a message.

    Raises:
        Gone: Nobody takes it.
        ValueError: It is too long.
    """
    text = json.dumps(message).encode()
    if max(len(text), len(data)) > MESSAGE_MAX:
        raise ValueError(f"a message of {len(text)} and {len(data)} bytes: {MESSAGE_MAX} are the most")
    try:
        connection.sendall(HEADER.pack(len(text), len(data)) + text)
        if data:
            connection.sendall(data)
    except OSError as error:
        raise Gone(str(error)) from None


def receive(connection: socket.socket) -> tuple[dict[str, Any], bytes]:
    """Return the next message.

    Raises:
        Gone: There is none.
        TimeoutError: None came in the socket's time.
    """
    length, more = HEADER.unpack(_exactly(connection, HEADER.size))
    if max(length, more) > MESSAGE_MAX:
        raise Gone(f"it announces a message of {length} and {more} bytes")
    try:
        message = json.loads(_exactly(connection, length))
    except ValueError:
        raise Gone("it says what is no JSON") from None
    if not isinstance(message, dict):
        raise Gone("it says what is no message")
    return message, _exactly(connection, more)


def _exactly(connection: socket.socket, count: int) -> bytes:
    found = bytearray()
    while len(found) < count:
        try:
            piece = connection.recv(min(count - len(found), 1 << 20))
        except TimeoutError:
            raise
        except OSError as error:
            raise Gone(str(error)) from None
        if not piece:
            raise Gone("it has closed")
        found += piece
    return bytes(found)
