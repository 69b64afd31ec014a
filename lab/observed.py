"""What behaviours tell the AWS of what they carry out: which tasks run, which targets are healthy.

A patch registers what takes a behaviour's word (`on`); the behaviour posts to `/lab/observed/<name>`, and the answer may
hold what the API was asked that only a behaviour can do. `live` is whether behaviours are there at all: without them,
patches say at once that everything is as it was wanted.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Hear = Callable[[Any], Any]

live = False
_hears: dict[str, Hear] = {}


def on(name: str, hear: Hear) -> None:
    """Have `hear` take what the behaviour `name` posts; it is called between two requests and returns plain data."""
    _hears[name] = hear


def take(name: str, what: Any) -> Any:
    """Give a behaviour's word to the patch that waits for it.

    Raises:
        KeyError: No patch does.
    """
    return _hears[name](what)
