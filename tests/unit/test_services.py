"""The unit `services`: its builder, the shape of task definitions, and what a failed deployment tells."""

from __future__ import annotations

import itertools
from typing import Any

import kc.aws.session as session
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kc.applications import applications
from kc.aws.ecs import ANEW, RUNNING, Service
from kc.aws.scaling import ScalableTarget, ScalingPolicy
from kc.aws.session import Aws
from kc.aws.task_definitions import KEEP, TaskDefinition, attributes, definition
from kc.errors import KcError
from kc.model import UNKNOWN, Key, Live, Ref, Resource
from kc.plan import differing, make_plan
from kc.scope import Scope
from kc.units.services import LOG, UNIT, build, service_name

SCOPE = Scope("kc", "lab", "123456789012", "me-west-1", UNIT.name)
DIGEST = f"sha256:{'a' * 64}"
SMALL: dict[str, Any] = {"cpu": 256, "memory": 512, "role": "web", "count": {"min": 2, "warm": 1, "max": 6}}
WEB: dict[str, Any] = {**SMALL, "port": 8080, "hosts": ["app"], "priority": 1, "health": {"path": "/healthz"}}
OPTIONS: dict[str, Any] = {
    "images": {"web": DIGEST},
    "role": "primary",
    "tier": "private",
    "security_group": "app",
    "minimum_healthy": 100,
    "maximum_healthy": 200,
    "execute_command": False,
    "redeploy": [],
    "timeout": 900,
}


def built(about: dict[str, Any], **options: Any) -> dict[str, Resource]:
    """Return what one application makes, by kind and name behind that of the service."""
    made = build(SCOPE, {**OPTIONS, "applications": {"web": about}, **options})
    return {f"{one.kind.name}{one.name.removeprefix('kc-lab-web')}" if one.desired is not None else str(one.key): one for one in made}


def desired(about: dict[str, Any], of: str, **options: Any) -> Any:
    return built(about, **options)[of].desired


# --- the builder -----------------------------------------------------------------------------------------------


def test_a_task_definition() -> None:
    assert desired(WEB, "task_definition") == {
        "cpu": 256,
        "memory": 512,
        "architecture": "ARM64",
        "roles": {
            "task": "arn:aws:iam::123456789012:role/kc/lab/kc-lab-web",
            "execution": "arn:aws:iam::123456789012:role/kc/lab/kc-lab-task-execution",
        },
        "container": "web",
        "image": f"123456789012.dkr.ecr.me-west-1.amazonaws.com/kc/lab/web@{DIGEST}",
        "port": 8080,
        "user": "10001:10001",
        "read_only": True,
        "init": True,
        "drop": ["ALL"],
        "environment": {},
        "secrets": {},
        "mounts": {},
        "health": {
            "command": [
                "CMD-SHELL",
                "if command -v curl > /dev/null; then curl -fsS -o /dev/null http://127.0.0.1:8080/healthz; "
                "else wget -q -O /dev/null http://127.0.0.1:8080/healthz; fi || exit 1",
            ],
            "interval": 10,
            "timeout": 5,
            "unhealthy": 3,
            "grace": 60,
        },
        "log": {**LOG, "awslogs-group": Ref("log_group", "/kc/lab/web"), "awslogs-region": "me-west-1", "awslogs-stream-prefix": "web"},
        "stop": 30,
        "overrides": {},
        "superseded": [],
        "tags": SCOPE.tags(),
    }


@pytest.mark.parametrize(
    ("change", "options", "attr", "value"),
    [
        ({"repository": "shared"}, {}, "image", f"123456789012.dkr.ecr.me-west-1.amazonaws.com/kc/lab/shared@{DIGEST}"),
        ({"architecture": "x86_64"}, {}, "architecture", "X86_64"),
        ({"environment": {"A": 1, "B": True, "C": "x"}}, {}, "environment", {"A": "1", "B": "true", "C": "x"}),
        (
            {"secrets": {"USER": "db:username", "ALL": "db"}, "parameters": {"HOST": "mysql/main/endpoint"}},
            {},
            "secrets",
            {
                "USER": {"from": Ref("secret", "kc/lab/db", "arn"), "key": "username"},
                "ALL": {"from": Ref("secret", "kc/lab/db", "arn"), "key": ""},
                "HOST": {"from": "arn:aws:ssm:me-west-1:123456789012:parameter/kc/lab/mysql/main/endpoint", "key": ""},
            },
        ),
        ({"scratch": ["/cache", "/run"]}, {}, "mounts", {"/cache": "scratch-1", "/run": "scratch-2"}),
        (
            {"scratch": ["/cache"]},
            {"execute_command": True},
            "mounts",
            {"/cache": "scratch-1", "/managed-agents": "scratch-2", "/var/lib/amazon/ssm": "scratch-3", "/var/log/amazon/ssm": "scratch-4"},
        ),
    ],
)
def test_what_an_application_says_of_its_tasks(change: dict[str, Any], options: dict[str, Any], attr: str, value: Any) -> None:
    assert desired({**WEB, **change}, "task_definition", **options)[attr] == value


def test_a_command_of_its_own_is_asked_for_health() -> None:
    assert desired({**WEB, "health": {"path": "/h", "command": ["web", "ok"]}}, "task_definition")["health"]["command"] == [
        "CMD",
        "web",
        "ok",
    ]
    assert desired({**SMALL, "health": {"command": ["web", "ok"]}}, "task_definition")["health"]["command"] == ["CMD", "web", "ok"]
    assert desired(SMALL, "task_definition")["health"] == {}


def test_a_service() -> None:
    made = built(SMALL)
    assert made["service"].desired == {
        "cluster": Ref("cluster", "kc-lab", "arn"),
        "task_definition": Ref("task_definition", "kc-lab-web", "arn"),
        "count": 2,
        "tasks": RUNNING,
        "capacity": [{"capacityProvider": "FARGATE", "base": 0, "weight": 1}],
        "platform": "1.4.0",
        "deployment": {"minimum": 100, "maximum": 200, "breaker": True, "rollback": True},
        "network": {"subnets": Ref("tier", "private", "subnets"), "groups": [Ref("security_group", "kc-lab-app")], "public": "DISABLED"},
        "load_balancers": [],
        "grace": 0,
        "execute_command": False,
        "propagate_tags": "SERVICE",
        "managed_tags": True,
        "rebalancing": "ENABLED",
        "tags": SCOPE.tags(),
    }
    assert isinstance(made["service"].kind, Service) and made["service"].kind.timeout == 900
    looked_up = {key for key, one in made.items() if one.desired is None}
    assert looked_up == {
        str(Key(kind, "me-west-1", name))
        for kind, name in (("key", "kc-lab-logs"), ("cluster", "kc-lab"), ("tier", "private"), ("security_group", "kc-lab-app"))
    }


def test_what_takes_requests_stands_behind_the_load_balancer() -> None:
    made = built({**WEB, "scaling": {"requests": 600}})
    service = made["service"].desired or {}
    group = Ref("target_group", "kc-lab-web", "arn")
    assert service["load_balancers"] == [{"targetGroupArn": group, "containerName": "web", "containerPort": 8080}]
    assert service["grace"] == 60
    assert (made["scaling_policy/requests"].desired or {})["metric"] == {
        "type": "ALBRequestCountPerTarget",
        "balancer": Ref("load_balancer", "kc-lab-public", "suffix"),
        "group": Ref("target_group", "kc-lab-web", "suffix"),
    }
    looked_up = {one.kind.name: one.component for one in made.values() if one.desired is None}
    assert (looked_up["target_group"], looked_up["load_balancer"]) == ("balancer", "balancer")


@pytest.mark.parametrize(
    ("count", "least", "most", "room"),
    [
        (1, 100, 200, True),
        (1, 100, 150, False),  # one and a half is one
        (1, 0, 100, True),
        (1, 50, 100, False),  # half a task is one
        (2, 100, 150, True),
        (3, 100, 125, False),
        (4, 100, 125, True),
        (4, 75, 100, True),
    ],
)
def test_a_deployment_needs_room(count: int, least: int, most: int, room: bool) -> None:
    about = {**SMALL, "count": {"min": count, "warm": count, "max": 9}}
    options = {"minimum_healthy": least, "maximum_healthy": most}
    if room:
        assert desired(about, "service", **options)["deployment"]["maximum"] == most
    else:
        with pytest.raises(KcError, match=f"`maximum_healthy` is {most} and `minimum_healthy` {least}"):
            built(about, **options)


@pytest.mark.parametrize(
    ("capacity", "strategy"),
    [
        ({"base": 1, "on_demand": 0, "spot": 1}, [("FARGATE", 1, 0), ("FARGATE_SPOT", 0, 1)]),
        ({"on_demand": 0, "spot": 3}, [("FARGATE_SPOT", 0, 3)]),
        ({"base": 2, "on_demand": 1, "spot": 4}, [("FARGATE_SPOT", 0, 4), ("FARGATE", 2, 1)]),
    ],
)
def test_where_tasks_run(capacity: dict[str, int], strategy: list[tuple[str, int, int]]) -> None:
    found = desired({**SMALL, "capacity": capacity}, "service")["capacity"]
    assert sorted((one["capacityProvider"], one["base"], one["weight"]) for one in found) == sorted(strategy)


SCHEDULES = {
    "morning": {"at": "cron(30 6 ? * SUN-THU *)", "min": 4, "timezone": "Asia/Riyadh"},
    "evening": {"at": "cron(0 16 ? * * *)", "min": 2},
}


def test_how_many_tasks_the_primary_has() -> None:
    made = built({**SMALL, "scaling": {"cpu": 60, "schedules": SCHEDULES}})
    assert (made["service"].desired or {})["count"] == 2
    assert made["scalable_target"].desired == {
        "service": "service/kc-lab/kc-lab-web",
        "min": 2,
        "max": 6,
        "scheduled": [2, 4],
        "suspended": [],
    }
    assert made["scalable_target"].after == (made["service"].key,)
    assert made["scaling_policy/cpu"].desired == {
        "service": Ref("scalable_target", "kc-lab-web"),
        "target": 60,
        "metric": {"type": "ECSServiceAverageCPUUtilization"},
        "out": 60,
        "in": 300,
        "only_out": False,
    }
    assert made["scheduled_action/morning"].desired == {
        "service": Ref("scalable_target", "kc-lab-web"),
        "at": "cron(30 6 ? * SUN-THU *)",
        "timezone": "Asia/Riyadh",
        "min": 4,
        "max": None,
    }
    assert (made["scheduled_action/evening"].desired or {})["timezone"] == "UTC"


def test_the_secondary_is_warm_and_follows_no_schedule() -> None:
    made = built({**SMALL, "scaling": {"cpu": 60, "schedules": SCHEDULES}}, role="secondary")
    assert (made["service"].desired or {})["count"] == 1
    assert (made["scalable_target"].desired or {})["min"] == 1
    assert (made["scalable_target"].desired or {})["scheduled"] == []
    assert "scaling_policy/cpu" in made and "scheduled_action/morning" not in made


def test_a_queue_is_worked_off() -> None:
    policy = desired({**SMALL, "scaling": {"queue": "jobs", "backlog": 3}}, "scaling_policy/backlog")
    queries = {one["Id"]: one for one in policy["metric"]["queries"]}
    assert policy["target"] == 3
    assert queries["visible"]["MetricStat"]["Metric"]["Dimensions"] == [{"Name": "QueueName", "Value": "kc-lab-jobs"}]
    assert queries["running"]["MetricStat"]["Metric"]["Dimensions"] == [
        {"Name": "ClusterName", "Value": "kc-lab"},
        {"Name": "ServiceName", "Value": "kc-lab-web"},
    ]
    assert [one["Id"] for one in queries.values() if one["ReturnData"]] == ["backlog"]


def test_tasks_are_started_anew_on_demand() -> None:
    assert desired(SMALL, "service", redeploy=["web"])["tasks"] is ANEW
    with pytest.raises(KcError, match="`redeploy` names `api`, which `applications` does not"):
        built(SMALL, redeploy=["api"])


def test_no_application_needs_nothing() -> None:
    assert build(SCOPE, {**OPTIONS, "applications": {}}) == []


def test_names_at_the_limit() -> None:
    """An application's name is as long as a service's may be: two long ones stay two."""
    names = {service_name(SCOPE, f"{'a' * 300}{end}") for end in "xy"}
    assert len(names) == 2 and {len(name) for name in names} == {255}


@pytest.mark.parametrize(
    ("change", "options", "message"),
    [
        ({"days": 91}, {}, "`applications.web.days` is 91"),
        ({}, {"images": {}}, "`images` has no image for `web`"),
        ({}, {"images": {"web": "latest"}}, "`images.web` is `latest`"),
        ({}, {"images": {"web": "sha256:abc"}}, "`images.web` is `sha256:abc`"),
    ],
)
def test_what_cannot_be_is_refused_by_its_name(change: dict[str, Any], options: dict[str, Any], message: str) -> None:
    with pytest.raises(KcError) as caught:
        built({**SMALL, **change}, **options)
    assert message in str(caught.value)


def test_adding_an_application_is_one_entry() -> None:
    """What one more entry makes stands beside what stood before, and changes none of it."""
    two = {**OPTIONS, "images": {"web": DIGEST, "api": DIGEST}}
    before = {one.key: one.desired for one in build(SCOPE, {**two, "applications": {"web": SMALL}})}
    after = {one.key: one.desired for one in build(SCOPE, {**two, "applications": {"web": SMALL, "api": SMALL}})}
    assert {key: after[key] for key in before} == before
    assert sorted(key.kind for key in after.keys() - before.keys()) == ["log_group", "scalable_target", "service", "task_definition"]


# --- task definitions ------------------------------------------------------------------------------------------

NAMES = st.text("abcdefghijklmnopqrstuvwxyzABC_", min_size=1, max_size=12)
PATHS = st.text("abc/", min_size=1, max_size=8).map(lambda text: f"/{text}")
SECRET_ARNS = st.sampled_from(
    ["arn:aws:secretsmanager:me-west-1:1:secret:kc/lab/db-AbCdEf", "arn:aws-cn:secretsmanager:r:1:secret:x-AbCdEf"]
)
ORIGINS = st.fixed_dictionaries({"from": SECRET_ARNS, "key": st.one_of(st.just(""), NAMES)}) | st.just(
    {"from": "arn:aws:ssm:me-west-1:1:parameter/kc/lab/mysql/main/endpoint", "key": ""}
)
TASKS = st.fixed_dictionaries(
    {
        "cpu": st.sampled_from([256, 1024]),
        "memory": st.sampled_from([512, 4096]),
        "architecture": st.sampled_from(["ARM64", "X86_64"]),
        "roles": st.just({"task": "arn:t", "execution": "arn:e"}),
        "container": NAMES,
        "image": st.just(f"host/repo@{DIGEST}"),
        "port": st.sampled_from([0, 8080]),
        "user": st.sampled_from(["10001", "10001:10001"]),
        "read_only": st.booleans(),
        "init": st.booleans(),
        "drop": st.sampled_from([[], ["ALL"]]),
        "environment": st.dictionaries(NAMES, st.text(max_size=5), max_size=3),
        "secrets": st.dictionaries(NAMES, ORIGINS, max_size=3),
        "mounts": st.dictionaries(PATHS, NAMES, max_size=3),
        "health": st.one_of(st.just({}), st.just({"command": ["CMD", "x"], "interval": 10, "timeout": 5, "unhealthy": 3, "grace": 60})),
        "log": st.just({"driver": "awslogs", "mode": "non-blocking", "awslogs-group": "/kc/lab/x"}),
        "stop": st.integers(2, 120),
        "overrides": st.just({}),
    }
)
FILLED: dict[str, Any] = {
    "cpu": 0,
    "portMappings": [],
    "essential": True,
    "environment": [],
    "mountPoints": [],
    "volumesFrom": [],
    "systemControls": [],
    "secrets": [],
}
"""What ECS fills into a container."""


@settings(max_examples=60, deadline=None)
@given(TASKS)
def test_what_is_registered_reads_as_it_was_wanted(want: dict[str, Any]) -> None:
    """Whatever ECS fills in: it gives a port its host port, an empty part its empty form."""
    made = definition(want)
    (container,) = made["containerDefinitions"]
    ports = [{**port, "hostPort": port["containerPort"]} for port in container.get("portMappings", [])]
    linux = {**container["linuxParameters"], "devices": [], "tmpfs": []}
    log = {**container["logConfiguration"], "secretOptions": []}
    filled = {**FILLED, **container, "portMappings": ports, "linuxParameters": linux, "logConfiguration": log}
    filled["environment"] = filled["environment"][::-1]  # ECS keeps no order
    about = {**made, "containerDefinitions": [filled], "revision": 7, "status": "ACTIVE", "compatibilities": ["EC2", "FARGATE"]}
    assert attributes(about) == want


@pytest.mark.parametrize(
    ("changed", "overrides"),
    [
        ({"command": ["sh"]}, {"command": ["sh"]}),
        ({"privileged": True}, {"privileged": True}),
        ({"entryPoint": []}, {}),
    ],
)
def test_what_a_hand_adds_to_a_container_is_seen(changed: dict[str, Any], overrides: dict[str, Any]) -> None:
    assert attributes({"containerDefinitions": [{"name": "web", "image": "i", **changed}]})["overrides"] == overrides
    both = [{"name": "web", "image": "i", **changed}, {"name": "spy", "image": "j"}]
    assert attributes({"containerDefinitions": both})["overrides"] == {**overrides, "containers": ["spy"]}


class Families(Aws):
    """ECS with one family; every revision is what was registered."""

    def __init__(self) -> None:
        super().__init__(region="me-west-1")
        self.revisions: dict[int, dict[str, Any]] = {}
        self.active: set[int] = set()

    def call(self, service: str, operation: str, /, **params: Any) -> dict[str, Any]:
        if operation == "register_task_definition":
            number = max(self.revisions, default=0) + 1
            self.revisions[number] = params
            self.active.add(number)
            return {"taskDefinition": {"taskDefinitionArn": f"arn:f:{number}"}}
        if operation == "describe_task_definition":
            about = self.revisions[int(params["taskDefinition"].rpartition(":")[2])]
            return {"taskDefinition": about, "tags": about["tags"]}
        assert operation == "deregister_task_definition"
        number = int(params["taskDefinition"].rpartition(":")[2])
        if number not in self.active:
            raise KcError("The specified task definition is inactive", code="ClientException")
        self.active.remove(number)
        return {}

    def pages(self, service: str, operation: str, key: str, /, **params: Any) -> list[Any]:
        if operation == "list_task_definition_families":
            return ["kc-lab-web"] if self.active else []
        return [f"arn:f:{number}" for number in sorted(self.active, key=str)]


def test_revisions_are_counted_not_sorted_as_text_and_old_ones_go() -> None:
    kind, aws = TaskDefinition(), Families()
    task = {**desired(SMALL, "task_definition"), "log": {"driver": "awslogs"}}
    for stop in range(10, 22):
        kind.create(aws, SCOPE, "kc-lab-web", {**task, "stop": stop})
    live = kind.read(aws, SCOPE)["kc-lab-web"]
    assert (live.outputs["arn"], live.attrs["stop"], live.attrs["superseded"]) == ("arn:f:12", 21, [])
    assert aws.active == {11, 12} and len(aws.active) == KEEP

    kind.update(aws, SCOPE, "kc-lab-web", live, {**task, "stop": 99}, frozenset({"stop"}))
    assert live.outputs["arn"] == "arn:f:13" and aws.active == {12, 13}
    aws.active |= {10, 11}  # an earlier run was cut off
    live = kind.read(aws, SCOPE)["kc-lab-web"]
    assert live.attrs["superseded"] == ["arn:f:11", "arn:f:10"]
    kind.update(aws, SCOPE, "kc-lab-web", live, {**task, "stop": 99}, frozenset({"superseded"}))
    assert aws.active == {12, 13}
    kind.delete(aws, SCOPE, "kc-lab-web", live)
    assert aws.active == set() and kind.read(aws, SCOPE) == {}


def test_a_revision_that_was_deregistered_meanwhile_is_no_error() -> None:
    class Behind(Families):
        def call(self, service: str, operation: str, /, **params: Any) -> dict[str, Any]:
            if operation == "deregister_task_definition":
                self.active.discard(int(params["taskDefinition"].rpartition(":")[2]))
            return super().call(service, operation, **params)

    aws = Behind()
    aws.active = {1, 2, 3}
    TaskDefinition().delete(aws, SCOPE, "kc-lab-web", Live({}))


# --- deployments -----------------------------------------------------------------------------------------------


class Ecs(Aws):
    """ECS with one service, whose descriptions follow a script; time passes by pausing only."""

    def __init__(self, *states: dict[str, Any], tasks: list[dict[str, Any]] | None = None) -> None:
        super().__init__(region="me-west-1")
        self.states = list(states)
        self.tasks = tasks or []
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.slept = 0.0

    def call(self, service: str, operation: str, /, **params: Any) -> dict[str, Any]:
        self.asked.append((operation, params))
        if operation == "describe_services":
            state = self.states.pop(0) if len(self.states) > 1 else self.states[0]
            return {"services": [state] if state else []}
        if operation == "describe_tasks":
            return {"tasks": self.tasks}
        if operation in ("update_service", "delete_service") and not self.states[0]:
            raise KcError("Service was not found", code="ServiceNotFoundException", missing=True)
        return {"service": {"serviceName": "kc-lab-web", "serviceArn": "arn:s", "deployments": [{"id": "d2", "status": "PRIMARY"}]}}

    def pages(self, service: str, operation: str, key: str, /, **params: Any) -> list[Any]:
        assert (operation, params["desiredStatus"], params["serviceName"]) == ("list_tasks", "STOPPED", "kc-lab-web")
        return [f"arn:t{number}" for number in range(len(self.tasks))]

    def sleep(self, seconds: float) -> None:
        self.slept += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Time goes on a minute with every look at the clock."""
    minutes = itertools.count(0, 60)
    monkeypatch.setattr(session.time, "monotonic", lambda: float(next(minutes)))


def deployment(id_: str, state: str, status: str = "PRIMARY", reason: str = "") -> dict[str, Any]:
    return {"id": id_, "status": status, "rolloutState": state, "rolloutStateReason": reason}


def state(*deployments: dict[str, Any], events: tuple[str, ...] = (), **more: Any) -> dict[str, Any]:
    return {
        "serviceName": "kc-lab-web",
        "status": "ACTIVE",
        "runningCount": 0,
        "pendingCount": 0,
        "deployments": list(deployments),
        "events": [{"message": message} for message in events],
        **more,
    }


def waited(aws: Ecs, timeout: float = 900) -> None:
    Service(timeout).ready(aws, "kc-lab-web", Live({"cluster": "arn:c"}, {"id": "kc-lab-web", "deployment": "d2"}))


def test_a_deployment_is_waited_for() -> None:
    aws = Ecs(
        state(deployment("d1", "COMPLETED")),  # the answer is behind
        state(deployment("d2", "IN_PROGRESS"), deployment("d1", "COMPLETED", "ACTIVE")),
        state(deployment("d2", "COMPLETED")),
    )
    waited(aws)
    assert [operation for operation, _ in aws.asked] == ["describe_services"] * 3


CRASH = {
    "stoppedReason": "Essential container in task exited",
    "containers": [
        {"name": "web", "exitCode": 1},
        {"name": "log", "reason": "OutOfMemoryError: Container killed due to memory usage", "exitCode": 137},
    ],
}
NO_IMAGE = {
    "stoppedReason": "CannotPullContainerError: pull image manifest has been retried 1 time(s):\n  not found",
    "containers": [{"name": "web"}],
}
EVENTS = (
    "(service kc-lab-web) deployment failed: tasks failed to start.",
    "(service kc-lab-web) has started 2 tasks",
    "(service kc-lab-web) (port 8080) is unhealthy in (target-group t) due to (reason Health checks failed)",
    "(service kc-lab-web) an old event",
)


def test_a_failed_deployment_tells_why() -> None:
    failed = state(deployment("d2", "FAILED", reason="ECS deployment circuit breaker: tasks failed to start."), events=EVENTS)
    aws = Ecs(state(deployment("d2", "IN_PROGRESS")), failed, tasks=[CRASH, CRASH, NO_IMAGE])
    with pytest.raises(KcError) as caught:
        waited(aws)
    assert caught.value.message == (
        "the deployment of kc-lab-web is `FAILED` instead of COMPLETED: "
        "ECS deployment circuit breaker: tasks failed to start; "
        "2 tasks ended: Essential container in task exited "
        "(web: exit code 1; log: exit code 137, OutOfMemoryError: Container killed due to memory usage); "
        "1 task ended: CannotPullContainerError: pull image manifest has been retried 1 time(s): not found; "
        "(service kc-lab-web) deployment failed: tasks failed to start; "
        "(service kc-lab-web) has started 2 tasks; "
        "(service kc-lab-web) (port 8080) is unhealthy in (target-group t) due to (reason Health checks failed)"
    )


def test_a_rollback_is_a_failure_although_it_succeeds() -> None:
    rolled_back = state(deployment("d3", "COMPLETED", reason="rolled back"), events=EVENTS[:1])
    aws = Ecs(state(deployment("d2", "IN_PROGRESS")), rolled_back, tasks=[NO_IMAGE])
    with pytest.raises(KcError, match="is `replaced by another` instead of COMPLETED: 1 task ended: CannotPullContainerError"):
        waited(aws)


@pytest.mark.usefixtures("clock")
def test_a_deployment_that_takes_too_long_tells_why() -> None:
    aws = Ecs(state(deployment("d2", "IN_PROGRESS"), events=("(service kc-lab-web) was unable to place a task: capacity is unavailable.",)))
    with pytest.raises(KcError, match=r"is still `IN_PROGRESS` after \d+ s: .*capacity is unavailable") as caught:
        waited(aws, timeout=300)
    assert "run again" in caught.value.hint


def test_that_no_reason_can_be_had_hides_no_failure() -> None:
    class Mute(Ecs):
        def pages(self, service: str, operation: str, key: str, /, **params: Any) -> list[Any]:
            raise KcError("ecs:list_tasks answered AccessDeniedException", code="AccessDeniedException")

    with pytest.raises(KcError, match="is `FAILED` instead of COMPLETED: ecs:list_tasks answered AccessDenied"):
        waited(Mute(state(deployment("d2", "FAILED"))))


def test_a_service_whose_last_deployment_failed_is_deployed_again() -> None:
    """ECS starts no task of it by itself: the image that was missing may be there now."""

    class Listed(Ecs):
        def pages(self, service: str, operation: str, key: str, /, **params: Any) -> list[Any]:
            return ["arn:service/kc-lab/kc-lab-web"]

    about = {"serviceArn": "arn:s", "clusterArn": "arn:c", "taskDefinition": "t", "desiredCount": 1}
    about["tags"] = [{"key": key, "value": value} for key, value in SCOPE.tags().items()]
    for last, tasks in (("FAILED", "(failed)"), ("IN_PROGRESS", RUNNING), ("COMPLETED", RUNNING)):
        live = Service().read(Listed(state(deployment("d2", last), **about)), SCOPE)["kc-lab-web"]
        assert live.attrs["tasks"] == tasks
        assert ("tasks" in differing(Service(), live.attrs, WANT)) is (last == "FAILED")


WANT = {
    **desired(SMALL, "service"),
    "cluster": "arn:c",
    "task_definition": "arn:f:2",
    "network": {"subnets": ["s"], "groups": ["g"], "public": "DISABLED"},
}


@pytest.mark.parametrize(
    ("changed", "sent"),
    [
        ({"task_definition"}, {"taskDefinition": "arn:f:2"}),
        ({"capacity"}, {"capacityProviderStrategy": WANT["capacity"], "forceNewDeployment": True}),
        ({"tasks"}, {"forceNewDeployment": True}),
        ({"grace"}, {}),  # refused without a load balancer
        ({"execute_command", "tags"}, {"enableExecuteCommand": False}),
    ],
)
def test_what_a_change_sends(changed: set[str], sent: dict[str, Any]) -> None:
    aws, live = Ecs(state()), Live({"cluster": "arn:c"}, {"id": "kc-lab-web", "arn": "arn:s", "deployment": "d1"})
    Service().update(aws, SCOPE, "kc-lab-web", live, WANT, frozenset(changed))
    (operation, params), *others = aws.asked
    assert (operation, params) == ("update_service", {"cluster": "arn:c", "service": "kc-lab-web", **sent})
    assert live.outputs["deployment"] == "d2", "what it began is what is waited for"
    assert [operation for operation, _ in others] == (["tag_resource"] if "tags" in changed else [])


def test_tasks_end_before_their_service_is_deleted() -> None:
    aws = Ecs(state(runningCount=2), state(runningCount=1, pendingCount=1), state(), state(status="DRAINING"), state(status="INACTIVE"))
    Service().delete(aws, SCOPE, "kc-lab-web", Live({"cluster": "arn:c"}))
    assert [(operation, params.get("desiredCount")) for operation, params in aws.asked] == [
        ("update_service", 0),
        *[("describe_services", None)] * 3,
        ("delete_service", None),
        *[("describe_services", None)] * 2,
    ]


def test_deleting_what_is_gone_is_no_error() -> None:
    Service().delete(Ecs({}), SCOPE, "kc-lab-web", Live({"cluster": "arn:c"}))


def test_a_name_that_is_still_draining_is_waited_for() -> None:
    aws = Ecs(state(status="DRAINING"), state(status="INACTIVE"))
    live = Service().create(aws, SCOPE, "kc-lab-web", WANT)
    assert [operation for operation, _ in aws.asked] == ["describe_services", "describe_services", "create_service"]
    assert (live.outputs["deployment"], live.attrs["tasks"]) == ("d2", RUNNING)


def test_a_service_follows_its_task_definition() -> None:
    """A changed revision is known after apply, and so the service is planned to move to it."""
    made = build(SCOPE, {**OPTIONS, "applications": {"web": SMALL}})
    live = {one.key: Live({}, {"id": one.name, "arn": f"arn:{one.name}", "subnets": ["s"], "deployment": "d1"}) for one in made}
    for _ in range(3):  # each with what stands after the one before
        plan, _ = make_plan(made, live, UNIT.kinds)
        for change in plan:
            live[change.key].attrs.update(change.after or {})
    assert plan == []
    live[Key("task_definition", "me-west-1", "kc-lab-web")].attrs["image"] = "other"
    changes = {change.key.kind: change.after for change in make_plan(made, live, UNIT.kinds)[0]}
    assert set(changes) == {"task_definition", "service"}
    assert (changes["service"] or {})["task_definition"] is UNKNOWN


# --- scaling ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("have", "scheduled", "same"), [(2, [], True), (4, [], False), (4, [2, 4], True), (3, [2, 4], False)])
def test_a_schedule_moves_the_least_number_of_tasks(have: int, scheduled: list[int], same: bool) -> None:
    want = {"min": 2, "max": 6, "scheduled": scheduled}
    assert (differing(ScalableTarget(), {"min": have, "max": 6}, want) == frozenset()) is same


class Scaling(Aws):
    """Application Auto Scaling with what others made too."""

    def __init__(self, **lists: list[dict[str, Any]]) -> None:
        super().__init__(region="me-west-1")
        self.lists = lists

    def pages(self, service: str, operation: str, key: str, /, **params: Any) -> list[Any]:
        return self.lists[key]


def test_policies_of_others_are_left_alone() -> None:
    def policy(resource: str, name: str) -> dict[str, Any]:
        return {"ResourceId": resource, "PolicyName": name, "PolicyARN": "arn:p"}

    aws = Scaling(
        ScalingPolicies=[
            policy("service/kc-lab/kc-lab-web", "kc-lab-services-cpu"),
            policy("service/kc-lab/kc-lab-web", "by-hand"),
            policy("service/other/kc-lab-web", "kc-lab-services-cpu"),
            policy("service/kc-lab-x/kc-lab-web", "kc-lab-services-cpu"),
        ]
    )
    assert list(ScalingPolicy().read(aws, SCOPE)) == ["kc-lab-web/cpu"]


@pytest.mark.parametrize(
    "about",
    [
        {"PredefinedMetricSpecification": {"PredefinedMetricType": "ECSServiceAverageMemoryUtilization"}},
        {"CustomizedMetricSpecification": {"MetricName": "x", "Namespace": "y", "Statistic": "Sum"}},
        {},
    ],
)
def test_another_metric_is_drift(about: dict[str, Any]) -> None:
    policies = [
        {
            "ResourceId": "service/kc-lab/kc-lab-web",
            "PolicyName": "kc-lab-services-cpu",
            "PolicyARN": "arn:p",
            "TargetTrackingScalingPolicyConfiguration": about,
        }
    ]
    live = ScalingPolicy().read(Scaling(ScalingPolicies=policies), SCOPE)["kc-lab-web/cpu"]
    want = {**desired({**SMALL, "scaling": {"cpu": 60}}, "scaling_policy/cpu")}
    assert "metric" in differing(ScalingPolicy(), live.attrs, want)


def test_the_reference_applications_can_be_built() -> None:
    from pathlib import Path

    import yaml

    given = yaml.safe_load((Path(__file__).parents[2] / "inventories/common/all/applications.yml").read_text())["kc_applications"]
    images = dict.fromkeys(given, DIGEST)
    for role in ("primary", "secondary"):
        made = build(SCOPE, {**OPTIONS, "images": images, "applications": given, "role": role, "execute_command": True})
        assert sum(one.kind.name == "service" for one in made) == len(applications(given)) == 7
