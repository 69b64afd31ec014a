"""What was found of the standby's readiness, and how much it counts. Pure; what is not told is never counted as good."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

Verdict = Literal["ok", "fail", "unknown"]

WEIGHTS: dict[str, tuple[int, bool]] = {
    "roles": (10, True),
    "replica": (15, True),
    "clickhouse": (10, True),
    "backups": (5, False),
    "objects": (5, False),
    "certificates": (10, True),
    "capacity": (10, True),
    "images": (10, True),
    "keys": (10, True),
    "secrets": (5, True),
    "drift": (5, False),
    "drill": (5, False),
}
"""What is looked at: how much it counts, and whether a failover without it would fail. A switchover is refused then."""


@dataclass(frozen=True)
class Finding:
    """What was looked at, and how it is.

    Attributes:
        check: One of `WEIGHTS`.
        verdict: `unknown` where nobody tells.
        says: What was found, by name.
        hint: What to do, where it is not good.
    """

    check: str
    verdict: Verdict
    says: str
    hint: str = ""

    @property
    def blocks(self) -> bool:
        """Whether a failover would fail for it, or nobody knows whether it would."""
        return self.verdict != "ok" and WEIGHTS[self.check][1]

    def facts(self) -> dict[str, Any]:
        """Return it as data."""
        return {**asdict(self), "weight": WEIGHTS[self.check][0], "blocks": self.blocks}


def score(findings: Iterable[Finding]) -> dict[str, Any]:
    """Return how ready all is: `score` (0 to 100), `ready`, `blockers`, and `findings` in the order of `WEIGHTS`.

    What was not looked at is unknown. Of several findings of one check the worst counts.
    """
    by: dict[str, list[Finding]] = {name: [] for name in WEIGHTS}
    for each in findings:
        by[each.check].append(each)
    for name, found in by.items():
        if not found:
            found.append(Finding(name, "unknown", "it was not looked at"))
    good = sum(WEIGHTS[name][0] for name, found in by.items() if all(each.verdict == "ok" for each in found))
    every = [each for found in by.values() for each in found]
    return {
        "score": round(100 * good / sum(weight for weight, _ in WEIGHTS.values())),
        "ready": not any(each.blocks for each in every),
        "blockers": [f"{each.check}: {each.says}" for each in every if each.blocks],
        "findings": [each.facts() for each in every],
    }


def lines(made: Mapping[str, Any], standby: str, primary: str) -> Iterator[str]:
    """Yield a score as a table for people, a line a finding, and what to do below what is not good."""
    could = "could take over" if made["ready"] else "could NOT take over"
    yield f"{standby} {could} from {primary}: {made['score']} of 100"
    width = max(map(len, WEIGHTS))
    for each in made["findings"]:
        mark = "BLOCKS" if each["blocks"] else each["verdict"]
        yield f"{each['check']:{width}}  {each['weight']:2}  {mark:7}  {each['says']}"
        if each["hint"]:
            yield f"{'':{width + 15}}{each['hint']}"
