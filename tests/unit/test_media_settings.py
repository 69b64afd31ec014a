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
    "MEDIA_NOTICES": "https://sqs.test/notices",
    "MEDIA_NOTICES_DEAD": "https://sqs.test/notices-dead",
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
    assert (found.beat, found.slots, found.attempts, found.visibility, found.period) == (Path("/run/beat"), 3, 5, 300, 15)
    assert settings.worker(TOLD).beat.name == "media-worker.beat"


def test_webhooks_lead_to_no_other_networks_unless_it_is_said() -> None:
    assert settings.worker(TOLD).networks == ()
    found = settings.worker({**TOLD, "MEDIA_WEBHOOK_NETWORKS": "127.0.0.0/8 ::1"})
    assert [str(each) for each in found.networks] == ["127.0.0.0/8", "::1/128"]


def test_the_secret_is_a_credential_of_systemd_s_where_the_environment_has_none(tmp_path: Path) -> None:
    given = {**TOLD, "MEDIA_SIGNING": "", "CREDENTIALS_DIRECTORY": str(tmp_path)}
    with pytest.raises(settings.Unset, match="MEDIA_SIGNING is not set"):
        settings.signing(given)
    credential = tmp_path / "media-signing"
    credential.mkdir()
    with pytest.raises(settings.Unset, match=f"{credential} can't be read: Is a directory"):
        settings.signing(given)
    credential.rmdir()
    credential.write_text("short\n")
    with pytest.raises(settings.Unset, match="MEDIA_SIGNING has 5 bytes, and 32 are the least"):
        settings.signing(given)
    credential.write_text("c" * 32 + "\n")
    assert settings.signing(given) == b"c" * 32
    assert settings.signing({**given, "MEDIA_SIGNING": "s" * 32}) == b"s" * 32


def test_a_certificate_and_its_key_go_together(tmp_path: Path) -> None:
    assert settings.server(TOLD).tls is None
    certificate, key = tmp_path / "node.pem", tmp_path / "node.key"
    both = {**TOLD, "MEDIA_TLS_CERTIFICATE": str(certificate), "MEDIA_TLS_KEY": str(key)}
    for lacking in ("MEDIA_TLS_CERTIFICATE", "MEDIA_TLS_KEY"):
        with pytest.raises(settings.Unset, match=f"{lacking} is not set, and the other is"):
            settings.server({**both, lacking: ""})
    certificate.touch()
    with pytest.raises(settings.Unset, match=r"MEDIA_TLS_KEY is `.*node\.key`, which is no file that can be read here"):
        settings.server(both)
    key.touch()
    assert settings.server(both).tls == (certificate, key)


@pytest.mark.parametrize(
    ("of", "changes", "said"),
    [
        ("server", {"MEDIA_BUCKET": ""}, "MEDIA_BUCKET is not set: the bucket that segments and records are in"),
        ("server", {"MEDIA_SIGNING": "short"}, "MEDIA_SIGNING has 5 bytes, and 32 are the least"),
        ("server", {"MEDIA_OTHER_REGION": "eu-central-1"}, "MEDIA_OTHER_BUCKET is not set"),
        ("server", {"MEDIA_COOKIES_PARAMETER": "/kc/edge"}, "MEDIA_COOKIES_SECRET is not set"),
        ("server", {"MEDIA_PORT": "http"}, "MEDIA_PORT is `http`, and a number of 1 or more is asked for"),
        (
            "worker",
            {"MEDIA_PERIOD": "x"},
            "MEDIA_PERIOD is `x`, and a number of 1 or more is asked for: segments that share a key, at least",
        ),
        ("worker", {"MEDIA_SLOTS": "0"}, "MEDIA_SLOTS is `0`, and a number of 1 or more is asked for: cells side by side"),
        ("server", {"MEDIA_NOTICES": ""}, "MEDIA_NOTICES is not set: the URL of the queue of notices"),
        ("worker", {"MEDIA_NOTICES_DEAD": ""}, "MEDIA_NOTICES_DEAD is not set: the URL of the dead-letter queue of notices"),
        ("worker", {"MEDIA_WEBHOOK_NETWORKS": "10.0.0.1/8"}, "MEDIA_WEBHOOK_NETWORKS is `10.0.0.1/8`, and networks are asked for, as 192"),
        ("worker", {"MEDIA_DEAD": " "}, "MEDIA_DEAD is not set: the URL of its dead-letter queue"),
    ],
)
def test_what_is_missing_or_makes_no_sense_is_named(of: str, changes: dict[str, str], said: str) -> None:
    with pytest.raises(settings.Unset) as raised:
        getattr(settings, of)({**TOLD, **changes})
    assert str(raised.value).startswith(said)
