"""A way to a server that can't be reached from here directly: a command whose input and output lead there, as `ssh -W` does."""

from __future__ import annotations

import socket
import subprocess
import tempfile
from collections.abc import Sequence

from ..errors import KcError
from .node import Node

SAID_SECONDS = 0.5
"""A command that leads nowhere ends a moment after its output did; one that still tries has nothing to say."""


class Way:
    """A command that leads to a server. It ends when its socket is closed.

    Args:
        command: Program and arguments; `{host}` and `{port}` in them are the server's.
        node: The server.

    Raises:
        KcError: There is no such program.
    """

    def __init__(self, command: Sequence[str], node: Node) -> None:
        words = [word.replace("{host}", node.host).replace("{port}", str(node.port)) for word in command]
        self.socket, theirs = socket.socketpair()
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - as long as this lives
        with theirs:
            try:
                self._process = subprocess.Popen(
                    words, stdin=theirs.fileno(), stdout=theirs.fileno(), stderr=self._errors, start_new_session=True
                )
            except OSError as error:
                self.socket.close()
                raise KcError(f"`via`: {words[0]}: {error.strerror}", hint="name a program that leads to the server") from None

    def failed(self) -> str:
        """End it, and return the last thing that it complained of; empty where it did not."""
        self.socket.close()
        try:
            self._process.wait(SAID_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._errors.seek(0)
        lines = self._errors.read().decode(errors="replace").splitlines()
        return next((line.strip() for line in reversed(lines) if line.strip()), "")
