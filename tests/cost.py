"""What tests of the estimate share: a small inventory with round assumptions, and prices that are made up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from typing import Any

from kc.cost.catalogue import Catalogue
from kc.cost.model import Price, Sku, Tier
from kc.cost.report import estimate
from kc.inventory import Host

from tests.inventory import COMMON, MODULES, hosts

TODAY = date(2026, 2, 1)

# round numbers, so that a figure can be worked out by hand
USAGE: dict[str, Any] = {
    "viewer_gb": 1000,
    "viewer_requests": 10000000,
    "upload_gb": 100,
    "origin_requests": 1000000,
    "task_load": [0, 0.5, 1],
    "task_loads": {},
    "spot": [1, 0.5, 0],
    "warm": 0.1,
    "peak_hours": 73,
    "peak_growth": 2,
    "balancer_lcus": 1,
    "nat_gb": 100,
    "internet_gb": 10,
    "cross_zone_gb": 100,
    "endpoint_gb": 100,
    "insert_gb": 10,
    "fill": 0.5,
    "change": 0.01,
    "image_gb": 10,
    "buckets": {"default": {"gb": 1024, "new_gb": 100, "object_mb": 1, "reads": 1000000}},
    "tiers": {"FA": 0.5, "IA": 0.25, "AIA": 0.25},
    "task_log_gb": 1,
    "database_log_gb": 1,
    "waf_log_gb": 1,
    "flow_log_gb": 10,
    "insights": {"cluster": 10, "service": 10, "task": 10, "basic": 5},
    "dns_queries": 1000000,
    "key_requests": 1000000,
    "secret_requests": 10000,
    "queue_requests": 1000000,
    "notices": 1000,
}
COST: dict[str, Any] = {
    "kc_cost_budget": 5000,
    "kc_cost_scenario": "steady",
    "kc_cost_includes": [],
    "kc_cost_vat": 15,
    "kc_cost_support": {"0": 10, "1000": 7},
    "kc_cost_stale_days": 400,
    "kc_cost_purchases": {"database": "on_demand", "task": "on_demand"},
    "kc_cost_shares": {"others": 9},
    "kc_cost_users": 1,
    "kc_cost_usage": USAGE,
}


@dataclass(frozen=True)
class Priced(Catalogue):
    """A catalogue in which everything has a price: a dollar, where the test says nothing else."""

    own: Mapping[str, str] = field(default_factory=dict)

    def price(self, sku: Sku) -> Price:
        given = self.own.get(f"{sku.usage} {sku.region}", self.own.get(sku.usage, "1"))
        return replace(ONE, sku=sku, tiers=(Tier(Decimal(0), Decimal(given)),))


ONE = Price(Sku("", "", ""), "Units", (Tier(Decimal(0), Decimal(1)),), "list", TODAY, "made up")


def priced(**own: str) -> Priced:
    """Return a catalogue with some prices of its own, by usage type, or usage type and region."""
    return Priced({ONE.sku: ONE}, {}, own)


def platform(*more: Host, **changed: Any) -> list[Host]:
    """Return the small inventory, with variables of the estimate, and `changed` ones everywhere."""
    return [replace(host, values={**host.values, **COST, **changed}) for host in (*hosts(), *more) if "nodes" not in host.groups]


def estimated(given: Sequence[Host], catalogue: Catalogue | None = None) -> dict[str, Any]:
    """Return the estimate of hosts."""
    return estimate(given, MODULES, catalogue or priced(), TODAY)


Row = tuple[str, str, str, str, str, str]
"""What tells a line from others: unit, client, nature, usage type, region, term."""


def rows(found: Mapping[str, Any], scenario: str = "steady", of: str = "amount") -> dict[Row, tuple[Decimal, Decimal, Decimal]]:
    """Return the lines of a scenario: their amounts, or quantities, at best, as expected, at worst."""
    return {
        (*(line[part] for part in ("component", "client", "nature", "usage", "region", "term")),): tuple(  # type: ignore[misc]
            Decimal(line[of][bound]) for bound in ("low", "expected", "upper")
        )
        for line in found["scenarios"][scenario]["lines"]
    }


def changes(before: Mapping[Row, Any], after: Mapping[Row, Any]) -> dict[Row, tuple[Any, Any]]:
    """Return the rows that differ, each with what it was and what it is; None where there was none."""
    return {row: (before.get(row), after.get(row)) for row in {*before, *after} if before.get(row) != after.get(row)}


def application(**changed: Any) -> dict[str, Any]:
    """Return the variable of the applications, with its only one changed."""
    return {"kc_applications": {"api": {**COMMON["kc_applications"]["api"], **changed}}}
