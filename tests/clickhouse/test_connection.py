"""A node over TLS: what is trusted, and what each thing that goes wrong says."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from kc.clickhouse.cluster import on_cluster
from kc.clickhouse.connection import Access, Node, Server
from kc.clickhouse.entry import Report, Step, run
from kc.clickhouse.errors import UNREACHABLE, UNTRUSTED, NodeError
from kc.clickhouse.statement import Statement
from kc.errors import KcError

from tests import ports
from tests.authority import Authority
from tests.clickhouse.world import CLUSTER, PASSWORD, USER, World
from tests.servers import until


def told(host: str, port: int, ca: Path | str, *, user: str = USER, password: str = PASSWORD, timeout: float = 10) -> NodeError:
    """Return the error of a connection that must fail."""
    with pytest.raises(NodeError) as found, Server(Node(host, port), Access(user, password, str(ca), timeout)) as server:
        server.one("SELECT 1")
    assert password not in str(found.value)
    assert password not in repr(found.value.__dict__)
    return found.value


class TlsServer:
    """Something that speaks TLS with a certificate, and keeps what it was sent."""

    def __init__(self, certificate: Path, key: Path) -> None:
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(certificate, key)
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.port = self.listening.getsockname()[1]
        self.got: list[bytes] = []
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def _serve(self) -> None:
        while True:
            try:
                plain, _ = self.listening.accept()
            except OSError:
                return
            try:
                with self.context.wrap_socket(plain, server_side=True) as there:
                    self.got.append(there.recv(4096))
            except OSError:
                plain.close()

    def close(self) -> None:
        self.listening.close()


@pytest.fixture(scope="module")
def authorities(tmp_path_factory: pytest.TempPathFactory) -> tuple[Authority, Authority]:
    home = tmp_path_factory.mktemp("authorities")
    return Authority.make(home / "ours", "ours"), Authority.make(home / "foreign", "foreign")


@pytest.mark.parametrize(
    ("certificate", "says"),
    [
        (lambda ours, foreign: ours.issue("localhost", days=(-7, -1)), "its certificate has expired"),
        (lambda ours, foreign: ours.issue("localhost", days=(1, 7)), "its certificate is not valid yet"),
        (lambda ours, foreign: foreign.issue("localhost"), "its certificate is of a foreign authority"),
        (lambda ours, foreign: ours.issue("elsewhere.example", "127.0.0.1"), "its certificate is for other names"),
    ],
)
def test_a_certificate_that_proves_nothing_is_refused_before_anything_is_said(
    authorities: tuple[Authority, Authority], certificate: Callable[..., tuple[Path, Path]], says: str
) -> None:
    ours, foreign = authorities
    other = TlsServer(*certificate(ours, foreign))
    try:
        error = told("localhost", other.port, ours.ca)
    finally:
        other.close()
    assert error.message == f"localhost:{other.port}: {says}"
    assert (error.code, error.absent, bool(error.hint)) == (UNTRUSTED, False, True)
    assert not any(other.got)  # neither user nor password


def test_an_address_is_no_name(authorities: tuple[Authority, Authority]) -> None:
    ours, _ = authorities
    other = TlsServer(*ours.issue("localhost"))
    try:
        assert "for other names" in told("127.0.0.1", other.port, ours.ca).message
    finally:
        other.close()


def test_the_real_server_is_known_by_its_name_only(world: World) -> None:
    replica = world.replicas[0]
    with replica.server() as server:
        assert str(server.version) == "18.16.1"
    assert "for other names" in told("127.0.0.1", replica.native, world.authority.ca).message


def test_what_speaks_no_tls_is_no_node(world: World) -> None:
    error = told("127.0.0.1", world.ensemble.port, world.authority.ca, timeout=5)
    assert error.code in (UNTRUSTED, UNREACHABLE)


def test_a_node_that_is_not_there(world: World) -> None:
    error = told("localhost", ports.free(1), world.authority.ca)
    assert (error.code, error.absent) == (UNREACHABLE, True)
    assert error.message.endswith("it does not listen")
    error = told("no-such-host.invalid", 9440, world.authority.ca)
    assert (error.absent, error.message) == (True, "no-such-host.invalid:9440: its name is not known")


def test_a_node_that_does_not_answer(authorities: tuple[Authority, Authority]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        error = told("localhost", silent.getsockname()[1], authorities[0].ca, timeout=0.3)
    assert (error.absent, error.message.endswith("no answer within 0.3 s")) == (True, True)


def test_a_node_that_hangs_up_is_away_and_not_to_be_distrusted(authorities: tuple[Authority, Authority]) -> None:
    def hang_up() -> None:
        connection, _ = ends.accept()
        with connection:
            connection.recv(4096)

    with socket.create_server(("127.0.0.1", 0)) as ends:
        threading.Thread(target=hang_up).start()
        error = told("localhost", ends.getsockname()[1], authorities[0].ca)
    assert (error.absent, error.message.endswith("it hung up before TLS stood")) == (True, True)


@pytest.mark.parametrize(("user", "password"), [(USER, "wrong-password-of-someone"), ("nobody-of-that-name", "any-password-at-all")])
def test_wrong_credentials(world: World, user: str, password: str) -> None:
    error = told("localhost", world.replicas[0].native, world.authority.ca, user=user, password=password)
    assert error.server_code in (192, 193, 194, 516)
    assert not error.absent
    assert "look at `user` and `password`" in error.hint


@pytest.mark.parametrize("content", [None, "", "no certificate"])
def test_a_file_that_is_no_authority(world: World, tmp_path: Path, content: str | None) -> None:
    file = tmp_path / "ca.pem"
    if content is not None:
        file.write_text(content)
    server = Server(Node("localhost", world.replicas[0].native), Access(USER, PASSWORD, str(file)))
    with pytest.raises(KcError, match=r"`ca`: .*ca.pem") as found:
        server.one("SELECT 1")
    assert "\n" not in str(found.value)


def test_what_a_server_says_is_one_line_with_the_node_and_the_code(servers: list[Server]) -> None:
    with pytest.raises(NodeError) as found:
        servers[0].run("SELECT * FROM nowhere.at_all")
    error = found.value
    assert (error.server_code, error.node) == (81, str(servers[0].node))
    assert "Stack trace" not in str(error)
    assert "\n" not in str(error)
    assert servers[0].one("SELECT 1") == 1  # the connection is as good as before


def test_a_secret_is_in_no_error(servers: list[Server]) -> None:
    secret = "it's a secret\\of somebody"
    statement = Statement.with_secrets(r"SELECT nonsense('it\'s a secret\\of somebody') FROM", secret)
    assert "secret" not in f"{statement} {statement!r}"
    with pytest.raises(NodeError) as found:
        servers[0].run(statement)
    assert "secret" not in str(found.value)
    assert "********" in str(statement)


def test_settings_outlive_an_error_and_a_restart(world: World, servers: list[Server]) -> None:
    setting = "SELECT value FROM system.settings WHERE name = 'distributed_ddl_task_timeout'"
    servers[0].set(distributed_ddl_task_timeout=7)
    assert servers[0].one(setting) == "7"
    with pytest.raises(NodeError):
        servers[0].run("nonsense")
    assert servers[0].one(setting) == "7"
    world.replicas[0].stop()
    world.replicas[0].start()
    world.replicas[0].wait()
    assert servers[0].one(setting) == "7"


def test_a_statement_for_all_names_who_is_absent_and_is_run_there_on_return(world: World, servers: list[Server]) -> None:
    here, gone = servers
    spread = on_cluster(here, "CREATE DATABASE everywhere", CLUSTER, timeout=30)
    assert (spread.done, spread.absent) == (world.nodes, []) or sorted(spread.done) == sorted(world.nodes)
    world.replicas[1].kill()
    spread = on_cluster(here, "DROP DATABASE everywhere", CLUSTER, timeout=2)
    assert (spread.done, spread.absent) == ([world.nodes[0]], [world.nodes[1]])
    assert here.one("SELECT count() FROM system.databases WHERE name = 'everywhere'") == 0
    world.replicas[1].start()
    world.replicas[1].wait()
    until(lambda: gone.one("SELECT count() FROM system.databases WHERE name = 'everywhere'") == 0, "the absent node has run it")


def test_a_statement_for_all_that_a_node_refuses_names_the_node(world: World, servers: list[Server]) -> None:
    servers[1].run("CREATE DATABASE taken")
    with pytest.raises(NodeError, match=rf"^localhost:{world.replicas[1].native}: .*already exists") as found:
        on_cluster(servers[0], "CREATE DATABASE taken", CLUSTER, timeout=30)
    assert found.value.server_code == 82


def test_a_cluster_that_nobody_knows(servers: list[Server]) -> None:
    with pytest.raises(NodeError, match=r"`cluster`: it knows no cluster 'none'.*It knows throwaway"):
        on_cluster(servers[0], "CREATE DATABASE nowhere", "none", timeout=5)


def test_a_module_reports_what_it_did_before_an_error(access: dict[str, Any]) -> None:
    def work(nodes: Any, params: Any, report: Report) -> None:
        report.plan(
            [Step(nodes.servers[0], "CREATE DATABASE half"), Step(nodes.servers[1], "nonsense"), Step(nodes.servers[1], "SELECT 1")]
        )
        report.apply()

    planned = run(work, access, check=True)
    assert (planned["changed"], [each["statement"] for each in planned["statements"]]) == (
        True,
        ["CREATE DATABASE half", "nonsense", "SELECT 1"],
    )
    result = run(work, access, check=False)
    assert (result["failed"], result["changed"], len(result["statements"])) == (True, True, 3)
    assert [each["statement"] for each in result["applied"]] == ["CREATE DATABASE half"]
    assert result["errors"][0]["node"] == access["nodes"][1]


@pytest.mark.parametrize(
    ("nodes", "says"),
    [
        ([], "`nodes` is empty"),
        (["a", "a:9440"], "names a:9440 twice"),
        (["a:b"], "is no node"),
        (["a b"], "is no node"),
        (["x:70000"], "is no node"),
    ],
)
def test_nodes_that_are_none(access: dict[str, Any], nodes: list[str], says: str) -> None:
    result = run(lambda *_: None, {**access, "nodes": nodes}, check=False)
    assert (result["failed"], says in result["msg"]) == (True, True)


@pytest.fixture
def several(world: World) -> Iterator[dict[str, Any]]:
    world.replicas[1].kill()
    yield {}


def test_every_node_that_fails_is_named(several: None, world: World, access: dict[str, Any]) -> None:
    nowhere = f"localhost:{ports.free(1)}"

    def work(nodes: Any, params: Any, report: Report) -> None:
        answers, absent = nodes.present(lambda server: server.one("SELECT 1"))
        assert (list(answers.values()), absent) == ([1], [world.nodes[1], nowhere])
        nodes.all(lambda server: server.one("SELECT 1"))

    result = run(work, {**access, "nodes": [*world.nodes, nowhere]}, check=False)
    assert world.nodes[1] in result["msg"]
    assert nowhere in result["msg"]


@pytest.mark.parametrize(
    "error",
    [
        *(
            ssl.SSLEOFError(8, "EOF occurred in violation of protocol"),
            ssl.SSLZeroReturnError(6, "TLS/SSL connection has been closed (EOF)"),
        ),
        *(EOFError(), BrokenPipeError(32, "Broken pipe"), OSError(113, "No route to host"), TimeoutError()),
    ],
    ids=repr,
)
def test_a_connection_that_is_lost_is_transient_however_it_is_told(error: Exception) -> None:
    def lost() -> None:
        raise error

    with pytest.raises(NodeError) as found:
        Server(Node("localhost", 1), Access(USER, PASSWORD, "/nowhere", 5))._guarded(lost, ())
    assert (found.value.code, found.value.transient) == (UNREACHABLE, True)
