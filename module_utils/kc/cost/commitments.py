"""What an estimate has that may be committed to, and what is advised, as data. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from .advice import Advice, advise
from .model import HOURS, Price, Sku, Term, plain
from .money import cents
from .ways import Choice, Demand, Rates

LOST = Decimal(1)
"""Months of a year that a region may be lost, where nobody says another number. It is no rare thing: me-south-1 and a part of
me-central-1 were impaired in 2026."""

LOSSES = ("failover",)
"""The scenarios of an estimate in which a region is lost."""

FAMILIES = (
    ("ec2", re.compile(r"AmazonEC2 BoxUsage:(?P<sku>\S+)")),
    ("rds", re.compile(r"AmazonRDS (?P<zones>Multi-AZ|Instance)Usage:(?P<sku>db\.\S+)")),
    ("fargate", re.compile(r"AmazonECS (?P<sku>Fargate-(?:ARM-)?(?:vCPU|GB)-Hours\S*)")),
)
"""What may be committed to, by service code and usage type."""

TERMS: tuple[Term, ...] = ("on_demand", "reserved", "savings_plan")
"""How it may be paid for already; what is on Spot comes and goes."""


def advised(estimate: Mapping[str, Any], prices: Mapping[Sku, Price], *, lost: Decimal = LOST) -> dict[str, Any]:
    """Return what to commit to, as data for JSON.

    Args:
        estimate: As docs/cost.md describes it.
        prices: The catalogue's, by SKU.
        lost: Months of the year for which the loss of a region is planned.

    Returns:
        `lost`; `choices` (`{name, pieces, way, reason, against_plan, options: {way: {month, hours, months, lost}}}`); `purchases`
        (`{way, service, sku, region, count, multi_az, hourly, month, term, payment, offering}`); `effects` by scenario
        (`{on_demand, cost, stranded}`). Figures are texts; those that don't exist are null.

    Raises:
        KcError: A rate is not above zero.
    """
    return facts(advise(demands(estimate, prices), lost=lost, losses=LOSSES))


def demands(estimate: Mapping[str, Any], prices: Mapping[Sku, Price]) -> Iterator[Demand]:
    """Yield what runs every hour at least, the dearest first."""
    running: dict[Sku, dict[str, Decimal]] = {}
    for scenario, about in estimate["scenarios"].items():
        for line in about["lines"]:
            sku = Sku(line["service"], line["usage"], line["region"])
            if line["term"] in TERMS and not line["stranded"] and _family(sku):
                pieces = running.setdefault(sku, dict.fromkeys(estimate["scenarios"], Decimal(0)))
                pieces[scenario] += Decimal(line["quantity"]["low"]) / HOURS
    found = [_demand(sku, _rates(sku, prices), pieces) for sku, pieces in running.items()]
    yield from sorted(found, key=lambda one: (-one.steady * one.rates.on_demand, one.name))


def _family(sku: Sku) -> tuple[str, re.Match[str]] | None:
    return next(((service, match) for service, known in FAMILIES if (match := known.fullmatch(f"{sku.service} {sku.usage}"))), None)


def _demand(sku: Sku, rates: Rates, running: Mapping[str, Decimal]) -> Demand:
    family = _family(sku)
    assert family, sku  # noqa: S101 - the caller has looked
    service, match = family
    what = match["sku"]
    if service == "rds":  # usage types say 2xl where a class is called 2xlarge
        what = re.sub(r"(?<=\d)xl$|(?<=\.)xl$", "xlarge", what)
    return Demand(service, what, sku.region, rates, running, multi_az=match.groupdict().get("zones") == "Multi-AZ")


def _rates(sku: Sku, prices: Mapping[Sku, Price]) -> Rates:
    """Return what the catalogue has; a rate for what runs has one tier."""

    def rate(term: Term) -> Decimal | None:
        price = prices.get(sku._replace(term=term))
        return price.tiers[0].price if price else None

    return Rates(prices[sku].tiers[0].price, rate("reserved"), rate("savings_plan"), rate("spot"))


def facts(advice: Advice) -> dict[str, Any]:
    """Return advice as data."""
    return {
        "lost": plain(advice.lost),
        "choices": [_choice(choice) for choice in advice.choices],
        "purchases": [
            {
                "way": one.way,
                "service": one.service,
                "sku": one.sku,
                "region": one.region,
                "count": one.count,
                "multi_az": one.multi_az,
                "hourly": plain(one.hourly),
                "month": _money(one.month),
                "term": one.term,
                "payment": one.payment,
                "offering": one.offering,
            }
            for one in advice.purchases
        ],
        "effects": {
            name: {"on_demand": _money(one.on_demand), "cost": _money(one.cost), "stranded": _money(one.stranded)}
            for name, one in advice.effects.items()
        },
    }


def _choice(choice: Choice) -> dict[str, Any]:
    return {
        "name": choice.demand.name,
        "pieces": plain(choice.demand.steady),
        "way": choice.way,
        "reason": choice.reason,
        "against_plan": _tenth(choice.against_plan),
        "options": {
            one.way: {"month": _money(one.month), "hours": _tenth(one.hours), "months": _tenth(one.months), "lost": _tenth(one.lost)}
            for one in choice.options
        },
    }


def _tenth(value: Decimal | None) -> str | None:
    return None if value is None else f"{value:.1f}"


def _money(value: Decimal) -> str:
    return f"{cents(value)}"
