"""A runbook's playbook has its steps as stages: all of them, in their order, under their titles."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import yaml

PLAYBOOKS = Path(__file__).parents[2] / "playbooks"
TASKS = PLAYBOOKS / "tasks" / "runbooks"
BOOKS = ("failover", "switchover", "failback")


def stages(name: str) -> Sequence[dict[str, Any]]:
    """Return what a playbook says of each step that it goes through."""
    imported = [play.get("vars", {}) for play in yaml.safe_load((PLAYBOOKS / f"{name}.yml").read_text())]
    return [each for each in imported if "stage" in each]


@pytest.mark.parametrize("name", BOOKS)
def test_stages_are_the_steps(name: str) -> None:
    book = import_module(f"kc.runbook.books.{name}").BOOK
    assert [(each["title"], each["stage"]) for each in stages(name)] == [(book.title(step), step) for step in book.names]
    assert {each["runbook"] for each in stages(name)} == {name}


@pytest.mark.parametrize("name", BOOKS)
def test_a_step_is_calls_or_tasks(name: str) -> None:
    """What is no call to AWS has a file of tasks, and nothing has both; what tasks take back has another one."""
    book = import_module(f"kc.runbook.books.{name}").BOOK
    by = {each["stage"]: each["does"] for each in stages(name)}
    assert {step for step, does in by.items() if does == "carry"} == {step for step in book.names if not (TASKS / f"{step}.yml").is_file()}
    assert {*by.values()} == {"carry", "stage"}
    assert {step.name for step in book.steps if step.by_tasks} == {step for step in book.names if (TASKS / f"{step}_back.yml").is_file()}


def test_no_file_of_tasks_is_left_over() -> None:
    steps = {step for name in BOOKS for step in import_module(f"kc.runbook.books.{name}").BOOK.names}
    assert {path.stem.removesuffix("_back") for path in TASKS.glob("*.yml")} <= steps
