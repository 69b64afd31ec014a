"""KMS: multi-region keys."""

from __future__ import annotations

import json
from copy import copy
from typing import Any


def long_key_ids() -> None:
    """A ciphertext names its key, and multi-region key ids are 40 characters long; moto 5.2.5 cuts them to 36."""
    import moto.kms.utils as utils

    utils.KEY_ID_LEN = 40
    utils.HEADER_LEN = utils.KEY_ID_LEN + utils.IV_LEN + utils.TAG_LEN
    utils.CIPHERTEXT_HEADER_FORMAT = f">{utils.KEY_ID_LEN}s{utils.IV_LEN}s{utils.TAG_LEN}s"
    split = utils._deserialize_ciphertext_blob

    def deserialize(ciphertext_blob: bytes) -> Any:
        parts = split(ciphertext_blob)
        return parts._replace(key_id=parts.key_id.rstrip("\0"))

    utils._deserialize_ciphertext_blob = deserialize


def replicas_of_their_own() -> None:
    """A replica key has its own policy, description, tags, aliases and grants, and a region can hold only one.

    moto 5.2.5 ignores what the call says of them, copies the aliases, accepts a second replica, and lets primary
    and replica share one record of which of them is the primary.
    """
    from moto.core.exceptions import JsonRESTError
    from moto.kms.models import KmsBackend, kms_backends
    from moto.kms.responses import KmsResponse

    def replicate_key(self: Any, key_id: str, replica_region: str) -> Any:
        primary = self.keys[key_id]
        backend = kms_backends[self.account_id][replica_region]
        if not primary.multi_region or primary.arn != primary.multi_region_configuration["PrimaryKey"]["Arn"]:
            raise JsonRESTError("UnsupportedOperationException", f"{primary.arn} is not a multi-Region primary key")
        if key_id in backend.keys:
            raise JsonRESTError("AlreadyExistsException", f"Replica key {key_id} already exists in {replica_region}")
        replica = copy(primary)
        replica.region = replica_region
        replica.arn = primary.arn.replace(f":{self.region_name}:", f":{replica_region}:")
        replica.aliases, replica.grants, replica.rotations = {}, {}, list(primary.rotations)
        config = primary.multi_region_configuration
        config["ReplicaKeys"].append({"Arn": replica.arn, "Region": replica_region})
        replica.multi_region_configuration = {**config, "MultiRegionKeyType": "REPLICA"}  # the lists stay shared
        replica.multi_region_configuration["ReplicaKeys"] = config["ReplicaKeys"]
        backend.keys[replica.id] = replica
        return replica

    def respond(self: Any) -> str:
        key_id = self._get_param("KeyId")
        self._validate_key_id(key_id)
        region = self._get_param("ReplicaRegion")
        replica = self.kms_backend.replicate_key(self.kms_backend.get_key_id(key_id), region)
        replica.policy = self._get_param("Policy") or replica.generate_default_policy()
        replica.description = self._get_param("Description") or ""
        tags = self._get_param("Tags") or []
        kms_backends[self.current_account][region].tagger.tag_resource(replica.id, tags)
        return json.dumps({"ReplicaKeyMetadata": replica.to_dict()["KeyMetadata"], "ReplicaPolicy": replica.policy, "ReplicaTags": tags})

    KmsBackend.replicate_key = replicate_key
    KmsResponse.replicate_key = respond


def rotation_is_shared() -> None:
    """A multi-region key rotates everywhere when its primary does; moto 5.2.5 keeps a replica's rotation apart."""
    from moto.kms.models import KmsBackend, kms_backends

    def shared(name: str) -> None:
        change = getattr(KmsBackend, name)

        def changed(self: Any, key_id: str) -> None:
            change(self, key_id)
            key = self.keys[self.get_key_id(key_id)]
            for other in key.multi_region_configuration["ReplicaKeys"] if key.multi_region else ():
                replica = kms_backends[self.account_id][other["Region"]].keys.get(key.id)
                if replica:
                    replica.key_rotation_status = key.key_rotation_status

        setattr(KmsBackend, name, changed)

    shared("enable_key_rotation")
    shared("disable_key_rotation")


def rotation_has_a_period() -> None:
    """A rotation has a period (90 to 2560 days, 365 by default); moto 5.2.5 neither keeps nor answers it."""
    from moto.kms.models import kms_backends
    from moto.kms.responses import KmsResponse

    enable = KmsResponse.enable_key_rotation

    def enable_key_rotation(self: Any) -> str:
        answer: str = enable(self)
        key_id = self.kms_backend.get_key_id(self._get_param("KeyId"))
        for backend in kms_backends[self.current_account].values():
            if key_id in backend.keys:
                backend.keys[key_id].rotation_period = self._get_param("RotationPeriodInDays") or 365
        return answer

    def get_key_rotation_status(self: Any) -> str:
        key_id = self._get_param("KeyId")
        self._validate_cmk_id(key_id)
        key = self.kms_backend.keys[self.kms_backend.get_key_id(key_id)]
        period = {"RotationPeriodInDays": getattr(key, "rotation_period", 365)} if key.key_rotation_status else {}
        return json.dumps({"KeyId": key.id, "KeyRotationEnabled": key.key_rotation_status, **period})

    KmsResponse.enable_key_rotation = enable_key_rotation
    KmsResponse.get_key_rotation_status = get_key_rotation_status


ALL = (long_key_ids, replicas_of_their_own, rotation_is_shared, rotation_has_a_period)
