"""What a node's MySQL server adds to what all database servers of nodes are: its administrator's password, its certificate, its channel."""

from __future__ import annotations

import dataclasses
import re
import ssl
from pathlib import Path
from typing import Any

import pytest
from kc.errors import KcError
from kc.keeper.service import Running
from kc.mysql import service as module
from kc.mysql.connection import Access
from kc.mysql.errors import NodeError
from kc.mysql.password import sha256_crypt
from kc.mysql.service import Service
from kc.sql import service as common

from tests.unit.test_mysql_ground import CHANNEL, LEADS

RUNS = Running(loaded=True, active=True, failed=False, enabled=True, since=1.0)
SALT = b"twenty bytes of salt"
SERVICE = Service("a", ["a", "b"], "kc-mysql", [], Access("operator", "new", "ca"), timeout=5, port=3306)


class World:
    """A server as its socket and its administrator find it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        self.password, self.read_only, self.served, self.up = "new", False, b"one", True
        self.ran: list[str] = []
        (tmp_path / "node.pem").write_text(ssl.DER_cert_to_PEM_cert(b"one") + ssl.DER_cert_to_PEM_cert(b"the authority's"))
        monkeypatch.setattr(module, "CERTIFICATE", tmp_path / "node.pem")
        monkeypatch.setattr(module, "Local", lambda timeout: Server(self, "new", local=True))
        monkeypatch.setattr(module, "Server", lambda node, access: Server(self, access.password))
        monkeypatch.setattr(module, "look", lambda server: dataclasses.replace(LEADS, super_read_only=self.read_only))
        monkeypatch.setattr(common.service, "look", lambda unit: RUNS)
        monkeypatch.setattr(common.service, "last_words", lambda unit: "")
        monkeypatch.setattr(common, "_program_is_gone", lambda unit: False)
        monkeypatch.setattr(common, "PAUSE", 0)


class Server:
    def __init__(self, world: World, password: str, *, local: bool = False) -> None:
        self.world, self.password, self.local = world, password, local

    def __enter__(self) -> Server:
        if not self.world.up or not (self.local or self.password == self.world.password):
            raise NodeError("a:3306", "Access denied", code=1045)
        return self

    def __exit__(self, *_: object) -> None: ...

    def certificate(self) -> bytes:
        return self.world.served

    def one(self, statement: str) -> Any:
        return 1

    def rows(self, statement: str) -> list[tuple[str, str]]:
        return [("10.0.0.0/8", (b"$A$005$" + SALT + sha256_crypt(self.world.password.encode(), SALT, 5000)).hex())]

    def run(self, statement: Any) -> None:
        self.world.ran.append(str(statement))
        if "ALTER USER" in str(statement):
            self.world.password = "new"
        else:
            self.world.served = b"one"


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> World:
    return World(monkeypatch, tmp_path)


def test_a_server_that_is_as_it_should_be_is_left_alone(world: World) -> None:
    for check in (True, False):
        assert not SERVICE.present(check=check).changed
    assert world.ran == []


def test_a_source_gets_its_administrator_s_new_password(world: World) -> None:
    world.password = "old"
    assert SERVICE.present(check=True).done == ["administrator"]
    assert world.ran == []
    assert SERVICE.present().done == ["administrator"]
    assert world.ran == ["ALTER USER 'operator'@'10.0.0.0/8' IDENTIFIED BY '********'"]
    assert not SERVICE.present().changed


def test_a_replica_has_it_from_its_source(world: World) -> None:
    world.password, world.read_only = "old", True
    with pytest.raises(KcError, match="has another password, and it is read only: a source changes it"):
        dataclasses.replace(SERVICE, timeout=0.1).present()
    assert world.ran == []


def test_a_new_certificate_is_read_without_a_restart(world: World) -> None:
    world.served = b"older"
    assert SERVICE.present(check=True).done == ["certificate"]
    assert world.ran == []
    assert SERVICE.present().done == ["certificate"]
    assert world.ran == ["ALTER INSTANCE RELOAD TLS"]
    assert not SERVICE.present().changed


def test_without_a_certificate_it_says_who_makes_it(world: World) -> None:
    module.CERTIFICATE.unlink()
    with pytest.raises(KcError, match="he role `certificate` comes before"):
        SERVICE.present()


@pytest.mark.parametrize(
    ("channel", "says"),
    [
        ({"io": "Connecting", "io_error": "2003: no answer"}, "it does not follow .*: io Connecting, sql Yes 2003: no answer"),
        ({"sql": "No", "sql_error": "1146: no table"}, "io Yes, sql No 1146: no table"),
        ({}, ""),
    ],
)
def test_it_is_back_when_it_follows(world: World, monkeypatch: pytest.MonkeyPatch, channel: dict[str, str], says: str) -> None:
    state = dataclasses.replace(LEADS, channels=(dataclasses.replace(CHANNEL, **channel),))
    monkeypatch.setattr(module, "look", lambda server: state)
    assert re.search(says, SERVICE.behind()) and bool(SERVICE.behind()) is bool(says)
    world.up = False
    assert "Access denied" in SERVICE.behind()


def test_one_that_is_no_node_of_its_cluster_is_refused() -> None:
    params = {"host": "c", "nodes": ["a", "b"]}
    with pytest.raises(KcError, match="c is no node of its cluster"):
        Service.of(params)
