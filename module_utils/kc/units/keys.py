"""The unit `keys`: KMS keys by purpose, in one region or in several."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator, Sequence
from typing import Any

from .. import names
from ..aws.kms import ROTATION_DAYS, Key, KeyByAlias, KeyReplica
from ..errors import KcError
from ..model import Ref, Resource
from ..policy import Document, Statement, allow, document
from ..scope import Scope
from ..settings import settings
from ..unit import Params, Unit

KEY, REPLICA, KEY_BY_ALIAS = Key(), KeyReplica(), KeyByAlias()

ROTATION = (90, 2560)
"""Days between rotations, at least and at most (KMS API, EnableKeyRotation)."""

_USE = ("kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*")


@dataclasses.dataclass(frozen=True)
class KeySettings:
    """What the inventory says of one key; the module's documentation explains each."""

    description: str
    services: list[str] = dataclasses.field(default_factory=list)
    multi_region: bool = False
    rotation: bool = True
    rotation_days: int = ROTATION_DAYS


def build(scope: Scope, params: Params) -> Sequence[Resource]:
    """Return the region's keys; multi-Region ones, with their replicas, only in their home region."""
    return list(_build(scope, params))


def _build(scope: Scope, params: Params) -> Iterator[Resource]:
    home = params.get("home_region") or scope.region
    for short, given in sorted(params["keys"].items()):
        where = f"keys.{short}"
        about = settings(KeySettings, where, given)
        if not ROTATION[0] <= about.rotation_days <= ROTATION[1]:
            raise KcError(f"`{where}.rotation_days` is {about.rotation_days}", hint=f"KMS takes {ROTATION[0]} to {ROTATION[1]}")
        if about.multi_region and scope.region != home:
            continue
        name = key_name(scope, short)
        rotation_days = about.rotation_days if about.rotation else 0
        desired = {**_desired(scope, name, where, about), "multi_region": about.multi_region, "rotation_days": rotation_days}
        yield Resource(KEY, name, desired, scope.region)
        for region in sorted({*params["replica_regions"]} - {home}) if about.multi_region else ():
            desired = {**_desired(scope.at(region), name, where, about), "primary": Ref("key", name)}
            yield Resource(REPLICA, f"{name}@{region}", desired, scope.region)


def _desired(scope: Scope, name: str, where: str, about: KeySettings) -> dict[str, Any]:
    return {
        "alias": f"alias/{name}",
        "description": about.description,
        "enabled": True,
        "policy": key_policy(scope, about.services, where),
        "tags": scope.tags(name),
    }


def key_name(scope: Scope, short: str) -> str:
    """Return what the key of a purpose is called: its alias without `alias/`."""
    return names.fit("alias", f"alias/{scope.prefix}{short}").removeprefix("alias/")


def key_of(scope: Scope, short: str, region: str = "") -> Resource:
    """Return a key of a region (the scope's own where empty) as other units look it up: outputs `id` and `arn`."""
    return Resource(KEY_BY_ALIAS, key_name(scope, short), None, region or scope.region, component=UNIT.name, client=scope.client)


def key_policy(scope: Scope, services: Sequence[str], where: str = "services") -> Document:
    """Return a key's policy: IAM policies decide within the account, and the services may use it for the account.

    Raises:
        KcError: What is called a service is none.
    """
    account = allow("AccountDecidesByIam", "kms:*", "*", principal={"AWS": scope.account})
    return document(account, *(_service(scope, service, where) for service in services))


def _service(scope: Scope, service: str, where: str) -> Statement:
    """Return the statement that lets an AWS service use the key on behalf of this account only."""
    if not re.fullmatch(r"[a-z0-9-]+(\.[a-z0-9-]+)*", service) or service.endswith(".amazonaws.com"):
        raise KcError(f"`{where}.services`: `{service}` is no service", hint="write what stands before .amazonaws.com, such as `logs`")
    principal = f"{service}.amazonaws.com"
    when: dict[str, dict[str, str]] = {"StringEquals": {"aws:SourceAccount": scope.account}}
    if service == "logs":
        # CloudWatch Logs is one principal a region, and names the log group instead of the account
        # (CloudWatch Logs user guide, Encrypt log data using AWS KMS)
        principal = f"logs.{scope.region}.amazonaws.com"
        when = {"ArnLike": {"kms:EncryptionContext:aws:logs:arn": scope.arn("logs", "*")}}
    elif service == "cloudfront":
        # the distribution is named (CloudFront developer guide, Restrict access to an Amazon S3 origin: SSE-KMS)
        when = {"ArnLike": {"aws:SourceArn": scope.arn("cloudfront", "distribution/*", region="")}}
    elif service == "events":
        # EventBridge does not say for whom it publishes to an encrypted topic, but SNS for which topic the key is
        # (SNS developer guide, Key management: EventBridge-to-encrypted topics, and encryption context)
        when = {"ArnLike": {"kms:EncryptionContext:aws:sns:topicArn": scope.arn("sns", f"{scope.prefix}*")}}
    sid = "".join(part.capitalize() for part in re.split(r"[.-]", service))
    return allow(f"Service{sid}", _USE, "*", principal={"Service": principal}, when=when)


UNIT = Unit(name="keys", kinds=(KEY, REPLICA), build=build, services=("kms",))
