"""Route 53's records: names, marks, values and shapes."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kc.aws.records import Name, attributes, quoted, record_set
from kc.aws.route53 import plain_name, record_name
from kc.errors import KcError


@pytest.mark.parametrize(
    ("name", "mark"),
    [
        ("origin.example.com A", "_kc-a.origin.example.com"),
        ("origin.example.com A primary", "_kc-a-primary.origin.example.com"),
        ("origin.example.com A secondary", "_kc-a-secondary.origin.example.com"),
        ("origin.example.com AAAA", "_kc-aaaa.origin.example.com"),
        ("*.example.com CNAME", "_kc-cname._any.example.com"),
        ("_dmarc.example.com TXT", "_kc-txt._dmarc.example.com"),
    ],
)
def test_each_record_has_a_mark_of_its_own(name: str, mark: str) -> None:
    assert Name.of(name).mark == mark
    assert str(Name.of(name)) == name
    assert record_name(mark) == mark


@pytest.mark.parametrize(
    ("listed", "name"),
    [("www.example.com.", "www.example.com"), (r"\052.example.com.", "*.example.com"), ("_a1.example.com.", "_a1.example.com")],
)
def test_a_name_as_route_53_lists_it(listed: str, name: str) -> None:
    assert plain_name(listed) == name


@pytest.mark.parametrize("text", ["com", "", "a.*.example.com", "*a.example.com", "a b.example.com", f"{'a.' * 127}com"])
def test_what_is_no_name_of_a_record_is_refused(text: str) -> None:
    with pytest.raises(KcError, match="is no name of a record"):
        record_name(text)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("v=spf1 -all", '"v=spf1 -all"'),
        ("", '""'),
        ('say "a\\b"', r'"say \"a\\b\""'),
        ("é", r'"\303\251"'),
        ("a" * 256, f'"{"a" * 255}" "a"'),
    ],
)
def test_a_text_is_quoted(text: str, value: str) -> None:
    assert quoted(text) == value


@pytest.mark.parametrize(
    ("name", "want"),
    [
        ("a.example.com A", {"zone": "Z1", "ttl": 60, "values": ["192.0.2.1", "192.0.2.2"], "health_check": ""}),
        ("a.example.com A", {"zone": "Z1", "alias": {"name": "lb.example.net", "zone": "Z2", "evaluate": False}, "health_check": ""}),
        (
            "a.example.com A primary",
            {
                "zone": "Z1",
                "alias": {"name": "lb.example.net", "zone": "Z2", "evaluate": True},
                "failover": "PRIMARY",
                "health_check": "check",
            },
        ),
        ("a.example.com A other", {"zone": "Z1", "ttl": 5, "values": ["192.0.2.1"], "failover": "SECONDARY", "health_check": ""}),
    ],
)
def test_what_is_put_is_read_in_the_same_shape(name: str, want: dict[str, Any]) -> None:
    assert attributes("Z1", record_set(Name.of(name), want)) == want


def test_a_targets_name_is_compared_in_one_form() -> None:
    target = {"DNSName": "LB.example.net.", "HostedZoneId": "Z2", "EvaluateTargetHealth": False}
    assert attributes("Z1", {"Name": "a.", "Type": "A", "AliasTarget": target})["alias"]["name"] == "lb.example.net"


_LABEL = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,8}[a-z0-9])?", fullmatch=True)
_NAMES = st.builds(
    Name,
    st.lists(_LABEL, min_size=2, max_size=3).map(".".join),
    st.sampled_from(["A", "AAAA", "CAA", "CNAME", "MX", "TXT"]),
    st.sampled_from(["", "primary", "secondary"]),
)


@given(_NAMES, _NAMES)
def test_two_records_never_share_a_mark(one: Name, other: Name) -> None:
    assert (one.mark == other.mark) == (one == other)
