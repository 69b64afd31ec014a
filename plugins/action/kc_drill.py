"""Notes how far a drill is, and reports it, inside Ansible's own process."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).absolute().parents[2]
if str(ROOT / "module_utils") not in sys.path:
    sys.path.append(str(ROOT / "module_utils"))

from kc.action import InProcess, options  # noqa: E402
from kc.errors import KcError  # noqa: E402
from kc.runbook import drilling  # noqa: E402
from kc.runbook.drill import Drill, drill  # noqa: E402


class ActionModule(InProcess):
    """Check mode writes nothing."""

    SPEC = options("kc_drill", scope=False)

    def act(self, params: dict[str, Any], *, check: bool) -> dict[str, Any]:
        directory, lost = Path(params["directory"]), params["lost"]
        far = drilling.far(directory, lost)
        if params["do"] == "look" or (check and params["do"] == "note"):
            return {"changed": False, **far}
        if params["do"] == "note":
            return {"changed": True, **drilling.note(directory, lost, params["stage"], params["known"])}
        if not params["users"]:
            raise KcError("a report needs `users`", hint="it is the report of who drove them")
        if "lost_at" not in far["known"]:
            raise KcError(f"no drill of {lost} is under way in {directory}", hint="playbooks/drill.yml goes through one")
        made = _reported(directory, Path(params["users"]), float(far["known"]["lost_at"]))
        files = {directory / f"{made.epoch:06}-drill.json": made.json, directory / f"{made.epoch:06}-drill.md": _text(made.lines)}
        for path, text in files.items() if not check else ():
            path.write_text(text, encoding="utf-8")
        if not check:
            drilling.over(directory)
        result = {"changed": True, "lines": made.lines, "drill": json.loads(made.json), "files": [str(path) for path in files]}
        return result if made.agrees else {**result, "failed": True, "msg": made.lines[-1]}


def _reported(directory: Path, users: Path, lost_at: float) -> Drill:
    failover, failback = (_last(directory, book) for book in ("failover", "failback"))
    exported = list(_lines(directory.glob(f"{failback['epoch']:06}-*-lost.jsonl")))
    written = [line["id"] for line in _lines([users.with_name(users.name.removesuffix(".report.json") + ".jsonl")]) if _kept(line)]
    return drill(failover, failback, lost_at, {**_read(users), "written": written}, exported)


def _last(directory: Path, book: str) -> dict[str, Any]:
    found = max(directory.glob(f"*-{book}.json"), default=None)
    if found is None:
        raise KcError(f"there is no report of a {book} in {directory}", hint="give `directory` as the runbooks had `reports`")
    return _read(found)


def _read(path: Path) -> dict[str, Any]:
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError) as error:
        raise KcError(f"{path} can't be read: {error}", hint="it is written when a run, or who drives users, ends") from None


def _lines(paths: Any) -> Iterator[dict[str, Any]]:
    for path in paths:
        try:
            yield from map(json.loads, path.read_text(encoding="utf-8").splitlines())
        except (OSError, ValueError) as error:
            raise KcError(f"{path} can't be read: {error}") from None


def _kept(line: dict[str, Any]) -> bool:
    return line.get("kind") == "write" and "acked" in line


def _text(lines: list[str]) -> str:
    return "# Drill\n\n" + "".join(f"- {line}\n" for line in lines)
