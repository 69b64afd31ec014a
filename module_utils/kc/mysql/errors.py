"""What a MySQL server, or the way to it, says no with: which node, the code, and what to do."""

from __future__ import annotations

from collections.abc import Iterable

from ..sql.errors import HIDDEN, UNTRUSTED, NodeError, hide
from ..sql.errors import of_network as _of_network

__all__ = ["HIDDEN", "HINTS", "UNTRUSTED", "NodeError", "hide", "of_network", "of_server"]

DENIED, USER_LIMIT, NO_DATABASE, NO_TABLE = 1045, 1226, 1049, 1146

_RIGHT = "the user lacks a right: use the administrator, or grant it"
_READ_ONLY = "it is read only: is it a replica, or frozen? `kc_mysql_info` tells"

HINTS = {
    1040: "the server has as many connections as it takes: close some, or raise `max_connections`",
    DENIED: "look at `user` and `password`, and whether the account may come from here, over TLS",
    1044: _RIGHT,
    1142: _RIGHT,
    1143: _RIGHT,
    1227: _RIGHT,
    1130: "no account may come from this host: look at the accounts' hosts",
    1205: "somebody holds a lock: `SHOW PROCESSLIST` tells who",
    1290: _READ_ONLY,
    1836: _READ_ONLY,
    USER_LIMIT: "the account has as many connections as it may: close some",
    1819: "the server's password policy wants a stronger one: take it from the platform's secrets",
    3159: "the server takes connections over TLS only",
    3118: "the account is locked: `ALTER USER … ACCOUNT UNLOCK`, after a look at why",
    3098: "the table lacks what the server's plugins require",
}
"""What to do, by the server's code (MySQL manual, Server Error Message Reference)."""


def of_network(node: str, error: OSError, timeout: float, option: str = "`host`") -> NodeError:
    """Return what went wrong on the way to a server, or with its certificate."""
    return _of_network(node, error, timeout, service="mysqld", option=option, port="3306 by default")


def of_server(node: str, code: int, text: str, secrets: Iterable[str] = ()) -> NodeError:
    """Return what a server has said, on one line and without secrets."""
    return NodeError(node, hide(" ".join(text.split()).rstrip("."), secrets), code=code, hint=HINTS.get(code, ""))


def is_read_only(error: NodeError) -> bool:
    """Whether a write was refused because the server is read only; 1290 has other reasons too."""
    return error.server_code == 1836 or (error.server_code == 1290 and "read-only" in error.message)
