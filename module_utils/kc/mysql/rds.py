"""What AWS does for an instance of RDS that its administrator can't: parameters, promotion, another name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
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

INSTEAD = "InPlaceOf"
"""Tag of the parameter group of an instance that was set aside, with the name of the one that it had before."""

PATIENCE = 1800
"""Seconds that an instance may take to be there under another name: it boots."""

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
            pause=2,
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
        return self._own(self.parameter_group()).get(name, "")

    def _own(self, group: str) -> dict[str, str]:
        """Return what a group sets, by parameter."""
        own = self.aws.pages("rds", "describe_db_parameters", "Parameters", DBParameterGroupName=group, Source="user")
        return {each["ParameterName"]: str(each.get("ParameterValue") or "") for each in own}

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
            about = self.describe()
            if _promotes(about) != uuid:  # a run before this one may have
                self.aws.call("rds", "add_tags_to_resource", ResourceName=about["DBInstanceArn"], Tags=[{"Key": PROMOTES, "Value": uuid}])

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
            self.aws.wait(f"the promotion of {self}", state, until={"promoted"}, unless=BROKEN, timeout=seconds, pause=2)

        return Act(self, "rds describe_db_instances: available, and no replica any more", act)

    def aside(self, name: str) -> Iterator[Act]:
        """Yield the calls that give it another name, under which it keeps all that it holds and takes no writes.

        Its parameter group, which says `read_only`, is its successor's too. So it gets one of its own that says so for ever, called as it
        is then, and the other one says so no longer. Each call can be made again: what is done already is passed over.
        """
        there = self.called(name)

        def group() -> None:
            from ..aws.rds_groups import A_CALL, chunks  # as with the session: not on hosts without boto3

            if there.known():
                return
            old = self.parameter_group()
            about = self.aws.call("rds", "describe_db_parameter_groups", DBParameterGroupName=old)["DBParameterGroups"][0]
            if not self.aws.find("rds", "describe_db_parameter_groups", DBParameterGroupName=name):
                tags = self.aws.call("rds", "list_tags_for_resource", ResourceName=about["DBParameterGroupArn"])["TagList"]
                self.aws.call(
                    "rds",
                    "create_db_parameter_group",
                    DBParameterGroupName=name,
                    DBParameterGroupFamily=about["DBParameterGroupFamily"],
                    Description=f"What {self.name} was, set aside",
                    Tags=[*tags, {"Key": INSTEAD, "Value": old}],
                )
            has = self._own(name)
            kept = [{"ParameterName": each, "ParameterValue": value} for each, value in self._own(old).items() if has.get(each) != value]
            for some in chunks([{**each, "ApplyMethod": "pending-reboot"} for each in kept], A_CALL):
                self.aws.call("rds", "modify_db_parameter_group", DBParameterGroupName=name, Parameters=some)

        def rename() -> None:
            if there.known():
                return
            self.aws.call(
                "rds",
                "modify_db_instance",
                DBInstanceIdentifier=self.name,
                NewDBInstanceIdentifier=name,
                DBParameterGroupName=name,
                DeletionProtection=True,
                ApplyImmediately=True,
            )

        yield Act(self, f"rds create_db_parameter_group {name}, with read_only = 1", group)
        # what it has from its old group it keeps until it boots, and then it has the new one's
        yield Act(self, f"rds modify_db_instance NewDBInstanceIdentifier = {name}", rename)
        yield Act(self, f"rds describe_db_instances: {name} is available", lambda: there.named(PATIENCE))
        yield Act(self, "rds reset_db_parameter_group read_only: it holds for its successor no longer", there.loosen)

    def called(self, name: str) -> Instance:
        """Return the instance of another name."""
        return Instance({"instance": name, "region": self.region}, self.aws)

    def loosens(self) -> str:
        """Return the parameter group that it had before it was set aside, where that says `read_only` still; else nothing."""
        found = self.aws.find("rds", "describe_db_parameter_groups", DBParameterGroupName=self.name)
        if not found:
            return ""
        tags = self.aws.call("rds", "list_tags_for_resource", ResourceName=found["DBParameterGroups"][0]["DBParameterGroupArn"])["TagList"]
        old = next((str(each["Value"]) for each in tags if each["Key"] == INSTEAD), "")
        return old if old and self._own(old).get("read_only") else ""

    def loosen(self) -> None:
        """Take `read_only` from the parameter group that it had before it was set aside."""
        about: dict[str, str] = {"ParameterName": "read_only", "ApplyMethod": "immediate"}
        if old := self.loosens():
            self.aws.call("rds", "reset_db_parameter_group", DBParameterGroupName=old, ResetAllParameters=False, Parameters=[about])

    def named(self, seconds: float) -> None:
        """Wait until it is there under its name, and available.

        Raises:
            KcError: Not in time.
        """

        def state() -> str:
            found = self.known()
            return str(found["DBInstanceStatus"]) if found else "not there"

        self.aws.wait(f"the instance {self}", state, until=SETTLES, unless=BROKEN, timeout=seconds, pause=2)


def _promotes(about: Mapping[str, Any]) -> str:
    return next((str(each["Value"]) for each in about.get("TagList") or [] if each["Key"] == PROMOTES), "")
