"""Whether a worker gets on: with each step it touches a file, and whoever asks looks how long ago that was."""

from __future__ import annotations

import time
from pathlib import Path

STUCK_SECONDS = 900
"""No step takes as long: neither a look at the largest source nor a segment."""


def touch(file: Path) -> None:
    """Say that a step was done."""
    file.touch(mode=0o600)


def alive(file: Path) -> bool:
    """Return whether a step was done lately."""
    try:
        return time.time() - file.stat().st_mtime < STUCK_SECONDS
    except FileNotFoundError:
        return False
