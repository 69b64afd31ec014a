"""What AWS does for an instance of RDS that its administrator can't: parameters, promotion, another name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..errors import KcError
from .entry import Act

if TYPE_CHECKING:
    from ..aws.session import Aws

PROMOTES = "PromotedFrom"
"""Tag with the `server_uuid` of the source that an instance was to take the place of, set before it is promoted: whoever comes
after a run that was killed knows what it was doing."""

BUSY = "InvalidDBInstanceState"
"""AWS's code for what an instance does not take just now."""

SETTLES = {"available", "storage-optimization"}
BROKEN = {
    "failed",
    "incompatible-parameters",
    "incompatible-restore",
    "incompatible-network",
    "inaccessible-encryption-credentials",
    "deleting",
}


class Instance:
    """An instance of RDS, as the option `rds` names it."""

    def __init__(self, given: Mapping[str, Any], aws: Aws | None = None) -> None:
        from ..aws.session import Aws, Connection  # servers of our own are tended on hosts without boto3

        self.name, self.region = str(given["instance"]), str(given["region"])
        said = {key: each for key, each in (given.get("aws") or {}).items() if each is not None}
        self.aws = aws or Aws(Connection(**said), self.region)

    def __str__(self) -> str:
        return f"{self.name} in {self.region}"

    def describe(self) -> dict[str, Any]:
        """Return what AWS knows of it.

        Raises:
            KcError: There is none.
        """
        found = self.known()
        if not found:
            raise KcError(f"`rds`: there is no instance {self}", hint="look at `rds.instance` and `rds.region`")
        return found

    def known(self) -> dict[str, Any]:
        """Return what AWS knows of it; nothing where there is none."""
        found = self.aws.find("rds", "describe_db_instances", DBInstanceIdentifier=self.name)
        return dict(found["DBInstances"][0]) if found and found["DBInstances"] else {}

    def settled(self, seconds: float) -> dict[str, Any]:
        """Wait until it is available, and return what AWS knows of it then.

        Raises:
            KcError: It never will be, or not in time.
        """
        self.aws.wait(
            f"the instance {self}",
            lambda: str(self.describe()["DBInstanceStatus"]),
            until=SETTLES,
            unless=BROKEN,
            timeout=seconds,
            pause=5,
        )
        return self.describe()

    def source(self) -> str:
        """Return whose replica it is; empty where it is none."""
        return str(self.describe().get("ReadReplicaSourceDBInstanceIdentifier") or "")

    def promotes(self) -> str:
        """Return the `server_uuid` of the source whose place it was to take; empty without."""
        return _promotes(self.describe())

    def parameter_group(self) -> str:
        """Return its parameter group.

        Raises:
            KcError: It is one of AWS's own, which can't be changed.
        """
        name = str(self.describe()["DBParameterGroups"][0]["DBParameterGroupName"])
        if name.startswith("default."):
            raise KcError(f"{self} has the parameter group {name}, which nobody can change", hint="give it one of its own (kc_mysql does)")
        return name

    def parameter(self, name: str) -> str:
        """Return what a parameter was set to in its group; empty where it was not."""
        own = self.aws.pages("rds", "describe_db_parameters", "Parameters", DBParameterGroupName=self.parameter_group(), Source="user")
        return next((str(each.get("ParameterValue") or "") for each in own if each["ParameterName"] == name), "")

    def set(self, name: str, value: str) -> Act:
        """Return the call that sets a parameter of its group at once; empty resets it."""
        about: dict[str, str] = {"ParameterName": name, "ApplyMethod": "immediate"}

        def act() -> None:
            group = self.parameter_group()
            if value:
                self.aws.call(
                    "rds", "modify_db_parameter_group", DBParameterGroupName=group, Parameters=[{**about, "ParameterValue": value}]
                )
            else:
                self.aws.call("rds", "reset_db_parameter_group", DBParameterGroupName=group, ResetAllParameters=False, Parameters=[about])

        text = f"rds modify_db_parameter_group {name} = {value}" if value else f"rds reset_db_parameter_group {name}"
        return Act(self, text, act)

    def promoting(self, uuid: str) -> bool:
        """Whether a promotion in the place of `uuid` has begun, and is not done."""
        about = self.describe()
        return _promotes(about) == uuid and str(about["DBInstanceStatus"]) not in SETTLES

    def mark(self, uuid: str) -> Act:
        """Return the call that says whose place it is about to take."""

        def act() -> None:
            arn = self.describe()["DBInstanceArn"]
            self.aws.call("rds", "add_tags_to_resource", ResourceName=arn, Tags=[{"Key": PROMOTES, "Value": uuid}])

        return Act(self, f"rds add_tags_to_resource {PROMOTES} = {uuid}", act)

    def promote(self, backup_days: int) -> Act:
        """Return the call that promotes it; it is restarted, and takes minutes."""

        def act() -> None:
            if not self.source():
                return
            try:
                self.aws.call("rds", "promote_read_replica", DBInstanceIdentifier=self.name, BackupRetentionPeriod=backup_days)
            except KcError as error:
                # a run before this one has asked already: then it is on its way
                if error.code != BUSY or self.describe()["DBInstanceStatus"] == "backing-up":
                    raise

        return Act(self, "rds promote_read_replica", act)

    def promoted(self, seconds: float) -> Act:
        """Return the wait for an instance that is available and nobody's replica."""

        def state() -> str:
            about = self.describe()
            status = str(about["DBInstanceStatus"])
            return "promoted" if status in SETTLES and not about.get("ReadReplicaSourceDBInstanceIdentifier") else status

        def act() -> None:
            # still `available` as a replica is what it is before the promotion begins
            self.aws.wait(f"the promotion of {self}", state, until={"promoted"}, unless=BROKEN, timeout=seconds, pause=5)

        return Act(self, "rds describe_db_instances: available, and no replica any more", act)

    def rename(self, name: str) -> Act:
        """Return the call that gives it another name, under which it keeps all that it holds."""
        return Act(
            self,
            f"rds modify_db_instance NewDBInstanceIdentifier = {name}",
            lambda: self.aws.call(
                "rds",
                "modify_db_instance",
                DBInstanceIdentifier=self.name,
                NewDBInstanceIdentifier=name,
                DeletionProtection=True,
                ApplyImmediately=True,
            ),
        )


def _promotes(about: Mapping[str, Any]) -> str:
    return next((str(each["Value"]) for each in about.get("TagList") or [] if each["Key"] == PROMOTES), "")
