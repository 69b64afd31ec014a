"""Ports for servers of the tests that are stopped and started again."""

from __future__ import annotations

import contextlib
import secrets
import socket
from pathlib import Path

LOWEST = 15_000
HIGHEST = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
"""From here on the kernel gives ports to connections: one that a server has let go may be taken when it comes back."""


def free(count: int = 2) -> int:
    """Return the first of so many ports in a row that nobody has: a lab's AWS, and its DNS server after it."""
    while True:
        first = LOWEST + secrets.randbelow(HIGHEST - LOWEST - count)
        with contextlib.ExitStack() as probes, contextlib.suppress(OSError):
            for port in range(first, first + count):
                for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
                    probe = probes.enter_context(socket.socket(type=kind))
                    probe.bind(("127.0.0.1", port))
            return first
