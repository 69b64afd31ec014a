"""Judges whether the standby could take over, inside Ansible's own process."""

from __future__ import annotations

import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ansible.utils.display import Display

ROOT = Path(__file__).absolute().parents[2]
if str(ROOT / "module_utils") not in sys.path:
    sys.path.append(str(ROOT / "module_utils"))

from kc.action import InProcess, options  # noqa: E402
from kc.aws.session import Aws, preload  # noqa: E402
from kc.preflight import IMPATIENT  # noqa: E402
from kc.readiness.entry import judged  # noqa: E402
from kc.unit import connection_of  # noqa: E402

preload(services=("acm", "backup", "cloudwatch", "ecr", "ecs", "kms", "s3", "secretsmanager", "ssm"))


class ActionModule(InProcess):
    """Reads only, so check mode makes no difference. It shows the table itself: Ansible shows a list as JSON."""

    SPEC = options("kc_readiness")

    def act(self, params: dict[str, Any], *, check: bool) -> dict[str, Any]:
        aws = Aws(replace(connection_of(params), **IMPATIENT), params["scope"]["region"])
        made = judged(aws, params, datetime.now(UTC))
        for line in made["summary"]:
            Display().display(line)
        return {"changed": False, **made}
