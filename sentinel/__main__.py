"""The sentinel: `python -m sentinel`."""

from __future__ import annotations

import os
import signal
import sys
from typing import Any

from kc.aws.session import Aws, Connection
from kc.errors import KcError
from kc.lease.task import way_of

from .service import Sentinel
from .settings import read
from .web import serve

BRIEF = Connection(connect_timeout=2, read_timeout=3, attempts=1)
"""How long its own region's API is asked: a beat must not wait for it, and whatever fails is tried again at the next one."""


def main() -> int:
    """Work until it is ended."""
    try:
        settings = read(os.environ)
    except KcError as error:
        print(error, file=sys.stderr)
        return 2
    # what it holds ends with its session: nothing is left to be done
    signal.signal(signal.SIGTERM, _end)
    with way_of(settings.tls, 9281, timeout=2) as way:
        sentinel = Sentinel(settings, Aws(BRIEF, settings.region), way, lambda text: print(text, flush=True))
        sentinel.run()
        with serve(settings.port, sentinel.view, sentinel.alive) as server:
            server.serve_forever()
    return 0


def _end(*_: Any) -> None:
    sys.exit(0)


if __name__ == "__main__":
    sys.exit(main())
