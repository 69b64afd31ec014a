"""Hands in a scenario's nodes, for its tests."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

SCENARIO = os.environ["MOLECULE_SCENARIO_NAME"]
ROOT = Path(__file__).resolve().parents[2]
SCENARIO_DIRECTORY = Path(os.environ["MOLECULE_SCENARIO_DIRECTORY"])
DOMAIN = "kc-molecule.internal"


def container(host: str) -> str:
    """Return the name of a node's container."""
    return f"kcm-{SCENARIO}-{host}"


def fqdn(host: str) -> str:
    """Return a node's name in DNS."""
    return f"{host}.{DOMAIN}"


def run(host: str, *words: str, given: str = "", check: bool = True) -> str:
    """Run a program on a node as root, and return what it prints."""
    done = subprocess.run(["podman", "exec", "-i", container(host), *words], input=given, capture_output=True, text=True)
    assert not check or not done.returncode, f"{host}: {' '.join(words)}: {done.stdout}{done.stderr}"
    return done.stdout


def python(host: str, code: str) -> str:
    """Run Python on a node that has the toolkit's own, and return what it prints."""
    return run(host, "env", "PYTHONPATH=/opt/kc", "python3", "-", given=code).strip()


def playbook(name: str, *words: str) -> tuple[int, str]:
    """Run a playbook of the scenario, or of the project, with its inventory; return its status and what it prints."""
    inventories = [f"--inventory={ROOT / 'molecule' / 'shared' / 'inventory'}", f"--inventory={SCENARIO_DIRECTORY / 'inventory.yml'}"]
    command = ["ansible-playbook", *inventories, str(SCENARIO_DIRECTORY / name), *words]
    environment = {**os.environ, "ANSIBLE_NOCOLOR": "1", "ANSIBLE_FORCE_COLOR": "0"}
    done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


def until(holds: Callable[[], Any], seconds: float = 90) -> Any:
    """Wait until something holds, and return it; whatever it raises means that it does not yet."""
    end = time.monotonic() + seconds
    last: object = None
    while time.monotonic() < end:
        try:
            if last := holds():
                return last
        except Exception as error:
            last = error
        time.sleep(0.5)
    raise AssertionError(f"still not after {seconds:g} s: {last}")
