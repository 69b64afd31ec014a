"""A steady stream of events into the reporting database, and the law that it is judged by: what was acknowledged is there once, everywhere.

`python -m tests.steady NODE …` is one writer: it inserts a block after the other, into the node that took the last one, and tries the next node
when one does not take it, until one does. A block is repeated unchanged. What it did is in its journal, and it ends with SIGTERM. The password is
in the environment (KC_PASSWORD).
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

sys.path[:0] = [str(Path(__file__).absolute().parents[1] / "module_utils")]

from kc.clickhouse.connection import Access, Node, Server  # noqa: E402
from kc.clickhouse.errors import NodeError  # noqa: E402

ROWS = 100
"""Rows a block."""
INSERT = "INSERT INTO reporting.incoming (moment, region, course, learner, kind, seconds) VALUES"
BEGIN = datetime(2026, 1, 1)
COURSES = ("photography", "spreadsheets", "arabic")


def block(writer: str, number: int) -> list[tuple[Any, ...]]:
    """Return the rows of a writer's block: `region` says whose they are, `learner` which they are."""
    moment = BEGIN + timedelta(hours=number % 480)  # of one month: a block is one part, which is there as a whole or not at all
    course = COURSES[number % len(COURSES)]
    return [(moment, writer, course, str(row), "watched", row % 600) for row in range(number * ROWS, (number + 1) * ROWS)]


class Writer:
    """One writer.

    Args:
        name: Whose the rows are.
        nodes: The nodes, in the order in which they are tried.
        access: How to be let in; its timeout is how long an answer is waited for.
        pause: Seconds between two blocks.
    """

    def __init__(self, name: str, nodes: Sequence[Node], access: Access, journal: Path, pause: float = 0.1) -> None:
        self.name, self.journal, self.pause = name, journal, pause
        self.servers = [Server(node, access) for node in nodes]
        self.done = threading.Event()
        self.ends = 0.0

    def end(self) -> None:
        """Tell it to end."""
        self.ends = time.monotonic()
        self.done.set()

    def run(self, patience: float = 45) -> None:
        """Write until it is told to end; the last block is tried for some seconds more, and then given up: it is in doubt."""
        at = number = 0
        with self.journal.open("w", buffering=1) as journal:
            while not self.done.is_set():
                rows, refused = block(self.name, number), Counter[str]()
                print(json.dumps({"begun": number, "at": time.monotonic()}), file=journal)
                while not self.done.is_set() or time.monotonic() < self.ends + patience:
                    try:
                        self.servers[at].insert(INSERT, rows)
                    except NodeError as error:
                        refused[error.code] += 1
                        at = (at + 1) % len(self.servers)
                        time.sleep(random.uniform(0.02, 0.1))  # noqa: S311 - or two writers would go on meeting (18.16, code 286)
                        continue
                    taken = {"acknowledged": number, "at": time.monotonic(), "node": str(self.servers[at].node), "refused": refused}
                    print(json.dumps(taken), file=journal)
                    break
                number += 1
                self.done.wait(self.pause)
            print(json.dumps({"ended": number, "at": time.monotonic()}), file=journal)
        for server in self.servers:
            server.close()


@dataclass(frozen=True)
class Journal:
    """What a writer did; times are the machine's monotonic clock's, in seconds.

    Attributes:
        begun: Number and time of each block that it has sent.
        acknowledged: Of those that were acknowledged.
        refused: How often it was refused or got no answer, by code.
        ended: When it ended; empty while it writes.
    """

    writer: str
    begun: dict[int, float]
    acknowledged: dict[int, float]
    refused: Counter[str]
    ended: Sequence[float] = ()

    @classmethod
    def read(cls, writer: str, file: Path) -> Journal:
        lines = [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []
        refused: Counter[str] = Counter()
        for line in lines:
            refused.update(line.get("refused", {}))
        begun, acknowledged, ended = (
            {line[kind]: line["at"] for line in lines if kind in line} for kind in ("begun", "acknowledged", "ended")
        )
        return cls(writer, begun, acknowledged, refused, [*ended.values()])


def longest(journals: Iterable[Journal]) -> float:
    """Return the longest time in which none of these writers had a block acknowledged, in seconds."""
    times = sorted(moment for one in journals for moment in (min(one.begun.values()), *one.acknowledged.values(), *one.ended))
    return max(after - before for before, after in pairwise(times))


@dataclass(frozen=True)
class Verdict:
    """Rows on a replica.

    Attributes:
        acknowledged: Rows that were acknowledged.
        missing: Of these, those that are not there.
        doubled: Rows that are there more than once.
        foreign: Rows of blocks that nobody has sent, or of a part of a block.
        uncounted: By how many events the daily aggregate differs from the rows, and by how many seconds and fingerprints it does.
        doubt: Blocks that were sent and not acknowledged: each may be there or not, and counted or not.
    """

    acknowledged: int
    missing: int
    doubled: int
    foreign: int
    uncounted: tuple[int, int, int]
    doubt: int = 0

    @property
    def kept(self) -> bool:
        """Whether the law is kept."""
        return not (self.missing or self.doubled or self.foreign or (any(self.uncounted) and not self.doubt))


Ask = Callable[[str], Sequence[Sequence[Any]]]
"""Asks a replica, and gives the rows of its answer."""


def judge(ask: Ask, journals: Iterable[Journal]) -> Verdict:
    """Compare what a replica has with what the writers know."""
    there = {
        (writer, number): (count, different)
        for writer, number, count, different in ask(
            f"SELECT region, intDiv(toUInt64(learner), {ROWS}) AS number, count(), uniqExact(learner) FROM reporting.events GROUP BY region, number"
        )
    }
    sent = {(journal.writer, number) for journal in journals for number in journal.begun}
    known = [(journal.writer, number) for journal in journals for number in journal.acknowledged]
    (counted,) = ask("SELECT countMerge(events), sumMerge(seconds), sumMerge(fingerprint) FROM reporting.daily")
    (plain,) = ask("SELECT count(), sum(seconds), sum(cityHash64(moment, region, learner)) FROM reporting.events")
    return Verdict(
        acknowledged=len(known) * ROWS,
        missing=sum(ROWS - there.get(one, (0, 0))[1] for one in known),
        doubled=sum(count - different for count, different in there.values()),
        foreign=sum(different for one, (_, different) in there.items() if one not in sent or different != ROWS),
        uncounted=(counted[0] - plain[0], counted[1] - plain[1], counted[2] - plain[2]),
        doubt=len(sent) - len(known),
    )


def settled(ask: Ask, journals: Sequence[Journal], patience: float = 90) -> Verdict:
    """Return the verdict on a replica once it has caught up: a good one at once, a bad one when it has stayed so for a while (seconds).

    What a replica that was killed lacks, it does not even know of until its old session with the ensemble has ended (18.16).
    """
    end = time.monotonic() + patience
    found = judge(ask, journals)
    while not found.kept and time.monotonic() < end:
        time.sleep(0.2)
        found = judge(ask, journals)
    return found


def main() -> int:
    """Write until SIGTERM."""
    parser = argparse.ArgumentParser(prog="python -m tests.steady", description="A steady stream of events, block by block.")
    parser.add_argument("nodes", nargs="+", help="host or host:port, in the order in which they are tried")
    parser.add_argument("--name", required=True, help="whose the rows are")
    parser.add_argument("--user", required=True)
    parser.add_argument("--ca", required=True)
    parser.add_argument("--journal", required=True, type=Path)
    parser.add_argument("--timeout", type=float, default=5, help="seconds that an answer is waited for")
    args = parser.parse_args()
    access = Access(args.user, os.environ["KC_PASSWORD"], args.ca, args.timeout)
    writer = Writer(args.name, [Node.parse(each) for each in args.nodes], access, args.journal)
    signal.signal(signal.SIGTERM, lambda *_: writer.end())
    writer.run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
