"""What the module kc_runbook does: one thing to one run, by a task's options."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..alarms import PAGES, topic_arn
from ..aws.session import Aws
from ..aws.sns import publish
from ..errors import KcError
from ..scope import Scope
from ..unit import connection_of
from . import journal
from .book import COMPLETED, GIVEN_UP, REVERTED, Progress
from .carry import Carrier, Content, brief
from .report import report
from .run import Run, is_under_way, last, me
from .shelf import Bucket
from .site import Site, site

ENDED = {"undo": REVERTED, "give_up": GIVEN_UP}
"""How a run has ended for which this was done."""

FILES = ("markdown", "json", "page")
ENDINGS = {"markdown": "md", "json": "json", "page": "html"}


def keep(params: Mapping[str, Any], content: Content, *, check: bool, process: int, kept: Path | None = None) -> dict[str, Any]:
    """Do what a task says, and return its result.

    Args:
        params: Its options (library/kc_runbook.py).
        content: The runbook.
        check: Whether nothing is written, here or there.
        process: Who it is done for.
        kept: Where that process keeps what it has read of journals.

    Raises:
        KcError: It can't be done now.
    """
    given = params["scope"]
    scope = Scope(given["platform"], given["environment"], given["account"], given["region"], "services")
    about, connection = site(scope, params), connection_of(dict(params))
    aws = Aws(connection, scope.region)
    shelf = Bucket(aws, params["bucket"], kept=kept)
    carrier = Carrier(content, about, aws, brief(connection, scope.region))
    before = last(shelf)
    if check:
        return _foreseen(params, carrier, before)
    if params["do"] == "report":
        return _reported(params, content, before)
    if params["do"] == "tell":
        return _told(params, carrier, before)
    if params["do"] == "open" and content.BOOK.both and not is_under_way(before):
        _same_journals(shelf, Bucket(aws.at(about.other), params["mirror"]), about)
    if params["do"] == "open" and carrier.is_over(before):
        own = before[0].facts["book"] == content.BOOK.name
        return {"changed": False, "due": False, "last": _ended(before), **(_standing(Progress(content.BOOK, before)) if own else {})}
    if params["do"] in ENDED and carrier.ended(before) == ENDED[params["do"]]:  # whoever did it was killed right behind its end
        ended = {"facts": {"calls": [], "by_tasks": ""}} if params["do"] == "undo" else {}
        return {"changed": False, **ended, **_standing(Progress(content.BOOK, before))}
    if params["do"] != "open" and not is_under_way(before):
        raise KcError(f"no run of {content.BOOK.name} is under way", hint=f"{content.BOOK.name}.yml opens one")
    run = Run.open(shelf, before, content.BOOK, about.arguments, me(process))
    result: dict[str, Any] = {"changed": True}
    step = params["step"]
    match params["do"]:
        case "open":
            result |= {"changed": not is_under_way(before), "due": True, "last": _ended(before)}
        case "carry":
            result["facts"] = dict(carrier.carry(run, step, params["takeover"]))
        case "begin":
            carrier.guard(run)
            result["due"] = run.begin(step, params["takeover"])
        case "done":
            run.done(step, params["facts"])
        case "failed":
            run.failed(step, params["reason"], params["untouched"])
        case "undo":
            result["facts"] = carrier.undo(run)
        case "undone":
            run.undone(step, params["facts"])
        case "give_up":
            run.close(GIVEN_UP, {"reason": params["reason"]})
        case "close":
            run.close(COMPLETED, params["facts"])
    return {**result, **_standing(run.progress)}


def _same_journals(here: Bucket, there: Bucket, about: Site) -> None:
    """Check that both regions know of the same last run: S3 replicates journals, and what has not come is not known.

    Raises:
        KcError: They don't.
    """
    mine, theirs = last(here), last(there)
    if [each.digest for each in mine] != [each.digest for each in theirs]:
        known = " and ".join(
            f"{region} of {f'run {found[0].epoch} up to entry {found[-1].number}' if found else 'none'}"
            for region, found in ((about.to, mine), (about.other, theirs))
        )
        raise KcError(
            f"the regions' journals differ: {known}",
            hint="S3 replicates them within minutes: run this again; if they stay so, look at the replication of the bucket `journals`",
        )


def _standing(progress: Progress) -> dict[str, Any]:
    steps = {name: each.state for name, each in progress.steps.items()}
    proved = {name: each.facts for name, each in progress.steps.items() if each.facts}
    return {"epoch": progress.opened.epoch, "steps": steps, "proved": proved, "outcome": progress.outcome}


def _ended(entries: list[journal.Entry]) -> dict[str, Any]:
    """Return what the last run was, if it has ended."""
    if not entries or is_under_way(entries):
        return {}
    return {**entries[0].facts, "epoch": entries[0].epoch, "outcome": entries[-1].facts["outcome"], "at": entries[-1].at}


def _foreseen(params: Mapping[str, Any], carrier: Carrier, before: list[journal.Entry]) -> dict[str, Any]:
    """Return what would be done: by the run that is under way, or by a new one."""
    book = carrier.content.BOOK
    progress = Progress(book, before) if is_under_way(before) and before[0].facts.get("book") == book.name else None
    standing = _standing(progress) if progress else {"epoch": 0, "steps": dict.fromkeys(book.names, "waiting"), "proved": {}, "outcome": ""}
    result: dict[str, Any] = {"changed": False, "last": _ended(before), **standing}
    if params["do"] == "open":
        result["due"] = not carrier.is_over(before)
    if params["step"]:
        result["due"] = not (progress and progress.is_done(params["step"]))
    if params["do"] == "undo" and progress:
        facts = carrier.foresee_undo(progress)
        result |= {"facts": facts, "changed": bool(facts["calls"] or facts["by_tasks"])}
    if params["do"] == "carry":
        foreseen = carrier.foresee(params["step"]) if result["due"] else {"calls": []}
        result |= {"facts": dict(foreseen), "changed": bool(foreseen["calls"])}
    return result


def _told(params: Mapping[str, Any], carrier: Carrier, entries: list[journal.Entry]) -> dict[str, Any]:
    """Tell people of the last run. That nobody could be told is no error: the run is what it is."""
    made, scope = report(Progress(carrier.content.BOOK, entries)), carrier.site.scope
    subject = f"{scope.environment}: {made.headline}"
    try:
        publish(carrier.lost, topic_arn(scope, PAGES), subject, made.markdown)
    except KcError as error:
        return {"changed": False, "warnings": [f"nobody was told: {error.message}"]}
    return {"changed": True, "msg": subject}


def _reported(params: Mapping[str, Any], content: Content, entries: list[journal.Entry]) -> dict[str, Any]:
    """Write the last run's report."""
    if not entries:
        raise KcError(f"there is no run of {content.BOOK.name} in {params['bucket']}")
    made = report(Progress(content.BOOK, entries))
    directory = Path(params["directory"] or ".")
    directory.mkdir(parents=True, exist_ok=True)
    files = []
    for kind in FILES:
        path = directory / f"{made.epoch:06}-{made.book}.{ENDINGS[kind]}"
        path.write_text(getattr(made, kind), encoding="utf-8")
        files.append(str(path))
    return {"changed": True, "files": files, **_standing(Progress(content.BOOK, entries))}
