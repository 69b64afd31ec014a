"""What asks the edge and what it asks, for tests of it: viewers that know its address, and origins on the lab's Internet."""

from __future__ import annotations

import http.client
import json
import socket
import ssl
import threading
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from lab.world.net import EDGE, MACHINE, OUTSIDE


@dataclass
class Answer:
    """What a viewer gets."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def told(self) -> dict[str, Any]:
        """What an origin says it was asked."""
        found: dict[str, Any] = json.loads(self.body)
        return found

    @property
    def cached(self) -> str:
        """The first word of X-Cache."""
        return self.headers["X-Cache"].split()[0]


@dataclass
class Viewer:
    """Asks the edge, trusting one CA."""

    ca: Path
    address: str = OUTSIDE[EDGE][1]

    def ask(self, host: str, path: str, method: str = "GET", headers: Mapping[str, str] | None = None, *, tls: bool = True) -> Answer:
        """Return the answer; redirects are not followed."""
        if tls:
            context = ssl.create_default_context(cafile=str(self.ca))
            connection: http.client.HTTPConnection = http.client.HTTPSConnection(host, context=context, timeout=30)
        else:
            connection = http.client.HTTPConnection(host, timeout=30)
        port = 443 if tls else 80
        connection._create_connection = lambda *_: socket.create_connection((self.address, port), 10)  # type: ignore[attr-defined]
        with closing(connection):
            connection.request(method, path, headers=dict(headers or {}), body=b"{}" if method == "POST" else None)
            answer = connection.getresponse()
            return Answer(answer.status, answer.headers, answer.read())


@dataclass
class Origin:
    """An HTTPS server on the machine, as the lab's Internet sees it; it tells what it was asked.

    Attributes:
        name: What it calls itself in `by`.
        files: Of its certificate and key.
        says: Its status and headers by path, instead of 200 and none.
    """

    name: str
    files: tuple[Path, Path]
    says: dict[str, tuple[int, dict[str, str]]] = field(default_factory=dict)
    port: int = 0
    asked: int = 0

    def start(self) -> None:
        """Listen, on the port that it had before if it had one."""
        origin = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length") or 0))
                origin.asked += 1
                headers = {name.lower(): value for name, value in self.headers.items()}
                told = {"by": origin.name, "path": self.path, "method": self.command, "headers": headers, "number": origin.asked}
                body = json.dumps(told).encode() + b" " * 2000
                status, more = origin.says.get(self.path.partition("?")[0], (200, {}))
                self.send_response(status)
                for header, value in {"Content-Type": "application/json", "Content-Length": str(len(body)), **more}.items():
                    self.send_header(header, value)
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(body)

            do_HEAD = do_POST = do_OPTIONS = do_GET  # type: ignore[assignment]

            def log_message(self, *args: object) -> None:
                pass

        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*self.files)
        self._server = ThreadingHTTPServer((MACHINE, self.port), Handler)
        self.port = self._server.server_port
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self) -> None:
        """Refuse connections from now on."""
        self._server.shutdown()
        self._server.server_close()
