"""The unit `zone`: the public hosted zone of the platform's domain. Route 53 is global: it runs once, anywhere."""

from __future__ import annotations

from collections.abc import Sequence

from ..aws.route53 import GLOBAL, domain_name
from ..aws.zones import HostedZone
from ..model import Resource
from ..scope import Scope
from ..unit import Params, Unit

ZONE = HostedZone()


def build(scope: Scope, params: Params) -> Sequence[Resource]:
    """Return the zone; its records come from the units that know what they point at."""
    return [Resource(ZONE, domain_name(params["domain"]), {"comment": params.get("comment") or "", "tags": scope.tags()}, GLOBAL)]


def regions(scope: Scope, params: Params) -> list[str]:
    """Return the one region that Route 53 is named by."""
    return [GLOBAL]


UNIT = Unit(name="zone", kinds=(ZONE,), build=build, services=("route53",), regions=regions)
