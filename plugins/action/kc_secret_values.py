"""Reads secrets for the tasks that follow, inside Ansible's own process; what it returns is never shown."""

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
from kc.secret_values import read_values, unknown  # noqa: E402
from kc.unit import connection_of, scope_of  # noqa: E402
from kc.units.secrets import UNIT, secret_name  # noqa: E402

preload(services=("secretsmanager",))


class ActionModule(InProcess):
    """Reads only; in check mode what does not stand yet is no error."""

    SPEC = options("kc_secret_values")

    def act(self, params: dict[str, Any], *, check: bool) -> dict[str, Any]:
        scope = scope_of(UNIT, params)
        names = {
            **{short: secret_name(scope.shared, short) for short in params["shared"]},
            **{short: secret_name(scope, short) for short in params["secrets"]},
        }
        aws = Aws(replace(connection_of(params), **IMPATIENT), scope.region)
        found = read_values(aws, params["regions"] or [scope.region], names.values())
        lacking = [name for name in names.values() if found[name] is None]
        if lacking and not check:
            what = f"secret {lacking[0]} does" if len(lacking) == 1 else f"secrets {', '.join(lacking)} do"
            hint = "run site.yml --tags secrets: it makes what the inventory names"
            raise KcError(f"{what} not stand", hint=hint, region=scope.region)
        values = {short: dict(found[name] or unknown()) for short, name in names.items()}
        # Ansible hides such a result from output, callbacks and logs, at any verbosity, and still registers it.
        return {"changed": False, "secrets": values, "_ansible_no_log": True}
