"""What failover.yml reads of what it was told."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest

FILE = Path(__file__).parents[2] / "plugins" / "filter" / "kc_runbook.py"
SPEC = importlib.util.spec_from_file_location("kc_runbook_filter", FILE)
assert SPEC is not None and SPEC.loader is not None
MODULE: Any = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(MODULE)

REACHED, NOT = {"state": "started"}, {"msg": "Timeout when waiting for it"}


@pytest.mark.parametrize(
    ("said", "blind"),
    [
        ({"a": [NOT, NOT], "b": [NOT, NOT]}, ["a", "b"]),
        ({"a": [NOT, REACHED], "b": [NOT, NOT]}, ["b"]),
        ({"a": [REACHED], "b": [REACHED]}, []),
        ({}, []),
    ],
)
def test_who_reaches_nothing_is_blind(said: dict[str, Any], blind: list[str]) -> None:
    hostvars = {node: {"vantage": {"results": results}} for node, results in said.items()}
    # one did not answer at all, and one was not asked: neither has seen anything
    hostvars |= {"silent": {"vantage": {"unreachable": True}}, "elsewhere": {}}
    assert MODULE.kc_seen([*hostvars], hostvars) == {"asked": [*said], "blind": blind}


def test_a_replica_without_a_source_has_nothing_of_one() -> None:
    found = {"server": {"channels": [], "executed": "", "uuid": "u"}, "lag": {"seconds": None}}
    assert MODULE.kc_replica(found)["source"] == ""


def test_a_call_is_a_line() -> None:
    call = {"call": "ecs:update_service", "endpoint": "https://ecs.example", "region": "eu-central-1", "params": {"service": "api"}}
    assert MODULE.kc_call(call) == 'ecs:update_service at https://ecs.example (eu-central-1) {"service": "api"}'


@pytest.mark.parametrize(
    ("results", "untouched"),
    [
        ([{"failed": True, "msg": "refused", "applied": [], "changed": False}], True),
        ([{"failed": True, "applied": ["STOP REPLICA"], "changed": True, "undone": True}], True),
        ([{"failed": True, "applied": ["STOP REPLICA"], "changed": False}], False),
        ([{"changed": True, "applied": ["rds promote_read_replica"]}, {"failed": True, "applied": []}], False),
        ([{"failed": True, "msg": "an assertion"}], True),
    ],
)
def test_a_step_that_failed_says_whether_it_changed_anything(results: list[dict[str, Any]], untouched: bool) -> None:
    assert MODULE.kc_untouched(results) is untouched
