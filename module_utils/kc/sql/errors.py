"""What a database server, or the way to it, says no with: which node, the code, and what to do."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterable
from typing import Any

from ..errors import KcError

HIDDEN = "********"
"""What stands for a secret in whatever is shown."""

UNREACHABLE, UNTRUSTED = "UNREACHABLE", "UNTRUSTED"
"""Codes of ours, where no server has given one: nothing answered there; something did that may not be trusted."""

_FOREIGN = ("its certificate is of a foreign authority", "is `ca` the platform's authority, and the node's certificate of it?")
_TRUST = {
    "certificate has expired": ("its certificate has expired", "let the role `certificate` make a new one"),
    "certificate is not yet valid": ("its certificate is not valid yet", "look at the clocks of both ends"),
    "self-signed certificate": _FOREIGN,
    "self signed certificate": _FOREIGN,
    "unable to get local issuer": _FOREIGN,
    "certificate signature failure": _FOREIGN,  # one of the same name
    "Hostname mismatch": ("its certificate is for other names", "use a name that the certificate has, or add it to `certificate_names`"),
    "IP address mismatch": ("its certificate is for other names", "use a name that the certificate has, or add it to `certificate_names`"),
}
"""What OpenSSL says of a certificate that it refuses, in our words, and what to do."""


class NodeError(KcError):
    """A node, or the way to it, has said no.

    Attributes:
        node: `host:port`.
        said: What it has said, without its name before it.
        server_code: The server's own code, or 0 where no server has given one.
    """

    def __init__(self, node: str, message: str, *, code: str | int = "", **facts: Any) -> None:
        super().__init__(f"{node}: {message}", code=str(code), **facts)
        self.node = node
        self.said = message
        self.server_code = code if isinstance(code, int) else 0

    @property
    def absent(self) -> bool:
        """Whether nothing answers there, so that a statement for all nodes has to wait for this one."""
        return self.code == UNREACHABLE

    def facts(self) -> dict[str, str]:
        """Return the error as data."""
        return {**super().facts(), "node": self.node}


def of_network(node: str, error: OSError, timeout: float, *, service: str, option: str, port: str) -> NodeError:
    """Return what went wrong on the way to a node, or with its certificate.

    Args:
        node: `host:port`.
        error: What the system, or OpenSSL, said.
        timeout: Seconds that it was waited for.
        service: The program that should run there.
        option: The option that names the node.
        port: What the server's port for TLS is, as the end of a sentence.
    """
    if isinstance(error, ssl.SSLEOFError):  # as one does that is about to end
        return NodeError(
            node,
            "it hung up before TLS stood",
            code=UNREACHABLE,
            hint=f"does {service} run there, and is this its port for TLS ({port})?",
            transient=True,
        )
    if isinstance(error, ssl.SSLError):
        why = getattr(error, "verify_message", "") or getattr(error, "reason", "") or str(error)
        for text, (message, hint) in _TRUST.items():
            if text in why:
                return NodeError(node, message, code=UNTRUSTED, hint=hint)
        return NodeError(node, f"no TLS with it: {why}", code=UNTRUSTED, hint=f"is this its port for TLS ({port})?")
    if isinstance(error, socket.gaierror):
        return NodeError(
            node, "its name is not known", code=UNREACHABLE, hint=f"look at {option}, and whether names of the private zone are known here"
        )
    if isinstance(error, TimeoutError):
        return NodeError(
            node,
            f"no answer within {timeout:g} s",
            code=UNREACHABLE,
            hint="does it run, and does the network let you through?",
            transient=True,
        )
    if isinstance(error, ConnectionRefusedError):
        return NodeError(node, "it does not listen", code=UNREACHABLE, hint=f"does {service} run there, and on this port?", transient=True)
    return NodeError(
        node,
        f"it can't be reached: {error.strerror or error}",
        code=UNREACHABLE,
        hint="does it run, and is there a way to it?",
        transient=True,
    )


def hide(text: str, secrets: Iterable[str]) -> str:
    """Return `text` with a mark in place of each secret; longer ones first, since one may be part of another."""
    for secret in sorted(filter(None, secrets), key=len, reverse=True):
        text = text.replace(secret, HIDDEN)
    return text
