"""Ways to pay for what runs every hour: on demand, reserved, Compute Savings Plan and Spot side by side, and which is cheapest. Pure.

A reservation is cheaper than a plan and stays in its region: what is reserved in a region that is lost is paid for and used by
nobody. A Compute Savings Plan follows the workload to where it runs. So what decides is how long a region may be lost.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from ..errors import KcError
from .model import HOURS

TERM = 12
"""Months of what is committed to."""

STEADY = "steady"

Way = Literal["on demand", "reserved", "plan", "spot"]
WAYS: tuple[Way, ...] = ("on demand", "reserved", "plan", "spot")


@dataclass(frozen=True)
class Rates:
    """What a piece costs an hour in USD; None where it can't be had that way.

    Attributes:
        reserved: 1 year, standard, nothing paid in advance.
        plan: Under a Compute Savings Plan of 1 year, nothing paid in advance. It covers EC2 and Fargate, and no RDS.
        spot: May be taken away at two minutes' notice.
    """

    on_demand: Decimal
    reserved: Decimal | None = None
    plan: Decimal | None = None
    spot: Decimal | None = None

    def of(self, way: Way) -> Decimal | None:
        """Return the rate of one way to pay."""
        return {"on demand": self.on_demand, "reserved": self.reserved, "plan": self.plan, "spot": self.spot}[way]


@dataclass(frozen=True)
class Demand:
    """What runs every hour, and so may be committed to.

    Attributes:
        service: Such as `ec2`, `rds` or `fargate`.
        sku: What is bought, such as `r7g.2xlarge`.
        running: Pieces by scenario, that of `STEADY` among them; what comes and goes within a month is not in it.
        multi_az: Of RDS: whether a piece is an instance in two zones.
    """

    service: str
    sku: str
    region: str
    rates: Rates
    running: Mapping[str, Decimal]
    multi_az: bool = False

    @property
    def name(self) -> str:
        """It in words."""
        return f"{self.sku}{' Multi-AZ' if self.multi_az else ''} in {self.region}"

    @property
    def steady(self) -> Decimal:
        """Pieces while all is well."""
        return self.running[STEADY]

    def stranded(self, losses: Iterable[str]) -> Decimal:
        """Return the share of what runs steadily that the worst of the losses leaves idle here, from 0 to 1."""
        idle = max((self.steady - self.running.get(loss, self.steady) for loss in losses), default=Decimal(0))
        return max(idle, Decimal(0)) / self.steady if self.steady else Decimal(0)


@dataclass(frozen=True)
class Option:
    """One way to pay for a demand.

    Attributes:
        month: USD of a steady month.
        hours: Hours a month from which it is cheaper than on demand; None where there is no such point.
        months: Months of the term after which it has cost less than on demand, even if the need ends then.
        lost: Months of the term that a region may be lost until on demand would have been cheaper; None: it does not matter how many.
    """

    way: Way
    month: Decimal
    hours: Decimal | None = None
    months: Decimal | None = None
    lost: Decimal | None = None


@dataclass(frozen=True)
class Choice:
    """What is advised for a demand.

    Attributes:
        options: All ways to pay, side by side.
        against_plan: Months of the term that the region may be lost until a plan would have been cheaper than what is reserved; None
            where there is no such point.
        reason: One sentence.
    """

    demand: Demand
    way: Way
    options: tuple[Option, ...]
    against_plan: Decimal | None
    reason: str


def choose(demand: Demand, *, lost: Decimal, losses: Sequence[str]) -> Choice:
    """Return the cheapest way to pay for a term in which a region is lost for `lost` months.

    A month of the loss costs: on demand, what runs here no longer is paid where it runs then, at about the same rate; reserved, it is
    paid here as well; a plan pays for it there.

    Raises:
        KcError: A rate is not above zero.
    """
    rates, share = demand.rates, demand.stranded(losses)
    if any(rate is not None and rate <= 0 for rate in map(rates.of, WAYS)):
        raise KcError(f"{demand.name}: a rate is not above zero", hint="correct its line of the price catalogue")
    term: list[tuple[Decimal, Way]] = [(TERM * rates.on_demand, "on demand")]
    if demand.steady and rates.reserved is not None:
        term.append((TERM * rates.reserved + lost * share * rates.on_demand, "reserved"))
    if demand.steady and rates.plan is not None:
        term.append((TERM * rates.plan, "plan"))
    way = min(term)[1]
    against = None
    if rates.plan is not None and rates.reserved is not None and share and rates.plan > rates.reserved:
        against = TERM * (rates.plan - rates.reserved) / (share * rates.on_demand)
    options = tuple(option for one in WAYS if (option := _option(demand, one, share)))
    reason = _reason(way, share, lost, against, rates) if demand.steady else "it does not run in a steady month"
    return Choice(demand, way, options, against, reason)


def _option(demand: Demand, way: Way, share: Decimal) -> Option | None:
    rate, on_demand = demand.rates.of(way), demand.rates.on_demand
    if rate is None:
        return None
    month = demand.steady * rate * HOURS
    if way in ("on demand", "spot"):
        return Option(way, month)
    tolerated = None
    if way == "reserved" and share:
        tolerated = min(TERM * (1 - rate / on_demand) / share, Decimal(TERM))
    return Option(way, month, hours=HOURS * rate / on_demand, months=TERM * rate / on_demand, lost=tolerated)


def _reason(way: Way, share: Decimal, lost: Decimal, against: Decimal | None, rates: Rates) -> str:
    planned = f"{lost.normalize():f} planned for"
    if way == "on demand":
        return f"no commitment pays, with {planned}" if rates.reserved or rates.plan else "there is nothing to commit to"
    if way == "plan":
        if against is None:
            return "a plan is the cheapest that covers this"
        return f"a plan follows the workload, and a reservation is dearer once the region is lost for {against:.1f} months ({planned})"
    if not share:
        return "it runs whichever region is lost, so nothing that is reserved is stranded"
    if against is None:
        return f"no plan covers this, and the reservation pays although it is idle while a region is lost ({planned})"
    return f"the reservation is cheaper than a plan until the region is lost for {against:.1f} months ({planned})"
