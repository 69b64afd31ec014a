"""Signs a node's certificate on the controller. The module of the same name makes the key and the request, and writes what comes back.

The authority's key stays in this process. Where nothing is due, the module runs once and that is all.
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ansible.plugins.action import ActionBase

ROOT = Path(__file__).absolute().parents[2]
if str(ROOT / "module_utils") not in sys.path:
    sys.path.append(str(ROOT / "module_utils"))

from kc.errors import KcError  # noqa: E402
from kc.node_certificate import sign  # noqa: E402
from kc.spec import documentation, spec_of  # noqa: E402

SPEC = spec_of(documentation(ROOT / "library" / "kc_certificate.py"))


class ActionModule(ActionBase):
    """Asks the node, signs, and hands it what it signed."""

    _supports_check_mode = True
    _supports_diff = True
    TRANSFERS_FILES = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        super().run(tmp, task_vars)
        _, params = self.validate_argument_spec(argument_spec=SPEC)
        authority = params["authority"]
        given = {name: value for name, value in params.items() if value is not None}
        given["authority"] = {name: str(authority[name]) for name in ("certificate", "chain", "trusted")}
        asked: dict[str, Any] = self._execute_module(module_args=given, task_vars=task_vars)
        request = asked.pop("request", "")
        if asked.get("failed") or not request:
            return asked
        try:
            signed = sign(request, params["names"], authority, datetime.now(UTC))
        except KcError as error:
            return {"failed": True, "changed": asked["changed"], "msg": str(error)}
        done: dict[str, Any] = self._execute_module(module_args={**given, "signed": signed}, task_vars=task_vars)
        done.pop("request", None)
        if done.get("failed"):
            return done
        written = [*dict.fromkeys([*asked["files"], *done["files"]])]
        shown = {"diff": [*asked["diff"], *done["diff"]]} if "diff" in asked else {}
        return {**done, "changed": True, "due": asked["due"], "files": written, **shown}
