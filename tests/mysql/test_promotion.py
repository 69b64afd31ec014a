"""Freeze, promotion, rebuild on real servers: who takes writes changes hands, and what would do harm is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest
from kc.mysql import freeze, gtid, info, promotion, rebuild
from kc.mysql.connection import Server
from kc.mysql.errors import NodeError, is_read_only
from kc.mysql.quote import value

from tests.mysql.acts import APP, FREEZE, PROMOTE, REBUILD, Go, writable
from tests.mysql.world import World
from tests.servers import until

# --- freeze


def test_a_frozen_server_is_proved_to_be(go: Go, ready: list[Server], world: World) -> None:
    first = world.servers[0]
    app = first.server(user=APP["user"], password=APP["password"])
    number = app.one("SELECT CONNECTION_ID()")
    planned = go(freeze.work, check=True, **FREEZE)
    assert (planned["changed"], writable(first)) == (True, True)
    frozen = go(freeze.work, **FREEZE)
    assert (frozen["frozen"], frozen["statements"]) == (True, planned["statements"])
    assert "DELETE FROM `app`.`orders` WHERE FALSE: The MySQL server is running with the --read-only option" in frozen["proof"]
    assert frozen["executed"] == gtid.normal(ready[0].one("SELECT @@gtid_executed"))
    assert number not in {row[0] for row in ready[0].rows("SHOW PROCESSLIST")}, "its connections are ended"
    assert APP["password"] not in json.dumps(frozen)
    again = go(freeze.work, **FREEZE)
    assert (again["changed"], again["frozen"], again["executed"]) == (False, True, frozen["executed"])
    assert (writable(first), until(lambda: gtid.normal(ready[1].one("SELECT @@gtid_executed")) == frozen["executed"], "it has all")) == (
        False,
        True,
    )
    # over a restart
    first.kill()
    first.start()
    first.wait()
    assert not writable(first)
    thaw = {**FREEZE, "state": "thawed", "other": world.servers[1].host}
    assert [go(freeze.work, **thaw)["changed"] for _ in range(2)] == [True, False]
    assert writable(first)


def test_an_open_transaction_is_not_committed_any_more(go: Go, ready: list[Server], world: World) -> None:
    with world.servers[0].server(user=APP["user"], password=APP["password"]) as app:
        app.run("BEGIN")
        app.run("INSERT INTO app.orders VALUES (1)")
        go(freeze.work, **{**FREEZE, "kill": False})
        with pytest.raises(NodeError) as found:
            app.run("COMMIT")
        assert is_read_only(found.value)
    assert ready[0].one("SELECT COUNT(*) FROM app.orders") == 0


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"probe": None}, "`probe` is missing"),
        ({"probe": {**APP, "user": "stranger"}}, "nothing is proved by 'stranger': it sees no table"),
        ({"probe": {**APP, "password": "wrong"}}, "Access denied"),
    ],
)
def test_what_proves_nothing_is_an_error(go: Go, ready: list[Server], options: dict[str, Any], says: str) -> None:
    ready[0].run(f"CREATE USER stranger IDENTIFIED BY {value(APP['password'])} REQUIRE SSL")
    assert says in go(freeze.work, fails=True, **{**FREEZE, **options})["msg"]


def test_who_is_not_thawed(go: Go, ready: list[Server], world: World, promote: Go) -> None:
    first, second = world.servers
    go(freeze.work, **FREEZE)
    thaw = {**FREEZE, "state": "thawed"}
    assert "`other` is missing" in go(freeze.work, fails=True, **thaw)["msg"]
    failed = go(freeze.work, fails=True, **{**thaw, "host": second.host, "other": first.host})
    assert f"is a replica of localhost:{first.port}" in failed["msg"]
    promote()
    assert f"{second.host} takes writes" in go(freeze.work, fails=True, **{**thaw, "other": second.host})["msg"]
    go(freeze.work, **{**FREEZE, "host": second.host})
    assert "is a former source" in go(freeze.work, fails=True, **{**thaw, "other": second.host})["msg"]
    second.kill()
    assert "nobody knows whether" in go(freeze.work, fails=True, **{**thaw, "other": second.host})["msg"]
    assert not writable(first)


# --- promotion


def test_a_planned_promotion_and_back(
    go: Go, ready: list[Server], world: World, promote: Go, remake: Go, following: dict[str, Any]
) -> None:
    first, second = world.servers
    go(freeze.work, **FREEZE)
    planned = promote(check=True)
    assert (planned["changed"], writable(second)) == (True, False)
    done = promote()
    assert done["statements"] == planned["statements"]
    assert (done["point_of_no_return"], done["lost"], done["lost_count"], done["resumed"]) == ("SET PERSIST read_only = OFF", "", 0, False)
    assert (done["uuid"], writable(first), writable(second)) == (second.uuid, False, True)
    assert "ALTER EVENT `kc`.`heartbeat` ENABLE" in [step["statement"] for step in done["statements"]]
    assert [step["statement"] for step in promote()["statements"]] == []
    assert go(info.work, source="", expected_source="", heartbeat="kc", max_lag=10, wait=10, host=second.host)["ready"], "its heart beats"
    # the former source follows, without a clone
    assert (remade := remake())["cloned"] is False
    assert remade["source_uuid"] == second.uuid
    assert remake()["changed"] is False
    assert not writable(first)
    # and back
    go(freeze.work, **{**FREEZE, "host": second.host})
    back = {**PROMOTE, "host": first.host, "source": second.host, "expected_source": second.uuid}
    assert go(promotion.work, **back)["lost"] == ""
    assert (writable(first), writable(second)) == (True, False)
    assert [row[0] for row in ready[0].rows("SELECT mode FROM kc.promotions ORDER BY id")] == ["planned", "planned"]
    assert go(rebuild.work, **{**following, **REBUILD})["cloned"] is False


def test_what_is_refused_leaves_all_as_it_was(go: Go, ready: list[Server], world: World, promote: Go) -> None:
    second = world.servers[1]

    def refused(*names: str, **params: Any) -> str:
        failed = promote(fails=True, **params)
        assert failed["changed"] is False
        assert {*failed["errors"][0]["code"].split(",")} == {*names}
        assert not writable(second)
        assert "\n" not in failed["msg"]
        return str(failed["msg"])

    def follows() -> bool:
        row = ready[1].dicts("SHOW REPLICA STATUS")[0]
        return bool(row["Replica_IO_Running"] == row["Replica_SQL_Running"] == "Yes")

    def changed(*statements: str) -> None:
        for statement in ("STOP REPLICA", *statements, "START REPLICA"):
            ready[1].run(statement)
        until(follows, "it follows")  # until then no transactions come either

    assert "still takes writes" in refused("not_frozen")
    assert "still takes writes" in refused("not_frozen", mode="forced")
    go(freeze.work, **FREEZE)
    assert "not 00000000" in refused("wrong_source", expected_source="00000000-0000-0000-0000-000000000000")
    ready[1].run("STOP REPLICA SQL_THREAD")
    assert "what came is not applied" in refused("sql_stopped")
    assert "what came is not applied" in refused("sql_stopped", mode="forced")
    changed("CHANGE REPLICATION FILTER REPLICATE_DO_DB = (d)")
    assert "it leaves something out" in refused("filters")
    changed("CHANGE REPLICATION FILTER REPLICATE_DO_DB = ()", "CHANGE REPLICATION SOURCE TO SOURCE_DELAY = 5")
    assert "behind on purpose" in refused("delay")
    changed("CHANGE REPLICATION SOURCE TO SOURCE_DELAY = 0")
    ready[1].run("SET GLOBAL super_read_only = OFF")
    ready[1].run("CREATE DATABASE errant")
    ready[1].run("SET GLOBAL super_read_only = ON")
    assert "it has 1 transactions of its own" in refused("errant")
    assert "it has 1 transactions of its own" in refused("errant", mode="forced")
    assert follows()


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"accept": ["errant"]}, "`accept` is for `mode: forced`"),
        ({"mode": "forced", "accept": ["wrong_source"]}, "`accept`: wrong_source is nothing that can be accepted"),
        ({"mode": "forced", "accept": ["backing_up"]}, "`accept`: backing_up is nothing that can be accepted"),
        ({"mode": "forced", "executed": "all"}, "'all' is no set of transactions"),
    ],
)
def test_options_that_are_refused(promote: Go, options: dict[str, Any], says: str) -> None:
    assert says in promote(fails=True, **options)["msg"]


def test_it_undoes_what_it_did_when_the_source_writes_again(
    go: Go, ready: list[Server], world: World, promote: Go, monkeypatch: pytest.MonkeyPatch
) -> None:
    go(freeze.work, **FREEZE)
    stop = promotion.Promoting._stop

    def thawed_meanwhile(self: promotion.Promoting) -> None:
        stop(self)
        ready[0].run("SET GLOBAL read_only = OFF")

    monkeypatch.setattr(promotion.Promoting, "_stop", thawed_meanwhile)
    failed = promote(fails=True)
    assert (failed["undone"], "takes writes again" in failed["msg"]) == (True, True)
    assert (writable(world.servers[0]), writable(world.servers[1])) == (True, False)
    until(lambda: ready[1].dicts("SHOW REPLICA STATUS")[0]["Replica_IO_Running"] == "Yes", "it follows again")


def test_without_a_record_what_was_lost_is_unknown(ready: list[Server], world: World, promote: Go) -> None:
    world.servers[0].kill()
    done = promote(mode="forced", fenced=True)
    assert (done["lost"], done["lost_count"]) == (None, None)
    assert ready[1].one("SELECT lost FROM kc.promotions") is None


# --- rebuild


def test_what_is_not_rebuilt(go: Go, ready: list[Server], world: World, promote: Go, remake: Go) -> None:
    first = world.servers[0]
    assert "is not the source: it follows another" in remake(fails=True)["msg"]
    go(freeze.work, **FREEZE)
    promote()
    ready[1].run("DELETE FROM kc.promotions")
    ready[0].run("SET GLOBAL read_only = OFF")
    assert "takes writes, and" in remake(fails=True)["msg"]
    assert "are the same server" in remake(fails=True, source=first.host)["msg"]
