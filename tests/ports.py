"""Ports for servers of the tests that are stopped and started again."""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
import socket
import tempfile
from functools import cache
from pathlib import Path

LOWEST = 15_000
HIGHEST = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
"""From here on the kernel gives ports to connections: one that a server has let go may be taken when it comes back."""

CLAIMS = Path(tempfile.gettempdir()) / f"kc-test-ports-{os.getuid()}"
"""A byte of it is a port: whose process has it locked has the port, until it ends. Nobody else's test takes it while its server is down."""

_own: set[int] = set()


def free(count: int = 2) -> int:
    """Return the first of so many ports in a row that nobody has: a lab's AWS, and its DNS server after it."""
    while True:
        first = LOWEST + secrets.randbelow(HIGHEST - LOWEST - count)
        ports = range(first, first + count)
        if not _own.isdisjoint(ports):
            continue
        with contextlib.ExitStack() as probes, contextlib.suppress(OSError):
            for port in ports:
                fcntl.lockf(_claims(), fcntl.LOCK_EX | fcntl.LOCK_NB, 1, port)
                for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
                    probe = probes.enter_context(socket.socket(type=kind))
                    probe.bind(("127.0.0.1", port))
            _own.update(ports)
            return first


@cache
def _claims() -> int:
    # open for as long as the process lives: closing any file of it would let go of all that is locked
    return os.open(CLAIMS, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
