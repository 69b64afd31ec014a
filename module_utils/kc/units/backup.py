"""The unit `backup`: when a region's databases and volumes are backed up, for how long, and what is copied away."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator, Sequence
from typing import Any

from .. import names
from ..aws.backup import Plan, Selection, lifecycle
from ..errors import KcError
from ..model import Ref, Resource, canonical
from ..scope import Scope
from ..settings import settings
from ..unit import Params, Unit
from .vaults import VAULT, vault_name, vault_of

PLAN, SELECTION = Plan(), Selection()

RESOURCES = {"database": "arn:{partition}:rds:*:*:db:*", "volume": "arn:{partition}:ec2:*:*:volume/*"}
"""What can be backed up, as selections name it. Named by ARN, it is backed up whether or not the account has opted in
to backups of its type (AWS Backup API, UpdateRegionSettings)."""

WINDOW = 60
"""Minutes of a start window at least, and from its end to that of the completion window (AWS Backup API, BackupRule)."""

COLD = 90
"""Days that cold storage keeps what it got, at least (AWS Backup API, Lifecycle)."""


@dataclasses.dataclass(frozen=True)
class RuleSettings:
    """What the inventory says of one rule; the module's documentation explains each."""

    schedule: str
    delete_days: int
    cold_days: int = 0
    copy_days: int = 0
    start_minutes: int = 60
    completion_minutes: int = 360


@dataclasses.dataclass(frozen=True)
class SelectionSettings:
    """What the inventory says of one selection; the module's documentation explains each."""

    resources: list[str]
    component: str
    except_names: list[str] = dataclasses.field(default_factory=list)


def build(scope: Scope, params: Params) -> Sequence[Resource]:
    """Return the region's plan and its selections, and the vault as a lookup."""
    if not params["rules"]:
        return []
    copy_to = params.get("copy_to") or ""
    rules = [_rule(scope, name, params["timezone"], copy_to, given) for name, given in params["rules"].items()]
    name = scope.name("backup_plan", "backups")
    plan = Resource(PLAN, name, {"rules": canonical(rules), "tags": scope.tags(name)}, scope.region)
    return [vault_of(scope), plan, *(_selections(scope, plan, params) if params["active"] else ())]


def _rule(scope: Scope, name: str, timezone: str, copy_to: str, given: Any) -> dict[str, Any]:
    where = f"rules.{name}"
    about = settings(RuleSettings, where, given)
    _check(where, about)
    copies = []
    if copy_to and copy_to != scope.region and about.copy_days:
        # by its ARN: a region that is lost can't be asked
        vault = scope.at(copy_to).arn("backup", f"backup-vault:{vault_name(scope)}")
        copies.append({"vault": vault, "lifecycle": lifecycle(about.copy_days)})
    return {
        "name": names.fit("backup_rule", name),
        "vault": Ref(VAULT.name, vault_name(scope), "id"),
        "schedule": about.schedule,
        "timezone": timezone,
        "start_minutes": about.start_minutes,
        "completion_minutes": about.completion_minutes,
        "lifecycle": lifecycle(about.delete_days, about.cold_days),
        "continuous": False,
        "tags": scope.tags(),
        "copies": copies,
    }


def _selections(scope: Scope, plan: Resource, params: Params) -> Iterator[Resource]:
    for short, given in sorted(params["selections"].items()):
        about = settings(SelectionSettings, f"selections.{short}", given)
        for what in about.resources:
            if what not in RESOURCES:
                raise KcError(
                    f"`selections.{short}.resources`: `{what}` can't be backed up here", hint=f"it is one of {', '.join(RESOURCES)}"
                )
        desired = {
            "plan": Ref(PLAN.name, plan.name),
            "role": scope.role_arn(params["role"]),
            "resources": canonical(RESOURCES[what].format(partition=scope.partition) for what in about.resources),
            "tags": {**scope.own_tags, "Component": about.component},
            "except_names": canonical(about.except_names),
            "others": {},
        }
        yield Resource(SELECTION, scope.name("backup_selection", short), desired, scope.region)


def _check(where: str, about: RuleSettings) -> None:
    if not re.fullmatch(r"cron\(\S+( \S+){5}\)", about.schedule):
        raise KcError(f"`{where}.schedule` is {about.schedule}", hint="write six fields, as in cron(0 2 ? * * *)")
    if about.delete_days < 1:
        raise KcError(f"`{where}.delete_days` is {about.delete_days}", hint="it takes 1 or more")
    if about.cold_days and about.delete_days < about.cold_days + COLD:
        raise KcError(
            f"`{where}.delete_days` is {about.delete_days}", hint=f"cold storage keeps for {COLD} days: give it {about.cold_days + COLD}"
        )
    if about.start_minutes < WINDOW:
        raise KcError(f"`{where}.start_minutes` is {about.start_minutes}", hint=f"it takes {WINDOW} or more")
    if about.completion_minutes < about.start_minutes + WINDOW:
        raise KcError(
            f"`{where}.completion_minutes` is {about.completion_minutes}", hint=f"it takes {WINDOW} more than `start_minutes`, at least"
        )


UNIT = Unit(name="backup", kinds=(PLAN, SELECTION), build=build, services=("backup",))
