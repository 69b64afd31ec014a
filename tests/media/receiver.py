"""A receiver of webhooks: HTTPS on loopback, by an authority of the tests' own. It keeps what comes, and answers as it is told."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.authority import Authority

HOST = "hooks.example"


@dataclass(frozen=True)
class Got:
    """A request that came."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def said(self) -> dict[str, Any]:
        return dict(json.loads(self.body))

    def verified(self, secret: str) -> bool:
        """Whether it is signed with a secret, as a receiver finds out by what Standard Webhooks says."""
        key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
        signed = b".".join((self.headers["webhook-id"].encode(), self.headers["webhook-timestamp"].encode(), self.body))
        wanted = "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
        recent = abs(time.time() - int(self.headers["webhook-timestamp"])) < 300
        return recent and any(hmac.compare_digest(each, wanted) for each in self.headers["webhook-signature"].split())


@dataclass
class Receiver:
    """What came, and what is answered: statuses one after the other, the last for good.

    Attributes:
        port: Where it listens.
        ca: Whom one has to trust.
        got: What came.
        answers: Statuses.
        headers: Of each answer.
        hold: Set while it answers; else it takes requests and says nothing.
        names: Whom callers asked for (SNI).
    """

    port: int
    ca: Path
    got: list[Got] = field(default_factory=list)
    answers: list[int] = field(default_factory=lambda: [204])
    headers: dict[str, str] = field(default_factory=dict)
    hold: threading.Event = field(default_factory=threading.Event)
    names: list[str | None] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"https://localhost:{self.port}/hook?token=of-their-own"

    @property
    def messages(self) -> list[str]:
        return [each.headers["webhook-id"] for each in self.got]


@contextmanager
def receiving(home: Path, address: str = "127.0.0.1", names: tuple[str, ...] = ("localhost", HOST)) -> Iterator[Receiver]:
    """Receive at an address of loopback, with a certificate for names."""
    authority = Authority.make(home)
    certificate, key = authority.issue(*names)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            found.got.append(Got(self.path, {name.lower(): value for name, value in self.headers.items()}, body))
            found.hold.wait()
            self.send_response(found.answers.pop(0) if len(found.answers) > 1 else found.answers[0])
            for name, value in found.headers.items():
                self.send_header(name, value)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            return

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    context.sni_callback = lambda _, name, __: found.names.append(name)
    server = ThreadingHTTPServer((address, 0), Handler)
    server.daemon_threads = True
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    found = Receiver(server.server_address[1], authority.ca)
    found.hold.set()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield found
    finally:
        found.hold.set()
        server.shutdown()
        server.server_close()
        thread.join()
