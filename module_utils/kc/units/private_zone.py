"""The unit `private_zone`: the zone in which nodes have their names, answered inside the platform's networks only."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .. import names
from ..aws.records import Record
from ..aws.route53 import GLOBAL, record_name
from ..aws.zones import PrivateZone
from ..errors import KcError
from ..model import Ref, Resource, canonical
from ..scope import Scope
from ..unit import Params, Unit
from .network import vpc_name, vpc_of

ZONE = PrivateZone()
RECORD = Record(ZONE)
"""The kind of `private_record`, for the kinds of a unit that makes some."""

TTL = 60
"""Seconds that a node's name is kept: what an address that moved costs at most."""


def private_domain(scope: Scope) -> str:
    """Return the zone's domain, `kc-lab.internal`. ICANN reserved `internal` for private use (resolution of 2024-07-29)."""
    return f"{names.fit('label', scope.shared.prefix.rstrip('-'))}.internal"


def private_zone_of(scope: Scope) -> Resource:
    """Return the zone as other units look it up: output `id`."""
    return Resource(ZONE, private_domain(scope), None, GLOBAL, component="private_zone")


def private_record(scope: Scope, label: str, type: str, values: Sequence[Any]) -> Resource:
    """Return a record of the zone, for any unit: `private_record(scope, "keeper-1.eu-west-1", "A", ["10.12.0.10"])`.

    The unit names `RECORD` among its kinds and `private_zone_of` among its resources. The record is the unit's own,
    in the scope's region: units of other regions, and people, may have theirs in the same zone.

    Args:
        label: Its name below the zone's domain.
        values: May be `Ref`s.
    """
    name = record_name(f"{label}.{private_domain(scope)}")
    zone = Ref("private_zone", private_domain(scope), region=GLOBAL)
    return Resource(RECORD, f"{name} {type}", {"zone": zone, "ttl": TTL, "values": canonical(values), "health_check": ""}, scope.region)


def build(scope: Scope, params: Params) -> Sequence[Resource]:
    """Return the zone, associated with the VPCs of all regions and witnesses."""
    where = regions_of(params)
    if not where:
        raise KcError("a private zone needs a region", hint="it is answered in a VPC: name one in `regions`")
    vpcs = [{"id": Ref("vpc", vpc_name(scope), region=region), "region": region} for region in where]
    desired = {"comment": params.get("comment") or "", "vpcs": vpcs, "tags": scope.tags()}
    return [*(vpc_of(scope, region) for region in where), Resource(ZONE, private_domain(scope), desired, GLOBAL)]


def regions_of(params: Params) -> list[str]:
    """Return every region whose VPC the zone is answered in."""
    return list(dict.fromkeys([*params["regions"], *(params.get("witness") or [])]))


UNIT = Unit(
    name="private_zone",
    kinds=(ZONE,),
    build=build,
    regions=lambda scope, params: [GLOBAL],
    services=("ec2", "route53"),
)
