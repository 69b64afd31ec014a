"""Serves what a sentinel shows."""

from __future__ import annotations

from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from .page import View, metrics, page

HTML, TEXT = "text/html; charset=utf-8", "text/plain; version=0.0.4; charset=utf-8"


def serve(port: int, view: Callable[[], View], alive: Callable[[], bool], address: str = "0.0.0.0") -> ThreadingHTTPServer:  # noqa: S104
    """Return a server of the page (`/`), the metrics (`/metrics`) and the health (`/healthz`); its thread is the caller's.

    Args:
        port: Of it; 0: any.
        view: What is shown.
        alive: Whether the sentinel gets on.
        address: That it listens on; who may come is the security group's affair.
    """

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            match self.path:
                case "/":
                    self._answer(200, HTML, page(view()))
                case "/metrics":
                    self._answer(200, TEXT, metrics(view()))
                case "/healthz":
                    self._answer(200 if alive() else 503, TEXT, "alive\n" if alive() else "stuck\n")
                case _:
                    self._answer(404, TEXT, "there is no such page\n")

        def _answer(self, status: int, kind: str, text: str) -> None:
            body = text.encode()
            self.send_response_only(status)
            for name, value in (("Content-Type", kind), ("Content-Length", str(len(body))), ("Cache-Control", "no-store")):
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer((address, port), Handler)
    server.daemon_threads = True
    return server
