"""What the media server is told is read whole, or refused with the setting that is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from media_server import settings

TOLD = {
    "AWS_REGION": "me-west-1",
    "MEDIA_BUCKET": "media",
    "MEDIA_UPLOADS": "uploads",
    "MEDIA_KEY": "alias/kc-media",
    "MEDIA_QUEUE": "https://sqs.test/jobs",
    "MEDIA_DEAD": "https://sqs.test/dead",
    "MEDIA_PUBLIC": "https://media.test/",
    "MEDIA_SIGNING": "s" * 32,
}


def test_a_server_is_told_where_things_are() -> None:
    found = settings.server({**TOLD, "MEDIA_ORIGINS": "https://app.test https://learn.test"})
    assert found.public == "https://media.test"
    assert found.origins == {"https://media.test", "https://app.test", "https://learn.test"}
    assert (found.other, found.other_media, found.cookies_secret, found.port) == ("", "", "", 8080)


def test_a_worker_has_what_it_may_touch_beside_its_work() -> None:
    found = settings.worker({**TOLD, "MEDIA_BEAT": "/run/beat", "MEDIA_SLOTS": "3"})
    assert (found.beat, found.slots, found.attempts, found.visibility) == (Path("/run/beat"), 3, 5, 300)
    assert settings.worker(TOLD).beat.name == "media-worker.beat"


@pytest.mark.parametrize(
    ("of", "changes", "said"),
    [
        ("server", {"MEDIA_BUCKET": ""}, "MEDIA_BUCKET is not set: the bucket that segments and records are in"),
        ("server", {"MEDIA_SIGNING": "short"}, "MEDIA_SIGNING has 5 bytes, and 32 are the least"),
        ("server", {"MEDIA_OTHER_REGION": "eu-central-1"}, "MEDIA_OTHER_BUCKET is not set"),
        ("server", {"MEDIA_COOKIES_PARAMETER": "/kc/edge"}, "MEDIA_COOKIES_SECRET is not set"),
        ("server", {"MEDIA_PORT": "http"}, "MEDIA_PORT is `http`, and a number of 1 or more is asked for"),
        ("worker", {"MEDIA_SLOTS": "0"}, "MEDIA_SLOTS is `0`, and a number of 1 or more is asked for: cells side by side"),
        ("worker", {"MEDIA_DEAD": " "}, "MEDIA_DEAD is not set: the URL of its dead-letter queue"),
    ],
)
def test_what_is_missing_or_makes_no_sense_is_named(of: str, changes: dict[str, str], said: str) -> None:
    with pytest.raises(settings.Unset) as raised:
        getattr(settings, of)({**TOLD, **changes})
    assert str(raised.value).startswith(said)
