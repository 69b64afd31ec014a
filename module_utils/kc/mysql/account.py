"""An account as it is wanted, as it stands, and the statements between both."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from ..errors import KcError
from .connection import Server
from .entry import Params
from .password import PLUGIN, matches
from .quote import LONGEST_USER, account, check_name, pattern, quoted, shown, value
from .statement import Statement

READ = ("SELECT", "SHOW VIEW")
WRITE = (*READ, "INSERT", "UPDATE", "DELETE", "EXECUTE", "CREATE TEMPORARY TABLES", "LOCK TABLES")
OWN = (*WRITE, "CREATE", "ALTER", "DROP", "INDEX", "REFERENCES", "CREATE VIEW", "CREATE ROUTINE", "ALTER ROUTINE", "TRIGGER")
ACCESS = {"read": READ, "write": WRITE, "own": OWN}
"""What each kind of access comes to. Nobody gets EVENT: an event works outside of the limit of connections."""

EVERYWHERE = "*.*"
OPTION = "GRANT OPTION"

Rights = frozenset[tuple[str, str]]
"""Pairs of what they are on, as GRANT has it, and a privilege."""


@dataclass(frozen=True)
class Account:
    """An account as it is wanted.

    Attributes:
        role: What its rights are granted to; empty where it has none in databases.
        rights: The role's.
        privileges: The account's own, for the whole server.
        max_connections: At once; 0 is no limit.
        password_days: Days until the password ends; 0 is never.
        failed_logins: Wrong passwords in a row that lock it for `lock_days`; 0 is never.
    """

    name: str
    host: str
    password: str = field(repr=False)
    role: str
    rights: Rights
    privileges: tuple[str, ...]
    max_connections: int
    password_days: int
    failed_logins: int
    lock_days: int

    @property
    def text(self) -> str:
        """The account as a statement names it."""
        return account(self.name, self.host)


@dataclass(frozen=True)
class Standing:
    """An account as a server has it; `options` is empty where it has none."""

    options: dict[str, object] = field(default_factory=dict)
    kept: bytes = field(default=b"", repr=False)
    plugin: str = ""
    roles: frozenset[str] = frozenset()
    default_roles: frozenset[str] = frozenset()
    rights: Rights = frozenset()
    role_stands: bool = False
    role_rights: Rights = frozenset()
    members: frozenset[str] = frozenset()


def wanted(params: Params, *, literal: bool) -> Account:
    """Return the account that a task describes; `literal` as in `pattern`.

    Raises:
        KcError: Something of it can't be.
    """
    name, password = params["name"], params["account_password"] or ""
    check_name(name, what="`name`", longest=LONGEST_USER)
    if name == params["user"]:
        raise KcError(f"`name`: {shown(name)} is the administrator that this runs as", hint="name another")
    if params["state"] == "present" and not password:
        raise KcError("`account_password` is missing", hint="give one, from the platform's secrets")
    for privilege in params["privileges"]:
        if not re.fullmatch(r"[A-Z][A-Z_ ]*", privilege) or privilege in ("ALL", "ALL PRIVILEGES", OPTION, "PROXY"):
            raise KcError(f"`privileges`: {shown(privilege)} is none that can be given here", hint="name each, in capitals")
    for option in ("max_connections", "password_days", "failed_logins", "lock_days"):
        if not 0 <= params[option] <= 32767:
            raise KcError(f"`{option}` is {params[option]}", hint="give 0 to 32767")
    rights = {
        (f"{pattern(grant['database'], literal=literal)}.*", privilege)
        for grant in params["grants"]
        for privilege in ACCESS[grant["access"]]
    }
    role = params["role"] or f"{name}_role"
    check_name(role, what="`role`", longest=LONGEST_USER)
    return Account(
        name=name,
        host=params["account_host"],
        password=password,
        role=role if rights or params["state"] == "absent" else "",
        rights=frozenset(rights),
        privileges=tuple(sorted(params["privileges"])),
        max_connections=params["max_connections"],
        password_days=params["password_days"],
        failed_logins=params["failed_logins"],
        lock_days=params["lock_days"] if params["failed_logins"] else 0,
    )


def standing(server: Server, wanted: Account) -> Standing:
    """Read what a server has of an account and its role."""
    who = f"user = {value(wanted.name)} AND host = {value(wanted.host)}"
    rows = server.dicts(
        "SELECT plugin, HEX(authentication_string) AS kept, ssl_type, max_user_connections, password_lifetime, account_locked, "
        f"password_expired, CAST(User_attributes AS CHAR) AS attributes FROM mysql.user WHERE {who}"
    )
    role_rows = server.rows(f"SELECT 1 FROM mysql.user WHERE user = {value(wanted.role)} AND host = '%'") if wanted.role else []
    rest = Standing(
        role_stands=bool(role_rows),
        role_rights=_rights(server, wanted.role, "%") if role_rows else frozenset(),
        members=_accounts(server, "to_user, to_host", f"mysql.role_edges WHERE from_user = {value(wanted.role)} AND from_host = '%'")
        if role_rows
        else frozenset(),
    )
    if not rows:
        return rest
    (row,) = rows
    locking = (json.loads(row["attributes"]) if row["attributes"] else {}).get("Password_locking", {})
    to = f"to_user = {value(wanted.name)} AND to_host = {value(wanted.host)}"
    return Standing(
        options={
            "tls": row["ssl_type"] != "",
            "max_connections": int(row["max_user_connections"]),
            "password_days": None if row["password_lifetime"] is None else int(row["password_lifetime"]),
            "failed_logins": int(locking.get("failed_login_attempts", 0)),
            "lock_days": int(locking.get("password_lock_time_days", 0)),
            "locked": row["account_locked"] == "Y",
            "expired": row["password_expired"] == "Y",  # noqa: S105 - no password
        },
        kept=bytes.fromhex(row["kept"] or ""),
        plugin=row["plugin"],
        roles=_accounts(server, "from_user, from_host", f"mysql.role_edges WHERE {to}"),
        default_roles=_accounts(server, "default_role_user, default_role_host", f"mysql.default_roles WHERE {who}"),
        rights=_rights(server, wanted.name, wanted.host),
        role_stands=rest.role_stands,
        role_rights=rest.role_rights,
        members=rest.members,
    )


def _accounts(server: Server, columns: str, rest: str) -> frozenset[str]:
    return frozenset(account(user, host) for user, host in server.rows(f"SELECT {columns} FROM {rest}"))


def _rights(server: Server, user: str, host: str) -> Rights:
    """Return all that is granted to an account, or role, itself."""
    grantee = value(f"'{user}'@'{host}'")
    found: set[tuple[str, str]] = set()

    def add(on: str, privilege: str, option: str) -> None:
        if privilege != "USAGE":
            found.add((on, privilege))
        if option == "YES":
            found.add((on, OPTION))

    for privilege, option in server.rows(
        f"SELECT privilege_type, is_grantable FROM information_schema.user_privileges WHERE grantee = {grantee}"
    ):
        add(EVERYWHERE, privilege, option)
    for schema, privilege, option in server.rows(
        f"SELECT table_schema, privilege_type, is_grantable FROM information_schema.schema_privileges WHERE grantee = {grantee}"
    ):
        add(f"{quoted(schema)}.*", privilege, option)
    for schema, table, privilege, option in server.rows(
        f"SELECT table_schema, table_name, privilege_type, is_grantable FROM information_schema.table_privileges WHERE grantee = {grantee}"
    ):
        add(f"{quoted(schema)}.{quoted(table)}", privilege, option)
    for schema, table, column, privilege in server.rows(
        f"SELECT table_schema, table_name, column_name, privilege_type FROM information_schema.column_privileges WHERE grantee = {grantee}"
    ):
        found.add((f"{quoted(schema)}.{quoted(table)}", f"{privilege} ({quoted(column)})"))
    for schema, routine, kind, given in server.rows(
        f"SELECT db, routine_name, routine_type, proc_priv FROM mysql.procs_priv WHERE user = {value(user)} AND host = {value(host)}"
    ):
        for privilege in str(given).split(","):
            found.add((f"{kind} {quoted(schema)}.{quoted(routine)}", OPTION if privilege == "Grant" else privilege.upper()))
    return frozenset(found)


# --- from what stands to what is wanted


def present(want: Account, have: Standing) -> Iterator[Statement | str]:
    """Yield the statements that make an account as it is wanted; rights first, so that it never stands without."""
    role = account(want.role) if want.role else ""
    if role and not have.role_stands:
        yield f"CREATE ROLE {role}"
    if role:
        yield from _granted(role, want.rights, have.role_rights)
    if not have.options:
        with_role = f" DEFAULT ROLE {role}" if role else ""
        yield Statement.with_secrets(f"CREATE USER {want.text} {_by(want)}{with_role} {_options(want)}", want.password)
    else:
        if not right_password(want, have):
            yield Statement.with_secrets(f"ALTER USER {want.text} {_by(want)}", want.password)
        if have.options != options(want):
            yield f"ALTER USER {want.text} {_options(want)} ACCOUNT UNLOCK"
        for each in sorted(have.roles - {role}):
            yield f"REVOKE {each} FROM {want.text}"
        if role and role not in have.roles:
            yield f"GRANT {role} TO {want.text}"
        if have.default_roles != (frozenset({role}) if role else frozenset()):
            yield f"ALTER USER {want.text} DEFAULT ROLE {role or 'NONE'}"
    yield from _granted(want.text, frozenset((EVERYWHERE, each) for each in want.privileges), have.rights)


def absent(want: Account, have: Standing) -> Iterator[str]:
    """Yield the statements that take an account away, and its role with its last member."""
    if have.options:
        yield f"DROP USER {want.text}"
    if have.role_stands and not have.members - {want.text}:
        yield f"DROP ROLE {account(want.role)}"


def _granted(to: str, want: Rights, have: Rights) -> Iterator[str]:
    for verb, word, rights in (("GRANT", "TO", want - have), ("REVOKE", "FROM", have - want)):
        for on in sorted({each for each, _ in rights}):
            given = ", ".join(sorted(privilege for each, privilege in rights if each == on))
            yield f"{verb} {given} ON {on} {word} {to}"


def right_password(want: Account, have: Standing) -> bool:
    """Whether it has the password that is wanted, kept in the way that is wanted."""
    return have.plugin == PLUGIN and not have.options["expired"] and matches(want.password, have.kept)


def options(want: Account) -> dict[str, object]:
    """Return what is wanted, as `Standing.options` has it."""
    return {
        "tls": True,
        "max_connections": want.max_connections,
        "password_days": want.password_days,
        "failed_logins": want.failed_logins,
        "lock_days": want.lock_days,
        "locked": False,
        "expired": False,
    }


def _by(want: Account) -> str:
    return f"IDENTIFIED WITH {PLUGIN} BY {value(want.password)}"


def _options(want: Account) -> str:
    expires = f"INTERVAL {want.password_days} DAY" if want.password_days else "NEVER"
    return (
        f"REQUIRE SSL WITH MAX_USER_CONNECTIONS {want.max_connections} PASSWORD EXPIRE {expires} "
        f"FAILED_LOGIN_ATTEMPTS {want.failed_logins} PASSWORD_LOCK_TIME {want.lock_days}"
    )


def text(options_: dict[str, object], roles: frozenset[str], rights: Rights, role_rights: Rights) -> str:
    """Return an account as a difference shows it."""
    if not options_:
        return ""
    lines = [f"{key}: {str(each).lower()}" for key, each in options_.items()]
    lines += [f"role: {each}" for each in sorted(roles)]
    lines += [f"{privilege} on {on}" for on, privilege in sorted({*rights, *role_rights})]
    return "".join(f"{line}\n" for line in lines)
