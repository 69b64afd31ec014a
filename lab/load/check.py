"""Whether what was acknowledged is there: each write of a record is asked for."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .actions import COURSE, Stage
from .figures import WRITE, Line
from .visitor import Failed, Visitor

UPLOAD = "upload"
SIDE_BY_SIDE = 6
TRIES = 5
PAUSE = 2.0
"""Seconds before who was not answered asks again."""

GONE = "404"


@dataclass
class Verdict:
    """What became of acknowledged writes.

    Attributes:
        acknowledged: How many there are.
        missing: Those that are not there, as the record has them.
        unknown: Those of which nobody could tell, with the reason.
    """

    acknowledged: int
    missing: list[Line] = field(default_factory=list)
    unknown: list[Line] = field(default_factory=list)

    @property
    def kept(self) -> bool:
        """Whether all of them are there."""
        return not self.missing and not self.unknown

    @property
    def data(self) -> dict[str, Any]:
        return {"acknowledged": self.acknowledged, "missing": self.missing, "unknown": self.unknown}

    @property
    def text(self) -> str:
        """The verdict, for people: one line, and one for each write that is missing or in doubt."""
        lines = [f"check: {self.acknowledged} acknowledged, {len(self.missing)} missing, {len(self.unknown)} could not be asked for"]
        lines += [f"missing: {line['kind']} {line['id']}, by {line.get('region') or 'who did not say'}" for line in self.missing]
        lines += [f"not known: {line['kind']} {line['id']}, {line['reason']}" for line in self.unknown]
        return "\n".join(lines)


def acknowledged(lines: Iterable[Line]) -> list[Line]:
    """Return the writes of a record that have to be there. Pure."""
    return [line for line in lines if line.get("kind") in (WRITE, UPLOAD) and "acked" in line]


async def check(stage: Stage, lines: Iterable[Line], pause: float = PAUSE) -> Verdict:
    """Ask for each acknowledged write; who gets no answer asks again, after a pause of seconds."""
    due = acknowledged(lines)
    queue = iter(due)
    verdict = Verdict(len(due))

    async def some() -> None:
        async with stage.visitor() as visitor:
            for line in queue:
                await _one(stage, visitor, line, verdict, pause)

    await asyncio.gather(*(some() for _ in range(SIDE_BY_SIDE)))
    for found in (verdict.missing, verdict.unknown):
        found.sort(key=lambda line: line["acked"])
    return verdict


async def _one(stage: Stage, visitor: Visitor, line: Line, verdict: Verdict, pause: float) -> None:
    reason = ""
    for attempt in range(1 if verdict.unknown else TRIES):  # where nobody answers one, the others need not wait as long
        if attempt:
            await asyncio.sleep(pause)
        try:
            there = await (_enrolled if line["kind"] == WRITE else _uploaded)(stage, visitor, str(line["id"]))
        except Failed as failed:
            reason = str(failed)
        else:
            if not there:
                verdict.missing.append(line)
            return
    verdict.unknown.append({**line, "reason": reason})


async def _enrolled(stage: Stage, visitor: Visitor, learner: str) -> bool:
    found: Sequence[Mapping[str, Any]] = (await visitor.ask("GET", stage.url("api", f"/enrolments?learner={learner}"))).told("enrolments")
    return [each["course"] for each in found] == [COURSE]


async def _uploaded(stage: Stage, visitor: Visitor, asset: str) -> bool:
    """Return whether a video is there, and its upload complete."""
    try:
        found = await visitor.ask("GET", stage.url("media", f"/assets/{asset}"), stage.bearer())
    except Failed as failed:
        if str(failed).startswith(GONE):
            return False
        raise
    return bool(found.told("state") not in ("waiting", "failed"))
