"""What kc_mysql_database does: a database with its character set; one that holds data goes only when that is said."""

from __future__ import annotations

from ..errors import KcError
from .connection import Server
from .entry import Params, Report, Step
from .quote import check_name, name, shown, value

SYSTEM = {"mysql", "sys", "information_schema", "performance_schema"}


def work(server: Server, params: Params, report: Report) -> None:
    """Make the database as it is described, or take it away."""
    database = params["name"]
    check_name(database, what="`name`")
    if database.lower() in SYSTEM:
        raise KcError(f"`name`: {database} is the server's own", hint="name another")
    standing = server.rows(
        "SELECT default_character_set_name, default_collation_name, default_encryption FROM information_schema.schemata "
        f"WHERE schema_name = {value(database)}"
    )
    before = _text(*standing[0]) if standing else ""
    what = f"database {database} on {server.node}"
    if params["state"] == "absent":
        if standing:
            _may_go(server, database, params["data"])
            report.differs(what, before, "")
            report.plan([Step(server, f"DROP DATABASE {name(database)}")])
        report.apply()
        return
    charset, collation = params["charset"], params["collation"]
    known = server.rows(f"SELECT character_set_name FROM information_schema.collations WHERE collation_name = {value(collation)}")
    if not known or known[0][0] != charset:
        raise KcError(
            f"`collation`: {shown(collation)} is none of the character set {shown(charset)}", hint="look at information_schema.collations"
        )
    encryption = params["encryption"]
    options = f"CHARACTER SET {charset} COLLATE {collation}" + (
        f" ENCRYPTION {value('Y' if encryption else 'N')}" if encryption is not None else ""
    )
    after = _text(charset, collation, ("YES" if encryption else "NO") if encryption is not None else standing[0][2] if standing else "NO")
    if before != after:
        report.differs(what, before, after)
        report.plan([Step(server, f"{'ALTER' if standing else 'CREATE'} DATABASE {name(database)} {options}")])
    report.apply()


def _text(charset: str, collation: str, encryption: str) -> str:
    return f"charset: {charset}\ncollation: {collation}\nencryption: {encryption.lower()}\n"


def _may_go(server: Server, database: str, data: str) -> None:
    """Refuse to drop a database with tables, unless that is said.

    Raises:
        KcError: It has some.
    """
    tables = [row[0] for row in server.rows(f"SELECT table_name FROM information_schema.tables WHERE table_schema = {value(database)}")]
    if tables and data != "delete":
        listed = ", ".join(sorted(tables)[:5]) + (", …" if len(tables) > 5 else "")
        raise KcError(
            f"{server.node}: {shown(database)} has {len(tables)} tables ({listed})", hint="give `data: delete` to lose what they hold"
        )
