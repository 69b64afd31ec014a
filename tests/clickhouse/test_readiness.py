"""What the standby's readiness and the platform's status make of real servers: nothing of good tables, and of those without an ensemble all."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from kc.clickhouse.connection import Server
from kc.clickhouse.info import work
from kc.readiness.told import judge_clickhouse
from kc.status.judge import Told, troubles

from tests.clickhouse.world import World
from tests.servers import until

Go = Callable[..., dict[str, Any]]


@pytest.fixture
def tables(world: World, servers: list[Server]) -> Iterator[list[Server]]:
    """A table on both nodes."""
    for number, server in enumerate(servers, 1):
        server.run("CREATE DATABASE standby")
        path = f"/clickhouse/tables/01/standby/{world.ensemble.port}-{id(servers)}"
        server.run(f"CREATE TABLE standby.t (x UInt64) ENGINE = ReplicatedMergeTree('{path}', 'replica-{number}') ORDER BY x")
    yield servers
    if world.ensemble.process is None or world.ensemble.process.poll() is not None:
        world.ensemble.start()
        world.ensemble.wait()
    for server in servers:
        until(lambda server=server: server.one("SELECT max(is_readonly + is_session_expired) FROM system.replicas") == 0, "it writes again")


def told(go: Go, wait: int = 0) -> tuple[str, str, list[str]]:
    found = go(work, databases=[], rows=False, wait=wait)
    judged = judge_clickhouse(found)
    return judged.verdict, judged.says, [each.line for each in troubles({}, Told({}, {}, {}, {"eu-central-1": found}), "me-west-1", "")]


def test_tables_that_are_well_are_ready_and_not_degraded(go: Go, tables: list[Server]) -> None:
    assert told(go, wait=30) == ("ok", "1 replicated tables are ready on 2 nodes", [])


def test_tables_that_take_no_inserts_are_named_by_both(go: Go, tables: list[Server], world: World) -> None:
    world.ensemble.kill()
    until(lambda: told(go)[1].count("read only") == 2, "both know that it is gone")
    verdict, says, degraded = told(go)
    assert verdict == "fail"
    for node in world.nodes:
        assert f"{node}: " in says
        assert any(line.startswith(f"eu-central-1: clickhouse: {node}: ") for line in degraded)


def test_an_insert_that_was_not_fetched_is_named(go: Go, tables: list[Server], world: World) -> None:
    tables[1].run("SYSTEM STOP FETCHES standby.t")
    try:
        tables[0].run("INSERT INTO standby.t SELECT 1")
        until(lambda: told(go)[:2] == ("fail", f"{world.nodes[1]}: standby.t: 1 insert not fetched yet"), "the lag is told")
    finally:
        tables[1].run("SYSTEM START FETCHES standby.t")
