"""The platform's hosts as users reach them: found by the lab's DNS each time, over TLS that the lab's authority vouches for."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any

import dns.exception
import dns.message
import dns.query
import dns.rdatatype
import httpx
import yaml

from .settings import ROOT
from .world.ca import CA
from .world.net import MACHINE

PLATFORM = ROOT / "inventories" / "lab" / "group_vars" / "all" / "platform.yml"
DNS_SECONDS = 3.0


class Unreached(Exception):
    """Nobody answers; the text says what to do."""


def domain() -> str:
    """Return the lab's."""
    return str(yaml.safe_load(PLATFORM.read_text())["kc_domain"])


def addresses(name: str) -> list[str]:
    """Ask the lab's DNS as anybody on the Internet does.

    Raises:
        dns.exception.DNSException, OSError: It does not answer.
    """
    answer = dns.query.udp(dns.message.make_query(name, "A"), MACHINE, timeout=DNS_SECONDS)
    return [item.to_text() for each in answer.answer for item in each if item.rdtype == dns.rdatatype.A]


class Site:
    """A host of the platform.

    Args:
        home: The world's directory, with the authority.
        host: Its name before the domain.
        seconds: That an answer may take.

    Attributes:
        name: Its whole name.
    """

    def __init__(self, home: Path, host: str, seconds: float = 60) -> None:
        self.name = f"{host}.{domain()}"
        self._trusted = ssl.create_default_context(cafile=str(CA(home).pem))
        self._seconds = seconds

    def ask(self, method: str, path: str, token: str = "", **more: Any) -> httpx.Response:
        """Ask it something; whatever it answers is returned.

        Args:
            method, path: Of the request.
            token: Who asks, as a bearer; "": anybody.
            more: See `httpx.Client.request`.

        Raises:
            Unreached: Nobody answers.
        """
        headers = {"Host": self.name, **({"Authorization": f"Bearer {token}"} if token else {}), **more.pop("headers", {})}
        try:
            url = f"https://{self._address()}{path}"
            with httpx.Client(verify=self._trusted, timeout=self._seconds, trust_env=False) as client:
                return client.request(method, url, headers=headers, extensions={"sni_hostname": self.name}, **more)
        except (httpx.HTTPError, OSError, dns.exception.DNSException) as error:
            hint = "`make site` first; `python -m lab doctor` says what is wrong"
            raise Unreached(f"{self.name} does not answer ({error}): {hint}") from error

    def _address(self) -> str:
        found = addresses(self.name)
        if not found:
            raise Unreached(f"the lab's DNS has no address of {self.name}: `make site` first")
        return found[0]
