"""What a playbook did, as lines to read and as data: the plan's totals, the time, what stands where.

Pure: the callback plugin collects `Done`s and shows the `Line`s.
"""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from .columns import columns

WIDTH = 100
"""Columns at most; narrower where the terminal is."""

FEW = 3
"""Hosts that are named; of more it is told how many."""

ACTIONS = {"create": "created", "update": "changed", "replace": "replaced", "delete": "deleted"}
TITLES = {"create": "create", "update": "change", "replace": "replace", "delete": "delete"}

FACTS: dict[str, str] = {
    "vpc": "id",
    "peering": "id",
    "bucket": "name",
}
"""Kinds few enough, and asked for often enough, to be named: by an output, or by their name."""


class Line(NamedTuple):
    """A line of the summary; `color` is one of ok, changed, error, dim or nothing."""

    text: str
    color: str = ""


@dataclass
class Done:
    """One unit's task on one host.

    Attributes:
        check: Nothing was touched: the plan is what would be done.
        result: The task's result, as `unit.run` returns it; Ansible takes `failed` out of what callbacks get.
        started: Seconds on the callback's clock; so is `ended`.
        phase: The play's phase; where the unit works in the background, that in which it began.
        background: It worked beside others, and its time is no part of its phase's.
    """

    unit: str
    host: str
    check: bool
    result: Mapping[str, Any] = field(repr=False)
    failed: bool = False
    phase: str = ""
    started: float = 0.0
    ended: float = 0.0
    background: bool = False

    @property
    def plan(self) -> Sequence[Mapping[str, Any]]:
        return self.result.get("plan") or []

    @property
    def applied(self) -> list[str]:
        """The lines of what was done; all of the plan where nothing failed."""
        if self.check:
            return []
        return list(self.result.get("applied") or []) if self.failed else [_line(entry) for entry in self.plan]

    def counted(self) -> Iterator[Mapping[str, Any]]:
        """Yield the entries of the plan that count: what would be done, or what was."""
        applied = set(self.applied)
        yield from (entry for entry in self.plan if self.check or _line(entry) in applied)

    def standing(self) -> dict[str, dict[str, int]]:
        """Return how many of each kind stand, by region. A kind whose places are not told stands at the host."""
        found: dict[str, dict[str, int]] = {}
        for kind, count in (self.result.get("standing") or {}).items():
            places = Counter(str(one.get("region", self.host)) for one in (self.result.get("outputs") or {}).get(kind, {}).values())
            for region, number in (places if places.total() == count else {self.host: count}).items():
                found.setdefault(region, {})[kind] = number
        return found

    def facts(self) -> dict[str, list[str]]:
        """Return, by region, the few things worth naming (see `FACTS`)."""
        found: dict[str, list[str]] = {}
        for kind, attr in FACTS.items():
            for name, one in sorted((self.result.get("outputs") or {}).get(kind, {}).items()):
                value = name if attr == "name" else one.get(attr)
                found.setdefault(str(one.get("region", self.host)), []).append(f"{kind.replace('_', ' ')} {value}")
        return found


@dataclass
class Begun:
    """A unit that works in the background, until somebody has waited for it."""

    unit: str
    host: str
    phase: str
    started: float

    def done(self, result: Mapping[str, Any], failed: bool, seconds: float) -> Done:
        """Return it as done, with its result and the seconds that it worked."""
        return Done(self.unit, self.host, False, result, failed, self.phase, self.started, self.started + seconds, background=True)


class Task(NamedTuple):
    """A task that changed something and is no unit's: on a node, in a database."""

    name: str
    host: str
    check: bool


def begun_lines(begun: Iterable[Begun], width: int = WIDTH) -> list[Line]:
    """Return what still works in the background, since nobody has waited for it."""
    units = ", ".join(f"{one.unit} on {one.host}" for one in begun)
    told = f"Works on in the background: {units}. Run again to wait for it; nothing is made twice."
    return [*_wrapped(told, width, "", "changed"), Line("")] if units else []


def _line(entry: Mapping[str, Any]) -> str:
    """Return a plan's entry as `converge.Change.line` writes it."""
    return f"{entry['action']} {entry['kind']} {entry['name']} ({entry['region']})"


def totals(runs: Iterable[Done]) -> dict[tuple[str, str], Counter[str]]:
    """Return how many of each action there are, by unit and region."""
    found: dict[tuple[str, str], Counter[str]] = {}
    for run in runs:
        for entry in run.counted():
            found.setdefault((run.unit, entry["region"]), Counter())[entry["action"]] += 1
    return dict(sorted(found.items()))


def table(rows: Sequence[Sequence[str]], left: int) -> list[str]:
    """Return rows in columns, as a part of what is below a title."""
    return [f"  {line}" for line in columns(rows, left)]


def plan_lines(runs: Sequence[Done], width: int = WIDTH, tasks: Sequence[Task] = (), *, failed: bool = False) -> list[Line]:
    """Return the plan's totals, first of what would be done, then of what was; then what failed and what was kept.

    `tasks` are those that changed something and are no unit's; `failed` says that a task failed, a unit's or not.
    """
    lines: list[Line] = []
    for check, title in ((True, "Plan: what would be done (check mode, nothing was touched)"), (False, "Done")):
        some = [run for run in runs if run.check is check]
        others = _task_lines([task for task in tasks if task.check is check], width)
        if some:
            lines += [*_totals_lines(some, title, alone=not others, failed=failed), *others, Line("")]
    for run in runs:
        if run.failed:
            lines += [*_failure_lines(run, width), Line("")]
    kept = list(dict.fromkeys(item for run in runs for item in run.result.get("kept") or []))
    if kept:
        lines += [Line("Kept, because it holds data (`data: delete` deletes it)"), *_wrapped(", ".join(kept), width, "  "), Line("")]
    return lines


def _totals_lines(runs: Sequence[Done], title: str, *, alone: bool, failed: bool) -> list[Line]:
    """Return what units did; `alone` says that nothing else changed anything."""
    found = totals(runs)
    failed = failed or any(run.failed for run in runs)
    if not found:
        nothing = "nothing before the failure" if failed else "nothing to change" if alone else "no resource to change"
        return [Line(f"{title}: {nothing}", "error" if failed else "ok")]
    total: Counter[str] = sum(found.values(), Counter())
    rows = [["unit", "region", *TITLES.values()]]
    rows += [[unit, region, *(str(counts[action] or "-") for action in ACTIONS)] for (unit, region), counts in found.items()]
    rows += [["total", "", *(str(total[action]) for action in ACTIONS)]]
    head, *body, last = table(rows, left=2)
    return [Line(title), Line(head, "dim"), *(Line(text) for text in body), Line(last, "changed")]


def _task_lines(tasks: Sequence[Task], width: int) -> list[Line]:
    hosts: dict[str, list[str]] = {}
    for task in tasks:
        hosts.setdefault(task.name, []).append(task.host)
    lines: list[Line] = []
    for name, repeated in hosts.items():
        where = list(dict.fromkeys(repeated))
        told = ", ".join(where) if len(where) <= FEW else f"{len(where)} hosts"
        lines += _wrapped(f"{name}: {told}", width, "    ")
    return [Line("  on nodes and in databases", "changed"), *lines] if lines else []


def _failure_lines(run: Done, width: int) -> list[Line]:
    errors = run.result.get("errors") or [{"message": run.result.get("msg", "it failed")}]
    lines = [Line(f"Failed: {run.unit} on {run.host}", "error")]
    for error in errors:
        lines += _wrapped(str(error["message"]), width, "  ", "error")
        if error.get("hint"):
            lines += _wrapped(f"-> {error['hint']}", width, "     ")
    done, left = len(run.applied), len(run.plan) - len(run.applied)
    if run.plan and not run.check:
        lines += _wrapped(f"{done} done before it, {left} not done; run again to go on{':' if done else '.'}", width, "  ")
        lines += _wrapped(", ".join(run.applied), width, "    ")
    return lines


def phase_of(play: str) -> str:
    """Return a play's phase: what its name says before the first colon, bar or dash."""
    for mark in (":", " | ", " - ", " – ", " — "):  # noqa: RUF001
        play = play.split(mark)[0]
    return play.strip()


def time_lines(phases: Mapping[str, float], runs: Sequence[Done], width: int = WIDTH) -> list[Line]:
    """Return the wall seconds of each phase and of the units in it."""
    rows = [[phase, f"{seconds:.1f} s"] for phase, seconds in phases.items()]
    heads = table([*rows, ["total", f"{sum(phases.values()):.1f} s"]], left=1)
    lines = [Line("Time")]
    for phase, head in zip(phases, heads, strict=False):
        units = [f"{unit} {seconds:.1f}" for unit, seconds in unit_seconds(runs, phase).items()]
        lines += _wrapped(", ".join(units), width, f"{head}   ") or [Line(head)]
    return [*lines, Line(heads[-1], "dim"), Line("")]


def unit_seconds(runs: Iterable[Done], phase: str) -> dict[str, float]:
    """Return the wall seconds of each unit in a phase: from the first host that began to the last that ended.

    What a unit took that began in the phase and worked beside others says so.
    """
    spans: dict[str, tuple[float, float]] = {}
    for run in runs:
        if run.phase == phase:
            name = f"{run.unit} in the background" if run.background else run.unit
            first, last = spans.get(name, (run.started, run.ended))
            spans[name] = (min(first, run.started), max(last, run.ended))
    return {unit: last - first for unit, (first, last) in spans.items()}


def standing_lines(runs: Iterable[Done], width: int = WIDTH) -> list[Line]:
    """Return what stands where: how many of each kind, and the few facts worth naming."""
    latest = {(run.unit, run.host): run for run in runs}
    rows: dict[tuple[str, str], tuple[Counter[str], list[str]]] = {}
    for run in latest.values():
        named = run.facts()
        for region, counts in run.standing().items():
            total, facts = rows.setdefault((run.unit, region), (Counter(), []))
            total.update(counts)
            facts += named.get(region, [])
    lines = [Line("What stands where")]
    if not rows:
        return [Line("What stands where: nothing"), Line("")]
    heads = table([[unit, region] for unit, region in sorted(rows)], left=2)
    indent = max(map(len, heads)) + 2
    for head, (_, (kinds, facts)) in zip(heads, sorted(rows.items()), strict=True):
        lines += _wrapped(
            ", ".join(f"{kind.replace('_', ' ')} {count}" for kind, count in sorted(kinds.items())), width, head.ljust(indent)
        )
        if facts:
            lines += _wrapped(", ".join(facts), width, " " * indent, "dim")
    return [*lines, Line("")]


def _wrapped(text: str, width: int, first: str, color: str = "") -> list[Line]:
    """Return `text` in lines of at most `width` columns; the first starts with `first`, the others below it."""
    wrapped = textwrap.wrap(
        text, width, initial_indent=first, subsequent_indent=" " * len(first), break_on_hyphens=False, break_long_words=False
    )
    return [Line(line, color) for line in wrapped]


def document(runs: Sequence[Done], phases: Mapping[str, float]) -> dict[str, Any]:
    """Return all of it as JSON types."""
    return {
        "runs": [
            {
                "unit": run.unit,
                "host": run.host,
                "phase": run.phase,
                "check": run.check,
                "background": run.background,
                "seconds": round(run.ended - run.started, 3),
                "plan": list(run.plan),
                "applied": run.applied,
                "failed": run.failed,
                "errors": list(run.result.get("errors") or []),
                "standing": dict(run.result.get("standing") or {}),
                "kept": list(run.result.get("kept") or []),
            }
            for run in runs
        ],
        "totals": [
            {"unit": unit, "region": region, "check": check, **{action: counts[action] for action in ACTIONS}}
            for check in (True, False)
            for (unit, region), counts in totals(run for run in runs if run.check is check).items()
        ],
        "phases": {phase: round(seconds, 3) for phase, seconds in phases.items()},
    }
