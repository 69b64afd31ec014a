"""A store in a directory."""

from __future__ import annotations

import hashlib
from pathlib import Path

from media_server.package import Stored


class Directory:
    """Keeps objects in files.

    Args:
        top: Where.
    """

    def __init__(self, top: Path) -> None:
        self._top = top

    def find(self, path: str) -> Stored | None:
        file = self._top / path
        if not file.exists():
            return None
        data = file.read_bytes()
        return Stored(len(data), hashlib.sha256(data).hexdigest())

    def put(self, path: str, data: bytes | memoryview, sha256: str) -> None:
        assert hashlib.sha256(data).hexdigest() == sha256
        file = self._top / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
