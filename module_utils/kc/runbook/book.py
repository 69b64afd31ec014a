"""What a runbook is, and how far a run of one has come. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from ..errors import KcError
from . import journal
from .journal import Entry

DETECT, DECIDE, EXECUTE, PROPAGATE, VERIFY = "detect", "decide", "execute", "propagate", "verify"
PARTS = (DETECT, DECIDE, EXECUTE, PROPAGATE, VERIFY)
"""What of an RTO a step counts as."""

COMPLETED, REVERTED, GIVEN_UP = "completed", "undone", "given up"
OUTCOMES = (COMPLETED, REVERTED, GIVEN_UP)

DRILL = "drill"
"""The runbook that drills; and, of the end of a run of another one, the fact that nothing was really lost."""


@dataclass(frozen=True)
class Step:
    """One step.

    Attributes:
        name: What the journal calls it.
        title: What it does, for whoever looks on.
        part: What of an RTO it counts as: one of `PARTS`.
        seconds: That it may take.
        undo: How it is taken back, in words; empty where there is no way back from it.
        by_tasks: Whether tasks take it back (`playbooks/tasks/runbooks/<step>_back.yml`), and not calls to AWS alone.
    """

    name: str
    title: str
    part: str
    seconds: float
    undo: str = ""
    by_tasks: bool = False


@dataclass(frozen=True)
class Book:
    """A runbook.

    Attributes:
        name: What it is called.
        steps: Its steps, in their order.
        turns: The step by which the region that it is run in becomes primary; empty where that is primary all along.
        both: Whether both regions take part, and so must know of the same runs before it begins.
        then: The runbook that follows it, the other way round; empty without.
    """

    name: str
    steps: tuple[Step, ...]
    turns: str = ""
    both: bool = False
    then: str = ""

    @property
    def names(self) -> tuple[str, ...]:
        """Its steps' names."""
        return tuple(step.name for step in self.steps)

    def step(self, name: str) -> Step:
        """Return a step.

        Raises:
            KcError: There is none of this name.
        """
        for step in self.steps:
            if step.name == name:
                return step
        raise KcError(f"the runbook {self.name} has no step {name!r}", hint=f"its steps are {', '.join(self.names)}")

    def title(self, name: str) -> str:
        """Return a step's title with its place: "(3/9) Fence the old primary"."""
        step = self.step(name)
        return f"({self.steps.index(step) + 1}/{len(self.steps)}) {step.title}"


@dataclass
class Standing:
    """How far one step has come.

    Attributes:
        state: `waiting`, or the kind of its last entry.
        attempts: The entries that began it.
        ended: The entry that ended it, whichever way.
    """

    step: Step
    state: str = "waiting"
    attempts: list[Entry] = field(default_factory=list)
    ended: Entry | None = None

    @property
    def touched(self) -> bool:
        """Whether its act may have had an effect that was not taken back."""
        if self.state == journal.FAILED and self.ended is not None:
            return not self.ended.facts.get("untouched")
        return self.state in (journal.BEGUN, journal.DONE, journal.UNDOING)

    @property
    def facts(self) -> dict[str, Any]:
        """What was proved of it; nothing before."""
        return dict(self.ended.facts) if self.ended is not None and self.state == journal.DONE else {}


class Progress:
    """How far a run has come, by its journal.

    Args:
        book: What it is a run of.
        entries: Its journal, whole.

    Raises:
        KcError: The journal is of another runbook.
    """

    def __init__(self, book: Book, entries: Sequence[Entry]) -> None:
        self.book, self.entries = book, list(entries)
        self.opened = self.entries[0]
        if (found := self.opened.facts.get("book")) != book.name:
            raise KcError(f"run {self.opened.epoch} is a {found}, and no {book.name}")
        self.steps = {step.name: Standing(step) for step in book.steps}
        self.closed: Entry | None = None
        for entry in self.entries[1:]:
            self._follow(entry)

    def _follow(self, entry: Entry) -> None:
        if entry.kind == journal.CLOSED:
            self.closed = entry
            return
        if entry.step not in self.steps:
            raise KcError(f"run {entry.epoch} has a step {entry.step!r} that the runbook {self.book.name} of this release has not")
        standing = self.steps[entry.step]
        standing.state = entry.kind
        if entry.kind == journal.BEGUN:
            standing.attempts.append(entry)
        elif entry.kind != journal.UNDOING:
            standing.ended = entry

    @property
    def undoing(self) -> bool:
        """Whether it is on its way back."""
        return any(standing.state in (journal.UNDOING, journal.UNDONE) for standing in self.steps.values())

    @property
    def next(self) -> Step | None:
        """The first step that is not done; None: all are."""
        return next((each.step for each in self.steps.values() if each.state != journal.DONE), None)

    @property
    def back(self) -> Step | None:
        """The step to take back next; None: nothing is left to."""
        return next((each.step for each in reversed(self.steps.values()) if each.touched), None)

    @property
    def returnable(self) -> bool:
        """Whether there is a way back from where it is."""
        return all(each.step.undo for each in self.steps.values() if each.touched)

    @property
    def outcome(self) -> str:
        """How it ended; empty while it is under way."""
        return str(self.closed.facts["outcome"]) if self.closed is not None else ""

    def is_done(self, name: str) -> bool:
        """Whether a step is done."""
        return self.steps[name].state == journal.DONE
