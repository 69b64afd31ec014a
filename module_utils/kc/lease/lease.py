"""Whose lease it is, and what a region remembers of it. Pure."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any

from ..errors import KcError

FIRST, EXPIRED, HANDED, RETURNED = "first", "expired", "handed", "returned"
HOWS = (FIRST, EXPIRED, HANDED, RETURNED)
"""How a region came by it: there was none; nobody held the other's any more; a runbook had frozen the other first; a runbook gave
back what it had taken, and nothing was written under it."""

HELD, FENCED, OPENING, GIVEN = "held", "fenced", "opening", "handed"
STATES = (HELD, FENCED, OPENING, GIVEN)
"""What a region remembers: that it may take writes; that it has cut itself off; that it takes its fence away; that it gave the lease up."""


class Silent(KcError):
    """The ensemble does not answer, or has no majority: what was asked may be done nevertheless."""


@dataclass(frozen=True)
class Lease:
    """Whose it is.

    Attributes:
        region: Who may take writes.
        epoch: The term's number; a later one is greater.
        how: One of `HOWS`.
        of: With `RETURNED`, the epoch that goes on.
    """

    region: str
    epoch: int
    how: str
    of: int = 0

    @property
    def text(self) -> str:
        """The lease as the ensemble has it."""
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def parse(cls, text: str, where: str) -> Lease:
        """Return a lease.

        Raises:
            KcError: It is none; it names `where`.
        """
        lease = cls(**_fields(text, where, {"region": str, "epoch": int, "how": str, "of": int}))
        if not lease.region or lease.epoch < 1 or lease.how not in HOWS:
            raise _odd(text, where)
        return lease

    def goes_on(self, epoch: int) -> bool:
        """Whether it is what a region had in an epoch, and nobody was primary in between."""
        return self.epoch == epoch or (self.how == RETURNED and self.of == epoch)

    def after(self, region: str, how: str) -> Lease:
        """Return the next one, of another region."""
        # what is given back is the term before the one that was taken
        return Lease(region, self.epoch + 1, how, self.epoch - 1 if how == RETURNED else 0)


@dataclass(frozen=True)
class Memory:
    """What a region remembers of itself: the epoch that it held last, and what has become of it."""

    epoch: int
    state: str

    @property
    def writes(self) -> bool:
        """Whether the region may be taking writes, for all it knows."""
        return self.state in (HELD, OPENING)

    @property
    def text(self) -> str:
        """It as the parameter has it."""
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def parse(cls, text: str, where: str) -> Memory:
        """Return a memory.

        Raises:
            KcError: It is none; it names `where`.
        """
        memory = cls(**_fields(text, where, {"epoch": int, "state": str}))
        if memory.epoch < 0 or memory.state not in STATES:
            raise _odd(text, where)
        return memory


def _fields(text: str, where: str, kinds: dict[str, type]) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError:
        raise _odd(text, where) from None
    if not isinstance(found, dict) or found.keys() != kinds.keys() or any(type(found[name]) is not kind for name, kind in kinds.items()):
        raise _odd(text, where)
    return found


def _odd(text: str, where: str) -> KcError:
    return KcError(
        f"{where} holds {text[:80]!r}, which says nothing of a lease", hint="somebody else wrote it: find out who, and what was there"
    )
