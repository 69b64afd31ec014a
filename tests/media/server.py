"""A server of the API that runs, as a process of its own."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from media_server.api import tokens

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
    def memory(self) -> int:
        """Bytes of its processes, together."""
        found = subprocess.run(["ps", "-o", "rss=", "--ppid", str(self.process.pid)], capture_output=True, text=True)
        return sum(map(int, found.stdout.split())) << 10


def environment(place: dict[str, str], port: int) -> dict[str, str]:
    """What a server is told beside what workers are."""
    own = {"MEDIA_PUBLIC": f"http://127.0.0.1:{port}", "MEDIA_ORIGINS": PAGE, "MEDIA_SIGNING": SECRET, "MEDIA_PORT": str(port)}
    return place | own


def backend(tenant: str = "acme") -> str:
    return TOKENS.make(tokens.TENANT, tenant, "", 600)[0]


def session(tenant: str, asset: str, seconds: int = 600) -> str:
    return TOKENS.make(tokens.SESSION, tenant, asset, seconds)[0]
