"""What a record says: how much was answered and how soon, what failed and why, and the longest time without an answer. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

from ..show import columns

Line = Mapping[str, Any]

PERCENTILES = (50, 90, 99)
WRITE = "write"


def figures(lines: Sequence[Line]) -> dict[str, Any]:
    """Return what a record's lines say, as data; times are seconds since 1970, durations seconds."""
    first, last = lines[0], lines[-1]
    began = first["began"]
    done: dict[str, list[Line]] = defaultdict(list)
    for line in lines:
        if "kind" in line:
            done[line["kind"]].append(line)
    ended = last.get("ended", max(_outcome(line) for line in lines))
    return {
        **first,
        "ended": ended,
        "why": last.get("why", "it was killed"),
        "late": last.get("late"),
        "kinds": {kind: _kind(each, began, ended) for kind, each in sorted(done.items())},
        "regions": _regions(done[WRITE]),
    }


def _kind(lines: Sequence[Line], began: float, ended: float) -> dict[str, Any]:
    answered = [line for line in lines if "acked" in line]
    took = sorted(line["acked"] - line["sent"] for line in answered)
    return {
        "asked": len(lines),
        "answered": len(answered),
        "failed": len(lines) - len(answered),
        "errors": dict(Counter(line["reason"] for line in lines if "reason" in line).most_common()),
        "seconds": {**{f"p{each}": percentile(took, each) for each in PERCENTILES}, "max": took[-1]} if took else {},
        "gap": gap((line["acked"] for line in answered), began, ended),
    }


def percentile(ordered: Sequence[float], percent: float) -> float:
    """Return the value that so many percent of the others don't exceed (nearest rank)."""
    rank = -(-len(ordered) * percent // 100)
    return ordered[max(int(rank), 1) - 1]


def gap(answered: Iterable[float], began: float, ended: float) -> dict[str, float]:
    """Return the longest time in which nothing was answered; the run's ends are its bounds as well."""
    times = sorted((began, *answered, ended))
    before, after = max(pairwise(times), key=lambda pair: pair[1] - pair[0])
    return {"seconds": after - before, "from": before, "to": after}


def _regions(writes: Iterable[Line]) -> list[dict[str, Any]]:
    """Return which regions acknowledged writes, in the order in which they began to."""
    found: dict[str, dict[str, Any]] = {}
    for line in sorted((line for line in writes if "acked" in line), key=lambda line: line["acked"]):
        name = line.get("region", "")
        about = found.setdefault(name, {"region": name, "writes": 0, "first": line["acked"]})
        about |= {"writes": about["writes"] + 1, "last": line["acked"]}
    return [*found.values()]


def _outcome(line: Line) -> float:
    return float(next(line[name] for name in ("acked", "failed", "ended", "began") if name in line))


def text(found: Mapping[str, Any]) -> str:
    """Return figures as a few lines, for people."""
    head = ("KIND", "ANSWERED", "FAILED", *(f"P{each}" for each in PERCENTILES), "MAX", "LONGEST WITHOUT")
    rows = [head, *(_row(kind, about) for kind, about in found["kinds"].items())]
    lines = [f"run {found['run']}, {found['ended'] - found['began']:.0f} s, until {found['why']}", *columns(rows)]
    if write := found["kinds"].get(WRITE):
        longest = write["gap"]
        lines.append(f"writes: longest without one {longest['seconds']:.1f} s, from {_at(longest['from'])} to {_at(longest['to'])}")
        lines += [
            f"writes: {each['writes']} by {each['region'] or 'who does not say'}, from {_at(each['first'])} to {_at(each['last'])}"
            for each in found["regions"]
        ]
    for kind, about in found["kinds"].items():
        lines += [f"failed: {times} of {kind}, {reason}" for reason, times in about["errors"].items()]
    return "\n".join(lines)


def _row(kind: str, about: Mapping[str, Any]) -> tuple[str, ...]:
    took = about["seconds"] or dict.fromkeys([*(f"p{each}" for each in PERCENTILES), "max"])
    times = ("-" if value is None else f"{1000 * value:.0f} ms" for value in took.values())
    return (kind, str(about["answered"]), str(about["failed"]), *times, f"{about['gap']['seconds']:.1f} s")


def _at(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%H:%M:%S.%f")[:-5] + " UTC"
