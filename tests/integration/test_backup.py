"""Vaults, plans and selections on an AWS API: made, put back, turned around, taken away with leave only."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from kc.unit import run
from kc.units.vaults import UNIT

VAULT = PLAN = "kc-lab-backups"
ARN = "arn:aws:backup:me-west-1:123456789012:backup-vault:kc-lab-backups"
DAILY = {"schedule": "cron(0 2 ? * * *)", "delete_days": 35, "copy_days": 14}
MONTHLY = {"schedule": "cron(0 4 1 * ? *)", "delete_days": 365, "cold_days": 30}

Params = dict[str, Any]


@pytest.fixture
def vaults(scope_option: Callable[..., Params], converge: Any) -> Params:
    scope = scope_option()
    keys = {"data": {"description": "Databases"}, "media": {"description": "Videos"}}
    converge("keys", {"scope": scope, "state": "present", "keys": keys, "home_region": None, "replica_regions": []})
    return {
        "scope": {**scope, "tags": {"Owner": "operations"}},
        "state": "present",
        "key": "data",
        "role": "backup",
        "lock": {"min_days": 7},
    }


@pytest.fixture
def backup(vaults: Params, converge: Any) -> Params:
    converge("vaults", vaults)
    return {
        "scope": vaults["scope"],
        "state": "present",
        "rules": {"daily": DAILY, "monthly": MONTHLY},
        "selections": {"mysql": {"resources": ["database"], "component": "mysql", "except_names": ["*-scratch"]}},
        "timezone": "Asia/Riyadh",
        "copy_to": "eu-central-1",
        "active": True,
        "role": "backup",
    }


@pytest.fixture
def api(client: Callable[..., Any]) -> Any:
    return client("backup")


def changes(result: Params) -> list[tuple[str, str, str, list[str]]]:
    return [(one["action"], one["kind"], one["name"], sorted(one["after"] or {})) for one in result["plan"]]


# --- vaults


def test_vaults(vaults: Params, converge: Any, api: Any, client: Any) -> None:
    planned = converge("vaults", vaults, check=True)
    assert changes(planned) == [("create", "backup_vault", VAULT, ["key", "lock", "policy", "tags"])]
    assert api.list_backup_vaults()["BackupVaultList"] == []
    made = converge("vaults", vaults)
    assert made["plan"] == planned["plan"]
    assert made["outputs"]["backup_vault"][VAULT] == {"id": VAULT, "arn": ARN, "region": "me-west-1"}
    assert converge("vaults", vaults)["plan"] == []
    (found,) = api.list_backup_vaults()["BackupVaultList"]
    key = client("kms").describe_key(KeyId="alias/kc-lab-data")["KeyMetadata"]["Arn"]
    assert (found["EncryptionKeyArn"], found["Locked"], found["MinRetentionDays"]) == (key, True, 7)
    assert "LockDate" not in found, "the lock can be taken off again"


OPEN = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "backup:*", "Resource": "*"}]}
VAULT_DRIFT: dict[str, tuple[Callable[[Any], Any], list[str]]] = {
    "no policy": (lambda api: api.delete_backup_vault_access_policy(BackupVaultName=VAULT), ["policy"]),
    "open to all": (lambda api: api.put_backup_vault_access_policy(BackupVaultName=VAULT, Policy=json.dumps(OPEN)), ["policy"]),
    "no lock": (lambda api: api.delete_backup_vault_lock_configuration(BackupVaultName=VAULT), ["lock"]),
    "another lock": (lambda api: api.put_backup_vault_lock_configuration(BackupVaultName=VAULT, MinRetentionDays=1), ["lock"]),
    "tag": (lambda api: api.tag_resource(ResourceArn=ARN, Tags={"Owner": "x"}), ["tags"]),
}


def test_a_vaults_drift_is_seen_and_put_back(vaults: Params, converge: Any, api: Any) -> None:
    converge("vaults", vaults)
    api.tag_resource(ResourceArn=ARN, Tags={"CostCenter": "42"})
    for what, (by_hand, attrs) in VAULT_DRIFT.items():
        by_hand(api)
        expected = [("update", "backup_vault", VAULT, attrs)]
        assert changes(converge("vaults", vaults, check=True)) == expected, what
        assert changes(converge("vaults", vaults)) == expected, what
        assert converge("vaults", vaults)["plan"] == [], what
    unlocked = {**vaults, "lock": None}
    assert changes(converge("vaults", unlocked)) == [("update", "backup_vault", VAULT, ["lock"])]
    assert not api.describe_backup_vault(BackupVaultName=VAULT)["Locked"]


def test_backups_go_only_with_leave(vaults: Params, converge: Any, api: Any) -> None:
    api.create_backup_vault(BackupVaultName="kc-lab-other")
    converge("vaults", vaults)
    for number in range(2):
        database = f"arn:aws:rds:me-west-1:123456789012:db:kc-lab-main-{number}"
        api.start_backup_job(BackupVaultName=VAULT, ResourceArn=database, IamRoleArn="arn:aws:iam::123456789012:role/kc/lab/kc-lab-backup")
    kept = converge("vaults", {**vaults, "state": "absent"})
    assert (kept["plan"], kept["kept"]) == ([], [f"backup_vault {VAULT} (me-west-1)"])
    assert len(api.list_recovery_points_by_backup_vault(BackupVaultName=VAULT)["RecoveryPoints"]) == 2
    gone = converge("vaults", {**vaults, "state": "absent", "data": "delete"})
    assert changes(gone) == [("delete", "backup_vault", VAULT, [])]
    assert converge("vaults", {**vaults, "state": "absent", "data": "delete"})["plan"] == []
    assert [one["BackupVaultName"] for one in api.list_backup_vaults()["BackupVaultList"]] == ["kc-lab-other"]


def test_another_key_is_refused(vaults: Params, converge: Any) -> None:
    """AWS Backup can't change a vault's key, and no backup is thrown away for it."""
    converge("vaults", vaults)
    refused = run(UNIT, {**vaults, "key": "media"}, check=False)
    assert f"backup_vault {VAULT} (me-west-1): `key` is" in refused["msg"]


# --- plans and selections


def test_an_empty_account_can_be_planned(scope_option: Any, converge: Any) -> None:
    """Not even the vault stands."""
    selections = {"mysql": {"resources": ["database"], "component": "mysql"}}
    options = {"rules": {"daily": DAILY}, "selections": selections, "timezone": "Etc/UTC", "active": True, "role": "backup"}
    planned = converge("backup", {"scope": scope_option(), "state": "present", "copy_to": None, **options}, check=True)
    assert [(one["kind"], one["name"]) for one in planned["plan"]] == [("backup_plan", PLAN), ("backup_selection", "kc-lab-mysql")]


def plan_of(api: Any) -> tuple[str, Params]:
    (plan,) = api.list_backup_plans()["BackupPlansList"]
    return plan["BackupPlanId"], api.get_backup_plan(BackupPlanId=plan["BackupPlanId"])["BackupPlan"]


def selected(api: Any) -> dict[str, Params]:
    plan, _ = plan_of(api)
    ids = [one["SelectionId"] for one in api.list_backup_selections(BackupPlanId=plan)["BackupSelectionsList"]]
    found = [api.get_backup_selection(BackupPlanId=plan, SelectionId=one)["BackupSelection"] for one in ids]
    return {one["SelectionName"]: one for one in found}


def test_a_plan(backup: Params, converge: Any, api: Any) -> None:
    planned = converge("backup", backup, check=True)
    assert api.list_backup_plans()["BackupPlansList"] == []
    made = converge("backup", backup)
    assert [one["action"] for one in planned["plan"]] == [one["action"] for one in made["plan"]] == ["create", "create"]
    assert converge("backup", backup)["plan"] == []

    rules = {rule["RuleName"]: rule for rule in plan_of(api)[1]["Rules"]}
    assert rules["daily"]["Lifecycle"] == {"DeleteAfterDays": 35}
    copy = {"DestinationBackupVaultArn": ARN.replace("me-west-1", "eu-central-1"), "Lifecycle": {"DeleteAfterDays": 14}}
    assert rules["daily"]["CopyActions"] == [copy]
    cold = {"DeleteAfterDays": 365, "MoveToColdStorageAfterDays": 30, "OptInToArchiveForSupportedResources": True}
    assert rules["monthly"]["Lifecycle"] == cold
    found = selected(api)["kc-lab-mysql"]
    assert (found["IamRoleArn"], found["Resources"]) == ("arn:aws:iam::123456789012:role/kc/lab/kc-lab-backup", ["arn:aws:rds:*:*:db:*"])
    conditions = {one["ConditionKey"]: one["ConditionValue"] for one in found["Conditions"]["StringEquals"]}
    assert found["Conditions"]["StringNotLike"] == [{"ConditionKey": "aws:ResourceTag/Name", "ConditionValue": "*-scratch"}]
    assert conditions == {"aws:ResourceTag/Platform": "kc", "aws:ResourceTag/Environment": "lab", "aws:ResourceTag/Component": "mysql"}


def rewrite(api: Any, **changed: Any) -> None:
    """Change the daily rule by hand."""
    plan, found = plan_of(api)
    rules = [{**rule, **(changed if rule["RuleName"] == "daily" else {})} for rule in found["Rules"]]
    for rule in rules:
        del rule["RuleId"]
    api.update_backup_plan(BackupPlanId=plan, BackupPlan={**found, "Rules": rules})


def select_otherwise(api: Any, **changed: Any) -> None:
    """Replace the selection by hand."""
    plan, _ = plan_of(api)
    (old,) = api.list_backup_selections(BackupPlanId=plan)["BackupSelectionsList"]
    found = selected(api)["kc-lab-mysql"]
    api.delete_backup_selection(BackupPlanId=plan, SelectionId=old["SelectionId"])
    if changed:
        api.create_backup_selection(BackupPlanId=plan, BackupSelection={**found, **changed})


RULES = ("update", "backup_plan", PLAN, ["rules"])
SELECTION = ["except_names", "others", "plan", "resources", "role", "tags"]
DRIFT: dict[str, tuple[Callable[[Any], Any], tuple[str, str, str, list[str]]]] = {
    "schedule": (lambda api: rewrite(api, ScheduleExpression="cron(0 9 ? * * *)"), RULES),
    "time zone": (lambda api: rewrite(api, ScheduleExpressionTimezone="Etc/UTC"), RULES),
    "kept for less": (lambda api: rewrite(api, Lifecycle={"DeleteAfterDays": 1}), RULES),
    "kept for ever": (lambda api: rewrite(api, Lifecycle={}), RULES),
    "another vault": (lambda api: rewrite(api, TargetBackupVaultName="Default"), RULES),
    "no copy": (lambda api: rewrite(api, CopyActions=[]), RULES),
    "start": (lambda api: rewrite(api, StartWindowMinutes=120), RULES),
    "completion": (lambda api: rewrite(api, CompletionWindowMinutes=180), RULES),
    "continuous": (lambda api: rewrite(api, EnableContinuousBackup=True), RULES),
    "tags of backups": (lambda api: rewrite(api, RecoveryPointTags={"a": "b"}), RULES),
    "everything is selected": (
        lambda api: select_otherwise(api, Resources=["*"]),
        ("replace", "backup_selection", "kc-lab-mysql", SELECTION),
    ),
    "something is left out": (
        lambda api: select_otherwise(api, NotResources=["arn:aws:rds:*:*:db:kc-lab-main"]),
        ("replace", "backup_selection", "kc-lab-mysql", SELECTION),
    ),
    "other tags": (
        lambda api: select_otherwise(api, Conditions={"StringLike": [{"ConditionKey": "aws:ResourceTag/Name", "ConditionValue": "*"}]}),
        ("replace", "backup_selection", "kc-lab-mysql", SELECTION),
    ),
    "another role": (
        lambda api: select_otherwise(api, IamRoleArn="arn:aws:iam::123456789012:role/other"),
        ("replace", "backup_selection", "kc-lab-mysql", SELECTION),
    ),
    "nothing is selected": (select_otherwise, ("create", "backup_selection", "kc-lab-mysql", SELECTION)),
}


def test_a_plans_drift_is_seen_and_put_back(backup: Params, converge: Any, api: Any) -> None:
    converge("backup", backup)
    before = selected(api)
    for what, (by_hand, expected) in DRIFT.items():
        by_hand(api)
        assert changes(converge("backup", backup, check=True)) == [expected], what
        assert changes(converge("backup", backup)) == [expected], what
        assert converge("backup", backup)["plan"] == [], what
        assert selected(api) == before, what


def test_a_failover_turns_it_around(backup: Params, converge: Any, api: Any) -> None:
    """The plan stays, with its copies; only what it selects follows the role."""
    converge("backup", backup)
    secondary = converge("backup", {**backup, "active": False})
    assert changes(secondary) == [("delete", "backup_selection", "kc-lab-mysql", [])]
    assert changes(converge("backup", backup)) == [("create", "backup_selection", "kc-lab-mysql", SELECTION)]


def test_plans_of_others_stay(backup: Params, converge: Any, api: Any) -> None:
    rule = {"RuleName": "r", "TargetBackupVaultName": "Default"}
    others = api.create_backup_plan(BackupPlan={"BackupPlanName": "kc-lab-of-somebody", "Rules": [rule]})["BackupPlanId"]
    converge("backup", backup)
    assert sorted(changes(converge("backup", {**backup, "state": "absent"}))) == [
        ("delete", "backup_plan", PLAN, []),
        ("delete", "backup_selection", "kc-lab-mysql", []),
    ]
    assert converge("backup", {**backup, "state": "absent"})["plan"] == []
    assert [one["BackupPlanId"] for one in api.list_backup_plans()["BackupPlansList"]] == [others]
    assert [one["BackupVaultName"] for one in api.list_backup_vaults()["BackupVaultList"]] == [VAULT], "backups stay"
    assert len(converge("backup", backup)["plan"]) == 2, "the plan's name is free again"
