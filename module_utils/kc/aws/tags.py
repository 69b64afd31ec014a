"""Tags in the shapes that services use."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any


def tag_list(tags: Mapping[str, str]) -> list[dict[str, str]]:
    """Return tags as most services take them: `[{"Key": …, "Value": …}]`."""
    return [{"Key": key, "Value": value} for key, value in sorted(tags.items())]


def tag_dict(tags: Iterable[Mapping[str, Any]] | None) -> dict[str, str]:
    """Return a service's tag list as a dict, without AWS's own (`aws:…`)."""
    return {tag["Key"]: tag["Value"] for tag in tags or [] if not tag["Key"].startswith("aws:")}
