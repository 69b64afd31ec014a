"""Options that hold one mapping a name."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from kc.errors import KcError
from kc.settings import settings


@dataclasses.dataclass(frozen=True)
class Thing:
    title: str
    size: int = 1
    loud: bool = False
    parts: list[str] = dataclasses.field(default_factory=list)
    days: int | None = None
    steps: list[int] = dataclasses.field(default_factory=list)


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ({"title": "a"}, Thing("a")),
        ({"title": "a", "size": 2, "loud": True, "parts": ["x"], "days": 3, "steps": [1]}, Thing("a", 2, True, ["x"], 3, [1])),
        ({"title": "a", "days": None}, Thing("a")),
    ],
)
def test_settings_become_the_dataclass(given: dict[str, Any], wanted: Thing) -> None:
    assert settings(Thing, "things.one", given) == wanted


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"title": "a", "sise": 2}, "`things.one` has no setting `sise`. Its settings are title, size, loud, parts, days, steps."),
        (None, "`things.one` lacks the setting `title`."),
        ("a", "`things.one` must be a mapping of settings, not 'a'."),
        ({"title": 1}, "`things.one.title` must be a text, not 1."),
        ({"title": "a", "size": True}, "`things.one.size` must be a whole number, not True."),
        ({"title": "a", "size": "2"}, "`things.one.size` must be a whole number, not '2'."),
        ({"title": "a", "size": None}, "`things.one.size` must be a whole number, not None."),
        ({"title": "a", "loud": "yes"}, "`things.one.loud` must be true or false, not 'yes'."),
        ({"title": "a", "parts": "x"}, "`things.one.parts` must be a list of texts, not 'x'."),
        ({"title": "a", "parts": [1]}, "`things.one.parts` must be a list of texts, not [1]."),
        ({"title": "a", "steps": ["1"]}, "`things.one.steps` must be a list of whole numbers, not ['1']."),
        ({"title": "a", "steps": [True]}, "`things.one.steps` must be a list of whole numbers, not [True]."),
        ({"title": "a", "days": "3"}, "`things.one.days` must be a whole number, not '3'."),
    ],
)
def test_an_error_names_the_setting(given: Any, message: str) -> None:
    with pytest.raises(KcError) as caught:
        settings(Thing, "things.one", given)
    assert str(caught.value) == message
