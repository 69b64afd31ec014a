"""The lab's AWS: moto's server with every region, what moto lacks, and a state that lasts.

`python -m lab.aws --port 5566 --state .lab` serves until it gets SIGTERM. `python -m lab up` starts it so.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import signal
import sys
import tempfile
import threading
from pathlib import Path
from urllib.parse import parse_qsl

from . import overlay
from .settings import Settings

STATE_FILE = "aws.state"


def main() -> int:
    """Serve. Returns an exit code."""
    parser = argparse.ArgumentParser(prog="python -m lab.aws", description="The lab's AWS APIs, on loopback.")
    parser.add_argument("--port", type=int, required=True, help="TCP port; 0: one that is free, named in the first line of output")
    parser.add_argument("--state", type=Path, help="directory to keep the state in; without it the state ends with the process")
    parser.add_argument("--world", action="store_true", help="behaviours carry out what is asked for, and tell what they see")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="kc-lab-") as scratch:
        overlay.prepare(args.state or Path(scratch), Settings.load().account)
        return serve(args.port, args.state, args.world)


def serve(port: int, home: Path | None, world: bool = False) -> int:
    """Serve on `port`, with state in `home`; `world` says whether behaviours are there."""
    from . import observed, patches, server, state
    from .behaviours import s3_replication
    from .changes import Changes
    from .world.faults import Faults

    observed.live = world
    patches.apply()
    app = server.OneAtATime(log=home is not None)
    keeper = state.Keeper(home / STATE_FILE, app.lock) if home else None
    if keeper and keeper.path.exists():
        try:
            state.load(keeper.path)
        except ValueError as error:
            print(f"{keeper.path} is no state that this lab can go on from: {error}. `python -m lab reset` drops it.", file=sys.stderr)
            return 1
    # What stands from here on is long-lived: without this, most of the collector's work is looking at it again.
    gc.freeze()

    changes = Changes()

    def after(call: server.Call) -> None:
        if keeper and call.path == "/moto-api/reset":
            keeper.forget()
        elif keeper and not call.reads:
            keeper.changed()
        if not call.reads:
            changes.note(call.service)

    def changed(environ: server.Environ, body: bytes) -> bytes:
        asked = dict(parse_qsl(environ.get("QUERY_STRING", "")))
        return json.dumps(changes.wait(int(asked.get("since", -1)), float(asked.get("wait", 0)))).encode()

    def observe(environ: server.Environ, body: bytes) -> bytes:
        with app.lock:
            name = environ["PATH_INFO"].rpartition("/")[2]
            answer = observed.take(name, json.loads(body))
            if keeper and observed.kept(name):
                keeper.changed()
        return json.dumps(answer).encode()

    def break_or_heal(environ: server.Environ, body: bytes) -> bytes:
        app.stopped = frozenset(Faults.read(home).stopped) if home else frozenset()
        return json.dumps({"stopped": sorted(app.stopped)}).encode()

    app.after.append(after)
    app.own["/lab/faults"] = break_or_heal
    break_or_heal({}, b"")
    app.own["/lab/changes"] = changed
    app.own["/lab/observed/"] = observe
    app.own["/lab/health"] = lambda environ, body: json.dumps(
        {
            "pid": os.getpid(),
            "home": str(home.absolute()) if home else None,
            "error": keeper.error if keeper else "",
            "unsaved": bool(keeper and keeper.unsaved),
        }
    ).encode()
    replication = s3_replication.Replication(app.lock, changed=keeper.changed if keeper else lambda: None)
    replication.install()

    listener = server.listen(app, port)
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=listener.shutdown).start())
    signal.signal(signal.SIGINT, signal.SIG_IGN if home else signal.default_int_handler)
    for work in (replication.run, *([keeper.run] if keeper else [])):
        threading.Thread(target=work, daemon=True).start()
    print(f"listening on http://127.0.0.1:{listener.server_port}", flush=True)
    listener.serve_forever(poll_interval=0.05)
    with app.lock:
        if keeper:
            keeper.save()
        sys.stdout.flush()
        os._exit(0)  # connections that are still open have nothing more to say


if __name__ == "__main__":
    sys.exit(main())
