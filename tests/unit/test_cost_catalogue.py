"""The catalogue of prices: what is refused, what a region is priced by, and what the toolkit's own holds."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kc.cost.catalogue import catalogue
from kc.cost.model import Price, Sku, Tier
from kc.errors import KcError

SOURCES = "A: {what: AWS's lists, date: 2026-01-31}\nE: {what: judgement, date: 2025-01-31}\n"
LINE = "{usage: 'BoxUsage:r7g.xlarge', unit: Hrs, price: '0.25', kind: list, effective: 2026-01-31, source: A}"


def files(place: Path, prices: str = LINE, **more: str) -> Path:
    """A catalogue of one region, r1, and further files."""
    texts = {"sources": SOURCES, "r1": f"AmazonEC2:\n- {prices}\n", **more}
    for name, text in texts.items():
        (place / f"{name}.yml").write_text(text)
    return place


def test_a_price(tmp_path: Path) -> None:
    found = catalogue(files(tmp_path)).price(Sku("AmazonEC2", "BoxUsage:r7g.xlarge", "r1"))
    assert (found.unit, found.kind, found.effective, found.source) == ("Hrs", "list", date(2026, 1, 31), "AWS's lists")
    assert found.amount(Decimal(730)) == Decimal("182.50")


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("price: '0.25'", "price: '0'", "r1.yml: AmazonEC2 BoxUsage:r7g.xlarge costs 0. Nothing is free"),
        ("price: '0.25'", "price: '0.00'", "costs 0.00"),
        ("price: '0.25'", "price: 0.25", "`0.25` is no price. Write decimals in quotes"),
        ("price: '0.25'", "price: '-1'", "`-1` is no price"),
        ("price: '0.25'", "price: '1e2'", "`1e2` is no price"),
        ("price: '0.25', ", "", "has neither `price` nor `tiers`"),
        ("price: '0.25'", "price: '0.25', tiers: {'0': '1'}", "has both `price` and `tiers`"),
        ("price: '0.25'", "tiers: {}", "`tiers` is {}"),
        ("price: '0.25'", "tiers: {'10': '1', '5': '2'}", "the tier over 5 comes after that over 10"),
        ("price: '0.25'", "tiers: {'0': '1', '5': '0'}", "costs 0"),
        ("unit: Hrs", "unit: Hrs, currency: EUR", "has an unknown setting `currency`"),
        ("unit: Hrs, ", "", "has no `unit`"),
        ("kind: list", "kind: guess", "`kind` is `guess`. It is one of list, proxy, assumption"),
        ("source: A", "source: Z", "`source` is `Z`. It is one of A, E"),
        ("unit: Hrs", "unit: Hrs, term: lease", "`term` is `lease`"),
        ("effective: 2026-01-31", "effective: soon", "`effective` is `soon`. Write a date"),
        (LINE, f"{LINE}\n- {LINE}", "r1.yml has two prices for AmazonEC2 BoxUsage:r7g.xlarge in r1. Leave one of them"),
        (LINE, "a text", "'a text' is no price"),
        (LINE, "{usage: [", "r1.yml is no YAML"),
    ],
)
def test_what_is_refused(tmp_path: Path, old: str, new: str, says: str) -> None:
    with pytest.raises(KcError) as error:
        catalogue(files(tmp_path, LINE.replace(old, new)))
    assert says in str(error.value)
    assert "r1.yml" in str(error.value)


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("sources", "A: soon\n", "sources.yml: source A is 'soon'"),
        ("sources", "A: {what: lists, date: yesterday}\n", "source A is"),
        ("proxies", "r2: [r9]\n", "proxies.yml: r2 is priced by r9, which has no file"),
        ("r3", "- 1\n", "r3.yml holds no mapping"),
    ],
)
def test_what_is_refused_of_other_files(tmp_path: Path, name: str, text: str, says: str) -> None:
    with pytest.raises(KcError, match=says.replace("(", r"\(")):
        catalogue(files(tmp_path, **{name: text}))


def test_a_missing_price_names_sku_and_region(tmp_path: Path) -> None:
    found = catalogue(files(tmp_path))
    with pytest.raises(KcError) as error:
        found.price(Sku("AmazonEC2", "BoxUsage:r7g.xlarge", "r2", "reserved"))
    assert "no price for AmazonEC2 BoxUsage:r7g.xlarge (reserved) in r2" in str(error.value)
    with pytest.raises(KcError, match=r"in r2\. It has one in r1: add a line to .*/r2\.yml"):
        found.price(Sku("AmazonEC2", "BoxUsage:r7g.xlarge", "r2"))


PROXIES = """\
AmazonEC2:
- {usage: both, unit: Hrs, price: '0.30', kind: list, effective: 2026-01-31, source: A}
- {usage: alone, unit: Hrs, price: '0.10', kind: list, effective: 2026-01-31, source: A}
- {usage: own, unit: Hrs, price: '0.10', kind: list, effective: 2026-01-31, source: A}
- {usage: guessed, unit: Hrs, price: '0.50', kind: assumption, effective: 2026-01-31, source: E}
"""


@pytest.mark.parametrize(
    ("usage", "price", "kind", "source"),
    [
        ("both", "0.40", "proxy", "as in r5: AWS's lists"),
        ("alone", "0.10", "proxy", "as in r4: AWS's lists"),
        ("own", "0.05", "list", "AWS's lists"),
        ("guessed", "0.50", "assumption", "as in r4: judgement"),
    ],
    ids=["the dearest of both", "what only one has", "its own comes first", "no surer than what it is taken from"],
)
def test_a_region_priced_by_others(tmp_path: Path, usage: str, price: str, kind: str, source: str) -> None:
    other = "AmazonEC2:\n- {usage: both, unit: Hrs, price: '0.40', kind: list, effective: 2026-01-31, source: A}\n"
    own = "AmazonEC2:\n- {usage: own, unit: Hrs, price: '0.05', kind: list, effective: 2026-01-31, source: A}\n"
    found = catalogue(files(tmp_path, r4=PROXIES, r5=other, r6=own, proxies="r6: [r4, r5]\n")).price(Sku("AmazonEC2", usage, "r6"))
    assert (found.tiers[0].price, found.kind, found.source) == (Decimal(price), kind, source)


def test_old_prices_are_told(tmp_path: Path) -> None:
    found = catalogue(files(tmp_path))
    assert found.stale(date(2026, 2, 1), 400) == []
    assert found.stale(date(2026, 3, 31), 400) == ["prices of source E (judgement) are 424 days old: run playbooks/cost_refresh.yml"]
    assert len(found.stale(date(2028, 1, 1), 400)) == 2


TIERS = (Tier(Decimal(1024), Decimal("0.11")), Tier(Decimal(10240), Decimal("0.105")), Tier(Decimal(51200), Decimal("0.09")))


@pytest.mark.parametrize(
    ("gb", "dollars"),
    [
        ("0", "0"),
        ("1024", "0"),
        ("1025", "0.11"),
        ("10240", "1013.76"),  # 9,216 * 0.11
        ("15000", "1513.56"),  # 1,013.76 + 4,760 * 0.105
        ("60000", "6106.56"),  # 1,013.76 + 40,960 * 0.105 + 8,800 * 0.09
    ],
)
def test_tiers(gb: str, dollars: str) -> None:
    price = Price(Sku("AmazonCloudFront", "out", "r1"), "GB", TIERS, "list", date(2026, 1, 31), "AWS's lists")
    assert price.amount(Decimal(gb)) == Decimal(dollars)


@given(st.integers(0, 10**6), st.integers(0, 10**6))
def test_more_never_costs_less(some: int, more: int) -> None:
    price = Price(Sku("AmazonCloudFront", "out", "r1"), "GB", TIERS, "list", date(2026, 1, 31), "AWS's lists")
    assert price.amount(Decimal(some)) <= price.amount(Decimal(some + more))


def test_the_toolkits_own_catalogue() -> None:
    found = catalogue()
    assert all(tier.price > 0 for price in found.prices.values() for tier in price.tiers)
    assert all(price.source and price.effective for price in found.prices.values())
    new = [price for price in found.prices.values() if price.sku.region == "me-west-1"]
    assert new and "list" not in {price.kind for price in new}, "AWS publishes no price of me-west-1"
    neighbours = ("me-south-1", "me-central-1")
    for price in new:
        theirs = [other for region in neighbours if (other := found.prices.get(price.sku._replace(region=region)))]
        assert price.tiers[0].price == max(one.tiers[0].price for one in theirs), price.sku


def test_the_reserved_is_cheaper_than_the_hour() -> None:
    found = catalogue()
    for sku, price in found.prices.items():
        if sku.term != "on_demand":
            assert price.tiers[0].price < found.price(sku._replace(term="on_demand")).tiers[0].price, sku
