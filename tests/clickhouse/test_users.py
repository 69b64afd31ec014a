"""An account on real servers: the node's own file, read at once, and verified by logging in on every node."""

from __future__ import annotations

import grp
import json
import os
import pwd
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from kc.clickhouse.connection import Server
from kc.clickhouse.converge import databases
from kc.clickhouse.entry import run
from kc.clickhouse.errors import NodeError
from kc.clickhouse.users import users
from kc.secret_values import unknown

from lab.settings import ROOT
from tests.clickhouse.test_reporting import WANTED, queries
from tests.clickhouse.world import PASSWORD, USER, World
from tests.play import play

HOSTILE = "quo'te\" <b>&amp; \\ ü\nline `x` \t{{ no }}"
ACCOUNT: dict[str, Any] = {
    "name": "app-1",
    "account_password": "first-password",
    "networks": ["127.0.0.0/8"],
    "settings": {"max_threads": 3},
    "quota": [],
    "grants": [{"database": "reporting"}],
    "row_policies": [],
    "state": "present",
    "wait": 30,
}


@pytest.fixture
def each(world: World) -> Iterator[list[dict[str, Any]]]:
    """The options of the module on each node."""
    # as root the servers run as nobody
    who = pwd.getpwnam("nobody") if os.geteuid() == 0 else pwd.getpwuid(os.geteuid())
    owner, group = pwd.getpwuid(os.geteuid()).pw_name, grp.getgrgid(who.pw_gid).gr_name
    for replica in world.replicas:
        (replica.home / "users.d").mkdir(exist_ok=True)
    yield [
        {**world.options, "host": replica.node, "directory": str(replica.home / "users.d"), "owner": owner, "group": group}
        for replica in world.replicas
    ]
    for replica in world.replicas:
        for file in (replica.home / "users.d").iterdir():
            file.unlink()
        if replica.process and replica.process.poll() is None:
            with replica.server() as server:
                server.run("SYSTEM RELOAD CONFIG")


@pytest.fixture
def go(each: list[dict[str, Any]]) -> Callable[..., list[dict[str, Any]]]:
    """Return a function that runs the module on all nodes side by side, as a play does."""

    def call(check: bool = False, **options: Any) -> list[dict[str, Any]]:
        with ThreadPoolExecutor() as pool:
            results = list(pool.map(lambda node: run(users, {**node, **ACCOUNT, **options}, check=check), each))
        for result in results:
            assert not result.get("failed"), result.get("msg")
        return results

    return call


def login(server: Server, user: str = ACCOUNT["name"], password: str = ACCOUNT["account_password"]) -> Server:
    return Server(server.node, replace(server.access, user=user, password=password))


def code(server: Server, text: str) -> int:
    """Return the code that a statement is refused with; 0 if it is not."""
    with server:
        try:
            server.run(text)
        except NodeError as error:
            return error.server_code
    return 0


def files(each: list[dict[str, Any]]) -> list[Path]:
    return [file for node in each for file in sorted(Path(node["directory"]).iterdir())]


def test_check_then_made_then_nothing(go: Callable[..., Any], each: list[dict[str, Any]], servers: list[Server]) -> None:
    for result in go(check=True):
        assert result["changed"]
        assert set(result["nodes"].values()) == {"refused"}
    assert files(each) == []
    planned = go(check=True)
    done = go()
    for before, after, node in zip(planned, done, each, strict=True):
        assert {key: before[key] for key in ("statements", "diff", "changed")} == {
            key: after[key] for key in ("statements", "diff", "changed")
        }
        assert after["nodes"] == {str(server.node): "ok" for server in servers}
        assert [step["statement"] for step in after["statements"]] == [
            f"write {node['directory']}/account-app-1.xml",
            "SYSTEM RELOAD CONFIG",
        ]
        shown = json.dumps(after)
        assert "<database>reporting</database>" in shown
        for secret in (ACCOUNT["account_password"], PASSWORD, "e5c6"):
            assert secret not in shown
    for file in files(each):
        assert file.stat().st_mode & 0o7777 == 0o640
    for result in (*go(check=True), *go()):
        assert (result["changed"], result["statements"], result["diff"]) == (False, [], [])


def test_it_may_what_is_granted_and_nothing_else(go: Callable[..., Any], servers: list[Server]) -> None:
    for server in servers:
        for database in ("reporting", "other"):
            server.run(f"CREATE DATABASE {database}")
            server.run(f"CREATE TABLE {database}.t (a UInt8) ENGINE = Memory")
            server.run(f"INSERT INTO {database}.t SELECT 1")
    go()
    for server in servers:
        assert login(server).rows("SELECT a FROM reporting.t") == [(1,)]
        assert login(server).one("SELECT value FROM system.settings WHERE name = 'max_threads'") == "3"
        assert code(login(server), "SELECT a FROM other.t") == 291
        for forbidden in (
            "INSERT INTO reporting.t SELECT 2",
            "DROP TABLE reporting.t",
            "SET max_threads = 9",
            "SYSTEM DROP DNS CACHE",
            "SELECT * FROM cluster('throwaway', other, t)",
            "SELECT * FROM merge('other', 't')",
        ):
            assert code(login(server), forbidden) == 164, forbidden
        assert code(login(server, password="first-passwor"), "SELECT 1") == 193
    # without a grant it may nothing at all, where the server itself takes no database for all of them
    go(grants=[])
    assert [code(login(server), "SELECT a FROM reporting.t") for server in servers] == [291, 291]
    for result in go(grants=[{"database": "reporting", "access": "write"}]):
        assert "table functions" in result["ignored"][0]
    for server in servers:
        assert code(login(server), "INSERT INTO reporting.t SELECT 2") == 0
        assert code(login(server), "DROP TABLE reporting.t") == 392  # QUERY_IS_PROHIBITED
        assert code(login(server), "INSERT INTO other.t SELECT 2") == 291


def test_a_quota_limits(go: Callable[..., Any], servers: list[Server]) -> None:
    limited = [{"duration": 3600, "queries": 3}]
    go(quota=limited)
    assert [code(login(servers[0]), "SELECT 1") for _ in range(9)][-1] == 201
    # one who has used it up is let in
    assert [result["changed"] for result in go(quota=limited)] == [False, False]
    go()
    assert code(login(servers[0]), "SELECT 1") == 0


@pytest.mark.parametrize("password", [HOSTILE, "</password_sha256_hex>", "x", "ä" * 300, " "])
def test_any_password(go: Callable[..., Any], each: list[dict[str, Any]], servers: list[Server], password: str) -> None:
    go(account_password=password)
    for server in servers:
        assert code(login(server, password=password), "SELECT 1") == 0
        assert code(login(server, password=f"{password} "), "SELECT 1") == 193
    for result in go(account_password="another one"):
        (diff,) = result["diff"]
        assert "********, another one" in diff["after"]
        assert "********, another one" not in diff["before"]
    assert [code(login(server, password="another one"), "SELECT 1") for server in servers] == [0, 0]


@pytest.mark.parametrize("database", ["a<b>&c", "quo'te\"s", "a b\\`"])
def test_a_database_of_any_name(go: Callable[..., Any], servers: list[Server], database: str) -> None:
    from kc.clickhouse.quote import name

    for server in servers:
        server.run(f"CREATE DATABASE {name(database)}")
        server.run(f"CREATE TABLE {name(database)}.t (a UInt8) ENGINE = Memory")
    go(grants=[{"database": database}])
    assert [code(login(server), f"SELECT a FROM {name(database)}.t") for server in servers] == [0, 0]


@pytest.mark.parametrize(
    "by_hand",
    [
        lambda file: file.unlink(),
        lambda file: file.chmod(0o644),
        lambda file: file.write_text(file.read_text().replace("<database>reporting</database>", "<database>other</database>")),
        lambda file: file.write_text(file.read_text().replace("<readonly>1</readonly>", "")),
        lambda file: file.write_text("<clickhouse><users><app-1><password>by-hand</password></app-1></users></clickhouse>"),
        lambda file: file.write_text("<clickhouse><password>by-hand"),
    ],
    ids=["deleted", "mode", "database", "readonly", "password", "broken"],
)
def test_what_was_changed_by_hand_is_put_back(
    go: Callable[..., Any], each: list[dict[str, Any]], servers: list[Server], by_hand: Callable[[Path], None]
) -> None:
    go()
    first, second = files(each)
    good = first.read_text()
    by_hand(second)
    here, there = go()
    assert (here["changed"], there["changed"]) == (False, True)
    assert "by-hand" not in json.dumps(there)
    assert [file.read_text() for file in (first, second)] == [good, good]
    assert second.stat().st_mode & 0o7777 == 0o640
    assert [result["changed"] for result in go()] == [False, False]
    assert [code(login(server), "SELECT 1") for server in servers] == [0, 0]


def test_a_node_that_takes_another_password_is_named(go: Callable[..., Any], each: list[dict[str, Any]], servers: list[Server]) -> None:
    go()
    there = each[1]["host"]
    run(users, {**each[1], **ACCOUNT, "account_password": "elsewhere", "wait": 0}, check=False)
    result = run(users, {**each[0], **ACCOUNT, "wait": 0}, check=False)
    assert result["failed"]
    assert result["msg"].startswith(f"{there}: it does not let 'app-1' in with this password: Wrong password for user app-1.")
    assert result["nodes"] == {each[0]["host"]: "ok", there: "refused"}
    assert (result["changed"], "elsewhere" in json.dumps(result)) == (False, False)
    # a node that nobody has run it for
    result = run(users, {**each[0], **ACCOUNT, "name": "app-2", "wait": 0}, check=False)
    assert result["msg"].startswith(f"{there}: it does not let 'app-2' in with this password: Unknown user app-2.")
    assert result["changed"]


def test_a_node_that_is_away_is_named_and_no_error(world: World, each: list[dict[str, Any]]) -> None:
    world.replicas[1].kill()
    result = run(users, {**each[0], **ACCOUNT}, check=False)
    assert not result.get("failed"), result
    assert result["nodes"] == {each[0]["host"]: "ok", each[1]["host"]: "unreachable"}
    assert each[1]["host"] in result["warnings"][0]
    result = run(users, {**each[1], **ACCOUNT}, check=False)
    assert result["failed"]
    assert result["msg"].startswith(f"{each[1]['host']}: it does not listen")


def test_absent_lets_nobody_in(go: Callable[..., Any], each: list[dict[str, Any]], servers: list[Server]) -> None:
    go()
    absent = {"state": "absent", "account_password": None}
    assert [set(result["nodes"].values()) for result in go(check=True, **absent)] == [{"ok"}] * 2
    result = run(users, {**each[0], **ACCOUNT, **absent, "wait": 0}, check=False)
    assert result["msg"].startswith(f"{each[1]['host']}: it still has 'app-1'")
    for changed in (None, False):
        for at, result in enumerate(go(**absent)):
            assert result["changed"] is (bool(at) if changed is None else changed)
            assert set(result["nodes"].values()) == {"refused"}
    assert files(each) == []
    assert [code(login(server), "SELECT 1") for server in servers] == [192, 192]


def test_what_was_broken_off_is_completed(go: Callable[..., Any], each: list[dict[str, Any]], servers: list[Server]) -> None:
    go()
    (file, _) = files(each)
    good, stat = file.read_text(), file.stat()
    file.unlink()
    servers[0].run("SYSTEM RELOAD CONFIG")
    file.write_text(good)
    file.chmod(0o640)
    os.chown(file, stat.st_uid, stat.st_gid)
    go()  # the server may have read it by itself in between
    assert code(login(servers[0]), "SELECT 1") == 0


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"name": HOSTILE}, "`name`: "),
        ({"name": "a<b"}, "`name`: 'a<b' can't stand in a file of users"),
        ({"name": "a.b"}, "`name`: 'a.b' can't stand in a file of users"),
        ({"name": USER}, "`name`: 'operator' is the administrator"),
        ({"name": ""}, "`name` is empty"),
        ({"name": "stranger"}, "`name`: 'stranger' stands in "),
        ({"account_password": ""}, "`account_password` is missing"),
        ({"account_password": "\ud800"}, "`account_password` is no Unicode text"),
        ({"networks": ["10.0.0.1/8"]}, "`networks`: '10.0.0.1/8': "),
        ({"networks": []}, "`networks` is empty"),
        ({"settings": {"nosuch": 1}}, "`settings.nosuch`: ClickHouse 18.16.1 has no such setting"),
        ({"settings": {"max_memory_usage": "many"}}, "`settings.max_memory_usage`: "),
        ({"settings": {"readonly": 0}}, "`settings.readonly`: the account's grants decide this"),
        ({"grants": [{"database": "d", "tables": ["t"]}]}, "`grants`: ClickHouse 18.16.1 can't grant tables (d.t)"),
        (
            {"grants": [{"database": "d", "access": "write"}, {"database": "e"}]},
            "`grants`: ClickHouse 18.16.1 lets an account write to all",
        ),
        ({"row_policies": [{"database": "reporting", "table": "t", "filter": "1"}]}, "`row_policies`: ClickHouse 18.16.1"),
        ({"host": "elsewhere"}, "`host`: elsewhere:9440 is none of `nodes`"),
        ({"owner": "no-such-user"}, "there is no user 'no-such-user' on this host"),
        ({"directory": "/nosuch/users.d"}, "/nosuch/users.d/.account-app-1.xml.kc-new: no such file or directory"),
    ],
)
def test_what_is_refused(each: list[dict[str, Any]], options: dict[str, Any], says: str) -> None:
    (Path(each[0]["directory"]) / "by-hand.xml").write_text(
        "<clickhouse><users><stranger><password>x</password><profile>default</profile><quota>default</quota></stranger></users></clickhouse>"
    )
    result = run(users, {**each[0], **ACCOUNT, **options}, check=False)
    assert result.get("failed"), result
    assert says in result["msg"]
    assert "\n" not in result["msg"]
    assert (result["changed"], result["applied"]) == (False, [])
    assert [file.name for file in files(each)] == ["by-hand.xml"]


def test_the_server_s_word_on_other_files_is_handed_on(each: list[dict[str, Any]]) -> None:
    (Path(each[0]["directory"]) / "by-hand.xml").write_text("<clickhouse><users>")
    result = run(users, {**each[0], **ACCOUNT}, check=False)
    assert result["failed"]
    assert "by-hand.xml" in result["msg"]
    assert result["changed"]  # the file was written


@pytest.mark.parametrize(
    ("networks", "let_in"),
    [
        (["::/0"], True),
        (["0.0.0.0/0"], True),
        (["127.0.0.0/8"], True),
        (["127.0.0.1/32"], True),
        (["10.0.0.0/8", "127.0.0.1"], True),
        (["10.0.0.0/8", "fd00::/8"], False),
        (["192.168.1.0/24"], False),
        (["10.0.0.1/32"], False),
        (["127.0.0.128/25"], False),
    ],
)
def test_from_where_it_may_come(each: list[dict[str, Any]], networks: list[str], let_in: bool) -> None:
    result = run(users, {**each[0], **ACCOUNT, "nodes": [each[0]["host"]], "networks": networks}, check=False)
    assert bool(result.get("failed")) is not let_in
    if not let_in:
        assert result["msg"].startswith(
            f"{each[0]['host']}: 'app-1' can't log in: User app-1 is not allowed to connect from address 127.0.0.1"
        )
        assert "networks" in result["msg"]


def test_it_runs_under_ansible(world: World, each: list[dict[str, Any]], tmp_path: Path) -> None:
    node = {**each[0], "nodes": [each[0]["host"]], **ACCOUNT, "account_password": HOSTILE.replace("{{ no }}", "")}
    for args, changes in ((("--check", "--diff"), 1), (("--diff",), 1), ((), 0)):
        done = play(tmp_path, [{"kc_clickhouse_user": node}], *args)
        assert done.returncode == 0, done.stdout + done.stderr
        assert f"ok=1    changed={changes} " in done.stdout
        assert "quo'te" not in done.stdout + done.stderr
        assert ("+                <database>reporting</database>" in done.stdout) is bool(changes)


@pytest.mark.parametrize("file", ["clickhouse.yml", "clickhouse_clients.yml"])
def test_the_inventory_s_accounts_are_made_by_their_task_and_read_reports(
    world: World, each: list[dict[str, Any]], servers: list[Server], tmp_path: Path, file: str
) -> None:
    assert not run(databases, {**world.options, **WANTED}, check=False).get("failed")
    inventory = yaml.safe_load((ROOT / "inventories/common" / file).read_text())
    given = {
        "clickhouse_replicas": [{"host": each[0]["host"]}],
        "kc_node_fqdn": each[0]["host"],
        "clickhouse_administrator": {"username": USER, "password": PASSWORD},
        "clickhouse_users": inventory["clickhouse_users"],
        "clickhouse_networks": ["::/0"],
        "node_secrets": {"secrets": {"clickhouse-app": {"username": "reporting", "password": HOSTILE.replace("{{ no }}", "")}}},
    }
    own = {key: each[0][key] for key in ("ca", "directory", "owner", "group")}
    task = {
        "ansible.builtin.import_tasks": str(ROOT / "playbooks/tasks/clickhouse_users.yml"),
        "module_defaults": {"kc_clickhouse_user": own},
    }
    tasks = [{"ansible.builtin.set_fact": given, "no_log": True}, task]
    for changes in (1, 0):
        done = play(tmp_path, tasks)
        assert done.returncode == 0, done.stdout + done.stderr
        assert f"ok=2    changed={changes} " in done.stdout
        assert "quo'te" not in done.stdout + done.stderr
    who = {"user": "reporting", "password": given["node_secrets"]["secrets"]["clickhouse-app"]["password"]}  # type: ignore[index]
    servers[0].run("INSERT INTO reporting.incoming (moment, course, learner, kind) SELECT now(), 'a course', 'somebody', 'enrolled'")
    with login(servers[0], **who) as reporting:
        assert [row[0] for row in reporting.rows(queries()["COURSES"])] == ["a course"]
        assert len(reporting.rows(queries()["DAYS"])) == 1
        assert reporting.one("SELECT value FROM system.settings WHERE name = 'max_execution_time'") == "30"
    assert code(login(servers[0], **who), "INSERT INTO reporting.events (course) SELECT 'x'") == 164
    # a plan leaves alone what is only planned: a server, or a secret
    for planned in ({"clickhouse_server": {"done": ["start"]}}, {"node_secrets": {"secrets": {"clickhouse-app": unknown()}}}):
        tasks[0]["ansible.builtin.set_fact"] = {**given, "kc_node_fqdn": "nowhere", **planned}
        done = play(tmp_path, tasks, "--check")
        assert done.returncode == 0, done.stdout + done.stderr
        assert "changed=0 " in done.stdout
