"""What users of the platform reach, on loopback: hosts of a domain over TLS, which answer as the real ones do, or as badly as a test wants."""

from __future__ import annotations

import json
import re
import ssl
import threading
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Literal

from tests.authority import Authority

DOMAIN = "kc-lab.test"
HOSTS = ("app", "learn", "api", "reports", "media")
TOKEN = "a tenant's"
MASTER = "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n720p/index.m3u8\n"
INDEX = '#EXTM3U\n#EXT-X-KEY:METHOD=AES-128,URI="/keys/0"\n#EXTINF:0.05,\n0.ts\n#EXTINF:0.05,\n1.ts\n#EXTINF:0.05,\n2.ts\n#EXT-X-ENDLIST\n'
PAGE = '<link href="/static/app.css"><script src="/static/app.js"></script><a href="/about">'

Mood = Literal["", "read-only", "silent", "cut", "forgetful", "strange"]
"""How writes are taken: as they should be; refused; never answered; done, and cut off before the answer; answered, and not done; with a good
status, by somebody else."""


class Frontage:
    """The platform's hosts.

    Attributes:
        learners: Whose enrolment was done; `answered` is whose was answered too.
        assets: Uploads, and whether each is complete.
        asked: How often each path was asked for, by method, host and path.
        connections: That were opened.
    """

    def __init__(self, home: Path, region: str = "me-west-1") -> None:
        self.authority = Authority.make(home)
        self.region = region
        self.mood: Mood = ""
        self.learners: set[str] = set()
        self.answered: set[str] = set()
        self.assets: dict[str, bool] = {}
        self.asked: Counter[str] = Counter()
        self.connections = 0
        self.awake = threading.Event()
        site = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self) -> None:
                site.connections += 1
                super().setup()

            def do_any(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                site.handle(self, self.headers["Host"].partition(".")[0], body)

            do_GET = do_POST = do_PATCH = do_any

            def log_message(self, format: str, *args: Any) -> None:
                pass

            def handle(self) -> None:
                with suppress(OSError):
                    super().handle()

        certificate, key = self.authority.issue(*(f"{host}.{DOMAIN}" for host in HOSTS))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True, do_handshake_on_connect=False)
        self.domain = f"{DOMAIN}:{self.server.server_address[1]}"

    def handle(self, request: BaseHTTPRequestHandler, host: str, body: bytes) -> None:
        path = request.path.partition("?")[0]
        self.asked[f"{request.command} {host}{path}"] += 1
        if request.command == "POST" and path == "/enrolments":
            self.enrol(request, json.loads(body)["learner"])
        else:
            self.send(request, *self.answer(request, host, path))

    def enrol(self, request: BaseHTTPRequestHandler, learner: str) -> None:
        if self.mood == "silent":
            self.awake.wait(30)
        elif self.mood == "read-only":
            self.send(request, 503, {"title": "Database is read-only", "region": self.region})
        elif self.mood == "strange":
            self.send(request, 200, PAGE)
        elif self.mood == "cut":
            self.learners.add(learner)
        else:
            self.answered.add(learner)
            self.learners |= {learner} if self.mood != "forgetful" else set()
            self.send(request, 201, {"region": self.region, "enrolment": {"learner": learner}})
        request.close_connection |= self.mood in ("silent", "cut")

    def answer(self, request: BaseHTTPRequestHandler, host: str, path: str) -> tuple[int, Any]:
        bearer = request.headers.get("Authorization", "")
        match f"{request.command} {host}{path}":
            case "GET app/" | "GET learn/":
                return 200, PAGE
            case "GET api/courses":
                return 200, {"region": self.region, "courses": []}
            case "GET api/enrolments":
                learner = request.path.rpartition("=")[2]
                found = [{"course": "spreadsheets", "learner": learner}] if learner in self.learners else []
                return 200, {"region": self.region, "enrolments": found}
            case "GET reports/reports/courses":
                return 200, {"region": self.region, "courses": []}
            case "POST media/sessions" if bearer == f"Bearer {TOKEN}":
                return 201, {"token": "a viewer's"}
            case "POST media/play" if bearer == "Bearer a viewer's":
                return 200, {"offers": [{"profile": "aes128", "hls": f"https://media.{self.domain}/v/a/master.m3u8"}]}
            case "GET media/keys/0" if bearer == "Bearer a viewer's":
                return 200, "0123456789abcdef"
            case "POST media/assets" if bearer == f"Bearer {TOKEN}":
                made = str(uuid.uuid4())
                self.assets[made] = False
                return 201, {"id": made}
        if (said := re.fullmatch(r"media/(uploads|assets)/(.+)", host + path)) and said[2] in self.assets and bearer == f"Bearer {TOKEN}":
            self.assets[said[2]] |= request.command == "PATCH"
            return 200, {"state": "queued" if self.assets[said[2]] else "waiting"}
        if host == "media" and path.startswith("/v/a/") and "CloudFront-Policy=p" in request.headers.get("Cookie", ""):
            return 200, MASTER if path.endswith("master.m3u8") else INDEX if path.endswith("index.m3u8") else "segment"
        if path.startswith("/static/"):
            return 200, "static"
        return 404, {"title": "Not found"}

    def send(self, request: BaseHTTPRequestHandler, status: int, found: Any) -> None:
        text = found if isinstance(found, str) else json.dumps(found)
        request.send_response(status)
        if request.path == "/play":
            request.send_header("Set-Cookie", "CloudFront-Policy=p; Path=/v/a/; Secure")
            request.send_header("Set-Cookie", "CloudFront-Signature=s; Path=/v/a/; Secure")
        request.send_header("Content-Length", str(len(text)))
        request.end_headers()
        request.wfile.write(text.encode())


@contextmanager
def frontage(home: Path) -> Iterator[Frontage]:
    """Have the platform's hosts answer."""
    found = Frontage(home)
    thread = threading.Thread(target=found.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield found
    finally:
        found.awake.set()
        found.server.shutdown()
        found.server.server_close()
