"""Carries a step out: begins it in the journal, does its acts, and writes down what was proved."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import Any, Protocol

from ..aws.session import Aws, Connection
from ..errors import KcError
from ..primary import PRIMARY, read_flag
from .act import Act, Done, perform, plan
from .book import COMPLETED, REVERTED, Book, Progress, Step
from .journal import DONE, Entry, Late
from .run import Run, is_under_way
from .site import Site

BRIEF: dict[str, Any] = {"connect_timeout": 2.0, "read_timeout": 3.0, "attempts": 1}
"""How long a region that is lost is asked: nobody waits for it."""

TRIED_SECONDS = 10
"""What an act that is only tried may take to be proved."""

Do = Callable[[Act[Any], Aws, float], Done]
"""What is done with an act, where, and within how many seconds."""


class Content(Protocol):
    """A runbook: a module of `books`."""

    BOOK: Book

    def acts(self, site: Site, step: str, since: datetime) -> Sequence[Act[Any]]:
        """Return what a step does."""

    def tried(self, site: Site, step: str) -> Sequence[Act[Any]]:
        """Return what a step tries besides."""

    def back(self, site: Site, step: str) -> Sequence[Act[Any]]:
        """Return what takes a step back."""


@dataclass(frozen=True)
class Carrier:
    """Carries the steps of one run out.

    Attributes:
        content: The runbook.
        site: What it is run for.
        aws: The platform's.
        lost: The same, which gives up soon: for what is only tried.
    """

    content: Content
    site: Site
    aws: Aws
    lost: Aws

    def role(self) -> str:
        """Return what the region that takes over is now, by its flag."""
        return read_flag(self.aws, self.site.scope)

    def ended(self, entries: Sequence[Entry]) -> str:
        """Return how the last run has ended, if it was what is asked for; empty where it was not, or has not."""
        asked = {"book": self.content.BOOK.name, "arguments": self.site.arguments}
        over = bool(entries) and not is_under_way(entries) and entries[0].facts == asked
        return str(entries[-1].facts["outcome"]) if over else ""

    def is_over(self, entries: Sequence[Entry]) -> bool:
        """Return whether the last run did already what is asked for.

        Raises:
            KcError: The region is primary, and the last run did not make it that; or is not, and should be.
        """
        book, site = self.content.BOOK, self.site
        if book.then and entries and entries[0].facts == {"book": book.then, "arguments": {"from": site.to, "to": site.other}}:
            return True
        if is_under_way(entries):
            return False
        done = self.ended(entries) == COMPLETED
        primary = self.role() == PRIMARY
        if book.turns:
            if primary and not done:
                raise KcError(f"{site.to} is primary already", hint=f"there is nothing to take over from {site.other}")
            return primary
        if not primary:
            raise KcError(f"{site.to} is not primary, so {site.other} can't be its standby", hint="status.yml tells which one is")
        return done

    def guard(self, run: Run) -> None:
        """Check that this run may change something: it is the last one, nobody else goes on with it, the roles are as it knows them.

        Raises:
            Late: It may not.
        """
        run.guard()
        role, turns = self.role(), self.content.BOOK.turns
        if not turns:
            wrong = role != PRIMARY
        elif not (step := run.progress.steps[turns]).attempts:
            wrong = role == PRIMARY
        else:
            wrong = role != PRIMARY and step.state == DONE
        if wrong:
            raise Late(
                f"{self.site.to} is `{role}`, and run {run.epoch} did not make it that",
                hint="look at both regions' role flags, and find out who did",
            )

    def carry(self, run: Run, step: str, takeover: bool = False) -> Mapping[str, Any]:
        """Carry a step out that is nothing but acts, unless it is done; return its facts.

        Args:
            run: Whose.
            step: Its name.
            takeover: Who began it before is dead.

        Raises:
            KcError: An act failed; that is in the journal then.
        """
        self.guard(run)
        if not run.begin(step, takeover):
            return run.progress.steps[step].facts
        try:
            facts = self._each(run.progress.book.step(step), _since(run, step), partial(self._perform, run))
        except Late:
            raise  # it is not this run's any more, and nor is its journal
        except KcError as error:
            run.failed(step, str(error))
            raise
        run.done(step, facts)
        return facts

    def foresee(self, step: str) -> Mapping[str, Any]:
        """Return what carrying a step out would call, as things are now."""
        return self._each(self.content.BOOK.step(step), datetime.now(UTC), lambda act, aws, seconds: plan(act, aws))

    def undo(self, run: Run) -> dict[str, Any]:
        """Take back what a run has done, and end it; return the calls that it took (`calls`).

        At a step that tasks take back it stops, and names it (`by_tasks`): they are run then, it is `undone`, and this goes on.

        Raises:
            KcError: There is no way back, or a call failed: done again, it goes on.
        """
        made: list[dict[str, Any]] = []
        while (step := run.progress.back) is not None:
            self.guard(run)
            run.undo(step.name)
            acts = self.content.back(self.site, step.name)
            calls = [call for act in acts for call in self._perform(run, act, self.aws, step.seconds).calls]
            made += calls
            if step.by_tasks:
                return {"calls": made, "by_tasks": step.name}
            run.undone(step.name, {"calls": calls})
        run.close(REVERTED)
        return {"calls": made, "by_tasks": ""}

    def foresee_undo(self, progress: Progress) -> dict[str, Any]:
        """Return what taking a run back would do, as things are now."""
        touched = [each.step for each in reversed(progress.steps.values()) if each.touched]
        calls = [call for step in touched for act in self.content.back(self.site, step.name) for call in plan(act, self.aws).calls]
        return {"calls": calls, "by_tasks": next((step.name for step in touched if step.by_tasks), "")}

    def _perform(self, run: Run, act: Act[Any], aws: Aws, seconds: float) -> Done:
        return perform(act, aws, lambda: self.guard(run), seconds)

    def _each(self, step: Step, since: datetime, do: Do) -> dict[str, Any]:
        """Do something with all acts of a step, those that are only tried first; return its facts."""
        done: list[Done] = []
        left: list[str] = []
        for act in self.content.tried(self.site, step.name):
            try:
                done.append(do(act, self.lost, TRIED_SECONDS))
            except Late:
                raise
            except KcError as error:
                left.append(f"{act.what}: {error.message}")
        done += [do(act, self.aws, step.seconds) for act in self.content.acts(self.site, step.name, since)]
        waited = sum(each.waited for each in done)
        facts = {"calls": [call for each in done for call in each.calls]}
        return {**facts, **({"waited": round(waited, 1)} if waited else {}), **({"left": left} if left else {})}


def brief(connection: Connection, region: str) -> Aws:
    """Return an AWS that gives up soon."""
    return Aws(replace(connection, **BRIEF), region)


def _since(run: Run, step: str) -> datetime:
    return datetime.fromisoformat(run.progress.steps[step].attempts[0].at)
