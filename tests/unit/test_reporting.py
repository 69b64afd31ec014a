"""The lab's reporting service: whom it trusts."""

from __future__ import annotations

import socket
import ssl
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from unittest.mock import MagicMock

import pytest
from kc.authority import authority

from tests.loading import loaded

from .test_authority import HOST, node

FILE = Path(__file__).parents[2] / "lab/workloads/reporting/reporting.py"


@pytest.fixture
def reporting(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ModuleType:
    """The service's module, without the web server that its image has."""
    for name in ("starlette", "starlette.applications", "starlette.requests", "starlette.responses", "starlette.routing"):
        monkeypatch.setitem(sys.modules, name, MagicMock())
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    return loaded(FILE)  # type: ignore[no-any-return]


OURS = authority("kc lab")


@pytest.fixture
def shaken(tmp_path: Path, reporting: ModuleType, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[bool]]:
    """A server with the certificate of a node, and whether each handshake with it came to its end."""
    certificate, key = node(OURS)
    (tmp_path / "node.pem").write_text(certificate + key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_2  # in which a client's refusal ends the handshake
    context.load_cert_chain(tmp_path / "node.pem")
    done: list[bool] = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                try:
                    context.wrap_socket(connection, server_side=True).close()
                    done.append(True)
                except (ssl.SSLError, OSError):
                    done.append(False)

        thread = threading.Thread(target=serve)
        thread.start()
        resolve = socket.getaddrinfo
        monkeypatch.setattr("socket.getaddrinfo", lambda host, *rest: resolve("127.0.0.1" if host == HOST else host, *rest))
        monkeypatch.setenv("CLICKHOUSE_HOSTS", HOST)
        monkeypatch.setenv("CLICKHOUSE_PORT", str(port))
        with pytest.raises((reporting.Error, OSError, EOFError)), reporting.clickhouse() as client:
            client.execute("SELECT 1")  # nobody speaks ClickHouse here
        thread.join(30)
    yield done


@pytest.mark.parametrize(
    ("pem", "trusted"),
    [
        (f"# version 1, sha256 2\n{OURS['trusted']}", True),
        (authority("kc lab", OURS)["trusted"], True),
        (authority("kc lab")["trusted"], False),
    ],
    ids=["the authority", "the one after it", "another"],
)
def test_a_node_is_believed_by_the_platform_s_authority(
    pem: str, trusted: bool, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLICKHOUSE_CA_PEM", pem)
    assert request.getfixturevalue("shaken") == [trusted]


def test_without_one_it_trusts_the_system_s(reporting: ModuleType) -> None:
    assert reporting.trusted("\n") == "/etc/ssl/certs/ca-certificates.crt"
