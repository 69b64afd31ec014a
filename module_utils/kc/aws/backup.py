"""AWS Backup: vaults, plans, and the selections of what a plan backs up."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ..model import Kind, Live, canonical
from ..policy import canonical as canonical_policy
from ..policy import encode
from ..scope import Scope
from .session import Aws
from .tags import tag_dict

EMPTYING = 1800
"""Seconds until a vault's recovery points are gone: each is a snapshot that its own service deletes."""


class Vault(Kind):
    """A vault: where recovery points lie, encrypted. It goes only when they may go with it.

    Attributes of the desired state: `key`, `policy`, `lock` (`min_days` and `max_days`; empty for none; what is wanted
    is governance mode, which can be taken off again), `tags`.
    """

    name = "backup_vault"
    outputs_of = ("id", "arn")
    immutable = frozenset({"key"})
    keeps_data = True

    def read(self, aws: Aws, scope: Scope) -> dict[str, Live]:
        vaults = aws.pages("backup", "list_backup_vaults", "BackupVaultList")

        def one(vault: Mapping[str, Any]) -> Live | None:
            tags = _tags_of(aws, vault["BackupVaultArn"])
            if not scope.owns(tags):
                return None
            policy = aws.find("backup", "get_backup_vault_access_policy", BackupVaultName=vault["BackupVaultName"])
            attrs = {
                "key": vault.get("EncryptionKeyArn", ""),
                "policy": canonical_policy(policy["Policy"]) if policy and policy.get("Policy") else {},
                "lock": _lock_of(vault),
                "tags": tags,
            }
            return Live(attrs, {"id": vault["BackupVaultName"], "arn": vault["BackupVaultArn"]})

        found = aws.map(one, [vault for vault in vaults if vault["BackupVaultName"].startswith(scope.prefix)])
        return {live.id: live for live in found if live}

    def create(self, aws: Aws, scope: Scope, name: str, want: Mapping[str, Any]) -> Live:
        made = aws.call(
            "backup",
            "create_backup_vault",
            BackupVaultName=name,
            EncryptionKeyArn=want["key"],
            BackupVaultTags=dict(want["tags"]),
            CreatorRequestId=aws.token("backup_vault", name),
        )
        live = Live({"lock": {}}, {"id": name, "arn": made["BackupVaultArn"]})
        self.update(aws, scope, name, live, want, frozenset(attr for attr in ("policy", "lock") if want[attr]))
        return Live(dict(want), live.outputs)

    def update(self, aws: Aws, scope: Scope, name: str, live: Live, want: Mapping[str, Any], changed: frozenset[str]) -> None:
        if "policy" in changed:
            aws.call("backup", "put_backup_vault_access_policy", BackupVaultName=name, Policy=encode(want["policy"]))
        if "lock" in changed and want["lock"]:
            days = {key: want["lock"][attr] for key, attr in _LOCK.items() if want["lock"][attr]}
            aws.call("backup", "put_backup_vault_lock_configuration", BackupVaultName=name, **days)
        elif "lock" in changed:
            aws.call("backup", "delete_backup_vault_lock_configuration", BackupVaultName=name)
        if "tags" in changed:
            aws.call("backup", "tag_resource", ResourceArn=live.outputs["arn"], Tags=dict(want["tags"]))

    def delete(self, aws: Aws, scope: Scope, name: str, live: Live) -> None:
        # planned only where backups may be lost (`keeps_data`); what protects them from everybody goes first
        if live.attrs["lock"]:
            aws.find("backup", "delete_backup_vault_lock_configuration", BackupVaultName=name)
        if live.attrs["policy"]:
            aws.find("backup", "delete_backup_vault_access_policy", BackupVaultName=name)
        for point in points(aws, name):
            if point.get("Status") != "DELETING":
                aws.find("backup", "delete_recovery_point", BackupVaultName=name, RecoveryPointArn=point["RecoveryPointArn"])
        aws.wait(f"end of the backups in {name}", lambda: "some left" if points(aws, name) else "empty", until=["empty"], timeout=EMPTYING)
        aws.find("backup", "delete_backup_vault", BackupVaultName=name)


_LOCK = {"MinRetentionDays": "min_days", "MaxRetentionDays": "max_days"}


def _lock_of(vault: Mapping[str, Any]) -> dict[str, Any]:
    """Return a vault's lock. One whose day is set (compliance mode) is told apart by that day: it can't be taken off."""
    if not vault.get("Locked"):
        return {}
    until = {"until": str(vault["LockDate"])} if vault.get("LockDate") else {}
    return {**{attr: vault.get(key) or 0 for key, attr in _LOCK.items()}, **until}


def points(aws: Aws, vault: str) -> list[dict[str, Any]]:
    """Return what is in a vault: recovery points."""
    return aws.pages("backup", "list_recovery_points_by_backup_vault", "RecoveryPoints", BackupVaultName=vault)


class Plan(Kind):
    """A plan: when backups are made, how long they are kept, and where they are copied.

    Attributes of the desired state: `rules` (each as `rule_of` gives it, in canonical order), `tags`. AWS chooses a
    plan's id; it is found by its name and tags.
    """

    name = "backup_plan"
    outputs_of = ("id", "arn")

    def read(self, aws: Aws, scope: Scope) -> dict[str, Live]:
        def one(plan: tuple[str, str, dict[str, str]]) -> Live | None:
            number, arn, tags = plan
            found = aws.find("backup", "get_backup_plan", BackupPlanId=number)
            if not found:
                return None
            rules = canonical(rule_of(rule) for rule in found["BackupPlan"]["Rules"])
            return Live({"name": found["BackupPlan"]["BackupPlanName"], "rules": rules, "tags": tags}, {"id": number, "arn": arn})

        found = [live for live in aws.map(one, _plans(aws, scope)) if live]
        return {live.attrs.pop("name"): live for live in found}

    def create(self, aws: Aws, scope: Scope, name: str, want: Mapping[str, Any]) -> Live:
        made = aws.call(
            "backup",
            "create_backup_plan",
            BackupPlan=_plan(name, want),
            BackupPlanTags=dict(want["tags"]),
            CreatorRequestId=aws.token("backup_plan", name),
        )
        return Live(dict(want), {"id": made["BackupPlanId"], "arn": made["BackupPlanArn"]})

    def update(self, aws: Aws, scope: Scope, name: str, live: Live, want: Mapping[str, Any], changed: frozenset[str]) -> None:
        if "rules" in changed:
            aws.call("backup", "update_backup_plan", BackupPlanId=live.id, BackupPlan=_plan(name, want))
        if "tags" in changed:
            aws.call("backup", "tag_resource", ResourceArn=live.outputs["arn"], Tags=dict(want["tags"]))

    def delete(self, aws: Aws, scope: Scope, name: str, live: Live) -> None:
        aws.find("backup", "delete_backup_plan", BackupPlanId=live.id)


def rule_of(rule: Mapping[str, Any]) -> dict[str, Any]:
    """Return a rule of AWS's as the desired state has it, with AWS's defaults for what it does not say."""
    return {
        "name": rule["RuleName"],
        "vault": rule["TargetBackupVaultName"],
        "schedule": rule.get("ScheduleExpression", "cron(0 5 ? * * *)"),
        "timezone": rule.get("ScheduleExpressionTimezone", "Etc/UTC"),
        "start_minutes": rule.get("StartWindowMinutes", 480),
        "completion_minutes": rule.get("CompletionWindowMinutes", 10_080),
        "lifecycle": _lifecycle_of(rule),
        "continuous": bool(rule.get("EnableContinuousBackup")),
        "tags": dict(rule.get("RecoveryPointTags") or {}),
        "copies": canonical(
            {"vault": copy["DestinationBackupVaultArn"], "lifecycle": _lifecycle_of(copy)} for copy in rule.get("CopyActions") or []
        ),
    }


def lifecycle(delete_days: int, cold_days: int = 0) -> dict[str, Any]:
    """Return how long a backup is kept, and after how many days it is moved to cold storage (0: never)."""
    return {"delete_days": delete_days, "cold_days": cold_days, "archive": bool(cold_days)}


def _lifecycle_of(item: Mapping[str, Any]) -> dict[str, Any]:
    given = item.get("Lifecycle") or {}
    return {
        "delete_days": given.get("DeleteAfterDays", 0),
        "cold_days": given.get("MoveToColdStorageAfterDays", 0),
        "archive": bool(given.get("OptInToArchiveForSupportedResources")),
    }


def _lifecycle(want: Mapping[str, Any]) -> dict[str, Any]:
    given: dict[str, Any] = {"DeleteAfterDays": want["delete_days"]}
    if want["cold_days"]:
        given |= {"MoveToColdStorageAfterDays": want["cold_days"], "OptInToArchiveForSupportedResources": want["archive"]}
    return given


def _plan(name: str, want: Mapping[str, Any]) -> dict[str, Any]:
    rules = [
        {
            "RuleName": rule["name"],
            "TargetBackupVaultName": rule["vault"],
            "ScheduleExpression": rule["schedule"],
            "ScheduleExpressionTimezone": rule["timezone"],
            "StartWindowMinutes": rule["start_minutes"],
            "CompletionWindowMinutes": rule["completion_minutes"],
            "Lifecycle": _lifecycle(rule["lifecycle"]),
            "EnableContinuousBackup": rule["continuous"],
            "RecoveryPointTags": rule["tags"],
            "CopyActions": [
                {"DestinationBackupVaultArn": copy["vault"], "Lifecycle": _lifecycle(copy["lifecycle"])} for copy in rule["copies"]
            ],
        }
        for rule in want["rules"]
    ]
    return {"BackupPlanName": name, "Rules": rules}


class Selection(Kind):
    """What a plan backs up: resources by ARN (with `*`), of which only those with all of the tags. It can't be changed.

    Attributes of the desired state: `plan` (its id), `role` (an ARN), `resources`, `tags` (which resources must have),
    `except_names` (patterns that their tag `Name` must not match); and what must be empty: `others`, every other
    condition that AWS knows.
    """

    name = "backup_selection"
    immutable = frozenset({"plan", "role", "resources", "tags", "except_names", "others"})
    replaceable = True

    def read(self, aws: Aws, scope: Scope) -> dict[str, Live]:
        plans = [number for number, *_ in _plans(aws, scope)]
        lists = aws.map(lambda plan: _selections(aws, plan), plans)

        def one(item: Mapping[str, Any]) -> tuple[str, Live] | None:
            ids = {"BackupPlanId": item["BackupPlanId"], "SelectionId": item["SelectionId"]}
            found = aws.find("backup", "get_backup_selection", **ids)
            return _selection_of(found["BackupSelection"], ids) if found else None

        return dict(found for found in aws.map(one, [item for items in lists for item in items]) if found)

    def create(self, aws: Aws, scope: Scope, name: str, want: Mapping[str, Any]) -> Live:
        made = aws.call(
            "backup",
            "create_backup_selection",
            BackupPlanId=want["plan"],
            BackupSelection={
                "SelectionName": name,
                "IamRoleArn": want["role"],
                "Resources": want["resources"],
                "Conditions": {
                    "StringEquals": [{"ConditionKey": f"{_TAG}{tag}", "ConditionValue": value} for tag, value in want["tags"].items()],
                    "StringNotLike": [{"ConditionKey": _NAME, "ConditionValue": pattern} for pattern in want["except_names"]],
                },
            },
            # another content is another request: a replacement must not be taken for the repeat of what it replaces
            CreatorRequestId=aws.token("backup_selection", name, repr(sorted(want.items()))),
        )
        return Live(dict(want), {"id": made["SelectionId"]})

    def delete(self, aws: Aws, scope: Scope, name: str, live: Live) -> None:
        aws.find("backup", "delete_backup_selection", BackupPlanId=live.attrs["plan"], SelectionId=live.id)


_TAG = "aws:ResourceTag/"
_NAME = f"{_TAG}Name"


def _selections(aws: Aws, plan: str) -> Sequence[Mapping[str, Any]]:
    return aws.pages("backup", "list_backup_selections", "BackupSelectionsList", BackupPlanId=plan)


def _selection_of(given: Mapping[str, Any], ids: Mapping[str, str]) -> tuple[str, Live]:
    conditions: dict[str, list[dict[str, str]]] = {key: list(value) for key, value in (given.get("Conditions") or {}).items() if value}
    tags = {one["ConditionKey"].removeprefix(_TAG): one["ConditionValue"] for one in conditions.pop("StringEquals", [])}
    unlike = conditions.pop("StringNotLike", [])
    if any(one["ConditionKey"] != _NAME for one in unlike):
        conditions["StringNotLike"] = [one for one in unlike if one["ConditionKey"] != _NAME]
    others = {key: given[key] for key in ("ListOfTags", "NotResources") if given.get(key)}
    attrs = {
        "plan": ids["BackupPlanId"],
        "role": given["IamRoleArn"],
        "resources": canonical(given.get("Resources") or []),
        "tags": tags,
        "except_names": canonical(one["ConditionValue"] for one in unlike if one["ConditionKey"] == _NAME),
        "others": {**conditions, **others},
    }
    return given["SelectionName"], Live(attrs, {"id": ids["SelectionId"]})


def _plans(aws: Aws, scope: Scope) -> Iterator[tuple[str, str, dict[str, str]]]:
    """Yield id, ARN and tags of the scope's plans."""
    plans = [
        plan
        for plan in aws.pages("backup", "list_backup_plans", "BackupPlansList")
        if plan["BackupPlanName"].startswith(scope.prefix) and not plan.get("DeletionDate")
    ]
    tags = aws.map(lambda plan: _tags_of(aws, plan["BackupPlanArn"]), plans)
    for plan, own in zip(plans, tags, strict=True):
        if scope.owns(own):
            yield plan["BackupPlanId"], plan["BackupPlanArn"], own


def _tags_of(aws: Aws, arn: str) -> dict[str, str]:
    found = (aws.find("backup", "list_tags", ResourceArn=arn) or {}).get("Tags") or {}
    return tag_dict({"Key": key, "Value": value} for key, value in found.items())
