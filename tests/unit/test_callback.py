"""The summary that the callback shows."""

from __future__ import annotations

from typing import Any

import pytest
from kc.summary import Begun, Done, Task, begun_lines, document, phase_of, plan_lines, standing_lines, table, time_lines, unit_seconds


def entry(action: str, name: str, region: str = "me-west-1", kind: str = "subnet") -> dict[str, Any]:
    return {"action": action, "kind": kind, "name": name, "region": region, "before": None, "after": {"value": "hidden-77-xq"}}


def done(unit: str = "network", host: str = "me-west-1", check: bool = False, failed: bool = False, **result: Any) -> Done:
    return Done(unit, host, check, {"plan": [], "outputs": {}, "standing": {}, "kept": [], **result}, failed, phase="Foundation")


def text(lines: Any) -> str:
    return "\n".join(line.text for line in lines)


PLAN = [entry("create", "a"), entry("create", "b"), entry("update", "c"), entry("delete", "d", "eu-central-1")]


@pytest.mark.parametrize(
    ("runs", "shown"),
    [
        ([done(check=True)], "Plan: what would be done (check mode, nothing was touched): nothing to change\n"),
        ([done()], "Done: nothing to change\n"),
        (
            [done(check=True, plan=PLAN)],
            "Plan: what would be done (check mode, nothing was touched)\n"
            "  unit     region        create  change  replace  delete\n"
            "  network  eu-central-1       -       -        -       1\n"
            "  network  me-west-1          2       1        -       -\n"
            "  total                       2       1        0       1\n",
        ),
        (
            [done(plan=PLAN[:2]), done("keys", plan=[entry("replace", "k", kind="key")])],
            "Done\n"
            "  unit     region     create  change  replace  delete\n"
            "  keys     me-west-1       -       -        1       -\n"
            "  network  me-west-1       2       -        -       -\n"
            "  total                    2       0        1       0\n",
        ),
        (
            [
                done(
                    plan=PLAN[:2],
                    failed=True,
                    errors=[{"message": "subnet b (me-west-1): ec2:create_subnet answered Nope", "hint": "ask"}],
                    applied=["create subnet a (me-west-1)"],
                )
            ],
            "Done\n"
            "  unit     region     create  change  replace  delete\n"
            "  network  me-west-1       1       -        -       -\n"
            "  total                    1       0        0       0\n"
            "\n"
            "Failed: network on me-west-1\n"
            "  subnet b (me-west-1): ec2:create_subnet answered Nope\n"
            "     -> ask\n"
            "  1 done before it, 1 not done; run again to go on:\n"
            "    create subnet a (me-west-1)\n",
        ),
        (
            [done(failed=True, msg="no AWS credentials were found.", applied=[])],
            "Done: nothing before the failure\n\nFailed: network on me-west-1\n  no AWS credentials were found.\n",
        ),
        (
            [done(kept=["bucket kc-lab-media (me-west-1)"]), done(host="eu-central-1", kept=["bucket kc-lab-media (me-west-1)"])],
            "Done: nothing to change\n\nKept, because it holds data (`data: delete` deletes it)\n  bucket kc-lab-media (me-west-1)\n",
        ),
    ],
)
def test_plan(runs: list[Done], shown: str) -> None:
    assert text(plan_lines(runs)) == shown


@pytest.mark.parametrize(("plan", "first"), [([], "Done: no resource to change\n"), (PLAN[:1], "Done\n")])
def test_what_tasks_changed_that_are_no_units_is_told_too(plan: list[dict[str, Any]], first: str) -> None:
    tasks = [Task("Accounts", "keeper-1", False), Task("Accounts", "keeper-2", False), Task("Files", "keeper-1", True)]
    tasks += [Task("Settings", f"keeper-{number}", False) for number in range(5)]
    shown = text(plan_lines([done(plan=plan)], tasks=tasks))
    assert shown.startswith(first)
    assert "  on nodes and in databases\n    Accounts: keeper-1, keeper-2\n    Settings: 5 hosts\n" in shown
    assert "Files" not in shown, "it was only planned"


def test_nothing_is_called_done_where_a_task_has_failed_that_is_no_unit_s() -> None:
    assert text(plan_lines([done()], failed=True)) == "Done: nothing before the failure\n"


def test_plan_and_done_are_told_apart() -> None:
    shown = text(plan_lines([done(check=True, plan=PLAN), done("keys", plan=PLAN[:1])]))
    assert shown.index("Plan: what would be done") < shown.index("Done\n")
    assert shown.count("  total") == 2


@pytest.mark.parametrize(
    ("runs", "shown"),
    [
        ([done()], "What stands where: nothing\n"),
        (
            [
                done(
                    standing={"vpc": 1, "route_table": 2},
                    outputs={"vpc": {"kc-lab": {"id": "vpc-1", "region": "me-west-1"}}, "route_table": {}},
                ),
                done("parameters", standing={"state": 1}, outputs={"state": {"role": {"id": "role", "region": "me-west-1"}}}),
            ],
            "What stands where\n"
            "  network     me-west-1  route table 2, vpc 1\n"
            "                         vpc vpc-1\n"
            "  parameters  me-west-1  state 1\n",
        ),
        # a unit in two regions, told by its outputs; two hosts of one region add up; the last run of a host counts
        (
            [
                done("peering", standing={"peering": 7}),
                done("peering", standing={"routes": 2}, outputs={"routes": {"x": {"region": "me-west-1"}, "y": {"region": "eu-west-1"}}}),
                done("peering", "eu-west-1", standing={"routes": 3}),
            ],
            "What stands where\n  peering  eu-west-1  routes 4\n  peering  me-west-1  routes 1\n",
        ),
    ],
)
def test_standing(runs: list[Done], shown: str) -> None:
    assert text(standing_lines(runs)) == shown


def test_time() -> None:
    runs = [done(), done(host="eu-central-1"), done("keys")]
    for run, (started, ended) in zip(runs, [(1.0, 3.0), (2.0, 5.5), (6.0, 6.5)], strict=True):
        run.started, run.ended = started, ended
    assert unit_seconds(runs, "Foundation") == {"network": 4.5, "keys": 0.5}
    assert text(time_lines({"Preflight": 0.5, "Foundation": 7.0}, runs)) == (
        "Time\n  Preflight   0.5 s\n  Foundation  7.0 s   network 4.5, keys 0.5\n  total       7.5 s\n"
    )


@pytest.mark.parametrize("width", [60, 79, 100])
def test_nothing_is_wider_than_the_terminal(width: int) -> None:
    long = [entry("create", f"subnet-number-{index}") for index in range(60)]
    failed = done(
        plan=long,
        failed=True,
        applied=[f"create subnet subnet-number-{index} (me-west-1)" for index in range(30)],
        errors=[{"message": "the AWS API answered at length " * 8, "hint": "do this and that " * 12}],
        standing={f"kind_{index}": index for index in range(40)},
        kept=[f"bucket number-{index}" for index in range(40)],
    )
    lines = [*plan_lines([failed], width), *standing_lines([failed], width), *time_lines({"Foundation": 1.0}, [failed], width)]
    assert max(len(line.text) for line in lines) <= width


def test_values_are_not_shown() -> None:
    runs = [done(plan=PLAN, failed=True, applied=["create subnet a (me-west-1)"])]
    assert "hidden-77-xq" not in text([*plan_lines(runs), *standing_lines(runs)])


def test_no_control_codes() -> None:
    runs = [done(plan=PLAN, standing={"vpc": 1})]
    assert (text([*plan_lines(runs), *standing_lines(runs), *time_lines({"Foundation": 1.0}, runs)]).replace("\n", "")).isprintable()


@pytest.mark.parametrize(
    ("play", "phase"),
    [
        ("Foundation | regions", "Foundation"),
        ("Foundation", "Foundation"),
        ("(2/7) Fence: old primary", "(2/7) Fence"),
        ("re-read me", "re-read me"),
    ],
)
def test_phase(play: str, phase: str) -> None:
    assert phase_of(play) == phase


def test_table_of_one_row() -> None:
    assert table([["a", "bb", "3"]], left=2) == ["  a  bb  3"]


def test_document() -> None:
    failed = done(plan=PLAN[:2], failed=True, applied=["create subnet a (me-west-1)"], errors=[{"message": "m"}])
    data = document([failed, done(check=True, plan=PLAN[2:3])], {"Foundation": 1.23456})
    assert [(run["check"], run["failed"], run["applied"]) for run in data["runs"]] == [
        (False, True, ["create subnet a (me-west-1)"]),
        (True, False, []),
    ]
    assert data["totals"] == [
        {"unit": "network", "region": "me-west-1", "check": True, "create": 0, "update": 1, "replace": 0, "delete": 0},
        {"unit": "network", "region": "me-west-1", "check": False, "create": 1, "update": 0, "replace": 0, "delete": 0},
    ]
    assert data["phases"] == {"Foundation": 1.235}


def test_a_unit_in_the_background_counts_in_the_phase_where_it_began() -> None:
    background = Begun("mysql", "me-west-1", "Databases", 10.0).done({"plan": PLAN[:1], "standing": {}}, False, 900.0)
    runs = [Done("nodes", "me-west-1", False, {"plan": []}, False, "Databases", 10.0, 12.0), background]
    assert unit_seconds(runs, "Databases") == {"nodes": 2.0, "mysql in the background": 900.0}
    assert "nodes 2.0, mysql in the background 900.0" in text(time_lines({"Databases": 2.5, "Compute": 899.0}, runs))
    assert [run["background"] for run in document(runs, {})["runs"]] == [False, True]


def test_what_nobody_has_waited_for_is_told() -> None:
    assert begun_lines([]) == []
    shown = text(begun_lines([Begun("mysql", "me-west-1", "Databases", 0.0)]))
    assert shown.startswith("Works on in the background: mysql on me-west-1.")
