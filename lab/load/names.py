"""Names as a browser knows them: asked for when it opens a connection, and remembered for as long as the answer is good."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Any

import dns.asyncquery
import dns.exception
import dns.message
import dns.rcode
import dns.rdatatype
import httpcore

from ..world.net import MACHINE

TRIES = 2
SECONDS = 2.0
"""How often a resolver is asked, and how long it is waited for each time."""


@dataclass(frozen=True)
class Answer:
    """What a name leads to.

    Attributes:
        addresses: IPv4, in the order in which they are tried.
        seconds: That the answer is good for.
    """

    addresses: tuple[str, ...]
    seconds: float


Ask = Callable[[str], Awaitable[Answer]]


def read(message: dns.message.Message) -> Answer:
    """Return what a resolver's message says; it is good for as long as the shortest-lived link of its chain. Pure."""
    addresses = tuple(item.to_text() for each in message.answer for item in each if item.rdtype == dns.rdatatype.A)
    return Answer(addresses, min((each.ttl for each in message.answer), default=0))


async def ask(name: str) -> Answer:
    """Ask the lab's DNS, as a user's machine does.

    Raises:
        OSError: It does not answer, or can't tell.
    """
    for left in reversed(range(TRIES)):
        try:
            message = await dns.asyncquery.udp(dns.message.make_query(name, "A"), MACHINE, timeout=SECONDS)
        except (dns.exception.DNSException, OSError) as error:
            if not left:
                raise OSError(f"the DNS does not answer ({type(error).__name__})") from error
        else:
            if message.rcode() not in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN):
                raise OSError(f"the DNS says {dns.rcode.to_text(message.rcode())}")
            return read(message)
    raise AssertionError("unreachable: the last try returns or raises")


class Names:
    """What one browser knows of names.

    Args:
        ask: Asks a resolver.
        clock: Seconds.
    """

    def __init__(self, ask: Ask = ask, clock: Callable[[], float] = time.monotonic) -> None:
        self._ask, self._clock = ask, clock
        self._known: dict[str, tuple[float, tuple[str, ...]]] = {}

    async def addresses(self, name: str) -> tuple[str, ...]:
        """Return a name's addresses.

        Raises:
            OSError: The DNS does not tell, or there are none.
        """
        until, known = self._known.get(name, (0.0, ()))
        if not known or self._clock() >= until:
            answer = await self._ask(name)
            if not answer.addresses:
                raise OSError("the DNS has no address")
            until, known = self._clock() + answer.seconds, answer.addresses
            self._known[name] = (until, known)
        return known


class ByName(httpcore.AsyncNetworkBackend):
    """Connections by name, for httpcore: a name is looked up when a connection is opened, and never while one stands."""

    def __init__(self, names: Names) -> None:
        self._names = names
        self._tcp = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Connect to the first address that answers."""
        try:
            *others, last = await self._names.addresses(host)
        except OSError as error:
            raise httpcore.ConnectError(str(error)) from error
        for address in others:
            try:
                return await self._tcp.connect_tcp(address, port, timeout, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                continue
        return await self._tcp.connect_tcp(last, port, timeout, local_address, socket_options)

    async def sleep(self, seconds: float) -> None:
        await self._tcp.sleep(seconds)
