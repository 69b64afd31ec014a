"""Files of the lab: written as a whole, and for their owner only."""

from __future__ import annotations

import os
from pathlib import Path


def write(path: Path, content: str | bytes, mode: int = 0o600) -> None:
    """Write a file as a whole: it has the old content or the new one, whenever it is looked at."""
    partial = path.with_name(f"{path.name}.partial")
    with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        os.fchmod(file.fileno(), mode)  # whatever the umask
        file.write(content.encode() if isinstance(content, str) else content)
    partial.replace(path)


def update(path: Path, text: str) -> None:
    """Write a file as `write` does, if it differs."""
    if not path.exists() or path.read_text() != text:
        write(path, text)
