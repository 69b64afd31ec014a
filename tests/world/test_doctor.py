"""`lab doctor` on a world that stands, and what `up` repairs."""

from __future__ import annotations

import os
import signal
import subprocess
from typing import Any

import pytest

from tests.world.platform import HOME, Platform, Until

pytestmark = [pytest.mark.world, pytest.mark.xdist_group("world")]


def wrong(world: Any) -> list[str]:
    """What the doctor says where something is wrong."""
    lines: list[str] = world.run("doctor", code=1).splitlines()
    return lines


def test_what_is_broken_on_purpose_is_nothing_wrong(world: Any, until: Until) -> None:
    until(lambda: world.run("doctor") == "nothing is wrong")
    world.run("cut", HOME)
    assert world.run("doctor") == f"on purpose: {HOME} is cut off from everything: both ways (`python -m lab heal`)"
    world.run("heal")


def test_a_namespace_that_is_nobodys_and_one_that_is_gone(platform: Platform, until: Until) -> None:
    world, private, data = platform.world, platform.at("private"), platform.at("data")
    subprocess.run(["ip", "netns", "add", "kc-stray"], check=True)
    assert "the namespace kc-stray is nobody's: `ip netns del kc-stray`" in wrong(world)
    subprocess.run(["ip", "netns", "del", "kc-stray"], check=True)
    subprocess.run(["ip", "netns", "del", "kc-router"], check=True)
    assert "the namespace kc-router is gone: `python -m lab up --world` makes it again" in wrong(world)
    world.run("up", "--world")
    until(lambda: platform.reaches("kc-user", platform.at("public"), 443))
    until(lambda: world.run("doctor") == "nothing is wrong")
    subprocess.run(["ip", "netns", "del", data.namespace], check=True)
    assert any(line.startswith(f"the host {data.namespace} has no namespace") for line in wrong(world))
    assert platform.reaches("kc-user", platform.at("public"), 443)
    world.net.attach(data)
    until(lambda: world.run("doctor") == "nothing is wrong")
    assert private


def test_a_world_that_was_killed_is_told_and_goes_on(platform: Platform, until: Until) -> None:
    world = platform.world
    process = next(one for one in world.status()["processes"] if one["name"] == "world")
    world.run("cut", HOME)
    os.kill(process["pid"], signal.SIGKILL)
    until(lambda: any(line.startswith("the world is down") for line in wrong(world)))
    assert not platform.reaches("kc-user", platform.at("public"), 443)
    world.run("up", "--world")
    assert not platform.reaches("kc-user", platform.at("public"), 443)  # what was broken stays so
    world.run("heal")
    assert platform.reaches("kc-user", platform.at("public"), 443)
    until(lambda: world.run("doctor") == "nothing is wrong")
