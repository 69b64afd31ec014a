"""The runbook engine: what a journal binds, who may go on with a run, and that a run that is killed ends as one that was not."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kc.errors import KcError
from kc.runbook import journal
from kc.runbook.book import COMPLETED, EXECUTE, GIVEN_UP, REVERTED, VERIFY, Book, Progress, Step
from kc.runbook.journal import Entry, Late
from kc.runbook.report import report
from kc.runbook.run import Run, is_drill, is_under_way, last, lives, me

BOOK = Book(
    "switchover",
    (
        Step("freeze", "Freeze the source", EXECUTE, 60, undo="thawed"),
        Step("wait", "Wait for the replica", EXECUTE, 60, undo="nothing to take back"),
        Step("promote", "Promote", EXECUTE, 600),
        Step("look", "Look", VERIFY, 60),
    ),
)
NAMES = [step.name for step in BOOK.steps]
THERE = {"to": "eu-central-1"}


class Kept:
    """A shelf in memory; `dies` is asked before and after each entry is written."""

    def __init__(self, dies: Callable[[], None] = lambda: None) -> None:
        self.there: dict[tuple[int, int], str] = {}
        self.dies = dies

    def epochs(self) -> list[int]:
        return sorted({epoch for epoch, _ in self.there})

    def read(self, epoch: int) -> list[str]:
        return [text for (found, _), text in sorted(self.there.items()) if found == epoch]

    def behind(self, entry: Entry) -> list[tuple[int, int]]:
        return [place for place in sorted(self.there) if place > (entry.epoch, entry.number)]

    def add(self, entry: Entry) -> None:
        self.dies()
        if (entry.epoch, entry.number) in self.there:
            raise Late("taken")
        self.there[entry.epoch, entry.number] = entry.text
        self.dies()


def ticking() -> Callable[[], str]:
    """Return a clock that goes on by a second each time."""
    count = itertools.count()
    return lambda: f"2026-01-31T21:{next(count) // 60 % 60:02}:{next(count) % 60:02}.000+00:00"


def opened(shelf: Kept, by: dict[str, str] | None = None, clock: Callable[[], str] | None = None, **arguments: Any) -> Run:
    return Run.open(shelf, last(shelf), BOOK, arguments or THERE, by or {"host": "a", "process": "1"}, clock or ticking())


def through(run: Run, until: str = "") -> Run:
    """Do steps, up to and without `until`."""
    for name in itertools.takewhile(lambda each: each != until, NAMES):
        if run.begin(name):
            run.done(name, {"was": name})
    return run


def test_a_run_goes_from_step_to_step_and_is_closed() -> None:
    shelf = Kept()
    run = through(opened(shelf))
    assert run.progress.next is None
    run.close(COMPLETED)
    run.close(COMPLETED)
    kinds = [entry.kind for entry in journal.read(shelf, 1)]
    assert kinds == ["opened", *["begun", "done"] * 4, "closed"]
    assert BOOK.title("promote") == "(3/4) Promote"


def test_the_next_run_has_the_next_number() -> None:
    shelf = Kept()
    through(opened(shelf)).close(COMPLETED)
    assert opened(shelf).epoch == 2


def test_a_journal_begins_with_nothing() -> None:
    assert last(Kept()) == []


def test_a_run_is_gone_on_with_and_what_is_done_is_not_done_again() -> None:
    shelf = Kept()
    through(opened(shelf), until="promote")
    run = opened(shelf)
    assert run.epoch == 1
    assert [run.begin(name) for name in NAMES[:3]] == [False, False, True]
    assert run.progress.steps["freeze"].facts == {"was": "freeze"}


@pytest.mark.parametrize(
    ("act", "says"),
    [
        (lambda shelf, run: run.begin("look"), "not the turn of (4/4) Look: (1/4) Freeze the source comes before it"),
        (lambda shelf, run: run.begin("dance"), "has no step 'dance'"),
        (lambda shelf, run: run.done("freeze"), "(1/4) Freeze the source is not under way"),
        (lambda shelf, run: run.undone("freeze"), "not under way"),
        (lambda shelf, run: run.close(COMPLETED), "(1/4) Freeze the source is not done"),
        (lambda shelf, run: run.close("well"), "and not as 'well'"),
        (lambda shelf, run: run.close(GIVEN_UP), "given up for a reason"),
        (lambda shelf, run: through(run, until="wait").close(REVERTED), "(1/4) Freeze the source is not taken back"),
        (lambda shelf, run: through(run, until="look").undo("promote"), "no way back from (3/4) Promote"),
        (lambda shelf, run: through(run, until="promote").undo("freeze"), "(2/4) Wait for the replica is taken back before it"),
        (lambda shelf, run: opened(shelf, to="me-west-1"), "run 1 is under way since"),
        (lambda shelf, run: Run.open(shelf, last(shelf), Book("failover", BOOK.steps), THERE, me()), "switchover with to=eu-central-1"),
        (lambda shelf, run: (run.close(GIVEN_UP, {"reason": "it rains"}), run.begin("freeze")), "run 1 is given up"),
        (lambda shelf, run: (run.close(GIVEN_UP, {"reason": "it rains"}), run.close(REVERTED)), "can't be undone"),
    ],
)
def test_what_is_refused_says_why(act: Callable[[Kept, Run], Any], says: str) -> None:
    shelf = Kept()
    run = opened(shelf)
    with pytest.raises(KcError) as error:
        act(shelf, run)
    assert says in str(error.value)


def test_a_step_that_failed_is_begun_again() -> None:
    shelf = Kept()
    run = opened(shelf)
    run.begin("freeze")
    run.failed("freeze", "no answer")
    assert run.progress.next == BOOK.steps[0]
    assert opened(shelf).begin("freeze")


def test_what_was_done_is_taken_back_in_reverse() -> None:
    shelf = Kept()
    run = through(opened(shelf), until="promote")
    run.begin("promote")
    run.failed("promote", "the replica lags", untouched=True)
    undone = []
    while (step := run.progress.back) is not None:
        assert run.undo(step.name)
        run.undone(step.name)
        undone.append(step.name)
        with pytest.raises(KcError, match="on its way back"):
            run.begin("promote")
    assert undone == ["wait", "freeze"]
    run.close(REVERTED)
    assert opened(shelf).epoch == 2


def test_a_promotion_that_may_have_begun_is_not_taken_back() -> None:
    run = through(opened(Kept()), until="promote")
    run.begin("promote")
    with pytest.raises(KcError, match="no way back"):
        run.undo("wait")


def test_two_who_go_on_with_the_same_run_are_told_apart() -> None:
    shelf = Kept()
    one = opened(shelf)
    other = opened(shelf, by={"host": "b", "process": "9"})
    one.begin("freeze")
    with pytest.raises(Late, match="somebody else goes on with run 1"):
        other.guard()
    with pytest.raises(Late):
        other.begin("freeze")
    one.guard()


def test_a_run_that_was_followed_by_another_changes_nothing_any_more() -> None:
    shelf = Kept()
    run = opened(shelf)
    other = opened(shelf)
    other.close(GIVEN_UP, {"reason": "the region is back"})
    opened(shelf)
    with pytest.raises(Late, match="run 2 has begun since"):
        run.guard()


def test_who_may_still_be_at_work_is_not_disturbed() -> None:
    shelf, clock = Kept(), ticking()
    opened(shelf, by={"host": "elsewhere", "process": "7"}, clock=clock).begin("freeze")
    run = opened(shelf, clock=clock)
    with pytest.raises(KcError, match="by process 7 on elsewhere, which may take 60 s"):
        run.begin("freeze")
    assert run.begin("freeze", takeover=True)


def test_after_its_time_a_step_may_be_begun_by_others() -> None:
    shelf = Kept()
    opened(shelf, by={"host": "elsewhere", "process": "7"}, clock=lambda: "2026-01-31T21:00:00.000+00:00").begin("freeze")
    assert opened(shelf, clock=lambda: "2026-01-31T21:01:00.000+00:00").begin("freeze")


def test_of_a_process_of_this_machine_it_is_known_whether_it_lives() -> None:
    mine = me()
    assert lives(mine) is True
    assert lives({**mine, "since": "1"}) is False
    assert lives({**mine, "host": "elsewhere"}) is None
    shelf, now = Kept(), "2026-01-31T21:00:00.000+00:00"
    Run.open(shelf, last(shelf), BOOK, THERE, mine, lambda: now).begin("freeze")
    with pytest.raises(KcError, match="which runs"):
        Run.open(shelf, last(shelf), BOOK, THERE, {**mine, "process": "1"}, lambda: now).begin("freeze")
    shelf = Kept()
    Run.open(shelf, last(shelf), BOOK, THERE, {**mine, "since": "1"}, lambda: now).begin("freeze")
    assert Run.open(shelf, last(shelf), BOOK, THERE, mine, lambda: now).begin("freeze")


@given(at=st.integers(0, 9), how=st.sampled_from(["left out", "changed", "swapped"]))
def test_a_journal_that_was_touched_is_found_out(at: int, how: str) -> None:
    shelf = Kept()
    through(opened(shelf)).close(COMPLETED)
    entries = journal.read(shelf, 1)
    if how == "left out":
        touched = entries[:at] + entries[at + 1 :]
    elif how == "changed":
        touched = [*entries[:at], replace(entries[at], facts={"was": "never"}), *entries[at + 1 :]]
    else:
        touched = [*entries[:at], *reversed(entries[at : at + 2]), *entries[at + 2 :]]
    if touched[:-1] == entries[:-1] or touched == entries[:-1]:
        # the last entry is bound by nothing behind it: its digest is what a report prints
        assert touched == entries or touched[-1].digest != entries[-1].digest
        return
    with pytest.raises(KcError, match="does not follow the one before it"):
        journal.check(touched)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format": 1}', '{"format": 1, "epoch": 1}', "\x00"])
def test_what_is_no_entry_is_named(text: str) -> None:
    with pytest.raises(KcError, match="entry 3 of run 1 is no entry"):
        journal.parse(text, "entry 3 of run 1")


class Killed(Exception):
    """What a process that is killed does not get to handle."""


class World:
    """What steps act on: each act is done if it is not yet so, as the engine asks of them."""

    def __init__(self) -> None:
        self.acts: list[str] = []

    def act(self, name: str) -> None:
        if name not in self.acts:
            self.acts.append(name)


@settings(max_examples=200, deadline=None)
@given(deaths=st.lists(st.integers(0, 25), max_size=6))
def test_a_run_that_is_killed_ends_as_one_that_was_not(deaths: list[int]) -> None:
    world, left = World(), list(deaths)

    def dies() -> Iterator[None]:
        """Die after so many points of this life."""
        for _ in range(left.pop(0) if left else 1000):
            yield
        raise Killed

    shelf, clock = Kept(), ticking()
    for life in range(len(deaths) + 1):
        points = dies()

        def point(points: Iterator[None] = points) -> None:
            next(points, None)

        shelf.dies = point
        try:
            if (entries := last(shelf)) and not is_under_way(entries):
                break  # it was killed right behind its end
            run = Run.open(shelf, entries, BOOK, THERE, {"host": "a", "process": "1"}, clock)
            for name in NAMES:
                if run.begin(name):
                    run.guard()
                    point()
                    world.act(name)
                    point()
                    run.done(name)
            run.close(COMPLETED)
            break
        except Killed:
            assert life < len(deaths)
    entries = journal.read(shelf, 1)
    assert world.acts == NAMES
    assert [entry.step for entry in entries if entry.kind == "done"] == NAMES
    assert Progress(BOOK, entries).outcome == COMPLETED
    assert shelf.epochs() == [1]


def test_a_report_is_made_from_the_journal() -> None:
    times = iter([0, 1, 4, 4, 10, 11, 30, 31, 33, 40])
    shelf = Kept()
    run = opened(shelf, clock=lambda: f"2026-01-31T21:00:{next(times):02}.000+00:00")
    through(run).close(COMPLETED, {"lost": 0})
    made = report(run.progress)
    assert made.seconds == 40
    assert made.parts == {"detect": 0, "decide": 0, "execute": 28, "propagate": 0, "verify": 2, "between": 10}
    assert sum(made.parts.values()) == made.seconds
    assert [(spell.name, spell.begin, spell.end) for spell in made.spells] == [
        ("freeze", 1, 4),
        ("wait", 4, 10),
        ("promote", 11, 30),
        ("look", 31, 33),
    ]
    assert "| (3/4) Promote | done | 11.0 s | 19.0 s | was: promote. |" in made.markdown
    assert made.digest in made.page and '<rect class="verify" x="775.0"' in made.page
    assert '"epoch": 1' in made.json


def test_a_report_of_a_run_that_is_under_way_says_so_and_what_failed() -> None:
    run = opened(Kept())
    run.begin("freeze")
    run.failed("freeze", "<b>no</b> | answer")
    made = report(run.progress)
    assert made.outcome == "under way"
    assert "<b>no" not in made.page
    assert "<b>no</b> \\| answer" in made.markdown


@pytest.mark.parametrize(
    ("counts", "said"),
    [
        ([], ""),
        ([0], "0 transactions were lost"),
        ([2, 3], "5 transactions were lost"),
        ([2, None], "how many transactions were lost is not known"),
    ],
)
def test_a_report_says_what_was_lost_and_keeps_calls_apart(counts: list[int | None], said: str) -> None:
    run = opened(Kept())
    call = {"call": "ssm:put_parameter", "endpoint": "https://ssm.example", "region": "eu-central-1", "params": {"Value": "primary"}}
    run.begin("freeze")
    run.done("freeze", {"promoted": [{"lost_count": count} for count in counts], "calls": [call]})
    made = report(run.progress)
    assert made.lost.startswith(said) and bool(made.lost) is bool(said)
    assert said in made.headline and said.capitalize() in made.page
    assert '- `ssm:put_parameter` at https://ssm.example (eu-central-1): `{"Value": "primary"}`' in made.markdown
    assert "| 1 calls. promoted:" in made.markdown and "<summary>1 calls</summary>" in made.page


@pytest.mark.parametrize(
    ("book", "last", "is_one"),
    [
        ("drill", {"outcome": "completed"}, True),
        ("switchover", {"outcome": "completed", "drill": True}, True),
        ("failover", {"outcome": "completed"}, False),
        ("failover", {"outcome": "completed", "drill": False}, False),
        ("drill", {"outcome": "undone"}, False),
        ("drill", {"outcome": "given up", "drill": True}, False),
    ],
)
def test_a_drill_is_a_completed_run_that_says_so(book: str, last: dict[str, Any], is_one: bool) -> None:
    opened, closed = Entry(1, 0, journal.OPENED, "", {}, facts={"book": book}), Entry(1, 1, journal.CLOSED, "", {}, facts=last)
    assert is_drill([opened, closed]) is is_one
    assert not is_drill([opened]) and not is_drill([])
