"""A runbook's playbook has its steps as stages: all of them, in their order, under their titles."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import yaml

PLAYBOOKS = Path(__file__).parents[2] / "playbooks"


def stages(plays: list[dict[str, Any]]) -> dict[str, str]:
    """Return the steps that a playbook goes through, by their stages' titles."""
    tasks = [(play["name"], task) for play in plays for task in play["tasks"]]
    return {name.split(" | ")[1]: task["vars"]["stage"] for name, task in tasks if "stage" in task.get("vars", {})}


@pytest.mark.parametrize("name", ["failover"])
def test_stages_are_the_steps(name: str) -> None:
    book = import_module(f"kc.runbook.books.{name}").BOOK
    plays = yaml.safe_load((PLAYBOOKS / f"{name}.yml").read_text())
    assert list(stages(plays).items()) == [(book.title(step), step) for step in book.names]


@pytest.mark.parametrize("name", ["failover"])
def test_a_step_is_calls_or_tasks(name: str) -> None:
    """What is no call to AWS has a file of tasks, and nothing has both."""
    content = import_module(f"kc.runbook.books.{name}")
    plays = yaml.safe_load((PLAYBOOKS / f"{name}.yml").read_text())
    carried = {
        task["vars"]["stage"]
        for play in plays
        for task in play["tasks"]
        if str(task.get("ansible.builtin.include_tasks", "")).endswith("runbook_carry.yml")
    }
    files = {path.stem.removeprefix(f"{name}_") for path in (PLAYBOOKS / "tasks" / "runbooks").glob(f"{name}_*.yml")}
    assert carried | files == {*content.BOOK.names}
    assert not carried & files
