"""The catalogue of prices: reviewed files, a region each, read without asking anybody."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import yaml

from ..errors import KcError
from .model import KINDS, TERMS, Price, PriceKind, Sku, Tier

HERE = Path(__file__).parent / "prices"

SOURCES, PROXIES = "sources", "proxies"
"""Files that hold no prices: where these come from, and which regions are priced by others."""

REQUIRED = {"usage", "unit", "kind", "effective", "source"}
KNOWN = REQUIRED | {"term", "price", "tiers"}

# the parser that libyaml has in C is ten times as fast; where it lacks, the estimate only takes longer
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True)
class Source:
    """Where prices come from, and when they were taken."""

    what: str
    date: date


@dataclass(frozen=True)
class Catalogue:
    """All prices, by SKU; those of `proxies` regions that have none of their own among them."""

    prices: Mapping[Sku, Price]
    sources: Mapping[str, Source]

    def price(self, sku: Sku) -> Price:
        """Return the price of a SKU.

        Raises:
            KcError: There is none; it names SKU and region.
        """
        found = self.prices.get(sku)
        if found is None:
            regions = sorted({other.region for other in self.prices if other._replace(region="") == sku._replace(region="")})
            where = f"it has one in {', '.join(regions)}: " if regions else ""
            raise KcError(
                f"the catalogue has no price for {sku}",
                hint=f"{where}add a line to {HERE.name}/{sku.region}.yml, or run playbooks/cost_refresh.yml",
            )
        return found

    def stale(self, today: date, days: int) -> list[str]:
        """Return a sentence a source whose prices were taken more than `days` days ago."""
        ages = {name: (today - about.date).days for name, about in sorted(self.sources.items())}
        return [
            f"prices of source {name} ({self.sources[name].what}) are {age} days old: run playbooks/cost_refresh.yml"
            for name, age in ages.items()
            if age > days
        ]


def catalogue(place: Path = HERE) -> Catalogue:
    """Return the catalogue of a directory.

    Raises:
        KcError: A file or a line of it is wrong; it names both.
    """
    files = {file.stem: _read(file) for file in sorted(place.glob("*.yml"))}
    sources = {name: _source(place / f"{SOURCES}.yml", name, about) for name, about in (files.pop(SOURCES, None) or {}).items()}
    proxies = files.pop(PROXIES, None) or {}
    prices: dict[Sku, Price] = {}
    for region, services in files.items():
        for price in _prices(place / f"{region}.yml", services, sources):
            if price.sku in prices:
                raise KcError(f"{place.name}/{region}.yml has two prices for {price.sku}", hint="leave one of them")
            prices[price.sku] = price
    for region, of in proxies.items():
        unknown = sorted({*of} - files.keys())
        if unknown:
            raise KcError(
                f"{place.name}/{PROXIES}.yml: {region} is priced by {unknown[0]}, which has no file", hint="add it, or name another"
            )
        prices = {**{price.sku: price for price in _proxied(prices, region, of)}, **prices}
    return Catalogue(prices, sources)


def _read(file: Path) -> Any:
    try:
        found = yaml.load(file.read_text(), Loader=LOADER)  # noqa: S506 (a safe loader, in C)
    except yaml.YAMLError as error:
        raise KcError(f"{file.parent.name}/{file.name} is no YAML: {' '.join(str(error).split())}") from None
    if not isinstance(found, Mapping):
        raise KcError(f"{file.parent.name}/{file.name} holds no mapping", hint="see docs/cost.md, The catalogue")
    return found


def _source(file: Path, name: str, about: Any) -> Source:
    if not isinstance(about, Mapping) or {*about} != {"what", "date"} or not isinstance(about["date"], date):
        raise KcError(f"{file.parent.name}/{file.name}: source {name} is {about!r}", hint="give it `what`, and a `date` as in 2026-09-25")
    return Source(str(about["what"]), about["date"])


def _prices(file: Path, services: Mapping[str, Any], sources: Mapping[str, Source]) -> Iterator[Price]:
    for service, lines in services.items():
        for line in lines or []:
            yield _price(f"{file.parent.name}/{file.name}: {service}", file.stem, service, line, sources)


def _price(where: str, region: str, service: str, line: Any, sources: Mapping[str, Source]) -> Price:
    if not isinstance(line, Mapping):
        raise KcError(f"{where}: {line!r} is no price", hint="write {usage: …, unit: …, price: …, kind: …, effective: …, source: …}")
    where = f"{where} {line.get('usage', '(no usage)')}"
    for wrong, what in ((sorted({*line} - KNOWN), "an unknown setting"), (sorted(REQUIRED - {*line}), "no")):
        if wrong:
            raise KcError(f"{where} has {what} `{wrong[0]}`", hint=f"its settings are {', '.join(sorted(KNOWN))}")
    if ("price" in line) == ("tiers" in line):
        both = "both `price` and `tiers`" if "price" in line else "neither `price` nor `tiers`"
        raise KcError(f"{where} has {both}", hint="give it one of them")
    term = line.get("term", "on_demand")
    for setting, value, allowed in (("term", term, TERMS), ("kind", line["kind"], KINDS), ("source", line["source"], tuple(sources))):
        if value not in allowed:
            raise KcError(f"{where}: `{setting}` is `{value}`", hint=f"it is one of {', '.join(allowed)}")
    if not isinstance(line["effective"], date):
        raise KcError(f"{where}: `effective` is `{line['effective']}`", hint="write a date, as in 2026-09-25")
    given = line["tiers"] if "tiers" in line else {"0": line["price"]}
    tiers = tuple(_tiers(where, given))
    source = sources[line["source"]].what
    return Price(Sku(service, str(line["usage"]), region, term), str(line["unit"]), tiers, line["kind"], line["effective"], source)


def _tiers(where: str, given: Any) -> Iterator[Tier]:
    before = Decimal(-1)
    if not isinstance(given, Mapping) or not given:
        raise KcError(f"{where}: `tiers` is {given!r}", hint="write {'0': '0.09', '10240': '0.085'}")
    for over, price in given.items():
        tier = Tier(_decimal(where, over), _decimal(where, price))
        if tier.price <= 0:
            raise KcError(
                f"{where} costs {price}", hint="nothing is free: leave out what is not charged, and begin a free allowance's tiers above it"
            )
        if tier.over <= before:
            raise KcError(f"{where}: the tier over {over} comes after that over {before}", hint="sort them")
        before = tier.over
        yield tier


def _decimal(where: str, text: Any) -> Decimal:
    """Return a decimal that is written as a text: YAML would make a binary fraction of a number."""
    if isinstance(text, str) and re.fullmatch(r"\d+(\.\d+)?", text):
        return Decimal(text)
    raise KcError(f"{where}: `{text}` is no price", hint="write decimals in quotes, as in '0.0952'")


def _proxied(prices: Mapping[Sku, Price], region: str, of: list[str]) -> Iterator[Price]:
    """Yield a region's prices: of each SKU the dearest of other regions', no surer than that one is."""
    found: dict[Sku, Price] = {}
    for sku, price in prices.items():
        if sku.region in of:
            here = sku._replace(region=region)
            if here not in found or price.tiers[0].price > found[here].tiers[0].price:
                found[here] = price
    for sku, price in found.items():
        kind: PriceKind = "assumption" if price.kind == "assumption" else "proxy"
        yield replace(price, sku=sku, kind=kind, source=f"as in {price.sku.region}: {price.source}")
