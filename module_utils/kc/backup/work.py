"""A directory of our own beside a server's data, and nobody else at work there."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..errors import KcError

WORK = "kc_backup"
"""Its name."""


@contextmanager
def alone(root: Path) -> Iterator[Path]:
    """Be the only one who backs up or restores on this node; gives a directory for what is there meanwhile.

    Raises:
        KcError: Somebody else is.
    """
    work = root / WORK
    work.mkdir(mode=0o700, exist_ok=True)
    with (work / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise KcError("another backup or restoration runs on this node", hint="wait for its end, then run this again") from None
        yield work
