"""What quoting has in common, whatever the server reads."""

from __future__ import annotations

from ..errors import KcError

Scalar = str | int | float | bool | None


def encoded(text: str, what: str = "a value") -> bytes:
    """Return a text as servers get it.

    Raises:
        KcError: The text is no Unicode.
    """
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise KcError(f"{what} is no Unicode text: {shown(text)}", hint="half a character was cut off; write it again") from None


def shown(text: str, longest: int = 60) -> str:
    """Return a name as an error shows it: on one line, in quotes, cut where it is long."""
    return repr(str(text) if len(text) <= longest else f"{text[:longest]}…")
