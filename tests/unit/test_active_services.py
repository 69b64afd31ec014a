"""What ECS tells of services: ten a call, and only of those that stand."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from kc.aws.ecs import active_services
from kc.scope import Scope

SCOPE = Scope("kc", "lab", "123456789012", "me-west-1", "services")


class Told:
    """An AWS whose services are those that it was given, with their states."""

    def __init__(self, states: dict[str, str]) -> None:
        self.states = states
        self.asked: list[int] = []

    def map(self, do: Callable[[Any], Any], items: Sequence[Any]) -> list[Any]:
        return [do(each) for each in items]

    def call(self, service: str, operation: str, **params: Any) -> dict[str, Any]:
        assert (service, operation, params["cluster"], params["include"]) == ("ecs", "describe_services", "kc-lab", ["TAGS"])
        self.asked.append(len(params["services"]))
        return {"services": [{"serviceName": each, "status": self.states[each]} for each in params["services"] if each in self.states]}


@pytest.mark.parametrize(("count", "calls"), [(0, []), (1, [1]), (10, [10]), (11, [10, 1]), (25, [10, 10, 5])])
def test_no_call_describes_more_than_it_may(count: int, calls: list[int]) -> None:
    names = [f"s{number}" for number in range(count)]
    aws: Any = Told(dict.fromkeys(names, "ACTIVE"))
    assert [each["serviceName"] for each in active_services(aws, SCOPE, names, include=["TAGS"])] == names
    assert aws.asked == calls


def test_what_is_on_its_way_out_does_not_stand() -> None:
    aws: Any = Told({"api": "ACTIVE", "old": "DRAINING", "gone": "INACTIVE"})
    assert [each["serviceName"] for each in active_services(aws, SCOPE, ["api", "old", "gone", "never"], include=["TAGS"])] == ["api"]
