"""RDS with the lab's world: an instance is as far as the behaviour `rds` tells, which has a server for it.

What is asked of an instance is counted (`asked`); until the behaviour has told that it is done, the instance's status says what
is going on.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Iterator
from typing import Any

from .. import observed
from . import pace

ENGINE = "mysql"


def _backends() -> Iterator[Any]:
    from moto.rds.models import rds_backends

    for account in rds_backends.values():
        yield from account.values()


def _ours(database: Any) -> bool:
    """Whether an instance has a server: one of MySQL in a network."""
    return vars(database).get("engine") == ENGINE and "db_subnet_group" in vars(database)


def _ask(database: Any, doing: str) -> None:
    """Have the behaviour bring an instance to what it is to be now; its status is `doing` until then."""
    database.asked, database.doing = vars(database).get("asked", 0) + 1, doing


def _waits(database: Any) -> bool:
    """Whether something that was asked of an instance is not done yet."""
    return bool(vars(database).get("done", 0) < vars(database).get("asked", 0))


def _usable(database: Any) -> None:
    """Let nothing be asked of an instance that is busy, or off.

    Raises:
        RDSClientError: It is.
    """
    from moto.rds.exceptions import RDSClientError

    if database.status != "available":
        name = database.db_instance_identifier
        raise RDSClientError("InvalidDBInstanceState", f"Instance {name} is not in available state: it is {database.status}.")


def _name() -> str:
    from moto.moto_api._internal import mock_random

    return str(mock_random.get_random_hex(26)).upper()


# --- what the behaviour is told, and tells


def wanted() -> dict[str, Any]:
    """Return what is to stand: instances, and snapshots by key with what they are of."""
    found: dict[str, Any] = {"instances": [], "snapshots": {}}
    for backend in _backends():
        found["instances"] += [_described(each) for each in backend.databases.values() if _ours(each)]
        for snapshot in backend.database_snapshots.values():
            if "key" in vars(snapshot):
                found["snapshots"][snapshot.key] = {"of": snapshot.of, "made": snapshot.created.timestamp()}
    return found


def _described(database: Any) -> dict[str, Any]:
    group = database.db_parameter_groups()[0]
    subnets = sorted(database.db_subnet_group._subnets, key=lambda each: (each.availability_zone != database.availability_zone, each.id))
    about = vars(database)
    return {
        "region": database.region,
        "name": database.db_instance_identifier,
        "resource": database.dbi_resource_id,
        "endpoint": database.address,
        "port": database.port,
        "subnet": subnets[0].id,
        "cidr": subnets[0].cidr_block,
        "groups": sorted(database.vpc_security_group_ids),
        "user": database.master_username or "",
        "password": about.get("_master_user_password") or "",
        "database": database.db_name or "",
        "group": group.name,
        "parameters": {name: each["ParameterValue"] for name, each in group.parameters.items() if each},
        "waiting": sorted(name for name, each in group.parameters.items() if each.get("ApplyMethod") == "pending-reboot"),
        "source": _source(database),
        "logs": bool(database.backup_retention_period),
        "origin": about.get("origin", {}),
        "asked": about.get("asked", 0),
        "boots": about.get("boots", 0),
        "stopped": about["status"] == "stopped",
        "leaving": "leaving" in about,
        "writable_at": about.get("writable_at", 0.0),
    }


def _source(database: Any) -> str:
    source = database.is_replica and database.source_db_instance_identifier
    return str(database.backend.find_db_from_id(source).dbi_resource_id) if source else ""


def hear(what: dict[str, Any]) -> dict[str, Any]:
    """Take what stands, and return what is wanted.

    Args:
        what: `done`: by resource id of an instance, the count of what was asked that is done. `pending`: resource ids of those whose
            parameters wait for a reboot. `snapshots`: keys of those that are kept.
    """
    for backend in _backends():
        for database in [each for each in backend.databases.values() if _ours(each)]:
            database.done = what["done"].get(database.dbi_resource_id, 0)
            database.waits_for_reboot = database.dbi_resource_id in what["pending"]
            if "leaving" in vars(database) and database.dbi_resource_id not in what["done"]:
                database.leave()
        for snapshot in backend.database_snapshots.values():
            if vars(snapshot).get("key") in what["snapshots"]:
                snapshot.status = "available"
    return wanted()


# --- patches


def instances_as_told() -> None:
    """An instance's status, endpoint and parameters are those of its server; moto 5.2.5 has none, and everything is done at once."""
    if not observed.live:
        return
    from moto.rds.models import DBInstance

    endpoint = DBInstance.endpoint
    init = DBInstance.__init__

    def made(self: Any, *args: Any, **options: Any) -> None:
        init(self, *args, **options)
        self.dbi_resource_id = f"db-{_name()}"

    def status(self: Any) -> str:
        return str(vars(self)["doing"] if _waits(self) else vars(self)["status"])

    def set_status(self: Any, value: str) -> None:
        vars(self)["status"] = value

    def told_endpoint(self: Any) -> Any:
        return None if _waits(self) and vars(self)["doing"] == "creating" else endpoint.__get__(self)

    def groups(self: Any) -> Any:
        group = copy.copy(self.db_parameter_groups()[0])
        group.ParameterApplyStatus = "pending-reboot" if vars(self).get("waits_for_reboot") else "in-sync"
        return [group]

    DBInstance.__init__ = made
    DBInstance.status = property(status, set_status)
    DBInstance.endpoint = property(told_endpoint)
    DBInstance.db_parameter_group_status_list = property(groups)


def servers_do_what_is_asked() -> None:
    """What is asked of an instance is done by the behaviour."""
    if not observed.live:
        return
    from moto.rds.models import RDSBackend

    observed.on("rds", hear)
    observed.on("rds-wanted", lambda what: wanted(), kept=False)

    def creating(operation: str, origin: Callable[..., dict[str, Any]] = lambda *args, **options: {}) -> None:
        make = getattr(RDSBackend, operation)

        def create(self: Any, *args: Any, **options: Any) -> Any:
            of = origin(self, *args, **options)
            database = make(self, *args, **options)
            if _ours(database):
                _ask(database, "creating")
                if of:  # the last argument is what is asked for besides, as the API has it
                    database.origin = of
                    database.deletion_protection = bool(args[-1].get("DeletionProtection"))
            return database

        setattr(RDSBackend, operation, create)

    def asking(operation: str, doing: str, act: Callable[[Any], None] = lambda database: None, usable: bool = True) -> None:
        does = getattr(RDSBackend, operation)

        def ask(self: Any, given: Any, *args: Any, **options: Any) -> Any:
            name = given if isinstance(given, str) else dict(**given)["db_instance_identifier"]
            database = self.describe_db_instances(name)[0]
            if usable:
                _usable(database)
            does(self, given, *args, **options)
            if _ours(database):
                act(database)
                _ask(database, doing)
            return database

        setattr(RDSBackend, operation, ask)

    def boots(database: Any) -> None:
        database.boots = vars(database).get("boots", 0) + 1

    def promoted(database: Any) -> None:
        database.writable_at = time.time() + pace.pace("promotion")

    creating("create_db_instance")
    creating("create_db_instance_read_replica")
    creating("restore_db_instance_from_db_snapshot", _of_snapshot)
    creating("restore_db_instance_to_point_in_time", _of_time)
    asking("reboot_db_instance", "rebooting", boots)
    asking("promote_read_replica", "modifying", promoted)
    asking("stop_db_instance", "stopping")
    asking("start_db_instance", "starting", boots, usable=False)


def _of_snapshot(backend: Any, from_snapshot_id: str, overrides: Any) -> dict[str, Any]:
    """Return what an instance is restored from.

    Raises:
        RDSClientError: The snapshot is not there yet.
    """
    from moto.rds.exceptions import RDSClientError

    name = from_snapshot_id.rpartition(":")[2] if from_snapshot_id.startswith("arn:") else from_snapshot_id
    snapshot = backend.get_db_snapshot(name)
    if snapshot.status != "available":
        raise RDSClientError("InvalidDBSnapshotState", f"Snapshot {name} is {snapshot.status}.")
    return {"snapshot": snapshot.key}


def _of_time(backend: Any, source: str, target: str, overrides: Any) -> dict[str, Any]:
    at = overrides.get("RestoreTime")
    return {"resource": backend.describe_db_instances(source)[0].dbi_resource_id, "until": at.timestamp() if at else time.time()}


def changes_take_effect() -> None:
    """A change that the server must follow is `modifying` until it does; backups that are switched on begin with one."""
    if not observed.live:
        return
    from moto.rds.models import RDSBackend

    modify = RDSBackend.modify_db_instance

    def about(database: Any) -> tuple[Any, ...]:
        return (
            database.port,
            database.db_instance_identifier,
            vars(database)["_master_user_password"],
            bool(database.backup_retention_period),
        )

    def modify_db_instance(self: Any, db_instance_identifier: str, db_kwargs: Any) -> Any:
        before = about(self.describe_db_instances(db_instance_identifier)[0])
        database = modify(self, db_instance_identifier, db_kwargs)
        if _ours(database) and about(database) != before:
            _ask(database, "modifying")
            if database.backup_retention_period and not before[-1]:
                database.save_automated_backup()
        return database

    RDSBackend.modify_db_instance = modify_db_instance


def snapshots_are_taken() -> None:
    """A snapshot is `creating` until it is taken, and its instance `backing-up` meanwhile; moto 5.2.5 has it at once."""
    if not observed.live:
        return
    from moto.rds.models import RDSBackend

    take, duplicate = RDSBackend.create_db_snapshot, RDSBackend.copy_db_snapshot

    def create_db_snapshot(self: Any, db_instance_identifier: str, *args: Any, **options: Any) -> Any:
        database = self.describe_db_instances(db_instance_identifier)[0]
        automated = options.get("snapshot_type") == "automated"  # taken whenever the instance can be
        if _ours(database) and not automated and vars(database)["status"] != "stopped" and "leaving" not in vars(database):
            _usable(database)
        snapshot = take(self, db_instance_identifier, *args, **options)
        if _ours(database):
            snapshot.key, snapshot.of, snapshot.status = f"snapshot-{_name()}", {"instance": database.dbi_resource_id}, "creating"
            _ask(database, "backing-up")
        return snapshot

    def copy_db_snapshot(self: Any, *args: Any, **options: Any) -> Any:
        source = self.get_db_snapshot(options["source_db_snapshot_identifier"])
        snapshot = duplicate(self, *args, **options)
        if "key" in vars(source):
            snapshot.key, snapshot.of, snapshot.status = f"snapshot-{_name()}", {"snapshot": source.key}, "creating"
        return snapshot

    RDSBackend.create_db_snapshot = create_db_snapshot
    RDSBackend.copy_db_snapshot = copy_db_snapshot


def deletion_waits() -> None:
    """An instance is `deleting` until its server is gone, which leaves the final snapshot first; in moto 5.2.5 it is gone at once."""
    if not observed.live:
        return
    from moto.rds.exceptions import InvalidParameterCombination
    from moto.rds.models import DBInstance, RDSBackend

    delete = RDSBackend.delete_db_instance

    def delete_db_instance(
        self: Any,
        db_instance_identifier: str,
        final_db_snapshot_identifier: str | None = None,
        skip_final_snapshot: bool = False,
        **options: Any,
    ) -> Any:
        database = self.databases.get(db_instance_identifier)
        if not database or not _ours(database):
            return delete(self, db_instance_identifier, final_db_snapshot_identifier, skip_final_snapshot, **options)
        if database.deletion_protection:
            raise InvalidParameterCombination("Cannot delete protected DB Instance, please disable deletion protection and try again.")
        if "leaving" not in vars(database):
            if final_db_snapshot_identifier and not skip_final_snapshot:
                self.create_db_snapshot(db_instance_identifier, final_db_snapshot_identifier)
            database.leaving = options
            _ask(database, "deleting")
        return database

    def leave(self: Any) -> None:
        delete(self.backend, self.db_instance_identifier, None, True, **self.leaving)

    RDSBackend.delete_db_instance = delete_db_instance
    DBInstance.leave = leave


ALL = (instances_as_told, servers_do_what_is_asked, changes_take_effect, snapshots_are_taken, deletion_waits)
