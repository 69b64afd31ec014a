"""A table's definition, taken apart and put together again."""

from __future__ import annotations

import chdb
import pytest
from kc.clickhouse.definition import Definition, masked
from kc.clickhouse.restore import Partition, joined
from kc.errors import KcError

PLACE = "'/clickhouse/tables/{shard}/d/t', '{replica}'"


@pytest.mark.parametrize(
    ("create", "plain", "replicated"),
    [
        (
            f"CREATE TABLE d.t ( x UInt64,  s String) ENGINE = ReplicatedMergeTree({PLACE}) PARTITION BY x % 3 ORDER BY x SETTINGS a = 1",
            "ATTACH TABLE `e`.`u` ( x UInt64,  s String) ENGINE = MergeTree PARTITION BY x % 3 ORDER BY x SETTINGS a = 1",
            f"CREATE TABLE `e`.`u` ( x UInt64,  s String) ENGINE = ReplicatedMergeTree({PLACE}) PARTITION BY x % 3 ORDER BY x SETTINGS a = 1",
        ),
        (
            f"CREATE TABLE d.t\n(\n    x UInt64\n)\nENGINE = ReplicatedReplacingMergeTree({PLACE}, version, f(a, ')'))\nORDER BY tuple()",
            "ATTACH TABLE `e`.`u` (\n    x UInt64\n) ENGINE = ReplacingMergeTree(version, f(a, ')')) ORDER BY tuple()",
            f"CREATE TABLE `e`.`u` (\n    x UInt64\n) ENGINE = ReplicatedReplacingMergeTree({PLACE}, version, f(a, ')')) ORDER BY tuple()",
        ),
        # quotes and brackets that mean nothing, a column that is called as the engine's clause, and the old way to say the order
        (
            f"CREATE TABLE d.`a(b` ( `ENGINE = ReplicatedMergeTree(` String DEFAULT 'it\\'s ) (') ENGINE = ReplicatedMergeTree({PLACE}, day, (x, day), 8192)",
            "ATTACH TABLE `e`.`u` ( `ENGINE = ReplicatedMergeTree(` String DEFAULT 'it\\'s ) (') ENGINE = MergeTree(day, (x, day), 8192)",
            "CREATE TABLE `e`.`u` ( `ENGINE = ReplicatedMergeTree(` String DEFAULT 'it\\'s ) (') "
            f"ENGINE = ReplicatedMergeTree({PLACE}, day, (x, day), 8192)",
        ),
    ],
)
def test_a_definition_as_a_plain_table_s_and_as_the_replica_s(create: str, plain: str, replicated: str) -> None:
    definition = Definition.parse(create)
    assert definition.plain("e", "u") == plain
    assert definition.beside("e", "u") == plain.replace("ATTACH", "CREATE", 1)
    assert definition.replicated("e", "u") == replicated
    assert Definition.parse(replicated) == definition


@pytest.mark.parametrize(
    ("create", "says"),
    [
        ("", "no definition of a replicated table"),
        ("CREATE TABLE d.t (x UInt8) ENGINE = MergeTree ORDER BY x", "no definition of a replicated table"),
        ("CREATE TABLE d.t (x UInt8) ENGINE = ReplicatedMergeTree ORDER BY x", "no definition of a replicated table"),
        ("CREATE TABLE d.t (x UInt8) ENGINE = ReplicatedMergeTree('/a/{uuid}/{shard}', '{replica}') ORDER BY x", "depends on {uuid}"),
        ("CREATE TABLE d.t (x UInt8) ENGINE = ReplicatedMergeTree('/a/{table}', '{replica}') ORDER BY x", "depends on {table}"),
    ],
)
def test_what_can_t_be_brought_back_so(create: str, says: str) -> None:
    with pytest.raises(KcError) as caught:
        Definition.parse(create)
    assert says in caught.value.message


def test_what_is_inside_is_masked() -> None:
    assert masked("a(b 'c)' d) `e(` [f] {g} h") == "a(        )      [ ] { } h"


@pytest.mark.parametrize(
    ("ranges", "one"),
    [([], []), ([(3, 3), (0, 1), (2, 2)], [(0, 3)]), ([(0, 1), (3, 4)], [(0, 1), (3, 4)]), ([(0, 9), (2, 3)], [(0, 9)])],
)
def test_blocks_that_follow_on_each_other_are_one_range(ranges: list[tuple[int, int]], one: list[tuple[int, int]]) -> None:
    assert joined(ranges) == one


@pytest.mark.parametrize(
    ("source", "other", "covers"),
    [
        (Partition(10, ((0, 4),)), Partition(10, ((0, 1), (2, 2), (3, 4))), True),
        (Partition(10, ((0, 1), (2, 2), (3, 4))), Partition(10, ((0, 4),)), True),
        (Partition(10, ((0, 4),)), Partition(), True),
        (Partition(), Partition(1, ((0, 0),)), False),
        (Partition(10, ((0, 4),)), Partition(11, ((0, 4),)), False),
        # as many rows, of other inserts
        (Partition(10, ((0, 0), (2, 2))), Partition(10, ((0, 1),)), False),
    ],
)
def test_a_node_has_what_another_has(source: Partition, other: Partition, covers: bool) -> None:
    assert source.covers(other) is covers


@pytest.mark.parametrize(
    "statement",
    [
        "SYSTEM RESTART REPLICA `d`.`t`",
        "SYSTEM RESTORE REPLICA `d`.`t`",
        r"SYSTEM DROP REPLICA 'it\'s' FROM ZKPATH '/clickhouse/tables/01/d/t'",
        "SYSTEM SYNC REPLICA `d`.`t`",
        "DETACH TABLE `d`.`t`",
        "ATTACH TABLE `d`.`t`",
    ],
)
def test_a_current_engine_takes_what_only_newer_servers_have(statement: str) -> None:
    literal = statement.replace("\\", "\\\\").replace("'", "\\'")
    assert str(chdb.query(f"SELECT formatQuerySingleLine('{literal}')", "TSVRaw")).strip()
