"""What is quoted is read as it was meant, whatever it is: fuzzed on a real server."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from kc.errors import KcError
from kc.mysql import gtid
from kc.mysql.connection import Server
from kc.mysql.password import matches
from kc.mysql.quote import account, check_name, name, pattern, value

# the servers stay as they are: what is tried is a question
fuzz = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
TEXT = st.text(st.one_of(st.characters(exclude_categories=["Cs"]), st.sampled_from("'\"`\\%_\0\n\r\t\x1a;- /*")), max_size=40)


@given(text=TEXT, more=TEXT)
@fuzz
def test_any_text_comes_back(servers: list[Server], text: str, more: str) -> None:
    assert servers[0].rows(f"SELECT {value(text)}, {value(more)}") == [(text, more)]


@given(text=TEXT)
@fuzz
def test_any_name_is_one_name_or_refused(servers: list[Server], text: str) -> None:
    try:
        quoted = name(text)
    except KcError:
        return
    assert servers[0].one(f"SELECT {quoted}.x FROM (SELECT 1 AS x) AS {quoted}") == 1


@given(text=TEXT)
@fuzz
def test_a_pattern_matches_its_own_name_only(servers: list[Server], text: str) -> None:
    try:
        meant = pattern(text)[1:-1].replace("``", "`")
    except KcError:
        return
    assert servers[0].one(f"SELECT {value(text)} LIKE BINARY {value(meant)}") == 1
    for odd in ("_", "%"):
        if odd in text:
            assert servers[0].one(f"SELECT {value(text.replace(odd, 'X'))} LIKE BINARY {value(meant)}") == 0


@given(number=st.one_of(st.integers(-(2**63), 2**63 - 1), st.floats(allow_nan=False, allow_infinity=False)))
@fuzz
def test_any_number_comes_back(servers: list[Server], number: float) -> None:
    assert float(servers[0].one(f"SELECT {value(number)}")) == pytest.approx(number)


SPANS = st.lists(st.tuples(st.integers(1, 99), st.integers(0, 9)), min_size=1, max_size=6)
SETS = st.dictionaries(
    st.tuples(
        st.sampled_from(["3e11fa47-71ca-11e1-9e33-c80aa9429562", "00000000-0000-0000-0000-00000000000A"]),
        st.sampled_from(["", ":tag_1", ":Z"]),
    ),
    SPANS,
    max_size=4,
)


@given(these=SETS, those=SETS)
@fuzz
def test_sets_are_read_as_the_server_reads_them(
    servers: list[Server], these: dict[tuple[str, str], list[tuple[int, int]]], those: dict
) -> None:  # type: ignore[type-arg]
    def text(given: dict[tuple[str, str], list[tuple[int, int]]]) -> str:
        return ", ".join(
            f"{uuid}{tag}:" + ":".join(f"{first}-{first + more}" for first, more in spans) for (uuid, tag), spans in given.items()
        )

    left, right = text(these), text(those)
    assert gtid.parse(str(servers[0].one(f"SELECT GTID_SUBTRACT({value(left)}, '')"))) == gtid.parse(left)
    difference = gtid.subtract(servers[0], left, right)
    assert gtid.count(difference) + gtid.count(gtid.subtract(servers[0], left, difference)) == gtid.count(left)
    assert gtid.within(servers[0], difference, left)
    assert gtid.within(servers[0], left, right) is (difference == "")


@pytest.mark.parametrize("password", ["x", "a'b\\c\"d`", "ä…😀", "p" * 31, "p" * 32, "p" * 33, "p" * 64, "p" * 200, " "])
def test_a_password_is_known_from_what_the_server_keeps(servers: list[Server], password: str) -> None:
    servers[0].run(f"CREATE USER {account('somebody')} IDENTIFIED WITH caching_sha2_password BY {value(password)}")
    kept = bytes.fromhex(servers[0].one("SELECT HEX(authentication_string) FROM mysql.user WHERE user = 'somebody'"))
    assert matches(password, kept)
    assert not matches(f"{password} ", kept)


def test_names_have_the_server_s_limits(servers: list[Server]) -> None:
    servers[0].run(f"CREATE DATABASE {name('ä' * 64)}")
    with pytest.raises(KcError, match="is too long"):
        check_name("ä" * 65)
