"""What kc_mysql_heartbeat does: the source writes the time into a table, by an event, and replicas have it when they have all."""

from __future__ import annotations

from collections.abc import Iterator

from ..errors import KcError
from .connection import Server
from .entry import Params, Report, Step, wait_for
from .quote import account, name, pattern, value
from .state import State, look

EVENT = "heartbeat"
TABLE = "heartbeat"

COLUMNS = [("id", "tinyint unsigned"), ("at", "datetime(6)"), ("server", "char(36)")]


def work(server: Server, params: Params, report: Report) -> None:
    """Make the table and the event, and wait for a beat."""
    database, interval = params["database"], params["interval"]
    if interval < 1:
        raise KcError(f"`interval` is {interval}, and events run every second at most", hint="give 1 or more")
    state = look(server, database)
    if params["state"] == "absent":
        _absent(server, database, report)
        return
    if state.channels or state.read_only:
        what = "follows another" if state.channels else "is read only"
        raise KcError(f"{server.node} {what}: its heartbeat is its source's to make", hint="run this on the source")
    standing = _event(server, database)
    report.plan(_steps(server, state, standing, params))
    if report.steps:
        report.differs(f"heartbeat of {server.node}", _shown(standing), f"every {interval} s, ENABLED\n")
    report.apply()
    if not report.check and not wait_for(lambda: _beats(server, database, interval), params["wait"], 0.2):
        raise KcError(
            f"{server.node} has made no heartbeat within {params['wait']} s", hint="look at its error log: may the event's definer write?"
        )
    last = look(server, database)
    age = (last.now - last.beat).total_seconds() if last.beat and last.now else None
    report.outputs = {"beating": not report.check or age is not None, "age": age}


def _steps(server: Server, state: State, standing: tuple[str, ...], params: Params) -> Iterator[Step]:
    database, interval = params["database"], params["interval"]
    scheduler = state.settings.get("event_scheduler")
    if scheduler != "ON":
        if params["rds"]:
            raise KcError(
                f"{server.node}: its event_scheduler is {scheduler}",
                hint="set `event_scheduler` to ON in its parameter group (kc_mysql_parameters)",
            )
        if scheduler == "DISABLED":
            raise KcError(f"{server.node} was started with its event_scheduler DISABLED", hint="take that out of its files, and restart it")
        yield Step(server, "SET PERSIST event_scheduler = ON")
    quoted, table = name(database, what="`database`"), name(database, TABLE)
    if not server.rows(f"SELECT 1 FROM information_schema.schemata WHERE schema_name = {value(database)}"):
        yield Step(server, f"CREATE DATABASE {quoted}")
    have = server.rows(
        "SELECT column_name, column_type FROM information_schema.columns "
        f"WHERE table_schema = {value(database)} AND table_name = '{TABLE}' ORDER BY ordinal_position"
    )
    if not have:
        yield Step(
            server,
            f"CREATE TABLE {table} (id TINYINT UNSIGNED NOT NULL PRIMARY KEY, at DATETIME(6) NOT NULL, server CHAR(36) NOT NULL)",
        )
    elif [tuple(row) for row in have] != COLUMNS:
        raise KcError(f"{server.node}: {table} is not the toolkit's heartbeat", hint="give another `database`, or drop the table")
    yield from _rights(server, database)
    event, wanted = name(database, EVENT), _body(table)
    schedule = f"EVERY {interval} SECOND"
    if not standing:
        yield Step(server, f"CREATE EVENT {event} ON SCHEDULE {schedule} DO {wanted}")
    elif standing != (str(interval), "SECOND", "ENABLED", wanted):
        yield Step(server, f"ALTER EVENT {event} ON SCHEDULE {schedule} ENABLE DO {wanted}")


def _rights(server: Server, database: str) -> Iterator[Step]:
    """Yield what gives the event's definer its rights itself.

    The event scheduler does not look at roles (seen with 9.7), and all that RDS's administrator may do is a role's.
    """
    user, _, host = str(server.one("SELECT CURRENT_USER()")).rpartition("@")
    on = pattern(database, literal=str(server.one("SELECT @@global.partial_revokes")) == "1")
    whose = "grantee = " + value(f"'{user}'@'{host}'")
    have = server.rows(
        f"SELECT privilege_type FROM information_schema.user_privileges WHERE {whose} UNION "
        f"SELECT privilege_type FROM information_schema.schema_privileges WHERE {whose} AND table_schema = {value(on.strip('`'))}"
    )
    lacking = [right for right in ("DELETE", "EVENT", "INSERT") if (right,) not in have]
    if lacking:
        yield Step(server, f"GRANT {', '.join(lacking)} ON {on}.* TO {account(user, host)}")


def _body(table: str) -> str:
    return f"REPLACE INTO {table} (id, at, server) VALUES (1, UTC_TIMESTAMP(6), @@server_uuid)"


def _event(server: Server, database: str) -> tuple[str, ...]:
    rows = server.rows(
        "SELECT interval_value, interval_field, status, event_definition FROM information_schema.events "
        f"WHERE event_schema = {value(database)} AND event_name = '{EVENT}'"
    )
    return tuple(str(each) for each in rows[0]) if rows else ()


def _shown(standing: tuple[str, ...]) -> str:
    return f"every {standing[0]} s, {standing[2]}\n" if standing else ""


def _beats(server: Server, database: str, interval: int) -> bool:
    state = look(server, database)
    return bool(state.beat and state.now and (state.now - state.beat).total_seconds() < interval + 2)


def _absent(server: Server, database: str, report: Report) -> None:
    standing = _event(server, database)
    if standing:
        report.differs(f"heartbeat of {server.node}", _shown(standing), "")
        report.plan([Step(server, f"DROP EVENT {name(database, EVENT)}")])
    if server.rows(f"SELECT 1 FROM information_schema.tables WHERE table_schema = {value(database)} AND table_name = '{TABLE}'"):
        report.plan([Step(server, f"DROP TABLE {name(database, TABLE)}")])
    report.apply()
    report.outputs = {"beating": False, "age": None}
