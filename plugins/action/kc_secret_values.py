"""Reads secrets for the tasks that follow, inside Ansible's own process; what it returns is never shown."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from ansible.plugins.action import ActionBase

ROOT = Path(__file__).absolute().parents[2]
if str(ROOT / "module_utils") not in sys.path:
    sys.path.append(str(ROOT / "module_utils"))

from kc.aws.session import Aws, preload  # noqa: E402
from kc.errors import KcError  # noqa: E402
from kc.preflight import IMPATIENT  # noqa: E402
from kc.secret_values import read_values, unknown  # noqa: E402
from kc.spec import COMMON, documentation, spec_of  # noqa: E402
from kc.unit import connection_of, scope_of  # noqa: E402
from kc.units.secrets import UNIT, secret_name  # noqa: E402

SPEC = {
    "scope": spec_of(COMMON)["scope"],
    **spec_of(documentation(ROOT / "library" / "kc_secret_values.py")),
}

preload(services=("secretsmanager",))


class ActionModule(ActionBase):
    """Reads only; in check mode what does not stand yet is no error."""

    _supports_check_mode = True
    _requires_connection = False
    TRANSFERS_FILES = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        super().run(tmp, task_vars)
        _, params = self.validate_argument_spec(argument_spec=SPEC)
        scope = scope_of(UNIT, params)
        names = {
            **{short: secret_name(scope.shared, short) for short in params["shared"]},
            **{short: secret_name(scope, short) for short in params["secrets"]},
        }
        aws = Aws(replace(connection_of(params), **IMPATIENT), scope.region)
        try:
            found = read_values(aws, params["regions"] or [scope.region], names.values())
        except KcError as error:
            return {"failed": True, "changed": False, "msg": str(error)}
        lacking = [name for name in names.values() if found[name] is None]
        if lacking and not self._task.check_mode:
            what = f"secret {lacking[0]} does" if len(lacking) == 1 else f"secrets {', '.join(lacking)} do"
            hint = "run site.yml --tags secrets: it makes what the inventory names"
            return {"failed": True, "changed": False, "msg": str(KcError(f"{what} not stand", hint=hint, region=scope.region))}
        values = {short: dict(found[name] or unknown()) for short, name in names.items()}
        # Ansible hides such a result from output, callbacks and logs, at any verbosity, and still registers it.
        return {"changed": False, "secrets": values, "_ansible_no_log": True}
