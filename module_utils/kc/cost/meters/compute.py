"""Tasks on Fargate, and instances."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any, cast

from ..model import HOURS, NOTHING, Bounds, Quantity, Term
from ..placement import Placed
from ..schedule import average
from .context import MONTH, Context, Meter, refs, take, transfer, wanted

DETAILED = 7
"""Metrics of an instance with detailed monitoring (EC2 user guide, Manage detailed monitoring)."""

OWN = 1
"""Metrics that CloudWatch's agent sends of an instance: how full its volumes are."""


def service(context: Context, placed: Placed) -> Iterator[Quantity]:
    """What runs of an application: vCPU and GB hours, on demand and on Spot, and its logs."""
    region, name = placed.resource.region, placed.resource.name
    about, runs = wanted(placed.resource), context.made("task_definition", region, name) or {}
    running = tasks(context, placed)
    on_demand, spot = split(context, about["capacity"], running)
    architecture = "ARM-" if runs["architecture"] == "ARM64" else ""
    sizes = {"vCPU-Hours:perCPU": Decimal(runs["cpu"]) / 1024, "GB-Hours": Decimal(runs["memory"]) / 1024}
    for usage, size in sizes.items():
        for count, term in ((on_demand, cast(Term, context.purchases["task"])), (spot, "spot")):
            yield take(placed, "AmazonECS", f"Fargate-{architecture}{usage}", count * (size * HOURS), "standing", term=term)
    yield from context.logs(placed, context.usage.task_log_gb * running, runs["log"])
    yield from _insights(context, placed, about, running)


def tasks(context: Context, placed: Placed) -> Bounds:
    """Return how many tasks of a service run on average."""
    region, name = placed.resource.region, placed.resource.name
    limits = context.made("scalable_target", region, name) or {}
    schedules = [
        (about["at"], about["min"])
        for about in (wanted(one.resource) for one in context.of_kind(region, "scheduled_action"))
        if about["service"].name == name and about["min"] is not None
    ]
    least, most = average(limits["min"], schedules), Decimal(limits["max"])
    room = most - least
    if not context.share(region):
        return Bounds.of(least)
    application = (context.made("task_definition", region, name) or {})["container"]
    usual = Bounds.of(least) + context.usage.load_of(application) * (room * context.share(region))
    if context.placement.scenario != "peak":
        return usual
    busy = context.usage.peak_hours.map(lambda hours: hours / HOURS)
    return usual + (Bounds.of(most) - usual) * busy


def split(context: Context, capacity: list[Mapping[str, Any]], running: Bounds) -> tuple[Bounds, Bounds]:
    """Return how many of the tasks run on demand, and how many on Spot: by weight, as far as there is capacity."""
    base = Decimal(sum(one["base"] for one in capacity))
    weights = {one["capacityProvider"]: Decimal(one["weight"]) for one in capacity}
    total = sum(weights.values())
    part = weights.get("FARGATE_SPOT", Decimal(0)) / total if total else Decimal(0)
    beyond = running.map(lambda count: max(count - base, Decimal(0)))
    spot = beyond * part * context.usage.spot
    return running - spot, spot


def _insights(context: Context, placed: Placed, about: Mapping[str, Any], running: Bounds) -> Iterator[Quantity]:
    cluster = next((context.made(ref.kind, placed.resource.region, ref.name) for ref in refs(about["cluster"])), None) or {}
    yield from measured(context, placed, cluster.get("insights", ""), "service", running)


def cluster(context: Context, placed: Placed) -> Iterator[Quantity]:
    """What Container Insights measures of the cluster itself."""
    yield from measured(context, placed, wanted(placed.resource)["insights"], "cluster", NOTHING)


def measured(context: Context, placed: Placed, insights: str, what: str, running: Bounds) -> Iterator[Quantity]:
    """Yield the metrics of Container Insights; enhanced, of each task too (CloudWatch pricing, Container Insights)."""
    numbers = context.usage.insights
    if insights == "enhanced":
        count = numbers[what] + numbers["task"] * running
        yield take(placed, "AmazonCloudWatch", "CW:MetricMonitorUsage-ContainerInsights", count, "standing")
    elif insights == "enabled":
        yield take(placed, "AmazonCloudWatch", "CW:MetricMonitorUsage", numbers["basic"], "standing")


def instance(context: Context, placed: Placed) -> Iterator[Quantity]:
    """What a node costs without its volumes, and what ClickHouse's replica in another region fetches."""
    about, region, home = wanted(placed.resource), placed.resource.region, context.placement.home
    term: Term = "reserved" if about["tags"]["Purchase"] == "reserved" else "on_demand"
    yield take(placed, "AmazonEC2", f"BoxUsage:{about['type']}", MONTH, "standing", term=term)
    metrics = OWN + (DETAILED if about["monitoring"] else 0)
    yield take(placed, "AmazonCloudWatch", "CW:MetricMonitorUsage", Bounds.of(metrics), "standing")
    if about["tags"]["Service"] == "clickhouse" and not placed.scope.client and region != home and context.paired:
        yield transfer(placed, home, region, context.usage.insert_gb * context.growth, "ClickHouse's replication")


def launch_template(context: Context, placed: Placed) -> Iterator[Quantity]:
    """The root volumes of the instance that is made from it."""
    size = sum(disk["size"] for disk in wanted(placed.resource)["disks"])
    yield take(placed, "AmazonEC2", "EBS:VolumeUsage.gp3", Bounds.of(size), "stored")


METERS: dict[str, Meter] = {"service": service, "cluster": cluster, "instance": instance, "launch_template": launch_template}
