"""What the world sees: CloudFront, web ACLs, Route 53."""

from __future__ import annotations

from collections.abc import Iterator

from ..model import GLOBAL, Bounds, Quantity
from ..placement import Placed
from .context import ONE, Context, Meter, take, wanted

VIEWERS = "ME"
"""CloudFront's zone of prices that viewers are in: the Middle East, which is its dearest but for South America and Australia."""

FAST = 10
"""Seconds between two looks of a health checker that costs more (Route 53 pricing, Health checks: optional features)."""


def distribution(context: Context, placed: Placed) -> Iterator[Quantity]:
    """What all distributions send and take."""
    if not context.first(placed):
        return
    usage, users = context.usage, context.growth
    yield take(placed, "AmazonCloudFront", f"{VIEWERS}-DataTransfer-Out-Bytes", usage.viewer_gb * users, what="to viewers")
    yield take(placed, "AmazonCloudFront", f"{VIEWERS}-DataTransfer-Out-OBytes", usage.upload_gb * users, what="uploads")
    yield take(placed, "AmazonCloudFront", f"{VIEWERS}-Requests-Tier2-HTTPS", usage.viewer_requests * users, what="viewers' requests")
    shielded = {
        origin["OriginShield"]["OriginShieldRegion"]
        for one in context.of_kind(placed.resource.region, "distribution")
        for origin in wanted(one.resource)["origins"].values()
        if origin["OriginShield"]["Enabled"]
    }
    part = sum(context.share(region) for region in shielded)
    if part:
        yield take(placed, "AmazonCloudFront", "Requests-OriginShield", usage.origin_requests * users * part, what="through origin shields")


def web_acl(context: Context, placed: Placed) -> Iterator[Quantity]:
    """A web ACL with its rules, what it judges, and what it logs of it."""
    region, about = placed.resource.region, wanted(placed.resource)
    at_edge = region == GLOBAL
    users = context.growth if at_edge else context.users(region)
    requests = (context.usage.viewer_requests if at_edge else context.usage.origin_requests) * users
    yield take(placed, "awswaf", "WebACLV2", ONE, "standing")
    if about["Rules"]:
        yield take(placed, "awswaf", "RuleV2", Bounds.of(len(about["Rules"])), "standing")
    yield take(placed, "awswaf", "RequestV2-Tier1", requests)
    yield from context.logs(placed, context.usage.waf_log_gb * users, about["logging"], vended=True)


def hosted_zone(context: Context, placed: Placed) -> Iterator[Quantity]:
    """A zone, and what it is asked."""
    yield take(placed, "AmazonRoute53", "HostedZone", ONE, "standing")
    if placed.resource.kind.name == "hosted_zone":
        yield take(placed, "AmazonRoute53", "DNS-Queries", context.usage.dns_queries * context.growth)


def health_check(context: Context, placed: Placed) -> Iterator[Quantity]:
    """A health check of an endpoint of ours, with HTTPS and fast looks as options, or of an alarm or other checks."""
    about = wanted(placed.resource)
    yield take(placed, "AmazonRoute53", "Health-Check-AWS", ONE, "standing")
    options = (about["type"].startswith("HTTPS")) + (about.get("interval") == FAST)
    if options:
        yield take(placed, "AmazonRoute53", "Health-Check-Option-AWS", Bounds.of(options), "standing")


METERS: dict[str, Meter] = {
    "distribution": distribution,
    "web_acl": web_acl,
    "hosted_zone": hosted_zone,
    "private_zone": hosted_zone,
    "health_check": health_check,
    "calculated_health_check": health_check,
}
