"""What the platform's cluster does: one table on four nodes of two regions, over TLS and not otherwise, restarted only where it has to be."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from cluster import ALL, HOME, INTERSERVER, KEEPERS, OPERATIONS, OTHER, ask, play, since
from hands import fqdn, python, run, until

AUTHORITY = Path(os.environ["MOLECULE_EPHEMERAL_DIRECTORY"]) / "authority"


def connects(host: str, server: str, port: int) -> bool:
    """Whether a node gets through to a port of another."""
    code = f"import socket; print(socket.socket().connect_ex(({fqdn(server)!r}, {port})))"
    return python(host, code) == "0"


@pytest.fixture(scope="module", autouse=True)
def table() -> None:
    """A replicated table on all nodes."""
    ask(HOME[0], HOME[0], "CREATE DATABASE IF NOT EXISTS tried ON CLUSTER platform")
    made = ask(
        HOME[0],
        HOME[0],
        "CREATE TABLE IF NOT EXISTS tried.rows ON CLUSTER platform (day Date, x UInt32) "
        "ENGINE = ReplicatedMergeTree('/clickhouse/tables/{shard}/tried/rows', '{replica}') PARTITION BY toYYYYMM(day) ORDER BY x",
    )
    assert [row[2] for row in made] == [0, 0, 0, 0], made


def test_what_is_inserted_in_one_region_is_read_in_the_other() -> None:
    for number, host in enumerate(ALL):
        assert ask(host, host, f"INSERT INTO tried.rows SELECT today(), {number} AS x") == []
    rows = "SELECT x FROM tried.rows WHERE x < 100 ORDER BY x"
    for host in ALL:
        until(lambda host=host: ask(host, host, rows) == [[number] for number in range(len(ALL))])


def test_a_query_is_spread_over_the_cluster() -> None:
    assert ask(KEEPERS[0], HOME[0], "SELECT count() FROM cluster('platform', system, one)") == [[1]]


@pytest.mark.parametrize("port", [9000, 8123, 9009, 2181])
def test_plain_ports_refuse(port: int) -> None:
    assert not connects(OTHER[0], HOME[0], port)


@pytest.mark.parametrize("port", [9440, 8443, 9010])
def test_tls_ports_answer(port: int) -> None:
    assert connects(OTHER[0], HOME[0], port)
    way = ["-connect", f"{fqdn(HOME[0])}:{port}", "-CAfile", "/etc/kc/tls/ca.pem", "-verify_hostname", fqdn(HOME[0])]
    assert "BEGIN CERTIFICATE" in run(OTHER[0], "openssl", "s_client", *way, "-verify_return_error")


def test_a_foreign_certificate_is_refused() -> None:
    run(HOME[1], "sh", "-c", "cat >/root/stranger.pem", given=(AUTHORITY / "stranger.pem").read_text())
    run(HOME[1], "sh", "-c", "umask 77; cat >/root/stranger.key", given=(AUTHORITY / "stranger.key").read_text())
    (answer,) = ask(HOME[1], HOME[0], "SELECT 1", ca="/root/stranger.pem")
    assert answer[0] == "error" and "certificate" in str(answer[1])
    way = f"-connect {fqdn(HOME[0])}:9440 -CAfile /etc/kc/tls/ca.pem"
    shown = "-cert /root/stranger.pem -key /root/stranger.key"
    for certificate, refused in ((shown, "1"), ("", "0")):
        said = f"(sleep 2; echo) | openssl s_client {way} {certificate} 2>&1 | grep --text --count 'alert'"
        assert run(HOME[1], "sh", "-c", said, check=False).strip() == refused


@pytest.mark.parametrize("user", [("default", ""), ("operator", "guessed"), ("nobody", "runs-the-place-9")])
@pytest.mark.parametrize("host", [HOME[0], OTHER[0]])
def test_nobody_else_comes_in(host: str, user: tuple[str, str]) -> None:
    (answer,) = ask(host, HOME[0], "SELECT 1", user)
    assert answer[0] == "error"


def test_the_interserver_account_comes_from_the_cluster_only() -> None:
    assert ask(OTHER[0], HOME[0], "SELECT 1", INTERSERVER) == [[1]]
    (answer,) = ask(KEEPERS[0], HOME[0], "SELECT 1", INTERSERVER)
    assert answer[0] == "error"


@pytest.mark.parametrize("keeper", [KEEPERS[0], KEEPERS[2]])
def test_a_member_of_the_ensemble_may_go(keeper: str) -> None:
    """Each server has its session with some member; it finds another."""
    number = 100 + KEEPERS.index(keeper)
    run(keeper, "systemctl", "stop", "kc-keeper")
    try:
        until(lambda: ask(HOME[0], HOME[0], f"INSERT INTO tried.rows SELECT today(), {number}") == [])
        until(lambda: ask(OTHER[0], OTHER[0], f"SELECT count() FROM tried.rows WHERE x = {number}") == [[1]])
    finally:
        run(keeper, "systemctl", "start", "kc-keeper")


def test_nobody_else_reads_the_cluster_s_part_of_the_ensemble() -> None:
    code = f"""
from kc.keeper.client import Client
from kc.keeper.tls import Way
way = Way(9281, "/etc/kc/tls/ca.pem", "/etc/kc/tls/node.pem", "/etc/kc/tls/node.key")
for account in (None, ("platform", "guessed"), ("platform", "quorum-of-five-7")):
    with Client(way, {[fqdn(host) for host in KEEPERS]!r}) as client:
        if account:
            client.log_in(*account)
        try:
            print("read", "clickhouse" in client.children("/clickhouse/platform"))
        except Exception as error:
            print(type(error).__name__)
"""
    assert python(HOME[0], code).splitlines() == ["EnsembleError", "EnsembleError", "read True"]


def test_limits_change_while_it_runs_and_ports_do_not() -> None:
    before = {host: since(host) for host in ALL}
    play("converge.yml", clickhouse_query_memory=3_000_000_000)
    until(lambda: ask(HOME[0], HOME[0], "SELECT value FROM system.settings WHERE name = 'max_memory_usage'") == [["3000000000"]])
    assert {host: since(host) for host in ALL} == before
    play("converge.yml", clickhouse_query_memory=3_000_000_000, clickhouse_connections=900)
    assert not {*before.items()} & {(host, since(host)) for host in ALL}
    began = [
        float(run(host, "systemctl", "show", "--property=ExecMainStartTimestampMonotonic", "--value", "clickhouse-server")) for host in ALL
    ]
    assert len({*began}) == len(ALL)
    ready = "SELECT count() FROM system.replicas WHERE NOT is_readonly AND active_replicas = 4 AND database = 'tried'"
    until(lambda: all(ask(host, host, ready) == [[1]] for host in ALL))
    play("converge.yml")  # as it was


def test_a_rolling_restart_takes_one_after_the_other_and_stops_where_one_is_away() -> None:
    before = {host: since(host) for host in ALL}
    play(OPERATIONS / "rolling_restart.yml")
    assert not {*before.items()} & {(host, since(host)) for host in ALL}
    before = {host: since(host) for host in ALL}
    run(OTHER[1], "systemctl", "stop", "clickhouse-server")
    try:
        said = play(OPERATIONS / "rolling_restart.yml", ready_wait=0, fails=True)
        assert f"{fqdn(OTHER[1])}:9440: it does not listen" in said
        assert {host: since(host) for host in ALL[:3]} == {host: before[host] for host in ALL[:3]}
    finally:
        run(OTHER[1], "systemctl", "start", "clickhouse-server")
