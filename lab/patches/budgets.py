"""AWS Budgets: what it answers, changes and refuses."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

DEFAULT = {"ThresholdType": "PERCENTAGE", "NotificationState": "OK"}


def answers() -> None:
    """Amounts come back as decimals (16000 as 16000.0), notifications with their state and the unit of their threshold.

    moto 5.2.5 answers what it was given, and fails where a budget is asked about that does not exist.
    """
    from moto.budgets.exceptions import NotFoundException
    from moto.budgets.models import Budget, BudgetsBackend

    tell = Budget.to_dict

    def to_dict(self: Any) -> dict[str, Any]:
        told: dict[str, Any] = tell(self)
        amount = f"{Decimal(told['BudgetLimit']['Amount']):f}"
        told["BudgetLimit"] = {**told["BudgetLimit"], "Amount": amount if "." in amount else f"{amount}.0"}
        return told

    def describe_notifications_for_budget(self: Any, account_id: str, budget_name: str) -> list[dict[str, Any]]:
        if budget_name not in self.budgets[account_id]:
            raise NotFoundException(f"Unable to get notifications for budget: {budget_name} - the budget doesn't exist.")
        return [{**DEFAULT, **details} for details in self.budgets[account_id][budget_name].get_notifications()]

    Budget.to_dict = to_dict
    BudgetsBackend.describe_notifications_for_budget = describe_notifications_for_budget


def notifications() -> None:
    """A notification is known by its type, comparison and threshold, and stands once; its subscribers can be asked for.

    moto 5.2.5 makes it twice, deletes none that is named by other fields, and never tells subscribers.
    """
    from moto.budgets.exceptions import DuplicateRecordException, NotFoundException
    from moto.budgets.models import Budget
    from moto.budgets.responses import BudgetsResponse

    def same(one: dict[str, Any], other: dict[str, Any]) -> bool:
        keys = ("NotificationType", "ComparisonOperator", "Threshold", "ThresholdType")
        return all({**DEFAULT, **one}[key] == {**DEFAULT, **other}[key] for key in keys)

    add = Budget.add_notification

    def add_notification(self: Any, details: dict[str, Any], subscribers: Any) -> None:
        if any(same(one.details, details) for one in self.notifications):
            raise DuplicateRecordException("notification", str(details["Threshold"]))
        add(self, details, subscribers)

    def delete_notification(self: Any, details: dict[str, Any]) -> None:
        left = [one for one in self.notifications if not same(one.details, details)]
        if len(left) == len(self.notifications):
            raise NotFoundException("Unable to delete notification - the notification doesn't exist.")
        self.notifications = left

    def describe_subscribers_for_notification(self: Any) -> str:
        budget = self.backend.budgets[self._get_param("AccountId")].get(self._get_param("BudgetName"))
        asked = self._get_param("Notification")
        for one in budget.notifications if budget else ():
            if same(one.details, asked):
                return json.dumps({"Subscribers": one.subscribers})
        raise NotFoundException("Unable to get subscribers - the notification doesn't exist.")

    Budget.add_notification = add_notification
    Budget.delete_notification = delete_notification
    BudgetsResponse.describe_subscribers_for_notification = describe_subscribers_for_notification


def updates_and_tags() -> None:
    """A budget can be changed, and has tags; moto 5.2.5 has neither `UpdateBudget` nor tags."""
    from moto.budgets.exceptions import NotFoundException
    from moto.budgets.models import Budget
    from moto.budgets.responses import BudgetsResponse

    Budget.tags = {}
    create = BudgetsResponse.create_budget

    def of_name(self: Any, account: str, name: str) -> Any:
        found = self.backend.budgets[account].get(name)
        if found is None:
            raise NotFoundException(f"Unable to get budget: {name} - the budget doesn't exist.")
        return found

    def of_arn(self: Any) -> Any:
        arn = self._get_param("ResourceARN").split(":")
        return of_name(self, arn[4], arn[5].removeprefix("budget/"))

    def create_budget(self: Any) -> str:
        answer: str = create(self)
        made = of_name(self, self._get_param("AccountId"), self._get_param("Budget")["BudgetName"])
        made.tags = {tag["Key"]: tag["Value"] for tag in self._get_param("ResourceTags") or []}
        return answer

    def update_budget(self: Any) -> str:
        new = self._get_param("NewBudget")
        found = of_name(self, self._get_param("AccountId"), new["BudgetName"])
        found.budget = {"TimePeriod": found.budget["TimePeriod"], **new}
        return "{}"

    def list_tags_for_resource(self: Any) -> str:
        return json.dumps({"ResourceTags": [{"Key": key, "Value": value} for key, value in of_arn(self).tags.items()]})

    def tag_resource(self: Any) -> str:
        found = of_arn(self)
        found.tags = {**found.tags, **{tag["Key"]: tag["Value"] for tag in self._get_param("ResourceTags")}}
        return "{}"

    BudgetsResponse.create_budget = create_budget
    BudgetsResponse.update_budget = update_budget
    BudgetsResponse.list_tags_for_resource = list_tags_for_resource
    BudgetsResponse.tag_resource = tag_resource


ALL = (answers, notifications, updates_and_tags)
