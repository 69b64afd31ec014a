"""What the module kc_status does, by a task's options: the answer as data, and as lines for people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from ..aws.session import Aws
from ..columns import columns
from ..scope import Scope
from ..units.dns import standby_of
from .judge import Told, missing, troubles, under_way, who
from .look import Seen, look


def status(aws: Aws, params: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    """Return who is primary, since when, how each region is, and what is degraded."""
    given, regions, home, applications = params["scope"], params["regions"], params["home"], params["applications"]
    scope = Scope(given["platform"], given["environment"], given["account"], given["region"], "services")
    told = Told(*(params["told"].get(name) or {} for name in ("databases", "silent", "mysql", "clickhouse")))
    seen = look(aws, scope, regions, applications, standby_of(home, regions))
    primary, wrong = who(seen, home)
    every = [*wrong, *troubles(seen, told, home, primary), *missing(seen, applications)]
    turn = max((each.turn for each in seen.values() if each.turn), key=lambda each: each.epoch, default=None)
    by = turn if turn is not None and turn.to == primary else None
    made: dict[str, Any] = {
        "at": now.isoformat(timespec="seconds"),
        "primary": primary,
        "since": by.at if by else "",
        "by": f"{by.book}, run {by.epoch}" if by else "",
        "run": under_way(seen),
        "regions": {region: _region(each, told, region) for region, each in seen.items()},
        "degraded": [each.line for each in every if each.known],
        "untold": [each.line for each in every if not each.known],
    }
    return {**made, "summary": list(lines(made))}


def _region(seen: Seen, told: Told, region: str) -> dict[str, Any]:
    servers = {(each.get("database") or {}).get("id"): each for each in told.mysql.get(region, [])}
    tables = told.clickhouse.get(region, {}).get("nodes") or {}
    return {
        "role": seen.role,
        "services": {name: {"running": running, "wanted": wanted} for name, (running, wanted) in seen.services.items()},
        "mysql": [
            {name: each[name] for name in ("id", "role", "state")}
            | {
                "lag": ((servers.get(each["id"]) or {}).get("lag") or {}).get("seconds"),
                "answers": "ready" in (servers.get(each["id"]) or {}),
            }
            for each in told.databases.get(region, [])
        ],
        "clickhouse": {node: each.get("state") for node, each in tables.items()},
    }


def lines(made: Mapping[str, Any]) -> Iterator[str]:
    """Yield the answer as a table for people."""
    since = f" since {made['since']} ({made['by']})" if made["since"] else ", and no runbook has changed that"
    yield f"{made['primary']} is primary{since}" if made["primary"] else "Nobody knows which region is primary"
    rows = [("region", "role", "MySQL", "tasks", "ClickHouse nodes"), *(_row(name, each) for name, each in made["regions"].items())]
    yield from columns(rows, len(rows[0]))
    for title, found in (("Degraded", made["degraded"]), ("Not known", made["untold"])):
        yield f"{title}:" if found else f"{title}: nothing"
        yield from (f"  {line}" for line in found)


def _row(name: str, about: Mapping[str, Any]) -> Sequence[str]:
    tasks = about["services"].values()
    databases = [
        f"{each['id']} {each['role']}" + (f", {each['lag']:.1f} s behind" if each["lag"] is not None and each["role"] == "replica" else "")
        for each in about["mysql"]
    ]
    answering = sum(state == "answers" for state in about["clickhouse"].values())
    return (
        name,
        "?" if about["role"] is None else about["role"] or "none",
        "; ".join(databases) or "?",
        f"{sum(each['running'] for each in tasks)} of {sum(each['wanted'] for each in tasks)}" if tasks else "?",
        f"{answering} of {len(about['clickhouse'])}" if about["clickhouse"] else "?",
    )
