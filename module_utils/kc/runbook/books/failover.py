"""A region is lost, and the other one takes over. What the lost one had and the other one has not is lost; it is counted."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from ..act import Act
from ..acts.anew import Anew
from ..acts.capacity import Capacity
from ..acts.fence import WORLD, fence
from ..acts.role import Role
from ..acts.switch import Switch
from ..book import DECIDE, DETECT, EXECUTE, PROPAGATE, VERIFY, Book, Step
from ..site import Site

BOOK = Book(
    "failover",
    (
        Step("confirm", "Confirm that the region is lost", DETECT, 60, undo="it has changed nothing"),
        Step("replica", "Look at the replica", DECIDE, 60, undo="it has changed nothing"),
        Step("fence", "Fence the old primary", EXECUTE, 60, undo="the fence is taken away"),
        Step("room", "Make room for all users", EXECUTE, 60, undo="the next run of site.yml takes it away"),
        Step("lease", "Take the lease", EXECUTE, 120, undo="it is given back", by_tasks=True),
        Step("promote", "Promote the replica", EXECUTE, 1800),
        Step("roles", "Write down who is primary, and start the services anew", EXECUTE, 900),
        Step("traffic", "Turn the names", PROPAGATE, 600),
        Step("verify", "Verify", VERIFY, 300),
    ),
    turns="roles",
)


def acts(site: Site, step: str, since: datetime) -> Sequence[Act[Any]]:
    """Return what a step does on AWS in the region that takes over.

    Args:
        site: Where.
        step: Which.
        since: When it was begun first.
    """
    if step == "room":
        return [Capacity(site.scope, site.least, waits=False)]
    if step == "roles":
        return [Role(site.scope, "primary"), Anew(site.scope, list(site.least), since)]
    if step == "traffic":
        return [Capacity(site.scope, site.least), Switch(site.scope, site.home, site.regions, site.to)]
    return []


def tried(site: Site, step: str) -> Sequence[Act[Any]]:
    """Return what a step tries in the region that is lost."""
    if step == "fence":
        return [fence(site, [WORLD])]
    if step == "roles":
        return [Role(site.scope.at(site.other), "secondary")]
    return []


def back(site: Site, step: str) -> Sequence[Act[Any]]:
    """Return what takes a step back."""
    return [fence(site, [])] if step == "fence" else []
