"""What the load generator makes of names, playlists, time and its record: without a platform."""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
from dataclasses import asdict
from pathlib import Path
from signal import SIGTERM
from typing import Any

import dns.exception
import dns.message
import dns.rcode
import dns.rrset
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.load import command
from lab.load.check import Verdict, acknowledged
from lab.load.figures import figures, gap, percentile, text
from lab.load.names import Answer, Names, ask
from lab.load.names import read as answer_of
from lab.load.playlist import Segment, renditions, segments
from lab.load.record import Clock, Record, read
from lab.processes import Process

MOMENTS = st.floats(0, 1000, allow_nan=False)


class Resolver:
    """Answers as it is told, and counts."""

    def __init__(self, *answers: Answer) -> None:
        self.answers, self.asked = list(answers), 0

    async def __call__(self, name: str) -> Answer:
        self.asked += 1
        return self.answers.pop(0)


def test_a_name_is_asked_for_again_when_its_time_is_over_and_not_before() -> None:
    now = [100.0]
    resolver = Resolver(Answer(("192.0.2.1",), 60), Answer(("192.0.2.2",), 60))
    names = Names(resolver, lambda: now[0])

    async def look() -> tuple[str, ...]:
        return await names.addresses("api.kc-lab.test")

    assert asyncio.run(look()) == ("192.0.2.1",)
    now[0] += 59.9
    assert asyncio.run(look()) == ("192.0.2.1",) and resolver.asked == 1
    now[0] += 0.2
    assert asyncio.run(look()) == ("192.0.2.2",) and resolver.asked == 2


def test_a_name_without_an_address_is_no_answer_that_is_kept() -> None:
    names = Names(Resolver(Answer((), 900), Answer(("192.0.2.1",), 60)))
    with pytest.raises(OSError, match="the DNS has no address"):
        asyncio.run(names.addresses("api.kc-lab.test"))
    assert asyncio.run(names.addresses("api.kc-lab.test")) == ("192.0.2.1",)


def test_an_answer_is_good_for_as_long_as_the_shortest_link_of_its_chain() -> None:
    message = dns.message.make_response(dns.message.make_query("api.kc-lab.test", "A"))
    assert answer_of(message) == Answer((), 0)
    message.answer = [
        dns.rrset.from_text("api.kc-lab.test.", 300, "IN", "CNAME", "d1.cloudfront.test."),
        dns.rrset.from_text("d1.cloudfront.test.", 60, "IN", "A", "198.18.1.2", "198.18.1.3"),
    ]
    assert answer_of(message) == Answer(("198.18.1.2", "198.18.1.3"), 60)


@pytest.mark.parametrize(
    ("said", "asked"),
    [
        ([dns.exception.Timeout(), dns.rcode.NOERROR], ""),
        ([dns.rcode.NXDOMAIN], ""),
        ([dns.exception.Timeout(), dns.exception.Timeout()], r"the DNS does not answer \(Timeout\)"),
        ([dns.rcode.SERVFAIL], "the DNS says SERVFAIL"),
    ],
)
def test_a_resolver_is_asked_twice_and_what_is_no_answer_is_told(said: list[Any], asked: str, monkeypatch: pytest.MonkeyPatch) -> None:
    left = [*said]

    async def udp(query: dns.message.Message, where: str, timeout: float) -> dns.message.Message:
        if isinstance(one := left.pop(0), Exception):
            raise one
        message = dns.message.make_response(query)
        message.set_rcode(one)
        return message

    monkeypatch.setattr("dns.asyncquery.udp", udp)
    if asked:
        with pytest.raises(OSError, match=asked):
            asyncio.run(ask("api.kc-lab.test"))
    else:
        assert asyncio.run(ask("api.kc-lab.test")) == Answer((), 0)
    assert left == []


def test_playlists_are_read_as_players_read_them() -> None:
    assert renditions("#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=2\n720p/index.m3u8\n#EXT-X-STREAM-INF:BANDWIDTH=1\n360p/index.m3u8\n") == [
        "720p/index.m3u8",
        "360p/index.m3u8",
    ]
    index = """#EXTM3U
#EXT-X-KEY:METHOD=AES-128,URI="/keys/platform/a/aes128/720p/0",IV=0x00
#EXTINF:4.000000,
00000.ts
#EXTINF:2.500000,
00001.ts
#EXT-X-KEY:METHOD=AES-128,URI="/keys/platform/a/aes128/720p/1",IV=0x01
#EXTINF:4.000000,
00002.ts
#EXT-X-ENDLIST
"""
    key = "https://media.kc-lab.test/keys/platform/a/aes128/720p"
    at = "https://media.kc-lab.test/v/a/720p"
    assert segments(f"{at}/index.m3u8", index) == [
        Segment(f"{at}/00000.ts", f"{key}/0", 4),
        Segment(f"{at}/00001.ts", f"{key}/0", 2.5),
        Segment(f"{at}/00002.ts", f"{key}/1", 4),
    ]


def test_the_time_of_day_goes_on_evenly_while_the_machines_is_set() -> None:
    wall, steady = [1000.0], [5.0]
    clock = Clock(lambda: wall[0], lambda: steady[0])
    assert clock() == 1000
    wall[0], steady[0] = 400.0, 6.5
    assert clock() == 1001.5


def test_a_record_is_whole_after_every_line(tmp_path: Path) -> None:
    path = tmp_path / "record.jsonl"
    with Record(path, {"run": "load-1"}) as record:
        sent = record.clock()
        record.acknowledged("write", "load-1-0", sent, "me-west-1")
        (began, first) = read(path)
        assert began["run"] == "load-1" and {"kind": "write", "id": "load-1-0", "region": "me-west-1"}.items() <= first.items()
        assert began["began"] <= first["sent"] <= first["acked"]
        record.failed("write", "load-1-1", sent, "503 Database is read-only", "me-west-1")
        assert [line.get("reason") for line in read(path)] == [None, None, "503 Database is read-only"]
        assert "acked" not in read(path)[2]
    with pytest.raises(FileExistsError):
        Record(path, {})


@pytest.mark.parametrize(("content", "says"), [("", "does not begin as a record"), ("{}\n", "does not begin"), ("no\n{}\n", "no JSON")])
def test_what_is_no_record_is_told(content: str, says: str, tmp_path: Path) -> None:
    path = tmp_path / "record.jsonl"
    path.write_text(content)
    with pytest.raises(ValueError, match=says):
        read(path)


def test_a_last_line_that_was_cut_is_none(tmp_path: Path) -> None:
    path = tmp_path / "record.jsonl"
    path.write_text('{"began": 1}\n{"kind": "wri')
    assert read(path) == [{"began": 1}]


def acked(kind: str, name: str, sent: float, at: float, region: str = "") -> dict[str, Any]:
    return {"kind": kind, "id": name, "sent": sent, "acked": at, **({"region": region} if region else {})}


LINES = [
    {"began": 1000.0, "run": "load-1", "domain": "kc-lab.test", "rates": {"write": 1}},
    acked("write", "load-1-0", 1000.0, 1000.5, "me-west-1"),
    acked("write", "load-1-1", 1001.0, 1001.1, "me-west-1"),
    acked("read", "0", 1001.0, 1001.2, "me-west-1"),
    {"kind": "write", "id": "load-1-2", "sent": 1002.0, "failed": 1012.0, "reason": "no answer in 10 s"},
    {"kind": "write", "id": "load-1-3", "sent": 1003.0, "failed": 1003.1, "reason": "503 Database is read-only", "region": "eu-central-1"},
    {"kind": "write", "id": "load-1-4", "sent": 1004.0, "failed": 1004.1, "reason": "503 Database is read-only", "region": "eu-central-1"},
    acked("write", "load-1-5", 1030.0, 1031.1, "eu-central-1"),
    acked("upload", "0a", 1030.0, 1032.0),
    {"ended": 1033.0, "why": "SIGTERM", "late": 0.01},
]


def test_figures_say_what_clients_saw() -> None:
    found = figures(LINES)
    write = found["kinds"]["write"]
    assert (write["asked"], write["answered"], write["failed"]) == (6, 3, 3)
    assert write["errors"] == {"503 Database is read-only": 2, "no answer in 10 s": 1}
    assert write["gap"] == pytest.approx({"seconds": 30.0, "from": 1001.1, "to": 1031.1})
    assert write["seconds"] == pytest.approx({"p50": 0.5, "p90": 1.1, "p99": 1.1, "max": 1.1})
    assert found["regions"] == [
        {"region": "me-west-1", "writes": 2, "first": 1000.5, "last": 1001.1},
        {"region": "eu-central-1", "writes": 1, "first": 1031.1, "last": 1031.1},
    ]
    assert json.loads(json.dumps(found)) == found
    said = text(found)
    assert "longest without one 30.0 s, from 00:16:41.1 UTC to 00:17:11.1 UTC" in said
    assert "failed: 2 of write, 503 Database is read-only" in said


def test_a_run_that_was_killed_has_figures_too() -> None:
    found = figures(LINES[:-1])
    assert found["why"] == "it was killed" and found["ended"] == 1032.0
    nothing = figures(LINES[:1])
    assert nothing["kinds"] == {} and "0 s, until it was killed" in text(nothing)
    assert "-" in text(figures([LINES[0], LINES[4]]))


@given(st.lists(MOMENTS, min_size=1), st.integers(1, 100))
def test_a_percentile_is_a_value_that_so_many_do_not_exceed(values: list[float], percent: int) -> None:
    ordered = sorted(values)
    found = percentile(ordered, percent)
    assert found in values
    assert sum(each <= found for each in values) * 100 >= percent * len(values)
    assert sum(each < found for each in values) * 100 < percent * len(values)


@given(st.lists(MOMENTS))
def test_no_time_without_an_answer_is_longer_than_the_gap(moments: list[float]) -> None:
    found = gap(moments, -1.0, 1001.0)
    assert found["seconds"] == found["to"] - found["from"]
    assert not any(found["from"] < each < found["to"] for each in moments)
    for each in (-1.0, *moments):
        assert min(other for other in (*moments, 1001.0) if other > each or other == 1001.0) - each <= found["seconds"]


def test_only_what_was_acknowledged_has_to_be_there() -> None:
    assert [line["id"] for line in acknowledged(LINES)] == ["load-1-0", "load-1-1", "load-1-5", "0a"]


def test_a_verdict_names_what_is_missing() -> None:
    verdict = Verdict(4, [LINES[1]], [{**LINES[8], "reason": "no answer in 10 s"}])
    assert not verdict.kept and Verdict(4).kept
    assert verdict.text.splitlines() == [
        "check: 4 acknowledged, 1 missing, 1 could not be asked for",
        "missing: write load-1-0, by me-west-1",
        "not known: upload 0a, no answer in 10 s",
    ]


@pytest.mark.parametrize("given", ["x", "-1", "nan", "inf", "1001"])
def test_a_rate_that_is_none_is_told(given: str, capsys: pytest.CaptureFixture[str]) -> None:
    parser = argparse.ArgumentParser()
    command.add(parser.add_subparsers())
    with pytest.raises(SystemExit):
        parser.parse_args(["load", f"--write={given}"])
    assert f"`{given}` is no number of actions a second" in capsys.readouterr().err


def test_who_writes_a_record_that_is_begun_anew_is_ended(tmp_path: Path) -> None:
    record = tmp_path / "drill.jsonl"
    command.make_room(record)
    with subprocess.Popen(["sleep", "600"]) as writer:
        process = Process.of(writer.pid)
        assert process is not None
        record.write_text(json.dumps({"began": 1, "process": asdict(process)}) + "\n")
        command.report_of(record).write_text("{}")
        command.make_room(record)
        assert writer.wait(10) == -SIGTERM
    record.write_text('{"beg')
    command.make_room(record)
    assert [*tmp_path.iterdir()] == []
