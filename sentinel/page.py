"""What a sentinel shows: a page for people, metrics for Prometheus. Pure; there is nothing secret in either."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from .watch import Phase


@dataclass(frozen=True)
class View:
    """What is shown.

    Attributes:
        region, other: Its own, and the one that it watches.
        mode: What follows a loss.
        lease, epoch: Whose the lease is, as the ensemble said last; empty and 0 where it has not.
        holding: Whether this task holds it.
        confirmed: Seconds since that was confirmed.
        memory: What the region remembers of itself.
        phase: How far the watch is.
        seen: By vantage point, whether it reaches the other region.
        turn: Whether this sentinel would act.
        detection: The word that an approval has to say.
        certificate: Seconds that its certificate is good for.
        told: What happened last, the newest first.
    """

    region: str
    other: str
    mode: str
    lease: str = ""
    epoch: int = 0
    holding: bool = False
    confirmed: float = 0
    memory: str = ""
    phase: Phase = Phase.WATCHING
    seen: Mapping[str, bool | None] = field(default_factory=dict)
    turn: bool = False
    detection: str = ""
    certificate: float = 0
    told: Sequence[str] = ()


REACHED = {True: 1, False: 0, None: -1}
WORDS = {True: "reaches it", False: "sees nothing of it", None: "can't tell"}


def metrics(view: View) -> str:
    """Return the metrics. Prometheus, Exposition formats."""
    lines = [
        _metric("lease_held", "Whether this task holds the lease for its region", int(view.holding)),
        _metric("lease_epoch", "Number of the term that the ensemble said last", view.epoch),
        _metric("lease_confirmed_seconds", "Seconds since the lease was confirmed", round(view.confirmed, 3)),
        _metric("fenced", "Whether its region has fenced itself off", int(view.memory == "fenced")),
        _metric("turn", "Whether it would act on a loss", int(view.turn)),
        _metric("certificate_seconds", "Seconds that its certificate is good for", round(view.certificate)),
        _head("phase", "How far the watch is: one of these is 1"),
        *(f'kc_sentinel_phase{{phase="{each.value}"}} {int(each is view.phase)}' for each in Phase),
        _head("reached", "Whether a vantage point reaches the other region: 1, 0, or -1 where it can't tell"),
        *(f'kc_sentinel_reached{{vantage="{name}"}} {REACHED[reached]}' for name, reached in sorted(view.seen.items())),
    ]
    return "\n".join(lines) + "\n"


def _head(name: str, about: str) -> str:
    return f"# HELP kc_sentinel_{name} {about}.\n# TYPE kc_sentinel_{name} gauge"


def _metric(name: str, about: str, value: float) -> str:
    return f"{_head(name, about)}\nkc_sentinel_{name} {value}"


STYLE = """
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif }
body { max-width: 46rem; margin: 2rem auto; padding: 0 1rem }
h1 { font-size: 1.4rem } table { border-collapse: collapse; width: 100% }
th, td { text-align: left; padding: .35rem .75rem .35rem 0; border-bottom: 1px solid #8884; vertical-align: top }
th { font-weight: 500; width: 14rem } .bad { color: #c0362c; font-weight: 600 } li { margin: .25rem 0 }
"""


def page(view: View) -> str:
    """Return the page."""
    fenced = view.memory == "fenced"
    held = "this task" if view.holding else "not this task"
    rows = [
        ("Lease", f"{view.lease or 'unknown'}, term {view.epoch}" if view.epoch else "unknown", not view.epoch),
        ("Held by", f"{held}, confirmed {view.confirmed:.1f} s ago" if view.lease == view.region else "the other region", False),
        (f"{view.region}", "has fenced itself off" if fenced else view.memory or "unknown", fenced),
        ("Watch", view.phase.value, view.phase is not Phase.WATCHING),
        ("On a loss", f"{view.mode}{'' if view.turn else '; not this task'}", False),
        *((f"{name}", WORDS[reached], reached is not True) for name, reached in sorted(view.seen.items())),
        ("Certificate", f"good for {view.certificate / 86400:.0f} days", view.certificate < 30 * 86400),
    ]
    if view.detection:
        rows.append(("Waits for the word", view.detection, True))
    table = "".join(f"<tr><th scope=row>{_(name)}</th><td{' class=bad' if bad else ''}>{_(text)}</td></tr>" for name, text, bad in rows)
    told = "".join(f"<li>{_(each)}</li>" for each in view.told)
    title = f"Sentinel of {_(view.region)}"
    return (
        f'<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content="width=device-width"><title>{title}</title>'
        f"<meta http-equiv=refresh content=5><style>{STYLE}</style><h1>{title}, watching {_(view.other)}</h1>"
        f"<table>{table}</table><h2>Lately</h2><ol>{told or '<li>nothing</li>'}</ol></html>\n"
    )


def _(text: str) -> str:
    return html.escape(text)
