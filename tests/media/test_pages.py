"""The pages in Chromium, from a server that is a process of its own. AWS is moto's, as the lab mends it."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Locator, Page, Request, expect

from lab.settings import ROOT
from media_server import records
from media_server.api import tokens
from media_server.assets import FAILED, WORKING, Asset
from media_server.video.offer import Offer
from tests.world.chromium import Visit, chromium

from .line import Line
from .pages import built, captions_at, differences, drawn, faint, picture, pictures, played, unnamed
from .place import Place
from .server import SECRET, TOKENS, Server, backend, captions, environment, put, running, session
from .videos import SECONDS, VideoOf, made

SIZES = {"phone": (320, 640), "desktop": (1280, 860)}
REFUSED = "This video is not for you to play, or not any more: the permission has expired or was revoked."


@pytest.fixture(scope="session")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return built(tmp_path_factory.mktemp("built"))


@pytest.fixture
def server(place: Place, pages: Path, tmp_path: Path) -> Iterator[Server]:
    with running(place.environment, tmp_path / "server.log", MEDIA_PAGES=str(pages)) as found:
        yield found


@pytest.fixture(scope="module")
def profile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BrowserContext]:
    with chromium(tmp_path_factory.mktemp("browser"), None, "--mute-audio") as context:
        yield context


@pytest.fixture
def browser(profile: BrowserContext) -> Iterator[BrowserContext]:
    """A browser that has been nowhere."""
    yield profile
    for page in profile.pages[1:]:
        page.close()
    profile.clear_cookies()


@pytest.fixture(scope="session")
def big(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A video of more bytes than a request has, and so of several parts."""
    path = made(
        tmp_path_factory.mktemp("big") / "Big lesson.mp4", "-preset", "ultrafast", "-g", "25", "-crf", "10", seconds=4, size="1280x720"
    )
    assert path.stat().st_size > 8 * records.PART
    return path


FLOWS, HARDLY, FAST = 4 << 20, 64 << 10, 1 << 30
"""Bytes a second: an upload gets on, does not end while the test looks elsewhere, or ends soon."""


def signed_in(browser: BrowserContext, server: Server) -> Visit:
    visit = Visit(browser, server.url)
    visit.page.get_by_label("Access token").fill(backend())
    visit.page.get_by_role("button", name="Sign in").click()
    expect(visit.page.get_by_role("heading", name="Your videos")).to_be_visible()
    return visit


def row(page: Page, title: str) -> Locator:
    return page.get_by_role("listitem").filter(has=page.get_by_role("heading", name=title))


def offset(server: Server, asset: str) -> int:
    return int(server.ask("HEAD", f"/uploads/{asset}", backend()).headers["upload-offset"])


def eventually(page: Page, condition: Callable[[], bool]) -> None:
    """Wait for something that is not in the page."""
    for _ in range(1200):
        if condition():
            return
        page.wait_for_timeout(100)
    raise AssertionError("it did not come about")


@pytest.fixture
def line(server: Server) -> Iterator[Line]:
    """A line to the server."""
    with contextlib.closing(Line(int(server.url.rpartition(":")[2]), FLOWS)) as found:
        yield found


def test_an_upload_that_breaks_off_ends_complete(
    place: Place, server: Server, line: Line, browser: BrowserContext, big: Path, video: VideoOf
) -> None:
    """Paused, refused by the network, without a network, and after the page was loaded again."""
    page = signed_in(browser, replace(server, url=f"http://127.0.0.1:{line.port}")).page
    begun: list[int] = []
    page.on("request", lambda request: begun.append(int(request.headers["upload-offset"])) if request.method == "PATCH" else None)
    refused = iter([True])
    page.route(
        "**/uploads/*",
        lambda route: route.abort("connectionreset") if patched(route.request) and next(refused, False) else route.continue_(),
    )
    page.get_by_label("File").set_input_files(big)
    expect(page.get_by_label("Title")).to_have_value("Big lesson")
    page.get_by_role("button", name="Upload").click()

    own = row(page, "Big lesson")
    expect(own.locator(".state")).to_have_text("Uploading")
    expect(page.get_by_text("None yet.")).to_be_hidden()
    (asset,) = place.assets.all_of("acme")
    eventually(page, lambda: offset(server, asset.id) > 0)
    line.rate = HARDLY
    assert begun[:2] == [0, 0], "the one that was refused was tried again"
    own.get_by_role("button", name="Pause").click()
    expect(own.locator(".state")).to_have_text("Paused")
    expect(own.get_by_role("button", name="Resume")).to_be_focused()
    own.get_by_role("button", name="Resume").click()
    eventually(page, lambda: len(begun) == 3)
    assert begun[2] > 0 and begun[2] % records.PART == 0

    browser.set_offline(True)
    line.cut()
    expect(own.locator(".state")).to_have_text("Broken off")
    expect(own.get_by_text("The server does not answer")).to_be_visible()
    line.mend()
    line.rate = FLOWS
    browser.set_offline(False)
    expect(own.locator(".state")).to_have_text("Uploading")
    here = offset(server, asset.id)
    eventually(page, lambda: offset(server, asset.id) > here)
    line.rate = HARDLY

    page.reload()
    expect(own.locator(".state")).to_have_text("Upload not complete")
    own.locator("input[type=file]").set_input_files(video("mp4"))
    expect(own.get_by_text("mp4.mp4 is another file")).to_be_visible()
    before = len(begun)
    own.locator("input[type=file]").set_input_files(big)
    eventually(page, lambda: len(begun) > before)
    assert begun[before] > here
    line.rate = FAST
    expect(own.locator(".state")).to_have_text("Waiting for a worker")

    found = place.assets.get("acme", asset.id)
    keys, sealed = place.wrapper.open("acme", uuid.UUID(found.id), found.root), place.objects("uploads")[found.path]
    reader = records.Reader(keys.upload, found.length, lambda where: sealed[where.begin : where.end])
    assert b"".join(iter(lambda: reader.read(1 << 20), b"")) == big.read_bytes()


def patched(request: Request) -> bool:
    return request.method == "PATCH"


def test_a_video_is_uploaded_made_and_played(place: Place, server: Server, browser: BrowserContext, video: VideoOf) -> None:
    visit = signed_in(browser, server)
    page = visit.page
    page.get_by_label("File").set_input_files(video("mp4"))
    page.get_by_label("Title").fill("Safety at heights")
    page.get_by_role("combobox").select_option("fmp4")
    page.get_by_role("button", name="Upload").click()
    own = row(page, "Safety at heights")
    expect(own.locator(".state")).to_have_text("Waiting for a worker")
    expect(page.get_by_role("status").filter(has_text="is uploaded")).to_have_count(1)
    (asset,) = place.assets.all_of("acme")
    assert asset.offers == (Offer("aes128", "fmp4"), Offer("cbcs", "fmp4"))
    # a worker that stands still
    place.assets.change("acme", asset.id, lambda found: replace(found, state=WORKING, done=3, total=12))
    expect(own.locator(".state")).to_have_text("Encrypting")
    expect(own.get_by_text("25 % · 3 of 12 segments")).to_be_visible()
    expect(own.get_by_role("progressbar", name="Encrypting: Safety at heights")).to_have_js_property("value", 0.25)
    place.work()
    expect(own.locator(".state")).to_have_text("Ready")
    expect(page.get_by_role("status").filter(has_text="is ready to play")).to_have_count(1)
    own.get_by_role("link", name="Play").click()
    expect(page.get_by_role("heading", name="Safety at heights")).to_be_focused()
    assert visit.problems == []


AES128 = [("AES-128, HLS", "hls.js"), ("AES-128, HLS", "Shaka Player")]
CLEARKEY = [("ClearKey, DASH", "Shaka Player"), ("ClearKey, HLS", "Shaka Player")]


@pytest.mark.parametrize(("container", "ways"), [("ts", AES128 + CLEARKEY), ("fmp4", AES128)])
def test_every_player_plays_to_the_end(
    container: str, ways: list[tuple[str, str]], place: Place, server: Server, browser: BrowserContext, video: VideoOf
) -> None:
    source = video("mp4")
    place.uploaded(source, offers=(Offer("aes128", container), Offer("cbcs", "fmp4")))
    place.work()
    known = pictures(source)
    visit = signed_in(browser, server)
    page = visit.page
    loaded: list[str] = []
    page.on("request", lambda request: loaded.append(request.url.removeprefix(server.url)))
    page.get_by_role("link", name="Play").click()
    for format_name, player in ways:
        before = len(loaded)
        page.get_by_label(format_name).check()
        page.get_by_label(player).check()
        expect(page.get_by_role("status").filter(has_text=f"{player}: {format_name}.")).to_be_visible()
        screen = page.locator("video")
        end = played(screen, rate=4)
        assert end["seconds"] == pytest.approx(SECONDS, abs=0.2)
        assert end["frames"] > SECONDS and end["audio"] > 0
        if format_name.startswith("ClearKey"):
            heads = {path.rpartition("/")[2] for path in loaded[before:] if "/cbcs/180p/init-" in path}
            assert heads == {f"init-{period:05}.mp4" for period in range(4)}, "it plays across periods"
            assert screen.evaluate("video => video.buffered.length") == 1, "there is a gap between them"
        # pictures of ClearKey can't be read back
        for second in (1.5, 6.5, 11.5) if format_name.startswith("AES") else ():
            found = differences(picture(screen, second), known)
            assert min(found) < 4, "it is no picture of the source"
            assert 0 <= 25 * second - found.index(min(found)) <= 3, "it is one of another second"
        assert any(path.startswith("/pages/shaka-") for path in loaded) == (player != "hls.js"), "it is loaded when it is wanted"
    assert any(path.startswith("/pages/hls-") for path in loaded)
    assert not any("eyJ" in path for path in loaded), "a token is in no URL"
    assert visit.problems == []


def test_one_finds_ones_way_by_pictures(place: Place, server: Server, browser: BrowserContext, video: VideoOf) -> None:
    source = video("mp4")
    place.uploaded(source, offers=(Offer("aes128", "ts"),))
    place.work()
    known = pictures(source)
    visit = signed_in(browser, server)
    page = visit.page
    poster = row(page, "a video").locator("img")
    expect(poster).to_be_visible()
    assert number_of(poster, known) == 25, "a tenth of it is over, at its last key frame before"
    page.get_by_role("link", name="Play").click()
    expect(page.get_by_text("hls.js: AES-128, HLS.")).to_be_visible()
    expect(page.locator("video")).to_have_attribute("poster", re.compile(f"blob:{server.url}/"))
    strip, tile = page.get_by_role("slider", name="Pictures of the video"), page.locator(".preview")
    expect(tile).to_be_hidden()
    strip.focus()
    expect(tile).to_be_visible()
    for second in (4, 8):
        page.keyboard.press("ArrowRight")
        expect(tile).to_have_text(f"0:0{second}")
        expect(strip).to_have_attribute("aria-valuetext", f"0:0{second}")
        expect(page.locator("video")).to_have_js_property("currentTime", second)
        eventually(page, lambda second=second: number_of(tile.locator("canvas"), known) == 25 * second)  # type: ignore[misc]
    page.get_by_role("heading", name="a video").click()
    expect(tile).to_be_hidden()
    page.set_viewport_size({"width": 320, "height": 640})
    box = strip.bounding_box()
    assert box is not None
    strip.hover(position={"x": box["width"] - 2, "y": box["height"] / 2})
    expect(tile).to_have_text("0:12")
    shown = tile.bounding_box()
    assert shown is not None and shown["x"] >= 0 and shown["x"] + shown["width"] <= 320
    expect(page.locator("video")).to_have_js_property("currentTime", 8)
    strip.click(position={"x": box["width"] - 2, "y": box["height"] / 2})
    expect(page.locator("video")).to_have_js_property("currentTime", 12)
    assert visit.problems == []


def number_of(shown: Locator, known: list[bytes]) -> int:
    """Return the number of the source's picture that a picture on the page is."""
    found = differences(drawn(shown), known)
    return found.index(min(found)) if min(found) < 12 else -1


def test_every_player_shows_captions_at_their_second(place: Place, server: Server, browser: BrowserContext, asset: Asset) -> None:
    for language, word in (("de", "Satz"), ("pt-BR", "Frase")):
        text = captions(*[f"<i>{word}</i> {second} &amp; mehr" for second in range(1, 12)])
        assert put(server, asset.id, language, text).status_code == 201
    token, _ = TOKENS.make(tokens.SESSION, "acme", asset.id, 600)
    visit = Visit(browser, f"{server.url}/play#{token}")
    page = visit.page
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/captions/" in request.url else None)
    for number, (format_name, player) in enumerate(AES128 + CLEARKEY):
        page.get_by_label(format_name).check()
        page.get_by_label(player).check()
        expect(page.get_by_role("status").filter(has_text=f"{player}: {format_name}.")).to_be_visible()
        if number == 0:
            assert captions_at(page, 1.5) == []
            page.get_by_label("Off").focus()
            page.keyboard.press("ArrowDown")
        expect(page.get_by_label("Deutsch")).to_be_checked()
        for second in (8, 3):
            eventually(page, lambda: captions_at(page, second + 0.5) == [f"Satz {second} & mehr"])  # noqa: B023
        eventually(page, lambda: captions_at(page, 5.95) == [])  # between two
    assert asked == [f"{server.url}/captions/{asset.path}/de"], "what is not wanted is not loaded"
    assert visit.problems == []
    page.get_by_label("Off").check()
    eventually(page, lambda: captions_at(page, 3.5) == [])
    assert server.ask("POST", "/sessions/revoke", backend(), json={"token": token}).status_code == 204
    page.locator("video").evaluate("video => { video.textTracks[1].mode = 'showing'; }")  # as the browser's own menu does
    expect(page.get_by_role("alert")).to_have_text(REFUSED)
    expect(page.get_by_label("Off")).to_be_checked()
    page.locator("video").evaluate("video => { video.textTracks[0].mode = 'showing'; }")
    expect(page.get_by_label("Deutsch")).to_be_checked()
    eventually(page, lambda: captions_at(page, 4.5) == ["Satz 4 & mehr"])


def test_captions_are_added_seen_and_removed(place: Place, server: Server, browser: BrowserContext, tmp_path: Path) -> None:
    asset = place.published({})
    good, bad, empty = (tmp_path / name for name in ("Lesson.pt-BR.vtt", "bad.vtt", "huge.vtt"))
    good.write_bytes(captions("Olá"))
    bad.write_bytes(captions("Hello", "<script>"))
    empty.write_bytes(bytes((1 << 20) + 1))
    visit = signed_in(browser, server)
    page = visit.page
    own = row(page, "objects")
    opener, dialog = own.get_by_role("button", name="Captions: objects"), page.get_by_role("dialog", name="Captions of “objects”")
    opener.press("Enter")
    expect(dialog.get_by_text("None yet.")).to_be_visible()
    file, language, alert = dialog.get_by_label("Captions file"), dialog.get_by_label("Language", exact=True), dialog.get_by_role("alert")
    for said in ("Choose a file.", "The file has more than 1 MiB: captions have less."):
        dialog.get_by_role("button", name="Add").click()
        expect(alert).to_have_text(said)
        expect(file).to_be_focused()
        file.set_input_files(empty)
    file.set_input_files(bad)
    dialog.get_by_role("button", name="Add").click()
    expect(alert).to_have_text("Tell the language.")
    expect(language).to_be_focused()
    for tag, said in (("deutsch", "The language is a tag of BCP 47"), ("de", "Line 7: `<script>` is no tag of WebVTT")):
        language.fill(tag)
        page.keyboard.press("Enter")
        expect(alert).to_contain_text(said)
    assert [*unnamed(page)] == [] and faint(page) == []
    language.fill("")
    file.set_input_files(good)
    expect(language).to_have_value("pt-BR")
    dialog.get_by_label("For").select_option("captions")
    dialog.get_by_role("button", name="Add").click()
    name = "português (Brasil) (CC)"
    expect(dialog.get_by_role("listitem")).to_contain_text([name])
    expect(alert).to_be_hidden()
    expect(own.get_by_text(f"Captions: {name}")).to_be_visible()
    (track,) = place.assets.get("acme", asset.id).captions
    assert (track.language, track.kind, track.cues) == ("pt-BR", "captions", 1)
    dialog.get_by_role("button", name=f"Remove: {name}").press("Enter")
    expect(dialog.get_by_text("None yet.")).to_be_visible()
    expect(file).to_be_focused()
    assert place.assets.get("acme", asset.id).captions == ()
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    expect(opener).to_be_focused()
    expect(own.get_by_text("Captions: p")).to_be_hidden()
    # what was refused on purpose; and the video has no poster
    assert [each for each in visit.problems if "400" not in each and "404" not in each] == []


def test_who_may_not_watch_sees_nothing(place: Place, server: Server, browser: BrowserContext, asset: Asset) -> None:
    """A viewer's link is a session's token in the address; it is gone from there at once."""
    good, _ = TOKENS.make(tokens.SESSION, "acme", asset.id, 600)
    for name, link in {
        "none": "/play",
        "expired": f"/play#{session('acme', asset.id, -1)}",
        "another asset's": f"/play#{session('acme', str(uuid.uuid4()))}",
        "a tenant's": f"/play#{backend()}",
    }.items():
        page = Visit(browser, server.url + link).page
        expect(page.get_by_role("alert"), name).to_have_text(REFUSED)
        assert nothing_played(page), name
        page.close()  # and with it what it keeps

    page = Visit(browser, f"{server.url}/play#{good}").page
    expect(page.get_by_text("hls.js: AES-128, HLS.")).to_be_visible()
    assert page.url == f"{server.url}/play"
    assert server.ask("POST", "/sessions/revoke", backend(), json={"token": good}).status_code == 204
    for format_name in ("AES-128, HLS", "ClearKey, DASH", "ClearKey, HLS"):
        page.get_by_label(format_name).check()
        page.get_by_label("Shaka Player").check()
        expect(page.get_by_role("alert")).to_have_text(REFUSED)
        assert nothing_played(page), format_name
        page.evaluate("document.querySelector('[role=alert]').textContent = ''")
    page.get_by_label("AES-128, HLS").check()
    page.get_by_label("hls.js").check()
    expect(page.get_by_role("alert")).to_have_text(REFUSED)
    page.reload()
    expect(page.get_by_role("alert")).to_have_text(REFUSED)
    assert nothing_played(page)


def nothing_played(page: Page) -> bool:
    """Whether there is no picture to be seen, and was none."""
    return bool(page.locator("video").evaluate("video => video.readyState < 2 && video.getVideoPlaybackQuality().totalVideoFrames === 0"))


def test_who_signs_in_is_told_what_is_wrong(server: Server, browser: BrowserContext) -> None:
    page = Visit(browser, server.url).page
    told = page.get_by_role("alert")
    for given, wrong in {
        "": "Paste your access token.",
        "x": "This is no access token",
        session("acme", "x"): "This token is for something else",
        TOKENS.make(tokens.TENANT, "acme", "", -1)[0]: "This token has expired",
        tokens.Tokens(b"x" * 48).make(tokens.TENANT, "acme", "", 60)[0]: "The server does not know this token",
    }.items():
        page.get_by_label("Access token").fill(given)
        page.keyboard.press("Enter")
        expect(told).to_contain_text(wrong)
        expect(page.get_by_label("Access token")).to_be_focused()
    good = backend()
    page.get_by_label("Access token").fill(good)
    page.keyboard.press("Enter")
    expect(page.get_by_text("None yet.")).to_be_visible()
    assert page.evaluate("[localStorage.length, { ...sessionStorage }]") == [0, {"tenant": good}]
    page.evaluate("expired => sessionStorage.setItem('tenant', expired)", TOKENS.make(tokens.TENANT, "acme", "", -1)[0])
    page.reload()
    expect(told).to_contain_text("Your token has expired")
    assert page.evaluate("sessionStorage.length") == 0


def test_a_failed_video_says_why_and_is_deleted_by_keyboard(place: Place, server: Server, browser: BrowserContext, tmp_path: Path) -> None:
    note = tmp_path / "notes.mp4"
    note.write_bytes(b"This is no video. " * 1000)
    page = signed_in(browser, server).page
    page.get_by_role("button", name="Upload").click()
    expect(page.get_by_text("Choose a file.")).to_be_visible()
    expect(page.get_by_label("File")).to_be_focused()
    page.get_by_label("File").set_input_files(note)
    page.get_by_role("button", name="Upload").click()
    own = row(page, "notes")
    expect(own.locator(".state")).to_have_text("Waiting for a worker")
    place.work()
    expect(own.locator(".state")).to_have_text("Failed")
    reason = place.assets.all_of("acme")[0].reason
    expect(own.locator(".problem")).to_contain_text(reason[1:])
    delete, question = own.get_by_role("button", name="Delete: notes"), page.get_by_role("dialog", name="Delete this video?")
    delete.focus()
    page.keyboard.press("Enter")
    expect(question).to_be_visible()
    page.keyboard.press("Escape")
    expect(question).to_be_hidden()
    expect(own).to_be_visible()
    expect(delete).to_be_focused()
    page.keyboard.press("Enter")
    expect(question).to_be_visible()
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Delete", exact=True)).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_text("None yet.")).to_be_visible()
    expect(page.get_by_role("heading", name="Your videos")).to_be_focused()
    assert place.assets.all_of("acme") == []


NAME = "(({ ariaLabel, labels, innerText }) => ariaLabel || labels?.[0]?.innerText || innerText)(document.activeElement)"


def test_everybody_can_use_them(place: Place, server: Server, browser: BrowserContext, video: VideoOf) -> None:
    """Names, order, contrast in light and dark, and a narrow screen; the screenshots are those of docs/media.md."""
    kinds = {"Fire safety, part 2": "mp4", "First aid at work": "faststart", "Welcome to the team": "mkv"}
    made = {title: place.uploaded(video(kind)) for title, kind in kinds.items()}
    for title, each in made.items():
        place.assets.change("acme", each.id, lambda found, title=title: replace(found, title=title))
    place.work()
    place.assets.change("acme", made["First aid at work"].id, lambda found: replace(found, state=WORKING, done=37, total=52))
    wrong = "the video is in HEVC, which browsers do not play"
    place.assets.change("acme", made["Welcome to the team"].id, lambda found: replace(found, state=FAILED, reason=wrong))
    for language, kind in (("de", "captions"), ("en", "subtitles")):
        assert put(server, made["Fire safety, part 2"].id, language, captions("x"), kind=kind).status_code == 201
    visit = Visit(browser, server.url)
    page = visit.page
    seen(visit, "media-sign-in")
    page.get_by_label("Access token").fill(backend())
    page.keyboard.press("Enter")
    expect(row(page, "First aid at work").get_by_text("71 %")).to_be_visible()
    seen(visit, "media-list")
    order = []
    page.get_by_role("link", name="Skip to content").focus()
    for _ in range(15):
        order.append(page.evaluate(NAME).splitlines()[0].strip())
        page.keyboard.press("Tab")
    assert order == [
        *("Skip to content", "Sign out", "File", "Title", "AES-128", "AES-128 in", "ClearKey", "Upload"),
        *("Captions: Welcome to the team", "Delete: Welcome to the team", "Captions: First aid at work", "Delete: First aid at work"),
        *("Play: Fire safety, part 2", "Captions: Fire safety, part 2", "Delete: Fire safety, part 2"),
    ]
    page.get_by_role("button", name="Captions: Fire safety, part 2").press("Enter")
    expect(page.get_by_role("button", name="Remove: English")).to_be_visible()
    seen(visit, "media-captions")
    page.keyboard.press("Escape")
    page.emulate_media(reduced_motion="reduce")
    assert page.evaluate("getComputedStyle(document.querySelector('.state')).transitionDuration") == "0s"
    page.get_by_role("link", name="Play: Fire safety, part 2").press("Enter")
    expect(page.get_by_text("hls.js: AES-128, HLS.")).to_be_visible()
    page.locator("video").evaluate("video => { video.currentTime = 5; }")
    expect(page.locator("video")).to_have_js_property("seeking", False)
    seen(visit, "media-player")
    page.get_by_role("link", name="All videos").press("Enter")
    expect(page.get_by_role("heading", name="Your videos")).to_be_focused()
    assert visit.problems == []


def seen(visit: Visit, name: str) -> None:
    """Judge what is shown, at every size and in both schemes; keep a screenshot of the last."""
    page = visit.page
    for size, (width, height) in SIZES.items():
        page.set_viewport_size({"width": width, "height": height})
        assert page.evaluate("document.documentElement.scrollWidth") <= width, (name, size)
        for scheme in ("dark", "light"):
            page.emulate_media(color_scheme=scheme)
            assert faint(page) == [], (name, size, scheme)
    assert [*unnamed(page)] == [], name
    visit.shoot(name)


def test_nothing_but_the_servers_own_is_loaded(server: Server, pages: Path) -> None:
    for path in ("/", "/play"):
        index = server.ask("GET", path)
        assert index.text == (pages / "index.html").read_text() and index.headers["cache-control"] == "no-cache"
        assert index.headers["content-security-policy"].startswith("default-src 'none'; script-src 'self'; ")
        assert "frame-ancestors 'none'" in index.headers["content-security-policy"]
        assert (index.headers["x-content-type-options"], index.headers["referrer-policy"]) == ("nosniff", "no-referrer")
    kinds = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
    for file in (pages / "pages").iterdir():
        for encoding in ("gzip", "identity"):
            answer = server.ask("GET", f"/pages/{file.name}", headers={"Accept-Encoding": encoding})
            assert answer.content == file.read_bytes() and answer.headers.get("content-encoding", "identity") == encoding
            assert answer.headers["content-type"].partition(";")[0] == kinds[file.suffix]
            assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
            assert answer.headers["x-content-type-options"] == "nosniff"
    for path in ("/pages/none.js", "/pages/../index.html", "/pages/..%2findex.html", "/pages/"):
        assert server.ask("GET", path).status_code == 404, path


def program(*words: str, **told: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": os.environ["PATH"], **told}
    return subprocess.run([sys.executable, "-m", "media_server", *words], cwd=ROOT, env=environment, capture_output=True, text=True)


def test_a_directory_without_pages_is_told(place: Place, tmp_path: Path) -> None:
    done = program("server", **environment(place.environment, 1), MEDIA_PAGES=str(tmp_path))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"media_server: MEDIA_PAGES is `{tmp_path}`, where no pages are: `npm ci && npm run build`")


def test_a_token_for_a_try() -> None:
    done = program("token", "acme", "--hours", "2", MEDIA_SIGNING=SECRET)
    told = TOKENS.read(tokens.TENANT, done.stdout.strip())
    assert told.tenant == "acme" and 7190 < told.expires - time.time() <= 7200


@pytest.mark.parametrize(
    ("words", "secret", "said"),
    [
        (["acme"], "", "MEDIA_SIGNING is not set"),
        (["acme"], "short", "MEDIA_SIGNING has 5 bytes, and 32 are the least"),
        (["Acme"], SECRET, "`Acme` is no tenant"),
        (["acme", "--hours", "25"], SECRET, "`25` is no number from 1 to 24"),
    ],
)
def test_no_token_for_what_makes_no_sense(words: list[str], secret: str, said: str) -> None:
    done = program("token", *words, MEDIA_SIGNING=secret)
    assert (done.returncode, done.stdout) == (2, "") and said in done.stderr
