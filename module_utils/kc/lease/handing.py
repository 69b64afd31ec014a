"""What the module kc_lease does: the lease changes hands, for a runbook."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, Protocol

from ..errors import KcError
from .lease import EXPIRED, FIRST, HANDED, RETURNED, Lease

PAUSE = 0.5
"""Seconds between two looks."""


class Terms(Protocol):
    """What of the ensemble it takes (ensemble.py)."""

    def look(self) -> Lease | None: ...
    def holders(self, lease: Lease) -> list[str]: ...
    def lay(self, lease: Lease) -> bool: ...
    def swap(self, before: Lease, after: Lease, hand: bool = False) -> bool: ...


@dataclass(frozen=True)
class Wish:
    """A change of hands.

    Attributes:
        to: The region that gets it.
        other: The one whose it may be now, and no third.
        how: As in `Lease.how`: `EXPIRED` waits until nobody holds it, `HANDED` and `RETURNED` let go for who does.
        wait: Seconds that nobody may take to hold it any more; a TTL at least.
        force: With `EXPIRED`, let go for who holds it after all, and wait until that one has fenced itself off.
        ttl: Seconds of a holder's session.
    """

    to: str
    other: str
    how: str
    wait: float = 30
    force: bool = False
    ttl: float = 15


def look(terms: Terms) -> dict[str, Any]:
    """Return what the ensemble says of the lease."""
    lease = terms.look()
    return {"changed": False, "lease": asdict(lease) if lease else {}, "holders": terms.holders(lease) if lease else []}


def hand(terms: Terms, wish: Wish, *, check: bool = False, sleep: Callable[[float], None] = time.sleep) -> dict[str, Any]:
    """Have a region get the lease, unless it has; return the task's result.

    Raises:
        KcError: It is a third one's, or somebody holds it still.
    """
    end = time.monotonic() + wish.wait
    while True:
        lease = terms.look()
        holders = terms.holders(lease) if lease else []
        after = _after(lease, wish)
        if after == lease:
            # killed while it waited for one that was made to let go, and run again
            sleep(wish.ttl if wish.force and not check else 0)
            return _result(False, lease, after, holders)
        if check:
            return _result(True, lease, after, holders)
        if lease is None:
            if terms.lay(after):
                return _result(True, lease, after, holders)
        elif terms.swap(lease, after, hand=wish.how != EXPIRED):
            return _result(True, lease, after, holders)
        elif holders and wish.force and terms.swap(lease, after, hand=True):
            # its holder sees that at its next beat, or, cut off from here, at the end of its time
            sleep(wish.ttl)
            return _result(True, lease, after, holders)
        if time.monotonic() > end:
            raise KcError(
                f"{wish.other} holds the lease still, after {wish.wait:g} s: {', '.join(holders)} lives",
                hint="it is not lost, then. If you know that it does not serve, add `-e sure=true`: it lets go then, and fences itself off",
            )
        sleep(PAUSE)


def _after(lease: Lease | None, wish: Wish) -> Lease:
    """Return the lease as it is to be; the same where it is so.

    Raises:
        KcError: It is another's than was supposed.
    """
    if lease is None:
        return Lease(wish.to, 1, FIRST)
    if lease.region == wish.to:
        return lease
    if lease.region != wish.other:
        raise KcError(
            f"the lease is {lease.region}'s, and not {wish.other}'s", hint="find out who gave it to it: status.yml tells the roles"
        )
    return lease.after(wish.to, wish.how)


def _result(changed: bool, before: Lease | None, after: Lease, holders: list[str]) -> dict[str, Any]:
    return {"changed": changed, "before": asdict(before) if before else {}, "lease": asdict(after), "holders": holders}


HOWS = {"take": EXPIRED, "hand": HANDED, "return": RETURNED}
"""What a task asks for, and how the region comes by it then."""
