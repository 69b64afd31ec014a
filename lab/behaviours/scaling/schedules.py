"""When a scheduled action is due: `cron(…)`, `rate(…)` and `at(…)`.

Source: Application Auto Scaling API, PutScheduledAction: Schedule.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")

LONGEST = timedelta(days=1)
"""How far back it is looked for what was missed."""

UNITS = {"minute": "minutes", "hour": "hours", "day": "days"}


def due(schedule: str, timezone: str, after: datetime, now: datetime) -> bool:
    """Whether a schedule comes due after one time, and at the latest now.

    Args:
        schedule: As in `cron(30 6 ? * SUN-THU *)`, `rate(5 minutes)`, `at(2030-01-31T07:00:00)`.
        timezone: In which it is written.
        after: A time with a time zone.
        now: A time with a time zone.
    """
    kind, _, inner = schedule.rstrip(")").partition("(")
    zone = ZoneInfo(timezone)
    if kind == "at":
        return after < datetime.fromisoformat(inner).replace(tzinfo=zone) <= now
    if kind == "rate":
        number, unit = inner.split()
        every = timedelta(**{UNITS[unit.rstrip("s")]: int(number)}).total_seconds()
        return int(after.timestamp() // every) < int(now.timestamp() // every)
    return any(matches(inner, at.astimezone(zone)) for at in _minutes(max(after, now - LONGEST), now))


def _minutes(after: datetime, now: datetime) -> Iterator[datetime]:
    at = after.replace(second=0, microsecond=0) + timedelta(minutes=1)
    while at <= now:
        yield at
        at += timedelta(minutes=1)


def matches(fields: str, at: datetime) -> bool:
    """Whether a minute is one of a cron expression's: minute, hour, day of the month, month, day of the week, year."""
    minute, hour, day, month, weekday, year = fields.split()
    return (
        _field(minute, at.minute, 0)
        and _field(hour, at.hour, 0)
        and _field(day, at.day, 1)
        and _field(month, at.month, 1, MONTHS)
        and _field(weekday, at.isoweekday() % 7 + 1, 1, DAYS)
        and _field(year, at.year, 1970)
    )


def _field(text: str, value: int, first: int, names: Sequence[str] = ()) -> bool:
    """Whether a field holds a value; `L`, `W` and `#` are not known.

    Args:
        text: The field.
        value: The value.
        first: The least value; a step counts from there.
        names: Names of the values, from the least on.
    """
    for name in names:
        text = re.sub(name, str(names.index(name) + first), text, flags=re.IGNORECASE)
    return any(_part(part, value, first) for part in text.split(","))


def _part(part: str, value: int, first: int) -> bool:
    span, _, step = part.partition("/")
    if span in ("*", "?"):
        low, high = first, value
    else:
        begin, _, end = span.partition("-")
        low, high = int(begin), int(end or (value if step else begin))
    if low > high and "-" in span:  # as in FRI-MON
        return value >= low or value <= high
    return low <= value <= high and (value - low) % int(step or 1) == 0
