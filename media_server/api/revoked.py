"""Sessions that were revoked: an object each, under the hour in which it would have expired; every server looks for new ones.

Who revokes knows at once; the others within `LOOK_SECONDS`, and the other region once the bucket is replicated.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

LOOK_SECONDS = 2.0

_PREFIX = "revoked/"


class Revoked:
    """The sessions that were revoked and have not expired.

    Args:
        s3: A region's client.
        bucket: Its name.
        clock: Seconds since the epoch, for tests.
    """

    def __init__(self, s3: Any, bucket: str, clock: Callable[[], float] = time.time) -> None:
        self._s3 = s3
        self._bucket = bucket
        self._clock = clock
        self._known: dict[int, set[str]] = {}
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self.looked = 0.0

    def __contains__(self, session: str) -> bool:
        with self._lock:
            return any(session in known for known in self._known.values())

    def add(self, session: str, expires: int) -> None:
        """Revoke a session."""
        hour = expires // 3600
        self._s3.put_object(Bucket=self._bucket, Key=f"{_PREFIX}{hour}/{session}", Body=b"")
        with self._lock:
            self._known.setdefault(hour, set()).add(session)

    def look(self) -> None:
        """Look for new ones, and forget those that have expired."""
        now = int(self._clock() // 3600)
        found: dict[int, set[str]] = {}
        # hours have as many digits for some centuries: what sorts behind this one has not expired
        pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=_PREFIX, StartAfter=f"{_PREFIX}{now}")
        for page in pages:
            for each in page.get("Contents", ()):
                hour, _, session = each["Key"].removeprefix(_PREFIX).partition("/")
                if hour.isdecimal():
                    found.setdefault(int(hour), set()).add(session)
        with self._lock:
            for hour, sessions in found.items():
                self._known.setdefault(hour, set()).update(sessions)
            for hour in [hour for hour in self._known if hour < now]:
                del self._known[hour]
        self.looked = self._clock()

    def keep_looking(self) -> None:
        """Look again and again, until `end`."""
        while not self._ended.wait(LOOK_SECONDS):
            self.try_to_look()

    def try_to_look(self) -> None:
        """Look, if S3 answers: what is known stays known, and readiness tells how long ago that was."""
        with contextlib.suppress(BotoCoreError, ClientError):
            self.look()

    def end(self) -> None:
        """Look no more."""
        self._ended.set()
