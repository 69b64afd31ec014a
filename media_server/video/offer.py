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

    def head(self, number: int) -> str:
        """Return the name of a segment's initialization segment; empty: it needs none. Of `cbcs` each period has one, with its key's id."""
        if self.offer.profile == CBCS:
            return f"init-{self.plan.period_of(number):05}.mp4"
        return "init.mp4" if self.offer.container == "fmp4" else ""

    def begins(self, number: int) -> bool:
        """Return whether a segment is the first one of its initialization segment."""
        return bool(self.head(number)) and (number == 0 or self.head(number) != self.head(number - 1))

    def place(self, rendition: str, number: int) -> Place:
        """Return the place of a segment."""
        return Place(self.offer.profile, rendition, self.plan.period_of(number))
