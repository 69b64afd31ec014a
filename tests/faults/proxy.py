"""An HTTP proxy in front of an AWS API that spoils chosen calls, as networks and AWS do.

Calls are counted from 1 as they arrive, repeats included. A fault strikes the call with its number; a lasting one
also strikes every later call of the same operation.
"""

from __future__ import annotations

import http.client
import json
import random
import re
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal, TypeVar
from urllib.parse import parse_qs, urlsplit

Fault = Literal["throttle", "error", "unavailable", "cut", "lost"]
"""Refused for its rate; 500 and 503 before anything was done; cut before it was passed on; carried out, and cut
before the answer."""


@dataclass(frozen=True)
class Call:
    """One request."""

    number: int
    service: str
    operation: str

    def __str__(self) -> str:
        return f"{self.number} {self.service}:{self.operation}"


@dataclass
class Faults:
    """Which calls are spoilt.

    Attributes:
        at: Fault by number of the call.
        lasting: Whether every later call of the same operation is spoilt too.
        chance: Probability that any other call is spoilt.
        seed: What decides which.
    """

    at: Mapping[int, Fault] = field(default_factory=dict)
    lasting: bool = False
    chance: float = 0.0
    seed: int = 0


class Proxy:
    """Passes calls on to `upstream` and answers on `url`."""

    def __init__(self, upstream: str) -> None:
        self.host, self.port = urlsplit(upstream).hostname, urlsplit(upstream).port
        self.lock = threading.Lock()
        self.local = threading.local()
        self.plan(Faults())
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True
            wbufsize = -1

            def handle_one_request(self) -> None:
                with suppress(OSError):
                    super().handle_one_request()
                    return
                self.close_connection = True

            def finish(self) -> None:
                with suppress(OSError):  # whoever asked is gone, killed
                    super().finish()

            def log_message(self, format: str, *args: Any) -> None:
                pass

            def do_any(self) -> None:
                proxy.handle(self)

            do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = do_PATCH = do_any

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"

    def plan(self, faults: Faults) -> None:
        """Start counting again, with these faults."""
        with self.lock:
            self.faults = faults
            self.calls: list[Call] = []
            self.struck: list[Call] = []
            self.random = random.Random(faults.seed)  # noqa: S311
            self.lasting: dict[tuple[str, str], Fault] = {}

    def handle(self, request: BaseHTTPRequestHandler) -> None:
        body = request.rfile.read(int(request.headers.get("Content-Length") or 0))
        service, operation = whose(request.command, request.path, request.headers, body)
        fault = self.strike(service, operation)
        if fault in ("error", "unavailable", "throttle"):
            status, kind, text = failure(fault, service, request.headers)
            return self.answer(request, status, {"Content-Type": kind, "x-amzn-RequestId": "spoilt-request"}, text)
        if fault == "cut":
            return hang_up(request)
        status, headers, text = self.forward(request, body)
        if fault == "lost":
            return hang_up(request)
        return self.answer(request, status, headers, text)

    def strike(self, service: str, operation: str) -> Fault | None:
        """Count a call, and return what happens to it."""
        with self.lock:
            call = Call(len(self.calls) + 1, service, operation)
            self.calls.append(call)
            fault = self.faults.at.get(call.number) or self.lasting.get((service, operation))
            if fault is None and self.random.random() < self.faults.chance:
                fault = self.random.choice(FAULTS)
            if fault:
                self.struck.append(call)
                if self.faults.lasting:
                    self.lasting[service, operation] = fault
            return fault

    def forward(self, request: BaseHTTPRequestHandler, body: bytes) -> tuple[int, dict[str, str], bytes]:
        """Pass a call on, over this thread's own connection."""
        if not hasattr(self.local, "upstream"):
            self.local.upstream = http.client.HTTPConnection(str(self.host), self.port, timeout=60)
        upstream = self.local.upstream
        headers = {name: value for name, value in request.headers.items() if name.lower() not in ("connection", "expect")}
        try:
            upstream.request(request.command, request.path, body, headers)
            answer = upstream.getresponse()
        except (http.client.HTTPException, OSError):  # it had closed the idle connection
            upstream.close()
            upstream.request(request.command, request.path, body, headers)
            answer = upstream.getresponse()
        skipped = ("connection", "transfer-encoding", "content-length")
        text = answer.read()
        found = {name: value for name, value in answer.getheaders() if name.lower() not in skipped}
        if request.command == "HEAD" and answer.headers.get("Content-Length"):
            found["Content-Length"] = answer.headers["Content-Length"]
        return answer.status, found, text

    @staticmethod
    def answer(request: BaseHTTPRequestHandler, status: int, headers: Mapping[str, str], text: bytes) -> None:
        request.send_response_only(status)
        for name, value in headers.items():
            request.send_header(name, value)
        if "Content-Length" not in headers and status != 204:
            request.send_header("Content-Length", str(len(text)))
        request.end_headers()
        if request.command != "HEAD":
            request.wfile.write(text)


FAULTS: tuple[Fault, ...] = ("throttle", "error", "unavailable", "cut", "lost")


def hang_up(request: BaseHTTPRequestHandler) -> None:
    """Close the connection without an answer."""
    request.close_connection = True
    with suppress(OSError):
        request.connection.shutdown(socket.SHUT_RDWR)


def whose(method: str, path: str, headers: Mapping[str, Any], body: bytes) -> tuple[str, str]:
    """Return the service and operation of a call, as far as the request tells (S3 and Route 53: method and path)."""
    scope = re.search(r"Credential=[^/]+/\d+/[^/]+/([^/]+)/", headers.get("Authorization") or "")
    service = scope.group(1) if scope else "unknown"
    if headers.get("X-Amz-Target"):
        return service, headers["X-Amz-Target"].rpartition(".")[2]
    if "x-www-form-urlencoded" in (headers.get("Content-Type") or ""):
        return service, parse_qs(body.decode())["Action"][0]
    return service, f"{method} {path}"


def failure(fault: Fault, service: str, headers: Mapping[str, Any]) -> tuple[int, str, bytes]:
    """Return status, content type and body of a failure, as the service's protocol writes it."""
    codes = {
        "ec2": {"throttle": (503, "RequestLimitExceeded"), "error": (500, "InternalError"), "unavailable": (503, "Unavailable")},
        "s3": {"throttle": (503, "SlowDown"), "error": (500, "InternalError"), "unavailable": (503, "ServiceUnavailable")},
    }
    common = {"throttle": (400, "ThrottlingException"), "error": (500, "InternalFailure"), "unavailable": (503, "ServiceUnavailable")}
    status, code = codes.get(service, common)[fault]
    if headers.get("X-Amz-Target"):
        return status, "application/x-amz-json-1.1", json.dumps({"__type": code, "message": "spoilt"}).encode()
    said = f"<Code>{code}</Code><Message>spoilt</Message>"
    request_id = "<RequestId>spoilt-request</RequestId>"
    if service == "ec2":
        text = f"<Response><Errors><Error>{said}</Error></Errors><RequestID>spoilt-request</RequestID></Response>"
    elif service == "s3":
        text = f"<Error>{said}{request_id}</Error>"
    else:
        text = f"<ErrorResponse><Error><Type>Sender</Type>{said}</Error>{request_id}</ErrorResponse>"
    return status, "text/xml", text.encode()


P = TypeVar("P", bound=Proxy)


@contextmanager
def proxy_to(upstream: str, kind: type[P] = Proxy) -> Iterator[P]:  # type: ignore[assignment]
    """Run a proxy in front of `upstream`."""
    proxy = kind(upstream)
    serve: Callable[..., None] = proxy.server.serve_forever
    thread = threading.Thread(target=serve, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield proxy
    finally:
        proxy.server.shutdown()
        proxy.server.server_close()
