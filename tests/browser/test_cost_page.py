"""The page of an estimate in Chromium, from a file, as somebody opens it who was sent it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from kc.cost.page import page
from playwright.sync_api import BrowserContext, Page, expect

from tests.estimates import sample
from tests.integration.test_cost import cost
from tests.media.pages import faint, unnamed
from tests.world.chromium import Visit, chromium

pytestmark = pytest.mark.xdist_group("cost")

ESTIMATE = sample()
SCENARIOS = {"Steady": "steady", "Peak month": "peak", "Failover": "failover", "Active-active": "active_active"}


@pytest.fixture(scope="module")
def profile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BrowserContext]:
    with chromium(tmp_path_factory.mktemp("browser"), None) as context:
        yield context


@pytest.fixture
def opened(profile: BrowserContext, tmp_path: Path) -> Iterator[Visit]:
    """The page; what it asks for besides itself, and what the browser complains of, fails the test."""
    file = tmp_path / "cost.html"
    file.write_text(page(ESTIMATE))
    asked: list[str] = []
    profile.on("request", lambda request: asked.append(request.url))
    visit = Visit(profile, file.as_uri())
    yield visit
    assert asked == [file.as_uri()]
    assert visit.problems == []
    visit.page.close()


def shown(page: Page) -> list[str]:
    """Return the titles of the scenarios that are shown."""
    return [one.inner_text() for one in page.locator("section > h2").all() if one.is_visible()]


def test_a_scenario_is_chosen_by_keyboard_and_shown_alone(opened: Visit) -> None:
    assert shown(opened.page) == ["Steady"]
    opened.page.get_by_role("radio", name="Steady").focus()
    for title in ("Peak month", "Failover", "Active-active"):
        opened.page.keyboard.press("ArrowDown")
        expect(opened.page.get_by_role("radio", name=title)).to_be_checked()
        assert shown(opened.page) == [title]
    opened.page.emulate_media(media="print")
    assert shown(opened.page) == [*SCENARIOS], "paper shows all"


@pytest.mark.parametrize("title", SCENARIOS)
def test_charts_show_the_figures(opened: Visit, title: str) -> None:
    """Each table has the sums of the estimate, and bars are as long as these."""
    opened.page.get_by_role("radio", name=title).check()
    about = ESTIMATE["scenarios"][SCENARIOS[title]]
    for caption, by in (
        ("By service", "by_service"),
        ("By region", "by_region"),
        ("By client", "by_client"),
        ("By kind of price", "by_kind"),
    ):
        table = opened.page.get_by_role("table", name=caption)
        lengths = {}
        for name, amount in about[by].items():
            expected = Decimal(amount.get("total", amount)["expected"])
            row = table.get_by_role("row").filter(has=opened.page.get_by_role("rowheader", name=name, exact=True))
            expect(row.get_by_role("cell").first).to_contain_text(f"${expected:,.2f}")
            picture = row.get_by_role("img", name=f"{name}: ${expected:,.2f}")
            wide = picture.evaluate(
                "svg => [...svg.querySelectorAll('rect')].reduce((sum, one) => sum + one.getBoundingClientRect().width, 0)"
            )
            lengths[name] = wide / float(expected)
        big = [length for name, length in lengths.items() if Decimal(about[by][name].get("total", about[by][name])["expected"]) > 100]
        assert max(big) == pytest.approx(min(big), rel=0.02), f"{caption}: {lengths} pixels a dollar"


def test_the_budget_is_drawn_where_it_is(opened: Visit) -> None:
    """In the sample it is beyond every bar, and so at the right edge."""
    row = opened.page.get_by_role("table", name="By scenario").get_by_role("img").first
    at = row.evaluate(
        "svg => { const [all, line] = [svg, svg.querySelector('.limit')].map((one) => one.getBoundingClientRect()); return (line.x - all.x) / all.width }"
    )
    assert at == pytest.approx(1, abs=0.01)


def test_a_line_is_found_with_its_source(opened: Visit) -> None:
    opened.page.get_by_text("AmazonRDS: $1,460.00 in 1 line").first.click()
    row = opened.page.get_by_role("row").filter(has_text="Multi-AZUsage:db.r6g.2xl")
    for text in ("me-west-1", "730 Hrs", "$2", "$1,460.00", "proxy, 2026-09-25", "a price that was made up for tests"):
        expect(row).to_contain_text(text)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_can_be_read_in_light_and_in_dark(opened: Visit, scheme: str) -> None:
    """Texts have 4.5 to 1, and bars 3 to 1 against what is behind them (WCAG 2.2, 1.4.3 and 1.4.11)."""
    opened.page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    back = opened.page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (back == "rgb(255, 255, 255)") is (scheme == "light")
    for one in opened.page.locator("details").all():
        one.evaluate("details => details.open = true")
    assert faint(opened.page) == []
    assert pale(opened.page) == []


def pale(page: Page) -> list[str]:
    """Return the colours of bars that can hardly be told from what they lie on."""
    return list(
        page.evaluate(
            """() => {
                const light = (text) => text.match(/[\\d.]+/g).slice(0, 3).map((each) => each / 255)
                    .map((each) => (each <= 0.04045 ? each / 12.92 : ((each + 0.055) / 1.055) ** 2.4))
                    .reduce((sum, each, n) => sum + each * [0.2126, 0.7152, 0.0722][n], 0);
                const lane = getComputedStyle(document.querySelector("td.bar svg")).backgroundColor;
                return [1, 2, 3, 4, 5, 6, 7, 8].map((n) => {
                    const bar = document.createElementNS("http://www.w3.org/2000/svg", "rect");
                    bar.setAttribute("class", `c${n}`);
                    document.querySelector("td.bar svg").append(bar);
                    return getComputedStyle(bar).fill;
                }).filter((fill) => {
                    const [one, other] = [light(fill), light(lane)];
                    return (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05) < 3;
                });
            }"""
        )
    )


def test_it_fits_a_phone_and_a_screen_reader(opened: Visit) -> None:
    opened.page.set_viewport_size({"width": 320, "height": 640})
    assert opened.page.evaluate("document.documentElement.scrollWidth") <= 320, "only tables scroll sideways"
    assert list(unnamed(opened.page)) == []
    assert opened.page.get_by_role("img").count() == opened.page.locator("td.bar svg:visible").count(), "every bar has words"


def test_the_page_of_production(profile: BrowserContext, tmp_path: Path) -> None:
    """As playbooks/cost.yml makes it of the inventory; it is what docs/images/cost.png shows."""
    done = cost("production", tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    estimate = json.loads((tmp_path / "cost-production.json").read_text())
    visit = Visit(profile, (tmp_path / "cost-production.html").as_uri())
    for title, name in SCENARIOS.items():
        row = visit.page.get_by_role("table", name="By scenario").get_by_role("row").filter(has_text=title)
        expect(row).to_contain_text(f"${Decimal(estimate['scenarios'][name]['counted']['expected']):,.2f}")
    shown = visit.page.locator("section:visible details")
    assert shown.count() == len(estimate["scenarios"]["steady"]["by_service"])
    lines = sum(details.locator("tbody tr").count() for details in shown.all())
    assert lines == len(estimate["scenarios"]["steady"]["lines"]), "every line is there"
    for purchase in estimate["advice"]["purchases"]:
        expect(visit.page.get_by_role("table", name="The purchases")).to_contain_text(purchase["offering"])
    assert visit.problems == []
    visit.page.set_viewport_size({"width": 1280, "height": 940})
    visit.shoot("cost")
