"""Transactions that only one server has are exported from its binary log, each change once and as it was."""

from __future__ import annotations

import hashlib
import json
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from kc.mysql import gtid, lost
from kc.mysql.connection import Server

from tests.mysql.acts import Go


@pytest.fixture
def before(ready: list[Server]) -> str:
    ready[0].run("CREATE TABLE app.people (id INT PRIMARY KEY, name VARCHAR(40), photo BLOB, paid DECIMAL(8, 2), at DATETIME(3))")
    ready[0].run("INSERT INTO app.people VALUES (1, 'ليلى', x'00ff', 12.50, '2026-11-30 03:00:00.125'), (2, 'Omar', NULL, NULL, NULL)")
    return gtid.executed(ready[0])


@pytest.fixture
def told(ready: list[Server]) -> Iterator[None]:
    """The binary log has names and types of columns, as the platform's has."""
    ready[0].run("SET GLOBAL binlog_row_metadata = FULL")
    yield
    ready[0].run("SET GLOBAL binlog_row_metadata = MINIMAL")


def written(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_what_was_changed_is_written_down(go: Go, ready: list[Server], before: str, told: None, tmp_path: Path) -> None:
    first, path = ready[0], tmp_path / "reports" / "lost.jsonl"
    for statement in (
        "INSERT INTO app.people VALUES (3, 'Nour', x'01', 7, '2026-11-30 03:00:01')",
        "UPDATE app.people SET paid = paid + 1 WHERE id IN (1, 3)",
        "ALTER TABLE app.people ADD note TEXT",
        "DELETE FROM app.people WHERE id = 2",
    ):
        first.run(statement)
    wanted = gtid.subtract(first, gtid.executed(first), before)
    done = go(lost.work, database="kc", host=str(first.node), transactions=wanted, file=str(path))
    lines = [line for line in written(path) if "people" in line.get("table", line.get("statement", ""))]
    assert [line["kind"] for line in lines] == ["insert", "update", "update", "statement", "delete"]
    assert lines[3]["statement"] == "ALTER TABLE app.people ADD note TEXT"
    person = {"id": 1, "name": "ليلى", "photo": {"base64": "AP8="}, "paid": "12.50", "at": "2026-11-30 03:00:00.125000"}
    assert lines[1]["before"] == person and lines[1]["after"] == {**person, "paid": "13.50"}
    assert lines[-1]["values"] == {"id": 2, "name": "Omar", "photo": None, "paid": None, "at": None, "note": None}
    assert gtid.normal(",".join({line["gtid"] for line in written(path)})) == wanted
    assert (done["about"]["transactions"], done["about"]["count"]) == (wanted, gtid.count(wanted))
    assert gtid.count(done["about"]["others"]) == 4, "its heart has beaten meanwhile, or not"
    assert done["about"]["digest"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600 and [*path.parent.iterdir()] == [path]
    assert go(lost.work, database="kc", host=str(first.node), transactions=wanted, file=str(path))["changed"] is False


def test_without_types_in_the_log_it_says_what_is_missing(go: Go, ready: list[Server], before: str, tmp_path: Path) -> None:
    first, path = ready[0], tmp_path / "lost.jsonl"
    first.run("INSERT INTO app.people VALUES (3, 'Nour', x'fe', 7, NULL)")
    wanted = gtid.subtract(first, gtid.executed(first), before)
    done = go(lost.work, database="kc", host=str(first.node), transactions=wanted, file=str(path))
    assert "does not tell columns' names and types" in done["warnings"][0]
    found = [line["values"] for line in written(path) if line.get("table") == "people"]
    assert found == [{"id": 3, "name": "Nour", "photo": "", "paid": "7.00", "at": None}]


def test_others_are_left_out(go: Go, ready: list[Server], before: str, tmp_path: Path) -> None:
    first = ready[0]
    first.run("INSERT INTO app.people (id) VALUES (4)")
    until = gtid.executed(first)
    first.run("INSERT INTO app.people (id) VALUES (5)")
    uuid = first.one("SELECT @@server_uuid")
    last = gtid.parse(until)[uuid][-1][1]
    go(lost.work, database="kc", host=str(first.node), transactions=f"{uuid}:{last}", file=str(tmp_path / "lost.jsonl"))
    assert {line["gtid"] for line in written(tmp_path / "lost.jsonl")} == {f"{uuid}:{last}"}


def test_what_is_written_while_it_reads_is_left_out(
    go: Go, ready: list[Server], before: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, path, ask = ready[0], tmp_path / "lost.jsonl", gtid.executed
    first.run("INSERT INTO app.people (id) VALUES (4)")
    wanted = gtid.subtract(first, ask(first), before)

    def asked(server: Server) -> str:
        has = ask(server)
        first.run("INSERT INTO app.orders VALUES (1)")
        return has

    monkeypatch.setattr(gtid, "executed", asked)
    go(lost.work, database="kc", host=str(first.node), transactions=wanted, file=str(path))
    assert gtid.normal(",".join({line["gtid"] for line in written(path)})) == wanted


def test_what_it_can_not_export_it_says(go: Go, ready: list[Server], before: str, tmp_path: Path) -> None:
    first, path = ready[0], tmp_path / "lost.jsonl"
    uuid = first.one("SELECT @@server_uuid")
    give = {"host": str(first.node), "file": str(path)}
    assert f"has not executed {uuid}:999999" in go(lost.work, database="kc", fails=True, transactions=f"{uuid}:999999", **give)["msg"]
    assert "is no set of transactions" in go(lost.work, database="kc", fails=True, transactions="all", **give)["msg"]
    first.run("FLUSH BINARY LOGS")
    first.run("PURGE BINARY LOGS BEFORE NOW() + INTERVAL 1 DAY")
    assert "binary log no longer has" in go(lost.work, database="kc", fails=True, transactions=f"{uuid}:1", **give)["msg"]
    assert not path.exists()


def test_a_beat_is_nobodys_loss(go: Go, ready: list[Server], tmp_path: Path) -> None:
    first, path = ready[0], tmp_path / "lost.jsonl"
    before = gtid.executed(first)
    first.run("UPDATE kc.heartbeat SET at = NOW(6)")
    beaten = gtid.executed(first)
    first.run("INSERT INTO app.orders VALUES (1)")
    order = gtid.subtract(first, gtid.executed(first), beaten)
    wanted = gtid.subtract(first, gtid.executed(first), before)
    done = go(lost.work, database="kc", host=str(first.node), transactions=wanted, file=str(path))
    kinds = {line["gtid"]: line["table"] for line in written(path) if "table" in line}
    assert done["about"]["count"] == len({line["gtid"] for line in written(path)}) >= 2
    assert {"orders", "heartbeat"} == {*kinds.values()}
    others = gtid.parse(done["about"]["others"])
    assert gtid.within(first, done["about"]["others"], order) and others, "what changed the application's tables is somebody's"
