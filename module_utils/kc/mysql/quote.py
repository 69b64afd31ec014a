"""Names and values as MySQL reads them: the only place where text becomes part of a statement.

Strings are read as written here only while backslashes escape (no NO_BACKSLASH_ESCAPES), and in utf8mb4: every connection sets both.
"""

from __future__ import annotations

import re

from ..errors import KcError
from ..sql.quote import Scalar, encoded, shown

__all__ = ["account", "check_name", "name", "pattern", "quoted", "shown", "value"]

LONGEST = 64
"""Characters of a database, table or event. MySQL manual, Identifier Length Limits."""
LONGEST_USER = 32
"""Characters of a user or role. MySQL manual, Account User Names and Passwords."""
LONGEST_HOST = 255

_ESCAPES = {"\\": "\\\\", "'": "\\'", "\0": "\\0", "\n": "\\n", "\r": "\\r", "\x1a": "\\Z"}


def name(text: str, *more: str, what: str = "a name") -> str:
    """Return an identifier, quoted; several (a database and its table) joined by a dot.

    Args:
        text: The name.
        more: The names below it.
        what: Whose name it is, for the error: the option's path.

    Raises:
        KcError: MySQL can't take the name.
    """
    parts = (text, *more)
    for part in parts:
        check_name(part, what=what)
    return ".".join(quoted(part) for part in parts)


def check_name(text: str, *, what: str = "a name", longest: int = LONGEST) -> None:
    """Refuse a name that MySQL can't take (MySQL manual, Schema Object Names).

    Raises:
        KcError: The name is empty, too long, ends in a space, or has a character that no name may have.
    """
    if not text:
        raise KcError(f"{what} is empty", hint="give it a name")
    odd = next((one for one in text if one == "\0" or ord(one) > 0xFFFF or 0xD800 <= ord(one) < 0xE000), None)
    if odd is not None:
        raise KcError(f"{what} is {shown(text)}, and MySQL has no {odd!r} in names", hint="write it without")
    if len(text) > longest:
        raise KcError(f"{what} is too long: {shown(text)} has {len(text)} characters, {longest} are possible", hint="shorten it")
    if text.endswith(" "):
        raise KcError(f"{what} is {shown(text)}, and MySQL takes no name that ends in a space", hint="take the space away")


def pattern(database: str, *, literal: bool = False) -> str:
    r"""Return a database as GRANT names it, quoted: there `_` and `%` stand for any character, and for any text.

    Args:
        database: Its name.
        literal: The server has `partial_revokes`, and takes it as it is.

    Raises:
        KcError: MySQL can't take the name, or can't grant it: no pattern matches a backslash (seen with 9.7.4).
    """
    check_name(database, what="`database`")
    if literal:
        return quoted(database)
    if "\\" in database:
        raise KcError(f"`database`: {shown(database)} has a backslash, which MySQL can't grant", hint="name the database without")
    return quoted(re.sub(r"([_%])", r"\\\1", database))


def account(user: str, host: str = "%") -> str:
    """Return an account, or a role: `'user'@'host'`.

    Raises:
        KcError: MySQL can't take the name.
    """
    check_name(user, what="`name`", longest=LONGEST_USER)
    check_name(host, what="`account_host`", longest=LONGEST_HOST)
    return f"{value(user)}@{value(host)}"


def value(given: Scalar) -> str:
    """Return a literal: a string in quotes, a number, true and false as 1 and 0, None as NULL.

    Raises:
        KcError: The text is no Unicode.
    """
    if given is None:
        return "NULL"
    if isinstance(given, int):
        return str(int(given))
    if isinstance(given, float):
        if given - given != 0:  # inf - inf and nan - nan are nan
            raise KcError(f"{given} is no number that MySQL has", hint="give a finite one")
        return repr(float(given))
    encoded(given)
    return "'" + "".join(_ESCAPES.get(one, one) for one in given) + "'"


def quoted(text: str) -> str:
    """Return an identifier that stands, quoted."""
    return "`" + text.replace("`", "``") + "`"
