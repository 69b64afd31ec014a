"""Checks account, region, zones and quotas, inside Ansible's own process."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

ROOT = Path(__file__).absolute().parents[2]
if str(ROOT / "module_utils") not in sys.path:
    sys.path.append(str(ROOT / "module_utils"))

from kc.action import InProcess, options  # noqa: E402
from kc.aws.session import Aws, preload  # noqa: E402
from kc.preflight import IMPATIENT, preflight  # noqa: E402
from kc.scope import Scope  # noqa: E402
from kc.unit import connection_of  # noqa: E402

preload(services=("ec2", "iam", "s3", "service-quotas", "sts"))


class ActionModule(InProcess):
    """Reads only, so check mode makes no difference."""

    SPEC = options("kc_preflight")

    def act(self, params: dict[str, Any], *, check: bool) -> dict[str, Any]:
        given = params["scope"]
        scope = Scope(given["platform"], given["environment"], given["account"], given["region"], "preflight")
        checks = preflight(Aws(replace(connection_of(params), **IMPATIENT), scope.region), scope, params["needs"])
        result: dict[str, Any] = {"changed": False, "checks": [each.facts() for each in checks]}
        unknown = [f"{each.check}: {each.detail}" for each in checks if each.verdict == "unknown"]
        if unknown:
            result["warnings"] = [f"{scope.region}: not known to be enough: {'; '.join(unknown)}"]
        failures = [each.line for each in checks if each.verdict == "fail"]
        if failures:
            result |= {"failed": True, "msg": "\n".join(["The account is not ready; nothing was touched.", *failures])}
        return result
