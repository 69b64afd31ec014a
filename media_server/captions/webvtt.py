"""WebVTT as it is taken and kept: cues with their times, settings and text, and nothing else (W3C, WebVTT). Pure.

Browsers leave out what they don't understand, and so do libraries. Here it is told: whoever sends a file wants to see all of it. What is
kept is written anew from what was understood: no style sheets, no regions, no comments, no names of cues.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from .text import Line, lines
from .times import clock, milliseconds
from .wrong import ARROW, CONTROL, END, Wrong, bounded, shown

BYTES_MAX = 1 << 20
CUES_MAX = 10_000


@dataclass(frozen=True)
class Cue:
    """What is shown for a while.

    Attributes:
        begin, end: Milliseconds.
        settings: Where it is shown, as it is written.
        text: Its lines, as they are written.
    """

    begin: int
    end: int
    settings: str
    text: tuple[str, ...]


def cues(data: bytes) -> list[Cue]:
    """Return a file's cues.

    Raises:
        Wrong: It is none that is taken.
    """
    blocks = _blocks(_lines(data))
    _header(next(blocks, []))
    found: list[Cue] = []
    for block in blocks:
        if _is_kept_out(block):
            continue
        found.append(_cue(block, found[-1].begin if found else 0))
        if len(found) > CUES_MAX:
            raise Wrong(block[0][0], f"there are more than {CUES_MAX} cues")
    if not found:
        raise Wrong(0, "there are no cues")
    return found


def written(found: Sequence[Cue]) -> bytes:
    """Return cues as a file: the same for the same cues, whoever wrote them.

    Raises:
        Wrong: It has more bytes than are taken.
    """
    blocks = ("\n".join((f"{clock(cue.begin)} {ARROW} {clock(cue.end)}{cue.settings}", *cue.text)) for cue in found)
    data = "\n\n".join(("WEBVTT", *blocks)).encode() + b"\n"
    if len(data) > BYTES_MAX:
        raise Wrong(0, f"it has more than {BYTES_MAX} bytes as it is kept")
    return data


def _lines(data: bytes) -> list[Line]:
    if len(data) > BYTES_MAX:
        raise Wrong(0, f"it has more than {BYTES_MAX} bytes")
    try:
        text = data.decode().removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        raise Wrong(_number(data[: error.start].decode()), "it is not UTF-8") from None
    if odd := CONTROL.search(text):
        raise Wrong(_number(text[: odd.start()]), f"the character U+{ord(odd[0]):04X} is no text")
    return [*enumerate(END.split(text), 1)]


def _number(before: str) -> int:
    return len(END.split(before))


def _blocks(found: Sequence[Line]) -> Iterator[list[Line]]:
    """Yield what stands between empty lines."""
    block: list[Line] = []
    for line in found:
        if line[1]:
            block.append(line)
        elif block or line[0] == 1:
            yield block
            block = []
    if block:
        yield block


def _header(block: Sequence[Line]) -> None:
    if not block or not re.match(r"WEBVTT(?![^ \t])", block[0][1]):
        raise Wrong(1, "a WebVTT file begins with `WEBVTT`")
    for number, text in block:
        if ARROW in text:
            raise Wrong(number, "between `WEBVTT` and the first cue is an empty line")
        if number > 1 and not re.match(r"[A-Za-z]+: ", text):  # "Language: en", as many programs write
            raise Wrong(number, f"`{shown(text)}` is nothing that a header has: the line behind `WEBVTT` is empty")


def _is_kept_out(block: Sequence[Line]) -> bool:
    """Return whether a block is a comment, a style sheet or a region."""
    if not re.match(r"(?:NOTE|STYLE|REGION)(?![^ \t])", block[0][1]):
        return False
    for number, text in block:
        if ARROW in text:
            raise Wrong(number, f"`{ARROW}` in a block that begins with `{block[0][1].split()[0]}`: before a cue is an empty line")
    return True


def _cue(block: Sequence[Line], before: int) -> Cue:
    """Return a block's cue; that before begins so many milliseconds after the beginning."""
    at = 0 if ARROW in block[0][1] else 1  # behind its name, if it has one
    if at == len(block) or ARROW not in block[at][1]:
        raise Wrong(block[0][0], f"`{shown(block[0][1])}` begins no cue: a line with its times is missing, {_AS_TIMES}")
    for each in block[at:]:
        bounded(*each)
    number, text = block[at]
    times = _TIMES.fullmatch(text)
    if times is None:
        raise Wrong(number, f"`{shown(text)}` tells no times: they are written {_AS_TIMES}")
    begin, end = (milliseconds(number, each) for each in (times[1], times[2]))
    if end <= begin:
        raise Wrong(number, "the cue ends before it begins")
    if begin < before:
        raise Wrong(number, "the cue begins before the one that stands before it")
    return Cue(begin, end, _settings(number, times[3]), tuple(lines(block[at + 1 :], begin, end)))


_AS_TIMES = f"`00:00:01.000 {ARROW} 00:00:02.500`"
_TIMES = re.compile(r"[ \t]*([^ \t>]+)[ \t]*-->[ \t]*([^ \t>]+)((?:[ \t]+[^ \t>]+)*)[ \t]*")
_PERCENT = r"(?:100(?:\.0+)?|[0-9]{1,2}(?:\.[0-9]{1,6})?)%"
_SETTINGS = {
    "vertical": "rl|lr",
    "line": rf"(?:{_PERCENT}|-?[0-9]{{1,4}})(?:,(?:start|center|end))?",
    "position": rf"{_PERCENT}(?:,(?:line-left|center|line-right))?",
    "size": _PERCENT,
    "align": "start|center|end|left|right",
}
_REGION = "region"


def _settings(line: int, text: str) -> str:
    """Return a cue's settings in one order, each with a space before it."""
    found: dict[str, str] = {}
    for each in text.split():
        name, _, value = each.partition(":")
        if name not in (*_SETTINGS, _REGION):
            raise Wrong(line, f"`{shown(each)}` is no setting of a cue: there are {', '.join(_SETTINGS)}")
        if name in found:
            raise Wrong(line, f"`{name}` is set twice")
        if not re.fullmatch(_SETTINGS.get(name, ".+"), value):
            raise Wrong(line, f"`{shown(value)}` is nothing that `{name}` can be")
        found[name] = value
    return "".join(f" {name}:{found[name]}" for name in _SETTINGS if name in found)
