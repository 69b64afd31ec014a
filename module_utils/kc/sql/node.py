"""Where a database server answers, how to be let in, and a socket whose other end has proved its name."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from ..errors import KcError


@dataclass(frozen=True, order=True)
class Node:
    """Where a server answers."""

    host: str
    port: int

    @classmethod
    def parse(cls, text: str, port: int, option: str = "`nodes`") -> Self:
        """Return the node that `host` or `host:port` names.

        Raises:
            KcError: It names none.
        """
        host, colon, own = text.strip().rpartition(":")
        if not colon or (":" in host and not host.endswith("]")):  # no port, or an IPv6 address without brackets
            host, own = text.strip(), str(port)
        host = host.removeprefix("[").removesuffix("]")
        odd = not host or any(one.isspace() or not one.isprintable() for one in host)
        if odd or not own.isdecimal() or not 0 < int(own) < 65536:
            raise KcError(f"{option}: {text!r} is no node", hint="write `host` or `host:port`")
        return cls(host, int(own))

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True)
class Access:
    """How to be let in.

    Attributes:
        user: Whose name to use.
        password: Its password; never shown.
        ca: File of the authority (PEM) whose certificates are trusted, and no other's.
        timeout: Seconds for a connection, and for each answer to begin.
        via: The command that leads to servers, where they are not reached directly (way.py).
    """

    user: str
    password: str = field(repr=False)
    ca: str
    timeout: float = 30
    via: tuple[str, ...] = ()

    @classmethod
    def of(cls, params: Mapping[str, Any]) -> Self:
        """Return how a task's options let it in."""
        via = tuple(params.get("via") or ())
        return cls(user=params["user"], password=params["password"], ca=params["ca"], timeout=params["timeout"], via=via)

    def context(self) -> ssl.SSLContext:
        """Return what verifies a server's certificate and name.

        Raises:
            KcError: The authority's file is none.
        """
        try:
            return ssl.create_default_context(cafile=self.ca)
        except OSError as error:
            why = "holds no certificate" if isinstance(error, ssl.SSLError) else error.strerror or str(error)
            raise KcError(f"`ca`: {self.ca}: {why}", hint="give the file that holds the authority's certificate (PEM)") from None
