"""Column types, expressions and engines as text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kc.clickhouse.text import engine_of, expression, same, split
from kc.clickhouse.types import Type, keeps, parse, same_on_disk
from kc.clickhouse.version import Version
from kc.errors import KcError


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("UInt8", "UInt8"),
        (" String ", "String"),
        ("INT", "Int32"),
        ("varchar(20)", "String"),
        ("TIMESTAMP", "DateTime"),
        ("Nullable( String )", "Nullable(String)"),
        ("Array(Array(Nullable(Int8)))", "Array(Array(Nullable(Int8)))"),
        ("LowCardinality(Nullable(String))", "LowCardinality(Nullable(String))"),
        ("FixedString(3)", "FixedString(3)"),
        ("Decimal(18,4)", "Decimal(18, 4)"),
        ("Decimal(9)", "Decimal(9, 0)"),
        ("Decimal64(4)", "Decimal(18, 4)"),
        ("DEC(5,2)", "Decimal(5, 2)"),
        ("Enum8('a'=1,'b' = 2)", "Enum8('a' = 1, 'b' = 2)"),
        ("Enum8('b'=2,'a'=1)", "Enum8('a' = 1, 'b' = 2)"),
        ("Enum('a','b')", "Enum8('a' = 1, 'b' = 2)"),
        ("Enum('a' = 1000)", "Enum16('a' = 1000)"),
        (r"Enum8('it\'s, (odd)' = -1)", r"Enum8('it\'s, (odd)' = -1)"),
        ("DateTime", "DateTime"),
        ("DateTime('UTC')", "DateTime('UTC')"),
        ("DateTime64(3, 'Asia/Riyadh')", "DateTime64(3, 'Asia/Riyadh')"),
        ("DateTime64", "DateTime64(3)"),
        ("Map(String,UInt64)", "Map(String, UInt64)"),
        ("Tuple(UInt8,String)", "Tuple(UInt8, String)"),
        ("Tuple(a UInt8, `b c` Array(String))", "Tuple(a UInt8, `b c` Array(String))"),
        ("AggregateFunction(sum,UInt64)", "AggregateFunction(sum, UInt64)"),
        ("AggregateFunction(quantiles(0.5,0.9),UInt64)", "AggregateFunction(quantiles(0.5, 0.9), UInt64)"),
        ("SimpleAggregateFunction(max, UInt8)", "SimpleAggregateFunction(max, UInt8)"),
    ],
)
def test_a_type_has_one_way_to_be_written(text: str, shown: str) -> None:
    assert str(parse(text)) == shown
    assert str(parse(shown)) == shown


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "`type` is empty"),
        ("Strng", "there is no type 'Strng'"),
        ("string", "there is no type 'string'"),
        ("UInt8(3)", "takes nothing in brackets"),
        ("Array", "Array takes one type"),
        ("Array(UInt8, UInt8)", "Array takes one type"),
        ("Array(UInt8", "is no type"),
        ("UInt8) ENGINE = Null; --", "is no type"),
        ("Nullable(Array(UInt8))", "Array can't be Nullable"),
        ("Nullable(LowCardinality(String))", "Write LowCardinality"),
        ("FixedString", "takes a number"),
        ("FixedString(0)", "takes a number from 1"),
        ("Decimal(5, 6)", "takes a number from 0 to 5"),
        ("Decimal(99)", "takes a number from 1 to 76"),
        ("Enum8()", "an Enum has elements"),
        ("Enum8(a = 1)", "is no element of an Enum"),
        ("Enum8('a' = 1, 'a' = 2)", "stands there twice"),
        ("Enum8('a' = 1, 'b' = 1)", "stands there twice"),
        ("Enum8('a' = 128)", "does not fit into Enum8"),
        ("DateTime('U' || 'TC')", "a time zone is one name in quotes"),
        ("DateTime64(10)", "takes a number from 0 to 9"),
        ("Nested(a UInt8)", "Nested becomes several columns"),
        ("AggregateFunction()", "takes a function"),
        ("AggregateFunction(sum, Foo)", "there is no type 'Foo'"),
        ("Map(String)", "Map takes two types"),
        ("__init__", "is no type"),
        ("wrapped(UInt8)", "there is no type"),
    ],
)
def test_what_is_no_type(text: str, says: str) -> None:
    with pytest.raises(KcError, match=r".") as found:
        parse(text)
    assert says in str(found.value)


@pytest.mark.parametrize(
    ("text", "since"),
    [
        ("LowCardinality(String)", "19.0"),
        ("DateTime64(3)", "20.1"),
        ("Array(Bool)", "21.12"),
        ("Map(String, String)", "21.8"),
        ("Int128", "21.6"),
    ],
)
def test_types_that_the_lab_has_not(text: str, since: str) -> None:
    with pytest.raises(KcError, match=f"It came with {since}"):
        parse(text, version=Version(18, 16, 1))
    parse(text, version=Version(25, 8))


KEPT = [
    ("UInt8", "UInt16"),
    ("UInt8", "Int16"),
    ("UInt32", "UInt64"),
    ("Int8", "Int256"),
    ("Int16", "Float32"),
    ("UInt32", "Float64"),
    ("Float32", "Float64"),
    ("String", "Nullable(String)"),
    ("Nullable(UInt8)", "Nullable(UInt16)"),
    ("String", "LowCardinality(String)"),
    ("LowCardinality(String)", "String"),
    ("LowCardinality(String)", "LowCardinality(Nullable(String))"),
    ("Enum8('a' = 1)", "Enum8('a' = 1, 'b' = 2)"),
    ("Enum8('a' = 1)", "Enum16('a' = 1)"),
    ("Enum16('a' = 1)", "Enum8('a' = 1)"),
    ("Enum8('a' = 1)", "String"),
    ("Decimal(9, 2)", "Decimal(18, 2)"),
    ("Decimal(9, 2)", "Decimal(11, 4)"),
    ("DateTime", "DateTime('UTC')"),
    ("DateTime", "DateTime64(3)"),
    ("DateTime64(3)", "DateTime64(6)"),
    ("Date", "Date32"),
    ("Array(UInt8)", "Array(UInt16)"),
    ("Map(String, UInt8)", "Map(String, UInt64)"),
    ("Tuple(a UInt8)", "Tuple(a UInt16)"),
]

LOST = [
    ("UInt16", "UInt8"),
    ("UInt16", "Int16"),
    ("Int8", "UInt64"),
    ("UInt64", "Float64"),
    ("UInt32", "Float32"),
    ("Float64", "Float32"),
    ("Float32", "UInt64"),
    ("Nullable(String)", "String"),
    ("String", "FixedString(3)"),
    ("FixedString(3)", "FixedString(2)"),
    ("String", "UInt8"),
    ("UInt8", "String"),
    ("Enum8('a' = 1, 'b' = 2)", "Enum8('a' = 1)"),
    ("Enum8('a' = 1)", "Enum8('a' = 2)"),
    ("String", "Enum8('a' = 1)"),
    ("Decimal(18, 2)", "Decimal(9, 2)"),
    ("Decimal(9, 2)", "Decimal(9, 4)"),
    ("Decimal(9, 2)", "Decimal(18, 1)"),
    ("DateTime64(3)", "DateTime"),
    ("DateTime64(6)", "DateTime64(3)"),
    ("DateTime", "DateTime64(9)"),
    ("DateTime64(8)", "DateTime64(9)"),
    ("DateTime", "Date"),
    ("Array(UInt16)", "Array(UInt8)"),
    ("Array(UInt8)", "UInt8"),
    ("Tuple(a UInt8)", "Tuple(b UInt8)"),
    ("Tuple(UInt8)", "Tuple(UInt8, UInt8)"),
    ("AggregateFunction(sum, UInt8)", "AggregateFunction(sum, UInt16)"),
    ("LowCardinality(Nullable(String))", "String"),
]


@pytest.mark.parametrize(("old", "new", "kept"), [(*each, True) for each in KEPT] + [(*each, False) for each in LOST])
def test_which_changes_lose_nothing(old: str, new: str, kept: bool) -> None:
    assert keeps(parse(old), parse(new)) is kept


SIMPLE = st.sampled_from([parse(each) for pair in KEPT + LOST for each in pair])


@given(SIMPLE, SIMPLE, SIMPLE)
def test_two_changes_that_lose_nothing_are_one(one: Type, two: Type, three: Type) -> None:
    assert keeps(one, one)
    if keeps(one, two) and keeps(two, three) and "String" not in (two.family, three.family):
        assert keeps(one, three)


@pytest.mark.parametrize(
    ("old", "new", "same"),
    [
        ("Enum8('a' = 1)", "Enum8('a' = 1, 'b' = 2)", True),
        ("DateTime", "DateTime('UTC')", True),
        ("Enum8('a' = 1)", "Enum16('a' = 1)", False),
        ("UInt8", "UInt16", False),
        ("String", "Nullable(String)", False),
    ],
)
def test_what_a_key_may_have(old: str, new: str, same: bool) -> None:
    assert same_on_disk(parse(old), parse(new)) is same


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("  a +\n b ", "a + b"),
        ("concat('a;--', `b;`)", "concat('a;--', `b;`)"),
        (r"'it\'s' || 'it''s'", r"'it\'s' || 'it''s'"),
        ("(a, [b])", "(a, [b])"),
        ("x -> x - -1", "x -> x - -1"),
    ],
)
def test_expressions(text: str, found: str) -> None:
    assert expression(text, "`x`") == found


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "`x` is empty"),
        ("a)", "closes a bracket"),
        ("(a]", "closes a bracket"),
        ("(a", "leaves a bracket open"),
        ("a; DROP TABLE t", "holds ';'"),
        ("a -- b", "holds '--'"),
        ("a /* b", "holds '/*'"),
        ("'a", "holds an open quote"),
        ("`a", "holds an open quote"),
    ],
)
def test_what_is_no_expression(text: str, says: str) -> None:
    with pytest.raises(KcError) as found:
        expression(text, "`x`")
    assert says in str(found.value)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("", []),
        ("a", ["a"]),
        ("a, b", ["a", "b"]),
        ("f(a, b), 'x, y', [1, 2]", ["f(a, b)", "'x, y'", "[1, 2]"]),
        ("`a, b`, c", ["`a, b`", "c"]),
    ],
)
def test_lists(text: str, parts: list[str]) -> None:
    assert split(text) == parts


@pytest.mark.parametrize(
    ("one", "other", "equal"),
    [
        ("a+b", "a + b", True),
        ("`a`", "a", True),
        ("`a b`", "a b", False),
        ("'a'", "a", False),
        ("a", "A", False),
        (None, "", True),
        ("f(a)", "f(b)", False),
    ],
)
def test_what_is_the_same(one: str | None, other: str, equal: bool) -> None:
    assert same(one, other) is equal


def test_an_engine_as_servers_show_it() -> None:
    name, arguments, clauses = engine_of(
        "ReplicatedReplacingMergeTree('/p/{shard}/ORDER BY', '{replica}', version) PARTITION BY toYYYYMM(day) PRIMARY KEY day"
        " ORDER BY (day, `TTL`) SAMPLE BY x TTL day + toIntervalYear(1) SETTINGS index_granularity = 8192, storage_policy = 'a, b'"
    )
    assert (name, arguments) == ("ReplicatedReplacingMergeTree", ["'/p/{shard}/ORDER BY'", "'{replica}'", "version"])
    assert same(clauses["ORDER BY"], "(day, `TTL`)")
    assert same(clauses["TTL"], "day + toIntervalYear(1)")
    assert split(clauses["SETTINGS"])[1] == "storage_policy = 'a, b'"
    assert engine_of("Null") == ("Null", [], {})
