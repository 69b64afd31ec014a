"""Whether the standby could take over: every planted fault is found, named, and counted, and what nobody tells is never good."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kc.readiness import judge, told
from kc.readiness.finding import WEIGHTS, Finding, lines, score
from kc.readiness.judge import Copies

NOW = datetime(2026, 1, 31, 21, tzinfo=UTC)
HOME, STANDBY = "me-west-1", "eu-central-1"
FOUR = [{"action": "update", "kind": "bucket", "name": str(number), "region": STANDBY} for number in range(4)]


def certificate(days: int, status: str = "ISSUED") -> dict[str, Any]:
    return {"DomainName": "x.example", "Status": status, "NotAfter": NOW + timedelta(days=days)}


def service(name: str, running: int, desired: int) -> dict[str, Any]:
    return {"serviceName": name, "runningCount": running, "desiredCount": desired}


def replica(**about: Any) -> Finding:
    [found] = told.judge_replicas([{"database": {"id": "kc-lab-main"}, **about}])
    return found


def quota(verdict: str) -> dict[str, str]:
    return {"check": "VPCs", "region": STANDBY, "verdict": verdict, "detail": "1 needed, 0 of 5 free"}


@pytest.mark.parametrize(
    ("found", "verdict", "says"),
    [
        (judge.judge_roles({HOME: "primary", STANDBY: "secondary"}, HOME, STANDBY), "ok", "me-west-1 is primary"),
        (judge.judge_roles({HOME: "secondary", STANDBY: "primary"}, HOME, STANDBY), "fail", "eu-central-1 is primary itself"),
        (judge.judge_roles({HOME: "primary", STANDBY: "primary"}, HOME, STANDBY), "fail", "both say that they are primary"),
        (judge.judge_roles({HOME: "secondary", STANDBY: "secondary"}, HOME, STANDBY), "fail", "no region says that it is primary"),
        (judge.judge_roles({HOME: None, STANDBY: "secondary"}, HOME, STANDBY), "unknown", "me-west-1 gave no answer"),
        (judge.judge_certificates([certificate(30)], NOW), "ok", "1 are good"),
        (judge.judge_certificates([certificate(90), certificate(29)], NOW), "fail", "x.example ends in 29 days"),
        (judge.judge_certificates([certificate(90, "PENDING_VALIDATION")], NOW), "fail", "none that is issued"),
        (judge.judge_capacity([service("a", 2, 2)], {"a": 1}), "ok", "1 services"),
        (judge.judge_capacity([service("a", 1, 2)], {"a": 1, "b": 1}), "fail", "b does not stand, a runs 1 of 2 tasks"),
        (judge.judge_capacity([service("a", 0, 0)], {"a": 1}), "fail", "a runs 0 of 1 tasks"),
        (judge.judge_capacity([service("a", 0, 0)], {"a": 0}), "ok", "1 services"),
        (judge.judge_capacity([], {"a": 0}), "fail", "a does not stand"),
        (judge.judge_images({"a": {"1"}}, {"a": {"1", "2"}}, {"a": "1"}), "ok", "1 are in both"),
        (judge.judge_images({"a": {"1"}}, {"a": {"2"}}, {"a": "1"}), "fail", "the image of a is not in the standby"),
        (judge.judge_images({}, {"a": {"1"}}, {"a": "1"}), "fail", "the image of a is in the standby only"),
        (judge.judge_secrets({"a": "1"}, {"a": "1", "b": "1"}), "ok", "1 are the same"),
        (judge.judge_secrets({"a": "1", "b": "1"}, {"a": "2"}), "fail", "b is missing, a has another version"),
        (judge.judge_secrets({"a": ""}, {"a": ""}), "fail", "a is missing in the primary"),
        (judge.judge_drill(NOW - timedelta(days=90), NOW), "ok", "90 days ago"),
        (judge.judge_drill(NOW - timedelta(days=91), NOW), "fail", "91 days ago"),
        (judge.judge_drill(None, NOW), "fail", "there was none"),
        (judge.judge_backups(NOW - timedelta(hours=26), NOW), "ok", "26 hours old"),
        (judge.judge_backups(NOW - timedelta(hours=27), NOW), "fail", "27 hours old"),
        (judge.judge_backups(None, NOW), "fail", "empty"),
        (judge.judge_objects({"a": Copies(True, 5, 0), "b": Copies(True, None, 0)}, 5), "ok", "2 buckets are copied, 5 copies wait"),
        (judge.judge_objects({"a": Copies(True, 6, 0), "b": Copies(True, 0, 0)}, 5), "fail", "6 copies of a wait"),
        (judge.judge_objects({"a": Copies(False, None, 0)}, 5), "fail", "nothing copies a"),
        (judge.judge_objects({"a": Copies(True, 0, 2)}, 5), "fail", "2 copies of a failed within a day"),
        (judge.judge_objects({"a": Copies(True, None, 0, ["x", "y"])}, 5), "fail", "x, y of a did not come"),
        (replica(ready=True, reasons=[], lag={"seconds": 0.25}), "ok", "kc-lab-main is 0.2 s behind"),
        (replica(ready=False, reasons=["it is 40 s behind"], lag={"seconds": 40}), "fail", "kc-lab-main: it is 40 s behind"),
        (replica(msg="no way there."), "unknown", "kc-lab-main was not asked: no way there"),
        (next(told.judge_replicas([])), "fail", "no replica of MySQL"),
        (told.judge_clickhouse({"ready": True, "nodes": {"n": {"tables": {"d.t": {}}}}}), "ok", "1 replicated tables are ready on 1 nodes"),
        (told.judge_clickhouse({"ready": False, "reasons": ["n: d.t is read only"]}), "fail", "n: d.t is read only"),
        (told.judge_clickhouse({"msg": "wrong password"}), "unknown", "it was not asked: wrong password"),
        (told.judge_quotas({"checks": [quota("ok")]}), "ok", "1 quotas"),
        (told.judge_quotas({"checks": [quota("ok"), quota("fail")]}), "fail", "VPCs: 1 needed, 0 of 5 free"),
        (told.judge_quotas({"checks": [quota("unknown")]}), "unknown", "VPCs"),
        (told.judge_quotas({"msg": "the inventory has 1 problem"}), "unknown", "the inventory has 1 problem"),
        (told.judge_drift({"plan": [], "rc": 0}), "ok", "nothing differs"),
        (told.judge_drift({"plan": FOUR, "rc": 2}), "fail", "update bucket 0 (eu-central-1), update bucket 1 (eu-central-1), "),
        (told.judge_drift({"plan": FOUR, "rc": 2}), "fail", ", 1 more"),
        (told.judge_drift({"plan": [], "rc": 2, "msg": "a unit failed"}), "unknown", "a unit failed"),
        (told.judge_drift({"msg": "it took longer than 45 seconds"}), "unknown", "longer than 45"),
        *((found, "unknown", "nobody could be asked") for found in told.judge_told({})),
    ],
)
def test_a_fault_is_found_and_named(found: Finding, verdict: str, says: str) -> None:
    assert (found.verdict, says in found.says) == (verdict, True), found
    assert (found.hint == "") is (verdict == "ok")


VERDICTS = st.dictionaries(st.sampled_from([*WEIGHTS]), st.sampled_from(["ok", "fail", "unknown"]))


@given(VERDICTS)
def test_the_score_is_what_is_good_and_a_blocker_is_never_ready(verdicts: Mapping[str, Any]) -> None:
    made = score(Finding(name, verdict, "x") for name, verdict in verdicts.items())
    good = sum(WEIGHTS[name][0] for name, verdict in verdicts.items() if verdict == "ok")
    assert made["score"] == round(100 * good / sum(weight for weight, _ in WEIGHTS.values()))
    needed = {name for name, (_, blocks) in WEIGHTS.items() if blocks}
    assert made["ready"] is all(verdicts.get(name) == "ok" for name in needed)
    assert {each.split(":")[0] for each in made["blockers"]} == {name for name in needed if verdicts.get(name) != "ok"}
    assert [each["check"] for each in made["findings"]] == [*WEIGHTS]


def test_of_several_findings_the_worst_counts() -> None:
    every = [Finding(name, "ok", "x") for name in WEIGHTS]
    assert score(every)["score"] == 100 and score(every)["ready"]
    made = score([*every, Finding("replica", "fail", "kc-lab-other lags 40 s")])
    assert made["blockers"] == ["replica: kc-lab-other lags 40 s"] and made["score"] < 100


def test_there_are_twelve_checks_and_weights_are_whole() -> None:
    assert len(WEIGHTS) == 12
    assert sum(weight for weight, _ in WEIGHTS.values()) == 100


def test_the_table_has_a_line_a_finding_and_says_what_to_do() -> None:
    good = [Finding(name, "ok", "x") for name in WEIGHTS if name not in ("keys", "drill")]
    table = list(
        lines(score([*good, Finding("keys", "fail", "another key", "look"), Finding("drill", "fail", "none", "drill")]), STANDBY, HOME)
    )
    assert table[0] == "eu-central-1 could NOT take over from me-west-1: 85 of 100"
    assert [line.split()[:3] for line in table if line.startswith(("keys", "drill"))] == [["keys", "10", "BLOCKS"], ["drill", "5", "fail"]]
    assert [line.strip() for line in table if line.startswith(" ")] == ["look", "drill"]
