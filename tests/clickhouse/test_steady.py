"""The law of inserts on two real servers: a replica is killed under a stream, and no acknowledged row is missing or doubled."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from kc.clickhouse.connection import Node, Server
from kc.clickhouse.converge import databases
from kc.clickhouse.errors import NodeError

from tests.clickhouse.test_reporting import WANTED
from tests.clickhouse.world import World
from tests.servers import until
from tests.steady import INSERT, Journal, Verdict, Writer, block, judge, longest, settled


@pytest.fixture
def writers(go: Callable[..., Any], world: World, tmp_path: Path) -> dict[str, Writer]:
    """One that begins with the first server, and one that begins with the second."""
    go(databases, **WANTED)
    nodes = [Node("localhost", each.native) for each in world.replicas]
    access = world.replicas[0].server(5).access
    orders = {"first": nodes, "second": nodes[::-1]}
    return {name: Writer(name, order, access, tmp_path / name, pause=0.02) for name, order in orders.items()}


def accepted(server: Server, rows: list[Any]) -> bool:
    try:
        server.insert(INSERT, rows)
    except NodeError:
        return False
    return True


@contextmanager
def writing(writers: dict[str, Writer]) -> Iterator[Callable[[], list[Journal]]]:
    """Have them write meanwhile; gives what reads their journals."""
    threads = [threading.Thread(target=writer.run) for writer in writers.values()]
    for thread in threads:
        thread.start()
    try:
        yield lambda: [Journal.read(name, writer.journal) for name, writer in writers.items()]
    finally:
        for writer in writers.values():
            writer.end()
        for thread in threads:
            thread.join()


def more(journals: Callable[[], list[Journal]], blocks: int = 10) -> None:
    """Wait until each writer has had more blocks acknowledged."""
    before = [len(journal.acknowledged) for journal in journals()]
    until(
        lambda: all(len(journal.acknowledged) >= had + blocks for journal, had in zip(journals(), before, strict=True)), "blocks are taken"
    )


def test_a_killed_replica_costs_no_acknowledged_row(writers: dict[str, Writer], world: World) -> None:
    with writing(writers) as journals:
        more(journals)
        world.replicas[0].kill()
        more(journals)
        world.replicas[0].start()
        world.replicas[0].wait()
        more(journals)
    found = journals()
    assert found[0].refused, "who writes to the dead one has met its end"
    for each in world.replicas:
        with each.server() as server:
            verdict = settled(server.rows, found)
            assert verdict.kept, verdict
            assert verdict.acknowledged >= 6000


def test_a_block_that_one_replica_has_is_not_acknowledged_with_a_quorum(writers: dict[str, Writer], servers: list[Server]) -> None:
    here, there = servers
    here.set(insert_quorum=2, insert_quorum_timeout=500)
    there.run("SYSTEM STOP FETCHES reporting.events")
    journal = Journal("first", {0: 1.0}, {0: 2.0}, Counter())
    codes = []
    for _ in range(2):
        with pytest.raises(NodeError) as no:
            here.insert(INSERT, block("first", 0))
        codes.append(no.value.server_code)
    assert codes == [319, 286], "nobody else has it; nor yet, when it is sent again"
    there.run("SYSTEM START FETCHES reporting.events")
    until(lambda: accepted(here, block("first", 0)), "it is acknowledged once both have it")
    assert settled(there.rows, [journal]) == Verdict(100, missing=0, doubled=0, foreign=0, uncounted=(0, 0, 0))


def test_the_judge_finds_what_is_wrong(writers: dict[str, Writer], servers: list[Server], tmp_path: Path) -> None:
    journal = Journal("first", {0: 1.0, 1: 2.0, 2: 3.0, 3: 9.0}, {0: 1.5, 1: 2.5, 2: 8.5}, Counter(), [15.0])
    assert longest([journal]) == 6.5
    assert longest([journal, Journal("second", {0: 1.0}, {0: 11.0}, Counter())]) == 6.0
    servers[0].insert(INSERT, block("first", 0))
    servers[0].insert(INSERT, block("first", 0))
    servers[0].insert(INSERT, block("first", 3))
    verdict = judge(servers[0].rows, [journal])
    assert verdict == Verdict(300, missing=200, doubled=0, foreign=0, uncounted=(0, 0, 0), doubt=1)
    servers[0].insert(INSERT, block("first", 1)[:99])
    servers[0].insert(INSERT, block("first", 0)[:1])
    servers[0].insert(INSERT, block("second", 2))
    servers[0].run("INSERT INTO reporting.events (moment, region, learner) SELECT now(), 'first', '200'")
    verdict = judge(servers[0].rows, [journal])
    assert (verdict.missing, verdict.doubled, verdict.foreign, verdict.uncounted[0]) == (1 + 99, 1, 99 + 100 + 1, -1)


def test_blocks_that_come_to_the_same_are_both_counted(writers: dict[str, Writer], servers: list[Server]) -> None:
    first = block("first", 0)
    servers[0].insert(INSERT, first)
    servers[1].insert(INSERT, first)
    later = [(moment.replace(second=1), *rest) for moment, *rest in first]
    servers[0].insert(INSERT, later)
    assert judge(servers[0].rows, []).uncounted == (0, 0, 0)
    assert servers[0].one("SELECT countMerge(events) FROM reporting.daily") == 200
