"""The same acts where the server is an instance of RDS: an administrator without super rights, and AWS for the rest."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from kc.mysql import databases, freeze, heartbeat, info, promotion, rebuild, replication, users
from kc.mysql.connection import Server
from kc.mysql.entry import Act, run

from tests.mysql import rds
from tests.mysql.acts import APP, DATABASE, FREEZE, PROMOTE, REBUILD, Go, Killed, killing, writable
from tests.mysql.world import HEARTBEAT, REPLICATION, World
from tests.servers import until

MAIN, COPY = ({"instance": name, "region": rds.REGION, "aws": {}} for name in ("main", "copy"))


@pytest.fixture
def aws(world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[rds.Rds]:
    """RDS, with a source `main` and its replica `copy`."""
    rds.prepare(world)
    found = rds.Rds(world)
    monkeypatch.setattr("kc.aws.session.Aws", lambda connection, region: found)
    yield found
    found.close()


@pytest.fixture
def go(aws: rds.Rds, world: World) -> Go:
    """Return a function that runs a module's work as RDS's administrator."""

    def call(work: Any, check: bool = False, fails: bool = False, **params: Any) -> dict[str, Any]:
        given = {**world.options, "user": rds.ADMIN, "password": rds.PASSWORD, "host": world.servers[0].host, **params}
        result = run(work, given, check=check)
        assert bool(result.get("failed")) == fails, result.get("msg", "it did not fail")
        return result

    return call


@pytest.fixture
def ready(world: World, servers: list[Server], go: Go) -> list[Server]:
    """A source of RDS with the application's account, and a replica that RDS keeps."""
    go(heartbeat.work, **{**HEARTBEAT, "rds": MAIN})
    go(databases.work, name="app", **DATABASE)
    limits = {"max_connections": 3, "password_days": 0, "failed_logins": 0, "lock_days": 0}
    account = {"name": "app", "account_host": "%", "account_password": APP["password"], "role": "", "privileges": [], "state": "present"}
    go(users.work, **account, **limits, grants=[{"database": "app", "access": "own"}])
    assert go(users.work, **account, **limits, grants=[{"database": "app", "access": "own"}])["changed"] is False
    servers[0].run("CREATE TABLE app.orders (id INT NOT NULL)")
    world.replicate(world.servers[1], world.servers[0])
    servers[1].run("RESET PERSIST super_read_only")
    servers[1].run("SET GLOBAL super_read_only = OFF")  # RDS has read_only only
    until(lambda: servers[1].rows("SELECT 1 FROM information_schema.tables WHERE table_schema = 'app'"), "the replica has it")
    return servers


@pytest.fixture
def promote(world: World, go: Go) -> Go:
    first, second = world.servers
    uuid = first.uuid
    given = {**PROMOTE, "host": second.host, "source": first.host, "expected_source": uuid, "rds": COPY}
    return lambda **params: go(promotion.work, **{**given, **params})


def test_it_is_told_how_they_are(go: Go, ready: list[Server], world: World) -> None:
    first, second = world.servers
    found = go(info.work, host=second.host, source=first.host, expected_source=first.uuid, heartbeat="kc", max_lag=10, wait=10)
    assert (found["ready"], found["server"]["unknown"], found["source"]["unknown"]) == (True, {}, {})


def test_freeze_by_the_parameter_group_and_thaw(go: Go, ready: list[Server], world: World, aws: rds.Rds) -> None:
    first = world.servers[0]
    app = first.server(user=APP["user"], password=APP["password"])
    number = app.one("SELECT CONNECTION_ID()")
    frozen = go(freeze.work, **{**FREEZE, "rds": MAIN})
    assert [step["statement"] for step in frozen["statements"]] == [
        "rds modify_db_parameter_group read_only = 1",
        "SELECT @@global.read_only: 1",
        "KILL the connections of others",
    ]
    assert (writable(first), frozen["frozen"], number in {row[0] for row in ready[0].rows("SHOW PROCESSLIST")}) == (False, True, False)
    assert go(freeze.work, **{**FREEZE, "rds": MAIN})["changed"] is False
    thaw = {**FREEZE, "rds": MAIN, "state": "thawed", "other": world.servers[1].host}
    assert [go(freeze.work, **thaw)["changed"] for _ in range(2)] == [True, False]
    assert writable(first)
    aws.instances["main"]["group"] = "default.mysql8.4"
    assert "which nobody can change" in go(freeze.work, fails=True, **{**FREEZE, "rds": MAIN})["msg"]
    assert "there is no instance gone in" in go(freeze.work, fails=True, **{**FREEZE, "rds": {**MAIN, "instance": "gone"}})["msg"]


def test_promotion_and_setting_aside(go: Go, ready: list[Server], world: World, aws: rds.Rds, promote: Go) -> None:
    first, second = world.servers
    assert promote(fails=True)["errors"][0]["code"] == "not_frozen"
    go(freeze.work, **{**FREEZE, "rds": MAIN})
    aws.instances["copy"]["status"] = "backing-up"
    assert "is `backing-up`, and is not promoted meanwhile" in promote(fails=True)["msg"]
    aws.instances["copy"]["status"] = "available"
    done = promote()
    assert (done["point_of_no_return"], done["lost"], done["uuid"]) == ("rds promote_read_replica", "", second.uuid)
    assert (writable(first), writable(second), aws.calls.count("promote_read_replica")) == (False, True, 1)
    assert promote()["changed"] is False
    ready[1].close()
    until(lambda: ready[1].one("SELECT status FROM information_schema.events") == "ENABLED", "its heart beats")
    # the former source keeps what it holds, under another name; what comes in its place may take writes once it is promoted
    aside = go(rebuild.work, **REBUILD, source=second.host, rds=MAIN)["aside"]
    assert aside.startswith("main-fenced-")
    assert {*aws.instances} == {aside, "copy"}
    assert aws.instances[aside]["group"] == aside and aws.groups[aside]["parameters"] == {"read_only": "1"}
    assert aws.groups["own-1"]["parameters"] == {}
    aws.close()
    assert not writable(first)
    assert go(rebuild.work, **{**REBUILD, "source": second.host, "rds": MAIN, "aside": aside})["changed"] is False


@pytest.mark.parametrize(("at", "before"), [(each, before) for each in range(4) for before in (True, False)])
def test_killed_as_it_is_set_aside_it_completes(
    go: Go, ready: list[Server], world: World, aws: rds.Rds, promote: Go, monkeypatch: pytest.MonkeyPatch, at: int, before: bool
) -> None:
    first, second = world.servers
    go(freeze.work, **{**FREEZE, "rds": MAIN})
    promote()
    do = {**REBUILD, "source": second.host, "rds": MAIN, "aside": "main-fenced-7"}
    with monkeypatch.context() as patch:
        killing(patch, at, before, Act)
        with pytest.raises(Killed):
            go(rebuild.work, **do)
    assert not writable(first)
    go(rebuild.work, **do)
    assert aws.calls.count("modify_db_parameter_group") == 2, "the freeze's, and that of the group of its own"
    assert ({*aws.instances}, aws.groups["own-1"]["parameters"]) == ({"main-fenced-7", "copy"}, {})
    aws.close()
    assert not writable(first) and writable(second)
    assert go(rebuild.work, **do)["changed"] is False


CASES = [(2, False), (3, True), (3, False), (4, False), (5, True)]


@pytest.mark.parametrize(("at", "before"), [pytest.param(*case, marks=[] if case[0] == 3 else pytest.mark.soak) for case in CASES])
def test_killed_at_an_act_it_completes(
    go: Go, ready: list[Server], world: World, aws: rds.Rds, promote: Go, monkeypatch: pytest.MonkeyPatch, at: int, before: bool
) -> None:
    go(freeze.work, **{**FREEZE, "rds": MAIN})
    with monkeypatch.context() as patch:
        killing(patch, at, before, Act)
        with pytest.raises(Killed):
            promote()
    assert not writable(world.servers[0])
    done = promote()
    assert (writable(world.servers[1]), done["uuid"]) == (True, world.servers[1].uuid)
    ready[1].close()
    assert ready[1].rows("SELECT before_uuid, after_uuid FROM kc.promotions") == [(world.servers[0].uuid, world.servers[1].uuid)]
    assert aws.instances["copy"]["promoted"] == 1
    assert aws.calls.count("add_tags_to_resource") == 1


def test_what_a_killed_run_has_asked_for_takes_effect_while_the_next_one_looks(
    go: Go, ready: list[Server], world: World, aws: rds.Rds, promote: Go, monkeypatch: pytest.MonkeyPatch
) -> None:
    go(freeze.work, **{**FREEZE, "rds": MAIN})
    asked_for: list[Callable[[], None]] = []
    with monkeypatch.context() as patch:
        killing(patch, 3, False, Act)
        patch.setattr(aws, "_later", asked_for.append)
        with pytest.raises(Killed):
            promote()
    (take_effect,) = asked_for
    gate, no_return = promotion.Promoting._gate, promotion.Promoting._no_return

    def first_half(self: promotion.Promoting) -> None:
        gate(self)
        for statement in ("STOP REPLICA", "RESET REPLICA ALL"):
            aws._root(world.servers[1], statement)

    def second_half(self: promotion.Promoting) -> None:
        aws._later(take_effect)
        no_return(self)

    monkeypatch.setattr(promotion.Promoting, "_gate", first_half)
    monkeypatch.setattr(promotion.Promoting, "_no_return", second_half)
    done = promote()
    assert (done["resumed"], done["uuid"], writable(world.servers[1])) == (True, world.servers[1].uuid, True)
    assert aws.instances["copy"]["promoted"] == 1


def test_replication_by_the_procedures(go: Go, servers: list[Server], following: dict[str, Any]) -> None:
    wanted = {**following, "source_ca": "", "rds": COPY}
    assert "takes writes, and a replica must not" in go(replication.work, fails=True, **wanted)["msg"]
    servers[1].run("SET GLOBAL read_only = ON")
    made = go(replication.work, **wanted)
    assert [step["statement"].partition("(")[0] for step in made["statements"]] == [
        "CALL mysql.rds_set_external_source_with_auto_position",
        "CALL mysql.rds_start_replication",
    ]
    assert REPLICATION[1] not in str(made)
    assert go(replication.work, **wanted)["changed"] is False
    for state in ("stopped", "absent"):
        assert [go(replication.work, **{**wanted, "state": state})["changed"] for _ in range(2)] == [True, False]
