"""What the lab's DNS answers, from zones and the health of what they name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import dns.flags
import dns.message
import dns.rcode
import pytest

from lab.behaviours.dns.names import Names, Record, Set, Zone, plain
from lab.behaviours.dns.server import respond
from lab.behaviours.dns.snapshot import BALANCERS, DISTRIBUTIONS, ENDPOINTS, SNAPSHOT, Store

WORLD, IN_VPC = "198.18.2.2", "10.10.3.4"
HOME, AWAY, EDGE = "web-1.me-west-1.elb.amazonaws.com.", "web-1.eu-central-1.elb.amazonaws.com.", "d111.cloudfront.net."
HOSTS = {HOME: ["10.10.0.9", "10.10.16.9"], AWAY.upper(): ["10.11.0.9"], EDGE: ["198.18.1.2"]}
SOA = Record("example.test.", "SOA", 900, ("ns. admin. 1 7200 900 1209600 86400",))


def alias(name: str, target: str, evaluate: bool = False, **more: Any) -> Record:
    return Record(name, "A", alias=target, evaluate=evaluate, **more)


def failover(evaluate: bool = False, check: str = "p") -> list[Record]:
    return [
        alias("origin.example.test.", AWAY, evaluate, set="b", failover="SECONDARY"),
        alias("origin.example.test.", HOME, evaluate, set="a", failover="PRIMARY", check=check),
    ]


RECORDS = [
    SOA,
    Record("example.test.", "MX", 300, ("10 mail.example.test",)),
    Record("a.example.test.", "A", 30, ("192.0.2.1", "192.0.2.2")),
    Record("www.example.test.", "CNAME", 20, ("A.example.test",)),
    Record("far.example.test.", "CNAME", 20, (HOME,)),
    Record("lost.example.test.", "CNAME", 20, ("nothing.example.test.",)),
    Record("out.example.test.", "CNAME", 20, ("example.org.",)),
    Record("loop.example.test.", "CNAME", 20, ("loop.example.test.",)),
    Record("*.wild.example.test.", "A", 40, ("192.0.2.7",)),
    Record("deep.er.wild.example.test.", "A", 40, ("192.0.2.8",)),
    Record("txt.example.test.", "TXT", 50, ('"one" "two"',)),
    alias("edge.example.test.", EDGE),
    Record("edge.example.test.", "AAAA", alias=EDGE),
    alias("same.example.test.", "a.example.test."),
    alias("circle.example.test.", "circle.example.test."),
    *failover(),
]


def names(records: list[Record] | None = None, healthy: dict[str, bool] | None = None, balancers: dict[str, bool] | None = None) -> Names:
    zones = [
        Zone("example.test", RECORDS if records is None else records),
        Zone("sub.example.test", [Record("x.sub.example.test.", "A", 5, ("192.0.2.99",))]),
        Zone("lab.internal", [Record("db.lab.internal.", "A", 60, ("10.10.1.1",))], ["10.10.0.0/16"]),
        Zone("example.test", [Record("a.example.test.", "A", 9, ("10.10.9.9",))], ["10.12.0.0/16"]),
    ]
    return Names(zones, HOSTS, healthy or {}, balancers or {})


@pytest.mark.parametrize(
    ("name", "type", "expected"),
    [
        ("a.example.test", "A", ["a.example.test. 30 A 192.0.2.1 192.0.2.2"]),
        ("A.Example.TEST.", "A", ["a.example.test. 30 A 192.0.2.1 192.0.2.2"]),
        ("example.test", "MX", ["example.test. 300 MX 10 mail.example.test"]),
        ("example.test", "SOA", ["example.test. 900 SOA ns. admin. 1 7200 900 1209600 86400"]),
        ("www.example.test", "A", ["www.example.test. 20 CNAME A.example.test", "a.example.test. 30 A 192.0.2.1 192.0.2.2"]),
        ("www.example.test", "CNAME", ["www.example.test. 20 CNAME A.example.test"]),
        ("far.example.test", "A", [f"far.example.test. 20 CNAME {HOME}", f"{HOME} 60 A 10.10.0.9 10.10.16.9"]),
        ("out.example.test", "A", ["out.example.test. 20 CNAME example.org."]),
        ("some.wild.example.test", "A", ["some.wild.example.test. 40 A 192.0.2.7"]),
        ("some.more.wild.example.test", "A", ["some.more.wild.example.test. 40 A 192.0.2.7"]),
        ("edge.example.test", "A", ["edge.example.test. 60 A 198.18.1.2"]),
        ("same.example.test", "A", ["same.example.test. 30 A 192.0.2.1 192.0.2.2"]),
        ("origin.example.test", "A", ["origin.example.test. 60 A 10.10.0.9 10.10.16.9"]),
        (AWAY, "A", [f"{AWAY} 60 A 10.11.0.9"]),
        ("x.sub.example.test", "A", ["x.sub.example.test. 5 A 192.0.2.99"]),
    ],
)
def test_what_stands_is_answered(name: str, type: str, expected: list[str]) -> None:
    answer = names().answer(name, type, WORLD)
    assert [f"{each.name} {each.ttl} {each.type} {' '.join(each.values)}" for each in answer.sets] == expected
    assert answer.exists and answer.authority is None


@pytest.mark.parametrize(
    ("name", "type", "exists"),
    [
        ("example.test", "A", True),  # other types only
        ("wild.example.test", "A", True),  # only longer names
        ("er.wild.example.test", "A", True),
        ("x.er.wild.example.test", "A", False),  # the wildcard is further away than a name that exists
        ("edge.example.test", "AAAA", True),  # the lab's edge has no IPv6
        ("circle.example.test", "A", True),
        ("nothing.example.test", "A", False),
        ("lost.example.test", "A", False),
    ],
)
def test_what_does_not_stand_is_denied_with_the_soa(name: str, type: str, exists: bool) -> None:
    answer = names().answer(name, type, WORLD)
    assert answer.exists is exists
    assert answer.authority == Set("example.test.", "SOA", 900, SOA.values)


def test_a_circle_of_names_ends() -> None:
    assert {each.type for each in names().answer("loop.example.test", "A", WORLD).sets} == {"CNAME"}


def test_names_of_nobody_do_not_exist() -> None:
    answer = names().answer("example.org", "A", WORLD)
    assert not answer.exists and not answer.sets and answer.authority is None
    assert names().answer(HOME, "AAAA", WORLD).exists


@pytest.mark.parametrize(("asker", "seen"), [(IN_VPC, True), (WORLD, False), ("10.11.0.5", False)])
def test_a_private_zone_is_answered_inside_its_networks(asker: str, seen: bool) -> None:
    assert bool(names().answer("db.lab.internal", "A", asker).sets) is seen
    assert names().answer("db.lab.internal", "A", asker).exists is seen


@pytest.mark.parametrize("name", ["s3.me-west-1.amazonaws.com", "a-bucket.s3.me-west-1.amazonaws.com", "kms.me-west-1.amazonaws.com"])
def test_a_regions_apis_are_inside_it(name: str, tmp_path: Path) -> None:
    endpoints = {
        "me-west-1": {"network": "10.10.0.0/16", "address": "10.10.0.3", "public": "198.18.10.2"},
        "eu-central-1": {"network": "10.11.0.0/16", "address": "10.11.0.3", "public": "198.18.11.2"},
    }
    (tmp_path / ENDPOINTS).write_text(json.dumps(endpoints))
    (tmp_path / BALANCERS).write_text(json.dumps(HOSTS))
    known = Store(tmp_path).names
    assert known.answer(name, "A", IN_VPC).sets[0].values == ("10.10.0.3",)
    assert known.answer(name, "A", "10.11.0.5").sets[0].values == ("198.18.10.2",), "other regions have them on the Internet"
    assert not known.answer(name, "A", WORLD).exists
    assert known.answer(HOME, "A", IN_VPC).sets[0].values == ("10.10.0.9", "10.10.16.9"), "a balancer's name is none of an API"


def test_a_private_zone_comes_before_a_public_one_of_its_name() -> None:
    assert names().answer("a.example.test", "A", "10.12.0.1").sets[0].values == ("10.10.9.9",)
    assert not names().answer("origin.example.test", "A", "10.12.0.1").exists


@pytest.mark.parametrize(
    ("healthy", "balancers", "evaluate", "expected"),
    [
        ({}, {}, False, "10.10.0.9"),  # a new check is healthy
        ({"p": True}, {}, False, "10.10.0.9"),
        ({"p": False}, {}, False, "10.11.0.9"),
        ({"p": True}, {HOME: True, AWAY: True}, True, "10.10.0.9"),
        ({"p": True}, {HOME: False, AWAY: True}, True, "10.11.0.9"),  # the check is healthy, its target is not
        ({"p": False}, {HOME: True, AWAY: True}, True, "10.11.0.9"),
        ({"p": False}, {HOME: True, AWAY: False}, True, "10.10.0.9"),  # with all unhealthy, the primary
        ({"p": True}, {}, True, "10.10.0.9"),  # balancers that don't exist are unhealthy
    ],
)
def test_failover(healthy: dict[str, bool], balancers: dict[str, bool], evaluate: bool, expected: str) -> None:
    found = names(failover(evaluate), healthy, balancers).answer("origin.example.test", "A", WORLD)
    assert found.sets[0].values[0] == expected


@pytest.mark.parametrize(("healthy", "expected"), [(True, "10.10.0.9"), (False, "192.0.2.5")])
def test_an_alias_to_a_failover_name_is_as_healthy_as_any_of_its_records(healthy: bool, expected: str) -> None:
    records = [
        alias("www.example.test.", "origin.example.test.", True, set="a", failover="PRIMARY"),
        Record("www.example.test.", "A", 60, ("192.0.2.5",), set="b", failover="SECONDARY"),
        alias("origin.example.test.", HOME, set="a", failover="PRIMARY", check="p"),
        Record("origin.example.test.", "A", 60, ("192.0.2.4",), set="b", failover="SECONDARY", check="s"),
    ]
    assert names(records, {"p": healthy, "s": False}).answer("www.example.test", "A", WORLD).sets[0].values[0] == expected


def test_records_are_read_as_route_53_lists_them() -> None:
    target = {"HostedZoneId": "Z1", "DNSName": "dualstack.Web-1.me-west-1.elb.amazonaws.com.", "EvaluateTargetHealth": True}
    listed = {
        "Name": "\\052.Example.test.",
        "Type": "A",
        "AliasTarget": target,
        "SetIdentifier": "a",
        "Failover": "PRIMARY",
        "HealthCheckId": "p",
    }
    assert Record.of(listed) == Record("*.example.test.", "A", 0, (), HOME, True, "a", "PRIMARY", "p")
    assert plain("") == ""


# --- messages


def ask(name: str, type: str, udp: bool = True, **more: Any) -> dns.message.Message:
    query = dns.message.make_query(name, type, **more)
    wire = respond(query.to_wire(), names(), WORLD, udp)
    assert wire is not None
    answer = dns.message.from_wire(wire)
    assert query.is_response(answer)
    return answer


def test_messages_say_what_is_answered() -> None:
    answer = ask("WWW.example.test", "A")
    assert answer.flags & dns.flags.AA and answer.rcode() == dns.rcode.NOERROR
    # records of a set are sent in any order
    assert [sorted(each.to_text().lower().splitlines()) for each in answer.answer] == [
        ["www.example.test. 20 in cname a.example.test."],
        ["a.example.test. 30 in a 192.0.2.1", "a.example.test. 30 in a 192.0.2.2"],
    ]
    assert ask("txt.example.test", "TXT").answer[0].to_text() == 'txt.example.test. 50 IN TXT "one" "two"'
    denied = ask("nothing.example.test", "A")
    assert denied.rcode() == dns.rcode.NXDOMAIN and denied.authority[0].ttl == 900


def test_what_does_not_fit_a_datagram_is_asked_for_again_over_tcp() -> None:
    many = [SOA, Record("many.example.test.", "TXT", 5, tuple(f'"{number:0200}"' for number in range(9)))]
    query = dns.message.make_query("many.example.test", "TXT", use_edns=False)
    cut, whole = (dns.message.from_wire(respond(query.to_wire(), names(many), WORLD, udp) or b"") for udp in (True, False))
    assert cut.flags & dns.flags.TC and len(cut.to_wire()) <= 512
    assert not whole.flags & dns.flags.TC and len(whole.answer[0]) == 9


@pytest.mark.parametrize(
    ("wire", "code"),
    [
        (b"", None),
        (b"\x12\x34", None),
        (b"\x12\x34\x01\x00\x00\x01" + bytes(6), dns.rcode.FORMERR),  # a question that is not there
        (b"\x12\x34\x28\x00\x00\x00" + bytes(6), dns.rcode.NOTIMP),  # an update
        (dns.message.make_query("a.example.test", "A", rdclass="CH").to_wire(), dns.rcode.NOTIMP),
        (dns.message.make_response(dns.message.make_query("a.example.test", "A")).to_wire(), None),  # never an answer to an answer
    ],
    ids=["nothing", "no header", "no question", "an update", "another class", "an answer"],
)
def test_what_is_no_question_gets_an_error_or_nothing(wire: bytes, code: int | None) -> None:
    answer = respond(wire, names(), WORLD, True)
    assert (None if answer is None else dns.message.from_wire(answer).rcode()) == code


def test_a_record_that_cannot_be_sent_fails_alone() -> None:
    broken = names([SOA, Record("bad.example.test.", "A", 5, ("no address",)), Record("a.example.test.", "A", 5, ("192.0.2.1",))])
    for name, code in (("bad.example.test", dns.rcode.SERVFAIL), ("a.example.test", dns.rcode.NOERROR)):
        wire = respond(dns.message.make_query(name, "A").to_wire(), broken, WORLD, True)
        assert dns.message.from_wire(wire or b"").rcode() == code


# --- the files


def test_the_files_are_read_again_when_they_were_replaced(tmp_path: Path) -> None:
    store = Store(tmp_path)

    def address() -> list[str]:
        return [value for each in store.names.answer("o.example.test", "A", WORLD).sets for value in each.values]

    def put(name: str, content: Any) -> None:
        (tmp_path / "partial").write_text(content if isinstance(content, str) else json.dumps(content))
        (tmp_path / "partial").replace(tmp_path / name)

    assert address() == []
    record = {"Name": "o.example.test.", "Type": "A", "AliasTarget": {"HostedZoneId": "Z", "DNSName": HOME, "EvaluateTargetHealth": False}}
    put(SNAPSHOT, {"zones": [{"name": "example.test.", "askers": None, "records": [record]}], "healthy": {}, "balancers": {}})
    put(DISTRIBUTIONS, {"d1.cloudfront.net": "198.18.1.2"})
    assert address() == []
    put(BALANCERS, {HOME.rstrip("."): ["10.10.0.9"]})
    assert address() == ["10.10.0.9"]
    put(BALANCERS, {HOME.rstrip("."): ["10.10.0.8"]})
    assert address() == ["10.10.0.8"]
    assert store.names.answer("d1.cloudfront.net", "A", WORLD).sets[0].values == ("198.18.1.2",)
    put(BALANCERS, "half a fi")
    assert address() == []
