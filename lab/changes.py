"""What has changed in the AWS, by service, for those who wait for it."""

from __future__ import annotations

import threading
import time
from collections import Counter
from typing import Any

EMPTIED, ANOTHER = "", "*"
"""What stands for services where all may have changed: the AWS was emptied, or it is another one than was asked before."""


class Changes:
    """Counts the calls that may have changed something.

    A version is of one server: it begins with the clock's microseconds, which no server's calls catch up with.
    """

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._last: Counter[str] = Counter()
        self._began = self._version = time.time_ns() // 1000

    def note(self, service: str) -> None:
        """Count a change in a service, by the name that requests are signed for (`ecs`, `elasticloadbalancing`, …)."""
        with self._condition:
            self._version += 1
            self._last[service] = self._version
            self._condition.notify_all()

    def wait(self, since: int, seconds: float) -> dict[str, Any]:
        """Return, as soon as something changed after `since` or after `seconds`, `version` and the services that did.

        Whoever knows no version, or another server's, is told `ANOTHER` instead: everything may be new.
        """
        deadline = time.monotonic() + seconds
        with self._condition:
            while self._version <= since and (left := deadline - time.monotonic()) > 0:
                self._condition.wait(left)
            known = self._began <= since <= self._version
            services = sorted(name for name, at in self._last.items() if at > since) if known else [ANOTHER]
            return {"version": self._version, "services": services}
