"""The lab's faults: what each breaks, what it leaves alone, and that it is taken back."""

from __future__ import annotations

import dataclasses
import ipaddress
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import boto3
import botocore.exceptions
import pytest
from botocore.config import Config

from lab.world.net import OUTSIDE
from tests.world.platform import HOME, OTHER, UDP, Platform, Until
from tests.world.sockets import Hears, answers, connect, serving

USER = OUTSIDE["kc-user"][1]
pytestmark = [pytest.mark.world, pytest.mark.xdist_group("world")]


@pytest.fixture(autouse=True)
def healed(platform: Platform) -> Iterator[None]:
    yield
    platform.world.run("heal")


def faults(platform: Platform) -> list[str]:
    """The faults that `status` shows."""
    lines = platform.world.run("status").splitlines()
    return lines[lines.index("FAULT") + 1 : lines.index("", lines.index("FAULT"))] if "FAULT" in lines else []


def test_a_region_that_is_cut_off_is_reached_by_nobody_and_what_was_connected_ends(platform: Platform, until: Until) -> None:
    public, data, far = platform.at("public"), platform.at("data"), platform.at("data", OTHER)
    with connect("kc-user", public.address, 443) as user, connect(data.namespace, far.address, 3306) as replication:
        assert answers(user)
        assert answers(replication)
        for _ in range(2):
            assert platform.world.run("cut", HOME) == f"{HOME} is cut off from everything: both ways"
        assert faults(platform) == [f"{HOME} is cut off from everything: both ways"]
        assert not answers(user)
        assert not answers(replication)
        assert platform.reaches(platform.at("private"), data, 3306)  # within the region all goes on
        assert platform.reaches("kc-user", platform.at("public", OTHER), 443)
    assert platform.world.run("heal", HOME) == f"{HOME} is whole again"
    assert platform.world.run("heal") == "nothing is broken"
    assert faults(platform) == []
    assert platform.reaches("kc-user", public, 443)
    assert platform.reaches(data, far, 3306)


@pytest.mark.parametrize(("way", "says", "into", "out"), [("--in", "what comes in", False, True), ("--out", "what goes out", True, False)])
def test_one_way_only_is_cut(platform: Platform, until: Until, way: str, says: str, into: bool, out: bool) -> None:
    public = platform.at("public")
    with closing(Hears(public.namespace, UDP)) as inside, closing(Hears("kc-user", UDP)) as outside:
        until(lambda: inside.hears("kc-user", public.address) and outside.hears(public.namespace, USER))
        assert platform.world.run("cut", HOME, way) == f"{HOME} is cut off from everything: {says}"
        assert (inside.hears("kc-user", public.address), outside.hears(public.namespace, USER)) == (into, out)
        platform.world.run("cut", HOME, "--in")
        platform.world.run("cut", HOME, "--out")
        assert faults(platform) == [f"{HOME} is cut off from everything: both ways"]


def test_a_region_is_cut_off_from_one_end_only(platform: Platform) -> None:
    public, data, far = platform.at("public"), platform.at("data"), platform.at("data", OTHER)
    platform.world.run("cut", HOME, "--from", OTHER)
    assert not platform.reaches(data, far, 3306)
    assert platform.reaches("kc-user", public, 443)
    platform.world.run("heal", OTHER)  # a cut is of both its ends
    platform.world.run("cut", HOME, "--from", "internet")
    assert platform.reaches(data, far, 3306)
    assert not platform.reaches("kc-user", public, 443)


def test_a_delay_is_what_a_round_trip_takes_at_least(platform: Platform) -> None:
    data, far = platform.at("data"), platform.at("data", OTHER)
    with connect(data.namespace, far.address, 3306) as connection:
        for _ in range(2):
            assert platform.world.run("delay", HOME, "120") == f"{HOME} is delayed: 120 ms each way"
        assert faults(platform) == [f"{HOME} is delayed: 120 ms each way"]
        connection.settimeout(20)
        connection.sendall(b"x")
        assert connection.recv(1) == b"x"  # what is connected goes on; addresses are what they were
        began = time.monotonic()
        connection.sendall(b"y")
        assert connection.recv(1) == b"y"
        assert time.monotonic() - began >= 0.24
        assert "delay-me-west-1" in [one["name"] for one in platform.world.status()["processes"]]
        assert platform.world.run("delay", HOME, "0") == f"{HOME} is not delayed"
        assert answers(connection)
        platform.world.run("delay", HOME, "120")
        platform.world.run("cut", HOME)
        assert not answers(connection)
        platform.world.run("heal")
    assert faults(platform) == []
    assert platform.reaches(data, far, 3306)
    assert not list(platform.world.net.home.glob("delay-*.pid"))


def test_a_stopped_api_leaves_the_calls_of_its_region_hanging_and_no_others(platform: Platform) -> None:
    def client(region: str) -> Any:
        settings = platform.world.settings
        return boto3.client(
            "ec2",
            region_name=region,
            endpoint_url=settings.url,
            aws_access_key_id=settings.access_key,
            aws_secret_access_key=settings.secret_key,
            config=Config(read_timeout=1, retries={"total_max_attempts": 1}),
        )

    for _ in range(2):
        assert platform.world.run("api", HOME, "stop") == f"{HOME}'s API does not answer"
    with pytest.raises(botocore.exceptions.ReadTimeoutError):
        client(HOME).describe_vpcs()
    assert client(OTHER).describe_vpcs()["Vpcs"]
    assert platform.world.client("ec2", HOME).describe_vpcs()["Vpcs"]  # what carries AWS out goes on
    assert faults(platform) == [f"{HOME}'s API does not answer"]
    platform.world.run("api", HOME, "start")
    assert client(HOME).describe_vpcs()["Vpcs"]


def test_a_killed_host_is_off_until_it_is_started(platform: Platform, until: Until) -> None:
    private, data = platform.at("private"), platform.at("data")
    host = dataclasses.replace(
        data, name="test-victim", address=platform.world.net.free(HOME, str(ipaddress.ip_interface(f"{data.address}/28").network))
    )
    server = [sys.executable, "-m", "http.server", "3306"]
    platform.world.net.attach(host)
    try:
        with subprocess.Popen(
            ["ip", "netns", "exec", host.namespace, *server], stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL
        ) as process:
            until(lambda: connect(private.namespace, host.address, 3306, 1).close() is None)
            said = f"test-victim: 1 processes killed; it is off until `python -m lab start {host.name}`"
            assert platform.world.run("kill", host.name) == said
            assert process.wait() == -signal.SIGKILL
        assert faults(platform) == [f"{host.name} ({HOME}) is killed"]
        with serving(host.namespace, 3306):
            assert not platform.reaches(private, host, 3306)
            platform.world.run("kill", host.name)
            assert platform.world.run("start", host.name) == f"{host.name} is on"
            assert platform.reaches(private, host, 3306)
        platform.world.run("kill", host.name)
        platform.world.net.detach(host.name)
        platform.world.net.attach(host)  # made anew, it is still killed
        with serving(host.namespace, 3306):
            until(lambda: not platform.reaches(private, host, 3306))
            platform.world.run("start", host.name)
            until(lambda: platform.reaches(private, host, 3306))
    finally:
        platform.world.net.detach(host.name)


def test_a_killed_task_is_replaced_by_ecs(stand: Any, until: Until) -> None:
    stand.create("victim", stand.define("victim"), 1)
    until(lambda: stand.stable("victim", 1))
    (task,) = (one["taskArn"].rpartition("/")[2] for one in stand.tasks("victim"))
    name = f"task-{task[:12]}"
    refused = f"lab: {name} is a task: one that ended does not come back, ECS starts another"
    assert stand.lab.run("start", name, code=1) == refused
    assert stand.lab.run("kill", f"task-{task[:6]}").startswith(f"{name}: ")  # the beginning of a name is enough
    until(lambda: [one["taskArn"] for one in stand.tasks("victim") if task not in one["taskArn"]] and stand.stable("victim", 1))
    assert "FAULT" not in stand.lab.run("status")
    stand.delete("victim")


BAD = [
    (("cut", "mars"), "lab: `mars` is no region of the lab: there are me-west-1, eu-central-1, eu-west-1"),
    (("cut", HOME, "--from", HOME), f"lab: {HOME} can't be cut off from itself"),
    (
        ("cut", HOME, "--from", "mars"),
        "lab: `mars` is no region of the lab and not `internet`: there are me-west-1, eu-central-1, eu-west-1",
    ),
    (("delay", HOME, "-1"), "lab: a delay is 0 to 60000 ms, not -1"),
    (("api", "mars", "stop"), "lab: `mars` is no region of the lab: there are me-west-1, eu-central-1, eu-west-1, us-east-1"),
    (("heal", "mars"), "lab: `mars` is no region of the lab: there are me-west-1, eu-central-1, eu-west-1, us-east-1"),
    (("kill", "nobody"), "lab: there is no host `nobody`: `python -m lab status` lists them"),
]


@pytest.mark.parametrize("words", [("delay", HOME, "long"), ("cut", HOME, "--in", "--out"), ("api", HOME, "pause"), ("kill",), ("mend",)])
def test_words_that_mean_nothing_are_one_line_too(world: Any, words: tuple[str, ...]) -> None:
    assert "\n" not in world.run(*words, code=2)


@pytest.mark.parametrize(("words", "line"), BAD)
def test_what_can_not_be_is_one_clear_line(world: Any, words: tuple[str, ...], line: str) -> None:
    assert world.run(*words, code=1) == line
