"""`lab/patches/pace.py`: which kinds take how long, and when a thing is there."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace

import pytest

from lab.patches import pace


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[float]]:
    """The time, as a list that a test changes."""
    time = [1000.0]
    monkeypatch.setattr(pace, "clock", lambda: time[0])
    monkeypatch.setattr(pace, "begun", [])
    yield time


def test_it_is_told_in_seconds_by_kind() -> None:
    assert pace.paces("db=6 replica=9\n distribution=3 nat=1.2") == {"db": 6, "replica": 9, "distribution": 3, "nat": 1.2}
    assert pace.paces("") == {}


@pytest.mark.parametrize("text", ["vpc=1", "db", "db=soon", "db=1,nat=2"])
def test_what_is_no_pace_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"KC_LAB_PACE|could not convert"):
        pace.paces(text)


def test_a_thing_is_coming_for_the_time_of_its_kind(now: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KC_LAB_PACE", "db=6")
    database, gateway = SimpleNamespace(), SimpleNamespace()
    pace.begin(database, "db", "main")
    pace.begin(gateway, "nat", "nat-1")
    assert (pace.coming(database), pace.coming(gateway)) == (True, False)
    now[0] += 5.9
    assert pace.coming(database)
    now[0] += 0.1
    assert not pace.coming(database)
    assert pace.begun == [{"kind": "db", "name": "main", "at": 1000.0, "seconds": 6}]


def test_without_a_pace_nothing_is_noted(now: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KC_LAB_PACE", raising=False)
    database = SimpleNamespace()
    pace.begin(database, "db", "main")
    assert vars(database) == {} and not pace.coming(database) and pace.begun == []
