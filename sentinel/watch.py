"""Whether the other region is lost, and what follows: by observations and time alone. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum

AUTOMATIC, APPROVAL, OFF = "automatic", "approval", "off"
MODES = (AUTOMATIC, APPROVAL, OFF)
"""What follows a loss: the failover at once; once somebody says so; nothing but a notice."""


class Phase(Enum):
    """How far it is. The order is that of a loss."""

    WATCHING = "watching"
    SUSPECT = "suspect"
    DETECTED = "detected"
    ACTING = "acting"
    FAILED = "failed"
    QUIET = "quiet"


@dataclass(frozen=True)
class Policy:
    """What counts as a loss.

    Attributes:
        mode: One of `MODES`.
        need: Vantage points that must see nothing of the region.
        hold: Seconds in a row that they do.
        gap: Seconds between two looks after which nothing is in a row any more: this process was stopped, or starved.
        pause: Seconds after a failover in which nothing is done by itself.
        attempts: Times that a failover is begun, or gone on with, for one loss.
    """

    mode: str = AUTOMATIC
    need: int = 3
    hold: float = 30
    gap: float = 15
    pause: float = 3600
    attempts: int = 3


@dataclass(frozen=True)
class Look:
    """What is known at a moment.

    Attributes:
        now: Seconds, of a clock that only goes forward.
        seen: By vantage point, whether it reaches the region; None: it can't tell, which counts as if it did.
        turn: Whether it is this task's turn: the ensemble answers (so a majority is on this side), the other region has the lease, and of
            this region's sentinels this one is there for longest.
        word: What somebody has written as approval.
        result: How the failover under way has ended; None: it has not.
        fresh: A name for a detection that begins now.
    """

    now: float
    seen: Mapping[str, bool | None]
    turn: bool
    word: str = ""
    result: bool | None = None
    fresh: str = ""


@dataclass(frozen=True)
class State:
    """Where it is.

    Attributes:
        phase: How far.
        since: When it came there.
        looked: When it looked last.
        detection: The name of the loss that was detected; what an approval has to say.
        attempts: Failovers that were begun for it.
    """

    phase: Phase
    since: float
    looked: float
    detection: str = ""
    attempts: int = 0


@dataclass(frozen=True)
class Step:
    """What a look came to.

    Attributes:
        state: Where it is now.
        run: Whether the failover is to be begun.
        said: What is told, where the phase is another one; empty where it is not.
    """

    state: State
    run: bool = False
    said: str = ""


def begin(now: float) -> State:
    """Return how a sentinel begins."""
    return State(Phase.WATCHING, now, now)


def blind(look: Look) -> list[str]:
    """Return the vantage points that see nothing of the region."""
    return sorted(name for name, reached in look.seen.items() if reached is False)


def step(state: State, look: Look, policy: Policy) -> Step:
    """Return what a look comes to."""
    starved = look.now - state.looked > policy.gap
    lost = look.turn and len(blind(look)) >= policy.need
    state = replace(state, looked=look.now)
    match state.phase:
        case Phase.ACTING:
            return _acting(state, look, policy)
        case Phase.QUIET if look.now - state.since < policy.pause:
            return Step(state)
        case Phase.QUIET:
            return _to(state, look, Phase.WATCHING, "watches again")
        case Phase.WATCHING:
            return _to(state, look, Phase.SUSPECT, f"{', '.join(blind(look))} see nothing of it") if lost else Step(state)
    if not lost:
        return _to(state, look, Phase.WATCHING, "it is seen again" if look.turn else "it is not this sentinel's turn any more")
    if state.phase is Phase.SUSPECT:
        if starved:
            return Step(replace(state, since=look.now))
        return _detected(state, look, policy) if look.now - state.since >= policy.hold else Step(state)
    if state.phase is Phase.DETECTED and policy.mode == APPROVAL and state.detection and look.word == state.detection:
        return _run(state, look, f"{state.detection} was approved: the failover begins")
    return Step(state)


def _acting(state: State, look: Look, policy: Policy) -> Step:
    if look.result is None:
        return Step(state)
    if look.result:
        return _to(state, look, Phase.QUIET, f"the failover is done; nothing is done by itself for {policy.pause:.0f} s")
    if state.attempts < policy.attempts:
        return _run(state, look, f"the failover broke off, and is gone on with ({state.attempts + 1} of {policy.attempts})")
    return _to(state, look, Phase.FAILED, "the failover broke off too often: it is for somebody to go on with, by failover.yml")


def _detected(state: State, look: Look, policy: Policy) -> Step:
    told = f"{', '.join(blind(look))} saw nothing of it for {policy.hold:.0f} s"
    state = replace(state, detection=look.fresh)
    if policy.mode == AUTOMATIC:
        return _run(state, look, f"lost: {told}. The failover begins")
    what = f"The failover waits for the word {look.fresh}" if policy.mode == APPROVAL else "The mode is off: nothing is done"
    return replace(_to(state, look, Phase.DETECTED, f"lost: {told}. {what}"), state=State(Phase.DETECTED, look.now, look.now, look.fresh))


def _run(state: State, look: Look, said: str) -> Step:
    return Step(State(Phase.ACTING, look.now, look.now, state.detection, state.attempts + 1), run=True, said=said)


def _to(state: State, look: Look, phase: Phase, said: str) -> Step:
    return Step(State(phase, look.now, look.now), said=said)
