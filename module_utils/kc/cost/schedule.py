"""How many tasks schedules ask for, on average of a week."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from decimal import Decimal

DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
WEEK = 7 * 24 * 60
"""Minutes."""

WEEKLY = re.compile(r"cron\((\d+) (\d+) \? \* (\S+) \*\)")


def average(least: int, schedules: Iterable[tuple[str, int]]) -> Decimal:
    """Return the least number of tasks on average of a week.

    Args:
        least: What it is where no schedule says anything.
        schedules: Each with what it sets the number to. Where one is not weekly, the highest number of all is taken: nobody is to be
            surprised.
    """
    schedules = list(schedules)
    if not all(WEEKLY.fullmatch(at) for at, _ in schedules):
        return Decimal(max([least, *(number for _, number in schedules)]))
    changes = sorted((minute, number) for at, number in schedules for minute in _minutes(at))
    if not changes:
        return Decimal(least)
    # what the last one of the week has set holds until the first one of the next
    ends = [*(minute for minute, _ in changes[1:]), changes[0][0] + WEEK]
    return sum((Decimal(number * (end - begin)) for (begin, number), end in zip(changes, ends, strict=True)), Decimal(0)) / WEEK


def _minutes(at: str) -> Iterator[int]:
    """Yield the minutes of the week at which a schedule acts."""
    found = WEEKLY.fullmatch(at)
    if found:
        for day in _days(found[3]):
            yield (day * 24 + int(found[2])) * 60 + int(found[1])


def _days(text: str) -> Iterator[int]:
    for part in text.split(","):
        first, _, last = part.partition("-")
        if part == "*":
            yield from range(7)
        else:
            begin, end = (DAYS.index(day) if day in DAYS else int(day) - 1 for day in (first, last or first))
            yield from (day % 7 for day in range(begin, end + 1 if end >= begin else end + 8))
