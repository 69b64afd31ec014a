"""Who is primary, since when, and what is degraded: by what regions and servers tell, and by what they don't."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from kc.runbook import journal
from kc.runbook.journal import Entry
from kc.status.entry import lines
from kc.status.judge import Told, missing, troubles, under_way, who
from kc.status.look import Seen

HOME, OTHER = "me-west-1", "eu-central-1"
SOURCE = {"id": "kc-lab-main", "role": "source", "state": "available", "follows": {}}
REPLICA = {"id": "kc-lab-main", "role": "replica", "state": "available", "follows": {"region": HOME}}
SILENT = Seen(untold=dict.fromkeys(("role", "fence", "services", "switch", "journals"), "ssm:get_parameter got no answer"))


def answer(about: Mapping[str, Any], role: str = "", **reasons: str) -> dict[str, Any]:
    told = {"objections": [*reasons], "reasons": [*reasons.values()], "ready": not reasons, "lag": {"seconds": 0.5}}
    return {**told, "database": about, "role": role or about["role"]}


GOOD = {HOME: Seen("primary", services={"api": (4, 4)}), OTHER: Seen("secondary", services={"api": (2, 2)}, switch="OK")}
# a replica that is asked alone never knows what its source has
ALONE = {"source_silent": "its source can't be asked", "errant_unknown": "whether it has transactions of its own is unknown"}
SERVERS = {HOME: [answer(SOURCE)], OTHER: [answer(REPLICA, **ALONE)]}
TABLES: dict[str, Any] = {region: {"ready": True, "reasons": [], "nodes": {}} for region in GOOD}


def found(seen: Mapping[str, Seen] = GOOD, primary: str = HOME, **told: Any) -> list[str]:
    whole = {"databases": {HOME: [SOURCE], OTHER: [REPLICA]}, "silent": {}, "mysql": SERVERS, "clickhouse": TABLES, **told}
    return [each.line for each in troubles(seen, Told(**whole), HOME, primary)]


def test_where_nothing_lacks_nothing_is_degraded() -> None:
    assert who(GOOD, HOME) == (HOME, [])
    assert found() == []
    assert [*missing(GOOD, ["api"])] == []


TURNED = {HOME: Seen("secondary"), OTHER: Seen("primary", switch="ALARM")}


def test_after_a_failover_that_went_all_the_way_only_what_it_left_is_degraded() -> None:
    there = {HOME: [SOURCE], OTHER: [SOURCE]}
    assert who(TURNED, HOME) == (OTHER, [])
    assert found(TURNED, OTHER, databases=there, mysql={}) == [
        "me-west-1: mysql: kc-lab-main is no replica: what it has, eu-central-1 does not get, and it gets nothing"
    ]


@pytest.mark.parametrize(
    ("seen", "primary", "told", "says"),
    [
        ({HOME: Seen("primary", fence=["0.0.0.0/0"])}, HOME, {}, ["me-west-1: fence: its data tier is fenced off from 0.0.0.0/0"]),
        ({HOME: Seen("primary", services={"api": (3, 4)})}, HOME, {}, ["me-west-1: services: api runs 3 of 4 tasks"]),
        (
            {OTHER: Seen("secondary", switch="ALARM")},
            HOME,
            {},
            ["eu-central-1: switch: it sends users to eu-central-1, and me-west-1 is primary"],
        ),
        ({HOME: SILENT}, HOME, {}, ["me-west-1: it gives no answer: ssm:get_parameter got no answer"]),
        ({HOME: Seen("primary", untold={"fence": "denied"})}, HOME, {}, ["me-west-1: fence: denied"]),
        ({OTHER: Seen("secondary", untold={"switch": "denied"})}, HOME, {}, ["eu-central-1: switch: denied"]),
        ({}, HOME, {"databases": {HOME: [SOURCE], OTHER: []}}, ["eu-central-1: mysql: there is no replica of kc-lab-main"]),
        (
            {},
            HOME,
            {"databases": {HOME: [{**SOURCE, "role": "replica"}], OTHER: [REPLICA]}, "mysql": {}},
            ["me-west-1: mysql: it is primary, and no instance of it takes writes"],
        ),
        (
            {},
            HOME,
            {"databases": {HOME: [{**SOURCE, "state": "storage-full"}], OTHER: [REPLICA]}},
            ["me-west-1: mysql: kc-lab-main is `storage-full`"],
        ),
        ({}, HOME, {"databases": {OTHER: [REPLICA]}, "silent": {HOME: "no answer"}}, ["me-west-1: mysql: no answer"]),
        (
            {},
            HOME,
            {"mysql": {OTHER: [answer(REPLICA, lag="it is 40.0 s behind", **ALONE)]}},
            ["eu-central-1: mysql: kc-lab-main: it is 40.0 s behind"],
        ),
        (
            {},
            HOME,
            {"mysql": {HOME: [answer(SOURCE, role="replica")]}},
            ["me-west-1: mysql: kc-lab-main is a replica by its own word, and should be a source"],
        ),
        ({}, HOME, {"mysql": {OTHER: [{"msg": "no node answers."}]}}, ["eu-central-1: mysql: it was not asked: no node answers"]),
        (
            {},
            HOME,
            {"clickhouse": {OTHER: {"ready": False, "reasons": ["n: d.t: it is read only"]}}},
            ["eu-central-1: clickhouse: n: d.t: it is read only"],
        ),
        ({}, HOME, {"clickhouse": {OTHER: {"msg": "no node of it answers"}}}, ["eu-central-1: clickhouse: no node of it answers"]),
        # nobody knows who is primary: what depends on it is not guessed
        ({OTHER: Seen("primary", switch="OK")}, "", {"databases": {HOME: [], OTHER: []}}, []),
    ],
)
def test_what_is_degraded_is_named(seen: dict[str, Seen], primary: str, told: dict[str, Any], says: list[str]) -> None:
    assert found({**GOOD, **seen}, primary, **told) == says


@pytest.mark.parametrize(
    ("roles", "primary", "says"),
    [
        (("primary", "secondary"), HOME, ""),
        (("secondary", "primary"), OTHER, ""),
        ((None, "primary"), OTHER, ""),
        ((None, "secondary"), HOME, ""),
        (("", ""), HOME, ""),
        (("primary", "primary"), "", "both say that they are primary"),
        (("secondary", "secondary"), "", "no region says that it is primary"),
        ((None, None), "", "can't be told"),
    ],
)
def test_who_is_primary_is_what_the_flags_say_together(roles: tuple[str | None, str | None], primary: str, says: str) -> None:
    who_is, wrong = who({HOME: Seen(roles[0]), OTHER: Seen(roles[1])}, HOME)
    assert who_is == primary
    assert [says in each.line for each in wrong] == ([True] if says else [])


def test_a_service_that_does_not_stand_is_named_where_its_region_tells_of_services() -> None:
    assert [each.line for each in missing({**GOOD, OTHER: SILENT}, ["api", "spa"])] == ["me-west-1: services: spa does not stand"]


def entries(*kinds: tuple[str, str], epoch: int = 3) -> list[Entry]:
    about = {"book": "failover", "arguments": {"to": OTHER}, "outcome": "completed"}
    return [Entry(epoch, number, kind, f"at {number}", {}, step, about) for number, (kind, step) in enumerate(kinds)]


def test_a_run_under_way_is_told_by_the_longest_journal() -> None:
    behind, ahead = entries((journal.OPENED, "")), entries((journal.OPENED, ""), (journal.BEGUN, "room"))
    seen = {HOME: Seen("primary", last=behind), OTHER: Seen("secondary", last=ahead, switch="OK")}
    assert under_way(seen)["step"] == "room"
    assert found(seen) == ["run: run 3 (failover) is under way since at 0, at the step `room`"]
    closed = entries((journal.OPENED, ""), (journal.BEGUN, "room"), (journal.CLOSED, ""))
    assert under_way({**seen, OTHER: Seen("secondary", last=closed)}) == {}, "the copy that is behind is no word on it"
    assert under_way(GOOD) == {}


def test_the_table_tells_what_is_known_and_what_is_not() -> None:
    known = {
        "role": "primary",
        "services": {"api": {"running": 3, "wanted": 4}},
        "mysql": [{"id": "kc-lab-main", "role": "replica", "state": "available", "lag": 0.5, "answers": True}],
        "clickhouse": {"a": "answers", "b": "no answer"},
    }
    unknown: dict[str, Any] = {"role": None, "services": {}, "mysql": [], "clickhouse": {}}
    made = {
        "primary": HOME,
        "since": "then",
        "by": "failover, run 3",
        "regions": {HOME: known, OTHER: unknown},
        "degraded": ["x"],
        "untold": [],
    }
    table = list(lines(made))
    assert table[0] == "me-west-1 is primary since then (failover, run 3)"
    assert table[2].split() == ["me-west-1", "primary", "kc-lab-main", "replica,", "0.5", "s", "behind", "3", "of", "4", "1", "of", "2"]
    assert table[3].split() == ["eu-central-1", "?", "?", "?", "?"]
    assert table[4:] == ["Degraded:", "  x", "Not known: nothing"]
    assert next(iter(lines({**made, "primary": ""}))) == "Nobody knows which region is primary"
