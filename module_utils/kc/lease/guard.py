"""Keeps a region to the lease: asks the ensemble, and does what is due, beat by beat."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol

from ..errors import KcError
from .holder import REST, Due, Limits, Next, Seen, begins, due
from .lease import FIRST, Lease, Memory, Silent
from .vouching import Vouched, counted

IN_A_ROW = 8
"""Things that are done without a pause; more can't be due at once."""


def clock() -> float:
    """Return the machine's own time in seconds, which nobody sets and which goes on while it sleeps."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class Place(Protocol):
    """What a region does about itself (region.py)."""

    def recall(self) -> Memory | None: ...
    def role(self) -> str: ...
    def remember(self, memory: Memory) -> None: ...
    def counted(self) -> str: ...
    def count(self, text: str) -> None: ...
    def fence(self) -> None: ...
    def open(self) -> None: ...


class Terms(Protocol):
    """What the ensemble keeps (ensemble.py)."""

    def look(self) -> Lease | None: ...
    def lay(self, lease: Lease) -> bool: ...
    def take(self, lease: Lease, name: str) -> bool: ...
    def beat(self, lease: Lease, name: str) -> bool: ...


class Guard:
    """A region's holder.

    Args:
        region: Which.
        name: This task's own, without spaces; another after each start.
        place: The region itself.
        terms: The ensemble.
        limits: How long a term is believed to be held.
        tell: Is told what was done, and what went wrong, in a sentence.
        now: The clock.
    """

    def __init__(
        self,
        region: str,
        name: str,
        place: Place,
        terms: Terms,
        limits: Limits,
        tell: Callable[[str], None] = lambda text: None,
        now: Callable[[], float] = clock,
    ) -> None:
        self.region, self.name, self.limits = region, name, limits
        self._place, self._terms, self._tell, self._now = place, terms, tell, now
        self._vouched, self._beats = Vouched(name), 0
        self._term: Lease | None = None
        self.memory: Memory | None = None
        self.seen = Seen(now(), now(), False)

    @property
    def since(self) -> float:
        """Seconds since it was confirmed last."""
        return self._now() - self.seen.confirmed

    @property
    def pause(self) -> float:
        """Seconds until the next look: a beat, and less where the fence would be due before that."""
        left = self.limits.ttl - self.limits.margin - self.since
        return min(self.limits.beat, left) if left > 0 else self.limits.beat

    def step(self) -> None:
        """Look, and do what is due, until nothing is; nothing that goes wrong is raised, since all of it is tried again."""
        for _ in range(IN_A_ROW):
            self.seen = self._look()
            self._recall()
            if self.memory is None:
                return
            next_ = due(self.region, self.memory, self.seen, self.limits)
            if next_ == REST or not self._done(next_):
                return

    def _recall(self) -> None:
        """Ask the region what it remembers; a sibling may have changed it. What was known stays where it does not answer."""
        try:
            recalled = self._place.recall()
            self.memory = recalled or self.memory or begins(None, self._place.role())
        except KcError as error:
            self._tell(f"{self.region} can't be asked what it remembers: {error.message}")

    # --- looking

    def _look(self) -> Seen:
        """Ask the ensemble, and where it is silent for long, what the region's other holders have counted."""
        sent = self._now()
        try:
            if self._term is not None and self._terms.beat(self._term, self.name):
                seen = Seen(self._now(), sent, True, self._term, True)
                self._count()  # however long that takes: it says nothing of the lease
                return seen
            self._term = None
            lease, answered = self._terms.look(), True
        except KcError as error:
            if not isinstance(error, Silent):
                self._tell(error.message)
            lease, answered = None, False
        confirmed = self.seen.confirmed
        if self._now() - confirmed > 2 * self.limits.beat:
            confirmed = max(confirmed, self._others())
        return Seen(self._now(), confirmed, answered, lease)

    def _count(self) -> None:
        self._beats += 1
        try:
            self._place.count(counted(self.name, self._beats))
        except KcError as error:
            self._tell(f"a beat could not be counted: {error.message}")

    def _others(self) -> float:
        asked = self._now()
        try:
            return self._vouched.look(self._place.counted(), asked)
        except KcError:
            return self.seen.confirmed

    # --- doing

    def _done(self, next_: Next) -> bool:
        """Do something; whether it was done."""
        try:
            match next_.due:
                case Due.LAY:
                    self._terms.lay(Lease(self.region, 1, FIRST))
                case Due.TAKE:
                    return self._take(self.seen.lease)
                case Due.FENCE:
                    self._tell(f"{self.region} fences itself off: {self._why()}")
                    self._place.fence()
                case Due.OPEN:
                    self._tell(f"{self.region} holds its own lease again: it takes its fence away")
                    self._place.open()
            if next_.memory is not None:
                self._place.remember(next_.memory)
                self.memory = next_.memory
        except KcError as error:
            self._tell(f"{next_.due.value}: {error.message}")
            return False
        return True

    def _why(self) -> str:
        lease = self.seen.lease
        return f"the lease is {lease.region}'s" if lease is not None else f"nobody has confirmed its lease for {self.since:.1f} s"

    def _take(self, lease: Lease | None) -> bool:
        if lease is None or not self._terms.take(lease, self.name):
            return False
        self._term = lease
        return True
