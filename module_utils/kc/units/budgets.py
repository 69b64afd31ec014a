"""The unit `budgets`: what the platform, or a special client, may cost a month, and who is told when it costs more."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from ..alarms import topic_arn
from ..aws.budgets import COST_TYPES, Budget, money, notification
from ..errors import KcError
from ..model import Resource, canonical
from ..scope import Scope
from ..settings import settings
from ..unit import Params, Unit

BUDGET = Budget()

MOST_NOTIFICATIONS = 10
"""Of one budget (Budgets API, CreateBudget: NotificationsWithSubscribers)."""

MOST_EMAILS = 10
"""Of one notification, beside one topic (Billing user guide, Budgets quotas)."""


@dataclasses.dataclass(frozen=True)
class BudgetSettings:
    """What the inventory says of one budget; the module's documentation explains each."""

    amount: int
    whole_account: bool = False
    actual: list[int] = dataclasses.field(default_factory=lambda: [50, 80, 100])
    forecasted: list[int] = dataclasses.field(default_factory=lambda: [100])
    emails: list[str] = dataclasses.field(default_factory=list)
    topic: str = "alerts"


def build(scope: Scope, params: Params) -> Sequence[Resource]:
    """Return the budgets."""
    return [
        _budget(scope, short, f"budgets.{short}", settings(BudgetSettings, f"budgets.{short}", given))
        for short, given in sorted(params["budgets"].items())
    ]


def _budget(scope: Scope, short: str, where: str, about: BudgetSettings) -> Resource:
    _check(where, about)
    name = scope.name("budget", short)
    to = [("EMAIL", address) for address in about.emails]
    if about.topic:
        to.append(("SNS", topic_arn(scope, about.topic)))
    notifications = [
        *(notification("ACTUAL", percent, to) for percent in about.actual),
        *(notification("FORECASTED", percent, to) for percent in about.forecasted),
    ]
    desired = {
        "amount": money(about.amount),
        "period": "MONTHLY",
        "filters": {} if about.whole_account else filters(scope),
        "cost_types": COST_TYPES,
        "notifications": canonical(notifications),
        "tags": scope.tags(name),
    }
    return Resource(BUDGET, name, desired, scope.region)


def filters(scope: Scope) -> dict[str, list[str]]:
    """Return what only counts: costs with the scope's tags (Billing user guide, Budget filters: tag)."""
    tags = {"Platform": scope.platform, "Environment": scope.environment, **({"Client": scope.client} if scope.client else {})}
    return {"TagKeyValue": canonical(f"user:{tag}${value}" for tag, value in tags.items())}


def _check(where: str, about: BudgetSettings) -> None:
    thresholds = {"actual": about.actual, "forecasted": about.forecasted}
    wrong: list[tuple[bool, str, Any, str]] = [
        (about.amount < 1, "amount", about.amount, "give it a number of dollars a month"),
        *((_not_percent(given), name, given, "give percent of the amount, each once") for name, given in thresholds.items()),
        (len(about.emails) > MOST_EMAILS, "emails", about.emails, f"Budgets takes {MOST_EMAILS}: subscribe the others to a topic"),
        (any("@" not in email for email in about.emails), "emails", about.emails, "give addresses, as in name@example.com"),
    ]
    for is_wrong, setting, value, hint in wrong:
        if is_wrong:
            raise KcError(f"`{where}.{setting}` is {value}", hint=hint)
    if not about.actual and not about.forecasted:
        raise KcError(f"`{where}` has no thresholds", hint="give it `actual` or `forecasted` ones")
    if len(about.actual) + len(about.forecasted) > MOST_NOTIFICATIONS:
        raise KcError(f"`{where}` has more than {MOST_NOTIFICATIONS} thresholds", hint="Budgets takes no more: leave some out")
    if not about.emails and not about.topic:
        raise KcError(f"`{where}` tells nobody", hint="give it `emails` or a `topic`")


def _not_percent(thresholds: Sequence[int]) -> bool:
    return len(set(thresholds)) < len(thresholds) or any(percent < 1 for percent in thresholds)


UNIT = Unit(name="budgets", kinds=(BUDGET,), build=build, services=("budgets",))
