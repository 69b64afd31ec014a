"""Runs a unit inside Ansible's own process; every unit's action is a link to this file.

A module costs Ansible most of a second a task, spent on packing, a new interpreter and loading boto3. Here the
same `run` is called in the worker that Ansible has forked already; service models are loaded once, when the
controller imports this plugin. `kc_in_process: false` runs the module in `library/` instead.

A task with `async:` and `poll: 0` only begins the unit, as a job in the background (`kc.jobs`), and `kc_await` waits for
it. In check mode, and as a module, such a task runs to its end at once.
"""

from __future__ import annotations

import importlib
import json
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from ansible.module_utils.parsing.convert_bool import boolean
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

ROOT = Path(__file__).absolute().parents[2]
if str(ROOT / "module_utils") not in sys.path:
    sys.path.append(str(ROOT / "module_utils"))

from kc import jobs  # noqa: E402
from kc.aws.session import preload  # noqa: E402
from kc.spec import arguments, documentation  # noqa: E402
from kc.unit import run, scope_of, with_plans  # noqa: E402

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
        in_process = boolean(self._templar.template(task_vars.get("kc_in_process", True)))
        limit = self._task.async_val if in_process and not self._task.check_mode and not self._task.poll else 0
        self._task.async_val = 0  # what is left of it is ours
        super().run(tmp, task_vars)
        if not in_process:
            return with_plans(self._execute_module(task_vars=task_vars), UNIT.name, self._task.args["scope"]["region"], task_vars)
        _, params = self.validate_argument_spec(**ARGUMENTS)
        params = json.loads(json.dumps(params))  # plain data, as a module gets: Ansible's own types can't be written as YAML
        scope, host, display = scope_of(UNIT, params), task_vars["inventory_hostname"], Display()
        regions = UNIT.regions(scope, params)  # of several, none is named: whichever begins, it works on all of them
        about = [UNIT.name, scope.platform, scope.environment, scope.client, *(regions if len(regions) == 1 else [])]
        name = "-".join(["kc", *filter(None, about)])
        directory = Path(self.get_shell_option("async_dir", default="~/.ansible_async")).expanduser()

        def tell(text: str) -> None:
            display.display(f"  {host}: {text}", color="bright gray")

        if limit:
            job = jobs.begin(directory, name, lambda tell: run(UNIT, params, check=False, progress=tell))
            begun = {"unit": UNIT.name, "region": scope.region, "ansible_job_id": job.name, "results_file": str(job), "limit": limit}
            return {"changed": False, "started": 1, "finished": 0, **begun}
        with nullcontext() if self._task.check_mode else jobs.turn(directory, name, tell):
            result = run(UNIT, params, check=self._task.check_mode, progress=tell)
        return with_plans(result, UNIT.name, scope.region, task_vars)
