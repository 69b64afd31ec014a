"""The page of an estimate: what it says, before any browser shows it (tests/browser has one)."""

from __future__ import annotations

import re
from decimal import Decimal
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kc.cost.chart import COLOURS, WIDTH, Palette, stacks
from kc.cost.commitments import advised, demands
from kc.cost.model import Price, Sku
from kc.cost.page import page

from tests.estimates import HOME, NODE, OTHER, STEADY, Row, price, sample


class Texts(HTMLParser):
    """The texts of a page's elements, and its tags' attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.rows: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag == "tr":
            self.rows.append("")

    def handle_data(self, data: str) -> None:
        if self.rows:
            self.rows[-1] += data


def catalogue() -> dict[Sku, Price]:
    """Return prices of all that the sample runs: reserved at .66 and .70, a plan at .70 and .80 of on demand, Spot at .30."""
    made: list[Price] = []
    for row in STEADY:
        known = [("on_demand", "1")]
        known += {
            "AmazonEC2": [("reserved", "0.66"), ("savings_plan", "0.7"), ("spot", "0.3")],
            "AmazonRDS": [("reserved", "0.7")],
            "AmazonECS": [("savings_plan", "0.8"), ("spot", "0.3")],
        }.get(row.service, [])
        made += [price(row._replace(term=term, price=str(Decimal(row.price) * Decimal(share)))) for term, share in known]  # type: ignore[arg-type]
    return {one.sku: one for one in made}


def test_every_line_is_there_with_where_it_comes_from() -> None:
    estimate = sample()
    rows = Texts(page(estimate)).rows
    for about in estimate["scenarios"].values():
        for line in about["lines"]:
            amount = f"${Decimal(line['amount']['expected']):,.2f}"
            told = (
                line["usage"],
                line["region"],
                line["component"],
                line["client"],
                amount,
                line["kind"],
                line["effective"],
                line["source"],
            )
            assert any(all(word in row for word in told) for row in rows), line


def test_it_needs_nothing_else_and_can_fetch_nothing() -> None:
    tags = Texts(page(sample())).tags
    assert not {tag for tag, _ in tags} & {"script", "link", "img", "iframe", "object", "embed", "base", "form"}
    assert not {name for _, attributes in tags for name in attributes} & {"src", "href", "srcset", "action", "style"}
    assert ("meta", {"http-equiv": "Content-Security-Policy", "content": "default-src 'none'; style-src 'unsafe-inline'"}) in tags
    assert not re.search(r"url\(|@import", page(sample()))


def test_what_somebody_wrote_stays_text() -> None:
    wicked = """</td><script>alert("1")</script>&'"""
    estimate = sample(what=wicked)
    estimate["environment"] = wicked
    estimate["catalogue"]["stale"] = [wicked]
    made = Texts(page(estimate))
    assert "script" not in {tag for tag, _ in made.tags}
    assert any(wicked in row for row in made.rows)


@pytest.mark.parametrize(
    ("budget", "said"),
    [("16000", "It fits"), ("5000", "Over budget by $2,711 at most")],  # the upper bound of steady is 7,711.60
)
def test_whether_it_fits_is_said_first(budget: str, said: str) -> None:
    text = re.sub(r"<[^>]*>", "", page(sample(budget)).partition("<body>")[2])
    assert said in " ".join(text.partition("Scenarios")[0].split())


def test_what_is_stale_is_said() -> None:
    estimate = sample()
    estimate["catalogue"]["stale"] = ["prices of source D are 1978 days old"]
    assert "Stale: prices of source D are 1978 days old" in page(estimate)


def test_advice_is_down_to_the_purchase() -> None:
    """Nodes of the home region and tasks go under a plan; the database is reserved, since no plan covers it."""
    estimate = sample()
    estimate["advice"] = advised(estimate, catalogue())
    bought = estimate["advice"]["purchases"]
    assert [(one["sku"], one["region"], one["count"], one["hourly"], one["month"]) for one in bought] == [
        ("db.r6g.2xlarge", HOME, 1, "1.4", "1022.00"),
        ("r7g.2xlarge", OTHER, 1, "0.33", "240.90"),
        # steady wants 4 x .35 + 28 x .04 = 2.52; in failover 3 x .35 of nodes and 28 x .04 of tasks are there
        ("Compute Savings Plan", "any region", 1, "2.17", "1584.10"),
    ]
    rows = Texts(page(estimate)).rows
    for one in bought:
        assert any(one["offering"] in row and f"${one['hourly']}" in row for row in rows)


def test_a_page_without_advice_has_none() -> None:
    assert "What to commit to" not in page(sample())


def test_only_what_runs_every_hour_is_committed_to() -> None:
    """A stranded reservation runs nothing, and tasks count by their lowest number."""
    found = {(one.sku, one.region): one.running for one in demands(sample(), catalogue())}
    assert found["r7g.2xlarge", HOME] == {"steady": 4, "peak": 4, "failover": 0, "active_active": 4}
    assert found["Fargate-ARM-vCPU-Hours:perCPU", OTHER] == {"steady": 8, "peak": 8, "failover": 28, "active_active": 36}
    assert len(found) == 5, "neither transfer nor queries"


@pytest.mark.parametrize(
    ("usage", "named"),
    [
        ("Multi-AZUsage:db.r6g.2xl", "db.r6g.2xlarge Multi-AZ"),
        ("InstanceUsage:db.m6g.xl", "db.m6g.xlarge"),
        ("InstanceUsage:db.m6g.large", "db.m6g.large"),
    ],
)
def test_a_database_is_named_by_its_class(usage: str, named: str) -> None:
    line = {"service": "AmazonRDS", "usage": usage, "region": HOME, "term": "on_demand", "stranded": False, "quantity": {"low": "730"}}
    known = price(Row("AmazonRDS", usage, HOME, "1", (0, 0, 0), "mysql"))
    (found,) = demands({"scenarios": {"steady": {"lines": [line]}}}, {known.sku: known})
    assert found.name == f"{named} in {HOME}"


amounts = st.integers(0, 10**7).map(lambda cents: Decimal(cents) / 100)
rows_of = st.dictionaries(st.text("abcdefghijklm", min_size=1, max_size=3), amounts, max_size=12)


@given(st.dictionaries(st.sampled_from([HOME, OTHER, "eu-west-1"]), rows_of, min_size=1))
def test_bars_are_as_long_as_what_they_stand_for(parts: dict[str, dict[str, Decimal]]) -> None:
    """Pieces lie side by side, fit the chart, and have the lengths that their amounts have to each other."""
    sums = {name: sum(some.values(), Decimal(0)) for name, some in parts.items()}
    bounds: dict[str, Any] = {name: {"low": str(of), "expected": str(of), "upper": str(of)} for name, of in sums.items()}
    palette = Palette.of(sorted({name for some in parts.values() for name in some}))
    made = stacks("By region", parts, bounds, palette)
    most = max(sums.values())
    for bar in made.bars:
        at = 0.0
        for piece in bar.pieces:
            assert piece.at == pytest.approx(at, abs=1)
            assert piece.width == pytest.approx(float(WIDTH * piece.amount / most), abs=0.1)
            assert 1 <= piece.colour <= COLOURS
            at += piece.width
        assert bar.upper == pytest.approx(at, abs=1)
        assert bar.upper <= WIDTH
        assert sum(piece.amount for piece in bar.pieces) == sums[bar.name]


def test_what_is_too_much_for_the_palette_has_one_colour() -> None:
    names = [f"service-{n}" for n in range(11)]
    palette = Palette.of(names)
    assert [palette.colour(name) for name in names] == [1, 2, 3, 4, 5, 6, 7, 8, 8, 8, 8]
    assert palette.legend[-1] == (8, "4 others")
    assert Palette.of(names[:8]).legend[-1] == (8, "service-7")


def test_nodes_that_cost_nothing_make_no_chart_fail() -> None:
    estimate = sample()
    for about in estimate["scenarios"].values():
        about["by_client"] = {"others": {part: {"low": "0", "expected": "0", "upper": "0"} for part in ("own", "shared", "total")}}
    assert NODE in page(estimate)
