"""The lab's RDS: what its servers are told, when one has something to do, and what a point in time is made of."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from lab.behaviours.rds.life import needs
from lab.behaviours.rds.parameters import configuration, effective, settings
from lab.behaviours.rds.record import Record, Records
from lab.behaviours.rds.restore import last_before, statements
from lab.behaviours.rds.sql import DYNAMIC_PRIVILEGES, PRIVILEGES, master, setting, source
from lab.behaviours.rds.wanted import Instance, Wanted

TOLD: dict[str, Any] = {
    "region": "me-west-1",
    "name": "kc-lab-main",
    "resource": "db-A",
    "endpoint": "kc-lab-main.aaaaaaaaaa.me-west-1.rds.amazonaws.com",
    "port": 3306,
    "subnet": "subnet-1",
    "cidr": "10.10.128.0/20",
    "groups": ["sg-1"],
    "user": "admin",
    "password": "secret",
    "database": "app",
    "group": "own",
    "parameters": {"long_query_time": "1", "gtid-mode": "ON", "time_zone": "UTC", "sql_mode": 'A"B'},
    "waiting": [],
    "source": "",
    "logs": True,
    "origin": {},
    "asked": 3,
    "boots": 1,
    "stopped": False,
    "leaving": False,
    "writable_at": 0.0,
}
INSTANCE = Wanted.of({"instances": [TOLD], "snapshots": {}}).instances["db-A"]
RECORD = Record(
    "db-A",
    "me-west-1",
    "kc-lab-main",
    groups=("sg-1",),
    group="own",
    parameters=TOLD["parameters"],
    boots=1,
    done=3,
    whole=True,
    primed=True,
)


def options(instance: Instance, begins: bool = False, **parameters: str) -> dict[str, str]:
    lines = configuration(instance, parameters, begins).splitlines()
    assert lines[0] == "[mysqld]"
    return {name: value for name, _, value in (line.partition(" = ") for line in lines[1:])}


def test_a_server_is_told_what_its_parameter_group_says() -> None:
    told = options(INSTANCE, **INSTANCE.parameters)
    assert (told["loose_long_query_time"], told["loose_gtid_mode"], told["loose_default_time_zone"]) == ("1", "ON", "UTC")
    assert told["loose_sql_mode"] == r'"A\"B"'
    assert told["log_bin"] == "mysql-bin-changelog" and "skip_replica_start" not in told


def test_without_backups_there_is_no_binary_log() -> None:
    told = options(dataclasses.replace(INSTANCE, logs=False), begins=True)
    assert "skip_log_bin" in told and "log_bin" not in told and told["skip_replica_start"] == "ON"


def test_servers_have_numbers_of_their_own() -> None:
    assert options(INSTANCE)["server_id"] != options(dataclasses.replace(INSTANCE, resource="db-B"))["server_id"]


@pytest.mark.parametrize(
    ("source", "writable", "group", "only_read"),
    [
        ("", True, {}, None),
        ("db-B", True, {}, "1"),
        ("", False, {}, "1"),
        ("db-B", True, {"read_only": "0"}, "0"),
        ("", True, {"read_only": "1"}, "1"),
    ],
)
def test_a_replica_is_read_only_unless_its_group_says_otherwise(
    source: str, writable: bool, group: dict[str, str], only_read: str | None
) -> None:
    assert effective(dataclasses.replace(INSTANCE, source=source), group, writable).get("read_only") == only_read


@pytest.mark.parametrize(
    ("have", "want", "waiting", "now", "waits"),
    [
        ({"wait_timeout": "1"}, {"wait_timeout": "1"}, (), {}, False),
        ({"wait_timeout": "1"}, {"wait_timeout": "2"}, (), {"wait_timeout": "2"}, False),
        ({"wait_timeout": "1"}, {}, (), {"wait_timeout": None}, False),
        ({}, {"wait_timeout": "2"}, ("wait_timeout",), {}, True),
        ({}, {"back_log": "9", "wait_timeout": "2"}, (), {"wait_timeout": "2"}, True),
        ({"back_log": "9"}, {}, (), {}, True),
    ],
)
def test_what_is_dynamic_is_set_at_once_and_the_rest_waits(
    have: dict[str, str], want: dict[str, str], waiting: tuple[str, ...], now: dict[str, str | None], waits: bool
) -> None:
    assert settings(have, want, waiting) == (now, waits)


@pytest.mark.parametrize(
    ("instance", "record", "serves", "lacking", "needed"),
    [
        ({}, {}, True, [], False),
        ({}, {}, False, [], True),
        ({}, {}, True, ["snapshot-1"], True),
        ({"asked": 4}, {}, True, [], True),
        ({"stopped": True}, {}, False, [], False),
        ({"stopped": True}, {}, True, [], True),
        ({"groups": ("sg-2",)}, {}, True, [], True),
        ({"parameters": {**TOLD["parameters"], "long_query_time": "9"}}, {}, True, [], True),
        ({"parameters": {**TOLD["parameters"], "back_log": "9"}}, {}, True, [], True),
        ({"parameters": {**TOLD["parameters"], "back_log": "9"}}, {"pending": True}, True, [], False),
        ({"group": "other", "parameters": {}}, {"pending": True}, True, [], False),
        ({}, {"source": "db-B"}, True, [], True),
    ],
)
def test_a_server_has_something_to_do(
    instance: dict[str, Any], record: dict[str, Any], serves: bool, lacking: list[str], needed: bool
) -> None:
    assert needs(dataclasses.replace(INSTANCE, **instance), dataclasses.replace(RECORD, **record), serves, lacking) is needed


def test_one_that_nothing_is_known_of_is_to_be_made() -> None:
    assert needs(INSTANCE, None, False, [])


def test_a_password_is_shown_nowhere() -> None:
    assert "secret" not in repr(INSTANCE)


def test_records_are_kept(tmp_path: Any) -> None:
    records = Records(tmp_path)
    records.save(RECORD)
    (records.home("db-A") / "data").mkdir(parents=True)
    assert records.all() == [records.find("db-A")] == [RECORD]
    records.drop("db-A")
    assert records.all() == [] and not records.home("db-A").exists()


def test_statements_quote_what_they_are_given() -> None:
    assert master("admin", "a'b")[0] == r"CREATE USER IF NOT EXISTS 'admin'@'%' IDENTIFIED BY 'a\'b'"
    assert "SOURCE_SSL_VERIFY_SERVER_CERT = 1" in source("main.test", 3306, "p", "/ca.pem")
    assert [setting("a-b", value) for value in ("1", "ON", None)] == [
        "SET GLOBAL a_b = 1",
        "SET GLOBAL a_b = 'ON'",
        "SET GLOBAL a_b = DEFAULT",
    ]


def test_the_master_user_is_given_nothing_of_a_super_user() -> None:
    given = {*PRIVILEGES, *DYNAMIC_PRIVILEGES}
    assert not given & {"SUPER", "FILE", "SHUTDOWN", "SYSTEM_USER", "SYSTEM_VARIABLES_ADMIN", "CONNECTION_ADMIN", "REPLICATION_SLAVE_ADMIN"}


def test_a_point_in_time_begins_with_the_last_snapshot_before_it() -> None:
    snapshots = {
        "one": {"of": {"instance": "db-A"}, "made": 10.0},
        "two": {"of": {"instance": "db-A"}, "made": 20.0},
        "late": {"of": {"instance": "db-A"}, "made": 31.0},
        "other": {"of": {"instance": "db-B"}, "made": 25.0},
        "copy": {"of": {"snapshot": "one"}, "made": 26.0},
    }
    assert [last_before(snapshots, "db-A", until) for until in (9, 10, 30)] == ["", "one", "two"]


def test_a_binary_log_is_done_again_statement_by_statement() -> None:
    text = (
        "# The proper term is pseudo_replica_mode\nDELIMITER /*!*/;\n# at 4\n#261128 server id 1\nSET TIMESTAMP=1/*!*/;\n"
        "use `app`/*!*/;\n/*!\\C utf8mb4 *//*!*/;\nBINLOG '\nabc\ndef\n'/*!*/;\n# at 9\nCOMMIT/*!*/;\nDELIMITER ;\n# End\n/*!50003 SET x=1*/;\n"
    )
    assert list(statements(text)) == ["SET TIMESTAMP=1", "use `app`", "BINLOG '\nabc\ndef\n'", "COMMIT"]


def test_a_password_s_salt_is_kept_as_it_is() -> None:
    salt = "".join(chr(number) for number in range(1, 128) if chr(number) not in "\n\r\x1a'\\\"$")  # those are escaped, or not in it
    created = f"CREATE USER 'app'@'%' IDENTIFIED WITH 'caching_sha2_password' AS '$A$005${salt}'"
    assert list(statements(f"DELIMITER /*!*/;\n{created}/*!*/;\nDELIMITER ;\n")) == [created]
