"""Languages by their tags (BCP 47: RFC 5646), as far as texts need them: language, script, region, variants. Pure."""

from __future__ import annotations

import re

LANGUAGE = re.compile(
    r"[a-z]{2,3}(?:-[a-z]{4})?(?:-(?:[a-z]{2}|[0-9]{3}))?(?:-(?:[0-9a-z]{5,8}|[0-9][0-9a-z]{3})){0,2}", re.IGNORECASE | re.ASCII
)
"""Neither extensions nor what is private, which no browser has a name for."""


def tag(text: str) -> str | None:
    """Return a language's tag as it is written (RFC 5646, 2.1.1): `de-CH`, `zh-Hant-TW`; None: it is none."""
    if not LANGUAGE.fullmatch(text):
        return None
    first, *rest = text.lower().split("-")
    return "-".join([first, *(_CASES.get(len(each), str)(each) for each in rest)])


_CASES = {2: str.upper, 4: str.capitalize}
