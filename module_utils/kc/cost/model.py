"""The words of an estimate: SKU, price, quantity, line."""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Literal, NamedTuple

PriceKind = Literal["list", "proxy", "assumption"]
"""How far a price is AWS's own: published for the region; another region's; somebody's judgement."""

KINDS: tuple[PriceKind, ...] = ("list", "proxy", "assumption")

Term = Literal["on_demand", "spot", "reserved", "savings_plan"]
"""How it is paid for. `reserved` and `savings_plan` are for one year, without anything upfront."""

TERMS: tuple[Term, ...] = ("on_demand", "spot", "reserved", "savings_plan")

Nature = Literal["standing", "stored", "usage"]
"""What a quantity follows: hours that something stands, data that is kept, what users do."""

HOURS = Decimal(730)
"""Hours of a month, as AWS's own calculator counts them."""

GLOBAL = "us-east-1"
"""The region of what has none: CloudFront, Route 53, and what guards the edge."""


class Sku(NamedTuple):
    """What is priced.

    Attributes:
        service: AWS's service code, such as `AmazonEC2`.
        usage: AWS's usage type without the region's prefix, such as `BoxUsage:r7g.2xlarge`.
        region: Region code.
        term: How it is paid for.
    """

    service: str
    usage: str
    region: str
    term: Term = "on_demand"

    def __str__(self) -> str:
        return f"{self.service} {self.usage}{'' if self.term == 'on_demand' else f' ({self.term})'} in {self.region}"


class Tier(NamedTuple):
    """The price of each unit above `over` units a month."""

    over: Decimal
    price: Decimal


@dataclass(frozen=True)
class Price:
    """A line of the catalogue.

    Attributes:
        unit: What is counted, such as `Hrs` or `GB-Mo`.
        tiers: In the order of their `over`; below the first it costs nothing.
        effective: Since when it holds, as the source has it.
        source: Where it comes from, in words.
    """

    sku: Sku
    unit: str
    tiers: tuple[Tier, ...]
    kind: PriceKind
    effective: date
    source: str

    def amount(self, quantity: Decimal) -> Decimal:
        """Return what a month's quantity costs, in dollars, not rounded."""
        ends = [tier.over for tier in self.tiers[1:]] + [quantity]
        return sum(
            ((min(end, quantity) - tier.over) * tier.price for tier, end in zip(self.tiers, ends, strict=True) if quantity > tier.over),
            Decimal(0),
        )


@dataclass(frozen=True)
class Bounds:
    """A figure as it may turn out: at best, as expected, at worst."""

    low: Decimal
    expected: Decimal
    upper: Decimal

    @classmethod
    def of(cls, value: Decimal | int | str) -> Bounds:
        """Return a figure that is certain."""
        exact = Decimal(value)
        return cls(exact, exact, exact)

    def map(self, act: Callable[[Decimal], Decimal]) -> Bounds:
        """Return what `act` makes of each bound."""
        return Bounds(act(self.low), act(self.expected), act(self.upper))

    def zip(self, other: Bounds, act: Callable[[Decimal, Decimal], Decimal]) -> Bounds:
        """Return what `act` makes of each bound of both."""
        return Bounds(act(self.low, other.low), act(self.expected, other.expected), act(self.upper, other.upper))

    def __add__(self, other: Bounds) -> Bounds:
        return self.zip(other, operator.add)

    def __sub__(self, other: Bounds) -> Bounds:
        return self.zip(other, operator.sub)

    def __mul__(self, other: Bounds | Decimal | int) -> Bounds:
        by = other if isinstance(other, Bounds) else Bounds.of(other)
        return self.zip(by, operator.mul)

    def money(self) -> dict[str, str]:
        """Return amounts of whole cents as data; decimals are texts."""
        return {"low": f"{self.low:.2f}", "expected": f"{self.expected:.2f}", "upper": f"{self.upper:.2f}"}

    def facts(self) -> dict[str, str]:
        """Return the figure as data, without needless zeros."""
        return {"low": plain(self.low), "expected": plain(self.expected), "upper": plain(self.upper)}


NOTHING = Bounds.of(0)


@dataclass(frozen=True)
class Quantity:
    """How much of a SKU something takes in a month.

    Attributes:
        component: The unit that it comes from.
        client: The special client that it is dedicated to, or "".
        what: The resources, or the assumptions, that it comes from.
    """

    sku: Sku
    amount: Bounds
    component: str
    client: str
    nature: Nature
    what: tuple[str, ...]


@dataclass(frozen=True)
class Line:
    """A row of the estimate: what one unit takes of one SKU, for one client or for all.

    Attributes:
        amount: In dollars, each bound rounded up to the cent.
        stranded: Whether it is a commitment that is paid for and that nothing uses.
        what: Where its quantity comes from.
    """

    price: Price
    quantity: Bounds
    amount: Bounds
    component: str
    client: str
    nature: Nature
    what: tuple[str, ...]
    stranded: bool = False

    @property
    def key(self) -> tuple[str, str, Nature, Sku]:
        """What tells it from others of its scenario."""
        return self.component, self.client, self.nature, self.price.sku

    def facts(self) -> dict[str, object]:
        """Return the line as data."""
        sku, price = self.price.sku, self.price
        return {
            **sku._asdict(),
            "component": self.component,
            "client": self.client,
            "nature": self.nature,
            "unit": price.unit,
            "quantity": self.quantity.facts(),
            "tiers": [{"over": plain(tier.over), "price": plain(tier.price)} for tier in price.tiers],
            "amount": self.amount.money(),
            "kind": price.kind,
            "effective": price.effective.isoformat(),
            "source": price.source,
            "stranded": self.stranded,
            "what": list(self.what),
        }


def plain(value: Decimal) -> str:
    """Return a decimal to the ninth place, without an exponent and without needless zeros."""
    text = f"{value:.9f}".rstrip("0").rstrip(".")
    return text or "0"
