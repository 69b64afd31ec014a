"""`python -m lab.data`: course events for the reporting database, as many as the caller wants.

The server makes them, so a million takes about as long as its insert. The same seed makes the same rows, and rows that are there
already are not there twice: a Replicated table knows the last blocks that it was given. So an interrupted run is just run again.
The password is in the environment (KC_PASSWORD).
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "module_utils"))

from kc.clickhouse.connection import Access, Node, Server  # noqa: E402
from kc.clickhouse.quote import value  # noqa: E402
from kc.errors import KcError  # noqa: E402

BLOCK = 500_000
"""Rows an insert: one block, which is there as a whole or not at all (max_insert_block_size is 1048576)."""

COURSES = ("photography", "spreadsheets", "arabic", "first-aid", "python", "negotiation", "statistics", "public-speaking")
REGIONS = ("me-west-1", "eu-central-1")


def statements(rows: int, days: int, learners: int, seed: int, end: str) -> Iterator[str]:
    """Yield the inserts of so many events of the days before `end`, of so many learners.

    A few courses have most of the learners; most events are watching; who is enrolled has it as the first event.
    """
    for begin in range(0, rows, BLOCK):
        count = min(BLOCK, rows - begin)
        yield f"""
            INSERT INTO reporting.incoming (moment, region, course, learner, kind, seconds)
            SELECT toDateTime({value(end)}) - 1 - h % {days * 86_400},
                   {value(REGIONS)}[1 + intDiv(h, 7) % {len(REGIONS)}],
                   {value(COURSES)}[1 + least(intDiv(h, 11) % {len(COURSES)}, intDiv(h, 13) % {len(COURSES)})],
                   concat('learner-', toString(intDiv(h, 17) % {learners})),
                   multiIf(intDiv(h, 19) % 20 = 0, 'enrolled', intDiv(h, 19) % 20 < 15, 'watched',
                           intDiv(h, 19) % 20 < 19, 'answered', 'finished'),
                   intDiv(h, 23) % 600
            FROM (SELECT intHash64({begin} + number + {seed} * 1000000007) AS h FROM numbers({count}))
        """


def main(arguments: list[str] | None = None) -> int:
    """Fill the database. Returns an exit code."""
    parser = argparse.ArgumentParser(prog="python -m lab.data", description="Course events for the reporting database.")
    parser.add_argument("--node", default="localhost:9440", help="host or host:port; its certificate must be for this name")
    parser.add_argument("--user", default="operator")
    parser.add_argument("--ca", default="/etc/kc/tls/ca.pem", help="file with the authority's certificate")
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--days", type=int, default=90, help="over which they are spread")
    parser.add_argument("--end", default=f"{date.today()}", help="the day before which they end; today where it is not given")
    parser.add_argument("--learners", type=int, default=5_000)
    parser.add_argument("--seed", type=int, default=1, help="another one for other rows")
    args = parser.parse_args(arguments)
    if min(args.rows, args.days, args.learners) < 1:
        parser.error("--rows, --days and --learners are 1 or more")
    began = time.monotonic()
    try:
        access = Access(args.user, os.environ.get("KC_PASSWORD", ""), args.ca, timeout=300)
        with Server(Node.parse(args.node), access) as server:
            for statement in statements(args.rows, args.days, args.learners, args.seed, f"{args.end} 00:00:00"):
                server.run(statement)
    except KcError as error:
        print(f"lab: {error}", file=sys.stderr)
        return 1
    seconds = time.monotonic() - began
    print(f"{args.rows} events in {seconds:.1f} s ({args.rows / seconds:,.0f} a second)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
