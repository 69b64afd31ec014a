"""Clients' instances and the platform's: each with its own accounts and its own part of the one ensemble."""

from __future__ import annotations

import json

import pytest
from hands import fqdn, python

KEEPER = "keeper-1.me-west-1"
NODES = {
    "platform": ["clickhouse-1.me-west-1"],
    "acme": ["acme-clickhouse-1.me-west-1"],
    "beta": ["beta-clickhouse-1.me-west-1", "beta-clickhouse-2.me-west-1"],
}
ACCOUNTS = {
    "platform": {"operator": "runs-platform-9", "interserver": "among-platform-5"},
    "acme": {"operator": "runs-acme-9", "interserver": "among-acme-5"},
    "beta": {"operator": "runs-beta-9", "interserver": "among-beta-5"},
}
ENSEMBLE = {"platform": "quorum-of-all-7", "acme": "quorum-of-acme-7", "beta": "quorum-of-beta-7"}
OTHERS = [(one, other) for one in NODES for other in NODES if one != other]


def ask(host: str, server: str, statement: str, user: str, password: str) -> list[list[object]]:
    code = f"""
import json
from kc.clickhouse.connection import Access, Node, Server
from kc.errors import KcError
try:
    with Server(Node({fqdn(server)!r}), Access({user!r}, {password!r}, "/etc/kc/tls/ca.pem", 20)) as server:
        print(json.dumps(server.rows({statement!r}), default=str))
except KcError as error:
    print(json.dumps([["error", str(error)]]))
"""
    return list(json.loads(python(host, code)))


@pytest.mark.parametrize("cluster", NODES)
@pytest.mark.parametrize("user", ["operator", "interserver"])
def test_each_lets_its_own_in(cluster: str, user: str) -> None:
    for server in NODES[cluster]:
        assert ask(NODES[cluster][0], server, "SELECT 1", user, ACCOUNTS[cluster][user]) == [[1]]


@pytest.mark.parametrize(("cluster", "other"), OTHERS)
@pytest.mark.parametrize("user", ["operator", "interserver"])
def test_none_lets_another_s_in(cluster: str, other: str, user: str) -> None:
    for server in NODES[cluster]:
        for host in (server, NODES[other][-1]):
            (answer,) = ask(host, server, "SELECT 1", user, ACCOUNTS[other][user])
            assert answer[0] == "error", f"{server} from {host}"


@pytest.mark.parametrize("cluster", NODES)
def test_each_is_a_cluster_of_its_own(cluster: str) -> None:
    first, *_ = nodes = NODES[cluster]
    password = ACCOUNTS[cluster]["operator"]
    known = ask(first, first, "SELECT cluster, host_name FROM system.clusters ORDER BY host_name", "operator", password)
    assert known == [[cluster, fqdn(server)] for server in nodes]
    made = ask(first, first, f"CREATE DATABASE IF NOT EXISTS tried ON CLUSTER {cluster}", "operator", password)
    assert [row[2] for row in made] == [0] * len(nodes)
    table = "tried.rows (day Date, x UInt32) ENGINE = ReplicatedMergeTree('/clickhouse/tables/{shard}/tried/rows', '{replica}')"
    for server in nodes:
        assert ask(server, server, f"CREATE TABLE IF NOT EXISTS {table} PARTITION BY toYYYYMM(day) ORDER BY x", "operator", password) == []
    # all have the same path: each below its own root
    for server in nodes:
        assert ask(server, server, "SELECT total_replicas FROM system.replicas", "operator", password) == [[len(nodes)]]


def test_a_client_s_replicas_have_each_other_s_rows() -> None:
    first, second = NODES["beta"]
    password = ACCOUNTS["beta"]["operator"]
    assert ask(first, first, "INSERT INTO tried.rows SELECT toDate('2026-01-05'), number FROM numbers(7)", "operator", password) == []
    # with a quorum of two, it is there when it was taken
    assert ask(first, second, "SELECT count() FROM tried.rows", "operator", password) == [[7]]
    for cluster in ("platform", "acme"):
        (server,) = NODES[cluster]
        assert ask(server, server, "SELECT count() FROM tried.rows", "operator", ACCOUNTS[cluster]["operator"]) == [[0]]


@pytest.mark.parametrize(("own", "other"), OTHERS)
def test_none_reads_another_s_part_of_the_ensemble(own: str, other: str) -> None:
    code = f"""
from kc.errors import KcError
from kc.keeper.client import Client
from kc.keeper.tls import Way
def may(act):
    try:
        act()
    except KcError:
        return False
    return True
with Client(Way(9281, "/etc/kc/tls/ca.pem", "/etc/kc/tls/node.pem", "/etc/kc/tls/node.key"), [{fqdn(KEEPER)!r}]) as client:
    client.log_in({own!r}, {ENSEMBLE[own]!r})
    for path in ("/clickhouse/{own}", "/clickhouse/{other}"):
        print(may(lambda: client.children(path)), may(lambda: client.create(path + "/tried")), may(lambda: client.delete(path + "/tried")))
"""
    assert python(NODES[own][0], code).splitlines() == ["True True True", "False False False"]
