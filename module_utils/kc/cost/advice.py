"""What to commit to, down to the exact purchase, and what that does in each scenario. Pure; nothing is ever bought."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_DOWN, Decimal

from ..errors import KcError
from .model import HOURS
from .ways import Choice, Demand, Way, choose

STEP = Decimal("0.001")
"""USD an hour that a Savings Plan's commitment is given in."""

YEAR = 31_536_000
"""Seconds of a term."""


@dataclass(frozen=True)
class Purchase:
    """What to buy. It is only shown.

    Attributes:
        count: Pieces; 1 of a plan.
        hourly: USD an hour of all of it, used or not.
        offering: The command that finds the offering; it buys nothing.
    """

    way: Way
    service: str
    sku: str
    region: str
    count: int
    hourly: Decimal
    offering: str
    multi_az: bool = False
    term: str = "1 year"
    payment: str = "No Upfront"

    @property
    def month(self) -> Decimal:
        """USD a month, used or not."""
        return self.hourly * HOURS


@dataclass(frozen=True)
class Effect:
    """What the purchases do in one scenario, USD a month.

    Attributes:
        on_demand: What it all costs without them.
        cost: What it costs with them.
        stranded: What of them nobody uses.
    """

    on_demand: Decimal
    cost: Decimal
    stranded: Decimal


@dataclass(frozen=True)
class Advice:
    """What to commit to.

    Attributes:
        lost: Months of the term for which the loss of a region is planned.
        effects: By scenario.
    """

    lost: Decimal
    choices: tuple[Choice, ...]
    purchases: tuple[Purchase, ...]
    effects: Mapping[str, Effect]


def advise(demands: Iterable[Demand], *, lost: Decimal, losses: Sequence[str]) -> Advice:
    """Return what to commit to.

    Args:
        demands: All that may be; each service, sku and region once.
        lost: Months of the term for which the loss of a region is planned.
        losses: The scenarios in which a region is lost.

    Raises:
        KcError: A rate is not above zero, or a demand lacks a scenario.
    """
    known = tuple(demands)
    scenarios = tuple(dict.fromkeys(name for demand in known for name in demand.running))
    for demand in known:
        if lacking := [name for name in scenarios if name not in demand.running]:
            raise KcError(f"{demand.name}: nobody says how many run in {', '.join(lacking)}", hint="every scenario must say it")
    choices = tuple(choose(demand, lost=lost, losses=losses) for demand in known)
    covers = [_Cover(choice.demand, int(choice.demand.steady) if choice.way == "reserved" else 0) for choice in choices]
    wanted = sum((_at_plan(choice.demand, choice.demand.steady) for choice in choices if choice.way == "plan"), Decimal(0))
    usable = [sum((_at_plan(cover.demand, cover.rest(name)) for cover in covers), Decimal(0)) for name in scenarios]
    commitment = min([wanted, *usable]).quantize(STEP, ROUND_DOWN)
    purchases = [_reservation(cover.demand, cover.reserved) for cover in covers if cover.reserved]
    if commitment:
        purchases.append(_plan(commitment))
    return Advice(lost, choices, tuple(purchases), {name: _effect(covers, name, commitment) for name in scenarios})


@dataclass(frozen=True)
class _Cover:
    """A demand, and the pieces of it that are reserved."""

    demand: Demand
    reserved: int

    @property
    def hourly(self) -> Decimal:
        return self.reserved * (self.demand.rates.reserved or Decimal(0))

    def rest(self, scenario: str) -> Decimal:
        """Return the pieces that no reservation covers."""
        return max(self.demand.running[scenario] - self.reserved, Decimal(0))

    def idle(self, scenario: str) -> Decimal:
        """Return what an hour of reservations costs that nobody uses."""
        return max(self.reserved - self.demand.running[scenario], Decimal(0)) * (self.demand.rates.reserved or Decimal(0))


def _at_plan(demand: Demand, pieces: Decimal) -> Decimal:
    return pieces * (demand.rates.plan or Decimal(0))


def _effect(covers: Sequence[_Cover], scenario: str, commitment: Decimal) -> Effect:
    """Return what purchases do in a scenario.

    AWS applies reservations first, then a plan to what it makes cheapest (Savings Plans user guide, How your Savings Plan applies).
    """
    on_demand = sum((cover.demand.running[scenario] * cover.demand.rates.on_demand for cover in covers), Decimal(0))
    cost = sum((cover.hourly for cover in covers), commitment)
    left = commitment
    for cover in sorted(covers, key=lambda one: (one.demand.rates.plan or one.demand.rates.on_demand) / one.demand.rates.on_demand):
        rates, rest = cover.demand.rates, cover.rest(scenario)
        if rates.plan:
            used = min(left, rest * rates.plan)
            left -= used
            rest -= used / rates.plan
        cost += rest * rates.on_demand
    stranded = sum((cover.idle(scenario) for cover in covers), left)
    return Effect(on_demand * HOURS, cost * HOURS, stranded * HOURS)


def _reservation(demand: Demand, count: int) -> Purchase:
    hourly = count * (demand.rates.reserved or Decimal(0))
    return Purchase("reserved", demand.service, demand.sku, demand.region, count, hourly, _offering(demand), demand.multi_az)


def _offering(demand: Demand) -> str:
    if demand.service == "rds":
        return (
            f"aws rds describe-reserved-db-instances-offerings --region {demand.region} --db-instance-class {demand.sku}"
            f' --product-description mysql --duration {YEAR} --offering-type "No Upfront" --{"" if demand.multi_az else "no-"}multi-az'
        )
    return (
        f"aws ec2 describe-reserved-instances-offerings --region {demand.region} --instance-type {demand.sku}"
        ' --product-description Linux/UNIX --instance-tenancy default --offering-class standard --offering-type "No Upfront"'
        f" --no-include-marketplace --min-duration {YEAR} --max-duration {YEAR}"
    )


def _plan(commitment: Decimal) -> Purchase:
    offering = f'aws savingsplans describe-savings-plans-offerings --plan-types Compute --payment-options "No Upfront" --durations {YEAR}'
    return Purchase("plan", "savings plan", "Compute Savings Plan", "any region", 1, commitment, offering)
