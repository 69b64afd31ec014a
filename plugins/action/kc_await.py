"""Waits for a unit that another task began in the background, and returns its result."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

ROOT = Path(__file__).absolute().parents[2]
if str(ROOT / "module_utils") not in sys.path:
    sys.path.append(str(ROOT / "module_utils"))

from kc import jobs  # noqa: E402
from kc.errors import KcError  # noqa: E402
from kc.spec import documentation, spec_of  # noqa: E402
from kc.unit import with_plans  # noqa: E402

SPEC = spec_of(documentation(ROOT / "library" / "kc_await.py"))


class ActionModule(ActionBase):
    """Reads the job's file; check mode makes no difference, since nothing is begun in it."""

    _supports_check_mode = True
    _supports_diff = True
    _requires_connection = False
    TRANSFERS_FILES = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        task_vars = task_vars or {}
        super().run(tmp, task_vars)
        _, params = self.validate_argument_spec(argument_spec=SPEC)
        job = params["job"]
        if not job.get("results_file"):
            return {"changed": False}
        host, display = task_vars["inventory_hostname"], Display()
        try:
            result = jobs.wait(
                Path(job["results_file"]), lambda text: display.display(f"  {host}: {text}", color="bright gray"), limit=float(job["limit"])
            )
        except KcError as error:
            return {"failed": True, "changed": False, "msg": f"{job['unit']}: {error}"}
        return with_plans(result, job["unit"], job["region"], task_vars)
