"""A region's network and its load balancer: what stands, and what goes through."""

from __future__ import annotations

from collections.abc import Iterator

from ..model import Quantity
from ..placement import Placed
from .context import MONTH, Context, Meter, take, wanted

BOTH = 2
"""Who sends and who receives: traffic between zones is charged on either side (EC2 pricing, Data transfer within a region)."""


def vpc(context: Context, placed: Placed) -> Iterator[Quantity]:
    """What goes between zones."""
    if context.zones(placed.resource.region) > 1:
        gb = context.usage.cross_zone_gb * context.users(placed.resource.region) * BOTH
        yield take(placed, "AWSDataTransfer", "DataTransfer-Regional-Bytes", gb, what="between zones")


def address(context: Context, placed: Placed) -> Iterator[Quantity]:
    """A public IPv4 address."""
    yield take(placed, "AmazonVPC", "PublicIPv4:InUseAddress", MONTH, "standing")


def nat_gateway(context: Context, placed: Placed) -> Iterator[Quantity]:
    """A NAT gateway; what goes through all of a region's."""
    yield take(placed, "AmazonEC2", "NatGateway-Hours", MONTH, "standing")
    if context.first(placed):
        yield take(
            placed, "AmazonEC2", "NatGateway-Bytes", context.usage.nat_gb * context.users(placed.resource.region), what="through NAT"
        )


def endpoint(context: Context, placed: Placed) -> Iterator[Quantity]:
    """An interface endpoint, with an address a zone; gateways cost nothing."""
    about, region = wanted(placed.resource), placed.resource.region
    if about["type"] == "Interface":
        yield take(placed, "AmazonVPC", "VpcEndpoint-Hours", MONTH * len(about["subnets"]), "standing")
        if placed.resource.name == min(one.resource.name for one in context.of_kind(region, "endpoint") if _interface(one)):
            gb = context.usage.endpoint_gb * context.users(region)
            yield take(placed, "AmazonVPC", "VpcEndpoint-Bytes", gb, what="through interface endpoints")


def flow_log(context: Context, placed: Placed) -> Iterator[Quantity]:
    """What flow logs deliver to a bucket."""
    gb = context.usage.flow_log_gb * context.users(placed.resource.region)
    yield take(placed, "AmazonCloudWatch", "S3-Egress-Bytes", gb, what="flow logs")


def load_balancer(context: Context, placed: Placed) -> Iterator[Quantity]:
    """A load balancer: its hours, capacity units, a public address a zone, and what the region sends to the internet."""
    region = placed.resource.region
    users = context.users(region)
    yield take(placed, "AWSELB", "LoadBalancerUsage", MONTH, "standing")
    yield take(placed, "AWSELB", "LCUUsage", context.usage.balancer_lcus * MONTH * users)
    yield take(placed, "AmazonVPC", "PublicIPv4:InUseAddress", MONTH * context.zones(region), "standing")
    yield take(placed, "AWSDataTransfer", "DataTransfer-Out-Bytes", context.usage.internet_gb * users, what="to the internet")


def _interface(placed: Placed) -> bool:
    return bool(wanted(placed.resource)["type"] == "Interface")


METERS: dict[str, Meter] = {
    "vpc": vpc,
    "address": address,
    "nat_gateway": nat_gateway,
    "endpoint": endpoint,
    "flow_log": flow_log,
    "load_balancer": load_balancer,
}
