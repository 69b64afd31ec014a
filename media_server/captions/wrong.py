"""What is wrong with a file of captions, in words. Pure."""

from __future__ import annotations

import re

LINE_MAX = 2000
"""Characters of a cue's line."""

ARROW = "-->"
"""What tells browsers that a cue begins."""

END = re.compile(r"\r\n|\n|\r")
"""What ends a line; Python's own splitlines knows more."""

CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
"""Characters that are no text."""


class Wrong(Exception):
    """A file is no WebVTT that is taken.

    Args:
        line: Where, from 1; 0: nowhere in particular.
        text: What is wrong.
    """

    def __init__(self, line: int, text: str) -> None:
        super().__init__(f"line {line}: {text}" if line else text)


def bounded(line: int, text: str) -> None:
    """Raise `Wrong` if a line is too long."""
    if len(text) > LINE_MAX:
        raise Wrong(line, f"it has more than {LINE_MAX} characters")


def shown(text: str) -> str:
    """Return a text as it is shown in what is wrong with it."""
    return text if len(text) <= 40 else f"{text[:40]}…"
