"""Times as WebVTT writes them. Pure."""

from __future__ import annotations

import re

from .wrong import Wrong, shown

_TIME = re.compile(r"(?:([0-9]{2,4}):)?([0-5][0-9]):([0-5][0-9])\.([0-9]{3})")


def milliseconds(line: int, text: str) -> int:
    """Return how late a time is.

    Raises:
        Wrong: It is none.
    """
    found = _TIME.fullmatch(text)
    if found is None:
        raise Wrong(line, f"`{shown(text)}` is no time: it is written `00:00:01.000`")
    hours, minutes, seconds, rest = (int(each or 0) for each in found.groups())
    return ((hours * 60 + minutes) * 60 + seconds) * 1000 + rest


def clock(late: int) -> str:
    """Return a time of so many milliseconds, as it is written."""
    seconds, rest = divmod(late, 1000)
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}.{rest:03}"
