"""ECS's services on real containers."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable
from typing import Any

import pytest

from lab.podman import podman
from lab.processes import Process

from .ecs import SCRATCH, SERVE, Stand, address, containers, proc, task_id, variables

pytestmark = [pytest.mark.world, pytest.mark.xdist_group("world")]

Until = Callable[..., Any]


def test_a_service_runs_as_many_tasks_as_it_wants(stand: Stand, until: Until) -> None:
    """0 → 3 → 1 → gone: hosts, containers, the API's answers and the sentences of ECS."""
    stand.create("counted", stand.define("counted"), 0)
    until(lambda: stand.stable("counted", 0))
    stand.update("counted", desiredCount=3)
    until(lambda: stand.stable("counted", 3))
    tasks = stand.tasks("counted")
    assert {task["lastStatus"] for task in tasks} == {"RUNNING"}
    assert {task["startedBy"] for task in tasks} == {stand.primary("counted")["id"]}
    until(lambda: {task["containers"][0]["healthStatus"] for task in stand.tasks("counted")} == {"HEALTHY"})
    subnets = [each["value"] for task in tasks for each in task["attachments"][0]["details"] if each["name"] == "subnetId"]
    assert sorted(map(subnets.count, set(subnets))) == [1, 2]
    hosts = {host.address: host for host in stand.lab.net.hosts()}
    assert all(hosts[address(task)].groups == (stand.group,) for task in tasks)
    stand.lab.net.attach(stand.balancer)
    asked = ["ip", "netns", "exec", stand.balancer.namespace, "/bin/busybox", "wget", "-q", "-O", "-", f"http://{address(tasks[0])}:8080/"]
    assert until(lambda: subprocess.run(asked, capture_output=True, text=True, timeout=5).stdout) == "here\n"
    stand.lab.net.detach(stand.balancer.name)

    stand.update("counted", desiredCount=1)
    until(lambda: stand.stable("counted", 1))
    until(lambda: len(containers()) == 1)
    until(lambda: {task["lastStatus"] for task in stand.tasks("counted", "STOPPED")} == {"STOPPED"})
    ended = stand.tasks("counted", "STOPPED")
    assert {task["stopCode"] for task in ended} == {"ServiceSchedulerInitiated"}
    assert all(task["stoppedReason"].startswith("Scaling activity initiated by (deployment ecs-svc/") for task in ended)
    said = " ".join(stand.events("counted"))
    assert "(service counted) has started 3 tasks: (task " in said
    assert "(service counted) has stopped 2 running tasks: (task " in said
    assert said.startswith("(service counted) has reached a steady state.")

    stand.delete("counted")
    assert stand.describe("counted")["status"] == "DRAINING"
    until(lambda: stand.describe("counted")["status"] == "INACTIVE")
    assert not containers()


@pytest.fixture(scope="module")
def steady(stand: Stand, until: Until) -> str:
    """A service of two tasks, which each test leaves as it found it."""
    stand.create("steady", stand.define("steady"), 2)
    until(lambda: stand.stable("steady", 2))
    return "steady"


def test_a_container_is_what_its_definition_says(stand: Stand, steady: str) -> None:
    """User, root file system, capabilities, limits, variables, scratch volumes."""
    name, pid = next(iter(containers().items()))
    status = dict(line.split(":", 1) for line in proc(pid, "status").splitlines())
    assert status["Uid"].split()[0] == "10001"
    assert int(status["CapEff"], 16) == int(status["CapBnd"], 16) == 0
    assert status["NoNewPrivs"].strip() == "1"
    mounts = {line.split()[1]: line.split()[3].split(",") for line in proc(pid, "mounts").splitlines()}
    assert "ro" in mounts["/"]
    assert {"rw", "nosuid", "nodev"} <= set(mounts[SCRATCH])
    about = podman("inspect", "--format", "{{.HostConfig.Memory}} {{.HostConfig.NanoCpus}}", name)
    assert about.split() == [str(512 << 20), str(10**9 // 4)]
    assert "AWS_REGION=eu-central-1" in variables(pid)


def test_a_killed_task_comes_back(stand: Stand, steady: str, until: Until) -> None:
    before = {task_id(task) for task in stand.tasks(steady)}
    name, pid = next((name, pid) for name, pid in containers().items() if any(name[8:] == each[:12] for each in before))
    os.kill(pid, signal.SIGKILL)
    until(lambda: len({task_id(task) for task in stand.tasks(steady)} - before) == 1 and stand.stable(steady, 2))
    ended = next(task for task in stand.tasks(steady, "STOPPED") if task_id(task)[:12] == name[8:])
    assert (ended["stopCode"], ended["stoppedReason"]) == ("EssentialContainerExited", "Essential container in task exited")
    assert ended["containers"][0]["exitCode"] == 137


def test_stop_task_ends_one_and_another_takes_its_place(stand: Stand, steady: str, until: Until) -> None:
    before = {task_id(task) for task in stand.tasks(steady)}
    chosen = sorted(before)[0]
    stand.ecs.stop_task(cluster="kc-try", task=chosen, reason="a drill")
    until(lambda: chosen not in {task_id(task) for task in stand.tasks(steady)} and stand.stable(steady, 2))
    ended = stand.ecs.describe_tasks(cluster="kc-try", tasks=[chosen])["tasks"][0]
    assert (ended["stopCode"], ended["stoppedReason"]) == ("UserInitiated", "a drill")


def test_a_world_that_was_killed_finds_its_tasks_again(stand: Stand, steady: str, until: Until) -> None:
    before = {task_id(task) for task in stand.tasks(steady)}
    process = next(each for each in stand.lab.status()["processes"] if each["name"] == "world")
    os.kill(process["pid"], signal.SIGKILL)
    os.kill(next(pid for name, pid in containers().items() if any(name[8:] == each[:12] for each in before)), signal.SIGKILL)
    until(lambda: not Process.of(process["pid"]))
    stand.lab.run("up", "--world")
    until(lambda: stand.stable(steady, 2) and len({task_id(task) for task in stand.tasks(steady)} & before) == 1)


def test_an_aws_that_was_killed_is_told_again(stand: Stand, steady: str, until: Until) -> None:
    before, pids = {task_id(task) for task in stand.tasks(steady)}, containers()
    until(lambda: not stand.lab.status()["unsaved"])
    process = next(each for each in stand.lab.status()["processes"] if each["name"] == "aws")
    os.kill(process["pid"], signal.SIGKILL)
    until(lambda: not Process.of(process["pid"]))
    stand.lab.run("up", "--world")
    until(lambda: stand.stable(steady, 2) and {task_id(task) for task in stand.tasks(steady)} == before)
    assert containers() == pids


def test_a_bad_image_is_put_back(stand: Stand, steady: str, until: Until) -> None:
    """The circuit breaker gives up after three tasks, and the tasks of the deployment before went on all the time."""
    before, first = {task_id(task) for task in stand.tasks(steady)}, stand.primary(steady)["id"]
    missing = f"123456789012.dkr.ecr.eu-central-1.amazonaws.com/try@sha256:{'0' * 64}"
    stand.update(steady, taskDefinition=stand.define(steady, image=missing))
    second = stand.primary(steady)["id"]
    failed = until(lambda: next(each for each in stand.describe(steady)["deployments"] if each["rolloutState"] == "FAILED"))
    assert (failed["id"], failed["rolloutStateReason"]) == (second, "ECS deployment circuit breaker: tasks failed to start.")
    until(lambda: stand.stable(steady, 2) and stand.primary(steady)["id"] == first)
    assert stand.describe(steady)["taskDefinition"].endswith(":1")
    assert {task_id(task) for task in stand.tasks(steady)} == before
    ended = [task for task in stand.tasks(steady, "STOPPED") if task["startedBy"] == second]
    assert {task["stopCode"] for task in ended} == {"TaskFailedToStart"}
    assert all(task["stoppedReason"].startswith("CannotPullContainerError: ") for task in ended)
    said = stand.events(steady)
    assert f"(service steady) (deployment {second}) deployment failed: tasks failed to start." in said
    assert f"(service steady) rolling back to deployment {first}." in said


def test_a_deployment_replaces_all_tasks_and_loses_none_before(stand: Stand, steady: str, until: Until) -> None:
    before = {task_id(task) for task in stand.tasks(steady)}
    fewest = 2
    stand.update(steady, forceNewDeployment=True)

    def done() -> bool:
        nonlocal fewest
        serving = [task for task in stand.tasks(steady) if task["containers"][0]["healthStatus"] == "HEALTHY"]
        fewest = min(fewest, len(serving))
        return stand.stable(steady, 2) and not before & {task_id(task) for task in stand.tasks(steady)}

    until(done)
    assert fewest == 2


def test_a_first_deployment_that_exits_is_given_up(stand: Stand, until: Until) -> None:
    """There is nothing to go back to: it stays failed, and no task is started any more."""
    stand.create("exits", stand.define("exits", command="echo no; exit 7"), 1)
    until(lambda: stand.primary("exits")["rolloutState"] == "FAILED")
    until(lambda: {task["lastStatus"] for task in stand.tasks("exits", "STOPPED")} == {"STOPPED"})
    trouble = (
        "the service exits in eu-central-1 runs 0 of 1 tasks, and its deployment has failed: Essential container in task exited: look at"
    )
    assert trouble in stand.lab.run("doctor", code=1)
    ended = stand.tasks("exits", "STOPPED")
    assert {(task["stopCode"], task["containers"][0]["exitCode"]) for task in ended} == {("EssentialContainerExited", 7)}
    assert len(ended) == 3
    logs = list((stand.lab.home / "world" / "tasks" / "exits").glob("*.log"))
    assert all(log.read_text().endswith("stdout F no\n") for log in logs) and len(logs) == 3
    stand.delete("exits")


def test_a_secret_is_given_and_a_missing_one_ends_the_task(stand: Stand, until: Until) -> None:
    """By reference, with a key of its JSON; a parameter too. The value is in no command line."""
    arn = stand.lab.client("secretsmanager", "eu-central-1").create_secret(Name="try", SecretString='{"word": "a\\nb"}')["ARN"]
    stand.lab.client("ssm", "eu-central-1").put_parameter(Name="/try/host", Value="db.internal", Type="String")
    parameter = "arn:aws:ssm:eu-central-1:123456789012:parameter/try/host"
    secrets = [{"name": "WORD", "valueFrom": f"{arn}:word::"}, {"name": "PLACE", "valueFrom": parameter}]
    stand.create("secret", stand.define("secret", secrets=secrets), 1)
    until(lambda: stand.stable("secret", 1))
    name = f"kc-task-{task_id(stand.tasks('secret')[0])[:12]}"
    assert {"WORD=a\nb", "PLACE=db.internal"} <= set(variables(containers()[name]))

    stand.update("secret", taskDefinition=stand.define("secret", secrets=[{"name": "WORD", "valueFrom": f"{arn}:other::"}]))
    until(lambda: stand.stable("secret", 1) and stand.describe("secret")["taskDefinition"].endswith(":1"))
    reasons = {task["stoppedReason"] for task in stand.tasks("secret", "STOPPED")}
    assert all(each.startswith("ResourceInitializationError: unable to pull secrets") for each in reasons) and reasons
    stand.delete("secret")


def test_a_spot_task_is_told_and_replaced(stand: Stand, until: Until) -> None:
    """It gets SIGTERM, has its stopTimeout, and another is started; a task on demand can't be interrupted."""
    waits = f"trap 'echo told; sleep 1; exit 0' TERM; ({SERVE}) & while :; do sleep 0.1; done"
    strategy = [{"capacityProvider": "FARGATE", "base": 1, "weight": 0}, {"capacityProvider": "FARGATE_SPOT", "weight": 1}]
    stand.create("spot", stand.define("spot", command=waits), 2, capacityProviderStrategy=strategy)
    until(lambda: stand.stable("spot", 2))
    by_provider = {task["capacityProviderName"]: task_id(task) for task in stand.tasks("spot")}
    assert set(by_provider) == {"FARGATE", "FARGATE_SPOT"}
    assert "only those on FARGATE_SPOT are interrupted" in stand.lab.run("interrupt", by_provider["FARGATE"], code=1)

    spot = by_provider["FARGATE_SPOT"]
    stand.lab.run("interrupt", spot[:12])
    until(lambda: spot not in {task_id(task) for task in stand.tasks("spot")} and stand.stable("spot", 2))
    ended = until(
        lambda: next(task for task in stand.tasks("spot", "STOPPED") if task_id(task) == spot and task["lastStatus"] == "STOPPED")
    )
    assert (ended["stopCode"], ended["stoppedReason"]) == ("SpotInterruption", "Your Spot Task was interrupted.")
    assert ended["containers"][0]["exitCode"] == 0
    assert "stdout F told" in (stand.lab.home / "world" / "tasks" / "spot" / f"{spot[:12]}.log").read_text()
    assert sorted(task["capacityProviderName"] for task in stand.tasks("spot")) == ["FARGATE", "FARGATE_SPOT"]
    stand.delete("spot")


def test_down_leaves_nothing(stand: Stand, steady: str, until: Until) -> None:
    """And what is wanted runs again after `up`."""
    stand.lab.run("down")
    assert not podman("ps", "--all", "--quiet", "--filter", f"label=kc.lab={stand.lab.home / 'world'}")
    assert not any(host.name.startswith("task-") for host in stand.lab.net.hosts())
    stand.lab.run("up", "--world")
    until(lambda: stand.stable(steady, 2))
    stand.delete(steady)
    until(lambda: not containers())
