"""What kc_mysql_promotion does: a replica takes its source's place, if the source still is who it was, and nobody else writes.

Everything before the point of no return can be undone, and is where it fails; from there on a run that is repeated completes it. The
point is one statement: `SET PERSIST read_only = OFF`, on RDS the call that promotes.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from ..errors import KcError
from . import gtid
from .connection import Server
from .entry import Act, Params, Report, Step, other
from .errors import NodeError
from .freeze import settled, until_read_only
from .info import Pair, pair
from .lineage import Promotion, last, recording
from .quote import name, value
from .rds import SETTLES, Instance
from .readiness import NAMES, Objection
from .state import State, look

NEVER = {"not_a_replica", "channels", "wrong_source", "same_server"}
"""Objections that no `accept` takes away."""
FORCED = {"source_silent", "errant_unknown", "io_stopped", "lag", "lag_unknown", "relay_log"}
"""Objections that a forced promotion is for; what it costs is told afterwards."""
WAITED = {"lag", "relay_log"}
"""Objections that the planned promotion's own gate waits out."""
STOPPED = {"io_stopped", "sql_stopped"}
"""Objections to what a promotion does itself."""

SILENT = 1.0
"""Seconds that a source which is fenced off is waited for, whenever it is asked: it is not expected to answer."""

NO_RETURN = "SET PERSIST read_only = OFF"


@dataclass
class Promoting:
    """One promotion under way.

    Attributes:
        found: Both servers as they were when it began.
        lost: What the source had and the new one has not; None is unknown.
        executed: What the new source had when it became that.
        returned: The point of no return is behind it.
        marked: A run before this one has said that it promotes, and may have asked for it: it may take effect at any moment.
    """

    server: Server
    source: Server
    params: Params
    report: Report
    found: Pair
    instance: Instance | None
    lost: str | None = None
    executed: str = ""
    stopped: bool = False
    returned: bool = False
    marked: bool = False
    unapplied: str = ""
    about: dict[str, Any] = field(default_factory=dict)

    @property
    def planned(self) -> bool:
        """Whether nothing may be lost."""
        return bool(self.params["mode"] == "planned")

    # --- what may be done

    @property
    def broken_off(self) -> bool:
        """Whether the replica's threads are stopped, both and without an error: as a run leaves them that is killed half-way."""
        channels = self.found.replica.channels
        return bool(channels) and all(each.io == each.sql == "No" and not (each.io_error or each.sql_error) for each in channels)

    def against(self) -> list[Objection]:
        """Return what stands against it, as far as it is not accepted."""
        params, found = self.params, self.found
        accepted = {*params["accept"]} | (WAITED if self.planned else FORCED) | (STOPPED if self.broken_off else set())
        against = [
            each for each in found.against(params["expected_source"], params["max_lag"]) if each.name in NEVER or each.name not in accepted
        ]
        if found.source is not None and found.source.uuid != params["expected_source"]:
            against.append(
                Objection(
                    "wrong_source",
                    f"{self.source.node} is {found.source.uuid}, not {params['expected_source']}",
                    "look at all servers first",
                )
            )
        if not (self.report.check and params["foreseen"]):
            against += self._fence()
        if self.instance is not None:
            status = str(self.instance.describe()["DBInstanceStatus"])
            if status not in SETTLES:
                against.append(
                    Objection("backing_up", f"{self.instance} is `{status}`, and is not promoted meanwhile", "wait until it is available")
                )
        return against

    def _fence(self) -> Iterator[Objection]:
        """Yield that the source might take writes beside the new one."""
        source = self.found.source
        if source is None:
            if not self.planned and not self.params["fenced"]:
                yield Objection(
                    "not_fenced", "its source is silent, and nobody has said that it is fenced off", "fence it, then say `fenced: true`"
                )
        elif not source.read_only:
            yield Objection("not_frozen", f"{source.node} still takes writes", "`kc_mysql_freeze` first")

    # --- its plan

    def plan(self) -> Iterator[Any]:
        """Yield what it is made of, in order."""
        server = self.server
        known = "the source has not changed, and all that it has is here" if self.planned else "what was lost is known"
        compare = Act(server.node, known, self._compare)
        if self.broken_off and self.instance is None:
            yield Act(server.node, self._start_text, self._start)
        yield Act(server.node, self._gate_text(), self._gate)
        if self.instance is None:
            yield Act(server.node, "STOP REPLICA", self._stop)
            yield compare
            yield Step(server, "SET PERSIST super_read_only = OFF")
            yield Act(server.node, NO_RETURN, self._no_return)
        else:
            yield self.instance.mark(self.params["expected_source"])
            yield compare
            yield Act(server.node, "rds promote_read_replica", self._no_return)
            yield from self.back(self.instance)
        yield from self.finish(self.found.replica)

    def back(self, instance: Instance) -> Iterator[Any]:
        """Yield the wait for an instance that RDS promotes: it restarts the server."""
        promoted = instance.promoted(self.params["promotion_wait"])
        yield Act(promoted.node, promoted.text, lambda: self._timed(promoted.act))
        yield Act(self.server.node, "SELECT @@global.read_only: 0", lambda: until_read_only(self.server, False, self.params["wait"]))

    def finish(self, replica: State, recorded: bool = False) -> Iterator[Any]:
        """Yield what is left to do once it takes writes."""
        if not recorded:
            yield Act(self.server.node, f"INSERT INTO {name(self.params['database'], 'promotions')}: the first write", self._record)
        if replica.channels and self.instance is None:
            yield Step(self.server, "RESET REPLICA ALL")
        if self.params["events"]:
            yield from (Step(self.server, f"ALTER EVENT {name(*each.split('.', 1))} ENABLE") for each in replica.events_aside)

    def _timed(self, wait: Callable[[], Any]) -> None:
        begun = time.monotonic()
        wait()
        self.about["waited"] = round(time.monotonic() - begun, 1)

    @property
    def _start_text(self) -> str:
        return "START REPLICA" if self.planned else "START REPLICA SQL_THREAD"

    def _start(self) -> None:
        self.stopped = True
        self.server.run(self._start_text)

    def _gate_text(self) -> str:
        what = "what the frozen source has" if self.planned else "what came"
        return f"SELECT WAIT_FOR_EXECUTED_GTID_SET(…): {what}, {self.params['wait']} s at most"

    def _gate(self) -> None:
        """Wait until it has all that it can have."""
        if self.planned:
            wanted = settled(self.source, self.params["wait"])
        elif "sql_stopped" in self.params["accept"]:
            return
        else:
            if self.instance is None:
                self.stopped = True
                self.server.run("STOP REPLICA IO_THREAD")  # what comes now would be lost, or not, by chance
            wanted = look(self.server).channels[0].retrieved
        wait = self.params["wait"]
        with self.server.patient(wait) as patient:
            late = patient.one(f"SELECT WAIT_FOR_EXECUTED_GTID_SET({value(wanted)}, {wait})")
        if late:
            has = look(self.server).executed
            lacks = gtid.subtract(self.server, wanted, has)
            raise KcError(
                f"{self.server.node} still lacks {gtid.count(lacks)} transactions after {wait} s: {lacks}",
                hint="wait for it (`wait`), or see in `kc_mysql_info` what holds it up",
            )

    def _stop(self) -> None:
        self.stopped = True
        self.server.run("STOP REPLICA")

    def _compare(self) -> None:
        """Compare, right before it swaps: is the source who it was, and still silent or frozen?

        Raises:
            KcError: It is not, or has transactions that would be lost.
        """
        replica = look(self.server)
        channel = replica.channels[0] if replica.channels else None
        if channel is None and self.marked:
            self.about["resumed"], self.executed = True, replica.executed
            return
        if channel is None or channel.source_uuid != self.params["expected_source"]:
            raise KcError(
                f"{self.server.node} does not follow {self.params['expected_source']} any more",
                hint="somebody else changes the roles: stop",
            )
        try:
            source: State | None = look(self.source)
        except NodeError as error:
            source = None
            if self.planned:
                raise KcError(f"its source is gone: {error.message}", hint="bring it back, or promote by force") from None
        if source is not None and not source.read_only:
            raise KcError(f"{source.node} takes writes again", hint="somebody has thawed it: freeze it, then run this again")
        if source is not None and source.uuid != self.params["expected_source"]:
            raise KcError(f"{source.node} is another server now, {source.uuid}", hint="look at all servers before anything else")
        known = source.executed if source else gtid.normal(self.params["executed"]) if self.params["executed"] else None
        self.executed = replica.executed
        self.unapplied = gtid.subtract(self.server, channel.retrieved, replica.executed)
        self.lost = None if known is None else gtid.subtract(self.server, known, replica.executed)
        if self.planned and self.lost:
            raise KcError(
                f"{gtid.count(self.lost)} transactions would be lost: {self.lost}", hint="somebody wrote to the source: run this again"
            )

    def _no_return(self) -> None:
        self.returned = True  # the answer may be lost: from here on nothing is undone
        if self.instance is None:
            self.server.run(NO_RETURN)
        else:
            self.instance.promote(self.params["backup_days"]).run()

    def _record(self) -> None:
        about = Promotion(self.params["expected_source"], self.found.replica.uuid, self.params["mode"], self.executed, self.lost)
        for step in recording(self.server, self.params["database"], about):
            step.run()

    def undo(self) -> None:
        """Have it follow again, as before."""
        if self.instance is None and self.stopped and not self.returned:
            for statement in ("SET PERSIST super_read_only = ON", "START REPLICA"):
                self.server.run(statement)
            self.about["undone"] = True


def work(server: Server, params: Params, report: Report) -> None:
    """Promote the replica, go on with a promotion that was broken off, or find it done.

    Raises:
        KcError: Something stands against it; before the point of no return all is as it was.
    """
    _check(params)
    instance = Instance(params["rds"]) if params["rds"] else None
    if instance and not report.check and instance.promoting(params["expected_source"]):
        instance.promoted(params["promotion_wait"]).run()  # until then the server may not answer
        until_read_only(server, False, params["wait"])
    with other(params, "source") as source:
        if params["fenced"]:
            source.access = replace(source.access, timeout=min(SILENT, source.access.timeout))
        found = pair(server, source, params["database"])
        marked = instance is not None and instance.promotes() == params["expected_source"]
        this = Promoting(server, source, params, report, found, instance, marked=marked)
        report.outputs = {"point_of_no_return": "rds promote_read_replica" if instance else NO_RETURN, "resumed": False}
        resumed = _resumed(this)
        if resumed is None:
            against = this.against()
            if against:
                if this.broken_off and not report.check and NEVER.isdisjoint(each.name for each in against):
                    this.stopped = True
                    this.undo()
                    report.outputs |= this.about
                raise KcError(
                    f"{server.node} is not promoted: {'; '.join(each.why for each in against)}",
                    hint="; ".join(dict.fromkeys(each.hint for each in against)),
                    code=",".join(each.name for each in against),
                )
        steps = list(this.plan() if resumed is None else resumed)
        if steps:
            report.differs(f"role of {server.node}", "replica\n" if resumed is None else "promoted in part\n", "source\n")
        report.plan(steps)
        try:
            report.apply()
        except KcError:
            this.undo()
            raise
        finally:
            report.outputs |= {**this.about, **_lost(this)}
        if not report.check:
            _proved(this)


def _check(params: Params) -> None:
    unknown = {*params["accept"]} - ({*NAMES} - NEVER)
    if unknown:
        raise KcError(f"`accept`: {min(unknown)} is nothing that can be accepted", hint=f"it may be {', '.join(sorted({*NAMES} - NEVER))}")
    if params["mode"] == "planned" and params["accept"]:
        raise KcError("`accept` is for `mode: forced`", hint="put right what stands against it, or promote by force")
    gtid.parse(params["executed"])


def _resumed(this: Promoting) -> list[Any] | None:
    """Return what is left of a promotion whose point of no return is past; None where it has not come so far."""
    replica, expected = this.found.replica, this.params["expected_source"]
    if replica.read_only and not (this.instance and not replica.channels):
        return None
    record = last(this.server, this.params["database"])
    recorded = record is not None and (record.before, record.after) == (expected, replica.uuid)
    if recorded and record is not None:
        this.lost, this.executed = record.lost, record.executed
    elif this.instance is not None:
        if replica.channels or not this.marked:
            return None
        this.about["resumed"] = True
        this.executed = replica.executed
        return [*this.back(this.instance), *this.finish(replica)]
    else:
        channel = replica.channels[0] if replica.channels else None
        if channel is None or channel.source_uuid != expected or "No" not in (channel.io, channel.sql) or channel.io != channel.sql:
            return None  # it takes writes for another reason: `writable`, or `not_a_replica`
        if list(this._fence()):
            return None
        this.executed = replica.executed
        source = this.found.source
        this.lost = gtid.subtract(this.server, source.executed, replica.executed) if source else None
    this.about["resumed"] = True
    return list(this.finish(replica, recorded))


def _lost(this: Promoting) -> dict[str, Any]:
    if not (this.returned or this.about.get("resumed")):
        return {}
    return {
        "lost": this.lost,
        "lost_count": None if this.lost is None else gtid.count(this.lost),
        "unapplied": this.unapplied,
        "executed": this.executed,
    }


def _proved(this: Promoting) -> None:
    """See that it is the source now: it follows nobody, and has taken its first write.

    Raises:
        KcError: It is not.
    """
    state, record = look(this.server), last(this.server, this.params["database"])
    if state.read_only or state.channels or record is None or record.after != state.uuid:
        raise KcError(f"{state.node} was promoted, and is not the source", hint="look at it with `kc_mysql_info`, then run this again")
    this.report.outputs["uuid"] = state.uuid
