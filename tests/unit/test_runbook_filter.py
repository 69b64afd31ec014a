"""What failover.yml reads of what it was told."""

from __future__ import annotations

from typing import Any

import pytest
from kc.units import network

from tests.loading import loaded

MODULE = loaded("plugins/filter/kc_runbook.py")


@pytest.mark.parametrize(
    ("said", "blind"),
    [
        ({"a": [], "b": []}, ["a", "b"]),
        ({"a": ["keeper-1:9281"], "b": []}, ["b"]),
        ({"a": ["keeper-1:9281"], "b": ["clickhouse-1:9440"]}, []),
        ({}, []),
    ],
)
def test_who_reaches_nothing_is_blind(said: dict[str, Any], blind: list[str]) -> None:
    hostvars = {node: {"vantage": {"reached": reached}} for node, reached in said.items()}
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


def test_instances_are_paired_by_their_names() -> None:
    former, now = [{"id": "a", "at": 1}, {"id": "b", "at": 1}], [{"id": "b", "at": 2}, {"id": "c", "at": 2}]
    assert MODULE.kc_pairs(former, now) == [({"id": "b", "at": 1}, {"id": "b", "at": 2})]


def test_a_fence_against_other_tiers_leaves_that_of_data() -> None:
    apart = MODULE.kc_apart("10.10.0.0/16", ["public", "private", "data"], ["a", "b"], "data")
    assert apart == [network.subnet_cidr("10.10.0.0/16", tier, zone) for tier in (0, 1) for zone in (0, 1)]


@pytest.mark.parametrize(("node", "port"), [("keeper-1.eu-west-1", 9281), ("clickhouse-1.me-west-1", 9440)])
def test_a_node_is_known_to_be_there_by_its_port(node: str, port: int) -> None:
    assert MODULE.kc_node_port(node, ["keeper-1.eu-west-1"]) == port
