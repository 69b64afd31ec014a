"""The filters `kc_client_accounts` and `kc_client_secrets`: what a client has that shares the platform's MySQL."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Clients = Mapping[str, Mapping[str, Any]]


def kc_client_accounts(clients: Clients) -> dict[str, dict[str, Any]]:
    """Return an account a client, as `kc_mysql_accounts` has it: it owns the database of its name, and sees no other.

    Args:
        clients: What is said of each client's account, by the client's name.
    """
    return {
        client: {"instance": "main", "secret": _secret(client), "databases": {client: "own"}, **about} for client, about in clients.items()
    }


def kc_client_secrets(clients: Clients) -> dict[str, dict[str, Any]]:
    """Return the secrets of these accounts, as `kc_secrets` has them."""
    return {_secret(client): {"description": f"The MySQL user of {client}", "username": client} for client in clients}


def _secret(client: str) -> str:
    return f"mysql-{client}"


class FilterModule:
    """The filters by name."""

    def filters(self) -> dict[str, Any]:
        return {"kc_client_accounts": kc_client_accounts, "kc_client_secrets": kc_client_secrets}
