"""An act of a runbook on AWS: looked at, done as far as it is not so yet, and proved."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

from ..aws.session import Aws

Seen = TypeVar("Seen")


@dataclass(frozen=True)
class Call:
    """A call that changes something."""

    region: str
    service: str
    operation: str
    params: Mapping[str, Any]

    def facts(self, aws: Aws) -> dict[str, Any]:
        """Return it as data, with where it goes."""
        endpoint = aws.at(self.region).client(self.service).meta.endpoint_url
        return {"region": self.region, "endpoint": endpoint, "call": f"{self.service}:{self.operation}", "params": dict(self.params)}


class Act(Protocol, Generic[Seen]):
    """What a step does on AWS. `Seen` is what it needs to know of how things are."""

    what: str
    """What is waited for, for whoever looks on."""

    def look(self, aws: Aws) -> Seen:
        """Read how things are."""

    def calls(self, seen: Seen) -> Sequence[Call]:
        """Return the calls that are left to make: none where all is so already. Pure."""

    def lacks(self, seen: Seen) -> str:
        """Return what is not so yet; empty where it is proved. Pure."""


class Done(NamedTuple):
    """What an act took.

    Attributes:
        calls: To AWS, each once.
        waited: Seconds from the first of them to the proof.
    """

    calls: list[dict[str, Any]]
    waited: float = 0.0


def plan(act: Act[Seen], aws: Aws) -> Done:
    """Return the calls that doing it would make now."""
    return Done([call.facts(aws) for call in act.calls(act.look(aws))])


def perform(act: Act[Seen], aws: Aws, guard: Callable[[], None], seconds: float) -> Done:
    """Make the calls that are left to make, and wait until it is proved.

    What has no effect yet is made again: of a metric's values within a minute the greatest counts, so one that takes another back may
    have to be put in the next one.

    Args:
        act: What is done.
        aws: Where.
        guard: Raises where this run may change nothing any more; is asked before each call.
        seconds: That the proof may take.

    Raises:
        KcError: A call failed, or it is not proved in time.
    """
    made: list[dict[str, Any]] = []
    begun = time.monotonic()

    def state() -> str:
        left = act.calls(seen := act.look(aws))
        for call in left:
            guard()
            aws.at(call.region).call(call.service, call.operation, **call.params)
            if (facts := call.facts(aws)) not in made:
                made.append(facts)
        return act.lacks(act.look(aws) if left else seen) or "so"

    aws.wait(act.what, state, until={"so"}, timeout=seconds, pause=1)
    return Done(made, time.monotonic() - begun)
