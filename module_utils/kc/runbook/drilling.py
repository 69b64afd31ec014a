"""How far a drill is: kept in a file while it is under way, so that one that was broken off is gone on with."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..errors import KcError

FILE = "drill-under-way.json"


def far(directory: Path, lost: str) -> dict[str, Any]:
    """Return how far the drill of a region is: `stage` (the last one that is done, 0: none) and `known`, what it has noted.

    Raises:
        KcError: Another region's is under way, or the file is damaged.
    """
    path = directory / FILE
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        kept = {"lost": str(found["lost"]), "stage": int(found["stage"]), "known": dict(found["known"])}
    except FileNotFoundError:
        return {"lost": lost, "stage": 0, "known": {}}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise KcError(f"{path} can't be read: {error}", hint="take it away, and what a drill was doing back by hand") from None
    if kept["lost"] != lost:
        raise KcError(f"a drill of {kept['lost']} is under way", hint=f"go on with that one; it is noted in {path}")
    return kept


def note(directory: Path, lost: str, stage: int, known: Mapping[str, Any]) -> dict[str, Any]:
    """Write down that a stage is done, and what is known besides; return how far it is. What is known already stays as it was."""
    before = far(directory, lost)
    now = {"lost": lost, "stage": max(stage, before["stage"]), "known": {**known, **before["known"]}}
    directory.mkdir(parents=True, exist_ok=True)
    new = directory / f".{FILE}"
    new.write_text(json.dumps(now), encoding="utf-8")
    new.replace(directory / FILE)
    return now


def over(directory: Path) -> None:
    """Forget it: the drill is over."""
    (directory / FILE).unlink(missing_ok=True)
