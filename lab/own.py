"""The AWS's own answers, those that no AWS has (`/lab/…`): how the lab's parts ask for them."""

from __future__ import annotations

import urllib.request

OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))
"""A developer's proxy is not for loopback."""


def ask(url: str, body: bytes | None = None, timeout: float = 30) -> bytes:
    """Return what the lab answers; with a body it is a POST.

    Raises:
        OSError: Nothing answers, or not in time, or it answers that it failed.
    """
    with OPENER.open(urllib.request.Request(url, data=body), timeout=timeout) as answer:  # noqa: S310
        return bytes(answer.read())
