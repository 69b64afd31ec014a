"""The unit `parameters` against an AWS API."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

Fixture = Callable[..., Any]

WANTED = {"values": {"log": "info", "api/limits/rate": 5}, "runbook_values": {"role": "primary"}}
LOG, RATE, ROLE = "/kc/lab/log", "/kc/lab/api/limits/rate", "/kc/lab/state/role"


def lines(result: dict[str, Any]) -> list[tuple[str, str]]:
    return [(change["action"], change["name"]) for change in result["plan"]]


def values(ssm: Any, path: str = "/kc/lab") -> dict[str, str]:
    found = ssm.get_parameters_by_path(Path=path, Recursive=True)["Parameters"]
    return {each["Name"]: each["Value"] for each in found}


def tags(ssm: Any, name: str) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in ssm.list_tags_for_resource(ResourceType="Parameter", ResourceId=name)["TagList"]}


def test_first_run_makes_them_and_the_second_plans_nothing(converge: Fixture, scope_option: Fixture, client: Fixture) -> None:
    params = {"scope": scope_option(), **WANTED}
    planned = converge("parameters", params, check=True)
    assert values(client("ssm")) == {}
    made = converge("parameters", params)
    assert made["plan"] == planned["plan"]
    assert values(client("ssm")) == {LOG: "info", RATE: "5", ROLE: "primary"}
    assert made["outputs"]["state"][ROLE]["value"] == "primary"
    assert not converge("parameters", params)["changed"]
    assert values(client("ssm", "eu-central-1")) == {}


@pytest.mark.parametrize(
    ("spoil", "before", "after"),
    [
        (lambda ssm: ssm.put_parameter(Name=LOG, Value="debug", Type="String", Overwrite=True), {"value": "debug"}, {"value": "info"}),
        (lambda ssm: retag(ssm, "Owner", "me"), {"Owner": "me"}, {"Owner": "operations"}),
        (lambda ssm: retag(ssm, "Environment", "other"), {"Environment": "other"}, {"Environment": "lab"}),
        (
            lambda ssm: ssm.remove_tags_from_resource(ResourceType="Parameter", ResourceId=LOG, TagKeys=["Owner"]),
            {},
            {"Owner": "operations"},
        ),
    ],
    ids=["value", "tag", "tag that the name says too", "tag taken away"],
)
def test_drift_is_planned_and_put_back(
    spoil: Callable[[Any], None], before: dict[str, str], after: dict[str, str], converge: Fixture, scope_option: Fixture, client: Fixture
) -> None:
    params = {"scope": scope_option(tags={"Owner": "operations"}), **WANTED}
    converge("parameters", params)
    spoil(client("ssm"))
    for check in (True, False):
        (change,) = converge("parameters", params, check=check)["plan"]
        assert (change["action"], change["name"]) == ("update", LOG)
        was, will = change["before"], change["after"]
        if "tags" in will:
            was, will = ({key: side["tags"][key] for key in {*before, *after} if key in side["tags"]} for side in (was, will))
        assert (was, will) == (before, after)
    assert not converge("parameters", params)["changed"]
    assert values(client("ssm"))[LOG] == "info"
    assert tags(client("ssm"), LOG)["Owner"] == "operations"


def retag(ssm: Any, key: str, value: str) -> None:
    ssm.add_tags_to_resource(ResourceType="Parameter", ResourceId=LOG, Tags=[{"Key": key, "Value": value}])


def test_a_tag_of_somebody_else_stays(converge: Fixture, scope_option: Fixture, client: Fixture) -> None:
    params = {"scope": scope_option(), **WANTED}
    converge("parameters", params)
    retag(client("ssm"), "CostCentre", "42")
    assert not converge("parameters", params)["changed"]
    assert tags(client("ssm"), LOG)["CostCentre"] == "42"


def test_what_a_runbook_wrote_is_neither_planned_nor_put_back(converge: Fixture, scope_option: Fixture, client: Fixture) -> None:
    params = {"scope": scope_option(), **WANTED}
    converge("parameters", params)
    client("ssm").put_parameter(Name=ROLE, Value="secondary", Type="String", Overwrite=True)
    result = converge("parameters", params)
    assert result["plan"] == []
    assert result["outputs"]["state"][ROLE]["value"] == "secondary"
    assert values(client("ssm"))[ROLE] == "secondary"
    # not when something else of it is put right, either
    client("ssm").remove_tags_from_resource(ResourceType="Parameter", ResourceId=ROLE, TagKeys=["Environment"])
    assert lines(converge("parameters", params)) == [("update", ROLE)]
    assert values(client("ssm"))[ROLE] == "secondary"


def test_a_setting_never_becomes_state_nor_state_a_setting(converge: Fixture, scope_option: Fixture, client: Fixture) -> None:
    scope = scope_option()
    converge("parameters", {"scope": scope, **WANTED})
    assert lines(converge("parameters", {"scope": scope, "values": {}, "runbook_values": WANTED["runbook_values"]})) == [
        ("delete", RATE),
        ("delete", LOG),
    ]
    assert values(client("ssm")) == {ROLE: "primary"}


def test_what_others_keep_below_the_path_is_left_alone(converge: Fixture, scope_option: Fixture, client: Fixture) -> None:
    params, ssm = {"scope": scope_option(), **WANTED}, client("ssm")
    ssm.put_parameter(Name="/kc/lab/by-hand", Value="1", Type="String")
    others = [{"Key": key, "Value": value} for key, value in {"Platform": "kc", "Environment": "lab", "Component": "other"}.items()]
    ssm.put_parameter(Name="/kc/lab/other", Value="2", Type="String", Tags=others)
    client_s = [{"Key": key, "Value": value} for key, value in {"Component": "parameters", "Client": "acme"}.items()]
    ssm.put_parameter(Name="/kc/lab/acme", Value="3", Type="String", Tags=client_s)
    ssm.put_parameter(
        Name="/kc/lab/hidden", Value="4", Type="SecureString", Tags=[*others[:2], {"Key": "Component", "Value": "parameters"}]
    )
    converge("parameters", params)
    converge("parameters", {**params, "state": "absent"})
    assert {*values(ssm)} == {"/kc/lab/by-hand", "/kc/lab/other", "/kc/lab/acme", "/kc/lab/hidden"}


def test_two_environments_do_not_see_each_other(converge: Fixture, scope_option: Fixture, client: Fixture) -> None:
    lab, lab_2 = ({"scope": {**scope_option(), "environment": name}, **WANTED} for name in ("lab", "lab2"))
    converge("parameters", lab)
    assert len(converge("parameters", lab_2)["plan"]) == 3
    assert not converge("parameters", lab)["changed"]
    converge("parameters", {**lab, "state": "absent"})
    assert values(client("ssm")) == {}
    assert values(client("ssm"), "/kc/lab2") == {"/kc/lab2/log": "info", "/kc/lab2/api/limits/rate": "5", "/kc/lab2/state/role": "primary"}
    assert not converge("parameters", lab_2)["changed"]


def test_absent_deletes_and_then_has_nothing_to_do(converge: Fixture, scope_option: Fixture, client: Fixture) -> None:
    params = {"scope": scope_option(), **WANTED}
    converge("parameters", params)
    gone = converge("parameters", {**params, "state": "absent"})
    assert {*lines(gone)} == {("delete", LOG), ("delete", RATE), ("delete", ROLE)}
    assert values(client("ssm")) == {}
    assert not converge("parameters", {**params, "state": "absent"})["changed"]


def test_more_than_a_page(converge: Fixture, scope_option: Fixture) -> None:
    params = {"scope": scope_option(), "values": {f"page/{number:02}": number for number in range(23)}}
    assert len(converge("parameters", params)["plan"]) == 23
    assert not converge("parameters", params)["changed"]
