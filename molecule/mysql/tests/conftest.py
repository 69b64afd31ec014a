"""What tests of the scenario begin and end with: the source is the source, and the replica follows it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hands import until
from servers import REPLICA, SOURCE, ask, follows, writable

TABLE = "CREATE TABLE IF NOT EXISTS app.rows_of (id INT NOT NULL PRIMARY KEY, who VARCHAR(40) NOT NULL)"


@pytest.fixture(autouse=True)
def roles() -> Iterator[None]:
    """Who is who before each test, and after it."""
    assert ask(SOURCE, SOURCE, TABLE) == []
    until(lambda: follows(REPLICA, SOURCE))
    yield
    assert writable(SOURCE) and not writable(REPLICA)
    until(lambda: follows(REPLICA, SOURCE))
