"""The catalogue brought up to what the AWS Price List API says today: read everything, compare, and only then write."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from ..aws.session import Aws
from ..errors import KcError
from . import refresh_files as files
from .catalogue import HERE, PROXIES, SOURCES, Catalogue, catalogue
from .model import TERMS, Sku, Tier
from .refresh_files import SOURCE, Written
from .refresh_rows import Found, Row, find, row
from .refresh_rules import Asked, Query, asked

ENDPOINTS = ("us-east-1", "eu-central-1", "ap-south-1")
"""The regions that have the API; each has the prices of all."""

DERIVED = "R"
"""The key in sources.yml of what is a share of the on-demand price."""

FACTOR = Decimal(2)
"""By how much a price may go up or down before somebody has to look: AWS may count in another unit than the catalogue."""


@dataclass
class Refreshed:
    """What the API says of the catalogue.

    Attributes:
        files: Texts of files that differ, by name; before and after.
        prices: `{sku, before, after}` a price that changed, SKU and prices in words.
        added: SKUs that had another region's price.
        confirmed: How many prices are as they were.
        missing: SKUs that AWS has no price for.
        doubtful: `{sku, before, after}` that differ too much, and are left.
        unasked: SKUs that the API has no price of.
    """

    files: dict[str, tuple[str, str]] = field(default_factory=dict)
    prices: list[dict[str, str]] = field(default_factory=list)
    added: list[str] = field(default_factory=list)
    confirmed: int = 0
    missing: list[str] = field(default_factory=list)
    doubtful: list[dict[str, str]] = field(default_factory=list)
    unasked: list[str] = field(default_factory=list)


def refresh(aws: Aws, today: date, *, place: Path = HERE, factor: Decimal = FACTOR) -> Refreshed:
    """Return what is to be written; nothing is.

    Args:
        aws: A view of one of `ENDPOINTS`.
        today: The date that prices get as that of their source.
        place: The catalogue's directory.
        factor: By how much a price may change.

    Raises:
        KcError: The catalogue is wrong; AWS can't be asked; or a SKU has two prices or one of zero. It names SKU and region.
    """
    known = catalogue(place)
    texts = {file.name: file.read_text() for file in sorted(place.glob("*.yml"))}
    lines: dict[Sku, Written] = {}
    for name, text in texts.items():
        if name not in (f"{SOURCES}.yml", f"{PROXIES}.yml"):
            lines |= files.read(text, name.removesuffix(".yml"))
    wanted = [one for sku in sorted(known.prices) if (one := asked(sku))]
    result = Refreshed(unasked=sorted(str(sku) for sku in lines if not asked(sku)))
    fresh = list(_fresh(_answers(aws, wanted), known, lines, result, factor))
    by_region: dict[str, list[Written]] = {}
    for line in fresh:
        by_region.setdefault(line.sku.region, []).append(line)
    after = {f"{region}.yml": files.write(texts.get(f"{region}.yml", ""), region, some) for region, some in sorted(by_region.items())}
    if fresh:
        after[f"{SOURCES}.yml"] = files.dated(texts[f"{SOURCES}.yml"], today)
    result.files = {name: (texts.get(name, ""), text) for name, text in after.items() if texts.get(name) != text}
    return result


def write(refreshed: Refreshed, place: Path = HERE) -> None:
    """Write what differs, for somebody to review and commit."""
    for name, (_, text) in refreshed.files.items():
        (place / name).write_text(text)


def _answers(aws: Aws, wanted: Iterable[Asked]) -> dict[Sku, Found | None]:
    """Return each SKU's price, of all that are wrong together what is."""
    todo = list(wanted)
    rows: dict[Query, list[Row]] = {}
    found: dict[Sku, Found | None] = {}
    wrong: list[str] = []
    for turn in range(max((len(one.queries) for one in todo), default=0)):
        left = [one for one in todo if turn < len(one.queries) and found.get(one.sku) is None]
        queries = list(dict.fromkeys(one.queries[turn] for one in left if one.queries[turn] not in rows))
        rows |= zip(queries, aws.map(lambda query: _ask(aws, query), queries), strict=True)
        for one in left:
            try:
                found[one.sku] = find(one, rows[one.queries[turn]])
            except KcError as error:
                wrong.append(str(error))
    if wrong:
        raise KcError(f"{len(wrong)} prices can't be taken over, and nothing was written: {' '.join(wrong)}".rstrip("."))
    return found


def _ask(aws: Aws, query: Query) -> list[Row]:
    filters = [{"Type": "TERM_MATCH", "Field": name, "Value": value} for name, value in query.filters]
    about: dict[str, Any] = {"ServiceCode": query.service, "Filters": filters, "FormatVersion": "aws_v1", "MaxResults": 100}
    return [row(text) for text in aws.pages("pricing", "get_products", "PriceList", **about)]


def _fresh(
    answers: Mapping[Sku, Found | None], known: Catalogue, lines: Mapping[Sku, Written], result: Refreshed, factor: Decimal
) -> Iterator[Written]:
    """Yield the lines that are to be written, and note in `result` what was found."""
    for sku, found in sorted(answers.items()):
        line, price = lines.get(sku), known.prices[sku]
        if found is None:
            if line:
                result.missing.append(str(sku))
            continue
        before, after = price.tiers[0].price, found.tiers[0].price
        change = {"sku": str(sku), "before": _words(price.tiers, price.unit), "after": _words(found.tiers, found.unit)}
        if not 1 / factor <= after / before <= factor:
            result.doubtful.append(change)
            continue
        if line is None:
            result.added.append(str(sku))
        elif line.tiers == found.tiers:
            result.confirmed += 1
        else:
            result.prices.append(change)
        yield Written(sku, price.unit, found.tiers, "list", found.effective, SOURCE)
        if line and before != after:
            yield from _derived(sku, after / before, found, answers, lines)


def _derived(sku: Sku, by: Decimal, found: Found, answers: Mapping[Sku, Found | None], lines: Mapping[Sku, Written]) -> Iterator[Written]:
    """Yield the lines that are a share of an on-demand price, and that AWS has not told by themselves."""
    for term in TERMS[1:]:
        line = lines.get(sku._replace(term=term))
        if sku.term == "on_demand" and line and line.source == DERIVED and answers.get(line.sku) is None:
            yield files.scaled(line, by, found.effective)


def _words(tiers: Iterable[Tier], unit: str) -> str:
    """Return a price in words."""
    steps = [f"{files.exact(tier.price)}{f' above {files.exact(tier.over)}' if tier.over else ''}" for tier in tiers]
    return f"{', '.join(steps)} USD/{unit}"
