"""`python -m tests.integration.load_process RECORD DOMAIN CA RATES PATIENCE`: the load as a process of its own, whose names all lead to loopback."""

from __future__ import annotations

import asyncio
import json
import ssl
import sys
from pathlib import Path

from lab.load.actions import Stage, Users
from lab.load.drive import Drive
from lab.load.names import Answer, Names
from lab.load.record import Record

from .frontage import TOKEN


async def loopback(name: str) -> Answer:
    return Answer(("127.0.0.1",), 60)


def stage(domain: str, ca: Path, run: str = "load-1") -> Stage:
    """Return what users find at `frontage`."""
    trusted = ssl.create_default_context(cafile=str(ca))
    return Stage(domain, trusted, run, TOKEN, "an asset", b"film", lambda: Names(loopback))


def main(record: str, domain: str, ca: str, rates: str, patience: str) -> None:
    with Record(Path(record), {"run": "load-1", "domain": domain, "rates": json.loads(rates)}) as written:
        asyncio.run(Drive(Users(stage(domain, Path(ca)), written), json.loads(rates), patience=float(patience)).run())


if __name__ == "__main__":
    main(*sys.argv[1:])
