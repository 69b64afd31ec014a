"""The lab's CA: what it issues is trusted for its names, by those who trust it, and for nothing else."""

from __future__ import annotations

import socket
import ssl
import stat
import threading
from pathlib import Path

import pytest

from lab.world.ca import CA


def handshake(ca: CA, issued: tuple[Path, Path], name: str) -> str:
    """Return the protocol of a TLS handshake with a server that has `issued`, asked for as `name`."""
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(*issued)
    client = ssl.create_default_context(cafile=str(ca.pem))
    here, there = socket.socketpair()

    def serve() -> None:
        try:
            with server.wrap_socket(there, server_side=True):
                pass
        except (ssl.SSLError, OSError):
            there.close()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        with client.wrap_socket(here, server_hostname=name) as connection:
            return str(connection.version())
    finally:
        here.close()
        thread.join()


def test_what_it_issues_is_trusted_for_its_names(tmp_path: Path) -> None:
    ca = CA(tmp_path)
    issued = ca.certificate(["kc-lab.test", "*.kc-lab.test"])
    assert handshake(ca, issued, "app.kc-lab.test") == "TLSv1.3"
    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(ca, issued, "elsewhere.test")
    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(CA(tmp_path / "another"), issued, "app.kc-lab.test")


def test_it_is_the_same_every_time(tmp_path: Path) -> None:
    issued = CA(tmp_path).certificate(["b.test", "a.test"])
    before = [path.read_bytes() for path in issued]
    assert CA(tmp_path).certificate(["a.test", "b.test"]) == issued
    assert [path.read_bytes() for path in issued] == before
    assert CA(tmp_path).certificate(["a.test"]) != issued


def test_nobody_else_reads_its_keys(tmp_path: Path) -> None:
    CA(tmp_path).certificate(["a.test"])
    files = [path for path in (tmp_path / "ca").iterdir() if path.name != "lock"]
    assert len(files) == 4
    assert {path.name for path in files if stat.S_IMODE(path.stat().st_mode) != 0o600} == {"ca.pem"}, "whom to trust is no secret"
