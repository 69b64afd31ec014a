"""What a run was, from its journal alone: as data, as Markdown, and as a page. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from jinja2 import Environment, StrictUndefined

from . import journal
from .book import PARTS, Progress, Standing

OUTSIDE = "between"
"""What of a run's time was in no step: somebody was thinking, or it was killed and nobody had begun it again."""


@dataclass(frozen=True)
class Spell:
    """A step's part of the report.

    Attributes:
        begin, end: Seconds since the run was opened; of a step that is not over, `end` is the last entry's.
        attempts: How often it was begun.
        facts: What was proved; or the reason of a failure.
        calls: To AWS, that it took.
    """

    name: str
    title: str
    part: str
    state: str
    begin: float
    end: float
    attempts: int
    facts: Mapping[str, Any] = field(default_factory=dict)
    calls: Sequence[Mapping[str, Any]] = ()

    @property
    def seconds(self) -> float:
        """How long it took."""
        return self.end - self.begin


@dataclass(frozen=True)
class Report:
    """A run.

    Attributes:
        seconds: From its first entry to its last one.
        parts: Seconds by part of the RTO, and those between steps; they sum to `seconds`.
        people: Who wrote entries, in the order in which they came.
        digest: The last entry's, which binds all before it.
        lost: How many transactions were lost by promotions, in words; empty where nothing was promoted.
    """

    book: str
    epoch: int
    arguments: Mapping[str, Any]
    opened: str
    last: str
    outcome: str
    seconds: float
    parts: Mapping[str, float]
    spells: tuple[Spell, ...]
    people: tuple[str, ...]
    entries: int
    digest: str
    lost: str = ""

    @property
    def headline(self) -> str:
        """It in one line."""
        about = ", ".join(f"{name} {value}" for name, value in self.arguments.items())
        return f"{self.book} {about}: {self.outcome} after {self.seconds:.0f} s{f'; {self.lost}' if self.lost else ''}"

    @property
    def json(self) -> str:
        """It as JSON."""
        return json.dumps(asdict(self), indent=1, ensure_ascii=False) + "\n"

    @property
    def markdown(self) -> str:
        """It as Markdown."""
        return _MARKDOWN.render(report=self)

    @property
    def page(self) -> str:
        """It as a page of HTML that needs nothing else."""
        return _PAGE.render(report=self)


def report(progress: Progress) -> Report:
    """Return what a run was, or is so far."""
    entries = progress.entries
    opened, last = entries[0], entries[-1]

    def since(at: str) -> float:
        return (datetime.fromisoformat(at) - datetime.fromisoformat(opened.at)).total_seconds()

    spells = tuple(_spells(progress, since))
    parts = dict.fromkeys(PARTS, 0.0)
    for spell in spells:
        parts[spell.part] += spell.seconds
    parts[OUTSIDE] = since(last.at) - sum(parts.values())
    return Report(
        book=progress.book.name,
        epoch=opened.epoch,
        arguments=dict(opened.facts["arguments"]),
        opened=opened.at,
        last=last.at,
        outcome=progress.outcome or "under way",
        seconds=since(last.at),
        parts={name: round(seconds, 3) for name, seconds in parts.items()},
        spells=spells,
        people=tuple(dict.fromkeys(f"process {entry.by.get('process')} on {entry.by.get('host')}" for entry in entries)),
        entries=len(entries),
        digest=last.digest,
        lost=_lost(each for spell in spells for each in spell.facts.get("promoted") or ()),
    )


def _lost(promoted: Iterable[Mapping[str, Any]]) -> str:
    counts = [each.get("lost_count") for each in promoted]
    known = [count for count in counts if count is not None]
    if not counts:
        return ""
    if len(known) < len(counts):
        return "how many transactions were lost is not known: the former primary did not answer"
    return f"{sum(known)} transactions were lost"


def _spells(progress: Progress, since: Any) -> Iterable[Spell]:
    """Yield a step's begin and end: from its first attempt to what ended it last, less what others took in between (none do)."""
    last = progress.entries[-1]
    for standing in progress.steps.values():
        if not standing.attempts:
            continue
        end = standing.ended if standing.ended is not None and standing.state != journal.BEGUN else last
        facts = _facts(standing)
        calls = facts.pop("calls", ())
        yield Spell(
            standing.step.name,
            progress.book.title(standing.step.name),
            standing.step.part,
            standing.state,
            since(standing.attempts[0].at),
            since(end.at),
            len(standing.attempts),
            facts,
            calls,
        )


def _facts(standing: Standing) -> dict[str, Any]:
    return dict(standing.ended.facts) if standing.ended is not None and standing.state != journal.BEGUN else {}


def _seconds(value: float) -> str:
    return f"{value:.1f} s"


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _of(**options: Any) -> Environment:
    made = Environment(undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, **options)  # noqa: S701 (each says)
    made.filters |= {"seconds": _seconds, "plain": _plain, "cell": lambda text: str(text).replace("|", "\\|").replace("\n", " ")}
    return made


_MARKDOWN = _of(autoescape=False).from_string("""\
# {{ report.book }}, run {{ report.epoch }}: {{ report.outcome }}

From {{ report.opened }} to {{ report.last }}: {{ report.seconds | seconds }}.
{% if report.lost %}
**{{ report.lost | capitalize }}.**
{% endif %}
{% for name, value in report.arguments.items() %}
- `{{ name }}`: {{ value | plain }}
{% endfor %}

| | |
|---|---|
{% for name, value in report.parts.items() %}
| {{ name }} | {{ value | seconds }} |
{% endfor %}

| step | | begun | took | |
|---|---|---|---|---|
{% for spell in report.spells %}
| {{ spell.title | cell }} | {{ spell.state }} | {{ spell.begin | seconds }} | {{ spell.seconds | seconds }} | \
{% if spell.attempts > 1 %}{{ spell.attempts }} attempts. {% endif %}\
{% if spell.calls %}{{ spell.calls | length }} calls. {% endif %}\
{% for name, value in spell.facts.items() %}{{ name | cell }}: {{ value | plain | cell }}. {% endfor %}|
{% endfor %}
{% for spell in report.spells if spell.calls %}

{{ spell.title }}:
{% for call in spell.calls %}
- `{{ call.call }}` at {{ call.endpoint }} ({{ call.region }}): `{{ call.params | plain }}`
{% endfor %}
{% endfor %}

Written by {{ report.people | join(", ") }}: {{ report.entries }} entries, the last with the digest `{{ report.digest }}`.
""")

_PAGE = _of(autoescape=True).from_string("""\
<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{ report.book }}, run {{ report.epoch }}</title>
<style>
:root { color-scheme: light dark; --line: color-mix(in srgb, currentColor 20%, transparent); }
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 64rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: .35rem .6rem; border-top: 1px solid var(--line); }
.lane { position: relative; height: 1.1rem; min-width: 10rem; background: var(--line); border-radius: .2rem; }
.lane svg { width: 100%; height: 100%; display: block; }
.detect { fill: #b45309; } .decide { fill: #7c3aed; } .execute { fill: #be123c; } .propagate { fill: #0369a1; } .verify { fill: #15803d; }
code { overflow-wrap: anywhere; }
</style>
<h1>{{ report.book }}, run {{ report.epoch }}: {{ report.outcome }}</h1>
<p>From <time>{{ report.opened }}</time> to <time>{{ report.last }}</time>: {{ report.seconds | seconds }}.
{% if report.lost %}<strong>{{ report.lost | capitalize }}.</strong>{% endif %}</p>
<ul>
{% for name, value in report.arguments.items() %}<li><code>{{ name }}</code>: {{ value | plain }}</li>
{% endfor %}
</ul>
<table>
<caption>Where the time went</caption>
{% for name, value in report.parts.items() %}
<tr><th scope="row">{{ name }}</th><td>{{ value | seconds }}</td></tr>
{% endfor %}
</table>
<table>
<caption>Steps</caption>
<tr><th scope="col">step</th><th scope="col">state</th><th scope="col">took</th><th scope="col">when</th><th scope="col">facts</th></tr>
{% for spell in report.spells %}
<tr><th scope="row">{{ spell.title }}</th><td>{{ spell.state }}{% if spell.attempts > 1 %}, {{ spell.attempts }} attempts{% endif %}</td>
<td>{{ spell.seconds | seconds }}</td>
<td><div class="lane"><svg viewBox="0 0 1000 10" preserveAspectRatio="none" role="img" \
aria-label="from {{ spell.begin | seconds }} to {{ spell.end | seconds }}">\
<rect class="{{ spell.part }}" x="{{ (1000 * spell.begin / ([report.seconds, 0.001] | max)) | round(1) }}" y="0" height="10" \
width="{{ [1000 * spell.seconds / ([report.seconds, 0.001] | max), 3] | max | round(1) }}"/></svg></div></td>
<td>{% for name, value in spell.facts.items() %}<div>{{ name }}: <code>{{ value | plain }}</code></div>{% endfor %}
{% if spell.calls %}
<details><summary>{{ spell.calls | length }} calls</summary>
{% for call in spell.calls %}
<div><code>{{ call.call }}</code> at {{ call.endpoint }} ({{ call.region }}): <code>{{ call.params | plain }}</code></div>
{% endfor %}
</details>
{% endif %}
</td></tr>
{% endfor %}
</table>
<p>Written by {{ report.people | join(", ") }}: {{ report.entries }} entries, the last with the digest <code>{{ report.digest }}</code>.</p>
</html>
""")
