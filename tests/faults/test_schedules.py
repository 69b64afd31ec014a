"""Never two regions that take writes, whatever is cut, stopped and killed: see schedules.py."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.faults.schedules import Schedule, World
from tests.servers import standing

FEW, MANY = 1, 200
pytestmark = [pytest.mark.mysql, pytest.mark.clickhouse, pytest.mark.xdist_group("mysql")]


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with standing(World, "schedules") as made:
        yield made


def go(world: World, seed: int) -> None:
    schedule = Schedule(world, seed)
    schedule.run()
    print(f"seed {seed}:", *schedule.log, f"fenced after {schedule.fenced}", sep="\n  ")


@pytest.mark.parametrize("seed", range(FEW))
def test_a_few(world: World, seed: int) -> None:
    go(world, seed)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(FEW, MANY))
def test_many(world: World, seed: int) -> None:
    go(world, seed)


@pytest.mark.soak
def test_the_given_one(world: World) -> None:
    go(world, int(os.environ.get("KC_SEED", "0")))
