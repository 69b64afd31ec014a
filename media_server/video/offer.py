"""What is offered of a source: in which profile and container, by which plan, with which keys. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ..keys import Keys, Place
from .plan import PERIOD_SEGMENTS, Facts, Plan, plan

AES128, CBCS = "aes128", "cbcs"
CONTAINERS = {AES128: ("ts", "fmp4"), CBCS: ("fmp4",)}
"""What each profile's segments may be in; the first is what they are in if nothing is said."""

SUFFIXES = {"ts": "ts", "fmp4": "m4s"}


@dataclass(frozen=True)
class Offer:
    """A profile, and the container of its segments."""

    profile: str
    container: str

    def plan(self, facts: Facts, period: int = PERIOD_SEGMENTS) -> Plan:
        """Return what is made of a source for it.

        Args:
            facts: What was found in the source.
            period: Segments that share a key. Of `cbcs` all do.

        Raises:
            Refused: Nothing can be made of it.
        """
        return plan(facts, muxed=self.container == "ts", period=None if self.profile == CBCS else period)


@dataclass(frozen=True)
class Wanted:
    """What is to be made.

    Attributes:
        offer: In what.
        plan: By which: the offer's.
        keys: The asset's.
        key_uri: Where players get the key of a place.
        licence_uri: Where they get licences.
    """

    offer: Offer
    plan: Plan
    keys: Keys
    key_uri: Callable[[Place], str]
    licence_uri: str

    def segment(self, number: int | str) -> str:
        """Return a segment's name, by its number or by what stands for it."""
        name = f"{number:05}" if isinstance(number, int) else number
        return f"{name}.{SUFFIXES[self.offer.container]}"

    def place(self, rendition: str, number: int) -> Place:
        """Return the place of a segment."""
        return Place(self.offer.profile, rendition, self.plan.period_of(number))
