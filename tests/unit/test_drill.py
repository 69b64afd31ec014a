"""What a drill has shown: the times add up from the loss on, and what is missing is compared with what was said to be lost."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from kc.errors import KcError
from kc.runbook import drilling
from kc.runbook.drill import drill

from tests.loading import loaded

FACTS = {
    "replica": {"found": [{"lag": {"seconds": 16.4, "beat": "2026-01-31T20:59:59.600000+00:00"}}]},
    "promote": {"promoted": [{"lost_count": None, "waited": 9.5}]},
    "roles": {"waited": 12.0, "calls": []},
}
STEPS = [
    ("confirm", "detect", 1, 5),
    ("replica", "decide", 6, 7),
    ("promote", "execute", 8, 20),
    ("roles", "execute", 20, 34),
    ("verify", "verify", 35, 40),
]
FAILOVER: dict[str, Any] = {
    "epoch": 3,
    "book": "failover",
    "outcome": "completed",
    "opened": "2026-01-31T21:00:10.000+00:00",
    "seconds": 41.0,
    "arguments": {"from": "me-west-1", "to": "eu-central-1"},
    "spells": [{"name": name, "part": part, "begin": begin, "end": end, "facts": FACTS.get(name, {})} for name, part, begin, end in STEPS],
}
LOST_AT = 1769893200.0  # 2026-01-31T21:00:00Z


def failback(*counts: int) -> dict[str, Any]:
    facts = {"exported": [{"count": count} for count in counts]}
    return {"epoch": 4, "book": "failback", "outcome": "completed", "spells": [{"name": "count", "facts": facts}]}


def users(missing: list[str], written: list[str]) -> dict[str, Any]:
    regions = [{"region": "me-west-1", "first": LOST_AT - 60}, {"region": "eu-central-1", "first": LOST_AT + 44.5}]
    check = {"acknowledged": len(written), "missing": [{"id": each} for each in missing]}
    return {"kinds": {"write": {"gap": {"seconds": 44.9}}}, "regions": regions, "check": check, "written": written}


def row(learner: str) -> dict[str, Any]:
    return {"gtid": "u:1", "table": "enrolments", "kind": "insert", "values": {"id": 7, "learner": learner}}


def test_times_add_up_from_the_loss_on() -> None:
    made = drill(FAILOVER, failback(), LOST_AT, users([], ["a"]), [])
    assert made.parts == {"detect": 15.0, "decide": 2.0, "execute": 27.0, "propagate": 0.0, "verify": 6.0}
    assert sum(made.parts.values()) == 50.0, "ten seconds before the run was opened, and forty until its last step"
    assert (made.run, made.own, made.users, made.gap, round(made.behind or 9, 3)) == (41.0, 19.5, 44.5, 44.9, 0.4)
    assert "RTO 50.0 s: detect 15.0" in made.lines[0]


@pytest.mark.parametrize(
    ("missing", "exported", "unforeseen", "there"),
    [
        ([], [], (), ()),
        (["b"], ["b"], (), ()),
        (["b"], ["b", "never acknowledged"], (), ()),
        (["b"], [], ("b",), ()),
        ([], ["a"], (), ("a",)),
    ],
)
def test_what_is_missing_is_what_was_said(missing: list[str], exported: list[str], unforeseen: tuple[str], there: tuple[str]) -> None:
    made = drill(FAILOVER, failback(len(exported)), LOST_AT, users(missing, ["a", "b"]), map(row, exported))
    assert (made.missing, made.unforeseen, made.there, made.transactions) == (tuple(missing), unforeseen, there, len(exported))
    assert made.agrees is not bool(unforeseen or there)
    assert made.lines[-1].startswith("NOT as it was said") is not made.agrees


def test_a_run_that_is_not_over_is_no_drill() -> None:
    with pytest.raises(KcError, match=r"run 4 \(failback\) is under way"):
        drill(FAILOVER, {**failback(), "outcome": "under way"}, LOST_AT, users([], []), [])


def act(**params: Any) -> dict[str, Any]:
    action = loaded("plugins/action/kc_drill.py").ActionModule
    plugin = action.__new__(action)
    return dict(plugin.act(params, check=False))


def test_it_is_put_together_from_files(tmp_path: Path) -> None:
    reports, load = tmp_path / "reports", tmp_path / "load"
    for each in (reports, load):
        each.mkdir()
    told = users(["b"], [])
    del told["written"]
    (load / "drill.report.json").write_text(json.dumps(told))
    lines = [
        {"began": 1},
        *({"kind": "write", "id": each, "sent": 1, "acked": 2} for each in "ab"),
        {"kind": "write", "id": "c", "failed": 2},
    ]
    (load / "drill.jsonl").write_text("\n".join(map(json.dumps, lines)))
    asked = {"do": "report", "directory": str(reports), "lost": "me-west-1", "users": str(load / "drill.report.json")}
    with pytest.raises(KcError, match="no drill of me-west-1 is under way"):
        act(**asked)
    drilling.note(reports, "me-west-1", 2, {"lost_at": LOST_AT})
    with pytest.raises(KcError, match="there is no report of a failover in"):
        act(**asked)
    (reports / "000003-failover.json").write_text(json.dumps(FAILOVER))
    (reports / "000004-failback.json").write_text(json.dumps(failback(2)))
    (reports / "000004-kc-lab-main-lost.jsonl").write_text("\n".join(json.dumps(row(each)) for each in "bc"))
    done = act(**asked)
    assert "failed" not in done and done["drill"]["missing"] == ["b"] and done["drill"]["transactions"] == 2
    assert [Path(path).name for path in done["files"]] == ["000003-drill.json", "000003-drill.md"]
    assert (reports / "000003-drill.md").read_text().startswith("# Drill\n\n- RTO 50.0 s")
    assert drilling.far(reports, "me-west-1")["stage"] == 0, "it is over"
    drilling.note(reports, "me-west-1", 6, {"lost_at": LOST_AT})
    (reports / "000004-kc-lab-main-lost.jsonl").write_text(json.dumps(row("a")))
    assert "lost and not exported ['b']; exported and there ['a']" in act(**asked)["msg"]


def test_a_drill_that_was_broken_off_is_where_it_was(tmp_path: Path) -> None:
    here = tmp_path / "reports"

    def did(do: str, **more: Any) -> tuple[int, dict[str, Any]]:
        found = act(do=do, directory=str(here), **{"lost": "me-west-1", "stage": 0, "known": {}, **more})
        return found["stage"], found["known"]

    assert did("look") == (0, {})
    assert did("note", stage=2, known={"lost_at": 1.5}) == (2, {"lost_at": 1.5})
    assert did("note", known={"lost_at": 9.0, "before": 4}) == (2, {"lost_at": 1.5, "before": 4}), "the first moment counts"
    assert did("note", stage=5) == did("look") == (5, {"lost_at": 1.5, "before": 4})
    with pytest.raises(KcError, match="a drill of me-west-1 is under way"):
        did("note", lost="eu-central-1", stage=1)
    (here / drilling.FILE).write_text("{")
    with pytest.raises(KcError, match="can't be read"):
        did("look")
