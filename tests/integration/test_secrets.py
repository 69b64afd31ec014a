"""The unit `secrets` against an AWS API."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from kc.aws import secretsmanager
from kc.aws.secretsmanager import generate
from kc.unit import run
from kc.units.secrets import UNIT

Fixture = Callable[..., Any]

HOME, OTHER = "me-west-1", "eu-central-1"
ADMIN, SIGNING = "kc/lab/mysql-admin", "kc/lab/media/signing"
SECRETS = {
    "mysql-admin": {"description": "MySQL administrator", "username": "admin"},
    "media/signing": {"description": "Signs links", "kind": "random"},
}


@pytest.fixture
def keys(client: Fixture) -> dict[str, str]:
    """A key a region, as the unit `keys` would have made it; ARN by region."""
    made = {}
    for region in (HOME, OTHER):
        key = client("kms", region).create_key()["KeyMetadata"]
        client("kms", region).create_alias(AliasName="alias/kc-lab-secrets", TargetKeyId=key["KeyId"])
        made[region] = key["Arn"]
    return made


@pytest.fixture
def params(keys: dict[str, str], scope_option: Fixture) -> dict[str, Any]:
    return {"scope": scope_option(tags={"Owner": "operations"}), "secrets": SECRETS, "replicate_to": [HOME, OTHER]}


@pytest.fixture
def manager(client: Fixture) -> Any:
    return client("secretsmanager", HOME)


def values(manager: Any) -> dict[str, str]:
    names = [each["Name"] for each in manager.list_secrets()["SecretList"]]
    return {name: manager.get_secret_value(SecretId=name)["SecretString"] for name in names}


def lines(result: dict[str, Any]) -> list[tuple[str, str]]:
    return [(change["action"], change["name"]) for change in result["plan"]]


def test_first_run_makes_them_and_the_second_plans_nothing(
    converge: Fixture, params: dict[str, Any], keys: dict[str, str], manager: Any, client: Fixture
) -> None:
    planned = converge("secrets", params, check=True)
    assert values(manager) == {}
    made = converge("secrets", params)
    assert made["plan"] == planned["plan"]
    assert {*lines(made)} == {("create", ADMIN), ("create", SIGNING)}
    admin, signing = (json.loads(values(manager)[name]) for name in (ADMIN, SIGNING))
    assert (admin["username"], len(admin["password"]), [*signing]) == ("admin", 40, ["random"])
    described = manager.describe_secret(SecretId=ADMIN)
    assert described["KmsKeyId"] == keys[HOME]
    assert [(each["Region"], each["KmsKeyId"]) for each in described["ReplicationStatus"]] == [(OTHER, keys[OTHER])]
    assert made["outputs"]["secret"][ADMIN]["arn"] == described["ARN"]
    assert described["VersionIdsToStages"][made["outputs"]["secret"][ADMIN]["version"]] == ["AWSCURRENT"]
    again = converge("secrets", params)
    assert not again["changed"]
    assert again["outputs"] == made["outputs"]
    # nor does the replica's region take the replicas for its own
    assert not converge("secrets", {**params, "scope": {**params["scope"], "region": OTHER}, "secrets": {}, "data": "delete"})["changed"]
    assert len(client("secretsmanager", OTHER).list_secrets()["SecretList"]) == 2


def test_an_empty_account_can_be_planned(converge: Fixture, scope_option: Fixture) -> None:
    result = converge("secrets", {"scope": scope_option(), "secrets": SECRETS, "replicate_to": [OTHER]}, check=True)
    assert len(result["plan"]) == 2
    assert {change["after"]["key"] for change in result["plan"]} == {"(known after apply)"}


def test_no_value_is_ever_shown(params: dict[str, Any], manager: Any, capfd: pytest.CaptureFixture[str]) -> None:
    told: list[str] = []
    results = [run(UNIT, params, check=check, progress=told.append) for check in (True, False, False)]
    seen = values(manager)
    results += [
        run(UNIT, {**params, "rotate": ["mysql-admin", "media/signing"]}, check=check, progress=told.append) for check in (True, False)
    ]
    # deleted, and had back
    results.append(run(UNIT, {**params, "state": "absent", "data": "delete"}, check=False, progress=told.append))
    results.append(run(UNIT, params, check=False, progress=told.append))
    assert not any(result.get("failed") for result in results)
    made = [*seen.values(), *values(manager).values()]
    hidden = [value for text in made for key, value in json.loads(text).items() if key != "username"]
    assert len({*hidden}) == 4
    shown = json.dumps(results) + "\n".join(told) + "".join(capfd.readouterr())
    assert [value for value in hidden if value in shown or json.dumps(value)[1:-1] in shown] == []


def test_a_value_in_a_failed_call_is_not_shown(
    params: dict[str, Any], manager: Any, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    made: list[str] = []
    monkeypatch.setattr(secretsmanager, "generate", lambda how: made.append(generate(how)) or made[-1])
    manager.create_secret(Name=ADMIN, SecretString="theirs")
    told: list[str] = []
    failed = run(UNIT, params, check=False, progress=told.append)
    assert [error["code"] for error in failed["errors"]] == ["ResourceExistsException"]
    hidden = [value for text in made for key, value in json.loads(text).items() if key != "username"]
    assert len(hidden) == 2
    shown = json.dumps(failed) + "\n".join(told) + "".join(capfd.readouterr())
    assert [value for value in hidden if value in shown] == []
    assert values(manager)[ADMIN] == "theirs"


def test_rotation_is_once_a_request(converge: Fixture, params: dict[str, Any], manager: Any) -> None:
    first = converge("secrets", params)["outputs"]["secret"]
    old = values(manager)
    rotate = {**params, "rotate": ["mysql-admin"]}
    planned = converge("secrets", rotate, check=True)
    assert values(manager) == old
    rotated = converge("secrets", rotate)
    assert rotated["plan"] == planned["plan"]
    (change,) = rotated["plan"]
    assert (change["action"], change["name"]) == ("update", ADMIN)
    assert (change["before"], change["after"]) == ({"value": "(secret)"}, {"value": "(new secret)"})
    now = values(manager)
    assert now[SIGNING] == old[SIGNING]
    assert now[ADMIN] != old[ADMIN]
    stages = manager.describe_secret(SecretId=ADMIN)["VersionIdsToStages"]
    second = rotated["outputs"]["secret"]
    assert stages == {first[ADMIN]["version"]: ["AWSPREVIOUS"], second[ADMIN]["version"]: ["AWSCURRENT"]}
    assert second[SIGNING] == first[SIGNING]
    # and never without being asked
    assert not converge("secrets", params)["changed"]
    assert values(manager) == now
    # another request is another version
    assert converge("secrets", rotate)["outputs"]["secret"][ADMIN]["version"] not in stages


def test_a_value_of_somebody_else_is_kept(converge: Fixture, params: dict[str, Any], manager: Any) -> None:
    converge("secrets", params)
    manager.put_secret_value(SecretId=ADMIN, SecretString="theirs")
    assert not converge("secrets", params)["changed"]
    more = {**SECRETS, "mysql-admin": {**SECRETS["mysql-admin"], "length": 32, "username": "root"}}
    assert not converge("secrets", {**params, "secrets": more})["changed"]
    assert values(manager)[ADMIN] == "theirs"


@pytest.mark.parametrize(
    ("spoil", "attr"),
    [
        (lambda api: api.update_secret(SecretId=ADMIN, Description="Theirs"), "description"),
        (lambda api: api.update_secret(SecretId=ADMIN, KmsKeyId="alias/theirs"), "key"),
        (lambda api: api.remove_regions_from_replication(SecretId=ADMIN, RemoveReplicaRegions=[OTHER]), "replicas"),
        (lambda api: api.replicate_secret_to_regions(SecretId=ADMIN, AddReplicaRegions=[{"Region": "eu-west-1"}]), "replicas"),
        (lambda api: api.tag_resource(SecretId=ADMIN, Tags=[{"Key": "Owner", "Value": "me"}]), "tags"),
        (lambda api: api.untag_resource(SecretId=ADMIN, TagKeys=["Environment"]), "tags"),
    ],
    ids=["description", "key", "replica taken away", "replica added", "tag", "tag that the name says too"],
)
def test_drift_is_planned_and_put_back(
    spoil: Callable[[Any], None], attr: str, converge: Fixture, params: dict[str, Any], keys: dict[str, str], manager: Any
) -> None:
    converge("secrets", params)
    old = values(manager)
    spoil(manager)
    for check in (True, False):
        (change,) = converge("secrets", params, check=check)["plan"]
        assert (change["action"], change["name"], [*change["after"]]) == ("update", ADMIN, [attr])
    assert not converge("secrets", params)["changed"]
    described = manager.describe_secret(SecretId=ADMIN)
    assert (described["Description"], described["KmsKeyId"]) == ("MySQL administrator", keys[HOME])
    assert [(each["Region"], each["KmsKeyId"]) for each in described["ReplicationStatus"]] == [(OTHER, keys[OTHER])]
    assert {"Key": "Owner", "Value": "operations"} in described["Tags"]
    assert values(manager) == old


def test_a_replica_gets_another_key(converge: Fixture, params: dict[str, Any], manager: Any, client: Fixture) -> None:
    converge("secrets", params)
    other = client("kms", OTHER).create_key()["KeyMetadata"]
    client("kms", OTHER).update_alias(AliasName="alias/kc-lab-secrets", TargetKeyId=other["KeyId"])
    assert {*lines(converge("secrets", params))} == {("update", ADMIN), ("update", SIGNING)}
    assert [each["KmsKeyId"] for each in manager.describe_secret(SecretId=ADMIN)["ReplicationStatus"]] == [other["Arn"]]
    assert not converge("secrets", params)["changed"]


def test_a_secret_without_a_value_gets_one(converge: Fixture, params: dict[str, Any], manager: Any) -> None:
    tags = [{"Key": key, "Value": value} for key, value in {"Platform": "kc", "Environment": "lab", "Component": "secrets"}.items()]
    manager.create_secret(Name=ADMIN, Tags=tags)
    plan = {change["name"]: change for change in converge("secrets", params)["plan"]}
    assert plan[ADMIN]["action"] == "update"
    assert plan[ADMIN]["before"]["value"] == "(none)"
    assert json.loads(values(manager)[ADMIN])["username"] == "admin"
    assert not converge("secrets", params)["changed"]


def test_absent_keeps_them_unless_data_may_go_and_they_come_back(
    converge: Fixture, params: dict[str, Any], manager: Any, client: Fixture
) -> None:
    converge("secrets", params)
    old = values(manager)
    kept = converge("secrets", {**params, "state": "absent"})
    assert kept["plan"] == []
    assert {*kept["kept"]} == {f"secret {name} ({HOME})" for name in (ADMIN, SIGNING)}
    gone = {**params, "state": "absent", "data": "delete"}
    assert {*lines(converge("secrets", gone))} == {("delete", ADMIN), ("delete", SIGNING)}
    assert values(manager) == {}
    assert client("secretsmanager", OTHER).list_secrets()["SecretList"] == []
    assert not converge("secrets", gone)["changed"]
    back = converge("secrets", params)
    assert {*lines(back)} == {("create", ADMIN), ("create", SIGNING)}
    assert values(manager) == old
    assert len(client("secretsmanager", OTHER).list_secrets()["SecretList"]) == 2
    assert not converge("secrets", params)["changed"]


def test_environments_and_other_units_do_not_see_each_other(
    converge: Fixture, params: dict[str, Any], manager: Any, client: Fixture
) -> None:
    for region in (HOME, OTHER):
        (alias,) = [each for each in client("kms", region).list_aliases()["Aliases"] if each["AliasName"] == "alias/kc-lab-secrets"]
        client("kms", region).create_alias(AliasName="alias/kc-lab2-secrets", TargetKeyId=alias["TargetKeyId"])
    manager.create_secret(Name="kc/lab/by-hand", SecretString="theirs")
    converge("secrets", params)
    other = {**params, "scope": {**params["scope"], "environment": "lab2"}}
    assert len(converge("secrets", other)["plan"]) == 2
    assert not converge("secrets", params)["changed"]
    converge("secrets", {**params, "state": "absent", "data": "delete"})
    assert {*values(manager)} == {"kc/lab/by-hand", "kc/lab2/mysql-admin", "kc/lab2/media/signing"}
    assert not converge("secrets", other)["changed"]
