"""Target tracking: from a metric's last values to a number of tasks. Nothing here looks or acts.

Source: Application Auto Scaling user guide, Target tracking scaling policies: add in proportion, take away with care; with several
policies, any may add, and all must agree to take away.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

PERIOD = 10
"""Seconds between two values; on AWS a minute."""

OUT = 2
"""Values above the target that add tasks; on AWS three."""

IN = 9
"""Values clearly below it that take tasks away; on AWS fifteen."""

CLEARLY = 0.9
"""Part of the target below which tasks are too many."""


@dataclass(frozen=True)
class Opinion:
    """What one policy says.

    Attributes:
        count: How many tasks there should be; None if too little is known.
        cooldown_out: Seconds after tasks were added in which it adds no more.
        cooldown_in: Seconds after the number changed in which it takes none away.
    """

    count: int | None
    cooldown_out: float = 0.0
    cooldown_in: float = 0.0


def tracked(count: int, values: Sequence[float | None], target: float, only_out: bool = False) -> int | None:
    """Return how many tasks keep a metric at its target; None if its last value is not known.

    Args:
        count: Tasks that are wanted now.
        values: The metric's last values, the oldest first; None where there is none.
        target: What to keep.
        only_out: Whether tasks are never taken away.
    """
    known = [value for value in values[-OUT:] if value is not None]
    if not known or values[-1] is None:
        return None
    if len(known) == OUT and min(known) > target:
        return math.ceil(max(1, count) * known[-1] / target)
    calm = [value for value in values[-IN:] if value is not None]
    if not only_out and len(calm) == IN and max(calm) < CLEARLY * target:
        return min(count, math.ceil(count * max(calm) / target))
    return count


def decide(count: int, lowest: int, highest: int, opinions: Sequence[Opinion], since_out: float, since_in: float) -> int:
    """Return how many tasks are wanted from now on.

    Args:
        count: Tasks that are wanted now.
        lowest: The scalable target's least.
        highest: Its most.
        opinions: One a policy.
        since_out: Seconds since tasks were added.
        since_in: Seconds since tasks were taken away.
    """
    more = [each for each in opinions if each.count is not None and each.count > count and since_out >= each.cooldown_out]
    if more:
        return max(count, min(highest, max(each.count or 0 for each in more)))
    if not opinions or any(each.count is None or each.count >= count for each in opinions):
        return count
    if min(since_in, since_out) < max(each.cooldown_in for each in opinions):
        return count
    return min(count, max(lowest, *(each.count or 0 for each in opinions)))
