"""The lab's world comes up and can be brought up again."""

from __future__ import annotations

from typing import Any

import pytest

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
