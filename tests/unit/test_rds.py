"""RDS instances as they are read and changed: what waits, what comes first, what must not happen.

moto has no states and no maintenance window; here is an RDS of a few lines that has them.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from kc.aws.rds import Instance, Replica, live_of, modified
from kc.aws.rds_groups import ParameterGroup
from kc.aws.session import Aws
from kc.errors import KcError
from kc.model import Live
from kc.scope import Scope

INSTANCE, REPLICA = Instance(), Replica()
SCOPE = Scope("kc", "lab", "123456789012", "me-west-1", "mysql")
PASSWORD = "a-password-77-xq"
ARN = "arn:aws:rds:me-west-1:123456789012:db:kc-lab-main"
COPY = "arn:aws:rds:eu-central-1:123456789012:db:kc-lab-main"

ITEM: dict[str, Any] = {
    "DBInstanceIdentifier": "kc-lab-main",
    "DBInstanceArn": ARN,
    "DBInstanceStatus": "available",
    "DbiResourceId": "db-X",
    "Engine": "mysql",
    "EngineVersion": "8.4.7",
    "DBInstanceClass": "db.r6g.large",
    "AllocatedStorage": 100,
    "MaxAllocatedStorage": 200,
    "StorageType": "gp3",
    "MultiAZ": True,
    "DBParameterGroups": [{"DBParameterGroupName": "p", "ParameterApplyStatus": "in-sync"}],
    "DBSubnetGroup": {"DBSubnetGroupName": "s"},
    "VpcSecurityGroups": [{"VpcSecurityGroupId": "sg-2", "Status": "active"}, {"VpcSecurityGroupId": "sg-1", "Status": "active"}],
    "KmsKeyId": "arn:key",
    "Endpoint": {"Address": "kc-lab-main.x", "Port": 3306},
    "BackupRetentionPeriod": 14,
    "PreferredBackupWindow": "22:00-22:30",
    "PreferredMaintenanceWindow": "fri:23:00-fri:23:30",
    "DeletionProtection": True,
    "PerformanceInsightsEnabled": True,
    "PerformanceInsightsKMSKeyId": "arn:key",
    "PerformanceInsightsRetentionPeriod": 7,
    "MonitoringInterval": 60,
    "MonitoringRoleArn": "arn:role",
    "EnabledCloudwatchLogsExports": ["error"],
    "AutoMinorVersionUpgrade": False,
    "CACertificateIdentifier": "rds-ca-rsa2048-g1",
    "IAMDatabaseAuthenticationEnabled": False,
    "CopyTagsToSnapshot": True,
    "PubliclyAccessible": False,
    "PendingModifiedValues": {},
    "TagList": [
        {"Key": key, "Value": value}
        for key, value in {"Platform": "kc", "Environment": "lab", "Component": "mysql", "FinalSnapshot": "yes"}.items()
    ],
}
WANT: dict[str, Any] = {
    **{name: value for name, value in live_of(ITEM).attrs.items() if name not in ("replicas", "iops", "throughput")},
    "apply": "window",
    "hours": 1,
    "admin_secret": "kc/lab/mysql-admin",
    "database": "app",
}


class Rds:
    """RDS of one region: the instance by its name, its states to come, and the calls that were made.

    Attributes:
        states: States that the next looks see, before it is `available`.
    """

    def __init__(self, items: dict[str, dict[str, Any]], states: tuple[str, ...] = (), region: str = "me-west-1") -> None:
        self.items, self.states, self.region = items, list(states), region
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.told: list[str] = []
        self.parameters: list[dict[str, Any]] = []

    def at(self, region: str) -> Rds:
        view = Rds(self.items, region=region)
        view.calls, view.states, view.told = self.calls, self.states, self.told
        return view

    def progress(self, text: str) -> None:
        self.told.append(text)

    def sleep(self, seconds: float) -> None:
        pass

    def wait(self, what: str, state: Callable[[], str], **how: Any) -> str:
        return Aws.wait(self, what, state, **how)  # type: ignore[arg-type]

    def find(self, service: str, operation: str, **params: Any) -> dict[str, Any] | None:
        if operation != "describe_db_instances":
            return self.call(service, operation, **params)
        item = self.items.get(f"{self.region}/{params['DBInstanceIdentifier']}")
        if item is None:
            return None
        return {"DBInstances": [{**item, "DBInstanceStatus": self.states.pop(0)} if self.states else item]}

    def pages(self, service: str, operation: str, key: str, **params: Any) -> list[Any]:
        return self.parameters if operation == "describe_db_parameters" else list(self.items.values())

    def call(self, service: str, operation: str, **params: Any) -> dict[str, Any]:
        self.calls.append((operation, params))
        name = f"{self.region}/{params.get('DBInstanceIdentifier')}"
        if operation == "get_secret_value":
            return {"SecretString": json.dumps({"username": "admin", "password": PASSWORD})}
        if operation.startswith("create_db_instance"):
            self.items[name] = {**ITEM, "Endpoint": None}
            return {"DBInstance": {**ITEM, "Endpoint": None, "DBInstanceStatus": "creating"}}
        if operation == "delete_db_instance":
            del self.items[name]
        return {}

    def modified(self) -> list[dict[str, Any]]:
        return [params for operation, params in self.calls if operation == "modify_db_instance"]


def rds(states: tuple[str, ...] = (), **changed: Any) -> Any:
    return Rds({"me-west-1/kc-lab-main": {**ITEM, **changed}}, states)


@pytest.mark.parametrize(
    ("item", "attr", "value"),
    [
        ({}, "class", "db.r6g.large"),
        # what waits for the window is as good as done, or it would be planned in every run until then
        ({"PendingModifiedValues": {"DBInstanceClass": "db.r6g.xlarge"}}, "class", "db.r6g.xlarge"),
        ({"PendingModifiedValues": {"MultiAZ": False}}, "multi_az", False),
        ({"PendingModifiedValues": {"AllocatedStorage": 150}}, "storage", 150),
        ({"PendingModifiedValues": {"EngineVersion": "8.4.8"}}, "engine_version", "8.4.8"),
        ({"PendingModifiedValues": {"CACertificateIdentifier": "ca2"}}, "ca", "ca2"),
        ({"PendingModifiedValues": {"BackupRetentionPeriod": 7}}, "backup_days", 7),
        ({"PendingModifiedValues": {"IAMDatabaseAuthenticationEnabled": True}}, "iam_auth", True),
        ({"PendingModifiedValues": {"Port": 3307}}, "port", 3307),
        (
            {"PendingModifiedValues": {"PendingCloudwatchLogsExports": {"LogTypesToEnable": ["audit"], "LogTypesToDisable": ["error"]}}},
            "logs",
            ["/aws/rds/instance/kc-lab-main/audit"],
        ),
        ({"MaxAllocatedStorage": None}, "max_storage", 0),
        ({"PerformanceInsightsEnabled": False}, "insights", {"days": 0, "key": ""}),
        ({"MonitoringInterval": 0, "MonitoringRoleArn": None}, "monitoring", {"seconds": 0, "role": ""}),
        ({}, "groups", ["sg-1", "sg-2"]),
        ({"DBInstanceStatus": "creating"}, "state", "creating"),
        ({"DBInstanceStatus": "stopped"}, "state", "stopped"),
        ({"DBInstanceStatus": "backing-up"}, "state", "available"),
        ({"DBInstanceStatus": "modifying"}, "state", "available"),
    ],
)
def test_what_stands(item: dict[str, Any], attr: str, value: Any) -> None:
    assert live_of({**ITEM, **item}).attrs[attr] == value


def test_an_instance_without_an_address_yet_has_none() -> None:
    assert "address" not in live_of({**ITEM, "Endpoint": None, "DBInstanceStatus": "creating"}).outputs


def test_sources_and_replicas_are_told_apart_and_others_are_left_alone() -> None:
    other = {**ITEM, "DBInstanceIdentifier": "kc-lab-other", "TagList": []}
    client = {**ITEM, "DBInstanceIdentifier": "kc-lab-acme-main", "TagList": [*ITEM["TagList"], {"Key": "Client", "Value": "acme"}]}
    stranger = {**ITEM, "DBInstanceIdentifier": "their-main"}
    copy = {**ITEM, "DBInstanceIdentifier": "kc-lab-copy", "ReadReplicaSourceDBInstanceIdentifier": ARN}
    retagged = {**ITEM, "DBInstanceIdentifier": "kc-lab-two", "TagList": [{"Key": "Component", "Value": "mysql"}]}
    aws: Any = Rds({str(index): item for index, item in enumerate([ITEM, other, client, stranger, copy, retagged])})
    assert sorted(INSTANCE.read(aws, SCOPE)) == ["kc-lab-main", "kc-lab-two"], "the name says platform and environment too"
    assert sorted(REPLICA.read(aws, SCOPE)) == ["kc-lab-copy"]
    acme = Scope("kc", "lab", "123456789012", "me-west-1", "mysql", client="acme")
    assert sorted(INSTANCE.read(aws, acme)) == ["kc-lab-acme-main"]


def change(aws: Any, **want: Any) -> None:
    wanted = {**WANT, **want}
    INSTANCE.update(aws, SCOPE, "kc-lab-main", live_of(aws.items["me-west-1/kc-lab-main"]), wanted, frozenset(want) & wanted.keys())


def test_what_is_harmless_is_done_at_once_and_what_interrupts_waits_for_the_window() -> None:
    aws = rds()
    change(aws, backup_days=7, **{"class": "db.r6g.xlarge"}, multi_az=False)
    assert [(each["ApplyImmediately"], sorted(each)) for each in aws.modified()] == [
        (True, ["ApplyImmediately", "BackupRetentionPeriod", "DBInstanceIdentifier"]),
        (False, ["ApplyImmediately", "DBInstanceClass", "DBInstanceIdentifier", "MultiAZ"]),
    ]


def test_what_interrupts_is_done_now_when_told_so() -> None:
    aws = rds()
    change(aws, apply="now", **{"class": "db.r6g.xlarge"})
    assert [each["ApplyImmediately"] for each in aws.modified()] == [True]


def test_a_harmless_change_does_not_bring_forward_what_waits() -> None:
    """Whoever applies at once applies all that is pending. RDS user guide, Modifying a DB instance."""
    aws = rds(PendingModifiedValues={"DBInstanceClass": "db.r6g.xlarge"})
    change(aws, backup_days=7)
    assert [each["ApplyImmediately"] for each in aws.modified()] == [False]


def test_changes_wait_until_an_instance_takes_them() -> None:
    aws = rds(states=("modifying", "backing-up", "storage-optimization"))
    change(aws, backup_days=7)
    assert aws.states == [] and len(aws.modified()) == 1


def test_one_that_is_still_coming_up_is_waited_for_and_not_changed() -> None:
    aws = rds(states=("creating", "backing-up"))
    INSTANCE.update(
        aws, SCOPE, "kc-lab-main", Live({**WANT, "state": "creating", "multi_az": False}), WANT, frozenset({"state", "multi_az"})
    )
    assert aws.states == [] and aws.calls == []


def test_one_that_was_stopped_is_started() -> None:
    aws = rds(states=("starting",))
    INSTANCE.update(aws, SCOPE, "kc-lab-main", Live({**WANT, "state": "stopped"}), WANT, frozenset({"state"}))
    assert [operation for operation, _ in aws.calls] == ["start_db_instance"]


@pytest.mark.parametrize("apply", ["window", "now"])
def test_replicas_are_upgraded_before_their_source(apply: str) -> None:
    aws = rds(ReadReplicaDBInstanceIdentifiers=[COPY, "kc-lab-local"])
    aws.items["eu-central-1/kc-lab-main"] = {**ITEM, "DBInstanceArn": COPY}
    upgraded: list[tuple[str, bool]] = []
    call = Rds.call

    def watch(self: Rds, service: str, operation: str, **params: Any) -> dict[str, Any]:
        upgraded.append((self.region, params["ApplyImmediately"]))
        return call(self, service, operation, **params)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Rds, "call", watch)
        change(aws, engine_version="8.4.8", apply=apply)
    assert upgraded == [("eu-central-1", apply == "now"), ("me-west-1", apply == "now")]


@pytest.mark.parametrize(
    ("want", "parameters"),
    [
        ({"max_storage": 0}, {"MaxAllocatedStorage": 100}),
        ({"storage": 200}, {"AllocatedStorage": 200}),
        # a larger volume is striped: its size, IOPS and throughput are said together
        ({"storage": 400}, {"AllocatedStorage": 400, "Iops": 12000, "StorageThroughput": 500}),
        ({"storage": 1000, "iops": 20000}, {"AllocatedStorage": 1000, "Iops": 20000, "StorageThroughput": 500}),
        ({"max_storage": 300}, {"MaxAllocatedStorage": 300}),
        ({"insights": {"days": 0, "key": ""}}, {"EnablePerformanceInsights": False}),
        ({"monitoring": {"seconds": 0, "role": ""}}, {"MonitoringInterval": 0}),
        ({"port": 3307}, {"DBPortNumber": 3307}),
        (
            {"logs": ["/aws/rds/instance/kc-lab-main/audit"]},
            {"CloudwatchLogsExportConfiguration": {"EnableLogTypes": ["audit"], "DisableLogTypes": ["error"]}},
        ),
        ({"logs": []}, {"CloudwatchLogsExportConfiguration": {"DisableLogTypes": ["error"]}}),
    ],
)
def test_how_a_change_is_said(want: dict[str, Any], parameters: dict[str, Any]) -> None:
    assert modified(live_of(ITEM).attrs, {**WANT, **want}, want) == parameters


def test_the_password_goes_to_rds_and_nowhere_else() -> None:
    aws = rds(states=("creating", "backing-up"))
    live = INSTANCE.create(aws, SCOPE, "kc-lab-main", WANT)
    aws.items["me-west-1/kc-lab-main"] = dict(ITEM)
    INSTANCE.ready(aws, "kc-lab-main", live)
    (made,) = (params for operation, params in aws.calls if operation == "create_db_instance")
    assert (made["MasterUsername"], made["MasterUserPassword"], made["StorageEncrypted"]) == ("admin", PASSWORD, True)
    assert PASSWORD not in json.dumps([live.attrs, live.outputs, aws.told])
    assert live.outputs["address"] == "kc-lab-main.x", "known once it is available"


@pytest.mark.parametrize("value", ["not json", '{"password": "a-password-77-xq"}', '["a-password-77-xq"]'])
def test_a_secret_that_is_none_is_not_shown(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    aws = rds()
    monkeypatch.setattr(aws, "call", lambda *call, **params: {"SecretString": value})
    with pytest.raises(KcError) as caught:
        INSTANCE.create(aws, SCOPE, "kc-lab-main", WANT)
    assert "the secret kc/lab/mysql-admin holds no" in str(caught.value)
    assert PASSWORD not in str(caught.value) and caught.value.__cause__ is None


def test_a_replica_gets_its_backups_once_it_stands() -> None:
    aws = Rds({}, region="eu-central-1")
    call = aws.call

    def create(service: str, operation: str, **params: Any) -> dict[str, Any]:
        answer = call(service, operation, **params)
        if operation == "create_db_instance_read_replica":
            aws.items["eu-central-1/kc-lab-main"] = {**ITEM, "BackupRetentionPeriod": 0, "ReadReplicaSourceDBInstanceIdentifier": ARN}
            aws.states = ["creating", "creating"]
        return answer

    aws.call = create  # type: ignore[method-assign]
    want = {**{name: value for name, value in WANT.items() if name not in ("admin_secret", "database")}, "source": ARN}
    REPLICA.create(aws, SCOPE.at("eu-central-1"), "kc-lab-main", want)  # type: ignore[arg-type]
    (made, given), (changed, later) = aws.calls
    assert (made, changed) == ("create_db_instance_read_replica", "modify_db_instance")
    assert (given["SourceDBInstanceIdentifier"], given["SourceRegion"], given["KmsKeyId"]) == (ARN, "me-west-1", "arn:key")
    assert not given.keys() & {"BackupRetentionPeriod", "EngineVersion", "AllocatedStorage", "MasterUserPassword"}
    assert later["BackupRetentionPeriod"] == 14


@pytest.mark.parametrize("state", ["failed", "incompatible-parameters", "inaccessible-encryption-credentials"])
def test_a_state_that_does_not_pass_ends_the_waiting(state: str) -> None:
    aws = rds(states=("creating", state))
    with pytest.raises(KcError, match=f"db_instance kc-lab-main is `{state}` instead of available"):
        INSTANCE.ready(aws, "kc-lab-main", Live(dict(WANT), {}))


@pytest.mark.parametrize(
    ("kind", "tag", "protected", "given"),
    [
        (INSTANCE, "yes", True, {"SkipFinalSnapshot": False}),
        (INSTANCE, "no", False, {"SkipFinalSnapshot": True}),
        # RDS takes no snapshot of a replica that is deleted
        (REPLICA, "yes", True, {"SkipFinalSnapshot": True}),
    ],
)
def test_deletion(kind: Any, tag: str, protected: bool, given: dict[str, Any]) -> None:
    aws = rds()
    kind.delete(aws, SCOPE, "kc-lab-main", Live({**WANT, "deletion_protection": protected, "tags": {"FinalSnapshot": tag}}))
    *before, (operation, params) = aws.calls
    assert [each for each, _ in before] == ["modify_db_instance"] * protected
    assert operation == "delete_db_instance"
    snapshot = params.pop("FinalDBSnapshotIdentifier", "")
    assert params == {"DBInstanceIdentifier": "kc-lab-main", **given}
    assert snapshot.startswith("kc-lab-main-final-") if not given["SkipFinalSnapshot"] else snapshot == ""


def test_one_that_is_being_deleted_is_only_waited_for() -> None:
    aws: Any = Rds({})
    INSTANCE.delete(aws, SCOPE, "kc-lab-main", Live({**WANT, "state": "deleting"}))
    assert aws.calls == []


# --- parameter groups ------------------------------------------------------------------------------------------


def group(have: dict[str, str], want: dict[str, str]) -> list[tuple[str, list[dict[str, str]]]]:
    aws: Any = Rds({})
    aws.parameters = [
        {"ParameterName": f"p{number:02}", "ApplyType": "static" if number % 2 else "dynamic", "ParameterValue": ""} for number in range(50)
    ]
    live = Live({"parameters": have}, {"arn": "arn"})
    ParameterGroup().update(aws, SCOPE, "g", live, {"parameters": want}, frozenset({"parameters"}))
    return [(operation, params["Parameters"]) for operation, params in aws.calls]


def test_parameters_are_set_and_reset_as_each_can_be() -> None:
    assert group({"p00": "1", "p01": "1", "p02": "1"}, {"p00": "1", "p01": "2", "p04": "4"}) == [
        (
            "modify_db_parameter_group",
            [
                {"ParameterName": "p01", "ParameterValue": "2", "ApplyMethod": "pending-reboot"},
                {"ParameterName": "p04", "ParameterValue": "4", "ApplyMethod": "immediate"},
            ],
        ),
        ("reset_db_parameter_group", [{"ParameterName": "p02", "ApplyMethod": "immediate"}]),
    ]


def test_a_call_takes_twenty_parameters() -> None:
    assert [len(some) for _, some in group({}, {f"p{number:02}": "1" for number in range(45)})] == [20, 20, 5]


def test_a_parameter_that_mysql_does_not_have() -> None:
    with pytest.raises(KcError, match="no parameter `query_cache_size`"):
        group({}, {"query_cache_size": "1"})
