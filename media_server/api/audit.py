"""The audit: a row for every key that leaves, each signed with the one before it, so that none can be taken away or changed unnoticed."""

from __future__ import annotations

import hmac
import json
import threading
import time
import uuid
from collections.abc import Iterable
from typing import IO

from .secret import derived

_encode = json.JSONEncoder(separators=(",", ":")).encode


class Broken(Exception):
    """A row was changed, or one is missing before it."""


class Audit:
    """Writes rows to a stream that is appended to: the log, which CloudWatch keeps.

    Args:
        secret: The platform's, which the key of the signatures is derived from.
        stream: Where rows go.
    """

    def __init__(self, secret: bytes, stream: IO[str]) -> None:
        self._key = derived(secret, "audit")
        self._stream = stream
        self._lock = threading.Lock()
        self._chain, self._count, self._last = uuid.uuid4().hex, 0, b""

    def issued(self, tenant: str, asset: str, session: str, what: str) -> None:
        """Write that a viewer was given a key (by its place) or a licence."""
        with self._lock:
            said = {
                "audit": self._chain,
                "n": self._count,
                "t": round(time.time(), 3),
                "tenant": tenant,
                "asset": asset,
                "session": session,
                "key": what,
            }
            text = _encode(said)
            self._last = hmac.digest(self._key, self._last + text.encode(), "sha256")
            self._count += 1
            self._stream.write(f'{text[:-1]},"mac":"{self._last.hex()}"}}\n')
            self._stream.flush()  # before the key is sent


def verified(secret: bytes, rows: Iterable[str]) -> int:
    """Return how many rows of one chain are as they were written.

    Raises:
        Broken: One is not.
    """
    key, last, count = derived(secret, "audit"), b"", 0
    for row in rows:
        text, _, mac = row.rstrip("\n").rpartition(',"mac":"')
        last = hmac.digest(key, last + f"{text}}}".encode(), "sha256")
        if not hmac.compare_digest(f'{last.hex()}"}}', mac):
            raise Broken(f"row {count} was changed, or one before it is missing")
        count += 1
    return count
