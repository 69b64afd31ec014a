"""What stands in the ensemble, as a server sees it."""

from __future__ import annotations

from .connection import Server
from .errors import NodeError
from .quote import value

REFUSED, NO_NODE = 999, "No node"
"""The server's code for what the ensemble says no to, and the ensemble's words for a place that is not there."""


def children(server: Server, path: str) -> list[str] | None:
    """Return what stands below a place of the cluster's part of the ensemble; None where that place is not there.

    Raises:
        NodeError: The ensemble does not answer.
    """
    try:
        return [row[0] for row in server.rows(f"SELECT name FROM system.zookeeper WHERE path = {value(path)}")]
    except NodeError as error:
        if error.server_code == REFUSED and NO_NODE in error.message:
            return None
        raise
