"""A small estimate, as docs/cost.md describes it: for what shows estimates, where the figures are no matter."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple

from kc.cost.model import HOURS, Bounds, Line, Price, PriceKind, Sku, Term, Tier
from kc.cost.report import Terms, summed

HOME, OTHER = "me-west-1", "eu-central-1"
NODE = "BoxUsage:r7g.2xlarge"


class Row(NamedTuple):
    """What a line is made of; its amounts are its quantity times its price."""

    service: str
    usage: str
    region: str
    price: str
    quantity: tuple[int, int, int]
    component: str
    client: str = ""
    kind: PriceKind = "list"
    term: Term = "on_demand"
    stranded: bool = False


def hours(low: int, expected: int = 0, upper: int = 0) -> tuple[int, int, int]:
    """Return pieces that run all month."""
    return (int(HOURS) * low, int(HOURS) * (expected or low), int(HOURS) * (upper or expected or low))


STEADY = (
    Row("AmazonEC2", NODE, HOME, "0.50", hours(3), "nodes", kind="proxy"),
    Row("AmazonEC2", NODE, OTHER, "0.50", hours(1), "nodes", term="reserved", kind="assumption"),
    Row("AmazonEC2", NODE, HOME, "0.50", hours(1), "nodes", client="acme", kind="proxy"),
    Row("AmazonRDS", "Multi-AZUsage:db.r6g.2xl", HOME, "2.00", hours(1), "mysql", kind="proxy"),
    Row("AmazonECS", "Fargate-ARM-vCPU-Hours:perCPU", HOME, "0.05", hours(20, 30, 60), "services"),
    Row("AmazonECS", "Fargate-ARM-vCPU-Hours:perCPU", OTHER, "0.05", hours(8, 8, 16), "services"),
    Row("AWSDataTransfer", "DataTransfer-Out-Bytes", HOME, "0.11", (5000, 9000, 15000), "edge", kind="assumption"),
    Row("AmazonRoute53", "DNS-Queries", "us-east-1", "0.0000004", (1_000_000, 2_000_000, 4_000_000), "dns"),
)
FAILOVER = (
    Row("AmazonEC2", NODE, OTHER, "0.50", hours(4), "nodes"),
    Row("AmazonEC2", NODE, HOME, "0.33", hours(1), "nodes", client="acme", term="reserved", stranded=True),
    Row("AmazonECS", "Fargate-ARM-vCPU-Hours:perCPU", OTHER, "0.05", hours(28, 38, 76), "services"),
    Row("AWSDataTransfer", "DataTransfer-Out-Bytes", OTHER, "0.09", (5000, 9000, 15000), "edge"),
)


def price(row: Row) -> Price:
    sku = Sku(row.service, row.usage, row.region, row.term)
    return Price(sku, "Hrs", (Tier(Decimal(0), Decimal(row.price)),), row.kind, date(2026, 9, 25), "a price that was made up for tests")


def line(row: Row, what: str) -> Line:
    quantity = Bounds(*map(Decimal, row.quantity))
    amount = quantity.map(lambda one: (one * Decimal(row.price)).quantize(Decimal("0.01")))
    return Line(price(row), quantity, amount, row.component, row.client, "standing", (what,), row.stranded)


def sample(budget: str = "16000", what: str = "clickhouse-1") -> dict[str, Any]:
    """Return an estimate of a platform that is much smaller than the real one, with one special client."""
    rows = {"steady": STEADY, "peak": STEADY, "failover": FAILOVER, "active_active": (*STEADY, *FAILOVER)}
    agreed = Terms(
        environment="test",
        budget=Decimal(budget),
        scenario="steady",
        includes=(),
        vat=Decimal(15),
        support=((Decimal(0), Decimal(10)),),
        stale_days=400,
        purchases={},
        shares={"others": Decimal(3), "acme": Decimal(1)},
        clients=("acme",),
        usage=None,  # type: ignore[arg-type]  # the lines are made already
    )
    return {
        "environment": agreed.environment,
        "currency": "USD",
        "home": HOME,
        "regions": [HOME, OTHER],
        "budget": {"amount": budget, "scenario": agreed.scenario, "includes": []},
        "catalogue": {"oldest": "2021-06-01", "newest": "2026-09-25", "stale": []},
        "scenarios": {name: summed([line(row, what) for row in some], agreed) for name, some in rows.items()},
    }
