"""The media server's programs. Settings are in the environment (settings.py).

python -m media_server server              answers until SIGTERM
python -m media_server worker              takes jobs until SIGTERM
python -m media_server token TENANT        prints a tenant's token, for a try and for whoever has no backend yet
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
from granian.constants import Interfaces, SSLProtocols

from . import assets, settings
from .api.tokens import TENANT, Tokens
from .aws import clients
from .cell.client import Cell, Failed
from .reach import Sender
from .tell import Teller
from .worker import Worker

HOURS_MAX = 24
"""Of a token that is printed: it can't be revoked."""


def work() -> int:
    """Take jobs; on SIGTERM what is being made is given back, and the segments that are there stay."""
    told = settings.worker()
    Cell(Path(os.devnull), told.user).close()  # who can't start any takes no job
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    of = clients(told.region)
    teller = Teller(told, of, stop, sys.stdout, Sender(told.networks))
    threading.Thread(target=teller.run, name="teller", daemon=True).start()
    Worker(told, of, stop).run()
    teller.settle()
    return 0


def serve() -> int:
    """Answer until SIGTERM."""
    told = settings.server()
    certificate, key = told.tls or (None, None)
    server = Granian(
        "media_server.api.served:app",
        factory=True,
        address="0.0.0.0",  # noqa: S104 - behind a load balancer; what may reach it is the security group's affair
        port=told.port,
        ssl_cert=certificate,
        ssl_key=key,
        ssl_protocol_min=SSLProtocols.tls12,
        interface=Interfaces.ASGI,
        workers=1,  # a task has one; its numbers are told as a whole
        log_access=False,
        respawn_failed_workers=True,
    )
    server.serve()
    return 0


def token(tenant: str, hours: int) -> int:
    """Print a tenant's token."""
    made, _ = Tokens(settings.signing()).make(TENANT, tenant, "", 3600 * hours)
    print(made)
    return 0


def main() -> int:
    """Run a program."""
    parser = argparse.ArgumentParser(
        prog="python -m media_server", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    programs = parser.add_subparsers(dest="program", required=True)
    programs.add_parser("server").set_defaults(run=lambda told: serve())
    programs.add_parser("worker").set_defaults(run=lambda told: work())
    tokens = programs.add_parser("token", description="Prints a token that is signed with MEDIA_SIGNING.")
    tokens.add_argument("tenant", type=_tenant)
    tokens.add_argument("--hours", type=_hours, default=8, help="that it is good for, 24 at most (8)")
    tokens.set_defaults(run=lambda told: token(told.tenant, told.hours))
    told = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s", stream=sys.stdout)
    logging.getLogger("httpx").setLevel(logging.WARNING)  # it tells of URLs, and those that parts of uploads go to are signed
    try:
        return int(told.run(told))
    except (settings.Unset, Failed) as error:
        print(f"media_server: {error}", file=sys.stderr)
        return 2


def _tenant(text: str) -> str:
    if not assets.TENANT.fullmatch(text):
        raise argparse.ArgumentTypeError(f"`{text}` is no tenant: small letters, digits and -, 31 at most, a letter first")
    return text


def _hours(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= HOURS_MAX:
        raise argparse.ArgumentTypeError(f"`{text}` is no number from 1 to {HOURS_MAX}")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
