"""What nginx asks of a process beside it: is this request signed, and what does this bucket hold.

`python -m lab.behaviours.edge.helper --directory D --endpoint URL` answers on the socket `D/helper.sock`, which reaches
into any network namespace:

- `/judge` with the headers X-Edge-Url, X-Edge-Viewer, X-Edge-Groups and Cookie: 200, or 403 (`signatures.py`). The keys
  of the key groups are in `D/keys.json`.
- `/s3/<region>/<bucket>/<key>`: the object from the lab's AWS, asked for in CloudFront's name. As on AWS, where CloudFront
  may read objects but not list them, an object that is not there is 403. A bucket of a region that is cut off from the Internet
  is not reached: X-Edge-Patience says for how many seconds that is tried.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import json
import shutil
import socketserver
import sys
import time
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import ClassVar
from urllib.parse import urlsplit

from ...world.faults import INTERNET, Faults
from . import signatures

SOCKET, KEYS = "helper.sock", "keys.json"
ASKED = ("Range", "If-None-Match", "If-Modified-Since", "If-Range")
"""Headers that S3 is told."""

NOT_PASSED = {"connection", "date", "server", "transfer-encoding", "content-length"}
DENIED = b'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>'


class Handler(BaseHTTPRequestHandler):
    """Answers nginx."""

    directory: ClassVar[Path]
    endpoint: ClassVar[str]

    def do_GET(self) -> None:
        if self.path == "/judge":
            self._judge()
        else:
            self._object()

    do_HEAD = do_GET

    def do_OPTIONS(self) -> None:
        self._refuse()  # S3 without a CORS configuration: the edge's own headers do that

    def _judge(self) -> None:
        url = self.headers["X-Edge-Url"]
        groups = json.loads((self.directory / KEYS).read_text())
        keys = {id: pem for group in self.headers["X-Edge-Groups"].split() for id, pem in groups.get(group, {}).items()}
        try:
            signatures.judge(url, self.headers.get("Cookie", ""), self.headers["X-Edge-Viewer"], time.time(), keys)
        except signatures.Refused as reason:
            self.log_message("refused %s: %s", signatures.stripped(url), reason)
            self._refuse()
            return
        self.send_response(200)
        self.send_header("X-Edge-Query", "".join(signatures.stripped(url).partition("?")[1:]))
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _object(self) -> None:
        _, _, region, bucket, key = self.path.partition("?")[0].split("/", 4)
        if not key:
            self._refuse()  # it would list the bucket
            return
        if self._is_cut_off(region):
            time.sleep(float(self.headers.get("X-Edge-Patience", 0)))
            self.close_connection = True
            return
        aws = urlsplit(self.endpoint)
        with contextlib.closing(http.client.HTTPConnection(aws.hostname or "", aws.port, timeout=30)) as connection:
            scope = f"edge/{time.strftime('%Y%m%d', time.gmtime())}/{region}/s3/aws4_request"
            signed = {"Authorization": f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0"}  # the lab takes any
            asked = {name: self.headers[name] for name in ASKED if name in self.headers}
            connection.request(self.command, f"/{bucket}/{key}", headers={**signed, **asked})
            answer = connection.getresponse()
            if answer.status in (403, 404):
                self._refuse()
                return
            self.send_response(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in NOT_PASSED:
                    self.send_header(name, value)
            if answer.length is not None and self.command != "HEAD":
                self.send_header("Content-Length", str(answer.length))
            self.end_headers()
            shutil.copyfileobj(answer, self.wfile)

    def _is_cut_off(self, region: str) -> bool:
        cuts = Faults.read(self.directory.parent).cuts
        return any(cut.region == region and cut.other in ("", INTERNET) for cut in cuts)

    def _refuse(self) -> None:
        self.send_response(403)
        self.send_header("Content-Type", "application/xml")
        self.send_header("Content-Length", str(len(DENIED)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(DENIED)

    def address_string(self) -> str:
        return "nginx"

    def log_request(self, *args: object) -> None:
        """Leave it to nginx."""


class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True
    request_queue_size = 128


def main() -> int:
    """Serve until killed. Returns an exit code."""
    parser = argparse.ArgumentParser(prog="python -m lab.behaviours.edge.helper", description="What the edge's nginx asks.")
    parser.add_argument("--directory", type=Path, required=True, help="the edge's directory")
    parser.add_argument("--endpoint", required=True, help="URL of the lab's AWS")
    args = parser.parse_args()
    Handler.directory, Handler.endpoint = args.directory, args.endpoint
    path = args.directory / SOCKET
    path.unlink(missing_ok=True)  # of one that was killed
    with Server(str(path), Handler) as server:
        server.serve_forever()
    return 0


if __name__ == "__main__":
    sys.exit(main())
