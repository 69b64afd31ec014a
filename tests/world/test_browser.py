"""The front-ends in a real browser: over TLS, under the edge's headers, with the API behind them."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, expect, sync_playwright

from .workloads import DOMAIN, Door, Front, need

pytestmark = [pytest.mark.world, pytest.mark.xdist_group("world")]

FLAGS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync"),
)
SHOTS = os.environ.get("KC_SCREENSHOTS", "")
"""A directory to keep screenshots in, such as docs/images."""


@pytest.fixture
def browser(front: Front, tmp_path: Path) -> Iterator[BrowserContext]:
    """Chromium with an empty profile, which finds the platform's hosts at the front and trusts the lab's CA, and no other name."""
    need("chromium", "certutil")
    store = tmp_path / "home" / ".pki" / "nssdb"
    store.mkdir(parents=True)
    for words in (["-N", "--empty-password"], ["-A", "-n", "lab", "-t", "C,,", "-i", str(front.ca)]):
        subprocess.run(["certutil", "-d", f"sql:{store}", *words], check=True, capture_output=True)
    with sync_playwright() as playwright:
        context = playwright.chromium.launch_persistent_context(
            tmp_path / "profile",
            executable_path="/usr/bin/chromium",
            env={**os.environ, "HOME": str(tmp_path / "home")},
            args=[*FLAGS, f"--host-resolver-rules=MAP *.{DOMAIN} {front.address}, MAP * ~NOTFOUND"],
            viewport={"width": 1280, "height": 860},
            device_scale_factor=1,
        )
        yield context
        context.close()


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


class Told:
    """A page, and what it complains about."""

    def __init__(self, context: BrowserContext, host: str) -> None:
        self.page: Page = context.new_page()
        self.problems: list[str] = []
        self.page.on("console", lambda message: self.problems.append(message.text) if message.type == "error" else None)
        self.page.on("pageerror", lambda error: self.problems.append(str(error)))
        self.page.goto(f"https://{host}.{DOMAIN}/")

    def shoot(self, name: str) -> None:
        if SHOTS:
            self.page.evaluate("document.fonts.ready")
            self.page.screenshot(path=Path(SHOTS) / f"{name}.png", animations="disabled")


HOSTS = {"app": "react-spa", "learn": "svelte-spa"}


@pytest.mark.parametrize("host", HOSTS)
def test_a_front_end_shows_the_courses_and_their_region(host: str, browser: BrowserContext, served: Callable[..., None]) -> None:
    served("me-west-1")
    told = Told(browser, host)
    expect(told.page.get_by_role("button", name="Enrol in")).to_have_count(9)
    expect(told.page.locator("[data-region=me-west-1]")).to_have_text("Served from Saudi Arabia me-west-1")
    assert told.page.evaluate("document.fonts.ready.then(() => document.fonts.check('16px Inter'))"), "its own font is loaded"
    told.shoot(HOSTS[host])
    # enrolments need a database, which is told when there is none: by status 503, which browsers note as an error
    assert {problem.partition(" the server responded")[2] for problem in told.problems} <= {" with a status of 503 (Service Unavailable)"}


@pytest.mark.parametrize("host", HOSTS)
def test_who_enrols_without_a_database_is_told_why(host: str, browser: BrowserContext, served: Callable[..., None]) -> None:
    served("me-west-1")
    page = Told(browser, host).page
    page.get_by_role("button", name="Enrol in Cloud Foundations").click()
    expect(page.get_by_role("alert")).to_have_text("Enrolments are kept in a database, and this region has none yet.")
    expect(page.get_by_role("button", name="Enrol in Cloud Foundations")).to_be_enabled()


@pytest.mark.parametrize("host", HOSTS)
def test_what_could_not_be_loaded_is_loaded_again(host: str, browser: BrowserContext, served: Callable[..., None]) -> None:
    served("")
    told = Told(browser, host)
    expect(told.page.get_by_role("alert")).to_contain_text("could not be loaded")
    told.shoot(f"{HOSTS[host]}-failure")
    served("eu-central-1")
    told.page.get_by_role("button", name="Try again").click()
    expect(told.page.locator("[data-region=eu-central-1]")).to_have_text("Served from Frankfurt eu-central-1")
    expect(told.page.get_by_role("button", name="Enrol in")).to_have_count(9)


def test_courses_are_searched_and_filtered(browser: BrowserContext, served: Callable[..., None]) -> None:
    served("me-west-1")
    told = Told(browser, "app")
    cards = told.page.get_by_role("button", name="Enrol in")
    told.page.get_by_role("button", name="Leadership").click()
    expect(cards).to_have_count(2)
    told.page.get_by_role("searchbox").fill("manager")
    expect(cards).to_have_count(1)
    expect(told.page.get_by_text("1 course", exact=True)).to_be_visible()
    told.page.get_by_role("searchbox").fill("cooking")
    expect(told.page.get_by_text("No course matches.")).to_be_visible()


@pytest.mark.parametrize("host", HOSTS)
def test_it_fits_a_phone_and_a_keyboard(host: str, browser: BrowserContext, served: Callable[..., None]) -> None:
    served("me-west-1")
    told = Told(browser, host)
    told.page.set_viewport_size({"width": 390, "height": 844})
    expect(told.page.get_by_role("button", name="Enrol in")).to_have_count(9)
    assert told.page.evaluate("document.documentElement.scrollWidth") <= 390, "nothing is cut off at the side"
    told.shoot(f"{HOSTS[host]}-phone")
    told.page.keyboard.press("Tab")
    expect(told.page.get_by_role("link", name="Skip to the courses")).to_be_focused()
