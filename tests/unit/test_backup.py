"""Backups: what the inventory says, as AWS Backup takes it."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from kc.aws.backup import Plan, Selection, Vault, lifecycle, rule_of
from kc.errors import KcError
from kc.inventory.model import UNITS
from kc.model import Key, Live, Ref, Resource
from kc.scope import Scope
from kc.units import backup, vaults

from tests.reference import variables

REFERENCE = variables()
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
SCOPE = Scope("kc", "lab", "123456789012", "me-west-1", "backup")
DAILY = {"schedule": "cron(0 2 ? * * *)", "delete_days": 35}
MYSQL = {"resources": ["database"], "component": "mysql"}
OPTIONS: dict[str, Any] = {
    "rules": {"daily": {**DAILY, "copy_days": 14}},
    "selections": {"mysql": MYSQL},
    "timezone": "Asia/Riyadh",
    "copy_to": "eu-central-1",
    "active": True,
    "role": "backup",
}
VAULT = {"key": "data", "role": "backup", "lock": None}


def made(scope: Scope = SCOPE, **changed: Any) -> list[Resource]:
    return list(backup.build(scope, {**OPTIONS, **changed}))


def rules(**about: Any) -> list[dict[str, Any]]:
    desired = made(rules={"daily": {**DAILY, **about}})[1].desired
    assert desired is not None
    found: list[dict[str, Any]] = desired["rules"]
    return found


# --- the vault


def test_a_vault() -> None:
    key, vault = vaults.build(SCOPE.at("me-west-1", "vaults"), VAULT)
    assert (key.key, key.component) == (Key("key", "me-west-1", "kc-lab-data"), "keys")
    assert (vault.name, vault.desired) == (
        "kc-lab-backups",
        {
            "key": Ref("key", "kc-lab-data", "arn"),
            "policy": vaults.vault_policy(SCOPE, "backup"),
            "lock": {},
            "tags": SCOPE.at("me-west-1", "vaults").tags("kc-lab-backups"),
        },
    )


def test_nobody_deletes_but_aws_backup_itself() -> None:
    (statement,) = vaults.vault_policy(SCOPE, "backup")["Statement"]
    assert (statement["Effect"], statement["Principal"], statement["Resource"]) == ("Deny", {"AWS": ["*"]}, ["*"])
    assert statement["Action"] == ["backup:DeleteRecoveryPoint", "backup:UpdateRecoveryPointLifecycle"]
    assert statement["Condition"] == {
        "ArnNotLike": {
            "aws:PrincipalArn": [
                "arn:aws:iam::123456789012:role/aws-service-role/backup.amazonaws.com/AWSServiceRoleForBackup",
                SCOPE.role_arn("backup"),
            ]
        }
    }


@pytest.mark.parametrize(
    ("lock", "wanted"),
    [({}, {}), ({"min_days": 7}, {"min_days": 7, "max_days": 0}), ({"min_days": 7, "max_days": 400}, {"min_days": 7, "max_days": 400})],
)
def test_a_lock(lock: dict[str, int], wanted: dict[str, int]) -> None:
    desired = vaults.build(SCOPE, {**VAULT, "lock": lock})[1].desired
    assert desired is not None
    assert desired["lock"] == wanted


@pytest.mark.parametrize(
    ("lock", "message"),
    [
        ({"min_days": 0}, "`lock.min_days` is 0"),
        ({"min_days": 8, "max_days": 7}, "`lock.max_days` is 7, less than `min_days`"),
        ({"max_days": 7}, "`lock` lacks the setting `min_days`"),
        ({"min_days": 7, "changeable_days": 3}, "`lock` has no setting `changeable_days`"),
    ],
)
def test_a_lock_that_is_none(lock: dict[str, int], message: str) -> None:
    with pytest.raises(KcError, match=message):
        vaults.build(SCOPE, {**VAULT, "lock": lock})


# --- the plan


def test_a_plan() -> None:
    vault, plan, selection = made()
    assert (vault.key, vault.desired, vault.component) == (Key("backup_vault", "me-west-1", "kc-lab-backups"), None, "vaults")
    rule = {
        "name": "daily",
        "vault": Ref("backup_vault", "kc-lab-backups", "id"),
        "schedule": "cron(0 2 ? * * *)",
        "timezone": "Asia/Riyadh",
        "start_minutes": 60,
        "completion_minutes": 360,
        "lifecycle": lifecycle(35),
        "continuous": False,
        "tags": SCOPE.tags(),
        "copies": [{"vault": "arn:aws:backup:eu-central-1:123456789012:backup-vault:kc-lab-backups", "lifecycle": lifecycle(14)}],
    }
    assert (plan.name, plan.desired) == ("kc-lab-backups", {"rules": [rule], "tags": SCOPE.tags("kc-lab-backups")})
    assert (selection.name, selection.desired) == (
        "kc-lab-mysql",
        {
            "plan": Ref("backup_plan", "kc-lab-backups"),
            "role": SCOPE.role_arn("backup"),
            "resources": ["arn:aws:rds:*:*:db:*"],
            "tags": {"Platform": "kc", "Environment": "lab", "Component": "mysql"},
            "except_names": [],
            "others": {},
        },
    )


@pytest.mark.parametrize("region", ["me-west-1", "eu-central-1"])
def test_one_region_is_backed_up_and_the_other_one_is_ready(region: str) -> None:
    """No data is backed up twice: what the secondary holds are replicas of it."""
    other = "eu-central-1" if region == "me-west-1" else "me-west-1"
    active, ready = (made(SCOPE.at(where), copy_to=to, active=where == region) for where, to in ((region, other), (other, region)))
    assert [one.key.kind for one in active] == ["backup_vault", "backup_plan", "backup_selection"]
    assert [one.key.kind for one in ready] == ["backup_vault", "backup_plan"]
    for resources, to in ((active, other), (ready, region)):
        desired = resources[1].desired
        assert desired is not None
        assert [copy["vault"].split(":")[3] for copy in desired["rules"][0]["copies"]] == [to]


@pytest.mark.parametrize(("copy_to", "copy_days"), [("", 14), (None, 14), ("me-west-1", 14), ("eu-central-1", 0)])
def test_no_copy(copy_to: str | None, copy_days: int) -> None:
    desired = made(copy_to=copy_to, rules={"daily": {**DAILY, "copy_days": copy_days}})[1].desired
    assert desired is not None
    assert desired["rules"][0]["copies"] == []


def test_cold_storage_is_for_the_backup_not_for_its_copy() -> None:
    (rule,) = rules(delete_days=365, cold_days=30, copy_days=90)
    assert rule["lifecycle"] == {"delete_days": 365, "cold_days": 30, "archive": True}
    assert rule["copies"][0]["lifecycle"] == {"delete_days": 90, "cold_days": 0, "archive": False}


def test_a_clients_backups_are_apart() -> None:
    acme = Scope("kc", "lab", "123456789012", "me-west-1", "backup", client="acme")
    vault, plan, selection = made(acme)
    assert (vault.name, plan.name, selection.name) == ("kc-lab-acme-backups", "kc-lab-acme-backups", "kc-lab-acme-mysql")
    assert selection.desired is not None
    assert selection.desired["tags"] == {"Platform": "kc", "Environment": "lab", "Component": "mysql", "Client": "acme"}
    assert selection.desired["role"] == SCOPE.role_arn("backup"), "roles are shared"


def test_no_rules_no_plan() -> None:
    assert made(rules={}) == []


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"rules": {"daily": {"delete_days": 1}}}, "`rules.daily` lacks the setting `schedule`"),
        ({"rules": {"daily": {**DAILY, "schedule": "0 2 * * *"}}}, r"`rules.daily.schedule` is 0 2 \* \* \*"),
        ({"rules": {"daily": {**DAILY, "delete_days": 0}}}, "`rules.daily.delete_days` is 0"),
        ({"rules": {"daily": {**DAILY, "delete_days": 119, "cold_days": 30}}}, "`rules.daily.delete_days` is 119.* give it 120"),
        ({"rules": {"daily": {**DAILY, "start_minutes": 59}}}, "`rules.daily.start_minutes` is 59"),
        ({"rules": {"daily": {**DAILY, "completion_minutes": 119}}}, "`rules.daily.completion_minutes` is 119"),
        ({"rules": {"every day": DAILY}}, "`every day` is no name for a backup rule"),
        ({"selections": {"all": {"resources": ["table"], "component": "x"}}}, "`selections.all.resources`: `table` can't be backed up"),
        ({"selections": {"all": {"resources": ["volume"]}}}, "`selections.all` lacks the setting `component`"),
    ],
)
def test_what_aws_would_refuse(changed: dict[str, Any], message: str) -> None:
    with pytest.raises(KcError, match=message):
        made(**changed)


@pytest.mark.parametrize("platform", ["k", "averylongnameofaplatformthatgoesonandon"])
def test_names_fit(platform: str) -> None:
    scope = Scope(platform, "production", "123456789012", "me-west-1", "backup")
    assert all(len(one.name) <= 50 for one in made(scope, selections={"a" * 40: MYSQL}))


def windows(instance: dict[str, str], day: datetime) -> list[tuple[datetime, datetime]]:
    """Return an instance's windows that begin on a day (UTC), each with the hour before, in which RDS takes no backup."""
    found = [f"{one}:{instance['backup_window']}".replace("-", f"-{one}:") for one in DAYS] + [instance["maintenance_window"]]
    times = [re.findall(r"(\w{3}):(\d\d):(\d\d)", text) for text in found]
    begin_end = [[day.replace(hour=int(hour), minute=int(minute)) for _, hour, minute in pair] for pair in times]
    return [
        (begin - timedelta(hours=1), end)
        for ((weekday, *_), _), (begin, end) in zip(times, begin_end, strict=True)
        if weekday == DAYS[day.weekday()]
    ]


@pytest.mark.parametrize("rule", sorted(REFERENCE["kc_backup_rules"]))
@pytest.mark.parametrize("instance", sorted(REFERENCE["kc_mysql_instances"]))
def test_the_reference_backs_up_when_rds_lets_it(rule: str, instance: str) -> None:
    """AWS Backup developer guide, Amazon RDS backups: none in RDS's own windows, nor in the hour before."""
    fields = re.findall(r"[^ ()]+", REFERENCE["kc_backup_rules"][rule]["schedule"].removeprefix("cron"))
    minute, hour, day_of_month, _, day_of_week, _ = fields
    due = 0
    for number in range(60):
        local = datetime(2027, 1, 1, int(hour), int(minute), tzinfo=ZoneInfo(REFERENCE["kc_backup_timezone"])) + timedelta(days=number)
        if day_of_month not in ("*", "?", str(local.day)) or day_of_week not in ("*", "?", DAYS[local.weekday()].upper()):
            continue
        due += 1
        start = local.astimezone(UTC)
        for begin, end in windows(REFERENCE["kc_mysql_instances"][instance], start.replace(hour=0, minute=0)):
            assert not begin <= start < end, f"{rule} is due at {start}, and RDS takes none from {begin} to {end}"
    assert due >= 2


def test_the_reference_selects_what_units_make() -> None:
    assert {one["component"] for one in REFERENCE["kc_backup_selections"].values()} <= set(UNITS)


# --- what AWS answers


def test_a_rule_without_a_word_has_aws_s_defaults() -> None:
    assert rule_of({"RuleName": "r", "TargetBackupVaultName": "v", "RuleId": "x"}) == {
        "name": "r",
        "vault": "v",
        "schedule": "cron(0 5 ? * * *)",
        "timezone": "Etc/UTC",
        "start_minutes": 480,
        "completion_minutes": 10_080,
        "lifecycle": {"delete_days": 0, "cold_days": 0, "archive": False},
        "continuous": False,
        "tags": {},
        "copies": [],
    }


class Answers:
    """An AWS that gives these answers, by operation, and remembers what else it was asked for."""

    region = "me-west-1"

    def __init__(self, **answers: Any) -> None:
        self.answers = answers
        self.asked: list[tuple[str, dict[str, Any]]] = []

    def _answer(self, operation: str, params: dict[str, Any]) -> Any:
        self.asked.append((operation, params))
        answer = self.answers.get(operation)
        return answer(params) if isinstance(answer, Callable) else answer  # type: ignore[arg-type]

    def map(self, act: Any, items: Any) -> list[Any]:
        return [act(item) for item in items]

    def find(self, service: str, operation: str, /, **params: Any) -> Any:
        return self._answer(operation, params)

    def call(self, service: str, operation: str, /, **params: Any) -> Any:
        return self._answer(operation, params)

    def pages(self, service: str, operation: str, key: str, /, **params: Any) -> list[Any]:
        return list(self._answer(operation, params) or [])

    def token(self, *parts: str) -> str:
        return "/".join(parts)

    def wait(self, what: str, state: Callable[[], str], *, until: list[str], timeout: float) -> None:
        while state() not in until:
            pass


ARN = "arn:aws:backup:me-west-1:123456789012:backup-"
PLANS = {
    "list_backup_plans": [
        {"BackupPlanId": "1", "BackupPlanArn": f"{ARN}plan:1", "BackupPlanName": "kc-lab-backups"},
        {"BackupPlanId": "2", "BackupPlanArn": f"{ARN}plan:2", "BackupPlanName": "kc-lab-backups", "DeletionDate": "today"},
        {"BackupPlanId": "3", "BackupPlanArn": f"{ARN}plan:3", "BackupPlanName": "others"},
    ],
    "list_tags": {"Tags": {**SCOPE.tags(), "aws:cloudformation:stack-name": "x"}},
}


def test_a_selection_is_compared_by_all_that_it_says() -> None:
    conditions = {"StringEquals": [{"ConditionKey": "aws:ResourceTag/Component", "ConditionValue": "mysql"}], "StringLike": []}
    given = {"SelectionName": "kc-lab-mysql", "IamRoleArn": "role", "Resources": ["b", "a"], "ListOfTags": [], "Conditions": conditions}
    aws: Any = Answers(
        **PLANS,
        list_backup_selections=[{"BackupPlanId": "1", "SelectionId": "s"}],
        get_backup_selection={"BackupSelection": given},
    )
    found = Selection().read(aws, SCOPE)["kc-lab-mysql"]
    assert found.attrs == {
        "plan": "1",
        "role": "role",
        "resources": ["a", "b"],
        "tags": {"Component": "mysql"},
        "except_names": [],
        "others": {},
    }
    given |= {"NotResources": ["c"], "Conditions": {**conditions, "StringNotLike": [{"ConditionKey": "k", "ConditionValue": "v"}]}}
    others = {"NotResources": ["c"], "StringNotLike": [{"ConditionKey": "k", "ConditionValue": "v"}]}
    assert Selection().read(aws, SCOPE)["kc-lab-mysql"].attrs["others"] == others
    given["Conditions"]["StringNotLike"].append({"ConditionKey": "aws:ResourceTag/Name", "ConditionValue": "*-root"})
    found = Selection().read(aws, SCOPE)["kc-lab-mysql"]
    assert (found.attrs["except_names"], found.attrs["others"]) == (["*-root"], others)


def test_a_replaced_selection_is_another_request() -> None:
    """With the token of what was deleted just now, AWS would take it for a repeat."""
    aws: Any = Answers(create_backup_selection={"SelectionId": "s"})
    want = {"plan": "1", "role": "role", "resources": ["a"], "tags": {}, "except_names": [], "others": {}}
    for resources in (["a"], ["a"], ["b"]):
        Selection().create(aws, SCOPE, "kc-lab-mysql", {**want, "resources": resources})
    tokens = [params["CreatorRequestId"] for _, params in aws.asked]
    assert tokens[0] == tokens[1] != tokens[2]


def test_a_plan_that_is_deleted_stays_in_no_list() -> None:
    rule = {"RuleName": "r", "TargetBackupVaultName": "v"}
    aws: Any = Answers(**PLANS, get_backup_plan={"BackupPlan": {"BackupPlanName": "kc-lab-backups", "Rules": [rule]}})
    found = Plan().read(aws, SCOPE)
    assert {name: live.id for name, live in found.items()} == {"kc-lab-backups": "1"}
    assert found["kc-lab-backups"].attrs == {"rules": [rule_of(rule)], "tags": SCOPE.tags()}


def test_a_vault_whose_lock_is_for_good_differs() -> None:
    vault = {"BackupVaultName": "kc-lab-backups", "BackupVaultArn": f"{ARN}vault:kc-lab-backups", "Locked": True, "MinRetentionDays": 7}
    aws: Any = Answers(list_backup_vaults=[vault], list_tags=PLANS["list_tags"])
    assert Vault().read(aws, SCOPE)["kc-lab-backups"].attrs["lock"] == {"min_days": 7, "max_days": 0}
    vault["LockDate"] = "2030-01-01"
    assert Vault().read(aws, SCOPE)["kc-lab-backups"].attrs["lock"] == {"min_days": 7, "max_days": 0, "until": "2030-01-01"}


def test_a_vault_goes_after_its_backups() -> None:
    left = [[{"RecoveryPointArn": "1"}, {"RecoveryPointArn": "2", "Status": "DELETING"}], [{"RecoveryPointArn": "1"}], []]
    aws: Any = Answers(list_recovery_points_by_backup_vault=lambda params: left.pop(0))
    Vault().delete(aws, SCOPE, "kc-lab-backups", Live({"lock": {"min_days": 7}, "policy": {"Version": "x"}}))
    assert [operation for operation, _ in aws.asked] == [
        "delete_backup_vault_lock_configuration",
        "delete_backup_vault_access_policy",
        "list_recovery_points_by_backup_vault",
        "delete_recovery_point",
        "list_recovery_points_by_backup_vault",
        "list_recovery_points_by_backup_vault",
        "delete_backup_vault",
    ]
