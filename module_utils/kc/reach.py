"""What kc_reach does: whether ports are reached from here, all asked at once."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from .errors import KcError


def reached(targets: Sequence[str], seconds: float) -> list[str]:
    """Return those of some ports (`host:port`) that take a connection within some seconds, in their order.

    Raises:
        KcError: A target is no port.
    """
    parsed = [_parse(target) for target in targets]

    def answers(target: tuple[str, int]) -> bool:
        try:
            with socket.create_connection(target, seconds):
                return True
        except OSError:
            return False

    with ThreadPoolExecutor(max(1, len(parsed))) as pool:
        return [target for target, yes in zip(targets, pool.map(answers, parsed), strict=True) if yes]


def _parse(target: str) -> tuple[str, int]:
    host, _, port = target.rpartition(":")
    if not host or not port.isdecimal():
        raise KcError(f"`targets`: {target!r} is no host:port", hint="such as keeper-1.me-west-1.example.internal:9281")
    return host, int(port)
