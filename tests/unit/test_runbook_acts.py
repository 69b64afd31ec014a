"""What the runbooks' acts would call, by how things are; and that nothing is left to call once they are so."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kc.errors import KcError
from kc.runbook.act import Act, Call, perform, plan
from kc.runbook.acts.anew import Anew, Deployment
from kc.runbook.acts.capacity import Capacity, Size
from kc.runbook.acts.fence import Fence
from kc.runbook.acts.role import Role
from kc.runbook.acts.switch import Switch
from kc.scope import Scope

HERE, HOME = "eu-central-1", "me-west-1"
SCOPE = Scope("kc", "lab", "123456789012", HERE, "network")
BEGUN = datetime(2026, 1, 31, 21, tzinfo=UTC)
BEFORE, AFTER = BEGUN - timedelta(hours=1), BEGUN + timedelta(seconds=1)

FENCE = Fence(SCOPE, "kc-lab-data", ["0.0.0.0/0"])
WORLD = {(False, 1): "0.0.0.0/0", (True, 1): "0.0.0.0/0"}
ONE = {"api": 4, "spa": 2}


@pytest.mark.parametrize(
    ("act", "seen", "operations", "lacks"),
    [
        (Role(SCOPE, "primary"), "primary", [], ""),
        (Role(SCOPE, "primary"), "secondary", ["put_parameter"], "`secondary`"),
        (Role(SCOPE, "primary"), "", ["put_parameter"], "``"),
        (Switch(SCOPE, HOME, [HOME, HERE], HERE), 1.0, [], ""),
        (Switch(SCOPE, HOME, [HOME, HERE], HERE), 0.0, ["put_metric_data"], "at 0.0"),
        (Switch(SCOPE, HOME, [HOME, HERE], HERE), None, ["put_metric_data"], "at None"),
        (Switch(SCOPE, HOME, [HOME, HERE], HOME), 1.0, ["put_metric_data"], "at 1.0"),
        (Capacity(SCOPE, ONE), {"kc-lab-api": Size(4, 9, 4, 4), "kc-lab-spa": Size(3, 9, 3, 3)}, [], ""),
        (
            Capacity(SCOPE, ONE),
            {"kc-lab-api": Size(1, 9, 1, 1), "kc-lab-spa": Size(2, 9, 2, 1)},
            ["register_scalable_target"],
            "kc-lab-api has 1 of 4 tasks, kc-lab-spa has 1 of 2 tasks",
        ),
        (Capacity(SCOPE, ONE), {"kc-lab-api": Size(4, 9, 4, 4)}, [], "kc-lab-spa has 0 of 2 tasks"),
        (Capacity(SCOPE, {"api": 4}), {"kc-lab-api": Size(4, 9, 2, 2)}, ["update_service"], "kc-lab-api has 2 of 4 tasks"),
        (Capacity(SCOPE, {"api": 4}, waits=False), {"kc-lab-api": Size(4, 9, 4, 2)}, [], ""),
        (Anew(SCOPE, ["api"], BEGUN), {"kc-lab-api": Deployment(AFTER, "COMPLETED")}, [], ""),
        (Anew(SCOPE, ["api"], BEGUN), {"kc-lab-api": Deployment(AFTER, "IN_PROGRESS")}, [], "kc-lab-api"),
        (Anew(SCOPE, ["api"], BEGUN), {"kc-lab-api": Deployment(BEFORE, "COMPLETED")}, ["update_service"], "kc-lab-api"),
        (FENCE, ("acl-1", WORLD), [], ""),
        (FENCE, ("acl-1", {}), ["create_network_acl_entry"] * 2, "0 of 2 rules"),
        (FENCE, ("acl-1", {(False, 1): "10.0.0.0/8"}), ["replace_network_acl_entry", "create_network_acl_entry"], "1 of 2 rules"),
        (
            Fence(SCOPE, "kc-lab-data", []),
            ("acl-1", {**WORLD, (True, 7): "10.0.0.0/8"}),
            ["delete_network_acl_entry"] * 3,
            "3 of 0 rules",
        ),
    ],
)
def test_what_is_left_to_do(act: Act[Any], seen: Any, operations: list[str], lacks: str) -> None:
    calls = act.calls(seen)
    assert [call.operation for call in calls] == operations
    assert {call.region for call in calls} <= {HERE}
    assert act.lacks(seen) == lacks


def test_a_service_gets_its_lower_bound_and_no_less_room_than_it_had() -> None:
    [call] = Capacity(SCOPE, {"api": 4}).calls({"kc-lab-api": Size(1, 2, 1, 1)})
    assert (call.params["MinCapacity"], call.params["MaxCapacity"]) == (4, 4)
    [call] = Capacity(SCOPE, {"api": 4}).calls({"kc-lab-api": Size(1, 16, 1, 1)})
    assert (call.params["MinCapacity"], call.params["MaxCapacity"]) == (4, 16)


def test_the_switch_is_in_the_standby_region_whichever_way_it_is_put() -> None:
    for to in (HOME, HERE):
        [call] = Switch(SCOPE, HOME, [HOME, HERE], to).calls(None)
        assert call.region == HERE


class World:
    """An AWS of services' counters: each call adds one, and is seen at the next look."""

    def __init__(self, region: str = HERE) -> None:
        self.region, self.dies, self.looks = region, 1000, 1
        self.made: list[int] = []

    def at(self, region: str) -> World:
        return self

    def client(self, service: str) -> Any:
        return type("Client", (), {"meta": type("Meta", (), {"endpoint_url": f"https://{service}.{self.region}.example"})})

    def call(self, service: str, operation: str, **params: Any) -> dict[str, Any]:
        self.dies -= 1
        if self.dies < 0:
            raise KcError("killed")
        self.made.append(params["place"])
        return {}

    def wait(self, what: str, state: Callable[[], str], **options: Any) -> str:
        for _ in range(self.looks):
            if (now := state()) == "so":
                return now
        raise KcError(f"{what} is {now}")


class Count(Act[Sequence[int]]):
    """Is so once every place was called."""

    what = "the count"

    def __init__(self, goal: int) -> None:
        self.goal = goal

    def look(self, aws: Any) -> Sequence[int]:
        return list(aws.made)

    def calls(self, seen: Sequence[int]) -> Sequence[Call]:
        return [Call(HERE, "ecs", "update_service", {"place": place}) for place in range(self.goal) if place not in seen]

    def lacks(self, seen: Sequence[int]) -> str:
        return "" if len(seen) == self.goal else f"at {len(seen)}"


@given(goal=st.integers(0, 6), deaths=st.lists(st.integers(0, 6), max_size=4))
def test_an_act_that_is_killed_is_completed_and_makes_no_call_twice(goal: int, deaths: list[int]) -> None:
    world: Any = World()
    act = Count(goal)
    for death in [*deaths, 1000]:
        world.dies = death
        foreseen = [each["params"] for each in plan(act, world).calls]
        before = len(world.made)
        try:
            made = perform(act, world, lambda: None, 1).calls
        except KcError:
            continue
        assert [each["params"] for each in made] == foreseen == [{"place": place} for place in world.made[before:]]
    assert world.made == list(range(goal))


class Late(Count):
    """What is called has no effect before it is called once more: as with a metric, whose greatest value of a minute counts."""

    def look(self, aws: Any) -> Sequence[int]:
        return [place for place in range(self.goal) if aws.made.count(place) > 1]


def test_what_has_no_effect_is_called_again_and_told_once() -> None:
    world: Any = World()
    world.looks = 3
    made = perform(Late(2), world, lambda: None, 1).calls
    assert world.made == [0, 1, 0, 1] and [each["params"]["place"] for each in made] == [0, 1]


def test_a_run_that_may_change_nothing_any_more_makes_no_call() -> None:
    world: Any = World()

    def guard() -> None:
        raise KcError("run 2 has begun since")

    with pytest.raises(KcError, match="run 2"):
        perform(Count(3), world, guard, 1)
    assert world.made == []


def test_a_call_says_where_it_goes() -> None:
    world: Any = World()
    [first, *_] = plan(Count(2), world).calls
    assert first == {"region": HERE, "endpoint": f"https://ecs.{HERE}.example", "call": "ecs:update_service", "params": {"place": 0}}
