#!/usr/bin/python3
"""Stands for the media server and its worker until they are built: says so, encrypts nothing, takes no job.

As `media-server` it answers /healthz; as `media-worker` it waits. Both end on SIGTERM. `media-worker health` exits 0.
"""

from __future__ import annotations

import json
import signal
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        here = self.path == "/healthz"
        body = json.dumps({"status": "not built yet"} if here else {"title": "Not found", "status": 404}).encode()
        self.send_response(200 if here else 404)
        self.send_header("Content-Type", "application/json" if here else "application/problem+json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_HEAD = do_GET

    def log_message(self, format: str, *args: object) -> None:
        """Load balancers ask every few seconds: nothing is noted."""


def main() -> int:
    name = Path(sys.argv[0]).name
    if sys.argv[1:] == ["health"]:
        return 0
    ended = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ended.set())
    print(f"{name}: not built yet; waits for its end", flush=True)
    if name == "media-server":
        threading.Thread(target=ThreadingHTTPServer(("", 8080), Handler).serve_forever, daemon=True).start()
    ended.wait()
    print(f"{name}: ends", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
