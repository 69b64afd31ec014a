"""One run of a runbook: opened, gone on with by whoever comes after a kill, and closed. What it decides is by its journal alone."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ..errors import KcError
from . import journal
from .book import COMPLETED, DRILL, GIVEN_UP, OUTCOMES, REVERTED, Book, Progress, Step
from .journal import Entry, Late, Shelf

BOOT = Path("/proc/sys/kernel/random/boot_id")


def now() -> str:
    """Return the moment, as entries have it."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def me(pid: int = 0) -> dict[str, str]:
    """Return who writes, this process or another: it is told from one that had its number before by when it began."""
    pid = pid or os.getpid()
    return {"host": socket.gethostname(), "boot": _boot(), "process": str(pid), "since": _since(pid)}


def lives(by: Mapping[str, str]) -> bool | None:
    """Return whether who wrote an entry still runs; None: it can't be told from here."""
    if (by.get("host"), by.get("boot")) != (socket.gethostname(), _boot()):
        return None
    try:
        return _since(int(by["process"])) == by["since"]
    except (KeyError, ValueError):
        return None


def _boot() -> str:
    try:
        return BOOT.read_text().strip()
    except OSError:
        return ""


def _since(pid: int) -> str:
    """Return when a process began, in ticks since the boot (proc(5), field 22 of `stat`); empty where there is none."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except OSError:
        return ""


class Run:
    """A run that is under way, or has ended.

    Args:
        shelf: Where its journal is.
        progress: How far it is.
        by: Who goes on with it.
        clock: Tells the moment.
    """

    def __init__(self, shelf: Shelf, progress: Progress, by: Mapping[str, str], clock: Callable[[], str] = now) -> None:
        self._shelf, self._by, self._clock = shelf, dict(by), clock
        self.progress = progress

    @classmethod
    def open(
        cls,
        shelf: Shelf,
        before: Sequence[Entry],
        book: Book,
        arguments: Mapping[str, Any],
        by: Mapping[str, str],
        clock: Callable[[], str] = now,
    ) -> Run:
        """Go on with the run that is under way, or open one.

        Args:
            shelf: Where journals are.
            before: The last run's journal (`last`).
            book: What is run.
            arguments: What it is run for: plain data. A run is gone on with only for the same.
            by: Who runs it (`me`).
            clock: Tells the moment.

        Raises:
            KcError: Another runbook is under way, or this one for something else.
            Late: Somebody else opened one in the same moment.
        """
        if is_under_way(before):
            _same(before[0], book, arguments)
            return cls(shelf, Progress(book, before), by, clock)
        epoch = before[0].epoch + 1 if before else 1
        first = Entry(epoch, 0, journal.OPENED, clock(), by, facts={"book": book.name, "arguments": dict(arguments)})
        shelf.add(first)
        return cls(shelf, Progress(book, [first]), by, clock)

    @property
    def epoch(self) -> int:
        """Its number."""
        return self.progress.opened.epoch

    def guard(self) -> None:
        """Check that this run is still the last one, and that nobody else went on with it: before whatever changes something.

        Raises:
            Late: It is not, or somebody has.
        """
        behind = self._shelf.behind(self.progress.entries[-1])
        if not behind:
            return
        epoch, number = behind[-1]
        if epoch != self.epoch:
            raise Late(f"run {epoch} has begun since, and run {self.epoch} is over")
        raise Late(f"somebody else goes on with run {epoch}: its journal has an entry {number} that is not known here")

    def begin(self, name: str, takeover: bool = False) -> bool:
        """Begin a step; return whether there is something to do: a step that is done is not done again.

        Args:
            name: The step's.
            takeover: Whoever began it is dead, whatever it looks like from here.

        Raises:
            KcError: It is not its turn; or who began it may still be at it.
            Late: Somebody else goes on with this run.
        """
        progress = self.progress
        step = progress.book.step(name)
        if progress.closed is not None:
            raise KcError(f"run {self.epoch} is {progress.outcome}")
        if progress.undoing:
            raise KcError(f"run {self.epoch} is on its way back", hint="have it undone, then begin anew")
        if progress.is_done(name):
            return False
        due = progress.next
        if due is not None and due.name != name:
            raise KcError(f"it is not the turn of {progress.book.title(name)}: {progress.book.title(due.name)} comes before it")
        if not takeover:
            self._not_at_work(step)
        self._write(journal.BEGUN, name)
        return True

    def _not_at_work(self, step: Step) -> None:
        """Raise if who began a step may still be at it."""
        standing = self.progress.steps[step.name]
        if standing.state != journal.BEGUN or not standing.attempts:
            return
        latest = standing.attempts[-1]
        if dict(latest.by) == self._by or (alive := lives(latest.by)) is False:
            return
        at = datetime.fromisoformat(latest.at)
        gone = (datetime.fromisoformat(self._clock()) - at).total_seconds()
        if alive or gone < step.seconds:
            which = "runs" if alive else f"may take {step.seconds:.0f} s"
            who = f"process {latest.by.get('process')} on {latest.by.get('host')}, which {which}"
            raise KcError(
                f"{self.progress.book.title(step.name)} was begun {gone:.0f} s ago by {who}",
                hint="wait for it; or, if you know that it is dead, run this again with `-e takeover=true`",
            )

    def done(self, name: str, facts: Mapping[str, Any] | None = None) -> None:
        """Write down that a step was proved to be done."""
        self._ends(name, journal.BEGUN)
        self._write(journal.DONE, name, facts)

    def failed(self, name: str, reason: str, untouched: bool = False) -> None:
        """Write down that a step failed; it may be begun again.

        Args:
            name: The step's.
            reason: Why, for people.
            untouched: That it changed nothing, or took back what it did: there is nothing to undo then.
        """
        self._ends(name, journal.BEGUN)
        self._write(journal.FAILED, name, {"reason": reason, "untouched": untouched})

    def undo(self, name: str) -> bool:
        """Begin to take a step back; return whether there is something to take back.

        Raises:
            KcError: There is no way back, or it is not its turn.
        """
        progress = self.progress
        step = progress.book.step(name)
        if progress.closed is not None:
            raise KcError(f"run {self.epoch} is {progress.outcome}")
        if not progress.returnable:
            over = next(each.step for each in progress.steps.values() if each.touched and not each.step.undo)
            raise KcError(
                f"there is no way back from {progress.book.title(over.name)}", hint="run the runbook again: it completes what it began"
            )
        if not progress.steps[name].touched:
            return False
        due = progress.back
        if due is not None and due.name != step.name:
            raise KcError(f"it is not the turn of {progress.book.title(name)}: {progress.book.title(due.name)} is taken back before it")
        self._write(journal.UNDOING, name)
        return True

    def undone(self, name: str, facts: Mapping[str, Any] | None = None) -> None:
        """Write down that a step was taken back."""
        self._ends(name, journal.UNDOING)
        self._write(journal.UNDONE, name, facts)

    def close(self, outcome: str, facts: Mapping[str, Any] | None = None) -> None:
        """End the run; ended already in this way, nothing is written.

        Raises:
            KcError: It can't end like this from where it is.
        """
        progress = self.progress
        if progress.closed is not None:
            if progress.outcome != outcome:
                raise KcError(f"run {self.epoch} is {progress.outcome}, and can't be {outcome}")
            return
        if outcome not in OUTCOMES:
            raise KcError(f"a run ends as one of {', '.join(OUTCOMES)}, and not as {outcome!r}")
        if outcome == COMPLETED and progress.next is not None:
            raise KcError(f"{progress.book.title(progress.next.name)} is not done")
        if outcome == REVERTED and progress.back is not None:
            raise KcError(f"{progress.book.title(progress.back.name)} is not taken back")
        if outcome == GIVEN_UP and not (facts or {}).get("reason"):
            raise KcError("a run is given up for a reason", hint="say which")
        self._write(journal.CLOSED, "", {**(facts or {}), "outcome": outcome})

    def _ends(self, name: str, kind: str) -> None:
        if self.progress.steps[self.progress.book.step(name).name].state != kind:
            raise KcError(f"{self.progress.book.title(name)} is not under way in run {self.epoch}")

    def _write(self, kind: str, step: str, facts: Mapping[str, Any] | None = None) -> None:
        entries = self.progress.entries
        entry = journal.after(entries, Entry(self.epoch, 0, kind, self._clock(), self._by, step, dict(facts or {})))
        self._shelf.add(entry)
        self.progress = Progress(self.progress.book, [*entries, entry])


def last(shelf: Shelf) -> list[Entry]:
    """Return the journal of the last run, whatever it is of; nothing where there was none."""
    epochs = shelf.epochs()
    return journal.read(shelf, epochs[-1]) if epochs else []


def is_drill(entries: Sequence[Entry]) -> bool:
    """Whether a journal is of a run that was completed to see that it works: of a drill, or of any runbook whose end says `drill`."""
    if not entries or entries[-1].kind != journal.CLOSED or entries[-1].facts.get("outcome") != COMPLETED:
        return False
    return entries[0].facts.get("book") == DRILL or bool(entries[-1].facts.get(DRILL))


def is_under_way(entries: Sequence[Entry]) -> bool:
    """Whether a journal is of a run that has not ended."""
    return bool(entries) and entries[-1].kind != journal.CLOSED


def _same(opened: Entry, book: Book, arguments: Mapping[str, Any]) -> None:
    """Raise where the run that is under way is another one than is asked for."""
    found = opened.facts
    if found.get("book") == book.name and found.get("arguments") == dict(arguments):
        return
    about = ", ".join(f"{name}={value}" for name, value in sorted(dict(found.get("arguments") or {}).items()))
    raise KcError(
        f"run {opened.epoch} is under way since {opened.at}: {found.get('book')} with {about or 'nothing'}",
        hint="go on with that one; or run it with `-e undo=true`, or give it up with `-e give_up=` and a reason",
    )
