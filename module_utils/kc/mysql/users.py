"""What kc_mysql_user does: an account that sees its own databases only, and is let in over TLS only."""

from __future__ import annotations

from dataclasses import replace

from .account import EVERYWHERE, Account, absent, options, present, right_password, standing, text, wanted
from .connection import Server
from .entry import Params, Report, Step
from .errors import USER_LIMIT, NodeError
from .quote import account


def work(server: Server, params: Params, report: Report) -> None:
    """Make the account as it is described, whatever was changed by hand, or take it away."""
    literal = str(server.one("SELECT @@global.partial_revokes")) == "1"
    want = wanted(params, literal=literal)
    have = standing(server, want)
    before = text(have.options, have.roles, have.rights, have.role_rights)
    if params["state"] == "absent":
        steps = [Step(server, statement) for statement in absent(want, have)]
        after = ""
    else:
        steps = [Step(server, statement) for statement in present(want, have)]
        role = frozenset({account(want.role)}) if want.role else frozenset()
        after = text(options(want), role, frozenset((EVERYWHERE, each) for each in want.privileges), want.rights)
        if have.options and not right_password(want, have):
            after += "another password\n"
    if steps:
        report.differs(f"user {want.text} on {server.node}", before, after)
    report.plan(steps)
    strangers = sorted(each for each in have.members if not each.startswith(f"{account(want.name).rpartition('@')[0]}@"))
    if strangers and want.role:
        report.warnings.append(f"{', '.join(strangers)} too has the role {want.role}: revoke it, or give each client a role of its own")
    report.apply()
    if params["state"] == "present" and not report.check:
        report.outputs["login"] = _login(server, want)


def _login(server: Server, want: Account) -> str:
    """Return `ok`, or what the server says to the account from here; it may be for other hosts."""
    with Server(server.node, replace(server.access, user=want.name, password=want.password)) as login:
        try:
            login.one("SELECT 1")
        except NodeError as error:
            if error.server_code != USER_LIMIT:
                return error.said
    return "ok"
