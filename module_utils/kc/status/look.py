"""What AWS tells of how each region is. Reads only; that something gives no answer is an answer, and comes within seconds."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

from ..aws.ecs import active_services
from ..aws.session import Aws
from ..errors import KcError
from ..primary import UNTOLD, read_flag
from ..runbook import journal
from ..runbook.acts.fence import data_fence
from ..runbook.journal import DONE, Entry
from ..runbook.shelf import Bucket
from ..scope import Scope
from ..units.dns import SWITCH
from ..units.services import service_name


@dataclass(frozen=True)
class Turn:
    """When a region was made primary.

    Attributes:
        to: The region.
        at: UTC, ISO 8601.
        book: The runbook that did it, and its run's number (`epoch`).
    """

    to: str
    at: str
    book: str
    epoch: int


ALARM = "ALARM"
"""The state of the switch's alarm where it is turned to the region that stands by at home."""


@dataclass(frozen=True)
class Seen:
    """What a region tells.

    Attributes:
        role: Its flag, as `read_flags` has it.
        fence: Addresses that its data tier is fenced against.
        services: Tasks that run and that are wanted, by application; one that does not stand is left out.
        switch: The state of the failover's switch, in the region that it stands in; empty elsewhere.
        last: The last run's entries, by its journals.
        turn: The last time that roles were changed, by its journals; None: never.
        untold: Why something is not known, by what it is; then its field says nothing.
    """

    role: str | None = UNTOLD
    fence: Sequence[str] = ()
    services: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    switch: str = ""
    last: Sequence[Entry] = ()
    turn: Turn | None = None
    untold: Mapping[str, str] = field(default_factory=dict)


def look(aws: Aws, scope: Scope, regions: Sequence[str], applications: Sequence[str], switch: str) -> dict[str, Seen]:
    """Return what each region tells, all asked at once.

    Args:
        aws: One that gives up soon.
        scope: The platform's.
        regions: Those that are asked.
        applications: Whose services count.
        switch: The region that the failover's switch stands in.
    """
    questions: dict[str, Callable[[Scope], dict[str, Any]]] = {
        "role": lambda here: {"role": read_flag(aws, here)},
        "fence": lambda here: {"fence": _fence(aws, here)},
        "services": lambda here: {"services": _services(aws.at(here.region), here, applications)},
        "switch": lambda here: {"switch": _switch(aws.at(here.region), here)} if here.region == switch else {},
        "journals": lambda here: _runs(aws.at(here.region), here),
    }

    def ask(about: tuple[str, str]) -> dict[str, Any]:
        region, name = about
        try:
            return questions[name](scope.at(region))
        except KcError as error:
            return {"untold": {name: error.message}}

    asked = [(region, name) for region in regions for name in questions]
    answers = dict(zip(asked, aws.map(ask, asked), strict=True))
    return {region: _merged([answers[region, name] for name in questions]) for region in regions}


def _merged(answers: Sequence[Mapping[str, Any]]) -> Seen:
    untold = {name: why for each in answers for name, why in each.get("untold", {}).items()}
    return Seen(**{key: value for each in answers for key, value in each.items() if key != "untold"}, untold=untold)


def _fence(aws: Aws, scope: Scope) -> list[str]:
    _, rules = data_fence(scope, []).look(aws)
    return sorted({*rules.values()})


def _services(aws: Aws, scope: Scope, applications: Sequence[str]) -> dict[str, tuple[int, int]]:
    names = {service_name(scope, application): application for application in applications}
    found = active_services(aws, scope, [*names])
    return {names[each["serviceName"]]: (each["runningCount"], each["desiredCount"]) for each in found}


def _switch(aws: Aws, scope: Scope) -> str:
    found = aws.call("cloudwatch", "describe_alarms", AlarmNames=[scope.name("tag", SWITCH)])["MetricAlarms"]
    return str(found[0]["StateValue"]) if found else ""


def _runs(aws: Aws, scope: Scope) -> dict[str, Any]:
    """Return the last run, and the last time that one changed the roles."""
    shelf = Bucket(aws, scope.bucket("journals"))
    last: list[Entry] = []
    for epoch in reversed(shelf.epochs()):
        entries = journal.read(shelf, epoch)
        last = last or entries
        about = entries[0].facts
        turned = next((each for each in entries if each.kind == DONE and each.step == _turns(str(about["book"]))), None)
        if turned is not None:
            return {"last": last, "turn": Turn(str(about["arguments"]["to"]), turned.at, str(about["book"]), epoch)}
    return {"last": last}


def _turns(book: str) -> str:
    """Return the step of a runbook by which a region becomes primary; empty where it has none, or is not known here."""
    try:
        return str(import_module(f"..runbook.books.{book}", __package__).BOOK.turns)
    except ModuleNotFoundError:
        return ""
