"""Serves moto over HTTP/1.1: one request at a time, connections kept open, one log line each."""

from __future__ import annotations

import io
import re
import select
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.serving import BaseWSGIServer, make_server

from .settings import WORLD_AGENT

Environ = dict[str, Any]
StartResponse = Callable[..., Any]

READS = re.compile(r"(Describe|Get|List|Head|BatchGet|Lookup|Search|Simulate|Filter)[A-Z]|ReceiveMessage$|PutMetricData$")
"""What changes nothing that is worth a save: metrics are of the moment, and come again."""
ACTION = re.compile(rb"(?:^|&)Action=(\w+)")
SCOPE = re.compile(r"Credential=[^/]+/\d+/([\w-]+)/([\w-]+)/")


PATIENCE = 60.0
"""Seconds after which a connection to a region that does not answer is closed."""


class Unanswered(Exception):
    """A call that a stopped region has left hanging until it or its client gave up."""


@dataclass
class Call:
    """What a request asks for, as far as its head and the first bytes of a form say."""

    method: str
    path: str
    action: str
    service: str
    region: str

    @classmethod
    def of(cls, environ: Environ, body: bytes) -> Call:
        """Read it from a WSGI environment."""
        action = environ.get("HTTP_X_AMZ_TARGET", "").rpartition(".")[2]
        if not action and environ.get("CONTENT_TYPE", "").startswith("application/x-www-form-urlencoded"):
            found = ACTION.search(body)
            action = found[1].decode() if found else ""
        scope = SCOPE.search(environ.get("HTTP_AUTHORIZATION", ""))
        region, service = scope.groups() if scope else ("", "")
        return cls(environ["REQUEST_METHOD"], environ.get("PATH_INFO", "/"), action, service, region)

    @property
    def reads(self) -> bool:
        """Whether it surely changes nothing."""
        return bool(READS.match(self.action)) if self.action else self.method in ("GET", "HEAD")

    def __str__(self) -> str:
        return " ".join(part for part in (self.service, self.region, self.action or f"{self.method} {self.path}") if part)


class OneAtATime:
    """Runs moto under one lock.

    moto's backends are plain dicts that several requests would change at once; under Python's own lock that gains
    no speed and loses updates. The same lock keeps behaviours out while a request runs, and requests out while the
    state is saved.
    """

    def __init__(self, log: bool = True) -> None:
        self.lock = threading.RLock()
        self.app = DomainDispatcherApplication(create_backend_app)
        self.log = log
        self.stopped: frozenset[str] = frozenset()
        """Regions whose API does not answer."""
        self.after: list[Callable[[Call], None]] = []
        """Called under the lock after each request."""
        self.own: dict[str, Callable[[Environ, bytes], bytes]] = {}
        """The lab's own answers, by path or by what a path begins with (ending in `/`); not under the lock."""

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request (WSGI)."""
        length = environ.get("CONTENT_LENGTH")
        chunked = environ.get("wsgi.input_terminated")
        body = environ["wsgi.input"].read() if chunked else environ["wsgi.input"].read(int(length or 0))
        path = environ["PATH_INFO"]
        own = self.own.get(path) or self.own.get(path[: path.rfind("/") + 1])
        if own:
            answer = own(environ, body)
            start_response("200 OK", [("Content-Type", "application/json")])
            return [answer]
        environ["wsgi.input"] = io.BytesIO(body)
        call = Call.of(environ, body)
        answered: list[str] = []

        def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
            answered.append(status)
            return start_response(status, headers, exc_info)

        if call.region in self.stopped and WORLD_AGENT not in environ.get("HTTP_USER_AGENT", ""):
            self._hang(call, environ)
        began = time.monotonic()
        if call.action == "ReceiveMessage":  # waits up to 20 s for a message that another request must be able to send
            result = list(self.app(environ, start))
        else:
            with self.lock:
                result = list(self.app(environ, start))
                for act in self.after:
                    act(call)
        if self.log:
            took = (time.monotonic() - began) * 1000
            sys.stderr.write(f"{time.strftime('%H:%M:%S')} {answered[-1][:3] if answered else '---'} {took:4.0f} ms {call}\n")
        return result

    def _hang(self, call: Call, environ: Environ) -> None:
        """Return once the call's region answers again.

        Raises:
            Unanswered: The client has given up, or it took too long.
        """
        gone = select.poll()
        gone.register(environ["werkzeug.socket"], select.POLLRDHUP)
        deadline = time.monotonic() + PATIENCE
        while call.region in self.stopped:
            if gone.poll(200) or time.monotonic() > deadline:
                if self.log:
                    sys.stderr.write(f"{time.strftime('%H:%M:%S')} --- not answered: {call}\n")
                raise Unanswered


class Handler(MotoRequestHandler):
    """Answers over connections that stay open; werkzeug's own handler closes each and waits 10 ms before it does."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = 300

    def run_wsgi(self) -> None:
        """Answer one request in one write."""
        environ = self.make_environ()
        head: list[Any] = []

        def start(status: str, headers: list[tuple[str, str]], _: Any = None) -> None:
            head[:] = [status, headers]

        try:
            body = b"".join(self.server.app(environ, start))
        except Unanswered:
            self.close_connection = True
            return
        except Exception as error:
            self.close_connection = True  # the request's body may be half read
            # 501, which no client repeats, for a call that moto has no code for.
            head[:] = ["501 Not Implemented" if isinstance(error, NotImplementedError) else "500 Internal Server Error", []]
            body = f"the lab's AWS failed: {error!r}".encode()
            traceback.print_exc()
        code, _, reason = head[0].partition(" ")
        headers = [(name, value) for name, value in head[1] if name.lower() not in ("connection", "transfer-encoding")]
        no_body = self.command == "HEAD" or int(code) in (HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED)
        self.send_response(int(code), reason)
        for name, value in headers:
            if no_body or name.lower() != "content-length":
                self.send_header(name, value)
        if not no_body:
            self.send_header("Content-Length", str(len(body)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self._headers_buffer.append(b"\r\n" + (b"" if no_body else body))
        self.flush_headers()

    def log_request(self, *args: Any) -> None:
        """Leave it to `OneAtATime`, which knows what was asked."""


def listen(app: OneAtATime, port: int) -> BaseWSGIServer:
    """Bind to loopback; port 0 lets the kernel choose."""
    return make_server("127.0.0.1", port, app, threaded=True, request_handler=Handler)
