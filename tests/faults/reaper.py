"""Kills who runs a runbook (SIGKILL, with all its children), once at each point that it comes to: a machine that is lost.

The points are around each entry of the run's journal (it is about to be written; it is written, and nobody knows) and behind each call that
changes something, before it is answered.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection

from kc.runbook.journal import BEGUN, CLOSED, DONE, UNDOING, UNDONE

from tests.killing import kill_tree

from .recording import Heard, Recorder

KIND, STEP = re.compile(rb'"kind":"(\w+)"'), re.compile(rb'"step":"(\w*)"')
TOLD = {("monitoring", "PutMetricData"), ("sns", "Publish")}
"""What tells something: a value, or people. Told again, it is no other; nothing tells whether somebody was told."""


def entry(call: Heard, body: bytes) -> tuple[str, str]:
    """Return kind and step of the journal's entry that a call writes; empty: it writes none."""
    if not (call.asked.service == "s3" and call.asked.operation.startswith("PUT /") and "/runbooks/" in call.asked.operation):
        return "", ""
    kind, step = KIND.search(body), STEP.search(body)
    assert kind and step, body
    return kind[1].decode(), step[1].decode()


def changes(heard: Collection[Heard]) -> Counter[str]:
    """Return how often each change was made: entries and what is only told apart."""
    made = [each.asked for each in heard if each.asked.changes and each.status is not None and each.status < 300]
    return Counter(str(each) for each in made if "/runbooks/" not in each.operation and (each.service, each.operation) not in TOLD)


class Reaper(Recorder):
    """A recorder that kills.

    Attributes:
        victim: The process that is killed next; None: nobody.
        only: The points at which it is; None: at each.
        killed: Those at which somebody was.
    """

    def __init__(self, upstream: str) -> None:
        super().__init__(upstream)
        self.victim: int | None = None
        self.only: Collection[str] | None = None
        self.killed: list[str] = []

    def comes(self, call: Heard, body: bytes) -> bool:
        kind, step = entry(call, body)
        return not (kind in (BEGUN, DONE, UNDOING, UNDONE, CLOSED) and self._kills(f"before {kind} {step}".rstrip()))

    def is_done(self, call: Heard, body: bytes) -> bool:
        kind, step = entry(call, body)
        if kind:
            return not (kind in (BEGUN, UNDOING, CLOSED) and self._kills(f"behind {kind} {step}".rstrip()))
        return not (call.asked.changes and self._kills(f"behind {call.asked}"))

    def _kills(self, point: str) -> bool:
        with self.lock:
            if self.victim is None or point in self.killed or (self.only is not None and point not in self.only):
                return False
            self.killed.append(point)
            victim, self.victim = self.victim, None
            kill_tree(victim)
            return True
