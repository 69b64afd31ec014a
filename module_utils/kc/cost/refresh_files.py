"""Files of the catalogue, a price a line: lines are replaced and added, everything else stays as a reviewer has left it. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Any

import yaml

from ..errors import KcError
from .model import TERMS, PriceKind, Sku, Tier

SOURCE = "P"
"""The key in sources.yml of what was asked of the API."""

SERVICE = re.compile(r"(\w+):")
PRICE = re.compile(r"- (\{.*\})")


@dataclass(frozen=True)
class Written:
    """A line of the catalogue, as its file has it.

    Attributes:
        source: A key of sources.yml.
    """

    sku: Sku
    unit: str
    tiers: tuple[Tier, ...]
    kind: PriceKind
    effective: date
    source: str

    @property
    def text(self) -> str:
        """It as a line."""
        term = f"term: {self.sku.term}, " if self.sku.term != "on_demand" else ""
        if len(self.tiers) == 1 and not self.tiers[0].over:
            price = f"price: '{exact(self.tiers[0].price)}'"
        else:
            steps = ", ".join(f"'{exact(tier.over)}': '{exact(tier.price)}'" for tier in self.tiers)
            price = f"tiers: {{{steps}}}"
        about = f"kind: {self.kind}, effective: {self.effective.isoformat()}, source: {self.source}"
        return f"- {{usage: '{self.sku.usage}', {term}unit: {self.unit}, {price}, {about}}}"

    @property
    def key(self) -> tuple[str, str, int]:
        """Where it is in its file."""
        return self.sku.service, self.sku.usage, TERMS.index(self.sku.term)


def exact(value: Decimal) -> str:
    """Return a decimal without exponent and without needless zeros."""
    return f"{value.normalize():f}" if value else "0"


def read(text: str, region: str) -> dict[Sku, Written]:
    """Return the lines of a region's file.

    Raises:
        KcError: A line is none that could be written back.
    """
    return {line.sku: line for service, line in _lines(text, region) if isinstance(line, Written)}


def _lines(text: str, region: str) -> Iterable[tuple[str, Written | str]]:
    """Yield each line with its service, those that hold a price as such."""
    service = ""
    for number, raw in enumerate(text.splitlines(), 1):
        if match := SERVICE.fullmatch(raw):
            service = match[1]
        price = PRICE.fullmatch(raw)
        if price:
            yield service, _written(yaml.safe_load(price[1]), service, region)
        elif match or not raw.strip() or raw.startswith("#"):
            yield service, raw
        else:
            raise KcError(
                f"prices/{region}.yml, line {number}: {raw[:60]!r} is no price on one line",
                hint="write one price a line, as the others are",
            )


def _written(about: dict[str, Any], service: str, region: str) -> Written:
    """Return a line; `catalogue.catalogue` has looked whether it is right."""
    tiers = about["tiers"] if "tiers" in about else {"0": about["price"]}
    return Written(
        Sku(service, str(about["usage"]), region, about.get("term", "on_demand")),
        str(about["unit"]),
        tuple(Tier(Decimal(over), Decimal(price)) for over, price in tiers.items()),
        about["kind"],
        about["effective"],
        about["source"],
    )


def write(text: str, region: str, lines: Iterable[Written]) -> str:
    """Return a region's file with lines in the place of what it has of the same SKU; others are added where they are due."""
    new = {line.sku: line for line in lines}
    kept = [(service, new.pop(line.sku, line) if isinstance(line, Written) else line) for service, line in _lines(text, region)]
    for line in sorted(new.values(), key=lambda one: one.key):
        kept = _added(kept, line)
    return "".join(f"{line.text if isinstance(line, Written) else line}\n" for _, line in kept)


def _added(kept: list[tuple[str, Written | str]], line: Written) -> list[tuple[str, Written | str]]:
    service = line.sku.service
    if service not in {of for of, _ in kept}:
        place = next((at for at, (of, _) in enumerate(kept) if of > service), len(kept))
        return [*kept[:place], (service, f"{service}:"), (service, line), *kept[place:]]
    before = [at for at, (of, one) in enumerate(kept) if of == service and (not isinstance(one, Written) or one.key < line.key)]
    return [*kept[: before[-1] + 1], (service, line), *kept[before[-1] + 1 :]]


def dated(text: str, today: date) -> str:
    """Return sources.yml with the API asked today."""
    line = f"{SOURCE}: {{what: AWS's Price List API, date: {today.isoformat()}}}"
    if re.search(rf"^{SOURCE}: ", text, re.MULTILINE):
        return re.sub(rf"^{SOURCE}: .*$", line, text, flags=re.MULTILINE)
    return f"{text}{line}\n"


def scaled(line: Written, by: Decimal, effective: date) -> Written:
    """Return a line that is derived from another one whose price has changed."""
    tiers = tuple(Tier(tier.over, Decimal(f"{tier.price * by:.5g}")) for tier in line.tiers)
    return replace(line, tiers=tiers, effective=effective)
