"""An account as statements, for versions with SQL access control: what stands, and what makes it as wanted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from .account import LIMITS, Account, Setting
from .connection import Server
from .quote import name, value
from .statement import Statement

KIND = "sha256_password"

LOCAL = frozenset({"127.0.0.1", "::1"})
"""Addresses that a server shows as the host `localhost` (seen with 26.9)."""


@dataclass(frozen=True)
class Right:
    """A line of system.grants; an empty database, table or column stands for all."""

    access: str
    database: str = ""
    table: str = ""
    column: str = ""

    @property
    def place(self) -> str:
        """The right and its object as GRANT and REVOKE have them."""
        access = f"{self.access}({name(self.column)})" if self.column else self.access
        database = name(self.database) if self.database else "*"
        return f"{access} ON {database}.{name(self.table) if self.table else '*'}"


@dataclass(frozen=True)
class Standing:
    """What a server has of an account.

    Attributes:
        storage: Where the user is defined; empty where there is none.
        kind: How it proves who it is; several by comma.
        networks: From where.
        hosts: Names of hosts, and patterns, that it may come from too.
        settings: By name.
        profiles: Profiles that it has taken over.
        rights: What it may.
        refused: What is taken out of its rights again.
        passed: What it may pass on to others.
        roles: That it was given.
        quota: Limits by length of the interval; None where there is no quota of its name.
        quota_of: To whom the quota applies.
        policies: Filter, and to whom it applies, by database and table.
    """

    storage: str = ""
    kind: str = ""
    networks: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    settings: Mapping[str, Setting] = field(default_factory=dict)
    profiles: tuple[str, ...] = ()
    rights: frozenset[Right] = frozenset()
    refused: frozenset[Right] = frozenset()
    passed: frozenset[Right] = frozenset()
    roles: tuple[str, ...] = ()
    quota: Mapping[int, Mapping[str, float]] | None = None
    quota_of: tuple[str, ...] = ()
    policies: Mapping[tuple[str, str], tuple[str, tuple[str, ...]]] = field(default_factory=dict)


def look(server: Server, user: str) -> Standing:
    """Return what a server has of an account."""
    who = value(user)
    users = server.rows(
        "SELECT storage, replaceRegexpAll(toString(auth_type), '[^a-z0-9_,]', ''), host_ip, host_names, host_names_regexp, host_names_like "
        f"FROM system.users WHERE name = {who}"
    )
    quota_of = server.rows(f"SELECT apply_to_list FROM system.quotas WHERE name = {who}")
    limits = server.rows(
        f"SELECT duration, {', '.join(f'ifNull(max_{limit}, 0)' for limit in LIMITS)} FROM system.quota_limits WHERE quota_name = {who}"
    )
    policies = {
        (str(database), str(table)): (str(rows), tuple(sorted(to)))
        for database, table, rows, to in server.rows(
            f"SELECT database, table, ifNull(select_filter, ''), apply_to_list FROM system.row_policies WHERE short_name = {who}"
        )
    }
    quota = {int(duration): dict(zip(LIMITS, map(float, most), strict=True)) for duration, *most in limits}
    others = Standing(
        quota=quota if quota_of else None,
        quota_of=tuple(sorted(quota_of[0][0])) if quota_of else (),
        policies=dict(sorted(policies.items())),
    )
    if not users:
        return others
    ((storage, kind, networks, *hosts),) = users
    settings: dict[str, Setting] = {}
    profiles: list[str] = []
    for setting, given, least, most, profile in server.rows(
        "SELECT setting_name, value, min, max, inherit_profile FROM system.settings_profile_elements "
        f"WHERE user_name = {who} ORDER BY index"
    ):
        if setting:
            settings[str(setting)] = Setting(given, least, most)
        if profile:
            profiles.append(str(profile))
    rights: set[Right] = set()
    refused: set[Right] = set()
    passed: set[Right] = set()
    for access, database, table, column, taken, passes in server.rows(
        "SELECT toString(access_type), ifNull(database, ''), ifNull(table, ''), ifNull(column, ''), is_partial_revoke, grant_option "
        f"FROM system.grants WHERE user_name = {who}"
    ):
        right = Right(str(access), str(database), str(table), str(column))
        (refused if taken else rights).add(right)
        if passes and not taken:
            passed.add(right)
    roles = server.rows(f"SELECT granted_role_name FROM system.role_grants WHERE user_name = {who} ORDER BY granted_role_name")
    return replace(
        others,
        storage=str(storage),
        kind=str(kind),
        networks=tuple(sorted(networks)),
        hosts=tuple(sorted(host for each in hosts for host in each)),
        settings=settings,
        profiles=tuple(profiles),
        roles=tuple(str(role) for (role,) in roles),
        rights=frozenset(rights),
        refused=frozenset(refused),
        passed=frozenset(passed),
    )


def rights_of(account: Account) -> frozenset[Right]:
    """Return what an account may."""
    return frozenset(
        Right(access, grant.database, grant.table)
        for grant in account.grants
        for access in (("SELECT", "INSERT") if grant.write else ("SELECT",))
    )


def target(account: Account) -> Standing:
    """Return what a server has of an account that is as wanted."""
    return Standing(
        storage="local_directory",
        kind=KIND,
        networks=tuple(network for network in account.networks if network not in LOCAL),
        hosts=("localhost",) if LOCAL & {*account.networks} else (),
        settings=account.settings,
        rights=rights_of(account),
        quota=account.quota or None,
        quota_of=(account.name,) if account.quota else (),
        policies={place: (rows, (account.name,)) for place, rows in account.policies.items()},
    )


def text(there: Standing) -> str:
    """Return an account as a difference shows it, a thing a line; its password is in none of them."""
    if not there.storage:
        return ""
    lines = [f"proves itself by {there.kind}", *(f"comes from {each}" for each in (*there.networks, *there.hosts))]
    lines += [_setting(*each) for each in there.settings.items()] + [f"profile {each}" for each in there.profiles]
    lines += [f"{'may pass on ' if each in there.passed else ''}{each.place}" for each in _sorted(there.rights)]
    lines += [f"without {each.place}" for each in _sorted(there.refused)] + [f"role {each}" for each in there.roles]
    for duration, limits in (there.quota or {}).items():
        lines.append(f"quota of {', '.join(there.quota_of)}: {_interval(duration, limits)}")
    lines += [f"rows of {name(*place)}: {rows}, for {', '.join(to)}" for place, (rows, to) in there.policies.items()]
    return "".join(f"{line}\n" for line in lines)


def present(account: Account, there: Standing, *, let_in: bool) -> Iterator[Statement]:
    """Yield what makes an account as wanted.

    Args:
        account: The account; its filters as the server writes them.
        there: What stands.
        let_in: Whether the server takes its password.
    """
    user = name(account.name)
    goal = target(account)
    wanted, rights = goal.rights, there.rights
    proof = f"IDENTIFIED WITH sha256_hash BY {value(account.digest)}"
    hosts = f"HOST IP {', '.join(value(network) for network in account.networks)}"
    settings = f"SETTINGS {', '.join(map(_setting, account.settings, account.settings.values())) or 'NONE'}"
    if not there.storage:
        yield _secret(account, f"CREATE USER {user} {proof} {hosts} {settings}")
    else:
        parts = [
            proof if there.kind != KIND or not let_in else "",
            hosts if (there.hosts, there.networks) != (goal.hosts, goal.networks) else "",
            settings if there.profiles or there.settings != account.settings else "",
        ]
        if any(parts):
            yield _secret(account, " ".join(filter(None, (f"ALTER USER {user}", *parts))))
    # rows first: a table that is granted and not yet filtered would show all of them
    for place, rows in account.policies.items():
        if there.policies.get(place) != goal.policies[place]:
            yield Statement(f"CREATE ROW POLICY OR REPLACE {user} ON {name(*place)} FOR SELECT USING {rows} TO {user}")
    for role in there.roles:
        yield Statement(f"REVOKE {name(role)} FROM {user}")
    for right in _sorted(rights - wanted):
        yield Statement(f"REVOKE {right.place} FROM {user}")
    for right in _sorted(there.passed & wanted):
        yield Statement(f"REVOKE GRANT OPTION FOR {right.place} FROM {user}")
    cut = {right for right in wanted for less in there.refused if right.access == less.access and right.database == less.database}
    for right in _sorted((wanted - rights) | cut):
        yield Statement(f"GRANT {right.place} TO {user}")
    for place in there.policies:
        if place not in account.policies:
            yield Statement(f"DROP ROW POLICY {user} ON {name(*place)}")
    if account.quota and (there.quota, there.quota_of) != (goal.quota, goal.quota_of):
        intervals = ", ".join(_interval(duration, limits) for duration, limits in account.quota.items())
        yield Statement(f"CREATE QUOTA OR REPLACE {user} KEYED BY user_name {intervals} TO {user}")
    elif not account.quota and there.quota is not None:
        yield Statement(f"DROP QUOTA {user}")


def absent(account: Account, there: Standing) -> Iterator[Statement]:
    """Yield what takes an account away."""
    user = name(account.name)
    if there.storage:
        yield Statement(f"DROP USER {user}")
    for place in there.policies:
        yield Statement(f"DROP ROW POLICY {user} ON {name(*place)}")
    if there.quota is not None:
        yield Statement(f"DROP QUOTA {user}")


def _secret(account: Account, text: str) -> Statement:
    return Statement.with_secrets(text, account.digest)


def _sorted(rights: set[Right] | frozenset[Right]) -> list[Right]:
    return sorted(rights, key=lambda right: (right.database, right.table, right.column, right.access))


def _setting(setting: str, about: Setting) -> str:
    parts = ((" = ", about.value), (" MIN ", about.least), (" MAX ", about.most))
    return name(setting) + "".join(f"{word}{value(given)}" for word, given in parts if given is not None)


def _interval(duration: int, limits: Mapping[str, float]) -> str:
    most = [f"{limit} = {most:g}" if limit == "execution_time" else f"{limit} = {int(most)}" for limit, most in limits.items() if most]
    return f"FOR INTERVAL {duration} SECOND {'MAX ' + ', '.join(most) if most else 'TRACKING ONLY'}"
