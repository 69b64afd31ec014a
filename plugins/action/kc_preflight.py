"""Checks account, region, zones and quotas, inside Ansible's own process."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from ansible.plugins.action import ActionBase

ROOT = Path(__file__).absolute().parents[2]
if str(ROOT / "module_utils") not in sys.path:
    sys.path.append(str(ROOT / "module_utils"))

from kc.aws.session import Aws, Connection, preload  # noqa: E402
from kc.preflight import IMPATIENT, preflight  # noqa: E402
from kc.scope import Scope  # noqa: E402
from kc.spec import COMMON, documentation, spec_of  # noqa: E402

SPEC = {
    "scope": spec_of(COMMON)["scope"],
    **spec_of(documentation(ROOT / "library" / "kc_preflight.py")),
}

preload(services=("ec2", "iam", "s3", "service-quotas", "sts"))


class ActionModule(ActionBase):
    """Reads only, so check mode makes no difference."""

    _supports_check_mode = True
    _requires_connection = False
    TRANSFERS_FILES = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        super().run(tmp, task_vars)
        _, params = self.validate_argument_spec(argument_spec=SPEC)
        given = params["scope"]
        connection = Connection(**{key: value for key, value in (given["aws"] or {}).items() if value is not None})
        scope = Scope(given["platform"], given["environment"], given["account"], given["region"], "preflight")
        checks = preflight(Aws(replace(connection, **IMPATIENT), scope.region), scope, params["needs"])
        result: dict[str, Any] = {"changed": False, "checks": [check.facts() for check in checks]}
        unknown = [f"{check.check}: {check.detail}" for check in checks if check.verdict == "unknown"]
        if unknown:
            result["warnings"] = [f"{scope.region}: not known to be enough: {'; '.join(unknown)}"]
        failures = [check.line for check in checks if check.verdict == "fail"]
        if failures:
            result |= {"failed": True, "msg": "\n".join(["The account is not ready; nothing was touched.", *failures])}
        return result
