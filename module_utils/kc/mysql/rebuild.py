"""What kc_mysql_rebuild does: a former source becomes a replica of the new one, and is at no moment writable."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from typing import Any

from ..errors import KcError
from ..names import ASIDE
from . import gtid
from .connection import Server
from .entry import Act, Params, Report, Step, other, wait_for
from .errors import NodeError
from .info import sets_of
from .lineage import demoted, last
from .quote import value
from .rds import SETTLES, Instance
from .replication import Wanted, shown, steps_to_follow, verify
from .state import State, look
from .statement import Statement

STOPPED = 3707
"""The server's code for "cloned, and stopped": nobody but its service manager can start it again."""


def work(server: Server, params: Params, report: Report) -> None:
    """Have the server follow; clone it before, where it can't just follow."""
    with other(params, "source") as source:
        there = look(source)
        foreseen = report.check and params["foreseen"] and params["rds"]
        if (there.read_only or there.channels) and not foreseen:
            raise KcError(
                f"{source.node} is not the source: it {'follows another' if there.channels else 'is read only'}",
                hint="name the one that takes writes",
            )
        if params["rds"]:
            _set_aside(Instance(params["rds"]), source, params, report)
            return
        here = look(server)
        _may_be_rebuilt(here, there, source, params["database"])
        want = Wanted.of(params, source.node)
        sets = sets_of(server, here, there)
        errant = sets.errant or ""
        lacks = gtid.subtract(server, there.purged, here.executed)
        if errant and gtid.normal(params["discard"]) != errant:
            raise KcError(
                f"{server.node} has {gtid.count(errant)} transactions that {source.node} has not: {errant}",
                hint="look at them in its binary log; to throw away these and no others, give them as `discard`",
            )
        report.outputs = {"cloned": False, "discarded": errant}
        if not (here.read_only and here.super_read_only):
            report.plan([Step(server, "SET PERSIST super_read_only = ON")])
        if errant or lacks:
            report.outputs["cloned"] = True
            report.plan(_clone(server, source, here, want, params))
        else:
            report.plan(steps_to_follow(server, source, here, want, rds=False))
        if report.steps:
            report.differs(f"replication of {server.node}", shown(here), want.shown)
        report.apply()
        if not report.check:
            verify(server, source, params, report)
            now = look(server)
            if not now.super_read_only or sets_of(server, now, look(source)).errant:
                raise KcError(f"{server.node} follows, and is not what it should be", hint="`kc_mysql_info` tells; run this again")


def _may_be_rebuilt(here: State, there: State, source: Server, database: str) -> None:
    """Refuse a server that nobody has replaced.

    Raises:
        KcError: It takes writes, and as far as the source knows it may.
    """
    if here.uuid == there.uuid:
        raise KcError(f"{here.node} and {there.node} are the same server", hint="name two")
    if here.release != there.release:
        raise KcError(
            f"{here.node} is MySQL {here.version}, {there.node} {there.version}", hint="upgrade one, so that both are of one release"
        )
    if not (here.read_only or not here.executed or demoted(source, here.uuid, database)):
        raise KcError(
            f"{here.node} takes writes, and {there.node} was not promoted in its place", hint="name the former source, or freeze it first"
        )


def _clone(server: Server, source: Server, here: State, want: Wanted, params: Params) -> Iterator[Any]:
    if here.channels:
        yield Step(server, "STOP REPLICA")
        yield Step(server, "RESET REPLICA ALL")
    # what is written here is read at its next start, before it takes any connection: a clone brings no such file along
    yield Step(server, "SET PERSIST_ONLY super_read_only = ON")
    yield Step(server, f"SET GLOBAL clone_valid_donor_list = {value(str(source.node))}")
    yield Step(server, f"SET GLOBAL clone_ssl_ca = {value(want.ca)}")
    access = source.access
    statement = Statement.with_secrets(
        f"CLONE INSTANCE FROM {value(access.user)}@{value(source.node.host)}:{source.node.port} "
        f"IDENTIFIED BY {value(access.password)} REQUIRE SSL",
        access.password,
    )
    # a clone drops what is there, which super_read_only refuses (seen with 9.7.4); read_only stays, and a restart brings the other back
    yield Step(server, "SET GLOBAL super_read_only = OFF")
    yield Act(server.node, str(statement), lambda: _copy(server, statement, params["clone_wait"]))
    yield Act(server.node, "it is back, and read only", lambda: _back(server, params["wait"]))
    yield Step(server, want.statement)
    yield Step(server, "START REPLICA")


def _copy(server: Server, statement: Statement, wait: int) -> None:
    """Clone; the server restarts at the end, and says so by an error, or by closing the connection."""
    with server.patient(wait) as patient:
        try:
            patient.run(statement)
        except NodeError as error:
            if error.server_code != STOPPED and not error.absent:  # whether it was done is looked at when it is back
                server.run("SET GLOBAL super_read_only = ON")
                raise
    server.close()


def _back(server: Server, wait: int) -> None:
    """Wait until it answers again, and see at once that it takes no writes.

    Raises:
        KcError: It does not come back, or not read only, or the clone has failed.
    """

    def answers() -> bool:
        try:
            return bool(server.one("SELECT 1"))
        except NodeError as error:
            if not error.absent:
                raise
            return False

    if not wait_for(answers, wait, 0.2):
        raise KcError(f"{server.node} was cloned, and is not back after {wait} s", hint="start its service there, then run this again")
    if not server.one("SELECT @@global.super_read_only"):
        server.run("SET PERSIST super_read_only = ON")
        raise KcError(
            f"{server.node} came back writable, and was made read only", hint="look for transactions of its own, then run this again"
        )
    failed = server.rows("SELECT error_no, error_message FROM performance_schema.clone_status WHERE state <> 'Completed'")
    if failed:
        raise KcError(
            f"{server.node} was not cloned: {failed[0][0]} {failed[0][1]}", hint="put right what the error names, then run this again"
        )


def _set_aside(instance: Instance, source: Server, params: Params, report: Report) -> None:
    """Give a former source another name, so that a new replica can take its own; it keeps all that it holds.

    Raises:
        KcError: It is a replica, would come back writable, or nobody was promoted.
    """
    name = params["aside"] or f"{instance.name}{ASIDE}{datetime.datetime.now(datetime.UTC):%Y%m%d-%H%M%S}"
    report.outputs = {"aside": name}
    there = instance.called(name)
    if there.known() and not instance.known():
        if there.loosens() or there.describe()["DBInstanceStatus"] not in SETTLES:
            report.plan(instance.aside(name))
        report.apply()
        return
    if instance.source():
        raise KcError(f"{instance} is a replica already", hint="nothing is to be rebuilt")
    if not (report.check and params["foreseen"]):
        if last(source, params["database"]) is None:
            raise KcError(f"{source.node} knows of no promotion", hint="is it the new source?")
        if instance.parameter("read_only") != "1":
            raise KcError(f"{instance} would come back writable", hint="`kc_mysql_freeze` first, which its parameter group keeps")
    report.differs(f"name of {instance}", f"{instance.name}\n", f"{name}\n")
    report.plan(instance.aside(name))
    report.apply()
