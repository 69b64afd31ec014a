"""What a drill has shown: how long the way over took, for users and by its parts, and whether what was lost is what was said. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from ..errors import KcError
from .book import PARTS

Data = Mapping[str, Any]


@dataclass(frozen=True)
class Drill:
    """A drill.

    Attributes:
        parts: Seconds from the loss on, by part of the RTO; what was in no step of the run counts as the part before it.
        run: Seconds that the run itself took.
        own: Of these, those that were not spent waiting for AWS.
        users: Seconds from the loss to the first write that the other region acknowledged; None: nobody wrote.
        gap: Seconds without an acknowledged write, at most.
        behind: Seconds before the loss that the replica had all until; None is unknown.
        transactions: How many were lost; None is unknown.
        acknowledged: Writes that users were told are kept.
        missing: Those of them that are not there.
        unforeseen: Those of them that no export has: nobody said that they are lost.
        there: Acknowledged writes that an export has, and that are there all the same.
    """

    epoch: int
    parts: Mapping[str, float]
    run: float
    own: float
    users: float | None
    gap: float | None
    behind: float | None
    transactions: int | None
    acknowledged: int
    missing: tuple[str, ...]
    unforeseen: tuple[str, ...]
    there: tuple[str, ...]

    @property
    def agrees(self) -> bool:
        """Whether what is missing is what was said to be lost."""
        return not self.unforeseen and not self.there

    @property
    def json(self) -> str:
        """It as JSON."""
        return json.dumps({**asdict(self), "agrees": self.agrees}, indent=1) + "\n"

    @property
    def lines(self) -> list[str]:
        """It for people."""
        told = [
            f"RTO {sum(self.parts.values()):.1f} s: {', '.join(f'{name} {seconds:.1f}' for name, seconds in self.parts.items())}",
            f"of the run's {self.run:.1f} s, {self.own:.1f} s were the toolkit's own, and the others AWS's",
            f"users: the first write was acknowledged {_seconds(self.users)} after the loss; {_seconds(self.gap)} without one at most",
            f"RPO {_seconds(self.behind)}, {'an unknown number of' if self.transactions is None else self.transactions} transactions",
            f"of {self.acknowledged} acknowledged writes {len(self.missing)} are missing",
        ]
        if not self.agrees:
            told.append(f"NOT as it was said: lost and not exported {list(self.unforeseen)}; exported and there {list(self.there)}")
        return told


def drill(failover: Data, failback: Data, lost_at: float, users: Data, exported: Iterable[Data]) -> Drill:
    """Return what a drill has shown.

    Args:
        failover: Report of the run that took over, as data.
        failback: Report of the run that counted what was lost.
        lost_at: When the region was lost; seconds since 1970.
        users: What who drove users says: `kinds.write.gap.seconds`, `regions` (`region`, `first`), `check` (`acknowledged`, `missing` by
            `id`), and `written`, all ids that were acknowledged.
        exported: The changes that were exported as lost (kc_mysql_lost).

    Raises:
        KcError: One of the runs is not over.
    """
    for each in (failover, failback):
        if each["outcome"] != "completed":
            raise KcError(f"run {each['epoch']} ({each['book']}) is {each['outcome']}", hint="complete it, then run this again")
    opened = datetime.fromisoformat(failover["opened"]).timestamp()
    lost = {str(value) for change in exported for row in _rows(change) for value in row.values()}
    missing = [str(each["id"]) for each in users["check"]["missing"]]
    steps = {spell["name"]: spell["facts"] for spell in failover["spells"]}
    waited = sum(_waited(facts) for facts in steps.values())
    other = [
        region["first"] for region in users["regions"] if region["region"] != failover["arguments"]["from"] and region["first"] > lost_at
    ]
    return Drill(
        epoch=failover["epoch"],
        parts=_parts(failover, opened - lost_at),
        run=failover["seconds"],
        own=failover["seconds"] - waited,
        users=min(other) - lost_at if other else None,
        gap=users["kinds"].get("write", {}).get("gap", {}).get("seconds"),
        behind=_worst([_behind(found["lag"], lost_at) for found in steps.get("replica", {}).get("found", [])]),
        transactions=_counted(failback),
        acknowledged=users["check"]["acknowledged"],
        missing=tuple(missing),
        unforeseen=tuple(each for each in missing if each not in lost),
        there=tuple(each for each in map(str, users["written"]) if each in lost and each not in missing),
    )


def _parts(failover: Data, before: float) -> dict[str, float]:
    """Return seconds by part; what lies before the run and between steps counts as the part that comes next."""
    parts = dict.fromkeys(PARTS, 0.0)
    end = -before
    for spell in failover["spells"]:
        parts[spell["part"]] += spell["end"] - end
        end = spell["end"]
    return {name: round(seconds, 1) for name, seconds in parts.items()}


def _waited(facts: Data) -> float:
    return float(facts.get("waited") or 0) + sum(float(each.get("waited") or 0) for each in facts.get("promoted", []))


def _behind(lag: Data, lost_at: float) -> float | None:
    """Return how much of what the lost region wrote before its loss had not come: since then the replica's lag grows by itself."""
    beat = lag.get("beat")
    return max(0.0, lost_at - datetime.fromisoformat(beat).timestamp()) if beat else None


def _worst(lags: Sequence[float | None]) -> float | None:
    known = [lag for lag in lags if lag is not None]
    return max(known) if len(known) == len(lags) and known else None


def _counted(failback: Data) -> int | None:
    counts = [
        each.get("count", 0) for spell in failback["spells"] if spell["name"] == "count" for each in spell["facts"].get("exported", [])
    ]
    return sum(counts) if any(spell["name"] == "count" for spell in failback["spells"]) else None


def _rows(change: Data) -> Iterable[Data]:
    yield from (change[name] for name in ("values", "after") if name in change)


def _seconds(value: float | None) -> str:
    return "not known how long" if value is None else f"{value:.1f} s"
