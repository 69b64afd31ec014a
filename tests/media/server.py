"""A server of the API that runs, as a process of its own."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from lab.settings import ROOT
from media_server.api import tokens
from tests import ports

SECRET = "s" * 48
PAGE = "https://learn.example"
TOKENS = tokens.Tokens(SECRET.encode())


@dataclass
class Server:
    """A server that runs, and what it wrote."""

    url: str
    log: Path
    process: subprocess.Popen[bytes]

    def ask(self, method: str, path: str, token: str = "", **more: Any) -> httpx.Response:
        headers = {**({"Authorization": f"Bearer {token}"} if token else {}), **more.pop("headers", {})}
        return httpx.request(method, self.url + path, headers=headers, timeout=60, **more)

    @property
    def workers(self) -> dict[int, int]:
        """Bytes of memory of the processes that answer, by their numbers."""
        found = subprocess.run(["ps", "-o", "pid=,rss=", "--ppid", str(self.process.pid)], capture_output=True, text=True)
        return {int(pid): int(size) << 10 for pid, size in map(str.split, found.stdout.splitlines())}

    @property
    def memory(self) -> int:
        """Bytes of its processes, together."""
        return sum(self.workers.values())

    def number(self, name: str) -> float:
        """Return a number that it tells Prometheus; 0 if it tells none."""
        said = dict(line.rsplit(" ", 1) for line in self.ask("GET", "/metrics").text.splitlines() if line[0] != "#")
        return float(said.get(name, 0))

    def kill(self) -> None:
        """Kill it, as a machine that fails does."""
        for pid in (self.process.pid, *self.workers):
            os.kill(pid, signal.SIGKILL)
        self.process.wait(30)


@contextmanager
def running(place: Mapping[str, str], log: Path, **more: str) -> Iterator[Server]:
    """Run a server, with some settings more."""
    port = ports.free()
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "media_server", "server"], cwd=ROOT, env=environment(place, port) | more, stdout=out, stderr=out
        )
    found = Server(f"http://127.0.0.1:{port}", log, process)
    try:
        deadline = time.monotonic() + 180
        while True:
            with contextlib.suppress(httpx.HTTPError):
                if found.ask("GET", "/readyz").status_code == 200:
                    break
            assert process.poll() is None and time.monotonic() < deadline, log.read_text()
            time.sleep(0.1)
        yield found
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)
    said = log.read_text()
    assert SECRET not in said and "X-Amz-Signature" not in said


@contextmanager
def half_sent(server: Server, path: str, token: str, offset: int, length: int, pieces: Iterable[bytes]) -> Iterator[None]:
    """Send the beginning of what an upload's request announces, and hang up in the end."""
    host, port = server.url.removeprefix("http://").split(":")
    head = f"PATCH {path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\nUpload-Offset: {offset}\r\n"
    head += f"Content-Type: application/offset+octet-stream\r\nContent-Length: {length}\r\n\r\n"
    with socket.create_connection((host, int(port))) as connection:
        connection.sendall(head.encode())
        for piece in pieces:
            connection.sendall(piece)
        yield


def environment(place: Mapping[str, str], port: int) -> dict[str, str]:
    """What a server is told beside what workers are."""
    own = {"MEDIA_PUBLIC": f"http://127.0.0.1:{port}", "MEDIA_ORIGINS": PAGE, "MEDIA_SIGNING": SECRET, "MEDIA_PORT": str(port)}
    return {**place, **own}


def backend(tenant: str = "acme") -> str:
    return TOKENS.make(tokens.TENANT, tenant, "", 600)[0]


def captions(*texts: str) -> bytes:
    """Return WebVTT whose cues come each second, from second 1."""
    cues = (f"00:00:{second:02}.000 --> 00:00:{second:02}.900\n{text}\n" for second, text in enumerate(texts, 1))
    return "\n".join(("WEBVTT\n", *cues)).encode()


def put(server: Server, asset: str, language: str, text: bytes, **said: str) -> httpx.Response:
    """Put captions beside an asset of acme's."""
    return server.ask(
        "PUT", f"/assets/{asset}/captions/{language}", backend(), content=text, params=said, headers={"Content-Type": "text/vtt"}
    )


def session(tenant: str, asset: str, seconds: int = 600) -> str:
    return TOKENS.make(tokens.SESSION, tenant, asset, seconds)[0]
