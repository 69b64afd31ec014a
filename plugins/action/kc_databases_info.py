"""Tells which MySQL instances stand where, inside Ansible's own process."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).absolute().parents[2]
if str(ROOT / "module_utils") not in sys.path:
    sys.path.append(str(ROOT / "module_utils"))

from kc.action import InProcess, options  # noqa: E402
from kc.aws.session import preload  # noqa: E402
from kc.databases import databases  # noqa: E402
from kc.runbook.carry import brief  # noqa: E402
from kc.scope import Scope  # noqa: E402
from kc.unit import connection_of  # noqa: E402

preload(services=("rds",))


class ActionModule(InProcess):
    """Reads only, so check mode makes no difference."""

    SPEC = options("kc_databases_info")

    def act(self, params: dict[str, Any], *, check: bool) -> dict[str, Any]:
        given = params["scope"]
        scope = Scope(given["platform"], given["environment"], given["account"], given["region"], "mysql")
        found, silent = databases(brief(connection_of(params), scope.region), scope, params["regions"])
        return {"changed": False, "databases": found, "silent": silent}
