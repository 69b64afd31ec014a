"""The connection: over TLS to the server that is meant, or not at all; every error one sentence."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from kc.errors import KcError
from kc.mysql.connection import Access, Node, Server
from kc.mysql.errors import NodeError, is_read_only
from kc.mysql.quote import name, value

from tests.authority import Authority
from tests.mysql.world import PASSWORD, USER, World
from tests.ports import free


def test_it_speaks_over_tls(servers: list[Server]) -> None:
    assert servers[0].rows("SELECT 1, 'ä' UNION SELECT 2, NULL") == [(1, "ä"), (2, None)]
    assert servers[0].dicts("SELECT 1 AS one") == [{"one": 1}]
    assert servers[0].one("SELECT 1 FROM DUAL WHERE FALSE") is None
    ((_, cipher),) = servers[0].rows("SHOW SESSION STATUS LIKE 'Ssl_cipher'")
    assert cipher


def test_it_connects_again_after_a_statement_was_lost(servers: list[Server]) -> None:
    first, second = servers[0], Server(servers[0].node, servers[0].access)
    with second:
        number = first.one("SELECT CONNECTION_ID()")
        second.run(f"KILL {number}")
        with pytest.raises(NodeError) as found:  # it may have been run, so it is nobody's to repeat here
            first.run("DO 1")
        assert found.value.absent
        assert first.one("SELECT CONNECTION_ID()") > number


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"password": "wrong-one"}, "Access denied for user 'operator'"),
        ({"ca": "/nosuch"}, "`ca`: /nosuch: No such file"),
        ({"host": "127.0.0.1"}, "its certificate is for other names"),
        ({"host": "nosuch.invalid"}, "its name is not known"),
        ({"host": "a" * 300}, "its name is not known"),
    ],
)
def test_what_is_refused(world: World, change: dict[str, Any], says: str) -> None:
    about = {"host": "localhost", "user": USER, "password": PASSWORD, "ca": str(world.authority.ca), **change}
    server = Server(Node(about.pop("host"), world.servers[0].port), Access(**about, timeout=5))
    with pytest.raises(KcError, match=says) as found:
        server.one("SELECT 1")
    assert "\n" not in str(found.value)
    assert about["password"] not in str(found.value)


def test_a_foreign_authority_is_not_trusted(world: World, tmp_path: Path) -> None:
    other = Authority.make(tmp_path / "other", "another")
    server = Server(Node("localhost", world.servers[0].port), Access(USER, PASSWORD, str(other.ca)))
    with pytest.raises(NodeError, match="foreign authority"):
        server.one("SELECT 1")


def test_nobody_listens(world: World) -> None:
    server = Server(Node("localhost", free(1)), Access(USER, PASSWORD, str(world.authority.ca), 5))
    with pytest.raises(NodeError, match="it does not listen") as found:
        server.one("SELECT 1")
    assert found.value.absent


GREETING = b"\x0a9.7.4\0\x01\0\0\0" + b"12345678\0" + b"{low}" + b"\x21\x02\0" + b"\xff\xdf" + b"\x15" + b"\0" * 10 + b"123456789012\0"


@contextlib.contextmanager
def listener(greeting: bytes) -> Iterator[tuple[int, list[bytes]]]:
    """Yield the port of a server that says one thing, and what it hears."""
    heard: list[bytes] = []
    with socket.create_server(("localhost", 0)) as server:

        def serve() -> None:
            with contextlib.suppress(OSError):
                there, _ = server.accept()
                with there:
                    there.settimeout(5)
                    there.sendall(greeting)
                    heard.append(there.recv(4096))

        thread = threading.Thread(target=serve)
        thread.start()
        yield server.getsockname()[1], heard
        server.close()
        thread.join()


def test_to_a_server_without_tls_nothing_is_said(world: World) -> None:
    body = GREETING.replace(b"{low}", (0xF7FF).to_bytes(2, "little")) + b"mysql_native_password\0"  # all capabilities but SSL (0x0800)
    with listener(len(body).to_bytes(3, "little") + b"\0" + body) as (port, heard):
        server = Server(Node("localhost", port), Access(USER, PASSWORD, str(world.authority.ca), 5))
        with pytest.raises(NodeError, match="it offers no TLS"):
            server.one("SELECT 1")
    assert heard == [b""]


def test_something_else_listens(world: World) -> None:
    with listener(b"SSH-2.0-OpenSSH_9.2\r\n") as (port, _):
        server = Server(Node("localhost", port), Access(USER, PASSWORD, str(world.authority.ca), 5))
        with pytest.raises(NodeError) as found:
            server.one("SELECT 1")
    assert "\n" not in str(found.value)


def test_an_answer_that_does_not_come(world: World) -> None:
    with world.servers[0].server(timeout=1) as server, pytest.raises(NodeError, match="no answer within 1 s"):
        server.one("SELECT SLEEP(10)")


def test_a_read_only_server_says_so(servers: list[Server]) -> None:
    servers[0].run("CREATE DATABASE d")
    servers[0].run("SET GLOBAL super_read_only = ON")
    with pytest.raises(NodeError) as found:
        servers[0].run("DROP DATABASE d")
    assert is_read_only(found.value)


HARD = ["plain", "it's", 'quo"te', "back\\slash", "\\'", "`", "a``b", "new\nline", "nul\0", "\x1a", "ä…😀", "%s", "%(x)s", "", " "]


@pytest.mark.parametrize("text", HARD)
@pytest.mark.parametrize("mode", ["", "ANSI_QUOTES,NO_BACKSLASH_ESCAPES,PIPES_AS_CONCAT"])
def test_values_come_back(servers: list[Server], text: str, mode: str) -> None:
    servers[0].run(f"SET GLOBAL sql_mode = {value(mode)}")  # the session's own decides
    servers[0].close()
    try:
        assert servers[0].one(f"SELECT {value(text)}") == text
        assert servers[0].one(f"SELECT COUNT(*) FROM (SELECT {value(text)} AS x) AS t WHERE x = {value(text)}") == 1
    finally:
        servers[0].run("SET GLOBAL sql_mode = DEFAULT")


@pytest.mark.parametrize("text", [each for each in HARD if each.strip() and "\0" not in each and "😀" not in each])
def test_names_come_back(servers: list[Server], text: str) -> None:
    servers[0].run(f"CREATE DATABASE {name(text)}")
    servers[0].run(f"CREATE TABLE {name(text, text)} (x INT)")
    assert servers[0].rows(f"SELECT table_schema, table_name FROM information_schema.tables WHERE table_schema = {value(text)}") == [
        (text, text)
    ]
    servers[0].run(f"DROP DATABASE {name(text)}")


RELAY = """
import os, socket, sys, threading
there = socket.create_connection((sys.argv[1], int(sys.argv[2])))
def back():
    while data := there.recv(65536):
        os.write(1, data)
threading.Thread(target=back, daemon=True).start()
while data := os.read(0, 65536):
    there.sendall(data)
"""


def by_way_of(access: Access, *command: str) -> Access:
    return replace(access, via=command)


def test_it_goes_by_way_of_a_command(servers: list[Server]) -> None:
    access = by_way_of(servers[0].access, sys.executable, "-c", RELAY, "{host}", "{port}")
    with Server(servers[0].node, access) as server:
        assert server.rows("SELECT 1") == [(1,)]
        ((_, cipher),) = server.rows("SHOW SESSION STATUS LIKE 'Ssl_cipher'")
        assert cipher
        with server.patient(5) as patient:
            assert patient.one("SELECT REPEAT('x', 1000000)") == "x" * 1_000_000


@pytest.mark.parametrize(
    ("command", "says"),
    [
        (["/nosuch/program"], "`via`: /nosuch/program: No such file"),
        (["true"], "it closed the connection|broken|reset"),
        (
            [sys.executable, "-c", RELAY, "localhost", "1"],
            r"the way to it, `.*python.*`, says: ConnectionRefusedError: .* Connection refused",
        ),
        (["sh", "-c", "echo no such node: {host} >&2; exit 1"], "the way to it, `sh`, says: no such node: localhost"),
    ],
)
def test_a_way_that_leads_nowhere_is_told(servers: list[Server], command: list[str], says: str) -> None:
    with pytest.raises(KcError, match=says):
        Server(servers[0].node, by_way_of(servers[0].access, *command)).one("SELECT 1")


def test_who_is_at_the_end_of_the_way_proves_its_name(servers: list[Server]) -> None:
    access = by_way_of(servers[0].access, sys.executable, "-c", RELAY, "localhost", str(servers[0].node.port))
    with pytest.raises(KcError, match="its certificate is for other names"):
        Server(Node("elsewhere.example", servers[0].node.port), access).one("SELECT 1")


def test_a_way_that_does_not_come_to_an_end_is_given_up(servers: list[Server]) -> None:
    with pytest.raises(KcError, match="no answer within 2 s"):
        Server(servers[0].node, replace(by_way_of(servers[0].access, "sleep", "600"), timeout=2)).one("SELECT 1")
    assert not subprocess.run(["pgrep", "--parent", str(os.getpid()), "--full", "^sleep 600$"], capture_output=True).stdout
