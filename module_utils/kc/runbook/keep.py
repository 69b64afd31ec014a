"""What the module kc_runbook does: one thing to one run, by a task's options."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..aws.rds import Replica
from ..aws.session import Aws
from ..errors import KcError
from ..scope import Scope
from ..unit import connection_of
from . import journal
from .book import COMPLETED, GIVEN_UP, Progress
from .carry import Carrier, Content, brief
from .report import report
from .run import Run, is_under_way, last, me
from .shelf import Bucket
from .site import site

FILES = ("markdown", "json", "page")
ENDINGS = {"markdown": "md", "json": "json", "page": "html"}


def keep(params: Mapping[str, Any], content: Content, *, check: bool, process: int) -> dict[str, Any]:
    """Do what a task says, and return its result.

    Args:
        params: Its options (library/kc_runbook.py).
        content: The runbook.
        check: Whether nothing is written, here or there.
        process: Who it is done for.

    Raises:
        KcError: It can't be done now.
    """
    given = params["scope"]
    scope = Scope(given["platform"], given["environment"], given["account"], given["region"], "services")
    about, connection = site(scope, params), connection_of(dict(params))
    aws = Aws(connection, scope.region)
    if params["do"] == "replicas":
        return {"changed": False, "replicas": replicas(aws, scope)}
    shelf = Bucket(aws, params["bucket"])
    carrier = Carrier(content, about, aws, brief(connection, scope.region))
    before = last(shelf)
    if check:
        return _foreseen(params, carrier, before)
    if params["do"] == "report":
        return _reported(params, content, before)
    if params["do"] == "open" and carrier.is_over(before):
        return {"changed": False, "due": False, "last": _ended(before), **_standing(Progress(content.BOOK, before))}
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
            result["facts"] = {"calls": carrier.undo(run)}
        case "give_up":
            run.close(GIVEN_UP, {"reason": params["reason"]})
        case "close":
            run.close(COMPLETED)
    return {**result, **_standing(run.progress)}


def replicas(aws: Aws, scope: Scope) -> list[dict[str, Any]]:
    """Return the platform's replicas of MySQL in a region: id, address and port.

    Raises:
        KcError: There is none, so there is nothing to take over with.
    """
    found = Replica().read(aws, scope.at(scope.region, "mysql"))
    if not found:
        raise KcError(
            f"there is no replica of MySQL in {scope.region}", hint="look which of its instances there are, and what became of them"
        )
    return [{name: live.outputs.get(name, "") for name in ("id", "address", "port")} for _, live in sorted(found.items())]


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
        calls = carrier.foresee_undo(progress)
        result |= {"facts": {"calls": calls}, "changed": bool(calls)}
    if params["do"] == "carry":
        facts = carrier.foresee(params["step"]) if result["due"] else {"calls": []}
        result |= {"facts": dict(facts), "changed": bool(facts["calls"])}
    return result


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
