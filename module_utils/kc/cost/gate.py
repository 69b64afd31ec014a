"""Whether what an inventory costs may be built: against the budget, and beside what was approved last."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from ..errors import KcError

TOP = 5
"""Differences that are shown."""

NAMED = re.compile(r"(?P<who>[^:]*\w[^:]*):\s*(?P<why>\S.{9,})", re.DOTALL)
"""Who and why, as `-e approve=` and `-e cost_override=` take it."""

Estimate = Mapping[str, Any]


@dataclass(frozen=True)
class Delta:
    """How one line's upper bound differs from what was approved."""

    what: str
    before: Decimal
    after: Decimal

    @property
    def change(self) -> Decimal:
        return self.after - self.before

    @property
    def line(self) -> str:
        return f"{self.change:+,.2f}  {self.what}  ({self.before:,.2f} before, {self.after:,.2f} now)"


@dataclass(frozen=True)
class Reason:
    """Who decided, why, and when (UTC, ISO 8601)."""

    who: str
    why: str
    at: str


def reason(option: str, text: str, at: str) -> Reason:
    """Return who decided, and why.

    Raises:
        KcError: It names nobody, or says nothing.
    """
    found = NAMED.fullmatch(text.strip())
    if not found:
        raise KcError(f"`{option}` is `{text}`", hint=f"name who decides, and why: -e {option}='Name: at least ten characters of reason'")
    return Reason(found["who"].strip(), found["why"].strip(), at)


def label(line: Mapping[str, Any]) -> str:
    """Return a line's name, which tells it from the others of its scenario."""
    whose = f" of {line['client']}" if line["client"] else ""
    term = "" if line["term"] == "on_demand" else f", {line['term']}"
    return f"{line['component']}{whose}: {line['service']} {line['usage']} in {line['region']} ({line['nature']}{term})"


def approval(estimate: Estimate, by: Reason) -> dict[str, Any]:
    """Return what is kept of an estimate that somebody approved: of each scenario its lines' upper bounds."""
    scenarios = {
        name: {"counted": about["counted"], "lines": {label(line): line["amount"]["upper"] for line in about["lines"]}}
        for name, about in estimate["scenarios"].items()
    }
    return {"environment": estimate["environment"], "approved": asdict(by), "budget": estimate["budget"], "scenarios": scenarios}


def deltas(estimate: Estimate, approved: Mapping[str, Any] | None) -> list[Delta]:
    """Return where the chosen scenario differs most from what was approved; without that, what costs most."""
    scenario = estimate["budget"]["scenario"]
    now = {label(line): Decimal(line["amount"]["upper"]) for line in estimate["scenarios"][scenario]["lines"]}
    then = {name: Decimal(amount) for name, amount in ((approved or {}).get("scenarios", {}).get(scenario, {}).get("lines", {})).items()}
    found = [Delta(name, then.get(name, Decimal(0)), now.get(name, Decimal(0))) for name in sorted({*now, *then})]
    return sorted((one for one in found if one.change), key=lambda one: -abs(one.change))[:TOP]


def verdict(estimate: Estimate, approved: Mapping[str, Any] | None) -> str:
    """Return why it may not be built, with what differs most from what was approved; nothing where it may."""
    scenario = estimate["budget"]["scenario"]
    about = estimate["scenarios"][scenario]
    if about["fits"]:
        return ""
    counted, budget = about["counted"], Decimal(estimate["budget"]["amount"])
    compared = f"approved by {approved['approved']['who']}, {approved['approved']['at']}" if approved else "nothing: none is approved"
    upper, expected = Decimal(counted["upper"]), Decimal(counted["expected"])
    return "\n".join(
        [
            f"The inventory may cost ${upper:,.2f} a month in the scenario {scenario} (${expected:,.2f} is expected),"
            f" and the budget is ${budget:,.2f}. Nothing was touched.",
            f"What differs most from the last approved estimate ({compared}), in dollars a month:",
            *(f"  {one.line}" for one in deltas(estimate, approved)),
            "Make it smaller, raise kc_cost_budget, or let it pass this once, which is recorded: -e cost_override='Name: reason'",
        ]
    )


def read(file: Path) -> dict[str, Any] | None:
    """Return the last approved estimate; nothing where there is none.

    Raises:
        KcError: The file holds something else.
    """
    if not file.exists():
        return None
    try:
        found = json.loads(file.read_text())
        found["approved"]["who"], found["approved"]["at"], found["scenarios"].items()
    except (ValueError, KeyError, TypeError, AttributeError):
        raise KcError(f"{file} holds no approved estimate", hint="write it again: playbooks/cost.yml -e approve='Name: reason'") from None
    return dict(found)


def written(about: Mapping[str, Any]) -> str:
    """Return data as a file that reads well in a diff."""
    return json.dumps(about, indent=1, ensure_ascii=False) + "\n"


def overridden(estimate: Estimate, by: Reason) -> str:
    """Return the line that records that somebody let an estimate pass: one JSON document a line."""
    scenario = estimate["budget"]["scenario"]
    about = {**asdict(by), **estimate["budget"], "upper": estimate["scenarios"][scenario]["counted"]["upper"]}
    return json.dumps(about, ensure_ascii=False) + "\n"
