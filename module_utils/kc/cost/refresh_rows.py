"""Rows of the AWS Price List API, and the one price that a SKU has among them. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from ..errors import KcError
from .model import Sku, Tier
from .refresh_rules import Asked

RESERVED = {"LeaseContractLength": "1yr", "OfferingClass": "standard", "PurchaseOption": "No Upfront"}


@dataclass(frozen=True)
class Row:
    """A product.

    Attributes:
        id: AWS's own name of it, such as `8F3MZJ6HYZ2SDPYV`.
        terms: `OnDemand` and `Reserved`, as the API has them.
    """

    id: str
    usage: str
    attributes: Mapping[str, str]
    terms: Mapping[str, Any]


@dataclass(frozen=True)
class Found:
    """A price as AWS has it."""

    tiers: tuple[Tier, ...]
    unit: str
    effective: date


def row(text: str) -> Row:
    """Return an entry of `PriceList`, which is JSON in a text.

    Raises:
        KcError: It is not.
    """
    try:
        about = json.loads(text)
        product = about["product"]
        attributes = product.get("attributes") or {}
        return Row(product["sku"], attributes.get("usagetype", ""), attributes, about.get("terms") or {})
    except (ValueError, KeyError, TypeError, AttributeError):
        raise KcError(
            f"the Price List API answered what is no product: {str(text)[:80]!r}", hint="look whether its format has changed"
        ) from None


def find(wanted: Asked, rows: Iterable[Row]) -> Found | None:
    """Return a SKU's price; None where AWS has none.

    Raises:
        KcError: There are several, or it is zero; it names the SKU and its region.
    """
    sku = wanted.sku
    candidates = {one.id: found for one in rows if wanted.fits(one.usage, one.attributes) and (found := _terms(sku, one))}
    if len(candidates) > 1:
        raise KcError(
            f"{sku}: AWS has {len(candidates)} prices that fit: {', '.join(sorted(candidates))}",
            hint="narrow its rule in cost/refresh_rules.py",
        )
    for id, terms in candidates.items():
        if len(terms) > 1:
            raise KcError(f"{sku}: AWS has {len(terms)} offers of {id}", hint="narrow RESERVED in cost/refresh_rows.py")
        return _found(sku, terms[0])
    return None


def _terms(sku: Sku, one: Row) -> list[Mapping[str, Any]]:
    """Return the offers of a row that are a SKU's."""
    terms = (one.terms.get("Reserved" if sku.term == "reserved" else "OnDemand") or {}).values()
    if sku.term != "reserved":
        return list(terms)
    return [term for term in terms if RESERVED.items() <= (term.get("termAttributes") or {}).items()]


def _found(sku: Sku, term: Mapping[str, Any]) -> Found:
    try:
        dimensions = term["priceDimensions"].values()
        tiers = sorted(Tier(Decimal(one["beginRange"]), Decimal(one["pricePerUnit"]["USD"])) for one in dimensions)
        units = {one["unit"] for one in dimensions}
        effective = date.fromisoformat(term["effectiveDate"][:10])
    except (KeyError, TypeError, ValueError, InvalidOperation) as error:
        raise KcError(f"{sku}: AWS's price can't be read: {error!r}", hint="look whether the Price List API's format has changed") from None
    if len(tiers) > 1 and not tiers[0].price:  # an allowance that is free: the catalogue's tiers begin above it
        tiers = tiers[1:]
    if not tiers or not all(tier.price > 0 for tier in tiers):
        raise KcError(f"{sku}: AWS's price is zero", hint="nothing is free: narrow its rule in cost/refresh_rules.py")
    return Found(tuple(tiers), "/".join(sorted(units)), effective)
