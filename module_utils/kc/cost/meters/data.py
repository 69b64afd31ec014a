"""What keeps data: databases, volumes, buckets, images, and the copies of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from decimal import Decimal
from typing import cast

from ..model import NOTHING, Bounds, Quantity, Term
from ..placement import Placed
from .backups import backup_selection
from .context import DAYS, MONTH, ONE, Context, Meter, refs, take, transfer, wanted

GP3 = {"iops": 3000, "throughput": 125}
"""What a gp3 volume has anyway. EBS user guide, General Purpose SSD volumes."""

RDS_GP3 = {"iops": 12000, "throughput": 500}
"""What RDS's gp3 has anyway, from 400 GiB on; below that no more can be asked for. RDS user guide, gp3 storage."""

HEARTBEAT = 1
"""Metrics of our own of each instance: how old its last heartbeat is."""

PUTS = 2
"""Requests an object that moves to Intelligent-Tiering: to write it, and to move it; anything else takes one."""

METRICS = 3
"""Metrics of a replication rule: bytes and operations pending, latency (S3 user guide, Using S3 Replication metrics)."""


def database(context: Context, placed: Placed) -> Iterator[Quantity]:
    """An instance of MySQL, or a replica: its hours, storage, logs, and what it takes over from its source."""
    about, region = wanted(placed.resource), placed.resource.region
    usage = context.usage
    size = about["class"].replace("xlarge", "xl")
    multi = about["multi_az"]
    term = cast(Term, context.purchases["database"])
    yield take(placed, "AmazonRDS", f"{'Multi-AZUsage' if multi else 'InstanceUsage'}:{size}", MONTH, "standing", term=term)
    storage = Bounds.of(about["storage"])
    yield take(placed, "AmazonRDS", f"RDS:{'Multi-AZ-' if multi else ''}GP3-Storage", storage, "stored")
    for what, usage_type in (("iops", "PIOPS"), ("throughput", "Throughput")):
        beyond = (about.get(what) or 0) - RDS_GP3[what]
        if beyond > 0:
            yield take(placed, "AmazonRDS", f"RDS:{'Multi-AZ-' if multi else ''}GP3-{usage_type}", Bounds.of(beyond), "standing")
    yield take(placed, "AmazonCloudWatch", "CW:MetricMonitorUsage", Bounds.of(HEARTBEAT), "standing")
    yield from context.logs(placed, usage.database_log_gb, about["logs"])
    # RDS's own backups are free up to the size of the storage (RDS pricing, Backup storage)
    kept = storage * usage.fill * (ONE + usage.change * about["backup_days"])
    excess = (kept - storage).map(lambda gb: max(gb, Decimal(0)))
    if excess != NOTHING:
        yield take(placed, "AmazonRDS", "RDS:ChargedBackupUsage", excess, "stored")
    if "source" in about:
        changed = storage * usage.fill * usage.change * DAYS * context.growth
        yield transfer(placed, about["source"].region, region, changed, "MySQL's replication")


def volume(context: Context, placed: Placed) -> Iterator[Quantity]:
    """A data volume: its size, and what it does beyond what gp3 does anyway."""
    about = wanted(placed.resource)
    yield take(placed, "AmazonEC2", "EBS:VolumeUsage.gp3", Bounds.of(about["size"]), "stored")
    for what, usage_type in (("iops", "IOPS"), ("throughput", "Throughput")):
        if about[what] > GP3[what]:
            yield take(placed, "AmazonEC2", f"EBS:VolumeP-{usage_type}.gp3", Bounds.of(about[what] - GP3[what]), "stored")


def bucket(context: Context, placed: Placed) -> Iterator[Quantity]:
    """What a bucket keeps, by class, and its requests."""
    short = _short(context, placed)
    about, region = context.usage.bucket(short), placed.resource.region
    moves = next((rule["Transitions"][0]["Days"] for rule in wanted(placed.resource)["lifecycle"] if rule.get("Transitions")), None)
    # a copy holds all that its source does; what is not replicated (logs) is the region's own
    replicated = context.made("replication", region, placed.resource.name) is not None
    part = ONE if replicated or region in (context.placement.home, *context.placement.serving) else context.usage.warm
    about = replace(about, gb=about.gb * part, new_gb=about.new_gb * part)
    written = about.new_gb * context.growth
    objects = _over(about.gb, about.object_mb) * 1024
    new = _over(written, about.object_mb) * 1024

    def kept(usage_type: str, gb: Bounds) -> Quantity:
        return take(placed, "AmazonS3", usage_type, gb, "stored", what=f"{short} in {region}")

    if moves is None:
        yield kept("TimedStorage-ByteHrs", about.gb)
    else:
        young = about.new_gb * min(Decimal(moves) / DAYS, Decimal(1))
        old = (about.gb - young).map(lambda gb: max(gb, Decimal(0)))
        yield kept("TimedStorage-ByteHrs", young)
        for tier, share in sorted(context.usage.tiers.items()):
            yield kept(f"TimedStorage-INT-{tier}-ByteHrs", old * share)
        yield kept("Monitoring-Automation-INT", objects)
    yield take(placed, "AmazonS3", "Requests-Tier1", new * (1 if moves is None else PUTS), what=f"{short} in {region}")
    yield take(placed, "AmazonS3", "Requests-Tier2", about.reads * context.users(region), what=f"{short} in {region}")


def replication(context: Context, placed: Placed) -> Iterator[Quantity]:
    """What a bucket copies to another region of what users of its own wrote."""
    short, region = _short(context, placed), placed.resource.region
    for rule in wanted(placed.resource)["rules"]:
        to = next(ref.region for ref in refs(rule["Destination"]))
        timed = rule["Destination"].get("ReplicationTime", {}).get("Status") == "Enabled"
        if timed:
            yield take(placed, "AmazonCloudWatch", "CW:MetricMonitorUsage", Bounds.of(METRICS), "standing", what=f"replication of {short}")
        copied = context.usage.bucket(short).new_gb * context.share(region) * context.growth
        if context.paired and copied != NOTHING:
            yield transfer(placed, region, to, copied, f"replication of {short}")
            if timed:
                yield take(placed, "AmazonS3", "RTC-Bytes", copied, what=f"replication of {short}")


def repository(context: Context, placed: Placed) -> Iterator[Quantity]:
    """The images of all repositories of a region."""
    if context.first(placed):
        yield take(placed, "AmazonECR", "TimedStorage-ByteHrs", context.usage.image_gb, "stored", what="images")


def registry_replication(context: Context, placed: Placed) -> Iterator[Quantity]:
    """Each new image, sent to the other registry."""
    for destination in wanted(placed.resource)["destinations"]:
        if context.paired:
            new = context.usage.image_gb * Decimal("0.1")
            yield transfer(placed, placed.resource.region, destination["region"], new, "replication of images")


def _short(context: Context, placed: Placed) -> str:
    """Return what the inventory calls a bucket, as far as `kc_cost_usage` names it."""
    scope = placed.scope.at(placed.resource.region)
    return next((short for short in context.usage.buckets if scope.bucket(short) == placed.resource.name), placed.resource.name)


def _over(gb: Bounds, each: Bounds) -> Bounds:
    """Return how often one figure goes into another."""
    return gb.zip(each, lambda one, size: one / size if size else Decimal(0))


METERS: Mapping[str, Meter] = {
    "db_instance": database,
    "db_replica": database,
    "volume": volume,
    "bucket": bucket,
    "replication": replication,
    "repository": repository,
    "registry_replication": registry_replication,
    "backup_selection": backup_selection,
}
