"""The unit `identity`: the platform's IAM roles, each with no more than what its grants say."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ..aws.iam import InstanceProfile, Role
from ..errors import KcError
from ..grants import statements
from ..model import Resource
from ..policy import Document, allow, document, encode
from ..scope import Scope
from ..settings import settings
from ..unit import Params, Unit

ROLE, PROFILE = Role(), InstanceProfile()

POLICY = "grants"
"""Name of the one inline policy that a role has."""

LONGEST = 10_240
"""Characters of a role's inline policies at most (IAM user guide, IAM and AWS STS quotas)."""

SESSION = 3600
"""Seconds that a role's credentials last at most, as IAM has it by default; services renew theirs in time."""

FOR_AN_ACCOUNT = {
    "ecs-tasks.amazonaws.com": "ECS developer guide, Amazon ECS task IAM role",
    "monitoring.rds.amazonaws.com": "RDS user guide, Setting up and enabling Enhanced Monitoring",
    "vpc-flow-logs.amazonaws.com": "VPC user guide, Flow log delivery: IAM role for publishing",
}
"""Services that say for which account they assume a role, and where AWS says so. Such a role trusts the service
only when it acts for our account (the confused deputy); with any other, the condition would lock the service out."""


@dataclasses.dataclass(frozen=True)
class RoleSettings:
    """What the inventory says of one role; the module's documentation explains each."""

    trust: str
    description: str = ""
    managed: list[str] = dataclasses.field(default_factory=list)
    instance_profile: bool = False
    max_session: int = SESSION
    grants: dict[str, Any] = dataclasses.field(default_factory=dict)


def trust(scope: Scope, service: str) -> Document:
    """Return the policy by which `service` (and nobody else) may assume a role."""
    when = {"StringEquals": {"aws:SourceAccount": scope.account}} if service in FOR_AN_ACCOUNT else None
    return document(allow("Trust", "sts:AssumeRole", principal={"Service": service}, when=when))


def build(scope: Scope, params: Params) -> Sequence[Resource]:
    """Return the roles, and the instance profiles of those that EC2 uses."""
    return list(_build(scope, params))


def _build(scope: Scope, params: Params) -> Iterator[Resource]:
    common = {"path": f"/{scope.path}", "tags": scope.tags()}
    for short, given in sorted(params["roles"].items()):
        about = settings(RoleSettings, f"roles.{short}", given)
        desired = {
            "trust": trust(scope, about.trust),
            "description": about.description,
            "max_session": about.max_session,
            "policies": _policies(scope, params["regions"], f"roles.{short}.grants", about.grants),
            "managed": sorted(scope.arn("iam", f"policy/{name}", region="", account="aws") for name in about.managed),
        }
        role = Resource(ROLE, scope.name("role", short), {**common, **desired}, scope.region)
        yield role
        if about.instance_profile:
            yield Resource(PROFILE, scope.name("instance_profile", short), {**common, "role": role.name}, scope.region, after=(role.key,))


def _policies(scope: Scope, regions: Sequence[str], where: str, grants: Mapping[str, Any]) -> dict[str, Document]:
    found = statements(scope, regions, grants, where)
    if not found:
        return {}
    policy = document(*found)
    if len(encode(policy)) > LONGEST:
        raise KcError(f"`{where}` makes a policy longer than the {LONGEST} characters that IAM takes", hint="split the role")
    return {POLICY: policy}


UNIT = Unit(name="identity", kinds=(ROLE, PROFILE), build=build, services=("iam",))
