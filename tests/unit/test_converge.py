"""The plan engine, case by case: what it plans, in which order it works, and what it does about each error."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import kc.converge as engine
import pytest
from kc.converge import LOST, SETTLING, converge
from kc.errors import Defect, KcError, ResourceError, UnitError
from kc.model import UNKNOWN, Change, Key, Live, Ref, Resource, canonical
from kc.plan import Step, dependencies, make_plan

from tests.unit.fakes import SCOPE, Cloud, FakeAws, FakeKind, kind_of

NET = kind_of("net", immutable=frozenset({"cidr"}))
SUB = kind_of("sub", immutable=frozenset({"in", "cidr"}), replaceable=True)
NAT = kind_of("nat", immutable=frozenset({"in"}), replaceable=True)
TABLE = kind_of("table")
KINDS = [NET, SUB, NAT, TABLE]


def net(name: str = "n", **desired: Any) -> Resource:
    return Resource(NET, name, desired, "r1")


def sub(name: str = "s", **desired: Any) -> Resource:
    return Resource(SUB, name, {"in": [Ref("net", "n")], **desired}, "r1")


def nat(name: str = "g", below: str = "s", **desired: Any) -> Resource:
    return Resource(NAT, name, {"in": [Ref("sub", below)], **desired}, "r1")


def table(name: str = "t", via: str = "g", **desired: Any) -> Resource:
    return Resource(TABLE, name, {"via": Ref("nat", via), **desired}, "r1")


def key(kind: str, name: str) -> Key:
    return Key(kind, "r1", name)


def lines(plan: list[Change]) -> list[str]:
    return [f"{change.action} {change.key.kind} {change.key.name}" for change in plan]


def run(cloud: Cloud, *resources: Resource, kinds: list[FakeKind] = KINDS, check: bool = False, **options: Any) -> engine.Outcome:  # type: ignore[assignment]
    return converge(FakeAws(cloud), SCOPE, resources, kinds, check=check, **options)


def built(*resources: Resource, kinds: list[FakeKind] = KINDS) -> Cloud:  # type: ignore[assignment]
    cloud = Cloud()
    run(cloud, *resources, kinds=kinds)
    cloud.log.clear()
    return cloud


# --- planning --------------------------------------------------------------------------------------------------

TAGGED = kind_of("thing", write_once=frozenset({"first"}), immutable=frozenset({"fixed"}))
PLANNED: list[tuple[str, dict[str, Any] | None, dict[str, Any], list[tuple[str, Any, Any]]]] = [
    ("nothing stands", None, {"a": 1}, [("create", None, {"a": 1})]),
    ("all as wanted", {"a": 1}, {"a": 1}, []),
    ("one attribute differs", {"a": 1, "b": 2}, {"a": 3, "b": 2}, [("update", {"a": 1}, {"a": 3})]),
    ("an attribute that was never set", {}, {"a": None}, []),
    ("an attribute that AWS has and nobody manages", {"a": 1, "z": 9}, {"a": 1}, []),
    ("false is not missing", {}, {"a": False}, [("update", {"a": None}, {"a": False})]),
    ("a list's order is part of it", {"a": [1, 2]}, {"a": [2, 1]}, [("update", {"a": [1, 2]}, {"a": [2, 1]})]),
    ("a tag of somebody else", {"tags": {"x": "1", "theirs": "2"}}, {"tags": {"x": "1"}}, []),
    ("a changed tag", {"tags": {"x": "0", "theirs": "2"}}, {"tags": {"x": "1"}}, [("update", {"tags": {"x": "0"}}, {"tags": {"x": "1"}})]),
    ("a lost tag", {"tags": {"theirs": "2"}}, {"tags": {"x": "1"}}, [("update", {"tags": {}}, {"tags": {"x": "1"}})]),
    ("no tags at all", {"tags": None}, {"tags": {"x": "1"}}, [("update", {"tags": {}}, {"tags": {"x": "1"}})]),
    ("a value that belongs to somebody else by now", {"first": "theirs"}, {"first": "ours"}, []),
]


@pytest.mark.parametrize(("have", "want", "expected"), [case[1:] for case in PLANNED], ids=[case[0] for case in PLANNED])
def test_what_differs_is_planned(have: dict[str, Any] | None, want: dict[str, Any], expected: list[tuple[str, Any, Any]]) -> None:
    live = {} if have is None else {key("thing", "x"): Live(have, {"id": "i"})}
    plan, _ = make_plan([Resource(TAGGED, "x", want, "r1")], live, [TAGGED])
    assert [(change.action, change.before, change.after) for change in plan] == expected


def test_what_can_not_be_changed_is_refused_with_both_values_and_a_way_out() -> None:
    live = {key("thing", "x"): Live({"fixed": "10.0.0.0/16"}, {"id": "i"})}
    with pytest.raises(ResourceError) as raised:
        make_plan([Resource(TAGGED, "x", {"fixed": "10.1.0.0/16"}, "r1")], live, [TAGGED])
    assert all(part in str(raised.value) for part in ("thing x (r1)", "`fixed`", "10.0.0.0/16", "10.1.0.0/16", "Put the old value back"))


def test_a_replacement_never_deletes_data_unasked() -> None:
    store = kind_of("store", immutable=frozenset({"engine"}), replaceable=True, keeps_data=True)
    live = {key("store", "x"): Live({"engine": "a"}, {"id": "i"})}
    resource = Resource(store, "x", {"engine": "b"}, "r1")
    with pytest.raises(ResourceError, match="`engine` is 'a'"):
        make_plan([resource], live, [store])
    assert lines(make_plan([resource], live, [store], delete_data=True)[0]) == ["replace store x"]


class Disk(FakeKind):
    """Grows and never shrinks."""

    name = "disk"

    def objection(self, before: Any, after: Any) -> KcError | None:
        return KcError(f"it would shrink to {after['size']}", hint="keep it") if after["size"] < before["size"] else None


def test_a_change_that_a_kind_objects_to_is_not_planned() -> None:
    live = {key("disk", "x"): Live({"size": 2, "b": 1}, {"id": "i"})}
    with pytest.raises(ResourceError, match=r"disk x \(r1\): it would shrink to 1"):
        make_plan([Resource(Disk(), "x", {"size": 1}, "r1")], live, [Disk()])
    assert lines(make_plan([Resource(Disk(), "x", {"size": 3}, "r1")], live, [Disk()])[0]) == ["update disk x"]
    assert make_plan([Resource(Disk(), "x", {"size": 2}, "r1")], live, [Disk()])[0] == []


def test_what_is_found_when_it_was_to_be_created_is_objected_to_as_well() -> None:
    cloud, racing = Cloud(), Disk()

    def late(aws: FakeAws, *args: Any) -> Live:
        aws.cloud.add("disk", "r1", "x", {"size": 2})
        raise KcError("it is there", code="AlreadyExists", exists=True)

    racing.create = late  # type: ignore[method-assign]
    with pytest.raises(UnitError, match="it would shrink to 1"):
        run(cloud, Resource(racing, "x", {"size": 1}, "r1"), kinds=[racing])


def test_what_does_not_stand_yet_is_known_after_apply() -> None:
    plan = run(Cloud(), net(), sub(cidr="a"), check=True).plan
    assert lines(plan) == ["create net n", "create sub s"]
    assert repr(plan[1].after) == "{'in': [(known after apply)], 'cidr': 'a'}"


def test_what_is_not_known_is_equal_to_nothing() -> None:
    assert UNKNOWN != UNKNOWN
    assert UNKNOWN != "(known after apply)"


def test_a_replacement_shows_in_everything_that_refers_to_it() -> None:
    cloud = built(net(), sub(cidr="a"), nat(), table())
    assert lines(run(cloud, net(), sub(cidr="b"), nat(), table(), check=True).plan) == ["replace sub s", "replace nat g", "update table t"]


class Edition(FakeKind):
    """A kind whose change gives it another ARN."""

    name = "edition"
    renews = frozenset({"text"})

    def read(self, aws: FakeAws, scope: Any) -> dict[str, Live]:
        return {
            name: Live(live.attrs, {**live.outputs, "arn": f"arn:{name}:{live.attrs['text']}"})
            for name, live in super().read(aws, scope).items()
        }

    def update(self, aws: FakeAws, scope: Any, name: str, live: Live, want: Any, changed: frozenset[str]) -> None:
        super().update(aws, scope, name, live, want, changed)
        live.outputs["arn"] = f"arn:{name}:{want['text']}"


def test_what_refers_to_a_renewed_output_follows() -> None:
    edition = Edition()

    def resources(text: str, price: int = 1) -> list[Resource]:
        reader = Resource(TABLE, "reader", {"of": Ref("edition", "e", "arn")}, "r1")
        return [Resource(edition, "e", {"text": text, "price": price}, "r1"), reader]

    cloud = built(*resources("a"), kinds=[edition, TABLE])
    assert run(cloud, *resources("a"), kinds=[edition, TABLE]).plan == []
    assert lines(run(cloud, *resources("a", price=2), kinds=[edition, TABLE]).plan) == ["update edition e"]
    check = run(cloud, *resources("b", price=2), kinds=[edition, TABLE], check=True)
    assert lines(check.plan) == ["update edition e", "update table reader"]
    assert repr(check.live[key("edition", "e")].outputs["id"]) == "(known after apply)"
    done = run(cloud, *resources("b", price=2), kinds=[edition, TABLE])
    assert lines(done.applied) == ["update edition e", "update table reader"]
    assert done.live[key("table", "reader")].attrs == {"of": "arn:e:b"}


def test_a_kind_may_say_what_is_as_wanted() -> None:
    class Range(FakeKind):
        name = "range"

        def same(self, attr: str, have: Any, want: Any) -> bool:
            return have in (3, want[attr])

    kind = Range()
    for have, plan in ((2, []), (3, []), (4, ["update range x"])):
        live = {key("range", "x"): Live({"min": have}, {"id": "i"})}
        assert lines(make_plan([Resource(kind, "x", {"min": 2}, "r1")], live, [kind])[0]) == plan


def test_what_is_no_longer_named_goes_and_data_stays() -> None:
    store = kind_of("store", keeps_data=True)
    cloud = built(Resource(store, "d", {}, "r1"), net(), kinds=[store, NET])
    kept = run(cloud, kinds=[store, NET], check=True)
    assert (lines(kept.plan), kept.kept) == (["delete net n"], [key("store", "d")])
    gone = run(cloud, kinds=[store, NET], check=True, delete_data=True)
    assert (lines(gone.plan), gone.kept) == (["delete net n", "delete store d"], [])


def test_what_kept_data_stands_on_is_kept_too() -> None:
    group, store = kind_of("group"), kind_of("store", keeps_data=True)
    resources = [Resource(group, "g", {}, "r1"), Resource(group, "free", {}, "r1"), Resource(store, "d", {"in": [Ref("group", "g")]}, "r1")]
    cloud = built(*resources, kinds=[group, store])
    outcome = run(cloud, kinds=[group, store])
    assert (lines(outcome.applied), outcome.kept) == (["delete group free"], [key("store", "d"), key("group", "g")])
    assert run(cloud, kinds=[group, store]).plan == []


WRONG: list[tuple[str, list[Resource], str]] = [
    ("a name given twice", [net("n"), net("n")], "two resources are called net n in r1"),
    ("a reference to nothing", [sub()], "sub s refers to net n in r1, which the unit does not name"),
    (
        "a circle",
        [Resource(TABLE, "a", {"x": Ref("table", "b")}, "r1"), Resource(TABLE, "b", {"x": Ref("table", "a")}, "r1")],
        "refers to itself in a circle",
    ),
    ("an order that names nothing", [Resource(NET, "n", {}, "r1", after=(key("net", "m"),))], "refers to net m"),
]


@pytest.mark.parametrize(("resources", "text"), [case[1:] for case in WRONG], ids=[case[0] for case in WRONG])
def test_a_builders_mistake_is_named(resources: list[Resource], text: str) -> None:
    with pytest.raises(KcError, match=text):
        make_plan(resources, {}, KINDS)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (Ref("net", "n"), "v:n"),
        ({"a": [{"b": Ref("net", "n")}]}, {"a": [{"b": "v:n"}]}),
        ([Ref("net", "z"), Ref("net", "a")], ["v:a", "v:z"]),
        # the order of a tuple means something
        ((Ref("net", "z"), Ref("net", "a")), ["v:z", "v:a"]),
        (["b", "a"], ["b", "a"]),
        ([Ref("net", "b"), "0"], ["0", "v:b"]),
        ("plain", "plain"),
        (None, None),
    ],
)
def test_references_are_replaced_at_any_depth(value: Any, expected: Any) -> None:
    assert engine.resolve(value, lambda ref: f"v:{ref.name}") == expected


def test_an_order_that_means_nothing_depends_on_values_alone() -> None:
    items = [{"b": 1, "a": 2}, {"a": 1}, UNKNOWN, "z"]
    assert repr(canonical(items)) == repr(canonical(reversed(items)))


# --- order -----------------------------------------------------------------------------------------------------


def order(plan: list[tuple[Any, str, str]], *resources: Resource) -> dict[Step, set[Step]]:
    return dependencies([Change(action, key(kind, name), {}, {}) for action, kind, name in plan], resources, KINDS)


def make(kind: str, name: str) -> Step:
    return Step(key(kind, name), False)


def remove(kind: str, name: str) -> Step:
    return Step(key(kind, name), True)


def test_what_is_made_waits_for_what_it_builds_on_through_what_stands() -> None:
    before = order([("create", "net", "n"), ("create", "nat", "g")], net(), sub(), nat())
    assert before == {make("net", "n"): set(), make("nat", "g"): {make("net", "n")}}


def test_what_is_deleted_waits_for_every_change_of_the_kinds_above() -> None:
    before = order(
        [("update", "table", "t"), ("create", "nat", "new"), ("delete", "nat", "old"), ("delete", "sub", "s")],
        nat("new"),
        table(via="new"),
        sub(),
    )
    assert before[remove("nat", "old")] == {make("table", "t")}
    assert before[remove("sub", "s")] == {remove("nat", "old"), make("nat", "new"), make("table", "t")}


def test_a_chain_of_replacements_is_torn_down_from_the_top_and_built_from_the_bottom() -> None:
    before = order([("replace", "sub", "s"), ("replace", "nat", "g"), ("update", "table", "t")], net(), sub(), nat(), table())
    assert before == {
        remove("sub", "s"): {remove("nat", "g")},
        make("sub", "s"): {remove("sub", "s")},
        remove("nat", "g"): set(),
        make("nat", "g"): {remove("nat", "g"), make("sub", "s")},
        make("table", "t"): {make("nat", "g"), make("sub", "s")},
    }


def test_what_is_deleted_does_not_wait_for_a_change_that_waits_for_it() -> None:
    plan = [("replace", "net", "n"), ("replace", "sub", "s"), ("delete", "sub", "old"), ("update", "table", "t")]
    before = order(plan, net(), sub(), nat(), table())
    assert before[remove("net", "n")] == {remove("sub", "s"), remove("sub", "old")}
    assert before[make("table", "t")] == {make("net", "n"), make("sub", "s")}
    assert before[remove("sub", "old")] == set()


def test_a_replacement_waits_for_what_still_stands_on_the_old_one() -> None:
    cloud = built(net(), sub(cidr="a"), nat(), nat("old"))
    run(cloud, net(), sub(cidr="b"), nat())
    assert cloud.log[-5:-3] in (["delete nat g", "delete nat old"], ["delete nat old", "delete nat g"])
    assert cloud.log[-3:] == ["delete sub s", "create sub s", "create nat g"]


def test_everything_is_deleted_from_the_top() -> None:
    cloud = built(net(), sub(), nat(), table())
    run(cloud)
    assert [line for line in cloud.log if not line.startswith("list")] == ["delete table t", "delete nat g", "delete sub s", "delete net n"]
    assert cloud.things == []


# --- applying --------------------------------------------------------------------------------------------------


def test_another_regions_resource_is_reached_by_its_region() -> None:
    far = Resource(NET, "n", {}, "r2")
    near = Resource(TABLE, "t", {"via": Ref("net", "n", region="r2")}, "r1")
    cloud = Cloud()
    outcome = run(cloud, far, near, regions=["r1", "r2"])
    assert cloud.picture()[("table", "r1", "t")] == {"via": "<net n r2>"}
    assert set(outcome.live) == {Key("net", "r2", "n"), Key("table", "r1", "t")}


def test_another_units_resource_is_looked_up_and_never_touched() -> None:
    cloud = built(net(cidr="a"))
    looked_up = Resource(NET, "n", None, "r1", component="network")
    run(cloud, looked_up, sub(), kinds=[SUB])
    assert cloud.picture()[("sub", "r1", "s")]["in"] == ["<net n r1>"]
    run(cloud, kinds=[SUB])
    assert cloud.count() == {("net", "r1", "n"): 1}


def test_another_units_missing_resource_stops_the_run_before_it_touches_anything() -> None:
    cloud = Cloud()
    resources = [Resource(NET, "n", None, "r1", component="network"), sub(), Resource(TABLE, "t", {}, "r1")]
    assert lines(run(cloud, *resources, kinds=[SUB, TABLE], check=True).plan) == ["create sub s", "create table t"]
    with pytest.raises(UnitError, match=r"net n \(r1\): it does not stand. Converge the unit `network` of r1 first"):
        run(cloud, *resources, kinds=[SUB, TABLE])
    assert cloud.things == []


def test_an_output_that_nobody_gives_is_named() -> None:
    with pytest.raises(UnitError, match=r"table t \(r1\): it needs colour of net n in r1"):
        run(Cloud(), net(), Resource(TABLE, "t", {"x": Ref("net", "n", "colour")}, "r1"))


def failing(what: str, error: Exception, times: int = 10**6, after: bool = False) -> Callable[[Cloud], None]:
    """Return what makes a cloud answer its first `times` calls of `what` with `error`, before or after the act."""

    def install(cloud: Cloud) -> None:
        call, left = cloud.call, [times]

        def wrapped(name: str, act: Callable[[], Any]) -> Any:
            if name != what or not left[0]:
                return call(name, act)
            left[0] -= 1
            if after:
                call(name, act)
            raise error

        cloud.call = wrapped  # type: ignore[method-assign]

    return install


def test_a_failure_names_the_resource_and_stops_only_what_depends_on_it() -> None:
    cloud = Cloud()
    failing("create sub s", KcError("ec2:create_subnet in r1 answered Denied: no", code="Denied", request_id="q1", hint="ask"))(cloud)
    with pytest.raises(UnitError) as raised:
        run(cloud, net(), sub(), nat(), table(), Resource(TABLE, "other", {}, "r1"))
    error = raised.value
    assert str(error).startswith("sub s (r1): ec2:create_subnet in r1 answered Denied: no. Ask.")
    assert error.errors[0].facts() == {
        "message": "sub s (r1): ec2:create_subnet in r1 answered Denied: no",
        "code": "Denied", "request_id": "q1", "hint": "ask", "kind": "sub", "name": "s", "region": "r1",
    }  # fmt: skip
    assert error.skipped == ["create nat g (r1)", "create table t (r1)"]
    assert error.outcome is not None
    assert sorted(lines(error.outcome.applied)) == ["create net n", "create table other"]
    assert cloud.count() == {("net", "r1", "n"): 1, ("table", "r1", "other"): 1}


def test_a_defect_of_a_kind_names_the_resource_and_keeps_what_was_applied() -> None:
    cloud = Cloud()
    failing("create sub s", KeyError("SubnetId"))(cloud)
    with pytest.raises(UnitError, match=r"sub s \(r1\): KeyError: 'SubnetId'") as raised:
        run(cloud, net(), sub())
    assert isinstance(raised.value.errors[0], Defect)
    assert isinstance(raised.value.errors[0].__cause__, KeyError)
    assert raised.value.outcome is not None
    assert lines(raised.value.outcome.applied) == ["create net n"]


def test_a_defect_while_reading_names_the_kind_and_region() -> None:
    cloud = Cloud()
    failing("list sub r1", TypeError("None is no list"))(cloud)
    with pytest.raises(Defect, match=r"sub \(all\) \(r1\): TypeError: None is no list"):
        run(cloud, net())


def test_what_was_removed_for_a_failed_replacement_is_made_by_the_next_run() -> None:
    cloud = built(net(), sub(cidr="a"))
    failing("create sub s", KcError("no", code="Denied"), times=1)(cloud)
    with pytest.raises(UnitError) as raised:
        run(cloud, net(), sub(cidr="b"))
    assert raised.value.outcome is not None
    assert raised.value.outcome.applied == [] and key("sub", "s") not in raised.value.outcome.live
    assert lines(run(cloud, net(), sub(cidr="b")).applied) == ["create sub s"]


SETTLES = kind_of("sub", late=frozenset({"public"}), settles=frozenset({"Settling"}))


@pytest.mark.parametrize("what", ["create sub s", "set public of sub s"])
def test_a_state_that_settles_is_waited_for_and_creates_once(what: str) -> None:
    cloud = Cloud()
    failing(what, KcError("no", code="Settling"), times=3)(cloud)
    run(cloud, Resource(SETTLES, "s", {"public": True, "a": 1}, "r1"), kinds=[SETTLES])
    assert [(each.name, each.attrs) for each in cloud.things] == [("s", {"public": True, "a": 1})]
    assert cloud.clock == sum(sum(pauses) for pauses in SETTLING[:3])
    assert "create sub s (r1): Settling, trying again in 4 s" in cloud.told


@pytest.mark.parametrize("what", ["set public of sub s", "delete sub s"])
def test_a_change_and_a_deletion_wait_for_a_state_that_settles_too(what: str) -> None:
    cloud = built(Resource(SETTLES, "s", {"public": False}, "r1"), kinds=[SETTLES])
    failing(what, KcError("no", code="Settling"), times=2)(cloud)
    wanted = [Resource(SETTLES, "s", {"public": True}, "r1")] if what.startswith("set") else []
    run(cloud, *wanted, kinds=[SETTLES])
    assert [each.attrs for each in cloud.things] == [{"public": True} for _ in wanted]
    assert cloud.clock == 3


@pytest.mark.parametrize(("what", "wanted"), [("create sub s", True), ("set public of sub s", True), ("delete sub s", False)])
def test_a_state_that_never_settles_is_an_error_in_the_end(what: str, wanted: bool) -> None:
    cloud = Cloud() if wanted else built(Resource(SETTLES, "s", {"public": True}, "r1"), kinds=[SETTLES])
    failing(what, KcError("still busy", code="Settling"))(cloud)
    with pytest.raises(UnitError, match=r"sub s \(r1\): still busy"):
        run(cloud, *([Resource(SETTLES, "s", {"public": True}, "r1")] if wanted else []), kinds=[SETTLES])
    assert len(cloud.things) <= 1
    assert cloud.clock == sum(sum(pauses) for pauses in SETTLING)


LOST_ANSWER = KcError("got no answer", code="ReadTimeoutError", transient=True)


@pytest.mark.parametrize("what", ["create sub s", "set public of sub s"])
@pytest.mark.parametrize("after", [True, False], ids=["carried out", "not carried out"])
@pytest.mark.parametrize("times", [1, 2])
def test_a_lost_answer_never_creates_twice(what: str, after: bool, times: int) -> None:
    cloud = Cloud()
    failing(what, LOST_ANSWER, times=times, after=after)(cloud)
    run(cloud, Resource(SETTLES, "s", {"public": True}, "r1"), kinds=[SETTLES])
    assert [each.attrs for each in cloud.things] == [{"public": True}]


@pytest.mark.parametrize("lag", [0.0, 1.0, sum(LOST[0])])
def test_a_lost_answer_never_creates_twice_where_lists_lag_behind(lag: float) -> None:
    cloud = Cloud(lag=lag)
    failing("create net n", LOST_ANSWER, times=1, after=True)(cloud)
    run(cloud, net())
    assert cloud.count() == {("net", "r1", "n"): 1}


def test_a_lost_answer_is_an_error_in_the_end() -> None:
    cloud = Cloud()
    failing("create net n", LOST_ANSWER)(cloud)
    with pytest.raises(UnitError, match=r"net n \(r1\): got no answer"):
        run(cloud, net())
    assert cloud.calls == len(KINDS) + sum(len(pauses) for pauses in LOST)


def test_a_lost_answer_of_a_change_goes_on_from_what_stands() -> None:
    cloud = built(net(a=1))
    failing("set a of net n", LOST_ANSWER, times=1, after=True)(cloud)
    assert lines(run(cloud, net(a=2)).applied) == ["update net n"]
    assert cloud.log.count("set a of net n") == 1


def test_what_exists_already_is_taken_over_and_made_as_wanted() -> None:
    cloud = Cloud()

    def late(aws: FakeAws, *args: Any) -> Live:
        aws.cloud.add("table", "r1", "t", {"a": 0, "tags": {"theirs": "x"}})  # another operator was faster
        raise KcError("it is there", code="AlreadyExists", exists=True)

    racing = kind_of("table")
    racing.create = late  # type: ignore[method-assign]
    outcome = run(cloud, Resource(racing, "t", {"a": 1, "tags": {"x": "1"}}, "r1"), kinds=[racing])
    assert [each.attrs for each in cloud.things] == [{"a": 1, "tags": {"theirs": "x", "x": "1"}}]
    assert outcome.live[key("table", "t")].id == cloud.things[0].id


def test_what_exists_already_and_is_not_ours_is_an_error() -> None:
    cloud = Cloud()
    failing("create net n", KcError("it is there", code="AlreadyExists", exists=True))(cloud)
    with pytest.raises(UnitError, match=r"net n \(r1\): it is there"):
        run(cloud, net())
    assert cloud.log.count("list net r1") == 1 + len(LOST[0]), "asked for once, and looked for"


def test_what_exists_already_and_can_not_be_made_as_wanted_is_refused() -> None:
    cloud = Cloud(lag=0)
    racing = kind_of("net", immutable=frozenset({"cidr"}))

    def late(aws: FakeAws, *args: Any) -> Live:
        aws.cloud.add("net", "r1", "n", {"cidr": "theirs"})
        raise KcError("it is there", code="AlreadyExists", exists=True)

    racing.create = late  # type: ignore[method-assign]
    with pytest.raises(UnitError, match=r"net n \(r1\): `cidr` is 'theirs', the inventory wants 'ours'"):
        run(cloud, Resource(racing, "n", {"cidr": "ours"}, "r1"), kinds=[racing])


def test_others_wait_until_what_was_created_is_ready() -> None:
    slow = kind_of("net")
    slow.ready = lambda aws, name, live: aws.cloud.call("ready net n", lambda: None)  # type: ignore[method-assign]
    cloud = Cloud()
    run(cloud, Resource(slow, "n", {}, "r1"), sub(), kinds=[slow, SUB])
    assert [line for line in cloud.log if "list" not in line] == ["create net n", "ready net n", "create sub s"]


def test_what_is_not_ready_in_time_is_in_the_result_and_not_created_again() -> None:
    slow = kind_of("net")

    def never(aws: FakeAws, name: str, live: Live) -> None:
        raise KcError("net n is still `pending` after 600 s")

    slow.ready = never  # type: ignore[method-assign]
    cloud = Cloud()
    with pytest.raises(UnitError, match="still `pending`") as raised:
        run(cloud, Resource(slow, "n", {}, "r1"), kinds=[slow])
    assert raised.value.outcome is not None and key("net", "n") in raised.value.outcome.live
    assert cloud.count() == {("net", "r1", "n"): 1}


def test_each_change_is_told_once_when_it_begins() -> None:
    cloud = built(net(), sub(cidr="a"), nat("old"))
    cloud.told.clear()
    run(cloud, net(x=1), sub(cidr="b"))
    assert sorted(cloud.told) == ["delete nat old (r1)", "replace sub s (r1)", "update net n (r1)"]


def test_an_interrupt_begins_nothing_new_and_wakes_who_sleeps(monkeypatch: pytest.MonkeyPatch) -> None:
    stopped, begun, woken = threading.Event(), threading.Semaphore(0), list[bool]()

    class Sleeping(FakeKind):
        name = "sleeping"

        def create(self, aws: Any, scope: Any, name: str, want: Any) -> Live:
            begun.release()
            woken.append(stopped.wait(30))
            raise KcError("stopped")

    cloud = Cloud()
    monkeypatch.setattr(FakeAws, "stop", lambda self: stopped.set())

    def interrupted(*args: Any, **options: Any) -> None:
        for _ in range(engine.WORKERS):
            begun.acquire()
        raise KeyboardInterrupt

    monkeypatch.setattr(engine, "wait", interrupted)
    kind = Sleeping()
    with pytest.raises(KeyboardInterrupt):
        run(cloud, *[Resource(kind, f"x{number}", {}, "r1") for number in range(engine.WORKERS + 4)], kinds=[kind])
    assert woken == [True] * engine.WORKERS


def test_check_mode_foresees_what_the_run_leaves() -> None:
    cloud = built(net(a=1, tags={"x": "1"}), sub(), nat("old"))
    resources = [net(a=2, tags={"x": "2"}), sub(), nat("new"), table(via="new")]
    foreseen, real = run(cloud, *resources, check=True), run(cloud, *resources)
    assert lines(foreseen.plan) == lines(real.plan) == ["update net n", "create nat new", "create table t", "delete nat old"]
    assert set(foreseen.live) == set(real.live)
    assert foreseen.live[key("net", "n")].attrs == real.live[key("net", "n")].attrs == {"a": 2, "tags": {"x": "2"}}
    assert repr(foreseen.live[key("nat", "new")].outputs) == "{'id': (known after apply)}"
