"""What a region does about the lease; and that two regions that go by it never both take writes, whatever is cut, killed and late."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kc.errors import KcError
from kc.lease.guard import Guard
from kc.lease.handing import Wish, hand
from kc.lease.holder import Due, Limits, Seen, begins, due
from kc.lease.lease import EXPIRED, FENCED, FIRST, GIVEN, HANDED, HELD, OPENING, RETURNED, Lease, Memory, Silent
from kc.lease.vouching import Vouched, counted

ME, OTHER = "me-west-1", "eu-central-1"
LIMITS = Limits(ttl=15, margin=5, beat=2)
MINE, THEIRS = Lease(ME, 3, EXPIRED), Lease(OTHER, 4, EXPIRED)


def seen(lease: Lease | None = None, *, age: float = 0, holding: bool = False, answered: bool = True) -> Seen:
    return Seen(100, 100 - age, answered, lease, holding)


@pytest.mark.parametrize(
    ("memory", "looked", "does", "then"),
    [
        (Memory(3, HELD), seen(MINE, holding=True), Due.NOTHING, None),
        (Memory(3, HELD), seen(MINE), Due.TAKE, None),
        (Memory(3, HELD), seen(answered=False, age=9.9), Due.NOTHING, None),
        (Memory(3, HELD), seen(answered=False, age=10), Due.FENCE, Memory(3, FENCED)),
        (Memory(3, OPENING), seen(answered=False, age=10), Due.FENCE, Memory(3, FENCED)),
        (Memory(3, FENCED), seen(answered=False, age=1000), Due.NOTHING, None),
        # before there is an ensemble
        (Memory(0, HELD), seen(answered=False, age=1000), Due.NOTHING, None),
        (Memory(0, HELD), seen(None, age=1000), Due.LAY, None),
        (Memory(0, HELD), seen(THEIRS), Due.FENCE, Memory(0, FENCED)),
        (Memory(3, GIVEN), seen(answered=False, age=1000), Due.NOTHING, None),
        # asleep for longer than its time: the answer is newer than that
        (Memory(3, HELD), seen(MINE, age=60), Due.TAKE, None),
        (Memory(3, HELD), seen(THEIRS, age=60), Due.FENCE, Memory(3, FENCED)),
        # another's
        (Memory(3, HELD), seen(THEIRS), Due.FENCE, Memory(3, FENCED)),
        (Memory(3, HELD), seen(Lease(OTHER, 4, HANDED)), Due.REMEMBER, Memory(3, GIVEN)),
        (Memory(3, HELD), seen(Lease(OTHER, 4, RETURNED, 2)), Due.REMEMBER, Memory(3, GIVEN)),
        (Memory(3, FENCED), seen(THEIRS), Due.NOTHING, None),
        (Memory(3, GIVEN), seen(THEIRS), Due.NOTHING, None),
        # its own again
        (Memory(3, FENCED), seen(MINE), Due.TAKE, None),
        (Memory(3, FENCED), seen(MINE, holding=True), Due.REMEMBER, Memory(3, OPENING)),
        (Memory(3, OPENING), seen(MINE, holding=True), Due.OPEN, Memory(3, HELD)),
        (Memory(3, OPENING), seen(MINE), Due.TAKE, None),
        (Memory(3, FENCED), seen(Lease(ME, 5, RETURNED, 3), holding=True), Due.REMEMBER, Memory(5, OPENING)),
        (Memory(5, OPENING), seen(Lease(ME, 5, RETURNED, 3), holding=True), Due.OPEN, Memory(5, HELD)),
        # given to it: a fence of an earlier epoch is the runbook's affair
        (Memory(3, FENCED), seen(Lease(ME, 5, HANDED)), Due.REMEMBER, Memory(5, HELD)),
        (Memory(0, GIVEN), seen(Lease(ME, 5, EXPIRED)), Due.REMEMBER, Memory(5, HELD)),
        # none, and one that is older than what is remembered
        (Memory(0, HELD), seen(None), Due.LAY, None),
        (Memory(0, GIVEN), seen(None), Due.NOTHING, None),
        (Memory(3, HELD), seen(None), Due.NOTHING, None),
        (Memory(3, HELD), seen(Lease(ME, 2, FIRST)), Due.NOTHING, None),
        (Memory(3, HELD), seen(Lease(ME, 2, FIRST), age=10), Due.FENCE, Memory(3, FENCED)),
        (Memory(3, HELD), seen(Lease(OTHER, 2, EXPIRED)), Due.NOTHING, None),
    ],
)
def test_what_is_due(memory: Memory, looked: Seen, does: Due, then: Memory | None) -> None:
    found = due(ME, memory, looked, LIMITS)
    assert (found.due, found.memory) == (does, then)


def test_who_remembers_nothing_goes_by_the_role_flag() -> None:
    assert begins(None, "primary") == Memory(0, HELD)
    assert begins(None, "secondary") == begins(None, "") == Memory(0, GIVEN)
    assert begins(Memory(3, FENCED), "primary") == Memory(3, FENCED)


@given(st.builds(Lease, st.text(min_size=1), st.integers(1), st.sampled_from([FIRST, EXPIRED, HANDED, RETURNED]), st.integers(0)))
def test_a_lease_is_read_as_it_was_written(lease: Lease) -> None:
    assert Lease.parse(lease.text, "there") == lease


@pytest.mark.parametrize(
    "text", ["", "null", "[]", "{}", "none", '{"region": "x", "epoch": "1", "how": "first", "of": 0}', MINE.text.replace("3", "0")]
)
def test_what_is_no_lease_is_refused(text: str) -> None:
    with pytest.raises(KcError, match=r"/lease holds .* says nothing of a lease"):
        Lease.parse(text, "/lease")


@pytest.mark.parametrize(
    "text", ["none", '{"epoch": 1}', '{"epoch": 1, "state": "gone"}', '{"epoch": -1, "state": "held"}', '{"epoch": true, "state": "held"}']
)
def test_what_is_no_memory_is_refused(text: str) -> None:
    with pytest.raises(KcError, match="says nothing of a lease"):
        Memory.parse(text, "state/lease")


@given(st.data())
def test_who_vouches_was_confirmed_after_what_is_told(data: st.DataObject) -> None:
    """A holder beats and counts at any times; whoever looks, at any others, is never told a time later than the beat that it stands for."""
    vouched, sent, shown, now = Vouched("looker"), 0.0, "", 0.0
    beats: dict[str, float] = {}
    for count in range(data.draw(st.integers(0, 8))):
        now += data.draw(st.floats(0.1, 5))
        sent = now
        for _ in range(data.draw(st.integers(0, 3))):  # looks while the beat is on its way
            now += data.draw(st.floats(0.1, 5))
            since = vouched.look(shown, now)
            assert since <= beats.get(shown, float("-inf"))
        now += data.draw(st.floats(0.1, 5))
        shown = counted("holder", count)
        beats[shown] = sent
        for _ in range(data.draw(st.integers(0, 3))):
            now += data.draw(st.floats(0.1, 5))
            assert vouched.look(shown, now) <= sent


def test_a_sibling_that_beats_vouches_and_oneself_does_not() -> None:
    vouched = Vouched("a")
    told = [
        vouched.look(counted(who, count), at)
        for who, count, at in [("a", 1, 0), ("b", 1, 2), ("b", 2, 4), ("b", 3, 6), ("b", 3, 8), ("a", 2, 10)]
    ]
    assert told == [float("-inf"), float("-inf"), 0, 2, 2, float("-inf")]


# --- changing hands


class Terms:
    """An ensemble of one: leases, terms and sessions in a simulated time."""

    def __init__(self, ttl: float) -> None:
        self.ttl, self.now = ttl, 0.0
        self.lease: Lease | None = None
        self.nodes: dict[str, tuple[int, float]] = {}
        """Holder: epoch, and when its session was heard of last."""

    def expire(self) -> None:
        self.nodes = {name: (epoch, heard) for name, (epoch, heard) in self.nodes.items() if self.now - heard <= self.ttl}

    def look(self) -> Lease | None:
        return self.lease

    def holders(self, lease: Lease) -> list[str]:
        self.expire()
        return sorted(name for name, (epoch, _) in self.nodes.items() if epoch == lease.epoch)

    def lay(self, lease: Lease) -> bool:
        if self.lease:
            return False
        self.lease = lease
        return True

    def take(self, lease: Lease, name: str) -> bool:
        if self.lease != lease:
            return False
        self.nodes[name] = (lease.epoch, self.now)
        return True

    def beat(self, lease: Lease, name: str) -> bool:
        self.expire()
        if self.lease != lease or name not in self.nodes:
            return False
        self.nodes[name] = (lease.epoch, self.now)
        return True

    def swap(self, before: Lease, after: Lease, hand: bool = False) -> bool:
        if self.lease != before or (self.holders(before) and not hand):
            return False
        self.nodes, self.lease = {}, after
        return True


def wish(how: str = EXPIRED, **more: Any) -> Wish:
    return Wish(**{"to": OTHER, "other": ME, "how": how, "wait": 0, **more})


def test_a_lease_changes_hands_once_and_by_compare_and_swap() -> None:
    terms = Terms(15)
    assert hand(terms, wish(), check=True)["lease"] == {"region": OTHER, "epoch": 1, "how": FIRST, "of": 0} and terms.lease is None
    terms.lay(MINE)
    assert hand(terms, wish())["lease"] == {"region": OTHER, "epoch": 4, "how": EXPIRED, "of": 0}
    again = hand(terms, wish())
    assert not again["changed"] and again["lease"]["epoch"] == 4
    with pytest.raises(KcError, match=r"the lease is eu-central-1's, and not ap-south-1's"):
        hand(terms, wish(to=ME, other="ap-south-1"))
    assert hand(terms, wish(RETURNED, to=ME, other=OTHER))["lease"] == {"region": ME, "epoch": 5, "how": RETURNED, "of": 3}


def test_who_is_held_is_not_lost_unless_somebody_is_sure() -> None:
    terms, slept = Terms(15), []
    terms.lay(MINE)
    terms.take(MINE, "task-1")
    with pytest.raises(KcError, match=r"me-west-1 holds the lease still, after 0 s: task-1 lives"):
        hand(terms, wish(), sleep=lambda _: None)
    assert terms.lease == MINE
    assert hand(terms, wish(force=True), sleep=slept.append)["lease"]["how"] == EXPIRED
    assert slept == [15], "it is waited until the one that was made to let go has fenced itself off"
    hand(terms, wish(force=True), sleep=slept.append)
    assert slept == [15, 15], "killed in that time and run again, it is waited anew"


def test_a_lease_is_handed_over_by_who_has_frozen_the_other() -> None:
    terms = Terms(15)
    terms.lay(MINE)
    terms.take(MINE, "task-1")
    assert hand(terms, wish(HANDED))["holders"] == ["task-1"]
    assert terms.lease == Lease(OTHER, 4, HANDED) and not terms.beat(MINE, "task-1")


# --- two regions


@dataclass
class Place:
    """A region that remembers, and is open or fenced off."""

    flag: str
    now: Callable[[], float]
    memory: Memory | None = None
    open_: bool = True
    source: bool = False
    text: str = ""
    silent: bool = False
    log: list[str] = field(default_factory=list)

    @property
    def writes(self) -> bool:
        return self.source and self.open_

    def _asked(self) -> None:
        if self.silent:
            raise KcError("the region's API does not answer")

    def recall(self) -> Memory | None:
        self._asked()
        return self.memory

    def role(self) -> str:
        self._asked()
        return self.flag

    def remember(self, memory: Memory) -> None:
        self._asked()
        self.memory = memory

    def counted(self) -> str:
        return self.text

    def count(self, text: str) -> None:
        self.text = text

    def fence(self) -> None:
        self._asked()
        self.open_ = False

    def open(self) -> None:
        self._asked()
        self.open_ = True


class Link:
    """A task's way to the ensemble: up, down, or of which only the questions arrive."""

    def __init__(self, terms: Terms) -> None:
        self.terms, self.state = terms, "up"

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def call(*given: Any) -> Any:
            if self.state == "down":
                raise Silent("cut")
            answer = getattr(self.terms, name)(*given)
            if self.state == "deaf":
                raise Silent("no answer came")
            return answer

        return call


class Two:
    """Two regions with tasks each, one ensemble, a clock; and a runbook, which takes the lease of one that holds it no longer."""

    def __init__(self, tasks: int) -> None:
        self.terms = Terms(LIMITS.ttl)
        self.places = {
            ME: Place("primary", lambda: self.terms.now, source=True),
            OTHER: Place("secondary", lambda: self.terms.now),
        }
        self.tasks = [self.task(region, number) for region in self.places for number in range(tasks)]
        self.wanted_until = 0.0
        self.promotes: tuple[float, str] | None = None

    def task(self, region: str, number: int) -> tuple[str, Link, Guard]:
        link = Link(self.terms)
        name = f"{region}-{number}-{self.terms.now}"
        return region, link, Guard(region, name, self.places[region], link, LIMITS, now=lambda: self.terms.now)

    def second(self) -> None:
        """Let a second pass; every task looks in it, as it does at least every beat."""
        self.terms.now += 1
        for _, _, guard in self.tasks:
            guard.step()
        if self.promotes and self.terms.now >= self.promotes[0]:
            self.places[self.promotes[1]].source = True
            self.promotes = None
        if self.terms.now < self.wanted_until:
            self.fail_over(takes=1)
        assert [place.writes for place in self.places.values()].count(True) < 2, f"both take writes at {self.terms.now}"

    def fail_over(self, takes: float) -> None:
        lease = self.terms.lease
        if lease is None or self.promotes:
            return
        to = OTHER if lease.region == ME else ME
        # a region that was primary once is a source until it is rebuilt, and never taken over to before
        if not self.places[to].source and self.terms.swap(lease, lease.after(to, EXPIRED)):
            self.promotes = (self.terms.now + takes, to)


events = st.one_of(
    st.tuples(st.sampled_from(["up", "down", "deaf"]), st.integers(0, 3)),
    st.tuples(st.sampled_from(["cut", "whole"]), st.sampled_from([0, 1])),
    st.tuples(st.just("restart"), st.integers(0, 3)),
    st.tuples(st.sampled_from(["wait", "fail over"]), st.integers(1, 25)),
)


@settings(max_examples=300)
@given(st.integers(1, 2), st.lists(events, max_size=30))
def test_two_regions_never_both_take_writes(tasks: int, schedule: list[tuple[str, int]]) -> None:
    world = Two(tasks)
    world.second()
    for what, which in schedule:
        place = which % len(world.tasks)
        region, link, _ = world.tasks[place]
        match what:
            case "cut" | "whole":
                for each, way, _ in world.tasks:
                    if each == (ME, OTHER)[which]:
                        way.state = "down" if what == "cut" else "up"
            case "restart":
                world.tasks[place] = world.task(region, which)
                world.tasks[place][1].state = link.state
            case "wait" | "fail over":
                if what == "fail over":
                    world.wanted_until = world.terms.now + which
                for _ in range(which):
                    world.second()
            case _:
                link.state = what
        world.second()


def test_a_region_that_is_cut_off_fences_itself_before_its_time_is_over_and_opens_again_by_itself() -> None:
    world = Two(2)
    for _ in range(5):
        world.second()
    for region, link, _ in world.tasks:
        link.state = "down" if region == ME else "up"
    cut = world.terms.now
    while world.places[ME].open_:
        world.second()
    assert world.terms.now - cut <= LIMITS.ttl - LIMITS.margin + 1
    assert world.places[ME].memory == Memory(1, FENCED)
    for _ in range(100):
        world.second()
    for _, link, _ in world.tasks:
        link.state = "up"
    world.second()
    world.second()
    assert world.places[ME].writes and world.places[ME].memory == Memory(1, HELD)


def test_a_region_that_comes_back_to_another_s_lease_stays_fenced() -> None:
    world = Two(1)
    world.second()
    world.tasks[0][1].state = "down"
    for _ in range(20):
        world.second()
    world.fail_over(1)
    world.tasks[0][1].state = "up"
    for _ in range(100):
        world.second()
    assert not world.places[ME].open_ and world.places[OTHER].writes


def test_one_task_that_is_cut_off_by_itself_fences_nothing() -> None:
    world = Two(2)
    world.second()
    world.tasks[0][1].state = "down"
    for _ in range(60):
        world.second()
    assert world.places[ME].writes
    world.tasks[1][1].state = "down"
    for _ in range(12):
        world.second()
    assert not world.places[ME].writes, "nobody is left to vouch"


def test_a_region_whose_api_takes_its_time_is_not_fenced_for_that() -> None:
    world = Two(1)
    place = world.places[ME]

    def slow(text: str) -> None:
        world.terms.now += 11
        place.text = text

    place.count = slow  # type: ignore[method-assign]
    for _ in range(20):
        world.second()
    assert place.writes and place.memory == Memory(1, HELD)


def test_a_region_whose_api_is_silent_goes_on_trying_to_fence_itself() -> None:
    world = Two(1)
    world.second()
    world.tasks[0][1].state, world.places[ME].silent = "down", True
    for _ in range(30):
        world.second()
    assert world.places[ME].open_
    world.places[ME].silent = False
    world.second()
    assert not world.places[ME].open_
