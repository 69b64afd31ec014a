"""Roles on an AWS API: made, kept, put back, taken away."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from kc.aws.session import Aws
from kc.errors import KcError
from kc.unit import run
from kc.units.identity import UNIT

ROOT = Path(__file__).parents[2]
ROLES = yaml.safe_load((ROOT / "inventories" / "common" / "all" / "identity.yml").read_text())["kc_identity_roles"]
NODE, API = "kc-lab-clickhouse-node", "kc-lab-php-api"
ALLOW_ALL = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]})


@pytest.fixture
def params(scope_option: Callable[..., dict[str, Any]]) -> dict[str, Any]:
    return {"scope": scope_option("us-east-1"), "roles": ROLES, "regions": ["me-west-1", "eu-central-1"], "state": "present"}


@pytest.fixture
def iam(client: Callable[..., Any]) -> Any:
    return client("iam", "us-east-1")


def changes(result: dict[str, Any]) -> list[tuple[str, str, str, list[str]]]:
    return [(one["action"], one["kind"], one["name"], sorted(one["after"] or {})) for one in result["plan"]]


def test_the_platforms_roles(converge: Any, params: dict[str, Any], iam: Any) -> None:
    planned = converge("identity", params, check=True)
    assert iam.list_roles(PathPrefix="/kc/lab/")["Roles"] == []
    made = converge("identity", params)
    assert planned["plan"] == made["plan"]
    assert made["standing"] == {"role": len(ROLES), "instance_profile": 1}
    assert made["outputs"]["role"][API]["arn"] == f"arn:aws:iam::123456789012:role/kc/lab/{API}"
    assert converge("identity", params)["plan"] == []

    profile = iam.get_instance_profile(InstanceProfileName=NODE)["InstanceProfile"]
    assert [role["RoleName"] for role in profile["Roles"]] == [NODE]
    attached = iam.list_attached_role_policies(RoleName=NODE)["AttachedPolicies"]
    assert [policy["PolicyName"] for policy in attached] == ["AmazonSSMManagedInstanceCore"]
    assert iam.list_role_policies(RoleName="kc-lab-rds-monitoring")["PolicyNames"] == [], "what has no grants has no policy"


def test_what_is_ours_goes_and_nothing_else(converge: Any, params: dict[str, Any], iam: Any) -> None:
    trust = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "sts:AssumeRole"}]})
    iam.create_role(RoleName="somebodys", Path="/kc/lab/", AssumeRolePolicyDocument=trust)
    converge("identity", params)
    # a profile that somebody gave our role to would keep IAM from deleting it
    iam.create_instance_profile(InstanceProfileName="by-hand")
    iam.add_role_to_instance_profile(InstanceProfileName="by-hand", RoleName=API)

    fewer = {**params, "roles": {name: about for name, about in ROLES.items() if name != "php-api"}}
    assert changes(converge("identity", fewer)) == [("delete", "role", API, [])]

    gone = converge("identity", {**params, "state": "absent"})
    assert len(gone["plan"]) == len(ROLES)  # one role is gone already, one instance profile goes too
    assert [role["RoleName"] for role in iam.list_roles(PathPrefix="/kc/")["Roles"]] == ["somebodys"]
    assert [one["InstanceProfileName"] for one in iam.list_instance_profiles()["InstanceProfiles"]] == ["by-hand"]
    assert converge("identity", {**params, "state": "absent"})["plan"] == []


def widen_trust(iam: Any) -> None:
    iam.update_assume_role_policy(
        RoleName=API,
        PolicyDocument=json.dumps(
            {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "sts:AssumeRole"}]}
        ),
    )


def attach(iam: Any) -> None:
    iam.attach_role_policy(RoleName=API, PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess")


def detach(iam: Any) -> None:
    iam.detach_role_policy(RoleName=NODE, PolicyArn="arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore")


def empty_profile(iam: Any) -> None:
    iam.remove_role_from_instance_profile(InstanceProfileName=NODE, RoleName=NODE)


def swap_profile(iam: Any) -> None:
    empty_profile(iam)
    iam.add_role_to_instance_profile(InstanceProfileName=NODE, RoleName=API)


DRIFT: dict[str, tuple[Callable[[Any], None], tuple[str, str, str, list[str]]]] = {
    "trust": (widen_trust, ("update", "role", API, ["trust"])),
    "policy": (
        lambda iam: iam.put_role_policy(RoleName=API, PolicyName="grants", PolicyDocument=ALLOW_ALL),
        ("update", "role", API, ["policies"]),
    ),
    "policy removed": (lambda iam: iam.delete_role_policy(RoleName=API, PolicyName="grants"), ("update", "role", API, ["policies"])),
    "extra policy": (
        lambda iam: iam.put_role_policy(RoleName=API, PolicyName="by-hand", PolicyDocument=ALLOW_ALL),
        ("update", "role", API, ["policies"]),
    ),
    "extra managed policy": (attach, ("update", "role", API, ["managed"])),
    "managed policy removed": (detach, ("update", "role", NODE, ["managed"])),
    "description": (lambda iam: iam.update_role(RoleName=API, Description="x"), ("update", "role", API, ["description"])),
    "session": (
        lambda iam: iam.update_role(RoleName=API, Description=ROLES["php-api"]["description"], MaxSessionDuration=7200),
        ("update", "role", API, ["max_session"]),
    ),
    "tag": (lambda iam: iam.tag_role(RoleName=API, Tags=[{"Key": "Owner", "Value": "x"}]), ("update", "role", API, ["tags"])),
    "tag removed": (lambda iam: iam.untag_role(RoleName=API, TagKeys=["Owner"]), ("update", "role", API, ["tags"])),
    "a tag that says whose it is": (lambda iam: iam.untag_role(RoleName=API, TagKeys=["Platform"]), ("update", "role", API, ["tags"])),
    "profile emptied": (empty_profile, ("update", "instance_profile", NODE, ["role"])),
    "profile of another role": (swap_profile, ("update", "instance_profile", NODE, ["role"])),
    "profile's tag": (
        lambda iam: iam.tag_instance_profile(InstanceProfileName=NODE, Tags=[{"Key": "Owner", "Value": "x"}]),
        ("update", "instance_profile", NODE, ["tags"]),
    ),
}


def test_drift_is_seen_and_put_back(converge: Any, params: dict[str, Any], iam: Any) -> None:
    params["scope"]["tags"] = {"Owner": "operations"}
    params["roles"] = {name: ROLES[name] for name in ("php-api", "clickhouse-node")}
    converge("identity", params)
    for what, (by_hand, expected) in DRIFT.items():
        by_hand(iam)
        assert changes(converge("identity", params, check=True)) == [expected], what
        assert changes(converge("identity", params)) == [expected], what
        assert converge("identity", params)["plan"] == [], what


def test_a_tag_of_somebody_else_is_left(converge: Any, params: dict[str, Any], iam: Any) -> None:
    converge("identity", params)
    iam.tag_role(RoleName=API, Tags=[{"Key": "CostCenter", "Value": "42"}])
    assert converge("identity", params)["plan"] == []


def test_a_role_half_made_is_finished(converge: Any, params: dict[str, Any], iam: Any) -> None:
    """A run that died after the first call of a creation leaves a role without policies, and an empty profile."""
    params["roles"] = {"clickhouse-node": ROLES["clickhouse-node"]}
    converge("identity", params)
    iam.delete_role_policy(RoleName=NODE, PolicyName="grants")
    detach(iam)
    empty_profile(iam)
    assert changes(converge("identity", params)) == [
        ("update", "role", NODE, ["managed", "policies"]),
        ("update", "instance_profile", NODE, ["role"]),
    ]
    assert converge("identity", params)["plan"] == []


def test_a_lost_answer_makes_no_second_role(params: dict[str, Any], iam: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The call is carried out, and its answer never comes."""
    params["roles"] = {"clickhouse-node": ROLES["clickhouse-node"]}
    call, lost = Aws.call, []

    def once(self: Aws, service: str, operation: str, /, **given: Any) -> dict[str, Any]:
        answer = call(self, service, operation, **given)
        if operation in ("create_role", "create_instance_profile", "put_role_policy") and operation not in lost:
            lost.append(operation)
            raise KcError(f"{service}:{operation} got no answer", transient=True)
        return answer

    monkeypatch.setattr(Aws, "call", once)
    monkeypatch.setattr(Aws, "sleep", lambda self, seconds: None)
    made = run(UNIT, params, check=False)
    assert not made.get("failed"), made["msg"]
    assert sorted(lost) == ["create_instance_profile", "create_role", "put_role_policy"]
    assert made["standing"] == {"role": 1, "instance_profile": 1}
    assert run(UNIT, params, check=False)["plan"] == []


def test_a_policy_that_aws_does_not_have_is_told_at_once(params: dict[str, Any], iam: Any) -> None:
    params["roles"] = {"app": {"trust": "ec2.amazonaws.com", "managed": ["AmazonNoSuchThing"]}}
    failed = run(UNIT, params, check=False)
    assert failed["failed"]
    assert "role kc-lab-app (us-east-1)" in failed["msg"]
    assert "AmazonNoSuchThing" in failed["msg"]
