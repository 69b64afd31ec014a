"""A task's result: plain data, the same shape in both modes, and everything that is known after an error."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from kc.aws.session import Connection
from kc.errors import KcError
from kc.model import Live, Ref, Resource
from kc.unit import Params, Unit, connection_of, run, scope_of, text

from tests.unit.fakes import Cloud, FakeAws, FakeKind, kind_of

NET = kind_of("net")
SUB = kind_of("sub", immutable=frozenset({"in"}), keeps_data=True)
PARAMS = {"scope": {"platform": "kc", "environment": "lab", "account": "1", "region": "r1"}, "names": ["a", "b"]}


def build(scope: Any, params: Params) -> list[Resource]:
    resources = [Resource(NET, "n", {"cidr": "10.0.0.0/16", "tags": scope.tags("n")}, scope.region)]
    return resources + [Resource(SUB, name, {"in": [Ref("net", "n")]}, scope.region) for name in params["names"]]


UNIT = Unit("fake", (NET, SUB), build, ())


def go(cloud: Cloud, check: bool = False, unit: Unit = UNIT, **changed: Any) -> dict[str, Any]:
    result = run(unit, {**PARAMS, **changed}, check=check, aws=FakeAws(cloud))  # type: ignore[arg-type]
    assert json.loads(json.dumps(result)) == result, "plain data only"
    return result


def shape(value: Any) -> Any:
    """Return a result with its leaves replaced by nothing."""
    if isinstance(value, Mapping):
        return {key: shape(item) for key, item in value.items()}
    return [shape(item) for item in value] if isinstance(value, list) else None


def test_check_mode_returns_what_the_run_returns() -> None:
    cloud = Cloud()
    check, real = go(cloud, check=True), go(cloud)
    assert check["changed"] is real["changed"] is True
    assert [entry["name"] for entry in check["plan"]] == ["n", "a", "b"]
    assert shape(check["plan"]) == shape(real["plan"])
    assert check["standing"] == real["standing"] == {"net": 1, "sub": 2}
    assert check["outputs"]["sub"]["a"] == {"id": "(known after apply)", "region": "r1"}
    assert {kind: set(found) for kind, found in check["outputs"].items()} == {kind: set(found) for kind, found in real["outputs"].items()}
    again = go(cloud)
    assert (again["changed"], again["plan"], again["diff"], shape(again["outputs"])) == (False, [], [], shape(real["outputs"]))
    assert check.keys() == real.keys() == again.keys()


def test_one_name_in_two_regions_is_two_outputs() -> None:
    def both(scope: Any, params: Params) -> list[Resource]:
        return [Resource(NET, name, {}, region) for name, region in (("n", "r1"), ("n", "r2"), ("m", "r2"))]

    result = go(Cloud(), unit=Unit("fake", (NET,), both, (), regions=lambda scope, params: ["r1", "r2"]))
    assert {name: one["region"] for name, one in result["outputs"]["net"].items()} == {"n@r1": "r1", "n@r2": "r2", "m": "r2"}
    assert result["standing"] == {"net": 3}


def test_a_plan_says_what_was_and_what_will_be() -> None:
    cloud = Cloud()
    go(cloud)
    cloud.things[0].attrs["cidr"] = "10.9.0.0/16"
    result = go(cloud, check=True)
    assert result["plan"] == [
        {
            "action": "update", "kind": "net", "name": "n", "region": "r1",
            "before": {"cidr": "10.9.0.0/16"}, "after": {"cidr": "10.0.0.0/16"},
        }
    ]  # fmt: skip
    assert result["diff"] == [
        {
            "before_header": "update net n (r1)", "after_header": "update net n (r1)",
            "before": "cidr: 10.9.0.0/16\n", "after": "cidr: 10.0.0.0/16\n",
        }
    ]  # fmt: skip


def test_absent_takes_all_away_but_data_unless_told() -> None:
    cloud = Cloud()
    go(cloud)
    kept = go(cloud, state="absent")
    assert kept["plan"] == []
    assert sorted(kept["kept"]) == ["net n (r1)", "sub a (r1)", "sub b (r1)"]
    assert kept["standing"] == {"net": 1, "sub": 2}
    gone = go(cloud, state="absent", data="delete")
    assert [entry["action"] for entry in gone["plan"]] == ["delete"] * 3
    assert (gone["standing"], gone["outputs"], cloud.things) == ({}, {}, [])


def failing(cloud: Cloud, what: str, error: Exception) -> None:
    call = cloud.call

    def wrapped(name: str, act: Any) -> Any:
        if name == what:
            raise error
        return call(name, act)

    cloud.call = wrapped  # type: ignore[method-assign]


def test_an_error_comes_with_what_was_applied_and_what_stands() -> None:
    cloud = Cloud()
    failing(cloud, "create sub b", KcError("ec2:create_subnet in r1 answered No: no", code="No", operation="ec2:create_subnet", hint="ask"))
    result = go(cloud)
    assert result["failed"] and result["changed"]
    assert result["msg"] == "sub b (r1): ec2:create_subnet in r1 answered No: no. Ask."
    assert sorted(result["applied"]) == ["create net n (r1)", "create sub a (r1)"]
    assert result["errors"] == [
        {
            "message": "sub b (r1): ec2:create_subnet in r1 answered No: no", "hint": "ask", "code": "No",
            "operation": "ec2:create_subnet", "region": "r1", "kind": "sub", "name": "b",
        }
    ]  # fmt: skip
    assert result["standing"] == {"net": 1, "sub": 1} and len(result["plan"]) == 3
    assert "exception" not in result


def test_a_plan_of_which_nothing_was_applied_changed_nothing() -> None:
    cloud = Cloud()
    failing(cloud, "create net n", KcError("no", code="No"))
    result = go(cloud)
    assert (result["failed"], result["changed"], result["applied"], len(result["plan"])) == (True, False, [], 3)
    assert "Not tried because of it: create sub a (r1), create sub b (r1)" in result["msg"]


def test_a_defect_comes_with_its_traceback_and_what_was_applied() -> None:
    cloud = Cloud()
    failing(cloud, "create sub b", KeyError("SubnetId"))
    result = go(cloud)
    assert result["msg"].startswith("sub b (r1): KeyError: 'SubnetId'. This is a defect of the toolkit")
    assert "Traceback" in result["exception"] and "SubnetId" in result["exception"]
    assert "create net n (r1)" in result["applied"]


def test_an_error_before_anything_was_planned_has_the_same_shape() -> None:
    cloud = Cloud()
    failing(cloud, "list net r1", KcError("ec2:describe_vpcs in r1 answered No: no", code="No"))
    result = go(cloud)
    assert (result["failed"], result["changed"], result["plan"], result["applied"]) == (True, False, [], [])
    assert result["errors"][0]["kind"] == "net" and "describe_vpcs" in result["msg"]


def test_a_refused_plan_names_the_resource() -> None:
    cloud = Cloud()
    go(cloud)
    cloud.things[1].attrs["in"] = ["elsewhere"]
    result = go(cloud)
    assert (result["errors"][0]["kind"], result["errors"][0]["name"]) == ("sub", cloud.things[1].name)
    assert "AWS can't change it in place" in result["msg"]


def test_a_builders_error_is_the_tasks() -> None:
    def wrong(scope: Any, params: Params) -> list[Resource]:
        raise KcError("`names` is empty", hint="name one")

    assert go(Cloud(), unit=Unit("fake", (NET,), wrong, ()))["msg"] == "`names` is empty. Name one."


def test_the_scope_and_the_connection_are_the_tasks() -> None:
    given = {
        **PARAMS["scope"],
        "client": "acme",
        "tags": {"Owner": "ops"},
        "aws": {"endpoint_url": "http://x", "profile": None, "attempts": 3},
    }  # type: ignore[dict-item]
    scope = scope_of(UNIT, {"scope": given})
    assert scope.own_tags == {"Platform": "kc", "Environment": "lab", "Component": "fake", "Client": "acme"}
    assert scope.extra_tags == {"Owner": "ops"}
    assert connection_of({"scope": given}) == Connection(endpoint_url="http://x", attempts=3)
    assert connection_of({"scope": {**given, "aws": None}}) == Connection()


@pytest.mark.parametrize(
    ("value", "expected"),
    [(None, ""), ({}, "{}\n"), ({"b": 1, "a": [True, None]}, "a:\n- true\n- null\nb: 1\n"), ({"a": ("x",)}, "a:\n- x\n")],
)
def test_attributes_are_shown_as_yaml(value: Any, expected: str) -> None:
    assert text(value) == expected


def test_a_kind_that_can_not_be_changed_says_so() -> None:
    class Fixed(FakeKind):
        name = "fixed"

        def update(self, aws: Any, scope: Any, name: str, live: Live, want: Any, changed: frozenset[str]) -> None:
            super(FakeKind, self).update(aws, scope, name, live, want, changed)

    fixed = Fixed()
    fixed.create = lambda aws, scope, name, want: Live({"a": 0}, {"id": aws.cloud.add("fixed", "r1", name, {"a": 0}).id})  # type: ignore[method-assign]
    unit = Unit("fake", (fixed,), lambda scope, params: [Resource(fixed, "x", {"a": 1}, "r1")], ())
    cloud = Cloud()
    go(cloud, unit=unit)
    assert go(cloud, unit=unit)["msg"] == "fixed x (r1): fixed x can't be changed in place: a."
