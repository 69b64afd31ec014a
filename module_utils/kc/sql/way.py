"""A way to a server that can't be reached from here directly: a command whose input and output lead there, as `ssh -W` does."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Sequence

from ..errors import KcError
from .node import Node


def through(command: Sequence[str], node: Node, timeout: float) -> socket.socket:
    """Return a socket whose other end is a command that leads to a server. The command ends when the socket is closed.

    Args:
        command: Program and arguments; `{host}` and `{port}` in them are the server's.
        node: The server.
        timeout: Seconds that each answer may take at first.

    Raises:
        KcError: There is no such program.
    """
    ours, theirs = socket.socketpair()
    words = [word.replace("{host}", node.host).replace("{port}", str(node.port)) for word in command]
    with theirs:
        try:
            subprocess.Popen(words, stdin=theirs.fileno(), stdout=theirs.fileno(), stderr=subprocess.DEVNULL, start_new_session=True)
        except OSError as error:
            ours.close()
            raise KcError(f"`via`: {words[0]}: {error.strerror}", hint="name a program that leads to the server") from None
    ours.settimeout(timeout)
    return ours
