"""The estimate as a table of text, for a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from ..columns import columns

Row = Sequence[str]

PARTS = (("by service", "by_service"), ("by region", "by_region"), ("by unit", "by_component"), ("by kind of price", "by_kind"))


def table(estimate: Mapping[str, Any]) -> list[str]:
    """Return the lines: all scenarios, then the chosen one by service, region, unit, client and kind of price."""
    scenario = estimate["budget"]["scenario"]
    about = estimate["scenarios"][scenario]
    rows: list[Row] = [("scenario", "low", "expected", "upper", "with support and VAT", "")]
    for name, one in estimate["scenarios"].items():
        fits = "fits" if one["fits"] else "over the budget"
        rows.append((name, *_three(one["total"]), _dollars(one["whole"]["expected"]), fits))
    found = [f"US dollars a month; the budget is {_dollars(estimate['budget']['amount'])}, against the upper bound of {scenario}.", ""]
    found += columns(rows, 1)
    for title, part in PARTS:
        found += ["", *columns([(f"{scenario} {title}", "low", "expected", "upper", "share"), *_rows(about[part], about["total"])], 1)]
    head: list[Row] = [(f"{scenario} by client", "own", "shared", "expected")]
    whose = [(name, *(_dollars(one[of]["expected"]) for of in ("own", "shared", "total"))) for name, one in about["by_client"].items()]
    return [*found, "", *columns([*head, *whose], 1)]


def _rows(parts: Mapping[str, Mapping[str, str]], total: Mapping[str, str]) -> Iterator[Row]:
    whole = Decimal(total["expected"]) or Decimal(1)
    for name, amount in sorted(parts.items(), key=lambda item: -Decimal(item[1]["expected"])):
        yield name, *_three(amount), f"{100 * Decimal(amount['expected']) / whole:.1f} %"


def _three(amount: Mapping[str, str]) -> tuple[str, str, str]:
    return _dollars(amount["low"]), _dollars(amount["expected"]), _dollars(amount["upper"])


def _dollars(amount: str) -> str:
    return f"{Decimal(amount):,.2f}"
