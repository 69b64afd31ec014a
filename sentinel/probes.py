"""Vantage points: what each sees of the other region, within seconds."""

from __future__ import annotations

import socket
import ssl
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from kc.errors import KcError
from kc.sql.node import Node

SECONDS = 3.0
"""That an answer may take."""

Probe = Callable[[], bool | None]


def connects(node: str) -> bool:
    """Whether a port answers."""
    where = Node.parse(node, 443, "a node")
    try:
        with socket.create_connection((where.host, where.port), SECONDS):
            return True
    except OSError:
        return False


def any_connects(nodes: Sequence[str]) -> bool:
    """Whether any of these answers; all are asked at once."""
    with ThreadPoolExecutor(len(nodes)) as pool:
        return any(pool.map(connects, nodes))


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
