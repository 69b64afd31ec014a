"""Runs a unit inside Ansible's own process; every unit's action is a link to this file.

A module costs Ansible most of a second a task, spent on packing, a new interpreter and loading boto3. Here the
same `run` is called in the worker that Ansible has forked already; service models are loaded once, when the
controller imports this plugin. `kc_in_process: false` runs the module in `library/` instead.
"""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path
from typing import Any

from ansible.module_utils.parsing.convert_bool import boolean
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

ROOT = Path(__file__).absolute().parents[2]
if str(ROOT / "module_utils") not in sys.path:
    sys.path.append(str(ROOT / "module_utils"))

from kc.aws.session import preload  # noqa: E402
from kc.spec import arguments, documentation  # noqa: E402
from kc.unit import run  # noqa: E402

NAME = Path(__file__).stem
if NAME != "kc_unit":
    UNIT = importlib.import_module(f"kc.units.{NAME.removeprefix('kc_')}").UNIT
    preload(services=UNIT.services)
    ARGUMENTS = arguments(documentation(ROOT / "library" / f"{NAME}.py"))


class ActionModule(ActionBase):
    """Validates the task's options as the module would, and runs the unit."""

    _supports_check_mode = True
    _supports_async = True
    _supports_diff = True
    TRANSFERS_FILES = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        task_vars = task_vars or {}
        super().run(tmp, task_vars)
        in_process = boolean(self._templar.template(task_vars.get("kc_in_process", True)))
        if self._task.async_val or not in_process:
            result: dict[str, Any] = self._execute_module(task_vars=task_vars, wrap_async=self._task.async_val)
        else:
            _, params = self.validate_argument_spec(**ARGUMENTS)
            params = json.loads(json.dumps(params))  # plain data, as a module gets: Ansible's own types can't be written as YAML
            host = task_vars["inventory_hostname"]
            display = Display()
            result = run(
                UNIT, params, check=self._task.check_mode, progress=lambda text: display.display(f"  {host}: {text}", color="bright gray")
            )
        plans = {**task_vars.get("ansible_facts", {}).get("kc_plans", {}), UNIT.name: result.get("plan", [])}
        return {**result, "ansible_facts": {"kc_plans": plans}}
