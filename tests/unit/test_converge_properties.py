"""The plan engine as a whole: random platforms over an AWS in memory, undisturbed and with faults anywhere.

A platform is some kinds (with immutable attributes, replaceable or not, attributes that take a second call, data)
and resources over two regions that refer to each other. It is converged, changed by its inventory and by strangers,
and converged again.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, get_args

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from kc.converge import converge
from kc.errors import KcError, ResourceError
from kc.model import UNKNOWN, Change, Key, Live, Outcome, Ref, Resource
from kc.plan import Step, dependencies, make_plan, needs, resolve

from tests.unit.fakes import SCOPE, Cloud, FakeAws, FakeKind, Fault, kind_of

REGIONS = ("r1", "r2")
ATTRS = ("a", "b")
SOME = settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])


@dataclass
class World:
    """Two inventories of the same kinds, and what strangers did between them."""

    kinds: list[FakeKind]
    first: list[Resource]
    second: list[Resource]
    drift: list[tuple[int, str, str]]
    delete_data: bool

    def converge(self, cloud: Cloud, resources: list[Resource], check: bool = False) -> Outcome:
        aws = FakeAws(cloud)
        return converge(aws, SCOPE, resources, self.kinds, regions=REGIONS, check=check, delete_data=self.delete_data)

    def begun(self) -> Cloud:
        """Return a cloud with the first inventory and the strangers' changes."""
        cloud = Cloud()
        self.converge(cloud, self.first)
        for number, attr, value in self.drift:
            if cloud.things:
                thing = cloud.things[number % len(cloud.things)]
                if attr in thing.attrs and attr not in self.kind(thing.kind).immutable:
                    thing.attrs[attr] = {**thing.attrs[attr], "x": value} if attr == "tags" else value
        cloud.log.clear()
        cloud.calls = 0
        return cloud

    def kind(self, name: str) -> FakeKind:
        return next(kind for kind in self.kinds if kind.name == name)

    def refused(self, cloud: Cloud) -> bool:
        """Whether the second inventory wants what can't be changed in place, or what kept data stands on replaced."""
        try:
            outcome = self.converge(cloud, self.second, check=True)
        except ResourceError as error:
            kind = self.kind(error.key.kind)
            assert kind.immutable and (not kind.replaceable or (kind.keeps_data and not self.delete_data))
            return True
        finally:
            cloud.log.clear()
            cloud.calls = 0
        replaced = {change.key for change in outcome.plan if change.action == "replace"}
        ids = {each.id for each in cloud.things if Key(each.kind, each.region, each.name) in replaced}
        return any(ids & set(outcome.live[key].attrs["in"]) for key in outcome.kept)


@st.composite
def kinds(draw: st.DrawFn) -> list[FakeKind]:
    made = []
    for number in range(draw(st.integers(1, 4))):
        immutable = draw(st.frozensets(st.sampled_from([*ATTRS, "in"]))) | {"in"}
        late = draw(st.frozensets(st.sampled_from([*ATTRS, "tags", "near"]))) - immutable
        made.append(
            kind_of(
                f"k{number}",
                immutable=immutable,
                replaceable=draw(st.integers(0, 3)) > 0,
                keeps_data=draw(st.integers(0, 4)) == 0,
                late=late,
                write_once=draw(st.frozensets(st.sampled_from(ATTRS), max_size=1)) - immutable - late,
            )
        )
    return made


@st.composite
def inventories(draw: st.DrawFn, of: list[FakeKind]) -> list[Resource]:
    """Resources that refer to resources of the kinds below: `in` can't be changed in place, `near` can."""
    resources: list[Resource] = []
    for position, kind in enumerate(of):
        below = [each for each in resources if each.kind in of[:position]]
        places = draw(st.sets(st.tuples(st.sampled_from(REGIONS), st.sampled_from(("x", "y", "z"))), max_size=4))
        for region, name in sorted(places):
            desired: dict[str, Any] = {attr: draw(st.sampled_from("12")) for attr in ATTRS}
            desired["tags"] = {"x": draw(st.sampled_from("12")), "y": "1"}
            for attr in ("in", "near"):
                targets = draw(st.lists(st.sampled_from(below), max_size=2, unique_by=lambda each: each.key)) if below else []
                desired[attr] = [Ref(each.kind.name, each.name, region=each.region) for each in targets]
            resources.append(Resource(kind, name, desired, region))
    return draw(st.permutations(resources))


@st.composite
def worlds(draw: st.DrawFn) -> World:
    of = draw(kinds())
    strangers = st.tuples(st.integers(0, 20), st.sampled_from([*ATTRS, "tags"]), st.sampled_from(["1", "2", "9"]))
    return World(of, draw(inventories(of)), draw(inventories(of)), draw(st.lists(strangers, max_size=4)), draw(st.booleans()))


def lines(plan: list[Change]) -> list[tuple[str, Key]]:
    return [(change.action, change.key) for change in plan]


def unknown(value: Any) -> bool:
    if isinstance(value, dict):
        return any(unknown(item) for item in value.values())
    return any(unknown(item) for item in value) if isinstance(value, list) else value is UNKNOWN


def managed(world: World, cloud: Cloud, resources: list[Resource]) -> Iterator[tuple[Key, str, Any, Any]]:
    """Yield each attribute that the inventory sets: as it stands, and as it is wanted."""
    live = {Key(each.kind, each.region, each.name): each for each in cloud.things}
    for resource in resources:
        want = resolve(resource.desired, lambda ref, at=resource.region: live[Key(ref.kind, ref.region or at, ref.name)].id)  # type: ignore[misc]
        for attr in set(want) - world.kind(resource.kind.name).write_once:
            have = live[resource.key].attrs.get(attr)
            yield resource.key, attr, {tag: have.get(tag) for tag in want[attr]} if attr == "tags" else have, want[attr]


@SOME
@given(worlds())
def test_a_run_leaves_what_is_wanted_and_then_plans_nothing(world: World) -> None:
    cloud = world.begun()
    assume(not world.refused(cloud))
    outcome = world.converge(cloud, world.second)
    assert [item for item in managed(world, cloud, world.second) if item[2] != item[3]] == []
    wanted = {resource.key for resource in world.second} | set(outcome.kept)
    assert set(cloud.count()) == {(key.kind, key.region, key.name) for key in wanted}
    assert set(cloud.count().values()) <= {1}
    cloud.log.clear()
    again = world.converge(cloud, world.second)
    assert again.plan == [] and all(line.startswith("list") for line in cloud.log)


@SOME
@given(worlds())
def test_check_mode_plans_and_foresees_what_the_run_does(world: World) -> None:
    cloud = world.begun()
    assume(not world.refused(cloud))
    standing = cloud.picture()
    check = world.converge(cloud, world.second, check=True)
    assert cloud.picture() == standing and all(line.startswith("list") for line in cloud.log)
    real = world.converge(cloud, world.second)
    assert lines(check.plan) == lines(real.plan)
    assert sorted(lines(real.applied)) == sorted(lines(real.plan))
    assert check.kept == real.kept
    assert set(check.live) == set(real.live)
    for key, foreseen in check.live.items():
        for attr, value in foreseen.attrs.items():
            assert unknown(value) or value == real.live[key].attrs[attr], (key, attr)


@SOME
@given(worlds())
def test_each_change_applied_to_its_before_gives_its_after(world: World) -> None:
    cloud = world.begun()
    assume(not world.refused(cloud))
    before = {Key(each.kind, each.region, each.name): dict(each.attrs) for each in cloud.things}
    outcome = world.converge(cloud, world.second)
    after = {Key(each.kind, each.region, each.name): each.attrs for each in cloud.things}
    for change in outcome.plan:
        if change.action in ("create", "delete"):
            assert (change.key in before, change.key in after) == (change.action == "delete", change.action == "create")
        stood = before.get(change.key, {})
        for attr, value in (change.before or {}).items():
            assert ({tag: stood[attr][tag] for tag in value} if attr == "tags" else stood.get(attr)) == value
        for attr, value in (change.after or {}).items():
            stands = after[change.key][attr]
            assert unknown(value) or ({tag: stands[tag] for tag in value} if attr == "tags" else stands) == value
    untouched = set(before) - {change.key for change in outcome.plan}
    assert {key: before[key] for key in untouched} == {key: after[key] for key in untouched}


@SOME
@given(worlds())
def test_the_order_respects_every_reference_and_has_no_circle(world: World) -> None:
    cloud = world.begun()
    assume(not world.refused(cloud))
    things = {Key(each.kind, each.region, each.name): Live(each.attrs, {"id": each.id}) for each in cloud.things}
    plan, _ = make_plan(world.second, things, world.kinds, delete_data=world.delete_data)
    before = dependencies(plan, world.second, world.kinds)
    done: set[Step] = set()
    while len(done) < len(before):
        free = {step for step, first in before.items() if step not in done and first <= done}
        assert free, "a circle"
        done |= free
    for resource in world.second:
        if (step := Step(resource.key, False)) in before:
            assert {Step(key, False) for key in needs(resource)} & set(before) <= before[step]


@SOME
@given(worlds(), st.integers(0, 199), st.sampled_from(get_args(Fault)))
def test_a_run_that_is_disturbed_anywhere_is_completed_by_the_next(world: World, at: int, fault: Fault) -> None:
    undisturbed, cloud = world.begun(), world.begun()
    assume(not world.refused(cloud))
    world.converge(undisturbed, world.second)
    cloud.faults = {1 + at % undisturbed.calls: fault}
    try:
        world.converge(cloud, world.second)
    except KcError as error:
        assert error.message
        assert fault in ("refused", "down") or "list" in error.message or "delete" in error.message
    cloud.heal()
    world.converge(cloud, world.second)
    assert cloud.count() == undisturbed.count()
    assert cloud.picture() == undisturbed.picture()
    assert world.converge(cloud, world.second).plan == []


@pytest.mark.parametrize("seed", range(5))
def test_a_run_under_many_faults_never_makes_a_duplicate(seed: int) -> None:
    import random

    chance = random.Random(seed)  # noqa: S311
    base = kind_of("k0", late=frozenset({"a"}))
    top = kind_of("k1", late=frozenset({"tags"}), immutable=frozenset({"in"}))
    resources = [Resource(base, f"b{n}", {"a": "1"}, "r1") for n in range(4)]
    resources += [Resource(top, f"t{n}", {"in": [Ref("k0", f"b{n % 4}")], "tags": {"x": "1"}}, "r1") for n in range(12)]
    world = World([base, top], [], resources, [], False)
    cloud = Cloud()
    for _ in range(60):
        cloud.calls = 0
        cloud.faults = {n: chance.choice(["failed", "lost", "refused"]) for n in range(1, 200) if chance.random() < 0.2}
        try:
            world.converge(cloud, resources)
        except KcError:
            assert set(cloud.count().values()) <= {1}
        else:
            break
    cloud.heal()
    assert set(world.converge(cloud, resources).live) == {resource.key for resource in resources}
    assert set(cloud.count().values()) == {1}
