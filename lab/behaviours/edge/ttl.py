"""How long an answer is kept, as maps of nginx: it compares no numbers, but it knows regular expressions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from .policies import Caching
from .text import block

ERRORS = (404, 414, 500, 501, 502, 503, 504)
"""Errors that are kept though nobody says so, and for how long.

Amazon CloudFront developer guide, "How CloudFront processes HTTP 4xx and 5xx status codes from your origin".
"""

ERROR_SECONDS = 10


def variable(id: str) -> str:
    """Return an id as a part of a variable's name."""
    return "".join(char if char.isalnum() else "_" for char in id.lower())


def kept(policy: str, distribution: str) -> str:
    """Return the name of the variable that says how long an answer is kept."""
    return f"ttl_{variable(policy)}_{variable(distribution)}"


def said_map() -> list[str]:
    """Return the map of what an origin says in Cache-Control: seconds, `never`, or nothing."""
    return block(
        "map $upstream_http_cache_control $said",
        [
            '"~*(no-store|no-cache|private)" never;',
            '"~*s-maxage=\\"?(?<shared_age>[0-9]+)" $shared_age;',
            '"~*max-age=\\"?(?<own_age>[0-9]+)" $own_age;',
            'default "";',
        ],
    )


def fresh_map(policy: Caching) -> list[str]:
    """Return the map of how long a policy keeps what is no error.

    Where an origin gives an end instead of seconds (Expires), nothing is said, and the cache reads it itself.
    """
    lines = [
        f'"|" {policy.usual};',
        '"~^[|]" "";',
        f'"~^never" {policy.least};',
        f'"~^({above(policy.most)})[|]" {policy.most};',
        f'"~^({below(policy.least)})[|]" {policy.least};',
        "default $said;",
    ]
    return block(f'map "$said|$upstream_http_expires" $fresh_{variable(policy.id)}', lines)


def error_map(distribution: str, errors: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return the map of how long a distribution keeps errors (CloudFront API, CustomErrorResponse: ErrorCachingMinTTL)."""
    seconds = dict.fromkeys(ERRORS, ERROR_SECONDS)
    seconds |= {int(error["ErrorCode"]): int(error.get("ErrorCachingMinTTL", ERROR_SECONDS)) for error in errors}
    return block(f"map $status $error_ttl_{variable(distribution)}", [*(f"{code} {ttl};" for code, ttl in seconds.items()), "default 0;"])


def kept_map(policy: Caching, distribution: str) -> list[str]:
    """Return the map of how long an answer is kept."""
    errors = f"$error_ttl_{variable(distribution)}"
    lines = [f'"~^[45]" {errors};', f"default $fresh_{variable(policy.id)};"]
    return block(f"map $status ${kept(policy.id, distribution)}", lines)


def query_map(policy: Caching) -> list[str]:
    """Return the maps of the query string that goes on: of the parameters that a policy names, those that are given."""
    given = {name: f"given_{variable(policy.id)}_{name}" for name in policy.key.query}
    each = [line for name, to in given.items() for line in block(f"map $arg_{name} ${to}", ['"" "";', f'default "{name}=$arg_{name}&";'])]
    named = f"named_{variable(policy.id)}"
    lines = [f'"~^(?<{named}>.+)&$" "?${named}";', 'default "";']
    return [*each, *block(f'map "{"".join(f"${to}" for to in given.values())}" $query_{variable(policy.id)}', lines)]


def above(number: int) -> str:
    """Return a regular expression of the decimal numbers above one."""
    digits = str(number)
    return "|".join([f"[1-9][0-9]{{{len(digits)},}}", *_as_long(digits, lambda digit: (digit + 1, 9))])


def below(number: int) -> str:
    """Return a regular expression of the decimal numbers below one; none are below 0."""
    digits = str(number)
    shorter = [f"[0-9]{{1,{len(digits) - 1}}}"] if len(digits) > 1 else []
    return "|".join([*shorter, *_as_long(digits, lambda digit: (0, digit - 1))]) or "(?!)"


def _as_long(digits: str, between: Callable[[int], tuple[int, int]]) -> list[str]:
    """Return expressions of numbers as long as one, which differ from it first in a digit `between` two."""
    found = []
    for index, digit in enumerate(digits):
        first, last = between(int(digit))
        if first <= last:
            rest = len(digits) - index - 1
            found.append(f"{digits[:index]}[{first}-{last}]" + (f"[0-9]{{{rest}}}" if rest else ""))
    return found
