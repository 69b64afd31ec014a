"""Pieces of SQL that the inventory gives as text: expressions, arguments, queries."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ..errors import KcError
from .quote import shown

_TOKEN = re.compile(
    r"""(?P<space>\s+)
    |(?P<string>'(?:[^'\\]|\\.|'')*')
    |(?P<name>`(?:[^`\\]|\\.|``)*`|"(?:[^"\\]|\\.|"")*")
    |(?P<comment>--|/\*|\#!)
    |(?P<word>[^\W\d]\w*)
    |(?P<number>\d\w*(?:\.\d+)?)
    |(?P<sign>[<>!=]=|<>|->|\|\||::|.)""",
    re.VERBOSE | re.DOTALL,
)

_OPENS, _CLOSES = {"(": ")", "[": "]", "{": "}"}, {")", "]", "}"}

_CLAUSES = ("PARTITION BY", "PRIMARY KEY", "ORDER BY", "SAMPLE BY", "TTL", "SETTINGS", "COMMENT")
"""What may follow an engine, in the order in which a server shows it."""


def tokens(text: str) -> Iterator[tuple[str, str]]:
    """Yield the kind and the text of each piece; space stays in."""
    for found in _TOKEN.finditer(text):
        yield str(found.lastgroup), found.group()


def expression(text: str, what: str) -> str:
    """Return a piece of SQL on one line; refuse what would not stay one piece where it is put.

    Args:
        text: An expression, or a query.
        what: The option's path, for the error.

    Raises:
        KcError: Brackets or quotes don't close, or it holds a comment or a semicolon.
    """
    open_: list[str] = []
    parts: list[str] = []
    for kind, piece in tokens(text):
        if kind == "space":
            parts.append(" ")
            continue
        if kind == "comment" or piece in (";", "'", "`", '"'):
            why = "an open quote" if piece in "'`\"" else f"{piece!r}"
            raise KcError(f"{what}: {shown(text)} holds {why}", hint="write one expression, without comments")
        if piece in _OPENS:
            open_.append(_OPENS[piece])
        elif piece in _CLOSES and (not open_ or open_.pop() != piece):
            raise KcError(f"{what}: {shown(text)} closes a bracket that it has not opened", hint="write one expression")
        parts.append(piece)
    result = "".join(parts).strip()
    if not result:
        raise KcError(f"{what} is empty", hint="write an expression, or leave the option out")
    if open_:
        raise KcError(f"{what}: {shown(text)} leaves a bracket open", hint="write one expression")
    return result


def split(text: str, separator: str = ",") -> list[str]:
    """Return the parts of a list, split where no bracket and no quote is open."""
    parts, depth = [""], 0
    for _, piece in tokens(text):
        depth += (piece in _OPENS) - (piece in _CLOSES)
        if piece == separator and not depth:
            parts.append("")
        else:
            parts[-1] += piece
    return [part.strip() for part in parts if part.strip()]


def same(one: str | None, other: str | None) -> bool:
    """Whether two pieces of SQL are the same but for space, and quotes around names that need none."""
    return _plain(one or "") == _plain(other or "")


def engine_of(text: str) -> tuple[str, list[str], dict[str, str]]:
    """Return the name, the arguments and the clauses of an engine, as `system.tables.engine_full` has it."""
    words = [(kind, piece) for kind, piece in tokens(text) if kind != "space"]
    cut: list[tuple[str, str]] = []
    clause, depth = "", 0
    at = 0
    while at < len(words):
        kind, piece = words[at]
        pair = f"{piece} {words[at + 1][1]}".upper() if at + 1 < len(words) else ""
        found = "" if depth or kind != "word" else next((each for each in _CLAUSES if each in (pair, piece.upper())), "")
        if found:
            cut.append((clause, ""))
            clause, at = found, at + len(found.split())
            cut.append((clause, ""))
            continue
        depth += (piece in _OPENS) - (piece in _CLOSES)
        cut.append((clause, piece))
        at += 1
    pieces: dict[str, str] = {}
    for clause, piece in cut:
        pieces[clause] = f"{pieces.get(clause, '')} {piece}".strip()
    head = pieces.pop("", "")
    name, _, arguments = head.partition("(")
    return name.strip(), split(arguments.rpartition(")")[0]), pieces


def _plain(text: str) -> list[str]:
    found = []
    for kind, piece in tokens(text):
        if kind == "space":
            continue
        bare = piece[1:-1] if kind == "name" else piece
        found.append(bare if kind == "name" and re.fullmatch(r"[A-Za-z_]\w*", bare) else piece)
    return found
