"""An account as a task describes it."""

from __future__ import annotations

import hashlib
import ipaddress
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..errors import KcError
from .quote import check_name, shown
from .text import expression

READ, WRITE = "read", "write"
LIMITS = ("queries", "errors", "result_rows", "read_rows", "execution_time")
"""What a quota may limit on every version (ClickHouse, Quotas)."""

DECIDED = ("readonly", "allow_ddl", "profile")
"""What an account's grants decide, so that its settings may not."""


@dataclass(frozen=True)
class Setting:
    """A setting as the account begins with it, and how far the account may change it; values as text."""

    value: str | None = None
    least: str | None = None
    most: str | None = None


@dataclass(frozen=True)
class Grant:
    """A database, or a table of it (empty: all), that may be read or also inserted into."""

    database: str
    table: str = ""
    write: bool = False


@dataclass(frozen=True)
class Account:
    """Who may come in, from where, and what for.

    Attributes:
        name: Of the user, and on current versions of its quota and its row policies.
        password: As it is given; servers get its hash only.
        networks: From where, as addresses with their prefixes.
        settings: By name.
        quota: Limits by length of the interval in seconds; 0 counts and does not limit.
        grants: What it may read and write, and nothing else.
        policies: Which rows it sees, by database and table.
    """

    name: str
    password: str = field(default="", repr=False)
    networks: tuple[str, ...] = ()
    settings: Mapping[str, Setting] = field(default_factory=dict)
    quota: Mapping[int, Mapping[str, float]] = field(default_factory=dict)
    grants: tuple[Grant, ...] = ()
    policies: Mapping[tuple[str, str], str] = field(default_factory=dict)

    @property
    def digest(self) -> str:
        """The password's SHA-256, as servers keep it."""
        return hashlib.sha256(self.password.encode()).hexdigest()

    @property
    def writes(self) -> bool:
        """Whether it may write anywhere."""
        return any(grant.write for grant in self.grants)


def wanted(params: Mapping[str, Any]) -> Account:
    """Return the account that a task's options describe.

    Raises:
        KcError: An option can't be; its path is in the error.
    """
    name = params["name"]
    _name(name, "`name`")
    if name == params["user"]:
        raise KcError(f"`name`: {shown(name)} is the administrator that this task uses", hint="it stands in the role's files; name another")
    if params["state"] == "absent":
        return Account(name)
    password = params.get("account_password") or ""
    if not password:
        raise KcError("`account_password` is missing", hint="give it: nobody comes in without one")
    try:
        password.encode()
    except UnicodeEncodeError:
        raise KcError("`account_password` is no Unicode text", hint="half a character was cut off; write it again") from None
    grants = tuple(_grants(params.get("grants") or []))
    return Account(
        name,
        password,
        _networks(params.get("networks") or []),
        {key: _setting(key, value) for key, value in sorted((params.get("settings") or {}).items())},
        _quota(params.get("quota") or []),
        tuple(sorted(grants, key=lambda grant: (grant.database, grant.table))),
        _policies(params.get("row_policies") or [], grants),
    )


def _name(text: str, what: str) -> None:
    check_name(text, what=what)
    if not text.isprintable():
        raise KcError(f"{what}: {shown(text)} holds a character that can't be printed", hint="name it without line breaks and the like")


def _networks(given: Sequence[str]) -> tuple[str, ...]:
    if not given:
        raise KcError("`networks` is empty", hint='name from where it comes, the cluster\'s nodes among them; "::/0" is from everywhere')
    found: list[str] = []
    for text in given:
        try:
            network = ipaddress.ip_network(text)
        except ValueError as error:
            raise KcError(f"`networks`: {shown(text)}: {error}", hint="write it like 10.0.0.0/8") from None
        found.append(str(network) if network.num_addresses > 1 else str(network.network_address))
    return tuple(sorted(set(found)))


def _setting(name: str, given: Any) -> Setting:
    if not re.fullmatch(r"[a-z][a-z0-9_]*", str(name)):
        raise KcError(f"`settings`: {shown(str(name))} is no setting's name", hint="look at system.settings")
    if name in DECIDED:
        raise KcError(f"`settings.{name}`: the account's grants decide this", hint="leave it out")
    parts = given if isinstance(given, Mapping) else {"value": given}
    odd = sorted(set(parts) - {"value", "min", "max"})
    if odd or not parts:
        raise KcError(f"`settings.{name}`: it has {odd or 'nothing'}", hint="give a value, or a mapping of value, min and max")
    return Setting(*(_text(parts.get(key), f"`settings.{name}`") for key in ("value", "min", "max")))


def _text(given: Any, what: str) -> str | None:
    """Return a setting's value as servers show it."""
    if given is None:
        return None
    if not isinstance(given, str | int | float):
        raise KcError(f"{what}: {shown(str(given))} is no value", hint="give a number or a text")
    text = str(int(given)) if isinstance(given, bool) else str(given)
    if not text.isprintable():
        raise KcError(f"{what}: {shown(text)} holds a character that can't be printed", hint="write it on one line")
    return text


def _quota(given: Iterable[Mapping[str, Any]]) -> dict[int, dict[str, float]]:
    found: dict[int, dict[str, float]] = {}
    for at, interval in enumerate(given):
        duration = interval["duration"]
        if duration < 1 or duration in found:
            raise KcError(f"`quota[{at}].duration`: {duration} s is {'too short' if duration < 1 else 'there twice'}", hint="change it")
        limits = {limit: interval.get(limit) or 0 for limit in LIMITS}
        for limit, value in limits.items():
            if value < 0:
                raise KcError(f"`quota[{at}].{limit}`: {value} is below zero", hint="0 counts and does not limit")
        found[duration] = limits
    return dict(sorted(found.items()))


def _grants(given: Iterable[Mapping[str, Any]]) -> Iterable[Grant]:
    seen: set[tuple[str, str]] = set()
    for at, grant in enumerate(given):
        database = grant["database"]
        _name(database, f"`grants[{at}].database`")
        for table in grant.get("tables") or [""]:
            if table:
                _name(table, f"`grants[{at}].tables`")
            if (database, table) in seen:
                raise KcError(f"`grants[{at}]`: {shown('.'.join(filter(None, (database, table))))} is there twice", hint="name it once")
            seen.add((database, table))
            yield Grant(database, table, (grant.get("access") or READ) == WRITE)
    for database, table in sorted(seen):
        if table and (database, "") in seen:
            raise KcError(
                f"`grants`: {shown(f'{database}.{table}')} is in {shown(database)}, all of which is granted",
                hint="name the tables, or the database",
            )


def _policies(given: Iterable[Mapping[str, Any]], grants: Sequence[Grant]) -> dict[tuple[str, str], str]:
    found: dict[tuple[str, str], str] = {}
    for at, policy in enumerate(given):
        place = (policy["database"], policy["table"])
        for option, text in zip(("database", "table"), place, strict=True):
            _name(text, f"`row_policies[{at}].{option}`")
        if place in found:
            raise KcError(f"`row_policies[{at}]`: {shown('.'.join(place))} is there twice", hint="write one filter for it")
        if not any(grant.database == place[0] and grant.table in ("", place[1]) for grant in grants):
            raise KcError(f"`row_policies[{at}]`: {shown('.'.join(place))} is not granted", hint="grant it, or leave the policy out")
        found[place] = expression(policy["filter"], f"`row_policies[{at}].filter`")
    return dict(sorted(found.items()))
