"""The gate: what may be built, what is told of what may not, and what is kept of who decided."""

from __future__ import annotations

import json
import socket
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from kc.cost import gate
from kc.cost.catalogue import catalogue
from kc.cost.table import table
from kc.errors import KcError

from tests.cost import estimated, platform
from tests.inventory import acme

AT = "2026-02-01T10:00:00+00:00"


def line(usage: str, upper: str, **more: str) -> dict[str, Any]:
    about = {"component": "nodes", "client": "", "service": "AmazonEC2", "region": "r1", "term": "on_demand", "nature": "standing", **more}
    return {**about, "usage": usage, "amount": {"low": "1.00", "expected": "2.00", "upper": upper}}


def estimate(*lines: dict[str, Any], budget: str = "1000", scenario: str = "steady") -> dict[str, Any]:
    upper = sum(Decimal(one["amount"]["upper"]) for one in lines)
    counted = {"low": "1.00", "expected": "2.00", "upper": f"{upper:.2f}"}
    about = {"counted": counted, "fits": upper <= Decimal(budget), "lines": list(lines)}
    return {"environment": "test", "budget": {"amount": budget, "scenario": scenario, "includes": []}, "scenarios": {scenario: about}}


def approved(*lines: dict[str, Any]) -> Mapping[str, Any]:
    return gate.approval(estimate(*lines), gate.reason("approve", "Layla: the budget of the year", AT))


@pytest.mark.parametrize(("upper", "passes"), [("999.99", True), ("1000.00", True), ("1000.01", False)])
def test_the_upper_bound_is_held_against_the_budget(upper: str, passes: bool) -> None:
    assert (gate.verdict(estimate(line("a", upper)), None) == "") is passes


def test_what_stops_says_how_much_and_why() -> None:
    before = approved(*(line(usage, "10.00") for usage in "abcdefg"))
    now = estimate(
        line("a", "500.00"),  # + 490
        line("b", "400.00"),  # + 390
        line("c", "300.00"),  # + 290
        line("d", "12.00"),  # + 2
        line("e", "10.00"),
        line("f", "11.00"),  # + 1, the sixth
        line("h", "20.00", client="acme", term="reserved"),  # new; and g, 10, is gone
    )
    assert gate.verdict(now, before).splitlines() == [
        "The inventory may cost $1,253.00 a month in the scenario steady ($2.00 is expected), and the budget is $1,000.00. Nothing was touched.",
        f"What differs most from the last approved estimate (approved by Layla, {AT}), in dollars a month:",
        "  +490.00  nodes: AmazonEC2 a in r1 (standing)  (10.00 before, 500.00 now)",
        "  +390.00  nodes: AmazonEC2 b in r1 (standing)  (10.00 before, 400.00 now)",
        "  +290.00  nodes: AmazonEC2 c in r1 (standing)  (10.00 before, 300.00 now)",
        "  +20.00  nodes of acme: AmazonEC2 h in r1 (standing, reserved)  (0.00 before, 20.00 now)",
        "  -10.00  nodes: AmazonEC2 g in r1 (standing)  (10.00 before, 0.00 now)",
        "Make it smaller, raise kc_cost_budget, or let it pass this once, which is recorded: -e cost_override='Name: reason'",
    ]


def test_without_an_approved_one_what_costs_most_is_told() -> None:
    told = gate.verdict(estimate(line("a", "5.00"), line("b", "2000.00")), None).splitlines()
    assert "(nothing: none is approved)" in told[1]
    assert told[2].startswith("  +2,000.00  nodes: AmazonEC2 b")


def test_another_scenario_is_compared_with_its_own() -> None:
    now = estimate(line("a", "5.00"), scenario="failover")
    assert [one.before for one in gate.deltas(now, approved(line("a", "4.00")))] == [Decimal(0)]


@pytest.mark.parametrize(
    "text", ["", "just because it is needed", "Layla:", "Layla: why not", ": for a good reason", "  : for a good reason"]
)
def test_a_reason_has_a_name_and_says_something(text: str) -> None:
    with pytest.raises(KcError, match="Name who decides, and why: -e cost_override='Name:"):
        gate.reason("cost_override", text, AT)


def test_a_reason() -> None:
    found = gate.reason("approve", " Layla Haddad: exams in May, see the minutes: 12 ", AT)
    assert (found.who, found.why, found.at) == ("Layla Haddad", "exams in May, see the minutes: 12", AT)


def test_what_is_recorded_of_an_override() -> None:
    text = gate.overridden(estimate(line("a", "2000.00")), gate.reason("cost_override", "Layla: exams in May", AT))
    assert text.endswith("}\n") and text.count("\n") == 1
    about = {"who": "Layla", "why": "exams in May", "at": AT, "amount": "1000", "scenario": "steady", "includes": [], "upper": "2000.00"}
    assert json.loads(text) == about


def test_an_approved_estimate_is_read_as_it_was_written(tmp_path: Path) -> None:
    file = tmp_path / "test.json"
    assert gate.read(file) is None
    written = approved(line("a", "4.00"))
    file.write_text(gate.written(written))
    assert gate.read(file) == written


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"approved": 1}', '{"approved": {"who": "L", "at": "now"}, "scenarios": []}'])
def test_a_file_that_holds_something_else(tmp_path: Path, text: str) -> None:
    (tmp_path / "test.json").write_text(text)
    with pytest.raises(KcError, match="holds no approved estimate"):
        gate.read(tmp_path / "test.json")


def test_an_estimate_asks_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every line of the toolkit's own catalogue, for a client too, without network and without a key."""

    def refuse(*args: Any, **options: Any) -> None:
        raise AssertionError("somebody was asked")

    for name in ("connect", "connect_ex", "sendto"):
        monkeypatch.setattr(socket.socket, name, refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    for name in ("AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name, raising=False)
    found = estimated(platform(acme()), catalogue())
    assert all(Decimal(scenario["total"]["low"]) > 0 for scenario in found["scenarios"].values())
    assert found["catalogue"]["stale"] != [], "some of its prices are from 2021"


def test_the_table_shows_every_part() -> None:
    found = estimated(platform(acme()), catalogue())
    shown = "\n".join(table(found))
    for scenario in ("steady", "peak", "failover", "active_active"):
        assert f"{Decimal(found['scenarios'][scenario]['total']['upper']):,.2f}" in shown
    for part in ("by_service", "by_region", "by_component", "by_client", "by_kind"):
        assert all(f"\n{name} " in shown for name in found["scenarios"]["steady"][part]), part
