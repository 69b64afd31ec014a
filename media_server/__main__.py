"""The media server's programs. Settings are in the environment (settings.py).

python -m media_server server      answers tenants and viewers until SIGTERM
python -m media_server worker      takes jobs until SIGTERM
"""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys
import threading
from pathlib import Path

from granian import Granian
from granian.constants import Interfaces

from . import settings
from .aws import clients
from .cell.client import Cell, Failed
from .worker import Worker


def work() -> int:
    """Take jobs; on SIGTERM what is being made is given back, and the segments that are there stay."""
    told = settings.worker()
    Cell(Path(os.devnull), told.user).close()  # who can't start any takes no job
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    Worker(told, clients(told.region), stop).run()
    return 0


def serve() -> int:
    """Answer until SIGTERM."""
    told = settings.server()
    server = Granian(
        "media_server.api.served:app",
        factory=True,
        address="0.0.0.0",  # noqa: S104 - behind a load balancer; what may reach it is the security group's affair
        port=told.port,
        interface=Interfaces.ASGI,
        workers=1,  # a task has one; its numbers are told as a whole
        log_access=False,
        respawn_failed_workers=True,
    )
    server.serve()
    return 0


PROGRAMS = {"server": serve, "worker": work}


def main() -> int:
    """Run a program."""
    parser = argparse.ArgumentParser(
        prog="python -m media_server", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("program", choices=sorted(PROGRAMS))
    program = parser.parse_args().program
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s", stream=sys.stdout)
    try:
        return PROGRAMS[program]()
    except (settings.Unset, Failed) as error:
        print(f"media_server: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
