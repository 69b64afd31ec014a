"""What kc_clickhouse_user does: an account on the node that it runs on, verified by logging in on every node."""

from __future__ import annotations

import grp
import pwd
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from ..errors import KcError
from ..files import ABSENT as NOBODY
from ..files import Access as Rights
from ..files import readable_errors, rights_text, write
from . import account_file, account_sql
from .account import Account, wanted
from .cluster import Cluster, raise_all, wait_for
from .connection import Server
from .entry import Params, Report, Step
from .errors import HIDDEN, NodeError
from .quote import shown, value

OK, REFUSED, UNREACHABLE = "ok", "refused", "unreachable"

MODE = 0o640
RELOAD = "SYSTEM RELOAD CONFIG"
"""Has a server read its files at once, and say what is wrong with them."""

UNKNOWN_USER = 192
WRONG = {UNKNOWN_USER, 193, 194, 516}
"""A server's codes for a name or a password that it does not take (src/Common/ErrorCodes.cpp)."""

BUSY = {201, 202, 497}
"""And for one whom it has let in, but whose question it does not answer: quota exceeded, too many queries, no right to it."""


@dataclass(frozen=True)
class FileStep:
    """A file that is written, or taken away where there is no content."""

    node: str
    path: Path
    content: str | None = field(default=None, repr=False)
    rights: Rights = field(default_factory=Rights)

    @property
    def shown(self) -> dict[str, str]:
        """The step as the result has it."""
        return {"node": self.node, "statement": f"{'delete' if self.content is None else 'write'} {self.path}"}

    def run(self) -> None:
        """Write it whole, or not at all."""
        with readable_errors():
            if self.content is None:
                self.path.unlink(missing_ok=True)
            else:
                write(self.path, self.content.encode(), self.rights)


def users(cluster: Cluster, params: Params, report: Report) -> None:
    """The work of kc_clickhouse_user."""
    account = wanted(params)
    here = cluster.here(params["host"], params["port"])
    (_statements if here.version.has("access control") else _file)(account, here, params, report)
    report.apply()
    verify(cluster, account, here, params, report)


def _let_in(server: Server, account: Account) -> bool:
    """Log in as the account.

    Raises:
        NodeError: The node says no, or nothing.
    """
    with Server(server.node, replace(server.access, user=account.name, password=account.password)) as login:
        try:
            login.one("SELECT 1")
        except NodeError as error:
            if error.server_code not in BUSY:
                raise
    return True


def _takes(server: Server, account: Account) -> bool:
    """Whether a node lets the account in."""
    try:
        return _let_in(server, account)
    except NodeError as error:
        if error.absent:
            raise
        return False


# --- without SQL access control: a file


def _file(account: Account, here: Server, params: Params, report: Report) -> None:
    path = Path(params["directory"]) / account_file.file_name(account)
    node = str(here.node)
    other = account_file.definer(account.name, path.parent, path.name)
    if other:
        raise KcError(f"`name`: {shown(account.name)} stands in {other} too, and {here.node} would mix both", hint="name another")
    there = _read(path)
    if params["state"] == "absent":
        if there is not None:
            report.differs(str(path), account_file.hidden(there), "")
            report.plan([FileStep(node, path), Step(here, RELOAD)])
        return
    content, ignored = account_file.content(account, here.version)
    if ignored:
        report.outputs["ignored"] = ignored
    _check_settings(account, here)
    rights = Rights(_number("user", params["owner"], report), _number("group", params["group"], report), MODE)
    found = path.stat() if there is not None else None
    off = found is not None and rights.differs(found)
    if there != content:
        before, after = account_file.hidden(there or ""), account_file.hidden(content)
        if not there:
            before = ""
        elif account.digest not in there:
            after = after.replace(HIDDEN, f"{HIDDEN}, another one", 1)
        report.differs(str(path), before, after)
    if found is not None and off:
        was = Rights(found.st_uid, found.st_gid, found.st_mode & 0o7777)
        report.differs(str(path), rights_text(was), rights_text(rights))
    if there != content or off:
        report.plan([FileStep(node, path, content, rights), Step(here, RELOAD)])
    elif not _takes(here, account):
        report.plan([Step(here, RELOAD)])  # whoever wrote it was broken off


def _read(path: Path) -> str | None:
    """Return what a file holds; None where there is none, or a link, which is replaced."""
    with readable_errors():
        return path.read_text(errors="replace") if path.is_file() and not path.is_symlink() else None


def _number(kind: str, name: str, report: Report) -> int:
    try:
        return pwd.getpwnam(name).pw_uid if kind == "user" else grp.getgrnam(name).gr_gid
    except KeyError:
        if report.check:
            return NOBODY
        raise KcError(
            f"there is no {kind} {name!r} on this host", hint="the role `clickhouse` installs the server, which brings it"
        ) from None


def _check_settings(account: Account, here: Server) -> None:
    """Refuse settings that the server does not have, or whose values it does not take: nobody with one of these could log in.

    Raises:
        KcError: Naming the setting.
    """
    given = {name: about.value for name, about in account.settings.items() if about.value is not None}
    known = {str(name) for (name,) in here.rows("SELECT name FROM system.settings")} if given else set()
    for name, text in given.items():
        if name not in known:
            raise KcError(f"`settings.{name}`: ClickHouse {here.version} has no such setting", hint="look at system.settings")
        try:
            with Server(here.node, here.access) as trial:
                trial.run(f"SET {name} = {value(int(text) if text.lstrip('-').isdecimal() else text)}")
        except NodeError as error:
            if error.absent:
                raise
            raise KcError(f"`settings.{name}`: {error.message}", hint="look at system.settings", code=error.code) from None


# --- with SQL access control: statements


def _statements(account: Account, here: Server, params: Params, report: Report) -> None:
    there = account_sql.look(here, account.name)
    file = _leftover(account, params)
    if file is not None:  # of the version before this one
        report.plan([FileStep(str(here.node), file), Step(here, RELOAD)])
        there = account_sql.Standing(quota=there.quota, quota_of=there.quota_of, policies=there.policies)
    elif there.storage == "users_xml":
        raise KcError(f"`name`: {here.node} has {shown(account.name)} from its files", hint="take it out of users.d, or name another")
    if params["state"] == "absent":
        plan = [Step(here, statement) for statement in account_sql.absent(account, there)]
        after = ""
    else:
        account = replace(account, policies={place: _written(here, rows) for place, rows in account.policies.items()})
        let_in = bool(there.storage) and _takes(here, account)
        plan = [Step(here, statement) for statement in account_sql.present(account, there, let_in=let_in)]
        after = account_sql.text(account_sql.target(account)) + ("" if let_in or not there.storage else "another password\n")
    if plan:
        report.differs(f"user {account.name} on {here.node}", account_sql.text(there), after)
    report.plan(plan)


def _leftover(account: Account, params: Params) -> Path | None:
    """Return the file that stands of an account."""
    try:
        path = Path(params["directory"]) / account_file.file_name(account)
    except KcError:
        return None  # no file could be of this name
    return path if path.is_file() else None


def _written(server: Server, filter_: str) -> str:
    """Return a filter as the server writes it."""
    if not server.version.has("formatQuery"):
        return filter_
    return str(server.one(f"SELECT formatQuerySingleLine({value(f'SELECT {filter_}')})")).removeprefix("SELECT ")


# --- verified on every node


def verify(cluster: Cluster, account: Account, here: Server, params: Params, report: Report) -> None:
    """Log in as the account on every node, and wait until all take it, or none any more.

    Raises:
        KcError: A node does not; each such node is named.
    """
    gone = params["state"] == "absent"
    question = _gone(account) if gone else (lambda server: _let_in(server, account))
    states: dict[Server, str] = {}
    errors: dict[Server, NodeError] = {}

    def settled() -> bool:
        left = [server for server in cluster.servers if states.get(server, REFUSED) == REFUSED or server in errors]
        answers, failures = cluster.ask(question, left)
        for server in left:
            errors.pop(server, None)
        states.update(dict.fromkeys(answers, REFUSED if gone else OK))
        for server, error in failures.items():
            states[server] = UNREACHABLE if error.absent else OK if gone else REFUSED
            if not error.absent or server is here:
                errors[server] = error
        return not any(error.absent or error.server_code in WRONG for error in errors.values())

    if report.check:
        settled()
    else:
        wait_for(settled, params["wait"])
    report.outputs["nodes"] = {str(server.node): states[server] for server in cluster.servers}
    if report.check:
        return
    raise_all(_about(error, account, gone) for error in errors.values())
    away = [node for node, state in report.outputs["nodes"].items() if state == UNREACHABLE]
    if away:
        report.warnings.append(f"not verified on {', '.join(away)}: unreachable; run this for them when they are back")


def _gone(account: Account) -> Callable[[Server], bool]:
    """Return a question that a node answers if it has the account no more, and with a `NodeError` if it has."""

    def question(server: Server) -> bool:
        if server.version.has("access control"):
            if not server.one(f"SELECT count() FROM system.users WHERE name = {value(account.name)}"):
                return True
            raise NodeError(str(server.node), f"it has {shown(account.name)}", code=516)
        try:
            _let_in(server, replace(account, password=secrets.token_hex()))
        except NodeError as error:
            if error.server_code == UNKNOWN_USER:
                return True
            raise
        raise NodeError(str(server.node), "it takes any password", code=193)

    return question


def _about(error: NodeError, account: Account, gone: bool) -> NodeError:
    """Return what a node said, as an error about the account."""
    if error.absent:
        return error
    said = error.said
    if gone:
        return NodeError(
            error.node, f"it still has {shown(account.name)}: {said}", code=error.code, hint="run this on every node of the cluster"
        )
    if error.server_code not in WRONG:
        return NodeError(error.node, f"{shown(account.name)} can't log in: {said}", code=error.code, hint=error.hint)
    return NodeError(
        error.node,
        f"it does not let {shown(account.name)} in with this password: {said}",
        code=error.code,
        hint="run this on every node of the cluster; if that was done, somebody changed it there, or `networks` leaves out this node",
    )
