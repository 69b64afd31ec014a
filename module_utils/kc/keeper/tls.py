"""A node's way to a member: TLS, verified both ways."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..errors import KcError
from ..sql.node import Node
from ..sql.way import Way as Command


@dataclass(frozen=True)
class Way:
    """How a node reaches members.

    Attributes:
        port: Of the members, for clients.
        ca: File of the authority's certificate.
        certificate: File of the node's own.
        key: File of its key.
        timeout: Seconds for a connection, and for each answer.
        via: The command that leads to members, where they are not reached directly (sql/way.py).
    """

    port: int
    ca: str
    certificate: str
    key: str
    timeout: float = 5.0
    via: tuple[str, ...] = ()

    @classmethod
    def of(cls, params: Mapping[str, Any], timeout: float = 5.0) -> Way:
        """Return the way that a module's options name (`options.COMMON`)."""
        return cls(params["port"], params["ca"], params["certificate"], params["key"], timeout, tuple(params.get("via") or ()))

    def connect(self, member: str) -> ssl.SSLSocket:
        """Connect to a member, `host` or `host:port`.

        Raises:
            KcError: It can't be reached, or one of the two does not take the other's certificate.
        """
        try:
            context = ssl.create_default_context(cafile=self.ca)
            context.minimum_version = ssl.TLSVersion.TLSv1_2
            context.load_cert_chain(self.certificate, self.key)
        except (OSError, ssl.SSLError) as error:
            raise KcError(f"the node's certificate can't be used: {_said(error)}", hint="the role `certificate` makes it") from error
        node = Node.parse(member, self.port, "a member")
        command = Command(self.via, node) if self.via else None
        try:
            raw = command.socket if command else socket.create_connection((node.host, node.port), self.timeout)
        except OSError as error:
            raise KcError(f"{node} can't be reached: {_said(error)}", transient=True) from error
        raw.settimeout(self.timeout)
        try:
            return context.wrap_socket(raw, server_hostname=node.host)
        except (OSError, ssl.SSLError) as error:
            why = (command.failed() if command else "") or _said(error)
            raw.close()
            raise KcError(f"{node} speaks no TLS that both take: {why}", transient=True) from error


def _said(error: BaseException) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return error.verify_message
    if isinstance(error, ssl.SSLError):
        return (error.reason or str(error)).replace("_", " ").lower()
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower() + (f" ({error.filename})" if error.filename else "")
    return str(error) or type(error).__name__
