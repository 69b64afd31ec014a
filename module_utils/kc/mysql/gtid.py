"""Sets of transactions: `uuid:1-5:7, uuid:tag:1`. Where there is a server, what differs is its to compute."""

from __future__ import annotations

import re
from collections.abc import Mapping

from ..errors import KcError
from .connection import Server
from .quote import shown, value

_UUID = re.compile(r"[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}", re.I)
_TAG = re.compile(r"[a-z_]\w{0,31}", re.I | re.A)
_RANGE = re.compile(r"(\d+)(?:-(\d+))?")

Intervals = list[tuple[int, int]]


def parse(text: str) -> dict[str, Intervals]:
    """Return the intervals of each source, `uuid` or `uuid:tag`, in order and without overlaps (MySQL manual, GTID Sets).

    Raises:
        KcError: The text is no set of transactions.
    """
    found: dict[str, Intervals] = {}
    for part in filter(None, (one.strip() for one in text.split(","))):
        uuid, *rest = (one.strip() for one in part.split(":"))
        if not _UUID.fullmatch(uuid) or not rest:
            raise _wrong(text)
        source = uuid.lower()
        for one in rest:
            span = _RANGE.fullmatch(one)
            if span:
                first, last = int(span[1]), int(span[2] or span[1])
                if not first:
                    raise _wrong(text)
                if first <= last:  # the manual lets an interval be empty
                    found.setdefault(source, []).append((first, last))
            elif _TAG.fullmatch(one):
                source = f"{uuid.lower()}:{one.lower()}"
            else:
                raise _wrong(text)
    return {source: _joined(spans) for source, spans in sorted(found.items())}


def normal(text: str) -> str:
    """Return a set as one line, in order."""
    return _text(parse(text))


def count(text: str) -> int:
    """Return how many transactions a set holds."""
    return sum(last - first + 1 for spans in parse(text).values() for first, last in spans)


def union(these: str, those: str) -> str:
    """Return what either has, as one line."""
    return normal(f"{these},{those}")


def without(these: str, those: str) -> str:
    """Return what `these` has and `those` has not, as one line, where no server can be asked."""
    others = parse(those)
    found: dict[str, Intervals] = {}
    for source, spans in parse(these).items():
        left = spans
        for first, last in others.get(source, []):
            left = [
                part for begin, end in left for part in ((begin, min(end, first - 1)), (max(begin, last + 1), end)) if part[0] <= part[1]
            ]
        found[source] = left
    return _text({source: spans for source, spans in found.items() if spans})


def executed(server: Server) -> str:
    """Return what a server has, as one line."""
    return normal(str(server.one("SELECT @@global.gtid_executed")))


def subtract(server: Server, these: str, those: str) -> str:
    """Return what `these` has and `those` has not."""
    return normal(str(server.one(f"SELECT GTID_SUBTRACT({value(these)}, {value(those)})")))


def within(server: Server, these: str, those: str) -> bool:
    """Whether `those` has all that `these` has."""
    return bool(server.one(f"SELECT GTID_SUBSET({value(these)}, {value(those)})"))


def _text(found: Mapping[str, Intervals]) -> str:
    return ",".join(
        ":".join([source, *(f"{first}-{last}" if last > first else f"{first}" for first, last in spans)]) for source, spans in found.items()
    )


def _joined(spans: Intervals) -> Intervals:
    result: Intervals = []
    for first, last in sorted(spans):
        if result and first <= result[-1][1] + 1:
            result[-1] = (result[-1][0], max(last, result[-1][1]))
        else:
            result.append((first, last))
    return result


def _wrong(text: str) -> KcError:
    return KcError(f"{shown(text)} is no set of transactions", hint="write it as `gtid_executed` has it: uuid:1-5")
