"""Does what a MySQL module does inside Ansible's own process; the actions of those that an outage waits for are links to this file.

A module costs most of a second a task, as a unit does (kc_unit.py). They work from where playbooks run in any case.
"""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path
from typing import Any

ROOT = Path(__file__).absolute().parents[2]
if str(ROOT / "module_utils") not in sys.path:
    sys.path.append(str(ROOT / "module_utils"))

from kc.action import LIBRARY, InProcess  # noqa: E402
from kc.mysql.entry import run  # noqa: E402
from kc.mysql.options import COMMON, RDS  # noqa: E402
from kc.spec import documentation  # noqa: E402
from kc.sql.report import options  # noqa: E402

NAME = Path(__file__).stem
MORE: dict[str, tuple[list[str], list[str]]] = {
    "kc_mysql_info": ([], []),
    "kc_mysql_promotion": ([RDS], []),
    "kc_mysql_freeze": ([RDS], ["probe.password"]),
}
"""Of each, the fragments that it extends, and its secrets beside the password."""

if NAME in MORE:
    WORK = import_module(f"kc.mysql.{NAME.removeprefix('kc_mysql_')}").work
    FRAGMENTS, SECRETS = MORE[NAME]
    SPEC = options(COMMON, *FRAGMENTS, documentation(LIBRARY / f"{NAME}.py"), secrets=["password", *SECRETS])


class ActionModule(InProcess):
    """Check mode changes nothing."""

    _supports_diff = True
    SPEC = SPEC if NAME in MORE else {}

    def act(self, params: dict[str, Any], *, check: bool) -> dict[str, Any]:
        return run(WORK, params, check=check)
