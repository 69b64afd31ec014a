"""One node, over TLS, with clickhouse-driver (0.2.5 of Debian 12 and later ones)."""

from __future__ import annotations

import datetime
import socket
import ssl
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from ..errors import KcError
from ..sql import node as sql
from ..sql.connection import Connection
from ..sql.node import Access
from ..sql.statement import Statement, of
from .errors import NodeError, of_network, of_server
from .quote import value
from .version import Version

__all__ = ["NATIVE", "Access", "Node", "Server"]

NATIVE = 9440
"""Port of the native protocol over TLS (ClickHouse, server settings, tcp_port_secure)."""


@dataclass(frozen=True, order=True)
class Node(sql.Node):
    """Where a server answers."""

    port: int = NATIVE

    @classmethod
    def parse(cls, text: str, port: int = NATIVE, option: str = "`nodes`") -> Self:
        """Return the node that `host` or `host:port` names.

        Raises:
            KcError: It names none.
        """
        return super().parse(text, port, option)


class Server(Connection[Node]):
    """A connection to a node.

    Every error is a `NodeError`. Settings are set with `SET`, never sent along with a query: 18.16 reads the numbers of
    newer clients wrongly (5 arrives as -3).
    """

    def __init__(self, node: Node, access: Access) -> None:
        super().__init__(node, access)
        self._settings: dict[str, int | str] = {}
        self._client: Any = None
        self._version: Version | None = None

    @property
    def version(self) -> Version:
        """The server's version."""
        if self._version is None:
            self._version = Version.parse(str(self.one("SELECT version()")))
        return self._version

    @property
    def certificate_ends(self) -> datetime.datetime:
        """When the certificate that it has shown ends."""
        if self._client is None or not self._client.connection.connected:
            self.one("SELECT 1")
        shown = self._client.connection.socket.getpeercert()
        return datetime.datetime.fromtimestamp(ssl.cert_time_to_seconds(shown["notAfter"]), datetime.UTC)

    def set(self, **settings: int | str) -> None:
        """Set settings for what follows."""
        self._settings.update(settings)
        self.close()

    def rows(self, statement: str | Statement) -> list[tuple[Any, ...]]:
        """Return what a statement answers, a tuple a row."""
        wanted = of(statement)
        client = self._open()
        return list(self._ask(client, wanted.text, wanted.secrets) or [])

    def dicts(self, columns: Sequence[str], rest: str) -> list[dict[str, Any]]:
        """Return `SELECT <columns> <rest>`, a mapping a row."""
        return [dict(zip(columns, row, strict=True)) for row in self.rows(f"SELECT {', '.join(columns)} {rest}")]

    def run(self, statement: str | Statement) -> None:
        """Run a statement whose answer is of no interest."""
        self.rows(statement)

    def until_error(self, statement: str | Statement) -> tuple[list[tuple[Any, ...]], NodeError | None]:
        """Return the rows that came before an error, and the error; None where there was none."""
        wanted = of(statement)
        client = self._open()
        rows: list[tuple[Any, ...]] = []
        try:
            self._guarded(lambda: rows.extend(client.execute_iter(wanted.text)), wanted.secrets)
        except NodeError as error:
            return rows, error
        return rows, None

    def insert(self, into: str, rows: Sequence[Sequence[Any] | Mapping[str, Any]]) -> None:
        """Insert rows as one block: `insert("INSERT INTO d.t (a, b) VALUES", [(1, 2)])`."""
        client = self._open()
        self._ask(client, into, (), list(rows))

    def close(self) -> None:
        """Close the connection, if there is one."""
        if self._client is not None:
            self._client.disconnect()
            self._client = None

    def _open(self) -> Any:
        """Return a client that is connected and has our settings; the driver drops its connection after every error."""
        if self._client is not None and self._client.connection.connected:
            # one that the server has closed meanwhile the driver makes again by itself, but without our settings
            if not self._settings or self._client.connection.ping():
                return self._client
            self.close()
        try:
            from clickhouse_driver import Client
        except ImportError:
            raise KcError(
                "this host's Python has no clickhouse-driver",
                hint="install the Debian package python3-clickhouse-driver, as the role `node` does",
            ) from None
        access = self.access
        client = Client(
            self.node.host,
            port=self.node.port,
            user=access.user,
            password=access.password,
            database="",
            secure=True,
            client_name="kc",
            connect_timeout=access.timeout,
            send_receive_timeout=access.timeout,
            sync_request_timeout=access.timeout,
        )
        # The driver's own way of verifying is not good enough: 0.2.5 verifies nothing at all, and none tells why it refused.
        if not hasattr(client.connection, "_create_socket"):
            raise KcError("this clickhouse-driver is not known to verify certificates as it should", hint="install 0.2.5 to 0.2.11")
        client.connection._create_socket = self._socket
        self._client = client
        for name, setting in self._settings.items():
            self._ask(client, f"SET {name} = {value(setting)}", ())
        return client

    def _socket(self, host: str, port: int) -> ssl.SSLSocket:
        """Return a connected socket whose other end has proved to be `host`."""
        context = self.access.context()
        plain = None
        try:
            plain = socket.create_connection((host, port), timeout=self.access.timeout)
            return context.wrap_socket(plain, server_hostname=host)
        except (OSError, UnicodeError) as error:
            if plain is not None:
                plain.close()
            known = error if isinstance(error, OSError) else socket.gaierror(str(error))  # a name that can't be one
            raise of_network(str(self.node), known, self.access.timeout) from None

    def _ask(self, client: Any, text: str, secrets: Sequence[str], data: list[Any] | None = None) -> Any:
        return self._guarded(lambda: client.execute(text, data) if data is not None else client.execute(text), secrets)

    def _guarded(self, call: Callable[[], Any], secrets: Sequence[str]) -> Any:
        """Return what `call` does; what the driver raises becomes a `NodeError`."""
        from clickhouse_driver import errors

        node, timeout = str(self.node), self.access.timeout
        try:
            return call()
        except errors.ServerException as error:
            raise of_server(node, int(error.code), error.message, (*secrets, self.access.password)) from None
        except (errors.SocketTimeoutError, TimeoutError):
            raise of_network(node, TimeoutError(), timeout) from None
        except (errors.NetworkError, EOFError, OSError):  # TLS that ends without a word is an OSError only
            raise of_network(node, ConnectionError(0, "it closed the connection"), timeout) from None
        except errors.Error as error:
            raise NodeError(node, f"{type(error).__name__}: {error}", hint="does a ClickHouse server answer there?") from None
