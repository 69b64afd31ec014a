"""Inserts a second, and the time until they are seen in the other region: the platform's way beside plain clickhouse-client.

Run by `clickhouse.py` at a node of the first region; prints JSON. The password is in the environment (KC_PASSWORD).
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

sys.path[:0] = [str(Path(__file__).absolute().parents[2] / "module_utils")]

from kc.clickhouse.connection import Access, Node, Server  # noqa: E402
from kc.clickhouse.errors import NodeError  # noqa: E402
from kc.clickhouse.quote import value  # noqa: E402

COLUMNS = "moment, region, course, learner, kind, seconds"
PLAIN = "bench_plain"
"""A table of the same columns without views, as somebody without the toolkit would have it."""
CLIENT = """<config><secure>1</secure><user>{user}</user><password>{password}</password>
  <openSSL><client><caConfig>{ca}</caConfig><verificationMode>strict</verificationMode><loadDefaultCAFile>false</loadDefaultCAFile></client></openSSL>
</config>"""

Block = list[tuple[Any, ...]]
Blocks = Sequence[Block]


def blocks(who: str, first: int, count: int, rows: int) -> Blocks:
    """Return blocks whose rows nobody else has."""
    moment = datetime(2026, 1, 1)
    numbers = range(first, first + count)
    return [[(moment, who, "arabic", f"{number}-{row}", "watched", row) for row in range(rows)] for number in numbers]


class Ours:
    """One connection of the toolkit's, and the platform's table and settings.

    Args:
        settings: What differs from the platform's.
    """

    table = "events"

    def __init__(self, server: Server, **settings: int) -> None:
        self.server = server
        self.server.set(**settings)

    def insert(self, blocks: Blocks) -> None:
        for block in blocks:
            self.server.insert(f"INSERT INTO reporting.incoming ({COLUMNS}) VALUES", block)


class Plain:
    """clickhouse-client as it comes: one process, one statement a block, no quorum."""

    table = PLAIN

    def __init__(self, server: Server, config: Path) -> None:
        self.command = ["clickhouse-client", f"--config-file={config}", f"--host={server.node.host}", f"--port={server.node.port}"]

    def insert(self, blocks: Blocks) -> None:
        lines = (
            ", ".join(f"({', '.join(value(one if isinstance(one, int) else str(one)) for one in row)})" for row in block)
            for block in blocks
        )
        statements = ";\n".join(f"INSERT INTO reporting.{self.table} ({COLUMNS}) VALUES {line}" for line in lines)
        done = subprocess.run(
            [*self.command, "--multiquery", "--insert_quorum=0"], input=statements, text=True, capture_output=True, check=False
        )
        assert done.returncode == 0, done.stderr


Contender = Ours | Plain


def seconds(act: Callable[[], object]) -> float:
    began = time.monotonic()
    act()
    return time.monotonic() - began


def seen(there: Server, contender: Contender, who: str, rows: int) -> None:
    """Wait until the other region has so many rows of somebody."""
    count = f"SELECT count() FROM reporting.{contender.table} WHERE region = {value(who)}"
    end = time.monotonic() + 120
    while there.one(count) < rows:
        assert time.monotonic() < end, f"{who}: not all rows were seen in {there.node}"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.inserts", description=__doc__)
    parser.add_argument("here", type=Node.parse)
    parser.add_argument("there", type=Node.parse)
    parser.add_argument("--user", required=True)
    parser.add_argument("--ca", required=True)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--blocks", type=int, default=20, help="a round")
    parser.add_argument("--rows", type=int, default=1000, help="a block")
    args = parser.parse_args()
    password = os.environ["KC_PASSWORD"]
    access = Access(args.user, password, args.ca, 60)
    here, alone, there = Server(args.here, access), Server(args.here, access), Server(args.there, access)
    there.set(max_execution_time=60)
    for server in (here, there):
        engine = f"ReplicatedMergeTree('/clickhouse/tables/01/reporting/{PLAIN}', '{{replica}}')"
        server.run(f"DROP TABLE IF EXISTS reporting.{PLAIN}")
        server.run(
            f"CREATE TABLE reporting.{PLAIN} AS reporting.events ENGINE = {engine} PARTITION BY toYYYYMM(day) ORDER BY (course, day, learner)"
        )
    with tempfile.NamedTemporaryFile("w", suffix=".xml") as config:  # for its owner only
        config.write(CLIENT.format(user=args.user, password=password, ca=args.ca))
        config.flush()
        contenders: dict[str, Contender] = {
            "the platform": Ours(here),
            "without a quorum": Ours(alone, insert_quorum=0),
            "plain": Plain(here, Path(config.name)),
        }
        rates: dict[str, list[float]] = {name: [] for name in contenders}
        delays: dict[str, list[float]] = {name: [] for name in contenders}
        run = f"bench {time.time():.0f}"
        for round_ in range(args.rounds):
            for name, contender in contenders.items():
                who, first = f"{run} {name}", round_ * (args.blocks + 1)
                many, one = blocks(who, first, args.blocks, args.rows), blocks(who, first + args.blocks, 1, args.rows)
                rates[name].append(args.blocks / seconds(lambda contender=contender, many=many: contender.insert(many)))
                had = round_ * (args.blocks + 1) * args.rows + args.blocks * args.rows
                seen(there, contender, who, had)
                began = time.monotonic()
                contender.insert(one)
                seen(there, contender, who, had + args.rows)
                delays[name].append(time.monotonic() - began)
    for server in (here, there):
        server.run(f"DROP TABLE reporting.{PLAIN}")
    print(
        json.dumps(
            {"rates": {k: statistics.median(v) for k, v in rates.items()}, "delays": {k: statistics.median(v) for k, v in delays.items()}}
        )
    )
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except NodeError as error:
        sys.exit(str(error))
