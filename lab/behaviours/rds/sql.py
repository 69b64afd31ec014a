"""What a server is asked as RDS's own administrator, over the socket in its data directory, which nobody else reaches."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pymysql
from pymysql.converters import escape_string

ADMIN, REPLICATOR = "rdsadmin", "rdsrepladmin"
"""RDS's own accounts: its administrator, and what replicas connect as."""

SOCKET = "mysqld.sock"
PROCEDURES = Path(__file__).with_name("procedures.sql")

# RDS user guide, Master user account privileges: MySQL 8.0.36 and higher; SET_USER_ID was split up in 8.4.
PRIVILEGES = (
    *("SELECT", "INSERT", "UPDATE", "DELETE", "CREATE", "DROP", "RELOAD", "PROCESS", "REFERENCES", "INDEX", "ALTER", "SHOW DATABASES"),
    *("CREATE TEMPORARY TABLES", "LOCK TABLES", "EXECUTE", "REPLICATION SLAVE", "REPLICATION CLIENT", "CREATE VIEW", "SHOW VIEW"),
    *("CREATE ROUTINE", "ALTER ROUTINE", "CREATE USER", "EVENT", "TRIGGER", "CREATE ROLE", "DROP ROLE"),
)
DYNAMIC_PRIVILEGES = (
    *("APPLICATION_PASSWORD_ADMIN", "FLUSH_OPTIMIZER_COSTS", "FLUSH_STATUS", "FLUSH_TABLES", "FLUSH_USER_RESOURCES", "ROLE_ADMIN"),
    *("SET_ANY_DEFINER", "XA_RECOVER_ADMIN"),
)
ROLE = "rds_superuser_role"


class Session:
    """A connection to a server, as its administrator. What is changed is not replicated, unless it is `logged`."""

    def __init__(self, connection: Any, logged: bool) -> None:
        self._connection = connection
        if not logged:
            self.do("SET SESSION sql_log_bin = 0")

    def do(self, statement: str, *values: Any) -> list[dict[str, Any]]:
        """Run a statement and return its rows.

        Raises:
            pymysql.MySQLError: The server refuses it, or is gone.
        """
        with self._connection.cursor() as cursor:
            cursor.execute(statement, values or None)
            return list(cursor.fetchall())


@contextmanager
def session(data: Path, user: str = ADMIN, logged: bool = False) -> Iterator[Session]:
    """Connect to the server of a data directory, whose path may be longer than a socket's may."""
    directory = os.open(data, os.O_PATH)
    try:
        where = f"/proc/self/fd/{directory}/{SOCKET}"
        connection = pymysql.connect(
            unix_socket=where, user=user, autocommit=True, charset="utf8mb4", connect_timeout=10, cursorclass=pymysql.cursors.DictCursor
        )
    finally:
        os.close(directory)
    with connection:
        yield Session(connection, logged)


def accounts(replication: str) -> list[str]:
    """Return the statements that make a server's accounts what RDS's are; `replication` is the password of replicas.

    They begin as `root`, who is the administrator from then on.
    """
    return [
        f"RENAME USER root@localhost TO {ADMIN}@localhost",
        f"CREATE USER {REPLICATOR} IDENTIFIED BY {text(replication)} REQUIRE SSL",
        f"GRANT REPLICATION SLAVE, BACKUP_ADMIN, SYSTEM_USER ON *.* TO {REPLICATOR}",
        f"CREATE ROLE {ROLE}",
        f"GRANT {', '.join(PRIVILEGES)} ON *.* TO {ROLE} WITH GRANT OPTION",
        f"GRANT {', '.join(DYNAMIC_PRIVILEGES)} ON *.* TO {ROLE} WITH GRANT OPTION",
        *(each for part in PROCEDURES.read_text().split("//\n") if (each := part.strip())),
    ]


def master(user: str, password: str) -> list[str]:
    """Return the statements that give the master user its password and privileges."""
    return [
        f"CREATE USER IF NOT EXISTS {text(user)}@'%' IDENTIFIED BY {text(password)}",
        f"ALTER USER {text(user)}@'%' IDENTIFIED BY {text(password)}",
        f"GRANT {ROLE} TO {text(user)}@'%' WITH ADMIN OPTION",
    ]


def database(name: str) -> str:
    """Return the statement that makes a database."""
    return "CREATE DATABASE IF NOT EXISTS `" + name.replace("`", "``") + "`"


def source(endpoint: str, port: int, password: str, ca: str) -> str:
    """Return the statement that has a server replicate another one, over TLS and only if that is who it says."""
    return (
        f"CHANGE REPLICATION SOURCE TO SOURCE_HOST = {text(endpoint)}, SOURCE_PORT = {port}, SOURCE_USER = {text(REPLICATOR)},"
        f" SOURCE_PASSWORD = {text(password)}, SOURCE_AUTO_POSITION = 1, SOURCE_SSL = 1, SOURCE_SSL_CA = {text(ca)},"
        " SOURCE_SSL_VERIFY_SERVER_CERT = 1, SOURCE_CONNECT_RETRY = 2, SOURCE_RETRY_COUNT = 86400, SOURCE_HEARTBEAT_PERIOD = 2"
    )


def clone(endpoint: str, port: int, password: str) -> str:
    """Return the statement that copies another server's data over one's own."""
    return f"CLONE INSTANCE FROM {text(REPLICATOR)}@{text(endpoint)}:{port} IDENTIFIED BY {text(password)} REQUIRE SSL"


def setting(name: str, value: str | None) -> str:
    """Return the statement that sets a global variable, or its default."""
    return (
        f"SET GLOBAL {name.replace('-', '_')} = {'DEFAULT' if value is None else value if value.lstrip('-').isdecimal() else text(value)}"
    )


def text(value: str) -> str:
    """Return a text as SQL writes it."""
    return f"'{escape_string(value)}'"
