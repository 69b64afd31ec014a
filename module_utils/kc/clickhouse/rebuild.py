"""A node that has lost its disk: its tables are made again from the others' definitions, and its replicas fetch the rows.

Statements are run on that node alone, and none of them takes anything away: an empty replica says nothing to the others but that it
lacks what they have. Where a server is older than DROP REPLICA, the replica's place in the ensemble is taken over: ATTACH
with a definition finds no parts on the disk, and fetches all that the place is said to have and all that came since. Newer servers
give the place up, and make another.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from graphlib import TopologicalSorter

from ..errors import KcError
from .cluster import Cluster, raise_all, wait_for
from .connection import Server
from .definition import Definition
from .ensemble import children
from .entry import Params, Report, Step
from .health import look
from .info import PAUSE
from .quote import name, value
from .restore import MARK, Partition, partitions
from .selection import OWN, Name
from .table import DATA
from .table_standing import view_of


@dataclass(frozen=True)
class Model:
    """A table as another node has it.

    Attributes:
        server: That node.
        engine: The table's engine.
        create: Its definition.
        since: When that was written.
        views: Materialised views that what is inserted into it goes to.
        path: Where it stands in the ensemble, and `replica`, its name there; empty where it is not replicated.
    """

    server: Server
    engine: str
    create: str
    since: datetime
    views: tuple[Name, ...]
    path: str = ""
    replica: str = ""

    @property
    def replicated(self) -> bool:
        return bool(self.path)


def rebuild(cluster: Cluster, wanted: Sequence[Name], params: Params, report: Report) -> None:
    """Give a node the tables that it lacks, and wait until it has the others' rows.

    Raises:
        KcError: The node or all others are absent, something would have to be guessed, or it has not all rows in time.
    """
    end = time.monotonic() + params["wait"]
    node = _named(cluster, params["node"])
    answers, failures = cluster.ask(_tables)
    raise_all(error for server, error in failures.items() if server is node or not error.absent)
    there = answers.pop(node)
    models: dict[Name, Model] = {}
    for tables in answers.values():
        models = tables | models
    models = {table: model for table, model in models.items() if not wanted or table in wanted}
    if not models:
        raise KcError(
            f"no other node has a table that {node.node} could be given", hint="name all nodes of its cluster; or restore a backup"
        )
    missing = {table: model for table, model in models.items() if table not in there}
    plain = {table for table, model in missing.items() if not model.replicated and re.match(DATA, model.engine)}
    made = {table: model for table, model in missing.items() if table not in plain}
    report.outputs["rebuilt"] = [".".join(table) for table in sorted(made)]
    report.outputs["left_out"] = [".".join(table) for table in sorted(plain)]
    report.plan(_databases(node, made))
    report.plan(_statements(node, made, report, end))
    report.apply()
    if not report.check:
        _wait(cluster, node, [table for table, model in models.items() if model.replicated], params["wait"], end)


def _named(cluster: Cluster, text: str) -> Server:
    found = [server for server in cluster.servers if text in (str(server.node), server.node.host)]
    if len(found) != 1:
        raise KcError(
            f"`node`: {text!r} is none of the nodes", hint=f"it is one of {', '.join(str(each.node) for each in cluster.servers)}"
        )
    return found[0]


def _tables(server: Server) -> dict[Name, Model]:
    """Return what a node has.

    Raises:
        KcError: A table of it is being restored.
    """
    replicas = {(each.database, each.table): each for each in look(server).tables.values()}
    columns = ("database", "name", "engine", "metadata_modification_time", "dependencies_database", "dependencies_table")
    found = {}
    for row in server.dicts(columns, f"FROM system.tables WHERE database NOT IN ({', '.join(map(value, OWN))}) AND NOT is_temporary"):
        table = (row["database"], row["name"])
        if row["name"].endswith(MARK):
            raise KcError(
                f"{server.node}: {'.'.join(table).removesuffix(MARK)} is being restored", hint="complete that first: `state: restored`"
            )
        if row["name"].startswith(".inner"):  # comes with its view
            continue
        views = tuple(zip(row["dependencies_database"], row["dependencies_table"], strict=True))
        create = str(server.one(f"SHOW CREATE TABLE {name(*table)}"))
        replica = replicas.get(table)
        place = (replica.path, replica.replica) if replica else ("", "")
        found[table] = Model(server, row["engine"], create, row["metadata_modification_time"], views, *place)
    return found


def _databases(node: Server, made: Mapping[Name, Model]) -> Iterator[Step]:
    there = {row[0] for row in node.rows("SELECT name FROM system.databases")}
    for database in sorted({database for database, _ in made} - there):
        model = next(model for table, model in made.items() if table[0] == database)
        engine = model.server.one(f"SELECT engine FROM system.databases WHERE name = {value(database)}")
        yield Step(node, f"CREATE DATABASE {name(database)} ENGINE = {engine}")


def _statements(node: Server, made: Mapping[Name, Model], report: Report, end: float) -> Iterator[Step]:
    """Yield what makes the tables, in an order in which no insert misses a view: what an older server attaches may lack its source."""
    macros = {f"{{{macro}}}": text for macro, text in node.rows("SELECT macro, substitution FROM system.macros")}
    newer = node.version.has("DROP REPLICA")
    # a view that looks at another was made after it
    views = sorted((table for table, model in made.items() if model.engine.endswith("View")), key=lambda table: (made[table].since, table))
    tables = [table for table in _targets_first(made) if table not in views]
    for table in [*tables, *views] if newer else [*views, *tables]:
        model = made[table]
        known = model.replicated and _known(node, table, model, macros)
        if known and not report.check:
            _session_ends(node, table, model, known, end)
        if newer and known:
            yield Step(model.server, f"SYSTEM DROP REPLICA {value(known)} FROM ZKPATH {value(model.path)}")
        again = "ATTACH" if not newer and (known or not model.replicated) else "CREATE"
        yield Step(node, f"{again}{model.create.removeprefix('CREATE')}")


def _targets_first(made: Mapping[Name, Model]) -> list[Name]:
    """Return tables so that each comes after those that its views fill."""
    targets = {table: view_of(model.create)[0] for table, model in made.items() if model.engine == "MaterializedView"}
    graph = {table: [targets[view] for view in model.views if view in targets] for table, model in sorted(made.items())}
    return [table for table in TopologicalSorter(graph).static_order() if table in made]


def _known(node: Server, table: Name, model: Model, macros: Mapping[str, str]) -> str:
    """Return the node's replica of a table, where the ensemble knows one; empty where not.

    Raises:
        KcError: The table's definition would make another node's replica of it, or the ensemble has forgotten the table.
    """
    label, replica = ".".join(table), Definition.parse(model.create).replica.strip("'")
    for macro, text in macros.items():
        replica = replica.replace(macro, text)
    if replica == model.replica:
        raise KcError(
            f"{label}: its definition names the replica of {model.server.node}, {replica}",
            hint="a definition that is the same on all nodes has a macro there; make the table by hand",
        )
    replicas = children(node, f"{model.path}/replicas") or []
    if model.replica not in replicas:
        raise KcError(
            f"{label}: the ensemble has forgotten the replica of {model.server.node}",
            hint="`state: restored` over the other nodes first: an empty replica must not be the first one",
        )
    return replica if replica in replicas else ""


def _session_ends(node: Server, table: Name, model: Model, replica: str, end: float) -> None:
    """Wait until the session of the server that had the disk has ended: before, 18.16 takes inserts that others may give up again.

    Raises:
        KcError: It has not, in time.
    """

    def gone() -> bool:
        return "is_active" not in (children(node, f"{model.path}/replicas/{replica}") or [])

    if not wait_for(gone, max(0.0, end - time.monotonic()), PAUSE):
        raise KcError(
            f"{'.'.join(table)}: {replica} is active, although {node.node} lacks the table",
            hint="a session ends `clickhouse_session_timeout` seconds after its server; this one has not: find who has it",
        )


def _wait(cluster: Cluster, node: Server, tables: Sequence[Name], seconds: int, end: float) -> None:
    """Wait until the node's replicas have all that the others have. One whose old session has not ended yet says that it is in step.

    Raises:
        KcError: They have not, in time.
    """
    why: list[str] = []

    def complete() -> bool:
        others = [server for server in cluster.servers if server is not node]
        theirs, _ = cluster.ask(lambda server: {table: partitions(server, *table) for table in tables}, others)
        health = look(node)
        why.clear()
        for table in tables:
            replica, own = health.tables.get(".".join(table)), partitions(node, *table)
            late = replica.late if replica else ["no replica"]
            late += [
                f"it lacks rows of partition {partition} that {server.node} has"
                for server, found in theirs.items()
                for partition, has in found[table].items()
                if not own.get(partition, Partition()).covers(has)
            ]
            why.extend(f"{'.'.join(table)}: {reason}" for reason in late[:1])
        return not why

    if not wait_for(complete, max(0.0, end - time.monotonic()), PAUSE):
        raise KcError(f"{node.node} is not rebuilt after {seconds} s: {'; '.join(why)}", hint="run again: it goes on from here")
