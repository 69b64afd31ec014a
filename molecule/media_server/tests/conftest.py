from __future__ import annotations

import pytest
from hands import container
from media import HOST

from lab.world.net import enter


@pytest.fixture(scope="session", autouse=True)
def network() -> None:
    """The tests live in the node's network: its loopback is theirs."""
    enter(container(HOST))
