"""AWS Budgets: cost budgets with what they tell, and whom.

Budgets has one endpoint for a partition; it is called in the region of the unit, us-east-1.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from ..model import Kind, Live, canonical
from ..scope import Scope
from .session import Aws
from .tags import tag_dict, tag_list

UNIT = "USD"
PERCENT = "PERCENTAGE"
"""Unit of a threshold, and what Budgets takes one for that has none (Budgets API, Notification)."""

_ASKED = ("NotificationType", "ComparisonOperator", "Threshold", "ThresholdType")
"""What tells a notification from others; its state is none of it."""

COST_TYPES = {
    "IncludeTax": True,
    "IncludeSubscription": True,
    "UseBlended": False,
    "IncludeRefund": False,
    "IncludeCredit": False,
    "IncludeUpfront": True,
    "IncludeRecurring": True,
    "IncludeOtherSubscription": True,
    "IncludeSupport": True,
    "IncludeDiscount": True,
    "UseAmortized": False,
}
"""What counts as cost. Credits and refunds would hide what the platform uses, and how it grows."""


class Budget(Kind):
    """A monthly cost budget and its notifications.

    Attributes of the desired state: `amount` (of dollars, as `money` writes it), `filters` (Budgets API, Budget:
    CostFilters), `notifications` (`notification` each, in canonical order), `tags`.
    """

    name = "budget"
    outputs_of = ("id", "arn")

    def read(self, aws: Aws, scope: Scope) -> dict[str, Live]:
        budgets = aws.pages("budgets", "describe_budgets", "Budgets", AccountId=scope.account)
        found = [budget for budget in budgets if budget["BudgetName"].startswith(scope.prefix)]

        def one(budget: Mapping[str, Any]) -> Live | None:
            name = budget["BudgetName"]
            tags = aws.find("budgets", "list_tags_for_resource", ResourceARN=_arn(scope, name))
            own = tag_dict((tags or {}).get("ResourceTags"))
            if not scope.owns(own):
                return None
            attrs = {
                "amount": money(budget["BudgetLimit"]["Amount"]) if "BudgetLimit" in budget else "",
                "period": budget["TimeUnit"],
                "filters": {name: canonical(values) for name, values in (budget.get("CostFilters") or {}).items()},
                "cost_types": dict(budget.get("CostTypes") or {}),
                "notifications": self._notifications(aws, scope, name),
                "tags": own,
            }
            return Live(attrs, _outputs(scope, name))

        return {live.id: live for live in aws.map(one, found) if live}

    def _notifications(self, aws: Aws, scope: Scope, budget: str) -> list[dict[str, Any]]:
        which = {"AccountId": scope.account, "BudgetName": budget}
        found = aws.pages("budgets", "describe_notifications_for_budget", "Notifications", **which)

        def one(item: Mapping[str, Any]) -> dict[str, Any]:
            asked = {"Notification": {key: item[key] for key in _ASKED if key in item}}
            to = aws.pages("budgets", "describe_subscribers_for_notification", "Subscribers", **which, **asked)
            return {
                **notification(item["NotificationType"], item["Threshold"], ((each["SubscriptionType"], each["Address"]) for each in to)),
                "comparison": item["ComparisonOperator"],
                "unit": item.get("ThresholdType", PERCENT),
            }

        return canonical(aws.map(one, found))

    def create(self, aws: Aws, scope: Scope, name: str, want: Mapping[str, Any]) -> Live:
        aws.call(
            "budgets",
            "create_budget",
            AccountId=scope.account,
            Budget=_budget(name, want),
            NotificationsWithSubscribers=[{"Notification": _asked(one), "Subscribers": _told(one)} for one in want["notifications"]],
            ResourceTags=tag_list(want["tags"]),
        )
        return Live(dict(want), _outputs(scope, name))

    def update(self, aws: Aws, scope: Scope, name: str, live: Live, want: Mapping[str, Any], changed: frozenset[str]) -> None:
        which = {"AccountId": scope.account, "BudgetName": name}
        if changed - {"notifications", "tags"}:
            aws.call("budgets", "update_budget", AccountId=scope.account, NewBudget=_budget(name, want))
        if "notifications" in changed:
            have, wanted = live.attrs["notifications"], want["notifications"]
            # one whose subscribers differ goes and comes anew: a notification never has none, and one topic at most
            for one in have:
                if one not in wanted:
                    aws.find("budgets", "delete_notification", **which, Notification=_asked(one))
            for one in wanted:
                if one not in have:
                    aws.call("budgets", "create_notification", **which, Notification=_asked(one), Subscribers=_told(one))
        if "tags" in changed:
            aws.call("budgets", "tag_resource", ResourceARN=live.outputs["arn"], ResourceTags=tag_list(want["tags"]))

    def delete(self, aws: Aws, scope: Scope, name: str, live: Live) -> None:
        aws.find("budgets", "delete_budget", AccountId=scope.account, BudgetName=name)


def money(amount: Any) -> str:
    """Return an amount as all of its spellings are written: Budgets answers 16000.0 to 16000."""
    return f"{Decimal(str(amount)).normalize():f}"


def notification(kind: str, threshold: Any, subscribers: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """Return the notification that costs are above a threshold, in the one form that equal ones share.

    Args:
        kind: ACTUAL or FORECASTED.
        threshold: In percent of the budget.
        subscribers: Each as its type (EMAIL or SNS) and address.
    """
    to = canonical({"type": how, "address": address} for how, address in subscribers)
    return {"type": kind, "comparison": "GREATER_THAN", "threshold": money(threshold), "unit": PERCENT, "subscribers": to}


def _asked(one: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "NotificationType": one["type"],
        "ComparisonOperator": one["comparison"],
        "Threshold": float(one["threshold"]),
        "ThresholdType": one["unit"],
    }


def _told(one: Mapping[str, Any]) -> list[dict[str, str]]:
    return [{"SubscriptionType": to["type"], "Address": to["address"]} for to in one["subscribers"]]


def _budget(name: str, want: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "BudgetName": name,
        "BudgetType": "COST",
        "TimeUnit": want["period"],
        "BudgetLimit": {"Amount": want["amount"], "Unit": UNIT},
        "CostTypes": want["cost_types"],
        **({"CostFilters": want["filters"]} if want["filters"] else {}),
    }


def _arn(scope: Scope, name: str) -> str:
    return scope.arn("budgets", f"budget/{name}", region="")


def _outputs(scope: Scope, name: str) -> dict[str, Any]:
    return {"id": name, "arn": _arn(scope, name)}
