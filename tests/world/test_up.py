"""The lab's world comes up and can be brought up again."""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

from lab.processes import Process
from lab.settings import ROOT
from lab.world.net import OWNER
from tests.world.conftest import Lab, alone

pytestmark = [pytest.mark.world, pytest.mark.xdist_group("world")]


def test_it_stands_and_a_second_up_changes_nothing(world: Any) -> None:
    standing = world.net.standing()
    assert {"kc-router", "kc-edge", "kc-user", *(f"kc-{region}" for region in world.net.regions)} <= set(standing)
    before = world.status()["processes"]
    assert [one["name"] for one in before][:2] == ["aws", "world"]
    assert {one["state"] for one in before} == {"up"}
    world.run("up", "--world")
    assert {one["pid"] for one in before} <= {one["pid"] for one in world.status()["processes"]}
    assert world.net.standing() == standing


def test_a_second_lab_is_told_whose_networks_are_there(world: Lab, tmp_path: Path) -> None:
    other = Lab(tmp_path)
    assert f"the lab in {world.home} has its networks on this machine" in other.run("up", "--world", code=1)
    other.run("status", code=3)
    other.run("down")
    assert world.net.owned, "the other one's end takes nothing of it away"
    world.run("status")


def test_what_is_left_of_a_lab_that_nobody_can_take_down_is_cleared(world: Lab, tmp_path: Path, until: Any) -> None:
    """Somebody deletes the directory of a lab that is up: the next lab takes its place."""
    OWNER.write_text(str(tmp_path / "gone" / "world"))
    other = Lab(tmp_path / "other")
    other.run("up", "--world")
    assert other.net.owned
    other.run("down")
    world.run("up", "--world")
    assert world.net.owned
    until(lambda: world.run("doctor"))  # behaviours that missed the networks have looked again


def kill(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def test_a_lab_that_was_ended_from_outside_makes_way(world: Lab, tmp_path: Path, until: Any) -> None:
    """A container's end ends every process in it, and leaves the machine's namespaces: the next lab takes their place."""
    other = Lab(tmp_path)
    for pid in (process["pid"] for process in world.status()["processes"]):
        assert f"the lab in {world.home} has its networks on this machine" in other.run("up", "--world", code=1)
        kill(pid)
    for pid in world.net.inhabitants():
        kill(pid)
    until(lambda: not world.net.inhabitants())
    other.run("up", "--world")
    assert other.net.owned
    other.run("down")
    world.run("up", "--world")
    assert world.net.owned
    until(lambda: world.run("doctor"))


def test_the_lab_of_tests_that_were_killed_is_taken_down_by_the_next(world: Lab, tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    lock.write_text(str(world.home))
    ran = [Process.of(process["pid"]) for process in world.status()["processes"]]
    with alone(lock, tmp_path / "next") as lab:
        assert not world.net.owner
        assert not [process for process in ran if process and process.alive]
        world.run("status", code=3)
        assert lock.read_text() == str(lab.home)
    assert lock.read_text() == ""
    world.run("up", "--world")


def test_a_second_make_site_is_told_of_the_first(tmp_path: Path) -> None:
    with (tmp_path / "site.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        # what comes before the playbook can be done twice at once
        command = ["make", "--no-print-directory", "--old-file=lab-up", "site"]
        done = subprocess.run(
            command, cwd=ROOT, env={**os.environ, "KC_LAB_DIR": str(tmp_path)}, capture_output=True, text=True, timeout=60
        )
    assert done.returncode
    assert done.stdout == ""
    assert done.stderr.splitlines()[0] == "make site: another one is running here; wait for its end, then run this again"
