"""Names and values survive a real server, and the current engine reads them alike."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import chdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from kc.clickhouse.connection import Server
from kc.clickhouse.errors import NodeError
from kc.clickhouse.quote import LONGEST, check_name, name, value
from kc.errors import KcError

HARD = st.sampled_from("'`\"\\\n\r\t\b\f\0\x01\x7f%{}();-/*. ?#$\N{LATIN SMALL LETTER E WITH ACUTE}\N{SNOWMAN}\U0001d11e\ufeff")
TEXTS = st.text(st.one_of(st.characters(exclude_categories=["Cs"]), HARD), max_size=40)
MANY = settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])


def takes(text: str) -> bool:
    try:
        check_name(text)
    except KcError:
        return False
    return True


NAMES = TEXTS.filter(takes)


@pytest.fixture(scope="module")
def server(_world: object) -> Iterator[Server]:
    with _world.replicas[0].server() as found:  # type: ignore[attr-defined]
        found.run("CREATE DATABASE IF NOT EXISTS fuzz")
        yield found
        found.run("DROP DATABASE fuzz")


@MANY
@given(TEXTS)
def test_a_value_comes_back_as_it_went(server: Server, text: str) -> None:
    assert server.one(f"SELECT {value(text)}") == text
    assert server.one(f"SELECT [{value(text)}, {value('b')}]") == [text, "b"]


@MANY
@given(NAMES.filter(lambda text: text != "x"))
def test_a_name_is_one_name(server: Server, text: str) -> None:
    (found,) = server.dicts([f"1 AS {name(text)}"], "") or [{}]
    assert list(found.values()) == [1]
    assert server.rows(f"SELECT x FROM (SELECT 7 AS {name(text)}, {name(text)} + 1 AS x)") == [(8,)]


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(NAMES, NAMES, NAMES)
def test_a_name_makes_what_it_says_and_nothing_else(server: Server, database: str, table: str, column: str) -> None:
    before = set(server.rows("SELECT name FROM system.databases"))
    server.run(f"CREATE DATABASE IF NOT EXISTS {name(database)}")
    made = set(server.rows("SELECT name FROM system.databases")) - before
    assert made in ({(database,)}, set())  # a name may be that of one that stood
    try:
        server.run(f"CREATE TABLE {name(database, table)} ({name(column)} UInt8) ENGINE = MergeTree ORDER BY tuple()")
        server.run(f"INSERT INTO {name(database, table)} ({name(column)}) SELECT 5")
        found = f"SELECT name FROM system.columns WHERE database = {value(database)} AND table = {value(table)}"
        assert server.rows(found) == [(column,)]
        assert server.rows(f"SELECT {name(column)} FROM {name(database, table)}") == [(5,)]
        server.run(f"DETACH TABLE {name(database, table)}")
        server.run(f"ATTACH TABLE {name(database, table)}")
        assert server.rows(f"SELECT {name(column)} FROM {name(database, table)}") == [(5,)]
    finally:
        server.run(f"DROP TABLE IF EXISTS {name(database, table)}")
        if made:
            server.run(f"DROP DATABASE {name(database)}")


@pytest.mark.parametrize("text", ["x" * LONGEST, "é" * (LONGEST // 6), "-" * (LONGEST // 3)])
def test_the_longest_names_are_taken(server: Server, text: str) -> None:
    server.run(f"CREATE TABLE {name('fuzz', text)} ({name(text)} Nullable(UInt8)) ENGINE = MergeTree ORDER BY tuple()")
    server.run(f"INSERT INTO {name('fuzz', text)} SELECT 5")
    assert server.rows(f"SELECT {name(text)} FROM {name('fuzz', text)}") == [(5,)]


@pytest.mark.parametrize("text", ["x" * 260, "é" * 50])
def test_longer_ones_would_not_be(server: Server, text: str) -> None:
    assert not takes(text)
    marked = "`" + text + "`"
    with pytest.raises(NodeError):
        server.run(f"CREATE TABLE fuzz.{marked} (x UInt8) ENGINE = MergeTree ORDER BY tuple()")


@pytest.fixture(scope="module")
def engine() -> Iterator[Callable[[str], dict[str, Any]]]:
    """A function that asks a current engine."""
    connection = chdb.connect(":memory:")
    yield lambda statement: json.loads(str(connection.query(statement, "JSON")))
    connection.close()


@MANY
@given(text=TEXTS)
def test_the_current_engine_reads_values_alike(engine: Callable[[str], dict[str, Any]], text: str) -> None:
    assert engine(f"SELECT hex({value(text)}) AS x")["data"] == [{"x": text.encode().hex().upper()}]


@MANY
@given(text=NAMES)
def test_the_current_engine_reads_names_alike(engine: Callable[[str], dict[str, Any]], text: str) -> None:
    assert engine(f"SELECT 1 AS {name(text)}")["meta"][0]["name"] == text
