"""The estimate as data: of each scenario its lines, and what they come to by service, region, unit and client."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date
from decimal import Decimal
from typing import Any

from ..errors import KcError
from ..inventory.model import UNITS, Host, feeds
from ..options import Spec, suggestion
from .catalogue import Catalogue
from .estimate import commitments, lines
from .meters import quantities
from .model import NOTHING, Bounds, Line
from .money import cents, shared
from .placement import SCENARIOS, placements
from .usage import Usage, figure, usage

OTHERS = "others"
"""Everybody who is no special client."""

EXTRAS = ("support", "vat")
"""What can count towards the budget beside the charges themselves."""

NAMED = ("kc_home", "kc_mysql_clients")
"""Variables that an estimate reads besides its own and those of units."""

PURCHASES = {"database": ("on_demand", "reserved"), "task": ("on_demand", "savings_plan")}


@dataclass(frozen=True)
class Terms:
    """How an estimate is made and judged; the inventory's `cost.yml` explains each.

    Attributes:
        clients: Special clients, those that share an instance too.
    """

    environment: str
    budget: Decimal
    scenario: str
    includes: tuple[str, ...]
    vat: Decimal
    support: tuple[tuple[Decimal, Decimal], ...]
    stale_days: int
    purchases: Mapping[str, str]
    shares: Mapping[str, Decimal]
    clients: tuple[str, ...]
    usage: Usage


def terms(hosts: Sequence[Host]) -> Terms:
    """Return the terms, of variables that all regions share.

    Raises:
        KcError: One is missing or wrong; it names it.
    """
    first = next(host for host in hosts if "regions" in host.groups)

    def value(name: str) -> Any:
        if f"kc_cost_{name}" not in first.values:
            raise KcError(f"`kc_cost_{name}` is missing", hint="see inventories/common/all/cost.yml")
        return first.values[f"kc_cost_{name}"]

    clients = sorted({host.name for host in hosts if host.client} | {*(first.values.get("kc_mysql_clients") or {})})
    given = value("shares")
    for name in given:
        if name not in (*clients, OTHERS):
            raise KcError(f"`kc_cost_shares` names `{name}`, which is no client", hint=suggestion(str(name), [*clients, OTHERS]))
    weights = {name: figure(f"kc_cost_shares.{name}", given.get(name, 1)).expected for name in (OTHERS, *clients)}
    if not any(weights.values()):
        raise KcError("`kc_cost_shares` has no weight", hint="somebody has to bear what all share: give `others` 1")
    _choice("kc_cost_scenario", value("scenario"), SCENARIOS)
    for name in value("includes"):
        _choice("kc_cost_includes", name, EXTRAS)
    for what, choices in PURCHASES.items():
        _choice(f"kc_cost_purchases.{what}", value("purchases").get(what), choices)
    support = tuple(sorted((Decimal(str(over)), Decimal(str(percent))) for over, percent in value("support").items()))
    return Terms(
        environment=str(first.values["kc_environment"]),
        budget=figure("kc_cost_budget", value("budget")).expected,
        scenario=value("scenario"),
        includes=tuple(value("includes")),
        vat=figure("kc_cost_vat", value("vat")).expected,
        support=support,
        stale_days=int(value("stale_days")),
        purchases=value("purchases"),
        shares=weights,
        clients=tuple(clients),
        usage=usage(value("usage")).of_users(figure("kc_cost_users", value("users"))),
    )


def needed(modules: Mapping[str, Spec]) -> Callable[[str, frozenset[str]], bool]:
    """Return whether an estimate needs a variable of a host of some groups: to resolve those of all would take longer than it does."""

    def one(variable: str, groups: frozenset[str]) -> bool:
        if variable.startswith("kc_cost_") or variable in NAMED:
            return True
        units = {"scope", *(unit for unit, on in UNITS.items() if groups & {*on})}
        return any(unit in units for unit, _ in feeds(variable, modules))

    return one


def _choice(path: str, given: Any, choices: Sequence[str]) -> None:
    if given not in choices:
        raise KcError(f"`{path}` is `{given}`", hint=f"it is one of {', '.join(choices)}")


def estimate(hosts: Sequence[Host], modules: Mapping[str, Spec], catalogue: Catalogue, today: date) -> dict[str, Any]:
    """Return what an inventory costs a month, as docs/cost.md has it.

    Args:
        hosts: Regions, witness, global and clients; nodes are theirs.
        modules: Specs of the units' modules (`inventory.described`).
        today: What the catalogue's age is counted to.

    Raises:
        KcError: A variable is wrong, or something has no price.
    """
    agreed = terms(hosts)
    made = placements(hosts, modules)
    taken = {name: list(quantities(placement, agreed.usage, agreed.purchases)) for name, placement in made.items()}
    bought = commitments(taken["steady"])
    dates = [price.effective for price in catalogue.prices.values()]
    steady = made["steady"]
    return {
        "environment": agreed.environment,
        "currency": "USD",
        "home": steady.home,
        "regions": list(steady.regions),
        "budget": {"amount": str(agreed.budget), "scenario": agreed.scenario, "includes": list(agreed.includes)},
        "catalogue": {
            "oldest": min(dates).isoformat(),
            "newest": max(dates).isoformat(),
            "stale": catalogue.stale(today, agreed.stale_days),
        },
        "scenarios": {name: summed(lines(taken[name], bought, catalogue, some.lost), agreed) for name, some in made.items()},
    }


def summed(found: Sequence[Line], agreed: Terms) -> dict[str, Any]:
    """Return lines, and what they come to."""
    total = _sum(found)
    support = total.map(lambda amount: supported(amount, agreed.support))
    vat = (total + support).map(lambda amount: cents(amount * agreed.vat / 100))
    counted = total + sum((amount for name, amount in (("support", support), ("vat", vat)) if name in agreed.includes), NOTHING)
    return {
        "total": total.money(),
        "support": support.money(),
        "vat": vat.money(),
        "whole": (total + support + vat).money(),
        "counted": counted.money(),
        "fits": counted.upper <= agreed.budget,
        "stranded": _sum(line for line in found if line.stranded).money(),
        "by_service": _by(found, lambda line: line.price.sku.service),
        "by_region": _by(found, lambda line: line.price.sku.region),
        "by_component": _by(found, lambda line: line.component),
        "by_client": {
            name: {part: amount.money() for part, amount in about.items()} for name, about in clients(found, agreed.shares).items()
        },
        "by_kind": _by(found, lambda line: line.price.kind),
        "lines": [line.facts() for line in found],
    }


def supported(amount: Decimal, tiers: Iterable[tuple[Decimal, Decimal]]) -> Decimal:
    """Return what AWS Support costs: of each part of the charges above so many dollars, so many percent."""
    known = list(tiers)
    ends = [over for over, _ in known[1:]] + [amount]
    parts = ((min(end, amount) - over) * percent / 100 for (over, percent), end in zip(known, ends, strict=True) if amount > over)
    return cents(sum(parts, Decimal(0)))


def clients(found: Sequence[Line], shares: Mapping[str, Decimal]) -> dict[str, dict[str, Bounds]]:
    """Return each client's own cost, its share of what nobody has to itself, and both together."""
    common = _sum(line for line in found if not line.client)
    parts = {bound.name: shared(getattr(common, bound.name), shares) for bound in fields(Bounds)}
    result = {}
    for name in shares:
        own = _sum(line for line in found if line.client == name)
        share = Bounds(**{bound: part[name] for bound, part in parts.items()})
        result[name] = {"own": own, "shared": share, "total": own + share}
    return result


def _by(found: Sequence[Line], what: Callable[[Line], str]) -> dict[str, dict[str, str]]:
    names = sorted({what(line) for line in found})
    return {name: _sum(line for line in found if what(line) == name).money() for name in names}


def _sum(found: Iterable[Line]) -> Bounds:
    return sum((line.amount for line in found), NOTHING)
