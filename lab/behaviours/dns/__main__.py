"""`python -m lab.behaviours.dns --home .lab/world --listen 127.0.0.1:5567`: answers until it gets SIGTERM."""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path

from .server import serve
from .snapshot import Store


async def run(home: Path, addresses: list[str]) -> None:
    """Answer for ever."""
    store = Store(home)
    for each in addresses:
        await serve(lambda: store.names, each)
    await asyncio.Event().wait()


def main() -> int:
    """Serve. Returns an exit code."""
    parser = argparse.ArgumentParser(prog="python -m lab.behaviours.dns", description="The lab's DNS server.")
    parser.add_argument("--home", type=Path, required=True, help="the world's directory")
    parser.add_argument("--listen", action="append", required=True, metavar="[NAMESPACE/]ADDRESS:PORT", help="may be repeated")
    args = parser.parse_args()
    try:
        asyncio.run(run(args.home, args.listen))
    except OSError as error:
        print(f"the DNS server can't listen at {' and '.join(args.listen)}: {error}; KC_LAB_PORT chooses other ports", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
