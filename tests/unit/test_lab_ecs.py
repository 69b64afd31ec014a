"""What the lab's ECS decides, and how it reads task definitions: without a container."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import assume, given
from hypothesis import strategies as st

from lab.behaviours.tasks.container import arguments, image_of, patience
from lab.behaviours.tasks.errors import StartError
from lab.behaviours.tasks.health import HEALTHY, UNHEALTHY, UNKNOWN, Streak, command
from lab.behaviours.tasks.origins import resolve
from lab.behaviours.tasks.record import Store, Task
from lab.behaviours.tasks.schedule import Decision, Seen, Wanted, decide, pause, provider, subnet, threshold
from lab.behaviours.tasks.state import failures_of, state_of

NEW, OLD = "ecs-svc/2", "ecs-svc/1"


def seen(text: str) -> list[Seen]:
    """Return tasks by a letter each: h healthy, p not yet, s sick after it was well, x sick from the beginning; upper case: of the old one."""
    return [
        Seen(
            id=str(number),
            deployment=OLD if letter.isupper() else NEW,
            created=number,
            healthy=letter.lower() == "h",
            tried=letter.lower() in "hs",
            sick=letter.lower() in "sx",
        )
        for number, letter in enumerate(text)
    ]


@pytest.mark.parametrize(
    ("wanted", "tasks", "decision"),
    [
        pytest.param(Wanted(3, NEW), "", Decision(3), id="none yet"),
        pytest.param(Wanted(3, NEW), "hp", Decision(1), id="one lacks"),
        pytest.param(Wanted(2, NEW), "hh", Decision(), id="steady"),
        pytest.param(Wanted(1, NEW), "hhh", Decision(0, ("2", "1")), id="too many: the youngest go"),
        pytest.param(Wanted(1, NEW), "php", Decision(0, ("2", "0")), id="too many: those that aren't healthy go first"),
        pytest.param(Wanted(0, NEW), "hpH", Decision(0, ("1", "0", "2")), id="none any more"),
        pytest.param(Wanted(2, NEW), "HH", Decision(2), id="a deployment begins beside the old one"),
        pytest.param(Wanted(2, NEW), "HHpp", Decision(), id="nothing ends before the new one is healthy"),
        pytest.param(Wanted(2, NEW), "HHhp", Decision(0, ("1",)), id="one for one"),
        pytest.param(Wanted(2, NEW), "HHhh", Decision(0, ("1", "0")), id="all at last"),
        pytest.param(Wanted(2, NEW), "HPp", Decision(1, ("1",)), id="an old one that isn't healthy goes at once"),
        pytest.param(Wanted(2, NEW, 100, 150), "HH", Decision(1), id="no more than the maximum"),
        pytest.param(Wanted(2, NEW, 50, 100), "HH", Decision(0, ("1",)), id="no room: one ends first"),
        pytest.param(Wanted(2, NEW, 50, 100), "H", Decision(1), id="then another is begun"),
        pytest.param(Wanted(2, NEW), "hx", Decision(1, (), ("1",)), id="it never was healthy: it has failed"),
        pytest.param(Wanted(2, NEW), "hs", Decision(1), id="it was healthy: another is begun first"),
        pytest.param(Wanted(2, NEW), "hsh", Decision(0, (), ("1",)), id="and it goes when that one is healthy"),
        pytest.param(Wanted(1, NEW, 0, 100), "s", Decision(1, (), ("0",)), id="or when there is no room"),
        pytest.param(Wanted(2, NEW, failed=True), "HHx", Decision(0, (), ("2",)), id="a failed deployment starts none, and takes none"),
        pytest.param(Wanted(2, NEW, failed=True), "HHh", Decision(), id="a failed deployment leaves the old ones"),
        pytest.param(Wanted(0, NEW, failed=True), "HHh", Decision(0, ("2", "1", "0")), id="but none is none"),
    ],
)
def test_decisions(wanted: Wanted, tasks: str, decision: Decision) -> None:
    assert decide(wanted, seen(tasks)) == decision


def test_the_fullest_subnet_gives_first() -> None:
    tasks = [Seen(str(number), NEW, number, place, healthy=True, tried=True) for number, place in enumerate("aab")]
    assert decide(Wanted(2, NEW), tasks).surplus == ("1",)


@given(
    count=st.integers(0, 12),
    minimum=st.sampled_from([0, 50, 100]),
    maximum=st.sampled_from([150, 200, 300]),
    letters=st.text("hpsxHPSX", max_size=20),
    order=st.randoms(use_true_random=False),
)
def test_every_state_ends_in_what_is_wanted(count: int, minimum: int, maximum: int, letters: str, order: Any) -> None:
    """From any tasks: the newest deployment runs as wanted at last, and no step stops healthy tasks below the minimum."""
    wanted = Wanted(count, NEW, minimum, maximum)
    # one task between 50 and 150 percent: none may go, and no second one may come, as on AWS
    assume(count == 0 or wanted.floor < count or wanted.ceiling > count)
    tasks = {task.id: task for task in seen(letters)}
    made = len(tasks)
    for _ in range(60):
        decision = decide(wanted, list(tasks.values()))
        healthy = sum(task.healthy for task in tasks.values())
        for gone in (*decision.surplus, *decision.sick):
            del tasks[gone]
        assert sum(task.healthy for task in tasks.values()) >= min(healthy, wanted.floor)
        assert not decision.start or len(tasks) + decision.start <= wanted.ceiling
        for _ in range(decision.start):
            made += 1
            tasks[f"n{made}"] = Seen(f"n{made}", NEW, 100 + made)
        waiting = [task for task in tasks.values() if not task.healthy and not task.sick]
        for task in order.sample(waiting, min(len(waiting), order.randint(1, 3))):
            tasks[task.id] = Seen(task.id, task.deployment, task.created, task.subnet, healthy=True, tried=True)
    assert [task.deployment for task in tasks.values() if task.healthy] == [NEW] * count == [NEW] * len(tasks)


@pytest.mark.parametrize(("count", "failures"), [(0, 3), (1, 3), (6, 3), (7, 4), (25, 13), (400, 200), (800, 200)])
def test_the_circuit_breaker_opens_after_half_of_the_tasks(count: int, failures: int) -> None:
    assert threshold(count) == failures


def test_attempts_that_fail_become_rare() -> None:
    assert [pause(failures) for failures in (0, 1, 2, 3, 50)] == [0, 2, 4, 8, 60]


@pytest.mark.parametrize(
    ("base", "weights", "first"),
    [
        (1, (0, 1), ["FARGATE", "FARGATE_SPOT", "FARGATE_SPOT", "FARGATE_SPOT"]),
        (2, (1, 1), ["FARGATE", "FARGATE", "FARGATE", "FARGATE_SPOT", "FARGATE", "FARGATE_SPOT"]),
        (0, (1, 3), ["FARGATE_SPOT", "FARGATE_SPOT", "FARGATE", "FARGATE_SPOT", "FARGATE_SPOT", "FARGATE_SPOT"]),
    ],
)
def test_capacity_providers_fill_base_and_then_weight(base: int, weights: tuple[int, int], first: list[str]) -> None:
    strategy = [
        {"capacityProvider": "FARGATE", "base": base, "weight": weights[0]},
        {"capacityProvider": "FARGATE_SPOT", "weight": weights[1]},
    ]
    chosen: list[str] = []
    for _ in first:
        chosen.append(provider(strategy, chosen))
    assert sorted(chosen) == sorted(first) and chosen[:base] == ["FARGATE"] * base


def test_tasks_are_spread_over_subnets() -> None:
    used: list[str] = []
    for _ in range(5):
        used.append(subnet(["a", "b"], used))
    assert used == ["a", "b", "a", "b", "a"]


def a_task(**about: Any) -> Task:
    given = {"service": "web", "deployment": NEW, "definition": "arn:…:web:1", "provider": "FARGATE_SPOT", "created": 1.0}
    where = {"region": "me-west-1", "cluster": "kc", "subnet": "subnet-1", "groups": ["sg-1"], "address": "10.10.0.9"}
    return Task(**{"id": "0123456789abcdef" * 2, **given, **where, **about})


def test_failures_count_since_a_task_was_healthy() -> None:
    failed = [a_task(failed=True, stopping=at) for at in (5.0, 20.0, 30.0)]
    assert failures_of(failed) == (3, 30.0)
    assert failures_of([*failed, a_task(healthy=10.0)]) == (2, 30.0)
    assert failures_of([]) == (0, 0.0)


SERVICE = {
    "desiredCount": 2,
    "deployments": [{"id": NEW, "status": "PRIMARY", "rolloutState": "IN_PROGRESS"}, {"id": OLD, "status": "ACTIVE"}],
    "deploymentConfiguration": {"deploymentCircuitBreaker": {"enable": True, "rollback": True}},
}


def told(*tasks: Task) -> tuple[bool, bool, bool]:
    found = state_of(("me-west-1", "kc", "web"), SERVICE, tasks)
    return found["complete"], found["steady"], found["failed"]


def test_a_deployment_is_complete_when_its_tasks_are_healthy_and_no_other_is_wanted() -> None:
    well = {"status": "RUNNING", "healthy": 5.0}
    both = [a_task(**well), a_task(**well)]
    assert told(*both) == (True, True, False)
    assert told(both[0], a_task(status="RUNNING")) == (False, False, False)
    assert told(*both, a_task(deployment=OLD, **well)) == (False, False, False)
    assert told(*both, a_task(deployment=OLD, stopping=9.0, **well)) == (True, False, False)
    assert told(*both, a_task(deployment=OLD, status="STOPPED", stopping=9.0)) == (True, True, False)


def test_a_deployment_fails_by_tasks_in_a_row() -> None:
    failed = [a_task(status="STOPPED", failed=True, stopping=at) for at in (6.0, 7.0, 8.0)]
    assert told(*failed) == (False, False, True)
    assert told(*failed, a_task(status="RUNNING", healthy=7.5)) == (False, False, False)


DEFINITION = {
    "taskRoleArn": "arn:aws:iam::1:role/web",
    "cpu": "256",
    "memory": "512",
    "containerDefinitions": [
        {
            "name": "app",
            "image": "…/web@sha256:aa",
            "user": "10001",
            "readonlyRootFilesystem": True,
            "linuxParameters": {"initProcessEnabled": True, "capabilities": {"drop": ["ALL"]}},
            "entryPoint": ["/bin/run", "-v"],
            "command": ["serve"],
            "environment": [{"name": "A", "value": "1"}],
            "secrets": [{"name": "PASSWORD", "valueFrom": "arn:aws:secretsmanager:me-west-1:1:secret:db-x:password::"}],
            "mountPoints": [{"sourceVolume": "scratch-1", "containerPath": "/scratch", "readOnly": False}],
            "stopTimeout": 120,
        }
    ],
}


def test_a_definition_becomes_a_container() -> None:
    words = arguments(a_task(), DEFINITION, "localhost/web", "10.10.0.2", Path("/log"), Path("/lab/world"), Path("/ca.pem"))
    text = " ".join(words)
    for part in (
        "--name kc-task-0123456789ab",
        "--network ns:/run/netns/kc-task-0123456789ab",
        "--label kc.lab=/lab/world",
        "--cpus 0.25 --memory 512m --user 10001 --read-only --read-only-tmpfs=false --init --cap-drop ALL",
        "--dns 10.10.0.2",
        "--security-opt no-new-privileges",
        "--mount type=volume,destination=/scratch,nosuid=true,nodev=true",
        "--log-opt path=/log",
        "--volume /ca.pem:/etc/ssl/certs/ca-certificates.crt:ro",
        "--env AWS_REGION=me-west-1",
        "--env AWS_CONTAINER_CREDENTIALS_RELATIVE_URI=/v2/credentials/0123456789ab",
        "--env A=1 --env PASSWORD ",
    ):
        assert part in text
    assert words[-5:] == ["--entrypoint", "/bin/run", "localhost/web", "-v", "serve"]
    assert patience(DEFINITION) == 120


def test_an_image_is_found_by_its_digest() -> None:
    images = {"web": {"digest": "sha256:aa", "image": "localhost/kc/web:1"}}
    assert image_of("1.dkr.ecr.me-west-1.amazonaws.com/web@sha256:aa", images) == "localhost/kc/web:1"
    assert image_of("1.dkr.ecr.me-west-1.amazonaws.com/web@sha256:bb", images) == ""


class FakeStore:
    """Secrets Manager and parameters of one region."""

    def get_secret_value(self, SecretId: str, **_: str) -> dict[str, str]:
        if "missing" in SecretId:
            raise ClientError({"Error": {"Code": "ResourceNotFoundException", "Message": "can't find it"}}, "GetSecretValue")
        return {"SecretString": '{"password": "p:w"}'}

    def get_parameter(self, Name: str, WithDecryption: bool) -> dict[str, Any]:
        if "missing" in Name:
            raise ClientError({"Error": {"Code": "ParameterNotFound", "Message": ""}}, "GetParameter")
        return {"Parameter": {"Value": Name}}


SECRET = "arn:aws:secretsmanager:me-west-1:1:secret:db-x"


@pytest.mark.parametrize(
    ("origin", "found"),
    [
        (f"{SECRET}:password::", "p:w"),
        (SECRET, '{"password": "p:w"}'),
        ("arn:aws:ssm:me-west-1:1:parameter/kc/lab/host", "/kc/lab/host"),
        ("/kc/lab/host", "/kc/lab/host"),
    ],
)
def test_secrets_are_resolved(origin: str, found: str) -> None:
    definition = {"containerDefinitions": [{"secrets": [{"name": "A", "valueFrom": origin}]}]}
    assert resolve(definition, "me-west-1", lambda *_: FakeStore()) == {"A": found}


@pytest.mark.parametrize(
    ("origin", "reason"),
    [
        (f"{SECRET}:other::", "did not contain json key other"),
        ("arn:aws:secretsmanager:me-west-1:1:secret:missing", "ResourceNotFoundException"),
        ("arn:aws:ssm:me-west-1:1:parameter/missing", "invalid parameters: /missing"),
    ],
)
def test_a_missing_secret_is_told_as_ecs_does(origin: str, reason: str) -> None:
    definition = {"containerDefinitions": [{"secrets": [{"name": "A", "valueFrom": origin}]}]}
    with pytest.raises(StartError, match=f"^ResourceInitializationError: .*{reason}"):
        resolve(definition, "me-west-1", lambda *_: FakeStore())


CHECK = {"interval": 10, "timeout": 2, "retries": 2, "startPeriod": 30}


def test_a_health_check_is_forgiving_at_first_and_counts_once_an_interval() -> None:
    streak, health = Streak(), UNKNOWN
    for at in (1, 2, 29):
        health = streak.take(False, health, CHECK, started=0, now=at)
    assert (health, streak.failures) == (UNKNOWN, 0)
    assert [streak.take(False, health, CHECK, started=0, now=at) for at in (31, 32, 45)] == [UNKNOWN, UNKNOWN, UNHEALTHY]
    assert streak.take(True, UNHEALTHY, CHECK, started=0, now=50) == HEALTHY
    assert [streak.take(False, HEALTHY, CHECK, started=0, now=at) for at in (60, 70)] == [HEALTHY, UNHEALTHY]


def test_a_container_that_was_not_healthy_yet_is_looked_at_often() -> None:
    streak = Streak(looked=100)
    assert streak.due(UNKNOWN, CHECK, 101) and not streak.due(HEALTHY, CHECK, 101)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (["CMD-SHELL", "a || b"], ["/bin/sh", "-c", "a || b"]),
        (["CMD", "worker", "health"], ["worker", "health"]),
    ],
)
def test_health_commands(given: list[str], words: list[str]) -> None:
    assert command({"command": given}) == words


def test_tasks_are_found_again(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.save(a_task(address="", status="RUNNING", pid=7))
    assert Store(tmp_path).all() == store.all()
    store.save(a_task(status="STOPPED", stopped=10.0))
    store.forget(before=11.0)
    assert not Store(tmp_path).all()


def test_only_spot_tasks_are_interrupted(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.save(a_task())
    store.save(a_task(id="f" * 32, provider="FARGATE"))
    for name, reason in (("ffff", "only those on FARGATE_SPOT"), ("77", "no running tasks"), ("", "no running tasks")):
        with pytest.raises(ValueError, match=reason):
            store.interrupt(name)
    assert store.interrupt("arn:aws:ecs:me-west-1:1:task/kc/0123456789abcdef0123456789abcdef").service == "web"
    assert store.interrupted(a_task())
