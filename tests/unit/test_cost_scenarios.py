"""What stands and what is paid for in each scenario, and in which bound."""

from __future__ import annotations

import functools
from dataclasses import replace
from decimal import Decimal
from importlib import import_module
from typing import Any

import pytest
from kc.cost.meters import FREE, METERS
from kc.cost.meters.backups import period
from kc.cost.meters.compute import split
from kc.cost.meters.context import Context
from kc.cost.model import Bounds
from kc.cost.placement import SCENARIOS, placements
from kc.cost.schedule import average
from kc.cost.usage import usage
from kc.errors import KcError
from kc.inventory.model import UNITS

from tests.cost import USAGE, application, estimated, platform, priced, rows
from tests.inventory import COMMON, MODULES, acme

HOME, OTHER = "me-west-1", "eu-central-1"


@functools.cache
def usual() -> dict[str, Any]:
    return estimated(platform())


def quantities(scenario: str, estimate: dict[str, Any]) -> dict[tuple[str, str, str], tuple[Decimal, ...]]:
    """Quantities by usage type, region and term, those of all units and clients together."""
    found: dict[tuple[str, str, str], tuple[Decimal, ...]] = {}
    for (_, _, _, usage_type, region, term), amount in rows(estimate, scenario, "quantity").items():
        before = found.get((usage_type, region, term), (Decimal(0),) * 3)
        found[(usage_type, region, term)] = tuple(one + other for one, other in zip(before, amount, strict=True))
    return found


def test_every_kind_of_every_unit_is_metered_or_free_for_a_reason() -> None:
    kinds = {kind.name for unit in UNITS for kind in import_module(f"kc.units.{unit}").UNIT.kinds}
    assert kinds == {*METERS, *FREE}
    assert not {*METERS} & {*FREE}


@pytest.mark.parametrize(
    ("usage_type", "region", "by_scenario"),
    [
        # the source, and its replica; a failover makes the replica as large as the source was; at worst the lost one is paid for too
        ("Multi-AZUsage:db.r6g.large", HOME, {"steady": "730 730 730", "failover": "0 0 730", "active_active": "730 730 730"}),
        ("InstanceUsage:db.r6g.large", OTHER, {"steady": "730 730 730", "failover": None, "active_active": None}),
        ("Multi-AZUsage:db.r6g.large", OTHER, {"steady": None, "failover": "730 730 730", "active_active": "730 730 730"}),
        # what is stored in the lost region is expected to be charged
        ("RDS:Multi-AZ-GP3-Storage", HOME, {"steady": "100 100 100", "failover": "0 100 100"}),
        ("EBS:VolumeUsage.gp3", HOME, {"steady": "36 36 36", "failover": "0 36 36"}),
        ("NatGateway-Hours", HOME, {"steady": "2190 2190 2190", "failover": "0 0 2190"}),
        # users go where they are served, and none to a lost region: all, a tenth to the warm one, a half to each
        ("NatGateway-Bytes", HOME, {"steady": "100 100 100", "peak": "200 200 200", "failover": None, "active_active": "50 50 50"}),
        ("NatGateway-Bytes", OTHER, {"steady": "10 10 10", "peak": "20 20 20", "failover": "100 100 100", "active_active": "50 50 50"}),
        # between regions: MySQL's changes (50 GB * 1 % * 30) and what is written to a bucket; to nobody when the other one is lost
        (f"AWS-Out-Bytes:{OTHER}", HOME, {"steady": "115 115 115", "peak": "230 230 230", "failover": None, "active_active": "65 65 65"}),
        (f"AWS-Out-Bytes:{HOME}", OTHER, {"steady": None, "failover": None, "active_active": "50 50 50"}),
        # the edge is everywhere
        ("ME-DataTransfer-Out-Bytes", "us-east-1", {"steady": "1000 1000 1000", "peak": "2000 2000 2000", "failover": "1000 1000 1000"}),
        # tasks of 0.25 vCPU, from one to two: warm is one
        ("Fargate-ARM-vCPU-Hours:perCPU", OTHER, {"steady": "182.5 182.5 182.5", "failover": "182.5 273.75 365"}),
        ("Fargate-ARM-vCPU-Hours:perCPU", HOME, {"failover": "0 0 182.5", "active_active": "182.5 228.125 273.75"}),
        # only the region that takes writes is backed up; what the lost one had is kept
        ("WarmStorage-ByteHrs-RDS", OTHER, {"steady": None, "failover": "67.5 67.5 67.5", "active_active": None}),
        ("WarmStorage-ByteHrs-RDS", HOME, {"steady": "67.5 67.5 67.5", "failover": "0 67.5 67.5"}),
    ],
)
def test_what_follows_the_scenario(usage_type: str, region: str, by_scenario: dict[str, str | None]) -> None:
    for scenario, expected in by_scenario.items():
        found = quantities(scenario, usual()).get((usage_type, region, "on_demand"))
        assert found == (tuple(map(Decimal, expected.split())) if expected else None), scenario


def test_what_is_reserved_is_paid_for_in_every_scenario() -> None:
    given = platform(kc_cost_purchases={"database": "reserved", "task": "on_demand"})
    source, replica, larger = (
        ("Multi-AZUsage:db.r6g.large", HOME),
        ("InstanceUsage:db.r6g.large", OTHER),
        ("Multi-AZUsage:db.r6g.large", OTHER),
    )
    month = (Decimal(730),) * 3
    estimate = estimated(given)
    for scenario in SCENARIOS:
        found = quantities(scenario, estimate)
        assert found[(*source, "reserved")] == found[(*replica, "reserved")] == month
        assert found.get((*larger, "on_demand")) == (month if scenario in ("failover", "active_active") else None)
    lost = estimated(given, priced(**{"Multi-AZUsage:db.r6g.large": "2"}))["scenarios"]["failover"]
    # 730 h * 2 in the region that is lost, and 730 h * 1 of the replica that is none any more
    assert lost["stranded"] == {"low": "2190.00", "expected": "2190.00", "upper": "2190.00"}
    assert {(line["usage"], line["region"]) for line in lost["lines"] if line["stranded"]} == {source, replica}


def test_a_savings_plan_follows_what_runs() -> None:
    found = estimated(platform(kc_cost_purchases={"database": "on_demand", "task": "savings_plan"}))
    assert found["scenarios"]["failover"]["stranded"]["upper"] == "0.00"
    assert ("Fargate-ARM-vCPU-Hours:perCPU", OTHER, "savings_plan") in quantities("failover", found)


def test_nodes_say_themselves_how_they_are_paid_for() -> None:
    services = {"keeper": {**COMMON["kc_nodes_services"]["keeper"], "purchase": "reserved"}}
    found = quantities("failover", estimated(platform(kc_nodes_services=services)))
    assert found[("BoxUsage:m7g.large", HOME, "reserved")] == (Decimal(730),) * 3
    assert ("BoxUsage:m7g.large", HOME, "on_demand") not in found


def test_a_client_without_a_replica_is_lost_with_its_region() -> None:
    instance = {"size": "db.r6g.xlarge", "version": "8.4.7", "storage": 200}
    for replica in (True, False):
        given = platform(acme(kc_mysql_instances={"main": {**instance, "replica": replica}}))
        assert (("Multi-AZUsage:db.r6g.xl", OTHER, "on_demand") in quantities("failover", estimated(given))) is replica


@pytest.mark.parametrize(
    ("capacity", "running", "on_demand", "spot"),
    [
        ({"FARGATE": (0, 1)}, "3", "3 3 3", "0 0 0"),
        # one on demand, the others on Spot: all of them at best, half as expected, none at worst
        ({"FARGATE": (1, 0), "FARGATE_SPOT": (0, 1)}, "5", "1 3 5", "4 2 0"),
        ({"FARGATE": (1, 0), "FARGATE_SPOT": (0, 1)}, "0.5", "0.5 0.5 0.5", "0 0 0"),
        ({"FARGATE": (0, 1), "FARGATE_SPOT": (0, 3)}, "4", "1 2.5 4", "3 1.5 0"),
    ],
)
def test_spot(capacity: dict[str, tuple[int, int]], running: str, on_demand: str, spot: str) -> None:
    context = Context(placements(platform(), MODULES)["steady"], usage(USAGE), {})
    given = [{"capacityProvider": name, "base": base, "weight": weight} for name, (base, weight) in capacity.items()]
    expected = tuple(Bounds(*map(Decimal, text.split())) for text in (on_demand, spot))
    assert split(context, given, Bounds.of(running)) == expected


@pytest.mark.parametrize(
    ("least", "schedules", "average_of_week"),
    [
        (4, [], "4"),
        (4, [("cron(0 0 ? * * *)", 6)], "6"),
        # half of each day
        (2, [("cron(0 6 ? * * *)", 4), ("cron(0 18 ? * * *)", 2)], "3"),
        # five days of seven, 12 of 24 hours: 2 + 2 * 60/168
        (2, [("cron(0 6 ? * SUN-THU *)", 4), ("cron(0 18 ? * SUN-THU *)", 2)], str(2 + Decimal(2) * 60 / 168)),
        (2, [("cron(0 6 ? * 2,4 *)", 4), ("cron(0 18 ? * MON,WED *)", 2)], str(2 + Decimal(2) * 24 / 168)),
        # over the end of the week: Friday to Monday
        (2, [("cron(0 0 ? * FRI *)", 4), ("cron(0 0 ? * MON *)", 2)], str(2 + Decimal(2) * 3 / 7)),
        (2, [("cron(0 0 ? * FRI-SUN *)", 3)], "3"),
        # not weekly: the most that any of them asks for
        (2, [("rate(1 day)", 9), ("cron(0 0 ? * * *)", 3)], "9"),
    ],
)
def test_the_least_number_of_tasks_over_a_week(least: int, schedules: list[tuple[str, int]], average_of_week: str) -> None:
    assert abs(average(least, schedules) - Decimal(average_of_week)) < Decimal("1e-20")


@pytest.mark.parametrize(
    ("schedule", "days"),
    [
        ("cron(0 3 ? * * *)", 1),
        ("cron(0 4 ? * SAT *)", 7),
        ("cron(0 4 ? * MON-FRI *)", 1),
        ("cron(0 5 1 * ? *)", 30),
        ("cron(0 5 1,16 * ? *)", 15),
        ("cron(0 5 1 1 ? *)", 365),
    ],
)
def test_days_between_backups(schedule: str, days: int) -> None:
    assert period(schedule) == days


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"kc_cost_usage": {**USAGE, "viewers": 1}}, "`kc_cost_usage` has no figure `viewers`. Did you mean `viewer_gb`?"),
        ({"kc_cost_usage": {name: USAGE[name] for name in USAGE if name != "fill"}}, "`kc_cost_usage` lacks `fill`"),
        ({"kc_cost_usage": {**USAGE, "fill": "half"}}, "`kc_cost_usage.fill` is 'half'"),
        ({"kc_cost_usage": {**USAGE, "fill": -1}}, "`kc_cost_usage.fill` is -1"),
        ({"kc_cost_usage": {**USAGE, "fill": [0, 1]}}, "`kc_cost_usage.fill` is [0, 1]. Give a number that is not negative, or three"),
        ({"kc_cost_usage": {**USAGE, "tiers": {"FA": 1}}}, "`kc_cost_usage.tiers` lacks `AIA`"),
        ({"kc_cost_usage": {**USAGE, "buckets": {}}}, "`kc_cost_usage.buckets` lacks `default`"),
        ({"kc_cost_usage": {**USAGE, "buckets": {"default": {"gb": 1}}}}, "`kc_cost_usage.buckets.default` lacks `new_gb`"),
        ({"kc_cost_usage": []}, "`kc_cost_usage` must be a mapping"),
        ({"kc_cost_scenario": "often"}, "`kc_cost_scenario` is `often`. It is one of steady, peak, failover, active_active"),
        ({"kc_cost_includes": ["tips"]}, "`kc_cost_includes` is `tips`. It is one of support, vat"),
        ({"kc_cost_purchases": {"database": "spot", "task": "on_demand"}}, "`kc_cost_purchases.database` is `spot`"),
        ({"kc_cost_shares": {"otters": 1}}, "`kc_cost_shares` names `otters`, which is no client. Did you mean `others`?"),
        ({"kc_cost_shares": {"others": 0}}, "`kc_cost_shares` has no weight"),
        ({"kc_cost_budget": "much"}, "`kc_cost_budget` is 'much'"),
    ],
)
def test_variables_that_are_wrong(changed: dict[str, Any], says: str) -> None:
    with pytest.raises(KcError) as error:
        estimated(platform(**changed))
    assert says in str(error.value)


def test_a_variable_that_is_missing() -> None:
    given = [replace(host, values={name: value for name, value in host.values.items() if name != "kc_cost_vat"}) for host in platform()]
    with pytest.raises(KcError, match="`kc_cost_vat` is missing"):
        estimated(given)


def test_one_region_has_no_failover() -> None:
    with pytest.raises(KcError, match="needs two regions, one of them home, and there are me-west-1"):
        placements([host for host in platform() if host.name != OTHER], MODULES)


def test_support_and_vat_stand_apart_and_count_where_they_are_to() -> None:
    found = estimated(platform(**application()))["scenarios"]["steady"]
    total, support, vat, whole = (Decimal(found[part]["expected"]) for part in ("total", "support", "vat", "whole"))
    # 10 % of the first 1,000, then 7 %
    assert support == (100 + (total - 1000) * 7 / 100).quantize(Decimal("0.01"), "ROUND_CEILING")
    assert vat == ((total + support) * 15 / 100).quantize(Decimal("0.01"), "ROUND_CEILING")
    assert whole == total + support + vat
    assert found["counted"] == found["total"]
    for includes, expected in ((["vat"], total + vat), (["support"], total + support), (["vat", "support"], whole)):
        counted = estimated(platform(kc_cost_includes=includes))["scenarios"]["steady"]["counted"]["expected"]
        assert Decimal(counted) == expected


def test_hardly_any_users_cost_hardly_anything_but_what_stands() -> None:
    many, few = (rows(estimated(platform(kc_cost_users=users))) for users in (1, 0.01))
    viewers = ("edge", "", "usage", "ME-DataTransfer-Out-Bytes", "us-east-1", "on_demand")
    assert few[viewers][1] * 100 == many[viewers][1]
    standing = {name: amount for name, amount in many.items() if name[2] == "standing" and name[0] != "services"}
    assert standing.items() <= few.items()
