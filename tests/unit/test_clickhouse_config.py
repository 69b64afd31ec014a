"""The role's configuration, rendered for either version; a current engine reads that of a current one."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import yaml
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar, trust_as_template
from kc.files import check_syntax, read_tree

from tests import ports

ROLE = Path(__file__).parents[2] / "roles/clickhouse"
CURRENT, OLD = "25.8.11.66", "18.16.1"
HOSTS = ["clickhouse-1.me-west-1.kc-lab.internal", "clickhouse-1.eu-central-1.kc-lab.internal"]
GIVEN = {
    "inventory_hostname": "clickhouse-1.me-west-1",
    "kc_node_fqdn": HOSTS[0],
    "node_data_directory": "/var/lib/kc",
    "clickhouse_replicas": [{"host": host} for host in HOSTS],
    "clickhouse_ensemble": [{"host": "keeper-1.me-west-1.kc-lab.internal"}, {"host": "keeper-1.eu-west-1.kc-lab.internal"}],
    # passwords come from a generator, and may hold anything
    "clickhouse_ensemble_account": {"username": "platform", "password": "a<b&c>\"d'e"},
    "clickhouse_interserver": {"username": "interserver", "password": "<&odd\"'>"},
    "clickhouse_administrator": {"username": "operator", "password": "]]>odd"},
}


@cache
def _rendered(version: str, more: str) -> dict[str, str]:
    variables = {}
    for file in ("defaults", "vars"):
        variables |= yaml.safe_load((ROLE / file / "main.yml").read_text())
    trusted = json.loads(json.dumps(variables), object_hook=lambda found: {key: _trust(value) for key, value in found.items()})
    known = {**trusted, **GIVEN, "clickhouse_version": version, **json.loads(more)}
    templar = Templar(loader=DataLoader(), variables=known)
    found = {}
    for source in read_tree(ROLE / "templates/etc"):
        text = source.file.read_text()
        if source.template:
            overrides = {"trim_blocks": True, "lstrip_blocks": True}
            text = str(templar.template(trust_as_template(text), escape_backslashes=False, overrides=overrides) or "")
        if text.strip():
            check_syntax(source, text)
            found[source.path] = text
    return found


def _trust(value: Any) -> Any:
    if isinstance(value, str):
        return trust_as_template(value)
    return [_trust(each) for each in value] if isinstance(value, list) else value


def rendered(version: str, **more: Any) -> dict[str, str]:
    """Return the role's files for a version, by path below /etc."""
    return _rendered(version, json.dumps(more))


def merged(files: dict[str, str]) -> dict[str, Any]:
    """Return the server's settings as one tree; the last of several of a name, as text."""

    def tree(node: ElementTree.Element) -> Any:
        return {child.tag: tree(child) for child in node} if len(node) else (node.text or "").strip()

    found: dict[str, Any] = {}
    for path, text in files.items():
        if path.startswith("clickhouse-server/config") and path.endswith(".xml"):
            root = ElementTree.fromstring(text)  # noqa: S314 - our own templates
            assert root.tag == "clickhouse"
            new = tree(root)
            assert not {*new} & {*found}, f"{path} says again what another file says"
            found |= new
    return found


@pytest.fixture
def engine(tmp_path: Path) -> Callable[..., list[Any]]:
    """Ask a current engine that has the role's configuration; it comes in as `default`, which needs a file that the role has not."""

    def ask(*statements: str, door: bool = True, **more: Any) -> list[Any]:
        for path, text in rendered(CURRENT, node_data_directory=str(tmp_path / "data"), **more).items():
            file = tmp_path / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        server = tmp_path / "clickhouse-server"
        if door:
            user = (
                "<default><no_password/><profile>default</profile><quota>default</quota><access_management>1</access_management></default>"
            )
            (server / "users.d/zz.xml").write_text(f"<clickhouse><users>{user}</users></clickhouse>")
            (server / "config.d/zz.xml").write_text("<clickhouse><allow_no_password>1</allow_no_password></clickhouse>")
        code = "import chdb, sys, json\nc = chdb.connect(':memory:?config-file=config.xml')\n"
        code += "print(json.dumps([json.loads(c.query(s, 'JSONCompact').bytes())['data'] for s in json.loads(sys.argv[1])]))"
        done = subprocess.run([sys.executable, "-c", code, json.dumps(statements)], cwd=server, capture_output=True, text=True)
        if done.returncode:
            raise AssertionError(done.stderr)
        return list(json.loads(done.stdout.splitlines()[-1]))

    return ask


def test_a_current_engine_reads_it(engine: Callable[..., list[Any]]) -> None:
    macros, nodes, users, limits = engine(
        "SELECT macro, substitution FROM system.macros ORDER BY macro",
        "SELECT cluster, host_name, port FROM system.clusters ORDER BY host_name",
        "SELECT name, auth_type, host_ip FROM system.users WHERE name != 'default'",
        "SELECT name, value FROM system.settings WHERE name IN ('max_memory_usage', 'max_execution_time', 'log_queries') ORDER BY name",
        clickhouse_query_memory=123456789,
        clickhouse_networks=["10.10.0.0/16"],
    )
    assert macros == [["cluster", "platform"], ["replica", "clickhouse-1.me-west-1"], ["shard", "01"]]
    assert nodes == [["platform", host, 9440] for host in sorted(HOSTS)]
    assert users == [["operator", ["sha256_password"], ["::ffff:10.10.0.0/112"]]]
    assert limits == [["log_queries", "1"], ["max_execution_time", "300"], ["max_memory_usage", "123456789"]]


def test_default_has_no_way_in(engine: Callable[..., list[Any]]) -> None:
    with pytest.raises(AssertionError, match="default: Authentication failed"):
        engine("SELECT 1", door=False)


def test_profiles_and_quotas_are_the_caller_s_over_the_role_s(engine: Callable[..., list[Any]]) -> None:
    profiles, quotas = engine(
        "SELECT profile_name, setting_name, value FROM system.settings_profile_elements WHERE setting_name IN ('max_threads', 'readonly') "
        "AND profile_name != 'readonly' ORDER BY ALL",
        "SELECT quota_name, duration, max_queries FROM system.quota_limits WHERE quota_name = 'reports'",
        clickhouse_profiles={"default": {"max_threads": 3}, "reports": {"readonly": 1}},
        clickhouse_quotas={"reports": [{"duration": 60, "queries": 50}]},
    )
    assert profiles == [["default", "max_threads", "3"], ["reports", "readonly", "1"]]
    assert [[name, int(duration), int(queries)] for name, duration, queries in quotas] == [["reports", 60, 50]]


@pytest.mark.parametrize(("replicas", "quorum"), [(1, "0"), (2, "0"), (3, "2"), (4, "2")])
def test_an_insert_is_acknowledged_when_two_have_it_where_one_may_be_lost(replicas: int, quorum: str) -> None:
    nodes = [{"host": f"clickhouse-{number}.me-west-1.kc-lab.internal"} for number in range(replicas)]
    text = rendered(OLD, clickhouse_replicas=nodes)["clickhouse-server/users.xml"]
    assert ElementTree.fromstring(text).findtext("profiles/default/insert_quorum") == quorum  # noqa: S314 - our own templates


def test_a_block_is_known_again_for_long_and_by_views_where_the_version_asks_for_that(engine: Callable[..., list[Any]]) -> None:
    (window,), (views,) = engine(
        "SELECT value FROM system.replicated_merge_tree_settings WHERE name = 'replicated_deduplication_window'",
        "SELECT value FROM system.settings WHERE name = 'deduplicate_blocks_in_dependent_materialized_views'",
        clickhouse_merge_tree={"parts_to_throw_insert": 600},
    )
    assert (window, views) == (["10000"], ["1"])
    assert "dependent_materialized_views" not in rendered(OLD)["clickhouse-server/users.xml"], "18.16 would let nobody in"


def test_a_server_waits_for_its_ensemble_where_it_would_not_begin_without_it() -> None:
    unit, script = "systemd/system/clickhouse-server.service.d/kc.conf", "clickhouse-server/ensemble.sh"
    old = rendered(OLD, clickhouse_session_timeout=20)
    members = " ".join(str(number) for number, _ in enumerate(GIVEN["clickhouse_ensemble"], 2181))  # type: ignore[arg-type]
    assert f"\nExecStartPre=/bin/bash /etc/{script} 60 /var/lib/kc/clickhouse/status 25 {members}\n" in old[unit]
    for files in (rendered(OLD, clickhouse_ensemble=[]), rendered(CURRENT)):
        assert script not in files
        assert "ensemble.sh" not in files[unit]


@contextlib.contextmanager
def member(answers: list[bytes]) -> Iterator[int]:
    """Give the port of a member that answers those who ask it, one after the other."""
    asked: list[bytes] = []

    def serve(listening: socket.socket) -> None:
        for answer in answers:
            connection, _ = listening.accept()
            with connection:
                asked.append(connection.recv(16))
                connection.sendall(answer)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=serve, args=[listening], daemon=True)
        thread.start()
        yield listening.getsockname()[1]
        thread.join(10)
    assert asked == [b"isro"] * len(answers)


def waited(tmp_path: Path, patience: int, *ports: int) -> list[str]:
    """Return how often, and for how many seconds each, a server slept that waited for the members at these ports."""
    script, slept, sleep = tmp_path / "ensemble.sh", tmp_path / "slept", tmp_path / "bin" / "sleep"
    script.write_text(rendered(OLD)["clickhouse-server/ensemble.sh"])
    sleep.parent.mkdir(exist_ok=True)
    sleep.write_text(f'#!/bin/sh\necho "$1" >>{slept}\nexec /bin/sleep 0.1\n')
    sleep.chmod(0o700)
    slept.write_text("")
    command = ["bash", str(script), str(patience), str(tmp_path / "status"), "35", *map(str, ports)]
    environment = {**os.environ, "PATH": f"{sleep.parent}:{os.environ['PATH']}"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=30)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    return slept.read_text().split()


def test_the_ensemble_is_waited_for_until_one_member_serves(tmp_path: Path) -> None:
    with member([b"null", b"", b"rw"]) as port:
        assert waited(tmp_path, 30, ports.free(), port) == ["0.3", "0.3"]
    assert {*waited(tmp_path, 1, ports.free())} == {"0.3"}, "and not for ever"


def test_a_killed_server_waits_for_its_old_session_once_the_ensemble_serves(tmp_path: Path) -> None:
    (tmp_path / "status").touch()
    with member([b"null", b"rw"]) as port:
        assert waited(tmp_path, 30, port) == ["0.3", "35"]


@pytest.mark.parametrize("version", [CURRENT, OLD])
def test_all_that_listens_speaks_tls(version: str) -> None:
    found = merged(rendered(version))
    ports = {name: int(value) for name, value in found.items() if "port" in name}
    plain = {"tcp_port": 9000} if version == OLD else {}
    assert ports == {"tcp_port_secure": 9440, "https_port": 8443, "interserver_https_port": 9010, **plain}
    assert found["openSSL"]["client"]["verificationMode"] == "strict"
    assert found["openSSL"]["server"]["caConfig"] == "/etc/kc/tls/ca.pem"
    assert ("clickhouse-server/plain.nft" in rendered(version)) is bool(plain)
    unit = rendered(version)["systemd/system/clickhouse-server.service.d/kc.conf"]
    assert ("plain.nft" in unit) is bool(plain)


def test_the_ensemble_is_reached_over_tls_by_the_server_or_beside_it() -> None:
    current, old = rendered(CURRENT), rendered(OLD)
    assert "clickhouse-server/ensemble.conf" not in current
    node = merged(current)["zookeeper"]["node"]
    assert (node["port"], node["secure"]) == ("9281", "1")
    tunnels = old["clickhouse-server/ensemble.conf"]
    for number, member in enumerate(GIVEN["clickhouse_ensemble"], 2181):  # type: ignore[arg-type]
        host = member["host"]  # type: ignore[index]
        assert f"accept = 127.0.0.1:{number}\nconnect = {host}:9281\ncheckHost = {host}\n" in tunnels
        assert f"<!-- {host}, through ensemble.conf -->\n            <host>127.0.0.1</host>\n            <port>{number}</port>" in str(
            old["clickhouse-server/config.d/ensemble.xml"]
        )
    assert merged(old)["zookeeper"]["identity"] == merged(current)["zookeeper"]["identity"] == "platform:a<b&c>\"d'e"


def test_nodes_know_each_other_by_a_secret_or_by_a_user() -> None:
    texts = (rendered(each)["clickhouse-server/config.d/cluster.xml"] for each in (CURRENT, OLD))
    current, old = (ElementTree.fromstring(text) for text in texts)  # noqa: S314 - our own templates
    assert [node.text for node in current.iter("secret")] == ["<&odd\"'>"]
    assert [node.text for node in old.iter("password")] == ["<&odd\"'>"] * 2
    assert "clickhouse-server/users.d/interserver.xml" in rendered(OLD)
    assert "clickhouse-server/users.d/interserver.xml" not in rendered(CURRENT)


def test_without_an_ensemble_nothing_speaks_of_one() -> None:
    files = rendered(OLD, clickhouse_ensemble=[])
    assert not {*merged(files)} & {"zookeeper", "distributed_ddl"}
    assert not [path for path, text in files.items() if "ensemble" in path or "kc-clickhouse-ensemble" in text]


@pytest.mark.parametrize("version", [CURRENT, OLD])
def test_what_holds_a_password_is_secret(version: str) -> None:
    from kc.files import matches

    secret = yaml.safe_load((ROLE / "vars/main.yml").read_text())["clickhouse_secret_files"]
    shown = {path: text for path, text in rendered(version).items() if not matches(path, secret)}
    assert not [path for path, text in shown.items() if "odd" in text or "a&lt;b" in text or "sha256" in text]


@pytest.mark.parametrize(
    ("network", "written"),
    [("10.10.0.0/16", "::ffff:10.10.0.0/112"), ("10.0.0.7", "10.0.0.7"), ("fd00::/8", "fd00::/8"), ("::/0", "::/0")],
)
@pytest.mark.parametrize("version", [OLD, CURRENT])
def test_a_network_is_written_as_every_version_understands_it(version: str, network: str, written: str) -> None:
    file = rendered(version, clickhouse_networks=[network])["clickhouse-server/users.d/administrator.xml"]
    assert [one.text for one in ElementTree.fromstring(file).iter("ip")] == [written]  # noqa: S314


WORKS_THEN_LISTENS = """
import socket, sys, time
until = time.monotonic() + 3
while time.monotonic() < until:
    pass
with socket.create_server(("127.0.0.1", int(sys.argv[1]))):
    time.sleep(60)
"""


def watched(tmp_path: Path, process: int, port: int) -> subprocess.CompletedProcess[str]:
    script = tmp_path / "started.sh"
    script.write_text(rendered(OLD)["clickhouse-server/started.sh"])
    return subprocess.run(["sh", str(script), str(process), str(port), "1"], capture_output=True, text=True, timeout=30)


def test_a_start_is_over_when_the_server_listens(tmp_path: Path) -> None:
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as listening:
        assert watched(tmp_path, os.getpid(), listening.getsockname()[1]).returncode == 0


def test_a_server_that_hangs_before_it_listens_is_killed_and_one_that_works_is_not(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as hangs:
        done = watched(tmp_path, hangs.pid, 1)
    assert (done.returncode, hangs.returncode) == (1, -signal.SIGKILL)
    assert "started again" in done.stderr
    port = ports.free()
    with subprocess.Popen([sys.executable, "-c", WORKS_THEN_LISTENS, str(port)]) as works:
        assert watched(tmp_path, works.pid, port).returncode == 0
        works.kill()


def test_a_server_that_ended_is_not_waited_for(tmp_path: Path) -> None:
    with subprocess.Popen(["true"]) as ended:
        ended.wait()
    assert watched(tmp_path, ended.pid, 1).returncode == 1


def test_versions_that_end_when_their_start_fails_are_not_watched() -> None:
    assert "clickhouse-server/started.sh" not in rendered(CURRENT)
    for version in (OLD, CURRENT):
        unit = rendered(version)["systemd/system/clickhouse-server.service.d/kc.conf"]
        assert ("started.sh" in unit) is (version == OLD)
