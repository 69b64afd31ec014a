"""What of the Internet may be told something, and how: tenants choose the URL, so it must not lead to what only this machine can reach.

HTTPS with a certificate that is verified, and no redirect. The name is resolved here, every address is judged, and one of these very
addresses is connected to: whoever owns the name can't have it mean another one in between.
"""

from __future__ import annotations

import ipaddress
import re
import socket
import ssl
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import anyio
import anyio.to_thread
import httpcore
import httpx

from .settings import Network

URL_MAX = 2048
PORT = 443
"""The one of HTTPS alone: where workers run, no other leads out to the Internet."""

SECONDS = 10.0
"""From the resolving of the name to the status of the answer, all in all."""

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolve = Callable[[str, int], list[str]]


class Unfit(Exception):
    """A URL that nothing is sent to; the text says why."""


class Unreached(Exception):
    """Nobody answered; the text says why, and nothing of what a name means in here."""


def target(text: str, any_port: bool = False) -> httpx.URL:
    """Return a URL that a notice may be sent to, as far as it can be told without asking where it leads.

    Args:
        text: It.
        any_port: Whether it may lead to another port than that of HTTPS.

    Raises:
        Unfit: It is none.
    """
    if not re.fullmatch(rf"[!-~]{{1,{URL_MAX}}}", text):
        raise Unfit(f"`url` is a text of 1 to {URL_MAX} characters, all of them printable ASCII")
    try:
        found = httpx.URL(text)
    except httpx.InvalidURL:
        raise Unfit("`url` is no URL") from None
    if found.scheme != "https":
        raise Unfit("`url` begins with https://")
    if found.userinfo or found.fragment:
        raise Unfit("`url` has neither a user nor a fragment")
    if not re.fullmatch(r"[a-z0-9._-]+", found.host):
        raise Unfit("`url` has the name of a host: letters, digits, - and .")
    if found.port not in (None, PORT) and not any_port:
        raise Unfit(f"the port of `url` is {PORT}")
    return found


def is_public(address: Address) -> bool:
    """Return whether an address is one of the Internet's, of a single host.

    The tables are IANA's, special-purpose address registries of IPv4 and IPv6; those of older Pythons have gaps.
    """
    if isinstance(address, ipaddress.IPv4Address):
        return address.is_global and not address.is_multicast and not _within(address, _SPECIAL)
    if address in _NAT64:  # means the IPv4 address that it ends in
        return is_public(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
    return address in _UNICAST and address.is_global and not _within(address, _SPECIAL)


_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_UNICAST = ipaddress.IPv6Network("2000::/3")
"""All that was given to hosts. Beside it are mapped, compatible, local, private and multicast addresses, and others that nobody has."""
_SPECIAL: tuple[Network, ...] = tuple(
    map(
        ipaddress.ip_network,
        (
            "192.0.0.0/24",  # protocols
            "192.88.99.0/24",  # relays of 6to4
            "2001::/23",  # protocols, Teredo among them
            "2001:db8::/32",  # documentation
            "2002::/16",  # 6to4
            "3fff::/20",  # documentation
        ),
    )
)


def _within(address: Address, networks: Iterable[Network]) -> bool:
    return any(address in each for each in networks)


def resolved(host: str, port: int) -> list[str]:
    """Return all addresses of a host.

    Raises:
        OSError: It has none.
    """
    return [*dict.fromkeys(str(found[4][0]) for found in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))]


class Sender:
    """Sends notices.

    Args:
        networks: That may be reached though they are not the Internet's. With any, so may all ports.
        resolve: Returns a host's addresses.
    """

    def __init__(self, networks: Iterable[Network] = (), resolve: Resolve = resolved) -> None:
        named = tuple(networks)
        self._any_port = bool(named)
        self._network = _Judged(named, resolve)
        self._trusted = ssl.create_default_context()  # the system's authorities, or SSL_CERT_FILE's

    def post(self, url: str, headers: Mapping[str, str], body: bytes) -> int:
        """Send a body; return the status of the answer, of which nothing else is read.

        Raises:
            Unfit: It is no URL to be sent to.
            Unreached: There was no answer in time, or nobody may be asked.
        """
        return anyio.run(self._post, target(url, self._any_port), headers, body)

    async def _post(self, url: httpx.URL, headers: Mapping[str, str], body: bytes) -> int:
        where = httpcore.URL(scheme=b"https", host=url.raw_host, port=url.port or PORT, target=url.raw_path)
        said = [(b"host", url.netloc), *((name.encode(), value.encode()) for name, value in headers.items())]
        try:
            with anyio.fail_after(SECONDS):
                async with (
                    httpcore.AsyncConnectionPool(self._trusted, network_backend=self._network) as pool,
                    pool.stream("POST", where, headers=said, content=body) as answer,
                ):
                    return int(answer.status)
        except TimeoutError:
            raise Unreached(f"no answer in {SECONDS:.0f} seconds") from None
        except (httpcore.NetworkError, httpcore.ProtocolError) as error:
            raise Unreached(_words(error)) from None


class _Judged(httpcore.AsyncNetworkBackend):
    """Connects to hosts all of whose addresses may be reached, and to no other."""

    def __init__(self, networks: tuple[Network, ...], resolve: Resolve) -> None:
        self._networks = networks
        self._resolve = resolve
        self._inner = httpcore.AnyIOBackend()

    async def connect_tcp(self, host: str, port: int, *more: Any, **options: Any) -> httpcore.AsyncNetworkStream:
        found = await self._addresses(host, port)
        for address in found[:-1]:
            try:
                return await self._inner.connect_tcp(address, port, *more, **options)
            except httpcore.ConnectError:
                continue
        return await self._inner.connect_tcp(found[-1], port, *more, **options)

    async def _addresses(self, host: str, port: int) -> list[str]:
        try:
            found = await anyio.to_thread.run_sync(self._resolve, host, port, abandon_on_cancel=True)
        except (OSError, UnicodeError):
            found = []
        # one answer for both: else whoever asks would learn which names there are in here
        if not found or not all(self._may(ipaddress.ip_address(each)) for each in found):
            raise Unreached("the host has no address, or one that is not the Internet's")
        return found

    def _may(self, address: Address) -> bool:
        return is_public(address) or _within(address, self._networks)


def _words(error: Exception) -> str:
    for cause in error.args:  # httpcore's errors have the one that they stand for
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"the certificate is not to be trusted: {cause.verify_message}"
    if isinstance(error, httpcore.ConnectError):
        return "no connection with TLS could be made"
    return "the connection broke off, or what came was no HTTP"
