"""Filters over what units return."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any


def lines(plan: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Yield a plan as text: a line a change, and for an update a line an attribute."""
    for change in plan:
        head = f"{change['action']} {change['kind']} {change['name']} ({change['region']})"
        if change["action"] not in ("update", "replace"):
            yield head
            continue
        for attr, wanted in sorted(change["after"].items()):
            found = change["before"].get(attr)
            if found != wanted:
                yield f"{head}: {attr} is {_short(found)}, wanted {_short(wanted)}"


def _short(value: Any) -> str:
    """Return a value as JSON, cut to what a terminal line holds."""
    text = json.dumps(value, sort_keys=True, default=str)
    return text if len(text) <= 200 else f"{text[:197]}..."


def kc_plan_lines(plans: Mapping[str, Mapping[str, Sequence[Mapping[str, Any]]]]) -> list[str]:
    """Return what differs, a line each, from the plans of a host's units by unit and region (the fact `kc_plans`)."""
    return [f"{unit}: {line}" for unit, by_region in plans.items() for plan in by_region.values() for line in lines(plan)]


def kc_drifted(done: Mapping[str, Any], plan_file: str) -> dict[str, Any]:
    """Return what a run in check mode has found, as kc_readiness takes it.

    Args:
        done: The command's result; without `rc` where it took too long.
        plan_file: What it wrote for KC_PLAN_FILE; empty where it did not come so far.
    """
    if "rc" not in done or not plan_file:
        return {"msg": _said(done.get("stdout") or "") or done.get("msg") or "it did not end"}
    plan = [change for run in json.loads(plan_file)["runs"] for change in run["plan"]]
    return {"plan": plan, "rc": done["rc"], "msg": _said(done.get("stdout") or "")}


def _said(output: str) -> str:
    """Return what a playbook's output says of its first failure."""
    return next((line.strip() for line in output.splitlines() if line.startswith(("[ERROR]", "fatal:"))), "")


class FilterModule:
    """The filters by name."""

    def filters(self) -> dict[str, Any]:
        return {"kc_drifted": kc_drifted, "kc_plan_lines": kc_plan_lines}
