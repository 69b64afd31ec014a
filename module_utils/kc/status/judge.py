"""What is degraded, by what AWS and the servers themselves tell. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..aws.rds import BROKEN
from ..databases import REPLICA, SOURCE
from ..errors import KcError
from ..primary import primary_of
from ..runbook.run import is_under_way
from ..units.dns import standby_of
from .look import ALARM, Seen

ALONE = frozenset({"source_silent", "errant_unknown"})
"""What stands against a replica only because nobody asked its source: it may be in a region that is lost."""


@dataclass(frozen=True)
class Trouble:
    """Something that is not as it should be, or that nobody tells.

    Attributes:
        region: Where; empty where it is about both.
        what: What it is about.
        says: What was found, or why nothing is known.
        known: Whether it was found, and not only untold.
    """

    region: str
    what: str
    says: str
    known: bool = True

    @property
    def line(self) -> str:
        """It as a line for people."""
        return f"{': '.join(filter(None, (self.region, self.what)))}: {self.says}"


@dataclass(frozen=True)
class Told:
    """What the playbook has gathered, by region.

    Attributes:
        databases: What kc_databases_info tells; a region that RDS does not tell of is in `silent`, with the reason.
        mysql: What kc_mysql_info tells, a result each.
        clickhouse: What kc_clickhouse_info tells.
    """

    databases: Mapping[str, Sequence[Mapping[str, Any]]]
    silent: Mapping[str, str]
    mysql: Mapping[str, Sequence[Mapping[str, Any]]]
    clickhouse: Mapping[str, Mapping[str, Any]]


def who(seen: Mapping[str, Seen], home: str) -> tuple[str, list[Trouble]]:
    """Return the region that is primary, empty where it can't be told, and what is wrong with the flags."""
    try:
        return primary_of({region: each.role for region, each in seen.items()}, home), []
    except KcError as error:
        return "", [Trouble("", "roles", str(error))]


def troubles(seen: Mapping[str, Seen], told: Told, home: str, primary: str) -> Iterator[Trouble]:
    """Yield what is degraded or untold.

    Args:
        seen: What each region tells (`look`).
        told: What the servers tell.
        home: The region that is primary at home.
        primary: The one that is primary now; empty: nobody knows.
    """
    for region, each in seen.items():
        if each.role is None and len({*each.untold}) > 1:
            yield Trouble(region, "", f"it gives no answer: {each.untold['role']}", known=False)
            continue
        yield from (Trouble(region, what, why, known=False) for what, why in each.untold.items())
        if each.fence:
            yield Trouble(region, "fence", f"its data tier is fenced off from {', '.join(each.fence)}")
        for name, (running, wanted) in sorted(each.services.items()):
            if running < wanted:
                yield Trouble(region, "services", f"{name} runs {running} of {wanted} tasks")
    if primary:
        yield from _switch(seen, home, primary)
        yield from _instances(told, seen, primary)
    yield from _servers(told, primary)
    yield from _clickhouse(told)
    yield from _runs(seen)


def missing(seen: Mapping[str, Seen], applications: Sequence[str]) -> Iterator[Trouble]:
    """Yield the services that do not stand in a region that tells of its services."""
    for region, each in seen.items():
        if "services" not in each.untold:
            yield from (Trouble(region, "services", f"{name} does not stand") for name in applications if name not in each.services)


def _switch(seen: Mapping[str, Seen], home: str, primary: str) -> Iterator[Trouble]:
    """Yield where the name that writes go to is turned to another region than the flags say."""
    standby = standby_of(home, list(seen))
    if "switch" in seen[standby].untold:
        return
    turned = seen[standby].switch == ALARM
    if turned != (primary != home):
        yield Trouble(standby, "switch", f"it sends users to {standby if turned else home}, and {primary} is primary")


def _instances(told: Told, seen: Mapping[str, Seen], primary: str) -> Iterator[Trouble]:
    """Yield what RDS tells: the primary has instances that take writes, and each other region a replica of each."""
    sources = {each["id"] for each in told.databases.get(primary, []) if each["role"] == SOURCE}
    for region, instances in told.databases.items():
        if region in seen and region == primary and not sources:
            yield Trouble(region, "mysql", "it is primary, and no instance of it takes writes")
        for each in instances:
            if each["state"] in BROKEN or each["state"] == "stopped":
                yield Trouble(region, "mysql", f"{each['id']} is `{each['state']}`")
            if region != primary and each["role"] == SOURCE:
                yield Trouble(region, "mysql", f"{each['id']} is no replica: what it has, {primary} does not get, and it gets nothing")
        if region != primary:
            have = {each["id"] for each in instances}
            yield from (Trouble(region, "mysql", f"there is no replica of {name}") for name in sorted(sources - have))


def _servers(told: Told, primary: str) -> Iterator[Trouble]:
    """Yield what MySQL's servers tell of themselves."""
    yield from (Trouble(region, "mysql", why, known=False) for region, why in told.silent.items())
    for region, results in told.mysql.items():
        for each in results:
            name = (each.get("database") or {}).get("id") or "it"
            if "ready" not in each:
                yield Trouble(
                    region, "mysql", f"{name} was not asked: {each.get('msg') or 'nobody could be asked'}".rstrip("."), known=False
                )
                continue
            wanted = SOURCE if region == primary else REPLICA
            if primary and each["role"] != wanted and (each.get("database") or {}).get("role") == wanted:
                yield Trouble(region, "mysql", f"{name} is a {each['role']} by its own word, and should be a {wanted}")
            against = zip(each["objections"], each["reasons"], strict=True)
            yield from (Trouble(region, "mysql", f"{name}: {why}") for objection, why in against if objection not in ALONE)


def _clickhouse(told: Told) -> Iterator[Trouble]:
    for region, each in told.clickhouse.items():
        if "ready" not in each:
            yield Trouble(region, "clickhouse", str(each.get("msg") or "nobody could be asked").rstrip("."), known=False)
        else:
            yield from (Trouble(region, "clickhouse", why) for why in each["reasons"])


def _runs(seen: Mapping[str, Seen]) -> Iterator[Trouble]:
    run = under_way(seen)
    if run:
        step = f", at the step `{run['step']}`" if run["step"] else ""
        yield Trouble("", "run", f"run {run['epoch']} ({run['book']}) is under way since {run['since']}{step}")


def under_way(seen: Mapping[str, Seen]) -> dict[str, Any]:
    """Return the run that is under way, by the longest journal of the last one; nothing where there is none."""
    last = max((each.last for each in seen.values() if each.last), key=lambda entries: (entries[0].epoch, len(entries)), default=[])
    if not is_under_way(last):
        return {}
    about = last[0].facts
    return {
        "epoch": last[0].epoch,
        "book": about.get("book"),
        "arguments": about.get("arguments"),
        "since": last[0].at,
        "step": last[-1].step,
    }
