"""Containers are taken away, whatever podman makes of their end."""

from __future__ import annotations

import pytest

from lab import podman as module
from lab.podman import PodmanError, remove

RACES = "cannot remove container 1 as it could not be stopped: sending SIGKILL to container 1: container state improper: stopped"
LOST = "cannot remove container 1 as it could not be stopped: timed out waiting for file /run/libpod/exits/1: internal libpod error"


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What podman was asked."""
    monkeypatch.setattr(module.time, "sleep", lambda _: None)
    return []


@pytest.mark.parametrize(
    ("answers", "times", "raises"),
    [([], 1, ""), ([RACES], 2, ""), ([LOST], 2, ""), ([RACES] * 9, 5, "improper"), (["no such"], 1, "no such")],
)
def test_a_container_that_ends_meanwhile_is_removed(
    asked: list[str], monkeypatch: pytest.MonkeyPatch, answers: list[str], times: int, raises: str
) -> None:
    def podman(*words: str) -> str:
        asked.append(words[0])
        if answers:
            raise PodmanError(answers.pop())
        return ""

    monkeypatch.setattr(module, "podman", podman)
    if raises:
        with pytest.raises(PodmanError, match=raises):
            remove("one")
    else:
        remove("one")
    assert asked == ["rm"] * times
    remove()
    assert len(asked) == times
