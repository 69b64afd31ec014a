"""What a ClickHouse server, or the way to it, says no with: which node, the code, and what to do."""

from __future__ import annotations

from collections.abc import Iterable

from ..sql.errors import HIDDEN, UNREACHABLE, UNTRUSTED, NodeError, hide
from ..sql.errors import of_network as _of_network

__all__ = ["HIDDEN", "HINTS", "UNREACHABLE", "UNTRUSTED", "NodeError", "hide", "of_network", "of_server"]

_CREDENTIALS = "look at `user` and `password`: the node takes others (were they changed on one node only?)"
_ENSEMBLE = "look at the ensemble: does it have a majority, and does the node reach it? `kc_clickhouse_info` tells"

HINTS = {
    57: "another one of this name stands there",
    60: "is the table there on this node? `kc_clickhouse_table` makes it",
    62: "this is a defect of the toolkit if the text is its own: report it with the result's `statements`",
    81: "is the database there on this node? `kc_clickhouse_database` makes it",
    82: "another one of this name stands there",
    159: "the statement goes on: look again later",
    164: "the user may only read: use one whose profile is not readonly",
    170: "the node's configuration (`remote_servers`) doesn't know this cluster: give one of `system.clusters`",
    192: _CREDENTIALS,
    193: _CREDENTIALS,
    194: _CREDENTIALS,
    195: "the user may not come from this address: add it to the user's networks",
    202: "the node has as many queries as it takes: try again later, or raise `max_concurrent_queries`",
    225: "the node's configuration names no ensemble (`zookeeper`): converge it with the role `clickhouse`",
    241: "the query needs more memory than its user may take: raise `max_memory_usage` of the profile",
    242: "the replica does not take writes: `kc_clickhouse_info` tells why, `kc_clickhouse_replica` puts it right",
    253: "the ensemble still knows a replica of this name there: docs/operations/replica.md has how a lost one is rebuilt or removed",
    291: "the user may not use this database: grant it with `kc_clickhouse_user`",
    497: "the user lacks a right: grant it, or use the administrator",
    516: _CREDENTIALS,
    999: _ENSEMBLE,
}
"""What to do, by the server's code (src/Common/ErrorCodes.cpp)."""


def of_network(node: str, error: OSError, timeout: float) -> NodeError:
    """Return what went wrong on the way to a node, or with its certificate."""
    return _of_network(node, error, timeout, service="clickhouse-server", option="`nodes`", port="9440 is the native protocol's")


def of_server(node: str, code: int, text: str, secrets: Iterable[str] = ()) -> NodeError:
    """Return what a server has said, on one line, without its stack and without secrets."""
    said = text.split("Stack trace:")[0].removeprefix("DB::Exception: ").strip(" \n.")
    return NodeError(node, hide(" ".join(said.split()), secrets), code=code, hint=HINTS.get(code, ""))
