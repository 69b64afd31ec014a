"""What a resource takes of which SKUs in a month; a function a kind."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ...errors import KcError
from ..model import Quantity
from ..placement import Placement
from ..usage import Usage
from . import compute, data, edge, network, operations
from .context import Context, Meter

METERS: Mapping[str, Meter] = {**compute.METERS, **data.METERS, **network.METERS, **edge.METERS, **operations.METERS}

FREE: Mapping[str, str] = {
    **dict.fromkeys(("role", "instance_profile"), "IAM"),
    **dict.fromkeys(("subnet", "internet_gateway", "route_table", "network_acl", "security_group", "security_group_rules"), "VPC's rules"),
    **dict.fromkeys(("interface", "volume_attachment"), "their instance and volume count"),
    **dict.fromkeys(("peering", "peering_routes"), "what goes over a peering counts where it comes from"),
    **dict.fromkeys(("target_group", "listener", "listener_rule"), "in the load balancer's capacity units"),
    **dict.fromkeys(("task_definition", "scalable_target", "scaling_policy", "scheduled_action"), "their service counts"),
    **dict.fromkeys(("log_group", "waf_log_group"), "what is written counts where it comes from"),
    **dict.fromkeys(("parameter", "state", "trust", "signer"), "Parameter Store's standard tier"),
    **dict.fromkeys(("certificate",), "ACM's public certificates"),
    **dict.fromkeys(("cache_policy", "response_headers_policy", "origin_access_control", "signing_keys"), "settings of CloudFront"),
    **dict.fromkeys(("log_source", "log_destination", "log_delivery"), "CloudFront's logs cost the bucket that they are kept in"),
    **dict.fromkeys(("db_parameter_group", "db_subnet_group"), "their instance counts"),
    **dict.fromkeys(("backup_vault", "backup_plan"), "what a selection keeps counts"),
    **dict.fromkeys(("record",), "in the zone's queries"),
    **dict.fromkeys(("event_rule",), "AWS's own events"),
    **dict.fromkeys(("subscription",), "what is sent counts with the topic"),
    **dict.fromkeys(("budget",), "budgets without actions"),
}
"""Kinds that cost nothing by themselves, and why."""


def quantities(placement: Placement, usage: Usage, purchases: Mapping[str, str]) -> Iterator[Quantity]:
    """Yield what everything that stands in a scenario takes.

    Raises:
        KcError: A kind of resource is neither metered nor known to be free.
    """
    context = Context(placement, usage, purchases)
    for placed in placement.placed:
        kind = placed.resource.kind.name
        if kind in METERS:
            yield from METERS[kind](context, placed)
        elif kind not in FREE:
            raise KcError(f"nobody has said what a {kind} costs", hint="add it to kc/cost/meters: to METERS, or to FREE with a reason")
