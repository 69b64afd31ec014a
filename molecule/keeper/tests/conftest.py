from __future__ import annotations

import subprocess
from collections.abc import Iterator

import pytest
from ensemble import ALL, WITNESS, ensemble
from hands import container, run, until


@pytest.fixture(autouse=True)
def whole() -> Iterator[None]:
    """The ensemble is whole before and after each test."""
    until(lambda: ensemble(WITNESS)["ready"])
    yield
    for host in ALL:
        if subprocess.run(["podman", "exec", container(host), "systemctl", "is-active", "--quiet", "kc-keeper"]).returncode:
            run(host, "systemctl", "start", "kc-keeper")
    until(lambda: ensemble(WITNESS)["ready"])
