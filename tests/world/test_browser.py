"""The front-ends in a real browser: over TLS, under the edge's headers, with the API behind them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, expect

from .chromium import Visit, chromium, mapped
from .workloads import DOMAIN, Door, Front

pytestmark = [pytest.mark.world, pytest.mark.xdist_group("world")]


@pytest.fixture
def browser(front: Front, tmp_path: Path) -> Iterator[BrowserContext]:
    """A browser that finds the platform at the front."""
    with chromium(tmp_path / "browser", front.ca, mapped(DOMAIN, front.address)) as context:
        yield context


@pytest.fixture
def served(front: Front, start: Callable[..., Any], until: Callable[..., Any]) -> Iterator[Callable[..., None]]:
    """Return a function that leads the front to the front-ends, and to an API in a region."""
    with ExitStack() as stack:

        def door(application: str, **environment: str) -> int:
            found = Door(start(application, **environment))
            stack.callback(found.close)
            return found.port

        doors = {"app": door("react-spa"), "learn": door("svelte-spa")}

        def serve(region: str) -> None:
            """Serve the API from a region; from none with "" (nothing listens on port 1)."""
            doors["api"] = door("php-api", APP_REGION=region) if region else 1
            front.serve(doors, until)

        yield serve


def visit(browser: BrowserContext, host: str) -> Visit:
    return Visit(browser, f"https://{host}.{DOMAIN}/")


HOSTS = {"app": "react-spa", "learn": "svelte-spa"}


@pytest.mark.parametrize("host", HOSTS)
def test_a_front_end_shows_the_courses_and_their_region(host: str, browser: BrowserContext, served: Callable[..., None]) -> None:
    served("me-west-1")
    visited = visit(browser, host)
    expect(visited.page.get_by_role("button", name="Enrol in")).to_have_count(9)
    expect(visited.page.locator("[data-region=me-west-1]")).to_have_text("Served from Saudi Arabia me-west-1")
    assert visited.page.evaluate("document.fonts.ready.then(() => document.fonts.check('16px Inter'))"), "its own font is loaded"
    visited.shoot(HOSTS[host])
    # enrolments need a database, which is told when there is none: by status 503, which browsers note as an error
    assert {problem.partition(" the server responded")[2] for problem in visited.problems} <= {
        " with a status of 503 (Service Unavailable)"
    }


@pytest.mark.parametrize("host", HOSTS)
def test_who_enrols_without_a_database_is_visited_why(host: str, browser: BrowserContext, served: Callable[..., None]) -> None:
    served("me-west-1")
    page = visit(browser, host).page
    page.get_by_role("button", name="Enrol in Cloud Foundations").click()
    expect(page.get_by_role("alert")).to_have_text("Enrolments are kept in a database, and this region has none yet.")
    expect(page.get_by_role("button", name="Enrol in Cloud Foundations")).to_be_enabled()


@pytest.mark.parametrize("host", HOSTS)
def test_what_could_not_be_loaded_is_loaded_again(host: str, browser: BrowserContext, served: Callable[..., None]) -> None:
    served("")
    visited = visit(browser, host)
    expect(visited.page.get_by_role("alert")).to_contain_text("could not be loaded")
    visited.shoot(f"{HOSTS[host]}-failure")
    served("eu-central-1")
    visited.page.get_by_role("button", name="Try again").click()
    expect(visited.page.locator("[data-region=eu-central-1]")).to_have_text("Served from Frankfurt eu-central-1")
    expect(visited.page.get_by_role("button", name="Enrol in")).to_have_count(9)


def test_courses_are_searched_and_filtered(browser: BrowserContext, served: Callable[..., None]) -> None:
    served("me-west-1")
    visited = visit(browser, "app")
    cards = visited.page.get_by_role("button", name="Enrol in")
    visited.page.get_by_role("button", name="Leadership").click()
    expect(cards).to_have_count(2)
    visited.page.get_by_role("searchbox").fill("manager")
    expect(cards).to_have_count(1)
    expect(visited.page.get_by_text("1 course", exact=True)).to_be_visible()
    visited.page.get_by_role("searchbox").fill("cooking")
    expect(visited.page.get_by_text("No course matches.")).to_be_visible()


@pytest.mark.parametrize("host", HOSTS)
def test_it_fits_a_phone_and_a_keyboard(host: str, browser: BrowserContext, served: Callable[..., None]) -> None:
    served("me-west-1")
    visited = visit(browser, host)
    visited.page.set_viewport_size({"width": 390, "height": 844})
    expect(visited.page.get_by_role("button", name="Enrol in")).to_have_count(9)
    assert visited.page.evaluate("document.documentElement.scrollWidth") <= 390, "nothing is cut off at the side"
    visited.shoot(f"{HOSTS[host]}-phone")
    visited.page.keyboard.press("Tab")
    expect(visited.page.get_by_role("link", name="Skip to the courses")).to_be_focused()
