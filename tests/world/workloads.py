"""What tests of images stand on: the images, built; containers of them, as ECS runs them; and doors into their networks."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import yaml

from lab.podman import podman, remove
from lab.settings import ROOT
from lab.world.ca import CA
from lab.world.net import inside
from tests import ports
from tests.authority import Authority
from tests.sentinel.test_parts import ENVIRONMENT

DOMAIN = "kc-lab.test"
EDGE = yaml.safe_load((ROOT / "inventories/common/all/edge.yml").read_text())
APPLICATIONS = yaml.safe_load((ROOT / "inventories/common/all/applications.yml").read_text())["kc_applications"]


TOLD = {
    "AWS_REGION": "me-west-1",
    **{f"MEDIA_{name}": name.lower() for name in ("BUCKET", "UPLOADS", "KEY", "QUEUE", "DEAD", "NOTICES", "NOTICES_DEAD")},
    "MEDIA_SIGNING": "s" * 32,
    "MEDIA_PUBLIC": "https://media.kc-lab.test",
}
"""What the media server and its worker have to be told before they begin; here none of it is there."""


def sentinel(authority: Authority) -> dict[str, str]:
    """Return what the sentinel has to be told; here none of it is there but its certificate."""
    certificate, key = authority.issue("sentinel")
    own = {"SENTINEL_CERTIFICATE": certificate, "SENTINEL_KEY": key, "SENTINEL_CA": authority.ca}
    return {"AWS_REGION": "me-west-1", **ENVIRONMENT, **{name: file.read_text() for name, file in own.items()}}


def lab_images(home: Path, *words: str, environment: Mapping[str, str] = {}) -> subprocess.CompletedProcess[str]:
    """Run `python -m lab images` for a lab in a directory."""
    command = [sys.executable, "-m", "lab", "images", *words]
    about = {**os.environ, "KC_LAB_DIR": str(home), **environment}
    return subprocess.run(command, cwd=ROOT, env=about, capture_output=True, text=True, timeout=900, check=False)


class Container:
    """A container that runs as its application's task definition says, in a network of its own.

    Args:
        application: Name of the application.
        image: Name of its image.
    """

    def __init__(self, application: str, image: str, environment: Mapping[str, str] = {}) -> None:
        self.id = podman(
            *("run", "--detach", "--init", "--network=none", "--read-only", "--read-only-tmpfs=false", "--cap-drop=all"),
            *("--security-opt=no-new-privileges", "--user=10001:10001", f"--label=kc.test={application}"),
            *(word for path in APPLICATIONS[application]["scratch"] for word in ("--volume", path)),
            *(word for name, value in environment.items() for word in ("--env", f"{name}={value}")),
            image,
        ).strip()
        self.pid = int(podman("inspect", "--format", "{{.State.Pid}}", self.id))
        self._threads = inside(f"/proc/{self.pid}/ns/net")
        self._threads.submit(lambda: None).result()  # its network is entered while it certainly lives

    def connect(self) -> socket.socket:
        """Return a connection to its port."""
        return self._threads.submit(socket.create_connection, ("127.0.0.1", 8080), 30).result()

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, dict[str, str], str]:
        """Return status, headers (lower case) and body of an answer."""
        connection = http.client.HTTPConnection("container")
        connection.sock = self.connect()
        data = None if body is None else json.dumps(body)
        connection.request(method, path, data, {"Content-Type": "application/json", **{k.replace("_", "-"): v for k, v in headers.items()}})
        answer = connection.getresponse()
        text = answer.read().decode()
        connection.close()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, text

    def run(self, *command: str) -> str:
        """Run a command in it."""
        return podman("exec", self.id, *command)

    def inspect(self, what: str) -> str:
        return podman("inspect", "--format", what, self.id).strip()

    def remove(self) -> None:
        self._threads.shutdown()
        remove(self.id)


class Door:
    """A port on loopback that leads into a container."""

    def __init__(self, container: Container) -> None:
        self._container = container
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                here, _ = self._listener.accept()
            except OSError:
                return  # closed
            try:
                there = self._container.connect()
            except OSError:
                here.close()
                continue
            for source, target in ((here, there), (there, here)):
                threading.Thread(target=_pump, args=(source, target), daemon=True).start()

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()


def _pump(source: socket.socket, target: socket.socket) -> None:
    try:
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        source.close()
        target.close()


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A lab's directory with all images built."""
    made = tmp_path_factory.mktemp("images")
    done = lab_images(made)
    assert done.returncode == 0, done.stdout + done.stderr
    return made


@pytest.fixture(scope="session")
def images(built: Path) -> dict[str, dict[str, str]]:
    """What `images.json` says."""
    found: dict[str, dict[str, str]] = json.loads((built / "images.json").read_text())
    return found


@pytest.fixture
def start(images: dict[str, dict[str, str]], until: Callable[..., Any], tmp_path: Path) -> Iterator[Callable[..., Container]]:
    """Return a function that starts an application's container; it answers when it is returned."""
    with ExitStack() as stack:

        def started(application: str, **environment: str) -> Container:
            told = TOLD if application.startswith("media-") else {}
            if application == "sentinel":
                told = sentinel(Authority.make(tmp_path / "authority"))
            container = Container(application, images[application]["image"], {**told, **environment})
            stack.callback(container.remove)
            path = APPLICATIONS[application]["health"].get("path")
            if path:
                until(lambda: container.ask("GET", path)[0] == 200)
            return container

        yield started


class Front:
    """Stands for the edge: a TLS server for the platform's hosts, with the headers that the edge adds.

    Attributes:
        address: Where it listens, `host:port`.
        ca: The CA that its certificate is from.
    """

    def __init__(self, home: Path) -> None:
        home.mkdir()
        self._home = home
        self.ca = CA(home).pem
        self._certificate, self._key = CA(home).certificate([f"*.{DOMAIN}"])
        self._port = ports.free()
        self.address = f"127.0.0.1:{self._port}"
        self._turn = 0
        self._process: subprocess.Popen[bytes] | None = None

    def serve(self, doors: Mapping[str, int], until: Callable[..., Any]) -> None:
        """Lead hosts (`app`) to ports of loopback, from now on."""
        self._turn += 1
        (self._home / "nginx.conf").write_text(self._configuration(doors))
        if self._process:
            self._process.send_signal(signal.SIGHUP)
        else:
            self._process = subprocess.Popen(["nginx", "-p", str(self._home), "-c", "nginx.conf", "-e", "error.log"])
        until(lambda: self._ask_turn() == str(self._turn))

    def _ask_turn(self) -> str | None:
        """Return which of its configurations it answers by; it takes a new one a moment after it was told."""
        name = f"app.{DOMAIN}"
        connection = http.client.HTTPConnection(name)
        raw = socket.create_connection(("127.0.0.1", self._port), 5)
        connection.sock = ssl.create_default_context(cafile=str(self.ca)).wrap_socket(raw, server_hostname=name)
        connection.request("GET", "/healthz")
        turn = connection.getresponse().headers["Turn"]
        connection.close()
        return turn

    def _configuration(self, doors: Mapping[str, int]) -> str:
        headers = EDGE["kc_edge_headers"]
        servers = []
        for host, port in doors.items():
            csp = headers["api" if host == "api" else "pages"]["csp"].replace("{domain}", DOMAIN).strip()
            servers.append(
                f"server {{ listen 127.0.0.1:{self._port} ssl; server_name {host}.{DOMAIN};"
                f' add_header Turn {self._turn} always; add_header Content-Security-Policy "{csp}" always;'
                f" location / {{ proxy_pass http://127.0.0.1:{port}; proxy_set_header Host $host; proxy_connect_timeout 2s; }} }}"
            )
        temporary = "".join(f"{name}_temp_path {name};" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        return (
            f"daemon off; pid nginx.pid; events {{}} http {{ access_log off; {temporary}"
            f" ssl_certificate {self._certificate}; ssl_certificate_key {self._key}; {' '.join(servers)} }}"
        )

    def close(self) -> None:
        if self._process:
            self._process.terminate()
            self._process.wait(10)


@pytest.fixture
def front(tmp_path: Path) -> Iterator[Front]:
    made = Front(tmp_path / "front")
    try:
        yield made
    finally:
        made.close()


def assets(page: str) -> list[str]:
    """Return the files that a page names."""
    return re.findall(r'(?:src|href)="([^"]+)"', page)
