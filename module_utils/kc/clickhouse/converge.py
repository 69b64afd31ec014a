"""What the modules for databases and tables do: look on every node, plan, apply, and look again."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, cast

from ..errors import KcError
from ..spec import spec_of
from .cluster import Cluster, wait_for
from .connection import Server
from .entry import Params, Report, Step
from .options import TABLE
from .quote import check_name, name, shown, value
from .table import DATA, Table, create, drop
from .table_difference import Difference, difference
from .table_scratch import Scratch, check_engine
from .table_standing import standing
from .table_wanted import wanted
from .version import Version


def look(cluster: Cluster, params: Params, report: Report, question: Callable[[Server], Any]) -> dict[Server, Any]:
    """Ask all nodes; absent ones are an error, unless there is a cluster whose queue they will find on return.

    Raises:
        KcError: A node is absent and `cluster` is not given, or a node says no.
    """
    if not params.get("cluster"):
        return cluster.all(question)
    answers, absent = cluster.present(question)
    report.missed(absent)
    return answers


def _steps(params: Params, servers: list[Server], statement: tuple[str, str]) -> list[Step]:
    """Return a statement for all nodes through the cluster's queue, or for those that need it where there is no cluster."""
    before, after = statement
    if params.get("cluster"):
        return [Step(servers[0], before, params["cluster"], after, params["wait"])]
    return [_step(params, server, statement) for server in servers]


def _step(params: Params, server: Server, statement: tuple[str, str]) -> Step:
    """Return a statement for one node."""
    return Step(server, statement[0], after=statement[1], wait=params["wait"])


# --- databases


def databases(cluster: Cluster, params: Params, report: Report) -> None:
    """The work of kc_clickhouse_database."""
    tables_ = [_table(params, at, each) for at, each in enumerate(params.get("tables") or [])]
    for label, options in tables_ if not report.check and params["state"] == "present" else []:
        # what is refused of any of them is so before the first is made
        _labelled(label, cluster, options, Report(check=True))
    _database(cluster, params, report)
    for label, options in tables_ if params["state"] == "present" else []:
        _labelled(label, cluster, options, report)


def _labelled(label: str, cluster: Cluster, options: Params, report: Report) -> None:
    """Do a table's work; an error says which one's it is."""
    try:
        tables(cluster, options, report)
    except KcError as error:
        error.message = f"`{label}`: {error.message}"
        raise


def _table(params: Params, at: int, given: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return the label of an element of `tables`, and the options that kc_clickhouse_table has for it.

    Raises:
        KcError: It has an option that there is not, or lacks one.
    """
    label = f"tables[{at}]"
    spec = spec_of(TABLE)
    unknown = sorted(set(given) - set(spec))
    if unknown:
        raise KcError(f"`{label}.{unknown[0]}`: there is no such option", hint=f"these are possible: {', '.join(spec)}")
    options = _filled(spec, given, label)
    return label, {**params, **options, "database": params["name"], "data": "keep"}


def _filled(spec: Mapping[str, Any], given: Mapping[str, Any], label: str) -> dict[str, Any]:
    """Return options with their defaults, and each of the type that it should be."""
    kinds = {"str": (str, int, float), "list": (list,), "dict": (dict,), "bool": (bool,)}
    filled: dict[str, Any] = {}
    for option, about in spec.items():
        found = given.get(option, about.get("default"))
        if found is None and about.get("required"):
            raise KcError(f"`{label}.{option}` is missing", hint="give it")
        if found is not None and not isinstance(found, kinds[about["type"]]):
            raise KcError(f"`{label}.{option}`: {shown(str(found))} is no {about['type']}", hint="look at the module's documentation")
        if about.get("choices") and found not in about["choices"]:
            raise KcError(f"`{label}.{option}`: {shown(str(found))} is none of {', '.join(about['choices'])}", hint="take one of them")
        if about.get("elements") == "dict":
            listed = cast("list[Mapping[str, Any]]", found or [])
            filled[option] = [_filled(about["options"], each, f"{label}.{option}[{number}]") for number, each in enumerate(listed)]
        else:
            filled[option] = found
    return filled


def _database(cluster: Cluster, params: Params, report: Report) -> None:
    database = params["name"]
    check_name(database, what="`name`")
    if any(not one.isprintable() for one in database):
        raise KcError(f"`name`: {shown(database)} holds a character that can't be printed", hint="name it without line breaks and the like")
    if database.lower() in ("system", "information_schema", "default"):
        raise KcError(f"`name`: {database} is the server's own", hint="take another name")

    def question(server: Server) -> tuple[Version, str | None, list[tuple[str, str]]]:
        where = f"= {value(database)}"
        engine = server.one(f"SELECT engine FROM system.databases WHERE name {where}")
        tables = server.rows(f"SELECT name, engine FROM system.tables WHERE database {where} ORDER BY name") if engine else []
        return server.version, engine, [(str(each), str(kind)) for each, kind in tables]

    found = look(cluster, params, report, question)
    version = min(each[0] for each in found.values())
    there = {server: each[1] for server, each in found.items() if each[1]}
    if params["state"] == "present":
        engine = params.get("engine") or ("Atomic" if version.has("Atomic databases") else "Ordinary")
        if engine == "Atomic":
            version.need("Atomic databases")
        other = {str(server.node): stands for server, stands in there.items() if params.get("engine") and stands != engine}
        if other:
            raise KcError(
                f"`engine`: {', '.join(f'{stands} stands on {node}' for node, stands in other.items())}, {engine} is wanted",
                hint="a database keeps its engine: make another one and move the tables, or leave `engine` out",
            )
        missing = [server for server in found if server not in there]
        if missing:
            report.plan(_steps(params, missing, (f"CREATE DATABASE IF NOT EXISTS {name(database)}", f"ENGINE = {engine}")))
            report.differs(f"database {database}", "", f"ENGINE {engine}\n")
        report.outputs["engine"] = next(iter(there.values()), engine)
    elif there:
        held = sorted({table for _, _, tables in found.values() for table, kind in tables if re.match(DATA, kind)})
        if held and params["data"] != "delete":
            report.outputs["kept"] = [f"{database}.{each}" for each in held]
            return
        after = "SYNC" if version.has("DROP SYNC") else ""
        report.plan(_steps(params, list(there), (f"DROP DATABASE IF EXISTS {name(database)}", after)))
        report.differs(f"database {database}", "".join(f"{each}\n" for each in held) or "empty\n", "")
    if report.apply():
        _verify(params, list(found), lambda server: _there(server, database) == (params["state"] == "present"), f"database {database}")


def _there(server: Server, database: str) -> bool:
    return bool(server.one(f"SELECT count() FROM system.databases WHERE name = {value(database)}"))


def _verify(params: Mapping[str, Any], servers: list[Server], right: Callable[[Server], bool], what: str) -> None:
    """Wait until a node after the other is as it should be.

    Raises:
        KcError: One is not; all such are named.
    """
    wrong = [str(server.node) for server in servers if not wait_for(lambda server=server: right(server), params["wait"])]  # type: ignore[misc]
    if wrong:
        raise KcError(
            f"{what} is not as wanted on {', '.join(wrong)}, {params['wait']} s after the statements",
            hint="run it again; `kc_clickhouse_info` tells what a replica waits for",
        )


# --- tables


def tables(cluster: Cluster, params: Params, report: Report) -> None:
    """The work of kc_clickhouse_table."""
    database, table = params["database"], params["name"]
    for option in ("database", "name"):
        check_name(params[option], what=f"`{option}`")
    found = look(cluster, params, report, lambda server: (server.version, standing(server, database, table), _there(server, database)))
    version: Version = min(each[0] for each in found.values())
    there: dict[Server, Table] = {server: each[1] for server, each in found.items() if each[1] is not None}
    if params["state"] == "absent":
        _absent(params, report, there, list(found), version)
        return
    first = next(iter(there), next(iter(found)))
    if params["kind"] == "table":
        check_engine(first, params.get("engine") or "")
    ignored: list[str] = []
    wants = wanted(params, version, ignored)
    ignored = list(dict.fromkeys(ignored))
    if ignored:
        report.outputs["ignored"] = [*report.outputs.get("ignored", []), *(f"{table}: {each}" for each in ignored)]
        report.warnings.append(f"{database}.{table}: ClickHouse {version} does without {'; '.join(ignored)}")
    scratch = Scratch(first)
    if not wants.view:
        wants = scratch.canonical(wants)
    without = [str(server.node) for server, each in found.items() if not each[2]]
    if without and not report.check:
        raise KcError(
            f"`database`: {shown(database)} does not stand on {', '.join(without)}", hint="make it with kc_clickhouse_database before"
        )
    dropped = list(params.get("drop") or [])
    twice = sorted({each.name for each in wants.columns} & set(dropped))
    if twice:
        raise KcError(f"`drop`: {shown(twice[0])} is wanted in `columns`", hint="take it out of one of them")
    found_differences = {server: difference(stands, wants, version, dropped, scratch.query) for server, stands in there.items()}
    _refuse(params, found_differences)
    _plan(params, report, wants, found, there, found_differences, version)
    if report.apply():

        def right(server: Server) -> bool:
            stands = standing(server, database, table)
            if stands is None:
                return False
            left = difference(stands, wants, version, dropped, scratch.query)
            return not (left.alters or left.refused or left.remake)

        _verify(params, list(found), right, f"table {database}.{table}")


def _refuse(params: Params, differences: Mapping[Server, Difference]) -> None:
    lines: dict[str, list[str]] = {}
    for server, each in differences.items():
        for line in each.refused:
            lines.setdefault(line, []).append(str(server.node))
        if each.remake and not params.get("replace"):
            line = "`select`, `target`: another view stands there; what is inserted while it is made again would be missing in its target"
            lines.setdefault(line, []).append(str(server.node))
    if lines:
        text = "; ".join(f"{line} (on {', '.join(nodes)})" for line, nodes in lines.items())
        raise KcError(
            f"{params['database']}.{params['name']}: {text}",
            hint="nothing was changed; make another table and copy, or give what the message names (`drop`, `replace`)",
        )


def _plan(
    params: Params,
    report: Report,
    wants: Table,
    found: Mapping[Server, Any],
    there: Mapping[Server, Table],
    differences: Mapping[Server, Difference],
    version: Version,
) -> None:
    label = f"{'view' if wants.view else 'table'} {wants.database}.{wants.name}"
    differing = [server for server, each in differences.items() if each.alters or each.remake]
    steps: list[Step] = []
    # replicas hand a change on to each other: one of them gets it
    for server in differing[:1] if wants.replicated else differing:
        each = differences[server]
        after = each.after or wants
        if each.remake:
            steps += [_step(params, server, drop(wants, version)), _step(params, server, create(wants))]
        steps += [_step(params, server, (statement, "")) for statement in each.alters]
        report.differs(f"{label} on {server.node}", there[server].text(), after.text())
    if differing and report.absent and not (wants.replicated and _all_have_it(differing[0], wants, len(params["nodes"]))):
        raise KcError(
            f"{label}: {', '.join(report.absent)} is absent and has no replica of it yet, so would miss the change",
            hint="nothing was changed; run it again when all nodes are there",
        )
    missing = [server for server in found if server not in there]
    if missing:
        # a replica must be made with the very columns that the others have, in their order
        model = next((each.after for each in differences.values() if each.after is not None), None) if wants.replicated else None
        made = wants if model is None else _like(wants, model)
        steps += _steps(params, missing, create(made))
        report.differs(f"{label} on {', '.join(str(server.node) for server in missing)}", "", made.text())
    report.plan(steps)


def _all_have_it(server: Server, table: Table, nodes: int) -> bool:
    """Whether the ensemble knows as many replicas of a table as there are nodes: whoever is absent gets a change from it."""
    where = f"WHERE database = {value(table.database)} AND table = {value(table.name)}"
    return int(server.one(f"SELECT total_replicas FROM system.replicas {where}") or 0) >= nodes


def _like(wants: Table, model: Table) -> Table:
    comments = {each.name: each.comment for each in wants.columns}
    columns = tuple(replace(each, comment=each.comment if comments.get(each.name) is not None else None) for each in model.columns)
    return replace(wants, columns=columns, settings={**model.settings, **wants.settings})


def _absent(params: Params, report: Report, there: Mapping[Server, Table], servers: list[Server], version: Version) -> None:
    if not there:
        return
    stands = next(iter(there.values()))
    label = f"{params['database']}.{params['name']}"
    if re.match(DATA, stands.engine) and params["data"] != "delete":
        report.outputs["kept"] = [label]
        return
    report.plan(_steps(params, list(there), drop(stands, version)))
    report.differs(f"table {label}", stands.text(), "")
    if report.apply():
        _verify(params, servers, lambda server: standing(server, params["database"], params["name"]) is None, f"table {label}")
