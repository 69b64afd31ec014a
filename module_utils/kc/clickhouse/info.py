"""The module `kc_clickhouse_info`: health, lag and readiness, now or as soon as all is well."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import replace

from .cluster import Cluster, raise_all, wait_for
from .connection import Server
from .entry import Params, Report
from .errors import NodeError
from .health import Health, behind, look, notes, reasons, summary
from .quote import name

PAUSE = 1.0
"""Seconds between two looks."""


def work(cluster: Cluster, params: Params, report: Report) -> None:
    """Look at every node, and again until all are ready, or it has taken long enough."""
    begun = time.monotonic()
    found: dict[Server, Health] = {}

    def ready() -> bool:
        found.update(_look(cluster, params["databases"], params["rows"]))
        return not reasons({str(server.node): health for server, health in found.items()})

    wait = 0 if report.check else params["wait"]
    if not ready() and wait:
        end = begun + wait

        def followed() -> bool:
            sync(cluster, found, end - time.monotonic())
            return ready()

        wait_for(followed, max(0.0, end - time.monotonic()), PAUSE)
    nodes = {str(server.node): health for server, health in found.items()}
    why = reasons(nodes)
    report.outputs = {
        "ready": not why,
        "reasons": why,
        "notes": notes(nodes),
        "nodes": {node: health.facts for node, health in nodes.items()},
        "summary": summary(nodes),
        "waited": round(time.monotonic() - begun, 1) if wait else 0.0,
    }


def _look(cluster: Cluster, databases: list[str], rows: bool) -> dict[Server, Health]:
    """Ask all nodes; one that can't be asked is told as such.

    Raises:
        KcError: All are there and none lets us in, so that nothing is known.
    """
    answers, failures = cluster.ask(lambda server: look(server, databases, rows=rows))
    if not answers and not any(error.absent for error in failures.values()):
        raise_all(failures.values())
    return {server: answers.get(server) or _failed(failures[server]) for server in cluster.servers}


def _failed(error: NodeError) -> Health:
    return Health(error=error.message)


def sync(cluster: Cluster, found: Mapping[Server, Health], seconds: float) -> None:
    """Have the nodes that are behind follow, where the server can be told how long that may take."""
    late = {server: behind(health) for server, health in found.items() if not health.error and server.version.has("bounded SYNC")}

    def follow(server: Server) -> None:
        limit = math.ceil(max(1.0, seconds))
        with Server(server.node, replace(server.access, timeout=limit + server.access.timeout)) as own:
            own.set(receive_timeout=limit)
            for table in late[server]:
                own.run(f"SYSTEM SYNC REPLICA {name(table.database, table.table)}")

    # whether it has followed is looked at, not believed
    cluster.ask(follow, [server for server, tables in late.items() if tables])
