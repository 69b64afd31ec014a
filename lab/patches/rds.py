"""RDS: replicas that are instances of their own, promotion, changes that wait, parameters that MySQL has."""

from __future__ import annotations

from typing import Any

WAITING = {
    "allocated_storage": "AllocatedStorage",
    "ca_certificate_identifier": "CACertificateIdentifier",
    "db_instance_class": "DBInstanceClass",
    "db_port_number": "Port",
    "engine_version": "EngineVersion",
    "iops": "Iops",
    "multi_az": "MultiAZ",
    "storage_throughput": "StorageThroughput",
    "storage_type": "StorageType",
}
"""What waits for the maintenance window unless it is to be done at once, by moto's name and that of `PendingModifiedValues`."""

CALLED = {"db_port_number": "port", "enable_performance_insights": "performance_insights_enabled"}
"""Attributes that moto would keep under the name of the request's parameter, where no answer finds them."""

ASKED = ("enable_performance_insights", "performance_insights_kms_key_id", "performance_insights_retention_period")

DYNAMIC = (
    "auto_increment_increment", "auto_increment_offset", "binlog_format", "binlog_row_image", "binlog_row_metadata", "character_set_server",
    "collation_server", "connect_timeout", "event_scheduler", "general_log", "group_concat_max_len", "innodb_buffer_pool_size",
    "innodb_flush_log_at_trx_commit", "innodb_io_capacity", "innodb_lock_wait_timeout", "innodb_print_all_deadlocks",
    "interactive_timeout", "local_infile", "lock_wait_timeout", "log_bin_trust_function_creators", "log_output",
    "log_queries_not_using_indexes", "long_query_time", "max_allowed_packet", "max_connections", "max_execution_time",
    "net_read_timeout", "net_write_timeout", "read_only", "replica_parallel_workers", "require_secure_transport", "slow_query_log",
    "sort_buffer_size", "sql_mode", "sync_binlog", "table_open_cache", "time_zone", "tls_version", "tmp_table_size",
    "transaction_isolation", "wait_timeout",
)  # fmt: skip
STATIC = (
    "back_log", "default_authentication_plugin", "enforce_gtid_consistency", "gtid-mode", "innodb_buffer_pool_instances",
    "innodb_file_per_table", "lower_case_table_names", "performance_schema", "skip_name_resolve", "thread_stack",
)  # fmt: skip
"""Parameters of the family mysql8.4, a choice of RDS's several hundred."""

STRIPED = 400
"""GiB of MySQL from which RDS stripes a gp3 volume over four. RDS user guide, gp3 storage."""
GP3 = {"iops": (3_000, 12_000), "storage_throughput": (125, 500)}
"""What a gp3 volume does at least (IOPS, MiB/s), smaller than `STRIPED` and from there on."""


def replicas_of_their_own() -> None:
    """A replica is an instance of its own, without backups, with a key of its region; moto 5.2.5 copies the source's object."""
    from moto.rds.exceptions import DBInstanceAlreadyExists, KMSKeyNotAccessibleFault, RDSClientError
    from moto.rds.models import DBInstance, RDSBackend

    inherited = ("engine", "engine_version", "allocated_storage", "db_instance_class", "storage_type", "storage_encrypted", "port", "iops")

    def create(self: Any, db_kwargs: Any) -> Any:
        given = dict(**db_kwargs)
        name = given["db_instance_identifier"]
        if name in self.databases:
            raise DBInstanceAlreadyExists()
        source = self.find_db_from_id(given["source_db_instance_identifier"])
        if not source.backup_retention_period or source.status != "available":
            text = "Automated backups are not enabled for this database instance, or it is not available."
            raise RDSClientError("InvalidDBInstanceState", text)
        key = given.get("kms_key_id")
        if source.storage_encrypted and source.region != self.region_name and not key:
            text = "You must specify a KMS key to create an encrypted read replica in another region."
            raise RDSClientError("InvalidParameterCombination", text)
        if key and f":kms:{self.region_name}:" not in key:
            raise KMSKeyNotAccessibleFault(key)
        replica = DBInstance(self, **{**{each: getattr(source, each) for each in inherited}, **given})
        replica.backup_retention_period = 0
        replica.db_name = source.db_name
        replica.is_replica = True
        self.databases[name] = replica
        source.add_replica(replica)
        return _asked(replica, given)

    make = RDSBackend.create_db_instance

    def create_db_instance(self: Any, db_kwargs: Any) -> Any:
        return _asked(make(self, db_kwargs), dict(**db_kwargs))

    RDSBackend.create_db_instance_read_replica = create
    RDSBackend.create_db_instance = create_db_instance


def _asked(database: Any, given: dict[str, Any]) -> Any:
    """Keep what moto's instance forgets of a creating call."""
    for name in ASKED:
        if given.get(name) is not None:
            setattr(database, CALLED.get(name, name), given[name])
    return database


def gp3_volumes_tell_what_they_do() -> None:
    """An instance on gp3 always answers with IOPS and throughput: the volume's own, unless more was asked for.

    moto 5.2.5 answers with what was asked for, or with neither.
    """
    from moto.rds.models import DBInstance

    def told(name: str) -> property:
        def get(self: Any) -> Any:
            asked = vars(self).get(name)
            if vars(self).get("_storage_type") != "gp3":
                return asked
            return max(int(asked or 0), GP3[name][self.allocated_storage >= STRIPED])

        def put(self: Any, value: Any) -> None:
            vars(self)[name] = value

        return property(get, put)

    for name in GP3:
        setattr(DBInstance, name, told(name))


def promotion_ends_the_replication() -> None:
    """A promoted replica has no source any more, and can't be promoted again; nor has one whose source is deleted.

    moto 5.2.5 keeps the link, and fails to delete a replica of another region.
    """
    from moto.rds.exceptions import RDSClientError
    from moto.rds.models import DBInstance, RDSBackend

    def part(backend: Any, replica: Any) -> None:
        source = backend.find_db_from_id(replica.source_db_instance_identifier)
        source.remove_replica(replica)
        replica.is_replica, replica.source_db_instance_identifier = False, None

    def remove_replica(self: Any, replica: Any) -> None:
        self.replicas[:] = [each for each in self.replicas if each not in (replica.db_instance_arn, replica.db_instance_identifier)]

    def promote(self: Any, db_kwargs: Any) -> Any:
        given = dict(**db_kwargs)
        database = self.describe_db_instances(given["db_instance_identifier"])[0]
        if not database.is_replica:
            raise RDSClientError("InvalidDBInstanceState", f"DB Instance {database.db_instance_identifier} is not a read replica.")
        part(self, database)
        database.update(**{key: value for key, value in given.items() if key != "db_instance_identifier"})
        return database

    delete = RDSBackend.delete_db_instance

    def delete_db_instance(self: Any, db_instance_identifier: str, *args: Any, **options: Any) -> Any:
        database = self.databases.get(db_instance_identifier)
        replicas = list(database.replicas) if database else []
        gone = delete(self, db_instance_identifier, *args, **options)
        for replica in replicas:
            found = self.find_db_from_id(replica)
            found.is_replica, found.source_db_instance_identifier = False, None
        return gone

    DBInstance.remove_replica = remove_replica
    RDSBackend.promote_read_replica = promote
    RDSBackend.delete_db_instance = delete_db_instance


def changes_wait_for_the_window() -> None:
    """Without `ApplyImmediately` what interrupts is pending, and with it all that is pending is done; moto 5.2.5 does all at once."""
    from moto.rds.models import RDSBackend

    modify = RDSBackend.modify_db_instance

    def modify_db_instance(self: Any, db_instance_identifier: str, db_kwargs: Any) -> Any:
        database = self.describe_db_instances(db_instance_identifier)[0]
        given = dict(**db_kwargs)
        pending = dict(getattr(database, "pending_modified_values", None) or {})
        if given.get("apply_immediately"):
            waited = {name: pending[shown] for name, shown in WAITING.items() if shown in pending}
            given, pending = {**waited, **given}, {}
        else:
            pending |= {WAITING[name]: given.pop(name) for name in list(given) if name in WAITING}
        database.pending_modified_values = pending
        return modify(self, db_instance_identifier, {CALLED.get(name, name): value for name, value in given.items()})

    RDSBackend.modify_db_instance = modify_db_instance


def parameters_that_mysql_has() -> None:
    """A group holds the parameters of its family, each static or dynamic, and tells which were set.

    moto 5.2.5 takes any name, tells neither, and can't reset one. It answers with no group at all where the one that is
    asked for is not there.
    """
    from moto.core.responses import ActionResult, PaginatedResult
    from moto.rds.exceptions import DBParameterGroupNotFoundError, RDSClientError
    from moto.rds.models import RDSBackend
    from moto.rds.responses import RDSResponse

    kinds = {**dict.fromkeys(DYNAMIC, "dynamic"), **dict.fromkeys(STATIC, "static")}

    def group(self: Any) -> Any:
        name = self.params.get("DBParameterGroupName")
        found = self.backend.describe_db_parameter_groups({"db_parameter_group_name": name})
        if not found:
            raise DBParameterGroupNotFoundError(name)
        return found[0]

    describe = RDSResponse.describe_db_parameter_groups

    def describe_db_parameter_groups(self: Any) -> Any:
        if self.params.get("DBParameterGroupName"):
            group(self)
        return describe(self)

    def describe_db_parameters(self: Any) -> Any:
        own, wanted = group(self).parameters, self.params.get("Source")
        found = [
            {
                "ParameterName": name,
                "ApplyType": kind,
                "DataType": "string",
                "IsModifiable": True,
                "Source": "user" if name in own else "engine-default",
                **({"ParameterValue": own[name]["ParameterValue"]} if name in own else {}),
            }
            for name, kind in sorted(kinds.items())
        ]
        return PaginatedResult({"Parameters": [each for each in found if wanted in (None, each["Source"])]})

    def reset_db_parameter_group(self: Any) -> Any:
        found = group(self)
        for each in self.params.get("Parameters", []):
            found.parameters.pop(each["ParameterName"], None)
        return ActionResult({"DBParameterGroupName": found.name})

    modify = RDSBackend.modify_db_parameter_group

    def modify_db_parameter_group(self: Any, db_parameter_group_name: str, db_parameter_group_parameters: Any) -> Any:
        parameters = list(db_parameter_group_parameters)
        for each in parameters:
            kind = kinds.get(each["ParameterName"])
            if kind is None:
                raise RDSClientError("InvalidParameterValue", f"Could not find parameter with name: {each['ParameterName']}")
            if kind == "static" and each.get("ApplyMethod") == "immediate":
                raise RDSClientError("InvalidParameterCombination", "cannot use immediate apply method for static parameter")
        return modify(self, db_parameter_group_name, parameters)

    RDSResponse.describe_db_parameter_groups = describe_db_parameter_groups
    RDSResponse.describe_db_parameters = describe_db_parameters
    RDSResponse.reset_db_parameter_group = reset_db_parameter_group
    RDSBackend.modify_db_parameter_group = modify_db_parameter_group


def groups_in_use() -> None:
    """A group that an instance uses can't be deleted; moto 5.2.5 lets it go."""
    from moto.rds.exceptions import RDSClientError
    from moto.rds.models import RDSBackend

    def guard(operation: str, code: str, uses: Any) -> None:
        delete = getattr(RDSBackend, operation)

        def guarded(self: Any, name: str) -> Any:
            users = [each.db_instance_identifier for each in self.databases.values() if uses(each) == name]
            if users:
                raise RDSClientError(code, f"{name} is used by {users[0]}")
            return delete(self, name)

        setattr(RDSBackend, operation, guarded)

    guard("delete_db_parameter_group", "InvalidDBParameterGroupState", lambda database: database.db_parameter_group_name)
    guard("delete_subnet_group", "InvalidDBSubnetGroupStateFault", lambda database: database._db_subnet_group_name)


ALL = (
    replicas_of_their_own,
    gp3_volumes_tell_what_they_do,
    promotion_ends_the_replication,
    changes_wait_for_the_window,
    parameters_that_mysql_has,
    groups_in_use,
)
