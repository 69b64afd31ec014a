"""Somebody who plays a video of the platform, without a browser: what a player loads, laid out for ffmpeg to decode."""

from __future__ import annotations

import re
from http.cookies import SimpleCookie
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import httpx

from lab.site import Site

LOADED = ("-allowed_extensions", "ALL")
"""What ffmpeg is told of a playlist that was loaded: files have the names that they have on the site."""


class Viewer:
    """A viewer with a session.

    Args:
        site: The media server's.
        token: The session's; "" is nobody's.

    Attributes:
        offers: What may be played, by profile, as `/play` tells it.
        cookies: What `/play` gave for segments, as a header has it.
    """

    def __init__(self, site: Site, token: str) -> None:
        self._site, self._token = site, token
        answer = site.ask("POST", "/play", token)
        assert answer.status_code == 200, answer.text
        self.offers = {each["profile"]: each for each in answer.json()["offers"]}
        given = [SimpleCookie(each) for each in answer.headers.get_list("set-cookie")]
        self.cookies = "; ".join(f"{name}={morsel.value}" for each in given for name, morsel in each.items())

    def get(self, url: str, cookies: str | None = None) -> httpx.Response:
        """Get what is at a URL of the site: keys with the session's token, all else with its cookies."""
        path = urlsplit(url).path
        if path.startswith("/keys/"):
            return self._site.ask("GET", path, self._token)
        return self._site.ask("GET", path, headers={"Cookie": self.cookies if cookies is None else cookies})

    def load(self, top: Path, segments: int | None = None) -> Path:
        """Load the best rendition of `aes128` into a directory, with its keys; return the playlist, for ffmpeg.

        Args:
            top: The directory.
            segments: How many, from the beginning; None: all.
        """
        master = self.offers["aes128"]["hls"]
        first = next(line for line in self._text(master).splitlines() if line and not line.startswith("#"))
        index = urljoin(master, first)
        lines, loaded = [], 0
        for line in self._text(index).splitlines():
            if said := re.search(r'URI="([^"]*)"', line):
                line = line.replace(said[1], self._kept(urljoin(index, said[1]), top))
            elif line and not line.startswith("#"):
                line = self._kept(urljoin(index, line), top)
                loaded += 1
            lines.append(line)
            if loaded == segments:
                lines.append("#EXT-X-ENDLIST")
                break
        playlist = top / "index.m3u8"
        playlist.write_text("\n".join(lines))
        return playlist

    def _text(self, url: str) -> str:
        return self._found(url).text

    def _found(self, url: str) -> httpx.Response:
        answer = self.get(url)
        assert answer.status_code == 200, f"{url}: {answer.status_code} {answer.text}"
        return answer

    def _kept(self, url: str, top: Path) -> str:
        name = urlsplit(url).path.strip("/").replace("/", "-")
        (top / name).write_bytes(self._found(url).content)
        return name
