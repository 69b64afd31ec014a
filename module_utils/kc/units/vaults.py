"""The unit `vaults`: a region's vault of backups, which the plans of both regions fill."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from ..aws.backup import Vault
from ..errors import KcError
from ..model import Ref, Resource
from ..policy import Document, deny, document
from ..scope import Scope
from ..settings import settings
from ..unit import Params, Unit
from .keys import key_of

VAULT = Vault()

UNIT_NAME = "vaults"


@dataclasses.dataclass(frozen=True)
class LockSettings:
    """What the inventory says of a vault's lock; the module's documentation explains each."""

    min_days: int
    max_days: int = 0


def build(scope: Scope, params: Params) -> Sequence[Resource]:
    """Return the region's vault, and the key that it is encrypted with as a lookup."""
    key = key_of(scope, params["key"])
    name = vault_name(scope)
    desired = {
        "key": Ref("key", key.name, "arn"),
        "policy": vault_policy(scope, params["role"]),
        "lock": _lock(settings(LockSettings, "lock", params["lock"])) if params.get("lock") else {},
        "tags": scope.tags(name),
    }
    return [key, Resource(VAULT, name, desired, scope.region)]


def vault_name(scope: Scope) -> str:
    """Return what a region's vault is called; the same in each."""
    return scope.name("backup_vault", "backups")


def vault_of(scope: Scope) -> Resource:
    """Return the vault of the scope's region as other units look it up: outputs `id` (its name) and `arn`."""
    return Resource(VAULT, vault_name(scope), None, scope.region, component=UNIT_NAME)


def vault_policy(scope: Scope, role: str) -> Document:
    """Return a vault's policy: nobody deletes a backup or changes how long it is kept, whatever their own policies allow.

    What ends by its lifecycle is deleted by AWS Backup in the name of the role that made it, or of its service-linked
    role (AWS Backup developer guide, Identity and access management).
    """
    service_role = scope.arn("iam", "role/aws-service-role/backup.amazonaws.com/AWSServiceRoleForBackup", region="")
    actions = ("backup:DeleteRecoveryPoint", "backup:UpdateRecoveryPointLifecycle")
    except_for = {"ArnNotLike": {"aws:PrincipalArn": [scope.role_arn(role), service_role]}}
    return document(deny("NobodyDeletes", actions, "*", principal="*", when=except_for))


def _lock(about: LockSettings) -> dict[str, int]:
    if about.min_days < 1:
        raise KcError(f"`lock.min_days` is {about.min_days}", hint="a vault's lock takes 1 or more (AWS Backup API)")
    if about.max_days and about.max_days < about.min_days:
        raise KcError(f"`lock.max_days` is {about.max_days}, less than `min_days`", hint="give it more days, or leave it out")
    return dataclasses.asdict(about)


UNIT = Unit(name=UNIT_NAME, kinds=(VAULT,), build=build, services=("backup", "kms"))
