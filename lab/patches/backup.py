"""AWS Backup: what lies in a vault and who may reach it, plans that change, selections."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import unquote


def _parts(response: Any) -> list[str]:
    """Return the request's path in parts: an ARN in it, which holds slashes, is the rest of the path."""
    return [unquote(part) for part in response.path.strip("/").split("/")]


def vault_policies() -> None:
    """A vault has an access policy; moto 5.2.5 knows none."""
    from moto.backup import urls
    from moto.backup.exceptions import ResourceNotFoundException
    from moto.backup.models import Vault
    from moto.backup.responses import BackupResponse

    Vault.policy = ""

    def vault(self: Any) -> Any:
        return self.backup_backend.describe_backup_vault(_parts(self)[1])

    def put_backup_vault_access_policy(self: Any) -> str:
        vault(self).policy = json.loads(self.body)["Policy"]
        return "{}"

    def get_backup_vault_access_policy(self: Any) -> str:
        found = vault(self)
        if not found.policy:
            raise ResourceNotFoundException(f"{found.backup_vault_name} has no access policy")
        return json.dumps({"BackupVaultName": found.backup_vault_name, "BackupVaultArn": found.backup_vault_arn, "Policy": found.policy})

    def delete_backup_vault_access_policy(self: Any) -> str:
        vault(self).policy = ""
        return "{}"

    BackupResponse.put_backup_vault_access_policy = put_backup_vault_access_policy
    BackupResponse.get_backup_vault_access_policy = get_backup_vault_access_policy
    BackupResponse.delete_backup_vault_access_policy = delete_backup_vault_access_policy
    urls.url_paths["{0}/backup-vaults/(?P<name>[^/]+)/access-policy$"] = urls.response.dispatch


def recovery_points() -> None:
    """A job puts a recovery point into a vault, which can't be deleted with it; moto 5.2.5 has neither jobs nor points.

    Here the job is done at once, and the point holds nothing.
    """
    from moto.backup import urls
    from moto.backup.exceptions import InvalidRequestException, ResourceNotFoundException
    from moto.backup.models import BackupBackend, Vault
    from moto.backup.responses import BackupResponse
    from moto.core.utils import unix_time
    from moto.moto_api._internal import mock_random

    delete = BackupBackend.delete_backup_vault
    make = Vault.__init__

    def __init__(self: Any, *args: Any, **more: Any) -> None:
        make(self, *args, **more)
        self.points = {}

    def start_backup_job(self: Any) -> str:
        params = json.loads(self.body)
        vault = self.backup_backend.describe_backup_vault(params["BackupVaultName"])
        job = str(mock_random.uuid4())
        arn = f"arn:aws:backup:{self.region}:{self.current_account}:recovery-point:{job}"
        vault.points[arn] = {
            "RecoveryPointArn": arn,
            "BackupVaultName": vault.backup_vault_name,
            "BackupVaultArn": vault.backup_vault_arn,
            "ResourceArn": params["ResourceArn"],
            "IamRoleArn": params["IamRoleArn"],
            "Status": "COMPLETED",
            "CreationDate": unix_time(),
        }
        vault.num_of_recovery_points = len(vault.points)
        return json.dumps({"BackupJobId": job, "RecoveryPointArn": arn, "CreationDate": unix_time()})

    def list_recovery_points_by_backup_vault(self: Any) -> str:
        return json.dumps({"RecoveryPoints": list(self.backup_backend.describe_backup_vault(_parts(self)[1]).points.values())})

    def delete_recovery_point(self: Any) -> str:
        vault, arn = self.backup_backend.describe_backup_vault(_parts(self)[1]), "/".join(_parts(self)[3:])
        if not vault.points.pop(arn, None):
            raise ResourceNotFoundException(arn)
        vault.num_of_recovery_points = len(vault.points)
        return "{}"

    def delete_backup_vault(self: Any, backup_vault_name: str) -> None:
        if self.describe_backup_vault(backup_vault_name).points:
            raise InvalidRequestException(f"Backup vault {backup_vault_name} contains recovery points")
        delete(self, backup_vault_name)

    Vault.__init__ = __init__
    BackupBackend.delete_backup_vault = delete_backup_vault
    BackupResponse.start_backup_job = start_backup_job
    BackupResponse.list_recovery_points_by_backup_vault = list_recovery_points_by_backup_vault
    BackupResponse.delete_recovery_point = delete_recovery_point
    for path in (
        "/backup-jobs$",
        "/backup-vaults/(?P<name>[^/]+)/recovery-points/$",
        "/backup-vaults/(?P<name>[^/]+)/recovery-points/(?P<arn>.+)$",
    ):
        urls.url_paths["{0}" + path] = urls.response.dispatch


def plans_and_selections() -> None:
    """A plan can be changed, selects resources, and can't be deleted while it does; a deleted one leaves its name free.

    moto 5.2.5 has no `UpdateBackupPlan` and no selections, and takes a deleted plan's name for taken.
    """
    from moto.backup.exceptions import AlreadyExistsException, InvalidRequestException, ResourceNotFoundException
    from moto.backup.models import BackupBackend, Plan
    from moto.backup.responses import BackupResponse
    from moto.core.utils import unix_time
    from moto.moto_api._internal import mock_random

    delete = BackupBackend.delete_backup_plan
    make = Plan.__init__

    def __init__(self: Any, backup_plan: dict[str, Any], creator_request_id: str, backend: Any) -> None:
        make(self, backup_plan, creator_request_id, backend)
        self.selections = {}

    def plan(self: Any) -> Any:
        return self.backup_backend.get_backup_plan(_parts(self)[2], None)

    def update_backup_plan(self: Any) -> str:
        found = plan(self)
        new = Plan(json.loads(self.body)["BackupPlan"], found.creator_request_id, self.backup_backend)
        found.backup_plan, found.version_id = new.backup_plan, new.version_id
        return json.dumps(found.to_dict())

    def delete_backup_plan(self: Any, backup_plan_id: str) -> Any:
        found = self.get_backup_plan(backup_plan_id, None)
        if found.selections:
            raise InvalidRequestException("Related backup plan selections must be deleted prior to backup plan deletion")
        answer = delete(self, backup_plan_id)
        del self.plans[backup_plan_id]
        return answer

    def create_backup_selection(self: Any) -> str:
        found, params = plan(self), json.loads(self.body)
        for number, made in found.selections.items():
            if made["BackupSelection"]["SelectionName"] == params["BackupSelection"]["SelectionName"]:
                if made["CreatorRequestId"] != params.get("CreatorRequestId"):
                    raise AlreadyExistsException(f"Backup selection {number} already exists")
                return json.dumps(made)
        number = str(mock_random.uuid4())
        ids = {"SelectionId": number, "BackupPlanId": found.backup_plan_id, "CreationDate": unix_time()}
        found.selections[number] = {**ids, "CreatorRequestId": params.get("CreatorRequestId"), "BackupSelection": params["BackupSelection"]}
        return json.dumps(ids)

    def selection(self: Any) -> tuple[Any, str]:
        found, number = plan(self), _parts(self)[4]
        if number not in found.selections:
            raise ResourceNotFoundException(f"Backup selection {number} does not exist")
        return found, number

    def get_backup_selection(self: Any) -> str:
        found, number = selection(self)
        return json.dumps(found.selections[number])

    def delete_backup_selection(self: Any) -> str:
        found, number = selection(self)
        del found.selections[number]
        return "{}"

    def list_backup_selections(self: Any) -> str:
        keys = ("SelectionName", "IamRoleArn")
        items = [{**one, **{key: one["BackupSelection"][key] for key in keys}} for one in plan(self).selections.values()]
        return json.dumps({"BackupSelectionsList": [{key: one[key] for key in one if key != "BackupSelection"} for one in items]})

    Plan.__init__ = __init__
    BackupBackend.delete_backup_plan = delete_backup_plan
    BackupResponse.update_backup_plan = update_backup_plan
    BackupResponse.create_backup_selection = create_backup_selection
    BackupResponse.get_backup_selection = get_backup_selection
    BackupResponse.delete_backup_selection = delete_backup_selection
    BackupResponse.list_backup_selections = list_backup_selections


ALL = (vault_policies, recovery_points, plans_and_selections)
