"""The unit `secrets` against an AWS API."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from kc.authority import authority
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


AUTHORITY, TRUST = "kc/lab/authority", "/kc/lab/tls/authority"


@pytest.fixture
def signing(params: dict[str, Any]) -> dict[str, Any]:
    """Options with an authority and nothing else."""
    return {**params, "secrets": {"authority": {"description": "Signs nodes' certificates", "kind": "authority"}}}


@pytest.fixture
def held(manager: Any) -> Callable[[], dict[str, str]]:
    """Return a function that gives what the authority's secret holds."""
    return lambda: json.loads(manager.get_secret_value(SecretId=AUTHORITY)["SecretString"])


@pytest.fixture
def trusted(client: Fixture) -> Callable[[], list[str]]:
    """Return a function that gives the certificates of each region's parameter, without the line above them."""

    def read() -> list[str]:
        said = [client("ssm", region).get_parameter(Name=TRUST)["Parameter"]["Value"] for region in (HOME, OTHER)]
        return [text[text.index("-----BEGIN") :] for text in said]

    return read


def kinds(result: dict[str, Any]) -> list[tuple[str, str, str]]:
    return [(change["action"], change["kind"], change["region"]) for change in result["plan"]]


TOLD = [("trust", HOME), ("trust", OTHER)]


def test_an_authority_and_whom_to_trust(converge: Fixture, signing: dict[str, Any], held: Fixture, trusted: Fixture) -> None:
    planned = converge("secrets", signing, check=True)
    made = converge("secrets", signing)
    assert kinds(made) == kinds(planned) == [("create", "secret", HOME), *(("create", *each) for each in TOLD)]
    assert {*held()} == {"certificate", "private_key", "chain", "trusted"}
    assert trusted() == 2 * [held()["certificate"]]
    assert converge("secrets", signing)["plan"] == []
    # what the home region tells there is not the other's to take away
    other = {**signing, "scope": {**signing["scope"], "region": OTHER}, "secrets": {}, "data": "delete"}
    assert converge("secrets", other)["plan"] == []


def test_a_rotated_authority_is_told_at_once_with_the_one_before_it(
    converge: Fixture, signing: dict[str, Any], held: Fixture, trusted: Fixture
) -> None:
    converge("secrets", signing)
    line = [held()]
    for _ in range(2):
        planned = converge("secrets", {**signing, "rotate": ["authority"]}, check=True)
        rotated = converge("secrets", {**signing, "rotate": ["authority"]})
        assert kinds(rotated) == kinds(planned) == [("update", "secret", HOME), *(("update", *each) for each in TOLD)]
        line.append(held())
        assert line[-1]["chain"]
        assert trusted() == 2 * [line[-1]["certificate"] + line[-2]["certificate"]]
        assert converge("secrets", signing)["plan"] == []
    assert len({each["private_key"] for each in line}) == 3


@pytest.mark.parametrize("spoil", [str.upper, lambda text: text.partition("\n")[2], lambda text: text + "\n", lambda text: "theirs"])
def test_what_is_told_by_hand_is_put_back(
    spoil: Callable[[str], str], converge: Fixture, signing: dict[str, Any], client: Fixture, held: Fixture, trusted: Fixture
) -> None:
    converge("secrets", signing)
    ssm = client("ssm", OTHER)
    ssm.put_parameter(Name=TRUST, Value=spoil(ssm.get_parameter(Name=TRUST)["Parameter"]["Value"]), Overwrite=True)
    (change,) = converge("secrets", signing)["plan"]
    assert (change["kind"], change["region"], [*change["after"]]) == ("trust", OTHER, ["version"])
    assert trusted() == 2 * [held()["certificate"]]
    assert converge("secrets", signing)["plan"] == []


def test_tags_of_what_is_told_are_put_back(converge: Fixture, signing: dict[str, Any], client: Fixture) -> None:
    converge("secrets", signing)
    client("ssm", OTHER).remove_tags_from_resource(ResourceType="Parameter", ResourceId=TRUST, TagKeys=["Platform", "Owner"])
    (change,) = converge("secrets", signing)["plan"]
    assert (change["kind"], change["region"], [*change["after"]]) == ("trust", OTHER, ["tags"])
    assert converge("secrets", signing)["plan"] == []


def test_an_authority_that_was_brought_along_is_told(
    converge: Fixture, signing: dict[str, Any], manager: Any, held: Fixture, trusted: Fixture
) -> None:
    converge("secrets", signing)
    brought = {key: value for key, value in authority("kc lab").items() if key in ("certificate", "private_key")}
    manager.put_secret_value(SecretId=AUTHORITY, SecretString=json.dumps(brought))
    assert kinds(converge("secrets", signing)) == [("update", *each) for each in TOLD]
    assert trusted() == 2 * [brought["certificate"]]
    assert held() == brought
    assert converge("secrets", signing)["plan"] == []


def test_what_is_no_authority_is_told_nobody_and_can_be_rotated_away(
    converge: Fixture, signing: dict[str, Any], manager: Any, held: Fixture, trusted: Fixture
) -> None:
    converge("secrets", signing)
    before = trusted()
    manager.put_secret_value(SecretId=AUTHORITY, SecretString="theirs and 7f3kQ secret")
    failed = run(UNIT, signing, check=False)
    assert {*(str(error["message"]) for error in failed["errors"])} == {
        f"trust {TRUST} ({region}): secret {AUTHORITY} holds no authority" for region in (HOME, OTHER)
    }
    assert "7f3kQ" not in json.dumps(failed)
    assert trusted() == before
    converge("secrets", {**signing, "rotate": ["authority"]})
    assert trusted() == 2 * [held()["certificate"]]


def test_an_authority_s_key_is_never_shown(signing: dict[str, Any], held: Fixture, capfd: pytest.CaptureFixture[str]) -> None:
    told: list[str] = []
    results, keys = [], []
    for rotate in ([], ["authority"], []):
        results += [run(UNIT, {**signing, "rotate": rotate}, check=check, progress=told.append) for check in (True, False)]
        keys.append(held()["private_key"])
    assert not any(result.get("failed") for result in results)
    assert len({*keys}) == 2
    shown = json.dumps(results) + "\n".join(told) + "".join(capfd.readouterr())
    assert [line for key in keys for line in key.splitlines()[1:-1] if line in shown] == []


def test_absent_tells_nobody_any_more(converge: Fixture, signing: dict[str, Any], client: Fixture) -> None:
    converge("secrets", signing)
    kept = converge("secrets", {**signing, "state": "absent"})
    assert kept["kept"] == [f"secret {AUTHORITY} ({HOME})"]
    gone = {**signing, "state": "absent", "data": "delete"}
    converge("secrets", gone)
    assert [client("ssm", region).describe_parameters()["Parameters"] for region in (HOME, OTHER)] == [[], []]
    assert not converge("secrets", gone)["changed"]


def test_a_region_that_is_no_longer_replicated_to_takes_what_is_told_away_itself(
    converge: Fixture, signing: dict[str, Any], client: Fixture
) -> None:
    converge("secrets", signing)
    assert [change["region"] for change in converge("secrets", {**signing, "replicate_to": []})["plan"]] == [HOME]
    other = {**signing, "scope": {**signing["scope"], "region": OTHER}, "secrets": {}}
    assert kinds(converge("secrets", other)) == [("delete", "trust", OTHER)]
    assert kinds(converge("secrets", {**signing, "replicate_to": []})) == []


def test_a_certificate_is_made_after_its_authority_and_anew_when_it_is_rotated(
    converge: Fixture, params: dict[str, Any], manager: Any
) -> None:
    signed = {"description": "Shown to nodes", "kind": "certificate", "authority": "z-authority"}
    wanted = {**params, "secrets": {"a-certificate": signed, "z-authority": {"description": "Signs", "kind": "authority"}}}
    converge("secrets", wanted)
    first = json.loads(values(manager)["kc/lab/a-certificate"])
    assert first["trusted"] == json.loads(values(manager)["kc/lab/z-authority"])["certificate"]
    assert converge("secrets", wanted)["changed"] is False
    converge("secrets", {**wanted, "rotate": ["a-certificate"]})
    second = json.loads(values(manager)["kc/lab/a-certificate"])
    assert second["certificate"] != first["certificate"] and second["trusted"] == first["trusted"]
