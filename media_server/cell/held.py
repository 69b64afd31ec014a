"""A source's file that was handed over open: it can be read by several, each at a place of its own."""

from __future__ import annotations

import os


class File:
    """Reads an open file.

    Args:
        number: Its.
    """

    def __init__(self, number: int) -> None:
        self._number = number
        self._at = 0

    def read(self, size: int) -> bytes:
        """Return at most `size` bytes from where it is; none at its end."""
        found = os.pread(self._number, size, self._at)
        self._at += len(found)
        return found

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go to a place, and return it."""
        self._at = offset + {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: os.fstat(self._number).st_size}[whence]
        return self._at

    def tell(self) -> int:
        """Return the place."""
        return self._at
