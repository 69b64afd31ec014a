"""Keeps a run of a runbook, inside Ansible's own process."""

from __future__ import annotations

import os
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

from ansible.plugins.action import ActionBase

ROOT = Path(__file__).absolute().parents[2]
if str(ROOT / "module_utils") not in sys.path:
    sys.path.append(str(ROOT / "module_utils"))

from kc.aws.session import preload  # noqa: E402
from kc.errors import KcError  # noqa: E402
from kc.runbook.keep import keep  # noqa: E402
from kc.spec import COMMON, documentation, spec_of  # noqa: E402

SPEC = {
    "scope": spec_of(COMMON)["scope"],
    **spec_of(documentation(ROOT / "library" / "kc_runbook.py")),
}

preload(services=("s3", "ssm", "ec2", "ecs", "application-autoscaling", "cloudwatch", "rds"))


class ActionModule(ActionBase):
    """Check mode writes nothing."""

    _supports_check_mode = True
    _requires_connection = False
    TRANSFERS_FILES = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        super().run(tmp, task_vars)
        _, params = self.validate_argument_spec(argument_spec=SPEC)
        content = import_module(f"kc.runbook.books.{params['book']}")
        try:
            # the playbook's own process, and not the worker that this task was forked for
            return keep(params, content, check=self._task.check_mode, process=os.getppid())
        except KcError as error:
            return {"failed": True, "changed": False, "msg": str(error)}
