"""What a sentinel is told, what it probes, how it runs the failover, and what it shows."""

from __future__ import annotations

import json
import socket
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from kc.errors import KcError

from sentinel import probes
from sentinel.page import View, metrics, page
from sentinel.promotion import Promotion, command, variables
from sentinel.settings import SECRETS, read
from sentinel.watch import Phase
from sentinel.web import serve
from tests.ports import free
from tests.servers import until

ENVIRONMENT = {
    "SENTINEL_REGION": "eu-central-1",
    "SENTINEL_OTHER": "me-west-1",
    "SENTINEL_PLATFORM": "kc",
    "SENTINEL_ENVIRONMENT": "lab",
    "SENTINEL_ACCOUNT": "123456789012",
    "SENTINEL_MEMBERS": "keeper-1.example, keeper-2.example",
    "SENTINEL_OWN": "own.example:9281",
    "SENTINEL_PEERS": "peer.example:9281",
    "SENTINEL_ORIGIN": "https://origin.example/health",
    "SENTINEL_NAME": "https://api.example/health",
    "SENTINEL_TOPIC": "arn:aws:sns:eu-central-1:123456789012:kc-lab-pages",
    "SENTINEL_INVENTORY": "inventories/lab",
    "SENTINEL_MYSQL_AUTHORITY": "/etc/ssl/certs/ca-certificates.crt",
    "SENTINEL_MODE": "automatic",
    "SENTINEL_NEED": "3",
    "SENTINEL_HOLD": "30",
    "SENTINEL_PAUSE": "3600",
    "SENTINEL_TTL": "15",
    "LEASE_USER": "lease",
    "LEASE_PASSWORD": "throw-away-password",
    "SENTINEL_KEY": "throw-away-key",
    "SENTINEL_CERTIFICATE": "a certificate",
    "SENTINEL_CA": "an authority",
}


def test_settings_are_read_and_secrets_not_shown() -> None:
    settings = read(ENVIRONMENT)
    assert settings.members == ("keeper-1.example", "keeper-2.example")
    assert (settings.limits.ttl, settings.limits.margin, settings.limits.beat) == (15, 5, 2)
    assert "throw-away" not in repr(settings)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        *((name, "", f"the variable {name} is not set") for name in ENVIRONMENT),
        ("SENTINEL_MODE", "manual", "the variable SENTINEL_MODE is `manual`. It is one of automatic, approval, off."),
        ("SENTINEL_HOLD", "long", "the variable SENTINEL_HOLD is `long`"),
        ("SENTINEL_NEED", "1", "the variable SENTINEL_NEED is 1. Give 2 at least."),
        ("SENTINEL_TTL", "3", "the variable SENTINEL_TTL is 3.0. Give 9 at least."),
    ],
)
def test_what_is_missing_or_makes_no_sense_is_named(name: str, value: str, message: str) -> None:
    with pytest.raises(KcError) as caught:
        read({**ENVIRONMENT, name: value})
    assert str(caught.value).startswith(message)


# --- probes


@pytest.fixture
def site() -> Iterator[str]:
    """A site whose /health is well, and anything else is not."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if self.path == "/health" else 503)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def test_a_page_answers_or_does_not_or_nobody_can_tell(site: str) -> None:
    assert probes.answers(f"{site}/health") is True
    assert probes.answers(f"{site}/other") is False
    assert probes.answers(f"http://127.0.0.1:{free(1)}/health") is False
    assert probes.answers("http://no-such-name.invalid/health") is None


def test_one_of_several_ports_is_enough() -> None:
    with socket.create_server(("127.0.0.1", 0)) as there:
        open_, closed = f"127.0.0.1:{there.getsockname()[1]}", f"127.0.0.1:{free(1)}"
        assert probes.any_connects([closed, open_]) and not probes.any_connects([closed, closed])


def test_what_breaks_can_not_tell() -> None:
    def breaks() -> bool:
        raise ZeroDivisionError

    def silent() -> list[str]:
        raise KcError("no majority")

    found = probes.look({"a": lambda: True, "b": breaks, "c": lambda: probes.sessions(list, silent), "d": lambda: probes.sessions(list)})
    assert found == {"a": True, "b": None, "c": None, "d": False}


# --- the failover


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A program in the place of ansible-playbook, that writes down how it was called."""
    file = tmp_path / "ansible-playbook"
    file.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" > {tmp_path}/called\nenv > {tmp_path}/environment\n[ ! -e {tmp_path}/fails ]\n')
    file.chmod(0o755)
    monkeypatch.setattr("sentinel.promotion.PROGRAM", [str(file)])
    return file


def test_the_failover_is_the_playbook_that_people_run(program: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    settings = read(ENVIRONMENT)
    promotion = Promotion(settings, ["peering", "name"], ["peering"])
    until(lambda: promotion.result() is not None, "it has ended", 10)
    assert promotion.result() is True
    called = (program.parent / "called").read_text().split("\n")
    assert called[:4] == ["-i", "inventories/lab", "playbooks/failover.yml", "-e"]
    told = json.loads(Path(called[4].removeprefix("@")).read_text())
    assert (told["lost"], told["confirm"], told["inside"]) == ("me-west-1", "lab", True)
    assert told["seen"] == {"asked": ["name", "peering"], "blind": ["peering"]}
    given = (program.parent / "environment").read_text()
    assert "SENTINEL_REGION=eu-central-1" in given and not any(f"{name}=" in given for name in SECRETS)
    assert "throw-away" not in json.dumps(told) + "".join(called) + given
    (program.parent / "fails").touch()
    failing = Promotion(settings, [], [])
    until(lambda: failing.result() is not None, "it has ended", 10)
    assert failing.result() is False


def test_the_command_is_said_by_the_settings_alone() -> None:
    settings = read(ENVIRONMENT)
    assert command(settings, Path("/x/v.json"))[-5:] == ["-i", "inventories/lab", "playbooks/failover.yml", "-e", "@/x/v.json"]
    assert variables(settings, ["a"], [], Path("/x"))["kc_aws"] == {}


# --- what is shown

VIEW = View(
    "eu-central-1",
    "me-west-1",
    "approval",
    lease="me-west-1",
    epoch=7,
    confirmed=1.5,
    memory="handed",
    phase=Phase.DETECTED,
    seen={"peering": False, "ensemble": None, "name": True},
    turn=True,
    detection="me-west-1-a1b2c3",
    certificate=40 * 86400,
    told=("2026-01-31T21:00:00+00:00 lost: <b>peering</b>",),
)


def test_metrics_are_of_the_format_and_say_what_is() -> None:
    lines = [line for line in metrics(VIEW).splitlines() if not line.startswith("#")]
    values = {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}
    assert values["kc_sentinel_lease_epoch"] == 7 and values["kc_sentinel_fenced"] == 0
    assert {name: value for name, value in values.items() if "reached" in name} == {
        'kc_sentinel_reached{vantage="ensemble"}': -1,
        'kc_sentinel_reached{vantage="name"}': 1,
        'kc_sentinel_reached{vantage="peering"}': 0,
    }
    assert [name for name, value in values.items() if "phase" in name and value] == ['kc_sentinel_phase{phase="detected"}']


def test_the_page_says_it_in_words_and_passes_no_markup_on() -> None:
    text = page(VIEW)
    for part in ("me-west-1, term 7", "sees nothing of it", "can&#x27;t tell", "me-west-1-a1b2c3", "&lt;b&gt;peering"):
        assert part in text
    assert "<b>" not in text
    assert "unknown" in page(View("a", "b", "off")) and "has fenced itself off" in page(View("a", "b", "off", memory="fenced"))


def test_pages_and_health_are_served() -> None:
    well = [True]
    with serve(0, lambda: VIEW, lambda: well[0], "127.0.0.1") as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        base = f"http://127.0.0.1:{server.server_address[1]}"

        def ask(path: str) -> tuple[int, str]:
            try:
                with urllib.request.urlopen(base + path, timeout=5) as answer:  # noqa: S310
                    return answer.status, answer.read().decode()
            except urllib.error.HTTPError as error:
                return error.code, error.read().decode()

        assert ask("/")[0] == ask("/metrics")[0] == ask("/healthz")[0] == 200
        assert ask("/metrics")[1] == metrics(VIEW)
        assert ask("/secrets")[0] == 404
        well[0] = False
        assert ask("/healthz") == (503, "stuck\n")
        server.shutdown()
