"""Tasks under Ansible itself, on this machine."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from lab.settings import ROOT


def play(home: Path, tasks: list[dict[str, Any]], *args: str) -> subprocess.CompletedProcess[str]:
    """Run tasks on this machine, with this Python."""
    playbook = [{"hosts": "localhost", "gather_facts": False, "vars": {"ansible_python_interpreter": sys.executable}, "tasks": tasks}]
    (home / "play.yml").write_text(json.dumps(playbook))
    program = Path(sys.executable).with_name("ansible-playbook")
    env = {**os.environ, "ANSIBLE_NOCOLOR": "1", "ANSIBLE_STDOUT_CALLBACK": "default"}
    return subprocess.run(
        [program, "-i", "localhost,", "-c", "local", "-vvv", *args, home / "play.yml"],
        cwd=ROOT,
        env=env,
        capture_output=True,
        text=True,
        timeout=120,
    )
