"""A region that was lost is back: it becomes the other one's standby. It must not write before; what only it has is counted and kept."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from ..act import Act
from ..acts.fence import WORLD, fence
from ..acts.hold import Hold
from ..acts.role import Role
from ..book import DECIDE, EXECUTE, VERIFY, Book, Step
from ..site import Site

HELD = "it stays held, and takes no writes"

BOOK = Book(
    "failback",
    (
        Step("hold", "Keep the returned region from writing", EXECUTE, 600, undo=HELD),
        Step("count", "Count and export what was lost", DECIDE, 1800, undo="it has changed nothing"),
        Step("aside", "Set the former primary aside", EXECUTE, 1800),
        Step("open", "Take the fence away", EXECUTE, 60),
        Step("rebuild", "Make a replica in its place", EXECUTE, 28800),
        Step("soak", "See that it keeps up", VERIFY, 3600),
    ),
    both=True,
    then="switchover",
)


def acts(site: Site, step: str, since: datetime) -> Sequence[Act[Any]]:
    """Return what a step does on AWS.

    Args:
        site: Where; `to` is the region that is primary, `other` the one that is back.
        step: Which.
        since: When it was begun first.
    """
    if step == "hold":
        back = site.scope.at(site.other)
        # cut off from everybody until it is read only; then from its own applications, so that its database can be looked at
        return [fence(site, [WORLD]), Role(back, "secondary"), Hold(back), fence(site, site.apart)]
    if step == "open":
        return [fence(site, [])]
    return []


def tried(site: Site, step: str) -> Sequence[Act[Any]]:
    """Return what a step tries besides: the region has to answer."""
    return []


def back(site: Site, step: str) -> Sequence[Act[Any]]:
    """Return what takes a step back: nothing is let in again that may have been replaced."""
    return []
