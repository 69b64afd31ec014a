"""The text of a cue: tags, characters that stand for others, moments. Pure."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Sequence

from .language import LANGUAGE
from .times import clock, milliseconds
from .wrong import ARROW, CONTROL, END, Wrong, bounded, shown

Line = tuple[int, str]
"""A line and its number, from 1."""

DEPTH_MAX = 16
"""Tags within each other: browsers make an element of each."""

_TAGS = {"b": False, "c": False, "i": False, "lang": True, "rt": False, "ruby": False, "u": False, "v": True}
"""The tags there are, and whether they say something: `<v Fred>`, `<lang en>`."""

_PIECE = re.compile(r"<([^<>]*)>|([^<]+)|<")
_OPEN = re.compile(r"([a-z]+)((?:\.[^\s.&]+)*)(?:[ \t]+(.*?))?[ \t]*")


def lines(found: Sequence[Line], begin: int, end: int) -> Iterator[str]:
    """Yield a cue's lines, as they are written.

    Args:
        found: They, as they came.
        begin, end: When it is shown, in milliseconds.

    Raises:
        Wrong: One is none that is taken.
    """
    opened: list[str] = []
    at = begin
    for number, text in found:
        out = []
        for piece in _PIECE.finditer(text):
            tag, words = piece.groups()
            if words is not None:
                plain = _plain(number, words)
                if not plain:  # such as &#1;, and with it the line might be empty
                    raise Wrong(number, f"`{shown(words)}` is no text")
                out.append(_escaped(plain))
            elif tag is None:
                raise Wrong(number, "`<` begins a tag that does not end: as a character it is written `&lt;`")
            elif tag[:1].isdecimal():
                at = _moment(number, tag, at, end)
                out.append(f"<{clock(at)}>")
            elif tag.startswith("/"):
                if not opened or tag != f"/{opened.pop()}":
                    raise Wrong(number, f"`<{shown(tag)}>` ends what was not begun last")
                out.append(f"<{tag}>")
            else:
                out.append(_opened(number, tag, opened))
        if number == found[-1][0] and opened == ["v"]:
            out.append(f"</{opened.pop()}>")  # who speaks all of a cue need not end
        line = "".join(out)
        if ARROW in text or ARROW in line:  # browsers begin a cue there, wherever it stands
            raise Wrong(number, f"`{ARROW}` in the text of a cue: before the next cue is an empty line")
        bounded(number, line)
        yield line
    if opened:
        raise Wrong(found[-1][0], f"`<{opened[-1]}>` is not ended in its cue")


def _moment(line: int, text: str, after: int, end: int) -> int:
    late = milliseconds(line, text)
    if not after <= late <= end:
        raise Wrong(line, f"`<{text}>` is not within its cue, or before a time that stands before it")
    return late


def _opened(line: int, tag: str, opened: list[str]) -> str:
    """Return a tag that begins something, as it is written."""
    found = _OPEN.fullmatch(tag)
    if found is None or found[1] not in _TAGS:
        raise Wrong(line, f"`<{shown(tag)}>` is no tag of WebVTT: there are {', '.join(_TAGS)}")
    name, classes = found[1], found[2]
    said = " ".join(_plain(line, found[3] or "").split())
    if bool(said) != _TAGS[name]:
        raise Wrong(line, f"`<{shown(tag)}>` says too much" if said else f"`<{shown(tag)}>` does not say who speaks, or in what language")
    if name == "lang" and not LANGUAGE.fullmatch(said):
        raise Wrong(line, f"`{shown(said)}` is no language")
    if name == "rt" and opened[-1:] != ["ruby"]:
        raise Wrong(line, "`<rt>` stands in `<ruby>`")
    opened.append(name)
    if len(opened) > DEPTH_MAX:
        raise Wrong(line, f"more than {DEPTH_MAX} tags are within each other")
    return f"<{name}{classes}{' ' + _escaped(said) if said else ''}>"


def _plain(line: int, text: str) -> str:
    """Return a text with its references (`&amp;`) read, as browsers read them."""
    plain = html.unescape(text)
    if odd := CONTROL.search(plain) or END.search(plain):
        raise Wrong(line, f"the character U+{ord(odd[0][0]):04X} is no text")
    return plain


def _escaped(plain: str) -> str:
    """Return a text whose characters stand for themselves."""
    return html.escape(plain, quote=False)
