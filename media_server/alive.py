"""Whether a worker gets on: with each step it touches a file, and whoever asks looks how long ago that was.

python -m media_server.alive       0 if the worker beside it gets on, else 1; asked often, it loads nothing else of the media server
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

STUCK_SECONDS = 900
"""No step takes as long: neither a look at the largest source nor a segment."""


def beat(environment: Mapping[str, str] = os.environ) -> Path:
    """Return the file that a worker touches."""
    return Path(environment.get("MEDIA_BEAT", "").strip() or Path(tempfile.gettempdir()) / "media-worker.beat")


def touch(file: Path) -> None:
    """Say that a step was done."""
    file.touch(mode=0o600)


def alive(file: Path) -> bool:
    """Return whether a step was done lately."""
    try:
        return time.time() - file.stat().st_mtime < STUCK_SECONDS
    except FileNotFoundError:
        return False


if __name__ == "__main__":
    sys.exit(not alive(beat()))
