"""Whoever runs a runbook is killed, at every point of it, and it is run again until it is through: all is done, nothing twice, nothing lost.

The tests are one story on a platform of its own: over by plan, back by a failover, and the lost region brought home.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from signal import SIGKILL
from typing import Any

import pytest
from kc.runbook.books import failback, failover, switchover

from lab.settings import ROOT
from lab.site import Site, Unreached
from tests.faults.reaper import Reaper, changes
from tests.faults.recording import recorder
from tests.world.conftest import Lab

# a platform from nothing, and some hundred runs of playbooks: an hour
pytestmark = [pytest.mark.world, pytest.mark.soak, pytest.mark.xdist_group("world")]

HOME, OTHER = "me-west-1", "eu-central-1"
MOST = 120
"""Deaths of a run: more than there are points."""

Until = Callable[..., Any]
Change = tuple[str, str, str, str]


@dataclass
class Stage:
    """A platform, and who kills those that run its runbooks.

    Attributes:
        reports: Where runs write theirs.
    """

    lab: Lab
    reaper: Reaper
    until: Until
    reports: Path

    def run(self, *words: str) -> tuple[int, str]:
        """Run a playbook, that the reaper may kill; return its status and what it printed."""
        told = ("-e", f"reports={self.reports}")
        with self.lab.begin(*words, *told, KC_LAB_PORT=self.reaper.url.rpartition(":")[2]) as process:
            self.reaper.victim = process.pid
            printed, _ = process.communicate(timeout=900)
        self.reaper.victim = None
        return process.returncode, printed

    def through(self, *words: str) -> list[str]:
        """Run a runbook again and again until it is through; return the points at which it was killed."""
        self.reaper.killed, self.reaper.only = [], None
        self.reaper.taken()
        for _ in range(MOST):
            status, printed = self.run(*words)
            if status != -SIGKILL:
                assert status == 0, printed
                break
        else:
            pytest.fail(f"it was killed {MOST} times: {self.reaper.killed}")
        twice = {change: times for change, times in changes(self.reaper.taken()).items() if times > 1}
        assert twice == {}, f"killed at {self.reaper.killed}"
        return self.reaper.killed

    def primary(self) -> str:
        """Return the region that takes writes, "" where none does."""
        api = Site(self.lab.home / "world", "api", seconds=10)
        try:
            written = api.ask("POST", "/enrolments", json={"course": "spreadsheets", "learner": "tester"})
            found = api.ask("GET", "/courses")
        except Unreached:
            return ""
        return str(found.json()["region"]) if written.is_success and found.is_success else ""

    def planned(self) -> list[Change]:
        """Return what `site.yml --check` would do."""
        file = self.reports / "plan.json"
        file.unlink(missing_ok=True)
        with self.lab.begin("site.yml", "--check", KC_PLAN_FILE=str(file)) as process:
            printed, _ = process.communicate(timeout=900)  # nodes of a region that is lost do not answer
        assert file.exists(), printed
        return [
            (each["action"], each["kind"], each["name"], each["region"])
            for unit in json.loads(file.read_text())["runs"]
            for each in unit["plan"]
        ]

    def converges(self) -> None:
        """Assert that `site.yml` completes what the roles need, and has nothing to do a second time."""
        self.lab.play("site.yml")
        assert "Done: nothing to change" in self.lab.play("site.yml")


@pytest.fixture(scope="module")
def stage(world: Lab, until: Until, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    world.run("images")
    world.play("site.yml")
    with recorder(world.settings.url, Reaper) as kills:
        found = Stage(world, kills, until, tmp_path_factory.mktemp("reports"))
        until(lambda: found.primary() == HOME, patience=180)
        yield found
        world.run("heal")


@contextmanager
def users(stage: Stage, record: Path) -> Iterator[None]:
    """Have users write and read; at the end all that they were told is kept is there."""
    command = [sys.executable, "-m", "lab", "load", "--record", str(record), "--video", "0", "--upload", "0"]
    with subprocess.Popen(command, cwd=ROOT, env=stage.lab.environment, stdout=subprocess.DEVNULL) as process:
        try:
            stage.until(record.exists, patience=120)
            yield
        finally:
            process.terminate()
    print(stage.lab.run("load", "check", "--record", str(record)))


def around(book: Any) -> set[str]:
    """Return the points that each step of a book has: before and behind its begin, and once it is done and nobody has written it down."""
    return {f"{where} {step.name}" for step in book.BOOK.steps for where in ("before begun", "behind begun", "before done")}


OWN = ("kc-lab-main", "kc-lab-origin", "/kc/lab/role")
"""Names of what has a place by the roles: databases, the names that are turned, the flag."""


def moves_back(plan: list[Change]) -> list[Change]:
    """Return what of a plan would take a role, an endpoint or a database back: it changes or takes away what is there."""
    return [each for each in plan if each[0] != "create" and each[2].startswith(OWN)]


@pytest.mark.parametrize("step", [each.name for each in switchover.BOOK.steps if each.undo])
def test_a_switchover_is_taken_back_from_each_step_and_all_serves_as_before(stage: Stage, step: str) -> None:
    words = ("playbooks/switchover.yml", "-e", f"to={OTHER}", "-e", "confirm=lab")
    stage.reaper.killed, stage.reaper.only = [], [f"before done {step}"]
    status, printed = stage.run(*words)
    assert status == -SIGKILL, printed
    killed = stage.through(*words, "-e", "undo=true")
    assert {f"behind undoing {step}", f"before undone {step}"} <= {*killed}
    stage.until(lambda: stage.primary() == HOME, patience=120)


def test_a_switchover_that_is_killed_everywhere_loses_nothing(stage: Stage, tmp_path: Path) -> None:
    with users(stage, tmp_path / "users.jsonl"):
        killed = stage.through("playbooks/switchover.yml", "-e", f"to={OTHER}", "-e", "confirm=lab")
        stage.until(lambda: stage.primary() == OTHER, patience=120)
    assert around(switchover) <= {*killed}
    assert moves_back(stage.planned()) == []
    stage.converges()
    assert stage.primary() == OTHER


def test_a_failover_that_is_killed_everywhere_is_completed(stage: Stage) -> None:
    stage.lab.run("cut", OTHER)
    killed = stage.through("playbooks/failover.yml", "-e", f"lost={OTHER}", "-e", "confirm=lab")
    assert around(failover) <= {*killed}
    assert any("promote_read_replica" in each or "PromoteReadReplica" in each for each in killed)
    stage.until(lambda: stage.primary() == HOME, patience=180)
    assert moves_back(stage.planned()) == []


def test_a_failback_that_is_killed_everywhere_is_completed(stage: Stage) -> None:
    stage.lab.run("heal")
    words = ("-e", f"back={OTHER}", "-e", "confirm=lab", "-e", "switch=false", "-e", "drill=true", "-e", "soak=5")
    killed = stage.through("playbooks/failback.yml", *words)
    assert around(failback) <= {*killed}
    assert stage.primary() == HOME
    assert moves_back(stage.planned()) == []
    stage.converges()
    assert {path.suffix for path in stage.reports.iterdir()} >= {".md", ".html"}
