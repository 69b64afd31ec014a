"""The estimate and its gate, as `ansible-playbook` runs them."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.integration.census import Client, inventory_of
from tests.integration.conftest import PLAYBOOK, ROOT
from tests.integration.playbooks import Run

BOUNDS = ("low", "expected", "upper")
NO_KEYS = {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE", "AWS_ENDPOINT_URL"}


def cost(environment: str, reports: Path, *args: str) -> subprocess.CompletedProcess[str]:
    """Run cost.yml without any key."""
    env = {name: value for name, value in os.environ.items() if name not in NO_KEYS} | {"ANSIBLE_NOCOLOR": "1"}
    command = [PLAYBOOK, "-i", f"inventories/{environment}", "playbooks/cost.yml", "-e", f"reports={reports}", *args]
    return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=300)


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The estimate of the reference inventory, and what the playbook printed."""
    reports = tmp_path_factory.mktemp("reports")
    done = cost("production", reports)
    assert done.returncode == 0, done.stdout + done.stderr
    return {**json.loads((reports / "cost-production.json").read_text()), "printed": done.stdout + done.stderr}


def test_every_line_of_the_reference_inventory_can_be_traced(reference: dict[str, Any]) -> None:
    for scenario in reference["scenarios"].values():
        assert Decimal(scenario["total"]["expected"]) > 0
        for line in scenario["lines"]:
            assert all(line[part] for part in ("service", "usage", "region", "component", "unit", "effective", "source", "what")), line
            assert line["kind"] in ("list", "proxy", "assumption")
            assert all(Decimal(tier["price"]) > 0 for tier in line["tiers"]), line
            assert any(Decimal(line["amount"][bound]) for bound in BOUNDS), line
            assert all(bool(Decimal(line["amount"][bound])) == bool(Decimal(line["quantity"][bound])) for bound in BOUNDS), line


def test_how_much_of_it_is_proxy_and_assumed_is_told(reference: dict[str, Any]) -> None:
    steady = reference["scenarios"]["steady"]
    assert {*steady["by_kind"]} == {"list", "proxy", "assumption"}
    assert sum(Decimal(amount["expected"]) for amount in steady["by_kind"].values()) == Decimal(steady["total"]["expected"])
    for kind, amount in steady["by_kind"].items():
        share = f"{100 * Decimal(amount['expected']) / Decimal(steady['total']['expected']):.1f} %"
        assert any(kind in line and share in line for line in reference["printed"].splitlines()), kind


def test_the_reference_inventory_fits_the_budget(reference: dict[str, Any]) -> None:
    assert reference["budget"]["amount"] == "16000"
    assert {name: reference["scenarios"][name]["fits"] for name in ("steady", "failover")} == {"steady": True, "failover": True}


def test_each_service_of_the_platform_is_in_it(reference: dict[str, Any]) -> None:
    steady = reference["scenarios"]["steady"]
    assert {*steady["by_region"]} == {"me-west-1", "eu-central-1", "eu-west-1", "us-east-1"}
    assert {*steady["by_service"]} >= {
        *("AmazonECS", "AmazonEC2", "AmazonRDS", "AWSELB", "AmazonVPC", "AWSDataTransfer", "AmazonCloudFront", "AmazonS3", "AWSBackup"),
        *("AmazonRoute53", "awskms", "AWSSecretsManager", "awswaf", "AmazonCloudWatch", "AWSQueueService", "AmazonSNS", "AmazonECR"),
    }


def test_old_prices_are_warned_of(reference: dict[str, Any]) -> None:
    assert all(text in " ".join(reference["printed"].split()) for text in reference["catalogue"]["stale"])


@pytest.mark.parametrize("environment", ["staging", "lab"])
def test_the_other_inventories_pass_their_gate(environment: str, tmp_path: Path) -> None:
    done = cost(environment, tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads((tmp_path / f"cost-{environment}.json").read_text())
    assert found["scenarios"][found["budget"]["scenario"]]["fits"]


def small(tmp_path: Path, **more: Any) -> tuple[str, str]:
    """Options of a run with a budget that is too small, and records of its own."""
    return "-e", json.dumps({"kc_cost_budget": 100, "kc_cost_approved": str(tmp_path / "lab.json"), **more})


def test_nothing_is_touched_beyond_the_budget(play: Callable[..., Run], client: Client, tmp_path: Path) -> None:
    approved = cost("lab", tmp_path, "-e", json.dumps({"kc_cost_approved": str(tmp_path / "lab.json"), "approve": "Layla: as it is now"}))
    assert approved.returncode == 0, approved.stdout + approved.stderr
    applications = {"kc_services_execute_command": True, "kc_network_nat": "one"}
    run = play("site.yml", *small(tmp_path, **applications))
    assert run.status != 0
    assert "The inventory may cost $" in run.output and "and the budget is $100.00. Nothing was touched." in run.output
    assert "approved by Layla" in run.output
    assert "network: AmazonEC2 NatGateway-Hours in me-west-1" in run.output, "two NAT gateways less is what differs"
    assert inventory_of(client) == {} and run.plan == []
    assert not (tmp_path / "lab.overrides.jsonl").exists()


@pytest.mark.parametrize("says", ["because", "Layla: no"])
def test_an_override_without_a_name_or_a_reason_is_none(play: Callable[..., Run], tmp_path: Path, says: str) -> None:
    run = play("playbooks/cost_gate.yml", *small(tmp_path, cost_override=says))
    assert run.status != 0
    assert "Name who decides, and why" in run.output
    assert not (tmp_path / "lab.overrides.jsonl").exists()


def test_an_override_passes_and_is_recorded(play: Callable[..., Run], tmp_path: Path) -> None:
    record = tmp_path / "lab.overrides.jsonl"
    options = small(tmp_path, cost_override="Layla: exams in May, until the end of the month")
    checked = play("playbooks/cost_gate.yml", "--check", *options)
    assert checked.status == 0, checked.output
    assert not record.exists(), "a check records nothing"
    for runs in (1, 2):
        run = play("playbooks/cost_gate.yml", *options)
        assert run.status == 0, run.output
        found = [json.loads(line) for line in record.read_text().splitlines()]
        assert len(found) == runs
    assert (found[0]["who"], found[0]["why"]) == ("Layla", "exams in May, until the end of the month")
    assert Decimal(found[0]["upper"]) > Decimal(found[0]["amount"]) == 100


def test_a_missing_price_names_sku_and_region(play: Callable[..., Run], tmp_path: Path) -> None:
    services = {
        "clickhouse": {"type": "c8g.2xlarge", "volume": {"size": 100}},
        "keeper": {"type": "m7g.large", "volume": {"size": 20}},
    }
    run = play("playbooks/cost_gate.yml", "-e", json.dumps({"kc_nodes_services": services}))
    assert run.status != 0
    assert "the catalogue has no price for AmazonEC2 BoxUsage:c8g.2xlarge in me-west-1" in run.output
