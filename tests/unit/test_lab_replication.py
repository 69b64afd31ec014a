"""Which replication rules cover an object."""

from __future__ import annotations

from typing import Any

import pytest

from lab.behaviours.s3_replication import is_on, rules_for


def rule(to: str, priority: int = 1, status: str = "Enabled", **more: Any) -> dict[str, Any]:
    return {"Status": status, "Priority": str(priority), "Destination": {"Bucket": f"arn:aws:s3:::{to}"}, "ID": f"{to}{priority}", **more}


TAGGED = {"Filter": {"Tag": {"Key": "keep", "Value": "yes"}}}
BOTH = {"Filter": {"And": {"Prefix": "a/", "Tag": [{"Key": "x", "Value": "1"}, {"Key": "y", "Value": None}]}}}


@pytest.mark.parametrize(
    ("rules", "key", "tags", "chosen"),
    [
        ([], "a", {}, []),
        ([rule("b")], "a", {}, ["b1"]),
        ([rule("b", Filter=None)], "a", {}, ["b1"]),
        ([rule("b", status="Disabled")], "a", {}, []),
        ([rule("b", Filter={"Prefix": "a/"})], "a/1", {}, ["b1"]),
        ([rule("b", Filter={"Prefix": "a/"})], "b/1", {}, []),
        ([rule("b", Prefix="a/")], "b/1", {}, []),
        ([rule("b", **TAGGED)], "a", {"keep": "yes"}, ["b1"]),
        ([rule("b", **TAGGED)], "a", {"keep": "no"}, []),
        ([rule("b", **TAGGED)], "a", None, []),
        ([rule("b", **BOTH)], "a/1", {"x": "1", "y": ""}, ["b1"]),
        ([rule("b", **BOTH)], "a/1", {"x": "1"}, []),
        ([rule("b", 1), rule("b", 3), rule("b", 2)], "a", {}, ["b3"]),
        ([rule("b", 1), rule("c", 2)], "a", {}, ["b1", "c2"]),
        ([rule("b", 1), rule("b", 2, Filter={"Prefix": "z"})], "a", {}, ["b1"]),
    ],
)
def test_one_rule_a_destination(rules: list[dict[str, Any]], key: str, tags: dict[str, str] | None, chosen: list[str]) -> None:
    assert [one["ID"] for one in rules_for({"Rule": rules}, key, tags)] == chosen


def test_a_bucket_without_rules_has_none() -> None:
    assert rules_for(None, "a", {}) == []


@pytest.mark.parametrize(
    ("holder", "on"),
    [
        (None, False),
        ({}, False),
        ({"SourceSelectionCriteria": None}, False),
        ({"SourceSelectionCriteria": {"ReplicaModifications": {"Status": "Disabled"}}}, False),
        ({"SourceSelectionCriteria": {"ReplicaModifications": {"Status": "Enabled"}}}, True),
    ],
)
def test_a_switch_that_is_not_there_is_off(holder: dict[str, Any] | None, on: bool) -> None:
    assert is_on(holder, "SourceSelectionCriteria", "ReplicaModifications") is on
