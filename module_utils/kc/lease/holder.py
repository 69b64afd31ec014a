"""What a region does about the lease: by what it remembers, what the ensemble answered, and when it was asked. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from .lease import EXPIRED, FENCED, FIRST, GIVEN, HELD, OPENING, Lease, Memory


class Due(Enum):
    """What is to be done next."""

    NOTHING = "nothing"
    LAY = "lay the lease down"
    TAKE = "take the term"
    FENCE = "fence the region off"
    OPEN = "take its fence away"
    REMEMBER = "remember"


@dataclass(frozen=True)
class Limits:
    """How long a region is believed to hold a term.

    Attributes:
        ttl: Seconds after which the ensemble ends a session that it has not heard of.
        margin: Seconds before that in which the fence has to stand.
        beat: Seconds between two beats.
    """

    ttl: float = 15
    margin: float = 5
    beat: float = 2

    def late(self, since: float, now: float) -> bool:
        """Whether what was confirmed at `since` may be over before the fence stands."""
        return now - since >= self.ttl - self.margin


@dataclass(frozen=True)
class Seen:
    """What a holder knows at a moment; times are of its own clock, in seconds.

    Attributes:
        now: The moment.
        confirmed: When it sent the last question whose answer was that the region holds its term; where none was, when it began.
        answered: Whether the ensemble has answered just now.
        lease: What it answered; None: there is no lease.
        holding: Whether this holder's own node stands below the term.
    """

    now: float
    confirmed: float
    answered: bool
    lease: Lease | None = None
    holding: bool = False


@dataclass(frozen=True)
class Next:
    """What is due, and with `REMEMBER` (and after `FENCE` and `OPEN`) what is remembered then."""

    due: Due
    memory: Memory | None = None


REST = Next(Due.NOTHING)


def begins(memory: Memory | None, role: str) -> Memory:
    """Return what a region goes by that remembers nothing: its role flag."""
    return memory or Memory(0, HELD if role == "primary" else GIVEN)


def due(region: str, memory: Memory, seen: Seen, limits: Limits) -> Next:
    """Return what a region does next."""
    lease = seen.lease if seen.answered else None
    fence = Next(Due.FENCE, Memory(memory.epoch, FENCED))
    own = lease is not None and lease.region == region and lease.epoch >= memory.epoch
    # a region that never had a lease is kept to none: nodes and ensemble may be yet to come
    if memory.writes and memory.epoch and limits.late(seen.confirmed, seen.now) and not own:
        return fence
    if not seen.answered:
        return REST
    if lease is None:
        return Next(Due.LAY) if memory == Memory(0, HELD) else REST
    if own:
        return _own(memory, lease, seen.holding)
    if not memory.writes or lease.epoch < memory.epoch:
        return REST
    return fence if lease.how in (FIRST, EXPIRED) else Next(Due.REMEMBER, Memory(memory.epoch, GIVEN))


def _own(memory: Memory, lease: Lease, holding: bool) -> Next:
    """Return what is done about a lease that is the region's own, as the ensemble has just said."""
    back = lease.goes_on(memory.epoch) and memory.state in (FENCED, OPENING)
    if not back and memory != Memory(lease.epoch, HELD):
        # before it is taken: who is killed in between, and begins again cut off, has to know that the region may take writes
        return Next(Due.REMEMBER, Memory(lease.epoch, HELD))
    if not holding:
        return Next(Due.TAKE)
    if not back:
        return REST
    if memory != Memory(lease.epoch, OPENING):
        return Next(Due.REMEMBER, Memory(lease.epoch, OPENING))
    return Next(Due.OPEN, Memory(lease.epoch, HELD))
