"""The playbooks of operation, on a cluster that has lost something: a disk, what the ensemble knew, a replica."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from cluster import ALL, HOME, KEEPERS, OPERATIONS, OTHER, ask, play, since
from hands import fqdn, python, run, until

DATA = "/var/lib/kc/clickhouse"
TABLES = (
    "TABLE {} ON CLUSTER platform (day Date, rows AggregateFunction(count)) "
    "ENGINE = ReplicatedAggregatingMergeTree('/clickhouse/tables/{{shard}}/lost/daily', '{{replica}}') PARTITION BY toYYYYMM(day) ORDER BY day",
    "TABLE {} ON CLUSTER platform (day Date, x UInt32) "
    "ENGINE = ReplicatedMergeTree('/clickhouse/tables/{{shard}}/lost/events', '{{replica}}') PARTITION BY toYYYYMM(day) ORDER BY x",
    "MATERIALIZED VIEW {} ON CLUSTER platform TO lost.daily AS SELECT day, countState() AS rows FROM lost.events GROUP BY day",
)
COUNTS = "SELECT (SELECT count() FROM lost.events), (SELECT countMerge(rows) FROM lost.daily)"


@pytest.fixture(autouse=True)
def rows() -> Iterator[int]:
    """How many rows all nodes have; when the test ends they have them still, and another one is everywhere."""
    assert [row[2] for row in ask(HOME[0], HOME[0], "CREATE DATABASE IF NOT EXISTS lost ON CLUSTER platform")] == [0, 0, 0, 0]
    for name, table in zip(("daily", "events", "events_to_daily"), TABLES, strict=True):
        made = ask(HOME[0], HOME[0], "CREATE " + table.format(f"IF NOT EXISTS lost.{name}"))
        assert [row[2] for row in made] == [0, 0, 0, 0], made
    fill(HOME[1], 10_000)
    ((count, _),) = ask(HOME[1], HOME[1], COUNTS)
    have(int(str(count)))
    yield int(str(count))
    have(int(str(count)))
    fill(OTHER[0], 1)
    have(int(str(count)) + 1)


def fill(host: str, count: int) -> None:
    until(lambda: ask(host, host, f"INSERT INTO lost.events SELECT toDate('2026-01-01') + number % 90, rand() FROM numbers({count})") == [])


def have(count: int) -> None:
    until(lambda: all(ask(host, host, COUNTS) == [[count, count]] for host in ALL))


def empty(host: str) -> None:
    """Take a node's data away, as with its volume."""
    run(host, "sh", "-c", f"systemctl kill --signal=KILL clickhouse-server; systemctl stop clickhouse-server; rm -r {DATA}")


def test_a_node_that_lost_its_data_volume_is_rebuilt(rows: int) -> None:
    before = {host: since(host) for host in ALL if host != OTHER[0]}
    empty(OTHER[0])
    run(OTHER[0], "systemctl", "start", "clickhouse-server")  # as at boot
    play(OPERATIONS / "replica_rebuild.yml", node=OTHER[0])
    assert ask(OTHER[0], OTHER[0], COUNTS) == [[rows, rows]]
    assert {host: since(host) for host in before} == before
    assert "changed=0" in play(OPERATIONS / "replica_rebuild.yml", node=OTHER[0])


def test_a_replica_is_removed_and_added_again(rows: int) -> None:
    said = play(OPERATIONS / "replica_remove.yml", node=OTHER[1], fails=True)
    assert f"This takes the replica of `{OTHER[1]}` out of its cluster. If that is what you want in `molecule`, run it again" in said
    play(OPERATIONS / "replica_remove.yml", node=OTHER[1], confirm="molecule")
    assert run(OTHER[1], "systemctl", "is-active", "clickhouse-server", check=False).strip() == "inactive"
    for host in ALL[:3]:
        assert ask(host, host, "SELECT DISTINCT total_replicas FROM system.replicas WHERE database = 'lost'") == [[3]]
        assert ask(host, host, COUNTS) == [[rows, rows]]
    # its server of 18.16 would not start: the ensemble does not know its tables any more
    empty(OTHER[1])
    play(OPERATIONS / "replica_rebuild.yml", node=OTHER[1])


def test_what_the_ensemble_has_forgotten_is_brought_back(rows: int) -> None:
    code = f"""
from kc.keeper.client import Client
from kc.keeper.tls import Way
def gone(path):
    for child in client.children(path):
        gone(path + "/" + child)
    client.delete(path)
with Client(Way(9281, "/etc/kc/tls/ca.pem", "/etc/kc/tls/node.pem", "/etc/kc/tls/node.key"), {[fqdn(host) for host in KEEPERS]!r}) as client:
    client.log_in("platform", "quorum-of-five-7")
    for child in client.children("/clickhouse/platform"):
        gone("/clickhouse/platform/" + child)
"""
    python(HOME[0], code)
    assert "run it again with -e confirm=molecule" in play(OPERATIONS / "coordination_recover.yml", fails=True)
    before = {host: since(host) for host in ALL}
    play(OPERATIONS / "coordination_recover.yml", confirm="molecule")
    assert [ask(host, host, COUNTS) for host in ALL] == [[[rows, rows]]] * 4
    assert not {*before.items()} & {(host, since(host)) for host in ALL}
    assert [row[2] for row in ask(HOME[0], HOME[0], "CREATE DATABASE IF NOT EXISTS after ON CLUSTER platform")] == [0, 0, 0, 0]


def test_an_upgrade_that_is_none_or_goes_wrong_restarts_nobody(rows: int) -> None:
    before = {host: since(host) for host in ALL}
    said = play(OPERATIONS / "upgrade.yml")
    assert said.count("changed=0") == 4
    said = play(OPERATIONS / "upgrade.yml", clickhouse_version="18.14.19", fails=True)
    assert "has 18.16.1 and runs 18.16.1, and 18.14.19 is older" in said
    # the packages' source has no other
    said = play(OPERATIONS / "upgrade.yml", clickhouse_version="25.8.11.66", fails=True)
    assert "has 18.16.1 after its packages were installed, and not 25.8.11.66; it was not restarted" in said
    run(OTHER[1], "systemctl", "stop", "clickhouse-server")
    try:
        said = play(OPERATIONS / "upgrade.yml", ready_wait=0, fails=True)
        assert f"{fqdn(OTHER[1])}:9440: it does not listen" in said
    finally:
        run(OTHER[1], "systemctl", "start", "clickhouse-server")
    assert {host: since(host) for host in ALL[:3]} == {host: before[host] for host in ALL[:3]}
