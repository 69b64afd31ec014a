"""What is offered of a source: in which profile and container, with which keys. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ..keys import Keys, Place
from .plan import Plan, Rendition

AES128, CBCS = "aes128", "cbcs"
CONTAINERS = {AES128: ("ts", "fmp4"), CBCS: ("fmp4",)}
"""What each profile's segments may be in; the first is what they are in if nothing is said."""

SUFFIXES = {"ts": "ts", "fmp4": "m4s"}


@dataclass(frozen=True)
class Offer:
    """A profile, and the container of its segments."""

    profile: str
    container: str

    def renditions(self, plan: Plan) -> tuple[Rendition, ...]:
        """Return what is offered of what is made by a plan."""
        return plan.within(self.container)

    def period_of(self, plan: Plan, segment: int) -> int:
        """Return the period of a segment. Of `cbcs` all are one."""
        return 0 if self.profile == CBCS else plan.period_of(segment)

    def periods(self, plan: Plan) -> int:
        """Return how many periods there are."""
        return self.period_of(plan, plan.segments - 1) + 1


@dataclass(frozen=True)
class Wanted:
    """What is to be made.

    Attributes:
        offer: In what.
        plan: By which.
        keys: The asset's.
        key_uri: Where players get the key of a place.
        licence_uri: Where they get licences.
    """

    offer: Offer
    plan: Plan
    keys: Keys
    key_uri: Callable[[Place], str]
    licence_uri: str

    @property
    def renditions(self) -> tuple[Rendition, ...]:
        """The offer's."""
        return self.offer.renditions(self.plan)

    def path(self, *names: str) -> str:
        """Return the path of an object below the asset's, by its path below the profile's."""
        return "/".join((self.offer.profile, *names))

    def segment(self, number: int | str) -> str:
        """Return a segment's name, by its number or by what stands for it."""
        name = f"{number:05}" if isinstance(number, int) else number
        return f"{name}.{SUFFIXES[self.offer.container]}"

    def place(self, rendition: str, number: int) -> Place:
        """Return the place of a segment."""
        return Place(self.offer.profile, rendition, self.offer.period_of(self.plan, number))
