"""Vantage points: what each sees of the other region, within seconds."""

from __future__ import annotations

import socket
import ssl
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from kc.errors import KcError
from kc.reach import reached

SECONDS = 3.0
"""That an answer may take."""

Probe = Callable[[], bool | None]


def any_connects(nodes: Sequence[str]) -> bool:
    """Whether any of these ports answers."""
    return bool(reached(nodes, SECONDS))


def answers(url: str) -> bool | None:
    """Whether a page answers with 200; None where its name can't be looked up, which says more of who asks."""
    try:
        with urllib.request.urlopen(url, timeout=SECONDS, context=ssl.create_default_context()) as answer:  # noqa: S310 - settings name it
            return bool(answer.status == 200)
    except urllib.error.HTTPError:
        return False
    except urllib.error.URLError as error:
        return None if isinstance(error.reason, socket.gaierror) else False
    except OSError:
        return False


def sessions(*asked: Callable[[], Sequence[str]]) -> bool | None:
    """Whether the ensemble knows of any session of the region; None where it does not answer."""
    try:
        return any(len(each()) > 0 for each in asked)
    except KcError:
        return None


def look(probes: Mapping[str, Probe]) -> dict[str, bool | None]:
    """Return what each sees; all look at once. One that breaks can't tell."""

    def one(probe: Probe) -> bool | None:
        try:
            return probe()
        except Exception:  # whatever it is: it is not the region's loss
            return None

    with ThreadPoolExecutor(len(probes)) as pool:
        return dict(zip(probes, pool.map(one, probes.values()), strict=True))
