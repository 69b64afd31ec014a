"""A server's own BACKUP, on a current engine: it makes and restores backups on a disk, and parses what is sent for S3."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from kc.backup.store import Store
from kc.clickhouse import backup_sql as sql
from kc.clickhouse.backup import work
from kc.clickhouse.backup_manifest import SHELF
from kc.clickhouse.cluster import Cluster
from kc.clickhouse.entry import Report
from kc.clickhouse.quote import value
from kc.errors import KcError

from lab.settings import Settings
from tests.clickhouse.engine import Engine

LAB = Settings.load()
URL = "https://kc-lab-backups-1-me-west-1.s3.me-west-1.amazonaws.com/clickhouse/platform/native"

Go = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def disk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("backups")


@pytest.fixture(scope="module")
def engine(disk: Path) -> Iterator[Engine]:
    found = Engine(f"<backups><allowed_path>{disk}</allowed_path></backups>")
    yield found
    found.connection.close()


@pytest.fixture
def backup(engine: Engine, disk: Path, aws_api: str, monkeypatch: pytest.MonkeyPatch) -> Go:
    """Return a function that runs the module; the engine's backups are on disk, since it reaches no S3, and manifests in S3."""
    keys = {"aws_access_key_id": LAB.access_key, "aws_secret_access_key": LAB.secret_key}
    s3 = boto3.client("s3", region_name="me-west-1", endpoint_url=aws_api, **keys)
    s3.create_bucket(Bucket="kc-lab-backups-1-me-west-1", CreateBucketConfiguration={"LocationConstraint": "me-west-1"})
    monkeypatch.setattr(sql, "s3", lambda url: f"File({value(str(disk / url.removeprefix(URL).strip('/')))})")
    aws = {"endpoint_url": aws_api, "access_key_id": LAB.access_key, "secret_access_key": LAB.secret_key}
    common = {"aws": aws, "bucket": "kc-lab-backups-1-me-west-1", "region": "me-west-1", "prefix": "clickhouse/platform", "host": "engine"}
    more = {"port": 9440, "databases": ["courses"], "keep": 2, "increments": 2, "backup": "", "data": "keep", "cluster": None, "wait": 60}

    def go(state: str = "made", check: bool = False, **params: Any) -> dict[str, Any]:
        report = Report(check=check)
        work(Cluster([engine]), {**common, **more, "state": state, **params}, report)
        return report.result()

    return go


def test_backups_build_on_a_whole_one(backup: Go, engine: Engine) -> None:
    engine.run("CREATE DATABASE courses")
    engine.run("CREATE TABLE courses.t (x UInt64, s Nullable(String)) ENGINE = MergeTree ORDER BY x")
    made = []
    for round_ in range(4):
        engine.run(f"INSERT INTO courses.t SELECT {round_}, NULL FROM numbers(10)")
        planned = backup(check=True)
        assert planned["backup"] is None
        done = backup()
        (step,) = done["statements"]
        assert step["statement"].startswith("BACKUP DATABASE `courses` TO File(")
        made.append(done["backup"])
    names = [each["name"] for each in made]
    assert [each["base"] for each in made] == ["", names[0], names[0], ""]
    # the newest two stay, and the one that the older of them builds on
    assert done["gone"] == [names[1]]
    assert [each["name"] for each in backup("listed")["backups"]] == [names[0], *names[2:]]

    with pytest.raises(KcError, match="already contains some data"):
        backup("restored")
    with pytest.raises(KcError, match="RESTORE replaces nothing that a table holds"):
        backup("restored", data="replace")
    for name, rows in ((names[2], 30), (names[3], 40)):
        engine.run("DROP DATABASE courses SYNC")
        assert [step["node"] for step in backup("restored", backup=name, check=True)["statements"]] == ["engine:9440"]
        back = backup("restored", backup=name)
        assert back["tables"]["courses.t"]["rows"] == rows == engine.one("SELECT count() FROM courses.t")


@pytest.mark.parametrize("cluster", [None, "platform"])
@pytest.mark.parametrize("database", ["courses", "it's `a`\n"])
def test_what_is_sent_for_s3_is_what_the_engine_parses(engine: Engine, cluster: str | None, database: str) -> None:
    store = Store(None, "bucket", "/clickhouse/it's/", SHELF)  # type: ignore[arg-type]
    store.aws = type("Here", (), {"region": "me-west-1"})()
    place = sql.s3(store.url("native", "20260101T000000Z"))
    assert place == r"S3('https://bucket.s3.me-west-1.amazonaws.com/clickhouse/it\'s/native/20260101T000000Z')"
    for statement in (
        sql.backup([database, "b"], cluster, place),
        sql.backup([database], cluster, place, place),
        sql.restore([database, "b"], cluster, place),
    ):
        parsed = str(engine.one(f"SELECT formatQuerySingleLine({value(statement)})"))
        assert ("ON CLUSTER platform" in parsed) is bool(cluster)
        assert ("base_backup" in parsed) is ("base_backup" in statement)


def test_what_older_servers_do_is_parsed_too(engine: Engine) -> None:
    table = ("it's `a`", "b\n")
    create = "CREATE TABLE x.y ( a UInt8, `b\\`` String) ENGINE = ReplicatedMergeTree('/p', '{replica}') ORDER BY a SETTINGS index_granularity = 8192"
    statements = [
        sql.freeze(*table),
        sql.contents(*table, ["a", "b`\n"]),
        sql.contents(*table, ["a"], by=sql.PARTITION),
        sql.rows_by_partition(*table),
        sql.columns(*table),
        sql.beside(*table, create, sql.FROZEN),
        sql.beside(*table, "CREATE TABLE x.y (a UInt8) ENGINE = MergeTree ORDER BY a", sql.FROZEN),
        *(make(*table, "20'26") for make in (sql.attach, sql.detach, sql.replace, sql.remove)),
        sql.drop(*table, engine.version),
    ]
    for statement in statements:
        engine.one(f"SELECT formatQuerySingleLine({value(statement)})")
