"""What kc_mysql_freeze does: nobody writes any more, which is proved by trying as the application; and its undo."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from ..errors import KcError
from . import gtid
from .connection import Server
from .databases import SYSTEM
from .entry import Act, Params, Report, Step, other, wait_for
from .errors import NodeError, is_read_only
from .lineage import demoted
from .quote import name, shown, value
from .rds import Instance
from .state import State, look

NOT_OURS = ("event_scheduler", "system user")
"""What a list of connections has that no client opened."""

SETTLED = 1.0
"""Seconds between two looks at the transactions that must be the same."""


def work(server: Server, params: Params, report: Report) -> None:
    """Freeze the server, or thaw it."""
    instance = Instance(params["rds"]) if params["rds"] else None
    state = look(server)
    if params["state"] == "thawed":
        _thaw(server, state, instance, params, report)
        return
    if state.channels:
        raise KcError(f"{server.node} follows another, and is read only as such", hint="freeze the source")
    frozen = state.read_only and (state.super_read_only or instance is not None)
    if not frozen:
        report.differs(f"writes on {server.node}", "accepted\n", "refused\n")
        report.plan(_freezing(server, instance, params["wait"]))
        report.plan(_killing(server, instance, params, report))
    report.apply()
    if report.check:
        return
    proof = prove(server, params)
    report.outputs = {"frozen": True, "proof": proof, "executed": settled(server, params["wait"])}


def _freezing(server: Server, instance: Instance | None, wait: int) -> Iterator[Any]:
    if instance is None:
        # begins when the commits that run have ended; a transaction that is open can't commit any more
        yield Step(server, "SET PERSIST super_read_only = ON", seconds=wait)
        return
    yield instance.set("read_only", "1")
    yield Act(server.node, "SELECT @@global.read_only: 1", lambda: until_read_only(server, True, wait))


def until_read_only(server: Server, wanted: bool, wait: int) -> None:
    """Wait until an instance of RDS is read only, or is not any more; it may restart meanwhile.

    Raises:
        KcError: Not in time.
    """

    def is_so() -> bool:
        try:
            return bool(server.one("SELECT @@global.read_only")) is wanted
        except NodeError as error:
            if not error.absent:
                raise
            return False

    if not wait_for(is_so, wait, 0.5):
        raise KcError(
            f"{server.node} has not got read_only {int(wanted)} within {wait} s",
            hint="is its parameter group the instance's, and is it in sync? Run this again",
        )


def _killing(server: Server, instance: Instance | None, params: Params, report: Report) -> Iterator[Act]:
    """Yield the end of what others have open: applications notice, and look up who takes writes."""
    if not params["kill"]:
        return

    def act() -> None:
        for number, user in _clients(server, params["user"]):
            try:
                server.run(f"CALL mysql.rds_kill({number})" if instance else f"KILL {number}")
            except NodeError as error:
                if error.server_code == NOT_OWNER:
                    report.warnings.append(f"connection {number} of {user} stays: its user has more rights than this one")
                elif error.server_code != NO_SUCH_THREAD:
                    raise

    yield Act(server.node, "KILL the connections of others", act)


NO_SUCH_THREAD, NOT_OWNER = 1094, 1095


def _clients(server: Server, own: str) -> list[tuple[int, str]]:
    rows = server.rows("SELECT id, user, command FROM performance_schema.processlist")
    return [
        (int(number), str(user))
        for number, user, command in rows
        if user not in (*NOT_OURS, own, "rdsadmin") and not str(command).startswith("Binlog Dump") and command != "Daemon"
    ]


def prove(server: Server, params: Params) -> str:
    """Try to write as the application, and return how it was refused. What is tried changes nothing where it is let.

    Raises:
        KcError: It was let, or nothing could be tried that only a frozen server refuses.
    """
    probe = params["probe"]
    if not probe:
        raise KcError("`probe` is missing", hint="give the application's user and password: that it can't write is what has to be proved")
    denied: list[str] = []
    with Server(server.node, replace(server.access, user=probe["user"], password=probe["password"])) as client:
        tables = [tuple(probe["table"].split(".", 1))] if probe.get("table") else _tables(client)
        for table in tables:
            statement = f"DELETE FROM {name(*table, what='`probe.table`')} WHERE FALSE"
            try:
                client.run(statement)
            except NodeError as error:
                if is_read_only(error):
                    return f"{probe['user']}: {statement}: {error.said}"
                if error.absent:
                    raise
                denied.append(f"{'.'.join(table)}: {error.said}")
                continue
            raise KcError(
                f"{server.node} still takes writes: {shown(probe['user'])} may {statement}", hint="it is not frozen: run this again"
            )
    what = "; ".join(denied[:3]) or "it sees no table"
    raise KcError(
        f"{server.node}: nothing is proved by {shown(probe['user'])}: {what}",
        hint="give `probe.table`, one that the application deletes from",
    )


def _tables(client: Server) -> list[tuple[str, str]]:
    return [
        (str(schema), str(table))
        for schema, table in client.rows(
            "SELECT table_schema, table_name FROM information_schema.tables WHERE table_type = 'BASE TABLE' "
            f"AND table_schema NOT IN ({', '.join(value(each) for each in sorted(SYSTEM))}) ORDER BY 1, 2 LIMIT 50"
        )
    ]


def settled(server: Server, wait: float) -> str:
    """Return the transactions that a frozen server has, once they are the same twice.

    Raises:
        KcError: They go on changing.
    """
    end, before = time.monotonic() + wait, gtid.normal(str(server.one("SELECT @@global.gtid_executed")))
    while True:
        time.sleep(SETTLED)
        now = gtid.normal(str(server.one("SELECT @@global.gtid_executed")))
        if now == before:
            return now
        if time.monotonic() > end:
            raise KcError(
                f"{server.node} is read only, and still has new transactions after {wait:g} s: {before} became {now}",
                hint="an administrator writes: look at SHOW PROCESSLIST",
            )
        before = now


def _thaw(server: Server, state: State, instance: Instance | None, params: Params, report: Report) -> None:
    """Have it take writes again, unless another does.

    Raises:
        KcError: It is a replica, or was a source before the one that is now, or the other server does or may take writes.
    """
    if not state.read_only and not (instance and instance.parameter("read_only")):
        report.outputs = {"frozen": False}
        return
    if state.channels:
        raise KcError(f"{server.node} is a replica of {state.channels[0].source}", hint="`kc_mysql_promotion` makes a replica the source")
    if params["other"]:
        with other(params, "other") as there:
            _other_is_quiet(server, state, there, params["database"])
    elif not params["alone"]:
        raise KcError(
            "`other` is missing", hint="name the server that might take writes meanwhile, or say `alone: true` where there is none"
        )
    if demoted(server, state.uuid, params["database"]):
        raise KcError(f"{server.node} is a former source: another was promoted in its place", hint="`kc_mysql_rebuild` makes it a replica")
    report.differs(f"writes on {server.node}", "refused\n", "accepted\n")
    if instance is None:
        report.plan(Step(server, f"SET PERSIST {each} = OFF") for each in ("super_read_only", "read_only"))
    else:
        report.plan(
            [
                instance.set("read_only", ""),
                Act(server.node, "SELECT @@global.read_only: 0", lambda: until_read_only(server, False, params["wait"])),
            ]
        )
    report.apply()
    report.outputs = {"frozen": report.check}


def _other_is_quiet(server: Server, state: State, there: Server, database: str) -> None:
    try:
        found = look(there)
    except NodeError as error:
        raise KcError(
            f"{server.node} stays frozen, since nobody knows whether {there.node} takes writes: {error.message}", hint="bring it back first"
        ) from None
    if not found.read_only:
        raise KcError(
            f"{server.node} stays frozen: {there.node} takes writes",
            hint="it is the source now: `kc_mysql_rebuild` makes this one its replica",
        )
    if demoted(there, state.uuid, database):
        raise KcError(f"{server.node} is a former source: another was promoted in its place", hint="`kc_mysql_rebuild` makes it a replica")
