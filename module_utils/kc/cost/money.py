"""How money is rounded and shared out: here, and nowhere else.

A line is rounded up to the cent, so that nothing that costs something is shown as nothing. Every total is a sum of lines.
What is shared out is shared by largest remainder, so that the shares sum to it exactly.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

CENT = Decimal("0.01")
NOISE = Decimal("0.000000001")
"""What a division that does not come out even may leave: no reason for a cent more."""


def cents(dollars: Decimal) -> Decimal:
    """Return an amount rounded up to the cent."""
    return dollars.quantize(NOISE).quantize(CENT, ROUND_CEILING)


def shared(amount: Decimal, weights: Mapping[str, Decimal]) -> dict[str, Decimal]:
    """Return an amount of whole cents, shared by weight.

    Each gets its part rounded down; the cents that are left go to those whose part lost most by that, among equals to the first by
    name.
    """
    total = sum(weights.values(), Decimal(0))
    exact = {name: amount * weight / total for name, weight in weights.items()}
    found = {name: part.quantize(CENT, ROUND_FLOOR) for name, part in exact.items()}
    left = int((amount - sum(found.values(), Decimal(0))) / CENT)
    for name in sorted(found, key=lambda name: (found[name] - exact[name], name))[:left]:
        found[name] += CENT
    return found
