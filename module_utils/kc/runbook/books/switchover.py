"""The regions change their roles while both stand: nothing is lost, and until the promotion it can be taken back."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from ..act import Act
from ..acts.anew import Anew
from ..acts.capacity import Capacity
from ..acts.role import Role
from ..acts.switch import Switch
from ..book import DECIDE, EXECUTE, PROPAGATE, VERIFY, Book, Step
from ..site import Site

BOOK = Book(
    "switchover",
    (
        Step("replica", "Look at both databases", DECIDE, 120, undo="it has changed nothing"),
        Step("room", "Make room for all users", EXECUTE, 900, undo="the next run of site.yml takes it away"),
        Step("freeze", "Stop the writes", EXECUTE, 180, undo="the former primary takes writes again", by_tasks=True),
        # while nobody can write anyway: what caches names comes along as the promotion goes on
        Step("traffic", "Turn the names", PROPAGATE, 600, undo="they are turned back"),
        Step("lease", "Hand the lease over", EXECUTE, 120, undo="it is given back", by_tasks=True),
        Step("promote", "Promote the replica", EXECUTE, 1800),
        Step("roles", "Write down who is primary, and start the services anew", EXECUTE, 900),
        Step("verify", "Verify", VERIFY, 300),
        Step("aside", "Set the former primary aside", EXECUTE, 1800),
    ),
    turns="roles",
    both=True,
)


def acts(site: Site, step: str, since: datetime) -> Sequence[Act[Any]]:
    """Return what a step does on AWS.

    Args:
        site: Where.
        step: Which.
        since: When it was begun first.
    """
    if step == "room":
        return [Capacity(site.scope, site.least)]
    if step == "traffic":
        return [_switch(site, site.to)]
    if step == "roles":
        # never two: the former primary is told first
        return [Role(site.scope.at(site.other), "secondary"), Role(site.scope, "primary"), Anew(site.scope, list(site.least), since)]
    return []


def tried(site: Site, step: str) -> Sequence[Act[Any]]:
    """Return what a step tries besides: both regions stand, so it does all or fails."""
    return []


def back(site: Site, step: str) -> Sequence[Act[Any]]:
    """Return what takes a step back."""
    return [_switch(site, site.other)] if step == "traffic" else []


def _switch(site: Site, to: str) -> Switch:
    return Switch(site.scope, site.home, site.regions, to)
