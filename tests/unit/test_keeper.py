"""What members say, and the verdict on it."""

from __future__ import annotations

import ast
import math
import os
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import jinja2
import pytest
import yaml
from kc.errors import KcError
from kc.files import read_tree
from kc.keeper import client, health, member, service, words
from kc.keeper.health import Member, judge
from kc.keeper.tls import Way
from kc.spec import documentation, spec_of

ZOOKEEPER = "zk_version\t3.8.0-${mvngit.commit.id}, built on 2024-12-29 17:54 UTC\nzk_server_state\tleader\nzk_avg_latency\t1.5\n" + (
    "zk_outstanding_requests\t0\nzk_num_alive_connections\t3\nzk_znode_count\t5\nzk_synced_followers\t4\nzk_learners\t4\n"
)
KEEPER = "zk_version\tv25.8.1.1-lts-0123abc\nzk_avg_latency\t2\nzk_server_state\tfollower\nzk_znode_count\t7\nzk_num_alive_connections\t1\n"
WAITING = "This ZooKeeper instance is not currently serving requests\n"


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (ZOOKEEPER, Member("a", "leader", None, None, None, 1.5, 0, 3, 5, 4, 4, "3.8.0")),
        (KEEPER, Member("a", "follower", latency=2.0, connections=1, znodes=7, version="v25.8.1.1")),
        (WAITING, Member("a", "waiting")),
        ("This instance is not currently serving requests", Member("a", "waiting")),
    ],
)
def test_an_answer_is_read(answer: str, expected: Member) -> None:
    assert health.read("a", answer) == expected


@pytest.mark.parametrize("answer", ["mntr is not executed because it is not in the whitelist.", "HTTP/1.1 400 Bad Request"])
def test_what_is_no_answer_is_unknown(answer: str) -> None:
    found = health.read("a", answer)
    assert (found.state, answer[:20] in found.error) == ("unknown", True)


def members(*about: tuple[str, int | None], synced: int | None = None) -> list[Member]:
    return [
        Member(
            f"m{number}", state, zxid, error="gone" if state == "unknown" else "", synced_followers=synced if state == "leader" else None
        )
        for number, (state, zxid) in enumerate(about, 1)
    ]


L, F, W, U = "leader", "follower", "waiting", "unknown"
TERM2 = 2 << 32


@pytest.mark.parametrize(
    ("said", "synced", "ready", "quorum", "leader", "reason"),
    [
        ([(L, 9), (F, 9), (F, 12)], 2, True, True, "m1", ""),
        ([(L, 9), (F, 9), (F, 7)], 2, False, True, "m1", "m3 is 2 transactions behind"),
        ([(L, 9), (F, 9), (F, None)], 2, False, True, "m1", "how far m3 is behind is unknown"),
        ([(L, 9), (F, 9), (U, None)], 1, False, True, "m1", "m3 is unknown: gone"),
        # a follower of this term has all of the terms before
        ([(L, TERM2), (F, 5), (F, TERM2)], 2, True, True, "m1", ""),
        ([(L, TERM2 + 3), (F, 5), (F, TERM2 + 3)], 2, False, True, "m1", "m2 is 3 transactions behind"),
        # the rest is seen by the leader, if not from here
        ([(L, 9), (U, None), (U, None)], 2, False, True, "m1", "m2 is unknown"),
        ([(L, 9), (U, None), (U, None)], 0, False, None, "", "m1 says that it leads, but not that 2 of 3 follow"),
        ([(L, 9), (U, None), (U, None)], None, False, None, "", "whether 2 of 3 follow one leader is unknown"),
        ([(W, None), (U, None), (U, None)], None, False, None, "", "m1 runs, but neither follows nor leads"),
        ([(W, None), (W, None), (U, None)], None, False, False, "", "nothing can be written"),
        ([(F, 9), (F, 9), (U, None)], None, False, None, "", "unknown from here"),
        ([(L, 9), (L, 8), (F, 9)], 1, False, None, "", "m1 and m2 both say that they lead"),
        ([(L, 9), (F, 9), ("observer", 9)], 1, False, True, "m1", "m3 is observer"),
    ],
)
def test_the_verdict(
    said: list[tuple[str, int | None]], synced: int | None, ready: bool, quorum: bool | None, leader: str, reason: str
) -> None:
    found = judge(members(*said, synced=synced))
    assert (found.ready, found.quorum, found.leader) == (ready, quorum, leader)
    assert reason in "; ".join(found.reasons)
    assert found.ready is not bool(found.reasons)


def test_nothing_unknown_is_shown_as_a_number() -> None:
    found = judge(members((U, None), (W, None), (U, None))).facts()
    assert found["quorum"] == "unknown"
    assert {each["zxid"] for each in found["members"]} == {each["latency"] for each in found["members"]} == {"unknown"}


# --- TLS


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("pki")
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
    for name in ("node", "stranger"):
        files = ["-keyout", str(place / f"{name}.key"), "-out", str(place / f"{name}.pem")]
        subprocess.run([*command, *files, "-subj", "/CN=x", "-addext", "subjectAltName=DNS:localhost"], check=True, capture_output=True)
    return place


@pytest.fixture
def serve(pki: Path) -> Any:
    """Return what starts a member on loopback that answers each connection as a function says."""
    import socket

    listeners = []

    def start(answer: Callable[[ssl.SSLSocket], None]) -> Way:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pki / "node.pem", pki / "node.key")
        context.load_verify_locations(pki / "node.pem")
        context.verify_mode = ssl.CERT_REQUIRED
        listener = socket.create_server(("127.0.0.1", 0))
        listeners.append(listener)

        def loop() -> None:
            while True:
                try:
                    raw, _ = listener.accept()
                except OSError:
                    return
                try:
                    with context.wrap_socket(raw, server_side=True) as peer:
                        answer(peer)
                except OSError:
                    pass

        threading.Thread(target=loop, daemon=True).start()
        return Way(listener.getsockname()[1], str(pki / "node.pem"), str(pki / "node.pem"), str(pki / "node.key"), 5)

    yield start
    for listener in listeners:
        listener.close()


def test_a_word_is_asked_over_tls(serve: Any) -> None:
    way = serve(lambda peer: peer.sendall(b"imok" if peer.recv(4) == b"ruok" else b"?"))
    assert words.ask(way, "localhost", "ruok") == "imok"


def test_no_answer_is_an_error(serve: Any) -> None:
    way = serve(lambda peer: peer.recv(4))
    with pytest.raises(KcError, match="gave no answer to `ruok`"):
        words.ask(way, "localhost", "ruok")


def test_a_stranger_is_not_believed(serve: Any, pki: Path) -> None:
    way = serve(lambda peer: peer.sendall(b"imok"))
    mistaken = Way(way.port, str(pki / "stranger.pem"), way.certificate, way.key)
    with pytest.raises(KcError, match="speaks no TLS that both take"):
        words.ask(mistaken, "localhost", "ruok")


def test_a_node_without_a_certificate_is_told_so(pki: Path) -> None:
    with pytest.raises(KcError, match=r"certificate can't be used.*The role `certificate` makes it"):
        words.ask(Way(1, str(pki / "node.pem"), "/nowhere.pem", "/nowhere.key"), "localhost", "ruok")


# --- this node's member


class Fake:
    """A service and an ensemble that are what the test says."""

    def __init__(
        self,
        monkeypatch: pytest.MonkeyPatch,
        data: Path,
        *,
        states: Sequence[str],
        active: bool = True,
        enabled: bool = True,
        stale: bool = False,
        empty: bool = False,
    ) -> None:
        self.states, self.begun = list(states), []
        (data / "version-2").mkdir(parents=True)
        if not empty:
            (data / "version-2" / "log.100000001").touch()
        now = 1000.0
        self.running = service.Running(True, active, False, enabled, now)
        monkeypatch.setattr(service, "_written", lambda files: iter([now + 1 if stale else now - 1]))
        monkeypatch.setattr(service, "look", lambda unit: self.running)
        monkeypatch.setattr(service, "start", self.start)
        monkeypatch.setattr(service, "own", lambda unit, directory, name: self.begun.append(name))
        monkeypatch.setattr(service, "systemctl", lambda *words: self.begun.append(words[0]))
        monkeypatch.setattr(service, "last_words", lambda unit: "what it said")
        monkeypatch.setattr(health, "member", lambda way, host: self.members()[0])
        monkeypatch.setattr(health, "look", lambda way, hosts: judge(self.members()))
        monkeypatch.setattr(member, "PAUSE", 0)
        self.member = member.Member("m1", ["m1", "m2", "m3"], "kc-keeper", ["/x"], data, Way(1, "", "", ""), 1)

    def members(self) -> list[Member]:
        return members(*((state, 5) for state in self.states), synced=sum(state == F for state in self.states))

    def start(self, unit: str, *, again: bool = False) -> None:
        self.begun.append("begin" if again else "enable")
        self.states[0] = F if L in self.states[1:] else L


@pytest.mark.parametrize(
    ("about", "begun", "result"),
    [
        ({"active": False, "states": [U, F, L]}, ["begin"], {"changed": True, "done": ["start"]}),
        ({"states": [F, F, L]}, [], {"changed": False, "due": False, "new": False}),
        ({"enabled": False, "states": [F, F, L]}, ["enable"], {"changed": True, "done": ["enable"]}),
        ({"stale": True, "states": [F, F, L]}, [], {"changed": False, "due": True, "leads": False}),
        ({"stale": True, "states": [L, F, F]}, [], {"changed": False, "due": True, "leads": True}),
        # nobody misses one that serves nobody
        ({"stale": True, "states": [W, F, L]}, ["begin"], {"changed": True, "due": False, "done": ["restart"]}),
        # one without data never begins by itself, whether others serve or not
        ({"active": False, "empty": True, "states": [U, F, L]}, [], {"changed": False, "new": True}),
        ({"active": False, "empty": True, "states": [U, U, U]}, [], {"changed": False, "new": True}),
        ({"empty": True, "states": [W, U, U]}, [], {"changed": False, "new": True}),
        ({"empty": True, "states": [F, F, L]}, [], {"changed": False, "new": False}),
    ],
)
def test_a_member_runs_what_is_written(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, about: dict[str, Any], begun: list[str], result: dict[str, Any]
) -> None:
    fake = Fake(monkeypatch, tmp_path, **about)
    planned = vars(fake.member.serve(check=True))
    assert fake.begun == []
    done = vars(fake.member.serve())
    assert fake.begun == begun
    assert done == planned
    assert done.items() >= result.items()


@pytest.mark.parametrize(
    ("states", "found", "begun"),
    [([U, F, L], False, ["begin"]), ([U, U, U], True, ["stop", "initialize", "begin"])],
)
def test_a_member_without_data_joins(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, states: list[str], found: bool, begun: list[str]
) -> None:
    fake = Fake(monkeypatch, tmp_path, active=False, empty=True, states=states)
    planned = fake.member.join(found=found, mark="initialize", check=True)
    assert fake.begun == []
    assert fake.member.join(found=found, mark="initialize") == planned
    assert fake.begun == begun


def test_what_a_member_without_data_wrote_when_it_began_by_itself_is_in_nobody_s_way(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    fake = Fake(monkeypatch, tmp_path, empty=True, states=[W, W, W])
    epoch = fake.member.data / "version-2" / "currentEpoch"
    epoch.parent.mkdir(parents=True, exist_ok=True)
    epoch.write_text("-1")
    fake.member.join(found=True, mark="initialize")
    assert not epoch.exists()


@pytest.mark.parametrize("states", [[U, U, U], [U, W, W], [U, W, U]])
def test_members_without_data_never_outvote_those_that_have_some(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, states: list[str]
) -> None:
    fake = Fake(monkeypatch, tmp_path, active=False, empty=True, states=states)
    with pytest.raises(KcError, match=r"m1 has no data, and it is not known that no other has any.*keeper_recover"):
        fake.member.join(found=False)
    assert fake.begun == []


@pytest.mark.parametrize(
    ("files", "blank"),
    [
        ({}, True),
        ({"initialize": "", "myid": "1"}, True),
        # begun, and never elected
        ({"version-2/snapshot.0": "x", "version-2/currentEpoch": "0\n", "version-2/acceptedEpoch": "0\n"}, True),
        ({"version-2/currentEpoch": "-1", "version-2/acceptedEpoch": "-1"}, True),
        ({"version-2/snapshot.0": "x", "version-2/currentEpoch": "1\n"}, False),
        ({"version-2/log.100000001": "x"}, False),
        ({"version-2/snapshot.100000000": "x"}, False),
        ({"log/changelog_1_100000.bin": "x"}, False),
        ({"snapshots/snapshot_100.bin.zstd": "x"}, False),
    ],
)
def test_what_counts_as_data(tmp_path: Path, files: dict[str, str], blank: bool) -> None:
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(content)
    assert member.blank(tmp_path) is blank


def test_a_member_is_not_restarted_while_another_is_away(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    fake = Fake(monkeypatch, tmp_path, states=[F, U, L])
    with pytest.raises(KcError, match="m1 is not restarted: m2 is away"):
        fake.member.restart()
    assert fake.begun == []


@pytest.mark.parametrize(
    ("hosts", "joining", "together", "refused"),
    [
        (3, 1, False, True),  # the one that stays behind is no majority of three
        (3, 1, True, False),
        (5, 1, False, False),
        (5, 2, False, True),
        (5, 2, True, False),
        (5, 3, True, True),
    ],
)
def test_a_longer_list_of_members(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, hosts: int, joining: int, together: bool, refused: bool
) -> None:
    fake = Fake(monkeypatch, tmp_path, states=[F, L, *[F] * (hosts - joining - 2), *[U] * joining])
    fake.member = replace(fake.member, hosts=[f"m{number}" for number in range(1, hosts + 1)])
    new = [f"m{number}" for number in range(hosts - joining + 1, hosts + 1)]
    if refused:
        with pytest.raises(KcError, match=f"of {hosts} members {hosts - joining} have data"):
            fake.member.restart(joining=new, together=together)
    else:
        fake.member.restart(joining=new, together=together)
    assert bool(fake.begun) is not refused


def test_a_member_that_serves_nobody_may_be_restarted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    fake = Fake(monkeypatch, tmp_path, states=[W, F, L])
    assert fake.member.restart(check=True).changed
    assert fake.begun == []
    assert fake.member.restart().done == ["restart"]
    assert fake.begun == ["begin"]


def test_one_that_does_not_come_back_is_an_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    fake = Fake(monkeypatch, tmp_path, states=[U, F, L])
    fake.running = service.Running(True, True, True, True, 0)
    with pytest.raises(KcError, match="its service ends: m1 is unknown: gone; its last words: what it said"):
        fake.member.wait(lambda: False, "serve")


def test_files_written_since_it_began_make_it_stale(tmp_path: Path) -> None:
    (tmp_path / "below").mkdir()
    file = tmp_path / "below" / "zoo.cfg"
    file.write_text("")
    written = file.stat().st_mtime
    about = {"loaded": True, "active": True, "failed": False, "enabled": True}
    assert service.Running(**about, since=written - 1).stale([str(tmp_path), "/nowhere"])
    assert not service.Running(**about, since=written + 1).stale([str(tmp_path)])
    os.utime(file, (time.time() + 60, time.time() + 60))
    assert not service.Running(**{**about, "active": False}, since=0).stale([str(tmp_path)])
    assert service.Running(**about, since=math.inf, outdated=True).stale([])


@pytest.mark.parametrize(
    ("process", "reload", "stale"),
    [("12", "no", True), ("0", "no", False), ("0", "yes", True)],
    ids=["runs with older files", "has yet to read them", "of a unit that was written anew"],
)
def test_a_service_is_stale_by_what_it_has_read(monkeypatch: pytest.MonkeyPatch, process: str, reload: str, stale: bool) -> None:
    told = f"LoadState=loaded\nActiveState=activating\nUnitFileState=enabled\nMainPID={process}\nNeedDaemonReload={reload}\nNRestarts=1\n"
    monkeypatch.setattr(service, "systemctl", lambda *words: told + "ExecMainStartTimestamp=Sun 2015-11-29 05:13:02.000000 UTC\n")
    assert service.look("one").stale([__file__]) is stale


# --- the client


def test_an_account_is_known_by_its_digest() -> None:
    # org.apache.zookeeper.server.auth.DigestAuthenticationProvider super:test
    assert client.account("super", "test") == client.Grant(31, "digest", "super:D/InIHSb7yEEbrWz8b9l71RjZJU=")


def test_a_session_is_opened_and_an_error_named(serve: Any) -> None:
    import struct

    def answer(peer: ssl.SSLSocket) -> None:
        def message() -> bytes:
            return peer.recv(struct.unpack(">i", peer.recv(4))[0])

        def say(body: bytes) -> None:
            peer.sendall(struct.pack(">i", len(body)) + body)

        message()
        say(struct.pack(">iiq", 0, 10_000, 7) + struct.pack(">i", 16) + bytes(16) + b"\0")
        xid, kind = struct.unpack(">ii", message()[:8])
        say(struct.pack(">iqi", -1, 0, 0))  # an event that nobody asked for
        say(struct.pack(">iqi", xid, 3, client.NO_NODE))
        assert kind == client.READ

    way = serve(answer)
    with client.Client(way, ["localhost"]) as session, pytest.raises(client.EnsembleError, match="/x: there is no such node") as refused:
        session.read("/x")
    assert refused.value.status == client.NO_NODE


def test_where_none_serves_all_reasons_are_told() -> None:
    way = Way(1, "/nowhere.pem", "", "")
    with pytest.raises(KcError, match=r"no member serves: .*;"):
        client.Client(way, ["localhost", "127.0.0.1"])


# --- the configuration

ROLE = Path(__file__).parents[2] / "roles" / "keeper"


def render(flavour: str) -> dict[str, str]:
    """What the role writes for the second of three members, by path, as kc_files renders it."""
    template = jinja2.Environment(trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined, autoescape=False)  # noqa: S701
    template.filters["dirname"] = os.path.dirname
    variables = {
        **yaml.safe_load((ROLE / "defaults" / "main.yml").read_text()),
        "keeper_flavour": flavour,
        "keeper_id": 2,
        "keeper_ensemble": [{"host": f"keeper-{number}.example", "id": number} for number in (1, 2, 3)],
        "keeper_hosts": ["keeper-1.example", "keeper-2.example", "keeper-3.example"],
        "keeper_java_archives": ["zookeeper"],
        "keeper_directory": "/var/lib/kc/keeper",
    }
    top = ROLE / "templates" / "keeper"
    files = {source.path: source.file.read_text() for source in read_tree(top)}
    rendered = {path: template.from_string(text).render(variables) for path, text in files.items()}
    return {path: text for path, text in rendered.items() if text.strip()}


def test_clickhouse_keeper_speaks_tls_and_nothing_else() -> None:
    files = render("clickhouse")
    assert {path for path in files if path.startswith("kc/")} == {"kc/keeper/keeper.xml"}
    root = ElementTree.fromstring(files["kc/keeper/keeper.xml"])  # noqa: S314 - our own
    keeper = root.find("keeper_server")
    assert keeper is not None
    assert keeper.find("tcp_port") is None
    assert (keeper.findtext("tcp_port_secure"), keeper.findtext("server_id"), keeper.findtext("raft_configuration/secure")) == (
        "9281",
        "2",
        "true",
    )
    servers = [(each.findtext("id"), each.findtext("hostname"), each.findtext("port")) for each in keeper.iter("server")]
    assert servers == [(str(number), f"keeper-{number}.example", "9444") for number in (1, 2, 3)]
    assert {root.findtext(f"openSSL/{side}/verificationMode") for side in ("server", "client")} == {"strict"}
    assert "ExecStart=/usr/bin/clickhouse-keeper" in files["systemd/system/kc-keeper.service"]
    assert "--force-recovery" not in files["systemd/system/kc-keeper.service"]


# ClickHouse 25.8, src/Coordination/CoordinationSettings.cpp: one that it does not know keeps it from starting
COORDINATION = {
    *("heart_beat_interval_ms", "election_timeout_lower_bound_ms", "election_timeout_upper_bound_ms", "operation_timeout_ms"),
    *("min_session_timeout_ms", "session_timeout_ms", "force_sync", "snapshot_distance", "reserved_log_items", "snapshots_to_keep"),
    "raft_logs_level",
}


def test_clickhouse_keeper_is_told_only_what_it_knows() -> None:
    settings = ElementTree.fromstring(render("clickhouse")["kc/keeper/keeper.xml"]).find("keeper_server/coordination_settings")  # noqa: S314 - our own
    assert settings is not None
    assert {each.tag for each in settings} == COORDINATION


def test_zookeeper_has_no_plain_port_and_no_say_without_data() -> None:
    files = render("zookeeper")
    settings = dict(line.split("=", 1) for line in files["kc/keeper/zoo.cfg"].splitlines() if "=" in line)
    assert "clientPort" not in settings
    assert (settings["ssl.clientAuth"], settings["ssl.quorum.clientAuth"], settings["sslQuorum"], settings["portUnification"]) == (
        *("need", "need", "true", "false"),
    )
    assert (settings["reconfigEnabled"], settings["admin.enableServer"]) == ("false", "false")
    assert settings["server.2"] == "keeper-2.example:9444:9445"
    assert "-Dzookeeper.db.autocreate=false" in files["systemd/system/kc-keeper.service"]
    assert "kc/keeper/keeper.xml" not in files
    assert files["kc/keeper/prepare"].startswith("#!/bin/sh\n")


@pytest.mark.parametrize("name", ["kc_keeper_member", "kc_keeper_info", "kc_ensemble_root", "kc_ensemble_forget"])
def test_a_module_takes_the_options_of_the_fragments_that_it_names(name: str) -> None:
    file = ROLE.parents[1] / "library" / f"{name}.py"
    extended = yaml.safe_load(documentation(file))["extends_documentation_fragment"]
    tree = "kc_ensemble_tree" in extended
    (call,) = [node for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.Call) and ast.unparse(node.func) == "main"]
    taken = [ast.unparse(each) for each in call.args]
    assert taken == ["work", *(["TREE"] if tree else []), "DOCUMENTATION"]
    assert {each.arg: ast.literal_eval(each.value) for each in call.keywords} == ({"secrets": ("password",)} if tree else {})


def test_a_module_takes_what_its_documentation_says() -> None:
    """The certificate's module."""
    file = ROLE.parents[1] / "library/kc_certificate.py"
    tree = ast.parse(file.read_text())
    call = next(node for node in ast.walk(tree) if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "AnsibleModule")
    spec = next(keyword.value for keyword in call.keywords if keyword.arg == "argument_spec")
    assert isinstance(spec, ast.Dict)
    names = {key.value for key in spec.keys if isinstance(key, ast.Constant)}
    described = spec_of(documentation(file))
    assert names == {*described}
    for key, value in zip(spec.keys, spec.values, strict=True):
        if isinstance(key, ast.Constant) and key.value != "authority":
            given = ast.literal_eval(value)
            given.pop("no_log", None)
            assert {"type": "str", **given} == {"type": "str", **described[str(key.value)]}, key.value
