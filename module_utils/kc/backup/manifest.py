"""How a manifest is read: JSON of a known format, or one error that names where it was found."""

from __future__ import annotations

import datetime
import json
import re
from collections.abc import Callable
from typing import Any, TypeVar

from ..errors import KcError

FORMAT = 1
"""The manifests' own version."""

NAME = "%Y%m%dT%H%M%SZ"
"""What a backup is called: the moment (UTC) it began at. The newest has the greatest."""

MOMENT = re.compile(r"\d{8}T\d{6}Z")
"""Such a name."""

DIGEST = re.compile(r"[0-9a-f]{64}")
"""What an object below `parts/` is called."""

T = TypeVar("T")


def after(last: str) -> str:
    """Return a new backup's name: now, or what comes after the last one where that is of a node whose clock is ahead."""
    now = datetime.datetime.now(datetime.UTC)
    if last:
        now = max(now, datetime.datetime.strptime(last, NAME).replace(tzinfo=datetime.UTC) + datetime.timedelta(seconds=1))
    return now.strftime(NAME)


def text(fields: dict[str, Any]) -> str:
    """Return a manifest as JSON."""
    return json.dumps({"format": FORMAT, **fields}, indent=1, ensure_ascii=False)


def parse(given: bytes | str, where: str, build: Callable[[dict[str, Any]], T]) -> T:
    """Return what `build` makes of a manifest's fields.

    Raises:
        KcError: It is none that this version of the toolkit reads; it names `where`.
    """
    try:
        fields: dict[str, Any] = json.loads(given)
        found = fields.pop("format")
        if found != FORMAT:
            raise KcError(f"{where} has format {found}, this toolkit reads {FORMAT}", hint="use the toolkit that wrote it")
        return build(fields)
    except (ValueError, KeyError, TypeError, AttributeError):
        raise KcError(f"{where} is no manifest of a backup", hint="it was damaged or written by somebody else: use another one") from None
