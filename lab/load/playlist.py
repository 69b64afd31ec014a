"""What a player reads of HLS's playlists (RFC 8216). Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urljoin


@dataclass(frozen=True)
class Segment:
    """A segment of a rendition.

    Attributes:
        url: Where it is.
        key: Where its key is.
        seconds: That it plays.
    """

    url: str
    key: str
    seconds: float


def renditions(master: str) -> list[str]:
    """Return what a master playlist leads to, the best first."""
    return [line for line in master.splitlines() if line and not line.startswith("#")]


def segments(where: str, index: str) -> list[Segment]:
    """Return the segments of a rendition's playlist.

    Args:
        where: Its URL.
        index: It.
    """
    found, key, seconds = [], "", 0.0
    for line in index.splitlines():
        if line.startswith("#EXT-X-KEY:") and (said := re.search(r'URI="([^"]*)"', line)):
            key = urljoin(where, said[1])
        elif line.startswith("#EXTINF:"):
            seconds = float(line.removeprefix("#EXTINF:").partition(",")[0])
        elif line and not line.startswith("#"):
            found.append(Segment(urljoin(where, line), key, seconds))
    return found
