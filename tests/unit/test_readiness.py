"""Whether the standby could take over: every planted fault is found, named, and counted, and what nobody tells is never good."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kc import readiness
from kc.readiness import WEIGHTS, Finding, score

NOW = datetime(2026, 1, 31, 21, tzinfo=UTC)
HOME, STANDBY = "me-west-1", "eu-central-1"


def certificate(days: int, status: str = "ISSUED") -> dict[str, Any]:
    return {"DomainName": "x.example", "Status": status, "NotAfter": NOW + timedelta(days=days)}


def service(name: str, running: int, desired: int, status: str = "ACTIVE") -> dict[str, Any]:
    return {"serviceName": name, "runningCount": running, "desiredCount": desired, "status": status}


@pytest.mark.parametrize(
    ("found", "verdict", "says"),
    [
        (readiness.judge_roles({HOME: "primary", STANDBY: "secondary"}, HOME, STANDBY), "ok", "me-west-1 is primary"),
        (readiness.judge_roles({HOME: "secondary", STANDBY: "primary"}, HOME, STANDBY), "fail", "eu-central-1 is primary itself"),
        (readiness.judge_roles({HOME: "primary", STANDBY: "primary"}, HOME, STANDBY), "fail", "both say that they are primary"),
        (readiness.judge_certificates([certificate(30)], NOW), "ok", "1 are good"),
        (readiness.judge_certificates([certificate(90), certificate(29)], NOW), "fail", "x.example ends in 29 days"),
        (readiness.judge_certificates([certificate(90, "PENDING_VALIDATION")], NOW), "fail", "none that is issued"),
        (readiness.judge_capacity([service("a", 2, 2)], ["a"]), "ok", "1 services"),
        (readiness.judge_capacity([service("a", 1, 2)], ["a", "b"]), "fail", "b does not stand, a runs 1 of 2 tasks"),
        (readiness.judge_capacity([service("a", 0, 0)], ["a"]), "fail", "a runs 0 of 0 tasks"),
        (readiness.judge_capacity([service("a", 2, 2, "DRAINING")], ["a"]), "fail", "a does not stand"),
        (readiness.judge_images({"a": {"1"}}, {"a": {"1", "2"}}, {"a": "1"}), "ok", "1 are in both"),
        (readiness.judge_images({"a": {"1"}}, {"a": {"2"}}, {"a": "1"}), "fail", "the image of a is not in the standby"),
        (readiness.judge_images({}, {"a": {"1"}}, {"a": "1"}), "fail", "the image of a is in the standby only"),
        (readiness.judge_secrets({"a": "1"}, {"a": "1", "b": "1"}), "ok", "1 are the same"),
        (readiness.judge_secrets({"a": "1", "b": "1"}, {"a": "2"}), "fail", "b is missing, a has another version"),
        (readiness.judge_drill(NOW - timedelta(days=90), NOW), "ok", "90 days ago"),
        (readiness.judge_drill(NOW - timedelta(days=91), NOW), "fail", "91 days ago"),
        (readiness.judge_drill(None, NOW), "fail", "there was none"),
        (readiness.judge_backups(NOW - timedelta(hours=26), NOW), "ok", "26 hours old"),
        (readiness.judge_backups(NOW - timedelta(hours=27), NOW), "fail", "27 hours old"),
        (readiness.judge_backups(None, NOW), "fail", "empty"),
    ],
)
def test_a_fault_is_found_and_named(found: Finding, verdict: str, says: str) -> None:
    assert (found.verdict, says in found.says) == (verdict, True), found
    assert (found.hint == "") is (verdict == "ok")


VERDICTS = st.dictionaries(st.sampled_from([*WEIGHTS]), st.sampled_from(["ok", "fail", "unknown"]))


@given(VERDICTS)
def test_the_score_is_what_is_good_and_a_blocker_is_never_ready(verdicts: dict[str, Any]) -> None:
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


def test_weights_are_whole() -> None:
    assert sum(weight for weight, _ in WEIGHTS.values()) == 100
