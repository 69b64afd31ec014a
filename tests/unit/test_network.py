"""The network's builder: what it wants of every resource, as tables of cases."""

from __future__ import annotations

import ipaddress
from collections import Counter
from itertools import combinations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kc.errors import KcError
from kc.model import UNKNOWN, Key, Live, Resource
from kc.plan import make_plan, ordered, resolve
from kc.scope import Scope
from kc.units import network

from tests import reference

SCOPE = Scope("kc", "lab", "123456789012", "me-west-1", "network")


def build(**changed: Any) -> dict[tuple[str, str], dict[str, Any]]:
    resources = network.build(SCOPE, reference.network(**changed))
    return {(one.kind.name, one.name): dict(one.desired or {}) for one in resources}


def counts(**changed: Any) -> Counter[str]:
    return Counter(kind for kind, _ in build(**changed))


@pytest.mark.parametrize(
    ("changed", "kind", "count"),
    [
        ({}, "subnet", 9),
        ({"zones": ["a", "b"]}, "subnet", 6),
        ({}, "nat_gateway", 3),
        ({"nat": "one"}, "nat_gateway", 1),
        ({"nat": "none"}, "nat_gateway", 0),
        ({"nat": "none"}, "address", 0),
        ({}, "route_table", 5),  # public, data, and one a zone for private
        ({"nat": "one"}, "route_table", 3),
        ({}, "network_acl", 3),
        ({}, "internet_gateway", 1),
        ({"witness": True}, "internet_gateway", 0),
        ({"witness": True}, "nat_gateway", 0),
        ({"witness": True}, "subnet", 1),
        ({}, "flow_log", 0),
        ({"flow_log_bucket": "logs"}, "flow_log", 1),
    ],
)
def test_how_many_of_each(changed: dict[str, Any], kind: str, count: int) -> None:
    assert counts(**changed)[kind] == count


def test_no_subnet_gives_public_addresses_and_the_data_tier_has_no_way_out() -> None:
    wanted = build()
    assert not any(want["public_addresses"] for (kind, _), want in wanted.items() if kind == "subnet")
    assert wanted["route_table", "kc-lab-data"]["routes"] == []


def test_each_zone_leads_through_its_own_nat_gateway() -> None:
    wanted = build()
    for zone in "abc":
        (route,) = wanted["route_table", f"kc-lab-private-{zone}"]["routes"]
        assert (route["to"], route["via"].name) == ("0.0.0.0/0", f"kc-lab-nat-{zone}")
        assert [ref.name for ref in wanted["route_table", f"kc-lab-private-{zone}"]["subnets"]] == [f"kc-lab-private-{zone}"]


@given(
    st.integers(16, 24),
    st.integers(0, 2**16 - 1),
    st.sampled_from([["a"], ["a", "b"], ["a", "b", "c"], ["a", "b", "c", "d"]]),
    st.integers(1, 4),
)
def test_subnets_are_inside_the_vpc_and_apart(prefix: int, position: int, zones: list[str], tiers: int) -> None:
    vpc = ipaddress.ip_network((0x0A000000 | (position << 8) & 0xFFFFFF, 32)).supernet(new_prefix=prefix)
    subnets = [ipaddress.ip_network(network.subnet_cidr(str(vpc), tier, zone)) for tier in range(tiers) for zone in range(len(zones))]
    assert all(subnet.subnet_of(vpc) for subnet in subnets)
    assert not any(one.overlaps(other) for one, other in combinations(subnets, 2))


def test_a_zone_more_moves_no_subnet() -> None:
    before, after = build(zones=["a", "b"]), build(zones=["a", "b", "c"])
    assert all(after[key]["cidr"] == want["cidr"] for key, want in before.items() if key[0] == "subnet")


@pytest.mark.parametrize(
    ("rule", "wanted"),
    [
        ({"port": 443, "peer": "world"}, [("tcp", 443, 443, "0.0.0.0/0")]),
        ({"port": "8000-8100", "peer": "vpc"}, [("tcp", 8000, 8100, "10.10.0.0/16")]),
        ({"port": 53, "peer": "192.0.2.0/24", "protocol": "udp"}, [("udp", 53, 53, "192.0.2.0/24")]),
        ({"port": 9010, "peer": "peers"}, [("tcp", 9010, 9010, "10.11.0.0/16"), ("tcp", 9010, 9010, "10.12.0.0/16")]),
    ],
)
def test_rules(rule: dict[str, Any], wanted: list[tuple[Any, ...]]) -> None:
    rules = network.group_rules(SCOPE, reference.network(), [{**rule, "why": "a reason"}], "here")
    assert [(one["protocol"], one["from"], one["to"], one["peer"]) for one in rules] == wanted


def test_a_rule_may_name_another_group() -> None:
    (rule,) = network.group_rules(SCOPE, reference.network(), [{"port": 3306, "peer": "app", "why": "MySQL"}], "here")
    assert (rule["peer"].kind, rule["peer"].name) == ("security_group", "kc-lab-app")


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (
            {"security_groups": {"data": {"description": "d", "ingress": [{"port": 1, "peer": "nobody", "why": "x"}]}}},
            "`nobody` is no peer",
        ),
        (
            {"security_groups": {"data": {"description": "d", "egress": [{"port": "a", "peer": "vpc", "why": "x"}]}}},
            "security_groups.data.egress: `a`",
        ),
        ({"security_groups": {"data": {"description": "d", "ingress": [{"port": "9-1", "peer": "vpc", "why": "x"}]}}}, "`9-1` is no port"),
        ({"cidr": "10.0.0.0/26"}, "too small"),
        ({"tiers": {"private": {"internet": "nat", "acl": "open"}}}, "no tier reaches it directly"),
    ],
)
def test_bad_input(changed: dict[str, Any], message: str) -> None:
    with pytest.raises(KcError, match=message.replace("`", ".")):
        build(**changed)


def test_the_data_tiers_acl_lets_in_the_vpc_and_its_peers_only() -> None:
    entries = build()["network_acl", "kc-lab-data"]["entries"]
    everything = {one["cidr"] for one in entries if not one["egress"] and one["protocol"] == "all"}
    assert everything == {"10.10.0.0/16", "10.11.0.0/16", "10.12.0.0/16"}
    assert all(one["rule"] >= 100 for one in entries), "the numbers below are the runbooks'"
    from_anywhere = [one for one in entries if not one["egress"] and one["cidr"] == "0.0.0.0/0"]
    assert [(one["protocol"], one["from"]) for one in from_anywhere] == [("tcp", 1024)], "only answers come back from outside"


def stands(resources: list[Resource]) -> dict[Key, Live]:
    """Return the world in which every resource stands as wanted."""
    live: dict[Key, Live] = {}
    for number, one in enumerate(ordered(resources)):

        def find(ref: Any, region: str = one.region) -> Any:
            target = live.get(Key(ref.kind, ref.region or region, ref.name))
            return target.outputs.get(ref.attr, UNKNOWN) if target else UNKNOWN

        live[one.key] = Live(resolve(one.desired, find), {"id": f"{one.kind.name}-{number}"})
    return live


@given(
    st.sampled_from(["zone", "one", "none"]),
    st.sampled_from([["a"], ["a", "b"], ["a", "b", "c"]]),
    st.sampled_from([None, "logs"]),
    st.booleans(),
)
def test_a_converged_network_plans_nothing(nat: str, zones: list[str], bucket: str | None, witness: bool) -> None:
    params = reference.network(witness=witness, zones=zones, flow_log_bucket=bucket, **({} if witness else {"nat": nat}))
    resources = list(network.build(SCOPE, params))
    assert make_plan(resources, stands(resources), network.UNIT.kinds) == ([], [])
