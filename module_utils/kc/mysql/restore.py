"""What kc_mysql_restore does: an instance of RDS as it was at a second, or in a snapshot, beside the one that is there."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any

from ..errors import KcError
from ..sql.report import Params, Report
from .entry import Act
from .rds import Instance

OF, AT = "RestoredFrom", "RestoredAt"
"""Tags of what this has made: a run that comes after one that was killed knows it, and nothing else is ever taken away."""

LONGEST = 63
"""Characters of an instance's identifier (RDS API, CreateDBInstance)."""

PAUSE = 5
"""Seconds between two looks."""


def second(text: str) -> datetime.datetime:
    """Return the moment that an option names, in UTC.

    Raises:
        KcError: It is none, has no zone, parts of a second, or is still to come.
    """
    example = "write it as 2026-01-31T21:05:00Z"
    try:
        at = datetime.datetime.fromisoformat(text)
    except ValueError:
        raise KcError(f"`at` is {text!r}, and no moment", hint=example) from None
    if at.tzinfo is None:
        raise KcError(f"`at` is {text!r}, and says no zone", hint=example)
    if at.microsecond:
        raise KcError(f"`at` is {text!r}: what was done within a second can't be told apart", hint=example)
    if at > datetime.datetime.now(datetime.UTC):
        raise KcError(f"`at` is {text!r}, which is still to come", hint="look at the clock, and at the zone")
    return at.astimezone(datetime.UTC)


def work(params: Params, report: Report) -> None:
    """Make the instance and wait for it, or take away one that this has made."""
    if bool(params["at"]) == bool(params["snapshot"]):
        raise KcError("one of `at` and `snapshot` is needed", hint="give the second, as 2026-01-31T21:05:00Z, or the snapshot's name")
    source = Instance(params["rds"])
    at = second(params["at"]) if params["at"] else None
    called = f"at-{at:%Y%m%d-%H%M%S}" if at else f"of-{params['snapshot'].removeprefix(f'{source.name}-')}"
    name = params["name"] or f"{source.name}-{called}"
    if len(name) > LONGEST:
        raise KcError(f"`name`: {name} is longer than {LONGEST} characters", hint="give a shorter one")
    target = Instance({**params["rds"], "instance": name}, source.aws)
    tags = {OF: source.name, AT: f"{at:%Y-%m-%dT%H:%M:%SZ}" if at else params["snapshot"]}
    found = target.known()
    if found:
        own = {each["Key"]: each["Value"] for each in found.get("TagList") or []}
        if {key: own.get(key) for key in tags} != tags:
            raise KcError(f"{target} is there, and is not {source.name} as it was at {tags[AT]}", hint="give another `name`")
    report.outputs = {"instance": name, "at": tags[AT]}
    if params["state"] == "absent":
        if found:
            report.differs(name, f"{name}\n", "")
            report.plan(_end(target))
            report.apply()
        return
    if not found:
        report.differs(name, "", f"{name}: {source.name} at {tags[AT]}\n")
        report.plan([_begin(source, target, at, params["snapshot"], tags)])
        report.apply()
    if report.check and not found:
        return
    told = target.settled(params["wait"])
    report.outputs |= {"address": told["Endpoint"]["Address"], "port": int(told["Endpoint"]["Port"])}


def _begin(source: Instance, target: Instance, at: datetime.datetime | None, snapshot: str, tags: Mapping[str, str]) -> Act:
    """Return the call that makes the instance: as large as its source, in its place, let in as it is, and in one zone only.

    Raises:
        KcError: The source is not there.
    """
    given = {**_like(source.describe()), "Tags": [{"Key": key, "Value": each} for key, each in tags.items()]}

    def then() -> None:
        whose = {"SourceDBInstanceIdentifier": source.name, "TargetDBInstanceIdentifier": target.name}
        source.aws.call("rds", "restore_db_instance_to_point_in_time", **whose, RestoreTime=at, **given)

    def saved() -> None:
        whose = {"DBSnapshotIdentifier": snapshot, "DBInstanceIdentifier": target.name}
        source.aws.call("rds", "restore_db_instance_from_db_snapshot", **whose, **given)

    way, act = ("to_point_in_time", then) if at else ("from_db_snapshot", saved)
    return Act(target, f"rds restore_db_instance_{way} {source.name} {tags[AT]}", act)


def _like(about: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "DBInstanceClass": about["DBInstanceClass"],
        "DBSubnetGroupName": about["DBSubnetGroup"]["DBSubnetGroupName"],
        "DBParameterGroupName": about["DBParameterGroups"][0]["DBParameterGroupName"],
        "VpcSecurityGroupIds": [each["VpcSecurityGroupId"] for each in about["VpcSecurityGroups"]],
        "MultiAZ": False,
        "PubliclyAccessible": False,
        "AutoMinorVersionUpgrade": False,
    }


def _end(target: Instance) -> list[Act]:
    def act() -> None:
        target.aws.call("rds", "delete_db_instance", DBInstanceIdentifier=target.name, SkipFinalSnapshot=True)

    def gone() -> str:
        return "" if target.known() else "gone"

    return [
        Act(target, "rds delete_db_instance", act),
        Act(target, "it is gone", lambda: target.aws.wait(f"the end of {target}", gone, until={"gone"}, timeout=1800, pause=PAUSE)),
    ]
