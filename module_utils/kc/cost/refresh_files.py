"""Files of the catalogue, a price a line: lines are replaced and added, everything else stays as a reviewer has left it. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
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
PRICE = re.compile(r"( *)- (\{.*\})", re.DOTALL)
INDENT, LONGEST = "  ", 170
"""How a line begins, and what yamllint takes of one."""


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

    def text(self, indent: str = INDENT) -> str:
        """Return it as a line; as two where one is too long."""
        term = f"term: {self.sku.term}, " if self.sku.term != "on_demand" else ""
        if len(self.tiers) == 1 and not self.tiers[0].over:
            price = f"price: '{exact(self.tiers[0].price)}'"
        else:
            steps = ", ".join(f"'{exact(tier.over)}': '{exact(tier.price)}'" for tier in self.tiers)
            price = f"tiers: {{{steps}}}"
        what = f"{indent}- {{usage: '{self.sku.usage}', {term}unit: {self.unit}, {price},"
        about = f"kind: {self.kind}, effective: {self.effective.isoformat()}, source: {self.source}}}"
        return f"{what} {about}" if len(what) + 1 + len(about) <= LONGEST else f"{what}\n{indent}   {about}"

    @property
    def key(self) -> tuple[str, str, int]:
        """Where it is in its file."""
        return self.sku.service, self.sku.usage, TERMS.index(self.sku.term)


def exact(value: Decimal) -> str:
    """Return a decimal without exponent and without needless zeros."""
    return f"{value.normalize():f}" if value else "0"


@dataclass(frozen=True)
class _Part:
    """What stands in a file: a price, or something else (`line` is None)."""

    service: str
    text: str
    line: Written | None = None


def read(text: str, region: str) -> dict[Sku, Written]:
    """Return the lines of a region's file.

    Raises:
        KcError: A line is none that could be written back.
    """
    return {part.line.sku: part.line for part in _parts(text, region) if part.line}


def _parts(text: str, region: str) -> Iterator[_Part]:
    """Yield what stands in a file, each with its service."""
    service, begun = "", ""
    for number, raw in enumerate(text.splitlines(), 1):
        begun = f"{begun}\n{raw}" if begun else raw
        if match := SERVICE.fullmatch(begun):
            service = match[1]
            yield _Part(service, begun)
        elif match := PRICE.fullmatch(begun):
            yield _Part(service, begun, _written(yaml.safe_load(match[2]), service, region))
        elif not begun.strip() or begun.startswith("#"):
            yield _Part(service, begun)
        elif begun.lstrip().startswith("- {") and begun.count("\n") < 3:
            continue  # its end is on a later line
        else:
            raise KcError(f"prices/{region}.yml, line {number}: {raw[:60]!r} is no price in braces", hint="write it as the others are")
        begun = ""
    if begun:
        raise KcError(f"prices/{region}.yml ends within a price", hint="close its braces")


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
    parts = list(_parts(text, region))
    indent = next((part.text[: len(part.text) - len(part.text.lstrip())] for part in parts if part.line), INDENT)
    for at, part in enumerate(parts):
        fresh = new.pop(part.line.sku, None) if part.line else None
        if fresh and fresh != part.line:
            parts[at] = _Part(part.service, fresh.text(indent), fresh)
    for line in sorted(new.values(), key=lambda one: one.key):
        parts = _added(parts, _Part(line.sku.service, line.text(indent), line))
    return "".join(f"{part.text}\n" for part in parts)


def _added(parts: list[_Part], new: _Part) -> list[_Part]:
    assert new.line  # noqa: S101 - it holds a price
    if new.service not in {part.service for part in parts}:
        place = next((at for at, part in enumerate(parts) if part.service > new.service), len(parts))
        return [*parts[:place], _Part(new.service, f"{new.service}:"), new, *parts[place:]]
    before = [at for at, part in enumerate(parts) if part.service == new.service and (part.line is None or part.line.key < new.line.key)]
    return [*parts[: before[-1] + 1], new, *parts[before[-1] + 1 :]]


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
