"""The unit `private_zone`: its builder, and the records that other units put into its zone."""

from __future__ import annotations

from typing import Any

import pytest
from kc.errors import KcError
from kc.model import Ref
from kc.scope import Scope
from kc.units.private_zone import UNIT, build, private_domain, private_record, private_zone_of

SCOPE = Scope("kc", "lab", "123456789012", "us-east-1", UNIT.name)


@pytest.mark.parametrize(
    ("params", "where"),
    [
        ({"regions": ["me-west-1", "eu-central-1"], "witness": ["eu-west-1"]}, ["me-west-1", "eu-central-1", "eu-west-1"]),
        ({"regions": ["eu-central-1"], "witness": None}, ["eu-central-1"]),
        ({"regions": ["eu-central-1"], "witness": ["eu-central-1"], "comment": "Nodes"}, ["eu-central-1"]),
    ],
)
def test_the_vpcs_of_all_regions_are_looked_up_and_associated(params: dict[str, Any], where: list[str]) -> None:
    *vpcs, zone = build(SCOPE, params)
    assert [(vpc.key, vpc.desired, vpc.component) for vpc in vpcs] == [(("vpc", region, "kc-lab"), None, "network") for region in where]
    assert zone.key == ("private_zone", "us-east-1", "kc-lab.internal")
    assert zone.desired == {
        "comment": params.get("comment", ""),
        "vpcs": [{"id": Ref("vpc", "kc-lab", region=region), "region": region} for region in where],
        "tags": SCOPE.tags(),
    }


def test_a_zone_without_a_region_is_refused() -> None:
    with pytest.raises(KcError, match="a private zone needs a region"):
        build(SCOPE, {"regions": []})


def test_a_client_shares_the_zone() -> None:
    acme = Scope("kc", "lab", "123456789012", "eu-central-1", "nodes", "acme")
    assert private_domain(acme) == private_domain(SCOPE) == "kc-lab.internal"
    assert private_zone_of(acme).key == ("private_zone", "us-east-1", "kc-lab.internal")


def test_a_units_record_stands_in_its_own_region() -> None:
    scope = SCOPE.at("eu-central-1", "nodes")
    record = private_record(scope, "Keeper-1.eu-central-1", "A", ["10.0.0.2", "10.0.0.1"])
    assert record.key == ("record", "eu-central-1", "keeper-1.eu-central-1.kc-lab.internal A")
    assert record.desired == {
        "zone": Ref("private_zone", "kc-lab.internal", region="us-east-1"),
        "ttl": 60,
        "values": ["10.0.0.1", "10.0.0.2"],
        "health_check": "",
    }


@pytest.mark.parametrize("label", ["", "a..b", "-a", "a b", "a" * 64])
def test_what_is_no_name_of_a_record_is_refused(label: str) -> None:
    with pytest.raises(KcError, match="is no name of a record"):
        private_record(SCOPE, label, "A", ["10.0.0.1"])
