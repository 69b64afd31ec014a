"""What the tests on real servers stand on: one world a process of the test run, empty at the start of each test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from kc.clickhouse.connection import Server
from kc.clickhouse.entry import Work, run
from kc.clickhouse.quote import name

from tests.clickhouse.world import World
from tests.servers import marked, standing


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    marked(items, __file__, "clickhouse")


def clear(world: World) -> None:
    """Start what is down, and drop every database of a test's."""
    for each in world.replicas:
        if each.process is None or each.process.poll() is not None:
            each.start()
            each.wait()
    for each in world.replicas:
        with each.server() as server:
            for (database,) in server.rows("SELECT name FROM system.databases WHERE name NOT IN ('system', 'default')"):
                server.run(f"DROP DATABASE IF EXISTS {name(database)}")


@pytest.fixture(scope="session")
def _world() -> Iterator[World]:
    with standing(World, "clickhouse") as world:
        yield world


@pytest.fixture
def world(_world: World) -> Iterator[World]:
    """The world, with every server up and no database of a test's."""
    yield _world
    clear(_world)


@pytest.fixture
def servers(world: World) -> Iterator[list[Server]]:
    """A connection to each node."""
    found = [each.server() for each in world.replicas]
    yield found
    for each in found:
        each.close()


@pytest.fixture
def access(world: World) -> dict[str, Any]:
    """The options that every module has."""
    return world.options


@pytest.fixture
def go(access: dict[str, Any]) -> Callable[..., dict[str, Any]]:
    """Return a function that runs a module's work: `go(work, check=True, name="d")`; that it failed is an assertion's failure."""

    def call(work: Work, check: bool = False, fails: bool = False, **params: Any) -> dict[str, Any]:
        result = run(work, {**access, **params}, check=check)
        assert bool(result.get("failed")) == fails, result.get("msg", "it did not fail")
        return result

    return call
