"""The unit `cluster`: its builder, and what only AWS does."""

from __future__ import annotations

from typing import Any

import pytest
from kc.aws.ecs import ROLE_MISSING, Cluster, cluster_name
from kc.errors import KcError
from kc.model import Key, Live, Ref
from kc.scope import Scope
from kc.units.cluster import UNIT, build, cluster_of

SCOPE = Scope("kc", "lab", "123456789012", "me-west-1", UNIT.name)


def test_a_cluster_and_where_its_sessions_are_written() -> None:
    key, sessions, cluster = build(SCOPE, {"insights": "enhanced", "session_days": 365})
    assert (key.key, key.desired) == (Key("key", "me-west-1", "kc-lab-logs"), None)
    assert sessions.key == Key("log_group", "me-west-1", "/kc/lab/execute-command")
    assert sessions.desired is not None and sessions.desired["days"] == 365
    assert cluster.key == Key("cluster", "me-west-1", "kc-lab")
    assert cluster.desired == {
        "insights": "enhanced",
        "providers": ["FARGATE", "FARGATE_SPOT"],
        "strategy": [{"capacityProvider": "FARGATE", "base": 0, "weight": 1}],
        "execute_command": {"logging": "OVERRIDE", "log_group": Ref("log_group", "/kc/lab/execute-command"), "encrypted": True},
        "tags": SCOPE.tags(),
    }
    assert cluster_of(SCOPE.at("me-west-1", "services")).component == "cluster"


def test_the_name_stays_within_ecs_limit() -> None:
    name = cluster_name(Scope("k" * 200, "e" * 200, "123456789012", "me-west-1", "cluster"))
    assert len(name) == 255 and name == cluster_name(Scope("k" * 200, "e" * 200, "123456789012", "eu-central-1", "cluster"))


class Stub:
    """An AWS that answers from a script, and keeps what it was asked."""

    region = "me-west-1"

    def __init__(self, **answers: Any) -> None:
        self.answers = answers
        self.asked: list[str] = []

    def call(self, service: str, operation: str, /, **params: Any) -> dict[str, Any]:
        self.asked.append(operation)
        answer = self.answers[operation]
        if isinstance(answer, Exception):
            raise answer
        return dict(answer)


WANT = {
    **(build(SCOPE, {"insights": "enabled", "session_days": 30})[-1].desired or {}),
    "execute_command": {"logging": "OVERRIDE", "log_group": "g", "encrypted": True},
}


@pytest.mark.parametrize(
    ("code", "message", "settles"),
    [
        (
            "InvalidParameterException",
            "Unable to assume the service linked role. Please verify that the ECS service linked role exists",
            True,
        ),
        ("InvalidParameterException", "Invalid capacity provider", False),
        ("AccessDeniedException", "service linked role", False),
    ],
)
def test_the_role_of_an_accounts_first_cluster_is_waited_for(code: str, message: str, settles: bool) -> None:
    aws: Any = Stub(create_cluster=KcError(message, code=code))
    with pytest.raises(KcError) as caught:
        Cluster().create(aws, SCOPE, "kc-lab", WANT)
    assert (caught.value.code == ROLE_MISSING and caught.value.code in Cluster.settles) is settles


def described(**more: Any) -> dict[str, Any]:
    return {"clusterName": "kc-lab", "clusterArn": "arn:c", "status": "ACTIVE", **more}


def tags(**values: str) -> list[dict[str, str]]:
    return [{"key": key, "value": value} for key, value in values.items()]


@pytest.mark.parametrize(
    ("about", "found"),
    [
        (described(), ["kc-lab"]),  # a hand took the tags away: the name says whose it is
        (described(tags=tags(Platform="other")), ["kc-lab"]),
        (described(status="INACTIVE"), []),
        (described(tags=tags(Client="acme")), []),
    ],
)
def test_whose_a_cluster_is(about: dict[str, Any], found: list[str]) -> None:
    aws: Any = Stub(describe_clusters={"clusters": [about]})
    assert list(Cluster().read(aws, SCOPE)) == found


def test_what_ecs_leaves_out_is_its_default() -> None:
    aws: Any = Stub(describe_clusters={"clusters": [described()]})
    live: Live = Cluster().read(aws, SCOPE)["kc-lab"]
    assert live.attrs == {
        "insights": "disabled",
        "providers": [],
        "strategy": [],
        "execute_command": {"logging": "DEFAULT", "log_group": "", "encrypted": False},
        "tags": {},
    }
