"""Who takes writes: one server at any time, and never one that another was promoted in the place of."""

from __future__ import annotations

import pytest
from hands import fqdn, run, until
from servers import APP, REPLICA, SOURCE, UNIT, ask, follow, follows, module, one, writable

PROBE = {"user": APP[0], "password": APP[1], "table": "app.rows_of"}
FREEZE = {"probe": PROBE, "kill": True, "other": "", "alone": False, "database": "kc", "wait": 20}
PROMOTE = {
    "mode": "planned",
    "accept": [],
    "fenced": False,
    "executed": "",
    "database": "kc",
    "max_lag": 10,
    "wait": 30,
    "events": True,
    "backup_days": 1,
    "promotion_wait": 10,
}
REBUILD = {"discard": "", "database": "kc", "clone_wait": 120, "aside": ""}


def done(result: dict[str, object]) -> dict[str, object]:
    """Return a module's result, which is no failure."""
    assert not result.get("failed"), result["msg"]
    return result


def switch(new: str, old: str) -> None:
    """Have a replica take its source's place, as planned."""
    uuid = one(old, "SELECT @@server_uuid")
    done(module(old, "freeze", state="frozen", **FREEZE))
    done(module(new, "promotion", source=fqdn(old), expected_source=uuid, **PROMOTE))


def rebuild(host: str, source: str) -> None:
    """Have a former source follow the new one; whatever only it has is thrown away."""
    given = {**follow(host, source), **REBUILD}
    result = module(host, "rebuild", **given)
    if result.get("failed"):
        given["discard"] = str(result["msg"]).partition("has not: ")[2].partition(" ")[0]
    done(result if not result.get("failed") else module(host, "rebuild", **given))
    until(lambda: follows(host, source))


@pytest.mark.parametrize("ends", ["stop", "kill"])
def test_a_source_that_was_replaced_as_planned_comes_back_read_only(ends: str) -> None:
    switch(REPLICA, SOURCE)
    run(SOURCE, "systemctl", "stop" if ends == "stop" else "kill", *(["--signal=KILL"] if ends == "kill" else []), UNIT)
    run(SOURCE, "systemctl", "start", UNIT)
    until(lambda: one(SOURCE, "SELECT @@super_read_only") == 1)
    assert writable(REPLICA) and not writable(SOURCE)
    rebuild(SOURCE, REPLICA)
    switch(SOURCE, REPLICA)
    rebuild(REPLICA, SOURCE)


def test_a_source_that_was_replaced_while_it_was_away_comes_back_read_only() -> None:
    """Nobody froze it: what it had persisted lets it take writes."""
    uuid = one(SOURCE, "SELECT @@server_uuid")
    run(SOURCE, "systemctl", "stop", UNIT)
    done(module(REPLICA, "promotion", source=fqdn(SOURCE), expected_source=uuid, **{**PROMOTE, "mode": "forced", "fenced": True}))
    assert ask(REPLICA, REPLICA, "REPLACE INTO app.rows_of VALUES (7, 'meanwhile')", user=APP) == []
    assert '"super_read_only": {"Value": "OFF"' in run(SOURCE, "cat", "/var/lib/kc/mysql/data/mysqld-auto.cnf")
    run(SOURCE, "systemctl", "start", UNIT)
    until(lambda: one(SOURCE, "SELECT @@super_read_only") == 1)
    assert writable(REPLICA) and not writable(SOURCE)
    assert f"It begins read only, although it took writes when it ended: {fqdn(REPLICA)} takes writes." in run(
        SOURCE, "journalctl", "--unit", UNIT, "--output=cat", "--lines=50"
    )
    # and so at each start, until it follows
    run(SOURCE, "systemctl", "restart", UNIT)
    until(lambda: one(SOURCE, "SELECT @@super_read_only") == 1)
    rebuild(SOURCE, REPLICA)
    run(SOURCE, "systemctl", "restart", UNIT)
    until(lambda: follows(SOURCE, REPLICA))
    assert not writable(SOURCE)
    switch(SOURCE, REPLICA)
    rebuild(REPLICA, SOURCE)
    assert ask(SOURCE, SOURCE, "SELECT who FROM app.rows_of WHERE id = 7", user=APP) == [["meanwhile"]]


def test_a_source_that_nobody_speaks_for_begins_read_only_until_somebody_says_otherwise() -> None:
    run(REPLICA, "systemctl", "stop", UNIT)
    run(SOURCE, "systemctl", "restart", UNIT)
    assert one(SOURCE, "SELECT @@super_read_only") == 1
    said = run(SOURCE, "journalctl", "--unit", UNIT, "--output=cat", "--lines=50")
    assert f"whether {fqdn(REPLICA)} takes writes is not known after 15 s" in said
    refused = module(SOURCE, "freeze", state="thawed", **{**FREEZE, "other": fqdn(REPLICA)})
    assert refused["failed"] and "nobody knows whether" in str(refused["msg"])
    run(REPLICA, "systemctl", "start", UNIT)
    until(lambda: one(REPLICA, "SELECT 1") == 1)
    done(module(SOURCE, "freeze", state="thawed", **{**FREEZE, "other": fqdn(REPLICA)}))
