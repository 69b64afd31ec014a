"""A target of tests: `target.py NAME DIRECTORY` answers on port 8080 with its name; it is ill while DIRECTORY/NAME is there."""

import json
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

NAME, DIRECTORY = sys.argv[1], Path(sys.argv[2])


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        if self.path == "/slow":
            time.sleep(0.05)
        ill = self.path == "/health" and (DIRECTORY / NAME).exists()
        if self.path == "/long":
            time.sleep(4)
        if self.path == "/large":
            self.send_response(200)
            self.send_header("Content-Length", str(5 << 20))
            self.end_headers()
            self.wfile.write(bytes(5 << 20))
            return
        body = json.dumps({name.lower(): value for name, value in self.headers.items()}) if self.path == "/headers" else NAME
        self.send_response(500 if ill else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    def do_POST(self):
        body = str(len(self.rfile.read(int(self.headers["Content-Length"])))).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


ThreadingHTTPServer(("", 8080), Handler).serve_forever()
