"""What kc_mysql_info does: look at a server and its source, and tell how they are."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterator
from datetime import UTC
from typing import Any

from . import gtid
from .connection import Server
from .entry import Params, Report, other, wait_for
from .errors import NodeError
from .readiness import Lag, Objection, Sets, lag, notes, objections
from .state import State, look

PAUSE = 0.5
"""Seconds between two looks."""


@dataclasses.dataclass(frozen=True)
class Pair:
    """A replica and its source at one moment; the replica was asked first, so that nothing looks errant that is only new."""

    replica: State
    source: State | None
    sets: Sets
    lag: Lag
    silent: str = ""

    def against(self, expected: str, most: float) -> Iterator[Objection]:
        """Yield what stands against the replica's promotion; see `objections`."""
        return objections(self.replica, self.source, self.sets, self.lag, expected=expected, most=most, silent=self.silent)


def pair(server: Server, source: Server | None, heartbeat: str) -> Pair:
    """Look at a server, and at its source where one is named.

    Raises:
        NodeError: The server can't be asked.
    """
    replica, there, silent = look(server, heartbeat), None, "no `source` is named"
    if source is not None:
        try:
            there, silent = look(source), ""
        except NodeError as error:
            silent = error.message
    return Pair(replica, there, sets_of(server, replica, there), lag(replica, there), silent)


def sets_of(server: Server, replica: State, source: State | None) -> Sets:
    """Return how the transactions of two servers differ; any server can compute it."""
    retrieved = replica.channels[0].retrieved if replica.channels else None
    return Sets(
        errant=None if source is None else gtid.subtract(server, replica.executed, source.executed),
        missing=None if source is None else gtid.subtract(server, source.executed, replica.executed),
        drained=None if retrieved is None else gtid.within(server, retrieved, replica.executed),
    )


def work(server: Server, params: Params, report: Report) -> None:
    """Look, and again until it is ready, or it has taken long enough."""
    source = other(params, "source") if params["source"] else None
    begun, found, against = time.monotonic(), None, []

    def ready() -> bool:
        nonlocal found, against
        found = pair(server, source, params["heartbeat"])
        against = _against(found, params, source is not None)
        return not against

    try:
        wait = 0 if report.check else params["wait"]
        if not ready() and wait:
            wait_for(ready, wait, PAUSE)
    finally:
        if source is not None:
            source.close()
    assert found is not None  # noqa: S101 - for the type checker: `ready` has set it
    report.outputs = {
        "ready": not against,
        "reasons": [str(each) for each in against],
        "objections": [each.name for each in against],
        "notes": list(notes(found.replica, found.source)),
        **facts(found),
        "waited": round(time.monotonic() - begun, 1) if wait else 0.0,
    }


def _against(found: Pair, params: Params, paired: bool) -> list[Objection]:
    """Return what stands against a replica, or, for a server without a source, against others following it."""
    if paired or found.replica.channels or params["expected_source"]:
        return list(found.against(params["expected_source"], params["max_lag"]))
    state = found.replica
    against = []
    if state.read_only:
        against.append(Objection("frozen", "it is read only, and follows nobody", "`kc_mysql_freeze` thaws it, if it is to take writes"))
    if state.events_aside:
        against.append(
            Objection("events", f"it does not run events that it has: {', '.join(state.events_aside)}", "`kc_mysql_promotion` has them run")
        )
    if state.beat is None or (state.now is not None and (state.now - state.beat).total_seconds() > params["max_lag"]):
        why = state.unknown.get("heartbeat", "") or f"the last was at {state.beat}"
        against.append(Objection("no_heartbeat", f"its heart does not beat: {why}", "`kc_mysql_heartbeat` sees to it"))
    return against


def facts(found: Pair) -> dict[str, Any]:
    """Return both servers as data; what is unknown is null."""
    sets = found.sets
    return {
        "role": found.replica.role,
        "server": server_facts(found.replica),
        "source": server_facts(found.source) if found.source else None,
        "gtid": {
            "errant": sets.errant,
            "missing": sets.missing,
            "missing_count": None if sets.missing is None else gtid.count(sets.missing),
            "drained": sets.drained,
        },
        "lag": {
            "seconds": found.lag.seconds,
            "beat": found.replica.beat and found.replica.beat.replace(tzinfo=UTC).isoformat(),
            "clock": found.lag.clock or None,
            "why": found.lag.why or None,
        },
    }


def server_facts(state: State) -> dict[str, Any]:
    """Return a server's state as data."""
    return {
        "node": state.node,
        "uuid": state.uuid,
        "server_id": state.server_id,
        "version": state.version,
        "role": state.role,
        "read_only": state.read_only,
        "super_read_only": state.super_read_only,
        "executed": state.executed,
        "purged": state.purged,
        "connections": state.connections,
        "max_connections": int(state.settings["max_connections"]) if "max_connections" in state.settings else None,
        "event_scheduler": state.settings.get("event_scheduler"),
        "events_aside": list(state.events_aside),
        "channels": [{**dataclasses.asdict(each), "filters": list(each.filters)} for each in state.channels],
        "unknown": state.unknown,
    }
