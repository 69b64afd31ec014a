"""The unit `parameters`: what the builder makes of its options."""

from __future__ import annotations

from typing import Any

import pytest
from kc.errors import KcError
from kc.scope import Scope
from kc.units.parameters import UNIT, build

SCOPE = Scope("kc", "lab", "123456789012", "me-west-1", UNIT.name)


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({}, []),
        ({"values": None, "runbook_values": None}, []),
        ({"values": {"log": "info"}}, [("parameter", "/kc/lab/log", "info")]),
        ({"values": {"api/limits/rate": "5"}}, [("parameter", "/kc/lab/api/limits/rate", "5")]),
        ({"runbook_values": {"role": "primary"}}, [("state", "/kc/lab/state/role", "primary")]),
        (
            {"values": {"b": "2", "a": "1"}, "runbook_values": {"a": "3"}},
            [("parameter", "/kc/lab/a", "1"), ("parameter", "/kc/lab/b", "2"), ("state", "/kc/lab/state/a", "3")],
        ),
        ({"values": {"states": "x"}}, [("parameter", "/kc/lab/states", "x")]),
    ],
)
def test_one_resource_a_parameter(params: dict[str, Any], expected: list[tuple[str, str, str]]) -> None:
    made = build(SCOPE, params)
    assert [(each.kind.name, each.name, each.desired["value"]) for each in made if each.desired] == expected
    assert all(each.region == "me-west-1" and each.desired and each.desired["tags"] == SCOPE.tags() for each in made)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("yes", "yes"),
        ("007", "007"),
        (True, "true"),
        (7, "7"),
        (0, "0"),
        (0.5, "0.5"),
        (["a", 1], '["a", 1]'),
        ({"b": 1, "a": None}, '{"a": null, "b": 1}'),
        ("x" * 4096, "x" * 4096),
    ],
)
def test_a_value_is_a_text_or_json(value: Any, text: str) -> None:
    (made,) = build(SCOPE, {"values": {"name": value}})
    assert made.desired is not None
    assert made.desired["value"] == text


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"values": {"empty": ""}}, "parameter /kc/lab/empty has a value of 0 bytes"),
        ({"runbook_values": {"long": "é" * 2049}}, "parameter /kc/lab/state/long has a value of 4098 bytes"),
        ({"values": {"state/role": "primary"}}, "`values` names `state/role`"),
        ({"values": {"a b": "1"}}, "`/kc/lab/a b` is no name for a parameter"),
    ],
)
def test_what_parameter_store_refuses_is_refused_first(params: dict[str, Any], message: str) -> None:
    with pytest.raises(KcError) as caught:
        build(SCOPE, params)
    assert message in caught.value.message
    assert caught.value.hint
