"""What a request asks of something that does not change: is it known already, and which of its bytes (RFC 9110, 13 and 14). Pure."""

from __future__ import annotations

import re

_ONE = re.compile(r"bytes=[ \t]*([0-9]{0,18})-([0-9]{0,18})[ \t]*", re.IGNORECASE)
"""One range. 18 digits are more than any file has."""


class Unsatisfiable(Exception):
    """A range begins behind the end, or has no bytes.

    Args:
        length: How many there are.
    """

    def __init__(self, length: int) -> None:
        super().__init__(f"there are {length} bytes")
        self.length = length


def is_known(said: str, tag: str) -> bool:
    """Return whether `If-None-Match` names a tag, by the weak comparison (RFC 9110, 13.1.2)."""
    return said.strip() == "*" or tag in (each.strip().removeprefix("W/") for each in said.split(","))


def span(said: str, condition: str, tag: str, length: int) -> slice | None:
    """Return which bytes a request asks for; None: all.

    Several ranges, other units and what makes no sense are answered with all, as RFC 9110, 14.2 has it.

    Args:
        said: `Range`, empty if there is none.
        condition: `If-Range`: another tag than this asks for all.
        tag: What is there; a strong one.
        length: How many bytes there are.

    Raises:
        Unsatisfiable: None of these bytes is there.
    """
    found = _ONE.fullmatch(said.strip())
    if found is None or condition.strip() not in ("", tag):
        return None
    first, last = found.groups()
    if not first:
        return _suffix(last, length) if last else None
    if last and int(last) < int(first):
        return None
    if int(first) >= length:
        raise Unsatisfiable(length)
    return slice(int(first), min(int(last or length) + 1, length))


def _suffix(last: str, length: int) -> slice:
    if not int(last) or not length:
        raise Unsatisfiable(length)
    return slice(max(0, length - int(last)), length)
