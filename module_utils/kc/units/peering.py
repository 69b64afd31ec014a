"""The unit `peering`: a region's peerings with others, accepted, and routed on both sides."""

from __future__ import annotations

from collections.abc import Sequence

from ..aws.peering import Peering, PeeringRoutes
from ..model import Key, Ref, Resource
from ..scope import Scope
from ..unit import Params, Unit
from .network import vpc_name, vpc_of

PEERING, ROUTES = Peering(), PeeringRoutes()


def name_of(scope: Scope, region: str) -> str:
    """Return the name of the peering that the scope's region asks `region` for."""
    return scope.name("tag", scope.region, region)


def build(scope: Scope, params: Params) -> Sequence[Resource]:
    """Return a peering with each of `peers`, and the routes over it in both regions."""
    resources: list[Resource] = []
    vpc = vpc_name(scope)
    if params["peers"]:
        resources.append(vpc_of(scope))
    for region in params["peers"]:
        name = name_of(scope, region)
        tags = scope.tags(name)
        resources += [
            vpc_of(scope, region),
            Resource(
                PEERING,
                name,
                {
                    "requester": Ref("vpc", vpc),
                    "accepter": Ref("vpc", vpc, region=region),
                    "accepter_region": region,
                    "status": "active",
                    "dns_requester": True,
                    "dns_accepter": True,
                    "tags": tags,
                    "accepter_tags": tags,
                },
                scope.region,
            ),
        ]
        # without the peering there is nothing to read on the other side: the routes come after it
        after = (Key("peering", scope.region, name),)
        for here, far in ((scope.region, region), (region, scope.region)):
            want = {"via": Ref("peering", name, region=scope.region), "to": Ref("vpc", vpc, "cidr", region=far), "missing_in": []}
            resources.append(Resource(ROUTES, name, want, here, after=after))
    return resources


UNIT = Unit(
    name="peering",
    kinds=(PEERING, ROUTES),
    build=build,
    regions=lambda scope, params: [scope.region, *params["peers"]],
    services=("ec2",),
)
