"""An estimate as one page of HTML that needs nothing else: charts, every line with its source, and what to commit to. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any, NamedTuple

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from .chart import Chart, Palette, bars, stacks
from .model import KINDS

TITLES = {"steady": "Steady", "peak": "Peak month", "failover": "Failover", "active_active": "Active-active"}
"""Scenarios in words; one that is new here is shown by its name."""


class Group(NamedTuple):
    """A service's lines of a scenario, and their sum."""

    service: str
    amount: Mapping[str, str]
    lines: tuple[Mapping[str, Any], ...]


class View(NamedTuple):
    """A scenario as it is shown."""

    name: str
    title: str
    about: Mapping[str, Any]
    charts: tuple[Chart, ...]
    groups: tuple[Group, ...]


def page(estimate: Mapping[str, Any]) -> str:
    """Return the page of an estimate.

    Args:
        estimate: As docs/cost.md describes it. `advice`, where it is there, is what `commitments.advised` returns.
    """
    scenarios: Mapping[str, Any] = estimate["scenarios"]
    colours = Palette.of(_services(scenarios.values()))
    regions = _regions(scenarios)
    views = tuple(
        View(name, _title(name), about, tuple(_charts(name, scenarios, regions, colours)), tuple(_groups(about)))
        for name, about in scenarios.items()
    )
    overview = stacks(
        "By scenario",
        {_title(name): _counted(about, estimate["budget"]["includes"]) for name, about in scenarios.items()},
        {_title(name): about["counted"] for name, about in scenarios.items()},
        colours,
        limit=Decimal(estimate["budget"]["amount"]),
    )
    budget = estimate["budget"]
    return _TEMPLATE.render(
        estimate=estimate,
        overview=overview,
        views=views,
        colours=colours,
        advice=estimate.get("advice"),
        title=_title(budget["scenario"]),
        over=Decimal(scenarios[budget["scenario"]]["counted"]["upper"]) - Decimal(budget["amount"]),
    )


def _title(scenario: str) -> str:
    return TITLES.get(scenario, scenario.replace("_", " ").capitalize())


def _services(scenarios: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return all services, the dearest first."""
    most: dict[str, Decimal] = {}
    for about in scenarios:
        for service, amount in about["by_service"].items():
            most[service] = max(most.get(service, Decimal(0)), Decimal(amount["expected"]))
    return sorted(most, key=lambda service: (-most[service], service))


def _spread(lines: Iterable[Mapping[str, Any]], by: str) -> dict[str, Decimal]:
    """Return what lines are expected to cost, by one of their fields."""
    found: dict[str, Decimal] = {}
    for line in lines:
        found[line[by]] = found.get(line[by], Decimal(0)) + Decimal(line["amount"]["expected"])
    return found


def _counted(about: Mapping[str, Any], includes: Iterable[str]) -> dict[str, Decimal]:
    """Return the parts of what is held against the budget: services, and what it is said to include."""
    return {**_spread(about["lines"], "service"), **{part: Decimal(about[part]["expected"]) for part in includes}}


def _regions(scenarios: Mapping[str, Any]) -> dict[str, dict[str, dict[str, Decimal]]]:
    """Return each scenario's regions, and what services are expected to cost there."""
    return {
        name: {region: _spread((line for line in about["lines"] if line["region"] == region), "service") for region in about["by_region"]}
        for name, about in scenarios.items()
    }


def _charts(name: str, scenarios: Mapping[str, Any], regions: Mapping[str, Any], colours: Palette) -> Iterable[Chart]:
    """Yield a scenario's charts. Their scale is that of all scenarios, so that these can be compared."""
    about = scenarios[name]

    def most(by: str) -> Decimal:
        found = [_bounds(amount)["upper"] for one in scenarios.values() for amount in one[by].values()]
        return max(map(Decimal, found), default=Decimal(0))

    services = {service: {service: Decimal(amount["expected"])} for service, amount in about["by_service"].items()}
    yield stacks("By service", services, about["by_service"], colours, scale=most("by_service"), ordered=True)
    yield stacks("By region", regions[name], about["by_region"], colours, scale=most("by_region"), ordered=True)
    clients = {
        client: {part: Decimal(amount[part]["expected"]) for part in ("own", "shared")} for client, amount in about["by_client"].items()
    }
    totals = {client: amount["total"] for client, amount in about["by_client"].items()}
    yield stacks("By client", clients, totals, Palette.of(("own", "shared")), scale=most("by_client"), ordered=True, legend=True)
    kinds: dict[str, Any] = {kind: about["by_kind"][kind] for kind in KINDS if kind in about["by_kind"]}
    yield bars("By kind of price", kinds, scale=most("by_kind"))


def _bounds(amount: Mapping[str, Any]) -> Mapping[str, str]:
    """Return the bounds of a row; a client's are those of its total."""
    return amount.get("total", amount)


def _groups(about: Mapping[str, Any]) -> Iterable[Group]:
    """Yield each service's lines, the dearest first."""
    for service, amount in sorted(about["by_service"].items(), key=lambda one: -Decimal(one[1]["expected"])):
        lines = [line for line in about["lines"] if line["service"] == service]
        yield Group(service, amount, tuple(sorted(lines, key=lambda line: -Decimal(line["amount"]["expected"]))))


def _money(value: str | Decimal, digits: int = 2) -> str:
    return f"${Decimal(value).quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP):,f}"


def _number(value: str | Decimal) -> str:
    """Return a quantity with as many digits as say something."""
    exact = Decimal(value)
    return f"{exact.quantize(Decimal(1) if abs(exact) >= 100 else Decimal('0.01')).normalize():,f}" if exact else "0"


def _range(amount: Mapping[str, str]) -> str:
    """Return the bounds of an amount; nothing where it is certain."""
    low, upper = _money(amount["low"], 0), _money(amount["upper"], 0)
    return "" if Decimal(amount["low"]) == Decimal(amount["upper"]) else f"{low} to {upper}"


def _share(part: str, whole: str) -> str:
    return f"{100 * Decimal(part) / Decimal(whole):.0f} %" if Decimal(whole) else "0 %"


def _template() -> Any:
    made = Environment(
        loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    made.filters |= {"money": _money, "number": _number, "range": _range, "scenario": _title, "share": _share}
    return made.get_template("page.html.j2")


_TEMPLATE = _template()
