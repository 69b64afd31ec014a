"""Budgets: what the inventory says, as AWS takes it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from kc.alarms import topic_arn
from kc.aws.budgets import COST_TYPES, Budget, money, notification
from kc.errors import KcError
from kc.model import canonical
from kc.scope import Scope
from kc.units.budgets import build
from kc.units.observability import topic_policy

from tests.integration.platform import defaults

ROOT = Path(__file__).parents[2]

SCOPE = Scope("kc", "lab", "123456789012", "us-east-1", "budgets")
TOPIC = {"type": "SNS", "address": "arn:aws:sns:us-east-1:123456789012:kc-lab-alerts"}


def made(scope: Scope = SCOPE, **about: Any) -> dict[str, Any]:
    (budget,) = build(scope, {"budgets": {"platform": about}})
    assert budget.desired is not None
    return {"name": budget.name, **budget.desired}


def thresholds(desired: dict[str, Any]) -> list[tuple[str, str]]:
    return [(one["type"], one["threshold"]) for one in desired["notifications"]]


def test_a_budget() -> None:
    found = made(amount=16000)
    assert sorted(thresholds(found)) == [("ACTUAL", "100"), ("ACTUAL", "50"), ("ACTUAL", "80"), ("FORECASTED", "100")]
    assert next(one for one in found["notifications"] if (one["type"], one["threshold"]) == ("ACTUAL", "100")) == {
        "type": "ACTUAL",
        "comparison": "GREATER_THAN",
        "threshold": "100",
        "unit": "PERCENTAGE",
        "subscribers": [TOPIC],
    }
    del found["notifications"]
    assert found == {
        "name": "kc-lab-platform",
        "amount": "16000",
        "period": "MONTHLY",
        "filters": {"TagKeyValue": ["user:Environment$lab", "user:Platform$kc"]},
        "cost_types": COST_TYPES,
        "tags": SCOPE.tags("kc-lab-platform"),
    }


def test_budgets_may_publish_to_the_topic_and_use_its_key() -> None:
    """The topic is another unit's, and its key's services stand in the inventory of us-east-1: the three must agree."""
    assert topic_arn(SCOPE, "alerts") == SCOPE.arn("sns", SCOPE.name("topic", "alerts")) == TOPIC["address"]
    publishers = [one["Principal"] for one in topic_policy(SCOPE, "kc-lab-alerts")["Statement"] if one["Effect"] == "Allow"]
    assert {"Service": ["budgets.amazonaws.com"]} in publishers
    keys = yaml.safe_load((ROOT / "inventories/common/global.yml").read_text())["kc_keys"]
    assert "budgets" in keys[defaults("observability")["key"]]["services"]


def test_the_whole_account_is_not_filtered() -> None:
    assert made(amount=1, whole_account=True)["filters"] == {}


def test_who_is_told() -> None:
    found = made(amount=1, emails=["b@kc.test", "a@kc.test"], actual=[80], forecasted=[])["notifications"]
    emails = [{"type": "EMAIL", "address": address} for address in ("a@kc.test", "b@kc.test")]
    assert [one["subscribers"] for one in found] == [canonical([*emails, TOPIC])]
    assert made(amount=1, emails=["a@kc.test"], topic="")["notifications"][0]["subscribers"] == emails[:1]


def test_a_special_client_has_budgets_of_its_own() -> None:
    acme = Scope("kc", "lab", "123456789012", "us-east-1", "budgets", client="acme")
    found = made(acme, amount=900)
    assert found["name"] == "kc-lab-acme-platform"
    assert found["filters"] == {"TagKeyValue": ["user:Client$acme", "user:Environment$lab", "user:Platform$kc"]}
    assert found["tags"]["Client"] == "acme"
    assert found["notifications"][0]["subscribers"] == [TOPIC], "clients share the platform's topic"


@pytest.mark.parametrize(
    ("about", "message"),
    [
        ({}, "`budgets.platform` lacks the setting `amount`"),
        ({"amount": 0}, "`budgets.platform.amount` is 0"),
        ({"amount": "16000"}, "`budgets.platform.amount` must be a whole number"),
        ({"amount": 1, "actual": [0]}, r"`budgets.platform.actual` is \[0\]"),
        ({"amount": 1, "forecasted": [-1]}, r"`budgets.platform.forecasted` is \[-1\]"),
        ({"amount": 1, "actual": [80, 80]}, r"`budgets.platform.actual` is \[80, 80\]"),
        ({"amount": 1, "forecasted": [9, 9]}, r"`budgets.platform.forecasted` is \[9, 9\]"),
        ({"amount": 1, "actual": list(range(1, 11))}, "`budgets.platform` has more than 10 thresholds"),
        ({"amount": 1, "actual": [], "forecasted": []}, "`budgets.platform` has no thresholds"),
        ({"amount": 1, "emails": ["nobody"]}, r"`budgets.platform.emails` is \['nobody'\]"),
        ({"amount": 1, "emails": [f"{number}@kc.test" for number in range(11)]}, "`budgets.platform.emails` is "),
        ({"amount": 1, "topic": ""}, "`budgets.platform` tells nobody"),
    ],
)
def test_what_aws_would_refuse(about: dict[str, Any], message: str) -> None:
    with pytest.raises(KcError, match=message):
        made(**about)


@pytest.mark.parametrize("name", ["a", "platform" * 20])
def test_names_fit(name: str) -> None:
    (budget,) = build(SCOPE, {"budgets": {name: {"amount": 1}}})
    assert len(budget.name) <= 100


@pytest.mark.parametrize(
    ("amount", "text"),
    [(16000, "16000"), ("16000.0", "16000"), ("16000.00", "16000"), (16000.0, "16000"), ("0.50", "0.5"), (80.0, "80"), ("1E+4", "10000")],
)
def test_money(amount: Any, text: str) -> None:
    assert money(amount) == text


@given(st.integers(1, 10**12), st.integers(0, 6))
def test_an_amount_is_the_same_however_it_is_written(whole: int, zeros: int) -> None:
    assert money(whole) == money(f"{whole}.{'0' * zeros}".rstrip(".")) == money(float(whole)) == str(whole)


class Budgets:
    """Answers as AWS does: decimals, states, fields that it fills in, in an order of its own."""

    def map(self, act: Any, items: Any) -> list[Any]:
        return [act(item) for item in items]

    def find(self, service: str, operation: str, /, **params: Any) -> dict[str, Any]:
        return {"ResourceTags": [{"Key": key, "Value": value} for key, value in SCOPE.tags("kc-lab-platform").items()]}

    def pages(self, service: str, operation: str, key: str, /, **params: Any) -> list[Any]:
        if operation == "describe_notifications_for_budget":
            which = {"ComparisonOperator": "GREATER_THAN", "NotificationState": "ALARM"}
            return [
                {"NotificationType": "FORECASTED", "Threshold": 100.0, **which},
                {"NotificationType": "ACTUAL", "Threshold": 80.0, "ThresholdType": "PERCENTAGE", **which},
            ]
        if operation == "describe_subscribers_for_notification":
            assert "NotificationState" not in params["Notification"], "its state does not tell which notification is meant"
            return [{"SubscriptionType": "SNS", "Address": TOPIC["address"]}, {"SubscriptionType": "EMAIL", "Address": "a@kc.test"}]
        spent = {"ActualSpend": {"Amount": "12.5", "Unit": "USD"}}
        return [
            {
                "BudgetName": "kc-lab-platform",
                "BudgetLimit": {"Amount": "16000.0", "Unit": "USD"},
                "CostFilters": {"TagKeyValue": ["user:Platform$kc", "user:Environment$lab"]},
                "CostTypes": COST_TYPES,
                "TimeUnit": "MONTHLY",
                "CalculatedSpend": spent,
                "BudgetType": "COST",
            },
            {"BudgetName": "somebody-elses", "TimeUnit": "DAILY"},
        ]


def test_what_aws_answers_is_what_was_asked_for() -> None:
    aws: Any = Budgets()
    found = Budget().read(aws, SCOPE)
    wanted = made(amount=16000, actual=[80], forecasted=[100], emails=["a@kc.test"])
    assert {"name": "kc-lab-platform", **found["kc-lab-platform"].attrs} == wanted
    assert list(found) == ["kc-lab-platform"]


def test_a_notification_is_known_by_all_of_it() -> None:
    one = notification("ACTUAL", 80, [("EMAIL", "a@kc.test")])
    others = [
        notification("FORECASTED", 80, [("EMAIL", "a@kc.test")]),
        notification("ACTUAL", 81, [("EMAIL", "a@kc.test")]),
        notification("ACTUAL", 80, [("EMAIL", "b@kc.test")]),
    ]
    assert one not in others
    assert one == notification("ACTUAL", "80.0", [("EMAIL", "a@kc.test")])
