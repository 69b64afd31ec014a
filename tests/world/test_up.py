"""The lab's world comes up and can be brought up again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lab.world.net import OWNER
from tests.world.conftest import Lab

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


def test_what_is_left_of_a_lab_that_nobody_can_take_down_is_cleared(world: Lab, tmp_path: Path) -> None:
    """Somebody deletes the directory of a lab that is up: the next lab takes its place."""
    OWNER.write_text(str(tmp_path / "gone" / "world"))
    other = Lab(tmp_path / "other")
    other.run("up", "--world")
    assert other.net.owned
    other.run("down")
    world.run("up", "--world")
    assert world.net.owned
    world.run("doctor")
