"""A server's administrator: the account that comes over TLS, by its password, and may do everything."""

from __future__ import annotations

from .connection import Server
from .password import matches
from .quote import account, value
from .statement import Statement


def statements(user: str, host: str, password: str) -> list[Statement]:
    """Return what makes the account."""
    who = account(user, host)
    return [
        Statement.with_secrets(f"CREATE USER {who} IDENTIFIED WITH caching_sha2_password BY {value(password)} REQUIRE SSL", password),
        Statement(f"GRANT ALL ON *.* TO {who} WITH GRANT OPTION"),
    ]


def foreign(server: Server, user: str, password: str) -> list[Statement]:
    """Return what gives the administrator this password; nothing where all accounts of this name have it."""
    kept = f"SELECT host, HEX(authentication_string) FROM mysql.user WHERE user = {value(user)}"
    return [
        Statement.with_secrets(f"ALTER USER {account(user, host)} IDENTIFIED BY {value(password)}", password)
        for host, text in server.rows(kept)
        if not matches(password, bytes.fromhex(text))
    ]


def have(server: Server, user: str, host: str, password: str) -> None:
    """Have the administrator be there, with this password; not in the binary log."""
    there = server.rows(f"SELECT 1 FROM mysql.user WHERE user = {value(user)}")
    server.run("SET sql_log_bin = 0")
    for statement in foreign(server, user, password) if there else statements(user, host, password):
        server.run(statement)
