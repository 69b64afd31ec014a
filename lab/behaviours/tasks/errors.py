"""Why a task can't start."""

from __future__ import annotations


class StartError(Exception):
    """What ECS gives as `stoppedReason` of a task that failed to start."""
