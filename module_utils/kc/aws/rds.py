"""RDS: a MySQL instance, and its replica in another region."""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterable, Mapping
from typing import Any

from .. import limits
from ..errors import KcError
from ..model import Kind, Live
from ..plan import differing
from ..scope import Scope
from .rds_groups import log_group_name, owns, retag
from .session import Aws
from .tags import tag_dict, tag_list

HOURS = 4
"""Hours that an instance may take to come up where its settings don't say; a replica copies all data first."""

USABLE = frozenset({"available", "storage-optimization"})
"""States in which an instance takes connections and changes; optimising a volume may take a day. RDS user guide,
Viewing DB instance status."""
BROKEN = frozenset(
    {
        "deleting",
        "failed",
        "inaccessible-encryption-credentials",
        "incompatible-create",
        "incompatible-network",
        "incompatible-option-group",
        "incompatible-parameters",
        "incompatible-restore",
        "insufficient-capacity",
        "restore-error",
        "storage-full",
    }
)
"""States that don't pass by themselves."""

STANDS = "available"
FINAL_SNAPSHOT = "FinalSnapshot"
"""The tag that says whether deletion leaves a snapshot: whoever deletes is told by the instance, not by an inventory
that no longer names it."""

SIMPLE = {
    "class": "DBInstanceClass",
    "storage": "AllocatedStorage",
    "storage_type": "StorageType",
    "iops": "Iops",
    "throughput": "StorageThroughput",
    "multi_az": "MultiAZ",
    "engine_version": "EngineVersion",
    "parameter_group": "DBParameterGroupName",
    "subnet_group": "DBSubnetGroupName",
    "groups": "VpcSecurityGroupIds",
    "key": "KmsKeyId",
    "backup_days": "BackupRetentionPeriod",
    "backup_window": "PreferredBackupWindow",
    "maintenance_window": "PreferredMaintenanceWindow",
    "deletion_protection": "DeletionProtection",
    "minor_upgrades": "AutoMinorVersionUpgrade",
    "ca": "CACertificateIdentifier",
    "iam_auth": "EnableIAMDatabaseAuthentication",
    "copy_tags": "CopyTagsToSnapshot",
    "public": "PubliclyAccessible",
}
"""Attributes that are one parameter of CreateDBInstance and ModifyDBInstance."""

SIZED = {name: SIMPLE[name] for name in ("storage", "iops", "throughput")}
"""What a volume is, and can be changed only as a whole."""

DISRUPTIVE = frozenset({"class", "multi_az", "engine_version", "parameter_group", "port", "ca"})
"""Attributes whose change interrupts or slows down an instance: they wait for the maintenance window, unless told
otherwise. RDS user guide, Settings for DB instances: when the change occurs, downtime notes."""

SOURCE_ONLY = frozenset({"storage", "engine_version", "backup_days", "backup_window", "maintenance_window"})
"""Attributes that a replica takes over from its source, or only takes once it stands (CreateDBInstanceReadReplica)."""


class Database(Kind):
    """What an instance and a replica share.

    Attributes that only say how, not what (`apply`, `hours`), are in `write_once`: they are passed on, never compared.
    """

    keeps_data = True
    immutable = frozenset({"engine", "key", "subnet_group", "source"})
    write_once = frozenset({"admin_secret", "database", "apply", "hours"})
    settles = frozenset({"InvalidDBInstanceState"})
    outputs_of = ("id", "arn", "address", "port", "resource", "status", "pending")
    replica: bool

    def same(self, attr: str, have: Any, want: Mapping[str, Any]) -> bool:
        # RDS lets storage grow by itself
        return bool(want[attr] <= have <= _most(want)) if attr == "storage" else super().same(attr, have, want)

    def objection(self, before: Mapping[str, Any], after: Mapping[str, Any]) -> KcError | None:
        """Object to storage that shrinks, and to another major version."""
        if before["storage"] > _most(after):
            return KcError(
                f"`storage` is {before['storage']} GiB, the inventory allows {_most(after)}, and RDS can't shrink it",
                hint=f"write {before['storage']} or more, or move the data to a new instance",
            )
        if before["engine_version"].split(".")[:2] != after["engine_version"].split(".")[:2]:
            return KcError(
                f"`engine_version` is {before['engine_version']}, the inventory wants {after['engine_version']}: another major version",
                hint="upgrade by a blue/green deployment or by hand, replicas first, then write the new version here",
            )
        return None

    def read(self, aws: Aws, scope: Scope) -> dict[str, Live]:
        return {
            item["DBInstanceIdentifier"]: live_of(item)
            for item in aws.pages("rds", "describe_db_instances", "DBInstances")
            if bool(item.get("ReadReplicaSourceDBInstanceIdentifier")) is self.replica
            and owns(scope, item["DBInstanceIdentifier"], tag_dict(item.get("TagList")))
        }

    def ready(self, aws: Aws, name: str, live: Live) -> None:
        """Wait until it takes connections; only then has it an address.

        Raises:
            KcError: It has come to a state that does not pass, or it takes longer than its `hours`.
        """
        live.outputs.update(self.usable(aws, name, live.attrs).outputs)

    def usable(self, aws: Aws, name: str, attrs: Mapping[str, Any]) -> Live:
        """Wait until an instance takes connections and changes, and return it."""

        def state() -> str:
            found = aws.find("rds", "describe_db_instances", DBInstanceIdentifier=name)
            seen[:] = found["DBInstances"] if found else []
            return str(seen[0]["DBInstanceStatus"]) if seen else "unseen"

        seen: list[dict[str, Any]] = []
        hours = attrs.get("hours") or HOURS
        aws.wait(f"{self.name} {name}", state, until=USABLE, unless=BROKEN, timeout=hours * 3600, pause=15)
        return live_of(seen[0])

    def update(self, aws: Aws, scope: Scope, name: str, live: Live, want: Mapping[str, Any], changed: frozenset[str]) -> None:
        if live.attrs["state"] == "stopped":
            aws.call("rds", "start_db_instance", DBInstanceIdentifier=name)
        now = self.usable(aws, name, want)
        changed &= differing(self, now.attrs, want)  # what was still coming up has come up
        # to change something at once means to change at once all that waits for the window too
        at_once = want["apply"] == "now" or not now.outputs["pending"]
        self._modify(aws, name, now, want, changed - DISRUPTIVE - {"tags", "state"}, at_once)
        if "engine_version" in changed:
            self._upgrade_replicas(aws, now, want)
        self._modify(aws, name, now, want, changed & DISRUPTIVE, want["apply"] == "now")
        retag(aws, now, want, changed)

    def _modify(self, aws: Aws, name: str, now: Live, want: Mapping[str, Any], changed: Iterable[str], at_once: bool) -> None:
        parameters = modified(now.attrs, want, changed)
        if parameters:
            self.usable(aws, name, want)
            aws.call("rds", "modify_db_instance", DBInstanceIdentifier=name, ApplyImmediately=at_once, **parameters)

    def _upgrade_replicas(self, aws: Aws, now: Live, want: Mapping[str, Any]) -> None:
        """Upgrade an instance's replicas before itself. RDS user guide, Upgrading the MySQL DB engine: replicas."""
        for arn in now.attrs["replicas"]:
            region, name = arn.split(":")[3], arn.rpartition(":")[2]
            there = aws.at(region)
            self._modify(there, name, self.usable(there, name, want), want, {"engine_version"}, want["apply"] == "now")
            if want["apply"] == "now":
                self.usable(there, name, want)

    def delete(self, aws: Aws, scope: Scope, name: str, live: Live) -> None:
        # planned only where data may be lost (`keeps_data`)
        if live.attrs["state"] != "deleting":
            if live.attrs["deletion_protection"]:
                aws.call("rds", "modify_db_instance", DBInstanceIdentifier=name, ApplyImmediately=True, DeletionProtection=False)
            leave = not self.replica and live.attrs["tags"].get(FINAL_SNAPSHOT) != "no"
            snapshot = {"FinalDBSnapshotIdentifier": f"{name}-final-{datetime.datetime.now(datetime.UTC):%Y%m%d-%H%M%S}"} if leave else {}
            aws.find("rds", "delete_db_instance", DBInstanceIdentifier=name, SkipFinalSnapshot=not leave, **snapshot)

        def state() -> str:
            found = aws.find("rds", "describe_db_instances", DBInstanceIdentifier=name)
            return str(found["DBInstances"][0]["DBInstanceStatus"]) if found else "gone"

        aws.wait(f"the end of {self.name} {name}", state, until={"gone"}, timeout=HOURS * 3600, pause=15)


class Instance(Database):
    """An instance that takes writes.

    Its password is read from Secrets Manager in the moment of creation and goes nowhere else. (RDS's own managed
    passwords don't work with replicas. RDS user guide, Password management with Secrets Manager: limitations.)
    """

    name = "db_instance"
    replica = False

    def create(self, aws: Aws, scope: Scope, name: str, want: Mapping[str, Any]) -> Live:
        user, password = self._admin(aws, want["admin_secret"])
        parameters = created(want, SIMPLE)
        if want["database"]:
            parameters["DBName"] = want["database"]
        item = aws.call(
            "rds",
            "create_db_instance",
            DBInstanceIdentifier=name,
            Engine=want["engine"],
            StorageEncrypted=True,
            MasterUsername=user,
            MasterUserPassword=password,
            Tags=tag_list(want["tags"]),
            **parameters,
        )["DBInstance"]
        return Live(dict(want), live_of(item).outputs)

    def _admin(self, aws: Aws, secret: str) -> tuple[str, str]:
        value = aws.call("secretsmanager", "get_secret_value", SecretId=secret)["SecretString"]
        try:
            about = json.loads(value)
            return str(about["username"]), str(about["password"])
        except (ValueError, KeyError, TypeError):
            raise KcError(f"the secret {secret} holds no `username` and `password`", hint="the unit `secrets` makes such a one") from None


class Replica(Database):
    """A replica of an instance of another region. What RDS takes only once it stands is set then: it begins without backups."""

    name = "db_replica"
    replica = True

    def create(self, aws: Aws, scope: Scope, name: str, want: Mapping[str, Any]) -> Live:
        aws.call(
            "rds",
            "create_db_instance_read_replica",
            DBInstanceIdentifier=name,
            SourceDBInstanceIdentifier=want["source"],
            SourceRegion=want["source"].split(":")[3],  # signs the call that RDS makes there
            Tags=tag_list(want["tags"]),
            **created(want, SIMPLE.keys() - SOURCE_ONLY),
        )
        live = self.usable(aws, name, want)
        self.update(aws, scope, name, live, want, differing(self, live.attrs, want))
        return Live(dict(want), live.outputs)


def _most(want: Mapping[str, Any]) -> int:
    """Return the GiB that an instance may have."""
    return int(max(want["storage"], want["max_storage"]))


def created(want: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    """Return the parameters of a creating call: those of `names`, and those that are more than one parameter."""
    return {
        **{SIMPLE[name]: want[name] for name in sorted(names) if name in want},
        **({"MaxAllocatedStorage": want["max_storage"]} if want["max_storage"] else {}),
        **_insights(want["insights"]),
        **_monitoring(want["monitoring"]),
        "EnableCloudwatchLogsExports": [group.rpartition("/")[2] for group in want["logs"]],
        "Port": want["port"],
    }


def modified(have: Mapping[str, Any], want: Mapping[str, Any], changed: Iterable[str]) -> dict[str, Any]:
    """Return the parameters of ModifyDBInstance that change `changed`."""
    names = set(changed)
    result: dict[str, Any] = {SIMPLE[name]: want[name] for name in sorted(names & SIMPLE.keys() - SIZED.keys())}
    if names & SIZED.keys():
        result |= _sized(have, want)
    if "max_storage" in names:  # as much as there is: no more by itself
        result["MaxAllocatedStorage"] = want["max_storage"] or max(have["storage"], want["storage"])
    if "insights" in names:
        result |= _insights(want["insights"])
    if "monitoring" in names:
        result |= _monitoring(want["monitoring"])
    if "logs" in names:
        on, off = ([group.rpartition("/")[2] for group in sorted({*one} - {*other})] for one, other in _both(want["logs"], have["logs"]))
        result["CloudwatchLogsExportConfiguration"] = {
            **({"EnableLogTypes": on} if on else {}),
            **({"DisableLogTypes": off} if off else {}),
        }
    if "port" in names:
        result["DBPortNumber"] = want["port"]
    return result


def _sized(have: Mapping[str, Any], want: Mapping[str, Any]) -> dict[str, Any]:
    """Return all that a gp3 volume is told when any of it changes.

    From `RDS_FAST_STORAGE` on, ModifyDBInstance wants size, IOPS and throughput together ("You must specify both the storage
    size and iops when modifying the storage size or iops on a DB instance that has iops"); below it refuses the latter.
    """
    storage = want.get("storage") or have["storage"]
    if storage < limits.RDS_FAST_STORAGE:
        return {"AllocatedStorage": storage}
    least = {"iops": limits.RDS_IOPS[0], "throughput": limits.RDS_THROUGHPUT[0]}
    wanted = {name: want.get(name) or max(have.get(name) or 0, base) for name, base in least.items()}
    return {"AllocatedStorage": storage, "Iops": wanted["iops"], "StorageThroughput": wanted["throughput"]}


def _both(one: list[str], other: list[str]) -> tuple[tuple[list[str], list[str]], tuple[list[str], list[str]]]:
    return (one, other), (other, one)


def _insights(about: Mapping[str, Any]) -> dict[str, Any]:
    if not about["days"]:
        return {"EnablePerformanceInsights": False}
    return {
        "EnablePerformanceInsights": True,
        "PerformanceInsightsRetentionPeriod": about["days"],
        "PerformanceInsightsKMSKeyId": about["key"],
    }


def _monitoring(about: Mapping[str, Any]) -> dict[str, Any]:
    return {"MonitoringInterval": about["seconds"], **({"MonitoringRoleArn": about["role"]} if about["seconds"] else {})}


def live_of(item: Mapping[str, Any]) -> Live:
    """Return a described instance; what waits for the maintenance window counts as if it were done."""
    pending = item.get("PendingModifiedValues") or {}
    now = {**item, **pending}
    name, status = item["DBInstanceIdentifier"], item["DBInstanceStatus"]
    endpoint = item.get("Endpoint") or {}
    on, off = ((pending.get("PendingCloudwatchLogsExports") or {}).get(f"LogTypesTo{how}") or [] for how in ("Enable", "Disable"))
    logs = {*(item.get("EnabledCloudwatchLogsExports") or []), *on} - {*off}
    insights = bool(item.get("PerformanceInsightsEnabled"))
    attrs: dict[str, Any] = {
        "state": status if status in ("creating", "deleting", "stopped") else STANDS,
        "engine": item["Engine"],
        "class": now["DBInstanceClass"],
        "storage": now["AllocatedStorage"],
        "max_storage": item.get("MaxAllocatedStorage") or 0,
        "storage_type": now["StorageType"],
        "iops": now.get("Iops"),
        "throughput": now.get("StorageThroughput"),
        "multi_az": now["MultiAZ"],
        "engine_version": now["EngineVersion"],
        "parameter_group": next((group["DBParameterGroupName"] for group in item.get("DBParameterGroups") or []), ""),
        "subnet_group": (item.get("DBSubnetGroup") or {}).get("DBSubnetGroupName", ""),
        "groups": sorted(group["VpcSecurityGroupId"] for group in item.get("VpcSecurityGroups") or []),
        "key": item.get("KmsKeyId", ""),
        "port": pending.get("Port") or endpoint.get("Port") or item.get("DbInstancePort"),
        "backup_days": now["BackupRetentionPeriod"],
        "backup_window": item.get("PreferredBackupWindow", ""),
        "maintenance_window": item.get("PreferredMaintenanceWindow", ""),
        "deletion_protection": item["DeletionProtection"],
        "insights": {
            "days": item.get("PerformanceInsightsRetentionPeriod", 0) if insights else 0,
            "key": item.get("PerformanceInsightsKMSKeyId", "") if insights else "",
        },
        "monitoring": {"seconds": item.get("MonitoringInterval") or 0, "role": item.get("MonitoringRoleArn") or ""},
        "logs": sorted(log_group_name(name, log) for log in logs),
        "minor_upgrades": item["AutoMinorVersionUpgrade"],
        "ca": now.get("CACertificateIdentifier", ""),
        "iam_auth": now.get("IAMDatabaseAuthenticationEnabled", False),
        "copy_tags": item["CopyTagsToSnapshot"],
        "public": item["PubliclyAccessible"],
        # of its replicas those in other regions, which are told by their ARN
        "replicas": sorted(each for each in item.get("ReadReplicaDBInstanceIdentifiers") or [] if each.startswith("arn:")),
        "tags": tag_dict(item.get("TagList")),
    }
    source = item.get("ReadReplicaSourceDBInstanceIdentifier")
    if source:
        attrs["source"] = source
    outputs = {
        "id": name,
        "arn": item["DBInstanceArn"],
        "resource": item.get("DbiResourceId", ""),
        "status": status,
        "pending": sorted(pending),
        **({"address": endpoint["Address"], "port": endpoint["Port"]} if endpoint.get("Address") else {}),
    }
    return Live(attrs, outputs)
