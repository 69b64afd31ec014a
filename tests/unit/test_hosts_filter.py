"""Hosts as data for a role."""

from __future__ import annotations

from typing import Any

import pytest

from tests.loading import loaded

MODULE = loaded("plugins/filter/kc_hosts.py")

HOSTVARS: dict[str, dict[str, Any]] = {
    "a": {"name": "a.x", "region": "east", "client": "acme"},
    "b": {"name": "b.x", "region": "west"},
    "c": {"name": "c.x", "region": "west", "client": "acme"},
}


@pytest.mark.parametrize(
    ("more", "found"),
    [
        ({}, ["a.x", "b.x", "c.x"]),
        ({"first": {"region": "west"}}, ["b.x", "c.x", "a.x"]),
        ({"where": {"client": "acme"}}, ["a.x", "c.x"]),
        ({"where": {"client": "acme"}, "first": {"region": "west"}}, ["c.x", "a.x"]),
        ({"where": {"client": "nobody"}}, []),
    ],
)
def test_hosts(more: dict[str, Any], found: list[str]) -> None:
    assert MODULE.kc_hosts(["a", "b", "c"], HOSTVARS, {"host": "name"}, **more) == [{"host": name} for name in found]
