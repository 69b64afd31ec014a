"""Chromium, headless, as a user's browser; it may trust the lab's CA."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import BrowserContext, Page, expect, sync_playwright

FLAGS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync"),
)
expect.set_options(timeout=90_000)  # machines that run tests are slow at times
SHOTS = os.environ.get("KC_SCREENSHOTS", "")
"""A directory to keep screenshots in, such as docs/images."""


def mapped(domain: str, address: str) -> str:
    """Return the flag that has a browser find the hosts of a domain at an address (with a port if need be), and no other name."""
    return f"--host-resolver-rules=MAP *.{domain} {address}, MAP * ~NOTFOUND"


@contextmanager
def chromium(directory: Path, ca: Path | None, *flags: str, program: Path = Path("/usr/bin/chromium")) -> Iterator[BrowserContext]:
    """Start a browser with an empty profile.

    Args:
        directory: An empty one, for its profile and its certificates.
        ca: What it trusts besides; None: nothing.
        flags: More of its flags.
        program: Chromium, or what runs it.
    """
    lacking = [program for program in ("chromium", "certutil") if not shutil.which(program)]
    assert not lacking, f"{', '.join(lacking)} missing: `make packages ARGS=tests` installs what tests need"
    trusted = directory / "home" / ".pki" / "nssdb"
    trusted.mkdir(parents=True)
    for words in (["-N", "--empty-password"], *([["-A", "-n", "lab", "-t", "C,,", "-i", str(ca)]] if ca else ())):
        subprocess.run(["certutil", "-d", f"sql:{trusted}", *words], check=True, capture_output=True)
    with sync_playwright() as playwright:
        context = playwright.chromium.launch_persistent_context(
            directory / "profile",
            executable_path=program,
            env={**os.environ, "HOME": str(directory / "home")},
            args=[*FLAGS, *flags],
            viewport={"width": 1280, "height": 860},
            device_scale_factor=1,
        )
        yield context
        context.close()


class Visit:
    """A page that was opened.

    Attributes:
        page: The page.
        problems: What the browser complains of.
    """

    def __init__(self, browser: BrowserContext, url: str) -> None:
        self.page: Page = browser.new_page()
        self.problems: list[str] = []
        self.page.on("console", lambda message: self.problems.append(message.text) if message.type == "error" else None)
        self.page.on("pageerror", lambda error: self.problems.append(str(error)))
        self.page.goto(url)

    def shoot(self, name: str) -> None:
        """Keep a screenshot, if they are wanted."""
        if SHOTS:
            self.page.evaluate("document.fonts.ready")
            self.page.screenshot(path=Path(SHOTS) / f"{name}.png", animations="disabled")
