"""MySQL modules that work inside Ansible's own process: with the module's options, and its answer."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest.mock import MagicMock

import pytest
import yaml
from ansible.errors import AnsibleError
from ansible.parsing.dataloader import DataLoader
from ansible.playbook.task import Task
from ansible.template import Templar
from kc.spec import documentation

ROOT = Path(__file__).parents[2]
ACTIONS = ROOT / "plugins" / "action"
LINKS = sorted(path.stem for path in ACTIONS.glob("kc_mysql_*.py") if path.is_symlink() and path.readlink().name == "kc_mysql_act.py")


def plugin(name: str) -> ModuleType:
    """Return an action, loaded as Ansible loads it: by its file's name."""
    spec = importlib.util.spec_from_file_location(f"{name}_action", ACTIONS / f"{name}.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def act(name: str, **args: Any) -> dict[str, Any]:
    task = Task()
    task.args, task.action, task.check_mode, task.async_val = args, name, False, 0
    action = plugin(name).ActionModule(task, MagicMock(), MagicMock(), DataLoader(), Templar(loader=DataLoader()), None)
    return dict(action.run(task_vars={"inventory_hostname": "me-west-1"}))


def test_those_that_are_linked_are_those_that_it_knows() -> None:
    assert sorted(plugin("kc_mysql_act").MORE) == LINKS


@pytest.mark.parametrize("name", LINKS)
def test_options_are_the_modules(name: str) -> None:
    about = yaml.safe_load(documentation(ROOT / "library" / f"{name}.py"))
    spec = plugin(name).SPEC
    own = {*about["options"]} | {"host", "port", "ca", "via", "user", "password"}
    assert own <= {*spec} and ("rds" in spec) is any("rds" in each for each in about["extends_documentation_fragment"])
    assert spec["password"]["no_log"]


def test_an_error_is_the_modules_answer(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("")
    answer = act("kc_mysql_info", host="localhost", user="admin", password="not-shown", ca=str(tmp_path / "ca.pem"), timeout=1)
    assert answer["failed"] and "holds no certificate" in answer["msg"] and answer["errors"] and answer["applied"] == []
    assert "not-shown" not in str(answer)


def test_wrong_options_are_refused() -> None:
    with pytest.raises(AnsibleError, match="missing required arguments: host"):
        act("kc_mysql_info", hots="localhost", user="admin", password="not-shown")
