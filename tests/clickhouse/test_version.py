"""What versions have: the lab's server refuses each statement, and a current engine takes it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from kc.clickhouse.connection import Server
from kc.clickhouse.errors import NodeError
from kc.clickhouse.quote import value
from kc.clickhouse.version import FEATURES

from tests.clickhouse.engine import Engine
from tests.clickhouse.world import World

SYNTAX, UNKNOWN_TYPE, UNKNOWN_FUNCTION, UNKNOWN_DATABASE_ENGINE, ARGUMENTS, NOT_ALLOWED = 62, 50, 46, 336, 42, 44

TYPES = {
    "low cardinality": ("LowCardinality(String)", NOT_ALLOWED),
    "SimpleAggregateFunction": ("SimpleAggregateFunction(max, UInt8)", UNKNOWN_TYPE),
    "IPv4 and IPv6": ("IPv4", UNKNOWN_TYPE),
    "DateTime64": ("DateTime64(3)", UNKNOWN_TYPE),
    "big integers": ("Int128", UNKNOWN_TYPE),
    "Decimal256": ("Decimal(76, 2)", 69),
    "Map": ("Map(String, UInt8)", UNKNOWN_TYPE),
    "Date32": ("Date32", UNKNOWN_TYPE),
    "Bool": ("Bool", UNKNOWN_TYPE),
}
STATEMENTS = {
    "codecs": ("CREATE TABLE default.x (a UInt8 CODEC(ZSTD)) ENGINE = Log", SYNTAX),
    "TTL": ("CREATE TABLE default.x (a Date) ENGINE = MergeTree ORDER BY a TTL a + INTERVAL 1 DAY", SYNTAX),
    "MODIFY SETTING": ("ALTER TABLE default.x MODIFY SETTING a = 1", SYNTAX),
    "ADD COLUMN FIRST": ("ALTER TABLE default.x ADD COLUMN a UInt8 FIRST", SYNTAX),
    "REMOVE of a column's or table's property": ("ALTER TABLE default.x MODIFY COLUMN a REMOVE DEFAULT", SYNTAX),
    "MODIFY QUERY": ("ALTER TABLE default.x MODIFY QUERY SELECT 1", SYNTAX),
    "formatQuery": ("SELECT formatQuerySingleLine('SELECT 1')", UNKNOWN_FUNCTION),
    "RENAME COLUMN": ("ALTER TABLE default.x RENAME COLUMN a TO b", SYNTAX),
    "access control": ("CREATE USER x", SYNTAX),
    "DROP REPLICA": ("SYSTEM DROP REPLICA 'r' FROM ZKPATH '/x'", SYNTAX),
    "Atomic databases": ("CREATE DATABASE x ENGINE = Atomic", UNKNOWN_DATABASE_ENGINE),
    "default replica path": ("CREATE TABLE default.x (a UInt8) ENGINE = ReplicatedMergeTree ORDER BY a", ARGUMENTS),
    "DROP SYNC": ("DROP TABLE IF EXISTS default.x SYNC", SYNTAX),
    "RESTORE REPLICA": ("SYSTEM RESTORE REPLICA default.x", SYNTAX),
    "BACKUP": ("BACKUP TABLE default.x TO S3('https://x/y', 'a', 'b')", SYNTAX),
    "lightweight DELETE": ("DELETE FROM default.x WHERE a = 1", SYNTAX),
}


@pytest.fixture(scope="module")
def old(_world: World) -> Iterator[Server]:
    with _world.replicas[0].server() as found:
        yield found


@pytest.fixture(scope="module")
def new() -> Iterator[Engine]:
    found = Engine()
    yield found
    found.connection.close()


@pytest.mark.parametrize("feature", TYPES)
def test_types(old: Server, new: Server, feature: str) -> None:
    kind, code = TYPES[feature]
    statement = f"CREATE TEMPORARY TABLE {feature.replace(' ', '_')} (a {kind})"
    with pytest.raises(NodeError) as found:
        old.run(statement)
    assert found.value.server_code == code
    new.run(statement)
    assert old.version < FEATURES[feature].since < new.version


@pytest.mark.parametrize("feature", STATEMENTS)
def test_statements(old: Server, new: Server, feature: str) -> None:
    statement, code = STATEMENTS[feature]
    with pytest.raises(NodeError) as found:
        old.run(statement)
    assert found.value.server_code == code
    new.run(f"SELECT formatQuerySingleLine({value(statement)})")
    assert old.version < FEATURES[feature].since < new.version
