"""The module `kc_clickhouse_replica`: replicas that follow, step aside, are given up, are brought back, or are made again.

Nothing of it goes through the queue of the ensemble: it is for when that, or a node, is not what it should be.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from ..errors import KcError
from .cluster import Cluster, raise_all, wait_for
from .connection import Server
from .ensemble import children
from .entry import Params, Report, Step
from .health import Health, Table, look
from .info import PAUSE, sync
from .quote import name, value
from .rebuild import rebuild
from .restore import restore
from .selection import Name, chosen, parse


def work(cluster: Cluster, params: Params, report: Report) -> None:
    """Bring the replicas into the wanted state."""
    wanted = [parse(table) for table in params["tables"]]
    STATES[params["state"]](cluster, wanted, params, report)


def synced(cluster: Cluster, wanted: Sequence[Name], params: Params, report: Report) -> None:
    """Wait until each replica has what it should have; that another one is absent is no matter.

    Raises:
        KcError: One has not, in time, or lacks a table.
    """
    end = time.monotonic() + params["wait"]
    found: dict[Server, Health] = {}

    def behind() -> list[str]:
        answers, failures = cluster.ask(look)
        raise_all(error for error in failures.values() if not error.absent)
        found.clear()
        found.update(answers)
        absent = [error.message for error in failures.values()]
        return [*absent, *(reason for server, health in answers.items() for reason in _behind(server, health, wanted))]

    def followed() -> bool:
        sync(cluster, found, end - time.monotonic())
        why[:] = behind()
        return not why

    why = behind()
    if why and not report.check and not wait_for(followed, params["wait"], PAUSE):
        raise KcError(
            f"not in step after {params['wait']} s: {'; '.join(why)}",
            hint="`kc_clickhouse_info` tells more; where coordination data is lost, `state: restored` brings replicas back",
        )
    report.outputs["behind"] = why


def _behind(server: Server, health: Health, wanted: Sequence[Name]) -> Iterator[str]:
    lacking = {f"{database}.{table}" for database, table in wanted} - health.tables.keys()
    yield from (f"{server.node}: it lacks {table}" for table in sorted(lacking))
    for table in chosen(health, wanted):
        yield from (f"{server.node}: {table.name}: {reason}" for reason in table.late)


def detached(cluster: Cluster, wanted: Sequence[Name], params: Params, report: Report) -> None:
    """Take replicas out of service; their files and their place in the ensemble stay, and a restart brings them back."""
    for server, health in cluster.all(look).items():
        tables = chosen(health, wanted)
        report.plan(Step(server, f"DETACH TABLE {name(table.database, table.table)}") for table in tables)
        report.outputs.setdefault("tables", {})[str(server.node)] = [table.name for table in tables]
    report.apply()


def attached(cluster: Cluster, wanted: Sequence[Name], params: Params, report: Report) -> None:
    """Bring back what was detached.

    Raises:
        KcError: No table is named: a server does not know those that it has not.
    """
    if not wanted:
        raise KcError("`tables` is empty", hint="name what is to be attached: `detached` gave it as `tables`")
    there = cluster.all(lambda server: {(row[0], row[1]) for row in server.rows("SELECT database, name FROM system.tables")})
    for server, tables in there.items():
        report.plan(Step(server, f"ATTACH TABLE {name(*table)}") for table in wanted if table not in tables)
    report.apply()


def dropped(cluster: Cluster, wanted: Sequence[Name], params: Params, report: Report) -> None:
    """Give up the replica of a node that does not come back: the others no longer wait for it, nor keep their log for it.

    Raises:
        KcError: There is no such replica to give up safely, or the servers can't do it.
    """
    replica, report.outputs["left"] = params["replica"], []
    if not replica:
        raise KcError("`replica` is missing", hint="name the replica that is given up, as `system.replicas` names it")
    answers, _ = cluster.present(look)
    server, health = next(iter(answers.items()))
    left: list[Table] = []
    for table in chosen(health, wanted):
        names = children(server, f"{table.path}/replicas")
        if replica not in (names or []):
            continue
        if table.replica == replica:
            raise KcError(
                f"{server.node}: {table.name}: {replica} is its own replica, and stands",
                hint="ask another node; one that stands drops its table",
            )
        if "is_active" in (children(server, f"{table.path}/replicas/{replica}") or []):
            raise KcError(f"{table.name}: {replica} is active", hint="stop its server first, or name the replica that is lost")
        left.append(table)
    report.outputs["left"] = [f"{table.path}/replicas/{replica}" for table in left]
    if not left:
        return
    if not server.version.has("DROP REPLICA"):
        paths = ", ".join(report.outputs["left"])
        raise KcError(
            f"{server.node}: ClickHouse {server.version} has no SYSTEM DROP REPLICA",
            hint=f"delete with the ensemble's own tool, below the cluster's root: {paths}",
        )
    report.plan(Step(server, f"SYSTEM DROP REPLICA {value(replica)} FROM ZKPATH {value(table.path)}") for table in left)
    report.apply()
    if not report.check:
        still = [table.name for table in left if replica in (children(server, f"{table.path}/replicas") or [])]
        if still:
            raise KcError(f"{server.node}: {replica} still stands in the ensemble, for {', '.join(still)}", hint="run again")


def restored(cluster: Cluster, wanted: Sequence[Name], params: Params, report: Report) -> None:
    """Bring back replicas of which the ensemble has lost what it knew, and see that they are in step."""
    restore(cluster, wanted, params, report)
    if report.done:
        synced(cluster, wanted, params, report)


States = Mapping[str, Callable[[Cluster, Sequence[Name], Params, Report], Any]]

STATES: States = {
    "synced": synced,
    "detached": detached,
    "attached": attached,
    "dropped": dropped,
    "restored": restored,
    "rebuilt": rebuild,
}
