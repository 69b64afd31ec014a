"""One server, over TLS, with PyMySQL (1.0.2 of Debian 12 and later ones)."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

from ..errors import KcError
from ..sql.connection import Connection
from ..sql.errors import UNREACHABLE
from ..sql.node import Access, Node
from ..sql.statement import Statement, of
from ..sql.way import Way
from .errors import UNTRUSTED, NodeError, of_network, of_server

__all__ = ["PORT", "SOCKET", "Access", "Local", "Node", "Server"]

PORT = 3306

SOCKET = "/run/mysqld/mysqld.sock"
"""Where a server of ours takes connections of its own node, as Debian's programs expect it."""

SESSION = "SET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION', time_zone = '+00:00', lock_wait_timeout = {seconds}"
"""What every connection begins with: quoting depends on `sql_mode`, and no lock is waited for for ever."""


class Server(Connection[Node]):
    """A connection to a server.

    Every error is a `NodeError`. Each statement is a transaction of its own.
    """

    encrypted: ClassVar[bool] = True

    def __init__(self, node: Node, access: Access) -> None:
        super().__init__(node, access)
        self._connection: Any = None

    def rows(self, statement: str | Statement) -> list[tuple[Any, ...]]:
        """Return what a statement answers, a tuple a row."""
        return self._ask(statement)[1]

    def dicts(self, statement: str | Statement) -> list[dict[str, Any]]:
        """Return what a statement answers, a mapping a row."""
        names, rows, _ = self._ask(statement)
        return [dict(zip(names, row, strict=True)) for row in rows]

    def run(self, statement: str | Statement) -> int:
        """Run a statement whose answer is of no interest; return how many rows it has changed."""
        return self._ask(statement)[2]

    def close(self) -> None:
        """Close the connection, if there is one."""
        if self._connection is not None and self._connection.open:
            self._connection.close()
        self._connection = None

    def _ask(self, statement: str | Statement) -> tuple[list[str], list[tuple[Any, ...]], int]:
        wanted = of(statement)
        connection = self._open()

        def ask() -> tuple[list[str], list[tuple[Any, ...]], int]:
            with connection.cursor() as cursor:
                changed = cursor.execute(wanted.text)
                return [column[0] for column in cursor.description or ()], list(cursor.fetchall()), changed

        return self.guarded(ask, wanted.secrets)

    def _open(self) -> Any:
        """Return a connection that is open; PyMySQL closes its own after every error of the network."""
        if self._connection is None or not self._connection.open:
            self._connection = self.connected()
        return self._connection

    def connected(self, **more: Any) -> Any:
        """Return a connection of PyMySQL's that is nobody else's, with `more` of its options; who asks for it closes it.

        Raises:
            NodeError: There is none.
        """
        try:
            import pymysql
            from pymysql.constants import CLIENT
        except ImportError:
            raise KcError("this host's Python has no PyMySQL", hint="install the Debian package python3-pymysql") from None

        class Encrypted(pymysql.connections.Connection):
            """One that says nothing in plain text: PyMySQL before 1.2 goes on without TLS where the server offers none."""

            def _get_server_information(self) -> None:
                super()._get_server_information()
                if not self.server_capabilities & CLIENT.SSL:
                    raise pymysql.err.InternalError(PLAIN, "it offers no TLS")

        kind = Encrypted if self.encrypted else pymysql.connections.Connection
        return self.guarded(lambda: self._begun(kind, more), ())

    def _begun(self, kind: Callable[..., Any], more: Mapping[str, Any]) -> Any:
        """Return a connection that has begun; what the way there complained of is told, rather than that it ended."""
        options = {**self._way(), **self._session(), **more}
        if not self.access.via:
            return kind(**options)
        way = Way(self.access.via, self.node)
        way.socket.settimeout(self.access.timeout)
        made = kind(**options, defer_connect=True)
        try:
            made.connect(way.socket)
        except (OSError, EOFError, made.Error) as error:
            said = way.failed()
            if said and _broke_off(error):
                raise NodeError(str(self.node), f"the way to it, `{self.access.via[0]}`, says: {said}", code=UNREACHABLE) from None
            raise
        return made

    def _way(self) -> dict[str, Any]:
        """Return how it is reached, as the driver has it."""
        access = self.access
        return {
            "host": self.node.host,
            "port": self.node.port,
            "user": access.user,
            "password": access.password,
            "ssl": access.context(),
        }

    def _session(self) -> dict[str, Any]:
        timeout = self.access.timeout
        return {
            "charset": "utf8mb4",
            "autocommit": True,
            "connect_timeout": timeout,
            "read_timeout": timeout,
            "write_timeout": timeout,
            "program_name": "kc",
            "init_command": SESSION.format(seconds=max(1, int(timeout))),
        }

    def certificate(self) -> bytes:
        """Return the certificate (DER) that the server shows."""
        return bytes(self._open()._sock.getpeercert(binary_form=True))

    def guarded(self, call: Callable[[], Any], secrets: Sequence[str]) -> Any:
        """Return what `call` does; what the driver raises becomes a `NodeError`."""
        import pymysql

        node, timeout = str(self.node), self.access.timeout
        try:
            return call()
        except pymysql.err.Error as error:
            code, *said = error.args if error.args else (0, "")
            if code == PLAIN:
                raise NodeError(
                    node, str(said[0]), code=UNTRUSTED, hint="give the server a certificate of the platform's authority"
                ) from None
            known = getattr(error, "original_exception", None) or error.__context__
            if isinstance(known, OSError):
                raise of_network(node, known, timeout) from None
            if code in LOST:
                raise of_network(node, ConnectionError(0, "it closed the connection"), timeout) from None
            if not isinstance(code, int):
                code, said = 0, [str(error)]
            raise of_server(node, code, str(said[0]) if said else type(error).__name__, (*secrets, self.access.password)) from None
        except UnicodeError as error:  # a name that can't be one
            raise of_network(node, socket.gaierror(str(error)), timeout) from None
        except (OSError, EOFError) as error:
            raise of_network(node, error if isinstance(error, OSError) else ConnectionError(0, str(error)), timeout) from None


class Local(Server):
    """A connection of root to a server of this node, by its socket: the system says who it is, and no password is asked for."""

    encrypted: ClassVar[bool] = False

    def __init__(self, timeout: float, socket: str = SOCKET) -> None:
        super().__init__(Node("localhost", PORT), Access("root", "", "", timeout))
        self.socket = socket

    def _way(self) -> dict[str, Any]:
        return {"unix_socket": self.socket, "user": self.access.user}


def _broke_off(error: Exception) -> bool:
    """Whether a connection ended, and nobody on the other side said why: a certificate that is refused is a reason."""
    known = getattr(error, "original_exception", error)
    return error.args[:1] in {(code,) for code in LOST} or (isinstance(known, OSError) and not isinstance(known, ssl.SSLError))


PLAIN = -1
LOST = {2006, 2013, 2014}
"""The driver's own codes for a connection that is gone (include/errmsg.h)."""
