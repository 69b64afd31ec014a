"""What to commit to. The figures in the tables were computed by hand, from rates that are round."""

from __future__ import annotations

import shlex
from decimal import Decimal
from itertools import pairwise

import botocore.session
import pytest
from botocore import xform_name
from hypothesis import given
from hypothesis import strategies as st
from kc.cost.advice import Advice, advise
from kc.cost.ways import TERM, Demand, Rates, Way, choose
from kc.errors import KcError

LOSSES = ("failover",)


def rates(on_demand: str, reserved: str = "", plan: str = "", spot: str = "") -> Rates:
    return Rates(Decimal(on_demand), *(Decimal(one) if one else None for one in (reserved, plan, spot)))


def demand(sku: str, steady: int, failover: int, priced: Rates, *, service: str = "ec2", region: str = "me-west-1", **more: bool) -> Demand:
    return Demand(service, sku, region, priced, {"steady": Decimal(steady), "failover": Decimal(failover)}, **more)


NODE = rates("0.50", "0.35", "0.375")
DATABASE = rates("2.00", "1.40")
TASK = rates("0.05", "", "0.04", "0.015")


@pytest.mark.parametrize(
    ("steady", "failover", "priced", "lost", "way"),
    [
        # 12 months of each hour's dollars: reserved 12 x .35 = 4.20, plan 12 x .375 = 4.50, on demand 6.00
        (3, 3, NODE, "12", "reserved"),  # never stranded
        (3, 0, NODE, "0.5", "reserved"),  # 4.20 + .5 x .50 = 4.45
        (3, 0, NODE, "1", "plan"),  # 4.20 + 1 x .50 = 4.70
        (2, 1, NODE, "1", "reserved"),  # half of it is stranded: 4.20 + .5 x .50 = 4.45
        (1, 3, NODE, "12", "reserved"),  # more runs here when the other one is lost
        # no plan covers it: 12 x 1.40 = 16.80 against 24.00
        (1, 0, DATABASE, "3", "reserved"),  # 16.80 + 3 x 2.00 = 22.80
        (1, 0, DATABASE, "4", "on demand"),  # 16.80 + 4 x 2.00 = 24.80
        (20, 0, TASK, "12", "plan"),  # .48 against .60; it is never reserved, and Spot is never advised
        (20, 0, rates("0.05"), "1", "on demand"),
    ],
)
def test_what_is_cheapest_over_a_term_is_chosen(steady: int, failover: int, priced: Rates, lost: str, way: Way) -> None:
    assert choose(demand("it", steady, failover, priced), lost=Decimal(lost), losses=LOSSES).way == way


def test_what_only_runs_while_a_region_is_lost_is_not_committed_to() -> None:
    found = choose(demand("db.r6g.2xlarge", 0, 1, DATABASE, service="rds"), lost=Decimal(12), losses=LOSSES)
    assert (found.way, found.reason) == ("on demand", "it does not run in a steady month")


def test_the_ways_stand_side_by_side_with_their_break_even() -> None:
    found = choose(demand("r7g.2xlarge", 3, 0, NODE), lost=Decimal(1), losses=LOSSES)
    assert [(one.way, one.month, one.hours, one.months, one.lost) for one in found.options] == [
        ("on demand", Decimal("1095.00"), None, None, None),  # 3 x .50 x 730
        ("reserved", Decimal("766.50"), Decimal("511.0"), Decimal("8.4"), Decimal("3.6")),  # .70 of 730 and of 12; 12 x (1 - .70)
        ("plan", Decimal("821.250"), Decimal("547.50"), Decimal("9.00"), None),  # .75
    ]
    assert found.against_plan == Decimal("0.6")  # 12 x (.375 - .35) / .50
    assert "0.6 months" in found.reason
    assert [one.way for one in choose(demand("vCPU", 1, 1, TASK), lost=Decimal(1), losses=LOSSES).options] == ["on demand", "plan", "spot"]


@pytest.fixture
def advice() -> Advice:
    """Two regions: what is lost with the first one starts in the other."""
    return advise(
        [
            demand("r7g.2xlarge", 1, 3, rates("0.50", "0.33", "0.36"), region="eu-central-1"),
            demand("r7g.2xlarge", 3, 0, NODE),
            demand("vCPU", 20, 0, TASK, service="fargate"),
            demand("vCPU", 8, 28, TASK, service="fargate", region="eu-central-1"),
            demand("db.r6g.2xlarge", 1, 0, DATABASE, service="rds", multi_az=True),
        ],
        lost=Decimal(1),
        losses=LOSSES,
    )


def test_the_purchase_is_exact(advice: Advice) -> None:
    """The plan is no larger than what it covers while a region is lost: 2 x .36 + 28 x .04 = 1.84, and not 3 x .375 + 28 x .04 = 2.245."""
    assert [(one.way, one.sku, one.region, one.count, one.hourly, one.month) for one in advice.purchases] == [
        ("reserved", "r7g.2xlarge", "eu-central-1", 1, Decimal("0.33"), Decimal("240.90")),
        ("reserved", "db.r6g.2xlarge", "me-west-1", 1, Decimal("1.40"), Decimal("1022.00")),
        ("plan", "Compute Savings Plan", "any region", 1, Decimal("1.840"), Decimal("1343.200")),
    ]
    assert {(one.term, one.payment) for one in advice.purchases} == {("1 year", "No Upfront")}


def test_what_purchases_do_is_told_for_each_scenario(advice: Advice) -> None:
    """Hours of 730, in dollars.

    Steady: .33 + 1.40 + 1.84, and on demand what is left: the plan pays for the nodes (1.125) and .715 of the first tasks' .80,
    so (.80 - .715) / .04 x .05 = .10625 and 8 x .05 = .40 are left. Failover: the plan is used up to the cent, the database is idle.
    """
    steady, failover = advice.effects["steady"], advice.effects["failover"]
    assert (steady.on_demand, steady.cost, steady.stranded) == (Decimal("3942"), Decimal("2975.6625"), 0)  # 5.40 and 4.07625 an hour
    assert (failover.on_demand, failover.cost, failover.stranded) == (
        Decimal("2117"),
        Decimal("2606.10"),
        Decimal("1022"),
    )  # 2.90, 3.57, 1.40


def test_offerings_are_searched_as_aws_knows_them(advice: Advice) -> None:
    """The commands are read as the AWS CLI reads them: operation and options from the service's model."""
    for command in [one.offering for one in advice.purchases]:
        _, service, operation, *words = shlex.split(command)
        model = botocore.session.get_session().get_service_model(service)
        known = {xform_name(name, "-"): model.operation_model(name).input_shape for name in model.operation_names}[operation]
        assert known
        members = {xform_name(name, "-") for name in known.members}
        flags = [word.removeprefix("--") for word in words if word.startswith("--")]
        assert {flag.removeprefix("no-") for flag in flags} <= members | {"region"}, command
        assert all(one.startswith("--") or other.startswith("--") for one, other in pairwise(words)), "a value that is not in quotes"


def test_what_nobody_counted_is_told() -> None:
    one = Demand("ec2", "m7g.large", "eu-west-1", NODE, {"steady": Decimal(1)})
    with pytest.raises(KcError, match=r"m7g.large in eu-west-1: nobody says how many run in failover"):
        advise([one, demand("r7g.xlarge", 1, 0, NODE)], lost=Decimal(1), losses=LOSSES)


@pytest.mark.parametrize("wrong", [rates("0"), rates("1", "0"), rates("1", "", "-1"), rates("1", "", "", "0")])
def test_a_rate_of_nothing_is_refused(wrong: Rates) -> None:
    with pytest.raises(KcError, match=r"r7g.xlarge in me-west-1: a rate is not above zero"):
        choose(demand("r7g.xlarge", 1, 0, wrong), lost=Decimal(1), losses=LOSSES)


cents = st.integers(1, 500).map(lambda n: Decimal(n) / 100)
counts = st.fixed_dictionaries({name: st.integers(0, 40).map(Decimal) for name in ("steady", "failover", "peak")})


@st.composite
def fleets(draw: st.DrawFn) -> list[Demand]:
    fractions = st.none() | st.integers(30, 99).map(lambda n: Decimal(n) / 100)
    made = []
    for n in range(draw(st.integers(1, 5))):
        on_demand = draw(cents)
        reserved, plan = ((None if one is None else one * on_demand) for one in (draw(fractions), draw(fractions)))
        made.append(Demand("ec2", f"type-{n}", "eu-central-1", Rates(on_demand, reserved, plan), draw(counts)))
    return made


@given(fleets(), st.integers(0, TERM).map(Decimal))
def test_a_plan_is_used_in_every_scenario(fleet: list[Demand], lost: Decimal) -> None:
    found = advise(fleet, lost=lost, losses=LOSSES)
    reserved = {one.sku: one for one in found.purchases if one.way == "reserved"}
    for name, effect in found.effects.items():
        idle = sum(
            max(reserved[one.sku].count - one.running[name], Decimal(0)) * (one.rates.reserved or 0) for one in fleet if one.sku in reserved
        )
        assert effect.stranded == idle * 730, "what is stranded is reserved"


@given(fleets(), st.integers(0, TERM).map(Decimal))
def test_what_is_advised_never_costs_more_than_nothing_would(fleet: list[Demand], lost: Decimal) -> None:
    """While all is well, that is; division leaves a 28th digit."""
    steady = advise(fleet, lost=lost, losses=LOSSES).effects["steady"]
    assert steady.cost <= steady.on_demand + Decimal("1e-12")
    assert not steady.stranded
