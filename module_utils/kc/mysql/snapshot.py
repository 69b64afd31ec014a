"""What kc_mysql_snapshot does: a snapshot of an instance of RDS that stays until as many newer ones are there."""

from __future__ import annotations

import datetime
from typing import Any

from ..errors import KcError
from ..sql.report import Params, Report
from .entry import Act
from .rds import Instance

OF = "SnapshotOf"
"""Tag of what this has made: nothing else is ever deleted."""

NAME = "%Y%m%d-%H%M%S"
"""What a snapshot's name ends with (UTC); the newest has the greatest."""

BROKEN = {"failed", "deleting"}
PAUSE = 5
"""Seconds between two looks."""


class Snapshots:
    """An instance's snapshots that this has made."""

    def __init__(self, instance: Instance) -> None:
        self.instance = instance
        self.aws = instance.aws

    def known(self) -> dict[str, dict[str, Any]]:
        """Return what AWS knows of each, oldest first."""
        found = self.aws.pages(
            "rds", "describe_db_snapshots", "DBSnapshots", DBInstanceIdentifier=self.instance.name, SnapshotType="manual"
        )
        own = {
            str(each["DBSnapshotIdentifier"]): dict(each)
            for each in found
            if any(tag["Key"] == OF and tag["Value"] == self.instance.name for tag in each.get("TagList") or [])
        }
        return dict(sorted(own.items()))

    def take(self, name: str) -> Act:
        """Return the call that takes one."""
        return Act(
            self.instance,
            f"rds create_db_snapshot {name}",
            lambda: self.aws.call(
                "rds",
                "create_db_snapshot",
                DBSnapshotIdentifier=name,
                DBInstanceIdentifier=self.instance.name,
                Tags=[{"Key": OF, "Value": self.instance.name}],
            ),
        )

    def whole(self, name: str, seconds: float) -> Act:
        """Return the wait for one."""

        def status() -> str:
            return str(self.known()[name]["Status"])

        return Act(
            self.instance,
            f"rds describe_db_snapshots: {name} is available",
            lambda: self.aws.wait(f"the snapshot {name}", status, until={"available"}, unless=BROKEN, timeout=seconds, pause=PAUSE),
        )

    def drop(self, name: str) -> Act:
        """Return the call that deletes one."""
        return Act(
            self.instance,
            f"rds delete_db_snapshot {name}",
            lambda: self.aws.call("rds", "delete_db_snapshot", DBSnapshotIdentifier=name),
        )


def work(params: Params, report: Report) -> None:
    """Take a snapshot and delete those that are too many, or tell which there are."""
    if params["keep"] < 1:
        raise KcError(f"`keep` is {params['keep']}", hint="one snapshot at least has to stay")
    instance = Instance(params["rds"])
    about, snapshots = instance.describe(), Snapshots(instance)
    known = snapshots.known()
    latest = about.get("LatestRestorableTime")
    report.outputs = {"instance": instance.name, "latest": latest.isoformat() if latest else ""}
    if params["state"] == "made":
        coming = [name for name, each in known.items() if each["Status"] not in {"available", *BROKEN}]
        name = coming[-1] if coming else f"{instance.name}-{datetime.datetime.now(datetime.UTC).strftime(NAME)}"
        # one of a run that was killed is on its way already
        report.plan([*([] if coming else [snapshots.take(name)]), snapshots.whole(name, params["wait"])])
        gone = [each for each in known if each != name][: max(0, len(set(known) | {name}) - params["keep"])]
        report.plan(map(snapshots.drop, gone))
        report.differs(f"snapshots of {instance}", "".join(f"{each}\n" for each in gone), f"{name}\n")
        report.apply()
        report.outputs |= {"snapshot": name, "gone": gone}
        if report.check:
            return
    report.outputs["snapshots"] = [
        {"name": name, "status": each["Status"], "begun": str(each.get("SnapshotCreateTime") or "")}
        for name, each in snapshots.known().items()
    ]
