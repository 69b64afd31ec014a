"""Runs the failover: the playbook that people run, as a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .settings import ROOT, SECRETS, Settings

PLAYBOOK = "playbooks/failover.yml"
PROGRAM = (sys.executable, "-m", "ansible", "playbook")
"""What runs playbooks."""


def variables(settings: Settings, asked: Sequence[str], blind: Sequence[str], reports: Path) -> dict[str, Any]:
    """Return what the playbook is told. Pure."""
    return {
        "lost": settings.other,
        "confirm": settings.scope.environment,
        "inside": True,
        "seen": {"asked": sorted(asked), "blind": sorted(blind)},
        "mysql_authority": settings.mysql_authority,
        # inside AWS, its own names and the task's role are all that it takes
        "kc_aws": {},
        "reports": str(reports),
    }


def command(settings: Settings, file: Path) -> list[str]:
    """Return the command. Pure."""
    return [*PROGRAM, "-i", settings.inventory, PLAYBOOK, "-e", f"@{file}"]


class Promotion:
    """A failover that is under way, or has ended.

    Args:
        settings: The sentinel's.
        asked, blind: Vantage points that could tell, and those that see nothing of the region.
    """

    def __init__(self, settings: Settings, asked: Sequence[str], blind: Sequence[str]) -> None:
        self._home = Path(tempfile.mkdtemp(prefix="failover-"))
        file = self._home / "variables.json"
        file.write_text(json.dumps(variables(settings, asked, blind, self._home / "reports")))
        # the file system is only read but for /tmp
        own = {"ANSIBLE_HOME": str(self._home / "ansible"), "ANSIBLE_LOCAL_TEMP": str(self._home / "tmp"), "HOME": str(self._home)}
        others = {name: value for name, value in os.environ.items() if name not in SECRETS}
        self._process = subprocess.Popen(
            command(settings, file), cwd=ROOT, env={**others, **own}, stdin=subprocess.DEVNULL, start_new_session=True
        )

    def result(self) -> bool | None:
        """Return whether it was completed; None: it is under way."""
        ended = self._process.poll()
        return None if ended is None else ended == 0
