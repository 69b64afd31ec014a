"""podman, with the lab's settings."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

CONF = Path(__file__).with_name("containers.conf")


class PodmanError(Exception):
    """What podman said of why it failed."""


def podman(*words: str, environment: Mapping[str, str] | None = None, check: bool = True, timeout: float = 120) -> str:
    """Run podman and return what it prints.

    Args:
        words: Its arguments.
        environment: More variables of its process, for `--env NAME`: a secret stays out of the command line.
        check: Whether a failure is an error.
        timeout: Seconds.

    Raises:
        PodmanError: It failed.
    """
    whole = {**os.environ, **(environment or {}), "CONTAINERS_CONF": str(CONF)}
    done = subprocess.run(["podman", *words], env=whole, capture_output=True, text=True, timeout=timeout)
    if check and done.returncode:
        raise PodmanError((done.stderr.strip().splitlines() or [f"`podman {words[0]}` ended with {done.returncode}"])[-1])
    return done.stdout


def inspect(name: str) -> dict[str, Any]:
    """Return a container's state (`State` of `podman inspect`); empty if there is none of that name."""
    found = podman("container", "inspect", "--format", "{{json .State}}", name, check=False)
    return dict(json.loads(found)) if found.strip() else {}


ENDED = "could not be stopped"
"""What podman says where a container has ended, and it did not know: just now, or with the machine, its monitor too. It knows then."""


def remove(*names: str) -> None:
    """Take containers away, running or not, with their volumes; one that is gone is no error."""
    tries = 5
    while names:
        try:
            podman("rm", "--force", "--time", "0", "--volumes", "--ignore", *names)
            return
        except PodmanError as error:
            tries -= 1
            if ENDED not in str(error) or not tries:
                raise
            time.sleep(0.5)
