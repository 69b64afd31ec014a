"""What a task of a region knows of the others: that one of them is confirmed, and since when at least. Pure."""

from __future__ import annotations

import math


class Vouched:
    """Follows the beats that a region's holders count.

    A holder writes a count after each beat that was confirmed, and sends the next beat after that. So when a count changes that was
    itself seen to change, the beat behind it was sent after the last look that showed neither. All times are of who looks.

    Args:
        own: This task's name; what it wrote itself vouches for nothing.
    """

    def __init__(self, own: str) -> None:
        self._own = own
        self._who, self._text = "", ""
        self._before: float | None = None
        self._looked = -math.inf
        self._since = -math.inf

    def look(self, text: str, asked: float) -> float:
        """Return since when, at least, another holder is confirmed.

        Args:
            text: What stands there (`counted`).
            asked: When it was asked for.
        """
        who = text.partition(" ")[0]
        if who != self._who or who == self._own:
            self._before, self._since = None, -math.inf
        if text != self._text:
            if self._before is not None:
                self._since = self._before
            self._before = self._looked if who not in (self._own, "") else None
        self._who, self._text, self._looked = who, text, asked
        return self._since


def counted(name: str, count: int) -> str:
    """Return what a holder writes after a beat."""
    return f"{name} {count}"
