"""Looks at the lease, or has it change hands, inside Ansible's own process."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).absolute().parents[2]
if str(ROOT / "module_utils") not in sys.path:
    sys.path.append(str(ROOT / "module_utils"))

from kc.action import InProcess, options  # noqa: E402
from kc.lease.task import work  # noqa: E402

SPEC = options("kc_lease", scope=False)
SPEC["tls"]["no_log"] = SPEC["password"]["no_log"] = True


class ActionModule(InProcess):
    """Check mode changes nothing."""

    SPEC = SPEC

    def act(self, params: dict[str, Any], *, check: bool) -> dict[str, Any]:
        return work(params, check=check)
