"""What the tests of the media server share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from media_server.assets import Asset

from .place import Place, made_at
from .server import Server, running
from .videos import KINDS, VideoOf, made


@pytest.fixture(scope="session")
def video(tmp_path_factory: pytest.TempPathFactory) -> VideoOf:
    """A video of a kind."""
    top = tmp_path_factory.mktemp("videos")
    found: dict[str, Path] = {}

    def of(kind: str) -> Path:
        if kind not in found:
            more, suffix = KINDS[kind]
            found[kind] = made(top / f"{kind}.{suffix}", *more)
        return found[kind]

    return of


@pytest.fixture
def place(aws_api: str) -> Place:
    return made_at(aws_api)


@pytest.fixture
def server(place: Place, tmp_path: Path) -> Iterator[Server]:
    with running(place.environment, tmp_path / "server.log") as found:
        yield found


@pytest.fixture
def asset(place: Place, video: VideoOf) -> Asset:
    """An asset that can be played."""
    made = place.uploaded(video("mp4"))
    place.work()
    return place.assets.get("acme", made.id)
