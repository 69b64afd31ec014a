"""What a sentinel makes of what it sees: what is a false alarm never fails over, what is a loss does, once."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinel.watch import APPROVAL, AUTOMATIC, OFF, Look, Phase, Policy, State, begin, step

POINTS = ("peering", "ensemble", "origin", "name")
POLICY = Policy(need=3, hold=30, gap=15, pause=600, attempts=3)
EVERY = 5.0
LOST = dict.fromkeys(POINTS, False)
WELL = dict.fromkeys(POINTS, True)
seen = st.fixed_dictionaries(dict.fromkeys(POINTS, st.sampled_from([True, False, None])))


def follow(looks: Iterable[Look], policy: Policy = POLICY, state: State | None = None) -> tuple[State, int, list[str]]:
    """Go through looks; return where it ends, how often the failover was begun, and what was told."""
    state, runs, told = state or begin(0), 0, []
    for look in looks:
        made = step(state, look, policy)
        state, runs = made.state, runs + made.run
        told += [made.said] if made.said else []
    return state, runs, told


def every(count: int, seen: dict[str, bool | None], start: float = 0, **more: object) -> list[Look]:
    return [Look(start + EVERY * (number + 1), seen, **{"turn": True, "fresh": "loss-1", **more}) for number in range(count)]  # type: ignore[arg-type]


def test_a_loss_that_lasts_fails_over_once() -> None:
    state, runs, told = follow(every(100, LOST))
    assert (state.phase, runs) == (Phase.ACTING, 1)
    assert told[0] == "ensemble, name, origin, peering see nothing of it" and told[1].startswith("lost: ")
    assert follow(every(6, LOST))[1] == 0 and follow(every(7, LOST))[1] == 1, "30 s in a row are 7 looks"


@given(st.sets(st.sampled_from(POINTS), min_size=POLICY.need), st.floats(1, 14), st.integers(0, 30))
def test_whichever_of_them_see_nothing(blind: set[str], pause: float, before: int) -> None:
    """N of M for the hold-down: always, once, whatever the pace and whatever was before."""
    times = [(number + 1) * pause for number in range(before + int(POLICY.hold / pause) + 3)]
    looks = [
        Look(now, {**WELL, **(dict.fromkeys(blind, False) if number >= before else {})}, True, fresh="x")
        for number, now in enumerate(times)
    ]
    assert follow(looks)[1] == 1


@given(st.sampled_from(POINTS), st.lists(st.booleans(), max_size=200))
def test_one_vantage_point_alone_never_does(point: str, reached: list[bool]) -> None:
    looks = [Look(EVERY * (number + 1), {**WELL, point: up}, True) for number, up in enumerate(reached)]
    assert follow(looks)[1] == 0


@given(st.lists(seen, max_size=200))
def test_without_the_ensemble_nothing_is_done(observed: list[dict[str, bool | None]]) -> None:
    """The witness lost and this region alone, or the lease another's: it is nobody's turn."""
    looks = [Look(EVERY * (number + 1), each, False) for number, each in enumerate(observed)]
    state, runs, told = follow(looks)
    assert (state.phase, runs, told) == (Phase.WATCHING, 0, [])


@given(st.lists(st.tuples(seen, st.booleans(), st.floats(0.1, 40)), max_size=200))
def test_what_was_not_in_a_row_never_does(observed: list[tuple[dict[str, bool | None], bool, float]]) -> None:
    """Flapping, unknown, paused: it never begins but at the end of a hold-down without a gap."""
    now, state, since = 0.0, begin(0), None
    for each, turn, pause in observed:
        now += pause
        lost = turn and list(each.values()).count(False) >= POLICY.need
        since = None if not lost else now if since is None or pause > POLICY.gap else since
        made = step(state, Look(now, each, turn), POLICY)
        if made.run:
            assert since is not None and now - since >= POLICY.hold
            return
        state = made.state


def test_unknown_is_not_lost() -> None:
    assert follow(every(100, {**LOST, "origin": None, "name": None}))[1] == 0


def test_nothing_is_done_by_itself_for_a_while_after_a_failover() -> None:
    state, runs, _ = follow([*every(7, LOST), *every(1, LOST, 35, result=True)])
    assert (state.phase, runs) == (Phase.QUIET, 1)
    quiet = every(119, LOST, 40)
    assert follow(quiet, state=state)[1] == 0
    assert follow([*quiet, *every(20, LOST, 40 + 119 * EVERY)], state=state)[1] == 1


def test_a_failover_that_breaks_off_is_gone_on_with_and_given_to_somebody_in_the_end() -> None:
    failing = every(10, LOST, 35, result=False)
    state, runs, told = follow([*every(7, LOST), *failing])
    assert (state.phase, runs) == (Phase.FAILED, 3) and "for somebody to go on with" in told[-1]
    assert follow(every(100, LOST, 100), state=state)[1] == 0
    assert follow(every(1, WELL, 100), state=state)[0].phase is Phase.WATCHING


def test_a_failover_under_way_is_left_alone_whatever_is_seen() -> None:
    assert follow([*every(7, LOST), *every(50, WELL, 35, turn=False)])[0].phase is Phase.ACTING


def test_off_tells_and_does_nothing() -> None:
    state, runs, told = follow(every(100, LOST), Policy(mode=OFF))
    assert (state.phase, runs, len(told)) == (Phase.DETECTED, 0, 2) and "The mode is off" in told[-1]


@pytest.mark.parametrize(("word", "runs"), [("", 0), ("none", 0), ("loss-0", 0), ("loss-1", 1)])
def test_an_approval_is_of_one_detection(word: str, runs: int) -> None:
    state, begun, told = follow(every(20, LOST), Policy(mode=APPROVAL))
    assert (state.phase, begun) == (Phase.DETECTED, 0) and "waits for the word loss-1" in told[-1]
    assert follow(every(5, LOST, 100, word=word), Policy(mode=APPROVAL), state)[1] == runs


def test_what_was_approved_has_to_be_lost_still() -> None:
    state, _, _ = follow(every(20, LOST), Policy(mode=APPROVAL))
    looks = [*every(1, WELL, 100), *every(20, LOST, 105, fresh="loss-2", word="loss-1")]
    assert follow(looks, Policy(mode=APPROVAL), state)[1] == 0


def test_an_automatic_one_needs_no_word() -> None:
    assert follow(every(7, LOST, word=""), Policy(mode=AUTOMATIC))[1] == 1
