"""Databases and accounts on real servers: a client sees its own, comes over TLS, and can do no more than it was given."""

from __future__ import annotations

import json
import ssl
from collections.abc import Callable
from typing import Any

import pymysql
import pytest
from kc.mysql import databases, users
from kc.mysql.connection import Server
from kc.mysql.errors import NodeError
from kc.mysql.quote import name, value

from tests.mysql.world import USER, World

Go = Callable[..., dict[str, Any]]

DATABASE = {"name": "acme", "charset": "utf8mb4", "collation": "utf8mb4_0900_ai_ci", "encryption": None, "state": "present", "data": "keep"}
SECRET = "clients'\\own \"pass`word"
ACCOUNT = {
    "name": "acme",
    "account_host": "%",
    "account_password": SECRET,
    "role": "",
    "grants": [{"database": "client_a", "access": "own"}],
    "privileges": [],
    "max_connections": 2,
    "password_days": 0,
    "failed_logins": 0,
    "lock_days": 1,
    "state": "present",
}


def login(world: World, user: str = "acme", password: str = SECRET) -> Server:
    return world.servers[0].server(user=user, password=password)


def code(server: Server, statement: str) -> int:
    """Return the server's code for a statement; 0 where it takes it."""
    try:
        server.run(statement)
    except NodeError as error:
        return error.server_code
    return 0


# --- databases


def test_a_database_is_made_once_and_its_character_set_put_back(go: Go, servers: list[Server]) -> None:
    planned = go(databases.work, check=True, **DATABASE)
    assert (planned["changed"], servers[0].rows("SHOW DATABASES LIKE 'acme'")) == (True, [])
    made = go(databases.work, **DATABASE)
    assert made["statements"] == planned["statements"]
    assert go(databases.work, **DATABASE)["changed"] is False
    servers[0].run("ALTER DATABASE acme CHARACTER SET latin1")
    back = go(databases.work, **DATABASE)
    assert ("-" not in back["diff"][0]["before"], "latin1" in back["diff"][0]["before"]) == (True, True)
    assert go(databases.work, **DATABASE)["statements"] == []


def test_a_database_with_tables_goes_only_when_that_is_said(go: Go, servers: list[Server]) -> None:
    gone = {**DATABASE, "state": "absent"}
    go(databases.work, **DATABASE)
    servers[0].run("CREATE TABLE acme.orders (x INT)")
    assert "'acme' has 1 tables (orders)" in go(databases.work, fails=True, **gone)["msg"]
    assert go(databases.work, **{**gone, "data": "delete"})["changed"]
    assert go(databases.work, **gone)["changed"] is False


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"name": ""}, "`name` is empty"),
        ({"name": "x" * 65}, "`name` is too long"),
        ({"name": "ends "}, "ends in a space"),
        ({"name": "😀"}, "`name` is '😀'"),
        ({"name": "mysql"}, "the server's own"),
        ({"collation": "latin1_bin"}, "`collation`: 'latin1_bin' is none of the character set 'utf8mb4'"),
        ({"collation": "x'; DROP DATABASE d; --"}, "`collation`: "),
    ],
)
def test_databases_that_are_refused(go: Go, options: dict[str, Any], says: str) -> None:
    failed = go(databases.work, fails=True, **{**DATABASE, **options})
    assert says in failed["msg"]
    assert (failed["changed"], "\n" in failed["msg"]) == (False, False)


# --- accounts


def test_an_account_is_made_once_and_shows_no_secret(go: Go, world: World) -> None:
    planned = go(users.work, check=True, **ACCOUNT)
    made = go(users.work, **ACCOUNT)
    assert (made["changed"], made["statements"], made["login"]) == (True, planned["statements"], "ok")
    again = go(users.work, **ACCOUNT)
    assert (again["changed"], again["statements"], again["login"]) == (False, [], "ok")
    assert all(value(SECRET)[1:-1] not in json.dumps(each) and SECRET not in json.dumps(each) for each in (planned, made))
    assert "IDENTIFIED WITH caching_sha2_password BY '********'" in made["statements"][-1]["statement"]


def test_a_client_is_isolated(go: Go, world: World, servers: list[Server]) -> None:
    for database in ("client_a", "clientXa", "other", "100%", "100x"):
        go(databases.work, **{**DATABASE, "name": database})
        servers[0].run(f"CREATE TABLE {name(database, 't')} (x INT)")
    go(users.work, **ACCOUNT)
    go(users.work, **{**ACCOUNT, "name": "percent", "grants": [{"database": "100%", "access": "write"}]})
    with login(world) as client:
        assert code(client, "INSERT INTO client_a.t VALUES (1)") == 0
        assert code(client, "CREATE TABLE client_a.own (x INT)") == 0
        assert {row[0] for row in client.rows("SHOW DATABASES")} == {"client_a", "information_schema", "performance_schema"}
        for database in ("clientXa", "other", "100%", "mysql"):
            assert code(client, f"USE {name(database)}") == 1044, database
            assert code(client, f"SELECT * FROM {name(database, 't')}") == 1142, database
            assert code(client, f"CREATE DATABASE {name(database + 'new')}") == 1044, database
        # every setting of the whole server, and what is kept of them
        servers[0].run("SET PERSIST max_connections = 50")
        for setting, setting_value in servers[0].rows("SHOW GLOBAL VARIABLES"):
            assert code(client, f"SET GLOBAL {name(setting)} = {value(setting_value)}") in (1227, 1238), setting  # 1238: it is read only
        for forbidden in (
            "SHOW REPLICA STATUS",
            "SHOW BINARY LOGS",
            "SET sql_log_bin = 0",
            "SHUTDOWN",
            "CREATE USER x",
            "FLUSH TABLES",
            "RESET PERSIST",
        ):
            assert code(client, forbidden) in (1227, 1045), forbidden
        assert code(client, "SELECT * FROM mysql.user") == 1142
        assert code(client, "CREATE EVENT client_a.e ON SCHEDULE EVERY 1 SECOND DO DO 1") == 1044
        assert code(client, "GRANT SELECT ON client_a.* TO percent") == 1044
    with login(world, "percent") as client:
        assert code(client, "INSERT INTO `100%`.t VALUES (1)") == 0
        assert code(client, "INSERT INTO `100x`.t VALUES (1)") == 1142
        assert code(client, "DROP TABLE `100%`.t") == 1142
    # one connection more than allowed
    first, second, third = (login(world) for _ in range(3))
    with first, second, third:
        assert (code(first, "DO 1"), code(second, "DO 1"), code(third, "DO 1")) == (0, 0, 1226)
        assert go(users.work, **ACCOUNT)["login"] == "ok", "the password is right all the same"


def test_plain_text_is_refused(go: Go, world: World, servers: list[Server]) -> None:
    """By the account alone, where the server would allow it."""
    go(users.work, **ACCOUNT)
    servers[0].run("SET GLOBAL require_secure_transport = OFF")
    try:
        with pytest.raises(pymysql.err.OperationalError) as found:
            pymysql.connect(host="127.0.0.1", port=world.servers[0].port, user="acme", password=SECRET, ssl_disabled=True)
        assert found.value.args[0] == 1045
        context = ssl.create_default_context(cafile=str(world.authority.ca))
        pymysql.connect(host="localhost", port=world.servers[0].port, user="acme", password=SECRET, ssl=context).close()
    finally:
        servers[0].run("SET GLOBAL require_secure_transport = ON")


def test_with_partial_revokes_names_are_taken_as_they_are(go: Go, world: World, servers: list[Server]) -> None:
    servers[0].run("SET GLOBAL partial_revokes = ON")
    for database in ("client_a", "clientXa"):
        go(databases.work, **{**DATABASE, "name": database})
    go(users.work, **ACCOUNT)
    assert go(users.work, **ACCOUNT)["changed"] is False
    with login(world) as client:
        assert (code(client, "USE client_a"), code(client, "USE clientXa")) == (0, 1044)


def test_failed_logins_lock_and_the_module_unlocks(go: Go, world: World) -> None:
    strict = {**ACCOUNT, "failed_logins": 2, "password_days": 90}
    go(users.work, **strict)
    assert go(users.work, **strict)["changed"] is False
    for _ in range(2):
        with login(world, password="wrong") as client:
            assert code(client, "DO 1") in (1045, 3955)
    with login(world) as client:
        assert code(client, "DO 1") == 3955  # locked for a day
    assert go(users.work, **{**strict, "failed_logins": 3})["login"] == "ok"


@pytest.mark.parametrize(
    "by_hand",
    [
        "ALTER USER acme REQUIRE NONE",
        "ALTER USER acme WITH MAX_USER_CONNECTIONS 0",
        "ALTER USER acme PASSWORD EXPIRE INTERVAL 5 DAY",
        "ALTER USER acme PASSWORD EXPIRE",
        "ALTER USER acme ACCOUNT LOCK",
        "ALTER USER acme IDENTIFIED BY 'by-hand'",
        "ALTER USER acme DEFAULT ROLE NONE",
        "REVOKE acme_role FROM acme",
        "GRANT SELECT ON *.* TO acme",
        "GRANT BACKUP_ADMIN ON *.* TO acme WITH GRANT OPTION",
        "GRANT SELECT ON other.* TO acme_role",
        "GRANT SELECT ON `client%`.* TO acme_role",
        "GRANT SELECT (x), UPDATE (x) ON other.t TO acme",
        "GRANT INSERT ON other.t TO acme_role WITH GRANT OPTION",
        "GRANT EXECUTE ON PROCEDURE other.p TO acme",
        "REVOKE INSERT ON `client\\_a`.* FROM acme_role",
        "GRANT strangers TO acme",
        "DROP ROLE acme_role",
        "DROP USER acme",
    ],
)
def test_what_was_changed_by_hand_is_put_back(go: Go, world: World, servers: list[Server], by_hand: str) -> None:
    go(databases.work, **{**DATABASE, "name": "other"})
    servers[0].run("CREATE TABLE other.t (x INT)")
    servers[0].run("CREATE PROCEDURE other.p() DO 1")
    servers[0].run("CREATE ROLE strangers")
    go(users.work, **ACCOUNT)
    shown = sorted(row[0] for who in ("acme", "acme_role") for row in servers[0].rows(f"SHOW GRANTS FOR {who}"))
    servers[0].run(by_hand)
    planned = go(users.work, check=True, **ACCOUNT)
    back = go(users.work, **ACCOUNT)
    assert (back["changed"], back["statements"], back["login"]) == (True, planned["statements"], "ok")
    assert back["diff"]
    assert sorted(row[0] for who in ("acme", "acme_role") for row in servers[0].rows(f"SHOW GRANTS FOR {who}")) == shown
    assert go(users.work, **ACCOUNT)["changed"] is False


def test_another_account_with_the_role_is_named(go: Go, servers: list[Server]) -> None:
    go(users.work, **ACCOUNT)
    servers[0].run("CREATE USER stranger")
    servers[0].run("GRANT acme_role TO stranger")
    assert "'stranger'@'%' too has the role acme_role" in go(users.work, **ACCOUNT)["warnings"][0]


def test_privileges_of_the_whole_server(go: Go, world: World) -> None:
    backup = {**ACCOUNT, "name": "backup", "grants": [], "privileges": ["REPLICATION SLAVE", "BACKUP_ADMIN"], "max_connections": 0}
    go(users.work, **backup)
    assert go(users.work, **backup)["changed"] is False
    go(users.work, **{**backup, "privileges": ["REPLICATION SLAVE"]})
    with login(world, "backup") as client:
        assert client.rows("SHOW GRANTS") == [("GRANT REPLICATION SLAVE ON *.* TO `backup`@`%`",)]


@pytest.mark.parametrize("hard", ["it's", 'quo"te', "a`b", "a b", "ä", "per%cent_"])
def test_hard_names(go: Go, world: World, hard: str) -> None:
    account = {**ACCOUNT, "name": hard, "grants": [{"database": hard, "access": "write"}]}
    go(databases.work, **{**DATABASE, "name": hard})
    go(users.work, **account)
    assert go(users.work, **account)["changed"] is False
    with login(world, hard) as client:
        assert code(client, f"USE {name(hard)}") == 0
    assert go(users.work, **{**account, "state": "absent"})["changed"]
    assert go(users.work, **{**account, "state": "absent"})["changed"] is False


def test_absent_lets_nobody_in(go: Go, world: World, servers: list[Server]) -> None:
    go(users.work, **ACCOUNT)
    gone = {**ACCOUNT, "state": "absent", "account_password": None}
    assert [step["statement"] for step in go(users.work, **gone)["statements"]] == ["DROP USER 'acme'@'%'", "DROP ROLE 'acme_role'@'%'"]
    with login(world) as client:
        assert code(client, "DO 1") == 1045
    assert go(users.work, **gone)["changed"] is False


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"name": USER}, "is the administrator"),
        ({"name": "x" * 33}, "`name` is too long"),
        ({"name": "x" * 30}, "`role` is too long"),
        ({"account_password": ""}, "`account_password` is missing"),
        ({"account_host": ""}, "`account_host` is empty"),
        ({"privileges": ["ALL"]}, "`privileges`: 'ALL'"),
        ({"privileges": ["SELECT ON *.* TO x; --"]}, "`privileges`: "),
        ({"privileges": ["NOSUCH_PRIVILEGE"]}, ""),
        ({"max_connections": -1}, "`max_connections` is -1"),
        ({"grants": [{"database": "", "access": "read"}]}, "`database` is empty"),
        ({"grants": [{"database": "a\\b", "access": "read"}]}, "has a backslash"),
    ],
)
def test_accounts_that_are_refused(go: Go, servers: list[Server], options: dict[str, Any], says: str) -> None:
    failed = go(users.work, fails=True, **{**ACCOUNT, **options})
    assert says in failed["msg"]
    assert ("\n" in failed["msg"], SECRET in json.dumps(failed)) == (False, False)
