"""What tests of the lab's world stand on: one lab with networks for the whole session, under a lock of the machine."""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from lab.settings import ROOT, Settings
from lab.world.behaviour import World
from lab.world.net import Net
from tests import ports
from tests.world.platform import Platform, standing

from .workloads import built, front, images, start  # noqa: F401 - fixtures of tests of images

LOCK = Path("/run/kc-lab.test.lock")
"""One world a machine: its namespaces have fixed names. Whoever holds it writes the home of its lab into it."""


class Lab:
    """A lab in a directory and on a port of its own.

    Attributes:
        home: Its directory.
        net: Its networks.
    """

    def __init__(self, home: Path) -> None:
        port = ports.free()
        self.home = home
        # tests cut regions off for their own ends: no sentinel moves the platform meanwhile
        self.environment = {**os.environ, "KC_LAB_PORT": str(port), "KC_LAB_DIR": str(home), "KC_SENTINEL_MODE": "off"}
        self.settings = dataclasses.replace(Settings.load(), port=port, home=home)
        self._world = World.of(self.settings)

    @property
    def net(self) -> Net:
        return self._world.net

    def client(self, service: str, region: str = "me-west-1") -> Any:
        """Return a boto3 client."""
        return self._world.client(service, region)

    def run(self, *words: str, code: int = 0) -> str:
        """Run `python -m lab WORDS`, assert its exit code, and return what it printed."""
        command = [sys.executable, "-m", "lab", *words]
        done = subprocess.run(command, cwd=ROOT, env=self.environment, capture_output=True, text=True, timeout=180, check=False)
        assert done.returncode == code, done.stdout + done.stderr
        return (done.stdout + done.stderr).strip()

    def status(self) -> dict[str, Any]:
        """Return `status --json`."""
        found: dict[str, Any] = json.loads(self.run("status", "--json"))
        return found

    def begin(self, *words: str, **more: str) -> subprocess.Popen[str]:
        """Begin `ansible-playbook WORDS` on this lab, with more in its environment; all that it prints is its output."""
        command = [str(Path(sys.executable).with_name("ansible-playbook")), *words]
        environment = {**self.environment, "ANSIBLE_NOCOLOR": "1", **more}
        environment.pop("AWS_ENDPOINT_URL", None)
        return subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def play(self, *words: str, **more: str) -> str:
        """Run `ansible-playbook WORDS` on this lab, with more in its environment, and return what it printed."""
        with self.begin(*words, **more) as process:
            printed, _ = process.communicate(timeout=900)
        assert process.returncode == 0, printed
        return printed


@pytest.fixture(scope="session")
def until() -> Callable[..., Any]:
    """Return a function that waits until a condition holds (is truthy, raises nothing) and returns what it gave."""

    def wait(condition: Callable[[], Any], patience: float = 60.0) -> Any:
        deadline = time.monotonic() + patience
        while True:
            error: Exception | None = None
            found: Any = None
            try:
                found = condition()
            except Exception as raised:
                error = raised
            if found:
                return found
            assert time.monotonic() < deadline, f"still not so after {patience:.0f} s: {error or found!r}"
            time.sleep(0.1)

    return wait


@pytest.fixture(scope="module")
def platform(world: Lab, until: Callable[..., Any]) -> Iterator[Platform]:
    """The platform's networks, with a host of every tier in two regions."""
    with standing(world, until) as found:
        yield found


@pytest.fixture(scope="module")
def stand(world: Lab) -> Any:
    """An ECS cluster of the tests' own (`ecs.py`)."""
    from .ecs import Stand

    return Stand(world)


@contextlib.contextmanager
def alone(path: Path, home: Path) -> Iterator[Lab]:
    """Give a lab in a directory, the only one of tests on this machine, and take it down at the end.

    A lab that the file still names is one of tests that were killed: nobody else will take it down.
    """
    with path.open("a+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        lock.seek(0)
        left = lock.read()
        if left and Path(left).exists():
            Lab(Path(left)).run("down")
        lab = Lab(home)
        path.write_text(str(home))
        try:
            yield lab
        finally:
            lab.run("down")
            path.write_text("")


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A lab with its world, for all tests one after the other."""
    with alone(LOCK, tmp_path_factory.mktemp("lab")) as lab:
        lab.run("up", "--world")
        yield lab


@pytest.fixture(scope="module")
def world(lab: Lab, until: Callable[..., Any]) -> Lab:
    """The lab, with nothing in its AWS: whatever tests of other files left is gone, on the machine too."""
    lab.run("reset")
    until(lambda: not lab.net.hosts())
    return lab
