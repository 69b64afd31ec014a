"""What AWS Backup keeps: of each resource that a selection takes, in its region and where copies go."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

from ..model import NOTHING, Bounds, Quantity
from ..placement import Placed
from .context import DAYS, ONE, Context, refs, take, transfer, wanted

SOURCES = {"db_instance": ("rds", "RDS", "storage"), "volume": ("ec2", "EBS", "size")}
"""Kinds that are backed up: the service in the ARN that a selection names, the usage type's end, the attribute with their GiB."""

YEAR = 365


def backup_selection(context: Context, placed: Placed) -> Iterator[Quantity]:
    """What is kept of everything that a selection takes, each for whom it is dedicated to."""
    about, region = wanted(placed.resource), placed.resource.region
    plan = next((context.made(ref.kind, region, ref.name) for ref in refs(about["plan"])), None) or {"rules": []}
    for kind, (service, usage_type, attribute) in SOURCES.items():
        if not any(arn.split(":")[2] == service for arn in about["resources"]):
            continue
        for source in context.of_kind(region, kind):
            tags = wanted(source.resource)["tags"]
            if tags.get("Component") == about["tags"]["Component"] and tags.get("Name") not in about["except_names"]:
                size = Bounds.of(wanted(source.resource)[attribute]) * context.usage.fill
                whose = Placed(source.resource, replace(placed.scope, client=source.scope.client))
                yield from _kept(context, whose, size, usage_type, plan["rules"])


def _kept(context: Context, source: Placed, size: Bounds, usage_type: str, rules: list[Mapping[str, Any]]) -> Iterator[Quantity]:
    usage = f"WarmStorage-ByteHrs-{usage_type}"
    what = f"backups of {source.resource.name}"
    yield take(source, "AWSBackup", usage, size * (ONE + _changes(context, rules, "lifecycle")), "stored", what=what)
    copies: dict[str, list[Mapping[str, Any]]] = {}
    for rule in rules:
        for copy in rule["copies"]:
            copies.setdefault(copy["vault"].split(":")[3], []).append({**rule, "copied": copy["lifecycle"]})
    for region, copied in copies.items():
        kept = size * (ONE + _changes(context, copied, "copied"))
        yield take(source, "AWSBackup", usage, kept, "stored", region=region, what=f"copies of {what}")
        # what has changed is sent once, whichever rule's copy it is for
        yield transfer(source, source.resource.region, region, size * context.usage.change * DAYS, f"copies of {what}")


def _changes(context: Context, rules: list[Mapping[str, Any]], lifecycle: str) -> Bounds:
    """Return what all points of the rules keep of changes, beside the whole, as a multiple of it: each what has changed since the last."""
    found = NOTHING
    for rule in rules:
        days = period(rule["schedule"])
        points = Decimal(rule[lifecycle]["delete_days"]) / days
        found += (context.usage.change * days).map(lambda changed: min(changed, Decimal(1))) * points
    return found


def period(schedule: str) -> int:
    """Return how many days apart a schedule's times are, the least that it can be."""
    fields = re.sub(r"cron\((.*)\)", r"\1", schedule).split()
    _, _, day, month, weekday, *_ = fields
    if month not in ("*", "?"):
        return YEAR // len(month.split(","))
    if day not in ("*", "?"):
        return DAYS // len(day.split(","))
    if weekday in ("*", "?"):
        return 1
    return 7 // len(weekday.split(",")) if "-" not in weekday else 1
