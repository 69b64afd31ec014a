"""The load generator against hosts that answer on loopback: what it does, what it writes down, and what it finds missing."""

from __future__ import annotations

import asyncio
import json
import signal
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from lab.load.actions import KINDS, Users
from lab.load.check import check
from lab.load.drive import Drive
from lab.load.figures import figures
from lab.load.names import Answer, Names
from lab.load.record import Record, read
from lab.load.visitor import Failed, Visitor
from lab.settings import ROOT
from tests.authority import Authority

from .frontage import Frontage, Mood, frontage
from .load_process import loopback, stage

Lines = list[dict[str, Any]]


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Frontage]:
    with frontage(tmp_path / "authority") as found:
        yield found


@pytest.fixture
def record(tmp_path: Path) -> Path:
    return tmp_path / "record.jsonl"


Begin = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def begin(site: Frontage, record: Path) -> Iterator[Begin]:
    """Begins a load with these rates; a process at most that is left is killed at the end."""
    begun: list[subprocess.Popen[str]] = []

    def go(patience: float = 60, **rates: float) -> subprocess.Popen[str]:
        told = {**dict.fromkeys(KINDS, 0), **rates}
        words = ["-m", "tests.integration.load_process", str(record), site.domain, str(site.authority.ca), json.dumps(told), str(patience)]
        begun.append(subprocess.Popen([sys.executable, *words], cwd=ROOT, stderr=subprocess.PIPE, text=True))
        return begun[-1]

    yield go
    for process in begun:
        process.kill()
        process.communicate()


def until(record: Path, condition: Callable[[Lines], Any]) -> Lines:
    """Wait until a record's lines are as they should be; return them."""
    end = time.monotonic() + 60
    while True:
        lines = read(record) if record.exists() and record.stat().st_size else []
        if condition(lines):
            return lines
        assert time.monotonic() < end, lines[-5:]
        time.sleep(0.05)


def of(lines: Lines, kind: str, outcome: str = "acked") -> Lines:
    return [line for line in lines if line.get("kind") == kind and outcome in line]


def ended(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=60)
    assert (process.returncode, said) == (0, "")


def test_all_that_users_do_is_done_and_what_was_acknowledged_is_there(site: Frontage, record: Path, begin: Begin) -> None:
    process = begin(page=5, read=10, write=20, report=5, video=5, upload=5)
    kinds = ("page", "read", "write", "report", "start", "segment", "upload")
    until(record, lambda lines: all(len(of(lines, kind)) > 2 for kind in kinds))
    ended(process)
    lines = read(record)
    assert [line for line in lines if "reason" in line] == []
    assert {line["region"] for line in of(lines, "write")} == {"me-west-1"}
    for path in ("app/static/app.js", "app/static/app.css", "learn/static/app.js", "media/v/a/720p/2.ts"):
        assert site.asked[f"GET {path}"], path
    assert site.asked["GET app/about"] == 0, "a link is not loaded"
    verdict = asyncio.run(check(stage(site.domain, site.authority.ca), lines))
    assert verdict.kept and verdict.acknowledged == len(of(lines, "write")) + len(of(lines, "upload"))


def test_sigterm_ends_it_with_all_that_was_answered_in_the_record(site: Frontage, record: Path, begin: Begin) -> None:
    process = begin(write=100)
    until(record, lambda lines: len(of(lines, "write")) > 50)
    ended(process)
    lines = read(record)
    assert {line["id"] for line in of(lines, "write")} == site.answered == site.learners
    assert lines[-1]["why"] == "SIGTERM" and lines[-1]["late"] >= 0


def test_kill_9_loses_no_line_and_what_is_there_can_be_checked(site: Frontage, record: Path, begin: Begin) -> None:
    process = begin(write=100)
    before = until(record, lambda lines: len(of(lines, "write")) > 50)
    process.kill()
    process.wait()
    lines = read(record)
    assert lines[: len(before)] == before
    assert {line["id"] for line in of(lines, "write")} <= site.answered
    assert figures(lines)["why"] == "it was killed"
    assert asyncio.run(check(stage(site.domain, site.authority.ca), lines)).kept


def test_sigterm_does_not_wait_for_who_never_answers(site: Frontage, record: Path, begin: Begin) -> None:
    site.mood = "silent"
    process = begin(patience=1, write=20, read=20)
    until(record, lambda lines: len(of(lines, "read")) > 5)
    ended(process)
    lines = read(record)
    assert of(lines, "write") == [] and {line["reason"] for line in of(lines, "write", "failed")} == {"the run ended before"}
    asked = site.asked["POST api/enrolments"]
    assert len(of(lines, "write", "failed")) == asked, "each of them is in the record"


@pytest.mark.parametrize(
    ("mood", "reason", "region"),
    [
        ("read-only", "503 Database is read-only", "me-west-1"),
        ("cut", "the connection broke off", None),
        ("strange", "200 without `enrolment`", None),
    ],
)
def test_a_write_that_was_not_answered_well_is_no_acknowledged_one(
    mood: Mood, reason: str, region: str | None, site: Frontage, record: Path, begin: Begin
) -> None:
    process = begin(write=20)
    until(record, lambda lines: of(lines, "write"))
    site.mood = mood
    until(record, lambda lines: len(of(lines, "write", "failed")) > 3)
    site.mood = ""
    until(record, lambda lines: "acked" in lines[-1])
    ended(process)
    lines = read(record)
    assert {line["id"] for line in of(lines, "write")} <= site.answered
    failed = of(lines, "write", "failed")
    assert {(line["reason"], line.get("region")) for line in failed} == {(reason, region)}
    assert not {line["id"] for line in failed} & site.answered
    assert figures(lines)["kinds"]["write"]["errors"] == {reason: len(failed)}


def test_what_was_acknowledged_and_is_not_there_is_listed(site: Frontage, record: Path, begin: Begin) -> None:
    process = begin(write=20, upload=5)
    until(record, lambda lines: of(lines, "write") and len(of(lines, "upload")) > 1)
    site.mood = "forgetful"
    until(record, lambda lines: len(of(lines, "write")) > 10)
    ended(process)
    lines = read(record)
    gone, half, *_ = site.assets
    del site.assets[gone]
    site.assets[half] = False
    verdict = asyncio.run(check(stage(site.domain, site.authority.ca), lines))
    lost = {line["id"] for line in of(lines, "write")} - site.learners
    assert lost and {line["id"] for line in verdict.missing} == {*lost, gone, half}
    assert verdict.unknown == []


def test_what_nobody_can_tell_of_is_no_verdict(site: Frontage) -> None:
    lines: Lines = [{"kind": "write", "id": "load-1-0", "sent": 1.0, "acked": 2.0}]
    site.server.socket.close()
    verdict = asyncio.run(check(stage(site.domain, site.authority.ca), lines, pause=0))
    assert not verdict.kept and verdict.missing == []
    assert [line["reason"] for line in verdict.unknown] == ["no connection: All connection attempts failed"]


def test_an_error_of_its_own_ends_it_and_is_told(site: Frontage, record: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def wrong(*_: object) -> None:
        raise RuntimeError("a mistake")

    monkeypatch.setitem(KINDS, "read", wrong)  # type: ignore[arg-type]
    with Record(record, {"run": "load-1"}) as written, pytest.raises(RuntimeError, match="a mistake"):
        asyncio.run(Drive(Users(stage(site.domain, site.authority.ca), written), {"read": 10, "write": 10}).run())
    assert read(record)[-1]["why"] == "RuntimeError: a mistake"


class Counting:
    """A resolver that counts."""

    def __init__(self, seconds: float) -> None:
        self.seconds, self.asked = seconds, 0

    async def __call__(self, name: str) -> Answer:
        self.asked += 1
        return Answer(("127.0.0.1",), self.seconds)


@pytest.mark.parametrize("seconds", [0, 60])
def test_a_connection_that_stands_is_kept_whatever_the_dns_says(seconds: float, site: Frontage) -> None:
    resolver = Counting(seconds)

    async def several() -> None:
        async with Visitor(stage(site.domain, site.authority.ca).trusted, Names(resolver)) as visitor:
            for _ in range(5):
                await visitor.ask("GET", f"https://api.{site.domain}/courses")
            await visitor.ask("GET", f"https://reports.{site.domain}/reports/courses")

    asyncio.run(several())
    assert site.connections == 2, "one a host, although both are at one address"
    assert resolver.asked == 2


def test_a_connection_that_was_let_go_is_made_anew_by_name(site: Frontage) -> None:
    resolver = Counting(0)

    async def twice() -> None:
        async with Visitor(stage(site.domain, site.authority.ca).trusted, Names(resolver)) as visitor:
            with pytest.raises(Failed, match="broke off"):
                await visitor.ask("POST", f"https://api.{site.domain}/enrolments", body=b'{"learner": "amal"}')
            await visitor.ask("GET", f"https://api.{site.domain}/courses")

    site.mood = "cut"
    asyncio.run(twice())
    assert site.connections == resolver.asked == 2
    assert site.asked["POST api/enrolments"] == 1, "what changes something is never sent again by itself"


@pytest.mark.parametrize("host", ["api", "elsewhere"])
def test_a_certificate_is_verified(host: str, site: Frontage, tmp_path: Path) -> None:
    """By its authority, and for its name."""
    ca = Authority.make(tmp_path / "other").ca if host == "api" else site.authority.ca

    async def ask() -> None:
        async with Visitor(ssl.create_default_context(cafile=str(ca)), Names(loopback)) as visitor:
            await visitor.ask("GET", f"https://{host}.{site.domain}/courses")

    with pytest.raises(Failed, match=r"no connection: .*CERTIFICATE_VERIFY_FAILED"):
        asyncio.run(ask())
    assert not site.asked


def test_patience_ends(site: Frontage) -> None:
    site.mood = "silent"

    async def ask() -> None:
        async with Visitor(stage(site.domain, site.authority.ca).trusted, Names(loopback), patience=0.2) as visitor:
            await visitor.ask("POST", f"https://api.{site.domain}/enrolments", body=b'{"learner": "amal"}')

    with pytest.raises(Failed, match=r"no answer in 0\.2 s"):
        asyncio.run(ask())
