"""Carries a step out: begins it in the journal, does its acts, and writes down what was proved."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Protocol

from ..aws.session import Aws, Connection
from ..errors import KcError
from ..primary import PRIMARY, flag_name
from .act import Act, perform, plan
from .book import Book
from .journal import CLOSED, Entry, Late
from .run import Run
from .site import Site

BRIEF: dict[str, Any] = {"connect_timeout": 2.0, "read_timeout": 3.0, "attempts": 1}
"""How long a region that is lost is asked: nobody waits for it."""

TRIED_SECONDS = 10
"""What an act that is only tried may take to be proved."""

ROLES = "roles"
"""The step after which the region that takes over is primary."""


class Content(Protocol):
    """A runbook: a module of `books`."""

    BOOK: Book

    def acts(self, site: Site, step: str, since: datetime) -> Sequence[Act[Any]]:
        """Return what a step does."""

    def tried(self, site: Site, step: str) -> Sequence[Act[Any]]:
        """Return what a step tries besides."""


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
        found = self.aws.at(self.site.to).find("ssm", "get_parameter", Name=flag_name(self.site.scope))
        return str(found["Parameter"]["Value"]) if found else ""

    def is_over(self, entries: Sequence[Entry]) -> bool:
        """Return whether the last run did already what is asked for.

        Raises:
            KcError: The region is primary, and the last run did not make it that.
        """
        if (entries and entries[-1].kind != CLOSED) or self.role() != PRIMARY:
            return False
        if entries and entries[0].facts == {"book": self.content.BOOK.name, "arguments": self.site.arguments}:
            return True
        raise KcError(f"{self.site.to} is primary already", hint=f"there is nothing to take over from {self.site.other}")

    def guard(self, run: Run) -> None:
        """Check that this run may change something: it is the last one, nobody else goes on with it, the roles are as it knows them.

        Raises:
            Late: It may not.
        """
        run.guard()
        role = self.role()
        roles = run.progress.steps[ROLES]
        wrong = (role == PRIMARY) if not roles.attempts else (role != PRIMARY and roles.state == "done")
        if wrong:
            raise Late(f"{self.site.to} is `{role}`, and run {run.epoch} did not make it that", hint="find out who did: status.yml")

    def carry(self, run: Run, step: str, takeover: bool = False) -> Mapping[str, Any]:
        """Carry a step out that is nothing but acts, unless it is done; return its facts.

        Args:
            run: Whose.
            step: Its name.
            takeover: Who began it before is dead.

        Raises:
            KcError: An act failed; that is in the journal then.
        """
        if not run.begin(step, takeover):
            return run.progress.steps[step].facts
        seconds = run.progress.book.step(step).seconds
        calls: list[dict[str, Any]] = []
        left: list[str] = []
        try:
            for act in self.content.tried(self.site, step):
                try:
                    calls += perform(act, self.lost, lambda: self.guard(run), TRIED_SECONDS)
                except Late:
                    raise
                except KcError as error:
                    left.append(f"{act.what}: {error.message}")
            for act in self.content.acts(self.site, step, _since(run, step)):
                calls += perform(act, self.aws, lambda: self.guard(run), seconds)
        except KcError as error:
            run.failed(step, str(error))
            raise
        facts = {"calls": calls, **({"left": left} if left else {})}
        run.done(step, facts)
        return facts

    def foresee(self, step: str) -> Mapping[str, Any]:
        """Return what carrying a step out would call, as things are now."""
        calls = [call for act in self.content.acts(self.site, step, datetime.now(UTC)) for call in plan(act, self.aws)]
        left = []
        for act in self.content.tried(self.site, step):
            try:
                calls += plan(act, self.lost)
            except KcError as error:
                left.append(f"{act.what}: {error.message}")
        return {"calls": calls, **({"left": left} if left else {})}


def brief(connection: Connection, region: str) -> Aws:
    """Return an AWS that gives up soon."""
    return Aws(replace(connection, **BRIEF), region)


def _since(run: Run, step: str) -> datetime:
    return datetime.fromisoformat(run.progress.steps[step].attempts[0].at)
