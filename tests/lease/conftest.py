"""One ensemble a process of the test run, with all members up and no lease at the start of each test."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from kazoo.exceptions import NoNodeError
from kc.lease.ensemble import ROOT, Ensemble

from tests.lease.world import World
from tests.servers import marked, standing, until


@pytest.hookimpl(tryfirst=True)  # before xdist looks at groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    marked(items, __file__, "clickhouse", "lease")


@pytest.fixture(scope="session")
def _world() -> Iterator[World]:
    with standing(World, "lease") as world:
        yield world


@pytest.fixture
def world(_world: World) -> World:
    for each in _world.members:
        if each.process is None or each.process.poll() is not None:
            each.start()
    until(_world.serves, "the ensemble serves")
    session = _world.session()
    session.wait(20)
    for tree in (ROOT, "/sentinels"):
        with suppress(NoNodeError):
            session._client.delete(tree, recursive=True)
    session.close()
    return _world


@pytest.fixture
def session(world: World) -> Iterator[Callable[..., Ensemble]]:
    """Return a function that opens a session; it ends with the test."""
    opened = []

    def go(**more: object) -> Ensemble:
        opened.append(world.session(**more))  # type: ignore[arg-type]
        opened[-1].wait(20)
        return opened[-1]

    yield go
    for each in opened:
        each.close()


@pytest.fixture
def holder(world: World, tmp_path: Path) -> Iterator[Callable[..., tuple[subprocess.Popen[bytes], Path]]]:
    """Return a function that starts a region's holder as a process; the region is a directory."""
    started = []

    def go(region: str, role: str = "", name: str = "task-1") -> tuple[subprocess.Popen[bytes], Path]:
        home = tmp_path / region
        home.mkdir(exist_ok=True)
        (home / "log").touch()
        if role:
            (home / "role").write_text(role)
        way = [str(world.authority.ca), str(world.certificate), str(world.key)]
        command = [sys.executable, "-m", "tests.lease.holder", region, name, str(home), *way, ",".join(world.names)]
        env = {"PYTHONPATH": "module_utils:.", "PATH": "/usr/bin"}
        started.append(subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL))
        return started[-1], home

    yield go
    for each in started:
        each.kill()
        each.wait()
