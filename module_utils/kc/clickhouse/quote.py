"""Names and values as ClickHouse reads them: the only place where text becomes part of a statement."""

from __future__ import annotations

from collections.abc import Sequence

from ..errors import KcError
from ..sql.quote import Scalar, encoded, shown

__all__ = ["check_name", "name", "shown", "value"]

LONGEST = 200
"""Bytes that a name may take as a file's name. Names of databases, tables and columns are files' names on the server, which writes
every byte but letters, digits and `_` as `%XX` (src/Common/escapeForFileName.cpp) and puts an ending behind; a file's name
has at most 255 bytes (NAME_MAX, limits.h)."""

_ESCAPES = {"\\": "\\\\", "\0": "\\0", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t"}


def name(text: str, *more: str, what: str = "a name") -> str:
    """Return an identifier, quoted; several (a database and its table) joined by a dot.

    Args:
        text: The name.
        more: The names below it.
        what: Whose name it is, for the error: the option's path.

    Raises:
        KcError: ClickHouse can't take the name.
    """
    parts = (text, *more)
    for part in parts:
        check_name(part, what=what)
    return ".".join(_quoted(part, "`") for part in parts)


def check_name(text: str, *, what: str = "a name") -> None:
    """Refuse a name that ClickHouse can't take.

    Raises:
        KcError: The name is empty, no Unicode, or longer than a file's name may be.
    """
    if not text:
        raise KcError(f"{what} is empty", hint="give it a name")
    size = len(_stored(text, what))
    if size > LONGEST:
        raise KcError(f"{what} is too long: {shown(text)} takes {size} bytes as a file's name, {LONGEST} are possible", hint="shorten it")


def value(given: Scalar | Sequence[Scalar]) -> str:
    """Return a literal: a string in quotes, a number, true and false as 1 and 0, None as NULL, a sequence as an array.

    Raises:
        KcError: The text is no Unicode.
    """
    if given is None:
        return "NULL"
    if isinstance(given, int):
        return str(int(given))
    if isinstance(given, float):
        return repr(float(given))  # nan, inf and -inf are ClickHouse's words too
    if isinstance(given, str):
        encoded(given)
        return _quoted(given, "'")
    return f"[{', '.join(value(item) for item in given)}]"


def _quoted(text: str, mark: str) -> str:
    return mark + "".join(_ESCAPES.get(one, f"\\{one}" if one == mark else one) for one in text) + mark


def _stored(text: str, what: str) -> str:
    return "".join(
        chr(byte) if byte < 128 and (chr(byte).isalnum() or byte == ord("_")) else f"%{byte:02X}" for byte in encoded(text, what)
    )
