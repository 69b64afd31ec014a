"""This node's ClickHouse server: what `kc.sql.service` has to know of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ..sql import service
from . import health
from .connection import Node, Server


@dataclass(frozen=True)
class Service(service.Service):
    """This node's server, which is back when its tables have all that their logs have."""

    log: ClassVar[str] = "/var/log/clickhouse-server/clickhouse-server.err.log"
    running: ClassVar[str] = "SELECT query_id FROM system.processes WHERE query NOT LIKE '%system.processes%'"

    def connection(self, host: str) -> Server:
        """Return a connection to a node, as the administrator."""
        return Server(Node(host, self.port), self.access)

    def lacking(self) -> str:
        """Return why this node's tables are not ready; empty where all are."""
        with self.connection(self.host) as server:
            tables = health.look(server).tables.values()
        return "; ".join(f"{table.name}: {', '.join(table.reasons)}" for table in tables if table.reasons)
