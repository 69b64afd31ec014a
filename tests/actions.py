"""Action plugins, run as Ansible's worker runs them."""

from __future__ import annotations

from typing import Any
from unittest.mock import MagicMock

from ansible.parsing.dataloader import DataLoader
from ansible.playbook.task import Task
from ansible.template import Templar

from .loading import loaded


def act(name: str, **args: Any) -> dict[str, Any]:
    """Run a task with these options; return its result."""
    task = Task()
    task.args, task.action, task.check_mode, task.async_val = args, name, False, 0
    plugin = loaded(f"plugins/action/{name}.py")
    action = plugin.ActionModule(task, MagicMock(), MagicMock(), DataLoader(), Templar(loader=DataLoader()), None)
    return dict(action.run(task_vars={"inventory_hostname": "me-west-1"}))
