"""A proxy in front of an AWS API that writes every call down: the region and the service that it is signed for, what it asks, what became of it.

Regions can be silent: their calls are taken, and never answered, as by a region that is lost.
"""

from __future__ import annotations

import json
import re
import select
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any, TypeVar
from urllib.parse import parse_qsl, unquote, urlsplit

from botocore.parsers import RpcV2CBORParser

from .proxy import Proxy, hang_up, proxy_to

SIGNED = re.compile(r"Credential=[^/]+/\d+/([^/]+)/([^/]+)/aws4_request")
RPC = re.compile(r"/service/[^/]+/operation/(\w+)")
"""Path of Smithy's RPC v2, which CloudWatch speaks."""

GLOBAL_REGION = "us-east-1"
GLOBAL = {"account", "budgets", "cloudfront", "health", "iam", "organizations", "route53", "shield", "support"}
"""Services whose APIs are there and nowhere else (AWS Fault Isolation Boundaries, "Global services"), whatever a call to an endpoint of
one's own is signed for."""

READS = re.compile(r"Describe|Get|List|Head|BatchGet|(GET|HEAD) ")
"""How operations begin that change nothing."""


@dataclass(frozen=True)
class Asked:
    """What a call asks, as its request tells.

    Attributes:
        region, service: It is signed for, a global service's region being `GLOBAL_REGION`; empty where it is not signed. A service
            has the name that signatures have.
        operation: As the API has it; of services that have none in their requests (S3, Route 53), the method and the path.
        endpoint: Where it went.
        params: What is asked; of S3 and Route 53 the query only.
    """

    region: str
    service: str
    operation: str
    endpoint: str
    params: Mapping[str, Any] = field(hash=False)

    @property
    def changes(self) -> bool:
        """Whether it may change something."""
        return not READS.match(self.operation)

    def __str__(self) -> str:
        return f"{self.service}:{self.operation} at {self.endpoint} ({self.region}) {json.dumps(self.params, sort_keys=True, default=str)}"


def asked(method: str, target: str, headers: Mapping[str, str], body: bytes) -> Asked:
    """Return what a request asks. Pure.

    Args:
        method: Its method.
        target: Its path and query.
        headers: Its headers, whose names may be written in any way.
        body: Its body.
    """
    path, query = urlsplit(target).path, urlsplit(target).query
    scope = SIGNED.search(headers.get("Authorization") or "") or SIGNED.search(unquote(query).replace("X-Amz-Credential=", "Credential="))
    region, service = scope.groups() if scope else ("", "")
    where = GLOBAL_REGION if service in GLOBAL else region, service
    endpoint = f"http://{headers.get('Host') or ''}"
    if said := headers.get("X-Amz-Target"):
        return Asked(*where, said.rpartition(".")[2], endpoint, json.loads(body or b"{}"))
    if rpc := RPC.search(path):
        parser = RpcV2CBORParser()
        return Asked(*where, rpc[1], endpoint, parser.parse_data_item(parser.get_peekable_stream_from_bytes(body)) if body else {})
    if "x-www-form-urlencoded" in (headers.get("Content-Type") or ""):
        form = dict(parse_qsl(body.decode(), keep_blank_values=True))
        form.pop("Version", None)
        return Asked(*where, form.pop("Action"), endpoint, form)
    return Asked(*where, f"{method} {path}", endpoint, dict(parse_qsl(query, keep_blank_values=True)))


@dataclass
class Heard:
    """A call that came.

    Attributes:
        asked: What it asks.
        status: It was answered with; None: it was not.
        seconds: Until it was answered, or whoever asked gave up; None: he still waits.
    """

    asked: Asked
    status: int | None = None
    seconds: float | None = None

    def __str__(self) -> str:
        return f"{self.asked}: {self.status or 'no answer'} after {'?' if self.seconds is None else f'{self.seconds:.1f}'} s"


class Recorder(Proxy):
    """Passes calls on to `upstream`, and writes them down.

    Attributes:
        heard: The calls, in the order in which they came.
        silent: Regions whose calls are not answered.
    """

    def __init__(self, upstream: str) -> None:
        super().__init__(upstream)
        self.heard: list[Heard] = []
        self.silent: frozenset[str] = frozenset()
        self.ending = threading.Event()

    @contextmanager
    def silence(self, *regions: str) -> Iterator[None]:
        """Answer nobody who asks these regions, until this ends; who waits then is hung up on."""
        self.silent = frozenset(regions)
        try:
            yield
        finally:
            self.silent = frozenset()

    def taken(self) -> list[Heard]:
        """Return what was heard since the last time."""
        with self.lock:
            found, self.heard = self.heard, []
        return found

    def handle(self, request: BaseHTTPRequestHandler) -> None:
        body = request.rfile.read(int(request.headers.get("Content-Length") or 0))
        call = Heard(asked(request.command, request.path, request.headers, body))  # type: ignore[arg-type]
        begun = time.monotonic()
        with self.lock:
            self.heard.append(call)
        try:
            if call.asked.region in self.silent:
                self._wait(request.connection, call.asked.region)
                return hang_up(request)
            if not self.comes(call, body):
                return hang_up(request)
            call.status, headers, text = self.forward(request, body)
            if not self.is_done(call, body):
                return hang_up(request)
            return self.answer(request, call.status, headers, text)
        finally:
            call.seconds = time.monotonic() - begun

    def comes(self, call: Heard, body: bytes) -> bool:
        """Return whether a call is passed on; else whoever asks is hung up on."""
        return True

    def is_done(self, call: Heard, body: bytes) -> bool:
        """Return whether a call that was carried out is answered."""
        return True

    def _wait(self, connection: socket.socket, region: str) -> None:
        """Wait until whoever asked gives up, the region answers again, or all ends."""
        while region in self.silent and not self.ending.is_set():
            ready, _, _ = select.select([connection], [], [], 0.05)
            if ready and not connection.recv(1, socket.MSG_PEEK):
                return


R = TypeVar("R", bound=Recorder)


@contextmanager
def recorder(upstream: str, kind: type[R] = Recorder) -> Iterator[R]:  # type: ignore[assignment]
    """Run a recorder in front of `upstream`."""
    with proxy_to(upstream, kind) as found:
        try:
            yield found
        finally:
            found.ending.set()
