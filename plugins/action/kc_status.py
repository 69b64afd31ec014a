"""Tells who is primary and what is degraded, inside Ansible's own process."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ansible.utils.display import Display

ROOT = Path(__file__).absolute().parents[2]
if str(ROOT / "module_utils") not in sys.path:
    sys.path.append(str(ROOT / "module_utils"))

from kc.action import InProcess, options  # noqa: E402
from kc.aws.session import preload  # noqa: E402
from kc.runbook.carry import brief  # noqa: E402
from kc.status.entry import status  # noqa: E402
from kc.unit import connection_of  # noqa: E402

preload(services=("cloudwatch", "ec2", "ecs", "s3", "ssm"))


class ActionModule(InProcess):
    """Reads only, so check mode makes no difference. It shows the table itself: Ansible shows a list as JSON."""

    SPEC = options("kc_status")

    def act(self, params: dict[str, Any], *, check: bool) -> dict[str, Any]:
        made = status(brief(connection_of(params), params["scope"]["region"]), params, datetime.now(UTC))
        for line in made["summary"]:
            Display().display(line)
        return {"changed": False, **made}
