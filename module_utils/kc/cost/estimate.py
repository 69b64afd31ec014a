"""From quantities to lines: what each unit takes of each SKU, and what it costs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from decimal import Decimal

from .catalogue import Catalogue
from .model import NOTHING, Bounds, Line, Nature, Price, Quantity, Sku
from .money import cents

STAYS: Mapping[Nature, Bounds] = {
    "usage": NOTHING,
    "standing": Bounds(Decimal(0), Decimal(0), Decimal(1)),
    "stored": Bounds(Decimal(0), Decimal(1), Decimal(1)),
}
"""What is still charged in a region that is lost. At best nothing; what it stores is expected to be; at worst (its network is gone, its
instances are not) all that stands. Nobody uses it."""


Group = tuple[str, str, Nature, Sku]
"""What tells a line from others: unit, client, nature, SKU."""


def commitments(steady: Iterable[Quantity]) -> dict[Group, Quantity]:
    """Return what is reserved: what the inventory means to reserve of what stands in the scenario `steady`."""
    return {group: quantity for group, quantity in _grouped(steady).items() if committed(group[3])}


def lines(quantities: Iterable[Quantity], bought: Mapping[Group, Quantity], catalogue: Catalogue, lost: str = "") -> list[Line]:
    """Return the lines of a scenario, sorted.

    Args:
        bought: What is reserved, whether the scenario uses it or not.
        lost: The region that is lost, or "".

    Raises:
        KcError: Something has no price; it names SKU and region.
    """
    wants = _grouped(quantities)
    grouped = _grouped(left(quantity, lost) for quantity in held(wants, bought))
    totals: dict[Sku, Bounds] = {}
    for (_, _, _, sku), quantity in grouped.items():
        totals[sku] = totals.get(sku, NOTHING) + quantity.amount
    found = [
        _line(catalogue.price(sku), quantity, totals[sku], stranded=committed(sku) and (sku.region == lost or group not in wants))
        for group, quantity in grouped.items()
        for sku in (group[3],)
        if quantity.amount != NOTHING
    ]
    return sorted(found, key=lambda line: (line.price.sku, line.component, line.client, line.nature))


def held(quantities: Mapping[Group, Quantity], bought: Mapping[Group, Quantity]) -> Iterator[Quantity]:
    """Yield a scenario's quantities with commitments as they were bought.

    What the scenario needs beyond them is on demand, and what it does not need is paid for nevertheless. That AWS lets a reservation of one
    size count for others of its family is left out: it can only be cheaper than this.
    """
    for group, quantity in quantities.items():
        if not committed(quantity.sku):
            yield quantity
            continue
        have = bought[group].amount if group in bought else NOTHING
        beyond = (quantity.amount - have).map(lambda hours: max(hours, Decimal(0)))
        yield replace(quantity, sku=quantity.sku._replace(term="on_demand"), amount=beyond)
    yield from bought.values()


def left(quantity: Quantity, lost: str) -> Quantity:
    """Return what is charged of a quantity when a region is lost: elsewhere all of it, and commitments anywhere."""
    if quantity.sku.region != lost or committed(quantity.sku):
        return quantity
    return replace(quantity, amount=quantity.amount * STAYS[quantity.nature])


def committed(sku: Sku) -> bool:
    """Whether it is paid for whether it is used or not, in its region only. A Savings Plan follows what runs to any region."""
    return sku.term == "reserved"


def _grouped(quantities: Iterable[Quantity]) -> dict[Group, Quantity]:
    """Return quantities that belong to one line as one."""
    found: dict[Group, Quantity] = {}
    for one in quantities:
        group = (one.component, one.client, one.nature, one.sku)
        before = found.get(group)
        found[group] = (
            replace(before, amount=before.amount + one.amount, what=tuple(dict.fromkeys((*before.what, *one.what)))) if before else one
        )
    return found


def _line(price: Price, quantity: Quantity, total: Bounds, *, stranded: bool) -> Line:
    amount = quantity.amount.zip(total, lambda part, whole: _amount(price, part, whole))
    return Line(price, quantity.amount, amount, quantity.component, quantity.client, quantity.nature, quantity.what, stranded)


def _amount(price: Price, quantity: Decimal, total: Decimal) -> Decimal:
    """Return what a part of a SKU's quantity costs: its share of what the whole does, since tiers are of the whole."""
    if len(price.tiers) == 1 and not price.tiers[0].over:
        return cents(price.amount(quantity))
    return cents(price.amount(total) * quantity / total) if total else Decimal("0.00")
