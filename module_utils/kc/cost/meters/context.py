"""What meters know besides their resource: the scenario, and what is assumed of users."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import Any, cast

from ...model import Key, Ref, Resource
from ..model import HOURS, NOTHING, Bounds, Nature, Quantity, Sku, Term
from ..placement import Placed, Placement
from ..usage import Usage

ONE = Bounds.of(1)
MONTH = Bounds.of(HOURS)

COMPRESSED = Decimal("0.15")
"""What of a gigabyte of logs is left where it is kept (CloudWatch pricing, Logs: stored log bytes)."""

DAYS = 30
"""Of a month, where something happens daily."""


@dataclass(frozen=True)
class Context:
    """The scenario that a resource is metered in.

    Attributes:
        purchases: How `database` and `task` are paid for.
    """

    placement: Placement
    usage: Usage
    purchases: Mapping[str, str]

    @property
    def paired(self) -> bool:
        """Whether the regions replicate to each other."""
        return not self.placement.lost

    @property
    def growth(self) -> Bounds:
        """How many times as much users do as in an ordinary month."""
        return self.usage.peak_growth if self.placement.scenario == "peak" else ONE

    def share(self, region: str) -> Decimal:
        """Return which part of the users a region serves."""
        serving = self.placement.serving
        return Decimal(1) / len(serving) if region in serving else Decimal(0)

    def users(self, region: str) -> Bounds:
        """Return how many times as much happens in a region as all users cause in an ordinary month."""
        if region == self.placement.lost:
            return NOTHING
        return (Bounds.of(self.share(region)) if self.share(region) else self.usage.warm) * self.growth

    @cached_property
    def _firsts(self) -> set[int]:
        found: dict[tuple[str, str], Placed] = {}
        for placed in self.placement.placed:
            if not placed.scope.client:
                found.setdefault((placed.resource.kind.name, placed.resource.region), placed)
        return {id(placed) for placed in found.values()}

    def first(self, placed: Placed) -> bool:
        """Whether it is the one of its kind in its region that what all users do is counted with."""
        return id(placed) in self._firsts

    def made(self, kind: str, region: str, name: str) -> Mapping[str, Any] | None:
        """Return what is wanted of another resource; nothing where the inventory does not make it."""
        found = self.placement.made.get(Key(kind, region, name))
        return found.desired if found else None

    def of_kind(self, region: str, *kinds: str) -> Iterator[Placed]:
        """Yield a region's resources of some kinds."""
        return (placed for placed in self.placement.placed if placed.resource.region == region and placed.resource.kind.name in kinds)

    def zones(self, region: str) -> int:
        """Return in how many availability zones a region's network is."""
        return len({wanted(placed.resource)["zone"] for placed in self.of_kind(region, "subnet")})

    def logs(self, placed: Placed, gb: Bounds, groups: Any, *, vended: bool = False) -> Iterator[Quantity]:
        """Yield what logs cost that are written and kept; `groups` holds a `Ref` to the log group, at any depth."""
        region = placed.resource.region
        yield take(placed, "AmazonCloudWatch", "VendedLog-Bytes" if vended else "DataProcessing-Bytes", gb)
        days = max((about["days"] for ref in refs(groups) if (about := self.made(ref.kind, region, ref.name))), default=0)
        if days:
            yield take(placed, "AmazonCloudWatch", "TimedStorage-ByteHrs", gb * (COMPRESSED * days / DAYS), "stored")


Meter = Callable[[Context, Placed], Iterator[Quantity]]


def take(
    placed: Placed,
    service: str,
    usage: str,
    amount: Bounds,
    nature: Nature = "usage",
    *,
    region: str = "",
    term: Term = "on_demand",
    what: str = "",
) -> Quantity:
    """Return how much a resource takes of a SKU, in its own region where no other is named."""
    sku = Sku(service, usage, region or placed.resource.region, term)
    return Quantity(sku, amount, placed.scope.component, placed.scope.client, nature, (what or placed.resource.name,))


def transfer(placed: Placed, from_region: str, to_region: str, amount: Bounds, what: str) -> Quantity:
    """Return what goes from one region to another; who sends pays."""
    return take(placed, "AWSDataTransfer", f"AWS-Out-Bytes:{to_region}", amount, region=from_region, what=what)


def wanted(resource: Resource) -> Mapping[str, Any]:
    """Return what is wanted of a resource that is made, and not looked up."""
    return cast(Mapping[str, Any], resource.desired)


def refs(value: Any) -> Iterator[Ref]:
    """Yield the `Ref`s that a value holds, at any depth."""
    if isinstance(value, Ref):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from refs(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from refs(item)
