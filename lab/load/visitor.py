"""A browser, as far as the network sees one: its own connections and names, TLS that is verified, and patience that ends."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit

import httpcore

from .names import ByName, Names

PATIENCE = 10.0
"""Seconds that an answer is waited for, as the front-ends do (workloads/catalogue/src/api.ts)."""

CONNECTIONS = 6
"""To one host at a time, as browsers have it over HTTP/1.1."""

IDLE = 300.0
"""Seconds after which a browser closes a connection that was not used."""

BROKEN = (httpcore.NetworkError, httpcore.ProtocolError)


class Failed(Exception):
    """There is no good answer; the text is a reason that others have too, with nothing in it of this one request."""

    def __init__(self, reason: str, region: str = "") -> None:
        super().__init__(reason)
        self.region = region


@dataclass(frozen=True)
class Answer:
    """A good answer."""

    status: int
    headers: Sequence[tuple[str, str]]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode(errors="replace")

    @property
    def region(self) -> str:
        """Who gave it, as it says itself; "" where it does not."""
        return str(_said(self.body).get("region", ""))

    def told(self, name: str) -> Any:
        """Return a field of JSON.

        Raises:
            Failed: There is none.
        """
        found = _said(self.body)
        if name not in found:
            raise Failed(f"{self.status} without `{name}`", self.region)
        return found[name]


@dataclass
class Visitor:
    """One browser.

    Args:
        trusted: Whose certificates it trusts.
        names: What it knows of names.
        patience: Seconds that it waits for an answer.
    """

    trusted: ssl.SSLContext
    names: Names = field(default_factory=Names)
    patience: float = PATIENCE
    _pools: dict[str, httpcore.AsyncConnectionPool] = field(default_factory=dict)

    async def __aenter__(self) -> Visitor:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None) -> None:
        for pool in self._pools.values():
            await pool.aclose()

    async def ask(self, method: str, url: str, headers: Mapping[str, str] | None = None, body: bytes | None = None) -> Answer:
        """Ask for something.

        Raises:
            Failed: Nobody answers in time, or the answer is no good one.
        """
        # what only reads is asked for once more where the connection was let go just then, as browsers do
        for once_more in (True, False) if method == "GET" else (False,):
            try:
                async with asyncio.timeout(self.patience):
                    answer = await self._pool(url).request(method, url, headers=list((headers or {}).items()), content=body)
                break
            except (TimeoutError, httpcore.TimeoutException):
                raise Failed(f"no answer in {self.patience:g} s") from None
            except httpcore.ConnectError as error:
                raise Failed(f"no connection: {error or type(error).__name__}") from None
            except BROKEN as error:
                if not once_more:
                    raise Failed("the connection broke off") from error
        if answer.status >= 400:
            said = _said(answer.content)
            raise Failed(f"{answer.status} {said.get('title', '')}".strip(), str(said.get("region", "")))
        headers_there = [(name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in answer.headers]
        return Answer(answer.status, headers_there, answer.content)

    def _pool(self, url: str) -> httpcore.AsyncConnectionPool:
        where = urlsplit(url).netloc
        if where not in self._pools:
            self._pools[where] = httpcore.AsyncConnectionPool(
                ssl_context=self.trusted, max_connections=CONNECTIONS, keepalive_expiry=IDLE, network_backend=ByName(self.names)
            )
        return self._pools[where]


def _said(body: bytes) -> Mapping[str, Any]:
    """Return what a body of JSON says; nothing where it is none."""
    try:
        found = json.loads(body) if body.lstrip().startswith(b"{") else {}
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
