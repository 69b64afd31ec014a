"""What a runbook is run for: the platform, where it goes, and from where. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..errors import KcError
from ..scope import Scope


@dataclass(frozen=True)
class Site:
    """What acts are made from.

    Attributes:
        scope: The platform's, in the region that takes over.
        home: The region that is primary at home.
        other: The region that is given up.
        least: Tasks that each application has in a primary, by name.
        apart: Addresses (CIDR) of the given-up region's other tiers than that of data: a fence against them leaves replication.
    """

    scope: Scope
    home: str
    other: str
    least: Mapping[str, int]
    apart: Sequence[str] = ()

    @property
    def to(self) -> str:
        """The region that takes over."""
        return self.scope.region

    @property
    def regions(self) -> tuple[str, str]:
        """Both, the home region first."""
        return (self.home, self.to if self.to != self.home else self.other)

    @property
    def arguments(self) -> dict[str, Any]:
        """What tells a run of it from another one."""
        return {"from": self.other, "to": self.to}


def site(scope: Scope, options: Mapping[str, Any]) -> Site:
    """Return a site from a task's options: `regions`, `home`, `least`, `apart`.

    Raises:
        KcError: It is not one of two regions that takes over.
    """
    others = [region for region in options["regions"] if region != scope.region]
    if len(others) != 1 or scope.region not in options["regions"]:
        named = ", ".join(options["regions"])
        raise KcError(f"{scope.region} can't take over from the other one of {named}", hint="name one of the platform's two regions")
    return Site(scope, options["home"], others[0], options["least"], options["apart"])
