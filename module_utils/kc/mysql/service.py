"""This node's MySQL server: what `kc.sql.service` has to know of it, its administrator's password, and the certificate that it shows."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from ..errors import KcError
from ..sql import service
from .administrator import foreign
from .connection import Local, Node, Server
from .errors import NodeError
from .quote import value
from .state import look
from .statement import Statement

CERTIFICATE = Path("/etc/kc/tls/node.pem")
"""What the role `certificate` has laid down."""


@dataclass(frozen=True)
class Service(service.Service):
    """This node's server, which is back when it follows whom it followed, and has applied what came."""

    running: ClassVar[str] = (
        "SELECT id FROM performance_schema.processlist WHERE id <> CONNECTION_ID() AND command IN ('Query', 'Execute') "
        "AND user NOT IN ('event_scheduler', 'system user')"
    )

    def present(self, *, check: bool = False) -> service.Result:
        """Have it run and serve, its administrator by the password that is given, and with the certificate that is there.

        Raises:
            KcError: It does not begin to serve, or its administrator's password is its source's to change.
        """
        foreign = self.foreign()
        result = super().present(check=check)
        if foreign:
            result.done.append("administrator")
        if not result.due and not (check and result.done) and self.shows_another():
            result.done.append("certificate")
            if not check:
                with Local(self.access.timeout) as server:
                    server.run("ALTER INSTANCE RELOAD TLS")
        return result

    def foreign(self) -> list[Statement]:
        """Return what gives its administrator the password that is given; nothing where it has it, or the server can't be asked."""
        try:
            with Local(self.access.timeout) as server:
                return foreign(server, self.access.user, self.access.password)
        except NodeError:
            return []

    def expected(self) -> str:
        """Return why it does not serve yet; a source gets its administrator's new password, by which its replicas get it too."""
        why = self.silent(self.host)
        if why and (statements := self.foreign()):
            with Local(self.access.timeout) as server:
                if look(server).super_read_only:
                    return f"its administrator has another password, and it is read only: a source changes it for its replicas. {why}"
                for each in statements:
                    server.run(each)
        return why

    def shows_another(self) -> bool:
        """Whether the server shows another certificate than the one that is there now."""
        try:
            wanted = ssl.PEM_cert_to_DER_cert(_first(CERTIFICATE.read_text()))
            with self.connection(self.host) as server:
                return server.certificate() != wanted
        except FileNotFoundError:
            raise KcError(f"there is no {CERTIFICATE} on {self.host}", hint="the role `certificate` comes before") from None

    def connection(self, host: str) -> Server:
        """Return a connection to a server, as the administrator."""
        return Server(Node(host, self.port), self.access)

    def lacking(self) -> str:
        """Return why it does not follow, or has not applied what came; empty where it follows nobody, or does and has."""
        with self.connection(self.host) as server:
            for channel in look(server).channels:
                if channel.io != "Yes" or channel.sql != "Yes":
                    said = channel.io_error or channel.sql_error
                    return f"it does not follow {channel.source}: io {channel.io}, sql {channel.sql} {said}".strip()
                if not server.one(f"SELECT GTID_SUBSET({value(channel.retrieved)}, @@global.gtid_executed)"):
                    return f"it has not applied all that came from {channel.source}"
        return ""


def _first(chain: str) -> str:
    """Return a chain's first certificate."""
    end = "-----END CERTIFICATE-----"
    return chain.partition(end)[0] + end
