"""What has changed in the AWS, by service, for those who wait for it."""

from __future__ import annotations

import threading
import time
from collections import Counter
from typing import Any


class Changes:
    """Counts the calls that may have changed something."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._last: Counter[str] = Counter()
        self._version = 0

    def note(self, service: str) -> None:
        """Count a change in a service, by the name that requests are signed for (`ecs`, `elasticloadbalancing`, …)."""
        with self._condition:
            self._version += 1
            self._last[service] = self._version
            self._condition.notify_all()

    def wait(self, since: int, seconds: float) -> dict[str, Any]:
        """Return, as soon as something changed after `since` or after `seconds`, `version` and the services that did."""
        deadline = time.monotonic() + seconds
        with self._condition:
            while self._version <= since and (left := deadline - time.monotonic()) > 0:
                self._condition.wait(left)
            # a client that knows a later version than ours knew an earlier server: everything may be new to it
            since = since if since <= self._version else -1
            return {"version": self._version, "services": sorted(name for name, at in self._last.items() if at > since)}
