"""What the MySQL modules stand on, as far as it needs no server."""

from __future__ import annotations

import ast
import datetime
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from kc.errors import KcError
from kc.mysql import gtid
from kc.mysql.connection import Node
from kc.mysql.errors import HINTS, is_read_only, of_network, of_server
from kc.mysql.password import matches, sha256_crypt
from kc.mysql.quote import account, name, pattern, value
from kc.mysql.readiness import Lag, Sets, lag, objections
from kc.mysql.state import Channel, State, release
from kc.mysql.statement import Statement

SOURCE, REPLICA = "00000000-0000-0000-0000-000000000001", "00000000-0000-0000-0000-000000000002"
NOW = datetime.datetime(2026, 1, 1)


@pytest.mark.parametrize(("text", "quoted"), [("plain", "`plain`"), ("a`b", "`a``b`"), ("a'b\\", "`a'b\\`")])
def test_names(text: str, quoted: str) -> None:
    assert name(text) == quoted
    assert name("d", text) == f"`d`.{quoted}"


@pytest.mark.parametrize(
    ("given", "literal"),
    [("it's", r"'it\'s'"), ("\\", r"'\\'"), ("\0\n\r\x1a", r"'\0\n\r\Z'"), (5, "5"), (True, "1"), (1.5, "1.5"), (None, "NULL")],
)
def test_values(given: Any, literal: str) -> None:
    assert value(given) == literal


@pytest.mark.parametrize(("literal", "quoted"), [(False, r"`a\_b\%`.*"), (True, "`a_b%`.*")])
def test_patterns(literal: bool, quoted: str) -> None:
    assert f"{pattern('a_b%', literal=literal)}.*" == quoted


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: name(""), "is empty"),
        (lambda: name("x\0"), "has no '\\\\x00' in names"),
        (lambda: name("half \ud800"), "in names"),
        (lambda: name("ends "), "ends in a space"),
        (lambda: account("x" * 33), "`name` is too long"),
        (lambda: account("x", ""), "`account_host` is empty"),
        (lambda: value("half \ud800"), "no Unicode text"),
        (lambda: value(float("nan")), "no number"),
        (lambda: pattern("a\\b"), "has a backslash"),
        (lambda: gtid.parse("x:1"), "no set of transactions"),
        (lambda: gtid.parse(f"{SOURCE}"), "no set of transactions"),
        (lambda: gtid.parse(f"{SOURCE}:0"), "no set of transactions"),
        (lambda: gtid.parse(f"{SOURCE}:1-2'"), "no set of transactions"),
    ],
)
def test_what_is_refused(call: Any, says: str) -> None:
    with pytest.raises(KcError, match=says) as found:
        call()
    assert "\n" not in str(found.value)


@pytest.mark.parametrize(
    ("text", "normal", "count"),
    [
        ("", "", 0),
        (f"{SOURCE}:1", f"{SOURCE}:1", 1),
        (f"{REPLICA.upper()}:5-7,\n{SOURCE}:1-2:3:9", f"{SOURCE}:1-3:9,{REPLICA}:5-7", 7),
        (f"{SOURCE}:1-3:2-9", f"{SOURCE}:1-9", 9),
        (f"{SOURCE}:4-3", "", 0),
        (f"{SOURCE}:1:Tag:5-6", f"{SOURCE}:1,{SOURCE}:tag:5-6", 3),
    ],
)
def test_sets_of_transactions(text: str, normal: str, count: int) -> None:
    assert (gtid.normal(text), gtid.count(text)) == (normal, count)


def test_sha_crypt_is_the_published_one() -> None:
    # Ulrich Drepper, Unix crypt using SHA-256 and SHA-512: test vectors
    assert sha256_crypt(b"Hello world!", b"saltstring", 5000) == b"5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5"
    assert sha256_crypt(b"Hello world!", b"saltstringsaltst", 10000) == b"3xv.VbSHBb41AL9AvLeujZkZRBAwqFMz2.opqey6IcA"


@pytest.mark.parametrize("kept", [b"", b"*94BDCEBE19083CE2A1F959FD02F964C7AF4CFC29", b"$A$005$short", b"$A$005$" + b"x" * 63])
def test_what_is_no_password_of_ours(kept: bytes) -> None:
    assert not matches("x", kept)


def test_a_statement_hides_its_secret_in_every_form() -> None:
    shown = str(Statement.with_secrets(f"CREATE USER u IDENTIFIED BY {value('a' + chr(39) + 'b')}", "a'b"))
    assert shown == "CREATE USER u IDENTIFIED BY '********'"


def test_errors_are_one_line_with_what_to_do() -> None:
    error = of_server("n:1", 1045, "Access denied\nfor 'x' (using password: secret)", ["secret"])
    assert (error.message, error.hint) == ("n:1: Access denied for 'x' (using password: ********)", HINTS[1045])
    assert "Does mysqld run there" in str(of_network("n:1", ConnectionRefusedError(), 1))
    assert is_read_only(of_server("n:1", 1290, "The MySQL server is running with the --super-read-only option so it cannot"))
    assert not is_read_only(of_server("n:1", 1290, "The MySQL server is running with the --secure-file-priv option so it cannot"))


def test_nodes() -> None:
    assert str(Node.parse("db.example", 3306, "`host`")) == "db.example:3306"
    with pytest.raises(KcError, match="`host`: 'a b' is no node"):
        Node.parse("a b", 3306, "`host`")


@pytest.mark.parametrize(("text", "found"), [("9.7.4-2", (9, 7)), ("8.4.7", (8, 4)), ("8.0.43-0ubuntu", (8, 0))])
def test_releases(text: str, found: tuple[int, int]) -> None:
    assert release(text) == found


# --- readiness

SETTINGS = {"gtid_mode": "ON", "enforce_gtid_consistency": "ON", "log_bin": "ON", "log_replica_updates": "ON", "binlog_format": "ROW"}
CHANNEL = Channel("", "s:3306", SOURCE, "u", "Yes", "Yes", True, True, True, 0, "", 0, "", "")
FOLLOWS = State("r:3306", REPLICA, 2, "9.7.4", True, True, f"{SOURCE}:1-9", "", SETTINGS, (CHANNEL,), beat=NOW, now=NOW)
LEADS = State("s:3306", SOURCE, 1, "9.7.4", False, False, f"{SOURCE}:1-9", "", SETTINGS, (), now=NOW + datetime.timedelta(seconds=1))
WELL = Sets("", "", True)


def names(replica: State = FOLLOWS, source: State | None = LEADS, sets: Sets = WELL, **more: Any) -> list[str]:
    return [each.name for each in objections(replica, source, sets, lag(replica, source), **more)]


def channel(**changes: Any) -> State:
    return replace(FOLLOWS, channels=(replace(CHANNEL, **changes),))


@pytest.mark.parametrize(
    ("found", "wanted"),
    [
        (names(), []),
        (names(expected=SOURCE), []),
        (names(expected=REPLICA), ["wrong_source"]),
        (names(channel(source_uuid="")), ["wrong_source"]),
        (names(replace(FOLLOWS, channels=())), ["not_a_replica"]),
        (names(replace(FOLLOWS, channels=(CHANNEL, replace(CHANNEL, name="b")))), ["channels"]),
        (names(source=None, sets=Sets(None, None, True)), ["source_silent", "errant_unknown"]),
        (names(channel(io="Connecting")), ["io_stopped"]),
        (names(channel(sql="No")), ["sql_stopped"]),
        (names(channel(auto_position=False)), ["position"]),
        (names(channel(delay=5)), ["delay"]),
        (names(channel(filters=("Replicate_Do_DB=d",))), ["filters"]),
        (names(replace(FOLLOWS, settings={**SETTINGS, "log_bin": "OFF"})), ["settings"]),
        (names(replace(FOLLOWS, settings={})), ["settings"] * 4),
        (names(replace(FOLLOWS, version="9.8.0")), ["version"]),
        (names(replace(FOLLOWS, server_id=1)), ["same_server"]),
        (names(replace(FOLLOWS, read_only=False)), ["writable"]),
        (names(sets=Sets(f"{REPLICA}:1", "", True)), ["errant"]),
        (names(sets=Sets("", "", False)), ["relay_log"]),
        (names(replace(FOLLOWS, beat=None)), ["lag_unknown"]),
        (names(most=0.5), ["lag"]),
        (names(source=replace(LEADS, read_only=True), most=0.5), []),
    ],
)
def test_what_stands_against_a_replica(found: list[str], wanted: list[str]) -> None:
    assert found == wanted


def test_an_unknown_lag_is_not_zero() -> None:
    assert lag(replace(FOLLOWS, beat=None), LEADS) == Lag(None, why="nobody asked for it")
    assert lag(FOLLOWS, LEADS) == Lag(1.0, "source")
    assert lag(FOLLOWS, None) == Lag(0.0, "replica")


def test_rds_leaves_out_its_own_tables_and_that_is_no_filter() -> None:
    row = {
        **dict.fromkeys(("Channel_Name", "Source_UUID", "Source_User", "Retrieved_Gtid_Set", "Last_IO_Error", "Last_SQL_Error"), ""),
        **dict.fromkeys(("Last_IO_Errno", "Last_SQL_Errno", "SQL_Delay", "Seconds_Behind_Source", "Auto_Position"), 0),
        **dict.fromkeys(("Source_SSL_Allowed", "Source_SSL_Verify_Server_Cert", "Replica_IO_Running", "Replica_SQL_Running"), "Yes"),
        "Source_Host": "h",
        "Source_Port": 3306,
    }
    assert Channel.of({**row, "Replicate_Ignore_Table": "mysql.rds_history,innodb_memcache.config_options"}).filters == ()
    assert Channel.of({**row, "Replicate_Ignore_Table": "mysql.rds_history,d.t"}).filters == (
        "Replicate_Ignore_Table=mysql.rds_history,d.t",
    )


def test_every_name_of_an_objection_is_known() -> None:
    from kc.mysql.promotion import FORCED, NEVER, WAITED
    from kc.mysql.readiness import NAMES

    assert {*NAMES} >= NEVER | FORCED | WAITED
    source = Path(__file__).parents[2] / "module_utils/kc/mysql/readiness.py"
    made = {
        each.args[0].value
        for each in ast.walk(ast.parse(source.read_text()))
        if isinstance(each, ast.Call) and getattr(each.func, "id", "") == "Objection" and isinstance(each.args[0], ast.Constant)
    }
    assert made <= {*NAMES}
