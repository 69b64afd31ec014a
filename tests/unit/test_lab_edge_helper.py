"""What the edge's nginx asks the process beside it: signatures, and objects of buckets."""

from __future__ import annotations

import http.client
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from lab.behaviours.edge.helper import KEYS, SOCKET, Handler, Server
from lab.world.faults import Cut, Faults
from tests.unit.test_lab_signatures import KEYS as PEMS
from tests.unit.test_lab_signatures import URL, cookies, policy


class S3(BaseHTTPRequestHandler):
    """A bucket of one object; it keeps what it was asked."""

    asked: list[tuple[str, dict[str, str]]]

    def do_GET(self) -> None:
        self.asked.append((self.path, dict(self.headers)))
        found = self.path == "/bucket/a%20b.ts"
        body = b"segment" if found else b"<Error/>"
        self.send_response(200 if found else 404)
        self.send_header("Content-Type", "video/mp2t")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    do_HEAD = do_GET

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def edge(tmp_path: Path) -> Iterator[Path]:
    """The edge's directory, with a helper that answers there."""
    directory = tmp_path / "edge"
    directory.mkdir()
    (directory / KEYS).write_text(json.dumps({"G1": PEMS, "G2": {}}))
    S3.asked = []
    with ThreadingHTTPServer(("127.0.0.1", 0), S3) as s3:
        Handler.directory, Handler.endpoint = directory, f"http://127.0.0.1:{s3.server_port}"
        with Server(str(directory / SOCKET), Handler) as helper:
            for server in (s3, helper):
                threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
            yield directory
            helper.shutdown()
        s3.shutdown()


def ask(edge: Path, path: str, method: str = "GET", **headers: str) -> tuple[int, Any, bytes]:
    connection = http.client.HTTPConnection("edge")
    connection.sock = socket.socket(socket.AF_UNIX)
    connection.sock.connect(str(edge / SOCKET))
    with closing(connection):
        connection.request(method, path, headers={name.replace("_", "-"): value for name, value in headers.items()})
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()


def test_an_object(edge: Path) -> None:
    status, headers, body = ask(edge, "/s3/me-west-1/bucket/a%20b.ts?versionId=1", Range="bytes=0-3", Cookie="a=b")
    assert (status, headers["Content-Type"], body) == (200, "video/mp2t", b"segment")
    path, told = S3.asked[-1]
    assert path == "/bucket/a%20b.ts"
    assert "/me-west-1/s3/aws4_request" in told["Authorization"]
    assert told["Range"] == "bytes=0-3" and "Cookie" not in told
    status, headers, body = ask(edge, "/s3/me-west-1/bucket/a%20b.ts", "HEAD")
    assert (status, headers["Content-Type"], body) == (200, "video/mp2t", b"")


@pytest.mark.parametrize("path", ["/s3/me-west-1/bucket/none", "/s3/me-west-1/bucket/", "/s3/me-west-1/bucket/?acl"])
def test_what_is_refused(edge: Path, path: str) -> None:
    status, _, body = ask(edge, path)
    assert status == 403 and b"AccessDenied" in body


def test_no_bucket_answers_another_method(edge: Path) -> None:
    assert ask(edge, "/s3/me-west-1/bucket/a%20b.ts", "OPTIONS")[0] == 403
    assert not S3.asked


@pytest.mark.parametrize(
    "cut, reached",
    [
        (Cut("me-west-1"), False),
        (Cut("me-west-1", "internet", incoming=False), False),
        (Cut("me-west-1", "eu-central-1"), True),
        (Cut("eu-central-1"), True),
    ],
)
def test_a_bucket_of_a_region_that_is_cut_off_is_not_reached(edge: Path, cut: Cut, reached: bool) -> None:
    Faults(cuts=[cut]).write(edge.parent)
    if reached:
        assert ask(edge, "/s3/me-west-1/bucket/a%20b.ts", X_Edge_Patience="0")[0] == 200
    else:
        with pytest.raises(http.client.RemoteDisconnected):
            ask(edge, "/s3/me-west-1/bucket/a%20b.ts", X_Edge_Patience="0")


@pytest.mark.parametrize("group, status", [("G1", 200), ("G2 G1", 200), ("G2", 403), ("G3", 403)])
def test_who_is_let_in(edge: Path, monkeypatch: pytest.MonkeyPatch, group: str, status: int) -> None:
    monkeypatch.setattr("lab.behaviours.edge.helper.time.time", lambda: 1_800_000_000.0)
    about = {"X_Edge_Url": f"{URL}?x=1&Expires=2", "X_Edge_Viewer": "192.0.2.7", "X_Edge_Groups": group}
    assert ask(edge, "/judge", **{**about, "X_Edge_Url": f"{URL}?x=1"}, Cookie=cookies(policy()))[0] == status
    assert ask(edge, "/judge", **about, Cookie=cookies(policy()))[0] == 403  # a URL that is half signed goes before


def test_the_query_goes_on_without_what_signs(edge: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lab.behaviours.edge.helper.time.time", lambda: 1_800_000_000.0)
    from tests.unit.test_lab_signatures import at, signer

    signed = signer().generate_presigned_url(f"{URL}?x=1", date_less_than=at(60))
    _, headers, _ = ask(edge, "/judge", X_Edge_Url=signed, X_Edge_Viewer="192.0.2.7", X_Edge_Groups="G1")
    assert headers["X-Edge-Query"] == "?x=1"
