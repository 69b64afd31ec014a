"""What tests on real servers have in common: a directory for them, and waiting for what they do."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol, TypeVar

import pytest


class World(Protocol):
    """Servers that are started and stopped together."""

    def start(self) -> None: ...

    def stop(self) -> None: ...


W = TypeVar("W", bound=World)


@contextmanager
def standing(make: Callable[[Path], W], kind: str) -> Iterator[W]:
    """Yield servers that run, in a directory of their own; it stays with `KC_KEEP`."""
    home = Path(tempfile.mkdtemp(prefix=f"kc-{kind}-"))  # short, for sockets' sake, and open to the user whom the servers run as
    home.chmod(0o755)
    world = make(home)
    try:
        world.start()
        yield world
    finally:
        world.stop()
        if not os.environ.get("KC_KEEP"):
            shutil.rmtree(home, ignore_errors=True)


def marked(items: list[pytest.Item], conftest: str, marker: str, group: str = "") -> None:
    """Mark the tests beside a conftest.py, and keep them to one process of the run where they are a group."""
    here = Path(conftest).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(marker)
            if group:
                item.add_marker(pytest.mark.xdist_group(group))


def until(condition: Callable[[], Any], what: str, seconds: float = 60, process: subprocess.Popen[bytes] | None = None) -> Any:
    """Return what a condition gives as soon as that is something; an error after a while, or when the process has ended."""
    end = time.monotonic() + seconds
    while True:
        found = condition()
        if found:
            return found
        assert process is None or process.poll() is None, f"{what}: the process has ended with {process.returncode}"  # type: ignore[union-attr]
        assert time.monotonic() < end, f"not within {seconds} s: {what}"
        time.sleep(0.05)
