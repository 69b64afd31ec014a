"""The pages in a browser: how tests get there, and what they judge them by."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from playwright.sync_api import Locator, Page

from lab.settings import ROOT

from .videos import FFMPEG

SOURCE = ROOT / "media_server" / "pages"
WIDTH, HEIGHT = 40, 20
"""Pictures are compared so small, each point the mean of many: their noise is gone then."""


def built(directory: Path) -> Path:
    """Have npm check and build the pages in a copy of them; return what a server is told of."""
    copy = directory / "pages"
    shutil.copytree(SOURCE, copy, ignore=shutil.ignore_patterns("node_modules", "dist"))
    for words in (["npm", "ci", "--no-progress"], ["npm", "run", "check"], ["npm", "run", "build"]):
        done = subprocess.run(words, cwd=copy, capture_output=True, text=True)
        assert done.returncode == 0, f"{' '.join(words)}: {done.stdout}{done.stderr}"
    return copy / "dist"


def pictures(source: Path) -> list[bytes]:
    """Return the pictures of a video as ffmpeg decodes them."""
    size = f"scale=in_color_matrix=bt709,format=rgb24,scale={WIDTH}:{HEIGHT}:flags=area"  # as browsers take what says nothing of colours
    words = [FFMPEG, "-nostdin", "-v", "error", "-i", source, "-map", "0:v", "-vf", size, "-f", "rawvideo", "-"]
    data = subprocess.run(words, check=True, capture_output=True).stdout
    return [data[at : at + 3 * WIDTH * HEIGHT] for at in range(0, len(data), 3 * WIDTH * HEIGHT)]


def picture(video: Locator, second: float) -> bytes:
    """Return the picture that a browser shows at a second."""
    found = video.evaluate(
        """async (video, [second, width, height]) => {
            const there = new Promise((done, failed) => {
                setTimeout(() => failed(new Error(`there is no picture at ${second}`)), 120_000);
                video.requestVideoFrameCallback(done);
            });
            video.currentTime = second;
            await there;
            const canvas = new OffscreenCanvas(video.videoWidth, video.videoHeight).getContext("2d", { willReadFrequently: true });
            canvas.drawImage(video, 0, 0);
            const [across, down] = [video.videoWidth / width, video.videoHeight / height];
            const mean = (n) => {
                const { data } = canvas.getImageData((n % width) * across, Math.floor(n / width) * down, across, down);
                return [0, 1, 2].map((colour) => data.reduce((sum, each, at) => (at % 4 === colour ? sum + each : sum), 0))
                    .map((sum) => Math.round(sum / (across * down)));
            };
            return Array.from({ length: width * height }, (_, n) => mean(n)).flat();
        }""",
        [second, WIDTH, HEIGHT],
    )
    return bytes(found)


def drawn(shown: Locator) -> bytes:
    """Return a picture of the page that is no video, as small as pictures are compared."""
    found = shown.evaluate(
        """async (shown, [width, height]) => {
            if (shown.decode) await shown.decode();
            const canvas = new OffscreenCanvas(width, height).getContext("2d");
            canvas.imageSmoothingQuality = "high";
            canvas.drawImage(shown, 0, 0, width, height);
            return [...canvas.getImageData(0, 0, width, height).data].filter((_, at) => at % 4 !== 3);
        }""",
        [WIDTH, HEIGHT],
    )
    return bytes(found)


def differences(shown: bytes, known: list[bytes]) -> list[float]:
    """Return by how many of 255 steps a picture differs from each that is known, on average."""
    return [sum(abs(one - other) for one, other in zip(shown, each, strict=True)) / len(shown) for each in known]


def played(video: Locator, rate: float) -> dict[str, float]:
    """Play from the beginning to the end; return what was decoded meanwhile."""
    return dict(
        video.evaluate(
            """async (video, rate) => {
                const now = () => ({
                    frames: video.getVideoPlaybackQuality().totalVideoFrames,
                    audio: video.webkitAudioDecodedByteCount,
                });
                const before = now();
                video.currentTime = 0;
                video.playbackRate = rate;
                const over = new Promise((done, failed) => {
                    setTimeout(() => failed(new Error(`it stands at ${video.currentTime}`)), 120_000);
                    video.addEventListener("ended", done, { once: true });
                    video.addEventListener("error", () => failed(video.error), { once: true });
                });
                await video.play();
                await over;
                const after = now();
                return { seconds: video.currentTime, frames: after.frames - before.frames, audio: after.audio - before.audio };
            }""",
            rate,
        )
    )


def captions_at(page: Page, second: float) -> list[str]:
    """Return the cues that a browser displays at a second: what it has drawn over its video is in a tree that pages don't see."""
    page.locator("video").evaluate(
        """async (video, second) => {
            video.pause();
            const there = new Promise((done) => video.addEventListener("seeked", done, { once: true }));
            video.currentTime = second;
            await there;
        }""",
        second,
    )
    root = page.context.new_cdp_session(page).send("DOM.getDocument", {"depth": -1, "pierce": True})["root"]
    return [
        "".join(each["nodeValue"] for each in nodes(cue))
        for cue in nodes(root)
        if "-webkit-media-text-track-display" in cue.get("attributes", ())
    ]


def nodes(top: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield a node and all below it."""
    yield top
    for each in (*top.get("shadowRoots", ()), *top.get("children", ())):
        yield from nodes(each)


def unnamed(page: Page) -> Iterator[str]:
    """Yield the kinds of what can be focused and has no name, as a screen reader is told."""
    nodes = page.context.new_cdp_session(page).send("Accessibility.getFullAXTree")["nodes"]
    for node in nodes:
        said = {each["name"]: each["value"].get("value") for each in node.get("properties", ())}
        role = node.get("role", {}).get("value")
        if said.get("focusable") and role != "RootWebArea" and not node.get("name", {}).get("value"):
            yield str(role)


def faint(page: Page) -> list[str]:
    """Return the texts whose contrast is below 4.5 to 1 (WCAG 2.2, 1.4.3)."""
    return list(
        page.evaluate(
            """async () => {
                const changing = document.getAnimations().filter((each) => each instanceof CSSTransition);
                await Promise.all(changing.map((each) => each.finished));
                const parsed = (text) => text.match(/[\\d.]+/g).map(Number);
                const light = ([r, g, b]) => [r, g, b]
                    .map((each) => each / 255)
                    .map((each) => (each <= 0.04045 ? each / 12.92 : ((each + 0.055) / 1.055) ** 2.4))
                    .reduce((sum, each, n) => sum + each * [0.2126, 0.7152, 0.0722][n], 0);
                const behind = (node) => {
                    for (let at = node; at; at = at.parentElement) {
                        const colour = parsed(getComputedStyle(at).backgroundColor);
                        if (colour.length === 3 || colour[3] === 1) return colour;
                    }
                    return [255, 255, 255];
                };
                const shown = [...document.body.querySelectorAll("*")].filter((node) =>
                    node.checkVisibility() && [...node.childNodes].some((each) => each.nodeType === Node.TEXT_NODE && each.data.trim()));
                return shown.filter((node) => {
                    const [one, other] = [light(parsed(getComputedStyle(node).color)), light(behind(node))];
                    return (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05) < 4.5;
                }).map((node) => node.textContent.trim());
            }"""
        )
    )
