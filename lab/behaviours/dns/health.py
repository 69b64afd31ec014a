"""The status of health checks, from what checkers see."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

Config = Mapping[str, Any]
"""HealthCheckConfig, as Route 53's API answers it."""

ENDPOINTS = ("HTTP", "HTTPS", "HTTP_STR_MATCH", "HTTPS_STR_MATCH", "TCP")


@dataclass(frozen=True)
class Seen:
    """What is known of an endpoint, or of a metric.

    Attributes:
        passing: Whether it passes; what is new does, until it is known better.
        streak: Looks in a row that say otherwise.
        text: What the last look said, as GetHealthCheckStatus tells it.
        at: When that was, in seconds since 1970.
        failure: What the last look said that failed.
        failed: When that was.
    """

    passing: bool = True
    streak: int = 0
    text: str = ""
    at: float = 0.0
    failure: str = ""
    failed: float = 0.0

    def and_now(self, passes: bool, text: str, at: float, threshold: int = 1) -> Seen:
        """Return what is known after another look: it changes as soon as `threshold` in a row say so."""
        streak = 0 if passes == self.passing else self.streak + 1
        seen = replace(self, streak=streak, text=text, at=at)
        if streak >= threshold:
            seen = replace(seen, passing=passes, streak=0)
        return seen if passes else replace(seen, failure=text, failed=at)


def metric_passes(state: str, config: Config, last: bool) -> bool:
    """Whether a check of a metric passes while an alarm of its settings would be in `state`, and `last` was its status."""
    if state == "INSUFFICIENT_DATA":
        return {"Healthy": True, "Unhealthy": False}.get(config.get("InsufficientDataHealthStatus", ""), last)
    return state == "OK"


def statuses(checks: Mapping[str, Config], seen: Mapping[str, Seen]) -> dict[str, bool]:
    """Return which checks are healthy, by id; one that is disabled is, and inverting comes after all else."""
    found: dict[str, bool] = {}

    def status(id: str) -> bool:
        if id not in found:
            config = checks[id]
            found[id] = False  # a check that counts itself, which Route 53 refuses
            if config.get("Disabled"):
                passes = True
            elif config["Type"] == "CALCULATED":
                healthy = sum(status(child) for child in config.get("ChildHealthChecks", ()) if child in checks)
                passes = healthy >= config.get("HealthThreshold", 0)
            else:
                passes = seen.get(id, Seen()).passing
            found[id] = passes != bool(config.get("Inverted"))
        return found[id]

    return {id: status(id) for id in checks}
