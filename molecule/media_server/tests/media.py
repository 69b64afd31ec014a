"""The node's services, as who uses them and as who looks after them."""

from __future__ import annotations

import os
import ssl
from pathlib import Path
from typing import Any

import httpx
from hands import run

from media_server.api import tokens

HOST = "media-1.me-west-1"
URL = "https://localhost:8443"
HOME = "/opt/media-server"
SIGNING = "signs-what-viewers-have-7-and-is-long-enough"
AWS_SECRET = "reaches-what-is-kept-3"
SERVICES = ("media-server", "media-worker")
TOKENS = tokens.Tokens(SIGNING.encode())
AUTHORITY = Path(os.environ["MOLECULE_EPHEMERAL_DIRECTORY"]) / "authority"


def trusting(authority: str = "authority") -> ssl.SSLContext:
    """Return what trusts one authority and no other."""
    return ssl.create_default_context(cafile=AUTHORITY / f"{authority}.pem")


def ask(method: str, path: str, token: str = "", **more: Any) -> httpx.Response:
    """Ask the server, whose certificate has to be the authority's."""
    headers = {**({"Authorization": f"Bearer {token}"} if token else {}), **more.pop("headers", {})}
    return httpx.request(method, URL + path, headers=headers, verify=trusting(), timeout=60, **more)


def backend(tenant: str = "acme") -> str:
    """Return a tenant's token."""
    return TOKENS.make(tokens.TENANT, tenant, "", 600)[0]


def session(asset: str, tenant: str = "acme") -> str:
    """Return a viewer's token."""
    return TOKENS.make(tokens.SESSION, tenant, asset, 600)[0]


def shown(service: str, *names: str) -> str:
    """Return what systemd says of a service."""
    return run(
        HOST, "systemctl", "show", service, *(f"--property={name}" for name in names), *(["--value"] if len(names) == 1 else [])
    ).strip()


def processes(service: str) -> list[int]:
    """Return a service's processes, those that it has started among them."""
    group = shown(service, "ControlGroup")
    found = run(HOST, "sh", "-c", f"cat /sys/fs/cgroup/systemd{group}/cgroup.procs /sys/fs/cgroup{group}/cgroup.procs 2>/dev/null || true")
    return sorted({int(pid) for pid in found.split()})


def status(pid: int) -> dict[str, str]:
    """Return what Linux says of a process (proc(5), /proc/[pid]/status)."""
    lines = run(HOST, "cat", f"/proc/{pid}/status").splitlines()
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


def current() -> str:
    """Return the release that is the current one."""
    return run(HOST, "readlink", f"{HOME}/current").strip()


def releases() -> set[str]:
    """Return those that are there."""
    return {*run(HOST, "ls", "-A", HOME).split()} - {"current"}
