"""Laws of an estimate: whichever way its lines are added up, they come to the same, to the cent."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from kc.cost.model import HOURS, Bounds, Line, Price, Sku, Tier
from kc.cost.money import CENT, cents, shared
from kc.cost.report import summed, terms

from tests.cost import ONE, estimated, platform, priced
from tests.inventory import COMMON, acme

BOUNDS = ("low", "expected", "upper")
SUMS = ("by_service", "by_region", "by_component", "by_kind")

dollars = st.decimals(0, 10**7, places=2)
numbers = st.decimals(0, 10**6, places=6)
prices = st.decimals("0.0001", 10, places=4)


@st.composite
def inventories(draw: st.DrawFn) -> dict[str, Any]:
    """Variables of an inventory: applications, databases and ways to pay, of any size."""
    most = draw(st.integers(1, 9))
    count = {"min": draw(st.integers(0, most)), "warm": draw(st.integers(0, most)), "max": most}
    api = {**COMMON["kc_applications"]["api"], "count": count, "memory": draw(st.sampled_from([512, 1024, 2048]))}
    api["capacity"] = {"base": draw(st.integers(0, 3)), "on_demand": 1, "spot": draw(st.integers(0, 3))}
    size = st.sampled_from(["db.r6g.large", "db.r6g.2xlarge"])
    database = {"size": size, "storage": st.integers(100, 4000), "version": st.just("8.4.7"), "multi_az": st.booleans()}
    changed = {
        "kc_applications": {name: {**api, "priority": 10 + index, "hosts": [name]} for index, name in enumerate(draw(names(1)))},
        "kc_mysql_instances": draw(st.dictionaries(st.sampled_from(["main", "other"]), st.fixed_dictionaries(database), min_size=1)),
        "kc_cost_purchases": draw(st.fixed_dictionaries({"database": ways("reserved"), "task": ways("savings_plan")})),
        "kc_cost_shares": draw(st.fixed_dictionaries({"others": st.integers(1, 9)})),
        "kc_cost_users": draw(st.sampled_from([0, 0.01, 1, 7])),
    }
    changed["kc_images"] = dict.fromkeys(changed["kc_applications"], f"sha256:{'0' * 64}")
    changed["kc_balancer_health_application"] = ""
    changed["kc_observability_databases"] = list(changed["kc_mysql_instances"])
    return changed


def names(least: int) -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from(["api", "web", "worker"]), min_size=least, unique=True)


def ways(other: str) -> st.SearchStrategy[str]:
    return st.sampled_from(["on_demand", other])


def node(address: int) -> dict[str, Any]:
    return {"service": "keeper", "zone": "b", "address": address}


def adds_up(scenario: Mapping[str, Any]) -> None:
    for bound in BOUNDS:
        total = Decimal(scenario["total"][bound])
        assert sum(Decimal(line["amount"][bound]) for line in scenario["lines"]) == total
        for part in SUMS:
            assert sum(Decimal(amount[bound]) for amount in scenario[part].values()) == total, part
        clients = scenario["by_client"].values()
        assert sum(Decimal(about["total"][bound]) for about in clients) == total
        assert all(Decimal(about["own"][bound]) + Decimal(about["shared"][bound]) == Decimal(about["total"][bound]) for about in clients)
        assert Decimal(scenario["whole"][bound]) == total + Decimal(scenario["support"][bound]) + Decimal(scenario["vat"][bound])


# an example is small; making it smaller takes minutes
@settings(max_examples=20, deadline=None, phases=[Phase.generate], suppress_health_check=[HealthCheck.too_slow])
@given(inventories(), st.integers(0, 2), prices, prices)
def test_an_inventory_adds_up(changed: dict[str, Any], clients: int, price: Decimal, other: Decimal) -> None:
    own = [acme(f"client-{index}", kc_nodes={"keeper-9": node(31 + index)}) for index in range(clients)]
    found = estimated(platform(*own, **changed), priced(**{"Multi-AZUsage:db.r6g.2xl": str(price), "KMS-Requests": str(other)}))
    assert {*found["scenarios"]} == {"steady", "peak", "failover", "active_active"}
    for scenario in found["scenarios"].values():
        adds_up(scenario)
        for line in scenario["lines"]:
            assert any(Decimal(line["quantity"][bound]) for bound in BOUNDS), line
            assert line["kind"] and line["effective"] and line["source"] and line["what"]
            for bound in BOUNDS:
                assert bool(Decimal(line["amount"][bound])) == bool(Decimal(line["quantity"][bound])), line


lines = st.builds(
    lambda service, region, component, client, kind, amounts: Line(
        Price(Sku(service, "usage", region), "Units", (Tier(Decimal(0), Decimal(1)),), kind, ONE.effective, "made up"),
        Bounds(*amounts),
        Bounds(*amounts),
        component,
        client,
        "usage",
        ("something",),
    ),
    st.sampled_from(["EC2", "RDS"]),
    st.sampled_from(["r1", "r2", "r3"]),
    st.sampled_from(["nodes", "mysql"]),
    st.sampled_from(["", "", "acme", "bloom"]),
    st.sampled_from(["list", "proxy", "assumption"]),
    st.tuples(dollars, dollars, dollars),
)
AGREED = terms(platform(acme(), acme("bloom")))


@given(st.lists(lines, max_size=20))
def test_any_lines_add_up(given_lines: list[Line]) -> None:
    adds_up(summed(given_lines, AGREED))


@given(dollars, st.dictionaries(st.text(min_size=1, max_size=3), numbers, min_size=1, max_size=8))
def test_shares_sum_to_what_is_shared(amount: Decimal, weights: dict[str, Decimal]) -> None:
    weights = {**weights, "somebody": Decimal(1)}
    found = shared(amount, weights)
    assert sum(found.values()) == amount
    total = sum(weights.values())
    for name, part in found.items():
        assert abs(part - amount * weights[name] / total) < CENT, "nobody bears a cent more than the share"
        assert part == part.quantize(CENT)


@given(st.decimals(0, 10**6, places=6))
def test_rounding_never_makes_less_and_never_a_cent_more(amount: Decimal) -> None:
    assert amount <= cents(amount) < amount + CENT


def test_a_division_that_does_not_come_out_even_is_no_cent_more() -> None:
    assert cents(Decimal(1) / 3 * 3 * HOURS) == cents(HOURS)
    assert cents(Decimal(2) / 3 * Decimal("1.5")) == Decimal("1.00")
