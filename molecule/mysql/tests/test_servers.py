"""What the servers are: one that takes writes and one that follows it, over TLS that both verify, with the settings that are written."""

from __future__ import annotations

import json
import os
import subprocess
import time
from pathlib import Path

import pytest
from hands import ROOT, container, fqdn, python, run, until
from servers import (
    APP,
    BOTH,
    CLIENT,
    OPERATOR,
    REPLICA,
    REPLICATION,
    SOURCE,
    UNIT,
    ask,
    channel,
    follow,
    follows,
    gtids,
    has_all,
    module,
    one,
    play,
    since,
    writable,
)

AUTHORITY = Path(os.environ["MOLECULE_EPHEMERAL_DIRECTORY"]) / "authority"
SETTINGS = {
    "gtid_mode": "ON",
    "enforce_gtid_consistency": "ON",
    "log_bin": "ON",
    "log_replica_updates": "ON",
    "binlog_format": "ROW",
    "sync_binlog": "1",
    "innodb_flush_log_at_trx_commit": "1",
    "innodb_doublewrite": "ON",
    "relay_log_recovery": "ON",
    "binlog_expire_logs_seconds": str(7 * 86400),
    "require_secure_transport": "ON",
    "tls_version": "TLSv1.2,TLSv1.3",
    "ssl_ca": "/etc/kc/tls/ca.pem",
    "event_scheduler": "ON",
    "character_set_server": "utf8mb4",
    "time_zone": "+00:00",
    "skip_name_resolve": "ON",
    "local_infile": "OFF",
    "max_connections": "60",
    "innodb_buffer_pool_size": str(64 << 20),
    "datadir": "/var/lib/kc/mysql/data/",
    "super_read_only": "OFF",
}


@pytest.mark.parametrize("host", BOTH)
def test_settings_are_in_effect(host: str) -> None:
    found = dict(ask(host, host, "SHOW GLOBAL VARIABLES"))
    wanted = {**SETTINGS, "super_read_only": "OFF" if host == SOURCE else "ON"}
    assert {name: found[name] for name in wanted} == wanted
    assert len({one(each, "SELECT @@server_id") for each in BOTH}) == 2
    assert one(host, "SELECT @@server_id") > 1
    # the zones' names are there
    assert one(host, "SELECT CONVERT_TZ('2026-01-01 12:00', 'UTC', 'Asia/Riyadh')") == "2026-01-01 15:00:00"


def test_what_is_written_in_one_region_is_read_in_the_other_over_verified_tls() -> None:
    assert ask(SOURCE, SOURCE, "REPLACE INTO app.rows_of VALUES (1, 'told')", user=APP) == []
    until(lambda: ask(REPLICA, REPLICA, "SELECT who FROM app.rows_of WHERE id = 1", user=APP) == [["told"]])
    found = channel(REPLICA)
    assert {name: found[f"Source_SSL_{name}"] for name in ("Allowed", "Verify_Server_Cert", "CA_File")} == {
        "Allowed": "Yes",
        "Verify_Server_Cert": "Yes",
        "CA_File": "/etc/kc/tls/ca.pem",
    }
    assert found["Auto_Position"] in (1, "1")
    # what the source itself says of the connection
    said = ask(
        SOURCE,
        SOURCE,
        "SELECT variable_name, variable_value FROM performance_schema.status_by_thread JOIN performance_schema.threads USING (thread_id) "
        "WHERE processlist_command LIKE 'Binlog Dump%' AND variable_name IN ('Ssl_version', 'Ssl_cipher') ORDER BY 1",
    )
    assert said[0][1].startswith("TLS_") and said[1:] == [["Ssl_version", "TLSv1.3"]]


@pytest.mark.parametrize("server", BOTH)
def test_plain_text_is_refused(server: str) -> None:
    """By each account, which is let in over TLS, and by the server itself, where an account does not ask for TLS."""
    assert ask(SOURCE, SOURCE, "CREATE USER plain IDENTIFIED BY 'spoken-1' REQUIRE NONE") == []
    try:
        until(lambda: has_all(REPLICA, SOURCE))
        accounts = {OPERATOR: 1045, REPLICATION: 1045, APP: 1045, CLIENT: 1045, ("plain", "spoken-1"): 3159}
        code = f"""
import pymysql
for user, password in {list(accounts)!r}:
    try:
        pymysql.connect(host={fqdn(server)!r}, user=user, password=password)
    except pymysql.err.OperationalError as error:
        print(error.args[0])
    else:
        print("let in")
"""
        for user in accounts:
            assert ask(REPLICA, server, "SELECT 1", user=user) == [[1]]
        assert python(REPLICA, code).split() == [str(code) for code in accounts.values()]
    finally:
        assert ask(SOURCE, SOURCE, "DROP USER plain") == []


def test_another_authority_is_refused() -> None:
    run(REPLICA, "sh", "-c", "cat >/var/lib/kc/stranger.pem", given=(AUTHORITY / "stranger.pem").read_text())
    kind, code, said = ask(REPLICA, SOURCE, "SELECT 1", ca="/var/lib/kc/stranger.pem")
    assert (kind, code) == ("error", "UNTRUSTED") and "foreign authority" in said
    # nor does a replica follow a source that another authority speaks for; and the module puts it right
    assert (
        ask(REPLICA, REPLICA, "STOP REPLICA", "CHANGE REPLICATION SOURCE TO SOURCE_SSL_CA = '/var/lib/kc/stranger.pem'", "START REPLICA")
        == []
    )
    until(lambda: "certificate verify failed" in channel(REPLICA)["Last_IO_Error"])
    assert module(REPLICA, "replication", state="running", **follow(REPLICA, SOURCE))["changed"]


def test_lag_is_told_in_seconds() -> None:
    given = {"source": fqdn(SOURCE), "expected_source": "", "heartbeat": "kc", "max_lag": 2, "wait": 0}
    until(lambda: module(REPLICA, "info", **given)["ready"])
    assert ask(REPLICA, REPLICA, "STOP REPLICA SQL_THREAD") == []
    time.sleep(4)
    found = module(REPLICA, "info", **given)
    assert "lag" in found["objections"] and found["lag"]["seconds"] >= 3
    assert ask(REPLICA, REPLICA, "START REPLICA SQL_THREAD") == []
    until(lambda: module(REPLICA, "info", **given)["lag"]["seconds"] < 2.5)


# --- who is let in


def test_a_client_has_its_own_and_no_more() -> None:
    table = "CREATE TABLE IF NOT EXISTS acme.things (id INT NOT NULL PRIMARY KEY)"
    assert ask(SOURCE, SOURCE, table, "REPLACE INTO acme.things VALUES (1)", user=CLIENT) == []
    assert ask(SOURCE, SOURCE, "SHOW DATABASES", user=CLIENT) == [["acme"], ["information_schema"], ["performance_schema"]]
    for statement in ("SELECT * FROM app.rows_of", "INSERT INTO app.rows_of VALUES (9, 'mine')", "SELECT user FROM mysql.user"):
        assert ask(SOURCE, SOURCE, statement, user=CLIENT)[1] == 1142
    for statement in ("USE app", "CREATE DATABASE other"):
        assert ask(SOURCE, SOURCE, statement, user=CLIENT)[1] == 1044
    assert ask(SOURCE, SOURCE, "SET GLOBAL read_only = OFF", user=CLIENT)[1] == 1227
    assert ask(SOURCE, SOURCE, "INSERT INTO acme.things VALUES (2)", user=APP)[1] == 1142
    assert ask(REPLICA, REPLICA, "REPLACE INTO acme.things VALUES (3)", user=CLIENT)[1] == 1290


@pytest.mark.parametrize("server", BOTH)
def test_nobody_else_comes_in(server: str) -> None:
    for user in (("operator", "guessed"), ("root", ""), ("", ""), ("mysql.session", "")):
        assert ask(REPLICA, server, "SELECT 1", user=user)[1] == 1045


def test_accounts_are_those_that_are_meant() -> None:
    named = "SELECT user, host, plugin, account_locked FROM mysql.user WHERE user NOT LIKE '%\\_role' ORDER BY 1"
    locked = [[name, "localhost", "caching_sha2_password", "Y"] for name in ("mysql.infoschema", "mysql.session", "mysql.sys")]
    ours = [[name, "%", "caching_sha2_password", "N"] for name in ("acme", "app", "operator", "replication")]
    for host in BOTH:
        assert ask(host, host, named) == sorted([*locked, *ours, ["root", "localhost", "auth_socket", "N"]])
        # root is root of the system, and nobody else is
        assert run(host, "mysql", "-Ne", "SELECT CURRENT_USER()").strip() == "root@localhost"
        asked = ["setpriv", "--reuid=nobody", "--clear-groups", "mysql", "--user=root", "-e", "SELECT 1"]
        assert run(host, *asked, check=False) == ""


def test_the_administrator_s_password_is_nowhere() -> None:
    for host in BOTH:
        found = "grep --recursive --files-with-matches --fixed-strings 'runs-the-' /etc /run /tmp /var/log /var/tmp /root /var/lib/kc"
        assert run(host, "sh", "-c", f"{found}; journalctl --no-pager | grep 'runs-the-'", check=False) == ""


# --- it goes on


def test_a_server_that_is_killed_while_it_writes_loses_nothing_that_it_has_acknowledged() -> None:
    """A writer in the other region, which goes on as soon as it can; what it was told is written is there, on both."""
    code = f"""
import json, time
from kc.mysql.connection import Access, Node, Server
from kc.mysql.errors import NodeError
told, silent, end = [], 0, time.monotonic() + 20
with Server(Node({fqdn(SOURCE)!r}, 3306), Access(*{APP!r}, "/etc/kc/tls/ca.pem", 5)) as server:
    number = 1000
    while time.monotonic() < end:
        number += 1
        try:
            server.run(f"INSERT INTO app.rows_of VALUES ({{number}}, 'killed')")
            told.append(number)
        except NodeError:
            silent += 1
            time.sleep(0.1)
print(json.dumps([told, silent]))
"""
    assert ask(SOURCE, SOURCE, "DELETE FROM app.rows_of", user=APP) == []
    before = since(SOURCE)
    kill = f"for each in 1 2; do sleep 5; systemctl kill --signal=KILL {UNIT}; done"
    run(SOURCE, "systemd-run", "--quiet", "sh", "-c", kill)
    told, silent = json.loads(python(REPLICA, code))
    assert silent and len(told) > 100
    assert since(SOURCE) != before or run(SOURCE, "systemctl", "show", "--property=NRestarts", "--value", UNIT).strip() != "0"
    until(lambda: follows(REPLICA, SOURCE))
    for host in BOTH:
        there = {number for (number,) in ask(host, host, "SELECT id FROM app.rows_of WHERE who = 'killed'")}
        assert {*told} <= there
    assert has_all(SOURCE, REPLICA), "the replica has what its source has lost"


@pytest.mark.parametrize("host", [REPLICA, SOURCE])
def test_a_node_that_boots_again_is_who_it_was(host: str) -> None:
    before = gtids(host)
    # as a machine that is switched off and on; nothing of it runs on
    assert run(host, "systemctl", "is-enabled", UNIT).strip() == "enabled"
    restart(host)
    until(lambda: one(host, f"SELECT GTID_SUBSET('{before}', @@global.gtid_executed)") == 1)
    assert writable(SOURCE) and not writable(REPLICA)


def restart(host: str) -> None:
    """Switch a node off and on."""
    settings = {**os.environ, "CONTAINERS_CONF": str(ROOT / "lab" / "containers.conf")}
    subprocess.run(["podman", "restart", "--time=0", container(host)], check=True, capture_output=True, env=settings)


# --- and is changed


def test_what_is_read_at_the_start_restarts_one_after_the_other_and_nobody_while_another_is_away() -> None:
    before = {host: since(host) for host in BOTH}
    play(mysql_connections=70, mysql_semi_sync=True)
    assert not {*before.items()} & {(host, since(host)) for host in BOTH}
    assert [one(host, "SELECT @@max_connections") for host in BOTH] == [70, 70]
    ends = [run(host, "systemctl", "show", "--property=ExecMainStartTimestampMonotonic", "--value", UNIT) for host in BOTH]
    assert len({*ends}) == 2
    assert writable(SOURCE)
    # a commit waits for the replica now
    until(lambda: ask(SOURCE, SOURCE, "SHOW GLOBAL STATUS LIKE 'Rpl_semi_sync_source_status'")[0][1] == "ON")
    acknowledged = "SHOW GLOBAL STATUS LIKE 'Rpl_semi_sync_source_yes_tx'"
    ((_, count),) = ask(SOURCE, SOURCE, acknowledged)
    assert ask(SOURCE, SOURCE, "REPLACE INTO app.rows_of VALUES (2, 'twice')", user=APP) == []
    ((_, counted),) = ask(SOURCE, SOURCE, acknowledged)
    assert int(counted) > int(count)
    run(REPLICA, "systemctl", "stop", UNIT)
    before = {SOURCE: since(SOURCE)}
    try:
        said = play(f"--limit={SOURCE}", mysql_connections=60, fails=True)
        assert f"{fqdn(SOURCE)} is not restarted while others do not serve: {fqdn(REPLICA)}:3306: it does not listen" in said
        assert since(SOURCE) == before[SOURCE]
    finally:
        run(REPLICA, "systemctl", "start", UNIT)
    play()  # as it was


def test_a_new_certificate_is_shown_without_a_restart() -> None:
    before = {host: since(host) for host in BOTH}
    run(SOURCE, "rm", "/etc/kc/tls/node.key")
    play()
    shown = (
        f"openssl s_client -starttls mysql -connect {fqdn(SOURCE)}:3306 -CAfile /etc/kc/tls/ca.pem </dev/null 2>/dev/null | openssl x509"
    )
    there = "openssl x509 -in /etc/kc/tls/node.pem"
    assert run(SOURCE, "sh", "-c", shown) == run(SOURCE, "sh", "-c", there)
    assert {host: since(host) for host in BOTH} == before


def test_an_administrator_s_new_password_comes_to_all() -> None:
    other = {"username": "operator", "password": "it-was-time-1"}
    try:
        play(mysql_administrator=other)
        for host in BOTH:
            assert ask(host, host, "SELECT 1", user=("operator", "it-was-time-1")) == [[1]]
    finally:
        play()
    assert one(REPLICA, "SELECT 1") == 1
