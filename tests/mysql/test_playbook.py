"""A whole switchover as Ansible runs it: the modules packed, their options checked, and no secret in anything that is shown."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from kc.mysql.connection import Server
from kc.mysql.quote import value

from tests.mysql.world import PASSWORD, REPLICATION, USER, World
from tests.play import play
from tests.servers import until

APP = "the application's own"


def test_a_switchover(world: World, servers: list[Server], tmp_path: Path) -> None:
    first, second = world.servers
    own = {"host": first.host, "user": USER, "password": PASSWORD, "ca": str(world.authority.ca)}
    there = {**own, "host": second.host}
    follow = {"replication_user": REPLICATION[0], "replication_password": REPLICATION[1]}
    grants = [{"database": "app", "access": "own"}]

    def module(kind: str, /, **options: Any) -> dict[str, Any]:
        return {f"kc_mysql_{kind}": options}

    before = [
        module("heartbeat", **own),
        module("database", **own, name="app"),
        module("user", **own, name="app", account_password=APP, grants=grants, max_connections=9),
        module("replication", **there, **follow, source=first.host, source_ca=str(second.home / "ca.pem")),
        {**module("info", **there, source=first.host, wait=30), "register": "replica", "failed_when": "not replica.ready"},
    ]
    done = play(tmp_path, before)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "ok=5    changed=4 " in done.stdout
    assert all(secret not in done.stdout + done.stderr for secret in (APP, REPLICATION[1], value(PASSWORD)[1:-1]))
    servers[0].run("CREATE TABLE app.orders (id INT)")
    until(lambda: servers[1].rows("SELECT 1 FROM information_schema.tables WHERE table_schema = 'app'"), "the replica has it")
    uuid = first.uuid
    switch = [
        module("freeze", **own, probe={"user": "app", "password": APP}),
        module("promotion", **there, source=first.host, expected_source=uuid),
        module("heartbeat", **there),
        module("rebuild", **own, **follow, source=second.host, source_ca=str(first.home / "ca.pem")),
    ]
    planned = play(tmp_path, [switch[0]], "--check", "--diff")
    assert (planned.returncode, "-accepted" in planned.stdout, "+refused" in planned.stdout) == (0, True, True)
    done = play(tmp_path, switch)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "ok=4    changed=3 " in done.stdout
    assert all(secret not in done.stdout + done.stderr for secret in (APP, REPLICATION[1], value(PASSWORD)[1:-1]))
    assert [server.one("SELECT @@read_only") for server in servers] == [1, 0]
