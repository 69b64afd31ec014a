"""The unit `secrets`: its builder, what values are made of, and what only AWS does."""

from __future__ import annotations

import base64
import json
import string
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from kc.authority import authority
from kc.aws.secretsmanager import FRESH, HIDDEN, MARKS, Secret, generate, password
from kc.aws.session import Aws
from kc.aws.trust import Trust
from kc.errors import KcError
from kc.model import Live, Ref, Resource
from kc.scope import Scope
from kc.unit import plain
from kc.units.secrets import UNIT, build

SCOPE = Scope("kc", "lab", "123456789012", "me-west-1", UNIT.name)


def built(params: dict[str, Any]) -> tuple[list[Resource], list[Resource]]:
    """Return what is looked up, and what is made."""
    made = build(SCOPE, params)
    return [each for each in made if each.desired is None], [each for each in made if each.desired is not None]


@pytest.mark.parametrize(
    ("about", "how"),
    [
        ({"description": "x"}, {"kind": "password", "username": "", "length": 40}),
        ({"description": "x", "username": "app", "length": 32}, {"kind": "password", "username": "app", "length": 32}),
        ({"description": "x", "kind": "random"}, {"kind": "random", "username": "", "length": 32}),
        ({"description": "x", "kind": "random", "length": 64}, {"kind": "random", "username": "", "length": 64}),
        ({"description": "x", "kind": "rsa"}, {"kind": "rsa", "username": "", "length": 2048}),
        ({"description": "x", "kind": "authority"}, {"kind": "authority", "username": "", "length": 384, "subject": "kc lab"}),
        (
            {"description": "x", "kind": "certificate", "authority": "ours"},
            {"kind": "certificate", "username": "", "length": 256, "by": "kc/lab/ours", "subject": "db/app"},
        ),
    ],
)
def test_a_secret_and_how_its_value_is_made(about: dict[str, Any], how: dict[str, Any]) -> None:
    made = next(each for each in built({"secrets": {"db/app": about, "ours": {"description": "x", "kind": "authority"}}})[1])
    assert made.key == ("secret", "me-west-1", "kc/lab/db/app")
    assert made.desired == {
        "description": "x",
        "key": Ref("key", "kc-lab-secrets", "arn", region="me-west-1"),
        "replicas": {},
        "value": HIDDEN,
        "generate": how,
        "tags": SCOPE.tags(),
    }


@pytest.mark.parametrize(
    ("params", "regions"),
    [
        ({}, ["me-west-1"]),
        ({"replicate_to": ["eu-central-1"]}, ["me-west-1", "eu-central-1"]),
        ({"replicate_to": ["me-west-1", "eu-west-1", "eu-central-1"]}, ["me-west-1", "eu-central-1", "eu-west-1"]),
    ],
)
def test_each_region_has_its_key(params: dict[str, Any], regions: list[str]) -> None:
    keys, (made,) = built({"secrets": {"a": {"description": "x"}}, **params})
    assert [(key.region, key.component) for key in keys] == [(region, "keys") for region in regions]
    assert made.desired is not None
    assert made.desired["replicas"] == {region: Ref("key", "kc-lab-secrets", "arn", region=region) for region in regions[1:]}


def test_without_secrets_no_key_is_needed() -> None:
    assert build(SCOPE, {"secrets": {}, "replicate_to": ["eu-central-1"]}) == []


def test_only_what_is_named_is_rotated() -> None:
    secrets = {name: {"description": name} for name in ("a", "b")}
    _, made = built({"secrets": secrets, "rotate": ["b"]})
    assert [each.desired["value"] is FRESH for each in made if each.desired] == [False, True]
    assert plain(FRESH) == "(new secret)"
    assert FRESH != HIDDEN


def test_whom_to_trust_is_told_in_each_region() -> None:
    secrets = {"authority": {"description": "x", "kind": "authority"}, "other": {"description": "x"}}
    _, made = built({"secrets": secrets, "replicate_to": ["eu-central-1"]})
    told = [each for each in made if each.kind.name == "trust"]
    assert [each.key for each in told] == [("trust", region, "/kc/lab/tls/authority") for region in ("me-west-1", "eu-central-1")]
    assert [each.desired for each in told] == 2 * [
        {
            "version": Ref("secret", "kc/lab/authority", "version", region="me-west-1"),
            "source": {"secret": "kc/lab/authority", "region": "me-west-1"},
            "tags": SCOPE.tags(),
        }
    ]


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"secrets": {"a": {}}}, "`secrets.a` lacks the setting `description`"),
        ({"secrets": {"a": {"description": "x", "user": "y"}}}, "`secrets.a` has no setting `user`"),
        ({"secrets": {"a": {"description": "x", "kind": "pin"}}}, "`secrets.a.kind` is `pin`"),
        ({"secrets": {"a": {"description": "x", "length": 15}}}, "`secrets.a.length` is 15"),
        ({"secrets": {"a": {"description": "x", "length": 129}}}, "`secrets.a.length` is 129"),
        ({"secrets": {"a": {"description": "x", "kind": "random", "username": "y"}}}, "`secrets.a.username` belongs to a password"),
        ({"secrets": {"a": {"description": "x", "kind": "rsa", "length": 1024}}}, "`secrets.a.length` is 1024"),
        ({"secrets": {"a": {"description": "x", "kind": "authority", "length": 256}}}, "`secrets.a.length` is 256"),
        ({"secrets": {"a": {"description": "x", "kind": "certificate"}}}, "`secrets.a.authority` is ``"),
        ({"secrets": {"a": {"description": "x", "authority": "b"}}}, "`secrets.a.authority` is `b`"),
        ({"secrets": {"a": {"description": "x", "kind": "certificate", "authority": "b"}}}, "`secrets.a.authority` is `b`"),
        ({"secrets": {"a": {"description": "x"}}, "rotate": ["b"]}, "`rotate` names `b`"),
        ({"secrets": {"a b": {"description": "x"}}}, "`kc/lab/a b` is no name for a secret"),
    ],
)
def test_what_makes_no_sense_is_refused(params: dict[str, Any], message: str) -> None:
    with pytest.raises(KcError) as caught:
        build(SCOPE, params)
    assert message in caught.value.message


@pytest.mark.parametrize("length", [16, 32, 40, 128])
def test_a_password_has_every_sort_of_character_and_nothing_that_needs_quoting(length: int) -> None:
    made = {password(length) for _ in range(200)}
    assert len(made) == 200
    for each in made:
        assert len(each) == length
        assert each[0] in string.ascii_letters
        assert {*each} <= {*string.ascii_letters, *string.digits, *MARKS}
        assert all({*sort} & {*each} for sort in (string.ascii_lowercase, string.ascii_uppercase, string.digits, MARKS))


def test_values_are_json() -> None:
    assert [*json.loads(generate({"kind": "password", "username": "", "length": 20}))] == ["password"]
    assert json.loads(generate({"kind": "password", "username": "app", "length": 20}))["username"] == "app"
    assert len(base64.b64decode(json.loads(generate({"kind": "random", "username": "", "length": 48}))["random"])) == 48


def test_a_certificate_is_signed_by_its_authority() -> None:
    by = authority("kc lab")
    made = json.loads(generate({"kind": "certificate", "username": "", "length": 256, "subject": "sentinel", "by": by}))
    certificate = x509.load_pem_x509_certificate(made["certificate"].encode())
    certificate.verify_directly_issued_by(x509.load_pem_x509_certificate(by["certificate"].encode()))
    key = serialization.load_pem_private_key(made["private_key"].encode(), None)
    assert key.public_key() == certificate.public_key() and made["trusted"] == by["trusted"]
    assert by["private_key"] not in json.dumps(made)


def test_an_rsa_secret_is_a_pair() -> None:
    made = json.loads(generate({"kind": "rsa", "username": "", "length": 2048}))
    private = serialization.load_pem_private_key(made["private_key"].encode(), None)
    public = serialization.load_pem_public_key(made["public_key"].encode())
    assert isinstance(private, rsa.RSAPrivateKey)
    assert private.key_size == 2048
    assert private.public_key() == public


class Scripted(Aws):
    """A session that answers from a script, and keeps what it was asked."""

    def __init__(self, **answers: Any) -> None:
        super().__init__(region="me-west-1")
        self.answers = answers
        self.asked: list[tuple[str, dict[str, Any]]] = []

    def call(self, service: str, operation: str, /, **params: Any) -> dict[str, Any]:
        self.asked.append((operation, params))
        answer = self.answers.get(operation, {})
        return dict(answer.pop(0) if isinstance(answer, list) and len(answer) > 1 else answer[0] if isinstance(answer, list) else answer)

    def sleep(self, seconds: float) -> None:
        pass


def described(*replicas: dict[str, str], **more: Any) -> dict[str, Any]:
    return {"Name": "kc/lab/a", "ARN": "arn:a", "VersionIdsToStages": {"v1": ["AWSCURRENT"]}, "ReplicationStatus": list(replicas), **more}


def replica(status: str, message: str = "") -> dict[str, str]:
    return {"Region": "eu-central-1", "KmsKeyId": "k2", "Status": status, "StatusMessage": message}


WANT = {
    "description": "x",
    "key": "k1",
    "replicas": {"eu-central-1": "k2"},
    "value": HIDDEN,
    "generate": {"kind": "password", "username": "", "length": 20},
    "tags": SCOPE.tags(),
}


def test_replication_is_waited_for() -> None:
    aws = Scripted(
        create_secret={"ARN": "arn:a", "VersionId": "v1"},
        describe_secret=[{}, described(replica("InProgress")), described(replica("InSync"))],
    )
    live = Secret().create(aws, SCOPE, "kc/lab/a", WANT)
    Secret().ready(aws, "kc/lab/a", live)
    assert [operation for operation, _ in aws.asked].count("describe_secret") == 3


def test_a_refused_replica_is_an_error_with_its_reason() -> None:
    aws = Scripted(create_secret={"ARN": "arn:a", "VersionId": "v1"}, describe_secret=[{}, described(replica("Failed", "no such key"))])
    live = Secret().create(aws, SCOPE, "kc/lab/a", WANT)
    with pytest.raises(KcError, match="eu-central-1 refused a replica: no such key"):
        Secret().ready(aws, "kc/lab/a", live)


def test_a_refused_replica_is_drift_and_is_made_again() -> None:
    tags = [{"Key": key, "Value": value} for key, value in SCOPE.tags().items()]
    failed = described(replica("Failed", "no such key"), Tags=tags, KmsKeyId="k1", Description="x")
    aws = Scripted(describe_secret=[failed, described()])
    aws.pages = lambda *args, **params: [{"Name": "kc/lab/a"}]  # type: ignore[method-assign]
    live = Secret().read(aws, SCOPE)["kc/lab/a"]
    assert live.attrs["replicas"] == {"eu-central-1": "failed: no such key"}
    Secret().update(aws, SCOPE, "kc/lab/a", live, WANT, frozenset({"replicas"}))
    calls = [operation for operation, _ in aws.asked if operation != "describe_secret"]
    assert calls == ["remove_regions_from_replication", "replicate_secret_to_regions"]


def test_what_is_told_in_a_region_may_be_taken_away_while_it_is_read() -> None:
    aws = Scripted()
    aws.pages = lambda *args, **params: [{"Name": "/kc/lab/tls/a", "ARN": "arn:a", "Type": "String", "Value": "x"}]  # type: ignore[method-assign]

    def gone(*args: Any, **params: Any) -> dict[str, Any]:
        raise KcError("answered", code="InvalidResourceId")

    aws.call = gone  # type: ignore[method-assign]
    assert Trust().read(aws, SCOPE) == {}


def test_a_repeated_call_bears_the_same_token_and_another_run_another() -> None:
    answers: dict[str, Any] = {"create_secret": {"ARN": "arn:a", "VersionId": "v1"}}
    one, other = Scripted(**answers), Scripted(**answers)
    for aws in (one, one, other):
        Secret().create(aws, SCOPE, "kc/lab/a", WANT)
    tokens = [params["ClientRequestToken"] for aws in (one, other) for operation, params in aws.asked if operation == "create_secret"]
    assert tokens[0] == tokens[1] != tokens[2]
    assert {len(token) for token in tokens} == {32}


def test_another_value_is_not_made_again_when_its_answer_was_lost() -> None:
    aws = Scripted(put_secret_value={"VersionId": "v2"})
    live = Live({**WANT, "replicas": {}}, {"id": "kc/lab/a", "arn": "arn:a", "version": "v1"})
    Secret().update(aws, SCOPE, "kc/lab/a", live, WANT, frozenset({"value"}))
    (put,) = [params for operation, params in aws.asked if operation == "put_secret_value"]
    # the next look finds the version that the lost call made
    live.outputs["version"] = put["ClientRequestToken"]
    Secret().update(aws, SCOPE, "kc/lab/a", live, WANT, frozenset({"value"}))
    assert [operation for operation, _ in aws.asked] == ["put_secret_value"]
