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
_passing: set[str] = set()


def on(name: str, hear: Hear, kept: bool = True) -> None:
    """Have `hear` take what the behaviour `name` posts; it is called between two requests and returns plain data.

    With `kept` it changes what stands in the AWS; what is not kept is told again and again, and not worth a save.
    """
    _hears[name] = hear
    if not kept:
        _passing.add(name)


def kept(name: str) -> bool:
    """Whether what the behaviour `name` tells is part of the AWS's state."""
    return name not in _passing


def take(name: str, what: Any) -> Any:
    """Give a behaviour's word to the patch that waits for it.

    Raises:
        KeyError: No patch does.
    """
    return _hears[name](what)
