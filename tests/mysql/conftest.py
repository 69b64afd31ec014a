"""What the tests on real servers stand on: one world a process of the test run, blank at the start of each test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from kc.mysql import databases, freeze, heartbeat, promotion, rebuild, replication, users
from kc.mysql.connection import Server
from kc.mysql.entry import Work, run

from tests.mysql.acts import APP, DATABASE, PROMOTE, REBUILD, Go
from tests.mysql.world import HEARTBEAT, REPLICATION, World, blank
from tests.servers import marked, standing, until


@pytest.hookimpl(tryfirst=True)  # before xdist looks at groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    marked(items, __file__, "mysql", "mysql")


@pytest.fixture(scope="session")
def _world() -> Iterator[World]:
    with standing(World, "mysql") as world:
        yield world


@pytest.fixture
def world(_world: World) -> World:
    """The world: two servers that know nothing of each other."""
    blank(_world.servers)
    return _world


@pytest.fixture
def servers(world: World) -> Iterator[list[Server]]:
    """A connection to each server."""
    found = [each.server() for each in world.servers]
    yield found
    for each in found:
        each.close()


@pytest.fixture
def go(world: World) -> Callable[..., dict[str, Any]]:
    """Return a function that runs a module's work on the first server, or `host`; that it failed is an assertion's failure."""

    def call(work: Work, check: bool = False, fails: bool = False, **params: Any) -> dict[str, Any]:
        result = run(work, {**world.options, "host": world.servers[0].host, **params}, check=check)
        assert bool(result.get("failed")) == fails, result.get("msg", "it did not fail")
        return result

    return call


@pytest.fixture
def following(world: World) -> dict[str, Any]:
    """The options with which the second server follows the first."""
    first, second = world.servers
    return {
        "host": second.host,
        "source": first.host,
        "source_ca": str(second.home / "ca.pem"),
        "replication_user": REPLICATION[0],
        "replication_password": REPLICATION[1],
        "retry": 1,
        "heartbeat_period": 1,
        "wait": 20,
        "state": "running",
        "rds": None,
    }


@pytest.fixture
def pair(world: World, go: Callable[..., dict[str, Any]], servers: list[Server], following: dict[str, Any]) -> list[Server]:
    """A source that beats, and its replica, made by the modules."""
    go(heartbeat.work, **HEARTBEAT)
    go(replication.work, **following)
    servers[0].run("CREATE DATABASE d")
    servers[0].run("CREATE TABLE d.t (x INT PRIMARY KEY)")
    has_all = "SELECT COUNT(*) FROM information_schema.tables WHERE (table_schema, table_name) IN (('kc', 'heartbeat'), ('d', 't'))"
    until(lambda: servers[1].one(has_all) == 2, "the replica has it", 10)
    return servers


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two looks that must be the same need not be a second apart here."""
    monkeypatch.setattr(freeze, "SETTLED", 0.05)


@pytest.fixture
def ready(pair: list[Server], go: Go, world: World) -> list[Server]:
    """The pair, with the application's account and table, and the replica ready."""
    account = {"name": "app", "account_host": "%", "account_password": APP["password"], "role": "", "privileges": [], "state": "present"}
    limits = {"max_connections": 0, "password_days": 0, "failed_logins": 0, "lock_days": 0}
    go(users.work, **account, **limits, grants=[{"database": "app", "access": "write"}])
    go(databases.work, name="app", **DATABASE)
    pair[0].run("CREATE TABLE app.orders (id INT NOT NULL, KEY (id))")  # none of its rows is unique, so that doubled ones show
    until(lambda: pair[1].rows("SELECT 1 FROM information_schema.tables WHERE table_schema = 'app'"), "the replica has it")
    return pair


@pytest.fixture
def promote(world: World, go: Go) -> Callable[..., dict[str, Any]]:
    """Return a function that promotes the second server in the place of the first."""
    first, second = world.servers
    uuid = first.uuid
    return lambda **params: go(promotion.work, **{**PROMOTE, "host": second.host, "source": first.host, "expected_source": uuid, **params})


@pytest.fixture
def remake(world: World, go: Go, following: dict[str, Any]) -> Callable[..., dict[str, Any]]:
    """Return a function that makes the first server a replica of the second."""
    first, second = world.servers
    back = {**following, "host": first.host, "source": second.host, "source_ca": str(first.home / "ca.pem"), **REBUILD}
    del back["state"]
    return lambda **params: go(rebuild.work, **{**back, **params})
