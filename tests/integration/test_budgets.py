"""Budgets on an AWS API: made, changed, put back, taken away; those of others stay."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

ACCOUNT, NAME = "123456789012", "kc-lab-platform"
WHICH = {"AccountId": ACCOUNT, "BudgetName": NAME}
ARN = f"arn:aws:budgets::{ACCOUNT}:budget/{NAME}"
TOPIC = f"arn:aws:sns:us-east-1:{ACCOUNT}:kc-lab-alerts"
EVERYTHING = ["amount", "cost_types", "filters", "notifications", "period", "tags"]


@pytest.fixture
def params(scope_option: Callable[..., dict[str, Any]]) -> dict[str, Any]:
    budgets = {"platform": {"amount": 16000, "emails": ["money@kc.test"]}}
    return {"scope": scope_option("us-east-1", tags={"Owner": "operations"}), "state": "present", "budgets": budgets}


@pytest.fixture
def api(client: Callable[..., Any]) -> Any:
    return client("budgets", "us-east-1")


def changes(result: dict[str, Any]) -> list[tuple[str, str, list[str]]]:
    return [(one["action"], one["name"], sorted(one["after"] or {})) for one in result["plan"]]


def asked(kind: str, threshold: float) -> dict[str, Any]:
    return {"NotificationType": kind, "ComparisonOperator": "GREATER_THAN", "Threshold": threshold, "ThresholdType": "PERCENTAGE"}


def told(api: Any) -> dict[tuple[str, float], list[str]]:
    """Return who is told of what."""
    found = {}
    for one in api.describe_notifications_for_budget(**WHICH)["Notifications"]:
        which = {**asked(one["NotificationType"], one["Threshold"])}
        to = api.describe_subscribers_for_notification(**WHICH, Notification=which)["Subscribers"]
        found[one["NotificationType"], one["Threshold"]] = sorted(each["Address"] for each in to)
    return found


BOTH = sorted([TOPIC, "money@kc.test"])


def test_budgets(converge: Any, params: dict[str, Any], api: Any) -> None:
    planned = converge("budgets", params, check=True)
    assert changes(planned) == [("create", NAME, EVERYTHING)]
    assert api.describe_budgets(AccountId=ACCOUNT)["Budgets"] == []
    made = converge("budgets", params)
    assert made["plan"] == planned["plan"]
    assert made["outputs"]["budget"][NAME] == {"id": NAME, "arn": ARN, "region": "us-east-1"}
    assert converge("budgets", params)["plan"] == []

    found = api.describe_budget(**WHICH)["Budget"]
    assert (found["BudgetLimit"], found["TimeUnit"], found["BudgetType"]) == ({"Amount": "16000.0", "Unit": "USD"}, "MONTHLY", "COST")
    assert found["CostFilters"] == {"TagKeyValue": ["user:Environment$lab", "user:Platform$kc"]}
    assert (found["CostTypes"]["IncludeCredit"], found["CostTypes"]["IncludeTax"]) == (False, True)
    thresholds = [("ACTUAL", 50.0), ("ACTUAL", 80.0), ("ACTUAL", 100.0), ("FORECASTED", 100.0)]
    assert told(api) == dict.fromkeys(thresholds, BOTH)


def new(**changed: Any) -> dict[str, Any]:
    """Return a budget as somebody would write it over ours."""
    limit = {"Amount": "16000", "Unit": "USD"}
    filters = {"TagKeyValue": ["user:Platform$kc", "user:Environment$lab"]}
    costs = {"IncludeCredit": False, "IncludeRefund": False, "UseBlended": False, "UseAmortized": False}
    costs |= dict.fromkeys(
        (
            "IncludeTax",
            "IncludeSubscription",
            "IncludeUpfront",
            "IncludeRecurring",
            "IncludeOtherSubscription",
            "IncludeSupport",
            "IncludeDiscount",
        ),
        True,
    )
    ours = {"BudgetName": NAME, "BudgetType": "COST", "TimeUnit": "MONTHLY", "BudgetLimit": limit}
    return {**ours, "CostFilters": filters, "CostTypes": costs, **changed}


def put(api: Any, **changed: Any) -> None:
    api.update_budget(AccountId=ACCOUNT, NewBudget=new(**changed))


def silence(api: Any) -> None:
    api.delete_notification(**WHICH, Notification=asked("ACTUAL", 80))


def tell_another(api: Any) -> None:
    silence(api)
    to = [{"SubscriptionType": "EMAIL", "Address": "somebody@kc.test"}]
    api.create_notification(**WHICH, Notification=asked("ACTUAL", 80), Subscribers=to)


def tell_more(api: Any) -> None:
    to = [{"SubscriptionType": "EMAIL", "Address": "somebody@kc.test"}]
    api.create_notification(**WHICH, Notification=asked("FORECASTED", 10), Subscribers=to)


DRIFT: dict[str, tuple[Callable[[Any], Any], tuple[str, str, list[str]]]] = {
    "amount": (lambda api: put(api, BudgetLimit={"Amount": "99000", "Unit": "USD"}), ("update", NAME, ["amount"])),
    "period": (lambda api: put(api, TimeUnit="DAILY"), ("update", NAME, ["period"])),
    "filter": (lambda api: put(api, CostFilters={"TagKeyValue": ["user:Platform$kc"]}), ("update", NAME, ["filters"])),
    "no filter": (lambda api: put(api, CostFilters={}), ("update", NAME, ["filters"])),
    "credits": (lambda api: put(api, CostTypes={**new()["CostTypes"], "IncludeCredit": True}), ("update", NAME, ["cost_types"])),
    "nobody is told": (silence, ("update", NAME, ["notifications"])),
    "another is told": (tell_another, ("update", NAME, ["notifications"])),
    "of more is told": (tell_more, ("update", NAME, ["notifications"])),
    "tag": (
        lambda api: api.tag_resource(ResourceARN=ARN, ResourceTags=[{"Key": "Owner", "Value": "x"}]),
        ("update", NAME, ["tags"]),
    ),
    "deleted": (lambda api: api.delete_budget(**WHICH), ("create", NAME, EVERYTHING)),
}


def test_drift_is_seen_and_put_back(converge: Any, params: dict[str, Any], api: Any) -> None:
    converge("budgets", params)
    before = told(api)
    put(api)
    assert converge("budgets", params)["plan"] == [], "what was written over ours is the same budget"
    for what, (by_hand, expected) in DRIFT.items():
        by_hand(api)
        assert changes(converge("budgets", params, check=True)) == [expected], what
        assert changes(converge("budgets", params)) == [expected], what
        assert converge("budgets", params)["plan"] == [], what
        assert told(api) == before, what


def test_what_the_inventory_changes(converge: Any, params: dict[str, Any], api: Any) -> None:
    converge("budgets", params)
    changed = {**params, "budgets": {"platform": {"amount": 20000, "actual": [90], "forecasted": [100], "emails": ["money@kc.test"]}}}
    assert changes(converge("budgets", changed)) == [("update", NAME, ["amount", "notifications"])]
    assert told(api) == {("ACTUAL", 90.0): BOTH, ("FORECASTED", 100.0): BOTH}
    assert converge("budgets", changed)["plan"] == []


def test_budgets_of_others_stay(converge: Any, params: dict[str, Any], api: Any) -> None:
    others = {**new(BudgetName="kc-lab-of-somebody")}
    api.create_budget(AccountId=ACCOUNT, Budget=others)
    client = {**params, "scope": {**params["scope"], "client": "acme"}, "budgets": {"all": {"amount": 900}}}
    converge("budgets", params)
    converge("budgets", client)
    assert changes(converge("budgets", {**params, "state": "absent"})) == [("delete", NAME, [])]
    assert converge("budgets", {**params, "state": "absent"})["plan"] == []
    assert converge("budgets", client)["plan"] == []
    left = sorted(one["BudgetName"] for one in api.describe_budgets(AccountId=ACCOUNT)["Budgets"])
    assert left == ["kc-lab-acme-all", "kc-lab-of-somebody"]
