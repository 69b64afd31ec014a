"""A run's journal: what was done, by whom and when, each entry bound to the one before it. Pure, but for where it is kept.

An entry is written before a step's act and after its proof, and never changed. Who is first to write an entry's number has it: so two
who go on with the same run can't both do so, and whoever is late learns of it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from ..errors import KcError

FORMAT = 1
"""The entries' own version."""

OPENED, CLOSED = "opened", "closed"
BEGUN, DONE, FAILED = "begun", "done", "failed"
UNDOING, UNDONE = "undoing", "undone"
KINDS = {OPENED, BEGUN, DONE, FAILED, UNDOING, UNDONE, CLOSED}


class Late(KcError):
    """Somebody else has written what was to be written."""


@dataclass(frozen=True)
class Entry:
    """One thing that happened.

    Attributes:
        epoch: The run's number; a later run has a greater one.
        number: Of the entry in its run, from 0.
        kind: One of `KINDS`.
        at: UTC, ISO 8601, to the millisecond.
        by: Who wrote it: host, process, and when that began.
        step: Name of the step that it is about; empty for the run itself.
        facts: What is worth knowing of it: plain data, no secrets.
        before: Digest of the entry before; empty for a run's first.
    """

    epoch: int
    number: int
    kind: str
    at: str
    by: Mapping[str, str]
    step: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)
    before: str = ""

    @property
    def text(self) -> str:
        """The entry as JSON, always the same for the same entry."""
        fields = {name: getattr(self, name) for name in _FIELDS}
        return json.dumps({"format": FORMAT, **fields}, sort_keys=True, separators=(",", ":"), ensure_ascii=False)

    @property
    def digest(self) -> str:
        """SHA-256 (hex) of it, and by that of all before it."""
        return hashlib.sha256(self.text.encode()).hexdigest()


_FIELDS = ("epoch", "number", "kind", "at", "by", "step", "facts", "before")


class Shelf(Protocol):
    """Where journals are kept."""

    def epochs(self) -> list[int]:
        """Return the runs that there are, in the order of their numbers."""

    def read(self, epoch: int) -> list[str]:
        """Return a run's entries as they were written, in their order."""

    def behind(self, entry: Entry) -> list[tuple[int, int]]:
        """Return what was written behind an entry, in its run and in later ones: epoch and number of each."""

    def add(self, entry: Entry) -> None:
        """Write an entry.

        Raises:
            Late: Another one of this number is there.
        """


def parse(text: str, where: str) -> Entry:
    """Return an entry.

    Raises:
        KcError: It is none that this version of the toolkit reads; it names `where`.
    """
    try:
        fields = json.loads(text)
        found = fields.pop("format")
        entry = Entry(**fields)
    except (ValueError, KeyError, TypeError, AttributeError):
        raise KcError(f"{where} is no entry of a runbook's journal", hint="it was damaged, or somebody else put it there") from None
    if found != FORMAT or entry.kind not in KINDS:
        raise KcError(f"{where} has format {found} and kind {entry.kind!r}", hint="use the release of the toolkit that wrote it")
    return entry


def read(shelf: Shelf, epoch: int) -> list[Entry]:
    """Return a run's entries.

    Raises:
        KcError: One is missing, or is not what was written.
    """
    entries = [parse(text, f"entry {place} of run {epoch}") for place, text in enumerate(shelf.read(epoch))]
    check(entries)
    return entries


def check(entries: Sequence[Entry]) -> None:
    """Check that nothing was left out of a journal or changed in it.

    Raises:
        KcError: It names the first entry that does not follow the one before it.
    """
    before = ""
    for place, entry in enumerate(entries):
        if (entry.epoch, entry.number, entry.before) != (entries[0].epoch, place, before):
            raise KcError(
                f"entry {place} of run {entries[0].epoch} does not follow the one before it: it was changed, or part is missing",
                hint="compare it with the copy in the other region",
            )
        before = entry.digest


def after(entries: Sequence[Entry], entry: Entry) -> Entry:
    """Return an entry as the next one of its run."""
    return replace(entry, number=len(entries), before=entries[-1].digest if entries else "")
