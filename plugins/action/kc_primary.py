"""Tells which region is primary now, inside Ansible's own process."""

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
from kc.errors import KcError  # noqa: E402
from kc.preflight import IMPATIENT  # noqa: E402
from kc.primary import flag_name, primary_of, read_flags  # noqa: E402
from kc.scope import Scope  # noqa: E402
from kc.unit import connection_of  # noqa: E402

preload(services=("ssm",))


class ActionModule(InProcess):
    """Reads only, so check mode makes no difference."""

    SPEC = options("kc_primary")

    def act(self, params: dict[str, Any], *, check: bool) -> dict[str, Any]:
        given = params["scope"]
        scope = Scope(given["platform"], given["environment"], given["account"], given["region"], "preflight")
        try:
            flags = read_flags(Aws(replace(connection_of(params), **IMPATIENT), scope.region), scope, params["regions"])
            primary = primary_of(flags, params["home"], flag_name(scope))
        except KcError as error:
            return {"failed": True, "changed": False, "msg": f"{error} Nothing was touched."}
        silent = [f"{region} gave no answer about its role" for region, role in flags.items() if role is None]
        result = {"changed": False, "primary": primary, "flags": dict(flags), "ansible_facts": {"kc_primary": primary}}
        return {**result, "warnings": silent} if silent else result
