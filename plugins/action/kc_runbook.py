"""Keeps a run of a runbook, inside Ansible's own process."""

from __future__ import annotations

import os
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

from ansible import constants

ROOT = Path(__file__).absolute().parents[2]
if str(ROOT / "module_utils") not in sys.path:
    sys.path.append(str(ROOT / "module_utils"))

from kc.action import InProcess, options  # noqa: E402
from kc.aws.session import preload  # noqa: E402
from kc.runbook.keep import keep  # noqa: E402

preload(services=("s3", "ssm", "ec2", "ecs", "application-autoscaling", "cloudwatch", "rds"))


class ActionModule(InProcess):
    """Check mode writes nothing."""

    SPEC = options("kc_runbook")

    def act(self, params: dict[str, Any], *, check: bool) -> dict[str, Any]:
        content = import_module(f"kc.runbook.books.{params['book']}")
        # the playbook's own process, and not the worker that this task was forked for
        return keep(params, content, check=check, process=os.getppid(), kept=Path(constants.DEFAULT_LOCAL_TMP) / "journals")
